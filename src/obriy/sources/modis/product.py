"""Which MODIS product a file is, of which satellite, time and collection."""

import dataclasses
import functools
import re
from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal

from obriy.blocks.handles import state_of
from obriy.errors import MissingExtraError, SourceError
from obriy.model.notices import notice
from obriy.sources.band_names import reflectance_only
from obriy.sources.dates import time_in
from obriy.sources.modis.hdf4 import Hdf4File, open_hdf4
from obriy.tables import load_toml

Satellite = Literal["Terra", "Aqua"]
FAMILIES: Final[dict[str, Satellite]] = {"MOD": "Terra", "MYD": "Aqua"}
_NAME: Final = re.compile(
    r"(?<![A-Z0-9])(?P<product>M[OY]D\w+)\.A\d{7}\.(?:.*?\.?(?P<collection>0\d\d)\.)?",
    re.IGNORECASE,
)
"""File names, e.g. ``MOD02HKM.A2021049.0225.061.2021049131500.hdf``."""
GEOLOCATION, CLOUDS = "03", "35_L2"
"""Products that belong to a granule, without their satellite."""


@dataclasses.dataclass(frozen=True)
class Said:
    """Which file of MODIS one is.

    Attributes:
        product: Short name, e.g. ``"MOD02HKM"``.
        time: When it begins, ISO 8601 to the minute; the day alone for daily products.
    """

    product: str
    time: str

    @property
    def kind(self) -> str:
        """The product without its satellite, e.g. ``"02HKM"``."""
        return self.product[3:]

    @property
    def helps(self) -> bool:
        """Whether it belongs to a granule, and is no image."""
        return self.kind in (GEOLOCATION, CLOUDS)


class Near:
    """Files among which what belongs to a granule is looked for, in their order.

    Args:
        files: Those that NASA's names tell of are not opened; others where those do not serve.
    """

    def __init__(self, files: Iterable[Path]) -> None:
        self._named: dict[Said, Path] = {}
        self._others: list[Path] = []
        for file in files:
            said = said_in(file.name)
            if said is None:
                self._others.append(file)
            else:
                self._named.setdefault(said, file)

    def partner(self, own: Said, kind: str) -> Path | None:
        """Return the first file of a kind with the satellite and the time of a granule.

        Args:
            own: The granule.
            kind: `GEOLOCATION` or `CLOUDS`.
        """
        wanted = Said(own.product[:3] + kind, own.time)
        unnamed = (file for file in self._others if said_of(file) == wanted)
        return self._named.get(wanted) or next(unnamed, None)


def said_in(name: str) -> Said | None:
    """Return what a file name tells, where it is one of NASA's."""
    found, time = _NAME.search(name), time_in(name)
    return Said(found["product"].upper(), time) if found and time else None


def said_of(path: Path) -> Said | None:
    """Return what the name of a file tells, else what it says of itself; None where neither does.

    Args:
        path: A file in HDF4; opened only where NASA's naming does not tell.
    """
    return said_in(path.name) or _said_within(path, state_of(path))


@functools.lru_cache(maxsize=4096)
def _said_within(path: Path, state: Hashable) -> Said | None:
    try:
        facts = granule_facts(path)
    except (SourceError, MissingExtraError):  # said when it is opened
        return None
    return Said(facts.product, facts.time)


@dataclasses.dataclass(frozen=True)
class GranuleFacts:
    """What a MODIS file says of itself.

    Attributes:
        product: Short name, e.g. ``"MOD02HKM"``.
        satellite: ``"Terra"`` or ``"Aqua"``.
        time: When it begins, ISO 8601 to the minute; the day alone for daily products.
        collection: 61 for 6.1, 6 for 6; None: it does not say.
        day: Whether any of it was taken in day mode.
    """

    product: str
    satellite: Satellite
    time: str
    collection: int | None
    day: bool

    @property
    def kind(self) -> str:
        """The product without its satellite, e.g. ``"02HKM"``."""
        return self.product[3:]

    @property
    def family(self) -> str:
        """``"MOD"`` or ``"MYD"``."""
        return self.product[:3]


