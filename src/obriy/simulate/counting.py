"""Heights above the water and counts of 1 m cells: numba kernels over the shapes of a place.

All lengths are metres; x runs to the east and y to the south, from the upper left corner of the
image. Shapes are looked up by square cells of the terrain grid, so that a point only asks those
that can be lower than the terrain there.
"""

import math
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

F64 = npt.NDArray[np.float64]
F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]

HIGHEST: Final = 3.0
"""Height up to which banks are followed, m: no water stands higher above its mean level."""
BANK: Final = 0.25
"""Slope of the banks of rivers and ponds above the mean level."""
DAM: Final = 6.0
"""Height of the ground behind a dam's edge, m."""


class Shapes(NamedTuple):
    """Terrain, lines and basins of a place, as the kernels read them.

    Attributes:
        terrain: (rows, columns) height above mean water at the corners of cells, m.
        step: Side of a cell, m.
        margin: Cells beyond the image's left and upper edge.
        lines: (n, 7) pieces of rivers: x, y of both ends, half width, depth at the middle, number.
        line_start: (cells + 1,) first entry of each cell in ``line_index``.
        line_index: Pieces near each cell.
        basins: (m, 12) ponds and reservoirs: x, y, half axes a and b, cosine and sine of the turn,
            power (2 an ellipse, 8 nearly a rectangle), depth, amplitude and phase of the outline's
            waves, distance of the dam along the first axis (none: large), number.
        basin_start: As ``line_start``.
        basin_index: As ``line_index``.
    """

    terrain: F64
    step: float
    margin: int
    lines: F64
    line_start: I32
    line_index: I32
    basins: F64
    basin_start: I32
    basin_index: I32


@njit(nogil=True, cache=True)
def line_height(line: F64, x: float, y: float) -> float:
    """Return the height of a river bed or its bank: a parabola, then a slope."""
    dx, dy = line[2] - line[0], line[3] - line[1]
    length = dx * dx + dy * dy
    t = ((x - line[0]) * dx + (y - line[1]) * dy) / length if length > 0 else 0.0
    t = min(max(t, 0.0), 1.0)
    ex, ey = x - line[0] - t * dx, y - line[1] - t * dy
    distance = math.sqrt(ex * ex + ey * ey)
    radius, depth = line[4], line[5]
    if distance > radius:
        return float((distance - radius) * BANK)
    part = distance / radius
    return float(depth * (part * part - 1.0))


@njit(nogil=True, cache=True)
def basin_height(basin: F64, x: float, y: float) -> float:
    """Return the height of a pond's bed or its bank; a dam is a straight edge."""
    dx, dy = x - basin[0], y - basin[1]
    u = dx * basin[4] + dy * basin[5]
    v = dy * basin[4] - dx * basin[5]
    if u > basin[10]:
        return DAM
    a, b, power = basin[2], basin[3], basin[6]
    if power == 2.0:
        part = np.sqrt((u / a) ** 2 + (v / b) ** 2)
    else:
        part = (np.abs(u / a) ** power + np.abs(v / b) ** power) ** (1.0 / power)
    if basin[8] > 0.0:
        part *= 1.0 + basin[8] * np.cos(3.0 * np.arctan2(v, u) + basin[9])
    if part > 1.0:
        return float((part - 1.0) * min(a, b) * BANK)
    return float(basin[7] * (part * part - 1.0))


@njit(nogil=True, cache=True)
def _terrain_height(shapes: Shapes, x: float, y: float) -> float:
    c = x / shapes.step + shapes.margin
    r = y / shapes.step + shapes.margin
    i = min(max(int(r), 0), shapes.terrain.shape[0] - 2)
    j = min(max(int(c), 0), shapes.terrain.shape[1] - 2)
    v, u = r - i, c - j
    top = shapes.terrain[i, j] * (1 - u) + shapes.terrain[i, j + 1] * u
    bottom = shapes.terrain[i + 1, j] * (1 - u) + shapes.terrain[i + 1, j + 1] * u
    return float(top * (1 - v) + bottom * v)


@njit(nogil=True, cache=True)
def _cell(shapes: Shapes, x: float, y: float) -> int:
    i = int(np.floor(y / shapes.step)) + shapes.margin
    j = int(np.floor(x / shapes.step)) + shapes.margin
    i = min(max(i, 0), shapes.terrain.shape[0] - 2)
    j = min(max(j, 0), shapes.terrain.shape[1] - 2)
    return int(i * (shapes.terrain.shape[1] - 1) + j)


@njit(nogil=True, cache=True)
def _lowest(shapes: Shapes, cell: int, x: float, y: float) -> tuple[float, int]:
    """Return the height above mean water at a point and whose it is: 0 the terrain's."""
    height, owner = _terrain_height(shapes, x, y), 0
    for k in range(shapes.line_start[cell], shapes.line_start[cell + 1]):
        line = shapes.lines[shapes.line_index[k]]
        found = line_height(line, x, y)
        if found < height:
            height, owner = found, int(line[6])
    for k in range(shapes.basin_start[cell], shapes.basin_start[cell + 1]):
        basin = shapes.basins[shapes.basin_index[k]]
        found = basin_height(basin, x, y)
        if found < height:
            height, owner = found, int(basin[11])
    return height, owner


