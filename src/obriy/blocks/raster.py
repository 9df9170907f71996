"""Rasters read lazily, window by window: the one place where pixels of a file become numbers."""

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xarray as xr
from odc.geo.geobox import GeoBox
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window
from xarray.backends import BackendArray
from xarray.core import indexing

from obriy.blocks.damage import (
    Hole,
    Tile,
    broken_tiles,
    on_grid,
    tile_window,
    tiles_in,
    told,
    without_tiles,
)
from obriy.blocks.gdal import dataset, gdal_env, open_raster
from obriy.blocks.handles import held, state_of
from obriy.errors import SourceError
from obriy.model.grid import same_grid

LOCAL_CRS = CRS.from_epsg(3857)
"""Stands for "the same plane" where two files without a CRS are brought to one grid."""

_REACH: Final = 4
"""Pixels of a file around a place that a warp may read to fill it, with some to spare."""


@dataclasses.dataclass(frozen=True)
class RasterBand:
    """One band of one file, and how its numbers become values: value = DN · scale + offset.

    Attributes:
        path: File name or GDAL path.
        index: Band number, from 1.
        scale: Factor; 1 for classes.
        offset: Added after the factor.
        nodata: DN that means missing; None where there is none. NaN is always missing.
        resampling: A rasterio ``Resampling`` name, used where the grid differs: ``"nearest"``
            (classes), ``"bilinear"`` or ``"average"`` (reflectance).
        dtype: ``"float32"`` (missing is NaN) or an integer type (DN as they are, missing is
            ``fill``).
        fill: What missing becomes in an integer type.
        also_missing: A second DN that means missing (a product's 0 beside a file's own nodata).
        grid: The grid that the file is taken to lie on; None: its own.
        network: The path is an address that a source in the network made; see `gdal.dataset`.
    """

    path: str
    index: int = 1
    scale: float = 1.0
    offset: float = 0.0
    nodata: float | None = None
    resampling: str = "bilinear"
    dtype: str = "float32"
    fill: int = 0
    also_missing: float | None = None
    grid: GeoBox | None = None
    network: bool = False


def lazy_variable(band: RasterBand, geobox: GeoBox) -> xr.Variable:
    """Return a band as a lazily indexed variable (y, x) on a grid.

    Args:
        band: Where the numbers lie and how they become values.
        geobox: The grid wanted; where the file's own differs, pixels are resampled on the fly.
    """
    with open_raster(band.path, network=band.network) as opened:
        rows, columns = opened.block_shapes[band.index - 1]
    variable = xr.Variable(("y", "x"), indexing.LazilyIndexedArray(_RasterArray(band, geobox)))
    variable.encoding["preferred_chunks"] = {"y": rows, "x": columns}
    return variable


def read_averaged(
    variable: xr.Variable, rows: slice, columns: slice, shape: tuple[int, int]
) -> npt.NDArray[Any] | None:
    """Read a window of a band of a file at a lower resolution, as quickly as the file allows.

    Returns:
        Averages, rows x columns of ``shape``; None where the variable does not lie in one file.

    Raises:
        SourceError: where the bytes cannot be decoded.
    """
    lazy = variable._data
    if not isinstance(lazy, indexing.LazilyIndexedArray):
        return None
    keys = lazy.key.tuple
    if not isinstance(lazy.array, _RasterArray) or not all(isinstance(k, slice) for k in keys):
        return None
    parts = [
        range(n)[key][part]
        for key, n, part in zip(keys, lazy.array.shape, (rows, columns), strict=True)
    ]
    if any(part.step != 1 for part in parts):
        return None
    down, across = (slice(part.start, part.stop) for part in parts)
    return lazy.array.read(down, across, shape)


def file_geobox(dataset: Any) -> GeoBox:
    """Return the grid of an open rasterio dataset; no CRS stays None."""
    crs = dataset.crs.to_wkt() if dataset.crs else None
    return GeoBox((dataset.height, dataset.width), dataset.transform, crs)


