"""Density on a sparse grid of features: DBSCAN of cells in place of points.

Points that lie in the same small cube are one *cell*: their mean, with their number as its weight.
Neighbours are looked for in the columns of cubes around, so that nothing is kept of pairs: memory
is that of the cells, whatever the number of points (Gan & Tao 2015, doi:10.1145/2723372.2737792,
show that a grid gives DBSCAN in near linear time where the dimensions are few).
"""

import dataclasses
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from obriy.blocks.base import ByteArray, FloatArray

Labels = npt.NDArray[np.int64]

FINENESS: Final = 6
"""Sides of a cube in a neighbourhood's radius; see `benchmarks/clustering.py` for the agreement."""
DIMENSIONS: Final = 3
REACH: Final = FINENESS + 1
"""Cubes to either side in which a neighbour can lie: means lie anywhere in theirs."""
MOST_PLACES: Final = 2**25
"""Cubes of a table of labels; one that would have more is made of larger cubes."""


@dataclasses.dataclass(frozen=True)
class Cells:
    """Points by cubes of a grid.

    Attributes:
        means: (n, 3) float64 mean of the points of each.
        weights: (n,) float64 the sum of their weights.
        cell_of: (points,) the cell of each point.
        places: (n,) number of each cube, ascending: of neighbours in a row they follow each other.
        strides: By how much the number changes from a cube to the next, along each axis.
    """

    means: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]
    cell_of: Labels
    places: Labels
    strides: tuple[int, int, int]


def cells_of(points: FloatArray, weights: npt.NDArray[Any], eps: float) -> Cells:
    """Sort points into the cubes of a grid.

    Args:
        points: (n, 1 to 3) float32; n > 0.
        weights: (n,) of each.
        eps: Radius of a neighbourhood; the sides of a cube are a `FINENESS`-th of it.
    """
    spread = in_space(points).astype(np.float64)
    cubes = np.floor((spread - spread.min(axis=0)) / (eps / FINENESS)).astype(np.int64)
    # A rim, so that a step beyond the edge meets no cube of another row.
    high, deep = (int(side) + 1 + 2 * REACH for side in cubes.max(axis=0)[1:])
    strides = (high * deep, deep, 1)
    places, cell_of = np.unique((cubes + REACH) @ np.array(strides), return_inverse=True)
    total = np.asarray(np.bincount(cell_of, weights=weights), np.float64)
    sums = [np.bincount(cell_of, weights=weights * axis) for axis in spread.T]
    return Cells(np.stack(sums, axis=1) / total[:, None], total, cell_of, places, strides)


def in_space(points: FloatArray) -> FloatArray:
    """Return (n, 3) points, what dimensions they lack being 0."""
    space = np.zeros((len(points), DIMENSIONS), np.float32)
    space[:, : points.shape[1]] = points
    return space


def cluster_cells(cells: Cells, eps: float, least: float) -> tuple[Labels, npt.NDArray[np.bool_]]:
    """Cluster cells as DBSCAN clusters points (Ester et al. 1996).

    Args:
        cells: Of `cells_of`, with the same radius.
        eps: Radius of a neighbourhood.
        least: Weight within it, its own included, of a core.

    Returns:
        (n,) number of the cluster of each cell, from 0, -1 noise; and whether it is a core. What is
        no core is of the cluster of the nearest core in its neighbourhood.
    """
    weight = _weigh(cells.means, cells.weights, cells.places, cells.strides, eps)
    core = weight >= least
    root = _join(cells.means, core, cells.places, cells.strides, eps)
    numbers = np.full(len(root), -1, np.int64)
    known = root >= 0
    numbers[known] = np.unique(root[known], return_inverse=True)[1]
    return numbers, core


@dataclasses.dataclass(frozen=True)
class Table:
    """The cluster of every place of a space, cube by cube.

    Attributes:
        low: (3,) float32 corner of the first cube.
        side: Of a cube.
        labels: (x, y, z) uint8; beyond it all is noise.
        noise: The number of noise.
    """

    low: FloatArray
    side: np.float32
    labels: ByteArray
    noise: np.uint8

    def look_up(self, values: FloatArray) -> ByteArray:
        """Return the cluster of (dimensions, n) points."""
        return np.asarray(_look_up(values, self.low, self.side, self.labels, self.noise), np.uint8)


def table_of(points: FloatArray, numbers: ByteArray, eps: float, noise: int) -> Table:
    """Return the cluster of the nearest core of each place within reach of one.

    Args:
        points: (n, 1 to 3) float32 cores.
        numbers: (n,) their clusters.
        eps: How far one reaches.
        noise: What lies out of reach of all.
    """
    spread = in_space(points)
    low = spread.min(axis=0) - np.float32(eps)
    extent = spread.max(axis=0) + np.float32(eps) - low
    side = eps / FINENESS
    while np.prod(np.floor(extent / side) + 1) > MOST_PLACES:
        side *= 1.26  # half as many
    shape = (np.floor(extent / side) + 1).astype(np.int64)
    labels = np.full(shape, noise, np.uint8)
    _stamp(spread, numbers, (low, side, eps), labels)
    return Table(low, np.float32(side), labels, np.uint8(noise))


