"""Granules of MODIS and VIIRS that NASA's Earthdata holds, as a source: ``earthdata:MOD02HKM``."""

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from obriy.errors import SourceError, UsageError
from obriy.model.item import Item, item_id
from obriy.model.notices import notice
from obriy.model.provenance import Provenance
from obriy.model.scene import provenance_of
from obriy.sources.base import Cost, Query, Request, Source
from obriy.sources.dates import parse_range
from obriy.sources.earthdata.fetching import fetch, is_kept
from obriy.sources.earthdata.listing import Listed, listed
from obriy.sources.earthdata.remote import ADDRESS, Remote, remote_of
from obriy.sources.granules import open_product, products_in
from obriy.sources.modis.product import INSTRUMENTS, Family, Near, family_of, said_in
from obriy.tables import load_toml
from obriy.vectors import LONLAT, longitude_span, warp_geometry

if TYPE_CHECKING:
    import xarray as xr

    from obriy.model.areas import District


def find(texts: Sequence[str], query: Query) -> list[Item]:
    """Find the granules of products over the districts and dates of a query.

    Those of the night, and those that were made anew, are not read, and say so; each other comes
    with its geolocation.

    Args:
        texts: Addresses: of products, or each of one file (what items of this source are).
        query: Where and when; cloud masks may be named, which lie here.

    Raises:
        UsageError: a product that is none, no place, or no period; a geolocation, which comes too.
        MissingExtraError: where the client is not installed.
        RemoteError: where the catalogue does not answer.
        SourceError: where it lists nothing.
    """
    if query.geolocation:
        raise UsageError("Granules of the archive come with their geolocation.", "Leave it away.")
    files = [text for text in texts if text.startswith(f"{ADDRESS}https:")]
    wanted = [text.removeprefix(ADDRESS).split(",") for text in texts if text not in files]
    products = [name.strip().upper() for names in wanted for name in names]
    families = {product: _family(product) for product in products}
    items = [_item(remote_of(text), None) for text in files]
    if not products:
        return items
    if not query.districts or query.datetime is None:
        raise UsageError(
            f"{ADDRESS}{products[0]} holds the world since decades.",
            "Say where and when: --aoi, and --datetime 2021-02-01/2021-02-28.",
        )
    box, period = _box(query.districts), _days(query.datetime)
    for product, family in families.items():
        images = listed(product, box, period)
        places: dict[str, Remote] = {}
        if images and _is_swath(product, family):
            places = _newest(one.remote for one in listed(family.geolocation, box, period))
        newest = _newest(one.remote for one in images)
        items += [_of_list(one, newest, places) for one in images]
    if not items:
        raise SourceError(
            f"NASA lists no {', '.join(products)} over the place from {period[0]} to {period[1]}.",
            "Give another --datetime, or a product of another satellite, e.g. earthdata:VJ102MOD.",
        )
    if query.clouds in ("auto", "none"):
        return items
    masks = Near(products_in(query.clouds))
    return [_masked(item, masks) for item in items]


def open_granule(request: Request) -> "xr.Dataset":
    """Fetch a granule and what belongs to it, and open it.

    Errors are those of `obriy.sources.earthdata.fetching.fetch` and of `obriy.sources.granules`.
    """
    remote = remote_of(request.paths[0])
    beside = request.geolocation
    if beside is not None and beside.startswith(ADDRESS):
        beside = str(fetch(remote_of(beside)))
    file = str(fetch(remote))
    scene = open_product(dataclasses.replace(request, paths=(file,), geolocation=beside))
    scene.attrs["provenance"] = _from(provenance_of(scene), remote)
    return scene


def cost_of(item: Item, districts: "tuple[District, ...]", bands: Sequence[str] | None) -> Cost:
    """Return the bytes and the requests that an item still takes: granules come whole.

    Args:
        item: It; of a file whose size the catalogue does not tell no bytes are counted.
        districts: Not asked.
        bands: Not asked.
    """
    named = (*item.paths, *item.assets.values())
    files = [remote_of(text) for text in named if text.startswith(ADDRESS)]
    to_come = [file for file in files if not is_kept(file)]
    return {"bytes": sum(file.size for file in to_come), "requests": len(to_come)}


