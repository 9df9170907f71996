"""The sea of a block: what methods for ice may learn from and speak of."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obriy.blocks.base import Block, FloatArray
from obriy.indices.catalogue import Index, get_index
from obriy.indices.formula import parse
from obriy.model.bands import SPECTRAL, require_bands, resolve_nir
from obriy.model.flags import Flag
from obriy.model.notices import notice
from obriy.registry import did_you_mean
from obriy.tables import load_toml

BAND_SPAN: Final = (-0.1, 1.5)
"""Reflectance that histograms of a band cover: a little below 0 to snow in a low sun."""


def ice_table() -> dict[str, Any]:
    """Return ``tables/ice_methods.toml``."""
    return load_toml("ice_methods")


def sea_of(block: Block) -> Block:
    """Return the block with its bands hidden (NaN) on land; as it is without a land mask."""
    return _without(block, Flag.LAND)


def clear_sea_of(block: Block) -> Block:
    """Return the block with land, and what a cloud mask calls cloud, hidden: to learn from."""
    return _without(block, Flag.LAND | Flag.CLOUD | Flag.CIRRUS)


def _without(block: Block, bits: Flag) -> Block:
    if block.flags is None:
        return block
    hidden = (block.flags & np.uint16(bits)) > 0
    if not hidden.any():
        return block
    bands = {k: np.where(hidden, np.float32(np.nan), v) for k, v in block.bands.items()}
    return dataclasses.replace(block, bands=bands)


def missing_in(bands: Mapping[str, FloatArray]) -> npt.NDArray[np.bool_]:
    """Return (rows, columns) bool: where one of the bands has no value."""
    missing: npt.NDArray[np.bool_] = np.any([np.isnan(p) for p in bands.values()], axis=0)
    return missing


def quantity_of(name: str) -> Index:
    """Return a band, or an index of the catalogue, as a quantity that can be cut.

    Args:
        name: Common name of a band, or short name of an index, in any case.

    Raises:
        UnknownNameError: for neither.
    """
    if name.lower() in SPECTRAL:
        low, high = BAND_SPAN
        title = notice("reflectance_in", band=name.lower())
        return Index(name.lower(), title, parse(name.lower()), low, high, None, None, "", {})
    known = [*SPECTRAL, *load_toml("indices")]
    if name.lower() not in {k.lower() for k in known}:
        raise did_you_mean("band or index", name, known)
    return get_index(name)


def bands_of(quantities: list[Index], available: set[str], what: str) -> set[str]:
    """Return the bands that quantities are made of, of those there are.

    Args:
        quantities: Bands and indices.
        available: Common names of the image.
        what: Who needs them, for the message.

    Raises:
        BandError: naming what is missing.
    """
    wanted: set[str] = set().union(*(q.formula.bands for q in quantities))
    require_bands(available, wanted, f"'{what}'", "Take --method auto, which needs fewer.")
    nir = resolve_nir(available) or "nir"
    return {nir if name == "nir" else name for name in wanted}
