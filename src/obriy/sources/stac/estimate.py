"""What reading an item would cost: bytes and requests, from what its catalogue tells."""

import math
from collections.abc import Collection, Sequence
from typing import Final

import pyproj
import shapely

from obriy.model.areas import District
from obriy.model.item import Item
from obriy.net.spans import LONGEST
from obriy.sources.stac.opening import assets_of
from obriy.sources.stac.search import area_of, footprint_of
from obriy.tables import load_toml

_GEOD: Final = pyproj.Geod(ellps="WGS84")


def cost_of(
    item: Item, districts: Sequence[District], bands: Collection[str] | None
) -> tuple[int, int]:
    """Estimate what reading the districts of an item costs: bytes of pixels, and requests.

    From the size of each file where the item tells it, else from a usual size of a pixel; what is
    JPEG 2000 is read whole.

    Args:
        item: Of a catalogue.
        districts: Where; empty: all of it.
        bands: Which of its bands; None: all.
    """
    area, footprint = area_of(districts), footprint_of(item.document)
    if footprint is None:
        return 0, 0
    part = footprint if area is None else shapely.intersection(shapely.envelope(area), footprint)
    if part.is_empty:
        return 0, 0
    west, south, _, north = part.bounds
    high = abs(_GEOD.inv(west, south, west, north)[2])
    table = load_toml("catalogues")
    size, requests = 0.0, 0
    for _, metres, asset in assets_of(item, bands):
        whole = str(asset["href"]).lower().endswith(".jp2")  # nothing tells where its tiles lie
        read = footprint if whole else part
        packed = (asset.get("file:size") or 0) * read.area / footprint.area
        told = packed or _ground(read) / metres**2 * table["bytes_per_pixel"]
        size += told
        requests += 1 + math.ceil(told / LONGEST if whole else high / metres / table["tile"])
    return round(size), requests


def _ground(area: shapely.Geometry) -> float:
    """Return the size of an area in degrees, m²."""
    return abs(_GEOD.geometry_area_perimeter(shapely.orient_polygons(area))[0])
