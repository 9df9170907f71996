"""What a file decodes to be read anywhere: its tiles are whole or not at all.

A window of one pixel decodes the tile around it, of all bands where they are interleaved, and the
buffer stays as long as the file is open. A file of one compressed strip is one tile.
"""

import functools
import json
import math
from pathlib import Path
from typing import Any, Final

import numpy as np
from rasterio.errors import RasterioError

from obriy.blocks import gdal
from obriy.blocks.memory import least_gb, room
from obriy.errors import MemoryBudgetError

DECODING: Final = "decoding"
"""Key in the ``encoding`` of a lazy variable: its file, and what a thread takes to decode it."""
_CHUNK: Final = 2
"""Copies of a chunk that HDF5 keeps of an open variable; measured."""
_SAMPLE: Final = 8
"""Bytes of a sample of JPEG 2000 while it is decoded; measured: two copies of 4 bytes."""
_BLOCKS: Final = 120 * 1000**2
"""What must be left for the work beside the tile; the plan says it exactly."""
_SMALL: Final = 8 * 1000**2
"""A tile that takes no more is never what memory lacks for."""
_HEAD: Final = 1 << 16
_SIZ: Final = b"\xff\x51"


def decoding_bytes(dataset: Any) -> int:
    """Return the memory that one thread takes to read a window of a file, beside the window.

    Args:
        dataset: The file, open.
    """
    if dataset.driver == "VRT":
        return _of_sources(tuple(dataset.files[1:]))
    pixels = math.prod(max(dataset.block_shapes, key=math.prod))
    sizes = [np.dtype(dtype).itemsize for dtype in dataset.dtypes]
    if dataset.driver == "netCDF":
        return int(_CHUNK * pixels * max(sizes))
    if dataset.driver == "Zarr":
        return int(_CHUNK * max(_chunk_of_zarr(dataset.name), pixels) * max(sizes))
    if dataset.driver.startswith("JP2"):
        return int(pixels * (_SAMPLE * len(sizes) + sum(sizes))) + _codestream(Path(dataset.name))
    together = holds_all_bands(dataset)
    # The buffer of the file, the tile of one band in GDAL's cache, and what was packed.
    return int(pixels * ((sum(sizes) if together else 0) + max(sizes))) + _packed(dataset, together)


def holds_all_bands(dataset: Any) -> bool:
    """Say whether a tile of a file holds several bands: to read one decodes all of them."""
    interleaving = dataset.interleaving
    return dataset.count > 1 and interleaving is not None and interleaving.name == "pixel"


def _packed(dataset: Any, together: bool) -> int:
    """Return the bytes of a tile before it is unpacked, where that is much: it is read whole.

    Args:
        dataset: The file, open.
        together: Whether a tile holds all bands.
    """
    rows, columns = dataset.block_shapes[0]
    tiles = math.ceil(dataset.height / rows) * math.ceil(dataset.width / columns)
    file = Path(dataset.name)
    if dataset.compression is None or not file.is_file():
        return 0
    one = file.stat().st_size // (tiles * (1 if together else dataset.count))
    return one if one > _SMALL else 0


def require_room(dataset: Any, path: str) -> int:
    """Refuse a file of which not even one tile may be decoded, before any is.

    Args:
        dataset: The file, open; nothing of it is decoded.
        path: Its name.

    Returns:
        What a thread takes to decode a tile, bytes.

    Raises:
        MemoryBudgetError: with the memory that would be enough, and how to store it in small tiles.
    """
    need, allowed = decoding_bytes(dataset), room()
    if need > max(allowed, _SMALL):
        rows, columns = max(dataset.block_shapes, key=math.prod)
        raise MemoryBudgetError(
            f"{path} is stored in tiles of {rows} x {columns} pixels: to read any of it takes "
            f"{need / 1e9:.2f} GB, and {max(allowed, 0) / 1e9:.2f} GB are left for it.",
            f"Allow --max-ram {least_gb(need + _BLOCKS):.2f} (GB) or more, or store it in small "
            f"tiles: {retile(path)}.",
        )
    return need


def retile(path: str) -> str:
    """Return the command that stores a file in small tiles."""
    part = path.rpartition(":")[2] if path.lower().startswith("netcdf:") else "tiled"
    size = "--co blockxsize=512 --co blockysize=512"
    return f"rio convert {path} {part}.tif --co tiled=yes {size} --co compress=deflate"


def _chunk_of_zarr(name: str) -> int:
    """Return the numbers in a chunk of an array, which may hold many steps of time; 0: unknown."""
    folder = gdal.zarr_array(name)
    if folder is None:
        return 0
    try:
        told = json.loads((folder / ".zarray").read_text("utf-8"))
    except (OSError, ValueError):
        return 0
    return math.prod(told.get("chunks", [0]))


@functools.lru_cache(maxsize=64)
def _of_sources(files: tuple[str, ...]) -> int:
    """Return what a VRT takes: its files stay open, a limited number of them."""
    largest = 0
    for file in files:
        try:
            with gdal.open_raster(file) as source:
                largest = max(largest, decoding_bytes(source))
        except RasterioError:  # an overview that is no raster by itself, or what fails when read
            continue
    return largest * min(len(files), gdal.MOST_SOURCES)


def _codestream(file: Path) -> int:
    """Return the compressed bytes of a tile of JPEG 2000, which are read whole, three times over.

    GDAL decodes parts of a large tile, and does not say how large it is; its header does (marker
    SIZ; ISO/IEC 15444-1, A.5.1).
    """
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            head = stream.read(_HEAD)
    except OSError:
        return 0
    at = head.find(_SIZ)
    if at < 0:
        return 3 * size
    numbers = [int.from_bytes(head[at + 6 + 4 * i : at + 10 + 4 * i]) for i in range(6)]
    width, height, _, _, tile_width, tile_height = numbers
    tiles = max(1, math.ceil(width / max(tile_width, 1)) * math.ceil(height / max(tile_height, 1)))
    return 3 * size // tiles
