"""What is known of a host: how many may ask it at a time, how often, and whether it answers."""

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Final

from obriy.errors import CancelledError
from obriy.settings import settings

_DOWN_S: Final = 60.0
"""Seconds for which a host that failed at every try is tried once a request, not time and again."""


class Host:
    """One host, asked by all threads of this process."""

    def __init__(self) -> None:
        told = settings()
        self._free = threading.BoundedSemaphore(told.net_connections)
        self._pause = 60 / told.net_requests_per_minute if told.net_requests_per_minute else 0.0
        self._next = 0.0
        self._down_until = 0.0
        self._lock = threading.Lock()

    @property
    def is_down(self) -> bool:
        """Whether it failed at every try a moment ago."""
        return time.monotonic() < self._down_until

    def failed(self) -> None:
        """Note that it failed at every try of a request."""
        self._down_until = time.monotonic() + _DOWN_S

    def answered(self) -> None:
        """Note that it answered."""
        self._down_until = 0.0

    @contextlib.contextmanager
    def turn(self, cancelled: threading.Event) -> Iterator[None]:
        """Wait until this thread may ask, and hold the place meanwhile.

        Raises:
            CancelledError: where the work is cancelled meanwhile.
        """
        with self._free:
            if self._pause:
                with self._lock:
                    at = max(self._next, time.monotonic())
                    self._next = at + self._pause
                cancelled.wait(max(0.0, at - time.monotonic()))
            if cancelled.is_set():
                raise CancelledError("The run was cancelled while it asked the network.")
            yield
