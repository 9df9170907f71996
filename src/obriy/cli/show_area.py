"""How areas read in the terminal: the best estimate of the whole first, then what it rests on."""

import math
from collections.abc import Mapping
from typing import Any

from obriy.model.areas import PARTIAL_ABOVE


def km2(value: float, digits: int = 4) -> str:
    """Return an area, km², with so many decimals; what is less than they show has two figures."""
    if value and abs(value) < 10.0**-digits:
        digits = 1 - math.floor(math.log10(abs(value)))
    return f"{value:.{digits}f}"


def is_unknown(row: Mapping[str, Any]) -> bool:
    """Say whether nothing tells what clouds hid; results of before say nothing of it."""
    return row.get("unseen") == "unknown"


def unseen(row: Mapping[str, Any]) -> str:
    """Return the share that was not seen; that it is unknown where clouds are."""
    if is_unknown(row):
        return "unknown"
    told = " (clouds: by the other dates alone)" if row.get("unseen") == "compared" else ""
    return f"{row['unseen_share']:.1%}{told}"


def whole(row: Mapping[str, Any], seen_km2: float, digits: int = 4) -> str:
    """Return the area of the whole with its interval; what was seen where it is not estimated.

    Args:
        row: With ``expected_km2`` and ``interval_km2``.
        seen_km2: What was seen.
        digits: Decimals.
    """
    expected, interval = row["expected_km2"], row["interval_km2"]
    if is_unknown(row):
        return f"{km2(seen_km2, digits)} km² seen; unseen: unknown, nothing tells where clouds are"
    if expected is None or interval is None:
        return f"{km2(seen_km2, digits)} km² seen; too little was seen to estimate the whole"
    low, high = (km2(value, digits) for value in interval)
    return f"{km2(expected, digits)} km² (90 % interval {low} to {high} km²)"


def whatever(row: Mapping[str, Any], what: str, digits: int = 4) -> list[str]:
    """Return the bounds that suppose nothing of what was not seen, where that is worth a word.

    Args:
        row: With ``bounds_km2`` and ``unseen_share``.
        what: What the unseen may be: ``"water"``.
        digits: Decimals.
    """
    bounds = row.get("bounds_km2")  # results of before have none
    if bounds is None or (row["unseen_share"] <= PARTIAL_ABOVE and not is_unknown(row)):
        return []
    low, high = (km2(value, digits) for value in bounds)
    return [f"Whatever the unseen holds, from none of it {what} to all: {low} to {high} km²"]
