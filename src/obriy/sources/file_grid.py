"""The grid of a file: what GDAL says of its place, and what it leaves unsaid of NetCDF."""

import re
from typing import Any, Final

import numpy as np
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.errors import RasterioError

from obriy.blocks.gdal import open_raster
from obriy.blocks.raster import file_geobox
from obriy.errors import SourceError
from obriy.model.place import LONLAT, check_place

_AXES: Final = (("y", "x"), ("lat", "lon"), ("latitude", "longitude"))
_PART: Final = re.compile(r'netcdf:"?(?P<file>.+?)"?(?::[^:"]+)?', re.IGNORECASE)
_EVEN: Final = 0.01
"""Of a step: what rounded coordinates may be off."""


def grid_of(dataset: Any, tags: dict[str, str], *, lonlat: bool) -> GeoBox:
    """Return the grid of an open raster.

    The CRS may also stand in the attribute ``crs`` that old xarray wrote. Axes of latitudes and
    longitudes without one are those of WGS 84, as all take them (CF, 5.6, leaves the ellipsoid
    open). Axes that say nothing of themselves but their numbers, as xarray writes them, are no
    place to GDAL; they are one here.

    Raises:
        GridError: where it has no place on the Earth.
    """
    grid = file_geobox(dataset)
    affine = _affine_of_axes(dataset)
    if affine is not None:
        crs = dataset.crs.to_wkt() if dataset.crs else None
        grid = check_place(GeoBox(grid.shape, affine, crs), dataset.name)
    if grid.crs is not None:
        return grid
    written = next((v for k, v in tags.items() if k.endswith("#crs")), LONLAT if lonlat else None)
    try:
        crs = rasterio.crs.CRS.from_string(written).to_wkt() if written else None
    except RasterioError:
        crs = None
    return check_place(GeoBox(grid.shape, grid.affine, crs), dataset.name) if crs else grid


def _affine_of_axes(dataset: Any) -> Affine | None:
    """Return what the coordinates of a NetCDF file say that GDAL gives no place; else None."""
    if dataset.driver != "netCDF" or not dataset.transform.is_identity:
        return None
    part = _PART.fullmatch(dataset.name)
    file = part["file"] if part else dataset.name
    for names in _AXES:
        rows, columns = (_steps(file, *axis) for axis in zip(names, dataset.shape, strict=True))
        if rows and columns:
            (first, down), (left, across) = rows, columns
            # GDAL takes a file that it cannot place to begin in the south, and turns its rows.
            last = first + down * (dataset.height - 1)
            return Affine(across, 0, left - across / 2, 0, -down, last + down / 2)
    return None


def _steps(file: str, name: str, size: int) -> tuple[float, float] | None:
    """Return the first of evenly spaced coordinates and the step between them; else None."""
    try:
        with open_raster(f'NETCDF:"{file}":{name}') as dataset:
            values = dataset.read(1).ravel().astype("float64")
    except (RasterioError, SourceError):
        return None
    if values.size != size or size < 2:
        return None
    step = (values[-1] - values[0]) / (size - 1)
    even = np.abs(np.diff(values) - step) <= _EVEN * abs(step)
    return (float(values[0]), float(step)) if step and even.all() else None
