"""Where the tiles of a TIFF lie in its file, read from its directories and nothing else.

TIFF 6.0 (Adobe, 1992) and BigTIFF; tags of directories and their meaning as GDAL writes them. What
is read here is all that GDAL reads to open the file, so that a part of it can be opened.
"""

import dataclasses
import struct
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from obriy.errors import SourceError
from obriy.net.spans import Span

Reader = Callable[[int, int], bytes]
"""Returns the bytes between two places of a file; fewer at its end."""

MAGIC: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4,
                 16: 8, 17: 8, 18: 8}  # fmt: skip
"""Bytes of a value by its type."""
_NUMBERS: Final = {1: "u1", 3: "u2", 4: "u4", 13: "u4", 16: "u8", 18: "u8"}
_KIND, _WIDTH, _HEIGHT, _COMPRESSION = 254, 256, 257, 259
_STRIPS, _SAMPLES, _ROWS, _STRIP_SIZES, _PLANAR = 273, 277, 278, 279, 284
_TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_SIZES, _SUBDIRECTORIES = 322, 323, 324, 325, 330
_REDUCED, _MASK = 1, 4
_TELLING: Final = frozenset({7, 8, 32946, 34887, 34925, 50000, 50001})
"""Compressions that cannot take zeros for a tile: JPEG, deflate, LERC, LZMA, Zstandard, WebP."""
_MOST: Final = 512
"""Directories of a file: more is a circle."""
_MOST_BYTES: Final = 256 << 20
"""Bytes of all directories with their values: tables of 16 million tiles."""
_USED: Final = frozenset({
    _KIND, _WIDTH, _HEIGHT, _COMPRESSION, _STRIPS, _SAMPLES, _ROWS, _STRIP_SIZES, _PLANAR,
    _TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_SIZES, _SUBDIRECTORIES,
})  # fmt: skip


