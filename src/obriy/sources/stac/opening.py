"""An item of a catalogue as a Scene: which asset is which band, and what its numbers are."""

import dataclasses
import re
from collections.abc import Collection, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from obriy.blocks.gdal import Access
from obriy.errors import BandError, SourceError
from obriy.model.bands import QUALITY, SKIP
from obriy.model.item import Item
from obriy.net.address import unsigned
from obriy.sources.band_names import look_up
from obriy.sources.base import Request
from obriy.sources.geotiff import open_told
from obriy.sources.stac.catalogues import access_of, needs_of, product_of, scheme_of
from obriy.sources.told import Told
from obriy.tables.sensor import Sensor, load_sensor

if TYPE_CHECKING:
    import xarray as xr

Asset = Mapping[str, Any]
_RASTERS: Final = (".tif", ".tiff", ".jp2", ".vrt", ".nc")
_SIZE: Final = re.compile(r"[_-](?P<metres>\d{2})m$", re.IGNORECASE)
"""Ending of the name of an asset that there is at several pixel sizes."""
_ENDING: Final = re.compile(r"[_-](?:\d{2}m|jp2)$|\.(?:tiff?|jp2)$", re.IGNORECASE)
"""What the names of assets end in beside the name of the band."""
_SAYS_NOTHING: Final = ("visual", "thumbnail", "overview")


def open_listed(item: Item, request: Request) -> "xr.Dataset":
    """Open an item of a catalogue, lazily.

    Args:
        item: With the document of its catalogue.
        request: What the user asked: ``bands`` chooses among those there are, ``sensor`` is
            believed where nothing tells what the item is.

    Raises:
        SourceError: an item of nothing that is known here, or without a band.
        BandError: a band that it lacks.
    """
    return open_told(dataclasses.replace(request, bands=None), told_of(item, request))


def told_of(item: Item, request: Request) -> Told:
    """Return an item as a product whose metadata describe its files."""
    document = item.document
    sensor, row = _sensor(document, request)
    found = bands_of(document, sensor, row.get("product", ""))
    chosen = _chosen(found, request, sensor, item)
    assets = {name: _best(sizes, request.resolution) for name, sizes in chosen.items()}
    hrefs = {name: str(asset["href"]) for name, asset in assets.items()}
    access = access_of(str(document["catalogue"]))
    _require_open(hrefs, str(document["catalogue"]), access)
    properties = document["properties"]
    facts = {
        "catalogue": document["catalogue"],
        "collection": document.get("collection"),
        "item": document["id"],
        "href": document["href"],
        "datetime": properties.get("datetime") or properties.get("start_datetime"),
        "platform": properties.get("platform") or properties.get("eo:platform"),
        "baseline": document.get("baseline") or None,
        "cloud_cover": item.cloud_cover,
        "sun_elevation": properties.get("view:sun_elevation"),
        "sun_azimuth": properties.get("view:sun_azimuth"),
    }
    record = {key: value for key, value in facts.items() if value is not None}
    return Told(
        sensor=sensor,
        bands={href: name for name, href in hrefs.items()},
        by=f"{document['catalogue']}: {document.get('collection') or document['id']}",
        unread=tuple(sorted(set(found) - set(assets))),
        scaling=None,
        missing=(),
        tags=_tags(document, row),
        time=item.date or None,
        record=record,
        warnings=item.notes,
        network=access,
        inputs={href: _input(record, assets[name], href) for name, href in hrefs.items()},
    )


def assets_of(item: Item, bands: Collection[str] | None) -> list[tuple[str, float, Asset]]:
    """Return the assets of an item that are read: band, size of its pixels in metres, asset."""
    sensor, row = _sensor(item.document, Request(()))
    found = bands_of(item.document, sensor, row.get("product", ""))
    metres = {band.common: band.resolution for band in sensor.bands}
    return [
        (name, metres.get(name, sensor.resolution), _best(assets, None))
        for name, assets in found.items()
        if bands is None or name in bands or name in QUALITY
    ]


