"""Whether a grid lies on the Earth: what a file says of its place, checked before it is used."""

import functools
import itertools
import math
from typing import Final

import numpy as np
import pyproj
from odc.geo.geobox import GeoBox
from pyproj.exceptions import ProjError

from obriy.errors import GridError

LONLAT: Final = "EPSG:4326"
EARTH_M: Final = (6.3e6, 6.4e6)
"""Half an axis of the Earth: every ellipsoid in use lies well within."""
PIXEL: Final = (1e-9, 1e9)
"""Side of a pixel in units of its CRS: beyond, it is no number that anybody measured."""
ABROAD: Final = 20.0
"""Degrees of longitude beyond the area of a CRS from which on its coordinates are in doubt."""
_POLAR: Final = 80.0
"""Latitude beyond which degrees of longitude say little."""
_TURNS: Final = 540.0
"""Longitudes are counted from -180, from 0, or on beyond 180; degrees of no kind go further."""
_PLACES: Final = 3
"""Of nine places of a grid as many lie on the Earth, also of a disk seen from afar."""
_WAY_OUT: Final = "Set the right CRS and place: gdal_edit -a_srs EPSG:CODE -a_ullr W N E S FILE."


def check_place(grid: GeoBox, what: str) -> GeoBox:
    """Return a grid that has pixels of a size and, where it has a CRS, a place on the Earth.

    Args:
        grid: The grid; without a CRS only its numbers are looked at.
        what: What has it, for messages: the name of a file.

    Raises:
        GridError: for numbers that are none, a CRS that is not tied to the Earth, and coordinates
            that lie nowhere on it.
    """
    wkt = None if grid.crs is None else str(grid.crs)
    fault = _fault(tuple(grid.affine[:6]), (int(grid.shape.y), int(grid.shape.x)), wkt)
    if fault:
        raise GridError(f"{what} {fault}.", _WAY_OUT)
    return grid


def doubt_of_place(grid: GeoBox) -> str:
    """Return a sentence where a grid lies far from where its CRS is used; else nothing."""
    wkt = None if grid.crs is None else str(grid.crs)
    if wkt is None or grid.crs is None or not grid.crs.epsg:
        return ""
    area = pyproj.CRS.from_epsg(grid.crs.epsg).area_of_use
    places = _lonlat(tuple(grid.affine[:6]), (int(grid.shape.y), int(grid.shape.x)), wkt)
    lon, lat = places[len(places) // 2]
    if area is None or not math.isfinite(lon) or abs(lat) > _POLAR:
        return ""
    east, west = (lon - area.east) % 360, (area.west - lon) % 360
    width = (area.east - area.west) % 360 or 360.0
    away = 0.0 if (lon - area.west) % 360 <= width else min(east, west)
    if away < ABROAD:
        return ""
    return (
        f"The image lies {away:.0f}° of longitude from where EPSG:{grid.crs.epsg} is used: its x "
        "and y may be swapped, or its CRS is another."
    )


@functools.lru_cache(maxsize=256)
def _fault(affine: tuple[float, ...], shape: tuple[int, int], wkt: str | None) -> str:
    a, b, _, d, e, _ = affine
    if not all(map(math.isfinite, affine)):
        return "has a place, or pixels, that are no numbers (NaN or infinite)"
    sides = math.hypot(a, d), math.hypot(b, e)
    if not all(PIXEL[0] <= side <= PIXEL[1] for side in sides):
        return f"has pixels of {sides[0]:g} x {sides[1]:g}, which is no size"
    if abs(a * e - b * d) < 1e-6 * sides[0] * sides[1]:
        return "has pixels without an area: its rows and columns run the same way"
    if wkt is None:
        return ""
    return _fault_of_crs(wkt) or _fault_of_place(affine, shape, wkt)


@functools.lru_cache(maxsize=64)
def _fault_of_crs(wkt: str) -> str:
    """Return why a CRS cannot serve; PROJ, and what reads it, say this each in their own way."""
    try:
        crs = pyproj.CRS(wkt)
        if not (crs.is_geographic or crs.is_projected):
            return f"has a CRS that is not tied to the Earth ('{crs.name}', {crs.type_name})"
        ellipsoid = crs.ellipsoid
        if ellipsoid is None or not EARTH_M[0] <= ellipsoid.semi_major_metre <= EARTH_M[1]:
            return f"has a CRS of another body than the Earth ('{crs.name}')"
        crs.to_cf()
        pyproj.Transformer.from_crs(crs, LONLAT, always_xy=True)
    except (ProjError, KeyError, ValueError) as error:
        reason = " ".join(str(error).split())[:120]
        return f"has a CRS that cannot be used ({reason})"
    return ""


def _fault_of_place(affine: tuple[float, ...], shape: tuple[int, int], wkt: str) -> str:
    crs = pyproj.CRS(wkt)
    if crs.is_geographic:
        unit = np.rad2deg(crs.axis_info[0].unit_conversion_factor)
        x, y = (part * unit for part in _nodes(affine, shape))
        edge = abs(unit) * max(abs(value) for value in affine[3:5])  # half a pixel is usual
        if np.abs(y).max() > 90 + edge:
            return (
                f"reaches latitude {y[np.abs(y).argmax()]:.6g}: its x and y are swapped, or its "
                "CRS is another"
            )
        if np.abs(x).max() > _TURNS:
            return f"reaches longitude {x[np.abs(x).argmax()]:.6g}: its CRS is another"
        return ""
    if sum(math.isfinite(lon) for lon, _ in _lonlat(affine, shape, wkt)) < _PLACES:
        return f"lies nowhere on the Earth in its CRS ('{crs.name}')"
    return ""


def _nodes(affine: tuple[float, ...], shape: tuple[int, int]) -> np.ndarray:  # type: ignore[type-arg]
    """Return x and y, (2, 9), of corners, middles of the sides and the middle, which is the 5th."""
    a, b, c, d, e, f = affine
    places = itertools.product((0, shape[0] / 2, shape[0]), (0, shape[1] / 2, shape[1]))
    rows, columns = np.array(list(places), "float64").T
    return np.array([a * columns + b * rows + c, d * columns + e * rows + f])


def _lonlat(
    affine: tuple[float, ...], shape: tuple[int, int], wkt: str
) -> list[tuple[float, float]]:
    to_lonlat = pyproj.Transformer.from_crs(pyproj.CRS(wkt), LONLAT, always_xy=True)
    lon, lat = to_lonlat.transform(*_nodes(affine, shape))
    return [(float(x), float(y)) for x, y in zip(lon, lat, strict=True)]
