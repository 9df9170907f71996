"""Tiles that were decoded before the work began: an image is looked at in places, then mapped.

To look at a place decodes the tile around it, and of a large image every fourth tile is looked at.
What memory allows of them stays until it is read for the map.
"""

import threading
from collections.abc import Hashable
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from rasterio.windows import Window

from obriy.blocks.damage import tile_window, tiles_in
from obriy.blocks.handles import state_of
from obriy.blocks.inflate import read_whole
from obriy.blocks.memory import room

_SHARE: Final = 16
"""The part of the memory for the work that they may take: one of so many."""
_SMALLEST: Final = 1 << 18
"""Pixels of a tile that is worth keeping: blocks are read by larger ones."""
_LARGEST: Final = 1 << 22
"""Pixels of a tile that is read whole where a part is asked for: a file of one strip is not."""

Array = npt.NDArray[Any]


class _Tiles:
    """Decoded tiles by file, band and place, the oldest first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[Hashable, Array] = {}
        self._bytes = 0

    @property
    def nbytes(self) -> int:
        return self._bytes

    def put(self, key: Hashable, values: Array) -> None:
        with self._lock:
            self._pop(key)
            if values.nbytes <= max(room(), 0) // _SHARE:
                self._kept[key] = values
                self._bytes += values.nbytes
            while self._bytes > max(room(), 0) // _SHARE:
                self._pop(next(iter(self._kept)))

    def get(self, key: Hashable) -> Array | None:
        return self._kept.get(key)

    def take(self, key: Hashable) -> Array | None:
        if not self._kept:
            return None
        with self._lock:
            return self._pop(key)

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self._bytes = 0

    def _pop(self, key: Hashable) -> Array | None:
        found = self._kept.pop(key, None)
        self._bytes -= 0 if found is None else found.nbytes
        return found


_tiles = _Tiles()


def look_at(dataset: Any, index: int, window: Window, *, last: bool = False) -> Array:
    """Read a window of a file before the work, and keep the tiles that it decodes.

    Args:
        dataset: The file, open.
        index: Number of the band, from 1.
        window: Within the file.
        last: Nobody reads the band again: no tile is kept, and of those that are it lets go.

    Raises:
        RasterioError: where the bytes cannot be decoded.
    """
    rows, columns = window.toslices()
    height, width = dataset.block_shapes[index - 1]
    if not (_SMALLEST <= height * width <= _LARGEST and Path(dataset.name).is_file()):
        values: Array = dataset.read(index, window=window)
        return values
    made = np.empty(
        (rows.stop - rows.start, columns.stop - columns.start), dataset.dtypes[index - 1]
    )
    for tile in tiles_in(dataset, index, rows, columns):
        place = tile_window(dataset, index, tile)
        key = _key(dataset, index, place)
        whole = _tiles.take(key) if last else _tiles.get(key)
        if whole is None:
            whole = read_whole(dataset, index, place)
            if not last:
                _tiles.put(key, whole)
        inner, outer = _meeting(place, window)
        made[outer] = whole[inner]
    return made


def taken(dataset: Any, index: int, window: Window) -> Array | None:
    """Return a window that is a tile which was looked at, and let go of it; None where none is.

    Args:
        dataset: The file, open.
        index: Number of the band, from 1.
        window: Within the file.
    """
    return _tiles.take(_key(dataset, index, window)) if _tiles.nbytes else None


def kept_bytes() -> int:
    """Return what the tiles take."""
    return _tiles.nbytes


def forget() -> None:
    """Let go of all tiles."""
    _tiles.clear()


def _key(dataset: Any, index: int, window: Window) -> Hashable:
    corner = round(window.row_off), round(window.col_off)
    return state_of(dataset.name), index, corner, (round(window.height), round(window.width))


def _meeting(place: Window, window: Window) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return what two windows share, as slices into each."""
    shared = place.intersection(window)
    inner, outer = (
        Window(
            shared.col_off - w.col_off, shared.row_off - w.row_off, shared.width, shared.height
        ).toslices()
        for w in (place, window)
    )
    return inner, outer
