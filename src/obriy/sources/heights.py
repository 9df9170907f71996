"""Heights of the ground, from a DEM that the user names."""

import math
from pathlib import Path
from typing import Final

import numpy as np
import xarray as xr
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.warp import reproject, transform_bounds

from obriy.blocks.gdal import open_raster
from obriy.blocks.raster import RasterBand, lazy_variable
from obriy.errors import GridError, SourceError
from obriy.sources.reading import masks_in_file, probe

AROUND: Final = 2
"""Pixels beyond the place that interpolation looks at, with one to spare."""


def heights_on(dem: Path, grid: GeoBox) -> NDArray[np.float32]:
    """Return heights of the ground, m, (y, x) float32, NaN where not known, on a grid.

    Args:
        dem: A raster of heights in metres; its first band counts.
        grid: Where they are wanted; they are interpolated.

    Raises:
        SourceError: no such file, none that can be read, or none that knows a height there.
        GridError: a DEM without a CRS.
    """
    path = dem.expanduser()
    if not path.exists():
        raise SourceError(f"There is no DEM {path}.", "Check the path.")
    try:
        with open_raster(path):
            own = probe(str(path))[0]
    except RasterioError as error:
        raise SourceError(
            f"The DEM {path} cannot be read as a raster.",
            "Give a GeoTIFF of heights in metres, e.g. of Copernicus DEM or SRTM.",
        ) from error
    if own.grid.crs is None:
        raise GridError(
            f"The DEM {path} does not say its CRS.", "Set it: gdal_edit -a_srs EPSG:CODE."
        )
    band = RasterBand(
        str(path),
        missing=() if own.nodata is None else (own.nodata,),
        masks=masks_in_file(own),
    )
    height = _brought(lazy_variable(band, own.grid), own.grid, grid)
    if not np.isfinite(height).any():
        raise SourceError(
            f"The DEM {path} has no height where the image is.", "Give one that covers the image."
        )
    return height


def _brought(band: xr.Variable, own: GeoBox, grid: GeoBox) -> NDArray[np.float32]:
    """Return a band of one CRS on the grid of another, interpolated, NaN missing."""
    crs, wanted = str(own.crs), str(grid.crs)
    box = transform_bounds(wanted, crs, *grid.boundingbox.bbox, densify_pts=21)
    corners = [~own.affine @ (x, y) for x in box[::2] for y in box[1::2]]
    rows, columns = (
        slice(max(math.floor(min(at)) - AROUND, 0), max(math.ceil(max(at)) + AROUND, 0))
        for at in ([c[1] for c in corners], [c[0] for c in corners])
    )
    height = np.full(tuple(grid.shape), np.nan, np.float32)
    read = np.asarray(band[rows, columns].values, np.float32)
    if read.size:
        reproject(
            read,
            height,
            src_transform=own.affine @ Affine.translation(columns.start, rows.start),
            src_crs=crs,
            src_nodata=np.nan,
            dst_transform=grid.affine,
            dst_crs=wanted,
            dst_nodata=np.nan,
            resampling=Resampling.bilinear,
        )
    return height
