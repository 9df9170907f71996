"""Prototypes: points with a cluster number; whatever is nearest to one is of its cluster.

All fitted clusterers are this: the centres of K-Means, the core points of DBSCAN with their reach,
the super-pixels of spectral clustering.
"""

import dataclasses
import functools
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy.spatial import cKDTree

from obriy.blocks.base import ByteArray, FloatArray
from obriy.methods.clustering.cells import DIMENSIONS, Table, table_of
from obriy.model.clusters import NOISE

MOST_BY_HAND: Final = 256
"""Prototypes up to which asking each of them is quicker than a tree."""
CHUNK: Final = 512
"""Values that are compared with a prototype at a time: they stay in the processor's cache."""


@dataclasses.dataclass(frozen=True)
class Prototypes:
    """Points in the space of the scaled (and embedded) features.

    Attributes:
        points: (n, dimensions) float32.
        numbers: (n,) uint8 number of the cluster of each.
        reach: Distance beyond which a value is of no cluster (`NOISE`); infinite: none is.
    """

    points: FloatArray
    numbers: ByteArray
    reach: float = np.inf

    @property
    def ids(self) -> list[int]:
        """Numbers of the clusters, in order; with `NOISE` where values can be out of reach."""
        noise = [NOISE] if np.isfinite(self.reach) else []
        return [*np.unique(self.numbers).tolist(), *noise]

    def assign(self, values: FloatArray) -> ByteArray:
        """Return the cluster of each value.

        The result for a value does not depend on what else is asked for at the same time: no
        matrix product, whose rounding varies with the size of the matrix.

        Args:
            values: (dimensions, n) float32; no NaN.

        Returns:
            (n,) uint8 numbers of clusters, or `NOISE`.
        """
        if self.table is not None:
            return self.table.look_up(values)
        if len(self.points) > MOST_BY_HAND:
            return self._assign_by_tree(values)
        which, square = nearest(np.ascontiguousarray(values), self.points)
        labels = self.numbers[which]
        labels[square > np.float32(self.reach) ** 2] = NOISE
        return labels

    @functools.cached_property
    def table(self) -> Table | None:
        """The cluster of each cube of space; None without a reach, or in many dimensions."""
        if np.isinf(self.reach) or self.points.shape[1] > DIMENSIONS:
            return None
        return table_of(self.points, self.numbers, self.reach, NOISE)

    def _assign_by_tree(self, values: FloatArray) -> ByteArray:
        tree = cKDTree(self.points)
        _, which = tree.query(values.T, distance_upper_bound=self.reach)
        labels: ByteArray = np.append(self.numbers, np.uint8(NOISE))[which]
        return labels


@njit(nogil=True, cache=True)
def nearest(values: FloatArray, points: FloatArray) -> tuple[npt.NDArray[np.int32], FloatArray]:
    """Return the nearest point of each value, and the square of the distance to it.

    Args:
        values: (dimensions, n) float32, in the order of memory.
        points: (p, dimensions) float32.
    """
    dimensions, count = values.shape
    which = np.zeros(count, np.int32)
    best = np.full(count, np.inf, np.float32)
    square = np.empty(CHUNK, np.float32)
    for start in range(0, count, CHUNK):
        size = min(CHUNK, count - start)
        for point in range(len(points)):
            square[:] = 0
            for d in range(dimensions):
                coordinate = points[point, d]
                for i in range(size):
                    difference = values[d, start + i] - coordinate
                    square[i] += difference * difference
            for i in range(size):
                if square[i] < best[start + i]:
                    best[start + i] = square[i]
                    which[start + i] = point
    return which, best
