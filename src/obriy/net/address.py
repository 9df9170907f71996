"""Addresses: what may be asked for, and how one is written down without what opens it."""

from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from obriy.errors import SourceError

_SIGNATURES: Final = frozenset({
    "sig", "se", "sp", "st", "sr", "sv", "spr", "ske", "sks", "skt", "skv", "skoid", "sktid",
    "signature", "expires", "policy", "key-pair-id", "awsaccesskeyid", "googleaccessid",
    "token", "access_token", "apikey", "api_key", "key",
})  # fmt: skip
"""Names in a query that open a file for whoever knows them (SAS, CloudFront, S3, tokens)."""
_SIGNED: Final = ("x-amz-", "x-goog-")
"""Beginnings of such names (presigned S3 and Google Storage)."""


def unsigned(href: str) -> str:
    """Return an address without its signature: the identity of a file, in cache and record."""
    parts = urlsplit(href)
    kept = [
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if name.lower() not in _SIGNATURES and not name.lower().startswith(_SIGNED)
    ]
    return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(kept), ""))


def shown(href: str) -> str:
    """Return an address as messages show it: nothing of its query, no login."""
    parts = urlsplit(href)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def host_of(href: str) -> str:
    """Return the host of an address, in lower case."""
    return (urlsplit(href).hostname or "").lower()


def check(href: str) -> None:
    """Check that an address is one that may be asked for.

    Raises:
        SourceError: where it is not of the web, or carries a login, which would be written down
            wherever the address is.
    """
    parts = urlsplit(href)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SourceError(f"{shown(href)} is no address of the web.", "Give http:// or https://.")
    if "@" in parts.netloc:
        raise SourceError(
            f"The address {shown(href)} carries a login, which would be kept with it.",
            "Put it into ~/.netrc instead: machine HOST login NAME password WORD.",
        )
