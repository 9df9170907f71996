"""What reading an item would cost: bytes and requests, from what its catalogue tells."""

import math
from collections.abc import Collection, Sequence

import pyproj
import shapely

from obriy.model.areas import District
from obriy.model.item import Item
from obriy.sources.stac.opening import assets_of
from obriy.sources.stac.search import area_of, footprint_of
from obriy.tables import load_toml


def cost_of(
    item: Item, districts: Sequence[District], bands: Collection[str] | None
) -> tuple[int, int]:
    """Estimate what reading the districts of an item costs: bytes of pixels, and requests.

    From the size of each file where the item tells it, else from a usual size of a pixel.

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
    share = part.area / footprint.area
    geod = pyproj.Geod(ellps="WGS84")
    ground = abs(geod.geometry_area_perimeter(shapely.orient_polygons(part))[0])
    west, south, _, north = part.bounds
    high = abs(geod.inv(west, south, west, north)[2])
    size, requests = 0.0, 0
    for _, metres, asset in assets_of(item, bands):
        table = load_toml("catalogues")
        packed = asset.get("file:size")
        pixels = ground / metres**2
        size += packed * share if packed else pixels * table["bytes_per_pixel"]
        requests += 1 + math.ceil(high / metres / table["tile"])
    return round(size), requests
