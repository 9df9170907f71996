"""Rasters read lazily, window by window: what is asked of the file behind a variable."""

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from odc.geo.geobox import GeoBox
from rasterio.windows import Window
from xarray.core import indexing

from obriy.blocks.damage import Hole
from obriy.blocks.datasets import RasterBand as RasterBand  # noqa: PLC0414 - a part of it
from obriy.blocks.datasets import file_geobox as file_geobox  # noqa: PLC0414
from obriy.blocks.decoding import DECODING, require_room
from obriy.blocks.gdal import gdal_env
from obriy.blocks.planes import LINEAR, OWN_GRID, Numbers
from obriy.blocks.raster_array import RasterArray
from obriy.blocks.together import forget_together, read_together


def lazy_variable(band: RasterBand, geobox: GeoBox) -> xr.Variable:
    """Return a band as a lazily indexed variable (y, x) on a grid.

    Args:
        band: Where the numbers lie and how they become values.
        geobox: The grid wanted; where the file's own differs, pixels are resampled on the fly.
    """
    array = RasterArray(band, geobox)
    with gdal_env():
        opened = array.file()
        rows, columns = opened.block_shapes[band.index - 1]
        decoding = require_room(opened, band.path)
    variable = xr.Variable(("y", "x"), indexing.LazilyIndexedArray(array))
    variable.encoding["preferred_chunks"] = {"y": rows, "x": columns}
    variable.encoding[DECODING] = band.path, decoding
    variable.encoding[OWN_GRID] = array.on_own_grid
    dtype = np.dtype(opened.dtypes[band.index - 1])
    if dtype.kind in "iu":
        variable.encoding[LINEAR] = band.scale, band.offset, dtype.kind == "i"
    return variable


def read_averaged(
    variable: xr.Variable, rows: slice, columns: slice, shape: tuple[int, int]
) -> npt.NDArray[Any] | None:
    """Read a window of a band of a file at a lower resolution, as quickly as the file allows.

    Returns:
        Averages, rows x columns of ``shape``; None where the variable does not lie in one file, or
        the window not within it.

    Raises:
        SourceError: where the bytes cannot be decoded.
    """
    behind = _behind(variable, rows, columns)
    return None if behind is None else behind[0].read_small(*behind[1:], shape)


def without_overviews(variable: xr.Variable) -> xr.Variable:
    """Return a band whose averages are those of its pixels, whether its file has overviews or not.

    One that does not lie in one file of this machine is returned as it is.
    """
    lazy = variable._data
    if not isinstance(lazy, indexing.LazilyIndexedArray) or not isinstance(lazy.array, RasterArray):
        return variable
    band = dataclasses.replace(lazy.array.band, overviews=False)
    array = indexing.LazilyIndexedArray(RasterArray(band, lazy.array.geobox), lazy.key)
    return xr.Variable(variable.dims, array, variable.attrs, variable.encoding)


def average_beside(
    variable: xr.Variable, rows: slice, columns: slice, shape: tuple[int, int]
) -> None:
    """Have the averages of `read_averaged` made while the band is read for something else.

    That is where it lies in one file, on its own grid, without overviews: those are quicker.
    """
    behind = _behind(variable, rows, columns)
    if behind is not None:
        behind[0].average_beside(*behind[1:], shape)


def shared_tiles(
    variable: xr.Variable, rows: slice, columns: slice
) -> list[tuple[slice, slice]] | None:
    """Return the parts of a window to read in turn where tiles of the file hold all its bands.

    A tile is decoded once where all bands of a part are read before those of the next.

    Returns:
        Rows and columns within the variable; None where bands lie apart, or overviews are small.
    """
    behind = _behind(variable, rows, columns)
    parts = None if behind is None else behind[0].shared_parts(*behind[1:])
    if behind is None or parts is None:
        return None
    down, across = rows.start - behind[1].start, columns.start - behind[2].start
    return [
        (slice(r.start + down, r.stop + down), slice(c.start + across, c.stop + across))
        for r, c in parts
    ]


def fetch_ahead(variables: Iterable[xr.Variable], rows: slice, columns: slice) -> None:
    """Ask for the tiles behind a window of several variables at once.

    Those that lie far away are sent for, those that hold several bands decoded. Each variable is
    then read by itself, and tells by itself what did not come.
    """
    forget_together()
    files: dict[tuple[str, Window], list[RasterArray]] = {}
    for variable in variables:
        behind = _behind(variable, rows, columns)
        if behind is not None:
            array, *window = behind
            array.fetch_ahead(*window)
            if array.on_own_grid:
                place = array.band.path, Window.from_slices(*window)
                files.setdefault(place, []).append(array)
    for (_, place), arrays in files.items():
        with gdal_env():
            read_together(arrays[0].file(), [array.band.index for array in arrays], place)


def read_numbers(
    variable: xr.Variable, rows: slice, columns: slice
) -> tuple[Numbers, list[Hole]] | None:
    """Read a window of a band of a file as the file has it, around what is broken.

    Returns:
        The numbers, and the holes in them in pixels of the variable; None where the variable does
        not lie in one file, on its own grid.
    """
    behind = _behind(variable, rows, columns)
    if behind is None:
        return None
    array, down, across = behind
    holes: list[Hole] = []
    numbers = array.numbers(down, across, holes)
    if numbers is None:
        return None
    return numbers, [hole.shifted(rows.start, columns.start) for hole in holes]


def _behind(
    variable: xr.Variable, rows: slice, columns: slice
) -> tuple[RasterArray, slice, slice] | None:
    """Return the band of a file behind a variable, and a window of the variable in its pixels."""
    lazy = variable._data
    if not isinstance(lazy, indexing.LazilyIndexedArray):
        return None
    keys = lazy.key.tuple
    if not isinstance(lazy.array, RasterArray) or not all(isinstance(k, slice) for k in keys):
        return None
    parts = [
        range(n)[key][part]
        for key, n, part in zip(keys, lazy.array.shape, (rows, columns), strict=True)
    ]
    if any(part.step != 1 for part in parts):
        return None
    down, across = (slice(part.start, part.stop) for part in parts)
    return lazy.array, down, across