@dataclasses.dataclass(frozen=True, eq=False)
class Level:
    """An image of a file: the whole, an overview, or the mask of one of both.

    Attributes:
        width: Pixels.
        height: Pixels.
        tile_width: Pixels of a tile or strip.
        tile_height: Likewise.
        bands: Planes that are stored apart; 1 where all bands share a tile.
        is_mask: Whether it is the mask of another.
        is_reduced: Whether it is an overview.
        is_telling: Whether a tile of zeros cannot be decoded.
        offsets: First bytes of tiles, plane by plane, row by row; 0: nothing is stored.
        sizes: Their bytes.
    """

    width: int
    height: int
    tile_width: int
    tile_height: int
    bands: int
    is_mask: bool
    is_reduced: bool
    is_telling: bool
    offsets: npt.NDArray[np.uint64]
    sizes: npt.NDArray[np.uint64]

    def spans(self, band: int, rows: slice, columns: slice) -> Iterator[Span]:
        """Yield where the tiles behind a window lie.

        Args:
            band: From 1.
            rows: Of this level.
            columns: Of this level.
        """
        across = -(-self.width // self.tile_width)
        down = -(-self.height // self.tile_height)
        plane = (band - 1) * across * down if self.bands > 1 else 0
        for row in range(rows.start // self.tile_height, -(-rows.stop // self.tile_height)):
            for at in range(columns.start // self.tile_width, -(-columns.stop // self.tile_width)):
                tile = plane + row * across + at
                if row < down and at < across and tile < len(self.offsets):
                    offset, size = int(self.offsets[tile]), int(self.sizes[tile])
                    if size:
                        yield offset, offset + size


class _Bounded:
    """Reads directories, as many bytes as a file of this size can have of them."""

    def __init__(self, read: Reader, size: int) -> None:
        self._read = read
        self._size = size
        self._left = min(2 * size, _MOST_BYTES)  # images may share a table

    def __call__(self, start: int, stop: int) -> bytes:
        self._left -= stop - start
        if stop > self._size or self._left < 0:
            raise ValueError("it tells of more than it holds")
        return self._read(start, stop)


def levels(read: Reader, size: int, name: str) -> list[Level]:
    """Return the images of a TIFF in the order of its directories.

    Args:
        read: Reads the file.
        size: Its bytes.
        name: What it is called in messages.

    Raises:
        SourceError: where it is none, or its directories are broken.
    """
    try:
        return list(_levels(_Bounded(read, size)))
    except (struct.error, ValueError, KeyError, IndexError) as error:
        raise SourceError(
            f"The TIFF directories of {name} are broken.", "Ask its provider."
        ) from error


@dataclasses.dataclass(frozen=True)
class _Form:
    """How numbers are written in a file: byte order, and classic TIFF or BigTIFF."""

    order: str
    big: bool

    def numbers(self, content: bytes, kind: str) -> tuple[int, ...]:
        count = len(content) // struct.calcsize(self.order + kind)
        return struct.unpack(f"{self.order}{count}{kind}", content)


def _levels(read: Reader) -> Iterator[Level]:
    head = read(0, 16)
    if head[:4] not in MAGIC:
        raise ValueError("no TIFF")
    form = _Form("<" if head[:2] == b"II" else ">", head[2:4] in (b"+\0", b"\0+"))
    (at,) = form.numbers(head[8:16], "Q") if form.big else form.numbers(head[4:8], "I")
    waiting, seen = [at], set[int]()
    while waiting:
        at = waiting.pop(0)
        if at == 0:
            continue
        if at in seen or len(seen) > _MOST:
            raise ValueError("its directories lead in a circle")
        seen.add(at)
        tags, after = _directory(read, form, at)
        waiting[:0] = [*(int(n) for n in tags.get(_SUBDIRECTORIES, ())), after]
        if _WIDTH in tags:
            yield _level(tags)


def _directory(read: Reader, form: _Form, at: int) -> tuple[dict[int, npt.NDArray[np.uint64]], int]:
    """Return the numbers of a directory by their tags, and where the next one begins."""
    counter, entry, word = ("Q", 20, 8) if form.big else ("H", 12, 4)
    start = at + struct.calcsize("=" + counter)
    (count,) = form.numbers(read(at, start), counter)
    body = read(start, start + count * entry + word)
    tags = {}
    for n in range(count):
        part = body[n * entry : (n + 1) * entry]
        tag, kind = form.numbers(part[:4], "H")
        (length,) = form.numbers(part[4 : 4 + word], "Q" if form.big else "I")
        size = _SIZES[kind] * length
        value = part[4 + word : 4 + word + size]
        if size > word:
            (where,) = form.numbers(part[4 + word :], "Q" if form.big else "I")
            value = read(where, where + size)
        if tag in _USED and kind in _NUMBERS:
            tags[tag] = np.frombuffer(value, form.order + _NUMBERS[kind], length).astype("u8")
    (after,) = form.numbers(body[count * entry : count * entry + word], "Q" if form.big else "I")
    return tags, after


def _level(tags: dict[int, npt.NDArray[np.uint64]]) -> Level:
    def one(tag: int, usual: int) -> int:
        return int(tags[tag][0]) if tag in tags else usual

    width, height, kind = one(_WIDTH, 0), one(_HEIGHT, 0), one(_KIND, 0)
    tiled = _TILES in tags
    return Level(
        width=width,
        height=height,
        tile_width=one(_TILE_WIDTH, width) if tiled else width,
        tile_height=one(_TILE_HEIGHT, height) if tiled else min(one(_ROWS, height), height),
        bands=one(_SAMPLES, 1) if one(_PLANAR, 1) == 2 else 1,
        is_mask=bool(kind & _MASK),
        is_reduced=bool(kind & _REDUCED),
        is_telling=one(_COMPRESSION, 1) in _TELLING,
        offsets=tags[_TILES if tiled else _STRIPS],
        sizes=tags[_TILE_SIZES if tiled else _STRIP_SIZES],
    )