def granule_facts(path: Path) -> GranuleFacts:
    """Return what a MODIS file says of itself.

    Raises:
        MissingExtraError: where pyhdf is not installed.
        SourceError: where it is no such file, or nothing tells which product it is.
    """
    return facts_of(open_hdf4(path))


def facts_of(file: Hdf4File) -> GranuleFacts:
    """Return what an open MODIS file says of itself: its metadata, else its name.

    Raises:
        SourceError: where nothing tells which product of which time it is.
    """
    name = _NAME.search(file.path.name)
    text = "".join(
        str(file.attributes[key])
        for key in sorted(file.attributes)
        if key.startswith("CoreMetadata.")
    )
    named = said_in(file.path.name)
    product = _value(text, "SHORTNAME") or (named and named.product)
    time = _time(text) or time_in(file.path.name)
    if not product or product[:3] not in FAMILIES or time is None:
        reflectance_only([file.path.name])
        raise SourceError(
            f"{file.path} does not say which MODIS product of which time it is, neither in its "
            "metadata nor in its name.",
            "Name the file as NASA ships it.",
        )
    version = _value(text, "VERSIONID") or (name and name["collection"])
    day = _value(text, "DAYNIGHTFLAG") != "Night" and _has_day_scans(file.attributes)
    number = re.sub(r"\D", "", version or "")  # 61, 061 and 6.1 are one
    collection = int(number) if number else None
    return GranuleFacts(product, FAMILIES[product[:3]], time, collection, day)


def check_image(file: Hdf4File, facts: GranuleFacts) -> str:
    """Return which reader opens a product as an image.

    Raises:
        SourceError: where it is a product that is none, or one that nobody here reads.
    """
    products = load_toml("modis")["products"]
    entry = products.get(facts.kind)
    if entry is None:
        known = ", ".join(f"MOD{k}" for k, v in products.items() if "reader" in v)
        raise SourceError(
            f"{file.path} is {facts.product}, which is not read.", f"Name one of {known}."
        )
    if "reader" not in entry:
        hint = entry["hint"].format(family=facts.family)
        raise SourceError(f"{file.path} is {facts.product}: {entry['what']}, not the image.", hint)
    return str(entry["reader"])


def check_name(path: Path, facts: GranuleFacts) -> None:
    """Refuse a file named by another satellite or time than its own: its map would be misdated.

    Raises:
        SourceError: with both.
    """
    named = said_in(path.name)
    if named is None:
        return
    if (named.product[:3], named.time) != (facts.family, facts.time[: len(named.time)]):
        told, own = (f"{one.product}, {one.time}" for one in (named, facts))
        raise SourceError(
            notice("name_contradicts_metadata", name=str(path), told=told, own=own),
            notice("rename_by_metadata"),
        )


def check_collection(file: Hdf4File, facts: GranuleFacts) -> str:
    """Return a warning where the collection is an old one that can still serve; else nothing.

    Raises:
        SourceError: where the collection has another calibration.
    """
    known = load_toml("modis")["collections"]
    if facts.collection is None:
        return f"{file.path.name} does not say its collection; it was read as 6.1."
    if str(facts.collection) not in known:
        raise SourceError(
            f"{file.path} is of collection {facts.collection}, whose calibration is another.",
            f"Download {facts.product} of collection 6.1 (061).",
        )
    if facts.collection == 61:
        return ""
    return f"{file.path.name} is of collection {facts.collection}, {known[str(facts.collection)]}."


def _value(text: str, name: str) -> str | None:
    """Return the value of an object of metadata in ODL."""
    pattern = rf"OBJECT\s*=\s*{name}\b.*?VALUE\s*=\s*\"?([^\"\n]*)\"?.*?END_OBJECT\s*=\s*{name}\b"
    found = re.search(pattern, text, re.DOTALL)
    return found[1].strip() or None if found else None


def _time(text: str) -> str | None:
    """Return when the granule begins, to the minute."""
    day, clock = _value(text, "RANGEBEGINNINGDATE"), _value(text, "RANGEBEGINNINGTIME")
    return f"{day}T{clock[:5]}" if day and clock else None


def _has_day_scans(attributes: Mapping[str, Any]) -> bool:
    return bool(attributes.get("Number of Day mode scans", 1))
