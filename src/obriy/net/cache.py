"""What is kept of the network on disk: entries that come and go as a whole.

An entry is a folder. Who uses one holds a lock on it, which ends with its process however that
ends; what is used by nobody goes, the longest unused first, where the cache grows beyond its cap.
Nothing half-made is ever found: files and folders appear under their names when they are whole.
"""

import contextlib
import dataclasses
import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from obriy.errors import OutputError
from obriy.settings import settings

try:
    import fcntl
except ImportError:  # Windows, which itself keeps files that are open
    fcntl = None  # type: ignore[assignment]

LOCK: Final = "lock"
"""File of an entry that its users hold a shared lock on."""
_ROOM: Final = 0.9
"""Part of the cap to which a cache that reached it is emptied: not at each file again."""
_CONTENT: Final = "content"
_BLOCK: Final = 512


@dataclasses.dataclass(frozen=True)
class Kept:
    """An entry.

    Attributes:
        folder: Where it lies.
        size: Bytes that it takes on disk.
        used: When it was used last, seconds since 1970.
    """

    folder: Path
    size: int
    used: float


class _Anew:
    """The moment before which nothing that is kept counts; 0: all does."""

    since = 0.0


def read_anew(wanted: bool = True) -> None:
    """Fetch again what is asked for from now on, and was kept before (``--refresh``); or do not."""
    _Anew.since = time.time() if wanted else 0.0


def is_read_anew() -> bool:
    """Say whether that was asked of this process."""
    return _Anew.since > 0


def is_outdated(made: float) -> bool:
    """Say whether what was kept at a moment, seconds since 1970, is to be fetched again."""
    return made < _Anew.since


def root() -> Path:
    """Return the folder of the cache."""
    return settings().cache / "network"


def entry(kind: str, key: str) -> Path:
    """Return the folder of an entry; it need not be there.

    Args:
        kind: What it is: "files" read by parts, "answers" of catalogues, "granules"...
        key: Tells it from others of its kind, e.g. an address without its signature.
    """
    name = hashlib.sha256(key.encode()).hexdigest()[:40]
    return root() / kind / name[:2] / name[2:]


def load(kind: str, key: str) -> bytes | None:
    """Return what was saved under a key; None: nothing was, or it is to be fetched again."""
    file = saved(kind, key)
    try:
        content = file.read_bytes()
        os.utime(file.parent)
    except OSError:
        return None
    return content


def saved(kind: str, key: str) -> Path:
    """Return the file that is saved under a key, for whoever opens it; it need not be there."""
    file = entry(kind, key) / _CONTENT
    with contextlib.suppress(OSError):
        if is_outdated(file.stat().st_mtime):
            remove(file.parent)
    return file


def save(kind: str, key: str, content: bytes) -> None:
    """Keep bytes under a key, in place of what was kept.

    Raises:
        OutputError: where it cannot be written.
    """
    folder = entry(kind, key)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / _CONTENT, content)
        os.utime(folder)
    except OSError as error:
        raise unwritable(error) from error


def write_whole(file: Path, content: bytes) -> None:
    """Write a file that is found whole or not at all."""
    draft = file.with_name(f".{uuid.uuid4().hex}")
    try:
        draft.write_bytes(content)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def unwritable(error: OSError) -> OutputError:
    """Return the error of a cache that cannot be written to."""
    return OutputError(
        f"The cache {root()} could not be written ({error.strerror}).",
        "Free room there, or set OBRIY_CACHE to a folder that has some.",
    )


def entries(kind: str = "*") -> Iterator[Kept]:
    """Yield the entries of a kind; those that go meanwhile are left out."""
    for folder in root().glob(f"{kind}/??/[!.]*"):
        with contextlib.suppress(OSError):
            size = sum(file.stat().st_blocks * _BLOCK for file in folder.iterdir())
            yield Kept(folder, size, folder.stat().st_mtime)


def trim() -> int:
    """Let go of entries until the cache is within its cap, the longest unused first.

    Returns:
        Bytes that were freed.
    """
    sweep()
    cap = settings().cache_gb * 1e9
    known = sorted(entries(), key=lambda kept: kept.used)
    total = sum(kept.size for kept in known)
    if total <= cap:
        return 0
    freed = 0
    for kept in known:
        if total - freed <= cap * _ROOM:
            break
        freed += kept.size if remove(kept.folder) else 0
    return freed


def clear(kind: str = "*") -> tuple[int, int]:
    """Let go of all entries of a kind that nobody uses.

    Returns:
        Bytes that were freed, and entries that stayed since they are in use.
    """
    freed = stayed = 0
    for kept in list(entries(kind)):
        if remove(kept.folder):
            freed += kept.size
        else:
            stayed += 1
    return freed, stayed


def remove(folder: Path) -> bool:
    """Let go of an entry unless somebody uses it; say whether it is gone."""
    try:
        with (folder / LOCK).open("rb") as file:
            hold(file.fileno(), alone=True)
            discard(folder)
    except BlockingIOError:
        return False
    except OSError:  # no lock: a document, read at once
        discard(folder)
    return True


def hold(descriptor: int, *, alone: bool = False) -> None:
    """Lock an entry by its open lock file, for as long as that is open.

    Raises:
        BlockingIOError: where others hold it, alone or where this one wants it alone.
    """
    if fcntl is not None:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)


def discard(folder: Path) -> None:
    """Let go of an entry, also of one in use: its users keep the files that they hold open."""
    gone = folder.with_name(f".{uuid.uuid4().hex}")
    with contextlib.suppress(OSError):
        folder.rename(gone)  # at once: nobody finds a half of it
        shutil.rmtree(gone, ignore_errors=True)


def sweep() -> None:
    """Remove what processes that were killed left half-made, once it is a day old."""
    for left in root().glob("*/??/.*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > 86400:
                shutil.rmtree(left, ignore_errors=True)
