"""`obriy evaluate`: a map against a reference, from files or from Python."""

from pathlib import Path
from typing import Final

import xarray as xr

from obriy.blocks.engine import EngineOptions
from obriy.errors import BandError, UsageError
from obriy.model.classmap import ClassMap
from obriy.model.grid import geobox_of
from obriy.model.reference import Reference
from obriy.model.scores import Scores
from obriy.sources.class_map import open_class_map
from obriy.sources.reference import occurrence_reference, open_reference
from obriy.validation import evaluate as validation
from obriy.workflows.mapping import map_water

GSW: Final = "gsw:"
_OPINIONS: Final = ("majority(ndwi:zero, mndwi:zero, aweish:zero)", "ndwi:zero")
"""What the scene itself says of water beside the occurrence: published indices at zero."""


def evaluate(
    class_map: ClassMap,
    reference: Reference | ClassMap | xr.DataArray | str | Path,
    *,
    seed: int = 0,
) -> Scores:
    """Compare a map with a reference.

    Args:
        class_map: The map.
        reference: A `Reference`, another map, an array (y, x) of codes of the map's legend
            (0: no reference) or of bool, or the path of a raster or of polygons.
        seed: Of the block bootstrap.

    Returns:
        Scores; pixels that the map could not see are counted and not scored, clear pixels that it
        would not name count as wrong.

    Raises:
        InputError: of the kind that fits, where the two cannot be compared.
    """
    if isinstance(reference, str | Path):
        reference = open_reference(reference, class_map.geobox)
    return validation.evaluate(class_map, reference, seed=seed)


def evaluate_files(map_file: Path | str, reference: str) -> Scores:
    """Compare files; see `evaluate`.

    Raises:
        UsageError: for ``gsw:``, which needs the scene.
    """
    if reference.startswith(GSW):
        raise UsageError(
            "A reference from GSW occurrence is intersected with the scene, which a map does not "
            "hold.",
            "Run: obriy water SCENE --reference gsw:FILE.",
        )
    return evaluate(open_class_map(map_file), reference)


def gsw_reference(spec: str, scene: xr.Dataset, options: EngineOptions) -> Reference:
    """Make document C's kind of reference: long-term occurrence intersected with the scene.

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
