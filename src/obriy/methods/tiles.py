"""Windows that are worked on whole, so that no pixel depends on how the engine cuts a scene.

Methods that look at surroundings (networks, watersheds) give each pixel what one window of the
scene says of it. Which window that is follows from the place of the pixel in the scene alone.
"""

import dataclasses
import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from obriy.blocks.base import Block

_Found = TypeVar("_Found")
MOST_WINDOWS: Final = 64
"""Windows whose classes are remembered: 16 MB of 512 x 512 pixels, two rows of them in a large
scene, whose blocks come in order."""


@dataclasses.dataclass(frozen=True)
class Tile:
    """A window of a scene, and the part of it that is kept.

    Attributes:
        row: Its first row in the scene; below 0 where it reaches beyond.
        column: Its first column in the scene, likewise.
        shape: Rows and columns of the window.
        kept: The part that is kept, as slices (rows, columns) into the window.
    """

    row: int
    column: int
    shape: tuple[int, int]
    kept: tuple[slice, slice]

    def cut(self, block: Block, plane: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the window of a plane of a block, NaN beyond the scene.

        Args:
            block: With a halo that holds the window as far as the scene does.
            plane: (rows, columns) of the block.

        Returns:
            (rows, columns) of the window, of the type of the plane.
        """
        rows, into_rows = _overlap(self.row - block.row, self.shape[0], block.shape[0])
        columns, into_columns = _overlap(self.column - block.column, self.shape[1], block.shape[1])
        window = np.full(self.shape, np.nan, plane.dtype)
        window[into_rows, into_columns] = plane[rows, columns]
        return window

    def put(self, block: Block, plane: npt.NDArray[Any], found: npt.NDArray[Any]) -> None:
        """Write what is kept of a window into a plane of a block, as far as the block reaches.

        Args:
            block: The block.
            plane: (rows, columns) of the block, to write to.
            found: (rows, columns) of the window.
        """
        kept_rows, kept_columns = self.kept
        kept = found[self.kept]
        rows, of_rows = _overlap(self.row + kept_rows.start - block.row, len(kept), block.shape[0])
        columns, of_columns = _overlap(
            self.column + kept_columns.start - block.column, kept.shape[1], block.shape[1]
        )
        plane[rows, columns] = kept[of_rows, of_columns]


@dataclasses.dataclass(frozen=True)
class Extent:
    """Size of a scene, learnt from its blocks.

    Attributes:
        rows: Number of rows.
        columns: Number of columns.
    """

    rows: int
    columns: int

    @classmethod
    def of(cls, block: Block) -> "Extent":
        """Return the size as far as the core of a block tells."""
        rows, columns = block.core
        return cls(block.row + rows.stop, block.column + columns.stop)

    def merge(self, other: "Extent") -> "Extent":
        """Return what both tell together."""
        return Extent(max(self.rows, other.rows), max(self.columns, other.columns))


def lattice(block: Block, side: int, margin: int) -> Iterator[Tile]:
    """Yield the squares of a lattice over the scene that the core of a block meets.

    Args:
        block: The block, with a halo of ``side - 1 + margin``.
        side: Of a square, which is what is kept, pixels.
        margin: Pixels around it that belong to the window.
    """
    rows, columns = block.core
    kept = (slice(margin, margin + side), slice(margin, margin + side))
    shape = (side + 2 * margin, side + 2 * margin)
    for row in _aligned(block.row + rows.start, block.row + rows.stop, side):
        for column in _aligned(block.column + columns.start, block.column + columns.stop, side):
            yield Tile(row - margin, column - margin, shape, kept)


def spread_windows(
    block: Block, extent: Extent, shape: tuple[int, int], overlap: int
) -> Iterator[Tile]:
    """Yield the windows of a fixed shape whose kept parts the core of a block meets.

    As few as hold the scene are spread evenly over it, none beyond its edge; a scene that is no
    larger than the window is one window. Each keeps what is farther from its edge than from that
    of its neighbour.

    Args:
        block: The block, with a halo of the larger side of the window less 1.
        extent: Of the scene.
        shape: Rows and columns of a window.
        overlap: Pixels that neighbours share at least.
    """
    rows, columns = block.core
    down = _spread(extent.rows, shape[0], overlap)
    across = _spread(extent.columns, shape[1], overlap)
    top, left = block.row + rows.start, block.column + columns.start
    bottom, right = block.row + rows.stop, block.column + columns.stop
    for (row, first, last), (column, begin, end) in itertools.product(down, across):
        if first < bottom and last > top and begin < right and end > left:
            kept = (slice(first - row, last - row), slice(begin - column, end - column))
            yield Tile(row, column, shape, kept)


class WindowMemory:
    """What was found in the windows of one scene that were looked at last.

    The blocks of a scene that share a window do not look at it twice; a thread that asks for one
    which another is looking at waits for it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: OrderedDict[tuple[int, int], _Entry] = OrderedDict()

    def __reduce__(self) -> tuple[Any, ...]:
        """Go to another process with nothing remembered."""
        return WindowMemory, ()

    def recall(self, window: Tile, look: Callable[[], _Found]) -> _Found:
        """Return what was found in a window, or look now.

        Args:
            window: Of the one scene that this memory is for.
            look: Finds it; what it raises is raised, and not remembered.
        """
        key = (window.row, window.column)
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
            self._entries.move_to_end(key)
            if len(self._entries) > MOST_WINDOWS:
                self._entries.popitem(last=False)
        with entry.lock:
            if not entry.found:
                entry.found.append(look())
            found: _Found = entry.found[0]
        return found


@dataclasses.dataclass
class _Entry:
    """What was found in a window, once it was; held while somebody looks."""

    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)
    found: list[Any] = dataclasses.field(default_factory=list)


def _spread(length: int, size: int, overlap: int) -> list[tuple[int, int, int]]:
    """Return where windows start along one side, and the first and last of what each keeps."""
    if length <= size:
        return [(0, 0, length)]
    count = -(-(length - overlap) // (size - overlap))
    starts = [round(i * (length - size) / (count - 1)) for i in range(count)]
    seams = [(a + size + b) // 2 for a, b in itertools.pairwise(starts)]
    return list(zip(starts, [0, *seams], [*seams, length], strict=True))


def _aligned(start: int, stop: int, side: int) -> range:
    return range(start // side * side, stop, side)


def _overlap(start: int, size: int, limit: int) -> tuple[slice, slice]:
    """Return the part of a range that lies in (0, limit), and the same within the range."""
    low, high = max(0, start), min(limit, start + size)
    return slice(low, max(low, high)), slice(low - start, max(low, high) - start)