@njit(nogil=True, cache=True)
def _weigh(means: Any, weights: Any, places: Any, strides: Any, eps: float) -> Any:
    """Return the weight in the neighbourhood of each cell."""
    count = len(means)
    found = np.zeros(count)
    for row in range((2 * REACH + 1) ** 2):
        step, start = _step(strides, row), 0
        for cell in range(count):
            # Cells come in the order of their cubes, and so do the rows beside them.
            while start < count and places[start] < places[cell] + step - REACH:
                start += 1
            for other in range(start, count):
                if places[other] > places[cell] + step + REACH:
                    break
                if _square(means[cell], means[other]) <= eps * eps:
                    found[cell] += weights[other]
    return found


@njit(nogil=True, cache=True)
def _join(means: Any, core: Any, places: Any, strides: Any, eps: float) -> Any:
    """Return the first core of the cluster of each cell, -1 of noise."""
    count = len(means)
    root, nearest = np.arange(count), np.full(count, -1, np.int64)
    best = np.full(count, eps * eps)
    for row in range((2 * REACH + 1) ** 2):
        step, start = _step(strides, row), 0
        for cell in range(count):
            while start < count and places[start] < places[cell] + step - REACH:
                start += 1
            for other in range(start, count):
                if places[other] > places[cell] + step + REACH:
                    break
                square = _square(means[cell], means[other]) if core[other] else np.inf
                if core[cell] and square <= eps * eps:
                    one, two = _root(root, cell), _root(root, other)
                    root[max(one, two)] = min(one, two)
                if square <= best[cell]:
                    best[cell], nearest[cell] = square, other
    for cell in range(count):
        nearest[cell] = _root(root, nearest[cell]) if nearest[cell] >= 0 else -1
    return nearest


@njit(nogil=True, cache=True)
def _root(root: Any, cell: int) -> int:
    """Return the first cell of those that a cell is joined with, and shorten the way to it."""
    while root[cell] != cell:
        root[cell] = root[root[cell]]
        cell = root[cell]
    return cell


@njit(nogil=True, cache=True)
def _step(strides: Any, row: int) -> Any:
    """Return how far a row of cubes near a cube is from it."""
    side = 2 * REACH + 1
    return (row // side - REACH) * strides[0] + (row % side - REACH) * strides[1]


@njit(nogil=True, cache=True)
def _square(one: Any, other: Any) -> float:
    total = 0.0
    for d in range(DIMENSIONS):
        total += (one[d] - other[d]) ** 2
    return total


@njit(nogil=True, cache=True)
def _stamp(points: Any, numbers: Any, places: Any, labels: Any) -> None:
    """Give each cube the number of the core nearest to its middle, where one is in reach."""
    low, side, eps = places
    best = np.full(labels.shape, np.float32(eps * eps), np.float32)
    for core in range(len(points)):
        first = np.floor((points[core] - eps - low) / side).astype(np.int64)
        last = np.floor((points[core] + eps - low) / side).astype(np.int64)
        for i in range(max(0, first[0]), min(labels.shape[0] - 1, last[0]) + 1):
            x = low[0] + (i + 0.5) * side - points[core, 0]
            for j in range(max(0, first[1]), min(labels.shape[1] - 1, last[1]) + 1):
                y = low[1] + (j + 0.5) * side - points[core, 1]
                for k in range(max(0, first[2]), min(labels.shape[2] - 1, last[2]) + 1):
                    z = low[2] + (k + 0.5) * side - points[core, 2]
                    square = np.float32(x * x + y * y + z * z)
                    if square < best[i, j, k]:
                        best[i, j, k] = square
                        labels[i, j, k] = numbers[core]


@njit(nogil=True, cache=True)
def _look_up(values: Any, low: Any, side: Any, labels: Any, noise: Any) -> Any:
    dimensions, count = values.shape
    found = np.empty(count, np.uint8)
    point = np.zeros(DIMENSIONS, np.float32)
    for i in range(count):
        point[:dimensions] = values[:, i]
        found[i] = place_in(point, low, side, labels, noise)
    return found


@njit(nogil=True, cache=True)
def place_in(point: Any, low: Any, side: Any, labels: Any, noise: Any) -> Any:
    """Return the label of the cube of a point; for compiled code."""
    x = np.floor((point[0] - low[0]) / side)
    y = np.floor((point[1] - low[1]) / side)
    z = np.floor((point[2] - low[2]) / side)
    across, down, deep = labels.shape
    if 0 <= x < across and 0 <= y < down and 0 <= z < deep:
        return labels[np.int64(x), np.int64(y), np.int64(z)]
    return noise
