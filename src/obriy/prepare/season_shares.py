"""What the dates of a pixel say of its season: which of them count, and what share of them."""

from collections.abc import Mapping

import numpy as np

from obriy.model.season import GREEN, SPREAD
from obriy.prepare.over_dates import HIGH, I16, LOW, MEDIAN, MISSING, UNIT, Mask, quantiles

Planes = dict[str, I16]


def ends(name: str, found: I16) -> Planes:
    """Return low and high percentile, of `quantiles`, by the names of their layers."""
    return {f"{name}_{end}": found[place] for end, place in zip(SPREAD, (LOW, HIGH), strict=True)}


def green_share(curves: Planes) -> I16 | None:
    """Return the share of the months seen that are green; None where nothing tells it."""
    months = [plane for name, plane in curves.items() if name.startswith("NDVI")]
    if not months:
        return None
    stack = np.stack(months)
    return _share(stack > round(GREEN / UNIT), stack != MISSING)


def wet_share(indices: Mapping[str, I16]) -> I16 | None:
    """Return the share of the dates seen that show open water; None where nothing tells it.

    A water index above 0 and above NDVI (Zou et al. 2018, doi:10.1073/pnas.1719275115): a wood in
    the shade of winter has the first alone.
    """
    water = next((own for name, own in indices.items() if name != "NDVI"), None)
    if water is None:
        return None
    known = water != MISSING
    wet = known & (water > 0)
    return _share(wet & (water > indices["NDVI"]) if "NDVI" in indices else wet, known)


def _share(met: Mask, known: Mask) -> I16:
    """Return the share of (times, pixels) that meet something, of those that are known."""
    share = met.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    found: I16 = np.rint(share / UNIT).astype(np.int16)
    return found


def dates_in_leaf(ndvi: I16, used: Mask) -> Mask:
    """Return the dates that a median is made of: of what is ever green the greener half.

    Half of a year in the north is bare wood and stubble: the median of all dates would be the
    spectrum of winter, by which a wood is named a bog.
    """
    found = quantiles(ndvi, used)
    half = used & ((ndvi >= found[MEDIAN]) | (found[HIGH] <= round(GREEN / UNIT)))
    kept: Mask = np.where(half.any(axis=0), half, used)
    return kept


def dates_that_count(values: I16, snow: Mask) -> Mask:
    """Return the dates that count of each pixel: those without snow, where there are any."""
    seen = values != MISSING
    bare = seen & ~snow
    used: Mask = np.where(bare.any(axis=0), bare, seen)
    return used