def _unreadable(band: RasterBand, rows: slice, columns: slice, error: BaseException) -> SourceError:
    """Return the error of a window of a file whose bytes cannot be decoded."""
    while error.__cause__ is not None:  # GDAL says last what came first
        error = error.__cause__
    return SourceError(
        f"{band.path}, band {band.index}: rows {rows.start}-{rows.stop}, "
        f"columns {columns.start}-{columns.stop} cannot be read ({error}).",
        "The file may be cut short or damaged: download it again.",
    )


class _RasterArray(BackendArray):
    """An array behind xarray's lazy indexing; a dataset handle per thread, as GDAL asks."""

    def __init__(self, band: RasterBand, geobox: GeoBox) -> None:
        self.band = band
        self.geobox = geobox
        self.shape = (int(geobox.shape.y), int(geobox.shape.x))
        self.dtype = np.dtype(band.dtype)
        self._datasets = _Datasets(band, geobox)
        self._broken: dict[Tile, Hole] = {}

    def __getitem__(self, key: indexing.ExplicitIndexer) -> npt.NDArray[Any]:
        values: npt.NDArray[Any] = indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.BASIC, self._read
        )
        return values

    def _read(self, key: tuple[int | slice, ...]) -> npt.NDArray[Any]:
        (rows, row_step), (columns, column_step) = (
            _as_range(k, n) for k, n in zip(key, self.shape, strict=True)
        )
        values = self.read(rows, columns)[row_step]
        picked: npt.NDArray[Any] = values[..., column_step]
        return picked

    def read(
        self, rows: slice, columns: slice, shape: tuple[int, int] | None = None
    ) -> npt.NDArray[Any]:
        """Read a window of the grid; averaged to ``shape``, through overviews, where it is given.

        Raises:
            SourceError: where the bytes cannot be decoded, and nobody reads around them.
        """
        holes = told()
        with gdal_env(network=self.band.network):
            if holes is not None and shape is None:
                return self._read_around(rows, columns, holes)
            try:
                return self._values(self._datasets.on_grid(), rows, columns, shape)
            except RasterioError as error:
                raise _unreadable(self.band, rows, columns, error) from error

    def _read_around(self, rows: slice, columns: slice, holes: list[Hole]) -> npt.NDArray[Any]:
        """Read a window without the tiles that are broken, and tell of those that it meets."""
        while True:
            known = frozenset(self._broken)
            try:
                values = self._values(self._datasets.on_grid(known), rows, columns)
                break
            except RasterioError as error:
                found = self._datasets.broken(rows, columns)
                if found.keys() <= known:
                    raise _unreadable(self.band, rows, columns, error) from error
                self._broken |= found
        if self._broken:
            for tile in self._datasets.tiles(rows, columns):
                if tile in self._broken:
                    hole = self._broken[tile]
                    values[hole.within(rows, columns)] = _missing_value(self.band)
                    holes.append(hole.shifted(-rows.start, -columns.start))
        return values

    def _values(
        self, dataset: Any, rows: slice, columns: slice, shape: tuple[int, int] | None = None
    ) -> npt.NDArray[Any]:
        raw = dataset.read(
            self.band.index,
            window=Window.from_slices(rows, columns),
            out_shape=shape,
            resampling=Resampling.average,
        )
        return _to_values(raw, self.band)