def names_of(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the bands that an item has; none where nothing tells which sensor it is of."""
    try:
        sensor, row = _sensor(document, Request(()))
    except SourceError:
        return ()
    return tuple(bands_of(document, sensor, row.get("product", "")))


def _require_open(hrefs: Mapping[str, str], catalogue: str, access: Access) -> None:
    """Raise where pixels lie in a store that is not read by HTTP."""
    far = {href: href for href in hrefs.values() if "://" in href}
    if not isinstance(access, bool):
        far = {href: access.reached(href) for href in far}
    closed = next((href for href, at in far.items() if not at.startswith("http")), None)
    if closed is not None:
        needs = needs_of(catalogue) or "keys for its store"
        raise SourceError(
            f"{closed} lies in a store that asks for {needs}, and is not read yet.",
            "Take another catalogue (stac:earth-search, stac:planetary-computer).",
        )


def _sensor(document: Mapping[str, Any], request: Request) -> tuple[Sensor, Mapping[str, str]]:
    """Return whose an item is, and the row of the table that tells."""
    place, collection, name = (
        str(document.get(key) or "") for key in ("catalogue", "collection", "id")
    )
    row = product_of(place, collection, name)
    if row is None and request.sensor is None:
        raise SourceError(
            f"Nothing tells which sensor the item {name} of '{collection}' is of.",
            "Say it with --sensor, e.g. sentinel2_l2a.",
        )
    row = row or {}
    return load_sensor(request.sensor or row["sensor"]), row


def bands_of(document: Mapping[str, Any], sensor: Sensor, product: str) -> dict[str, list[Asset]]:
    """Return the assets of an item by band; several where there are several pixel sizes or formats.

    Args:
        document: A STAC item.
        sensor: Whose it is.
        product: Which of its products.
    """
    # Names of anybody's may mean a band that is no reflectance here: lwir11 of Landsat.
    scheme = scheme_of(str(document.get("catalogue")))
    known = {band.common for band in sensor.bands if band.reflective} | {"nir", *QUALITY}
    found: dict[str, list[Asset]] = {}
    for key, asset in document["assets"].items():
        if _is_picture(asset):
            continue
        names = [_ENDING.sub("", key), *_names_of(asset, document["properties"])]
        meant = (look_up(name, sensor, product) for name in names)
        band = next((one for one in meant if one in known), None)
        if band is not None:
            found.setdefault(band, []).append(
                {**asset, "key": key, "href": _reached(asset, scheme)}
            )
    return found


def _reached(asset: Asset, scheme: str) -> str:
    """Return the address of an asset; of several, that which begins with ``scheme``."""
    hrefs = [asset, *(asset.get("alternate") or {}).values()]
    told = [str(one["href"]) for one in hrefs if one.get("href")]
    return next((href for href in told if href.startswith(scheme)), told[0])


def _is_picture(asset: Asset) -> bool:
    """Say whether an asset is no band: a picture, a thumbnail, or no raster at all."""
    kind = str(asset.get("type", ""))
    raster = kind.startswith(("image/tiff", "image/jp2", "image/vnd.stac.geotiff")) or (
        PurePosixPath(str(asset["href"]).partition("?")[0]).suffix.lower() in _RASTERS
    )
    return not raster or bool(set(_SAYS_NOTHING) & set(asset.get("roles") or ()))


def _names_of(asset: Asset, properties: Mapping[str, Any]) -> list[str]:
    """Return what the single band of an asset is called; in STAC 0.7 it is a number of a list."""
    bands = asset.get("bands") or asset.get("eo:bands") or []
    if len(bands) != 1:
        return []
    known = properties.get("eo:bands", ())
    told = bands[0]
    if isinstance(told, int):
        told = known[told] if told < len(known) else {}
    keys = ("name", "eo:common_name", "common_name")
    return [str(told[key]) for key in keys if told.get(key)]


def _chosen(
    found: Mapping[str, list[Asset]], request: Request, sensor: Sensor, item: Item
) -> dict[str, list[Asset]]:
    """Return the bands that the user chose, of those there are; all where nothing was chosen."""
    if not set(found) - set(QUALITY):
        raise SourceError(
            f"The item {item.document['id']} has no band of {sensor.title} that is known here.",
            "Take another collection, or say --sensor.",
        )
    if request.bands is None:
        return dict(found)
    names = {band: look_up(band, sensor, "") for band in request.bands if band != SKIP}
    strange = next((band for band, name in names.items() if name not in found), None)
    if strange is not None:
        raise BandError(
            f"The item {item.document['id']} has no band '{strange}'; it has {', '.join(found)}.",
            "Correct --bands: of an item they choose, in any order.",
        )
    kept = {str(name) for name in names.values()} | (set(found) & set(QUALITY))
    return {name: sizes for name, sizes in found.items() if name in kept}


def _best(assets: list[Asset], resolution: float | None) -> Asset:
    """Return the asset of a band: the coarsest as fine as asked, else the finest; COGs first."""

    def metres(asset: Asset) -> float:
        size = _SIZE.search(asset["key"])
        return float(size["metres"]) if size else float(asset.get("gsd") or 0.0)

    cogs = [one for one in assets if not str(one["href"]).lower().endswith(".jp2")]
    ordered = sorted(cogs or assets, key=metres)
    enough = [one for one in ordered if metres(one) <= (resolution or 0)]
    return enough[-1] if enough else ordered[0]


def _tags(document: Mapping[str, Any], row: Mapping[str, str]) -> dict[str, str]:
    """Return what is told of offsets to whoever decides by the numbers."""
    told = document["properties"]
    tags = {key: str(value) for key, value in told.items() if isinstance(value, str | int | float)}
    if row.get("offset") == "kept":
        tags.pop("earthsearch:boa_offset_applied", None)
    if document.get("baseline"):
        tags["PROCESSING_BASELINE"] = str(document["baseline"])
    return tags


def _input(record: Mapping[str, Any], asset: Asset, href: str) -> dict[str, Any]:
    """Return what the record says of a file: where it lies, of which item, and what tells it."""
    told = {
        "href": unsigned(href) if "://" in href else href,
        "bytes": asset.get("file:size"),
        "checksum": asset.get("file:checksum"),
        "item": record["item"],
        "item_href": record["href"] if "://" in record["href"] else None,
        "collection": record.get("collection"),
        "baseline": record.get("baseline"),
    }
    return {key: value for key, value in told.items() if value is not None}
