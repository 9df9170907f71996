"""A layer of a map that is needed while it is measured, and is no output."""

import os
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import xarray as xr
from odc.geo.geobox import GeoBox

from obriy.blocks.computed import computed_labels
from obriy.outputs.files import output_errors

ByteArray = npt.NDArray[np.uint8]


class Scratch:
    """A layer in a file without a name, which goes when it is left; windows come in any order.

    Args:
        folder: Where the file lies: where the map is written there is room.
        geobox: Grid of the layer.
    """

    def __init__(self, folder: Path, geobox: GeoBox) -> None:
        self._folder = folder
        self._geobox = geobox
        self._parts: list[tuple[slice, slice, int]] = []
        self._end = 0
        self._lock = threading.Lock()
        with output_errors(folder):
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed on exit

    def write(self, rows: slice, columns: slice, array: ByteArray) -> None:
        """Take a window of the layer; called from several threads. What is 0 takes no room."""
        if not array.any():
            return
        content = np.ascontiguousarray(array).data
        with self._lock:
            at = self._end
            self._end += array.nbytes
            self._parts.append((rows, columns, at))
        with output_errors(self._folder):
            os.pwrite(self._file.fileno(), content, at)

    def layer(self) -> xr.DataArray:
        """Return the layer (y, x), uint8, 0 where nothing was written; until it is left."""
        return computed_labels(self._read, self._geobox)

    def _read(self, rows: slice, columns: slice) -> ByteArray:
        found = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
        for down, across, at in self._parts:
            top, bottom = max(rows.start, down.start), min(rows.stop, down.stop)
            left, right = max(columns.start, across.start), min(columns.stop, across.stop)
            if top >= bottom or left >= right:
                continue
            width = across.stop - across.start
            size = (bottom - top) * width
            content = os.pread(self._file.fileno(), size, at + (top - down.start) * width)
            lines = np.frombuffer(content, np.uint8).reshape(bottom - top, width)
            part = slice(top - rows.start, bottom - rows.start)
            found[part, left - columns.start : right - columns.start] = lines[
                :, left - across.start : right - across.start
            ]
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