@njit(nogil=True, cache=True)
def heights(shapes: Shapes, x: F64, y: F64) -> tuple[F64, I32]:
    """Return heights above mean water at points (n,), m, and whose they are.

    Owners: 0 the terrain (lakes), else the number that the line or the basin carries.
    """
    height = np.empty(x.size)
    owner = np.empty(x.size, np.int32)
    for k in range(x.size):
        height[k], owner[k] = _lowest(shapes, _cell(shapes, x[k], y[k]), x[k], y[k])
    return height, owner


@njit(nogil=True, cache=True)
def count_cells(
    shapes: Shapes, size: tuple[int, int], pixel: float, cells: int, level: float
) -> tuple[F32, F32, F32]:
    """Count the cells of each square pixel that lie below the water.

    Args:
        shapes: The place.
        size: Rows and columns of pixels.
        pixel: Side of a pixel, m; a terrain cell holds a whole number of them.
        cells: Cells along a side of a pixel.
        level: Height of the water above its mean, m.

    Returns:
        (rows, columns) each: share of wet cells 0 to 1; mean depth of the wet ones, m, 0 where
        there are none; mean height of the dry ones above the water, m, 0 where there are none.
    """
    share = np.zeros(size, np.float32)
    depth = np.zeros(size, np.float32)
    above = np.zeros(size, np.float32)
    for i in range(size[0]):
        for j in range(size[1]):
            x, y = j * pixel, i * pixel
            cell = _cell(shapes, x + pixel / 2, y + pixel / 2)
            low, high = _range(shapes, cell, x, y, pixel)
            if low >= level:
                above[i, j] = (low + high) / 2 - level
            elif high < level:
                share[i, j] = 1
                depth[i, j] = level - (low + high) / 2
            else:
                share[i, j], depth[i, j], above[i, j] = _count(
                    shapes, cell, (x, y), (pixel, cells), level
                )
    return share, depth, above


@njit(nogil=True, cache=True)
def _range(shapes: Shapes, cell: int, x: float, y: float, side: float) -> tuple[float, float]:
    """Return the least and the greatest height in a square; -/+ infinity where shapes are near.

    The terrain is bilinear within a cell: its extremes lie at the square's corners.
    """
    lines = shapes.line_start[cell + 1] - shapes.line_start[cell]
    if lines + shapes.basin_start[cell + 1] - shapes.basin_start[cell] > 0:
        return -np.inf, np.inf
    low, high = np.inf, -np.inf
    inner = side * (1 - 1e-9)
    for v in range(2):
        for u in range(2):
            h = _terrain_height(shapes, x + u * inner, y + v * inner)
            low, high = min(low, h), max(high, h)
    return low, high


@njit(nogil=True, cache=True)
def _count(
    shapes: Shapes,
    cell: int,
    corner: tuple[float, float],
    sides: tuple[float, int],
    level: float,
) -> tuple[float, float, float]:
    """Return share, depth and height above for one pixel, by its cells."""
    pixel, cells = sides
    small = pixel / cells
    wet, deep, high = 0, 0.0, 0.0
    for v in range(cells):
        for u in range(cells):
            x, y = corner[0] + (u + 0.5) * small, corner[1] + (v + 0.5) * small
            h = _lowest(shapes, cell, x, y)[0]
            if h < level:
                wet += 1
                deep += level - h
            else:
                high += h - level
    dry = cells * cells - wet
    return wet / (cells * cells), deep / max(wet, 1), high / max(dry, 1)


@njit(nogil=True, cache=True)
def near_cells(boxes: F64, step: float, margin: int, rows: int, columns: int) -> tuple[I32, I32]:
    """List for each cell the boxes (n, 4: left, top, right, bottom in m) that touch it.

    Returns:
        First entry of each cell (rows * columns + 1,), and the numbers of the boxes.
    """
    count = np.zeros(rows * columns + 1, np.int64)
    span = np.empty((len(boxes), 4), np.int64)
    for k in range(len(boxes)):
        span[k, 0] = max(int(np.floor(boxes[k, 0] / step)) + margin, 0)
        span[k, 1] = max(int(np.floor(boxes[k, 1] / step)) + margin, 0)
        span[k, 2] = min(int(np.floor(boxes[k, 2] / step)) + margin, columns - 1)
        span[k, 3] = min(int(np.floor(boxes[k, 3] / step)) + margin, rows - 1)
        for i in range(span[k, 1], span[k, 3] + 1):
            for j in range(span[k, 0], span[k, 2] + 1):
                count[i * columns + j + 1] += 1
    start = np.cumsum(count).astype(np.int32)
    index = np.empty(start[-1], np.int32)
    free = start[:-1].copy()
    for k in range(len(boxes)):
        for i in range(span[k, 1], span[k, 3] + 1):
            for j in range(span[k, 0], span[k, 2] + 1):
                index[free[i * columns + j]] = k
                free[i * columns + j] += 1
    return start, index
