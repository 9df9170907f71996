"""Class codes of a file on the grid of a map: which band, which grid, which pixels."""

import dataclasses
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import xarray as xr
from odc.geo.geobox import GeoBox

from obriy.blocks.computed import computed_variable
from obriy.blocks.raster import RasterBand, lazy_variable
from obriy.errors import GridError, InputError, SourceError
from obriy.model.grid import same_grid
from obriy.model.notices import notice
from obriy.sources.grids import local_plane
from obriy.sources.reading import FileBand, masks_in_file, probe
from obriy.vectors import place

FINER: Final = 1.5
"""Pixels of a file along a side of a map pixel above which it is finer, and the record says so."""
MISSING: Final = -32768
"""Stands for "nothing there" in class codes on the way to a legend, which are int16."""
_FARTHEST: Final = 32767
"""Stands for any number beyond; with a minus, for any below."""


def only_band(file: Path, step: int | None = None) -> FileBand:
    """Return the band of a raster of class codes.

    Args:
        file: The raster.
        step: Which step along its axis of time, where it has one.

    Raises:
        SourceError: no such file, or no raster; several times, and none was asked for.
        InputError: more than one band.
    """
    if not file.exists():
        raise SourceError(f"There is no file {file}.", "Check the path.")
    bands = [band for band in probe(str(file), step) if band.opacity != band.index]
    if len(bands) != 1:
        raise InputError(
            f"{file} has {len(bands)} bands; a map of classes has one.",
            "Save the band with the classes in a file of its own.",
        )
    return bands[0]


def grid_of(
    band: FileBand, grid: GeoBox, *, same_file: bool = False
) -> tuple[GeoBox, tuple[str, ...]]:
    """Return the grid that a file is taken to lie on, and notes about it.

    Args:
        band: Where the codes lie.
        grid: Grid of the map.
        same_file: They lie in the map's own file: without a CRS both lie in one plane.

    Raises:
        GridError: one has no CRS, and their shapes differ.
    """
    own = band.grid
    if own.crs is None or grid.crs is None:
        if own.crs is None and grid.crs is None and (same_grid(own, grid) or same_file):
            return _as_wide_as(own, grid), ()
        if own.shape == grid.shape:
            return grid, (notice("laid_pixel_by_pixel", file=band.file),)
        raise GridError(
            f"{band.file} ({own.shape.y} x {own.shape.x} pixels) cannot be laid on the map "
            f"({grid.shape.y} x {grid.shape.x}): one of them has no CRS.",
            "Set it in the file (gdal_edit -a_srs EPSG:CODE FILE), or cut both to one shape.",
        )
    return own, ()


def _as_wide_as(own: GeoBox, grid: GeoBox) -> GeoBox:
    """Return a file's grid in the plane of the map, whose pixels the user may have given a size."""
    if abs(own.affine.a) == abs(grid.affine.a):
        return own
    plane = local_plane(own, abs(float(grid.affine.a)))
    return GeoBox(own.shape, plane @ own.affine, None)


def resampling_note(most: bool, own: GeoBox, grid: GeoBox) -> str:
    """Say how pixels of the reference became pixels of the map; ``most``: by majority."""
    side = pixels_along(own, grid)
    if side > FINER:
        return notice("most_taken_finer" if most else "nearest_taken_finer", side=side)
    return notice("most_taken" if most else "nearest_taken")


def pixels_along(own: GeoBox, grid: GeoBox) -> float:
    """Return how many reference pixels lie along a side of the map pixel in the middle."""
    row, column = int(grid.shape.y) // 2, int(grid.shape.x) // 2
    pixel = grid[row : row + 1, column : column + 1].extent.geom
    crs = None if grid.crs is None else str(grid.crs)
    return float(np.sqrt(place(pixel, crs, own).area))


def lazy_codes(
    band: FileBand,
    own: GeoBox,
    grid: GeoBox,
    *,
    declared_missing: bool,
    resampling: str = "nearest",
) -> xr.Variable:
    """Return the file's numbers on a grid, int16, `MISSING` where there is nothing.

    Args:
        band: Where the codes lie.
        own: The grid that the file is taken to lie on.
        grid: The grid wanted.
        declared_missing: Whether the file's no-data value is heeded.
        resampling: A rasterio ``Resampling`` name, where the grids differ.
    """
    nodata = band.nodata if declared_missing else None
    unused = 127 if band.dtype == "int8" else 254
    # A warp needs a number of the file's own type for "outside": one that no crosswalk knows.
    source = RasterBand(
        path=band.path,
        index=band.index,
        missing=(*(() if nodata is None else (nodata,)), unused),
        resampling=resampling,
        dtype="int32",
        fill=unused,
        grid=own,
        masks=masks_in_file(dataclasses.replace(band, grid=own)),
    )
    values = lazy_variable(source, grid)

    def read(rows: slice, columns: slice) -> npt.NDArray[np.int16]:
        numbers = values[rows, columns].to_numpy()
        codes: npt.NDArray[np.int16] = np.clip(numbers, -_FARTHEST, _FARTHEST).astype("int16")
        codes[numbers == unused] = MISSING
        return codes

    return computed_variable(read, grid, "int16")
