"""A granule from the archive to the cache: whole, checked, once."""

import contextlib
import fcntl
import hashlib
import os
import uuid
from pathlib import Path
from typing import Final

import requests
import tenacity

from obriy.errors import InputError, RemoteError, SourceError
from obriy.net import cache
from obriy.settings import settings
from obriy.sources.earthdata.login import HINT, PASSING, session
from obriy.sources.earthdata.remote import Remote
from obriy.sources.integrity import HDF4_START, HDF5_START, NETCDF4_SUFFIXES, check_bytes

KIND: Final = "granules"
_PIECE: Final = 1 << 20
_HELD: Final[dict[Path, int]] = {}
"""Locks of what this process reads: the cache lets none of it go meanwhile."""


class _BrokenError(Exception):
    """The same download may succeed later, or after the seconds that the server asks for."""

    def __init__(self, why: str, wait_s: float | None = None) -> None:
        super().__init__(why)
        self.wait_s = wait_s


def is_kept(remote: Remote) -> bool:
    """Say whether a file is here already."""
    return _file_of(remote).is_file()


def fetch(remote: Remote) -> Path:
    """Return a file of the archive on this machine, downloaded unless it is here.

    Raises:
        MissingExtraError: where the client is not installed.
        RemoteError: where there is no login, or the file is refused, not there, or came never
            whole.
        OutputError: where the cache cannot be written.
    """
    kept = _held(remote)
    if kept is not None:
        return kept
    folder = cache.entry(KIND, remote.href)
    draft = folder.with_name(f".{uuid.uuid4().hex}")
    try:
        draft.mkdir(parents=True)
        (draft / cache.LOCK).touch()
        _download(remote, draft / remote.name)
        with contextlib.suppress(OSError):  # somebody was quicker: theirs is as good
            draft.rename(folder)
    except OSError as error:
        raise cache.unwritable(error) from error
    finally:
        if draft.exists():
            cache.discard(draft)
    cache.trim()
    made = _held(remote)
    if made is None:
        raise cache.unwritable(OSError(0, "its entries vanish"))
    return made


def _held(remote: Remote) -> Path | None:
    """Return a file that is here, and keep it here as long as this process lives."""
    file = _file_of(remote)
    folder = file.parent
    if folder not in _HELD and file.is_file():
        with contextlib.suppress(OSError):
            lock = os.open(folder / cache.LOCK, os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                os.utime(folder)
                _HELD[folder], lock = lock, -1
            finally:
                if lock >= 0:
                    os.close(lock)
    return file if folder in _HELD and file.is_file() else None


def _file_of(remote: Remote) -> Path:
    """Return where a file is kept, or would be; one that is to be fetched again is let go of."""
    file = cache.entry(KIND, remote.href) / remote.name
    with contextlib.suppress(OSError):
        if file.parent not in _HELD and cache.is_outdated(file.stat().st_mtime):
            cache.remove(file.parent)
    return file


def _download(remote: Remote, file: Path) -> None:
    told, logged_in = settings(), session()
    growing = tenacity.wait_exponential_jitter(
        initial=told.net_wait_s, max=told.net_longest_wait_s, jitter=told.net_wait_s
    )

    def wait(state: tenacity.RetryCallState) -> float:
        asked = getattr(state.outcome and state.outcome.exception(), "wait_s", None)
        return growing(state) if asked is None else min(asked, told.net_longest_wait_s)

    trying = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(told.net_tries),
        wait=wait,
        retry=tenacity.retry_if_exception_type(_BrokenError),
        reraise=True,
    )
    try:
        trying(_once, remote, logged_in, file)
    except _BrokenError as error:
        raise RemoteError(
            f"{remote.href} did not come whole, tried {told.net_tries} times: {error}.",
            "Try again later: granules that came are kept.",
        ) from error


def _once(remote: Remote, logged_in: requests.Session, file: Path) -> None:
    """Download a file once, and check it."""
    digest, check = _digest(remote.checksum), hashlib.sha256()
    try:
        with logged_in.get(remote.href, stream=True) as response, file.open("wb") as out:
            _check_answer(remote, response)
            for piece in response.iter_content(_PIECE):
                out.write(piece)
                (digest or check).update(piece)
    except requests.RequestException as error:
        raise _BrokenError("the connection broke") from error
    size = file.stat().st_size
    if remote.size and size != remote.size:
        raise _BrokenError(f"{size} bytes came of {remote.size}")
    _check_start(remote, file)
    if digest is not None and digest.hexdigest() != remote.checksum.partition(":")[2]:
        raise _BrokenError("its checksum is not the one that NASA lists")


def _digest(checksum: str) -> "hashlib._Hash | None":
    """Return what a checksum is made with; None where there is none, or of a kind unknown here."""
    algorithm = checksum.partition(":")[0]
    known = algorithm in hashlib.algorithms_guaranteed
    return hashlib.new(algorithm, usedforsecurity=False) if known else None


def _check_answer(remote: Remote, response: requests.Response) -> None:
    """Refuse what is no file, before it is read."""
    status = response.status_code
    if status in PASSING:
        asked = response.headers.get("retry-after", "")
        raise _BrokenError(f"it answered {status}", float(asked) if asked.isdigit() else None)
    if status in (401, 403):
        raise RemoteError(
            f"NASA does not let you read {remote.name} ({status}).",
            f"{HINT} Agree to the terms of the archive at urs.earthdata.nasa.gov, where it asks.",
            status,
        )
    if status >= 400:
        raise RemoteError(
            f"{remote.href} is not there ({status}).",
            "Search again: what it names was moved.",
            status,
        )
    if "html" in response.headers.get("content-type", "").lower():
        raise _page(remote)


def _check_start(remote: Remote, file: Path) -> None:
    """Refuse what does not begin as a granule does: a login page with any status is none."""
    try:
        check_bytes(file)
    except SourceError as error:
        with file.open("rb") as stream:
            if b"<html" in stream.read(512).lower():
                raise _page(remote) from error
        raise _BrokenError("what came is no granule") from error
    start = HDF5_START if remote.name.lower().endswith(NETCDF4_SUFFIXES) else HDF4_START
    with file.open("rb") as stream:
        if stream.read(len(start)) != start:
            raise _BrokenError("what came is no granule")


def _page(remote: Remote) -> InputError:
    return RemoteError(f"NASA sent a page in place of {remote.name}: the login failed.", HINT, 401)
