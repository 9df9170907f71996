"""The one HTTP client: patient with what passes, short with what does not.

Tried again, after waits that grow and differ (jitter), or as long as the server asks (Retry-After,
up to a limit): 408, 425, 429, 5xx, connections that break or never come about, silence, answers
that are shorter or longer than they say, pages of HTML where bytes of a file were asked for. Never
tried again: what is refused (401, 403) or not there (404). A refused signature is made anew once.

Logins come from the providers' own file (``~/.netrc``), over TLS only or to this machine, and go
to the host that they are for; a redirection takes none along, nor leads from TLS to plain text.
"""

import contextlib
import dataclasses
import functools
import http.cookiejar
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import requests
import tenacity
from requests.utils import get_netrc_auth
from urllib3.exceptions import HTTPError

from obriy.errors import CancelledError, RemoteError, SourceError
from obriy.net import address
from obriy.net.answers import (
    PASSING,
    Answer,
    PassingError,
    check_page,
    check_span,
    refusal,
    seconds_of,
    why_broken,
)
from obriy.net.ending import when_cancelled
from obriy.net.hosts import Host
from obriy.net.signing import Signer
from obriy.net.sockets import CuttableAdapter, Flight, Flights
from obriy.settings import settings

_REDIRECTIONS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_HOPS: Final = 8
_PIECE: Final = 1 << 18
_SHORT: Final = 16 << 20
_MOST_WHOLE: Final = 512 * 10**6
"""Bytes of one answer: a catalogue's are fewer, and parts of files are asked for by less."""
_OWN: Final = ("127.0.0.1", "localhost", "::1")
"""Hosts to which a login may go in plain text: it does not leave this machine."""
_TRAVELS: Final = frozenset({"range", "accept", "accept-encoding", "if-match", "user-agent"})
"""Headers that a redirection to another host takes along."""


@dataclasses.dataclass
class Traffic:
    """What went over the network in this process.

    Attributes:
        requests: Sent, with all that were sent again.
        again: Sent again.
        received: Bytes of answers, used or not.
        wasted: Bytes among them of answers that were of no use.
    """

    requests: int = 0
    again: int = 0
    received: int = 0
    wasted: int = 0


@dataclasses.dataclass(frozen=True)
class _Ask:
    """A request, as somebody wants it."""

    method: str
    url: str
    headers: Mapping[str, str]
    query: Mapping[str, Any] | None
    body: Mapping[str, Any] | None
    signer: Signer | None
    span: tuple[int, int] | None
    hint: str


