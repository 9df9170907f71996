"""What tells inputs from others of the same names: by size, time of change and content.

Files up to 256 KiB are read whole; of larger ones the two ends and six blocks between, so that a
gigabyte costs a millisecond. A change in the middle of a large file that keeps its size *and* its
time of change can escape.
"""

import contextlib
import glob
import hashlib
import html
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from obriy.model.provenance import versions

_END: Final = 1 << 16
_BLOCK: Final = 1 << 14
_BLOCKS: Final = 6
_WHOLE: Final = 1 << 18
LEDGER: Final = "ledger.jsonl"
"""A folder with this in it is a run: below an input it is none of it."""
_AFTER_NAME: Final = (".msk", ".aux.xml", ".ovr", "-wal")
_AFTER_STEM: Final = (
    ".aux", ".hdr", ".prj", ".tfw", ".tifw", ".jgw", ".j2w", ".wld", ".imd", ".rpb",
    ".dbf", ".shx", ".cpg", ".json",
)  # fmt: skip
"""What is read with a file: masks, statistics, overviews, changes not yet in it; where it lies,
the parts of a shapefile, a STAC item."""
_SOURCE: Final = re.compile(
    rb"<(?:SourceFilename|SourceDataset|SrcDataSource)[^>]*>([^<]+)</", re.IGNORECASE
)
"""What a VRT is made of."""


def fingerprint(hrefs: Sequence[str]) -> dict[str, Any]:
    """Return what tells the inputs of a step from others of the same name.

    Args:
        hrefs: Files, folders, or names that are neither.

    Returns:
        ``files``: size, time of change and a hash of each file, of those that are read with it and
        of all within a folder, and addresses in the network; ``obriy``: the version of the
        software.
    """
    far: dict[str, list[Any]] = {href: [] for href in hrefs if "://" in href}
    return {"obriy": versions()["obriy"], "files": prints(hrefs) | far}


def prints(hrefs: Iterable[str]) -> dict[str, list[Any]]:
    """Return size, time of change and hash by name; names that are no files are left out."""
    found: dict[str, list[Any]] = {}
    for file in _read_with([place for href in hrefs for place in local_places(href)]):
        with contextlib.suppress(OSError):  # gone since it was found
            found[str(file)] = _print_of(file)
    return found


def local_places(href: str) -> list[Path]:
    """Return the files or folders that a name means; none where it means none.

    A pattern means what fits it, GDAL's names for a part of a file (``NETCDF:"a.nc":green``,
    ``/vsizip/a.zip/b.tif``) mean it, and so do names with a word before them (``gsw:FILE``).
    """
    if href.startswith("/vsi"):
        inner = Path(re.sub(r"^/vsi\w+/", "", href))
        return [path for path in (inner, *inner.parents) if path.is_file()][:1]
    names = [href, href.partition("?p=")[0], *re.split(r'[":=]|\?p=', href)]
    for path in (Path(name) for name in names if name):
        with contextlib.suppress(OSError, ValueError, RuntimeError):  # no name that a file can have
            if path.expanduser().exists():
                return [path.expanduser()]
    return [Path(name) for name in sorted(glob.glob(href))]  # noqa: PTH207 - absolute patterns too


def files_below(folder: Path) -> Iterator[Path]:
    """Return the files in a folder and below; hidden ones, and runs within, are left out."""
    known: set[str] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        known.add(os.path.realpath(place))
        folders[:] = [
            name
            for name in folders
            if not (name.startswith(".") or Path(place, name, LEDGER).exists())
            and os.path.realpath(Path(place, name)) not in known
        ]
        yield from (Path(place, name) for name in names if not name.startswith("."))


def _read_with(places: Sequence[Path]) -> Iterator[Path]:
    """Return files, all files of folders, and what is read with them."""
    waiting, known = list(places), set()
    while waiting:
        path = waiting.pop()
        if path in known:
            continue
        known.add(path)
        if path.is_dir():
            waiting += files_below(path)
        elif path.is_file():  # and no pipe, which would be waited for
            yield path
            waiting += [path.with_name(path.name + end) for end in _AFTER_NAME]
            waiting += [path.with_suffix(end) for end in _AFTER_STEM]
            waiting += _sources_of(path)


def _sources_of(file: Path) -> list[Path]:
    """Return the files that a VRT names; relative ones from where it lies."""
    if file.suffix.lower() != ".vrt":
        return []
    found = (name.decode(errors="replace").strip() for name in _SOURCE.findall(file.read_bytes()))
    names = (str(file.parent / html.unescape(name)) for name in found)
    return [place for name in names for place in local_places(name)]


def _print_of(file: Path) -> list[Any]:
    """Return size, time of change (ns) and hash of a file; no hash of one that may not be read."""
    about = file.stat()
    try:
        content = _digest(file, about.st_size)
    except OSError:
        content = ""
    return [about.st_size, about.st_mtime_ns, content]


def _digest(file: Path, size: int) -> str:
    digest = hashlib.blake2b(digest_size=16)
    with file.open("rb", buffering=0) as content:
        if size <= _WHOLE:
            digest.update(content.read(_WHOLE))
        else:
            step = (size - 2 * _END) // (_BLOCKS + 1)
            places = [(0, _END), (size - _END, _END)]
            places += [(_END + step * (i + 1), _BLOCK) for i in range(_BLOCKS)]
            for start, length in places:
                content.seek(start)
                digest.update(content.read(length))
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
