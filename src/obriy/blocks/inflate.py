"""Tiles of a GeoTIFF inflated past GDAL, by ISA-L: in two thirds of its time.

Only of what most files are: tiles of one band each, deflated, in a local file. All else, and what
is broken, is left to GDAL, which knows what to say of it.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from isal import isal_zlib
from rasterio.windows import Window

from obriy.blocks.damage import tile_window

_SMALLEST: Final = 1 << 16
"""Pixels of a tile that is worth it."""
_KINDS: Final = {"1": "iuf", "2": "iu"}
"""Kinds of numbers by predictor: 2 tells each number of a row by its difference to the last."""


def inflated(file: Any, band: int, window: Window) -> npt.NDArray[Any] | None:
    """Return a window of a file that is one of its tiles; None where GDAL is to read it.

    Args:
        file: A dataset, open.
        band: Its number, from 1.
        window: Within the file.
    """
    height, width = file.block_shapes[band - 1]
    tile = int(window.row_off) // height, int(window.col_off) // width
    if height * width < _SMALLEST or tile_window(file, band, tile) != window:
        return None
    said = file.tags(ns="IMAGE_STRUCTURE") | file.tags(band, ns="IMAGE_STRUCTURE")
    predictor, dtype = said.get("PREDICTOR", "1"), np.dtype(file.dtypes[band - 1])
    if not _is_plain(file, said) or dtype.kind not in _KINDS.get(predictor, ""):
        return None
    numbers = _inflated(file, band, tile, height * width * dtype.itemsize)
    if numbers is None:
        return None
    whole = np.frombuffer(numbers, dtype.newbyteorder("<")).reshape(height, width)
    made = np.cumsum(whole, axis=1, dtype=dtype) if predictor == "2" else whole.astype(dtype)
    return np.ascontiguousarray(made[: int(window.height), : int(window.width)])


def _is_plain(file: Any, said: dict[str, str]) -> bool:
    return (
        file.driver == "GTiff"
        and said.get("COMPRESSION") == "DEFLATE"
        and said.get("INTERLEAVE") == "BAND"
        and "NBITS" not in said
        and Path(file.name).is_file()
    )


def _inflated(file: Any, band: int, tile: tuple[int, int], size: int) -> bytes | None:
    """Return so many bytes of a tile; None where it is left out, broken, or not of this size."""
    row, column = tile
    offset, length = (
        file.get_tag_item(f"BLOCK_{item}_{column}_{row}", "TIFF", bidx=band)
        for item in ("OFFSET", "SIZE")
    )
    if offset is None:
        return None
    with Path(file.name).open("rb") as opened:
        if opened.read(2) != b"II":  # numbers of the other order are rare
            return None
        opened.seek(int(offset))
        deflated = opened.read(int(length))
    try:
        numbers: bytes = isal_zlib.decompress(deflated, bufsize=size)
    except isal_zlib.error:  # type: ignore[misc]  # its stub has an instance
        return None
    return numbers if len(numbers) == size else None
