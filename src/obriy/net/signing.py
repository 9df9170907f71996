"""Signatures that open a file for some minutes: made when it is read, and never kept."""

import dataclasses
import datetime as dt
import threading
from collections.abc import Callable
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from obriy.errors import RemoteError

_MARGIN: Final = dt.timedelta(minutes=2)
"""A token that ends sooner is asked for anew."""


class Signer(Protocol):
    """Makes the address at which a file may be read. Frozen and picklable: workers take it."""

    def reached(self, href: str) -> str:
        """Return the address of the web, without a signature, at which a file is asked for.

        Args:
            href: What the file is called in cache, record and messages.
        """
        ...

    def sign(self, href: str, ask: Callable[[str], Any], *, refused: str) -> str:
        """Return the address with its signature.

        Args:
            href: The address without one.
            ask: Returns the JSON that an address answers.
            refused: The signed address that was refused last; empty: none was.

        Raises:
            RemoteError: where none is to be had.
        """
        ...


@dataclasses.dataclass(frozen=True)
class TokenSigner:
    """Tokens for a whole store, as Planetary Computer gives them to anyone (SAS of Azure).

    Attributes:
        endpoint: Answers ``{"token": "...", "msft:expiry": "2025-01-01T00:00:00Z"}``; ``{account}``
            and ``{container}`` stand for the first word of the host and of the path.
        hosts: Ending of the hosts whose files are signed; others are read as they are.
    """

    endpoint: str
    hosts: str

    def reached(self, href: str) -> str:
        """See `Signer`."""
        return href

    def sign(self, href: str, ask: Callable[[str], Any], *, refused: str) -> str:
        """See `Signer`."""
        parts = urlsplit(href)
        host = parts.hostname or ""
        if not host.endswith(self.hosts):
            return href
        words = {
            "account": host.partition(".")[0],
            "container": parts.path.strip("/").partition("/")[0],
        }
        token = _TOKENS.get(self.endpoint.format(**words), ask, refused)
        return f"{href}{'&' if parts.query else '?'}{token}"


class _Tokens:
    """The tokens of this process, by where they were asked for."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, dt.datetime]] = {}
        self._lock = threading.Lock()

    def get(self, endpoint: str, ask: Callable[[str], Any], refused: str) -> str:
        with self._lock:  # one asks, the others wait for its token
            token, ends = self._known.get(endpoint, ("", None))
            now = dt.datetime.now(dt.UTC)
            if not token or refused.endswith(token) or (ends is not None and ends - now < _MARGIN):
                token, ends = _told(endpoint, ask(endpoint))
                self._known[endpoint] = token, ends
            return token


_TOKENS: Final = _Tokens()


def _told(endpoint: str, answer: Any) -> tuple[str, dt.datetime]:
    try:
        ends = dt.datetime.fromisoformat(answer["msft:expiry"])
        token = str(answer["token"]).lstrip("?")
    except (TypeError, KeyError, ValueError) as error:
        raise RemoteError(f"{endpoint} gave no token.", "Try again later.") from error
    return token, ends if ends.tzinfo else ends.replace(tzinfo=dt.UTC)
