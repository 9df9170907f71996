"""Statistics of the square around some pixels of a plane, without working out all the others."""

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]

AT_ONCE: Final = 4_000_000
"""Values that are gathered at once."""


def patch_means(plane: FloatArray, rows: Places, columns: Places, window: int) -> FloatArray:
    """Return the mean of the seen pixels in the square around each place, (n,).

    Args:
        plane: (rows, columns) float32, NaN missing.
        rows: Rows of the places, (n,); the plane is seen there.
        columns: Columns of the places, (n,).
        window: Side of the square, pixels, odd; beyond the edge nothing is seen.
    """
    return _over_patches(np.nanmean, plane, rows, columns, window)


def patch_deviations(plane: FloatArray, rows: Places, columns: Places, window: int) -> FloatArray:
    """Return the standard deviation of the seen pixels in the square around each place, (n,)."""
    return _over_patches(np.nanstd, plane, rows, columns, window)


def _over_patches(
    statistic: Callable[..., npt.NDArray[np.float64]],
    plane: FloatArray,
    rows: Places,
    columns: Places,
    window: int,
) -> FloatArray:
    padded = np.pad(plane, window // 2, constant_values=np.nan)
    patches = np.lib.stride_tricks.sliding_window_view(padded, (window, window))
    found = np.empty(rows.size, np.float32)
    step = max(1, AT_ONCE // window**2)
    for start in range(0, rows.size, step):
        part = slice(start, start + step)
        gathered = patches[rows[part], columns[part]].astype(np.float64)
        found[part] = statistic(gathered, axis=(1, 2))
    return found
