"""A cloud-optimised GeoTIFF laid out of tiles that are encoded already, each copied as it is.

GDAL writes one only of pixels, which it would have to encode once more. What a directory says of
the map (its place, names, colours) is GDAL's own: a file of one pixel that it wrote is the
pattern; size, tiles and levels are put in here.
"""

import dataclasses
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from obriy.outputs.scratch import Tiles

Entries = Mapping[int, tuple[int, int, bytes]]
"""Type, count and bytes of each tag of a directory."""

_GHOST: Final = (
    b"LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n"
    b"BLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n "
)
"""Tells readers of the layout: a tile has its size before it, and its last bytes again after it."""
_FRAME: Final = 4
"""Bytes before a tile, and after it."""
_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
"""Bytes of a value of each type."""
_SHORT_OF: Final = 2**32 - 2**20
"""Bytes of pixels that a classic TIFF has room for, its directories aside."""
_SUBFILE, _WIDTH, _HEIGHT, _OFFSETS, _COUNTS = 254, 256, 257, 324, 325
_OF_THE_MAP: Final = {305, 306, 33550, 33922, 34264, 34735, 34736, 34737, 42112}
"""Tags that overviews go without: software, date, place, metadata."""


@dataclasses.dataclass(frozen=True)
class _Form:
    """How numbers stand in a TIFF, classic or big."""

    head: bytes
    number: str
    few: str
    kind: int

    @property
    def width(self) -> int:
        return struct.calcsize(self.number)

    def pack(self, values: Iterable[int]) -> bytes:
        return b"".join(struct.pack(self.number, value) for value in values)


_CLASSIC: Final = _Form(b"II*\0", "<I", "<H", 4)
_BIG: Final = _Form(b"II+\0\x08\0\0\0", "<Q", "<Q", 16)


def write_cog(path: Path, pattern: bytes, levels: Sequence[Tiles]) -> None:
    """Write a COG of its levels, the largest first; tiles that a level lacks are left out.

    Args:
        path: The file.
        pattern: A little-endian classic TIFF of a pixel, deflated in tiles of `TILE`: what it
            says of place, metadata and colours is said of the map.
        levels: Finished.
    """
    own = _entries(pattern)
    seen_far = {tag: entry for tag, entry in own.items() if tag not in _OF_THE_MAP}
    seen_far[_SUBFILE] = _numbers(_CLASSIC, [1])
    entries = [own, *(seen_far for _ in levels[1:])]
    framed = sum(size + 2 * _FRAME for level in levels for size in level.sizes if size)
    form = _CLASSIC if framed < _SHORT_OF else _BIG
    ghost = b"GDAL_STRUCTURAL_METADATA_SIZE=%06d bytes\n" % len(_GHOST) + _GHOST
    start = len(form.head) + form.width + len(ghost)
    first = start + start % 2
    # Directories are as long whatever the offsets are: so their length tells the offsets.
    zeros = [[0] * len(level.sizes) for level in levels]
    after = first + len(_directories(form, first, entries, levels, zeros))
    offsets = _offsets(after, levels)
    with path.open("wb") as file:
        file.write(form.head + form.pack([first]) + ghost + bytes(first - start))
        file.write(_directories(form, first, entries, levels, offsets))
        for level in reversed(levels):
            for data in level.encoded():
                file.write(struct.pack("<I", len(data)) + data + data[-_FRAME:])


def _offsets(after: int, levels: Sequence[Tiles]) -> list[list[int]]:
    """Return where tiles begin, 0 of those left out: the smallest level lies first."""
    offsets: list[list[int]] = []
    for level in reversed(levels):
        found = []
        for size in level.sizes:
            found.append(after + _FRAME if size else 0)
            after += size + 2 * _FRAME if size else 0
        offsets.insert(0, found)
    return offsets


def _entries(pattern: bytes) -> Entries:
    """Read the first directory of a classic TIFF."""
    (at,) = struct.unpack_from("<I", pattern, 4)
    (count,) = struct.unpack_from("<H", pattern, at)
    found = {}
    for place in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind, values = struct.unpack_from("<HHI", pattern, place)
        size = values * _SIZES[kind]
        here = place + 8 if size <= 4 else struct.unpack_from("<I", pattern, place + 8)[0]
        found[tag] = kind, values, pattern[here : here + size]
    return found


def _directories(
    form: _Form,
    at: int,
    entries: Sequence[Entries],
    levels: Sequence[Tiles],
    offsets: Sequence[Sequence[int]],
) -> bytes:
    """Return the directories of all levels, which lie from ``at`` on, one after the other."""
    made = b""
    for said, level, places in zip(entries, levels, offsets, strict=True):
        height, width = level.shape
        whole = {
            **said,
            _WIDTH: _numbers(_CLASSIC, [width]),
            _HEIGHT: _numbers(_CLASSIC, [height]),
            _OFFSETS: _numbers(form, places),
            _COUNTS: _numbers(_CLASSIC, level.sizes),
        }
        made += _directory(form, at + len(made), whole, last=level is levels[-1])
    return made


def _numbers(form: _Form, values: Sequence[int]) -> tuple[int, int, bytes]:
    return form.kind, len(values), form.pack(values)


def _directory(form: _Form, at: int, entries: Entries, *, last: bool) -> bytes:
    """Return a directory, and behind it the values that do not fit into it."""
    length = struct.calcsize(form.few) + len(entries) * (4 + 2 * form.width) + form.width
    made, beyond = struct.pack(form.few, len(entries)), b""
    for tag, (kind, count, values) in sorted(entries.items()):
        made += struct.pack("<HH", tag, kind) + form.pack([count])
        if len(values) <= form.width:
            made += values.ljust(form.width, b"\0")
        else:
            made += form.pack([at + length + len(beyond)])
            beyond += values + bytes(-len(values) % 8)
    beyond += bytes(-(length + len(beyond)) % 8)
    return made + form.pack([0 if last else at + length + len(beyond)]) + beyond
