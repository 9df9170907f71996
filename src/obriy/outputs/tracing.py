"""Patches of equal pixels and their outlines, from runs of pixels along the rows.

A map has far fewer runs than pixels, and an outline passes each of them twice. GDAL's tracer holds
the map whole, visits every pixel with a table of edges, and hands rings over as lists of Python.
"""

import dataclasses
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import shapely
from affine import Affine
from numba import njit

Ints = npt.NDArray[np.int32]
Values = npt.NDArray[np.uint16]

_SIDE: Final = 0
"""Runs one above the other are of one patch where they share a side of a pixel."""
_CORNER: Final = 1
"""Also where they share a corner alone."""


class Runs(NamedTuple):
    """Pixels that are alike, side by side in a row.

    Attributes:
        first: (rows + 1,) number of the first run of each row, and of all runs.
        start: (runs,) column of the first pixel of each.
        stop: (runs,) column behind the last.
        value: (runs,) of the pixels.
    """

    first: Ints
    start: Ints
    stop: Ints
    value: Values


@dataclasses.dataclass(frozen=True)
class Patches:
    """Patches of pixels that are alike and share sides, numbered in the order of their first pixel.

    Attributes:
        runs: All of them, from the top.
        owner: (runs,) number of the patch of each, from 0.
    """

    runs: Runs
    owner: Ints

    @classmethod
    def of(cls, strips: Iterable[npt.NDArray[Any]]) -> "Patches":
        """Find the patches of a raster.

        Args:
            strips: (rows, columns) of unsigned numbers below 65536, from the top; 0 is in no patch.
        """
        found = [_runs_of(np.ascontiguousarray(strip)) for strip in strips]
        counts, *parts = (np.concatenate(part) for part in zip(*found, strict=True))
        runs = Runs(np.concatenate([[0], np.cumsum(counts)]).astype("int32"), *parts)
        return cls(runs, _numbered(runs, _SIDE))

    def __len__(self) -> int:
        return int(self.owner.max(initial=-1)) + 1

    @property
    def values(self) -> Values:
        """The number that the pixels of each patch have."""
        return self.runs.value[self._first_runs()]

    def means_of(
        self, strips: Iterable[npt.NDArray[np.uint8]], missing: int
    ) -> npt.NDArray[np.float64]:
        """Return the mean of a raster of bytes over each patch; NaN where all of it is missing."""
        total, count, row = np.zeros(len(self)), np.zeros(len(self)), 0
        for strip in strips:
            _add_up(strip, missing, row, self.runs, self.owner, total, count)
            row += len(strip)
        means = np.full(count.shape, np.nan)
        np.divide(total, count, out=means, where=count > 0)
        return means

    def touching(self) -> Ints:
        """Return the number, from 0, of the group of each patch: of those that touch at corners."""
        return _numbered(self.runs, _CORNER)[self._first_runs()]

    def polygons(self, affine: Affine) -> npt.NDArray[np.object_]:
        """Return the outline of each patch, a valid polygon with its holes.

        Args:
            affine: From columns and rows to the coordinates wanted.
        """
        if not len(self):
            return np.empty(0, object)
        corners, sizes, of = _traced(self.runs, self.owner)
        a = affine
        xy = corners @ np.array([[a.a, a.d], [a.b, a.e]]) + (a.c, a.f)
        rings = shapely.linearrings(xy, indices=np.repeat(np.arange(sizes.size), sizes))
        # The first ring of a patch starts at its first pixel, above which no hole is: the shell.
        order = np.argsort(of, kind="stable")
        polygons: npt.NDArray[np.object_] = shapely.polygons(rings[order], indices=of[order])
        return polygons

    def _first_runs(self) -> npt.NDArray[np.intp]:
        return np.unique(self.owner, return_index=True)[1]


@njit(nogil=True, cache=True)
def _runs_of(values: npt.NDArray[Any]) -> tuple[Ints, Ints, Ints, Values]:
    """Return how many runs the rows of a strip have, and start, stop and number of each."""
    counts = np.zeros(values.shape[0], np.int32)
    for y in range(values.shape[0]):
        row = values[y]
        count = int(row[0] != 0)
        for x in range(1, row.size):
            count += (row[x] != row[x - 1]) & (row[x] != 0)
        counts[y] = count
    start, stop = np.empty(counts.sum(), np.int32), np.empty(counts.sum(), np.int32)
    value = np.empty(counts.sum(), np.uint16)
    run = 0
    for y in range(values.shape[0]):
        x, row = 0, values[y]
        for _ in range(counts[y]):
            while row[x] == 0:
                x += 1
            start[run], value[run] = x, row[x]
            while x < row.size and row[x] == value[run]:
                x += 1
            stop[run] = x
            run += 1
    return counts, start, stop, value


