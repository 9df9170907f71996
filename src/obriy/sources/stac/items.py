"""What an item of a catalogue tells of itself, before any pixel of it is read."""

import dataclasses
import datetime as dt
import functools
import re
from collections.abc import Mapping
from typing import Any, Final

import shapely

from obriy.model.item import Item, item_id
from obriy.sources.heads import cloud_cover_in
from obriy.sources.stac.catalogues import ADDRESS, Catalogue
from obriy.sources.stac.opening import names_of
from obriy.sources.stac.search import Raw, footprint_of, time_of

_KEPT: Final = ("type", "stac_version", "id", "collection", "geometry", "bbox", "properties")
_PLACES: Final = ("grid:code", "s2:mgrs_tile", "s2:tile_id", "mgrs:code")
_MADE: Final = ("s2:generation_time", "processing:datetime", "updated", "created")
_BASELINES: Final = ("s2:processing_baseline", "processing:version", "s2:baseline")
_BASELINE: Final = re.compile(r"_N(\d{2})(\d{2})_R\d{3}_")
_HOUR_DEGREES: Final = 15.0
_DAY: Final = len("2025-06-05")


@dataclasses.dataclass(frozen=True)
class Listed:
    """An item that a catalogue lists.

    Attributes:
        raw: As the catalogue gives it, its addresses without signatures.
        catalogue: That catalogue.
        longitude: Of the place that is asked for, degrees: there the sun tells the day.
        why: Why it is not read; empty: it is.
        notes: What was decided of it.
    """

    raw: Raw
    catalogue: Catalogue
    longitude: float = 0.0
    why: str = ""
    notes: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Its name in the catalogue."""
        return str(self.raw["id"])

    @property
    def properties(self) -> Mapping[str, Any]:
        """What it tells of itself."""
        told: Mapping[str, Any] = self.raw["properties"]
        return told

    @property
    def collection(self) -> str:
        """Its collection; empty where it has none."""
        return str(self.raw.get("collection") or "")

    @functools.cached_property
    def time(self) -> dt.datetime:
        """When it was sensed, UTC."""
        return time_of(self.raw)

    @property
    def solar(self) -> dt.datetime:
        """When it was sensed by the sun of the place: images of one pass are of one day there."""
        if len(str(self.properties.get("datetime") or "T" * 20)) == _DAY:  # it tells no time
            return self.time
        return self.time + dt.timedelta(hours=self.longitude / _HOUR_DEGREES)

    @property
    def day(self) -> str:
        """The day by the sun of the place, ISO 8601."""
        return self.solar.date().isoformat()

    @property
    def cloud(self) -> float | None:
        """Cloudiness of the whole scene, per cent; None: not told."""
        return cloud_cover_in(self.properties)

    @functools.cached_property
    def footprint(self) -> shapely.Geometry | None:
        """Its outline, degrees; None: not told."""
        return footprint_of(self.raw)

    @property
    def place(self) -> str:
        """Its tile or its path and row; empty where it tells neither."""
        path = self.properties.get("landsat:wrs_path")
        if path is not None:
            return f"{int(path):03d}{int(self.properties['landsat:wrs_row']):03d}"
        told = next((str(self.properties[k]) for k in _PLACES if self.properties.get(k)), "")
        return re.sub(r"^(MGRS-|T)", "", told)

    @property
    def platform(self) -> str:
        """Its satellite, in lower case; empty where it is not told."""
        return str(self.properties.get("platform", "")).lower()

    @property
    def baseline(self) -> str:
        """The version of its processing, ``05.11``; empty where it is not told."""
        told = next((str(self.properties[k]) for k in _BASELINES if self.properties.get(k)), "")
        named = _BASELINE.search(f"{self.id} {self.properties.get('s2:product_uri', '')}")
        return told or (f"{named[1]}.{named[2]}" if named else "")

    @property
    def made(self) -> tuple[str, str]:
        """What tells a newer version from an older one: the baseline, then when it was made."""
        told = next((str(self.properties[k]) for k in _MADE if self.properties.get(k)), "")
        return self.baseline, told

    @property
    def href(self) -> str:
        """Its own address; what names it in its catalogue where it has none."""
        links = self.raw.get("links", ())
        own = (str(link["href"]) for link in links if link.get("rel") == "self")
        return next(own, f"{ADDRESS}{self.catalogue.name}/{self.collection}/{self.id}")

    def item(self) -> Item:
        """Return it as an image of a run."""
        document = {key: self.raw[key] for key in _KEPT if key in self.raw}
        document |= {"assets": self.raw["assets"], "href": self.href,
                     "catalogue": self.catalogue.name, "baseline": self.baseline}  # fmt: skip
        return Item(
            item_id(self.id),
            ADDRESS,
            (self.href,),
            self.solar.strftime("%Y-%m-%dT%H:%M"),
            cloud_cover=self.cloud,
            document=document,
            bands=names_of(document),
            skipped=self.why,
            notes=self.notes,
        )
