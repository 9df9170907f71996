"""Windows of several bands of a file whose tiles hold them all, read at once.

Band by band, GDAL decodes each tile that its cache has no room for once for every band.
"""

import contextlib
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from rasterio.errors import RasterioError
from rasterio.windows import Window

from obriy.blocks.decoding import holds_all_bands
from obriy.blocks.memory import CACHE_BYTES

Array = npt.NDArray[Any]


class _Read(threading.local):
    """What this thread read of the bands that it asks for next."""

    def __init__(self) -> None:
        self.planes: dict[tuple[str, int, Window], Array] = {}


_read = _Read()


def read_together(file: Any, bands: Sequence[int], window: Window) -> None:
    """Read a window of several bands, for this thread to take; what is broken is told later.

    Args:
        file: Open, of this thread.
        bands: Numbers of bands, from 1.
        window: Within the file.
    """
    if len(bands) > 1 and holds_all_bands(file) and len(set(file.dtypes)) == 1:
        with contextlib.suppress(RasterioError):
            planes = file.read(list(bands), window=window)
            _read.planes |= {
                (file.name, band, window): plane for band, plane in zip(bands, planes, strict=True)
            }


def taken_together(file: Any, band: int, window: Window) -> Array | None:
    """Return a window that this thread has read, and let go of it; None: it has not."""
    return _read.planes.pop((file.name, band, window), None)


def forget_together() -> None:
    """Let go of what this thread read and never took."""
    _read.planes.clear()


def shared_parts(file: Any, rows: slice, columns: slice) -> list[tuple[slice, slice]] | None:
    """Return the parts of a window to read in turn, so that each tile is decoded once.

    None where its tiles hold one band each, or there are overviews to read instead.

    Args:
        file: Open, of this thread.
        rows: Of the window.
        columns: Of the window.
    """
    if not holds_all_bands(file) or file.overviews(1):
        return None
    height, width = file.block_shapes[0]
    tile = height * width * sum(np.dtype(one).itemsize for one in file.dtypes)
    many = max(1, CACHE_BYTES // 4 // tile)
    across = min(many, -(-file.width // width))
    down, over = (
        [
            slice(max(part.start, start), min(part.stop, start + side))
            for start in range(part.start // side * side, part.stop, side)
        ]
        for part, side in zip(
            (rows, columns), (max(1, many // across) * height, across * width), strict=True
        )
    )
    return [(r, c) for r in down for c in over]
