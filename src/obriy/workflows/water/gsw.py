"""A reference of long-term occurrence beside what the scene itself shows (Kavats et al. 2025)."""

from typing import Final

import xarray as xr

from obriy.blocks.engine import EngineOptions
from obriy.errors import BandError, UsageError
from obriy.model.classmap import ClassMap
from obriy.model.grid import geobox_of
from obriy.model.reference import Reference
from obriy.sources.reference import occurrence_reference
from obriy.workflows.config.base import GSW
from obriy.workflows.water.mapping import map_water

_OPINIONS: Final = ("majority(ndwi:zero, mndwi:zero, aweish:zero)", "ndwi:zero")
"""What the scene itself says of water beside the occurrence: published indices at zero."""


def gsw_reference(spec: str, scene: xr.Dataset, options: EngineOptions) -> Reference:
    """Make a reference of long-term occurrence intersected with the scene (Kavats et al. 2025).

    Args:
        spec: ``gsw:FILE`` or ``gsw:FILE?p=75``, p the least occurrence in per cent.
        scene: The Scene to be mapped; published indices say where it shows water.
        options: Threads, memory.
    """
    path, _, query = spec.removeprefix(GSW).partition("?p=")
    try:
        share = {"p": float(query)} if query else {}
    except ValueError as error:
        raise UsageError(
            f"--reference: '{query}' is not per cent.", "Write gsw:FILE?p=75."
        ) from error
    return occurrence_reference(path, _opinion(scene, options), geobox_of(scene), **share)


def _opinion(scene: xr.Dataset, options: EngineOptions) -> ClassMap:
    try:
        return map_water(scene, _OPINIONS[0], options=options)
    except BandError:
        return map_water(scene, _OPINIONS[1], options=options)
