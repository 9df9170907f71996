"""Files appear whole or not at all."""

import contextlib
import errno
import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from obriy.errors import OutputError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
DRAFT = "draft."
"""How names begin of what a writer needs beside its target, in the folder of `atomic_path`."""
_SIDECARS = (".aux.xml", ".ovr", ".msk", "-journal", "-wal", "-shm")
"""What drivers keep beside a file: of an older file of the same name it would be read with the new
one, as its statistics, or as changes still to be made."""


@contextlib.contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Give a path to write to; it becomes ``target`` when the block ends well.

    The path lies in a hidden folder of its own beside the target (so that the last step is a
    rename), under the target's own name (so that drivers which look at the extension work).
    Sidecar files written beside it move along. Where the block raises, KeyboardInterrupt
    included, all of it is removed and an older target stays as it was.

    Args:
        target: The file wanted; its folder is created where it is missing.

    Raises:
        OutputError: where the disk is full, the folder is read-only, and the like.
    """
    folder: Path | None = None
    try:
        with output_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        with output_errors(target):
            yield folder / target.name
            _publish(folder, target)
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def is_draft(path: Path) -> bool:
    """Say whether a folder is one that `atomic_path` made, and only its process can still need.

    Hidden, ``.NAME.RANDOM``, with nothing in it but NAME, its sidecars and what a writer needs
    beside it: a hidden folder of anybody else is none.
    """
    name = path.name.removeprefix(".").rpartition(".")[0]
    if not (path.name.startswith(".") and name and path.is_dir()) or path.is_symlink():
        return False
    return all(inside.name.lstrip(".").startswith((name, DRAFT)) for inside in path.iterdir())


def write_text(path: Path, text: str) -> Path:
    """Write a text file (UTF-8) whole or not at all; return its path."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def write_bytes(path: Path, content: bytes) -> Path:
    """Write a file whole or not at all; return its path."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
    return path


@contextlib.contextmanager
def output_errors(target: Path) -> Iterator[None]:
    """Turn an OSError into an OutputError that says in one line what to do."""
    try:
        yield
    except OSError as error:
        raise output_error(target, error) from error


def output_error(target: Path, error: Exception) -> OutputError:
    """Build the error for a file that could not be written."""
    code = error.errno if isinstance(error, OSError) else None  # GDAL's numbers are its own
    if code in _FULL or is_full(target):
        return full_error(target)
    if code in _FORBIDDEN:
        return OutputError(
            f"{target} could not be written: no permission.",
            "Choose a folder of your own with --out.",
        )
    reason = getattr(error, "strerror", None) or _innermost(error)
    return OutputError(
        f"{target} could not be written: {reason}.",
        "Check the room and the permissions there, or choose another folder with --out.",
    )


def full_error(target: Path) -> OutputError:
    """Build the error for a disk without room."""
    return OutputError(
        f"{target} could not be written: the disk is full.",
        "Free some space, or choose another folder with --out.",
    )


def _innermost(error: BaseException) -> str:
    """Return the first line of the error at the root: drivers wrap it in "see above"."""
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, SystemError):  # how rasterio passes on a failure without a message
        return "GDAL gave no reason; the disk may be full"
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0].rstrip(".")


def is_full(target: Path, needed: int = 65_536) -> bool:
    """Say whether the disk that would hold the file has less room than ``needed`` bytes."""
    try:
        return shutil.disk_usage(target.parent).free < needed
    except OSError:
        return False


def _publish(folder: Path, target: Path) -> None:
    """Move the file and its sidecars beside the target, the target itself last.

    Sidecars of an older file go: a driver would read them with the new one.
    """
    if not (folder / target.name).exists():
        raise FileNotFoundError(errno.ENOENT, "the writer left no file", str(target))
    for sidecar in _SIDECARS:
        target.with_name(target.name + sidecar).unlink(missing_ok=True)
    for path in sorted(
        folder.glob(f"{glob.escape(target.name)}*"), key=lambda p: p.name == target.name
    ):
        os.replace(path, target.parent / path.name)  # noqa: PTH105 - over an existing file too
