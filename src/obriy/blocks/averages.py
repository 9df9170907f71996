"""A band made small while it is read at full resolution for a map: a picture then reads nothing."""

import itertools
import math
import threading
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from obriy.blocks.pixels import BoolArray, FloatArray
from obriy.blocks.planes import Numbers
from obriy.blocks.windows import meeting

Window = tuple[slice, slice]
_TILE: Final = (1 << 16, 1 << 22)
"""Pixels of a tile that is read by itself, at least, at most: strips are not."""
_WINDOW: Final = 1024
"""Side of a window that is read at once, of tiles that are smaller, pixels."""


class Averages:
    """Means of blocks of pixels of a band, added up window by window, from any number of threads.

    A window that comes again changes nothing. Windows that overlap, as those with a halo do, would
    count pixels twice: then there are no means.

    Args:
        rows: Of the file, of which there are to be means.
        columns: Likewise.
        shape: Of the means; rows and columns are whole multiples of it.
        dtype: Of the file: sums do not tell in which order threads added them up.
    """

    def __init__(
        self, rows: slice, columns: slice, shape: tuple[int, int], dtype: str = "uint16"
    ) -> None:
        self.wanted = rows, columns, shape
        tall, wide = rows.stop - rows.start, columns.stop - columns.start
        self._steps = tall // shape[0], wide // shape[1]
        small = np.dtype(dtype).kind in "iu" and np.dtype(dtype).itemsize <= 2
        self._totals = np.zeros((2, *shape), np.float32 if small else np.float64)
        self._lock = threading.Lock()
        self._seen: list[Window] = []
        self._left = tall * wide
        self._line = 1.0, 0.0

    def add(self, rows: slice, columns: slice, numbers: Numbers) -> None:
        """Take a window of the file."""
        window = rows, columns
        with self._lock:
            if self._left <= 0 or window in self._seen:
                return
            if any(_overlap(window, other) for other in self._seen):
                self._left = -1
                return
            self._seen.append(window)
        here, there = meeting(window, self.wanted[:2])
        raw, missing = numbers.raw[here], np.zeros(numbers.raw.shape, bool)
        if not raw.size:
            return
        numbers.add_missing(missing)
        blocks, corner = blocks_beneath(there, self._steps)
        totals = np.zeros_like(self._totals[:, *blocks])
        add_blocks(raw, missing[here], corner, self._steps, totals)
        with self._lock:
            self._totals[:, *blocks] += totals
            self._left -= raw.size
            self._line = numbers.scale, numbers.offset

    def means(self) -> FloatArray | None:
        """Return the values, NaN where a block holds nothing; None where not all were seen."""
        if self._left:
            return None
        scale, offset = (np.float32(number) for number in self._line)
        with np.errstate(invalid="ignore", divide="ignore"):
            means: FloatArray = (self._totals[0] / self._totals[1]).astype(np.float32)
        return means * scale + offset


def is_averaged(file: Any, band: int) -> bool:
    """Tell whether a band is averaged from all its pixels: in tiles, and without overviews."""
    return _TILE[0] <= math.prod(file.block_shapes[band - 1]) <= _TILE[1] and not file.overviews(
        band
    )


def averaged(
    wanted: tuple[slice, slice, tuple[int, int]],
    file: Any,
    band: int,
    numbers: Callable[[slice, slice], Numbers | None],
) -> FloatArray | None:
    """Return means of blocks of pixels, of windows that are read one after the other.

    Args:
        wanted: Rows and columns of the file, and the shape of the means.
        file: Where the tiles are.
        band: Number of the band, from 1.
        numbers: Reads a window of the file.
    """
    averages = Averages(*wanted, file.dtypes[band - 1])
    sides = [side * max(1, _WINDOW // side) for side in file.block_shapes[band - 1]]
    tiles = [
        [
            slice(start, min(start + side, end))
            for start in range(part.start // side * side, part.stop, side)
        ]
        for part, side, end in zip(wanted[:2], sides, file.shape, strict=True)
    ]
    for down, across in itertools.product(*tiles):
        found = numbers(down, across)
        if found is None:
            return None
        averages.add(down, across, found)
    return averages.means()


def blocks_beneath(window: Window, steps: tuple[int, int]) -> tuple[Window, tuple[int, int]]:
    """Return the blocks that a window meets, and its corner within the first of them."""
    down, across = (
        slice(part.start // step, math.ceil(part.stop / step))
        for part, step in zip(window, steps, strict=True)
    )
    return (down, across), (window[0].start % steps[0], window[1].start % steps[1])


def _overlap(one: Window, other: Window) -> bool:
    return all(a.start < b.stop and b.start < a.stop for a, b in zip(one, other, strict=True))


@njit(nogil=True, cache=True)
def add_blocks(
    raw: npt.NDArray[Any],
    missing: BoolArray,
    corner: tuple[int, int],
    steps: tuple[int, int],
    totals: FloatArray,
) -> None:
    """Add numbers to those of their blocks.

    Args:
        raw: (rows, columns) of any type of numbers.
        missing: (rows, columns), True where a number says nothing.
        corner: Row and column of the first number within its block.
        steps: Rows and columns of a block.
        totals: (2, blocks down, blocks across) sum of the numbers, and how many they are.
    """
    wide = raw.shape[1]
    sums, counts = np.empty(wide, totals.dtype), np.empty(wide, totals.dtype)
    for row in range(totals.shape[1]):
        sums[:] = 0
        counts[:] = 0
        top, bottom = row * steps[0] - corner[0], (row + 1) * steps[0] - corner[0]
        for i in range(max(0, top), min(raw.shape[0], bottom)):
            line, none = raw[i], missing[i]
            for j in range(wide):
                sums[j] += 0 if none[j] else line[j]
                counts[j] += not none[j]
        for column in range(totals.shape[2]):
            left, right = column * steps[1] - corner[1], (column + 1) * steps[1] - corner[1]
            for j in range(max(0, left), min(wide, right)):
                totals[0, row, column] += sums[j]
                totals[1, row, column] += counts[j]
