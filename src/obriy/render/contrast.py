"""From reflectance to the brightness of a picture, the same for every part of an image."""

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xarray as xr

from obriy.blocks.damage import read_around
from obriy.blocks.decimate import block_means, steps_for

_WHITE_SEEN: Final = (0.25, 0.9)
"""Reflectance shown white in true colour: at least, at most; so towns keep their texture."""
Array = npt.NDArray[np.float64]

NOTHING: Final = 0.5
"""Grey where there is no image."""
_LOOK: Final = 600
"""Side of the small image that the contrast is found in, pixels."""
GAMMA: Final = 1 / 1.5
_LEAST_RANGE: Final = 0.05
"""Reflectance from black to white, at least: the noise of a flat image stays noise."""


def contrast_limits(band: xr.DataArray) -> tuple[float, float]:
    """Return the reflectance of black and of white: the 2nd and 98th percentile of an image.

    Args:
        band: (y, x) float, NaN missing, lazy or in memory; read at a low resolution.
    """
    return limits_of_values(block_means(band.variable, steps_for(band.shape, _LOOK)))


def limits_of_values(values: npt.NDArray[Any]) -> tuple[float, float]:
    """Return the reflectance of black and of white of values at hand; NaN is missing."""
    known = values[np.isfinite(values)]
    if not known.size:
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(known, (2, 98)))
    if high - low < _LEAST_RANGE:
        low, high = (low + high - _LEAST_RANGE) / 2, (low + high + _LEAST_RANGE) / 2
    return low, high


def colour_limits(planes: Iterable[npt.NDArray[Any]]) -> tuple[float, float]:
    """Return the reflectance of black and of white of a true-colour picture, NaN missing.

    They are the same for its three bands, and black is no reflectance at all: so the ground keeps
    its colour, brown does not turn orange, nor a muddy river white. White is that of the brightest
    half per cent, within `_WHITE_SEEN`.
    """
    values = np.concatenate([plane[np.isfinite(plane)] for plane in planes])
    white = float(np.percentile(values, 99.5)) if values.size else 1.0
    return 0.0, float(np.clip(white, *_WHITE_SEEN))


def stretched(values: npt.NDArray[Any], low: float, high: float, gamma: float = GAMMA) -> Array:
    """Return brightness, 0 to 1, of reflectance; `NOTHING` where it is missing (NaN).

    Args:
        values: Reflectance.
        low: That of black.
        high: That of white.
        gamma: Exponent; a smaller one lifts what is dark.
    """
    known = np.isfinite(values)
    unit = np.clip((np.where(known, values, low) - low) / (high - low), 0, 1) ** gamma
    return np.where(known, unit, NOTHING)


def square_around(band: xr.DataArray, row: int, column: int, side: int) -> Array:
    """Read a square around a pixel; NaN beyond the image.

    Args:
        band: (y, x), lazy or in memory; only the square is read.
        row: Of the pixel in the middle (below and right of it for an even side).
        column: Likewise.
        side: Of the square, pixels.
    """
    values = np.full((side, side), np.nan)
    spans = []
    for middle, length in ((row, band.sizes["y"]), (column, band.sizes["x"])):
        first = middle - side // 2
        low, high = max(0, first), min(length, first + side)
        spans.append((slice(low, high), slice(low - first, high - first)))
    (rows, into_rows), (columns, into_columns) = spans
    values[into_rows, into_columns] = read_around(band.variable, rows, columns)[0]
    return values
