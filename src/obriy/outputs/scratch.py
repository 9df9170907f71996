"""A raster in a scratch file, as the deflated tiles that the finished file has of it."""

import math
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from isal import isal_zlib

from obriy.blocks.windows import meeting

TILE: Final = 512
Array = npt.NDArray[Any]
Window = tuple[slice, slice]
Place = tuple[int, int]
"""Row and column of a tile."""


class Tiles:
    """A raster that grows window by window, each pixel once, from any number of threads.

    A tile is encoded once, by whoever fills the last of it, while it is in that thread's cache.

    Args:
        path: The scratch file.
        shape: Rows and columns.
        dtype: Type of the numbers.
        fill: What stands where nothing was written.
        sparse: Leave out tiles that hold nothing but 0.

    Attributes:
        shape: As given.
        seen: Is shown every tile that is filled: its rows, its columns, its numbers.
    """

    def __init__(
        self, path: Path, shape: tuple[int, int], dtype: str, fill: float, *, sparse: bool = False
    ) -> None:
        self.shape = shape
        self.seen: Callable[[slice, slice, Array], None] | None = None
        self._dtype = np.dtype(dtype).newbyteorder("<")
        self._fill = fill
        self._sparse = sparse
        self._file = path.open("w+b")
        self._lock = threading.Lock()
        self._begun: dict[Place, tuple[Array, int]] = {}  # and how many pixels are there
        self._found: dict[Place, tuple[int, int]] = {}  # first byte, bytes
        self._end = 0

    def write(self, rows: slice, columns: slice, values: Array) -> None:
        """Write a window."""
        for place in _places(rows, columns):
            window = self._window(place)
            here, there = meeting((rows, columns), window)
            part = values[here]
            if part.size == self._empty(window).size:
                self._put(place, window, part)
            else:
                self._add(place, window, there, part)

    def finish(self) -> None:
        """Fill up what was not written."""
        for place, (values, _) in self._begun.items():
            self._put(place, self._window(place), values)
        self._begun.clear()
        for place in () if self._sparse else self._all():
            if place not in self._found:
                window = self._window(place)
                self._put(place, window, self._empty(window))

    @property
    def sizes(self) -> list[int]:
        """Bytes of each tile, row by row; 0 where it is left out."""
        return [self._found.get(place, (0, 0))[1] for place in self._all()]

    def encoded(self) -> Iterator[bytes]:
        """Yield the tiles that there are, row by row."""
        for place in filter(self._found.__contains__, self._all()):
            yield self._bytes(place)

    def read(self, rows: slice, columns: slice) -> Array:
        """Read a window of a finished raster."""
        window = rows, columns
        made = self._empty(window)
        for place in filter(self._found.__contains__, _places(rows, columns)):
            there, here = meeting(window, self._window(place))
            size = TILE * TILE * self._dtype.itemsize
            numbers = isal_zlib.decompress(self._bytes(place), bufsize=size)
            made[there] = np.frombuffer(numbers, self._dtype).reshape(TILE, TILE)[here]
        return made

    def close(self) -> None:
        """Close the scratch file."""
        self._file.close()

    def _add(self, place: Place, window: Window, there: Window, part: Array) -> None:
        """Write a part of a tile; put the tile away where that is the last of it."""
        with self._lock:
            values, count = self._begun.pop(place, (None, 0))
            if values is None:
                values = self._empty(window)
            values[there] = part
            count += part.size
            if count < values.size:
                self._begun[place] = values, count
                return
        self._put(place, window, values)

    def _put(self, place: Place, window: Window, values: Array) -> None:
        """Encode a tile; one at the edge is filled up."""
        values = np.ascontiguousarray(values, self._dtype)
        if self.seen is not None:
            self.seen(*window, values)
        if self._sparse and not values.any():
            return
        lacks = [(0, TILE - side) for side in values.shape]
        whole = np.pad(values, lacks) if any(side for _, side in lacks) else values
        data = isal_zlib.compress(whole)
        with self._lock:
            self._found[place] = self._end, len(data)
            self._end += self._file.write(data)

    def _bytes(self, place: Place) -> bytes:
        at, size = self._found[place]
        self._file.seek(at)
        return self._file.read(size)

    def _empty(self, window: Window) -> Array:
        return np.full([part.stop - part.start for part in window], self._fill, self._dtype)

    def _window(self, place: Place) -> Window:
        rows, columns = (
            slice(TILE * at, min(TILE * (at + 1), side))
            for at, side in zip(place, self.shape, strict=True)
        )
        return rows, columns

    def _all(self) -> Iterator[Place]:
        return _places(slice(0, self.shape[0]), slice(0, self.shape[1]))


def _places(rows: slice, columns: slice) -> Iterator[Place]:
    """Yield the tiles that a window meets, row by row."""
    down, across = (range(w.start // TILE, math.ceil(w.stop / TILE)) for w in (rows, columns))
    return ((row, column) for row in down for column in across)
