"""A file of the network that is read by parts: what is needed is fetched, once, and kept."""

import collections
import concurrent.futures
import functools
import threading
import time
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from obriy.errors import RemoteError
from obriy.net import address, cache, ending, mirror, tiff
from obriy.net.answers import Answer, content_range
from obriy.net.arrival import arrival
from obriy.net.client import client
from obriy.net.mirror import About, Mirror
from obriy.net.signing import Signer
from obriy.net.spans import Span, Spans, together
from obriy.net.tiff import Level
from obriy.settings import settings

HEAD: Final = 1 << 15
"""Bytes that are read of a file first: the directories of most GeoTIFFs made for the cloud."""
_AHEAD: Final = 1 << 14
"""Bytes that are read with few: directories lie together."""


class RemoteFile:
    """A file of the network, shared by the threads of this process; see `remote_file`.

    Attributes:
        href: Address without its signature: what it is called in cache, record and messages.
        signer: Signs the address when it is read.
    """

    def __init__(self, href: str, signer: Signer | None) -> None:
        self.href = address.unsigned(href)
        self.signer = signer
        self._at = _reached(href, signer)
        self._lock = threading.Lock()
        self._coming: dict[Span, concurrent.futures.Future[None]] = {}
        self._failed: dict[Span, RemoteError] = {}
        self._refused: RemoteError | None = None
        self._run = ending.run_number()
        self._mirror = self._found() or self._begun()
        arrival.note(self.href, self.fetched)

    @functools.cached_property
    def levels(self) -> list[Level]:
        """Where its tiles lie, of a TIFF; of any other format none, and the whole is fetched.

        Raises:
            RemoteError: where what says it cannot be fetched.
            SourceError: where a TIFF is broken.
        """
        if self.read(0, 4) in tiff.MAGIC:
            return tiff.levels(self.read, self.size, self.href)
        self.need([(0, self.size)])
        return []

    @property
    def path(self) -> Path:
        """The sparse file on disk: only what `need` has fetched may be read of it."""
        return self._mirror.path

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return self._mirror.about.size

    @property
    def about(self) -> About:
        """Which version of the file it is."""
        return self._mirror.about

    @property
    def fetched(self) -> int:
        """Bytes of it that are here."""
        return self._mirror.fetched

    def read(self, start: int, stop: int) -> bytes:
        """Return bytes, fetched with some after them where they are not here; fewer at the end.

        Raises:
            RemoteError: where they cannot be fetched.
        """
        stop = min(stop, self.size)
        if self._mirror.lacking(self._around([(start, stop)])):
            self.need([(start, max(stop, start + _AHEAD))])
        return self._mirror.read((start, stop))

    def begin(self, spans: Iterable[Span]) -> None:
        """Begin to fetch what is needed soon; what comes of it `need` tells, which waits for it."""
        self._begin(self._around(spans))

    def need(self, spans: Iterable[Span]) -> None:
        """Fetch what is not here yet, neighbours in one request, several requests at a time.

        Args:
            spans: Parts of the file; what lies beyond its end is left out.

        Raises:
            RemoteError: where a part of them cannot be fetched; the others are here. A part that
                failed by itself, and all of a file that was refused or changed, is not asked for
                again in this run.
        """
        wanted = self._around(spans)
        self._raise_known(wanted)
        waits = self._begin(wanted)
        try:
            errors = [future.exception() for future in waits.values()]
        except KeyboardInterrupt:  # its threads would go on, and the process wait for them
            ending.cancel()
            raise
        self._remember(zip(waits, errors, strict=True), wanted)
        first = next((error for error in errors if error is not None), None)
        if first is not None:
            raise first
        if waits and self._mirror.lacking(wanted):
            raise RemoteError(f"{self.href} was lost from the cache.", "Run it again.")

    def _raise_known(self, wanted: list[Span]) -> None:
        """Raise what was said of these parts before: to ask again brings the same."""
        if self._run != ending.run_number():
            self._failed, self._refused, self._run = {}, None, ending.run_number()
        known = next((self._failed[span] for span in wanted if span in self._failed), None)
        if known is None and self._refused is not None and self._mirror.lacking(wanted):
            known = self._refused
        if known is not None:
            raise known

    def _remember(
        self, told: Iterable[tuple[Span, BaseException | None]], wanted: list[Span]
    ) -> None:
        """Keep what was said of parts; where one request was for several, it is of none of them."""
        for part, error in told:
            behind = [span for span in wanted if _touches(part, [span])]
            if not isinstance(error, RemoteError):
                continue
            if error.is_refusal:
                self._refused = error
            elif len(behind) == 1:
                self._failed[behind[0]] = error

    def _begin(self, wanted: list[Span]) -> dict[Span, concurrent.futures.Future[None]]:
        """Ask for what lacks and is not asked for yet; return all that brings a part of it."""
        with self._lock:
            lacking = self._mirror.lacking(wanted)
            waits = {span: f for span, f in self._coming.items() if _touches(span, lacking)}
            expected = Spans(self._coming)
            mine = together(part for span in lacking for part in expected.lacking(span))
            for part in mine:
                self._coming[part] = _threads().submit(self._fetch, part)
                waits[part] = self._coming[part]
        return waits

    def _around(self, spans: Iterable[Span]) -> list[Span]:
        """Return spans with what is read along with them.

        Whoever reads the file through a buffer (GDAL does) may have read a block of the disk on
        either side of what it asked for, and does not read it again: it must be here by then.
        """
        block = self._mirror.block
        return [(max(0, a - block), min(b + block, self.size)) for a, b in spans if a < self.size]

    def _fetch(self, part: Span) -> None:
        try:
            answer = client().span(self._at, *part, signer=self.signer)
            self._check_same(answer)
            if answer.status == 206:
                self._mirror.write(part[0], answer.content)
            else:
                self._mirror.write(0, answer.content)
            arrival.note(self.href, self.fetched)
        finally:
            with self._lock:
                del self._coming[part]

    def _check_same(self, answer: Answer) -> None:
        """Refuse bytes of a file that took the place of the one that was begun."""
        if self.about.is_same(*_version(answer)):
            return
        self._mirror.discard()
        _files.pop((self.href, self.signer), None)
        raise RemoteError(
            f"{self.href} was changed while it was read: what was read of it before is of another "
            "version.",
            "Run it again: it is then read anew.",
            409,
        )

    def _found(self) -> Mirror | None:
        there = mirror.find(self.href)
        if there is not None and cache.is_outdated(there.about.made):
            there.discard()
            return None
        return there

    def _begun(self) -> Mirror:
        answer = client().span(self._at, 0, HEAD, signer=self.signer)
        made = mirror.make(About(self.href, *_version(answer), time.time()))
        made.write(0, answer.content)
        return made


