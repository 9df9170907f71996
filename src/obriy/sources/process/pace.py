"""How fast a Process API is asked: what it refuses for now, and what nobody answers."""

import datetime as dt
import email.utils
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

import requests
from sentinelhub.download.rate_limit import SentinelHubRateLimit

from obriy.errors import RemoteError
from obriy.settings import settings
from obriy.tables import load_toml

T = TypeVar("T")


def within(seconds: float, work: Callable[[], T]) -> T:
    """Return what a work does, if it is done in time: one that is not is left to itself.

    A server that sends a byte now and then keeps to every time-out of a socket.

    Raises:
        requests.Timeout: where it takes longer.
    """
    done: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

    def carry_out() -> None:
        try:
            done.put((work(), None))
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            done.put((None, error))

    threading.Thread(target=carry_out, name="process-request", daemon=True).start()
    try:
        result, error = done.get(timeout=seconds)
    except queue.Empty:
        raise requests.Timeout(f"no whole answer in {seconds:g} s") from None
    if error is not None:
        raise error
    return cast("T", result)


class Silence:
    """How often in a row nothing answered: then it is not asked for a while.

    Each request waits for minutes; hundreds of them would take the night.
    """

    def __init__(self) -> None:
        table = load_toml("process_api")
        self._most, self._pause = table["silent_requests"], table["silent_pause_s"]
        self._count, self._until = 0, 0.0
        self._last: RemoteError | None = None

    def __bool__(self) -> bool:
        """Say whether the last request was not answered."""
        return self._count > 0

    def check(self) -> None:
        """Raise where it is no use to ask."""
        if self._last is not None and self._count >= self._most and time.monotonic() < self._until:
            raise self._last

    def met(self, error: RemoteError) -> None:
        """Note that nothing answered."""
        self._count += 1
        self._last, self._until = error, time.monotonic() + self._pause

    def broken(self) -> None:
        """Note that something answers."""
        self._count, self._last = 0, None


class RateLimit(SentinelHubRateLimit):
    """The SDK's, for several threads; its waits are bounded, and grow where it is refused again."""

    def __init__(self) -> None:
        super().__init__()
        self._first, self._longest = settings().net_wait_s / 2, settings().net_longest_wait_s
        self._refused = 0
        self._guard = threading.Lock()

    def register_next(self) -> float:
        """Return how long to wait, s; 0: the next request may go."""
        with self._guard:
            return float(super().register_next())

    def update(self, headers: Any, *, default: float) -> None:
        """Wait as the service says, in milliseconds or by the clock; else as the SDK would."""
        with self._guard:
            said = _retry_after(headers.get(self.RETRY_HEADER, ""), default / 1000)
            least = self._first * 2 ** min(self._refused, 10)
            self._refused += 1
            wait = min(max(said, least), self._longest)
            self.next_download_time = max(time.monotonic() + wait, self.next_download_time)

    def accepted(self) -> None:
        """Note that the service answers again."""
        with self._guard:
            self._refused = 0


def _retry_after(text: str, otherwise: float) -> float:
    """Return how long to wait, s: ``text`` is in milliseconds, or a date."""
    try:
        return float(text) / 1000
    except ValueError:
        pass
    try:
        until = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return otherwise
    return max(0.0, (until - dt.datetime.now(dt.UTC)).total_seconds())
