"""What polygons cover of pixels: exact shares, and codes burnt in.

Polygons are in pixel coordinates, as `obriy.vectors.place` brings them there.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import rasterio.features
import shapely
from affine import Affine
from numba import njit

_ROUNDING: Final = 1e-9
"""Shares of a pixel nearer to none or all than this are rounding."""


def pixel_coverage(
    placed: shapely.Geometry, rows: slice, columns: slice
) -> npt.NDArray[np.float32]:
    """Return the exact share of each pixel of a window that lies within a placed polygon.

    Args:
        placed: Polygon in pixel coordinates (of `place`).
        rows: Rows of the window.
        columns: Columns of the window.

    Returns:
        (rows, columns) float32, 0 to 1.
    """
    height, width = rows.stop - rows.start, columns.stop - columns.start
    rings = shapely.get_rings(shapely.get_parts(shapely.orient_polygons(placed)))
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    steps = np.zeros((height, width + 1))
    _add_edges(xy - (columns.start, rows.start), ring, steps)
    return _added_up(steps)


def rasterize(
    shapes: Sequence[tuple[shapely.Geometry, int]], rows: slice, columns: slice
) -> npt.NDArray[np.uint8]:
    """Burn placed polygons into a window; a pixel belongs to the polygon that holds its centre.

    Args:
        shapes: Polygons in pixel coordinates with their codes; where they overlap the later wins.
        rows: Rows of the window.
        columns: Columns of the window.

    Returns:
        (rows, columns) uint8; 0 where there is no polygon.
    """
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    window = shapely.box(columns.start, rows.start, columns.stop, rows.stop)
    near = [(s, code) for s, code in shapes if not s.is_empty and shapely.intersects(s, window)]
    if not near:
        return np.zeros(shape, "uint8")
    corner = Affine.translation(columns.start, rows.start)
    burnt: npt.NDArray[np.uint8] = rasterio.features.rasterize(
        near, out_shape=shape, transform=corner, dtype="uint8"
    )
    return burnt


@njit(nogil=True, cache=True)
def _add_edges(
    xy: npt.NDArray[np.float64], ring: npt.NDArray[np.intp], steps: npt.NDArray[np.float64]
) -> None:
    """Add the edges of rings to the steps in coverage from each pixel to the one on its right.

    Within a row of pixels an edge covers, by as much as it descends, all to its right, and of the
    pixels that it crosses the part to its right (Green's theorem, pixel by pixel).

    Args:
        xy: (n, 2) corners of closed rings, shells the one way round, holes the other, x and y
            counted from the corner of the window.
        ring: (n,) which ring each corner is of.
        steps: (rows, columns + 1), added to.
    """
    rows, columns = steps.shape[0], steps.shape[1] - 1
    for k in range(len(xy) - 1):
        if ring[k] != ring[k + 1]:
            continue
        top, bottom = min(xy[k, 1], xy[k + 1, 1]), max(xy[k, 1], xy[k + 1, 1])
        if top == bottom or bottom <= 0 or top >= rows:
            continue
        slope = (xy[k + 1, 0] - xy[k, 0]) / (xy[k + 1, 1] - xy[k, 1])
        sign = 1.0 if xy[k, 1] < xy[k + 1, 1] else -1.0
        for i in range(max(int(np.floor(top)), 0), min(int(np.ceil(bottom)), rows)):
            upper, lower = max(top, float(i)), min(bottom, float(i + 1))
            one = xy[k, 0] + (upper - xy[k, 1]) * slope
            other = xy[k, 0] + (lower - xy[k, 1]) * slope
            left, right = min(one, other), max(one, other)
            down = sign * (lower - upper)
            if left == right or right <= 0 or left >= columns:
                place = min(max(left, 0.0), float(columns))
                _add_piece(steps[i], place, place, down)
                continue
            by_column = down / (right - left)
            if left < 0:
                steps[i, 0] += -left * by_column
            first, last = max(left, 0.0), min(right, float(columns))
            for j in range(int(np.floor(first)), int(np.ceil(last))):
                start, stop = max(first, float(j)), min(last, float(j + 1))
                _add_piece(steps[i], start, stop, (stop - start) * by_column)


@njit(nogil=True, cache=True)
def _added_up(steps: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Return the coverage of pixels from its steps along the rows."""
    share = np.empty((steps.shape[0], steps.shape[1] - 1), np.float32)
    for i in range(share.shape[0]):
        total = 0.0
        for j in range(share.shape[1]):
            total += steps[i, j]
            whole = np.rint(total)
            share[i, j] = abs(whole if abs(total - whole) < _ROUNDING else total)
    return share


@njit(nogil=True, cache=True)
def _add_piece(steps: npt.NDArray[np.float64], start: float, stop: float, down: float) -> None:
    """Add a piece of an edge within one pixel of a row."""
    j = min(int(np.floor(start)), len(steps) - 1)
    beyond = (start + stop) / 2 - j
    steps[j] += down * (1 - beyond)
    if beyond > 0:
        steps[j + 1] += down * beyond
