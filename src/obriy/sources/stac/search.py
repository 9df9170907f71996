"""Asks a catalogue which items it has: a STAC API, a static catalogue, or a file of items."""

import dataclasses
import datetime as dt
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urljoin

import shapely
from shapely import affinity

from obriy.errors import RemoteError, SourceError
from obriy.model.areas import District
from obriy.model.notices import notice
from obriy.net.address import shown
from obriy.net.client import client
from obriy.sources.stac.catalogues import Catalogue
from obriy.vectors import LONLAT, warp_geometry

Raw = Mapping[str, Any]
"""A STAC item as its catalogue gives it."""
_PAGE: Final = 200
"""Items of one answer."""
_SEARCH: Final = re.compile(r"api\.stacspec\.org/v1[^/]*/item-search")
_WORLD: Final = shapely.box(-180, -90, 180, 90)


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What is asked of a catalogue.

    Attributes:
        area: Where, longitude and latitude, degrees, within ±180; None: everywhere.
        first: The first day, ISO 8601, UTC.
        last: The last day, included.
    """

    area: shapely.Geometry | None = None
    first: str = "0001-01-01"
    last: str = "9999-12-31"

    def widened(self, days: int) -> "Wanted":
        """Return the same with so many days more at either end."""
        ends = (_shifted(self.first, -days), _shifted(self.last, days))
        return dataclasses.replace(self, first=ends[0], last=ends[1])

    @property
    def interval(self) -> str | None:
        """The dates as a STAC API reads them; None: any."""
        ends = (f"{self.first}T00:00:00Z", f"{self.last}T23:59:59Z")
        first, last = (".." if day[:4] in ("0001", "9999") else day for day in ends)
        return None if first == last else f"{first}/{last}"

    def boxes(self) -> list[tuple[float, ...]]:
        """Return west, south, east and north of each part of the area, none across ±180."""
        return [] if self.area is None else [part.bounds for part in parts_of(self.area)]


def area_of(districts: Sequence[District]) -> shapely.Geometry | None:
    """Return where districts lie, degrees within ±180; None where there are none with a CRS."""
    shapes = [warp_geometry(d.geometry, d.crs, LONLAT) for d in districts if d.crs is not None]
    return within_180(shapely.union_all(shapes)) if shapes else None


def within_180(geometry: shapely.Geometry) -> shapely.Geometry:
    """Return an outline in degrees whose part past ±180 stands at the other end of the world."""
    turned = (affinity.translate(geometry, turn) for turn in (-360, 0, 360))
    return shapely.union_all([shapely.intersection(part, _WORLD) for part in turned])


def parts_of(geometry: shapely.Geometry) -> list[shapely.Geometry]:
    """Return what lies on either side of the antimeridian; one part where nothing does."""
    west, _, east, _ = geometry.bounds
    if east - west <= 180:
        return [geometry]
    sides = (shapely.box(-180, -90, 0, 90), shapely.box(0, -90, 180, 90))
    return [part for part in (shapely.intersection(geometry, s) for s in sides) if part.area > 0]


def ask(catalogue: Catalogue, wanted: Wanted) -> tuple[list[Raw], list[str]]:
    """Ask for the items of the first of a catalogue's collections that has any.

    Returns:
        Its items, and what is said of those that are none.

    Raises:
        SourceError: a catalogue that does not answer, or answers with something else.
    """
    odd: list[str] = []
    found: list[Raw] = []
    try:
        root, base = _read(catalogue.href)
        for collections in [[one] for one in catalogue.collections] or [[]]:
            found = list(_of(root, base, collections, wanted, odd))
            if found:
                break
    except Exception as error:
        if not isinstance(error, _unanswered()):
            raise
        raise SourceError(
            notice("catalogue_silent", name=catalogue.title, why=_why(error)),
            notice("other_catalogue"),
        ) from error
    said = notice("odd_items", name=catalogue.title, count=len(odd), some=odd[:3]) if odd else ""
    return found, [said] if said else []


def _unanswered() -> tuple[type[Exception], ...]:
    from pystac.errors import STACError
    from pystac_client.exceptions import APIError

    return (RemoteError, APIError, STACError, OSError, ValueError, KeyError)


def _why(error: Exception) -> str:
    message = error.message if isinstance(error, RemoteError) else str(error)
    told = re.sub(r"\s+", " ", message).strip().rstrip(".")
    return told[:200] or type(error).__name__


def _read(href: str) -> tuple[dict[str, Any], str]:
    """Return what lies at an address or in a file, and where relative names start from."""
    if "://" in href:
        read = client().request("GET", href).json()
    else:
        path = Path(href).expanduser().absolute()
        if not path.is_file():
            raise SourceError(notice("no_items_file", path=href), notice("name_items_file"))
        read, href = json.loads(path.read_text(encoding="utf-8")), str(path)
    if not isinstance(read, dict):
        raise ValueError("it is no STAC")
    return read, href


def _of(
    root: dict[str, Any],
    base: str,
    collections: list[str],
    wanted: Wanted,
    odd: list[str],
) -> Iterator[Raw]:
    """Yield the items that are wanted; ``odd`` gets the names of those that tell no time."""
    kind = root.get("type")
    if kind in ("FeatureCollection", "Feature"):
        found: Iterable[Raw] = root["features"] if kind == "FeatureCollection" else [root]
    elif any(_SEARCH.search(str(one)) for one in root.get("conformsTo", ())):
        found = _search(base, collections, wanted)
    elif kind in ("Catalog", "Collection") or "stac_version" in root:
        found = _walk(root, base)
    else:
        raise ValueError("it is no STAC")
    for item in found:
        try:
            of_it = not collections or item.get("collection") in collections
            if of_it and _is_wanted(item, wanted):
                yield _absolute(item, base)
        except (ValueError, KeyError, TypeError, AttributeError, shapely.errors.ShapelyError):
            odd.append(str(item.get("id", "?")))


def _search(href: str, collections: list[str], wanted: Wanted) -> Iterator[Raw]:
    """Ask a STAC API, page after page; an item that several boxes meet comes once."""
    from pystac_client import Client

    api = Client.open(href, stac_io=_our_client())
    known = set()
    boxes: list[tuple[float, ...] | None] = [*wanted.boxes()]
    for box in boxes or [None]:
        search = api.search(
            collections=collections or None,
            bbox=box,
            datetime=wanted.interval,
            limit=_PAGE,
            max_items=None,
        )
        for page in search.pages_as_dicts():
            for item in page["features"]:
                if (item.get("collection"), item["id"]) not in known:
                    known.add((item.get("collection"), item["id"]))
                    yield item


def _our_client() -> Any:
    """Return what lets the STAC libraries ask by our client, which is patient and keeps logins."""
    from pystac_client.stac_api_io import StacApiIO

    class OurClient(StacApiIO):
        """Texts by our client."""

        def request(
            self,
            href: str,
            method: str | None = None,
            headers: Mapping[str, str] | None = None,
            parameters: Mapping[str, Any] | None = None,
        ) -> str:
            """Ask; parameters are the body of a POST, and the query of anything else."""
            posts = (method or "GET").upper() == "POST"
            answer = client().request(
                "POST" if posts else "GET",
                href,
                query=None if posts else parameters,
                body=parameters if posts else None,
                headers=headers,
            )
            return answer.content.decode()

    return OurClient()


def _our_files(base: str) -> Any:
    """Return what lets the library of static catalogues read by our client."""
    from pystac.stac_io import DefaultStacIO

    class OurFiles(DefaultStacIO):
        """Files of this machine, and addresses by our client."""

        def read_text_from_href(self, href: str) -> str:
            """Read one; what the network names is of the network."""
            if "://" in base:
                _of_the_web(href, base)
            if "://" in href:
                return client().request("GET", href).content.decode()
            return str(super().read_text_from_href(href))

    return OurFiles()


def _walk(root: dict[str, Any], base: str) -> Iterator[Raw]:
    """Follow the links of a static catalogue to its items."""
    import pystac

    catalogue = cast(pystac.Catalog, pystac.read_dict(root, href=base, stac_io=_our_files(base)))
    for item in catalogue.get_items(recursive=True):
        item.make_asset_hrefs_absolute()
        raw, here = item.to_dict(transform_hrefs=False), item.get_self_href() or base
        yield _absolute(raw, here) if "://" in here else raw


def _is_wanted(item: Raw, wanted: Wanted) -> bool:
    """Look again at what was asked: static catalogues do not look, and some APIs only roughly."""
    day = time_of(item).date().isoformat()
    if not wanted.first <= day <= wanted.last:
        return False
    return wanted.area is None or meets(footprint_of(item), wanted.area)


def time_of(item: Raw) -> dt.datetime:
    """Return when an item was sensed, UTC.

    Raises:
        ValueError: where it does not say it.
    """
    told = item["properties"].get("datetime") or item["properties"].get("start_datetime")
    moment = dt.datetime.fromisoformat(str(told))
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)


def footprint_of(item: Raw) -> shapely.Geometry | None:
    """Return the outline of an item, degrees, within ±180; None where it tells none.

    One that was drawn the long way round the world is turned: no image is so wide.
    """
    outline = item.get("geometry")
    if outline:
        shape = shapely.make_valid(shapely.from_geojson(json.dumps(outline)))
    elif item.get("bbox"):
        box = list(item["bbox"])
        west, south, east, north = (*box[:2], *box[len(box) // 2 :][:2])
        shape = shapely.box(west, south, east + 360 if east < west else east, north)
    else:
        return None
    parts = [_turned(part) for part in shapely.get_parts(shape)]
    return within_180(shapely.union_all(parts))


def _turned(part: shapely.Geometry) -> shapely.Geometry:
    west, _, east, _ = part.bounds
    if east - west <= 180:
        return part

    def east_of_zero(lonlat: Any) -> Any:
        lonlat = lonlat.copy()
        lonlat[lonlat[:, 0] < 0, 0] += 360
        return lonlat

    return shapely.make_valid(shapely.transform(part, east_of_zero))


def meets(footprint: shapely.Geometry | None, area: shapely.Geometry) -> bool:
    """Say whether an item shows a part of an area; one without an outline may."""
    return footprint is None or bool(shapely.intersection(footprint, area).area > 0)


def _absolute(item: Raw, base: str) -> Raw:
    """Return an item whose assets have whole addresses, or files of this machine.

    Raises:
        SourceError: where a document of the network names a file of this machine.
    """
    own = next((link["href"] for link in item.get("links", ()) if link.get("rel") == "self"), base)
    here = urljoin(base, own) if "://" in base or "://" in own else base
    assets = {
        name: {**asset, "href": _joined(here, asset["href"], far="://" in base)}
        for name, asset in item.get("assets", {}).items()
    }
    return {**item, "assets": assets}


def _joined(base: str, href: str, *, far: bool) -> str:
    """Return what a name in a document means (RFC 3986, 5.2, where it is of the network)."""
    if far:
        return _of_the_web(urljoin(base, href), base)
    if "://" in href or Path(href).is_absolute():
        return href
    if "://" in base:
        return urljoin(base, href)
    return str(Path(base).parent / href)


def _of_the_web(href: str, base: str) -> str:
    """Refuse a name by which a document of the network would have a file of this machine read."""
    scheme, sign, _ = href.partition("://")
    if not sign or scheme.lower() == "file":
        raise SourceError(
            notice("far_names_local", name=href, catalogue=shown(base)),
            notice("save_the_catalogue"),
        )
    return href


def _shifted(day: str, days: int) -> str:
    try:
        return (dt.date.fromisoformat(day) + dt.timedelta(days)).isoformat()
    except OverflowError:
        return day
