"""Grids: an odc.geo GeoBox is the one value for shape, affine and CRS."""

import functools
import math
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords
from pyproj import CRS, Geod

from obriy.errors import GridError
from obriy.model.unloaded import leave_dask_unloaded

leave_dask_unloaded()
DIMS = ("y", "x")


def coords_of(geobox: GeoBox) -> dict[Hashable, xr.DataArray]:
    """Return coordinates y and x (whatever the CRS), with ``spatial_ref`` where it has one."""
    return dict(_coords_of(geobox))


@functools.lru_cache(maxsize=8)
def _coords_of(geobox: GeoBox) -> Mapping[Hashable, xr.DataArray]:
    """Make them once for all layers of all dates of a place."""
    coords = xr_coords(geobox, dims=DIMS)
    for name, step in (("y", geobox.affine.e), ("x", geobox.affine.a)):
        coords[name].attrs["resolution"] = float(step)
    return coords


def geobox_of(data: xr.DataArray | xr.Dataset) -> GeoBox:
    """Return the grid that an array lies on.

    An array with no CRS keeps its coordinates; one with no coordinates at all gets the grid of
    its pixels (row and column numbers, no CRS).
    """
    try:
        found = data.odc.geobox
    except ValueError:  # odc-geo on arrays with neither CRS nor a second pixel
        found = None
    if isinstance(found, GeoBox) and found.crs is not None:
        return found
    steps = {}
    for name in DIMS:
        steps[name] = _origin_and_step(data, name)
    (y0, dy), (x0, dx) = steps["y"], steps["x"]
    shape = (data.sizes["y"], data.sizes["x"])
    return GeoBox(shape, Affine(dx, 0.0, x0, 0.0, dy, y0), None)


def _origin_and_step(data: xr.DataArray | xr.Dataset, name: str) -> tuple[float, float]:
    """Return the outer edge of the first pixel and the step, from a coordinate of pixel centres."""
    if name not in data.coords:
        return 0.0, 1.0
    centres = data.coords[name].to_numpy().astype("float64")
    if len(centres) > 1:
        steps = np.diff(centres)
        step = float(steps.mean())
        if not np.allclose(steps, step, rtol=1e-3):
            raise GridError(f"The coordinate '{name}' has no regular step.", "Resample it first.")
    else:
        step = float(data.coords[name].attrs.get("resolution", 1.0))
    return float(centres[0]) - step / 2, step


_TOLERANCE = 1e-3


def same_grid(a: GeoBox, b: GeoBox) -> bool:
    """Say whether two grids are the same, to a thousandth of a pixel at each corner.

    Args:
        a: A grid.
        b: Another.
    """
    if a.shape != b.shape or a.crs != b.crs:
        return False
    to_pixels = ~a.affine @ b.affine
    corners = [(0, 0), (a.shape.x, 0), (0, a.shape.y), (a.shape.x, a.shape.y)]
    return all(
        max(abs(u - x), abs(v - y)) <= _TOLERANCE
        for x, y in corners
        for u, v in [to_pixels @ (x, y)]
    )


def require_crs(geobox: GeoBox, what: str) -> None:
    """Raise a GridError unless the grid has a CRS.

    Args:
        geobox: The grid.
        what: What needs the CRS, e.g. ``"an area in km²"``.
    """
    if geobox.crs is None:
        raise GridError(
            f"The image has no CRS, and {what} needs one.",
            "Set it in the file (gdal_edit -a_srs EPSG:CODE FILE), or say the pixel size in "
            "metres with --resolution.",
        )


def describe(geobox: GeoBox) -> dict[str, Any]:
    """Return the grid as plain values for a record: CRS, shape (rows, columns), affine."""
    return {
        "crs": geobox.crs.to_wkt() if geobox.crs and not geobox.crs.epsg else _epsg(geobox),
        "shape": [int(geobox.shape.y), int(geobox.shape.x)],
        "affine": [float(v) for v in geobox.affine[:6]],
    }


def _epsg(geobox: GeoBox) -> str | None:
    return f"EPSG:{geobox.crs.epsg}" if geobox.crs else None


def pixel_metres(grid: GeoBox) -> tuple[float, float]:
    """Return height and width of the middle pixel of a grid with a CRS, metres.

    In a projected CRS they are its own units, turned to metres; on a globe they are geodesic.

    Raises:
        GridError: where the grid has no CRS.
    """
    require_crs(grid, "a pixel size in metres")
    crs = CRS.from_user_input(str(grid.crs))
    a = grid.affine
    if crs.is_projected:
        factor = crs.axis_info[0].unit_conversion_factor or 1.0
        return math.hypot(a.b, a.e) * factor, math.hypot(a.a, a.d) * factor
    y, x = grid.shape.y / 2, grid.shape.x / 2
    geod = crs.get_geod() or Geod(ellps="WGS84")
    lon, lat = a @ (x, y)
    sizes = []
    for dx, dy in ((0.0, 1.0), (1.0, 0.0)):
        lon1, lat1 = a @ (x + dx, y + dy)
        sizes.append(float(geod.inv(lon, lat, lon1, lat1)[2]))
    return sizes[0], sizes[1]