class Client:
    """Asks servers; one for all threads of a process, see `client`."""

    def __init__(self) -> None:
        self.traffic = Traffic()
        self._told = settings()
        self._session = requests.Session()
        self._session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers["User-Agent"] = "obriy"
        adapter = CuttableAdapter(pool_connections=32, pool_maxsize=self._told.net_connections)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, adapter)
        self._hosts: dict[str, Host] = {}
        self._lock = threading.Lock()
        self._flights = Flights()
        self._cancelled = threading.Event()
        # Its lines of debugging, and some warnings, hold whole addresses with their signatures.
        logging.getLogger("urllib3").setLevel(logging.ERROR)

    def request(
        self,
        method: str,
        url: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        signer: Signer | None = None,
        hint: str = "",
    ) -> Answer:
        """Ask for a whole answer: of a catalogue, a token, a small file.

        Args:
            method: "GET" or "POST" of what changes nothing: it may be sent again.
            url: Address; see `address.check`.
            query: Added to the address.
            body: Sent as JSON.
            headers: Of the request; those with credentials go to this host alone.
            signer: Signs the address.
            hint: What to set where it is refused; empty: a sentence about ``~/.netrc``.

        Raises:
            RemoteError: where it is refused, not there, or did not come at any try.
            SourceError: where the address may not be asked for.
            CancelledError: where the work is cancelled.
        """
        return self._asked(_Ask(method, url, headers or {}, query, body, signer, None, hint))

    def span(self, url: str, start: int, stop: int, *, signer: Signer | None = None) -> Answer:
        """Ask for bytes of a file.

        Args:
            url: Address of the file, without a signature.
            start: First byte.
            stop: After the last byte; beyond the end of the file, there are fewer.
            signer: Signs the address.

        Returns:
            An answer of status 206 with these bytes and no others, whose header ``content-range``
            tells the size of the file; or of status 200 with the whole file, of a server that
            knows no ranges.

        Raises:
            RemoteError: where it is refused, not there, or did not come at any try.
            SourceError: where the address may not be asked for.
            CancelledError: where the work is cancelled.
        """
        headers = {"Range": f"bytes={start}-{stop - 1}", "Accept-Encoding": "identity"}
        return self._asked(_Ask("GET", url, headers, None, None, signer, (start, stop), ""))

    def cancel(self) -> None:
        """End all requests under way, and refuse new ones: the work is cancelled."""
        self._cancelled.set()
        self._flights.cut_all()

    def _asked(self, ask: _Ask) -> Answer:
        address.check(ask.url)
        host = self._host(ask.url)
        tries = 1 if host.is_down else self._told.net_tries
        waits = tenacity.wait_exponential_jitter(
            initial=self._told.net_wait_s,
            max=self._told.net_longest_wait_s,
            jitter=self._told.net_wait_s,
        )
        trying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(tries),
            wait=lambda state: self._wait(state, waits),
            retry=tenacity.retry_if_exception_type(PassingError),
            sleep=self._sleep,
            before_sleep=self._count_again,
            reraise=True,
        )
        try:
            answer: Answer = trying(self._once, ask, host)
        except PassingError as error:
            host.failed()
            raise RemoteError(
                f"{address.shown(ask.url)} could not be read, tried {tries} times: {error}.",
                "Try again later: what was read is kept.",
                error.status,
            ) from error
        host.answered()
        return answer

    def _wait(self, state: tenacity.RetryCallState, waits: Callable[..., float]) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = getattr(error, "wait_s", None)
        return waits(state) if asked is None else min(asked, self._told.net_longest_wait_s)

    def _sleep(self, seconds: float) -> None:
        self._cancelled.wait(seconds)

    def _count_again(self, _: object) -> None:
        with self._lock:
            self.traffic.again += 1

    def _host(self, url: str) -> Host:
        name = urlsplit(url).netloc.lower()
        with self._lock:
            return self._hosts.setdefault(name, Host())

    def _once(self, ask: _Ask, host: Host) -> Answer:
        """Send a request once, or twice where its signature was refused."""
        signed = self._signed(ask, refused="")
        try:
            return self._turn(ask, signed, host)
        except RemoteError as error:
            if ask.signer is None or error.status not in {401, 403}:
                raise
            again = self._signed(ask, refused=signed)
            if again == signed:
                raise
        return self._turn(ask, again, host)

    def _signed(self, ask: _Ask, refused: str) -> str:
        if ask.signer is None:
            return ask.url
        return ask.signer.sign(ask.url, self._token, refused=refused)

    def _token(self, url: str) -> Any:
        return self.request("GET", url).json()

    def _turn(self, ask: _Ask, url: str, host: Host) -> Answer:
        seconds = self._told.net_deadline_s
        with host.turn(self._cancelled), self._flights.one(seconds) as flight:
            try:
                answer = self._hops(ask, url)
                if flight.was_cut:  # headers that were cut may look whole
                    raise ConnectionAbortedError
                return answer
            except (requests.RequestException, HTTPError, OSError, PassingError) as error:
                if self._cancelled.is_set():
                    raise CancelledError("The run was cancelled.") from error
                raise self._broken(ask, flight, error) from error

    def _broken(self, ask: _Ask, flight: Flight, error: Exception) -> Exception:
        """Return what an exchange that ended early means."""
        if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
            return SourceError(f"{address.shown(ask.url)} is no address.", "Correct it.")
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return RemoteError(
                f"{address.host_of(ask.url)} does not prove who it is (its TLS certificate).",
                "Set REQUESTS_CA_BUNDLE where a proxy of yours has its own.",
            )
        if isinstance(error, PassingError) and not flight.was_cut:
            return error
        if flight.was_cut:
            return PassingError(f"it took longer than {self._told.net_deadline_s:g} s")
        return PassingError(why_broken(error))

    def _hops(self, ask: _Ask, url: str) -> Answer:
        """Follow redirections: each is a request of its own, with the logins of its host."""
        headers, query, method, body = dict(ask.headers), ask.query, ask.method, ask.body
        for _ in range(_MOST_HOPS):
            with contextlib.closing(self._sent(method, url, headers, query, body)) as response:
                if response.status_code not in _REDIRECTIONS or "location" not in response.headers:
                    return self._answer(ask, response)
                last, url = url, urljoin(url, response.headers["location"])
                if response.status_code == 303:
                    method, body = "GET", None
            query = None
            address.check(url)
            if last.startswith("https:") and not url.startswith("https:"):
                raise RemoteError(
                    f"{address.shown(last)} leads to plain text, {address.shown(url)}.",
                    "Ask its provider: nothing is read past TLS there.",
                )
            if urlsplit(last).netloc != urlsplit(url).netloc:
                headers = {k: v for k, v in headers.items() if k.lower() in _TRAVELS}
                body = None
        raise RemoteError(f"{address.shown(ask.url)} leads in a circle.", "Give another address.")

    def _sent(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        query: Mapping[str, Any] | None,
        body: Mapping[str, Any] | None,
    ) -> requests.Response:
        with self._lock:
            self.traffic.requests += 1
        return self._session.request(
            method,
            url,
            params=query,
            json=body,
            headers=dict(headers),
            auth=_login(url, headers),
            timeout=self._told.net_silence_s,
            allow_redirects=False,
            stream=True,
        )

    def _answer(self, ask: _Ask, response: requests.Response) -> Answer:
        status = response.status_code
        if status in PASSING:
            raise PassingError(
                f"it answered {status}", status, seconds_of(response.headers.get("retry-after"))
            )
        if not 200 <= status < 300:
            raise refusal(ask.url, response, ask.hint)
        headers = {name.lower(): value for name, value in response.headers.items()}
        packed = headers.get("content-encoding", "identity").lower() not in {"", "identity"}
        if ask.span is not None and status == 206 and packed:
            raise PassingError("it sent packed what was asked for as it is")
        content = self._content(response, packed=packed)
        try:
            check_page(headers, content)
            if ask.span is not None and status == 206:
                check_span(ask.span, headers, content)
        except PassingError:
            with self._lock:
                self.traffic.wasted += len(content)
            raise
        return Answer(address.shown(response.url), status, headers, content)

    def _content(self, response: requests.Response, *, packed: bool) -> bytes:
        """Return the body; what came of one that broke off is counted as of no use."""
        pieces: list[bytes] = []
        most, had = _MOST_WHOLE, 0
        announced = response.headers.get("content-length", "")
        # What says that it is short is read at once, in place of piece by piece: it costs less.
        short = not packed and announced.isdigit() and int(announced) <= _SHORT
        piece_size = most if short else _PIECE
        try:
            for piece in response.raw.stream(piece_size, decode_content=True):
                pieces.append(piece)
                had += len(piece)
                if had > most:
                    raise RemoteError(
                        f"{address.shown(response.url)} is more than {most / 1e6:g} MB in one "
                        "answer: its server does not send parts of files.",
                        "Download it, and name the file.",
                    )
        except BaseException:
            with self._lock:
                self.traffic.wasted += sum(map(len, pieces))
            raise
        finally:
            with self._lock:
                self.traffic.received += sum(map(len, pieces))
        return b"".join(pieces)


class _NoLogin(requests.auth.AuthBase):
    """Keeps requests from looking for a login by itself."""

    def __call__(self, request: Any) -> Any:
        return request


def _login(url: str, headers: Mapping[str, str]) -> requests.auth.AuthBase | tuple[str, str]:
    parts = urlsplit(url)
    private = parts.scheme == "https" or (parts.hostname or "") in _OWN
    if not private or any(name.lower() == "authorization" for name in headers):
        return _NoLogin()
    return get_netrc_auth(url) or _NoLogin()


_ours: list[Client] = []
_making: Final = threading.Lock()


def client() -> Client:
    """Return the client of this process, made by its settings at the first call."""
    with _making:
        if not _ours:
            _ours.append(Client())
        return _ours[0]


def drop_client(*, cancelled: bool = False) -> None:
    """Let go of the client: the next has the settings, and the connections, of its time.

    Args:
        cancelled: What it still does is of no use to anyone.
    """
    with _making:
        while _ours:
            old = _ours.pop()
            if cancelled:
                old.cancel()


when_cancelled(functools.partial(drop_client, cancelled=True))