EARTHDATA: Final = Source(find, open_granule, cost=cost_of)


def _family(product: str) -> Family:
    family = family_of(product)
    readable = load_toml(family.instrument)["products"] if family else {}
    if family is None or "reader" not in readable.get(product.removeprefix(family.name), {}):
        known = [
            f"{name}{kind}"
            for one in INSTRUMENTS
            for name in load_toml(one)["families"]
            for kind, entry in load_toml(one)["products"].items()
            if "reader" in entry
        ]
        raise UsageError(
            f"{ADDRESS}{product} is no product that can be read.",
            f"Name one of {', '.join(known)}.",
        )
    return family


def _is_swath(product: str, family: Family) -> bool:
    entry = load_toml(family.instrument)["products"][product.removeprefix(family.name)]
    return bool(entry["reader"] != "gridded")


def _item(remote: Remote, geolocation: Remote | None) -> Item:
    said = said_in(remote.name)
    if said is None:
        raise SourceError(f"{remote.name} is no name that NASA gives.", "Name a granule.")
    assets = {"geolocation": geolocation.address} if geolocation else {}
    return Item(item_id(remote.name), ADDRESS, (remote.address,), said.time, assets)


def _of_list(one: Listed, newest: Mapping[str, Remote], places: Mapping[str, Remote]) -> Item:
    """Return a granule that the catalogue lists as an image, read or not."""
    item = _item(one.remote, None)
    last = newest[item.time]
    if last != one.remote:
        return dataclasses.replace(item, skipped=_again(one.remote, last))
    if not one.day:
        return dataclasses.replace(item, skipped=notice("taken_at_night", name=one.remote.name))
    return _item(one.remote, places.get(item.time))


def _masked(item: Item, masks: Near) -> Item:
    """Return an item with the cloud mask of the same granule, where there is one."""
    said = said_in(remote_of(item.paths[0]).name)
    mask = masks.partner(said, "clouds") if said else None
    return dataclasses.replace(item, assets={**item.assets, "clouds": str(mask)}) if mask else item


def _again(older: Remote, newer: Remote) -> str:
    return notice("scene_made_again", older=older.name, name=newer.name)


def _newest(remotes: Iterable[Remote]) -> dict[str, Remote]:
    """Return the file that was made last of each time, of the newest collection."""
    found: dict[str, Remote] = {}
    for remote in sorted(remotes, key=lambda one: _made(one.name)):
        said = said_in(remote.name)
        if said is not None:
            found[said.time] = remote
    return found


def _made(name: str) -> tuple[float, str]:
    """Return collection and time of production: ``.061.2021049131500.`` is 6.1, ``.006.`` 6.0."""
    told = re.search(r"\.(\d{3})\.(\d{13})\.", name)
    if told is None:
        return 0.0, name
    number = int(told[1])
    return number / 10 if number >= 10 else float(number), told[2]


def _box(districts: "Sequence[District]") -> tuple[float, float, float, float]:
    """Return west, south, east, north of districts, west of the date line east of it."""
    import shapely

    outlines = [warp_geometry(d.geometry, d.crs or LONLAT, LONLAT) for d in districts]
    outline = shapely.union_all(outlines)
    _, south, _, north = outline.bounds
    west, east = longitude_span(shapely.get_coordinates(outline)[:, 0])
    if east - west >= 360:
        return -180.0, round(south, 4), 180.0, round(north, 4)
    around = [round((lon + 180) % 360 - 180, 4) for lon in (west, east)]
    return around[0], round(south, 4), around[1], round(north, 4)


def _days(datetime: str) -> tuple[str, str]:
    first, last = parse_range(datetime)
    return first, last


def _from(record: Provenance, remote: Remote) -> Provenance:
    """Return a record that says where its first file came from."""
    first, *others = record.inputs
    origin = {"origin": remote.href, "checksum": remote.checksum}
    return dataclasses.replace(
        record, inputs=(first | {k: v for k, v in origin.items() if v}, *others)
    )
