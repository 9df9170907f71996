"""The year of each cluster: medians of its months over its pixels, counted; and in words."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import xarray as xr

from obriy.blocks.damage import read_around
from obriy.blocks.windows import windows
from obriy.labelling.circumstances import MONTH_NAMES
from obriy.model.clusters import ClusterFacts, Spread
from obriy.model.season import CURVE_MISSING, CURVE_STEP, CURVES, GREEN, WET_SHARE

Counts = Mapping[str, npt.NDArray[np.int64]]
"""Of each curve that a Scene has: (256, 256) pixels by number and by code of the value."""
_CODES: Final = 256
_LEAST_SHARE: Final = 0.1
"""Share of the pixels of a cluster that a month must have shown to be a point of its curve."""


def count_curves(scene: xr.Dataset, labels: xr.DataArray) -> Counts:
    """Count the medians of the months over the pixels of each number.

    Args:
        scene: A Scene; one that is no season has no curves, and nothing is read.
        labels: (y, x) uint8 numbers on its grid.
    """
    names = [name for name in CURVES if name in scene]
    counts = {name: np.zeros(_CODES * _CODES, np.int64) for name in names}
    for rows, columns in windows(labels.shape) if names else ():
        numbers = np.asarray(labels.variable[rows, columns].values).astype(np.int64) * _CODES
        for name in names:
            codes, _ = read_around(scene[name].variable, rows, columns)
            counts[name] += np.bincount((numbers + codes).ravel(), minlength=_CODES**2)
    return {name: counted.reshape(_CODES, _CODES) for name, counted in counts.items()}


def curves_of(
    counts: Counts, numbers: npt.NDArray[np.uint8] | None = None
) -> dict[int, dict[str, dict[int, Spread]]]:
    """Return the curves of each number: by index, then month, the spread over its pixels.

    Args:
        counts: Of `count_curves`.
        numbers: (256,) the number that each counted one is a part of; None: its own.
    """
    own = np.arange(_CODES) if numbers is None else numbers
    found: dict[int, dict[str, dict[int, Spread]]] = {}
    for name, counted in counts.items():
        index, _, month = name.partition("_")
        merged = np.zeros_like(counted)
        np.add.at(merged, own, counted)
        for number in np.flatnonzero(merged.sum(axis=1)):
            spread = _spread(merged[number])
            if spread is not None:
                found.setdefault(int(number), {}).setdefault(index, {})[int(month)] = spread
    return found


def _spread(counted: npt.NDArray[np.int64]) -> Spread | None:
    """Return the percentiles of counted codes; None where a month showed too little."""
    known = np.cumsum(counted[:CURVE_MISSING])
    if not known[-1] or known[-1] < _LEAST_SHARE * counted.sum():
        return None
    codes = np.searchsorted(known, np.array([0.1, 0.5, 0.9]) * known[-1])
    low, median, high = (round(float(code) * CURVE_STEP - 1, 2) for code in codes)
    return Spread(low, median, high)


def with_curves(
    facts: Sequence[ClusterFacts], counts: Counts, numbers: npt.NDArray[np.uint8] | None = None
) -> list[ClusterFacts]:
    """Return facts with the curves of each cluster; as they are where there are none."""
    found = curves_of(counts, numbers)
    return [dataclasses.replace(one, curves=found.get(one.id, {})) for one in facts]


def describe_year(facts: ClusterFacts) -> str:
    """Return the year of a cluster in English; empty where no season is known of it."""
    parts = [_curve(index, months) for index, months in facts.curves.items() if months]
    ndvi = facts.curves.get("NDVI", {})
    if ndvi:
        green = [MONTH_NAMES[month - 1] for month, spread in ndvi.items() if spread.median > GREEN]
        named = f" ({', '.join(green)})" if 0 < len(green) < len(ndvi) else ""
        months = f"{len(green)} of {len(ndvi)} months{named}"
        parts.append(f"Live plants (NDVI above {GREEN}) in {months}.")
    if WET_SHARE in facts.season:
        parts.append(f"Wet on {100 * facts.season[WET_SHARE].median:.0f}% of the dates.")
    return " ".join(parts)


def _curve(index: str, months: Mapping[int, Spread]) -> str:
    told = (f"{MONTH_NAMES[month - 1]} {spread.median:.2f}" for month, spread in months.items())
    return f"{index} through the year, median of each month: {', '.join(told)}."
