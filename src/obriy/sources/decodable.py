"""Whether the pixels of a file can be decoded: looked at before anything is made of them."""

from typing import Any

import numpy.typing as npt
from rasterio.errors import RasterioError
from rasterio.windows import Window

from obriy.blocks.damage import Tile, tile_window, tiles_in
from obriy.blocks.decoded import look_at
from obriy.errors import SourceError
from obriy.model.notices import notice

MEASURED_DRIVERS = ("GTiff", "COG", "VRT", "JP2OpenJPEG")
"""Formats whose length is compared with what their headers promise (`integrity`)."""


def test_read(dataset: Any, path: str) -> None:
    """Decode the first, the middle and the last tile of the first and the last band.

    Raises:
        SourceError: where nothing can be read, or the end of the file is gone. A tile that is
            damaged is passed over: the map lists what it could not read.
    """
    bands, (height, width) = sorted({1, dataset.count}), dataset.shape
    rows, columns = dataset.block_shapes[0]
    places = {(0, 0), (height // 2, width // 2), (height - 1, width - 1)}
    tiles = sorted({(row // rows, column // columns) for row, column in places})
    errors = [
        error for index in bands for tile in tiles if (error := _fault(dataset, index, tile, path))
    ]
    if not errors:
        return
    if dataset.driver not in MEASURED_DRIVERS and _end_is_gone(dataset, path):
        raise errors[-1]
    if len(errors) < len(bands) * len(tiles):
        return
    everything = tiles_in(dataset, 1, slice(0, height), slice(0, width))
    if all(_fault(dataset, index, tile, path) for tile in everything for index in bands):
        raise errors[0]


def _end_is_gone(dataset: Any, path: str) -> bool:
    """Say whether neither the last tile of a file nor the one before it can be read."""
    height, width = dataset.shape
    last = list(tiles_in(dataset, dataset.count, slice(height - 1, height), slice(0, width)))[-2:]
    return all(_fault(dataset, dataset.count, tile, path) for tile in last)


def _fault(dataset: Any, index: int, tile: Tile, path: str) -> SourceError | None:
    """Decode a tile; return what is wrong with it."""
    try:
        read_window(dataset, index, tile_window(dataset, index, tile), path)
    except SourceError as error:
        return error
    return None


def read_window(dataset: Any, index: int, window: Window, path: str) -> npt.NDArray[Any]:
    """Read a window of an open dataset.

    Raises:
        SourceError: where the bytes cannot be decoded.
    """
    try:
        values: npt.NDArray[Any] = look_at(dataset, index, window)
    except RasterioError as error:
        raise SourceError(
            notice(
                "band_damaged_at",
                name=str(path),
                band=index,
                row=int(window.row_off),
                column=int(window.col_off),
                why=str(error),
            ),
            notice("download_again"),
        ) from error
    return values
