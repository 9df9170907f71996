"""The part of a grid around districts, pixel for pixel."""

import math
from collections.abc import Sequence
from typing import Final

import shapely
from odc.geo.geobox import GeoBox

from obriy.errors import GeometryError
from obriy.model.areas import District
from obriy.model.notices import notice
from obriy.vectors import LONLAT, lonlat_bounds, place, warp_geometry

CONTEXT: Final = 32
"""Pixels kept around the districts: methods look at the neighbourhood of a pixel."""


def part_around(districts: Sequence[District], geobox: GeoBox) -> tuple[slice, slice]:
    """Return rows and columns of a grid around districts, with some context.

    Args:
        districts: What is asked for; those that lie outside the grid do not count.
        geobox: The grid, in any CRS.

    Raises:
        GeometryError: where no district meets the grid, with both extents.
        GridError: where a district has a CRS and the grid has none.
    """
    rows, columns = int(geobox.shape.y), int(geobox.shape.x)
    window = shapely.box(0, 0, columns, rows)
    placed = [place(d.geometry, d.crs, geobox) for d in districts]
    inside = [shapely.intersection(p, window) for p in placed]
    met = [part for part in inside if part.area > 0]
    if not met:
        raise GeometryError(_no_overlap(districts, geobox), notice("district_inside"))
    west, south, east, north = shapely.total_bounds(met)
    return (
        slice(max(0, math.floor(south) - CONTEXT), min(rows, math.ceil(north) + CONTEXT)),
        slice(max(0, math.floor(west) - CONTEXT), min(columns, math.ceil(east) + CONTEXT)),
    )


def _no_overlap(districts: Sequence[District], geobox: GeoBox) -> str:
    names = ", ".join(f"'{d.name}'" for d in districts[:3])
    bounds = lonlat_bounds(geobox)
    asked = [warp_geometry(d.geometry, d.crs, LONLAT) for d in districts if d.crs is not None]
    given = tuple(shapely.total_bounds(asked)) if asked else ()
    return notice("districts_not_met", names=names, asked=_degrees(given), bounds=_degrees(bounds))


def _degrees(bounds: tuple[float, ...]) -> str:
    if not bounds:
        return notice("own_plane")
    west, south, east, north = bounds
    return notice("extent", west=west, east=east, south=south, north=north)
