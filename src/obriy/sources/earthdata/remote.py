"""A file of the archive, as its catalogue lists it, and as an address says it."""

import dataclasses
from typing import Final
from urllib.parse import parse_qsl, urldefrag, urlencode, urlsplit

from obriy.errors import UsageError

ADDRESS: Final = "earthdata:"
HOSTS: Final = (".nasa.gov",)
"""Endings of hosts that a login may be shown to: a catalogue may name others."""


@dataclasses.dataclass(frozen=True)
class Remote:
    """A file of the archive.

    Attributes:
        href: Where it is downloaded from.
        size: Bytes that the catalogue lists; 0: it does not say.
        checksum: ``md5:…``, as the catalogue lists it; empty: it does not say.
    """

    href: str
    size: int = 0
    checksum: str = ""

    @property
    def name(self) -> str:
        """Its file name, as NASA gives it."""
        return urlsplit(self.href).path.rpartition("/")[2]

    @property
    def address(self) -> str:
        """What it is called among sources: all that is known of it, in one text."""
        told = {"bytes": self.size or "", "checksum": self.checksum}
        known = urlencode({key: value for key, value in told.items() if value}, safe=":")
        return f"{ADDRESS}{self.href}" + (f"#{known}" if known else "")


def remote_of(address: str) -> Remote:
    """Return the file that an address names.

    Raises:
        UsageError: where it names none that a login may be shown to.
    """
    href, told = urldefrag(address.removeprefix(ADDRESS))
    parts = urlsplit(href)
    if parts.scheme != "https" or not (parts.hostname or "").endswith(HOSTS) or "@" in parts.netloc:
        raise UsageError(
            f"{ADDRESS}{href} is no file of NASA's archive.",
            f"Name a product, e.g. {ADDRESS}MOD02HKM, or an https:// address of nasa.gov.",
        )
    known = dict(parse_qsl(told))
    size = known.get("bytes", "")
    return Remote(href, int(size) if size.isdigit() else 0, known.get("checksum", ""))
