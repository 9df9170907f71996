"""Archives of images as they are downloaded: tar, tar.gz and zip, read without being unpacked.

GDAL reads a file in a plain tar as fast as beside it. What is compressed as a whole has to be
inflated again for every jump: seven bands of a Landsat scene cost 3.4 s of one processor in place
of 0.7 s, and unpacking them first 1.9 s (224 MiB). So it is read where it lies, and said.
"""

import contextlib
import functools
import io
import re
import tarfile
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

from obriy.errors import SourceError

_ENDINGS: Final = {
    ".tar": "/vsitar/",
    ".tar.gz": "/vsitar/",
    ".tgz": "/vsitar/",
    ".zip": "/vsizip/",
}
"""What GDAL puts before the name of a file within, by the ending of the archive."""
_SLOW: Final = (".tar.gz", ".tgz")
_HIDDEN: Final = re.compile(r"(?:^|/)(?:\.|__MACOSX/)")
_BROKEN: Final = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError)


def is_archive(path: str | Path) -> bool:
    """Say whether a path is a file that holds others, by its name."""
    return str(path).lower().endswith(tuple(_ENDINGS)) and Path(path).is_file()


def stem_of(name: str) -> str:
    """Return the name of an archive without its ending."""
    ending = next((e for e in _ENDINGS if name.lower().endswith(e)), "")
    return name[: len(name) - len(ending)]


def still_packed(inside: Sequence[Path], images: Sequence[Path]) -> list[Path]:
    """Return the archives of a folder that were not unpacked to images or folders beside them."""
    names = [path.name for path in images]
    return [
        path
        for path in inside
        if is_archive(path) and not any(name.startswith(stem_of(path.name)) for name in names)
    ]


def members(archive: str | Path) -> list[str]:
    """Return the files in an archive, as GDAL names them, in the order of their names.

    Args:
        archive: The archive; hidden files in it, and what programs lay beside, are left out.

    Raises:
        SourceError: where it cannot be read to its end.
    """
    file = Path(archive).absolute()
    try:
        status = file.stat()
        found = _listed(file, status.st_mtime_ns, status.st_size)
    except _BROKEN as error:
        raise SourceError(
            f"{archive} is cut short or no archive ({error}).", "Download it again."
        ) from error
    return [f"{_prefix(file.name)}{file}/{name}" for name in found]


@functools.lru_cache(maxsize=4096)
def _listed(file: Path, changed: int, size: int) -> dict[str, tuple[int, int]]:
    """Return where the files within begin and how long they are; once for an archive that stays.

    Of a zip the place is not told, and that in a compressed tar is one of what it unpacks to.
    """
    if _prefix(file.name) == "/vsizip/":
        with zipfile.ZipFile(file) as packed:
            inside = packed.infolist()
        found = {entry.filename: (0, entry.file_size) for entry in inside if not entry.is_dir()}
    else:
        with tarfile.open(file) as bundle:
            found = {e.name: (e.offset_data, e.size) for e in bundle if e.isfile()}
            # tarfile takes a header that is cut off for the end; the end has a block of zeros.
            if bundle.fileobj is not None:
                bundle.fileobj.seek(bundle.offset)
                if bundle.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
                    raise tarfile.ReadError("it has no end")
    plain = {name.removeprefix("./"): place for name, place in found.items()}
    return {name: plain[name] for name in sorted(plain) if not _HIDDEN.search(name)}


def archive_of(name: str) -> Path | None:
    """Return the archive that a file lies in, by the name that GDAL has for it; None: in none."""
    prefix = next((p for p in set(_ENDINGS.values()) if name.startswith(p)), None)
    if prefix is None:
        return None
    inside = Path(name.removeprefix(prefix))
    return next((path for path in inside.parents if path.is_file()), None)


def is_slow(name: str) -> bool:
    """Say whether every jump in an archive, or a file of it, costs inflating what lies before."""
    return (archive_of(name) or Path(name)).name.lower().endswith(_SLOW)


def read_bytes(name: str, most: int | None = None) -> bytes:
    """Return the bytes of a small file, which may lie in an archive.

    Args:
        name: A path, or the name that GDAL has for a file in an archive.
        most: What is not read of a larger one; None: all is read.

    Raises:
        SourceError: where it may not be read, or is larger.
    """
    archive = archive_of(name)
    try:
        with contextlib.ExitStack() as stack:
            stream = _stream(name, archive, stack)
            read = stream.read() if most is None else stream.read(most + 1)
    except (*_BROKEN, KeyError, StopIteration, NotImplementedError, RuntimeError) as error:
        raise SourceError(f"{name} may not be read ({error}).", "Download it again.") from error
    if most is not None and len(read) > most:
        raise SourceError(f"{name} has more than {most >> 20} MiB.", "Download it again.")
    return read


def _stream(name: str, archive: Path | None, stack: contextlib.ExitStack) -> IO[bytes]:
    """Open a file, which may lie in an archive, until a stack is left."""
    if archive is None:
        return stack.enter_context(Path(name).open("rb"))
    inside = name.split(f"{archive}/", 1)[1]
    if _prefix(archive.name) == "/vsizip/":
        packed = stack.enter_context(zipfile.ZipFile(archive))
        return stack.enter_context(packed.open(inside))
    if not is_slow(name):
        status = archive.stat()
        begin, length = _listed(archive, status.st_mtime_ns, status.st_size)[inside]
        plain = stack.enter_context(archive.open("rb"))
        plain.seek(begin)
        return io.BytesIO(plain.read(length))
    bundle = stack.enter_context(tarfile.open(archive))  # noqa: SIM115 - the stack closes it
    entry = next(e for e in bundle if e.name.removeprefix("./") == inside)
    stream = bundle.extractfile(entry)
    return io.BytesIO() if stream is None else stream


def _prefix(name: str) -> str:
    return next(prefix for end, prefix in _ENDINGS.items() if name.lower().endswith(end))