@njit(nogil=True, cache=True)
def _numbered(runs: Runs, reach: int) -> Ints:
    """Return the number of the patch of each run, from 0 in the order of their first runs.

    Args:
        runs: All of them.
        reach: Columns by which runs one above the other may miss each other.
    """
    first, start, stop, value = runs
    parent = np.arange(start.size).astype(np.int32)
    for y in range(1, first.size - 1):
        above = first[y - 1]
        for run in range(first[y], first[y + 1]):
            while above < first[y] and stop[above] + reach <= start[run]:
                above += 1
            for other in range(above, first[y]):
                if start[other] >= stop[run] + reach:
                    break
                if value[other] == value[run]:
                    a, b = _root(parent, run), _root(parent, other)
                    parent[max(a, b)] = min(a, b)
    count = 0
    numbers = np.empty(start.size, np.int32)
    for run in range(start.size):
        root = _root(parent, run)
        numbers[run] = count if root == run else numbers[root]
        count += root == run
    return numbers


@njit(nogil=True, cache=True)
def _root(parent: Ints, run: int) -> int:
    while parent[run] != run:
        parent[run] = parent[parent[run]]
        run = parent[run]
    return run


@njit(nogil=True, cache=True)
def _add_up(  # noqa: PLR0917 - a kernel
    strip: npt.NDArray[np.uint8],
    missing: int,
    top: int,
    runs: Runs,
    owner: Ints,
    total: npt.NDArray[np.float64],
    count: npt.NDArray[np.float64],
) -> None:
    """Add what is known in a strip, whose first row is ``top``, to the sums of the patches."""
    for y in range(strip.shape[0]):
        for run in range(runs.first[top + y], runs.first[top + y + 1]):
            for x in range(runs.start[run], runs.stop[run]):
                if strip[y, x] != missing:
                    total[owner[run]] += strip[y, x]
                    count[owner[run]] += 1


@njit(nogil=True, cache=True)
def _traced(runs: Runs, owner: Ints) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], Ints]:
    """Walk around all patches; every ring goes up the left side of a run at least once.

    Returns:
        Corners (column, row), those of each ring one after the other, the first one repeated; the
        number of corners of each ring; the patch of each ring.
    """
    corners = np.empty((5 * owner.size, 2), np.float64)
    sizes, of = np.empty(owner.size, np.int64), np.empty(owner.size, np.int32)
    passed = np.zeros(owner.size, np.bool_)
    at, rings = 0, 0
    for row in range(runs.first.size - 1):
        for run in range(runs.first[row], runs.first[row + 1]):
            if not passed[run]:
                size = _walk(runs, owner, passed, (row, run), corners[at:])
                sizes[rings], of[rings] = size, owner[run]
                at += size
                rings += 1
    return corners[:at], sizes[:rings], of[:rings]


@njit(nogil=True, cache=True)
def _walk(
    runs: Runs,
    owner: Ints,
    passed: npt.NDArray[np.bool_],
    begin: tuple[int, int],
    corners: npt.NDArray[np.float64],
) -> int:
    """Fill in the corners of the ring that goes up the left side of a run; return their number.

    The patch is on the right hand. No ring meets itself: where two pixels touch at a corner alone
    the way leads from one to the other if both are of the patch, so that a bay which is closed by a
    corner is a hole; if not, it leads around the one.
    """
    row, run = begin
    patch, size = owner[run], 0
    x, y, down, along = runs.start[run], row + 1, -1, 0
    while True:
        if down < 0:
            beside = _run_at(runs, y - 1, x)
            if passed[beside]:
                break
            passed[beside] = True
        x, y = x + along, y + down
        # The pixels that meet at the corner ahead, on the left and on the right hand.
        left = _run_at(runs, y + (down - along - 1) // 2, x + (along + down - 1) // 2)
        right = _run_at(runs, y + (down + along - 1) // 2, x + (along - down - 1) // 2)
        if left >= 0 and owner[left] == patch:
            down, along = -along, down
        elif right < 0 or owner[right] != patch:
            down, along = along, -down
        else:
            continue
        corners[size] = x, y
        size += 1
    corners[size] = corners[0]
    return size + 1


@njit(nogil=True, cache=True)
def _run_at(runs: Runs, row: int, column: int) -> int:
    """Return the run in which a pixel is; -1 where it is in none."""
    if not 0 <= row < runs.first.size - 1 or runs.first[row] == runs.first[row + 1]:
        return -1
    low, high = runs.first[row], runs.first[row + 1]
    while high - low > 1:
        middle = (low + high) // 2
        if runs.start[middle] <= column:
            low = middle
        else:
            high = middle
    return low if runs.start[low] <= column < runs.stop[low] else -1
