"""Overviews: each pixel is what most of those beneath it are, or their mean.

As GDAL's resampling ``mode`` makes them, level from level, in a tenth of its time: it clears 256
counts for every pixel. Where a level has an odd number of rows, GDAL leaves a row out at the edges
of its chunks; here no edge counts.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from obriy.blocks.windows import windows
from obriy.model.layers import Layer
from obriy.outputs.scratch import TILE, Tiles

Array = npt.NDArray[Any]
ByteArray = npt.NDArray[np.uint8]
Edges = npt.NDArray[np.int64]
Shares = npt.NDArray[np.float64]
Line = tuple[Edges, Edges, Shares, Shares]
"""First and last pixel, half-open, beneath each of a row or a column of pixels; how much of these
two lies beneath it (a side of an odd number is not halved evenly)."""

_SLACK: Final = 1e-8
"""Pixels by which an edge may miss a whole number, as GDAL has it."""


class Levels:
    """A raster and its overviews, each half as large as the one before it, to one tile.

    Where each pixel of a level has four beneath it, the level grows with the one beneath it, tile
    by tile; else it is made when that one is finished. What says nothing of a pixel has a vote in
    the mode: else one pixel of a class would be all of its neighbourhood two levels up, and clouds
    would close in a map seen from afar. A mean is of what is known.

    Args:
        folder: Where scratch files may lie.
        name: How their names begin.
        shape: Rows and columns of the raster.
        layer: What its numbers are.
        sparse: Leave out tiles that hold nothing but 0.

    Attributes:
        tiles: Of each level, the raster itself first.
    """

    def __init__(
        self, folder: Path, name: str, shape: tuple[int, int], layer: Layer, *, sparse: bool
    ) -> None:
        self._layer = layer
        fill = layer.missing if layer.is_quantity and layer.missing is not None else 0
        shapes = [shape]
        while layer.overviews != "none" and max(shapes[-1]) > TILE:
            shapes.append((math.ceil(shapes[-1][0] / 2), math.ceil(shapes[-1][1] / 2)))
        self.tiles: Sequence[Tiles] = [
            Tiles(folder / f"{name}{number}", one, layer.dtype, fill, sparse=sparse)
            for number, one in enumerate(shapes)
        ]
        for finer, coarser in itertools.pairwise(self.tiles):
            if _is_even(finer):
                finer.seen = self._above(coarser)

    def finish(self) -> None:
        """Make what is still to be made."""
        for finer, coarser in itertools.pairwise(self.tiles):
            finer.finish()
            if not _is_even(finer):
                self._halve(finer, coarser)
        self.tiles[-1].finish()

    def close(self) -> None:
        """Close the scratch files."""
        for tiles in self.tiles:
            tiles.close()

    def _above(self, coarser: Tiles) -> Callable[[slice, slice, Array], None]:
        def seen(rows: slice, columns: slice, values: Array) -> None:
            edges = [_edges(n, n // 2) for n in values.shape]
            down, across = (slice(part.start // 2, part.stop // 2) for part in (rows, columns))
            coarser.write(down, across, self._made(values, *edges))

        return seen

    def _halve(self, finer: Tiles, coarser: Tiles) -> None:
        lines = [_edges(*sides) for sides in zip(finer.shape, coarser.shape, strict=True)]
        for window in windows(coarser.shape, 2 * TILE):
            behind = [_behind(line, part) for line, part in zip(lines, window, strict=True)]
            edges = [
                (first[part] - under.start, last[part] - under.start, head[part], tail[part])
                for (first, last, head, tail), part, under in zip(
                    lines, window, behind, strict=True
                )
            ]
            coarser.write(*window, self._made(finer.read(*behind), *edges))

    def _made(self, values: Array, down: Line, across: Line) -> Array:
        """Return the pixels above others."""
        if self._layer.overviews == "mode":
            return modes(values, down, across)
        missing = self._layer.missing
        lift = 0.0 if values.dtype.kind == "f" else 0.5
        return means(values, down, across, np.nan if missing is None else missing, lift)


def _is_even(tiles: Tiles) -> bool:
    return not any(side % 2 for side in tiles.shape)


def _edges(finer: int, coarser: int) -> Line:
    """Return what lies beneath each of a row or a column."""
    starts = np.arange(coarser + 1) * (finer / coarser)
    first = (starts[:-1] + _SLACK).astype("int64")
    last = np.minimum(np.ceil(starts[1:] - _SLACK).astype("int64"), finer)
    return first, last, np.minimum(first + 1 - starts[:-1], 1), np.minimum(starts[1:] - last + 1, 1)


def _behind(edges: Line, part: slice) -> slice:
    return slice(int(edges[0][part.start]), int(edges[1][part.stop - 1]))


@njit(nogil=True, cache=True)
def modes(values: ByteArray, down: Line, across: Line) -> ByteArray:
    """Return the most frequent of the pixels beneath each; of as frequent ones the first to be so.

    Args:
        values: (rows, columns) of the finer level.
        down: (y,) first and last row, half-open, beneath each row; their shares do not count.
        across: (x,) likewise of columns.
    """
    (top, bottom), (left, right) = down[:2], across[:2]
    made = np.empty((top.size, left.size), np.uint8)
    counts = np.zeros(256, np.uint8)
    pairs = values.shape[1] == 2 * left.size
    for i in range(top.size):
        if pairs and bottom[i] - top[i] == 2:
            _halve_pair(values[top[i]], values[top[i] + 1], made[i])
            continue
        for j in range(left.size):
            first, others = values[top[i], left[j]], 0
            for y in range(top[i], bottom[i]):
                for x in range(left[j], right[j]):
                    others += values[y, x] != first
            alike = others == 0  # as nearly all are
            made[i, j] = (
                first if alike else _mode(values[top[i] : bottom[i], left[j] : right[j]], counts)
            )
    return made


@njit(nogil=True, cache=True)
def means(values: Array, down: Line, across: Line, missing: float, lift: float) -> Array:
    """Return the mean of what is known of the pixels beneath each; missing where nothing is.

    Args:
        values: As for `modes`.
        down: (y,) first and last row, half-open, beneath each row, and the shares of these two.
        across: (x,) likewise of columns.
        missing: The number that says nothing, like NaN.
        lift: Added to a mean before it is cut to a whole number.
    """
    top, bottom, above, below = down
    left, right, before, after = across
    made = np.empty((top.size, left.size), values.dtype)
    for i in range(top.size):
        for j in range(left.size):
            total, weight = 0.0, 0.0
            for y in range(top[i], bottom[i]):
                share = above[i] if y == top[i] else (below[i] if y == bottom[i] - 1 else 1.0)
                for x in range(left[j], right[j]):
                    value = values[y, x]
                    known = value == value and value != missing  # noqa: PLR0124 - NaN is not
                    own = before[j] if x == left[j] else (after[j] if x == right[j] - 1 else 1.0)
                    total += value * own * share if known else 0.0
                    weight += own * share if known else 0.0
            made[i, j] = total / weight + lift if weight else missing
    return made


@njit(nogil=True, cache=True)
def _halve_pair(one: ByteArray, other: ByteArray, made: ByteArray) -> None:
    """Fill in the same of two rows whose pixels go two by two: without a branch."""
    for j in range(made.size):
        a, b, c, d = one[2 * j], one[2 * j + 1], other[2 * j], other[2 * j + 1]
        rest = b if b in (c, d) else (c if c == d else a)
        made[j] = a if a in (b, c) else rest


@njit(nogil=True, cache=True)
def _mode(values: ByteArray, counts: ByteArray) -> int:
    """Return the number that is first to occur as often as any does; counts are 0 again after."""
    best, most = 0, 0
    for y in range(values.shape[0]):
        for x in range(values.shape[1]):
            number = values[y, x]
            counts[number] += 1
            if counts[number] > most:
                best, most = number, counts[number]
    for y in range(values.shape[0]):
        for x in range(values.shape[1]):
            counts[values[y, x]] = 0
    return best