def _reached(href: str, signer: Signer | None) -> str:
    """Return where a file is asked for; of its signatures, only one that nobody makes is kept."""
    return href if signer is None else signer.reached(address.unsigned(href))


def _version(answer: Answer) -> tuple[int, str, str]:
    """Return the size of the file that an answer is of, its tag, and when it was changed."""
    size = content_range(answer.headers)[2] if answer.status == 206 else len(answer.content)
    headers = answer.headers
    return size, headers.get("etag", ""), headers.get("last-modified", "")


def _touches(span: Span, others: Iterable[Span]) -> bool:
    return any(span[0] < stop and start < span[1] for start, stop in others)


@functools.lru_cache(maxsize=1)
def _threads() -> concurrent.futures.ThreadPoolExecutor:
    """The threads that fetch, of this process: what waits is bounded for each host besides."""
    return concurrent.futures.ThreadPoolExecutor(
        4 * settings().net_connections, thread_name_prefix="obriy-net"
    )


_MOST_OPEN: Final = 64
"""Files kept open for who asks next: the bands of some dates, each asked for by each thread."""
_recent: Final[collections.deque[RemoteFile]] = collections.deque(maxlen=_MOST_OPEN)
_files: weakref.WeakValueDictionary[tuple[str, Signer | None], RemoteFile] = (
    weakref.WeakValueDictionary()
)
_opening: Final = threading.Lock()
_locks: Final[dict[str, threading.Lock]] = {}


def let_go() -> None:
    """Let go of the files that nobody reads at the moment."""
    _files.clear()
    _recent.clear()


def remote_file(href: str, signer: Signer | None = None) -> RemoteFile:
    """Return a file of the network; its first bytes are fetched where nothing of it is here.

    Args:
        href: Address, or what ``signer`` makes one of; a signature in it is left out, and made by
            ``signer`` when it is read.
        signer: Signs the address; None: anyone may read it.

    Raises:
        RemoteError: where it is refused, not there, or does not come.
        SourceError: where it is no address of the web.
    """
    address.check(_reached(href, signer))
    key = (address.unsigned(href), signer)
    with _opening:
        lock = _locks.setdefault(key[0], threading.Lock())
    with lock:
        file = _files.get(key)
        if file is None:
            file = _files[key] = RemoteFile(href, signer)
            _recent.append(file)
        return file
