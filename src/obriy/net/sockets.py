"""Connections that can be cut from outside: at a deadline, or where the work is cancelled.

A server that sends a byte now and then keeps every time-out of a socket from ending: what bounds a
request as a whole is its socket, shut by somebody else.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any, Final

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_LOOK_S: Final = 0.1
"""Seconds between two looks at the deadlines of what is under way."""


class Flight:
    """A request under way: where its answer comes from, and whether it was cut.

    Args:
        seconds: How long it may take.
    """

    def __init__(self, seconds: float) -> None:
        self.deadline = time.monotonic() + seconds
        self.was_cut = False
        self._lock = threading.Lock()
        self._socket: Any = None

    def take(self, connection: Any) -> None:
        """Note the socket on which the answer comes."""
        with self._lock:
            self._socket = connection.sock
            cut = self.was_cut
        if cut:
            self.cut()

    def cut(self) -> None:
        """End the request: whoever reads the answer is told that it ended."""
        with self._lock:
            self.was_cut = True
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    # Past TLS, which would first say goodbye: to a server that may not listen.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def land(self) -> None:
        """Let go of the socket: the next request may have it."""
        with self._lock:
            self._socket = None


class _Now(threading.local):
    flight: Flight | None = None


_now: Final = _Now()


class Flights:
    """The requests of a client that are under way, and the thread that ends those too long."""

    def __init__(self) -> None:
        self._some = threading.Condition()
        self._under_way: set[Flight] = set()
        self._watch: threading.Thread | None = None

    @contextlib.contextmanager
    def one(self, seconds: float) -> Iterator[Flight]:
        """Return the context of one request of this thread, which may take so many seconds."""
        flight = Flight(seconds)
        with self._some:
            self._under_way.add(flight)
            if self._watch is None:
                self._watch = threading.Thread(target=self._look, name="obriy-net", daemon=True)
                self._watch.start()
            self._some.notify()
        _now.flight = flight
        try:
            yield flight
        finally:
            _now.flight = None
            flight.land()
            with self._some:
                self._under_way.discard(flight)

    def cut_all(self) -> None:
        """End all that is under way."""
        with self._some:
            flights = list(self._under_way)
        for flight in flights:
            flight.cut()

    def _look(self) -> None:
        while True:
            with self._some:
                self._some.wait_for(lambda: self._under_way)
                late = [f for f in self._under_way if time.monotonic() > f.deadline]
            for flight in late:
                flight.cut()
            time.sleep(_LOOK_S)


class _Watched(HTTPConnection):
    def getresponse(self) -> Any:
        if _now.flight is not None:
            _now.flight.take(self)
        return super().getresponse()


class _WatchedTls(HTTPSConnection):
    def getresponse(self) -> Any:
        if _now.flight is not None:
            _now.flight.take(self)
        return super().getresponse()


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTls


class CuttableAdapter(HTTPAdapter):
    """The usual way of requests, through connections that `Flight.cut` ends."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make the pools of connections; see `HTTPAdapter`."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Return the pools behind a proxy; see `HTTPAdapter`."""
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
        return manager
