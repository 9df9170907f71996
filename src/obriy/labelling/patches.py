"""Statistics of the square around some pixels of a plane, without working out all the others."""

from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

FloatArray = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]

_LEAST_VARIANCE: Final = 1e-12
"""Below this a difference of sums is rounding."""


def patch_means(plane: FloatArray, rows: Places, columns: Places, window: int) -> FloatArray:
    """Return the mean of the seen pixels in the square around each place, (n,).

    Args:
        plane: (rows, columns) float32, NaN missing.
        rows: Rows of the places, (n,).
        columns: Columns of the places, (n,).
        window: Side of the square, pixels, odd; beyond the edge nothing is seen.

    Returns:
        (n,) float32, NaN where nothing is seen.
    """
    return _patch_statistics(plane, rows, columns, window // 2)[0]


def patch_deviations(plane: FloatArray, rows: Places, columns: Places, window: int) -> FloatArray:
    """Return the standard deviation of the seen pixels in the square around each place, (n,).

    Args and missing values are those of `patch_means`.
    """
    return _patch_statistics(plane, rows, columns, window // 2)[1]


@njit(nogil=True, cache=True)
def _patch_statistics(
    plane: FloatArray, rows: Places, columns: Places, reach: int
) -> tuple[FloatArray, FloatArray]:
    height, width = plane.shape
    means = np.full(rows.size, np.nan, np.float32)
    deviations = np.full(rows.size, np.nan, np.float32)
    for place in range(rows.size):
        count, total, squares = 0, 0.0, 0.0
        for i in range(max(0, rows[place] - reach), min(height, rows[place] + reach + 1)):
            for j in range(max(0, columns[place] - reach), min(width, columns[place] + reach + 1)):
                value = np.float64(plane[i, j])
                if np.isfinite(value):
                    count += 1
                    total += value
                    squares += value * value
        if count:
            mean = total / count
            variance = squares / count - mean * mean
            means[place] = mean
            deviations[place] = np.sqrt(variance) if variance > _LEAST_VARIANCE else 0.0
    return means, deviations
