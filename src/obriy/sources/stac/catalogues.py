"""Which catalogues there are, and what an address of one means: ``tables/catalogues.toml``."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, Final

from obriy.blocks.gdal import Access
from obriy.errors import UsageError
from obriy.net.s3 import SCHEME, S3Signer
from obriy.net.signing import TokenSigner
from obriy.registry import did_you_mean
from obriy.tables import load_toml

ADDRESS: Final = "stac:"
"""What the addresses of this source begin with."""
_COLLECTION: Final = "collection="


@dataclasses.dataclass(frozen=True)
class Catalogue:
    """A catalogue to ask.

    Attributes:
        name: That of the table, else its address.
        href: Address of a STAC API or of a static catalogue, or a file of items.
        collections: What to take, the best first; empty: all that it has.
    """

    name: str
    href: str
    collections: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What people call it."""
        return str(load_toml("catalogues")["catalogues"].get(self.name, {}).get("title", self.name))


def catalogues_of(address: str) -> list[Catalogue]:
    """Return the catalogues that an address names, in the order in which they are asked.

    Args:
        address: ``stac:`` (those that need no account, one after the other), ``stac:NAME``,
            ``stac:https://ADDRESS`` or ``stac:FILE``; with ``?collection=A,B`` for others than the
            usual collections. Without ``stac:`` a file.

    Raises:
        UnknownNameError: a name that is not in the table.
        UsageError: something else after the question mark.
    """
    place, mark, rest = address.removeprefix(ADDRESS).partition("?" + _COLLECTION)
    asked = tuple(part.strip() for part in rest.split(",") if part.strip())
    if (mark and not asked) or ("?" in place and "://" not in place):
        raise UsageError(
            f"'{address}' cannot be read.",
            "Write e.g. stac:earth-search?collection=sentinel-2-l2a.",
        )
    table: dict[str, Any] = load_toml("catalogues")
    if not place:
        return [_of_table(name, table["catalogues"][name], asked) for name in table["chain"]]
    if place in table["catalogues"]:
        return [_of_table(place, table["catalogues"][place], asked)]
    if re.fullmatch(r"[\w-]+", place):
        raise did_you_mean("catalogue", place, sorted(table["catalogues"]))
    return [Catalogue(place, place, asked)]


def _of_table(name: str, row: Mapping[str, Any], asked: tuple[str, ...]) -> Catalogue:
    usual = tuple(row["collections"])
    return Catalogue(name, row["api"], asked or usual)


def needs_of(name: str) -> str:
    """Return what the pixels of a catalogue of the table ask for; empty: nothing that is known."""
    return str(load_toml("catalogues")["catalogues"].get(name, {}).get("needs", ""))


def access_of(name: str) -> Access:
    """Return how the pixels are reached that a catalogue of the table lists; others by anyone."""
    row = load_toml("catalogues")["catalogues"].get(name, {})
    if "store" in row:
        return S3Signer(row["store"], row["region"], row["needs"])
    return TokenSigner(row["sign"], row["signs"]) if "sign" in row else True


def scheme_of(name: str) -> str:
    """Return how addresses begin that are taken where a catalogue tells several of one file."""
    return SCHEME if "store" in load_toml("catalogues")["catalogues"].get(name, {}) else "http"


def product_of(catalogue: str, collection: str, name: str) -> Mapping[str, str] | None:
    """Return the row of the table that says what an item is; None where nothing does.

    Args:
        catalogue: Name of the catalogue that lists it.
        collection: Its collection.
        name: Its own name, asked where the collection tells nothing.
    """
    rows: list[dict[str, str]] = load_toml("catalogues")["products"]
    of_place = [row for row in rows if row.get("catalogue", catalogue) == catalogue]
    for text in (collection, name):
        for row in of_place:
            if re.search(row["pattern"], text, re.IGNORECASE):
                return row
    return None
