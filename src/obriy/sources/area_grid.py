"""The grid of an area on which swaths are laid."""

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyproj
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj.exceptions import CRSError

from obriy.errors import GeometryError, UsageError
from obriy.model.areas import District
from obriy.sources.districts import read_districts
from obriy.tables import load_toml
from obriy.vectors import LONLAT, longitude_span, warp_geometry

PIXEL_M: Final = 500.0
"""Pixels of the finest seven bands of MODIS."""
POLAR: Final = 75.0
"""Degrees of latitude from which on zones of UTM are too narrow; of the middle of the area."""
NORTH_POLE, SOUTH_POLE = "EPSG:3413", "EPSG:3031"
"""Polar stereographic, as the NSIDC lays sea ice."""
WIDEST: Final = 12.0
"""Degrees of longitude: two zones of UTM; wider areas get a projection of their own."""
_DEGREE_M: Final = math.pi / 180 * 6_371_007
"""A degree of a great circle, metres."""
_MOST: Final = 200_000
"""Rows or columns above which a pixel size is a mistake."""


def area_grid(
    spec: str | None,
    *,
    crs: str | None = None,
    resolution: float | None = None,
    layer: str | None = None,
) -> GeoBox | None:
    """Return the grid of an area.

    A named area with a grid of its own has that one, unless a CRS or a pixel size is asked for.
    Else 500 m in the zone of UTM of its middle; from 75 degrees of latitude on in polar
    stereographic; wider than 12 degrees of longitude in an azimuthal equal-area of its own.

    Args:
        spec: As for `obriy.sources.districts.read_districts`; None: no area.
        crs: CRS wanted; None: by the rules.
        resolution: Pixel size, metres; None: 500. In degrees it is that of the middle latitude.
        layer: Which layer of a file; None: found out.

    Returns:
        North up, its edges at multiples of the pixel; across the date line a grid in degrees goes
        on beyond 180. None where there is no area.

    Raises:
        ObriyError: as `read_districts`.
        UsageError: a CRS or a pixel size that cannot be meant.
    """
    if spec is None:
        return None
    districts = read_districts(spec, layer)
    if crs is None and resolution is None:
        own = _own_grid(districts)
        if own is not None:
            return own
    outline = shapely.union_all([warp_geometry(d.geometry, d.crs, LONLAT) for d in districts])
    _, south, _, north = outline.bounds
    west, east = longitude_span(shapely.get_coordinates(shapely.segmentize(outline, 1.0))[:, 0])
    target = _crs(crs or _crs_of_area(west, east, (south + north) / 2))
    step = resolution or PIXEL_M
    if target.is_geographic:
        down = step / _DEGREE_M
        across = down / max(math.cos(math.radians((south + north) / 2)), 0.01)
        return _on_multiples((west, south, east, north), (across, down), target)
    metre = target.axis_info[0].unit_conversion_factor or 1.0
    bounds = warp_geometry(outline, LONLAT, target).bounds
    return _on_multiples(bounds, (step / metre, step / metre), target)


def swath_grid(lon: npt.NDArray[Any], lat: npt.NDArray[Any], resolution: float) -> GeoBox:
    """Return the grid of a whole granule, azimuthal equal-area around its middle.

    Args:
        lon: (lines, frames) degrees; NaN missing.
        lat: The same.
        resolution: Pixel size, metres.
    """
    # Every tenth position, and the edges in full.
    lines, frames = (np.unique([*range(0, n, 10), n - 1]) for n in lon.shape)
    lon, lat = (np.concatenate([a[lines].ravel(), a[:, frames].ravel()]) for a in (lon, lat))
    known = np.isfinite(lon) & np.isfinite(lat)
    if not known.any():
        raise GeometryError(
            "The granule has no position.", "Name MOD03 or VNP03MOD with --geolocation."
        )
    lon, lat = lon[known].astype("float64"), lat[known].astype("float64")
    east, north = np.radians(lon), np.radians(lat)
    x, y = (np.cos(north) * f(east) for f in (np.cos, np.sin))
    middle = (
        math.atan2(y.mean(), x.mean()),
        math.atan2(np.sin(north).mean(), math.hypot(x.mean(), y.mean())),
    )
    target = pyproj.CRS(_equal_area(*(math.degrees(angle) for angle in middle)))
    right, up = pyproj.Transformer.from_crs(LONLAT, target, always_xy=True).transform(lon, lat)
    bounds = (float(right.min()), float(up.min()), float(right.max()), float(up.max()))
    return _on_multiples(bounds, (resolution, resolution), target)


def _own_grid(districts: list[District]) -> GeoBox | None:
    """Return the grid of a named area that has one."""
    entry = load_toml("areas").get(districts[0].name, {})
    if len(districts) > 1 or "grid" not in entry:
        return None
    if not shapely.equals(districts[0].geometry, shapely.box(*entry["bbox"])):
        return None  # a district of a file that happens to have the name
    west, south, east, north = entry["bbox"]
    rows, columns = entry["grid"]["shape"]
    across, down = (east - west) / columns, (north - south) / rows
    affine = Affine(across, 0, west, 0, -down, north)
    return GeoBox((rows, columns), affine, entry["grid"]["crs"])


def _crs_of_area(west: float, east: float, latitude: float) -> str:
    longitude = (west + east) / 2
    if abs(latitude) >= POLAR:
        return NORTH_POLE if latitude > 0 else SOUTH_POLE
    if east - west > WIDEST:
        return _equal_area(longitude, latitude)
    zone = int((longitude + 180) % 360 // 6) + 1
    return f"EPSG:{(32600 if latitude >= 0 else 32700) + zone}"


def _equal_area(longitude: float, latitude: float) -> str:
    longitude = (longitude + 180) % 360 - 180
    return f"+proj=laea +lon_0={longitude:.1f} +lat_0={latitude:.1f} +datum=WGS84 +units=m"


def _crs(text: str) -> pyproj.CRS:
    try:
        return pyproj.CRS(text)
    except CRSError as error:
        raise UsageError(f"'{text}' is no CRS.", "Write e.g. --crs EPSG:3413.") from error


def _on_multiples(bounds: tuple[float, ...], steps: tuple[float, float], crs: pyproj.CRS) -> GeoBox:
    """Return the grid of the pixels that hold a box, edges at multiples of their size."""
    west, south, east, north = bounds
    across, down = steps
    left, top = math.floor(round(west / across, 6)), math.ceil(round(north / down, 6))
    columns = math.ceil(round(east / across, 6)) - left
    rows = top - math.floor(round(south / down, 6))
    if max(rows, columns) > _MOST:
        raise UsageError(
            f"The area would have {rows} x {columns} pixels.", "Give a larger --resolution."
        )
    affine = Affine(across, 0, left * across, 0, -down, top * down)
    return GeoBox(
        (rows, columns), affine, crs.to_wkt() if crs.to_epsg() is None else crs.to_string()
    )
