"""Water bodies of a series of maps: found by how often they are wet.

A body is an 8-connected set of pixels that were wet in at least 5 % of their valid observations,
one of them in at least 10 %, and of at least 5 pixels: the hybrid rule of Krause et al. 2021
(doi:10.3390/rs13081437) with the defaults of Digital Earth Africa (``tables/water_bodies.toml``).
In a short series a single wrong date is enough: of ten dates, one is 10 %.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from odc.geo.geobox import GeoBox
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from obriy.blocks.windows import BLOCK, windows
from obriy.measures.occurrence import WetCounts, count_wet, require_one_grid
from obriy.model.bodies import BodyLabels, BodyRule, BodyWindow, connected_parts, default_rule
from obriy.model.classmap import ClassMap

_NONE: Final = np.iinfo(np.int64).max

IntArray = npt.NDArray[np.int64]


def find_bodies(
    maps: Sequence[ClassMap],
    *,
    rule: BodyRule | None = None,
    class_name: str = "water",
    block: int = BLOCK,
) -> BodyLabels:
    """Find the water bodies of a series: connected pixels that were wet often enough.

    Read once, window by window; parts that meet at the seams are joined, so the result does not
    depend on the cut. Memory: a bit per pixel of the grid, and a window.

    Args:
        maps: The series, on one grid, in any order.
        rule: What a body is; None: that of the table.
        class_name: Class of their legends.
        block: Side of a window, pixels.

    Returns:
        The bodies, numbered from 1 in row-major order of their first pixels; there may be none.

    Raises:
        InputError: no map.
        GridError: the maps do not share a grid.
        TableError: a legend has no such class.
    """
    finder = BodyFinder(require_one_grid(maps).geobox, rule)
    for rows, columns in windows(maps[0].labels.shape, block):
        finder.add(rows, columns, count_wet(maps, rows, columns, class_name=class_name))
    return finder.bodies()


class BodyFinder:
    """Finds water bodies from the counts of one window after another.

    Args:
        geobox: The grid.
        rule: What a body is; None: that of the table.
    """

    def __init__(self, geobox: GeoBox, rule: BodyRule | None = None) -> None:
        self._rule = rule or default_rule()
        self._parts = _Parts(geobox)

    def add(self, rows: slice, columns: slice, counts: WetCounts) -> None:
        """Take the next window; they come in row-major order and cover the grid."""
        detected = counts.at_least(self._rule.detection_percent)
        mask = counts.at_least(self._rule.extent_percent) | detected
        self._parts.add(rows, columns, mask, detected)

    def bodies(self) -> BodyLabels:
        """Return what was found, once every window was added."""
        return self._parts.join(self._rule.min_pixels)


class _Parts:
    """Connected parts of windows, and which of them meet at the seams."""

    def __init__(self, geobox: GeoBox) -> None:
        self._geobox = geobox
        self._width = int(geobox.shape.x)
        self._windows: list[tuple[slice, slice, npt.NDArray[np.uint8], int, int]] = []
        self._sizes: list[IntArray] = []
        self._detected: list[npt.NDArray[np.bool_]] = []
        self._first: list[IntArray] = []
        self._meet: list[IntArray] = []
        self._count = 0
        self._above = np.zeros(self._width, np.int64)  # the row above this row of windows
        self._bottom = np.zeros(self._width, np.int64)  # the last row of this row of windows
        self._left = np.zeros(0, np.int64)

    def add(
        self,
        rows: slice,
        columns: slice,
        mask: npt.NDArray[np.bool_],
        detected: npt.NDArray[np.bool_],
    ) -> None:
        """Take the next window, in row-major order; ``detected`` lies within ``mask``."""
        numbers, count = connected_parts(mask)
        if columns.start == 0:
            self._above, self._bottom = self._bottom, np.zeros(self._width, np.int64)
            self._left = np.zeros(mask.shape[0], np.int64)
        edges = [np.where(e > 0, e + self._count, 0).astype(np.int64)
                 for e in (numbers[0], numbers[-1], numbers[:, 0], numbers[:, -1])]  # fmt: skip
        top, bottom, left, right = edges
        around = np.zeros(len(top) + 2, np.int64)  # corners of the neighbours included
        low, high = max(columns.start - 1, 0), min(columns.stop + 1, self._width)
        around[low - columns.start + 1 : high - columns.start + 1] = self._above[low:high]
        self._meet.append(_neighbours(top, around))
        self._meet.append(_neighbours(left, np.pad(self._left, 1)))
        self._bottom[columns], self._left = bottom, right
        inside = np.flatnonzero(numbers)
        place = numbers.ravel()[inside]
        row, column = np.divmod(inside, mask.shape[1])
        first = np.full(count + 1, _NONE)
        np.minimum.at(first, place, (row + rows.start) * self._width + column + columns.start)
        self._first.append(first[1:])
        self._sizes.append(np.bincount(place, minlength=count + 1)[1:])
        found = np.zeros(count + 1, bool)
        found[numbers[detected]] = True
        self._detected.append(found[1:])
        self._windows.append((rows, columns, np.packbits(mask), self._count, count))
        self._count += count

    def join(self, min_pixels: int) -> BodyLabels:
        """Join the parts that meet, and keep what is large and wet enough."""
        pairs = np.concatenate([*self._meet, np.zeros((0, 2), np.int64)])
        ones = np.ones(len(pairs), bool)
        graph = coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(self._count, self._count))
        count, body = connected_components(graph, directed=False)
        sizes = np.zeros(count, np.int64)
        np.add.at(sizes, body, _joined(self._sizes))
        first = np.full(count, _NONE)
        np.minimum.at(first, body, _joined(self._first))
        detected = np.bincount(body, _joined(self._detected), minlength=count) > 0
        kept = np.flatnonzero((sizes >= min_pixels) & detected)
        kept = kept[np.argsort(first[kept])]
        number = np.zeros(count, np.int32)
        number[kept] = np.arange(1, len(kept) + 1)
        return BodyLabels(self._geobox, tuple(self._numbered(number[body])), len(kept), sizes[kept])

    def _numbered(self, number: npt.NDArray[np.int32]) -> list[BodyWindow]:
        """Return the windows that hold a body; ``number`` is that of the body of each part."""
        found = []
        for rows, columns, bits, start, count in self._windows:
            bodies = np.append(np.int32(0), number[start : start + count]).astype(np.int32)
            if bodies.any():
                found.append(BodyWindow(rows, columns, bits, bodies))
        return found


def _joined(arrays: list[Any]) -> Any:
    return np.concatenate(arrays) if arrays else np.zeros(0, np.int64)


def _neighbours(line: IntArray, around: IntArray) -> IntArray:
    """Return pairs (n, 2), from 0, of parts on both sides of a seam that touch, corners too.

    Args:
        line: (n,) parts along the seam, from 1; 0 none.
        around: (n + 2,) parts on the other side, from one pixel before to one after.
    """
    pairs = [np.column_stack([line, around[shift : shift + len(line)]]) for shift in range(3)]
    both = np.concatenate(pairs)
    return np.unique(both[(both > 0).all(axis=1)], axis=0) - 1
