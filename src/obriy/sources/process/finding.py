"""The days on which a place was seen, by the catalogue of a Process API."""

import dataclasses
import datetime as dt
import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import shapely

from obriy.errors import RemoteError, SourceError, UsageError
from obriy.model.areas import District
from obriy.model.item import Item
from obriy.model.notices import notice, reason_of
from obriy.net import cache
from obriy.sources.base import Query
from obriy.sources.dates import parse_range
from obriy.sources.process.address import SCHEME, Address
from obriy.sources.process.grid import parse_split
from obriy.sources.process.service import Service
from obriy.tables.sensor import load_sensor
from obriy.vectors import LONLAT, warp_geometry

KIND: Final = "answers"
"""Of the entries of the cache."""
SPAN: Final = "2015-01-01", "2099-12-31"
"""Days between which a satellite of these collections may have looked."""
MARGIN: Final = dt.timedelta(minutes=1)
"""Added to the times of a day's scenes: parts of one scene have times of their own."""
MOST_CORNERS: Final = 500
"""Corners of an area that a catalogue is asked with; of one with more its box is taken."""


def find(texts: Sequence[str], query: Query) -> list[Item]:
    """Return the days on which an area was seen, by the catalogue of the service.

    Args:
        texts: Addresses.
        query: Area and dates; both are needed.

    Raises:
        UsageError: no area or dates; credentials that are missing or refused.
        SourceError: a catalogue that does not answer and has not been asked before; no scene.
    """
    return [item for text in texts for item in _found(text, query)]


def _found(text: str, query: Query) -> list[Item]:
    address = Address.of(text)
    if "time" in address.options:
        return [_item(address, address.options["time"][:10], {})]
    shapes = [warp_geometry(d.geometry, d.crs, LONLAT) for d in query.districts if d.crs]
    if not shapes or query.datetime is None:
        raise UsageError(
            f"{text} makes images of any place and day.",
            "Say where and when: --aoi DISTRICT --datetime A/B.",
        )
    place = _place(query.districts, shapes)
    if query.tiles is not None:
        parse_split(query.tiles)
        place["tiles"] = query.tiles
    if query.resolution is not None:
        place["resolution"] = f"{query.resolution:g}"
    first, last = (min(max(day, SPAN[0]), SPAN[1]) for day in parse_range(query.datetime))
    area = shapely.union_all(shapes)
    features, notes = _search(Service(address.name), address.collection, area, (first, last))
    lon = _middle(area).x
    features.sort(key=lambda feature: str(feature["properties"]["datetime"]))
    days = itertools.groupby(features, lambda f: _solar_day(f["properties"]["datetime"], lon))
    items = [_day(address, place, day, list(ones)) for day, ones in days if first <= day <= last]
    if not items:
        raise SourceError(
            f"{address.collection} of {address.name} has no scene there in {query.datetime}.",
            "Give another --datetime, or check that --aoi lies where you mean.",
        )
    return chosen([dataclasses.replace(item, notes=notes) for item in items], query)


def chosen(items: Sequence[Item], query: Query) -> list[Item]:
    """Decide which days are read; the others say why not.

    Args:
        items: Days in the order of time.
        query: ``max_cloud``, ``max_dates`` and ``best``.
    """
    made = list(items)
    if query.max_cloud is not None:
        for number, one in enumerate(made):
            if _cloud(one) > query.max_cloud:
                made[number] = _skip(one, notice("scene_too_cloudy", share=_cloud(one) / 100))
    if query.max_dates is not None:
        left = [item for item in made if not item.skipped]
        parts = np.array_split(np.arange(len(left)), min(query.max_dates, len(left)) or 1)
        kept = [min((left[n] for n in part), key=_cloud) for part in parts if len(part)]
        why = notice("date_over_most", most=query.max_dates)
        made = [one if one.skipped or one in kept else _skip(one, why) for one in made]
    if query.best is not None:
        kept = sorted((item for item in made if not item.skipped), key=_cloud)[: query.best]
        why = notice("date_not_best", best=query.best)
        made = [one if one.skipped or one in kept else _skip(one, why) for one in made]
    return made


