"""A file of the network, as far as it was read: a sparse file here, and which of it is there.

The journal of what is there grows line by line, each after its bytes were written, with their
checksum: what a killed process leaves is either there or not, and bytes that a disk lost are asked
for again. Several processes may write to one mirror; at worst both fetch the same.
"""

import contextlib
import dataclasses
import json
import os
import re
import threading
import uuid
import weakref
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Final

from obriy.errors import RemoteError
from obriy.net import cache
from obriy.net.address import unsigned
from obriy.net.spans import Span, Spans

KIND: Final = "files"
_ABOUT: Final = "about.json"
_JOURNAL: Final = "spans"
_ODD: Final = re.compile(r"[^\w.-]")
_BLOCK: Final = 4096
_TRIM_AT: Final = 64 << 20
"""Bytes written between two looks at the cap."""


@dataclasses.dataclass(frozen=True)
class About:
    """What tells a file from another at the same address.

    Attributes:
        href: Address without its signature.
        size: Bytes.
        etag: What the server calls this version; empty: nothing.
        modified: When it says that it was changed; empty: it does not.
        made: When the mirror was, seconds since 1970.
        file: Name of the sparse file, which no other mirror has: whoever opens it by its path gets
            this one, or none.
    """

    href: str
    size: int
    etag: str
    modified: str
    made: float
    file: str = ""

    def is_same(self, size: int, etag: str, modified: str) -> bool:
        """Say whether an answer is of this file, and not of one that took its place."""
        if self.size != size:
            return False
        if self.etag and etag:
            return self.etag == etag
        return not (self.modified and modified) or self.modified == modified


class Mirror:
    """The part of a file of the network that is here; in use as long as the object lives.

    Attributes:
        about: Which file it is.
        path: The sparse file; bytes that were not fetched read as zeros, so ask `lacking` first.
        block: Bytes that the system reads at a time where a buffer stands before the file.
    """

    _written_since_trim = _TRIM_AT  # at the first write: short runs would never come to it

    def __init__(self, folder: Path, about: About, lock: int) -> None:
        self.folder = folder
        self.about = about
        self.path = folder / about.file
        self.block = max(_BLOCK, getattr(os.fstat(lock), "st_blksize", _BLOCK))
        weakref.finalize(self, os.close, lock)
        self._guard = threading.Lock()
        self._there = Spans()
        self._sums: dict[Span, int] = {}
        self._read_journal()

    def lacking(self, spans: Collection[Span]) -> list[Span]:
        """Return the parts of spans that are not here; checksums of the others are checked."""
        if not spans:
            return []
        with self._guard:
            self._check_sums((min(a for a, _ in spans), max(b for _, b in spans)))
            return [part for span in spans for part in self._there.lacking(span)]

    def write(self, start: int, content: bytes) -> None:
        """Keep bytes that were fetched.

        Raises:
            RemoteError: where another run has let go of this mirror.
            OutputError: where they cannot be written.
        """
        stop = start + len(content)
        line = f"{start} {stop} {zlib.crc32(content)}\n".encode()
        try:
            with self.path.open("r+b") as file:
                file.seek(start)
                file.write(content)
            with (self.folder / _JOURNAL).open("ab", buffering=0) as journal:
                journal.write(line)
        except FileNotFoundError as error:
            raise _lost(self.about.href) from error
        except OSError as error:
            raise cache.unwritable(error) from error
        with self._guard:
            self._there.add((start, stop))
        Mirror._written_since_trim += len(content)
        if Mirror._written_since_trim > _TRIM_AT:
            Mirror._written_since_trim = 0
            cache.trim()

    def read(self, span: Span) -> bytes:
        """Return bytes that are here.

        Raises:
            RemoteError: where another run has let go of this mirror.
        """
        try:
            with self.path.open("rb") as file:
                file.seek(span[0])
                return file.read(span[1] - span[0])
        except FileNotFoundError as error:
            raise _lost(self.about.href) from error

    @property
    def fetched(self) -> int:
        """How many bytes are here."""
        with self._guard:
            return self._there.total

    def discard(self) -> None:
        """Let go of it: the file at its address is another by now."""
        cache.discard(self.folder)

    def _read_journal(self) -> None:
        try:
            lines = (self.folder / _JOURNAL).read_bytes().splitlines(keepends=True)
        except OSError:
            return
        for line in lines:
            words = line.split()
            if not line.endswith(b"\n") or len(words) != 3 or not all(w.isdigit() for w in words):
                continue  # of a process that was ended while it wrote
            start, stop, checksum = map(int, words)
            if start < stop <= self.about.size:
                self._there.add((start, stop))
                self._sums[start, stop] = checksum

    def _check_sums(self, span: Span) -> None:
        """Check what an earlier process wrote, once; what is broken is not here."""
        if not self._sums:
            return
        for part in [p for p in self._sums if p[0] < span[1] and span[0] < p[1]]:
            if zlib.crc32(self.read(part)) != self._sums.pop(part):
                self._there.remove(part)


def find(href: str) -> Mirror | None:
    """Return the mirror of a file; None where nothing of it is here.

    Args:
        href: Address without a signature.
    """
    folder = cache.entry(KIND, href)
    with contextlib.suppress(OSError, ValueError, TypeError):
        lock = os.open(folder / cache.LOCK, os.O_RDONLY)
        try:
            cache.hold(lock)
            if os.fstat(lock).st_ino == (folder / cache.LOCK).stat().st_ino:
                os.utime(folder)
                about = About(**json.loads((folder / _ABOUT).read_text("utf-8")))
                if (folder / about.file).stat().st_size != about.size:
                    return None  # what was kept of it is lost, whatever its journal says
                found, lock = Mirror(folder, about, lock), -1
                return found
        finally:
            if lock >= 0:
                os.close(lock)
    return None


def make(about: About) -> Mirror:
    """Return the mirror of a file of which nothing is here yet, or what others made meanwhile.

    Raises:
        OutputError: where it cannot be written.
    """
    folder = cache.entry(KIND, about.href)
    own = uuid.uuid4().hex
    draft = folder.with_name(f".{own}")
    about = dataclasses.replace(about, file=f"{own[:8]}-{_file_name(about.href)}")
    try:
        draft.mkdir(parents=True)
        (draft / _ABOUT).write_text(json.dumps(dataclasses.asdict(about)), "utf-8")
        for name in (cache.LOCK, _JOURNAL, about.file):
            (draft / name).touch()
        os.truncate(draft / about.file, about.size)
        _place(draft, folder, about)
    except OSError as error:
        raise cache.unwritable(error) from error
    made = find(about.href)
    if made is None or not made.about.is_same(about.size, about.etag, about.modified):
        raise cache.unwritable(OSError(0, "its entries vanish"))
    return made


def _place(draft: Path, folder: Path, about: About) -> None:
    """Put a new mirror where it is found, unless there is one of the same file already."""
    for _ in range(2):
        with contextlib.suppress(OSError):
            draft.rename(folder)
            return
        there = find(about.href)
        if there is not None and there.about.is_same(about.size, about.etag, about.modified):
            cache.discard(draft)
            return
        cache.discard(folder)
    draft.rename(folder)


def _file_name(href: str) -> str:
    """Return the name that a file has here: its own, as far as it is one."""
    last = unsigned(href).partition("?")[0].rstrip("/").rpartition("/")[2]
    return _ODD.sub("_", last)[-80:]


def _lost(href: str) -> RemoteError:
    return RemoteError(
        f"What was kept of {href} was let go of by another run.", "Run it again: it is read anew."
    )
