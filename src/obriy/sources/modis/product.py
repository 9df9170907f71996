"""Which product of MODIS or VIIRS a file is, of which satellite, time and collection."""

import dataclasses
import functools
import re
from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from obriy.blocks.handles import state_of
from obriy.errors import MissingExtraError, SourceError
from obriy.model.notices import notice
from obriy.sources.band_names import reflectance_only
from obriy.sources.dates import time_in
from obriy.sources.modis.hdf4 import Hdf4File, open_hdf4
from obriy.tables import load_toml

INSTRUMENTS: Final = ("modis", "viirs")
"""Tables of their products."""
_NAME: Final = re.compile(
    r"(?<![A-Z0-9])(?P<product>(?:M[OY]D|VNP|VJ[12]|CLDMSK_L2_VIIRS_)\w+?)(?:_NRT)?"
    r"\.A\d{7}\.(?:.*?\.?(?P<collection>0\d\d)\.)?",
    re.IGNORECASE,
)
"""File names, e.g. ``MOD02HKM.A2021049.0225.061.2021049131500.hdf``."""


@dataclasses.dataclass(frozen=True)
class Family:
    """The products of one instrument on one satellite.

    Attributes:
        name: What their names begin with, e.g. ``"MOD"``.
        instrument: The table of them.
        satellite: E.g. ``"Terra"``.
        geolocation: Product that holds the positions of a granule.
        clouds: Product that holds its clouds.
    """

    name: str
    instrument: str
    satellite: str
    geolocation: str
    clouds: str

    @property
    def helpers(self) -> dict[str, str]:
        """Products that belong to a granule, and are no image, by what they tell."""
        return {"geolocation": self.geolocation, "clouds": self.clouds}


@functools.cache
def _families() -> tuple[Family, ...]:
    tables = {one: load_toml(one)["families"] for one in INSTRUMENTS}
    return tuple(
        Family(name, instrument, **facts)
        for instrument, families in tables.items()
        for name, facts in families.items()
    )


def family_of(product: str | None) -> Family | None:
    """Return the family of a product by its short name; None: nobody here knows it."""
    own = product or ""
    return next(
        (f for f in _families() if own.startswith(f.name) or own in f.helpers.values()), None
    )


@dataclasses.dataclass(frozen=True)
class Said:
    """Which file of an instrument one is.

    Attributes:
        product: Short name, e.g. ``"MOD02HKM"``.
        time: When it begins, ISO 8601 to the minute; the day alone for daily products.
    """

    product: str
    time: str

    @property
    def role(self) -> str:
        """``"geolocation"`` or ``"clouds"`` of a granule; empty: it is no helper."""
        return _role(self.product)


def _role(product: str) -> str:
    family = family_of(product)
    roles = {name: role for role, name in family.helpers.items()} if family else {}
    return roles.get(product, "")


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

    def partner(self, own: Said, role: str) -> Path | None:
        """Return the first file of a role with the satellite and the time of a granule.

        Args:
            own: The granule.
            role: ``"geolocation"`` or ``"clouds"``.
        """
        family = family_of(own.product)
        if family is None:
            return None
        wanted = Said(family.helpers[role], own.time)
        unnamed = (file for file in self._others if said_of(file) == wanted)
        return self._named.get(wanted) or next(unnamed, None)


def said_in(name: str) -> Said | None:
    """Return what a file name tells, where it is one of NASA's."""
    found, time = _NAME.search(name), time_in(name)
    return Said(plain(found["product"]), time) if found and time else None