class _Datasets:
    """A band's file, as the thread that asks holds it open: itself, and on the grid wanted."""

    def __init__(self, band: RasterBand, geobox: GeoBox) -> None:
        self.band = band
        self.geobox = geobox
        self.index = band.index
        self._state = state_of(band.path)

    @functools.cached_property
    def _grid(self) -> GeoBox:
        return file_geobox(self.file()) if self.band.grid is None else self.band.grid

    @functools.cached_property
    def _fits(self) -> bool:
        return same_grid(self._grid, self.geobox)

    def on_grid(self, without: frozenset[Tile] = frozenset()) -> Any:
        """Return the file on the grid wanted, without tiles that are known to be broken."""
        if not without and self._fits:
            return self.file()
        return held((self, without), lambda: self._made(without))

    def file(self) -> Any:
        """Return the file."""
        return held(self._state, lambda: dataset(self.band.path, network=self.band.network))

    def _made(self, without: frozenset[Tile]) -> Any:
        source = self.file()
        if without:
            source = without_tiles(source, self.index, without, self._source_nodata(source))
        return source if self._fits else self._warped(source)

    def broken(self, rows: slice, columns: slice) -> dict[Tile, Hole]:
        """Return the tiles of the file behind a window of the grid that cannot be decoded."""
        found = {}
        errors = broken_tiles(self.file(), self.index, *self._behind(rows, columns))
        for tile, error in errors.items():
            down, across = tile_window(self.file(), self.index, tile).toslices()
            hole = on_grid((down, across), self._grid, self.geobox)
            found[tile] = Hole(*hole, str(_unreadable(self.band, down, across, error)))
        return found

    def tiles(self, rows: slice, columns: slice) -> Iterator[Tile]:
        """Yield the tiles of the file behind a window of the grid."""
        return tiles_in(self.file(), self.index, *self._behind(rows, columns))

    def _behind(self, rows: slice, columns: slice) -> tuple[slice, slice]:
        if self._fits:
            return rows, columns
        # A warp works by its own blocks, and interpolates from beyond them.
        down, across = (
            slice(part.start // side * side, -(-part.stop // side) * side)
            for part, side in zip((rows, columns), self.on_grid().block_shapes[0], strict=True)
        )
        return on_grid((down, across), self.geobox, self._grid, reach=_REACH)

    def _source_nodata(self, source: Any) -> float | None:
        """Return what a warp leaves out; a NaN that was let in would spread to its neighbours."""
        if self.band.nodata is not None:
            return self.band.nodata
        is_float = np.dtype(source.dtypes[self.index - 1]).kind == "f"
        return float("nan") if is_float else None

    def _warped(self, source: Any) -> WarpedVRT:
        floats = np.dtype(self.band.dtype).kind == "f"
        grid = self._grid
        return WarpedVRT(
            source,
            src_crs=_plane(grid),
            src_transform=grid.affine,
            crs=_plane(self.geobox),
            transform=self.geobox.affine,
            height=int(self.geobox.shape.y),
            width=int(self.geobox.shape.x),
            resampling=Resampling[self.band.resampling],
            src_nodata=self._source_nodata(source),
            # A warp of integers has no number left for "nothing there": reflectance warps as
            # floats, with NaN.
            nodata=_missing_value(self.band),
            dtype=self.band.dtype if floats else None,
        )


def _plane(grid: GeoBox) -> Any:
    return grid.crs.to_wkt() if grid.crs else LOCAL_CRS


def _to_values(raw: npt.NDArray[Any], band: RasterBand) -> npt.NDArray[Any]:
    floats = np.dtype(band.dtype).kind == "f"
    missing = _missing(raw, band)
    if not floats and raw.dtype.kind == "f":
        missing |= np.isnan(raw)
        raw = np.where(missing, band.fill, raw)
    values = raw.astype(band.dtype)
    if floats and band.scale != 1:
        values *= np.asarray(band.scale, band.dtype)
    if floats and band.offset != 0:
        values += np.asarray(band.offset, band.dtype)
    values[missing] = _missing_value(band)
    return values


def _missing_value(band: RasterBand) -> float | int:
    """Return what stands where a band says nothing."""
    return float("nan") if np.dtype(band.dtype).kind == "f" else band.fill


def _missing(raw: npt.NDArray[Any], band: RasterBand) -> npt.NDArray[np.bool_]:
    missing = np.zeros(raw.shape, bool)
    for number in (band.nodata, band.also_missing):
        if number is not None and not np.isnan(number):
            missing |= raw == number
    return missing


def _as_range(key: int | slice, length: int) -> tuple[slice, Any]:
    """Split a basic index into the contiguous range to read and what to pick from it."""
    if isinstance(key, slice):
        start, stop, step = key.indices(length)
        if step == 1:
            return slice(start, max(stop, start)), slice(None)
        picked = range(start, stop, step)
        if len(picked) == 0:
            return slice(0, 0), slice(None)
        low, high = min(picked), max(picked)
        return slice(low, high + 1), [p - low for p in picked]
    position = int(key) % length
    return slice(position, position + 1), 0