def _cloud(item: Item) -> float:
    """Return the cloudiness of a day, per cent; of one that does not tell it 0."""
    return item.cloud_cover or 0.0


def _skip(item: Item, why: str) -> Item:
    return dataclasses.replace(item, skipped=why)


def _day(
    address: Address, place: Mapping[str, str], day: str, features: Sequence[Mapping[str, Any]]
) -> Item:
    """Return the item of a day: the scenes of it, which the service puts together."""
    times = [_moment(feature["properties"]["datetime"]) for feature in features]
    span = "/".join(_text(t) for t in (times[0] - MARGIN, times[-1] + MARGIN))
    placed = Address(address.name, {**address.options, **place, "time": span})
    clouds = [feature["properties"].get("eo:cloud_cover") for feature in features]
    known = [float(one) for one in clouds if one is not None]
    return dataclasses.replace(
        _item(placed, day, {"scenes": sorted(str(feature["id"]) for feature in features)}),
        cloud_cover=round(sum(known) / len(known), 2) if known else None,
    )


def _item(address: Address, day: str, document: Mapping[str, Any]) -> Item:
    sensor = load_sensor(address.facts["sensor"])
    quality = [address.facts["quality"].lower()] if "quality" in address.facts else []
    return Item(
        f"{address.collection}_{day}",
        SCHEME,
        (str(address),),
        day,
        document={"collection": address.collection, **document},
        bands=(*(band.common for band in sensor.bands), *quality),
    )


def _search(
    service: Service, collection: str, area: shapely.Geometry, days: tuple[str, str]
) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Ask the catalogue; where it cannot be reached, its last answer counts, and it is said.

    The days of a place begin up to half a day before or after those of Greenwich.
    """
    margin = dt.timedelta(hours=12)
    start, stop = (dt.datetime.fromisoformat(day).replace(tzinfo=dt.UTC) for day in days)
    if shapely.get_num_coordinates(area) > MOST_CORNERS:
        area = shapely.union_all([shapely.box(*part.bounds) for part in shapely.get_parts(area)])
    asked = [service.host, collection, shapely.to_wkt(area), *days]
    key = json.dumps(asked)
    try:
        found = service.search(
            collection, area, start - margin, stop + dt.timedelta(days=1) + margin
        )
    except (RemoteError, UsageError) as error:
        kept = cache.load(KIND, key)
        if kept is None:
            raise
        return json.loads(kept), (notice("catalogue_remembered", why=reason_of(error)),)
    cache.save(KIND, key, json.dumps(found).encode())
    return found, ()


def _place(districts: Sequence[District], shapes: Sequence[shapely.Geometry]) -> dict[str, str]:
    """Return the UTM zone of the middle of districts, and their bounds there, m."""
    middle = _middle(shapely.union_all(shapes))
    zone = min(int((middle.x + 180) // 6) + 1, 60)
    crs = f"EPSG:{(32600 if middle.y >= 0 else 32700) + zone}"
    there = [warp_geometry(d.geometry, d.crs, crs) for d in districts if d.crs]
    bounds = shapely.total_bounds(there)
    return {"crs": crs, "bounds": ",".join(f"{value:.3f}" for value in bounds)}


def _middle(area: shapely.Geometry) -> shapely.Point:
    """Return the middle of the largest part: across the antimeridian that of all lies far off."""
    return shapely.centroid(max(shapely.get_parts(area), key=shapely.area))


def _solar_day(text: str, lon: float) -> str:
    """Return the day of a moment at a longitude, by the sun: a pass over a place is in one day."""
    return (_moment(text) + dt.timedelta(hours=lon / 15)).date().isoformat()


def _moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text.replace("Z", "+00:00"))


def _text(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
