"""In which letters the table of a shapefile is written: its own word, else what its bytes can be.

Older GIS write Windows-1251 or DOS-866 and say neither; GDAL takes such a table for Latin, and a
district called "Озеро" is "Îçåðî".
"""

import codecs
import re
import struct
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_MOST_BYTES: Final = 1 << 23
"""Of the table that is looked at."""
_CODES: Final = {
    0x01: "cp437", 0x02: "cp850", 0x26: "cp866", 0x64: "cp852", 0x65: "cp866", 0x66: "cp865",
    0x67: "cp861", 0x6A: "cp737", 0x6B: "cp857", 0x7D: "cp1255", 0x7E: "cp1256", 0xC8: "cp1250",
    0xC9: "cp1251", 0xCA: "cp1254", 0xCB: "cp1253",
}  # fmt: skip
"""Code pages by the language byte of a dBASE table (ESRI, Code page files). Those of "ANSI" (0x03,
0x57, 0x58) are left out: they stand in tables of any letters."""
_CYRILLIC: Final = ("cp1251", "cp1125", "koi8-u")
"""Windows, DOS (866 with the Ukrainian letters) and the older Unix."""
_LETTERS: Final = "абвгґдеєёжзиіїйклмнопрстуфхцчшщъыьэюя"
_COMMON: Final = frozenset("оаиіентрсвлкмд")
"""Letters that make up three quarters of Ukrainian and Russian text."""


def encoding_of(path: Path, layer: str | int) -> str | None:
    """Return the encoding of the table of a shapefile, as Python names it.

    Args:
        path: The ``.shp``, a folder or a zip archive with one.
        layer: Name of the layer: that of the file in a folder or an archive.

    Returns:
        None where there is no such table, or nothing in it that GDAL could read wrong.
    """
    table, said = _table(path, str(layer))
    if table is None:
        return None
    texts = _texts(table)
    if all(text.isascii() for text in texts):
        return None
    stated = (_by_name(said), _CODES.get(table[29]) if len(table) > 29 else None)
    found = (name for name in stated if name and _fits(texts, name))
    return next(found, None) or recognised(texts)


def recognised(texts: Iterable[bytes]) -> str | None:
    """Return the encoding that texts can be of; None for ASCII and for what may be Latin."""
    high = [text for text in texts if not text.isascii()]
    if not high:
        return None
    if _fits(high, "utf-8"):
        return "utf-8"
    words = [word for text in high for word in re.findall(rb"[A-Za-z\x80-\xff]+", text)]
    alone = sum(len(word) for word in words if not re.search(rb"[A-Za-z]", word))
    mixed = sum(
        len(word) for word in words if re.search(rb"[A-Za-z][\x80-\xff]|[\x80-\xff][A-Za-z]", word)
    )
    if mixed >= alone:  # Müller: letters beyond ASCII stand among those of ASCII
        return None
    return max(_CYRILLIC, key=lambda name: _likeness(high, name))


def _table(path: Path, layer: str) -> tuple[bytes | None, str]:
    """Return the beginning of a table, None where there is none, and the text of its .cpg."""
    try:
        if path.suffix.lower() == ".zip":
            return _in_archive(path, layer)
        near = path.parent if path.is_file() else path
        stem = (path.stem if path.suffix.lower() in (".shp", ".dbf") else layer).lower()
        if path.is_file() and path.suffix.lower() not in (".shp", ".dbf"):
            return None, ""
        parts = {
            p.suffix.lower(): p for p in near.iterdir() if p.stem.lower() == stem and p.is_file()
        }
        if ".dbf" not in parts:
            return None, ""
        with parts[".dbf"].open("rb") as stream:
            table = stream.read(_MOST_BYTES)
        said = parts[".cpg"].read_text("latin-1")[:100] if ".cpg" in parts else ""
    except OSError:  # said where it is opened
        return None, ""
    return table, said


def _in_archive(path: Path, layer: str) -> tuple[bytes | None, str]:
    try:
        with zipfile.ZipFile(path) as archive:
            parts = {
                inside.suffix.lower(): str(inside)
                for inside in map(Path, archive.namelist())
                if inside.stem.lower() == layer.lower()
            }
            if ".dbf" not in parts:
                return None, ""
            with archive.open(parts[".dbf"]) as stream:
                table = stream.read(_MOST_BYTES)
            said = archive.read(parts[".cpg"])[:100].decode("latin-1") if ".cpg" in parts else ""
    except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError):
        return None, ""
    return table, said


def _texts(table: bytes) -> list[bytes]:
    """Return the names of the columns of a dBASE table, and what stands in those of text."""
    try:
        rows, start, length = struct.unpack_from("<IHH", table, 4)
    except struct.error:
        return []
    columns = []
    place, offset = 32, 1
    while place + 32 <= min(start, len(table)) and table[place] != 0x0D:
        name, kind, width = table[place : place + 11], table[place + 11], table[place + 16]
        columns.append((name.split(b"\0")[0], kind, offset, width))
        place, offset = place + 32, offset + width
    texts = {name for name, *_ in columns}
    for row in range(min(rows, (len(table) - start) // length) if length else 0):
        cells = table[start + row * length : start + (row + 1) * length]
        texts |= {cells[o : o + w].strip(b" \0") for _, kind, o, w in columns if kind == ord("C")}
    return sorted(texts)


def _by_name(said: str) -> str | None:
    """Return the encoding that a .cpg names: ``1251``, ``ANSI 1251``, ``UTF-8``; None: none."""
    word = said.strip().lower().removeprefix("ansi ").removeprefix("ldid/")
    if said.strip().lower().startswith("ldid/"):
        return _CODES.get(int(word)) if word.isdecimal() else None
    names = {"65001": "utf-8", "88591": "latin-1"}
    for name in (names.get(word, ""), f"cp{word}" if word.isdecimal() else word):
        try:
            return codecs.lookup(name).name
        except (LookupError, ValueError):
            continue
    return None


def _fits(texts: Iterable[bytes], name: str) -> bool:
    """Say whether texts can be of an encoding; one may be cut off within a letter at its end."""
    try:
        for text in texts:
            codecs.getincrementaldecoder(name)().decode(text)
    except UnicodeDecodeError:
        return False
    return True


def _likeness(texts: Iterable[bytes], name: str) -> float:
    """Rank how far texts read as Ukrainian or Russian in an encoding: letters, and their case."""
    score = 0.0
    for text in texts:
        read = text.decode(name, "replace")
        for before, letter in zip(f" {read}", read, strict=False):
            if ord(letter) < 0x80:
                continue
            plain = letter.lower()
            score += 1 if plain in _COMMON else 0 if plain in _LETTERS else -2
            score -= 2 if letter.isupper() and before.islower() else 0
    return score
