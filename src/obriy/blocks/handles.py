"""Open files: each thread holds a few, shared by all that read of the same file.

GDAL wants a handle for each thread. One for each band would decode the tiles of a file with
interleaved bands once for every band; one for each date of a series would never be closed.
"""

import os
import threading
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, Final

MOST: Final = 64
"""Files that a thread holds open: bands, masks and layers of a few dates."""


class _Held(threading.local):
    """What a thread holds open, the last used at the end."""

    def __init__(self) -> None:
        self.open: dict[Hashable, Any] = {}


_held = _Held()


def held(key: Hashable, make: Callable[[], Any]) -> Any:
    """Return what this thread holds open under a key.

    Args:
        key: Tells one file from another, see `state_of`.
        make: Opens it, where it is not open; what was used longest ago is then let go.
    """
    found = _held.open.pop(key, None)
    if found is None:
        found = make()
    _held.open[key] = found
    while len(_held.open) > MOST:
        # Only forgotten, not closed: a warp may still stand on it.
        del _held.open[next(iter(_held.open))]
    return found


def let_go() -> None:
    """Forget what this thread holds open: each file keeps the tile that it decoded last."""
    _held.open.clear()


def state_of(path: str | os.PathLike[str]) -> tuple[Hashable, ...]:
    """Return what tells a file from another that takes its place."""
    try:
        status = Path(path).stat()
    except OSError:  # a part of a file, or a file in an archive
        return (os.fspath(path),)
    return os.fspath(path), status.st_ino, status.st_size, status.st_mtime_ns
