"""Tiles of a GeoTIFF inflated past GDAL, by ISA-L: in two thirds of its time.

Only of what most files are: tiles of one band each, deflated, in a local file. All else, and what
is cut, is left to GDAL, which knows what to say of it; not of a tile whose bytes make no sense:
half of those it fills with numbers, and says nothing.
"""

import math
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt
from isal import isal_zlib
from rasterio.errors import RasterioIOError
from rasterio.windows import Window

from obriy.blocks.damage import tile_window, tiles_in
from obriy.blocks.windows import meeting

Array = npt.NDArray[Any]

_SMALLEST: Final = 1 << 16
"""Pixels of a tile that is worth it."""
_HEAD: Final = b"\x78"
"""First byte of what is deflated, where its bits are in the usual order."""
_KINDS: Final = {"1": "iuf", "2": "iu"}
"""Kinds of numbers by predictor: 2 tells each number of a row by its difference to the last."""


def read_whole(file: Any, band: int, window: Window) -> Array:
    """Read a window of a file, as `inflated` does where it can."""
    found = inflated(file, band, window)
    if found is None:
        found = np.asarray(file.read(band, window=window))
    return found


def inflated(file: Any, band: int, window: Window) -> Array | None:
    """Return a window of a file that is made of whole tiles; None where GDAL is to read it.

    Args:
        file: A dataset, open.
        band: Its number, from 1.
        window: Within the file.

    Raises:
        RasterioError: where the bytes of a tile make no sense.
    """
    height, width = file.block_shapes[band - 1]
    whole = window.toslices()
    if height * width < _SMALLEST or not (
        _is_of_tiles(file, band, whole) and _is_plain(file, band)
    ):
        return None
    made = np.empty([part.stop - part.start for part in whole], file.dtypes[band - 1])
    with Path(file.name).open("rb") as opened:
        if opened.read(2) != b"II":  # numbers of the other order are rare
            return None
        for tile in tiles_in(file, band, *whole):
            place = tile_window(file, band, tile).toslices()
            here, there = meeting(whole, place)
            numbers = _inflated(file, band, tile, opened)
            if numbers is None:
                return None
            _undo(numbers[there], made[here], by_rows=_predictor(file) == "2")
    return made


def _undo(numbers: Array, made: Array, *, by_rows: bool) -> None:
    """Fill in numbers as they are told: by their difference to the last one of the row, or so."""
    if by_rows:
        np.cumsum(numbers, axis=1, dtype=made.dtype, out=made)
    else:
        made[:] = numbers


def _predictor(file: Any) -> str:
    predictor: str = file.tags(ns="IMAGE_STRUCTURE").get("PREDICTOR", "1")
    return predictor


def _is_of_tiles(file: Any, band: int, whole: tuple[slice, slice]) -> bool:
    return not any(
        part.start % side or (part.stop % side and part.stop != end)
        for part, side, end in zip(whole, file.block_shapes[band - 1], file.shape, strict=True)
    )


def _is_plain(file: Any, band: int) -> bool:
    said = file.tags(ns="IMAGE_STRUCTURE")
    return (
        file.driver == "GTiff"
        and said.get("COMPRESSION") == "DEFLATE"
        and said.get("INTERLEAVE") == "BAND"
        and np.dtype(file.dtypes[band - 1]).kind in _KINDS.get(_predictor(file), "")
        and "NBITS" not in file.tags(band, ns="IMAGE_STRUCTURE")
        and Path(file.name).is_file()
    )


def _inflated(file: Any, band: int, tile: tuple[int, int], opened: BinaryIO) -> Array | None:
    """Return a tile as it is told; None where it is left out, cut, or not of its size."""
    row, column = tile
    shape, dtype = file.block_shapes[band - 1], np.dtype(file.dtypes[band - 1])
    offset, length = (
        file.get_tag_item(f"BLOCK_{item}_{column}_{row}", "TIFF", bidx=band)
        for item in ("OFFSET", "SIZE")
    )
    if offset is None:
        return None
    opened.seek(int(offset))
    size = math.prod(shape) * dtype.itemsize
    data = opened.read(int(length))
    try:
        numbers = isal_zlib.decompress(data, bufsize=size)
    except isal_zlib.error as error:  # type: ignore[misc]  # its stub has an instance
        if data[:1] != _HEAD or len(data) < int(length) or "incomplete" in str(error):
            return None
        raise RasterioIOError(f"tile {column}, {row} of band {band}: {error}") from error
    if len(numbers) != size:
        return None
    return np.frombuffer(numbers, dtype.newbyteorder("<")).reshape(shape)