def plain(product: str) -> str:
    """Return a short name as the tables have it: a product made at once has that of the later."""
    return product.upper().removesuffix("_NRT")


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
    """What a file says of itself.

    Attributes:
        product: Short name, e.g. ``"MOD02HKM"``.
        time: When it begins, ISO 8601 to the minute; the day alone for daily products.
        collection: 61 for 6.1, 6 for 6; None: it does not say.
        day: Whether any of it was taken in day mode.
    """

    product: str
    time: str
    collection: int | None
    day: bool

    @property
    def kind(self) -> str:
        """The product without its satellite, e.g. ``"02HKM"``."""
        return self.product[3:]

    @property
    def role(self) -> str:
        """``"geolocation"`` or ``"clouds"`` of a granule; empty: it is no helper."""
        return _role(self.product)

    @property
    def family(self) -> str:
        """What the names of the products of its satellite begin with, e.g. ``"MOD"``."""
        return self._family.name

    @property
    def satellite(self) -> str:
        """E.g. ``"Terra"``."""
        return self._family.satellite

    @property
    def instrument(self) -> str:
        """The table of its products: ``"modis"`` or ``"viirs"``."""
        return self._family.instrument

    @property
    def geolocation(self) -> str:
        """The product that holds the positions of its granule."""
        return self._family.geolocation

    @property
    def clouds(self) -> str:
        """The product that holds the clouds of its granule."""
        return self._family.clouds

    @property
    def _family(self) -> Family:
        family = family_of(self.product)
        if family is None:
            raise KeyError(self.product)  # no facts are made of what has none
        return family


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
    text = "".join(
        str(file.attributes[key])
        for key in sorted(file.attributes)
        if key.startswith("CoreMetadata.")
    )
    day = _value(text, "DAYNIGHTFLAG") != "Night" and _has_day_scans(file.attributes)
    return facts_from(
        file.path,
        product=_value(text, "SHORTNAME"),
        time=_time(text),
        version=_value(text, "VERSIONID"),
        day=day,
    )


def facts_from(
    path: Path, *, product: str | None, time: str | None, version: str | None, day: bool
) -> GranuleFacts:
    """Return what metadata say of a file; what they leave out, its name says.

    Raises:
        SourceError: where nothing tells which product of which time it is.
    """
    name, named = _NAME.search(path.name), said_in(path.name)
    product = plain(product) if product else named.product if named else None
    time = time or time_in(path.name)
    if not product or family_of(product) is None or time is None:
        reflectance_only([path.name])
        raise SourceError(
            f"{path} does not say which product of MODIS or VIIRS of which time it is, neither in "
            "its metadata nor in its name.",
            "Name the file as NASA ships it.",
        )
    number = re.sub(r"\D", "", version or (name and name["collection"]) or "")  # 61, 061, 6.1: one
    return GranuleFacts(product, time, int(number) if number else None, day)


def check_image(path: Path, facts: GranuleFacts) -> str:
    """Return which reader opens a product as an image.

    Raises:
        SourceError: where it is a product that is none, or one that nobody here reads.
    """
    products = load_toml(facts.instrument)["products"]
    entry = products.get(facts.kind)
    if entry is None:
        known = ", ".join(f"{facts.family}{k}" for k, v in products.items() if "reader" in v)
        raise SourceError(
            f"{path} is {facts.product}, which is not read.", f"Name the image: {known}."
        )
    if "reader" not in entry:
        hint = entry["hint"].format(family=facts.family)
        raise SourceError(f"{path} is {facts.product}: {entry['what']}, not the image.", hint)
    return str(entry["reader"])


def check_name(path: Path, facts: GranuleFacts) -> None:
    """Refuse a file named by another satellite or time than its own: its map would be misdated.

    Raises:
        SourceError: with both.
    """
    named = said_in(path.name)
    if named is None:
        return
    own_name = family_of(named.product)
    if (own_name and own_name.name, named.time) != (facts.family, facts.time[: len(named.time)]):
        told, own = (f"{one.product}, {one.time}" for one in (named, facts))
        raise SourceError(
            notice("name_contradicts_metadata", name=str(path), told=told, own=own),
            notice("rename_by_metadata"),
        )


def check_collection(path: Path, facts: GranuleFacts) -> str:
    """Return a warning where the collection is an old one that can still serve; else nothing.

    Raises:
        SourceError: where the collection has another calibration.
    """
    known = load_toml(facts.instrument)["collections"]
    current = next(iter(known))
    if facts.collection is None:
        return f"{path.name} does not say its collection; it was read as {_dotted(current)}."
    if str(facts.collection) not in known:
        raise SourceError(
            f"{path} is of collection {facts.collection}, whose calibration is another.",
            f"Download {facts.product} of collection {_dotted(current)} ({current:0>3}).",
        )
    said = known[str(facts.collection)]
    return "" if said == "current" else f"{path.name} is of collection {facts.collection}, {said}."


def _dotted(collection: str) -> str:
    """Return a collection as it is spoken of: 61 as 6.1."""
    return ".".join(collection)


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
