"""Whether a file's bytes are the image that its name promises, before any pixel is decoded."""

from pathlib import Path
from typing import Any, Final, Literal

from obriy.errors import SourceError
from obriy.model.notices import notice

HEAD = 512
MAX_BLOCKS = 4096
HDF4_SUFFIXES: Final = (".hdf", ".hdf4", ".h4")
"""Endings of MODIS products as NASA ships them."""
NETCDF4_SUFFIXES: Final = (".nc",)
"""Endings of VIIRS products as NASA ships them."""
HDF4_START = b"\x0e\x03\x13\x01"
HDF5_START = b"\x89HDF\r\n\x1a\n"
JP2_START = b"\x00\x00\x00\x0cjP  "
TIFF_ORDERS: Final[dict[bytes, Literal["little", "big"]]] = {b"II": "little", b"MM": "big"}
CODESTREAM_END = b"\xff\xd9"


def where_it_went(file: Path) -> str:
    """Return the way out where a file is not there; of a link, that to what it should be."""
    if file.is_symlink():
        return f"It is a link to {file.readlink()}, which is not there."
    return "Check the path."


def check_bytes(file: Path) -> None:
    """Look at the first bytes of a file.

    Raises:
        SourceError: where it is empty, a web page, text, or may not be read.
    """
    try:
        with file.open("rb") as stream:
            head = stream.read(HEAD)
    except OSError as error:
        raise SourceError(
            notice("file_not_permitted", name=str(file), why=str(error.strerror)),
            notice("ask_for_permission"),
        ) from error
    if not head:
        raise SourceError(notice("file_empty", name=str(file)), notice("download_again"))
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head")):
        raise SourceError(notice("file_is_web_page", name=str(file)), notice("log_in"))
    if text.startswith((b"<?xml", b"<error")) and b"vrtdataset" not in text:
        raise SourceError(notice("file_is_xml", name=str(file)), notice("download_again"))
    if text.startswith((b"{", b"[")):
        raise SourceError(notice("file_is_json", name=str(file)), notice("name_the_image"))
    if head.startswith(JP2_START):
        _check_jp2(file)
    if head.startswith(HDF5_START):
        _check_hdf5(file, head)


def _check_jp2(file: Path) -> None:
    """Walk through the boxes of a JP2 file: one that ends past the end of the file is cut short."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        at = 0
        while at + 8 <= size:
            stream.seek(at)
            header = stream.read(16)
            length = int.from_bytes(header[:4], "big")
            if length == 1:
                length = int.from_bytes(header[8:16], "big")
            if length == 0:  # to the end of the file: the codestream's own end mark must be there
                stream.seek(size - 2)
                complete = stream.read(2) == CODESTREAM_END
                at, length = (size, 0) if complete else (size + 1, 0)
                break
            at += max(length, 8)
    if at > size:
        raise SourceError(
            notice("file_lacks_bytes", name=str(file), size=size), notice("download_again")
        )


def _check_hdf5(file: Path, head: bytes) -> None:
    """Compare the length that a NetCDF 4 or HDF5 file states with its own.

    The superblock says it in its version 0 and 1 after the version numbers, the sizes and two
    addresses, in 2 and 3 after two addresses (HDF5 File Format Specification, II.A).
    """
    version = head[8] if len(head) > 8 else 255
    width = head[13 if version < 2 else 9] if len(head) > 13 else 0
    at = {0: 24 + 2 * width, 1: 28 + 2 * width, 2: 12 + 2 * width, 3: 12 + 2 * width}.get(version)
    if at is None or width not in (2, 4, 8) or len(head) < at + width:
        raise SourceError(notice("file_head_damaged", name=str(file)), notice("download_again"))
    size, stated = file.stat().st_size, int.from_bytes(head[at : at + width], "little")
    if size < stated:
        raise SourceError(
            notice("file_lacks_stated", name=str(file), size=size, stated=stated),
            notice("download_again"),
        )


def directory_is_cut_off(file: Path) -> bool:
    """Say whether a TIFF names a place for its first directory at which it has already ended.

    Small writers put it behind the pixels, so that it is the first thing lost in a download.
    The header is 8 bytes, of a BigTIFF 16 (TIFF 6.0, section 2; BigTIFF specification).
    """
    try:
        with file.open("rb") as stream:
            head = stream.read(16)
    except OSError:
        return False
    order = TIFF_ORDERS.get(head[:2])
    if order is None or len(head) < 16:
        return False
    magic = int.from_bytes(head[2:4], order)
    if magic not in (42, 43):
        return False
    start = int.from_bytes(head[4:8] if magic == 42 else head[8:16], order)
    size = file.stat().st_size
    count_bytes, entry, link = (2, 12, 4) if magic == 42 else (8, 20, 8)
    if start + count_bytes > size:
        return True
    with file.open("rb") as stream:
        stream.seek(start)
        entries = int.from_bytes(stream.read(count_bytes), order)
    return start + count_bytes + entries * entry + link > size


def check_last_bytes(file: Path, dataset: Any) -> None:
    """Compare where the blocks of a GeoTIFF lie with the length of the file.

    Args:
        file: The file.
        dataset: The same, opened with rasterio.

    Raises:
        SourceError: where a block lies past the end.
    """
    if dataset.driver not in ("GTiff", "COG"):
        return
    size = file.stat().st_size
    rows, columns = dataset.block_shapes[0]
    down, across = -(-dataset.height // rows), -(-dataset.width // columns)
    blocks = [(y, x) for y in range(down) for x in range(across)]
    step = max(1, len(blocks) * dataset.count // MAX_BLOCKS)
    for index in dataset.indexes:
        for y, x in [*blocks[::step], blocks[-1]]:
            end = _block_end(dataset, index, x, y)
            if end is not None and end > size:
                raise SourceError(
                    notice("file_lacks_band", name=str(file), size=size, band=index, end=end),
                    notice("download_again"),
                )


def _block_end(dataset: Any, index: int, x: int, y: int) -> int | None:
    offset = dataset.get_tag_item(f"BLOCK_OFFSET_{x}_{y}", "TIFF", bidx=index)
    length = dataset.get_tag_item(f"BLOCK_SIZE_{x}_{y}", "TIFF", bidx=index)
    return int(offset) + int(length) if offset and length else None
