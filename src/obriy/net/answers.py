"""What an answer means: what was asked for, a refusal, or something that passes."""

import contextlib
import dataclasses
import email.utils
import json
import time
from collections.abc import Mapping
from typing import Any, Final

import requests

from obriy.errors import RemoteError
from obriy.net import address

PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers after which the same request may succeed."""


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a server said.

    Attributes:
        url: Where it came from in the end, without a query.
        status: 200 to 299.
        headers: By names in lower case.
        content: The bytes.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        """Return the content as JSON.

        Raises:
            RemoteError: where it is none.
        """
        try:
            return json.loads(self.content)
        except ValueError as error:
            raise RemoteError(f"{self.url} answered what is no JSON.", "Try later.") from error


class PassingError(Exception):
    """The same request may succeed later."""

    def __init__(self, why: str, status: int | None = None, wait_s: float | None = None) -> None:
        super().__init__(why)
        self.status = status
        self.wait_s = wait_s


def refusal(url: str, response: requests.Response, hint: str) -> RemoteError:
    """Return the error of an answer that no second try makes better.

    Args:
        url: What was asked for.
        response: Of a status that is neither a success nor one of `PASSING`.
        hint: What to set; empty: a sentence about ``~/.netrc``.
    """
    status, host = response.status_code, address.host_of(response.url)
    shown = address.shown(url)
    login = hint or (
        f"Put your login for {host} into ~/.netrc (machine {host} login NAME password WORD), or "
        "set the keys that its provider gives."
    )
    if status == 401:
        return RemoteError(f"{host} asks who reads {shown} (401).", login, status)
    if status == 403:
        return RemoteError(f"{host} does not let you read {shown} (403).", login, status)
    if status in {404, 410}:
        return RemoteError(
            f"{shown} is not there ({status}).", "Search again: what it names was moved.", status
        )
    return RemoteError(f"{shown} answered {status}.", "Check the address.", status)


def seconds_of(retry_after: str | None) -> float | None:
    """Return the seconds that a server asks to wait, in either form of the header."""
    if not retry_after:
        return None
    with contextlib.suppress(ValueError):
        return max(0.0, float(retry_after))
    with contextlib.suppress(ValueError, TypeError):
        return max(0.0, email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time())
    return None


def check_page(headers: Mapping[str, str], content: bytes) -> None:
    """Refuse a page for people: of a gateway, a portal, a login; whatever its status says."""
    kind = headers.get("content-type", "").lower()
    if "html" in kind or content[:64].lstrip().lower().startswith((b"<!doctype html", b"<html")):
        raise PassingError("it sent a page (HTML) in place of data")


def check_span(span: tuple[int, int], headers: Mapping[str, str], content: bytes) -> None:
    """Check that an answer is the bytes that were asked for.

    Raises:
        PassingError: where it is another span, or a part of one.
    """
    start, stop, size = content_range(headers)
    if start != span[0] or stop != min(span[1], size):
        raise PassingError("it sent other bytes than asked for")
    if len(content) != stop - start:
        raise PassingError(f"it sent {len(content)} bytes of {stop - start}")


def content_range(headers: Mapping[str, str]) -> tuple[int, int, int]:
    """Return which bytes an answer holds (first, after the last), and the size of the file.

    Raises:
        PassingError: where its header does not say.
    """
    try:
        unit, _, told = headers.get("content-range", "").partition(" ")
        part, _, size = told.partition("/")
        first, _, last = part.partition("-")
        if unit.lower() != "bytes":
            raise ValueError(unit)
        return int(first), int(last) + 1, int(size)
    except ValueError as error:
        raise PassingError("it does not say which bytes it sent") from error


def why_broken(error: BaseException) -> str:
    """Return what broke an exchange, in few words and without its address."""
    text = str(error)
    for sign, words in _REASONS.items():
        if sign in text:
            return words
    if isinstance(error, requests.exceptions.Timeout):
        return "it kept silent"
    return "the connection broke"


_REASONS: Final = {
    "NameResolutionError": "its name is not known here (is the network on?)",
    "Name or service not known": "its name is not known here (is the network on?)",
    "Network is unreachable": "the network is not reached",
    "Connection refused": "nothing answers there",
    "timed out": "it kept silent",
    "IncompleteRead": "it sent less than it announced",
}
