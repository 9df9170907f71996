"""Rasters read lazily, window by window: the one place where pixels of a file become numbers."""

import dataclasses
import threading
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
import xarray as xr
from odc.geo.geobox import GeoBox
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window
from xarray.backends import BackendArray
from xarray.core import indexing

from obriy.errors import SourceError
from obriy.model.grid import same_grid

LOCAL_CRS = CRS.from_epsg(3857)
"""Stands for "the same plane" where two files without a CRS are brought to one grid."""


@dataclasses.dataclass(frozen=True)
class RasterBand:
    """One band of one file, and how its numbers become values: value = DN · scale + offset.

    Attributes:
        path: File name or GDAL path.
        index: Band number, from 1.
        scale: Factor; 1 for classes.
        offset: Added after the factor.
        nodata: DN that means missing; None where there is none. NaN is always missing.
        resampling: ``"nearest"`` (classes) or ``"bilinear"`` (reflectance), where the grid differs.
        dtype: ``"float32"`` (missing is NaN) or an integer type (DN as they are, missing is 0).
    """

    path: str
    index: int = 1
    scale: float = 1.0
    offset: float = 0.0
    nodata: float | None = None
    resampling: str = "bilinear"
    dtype: str = "float32"


def lazy_variable(band: RasterBand, geobox: GeoBox) -> xr.Variable:
    """Return a band as a lazily indexed variable (y, x) on a grid.

    Args:
        band: Where the numbers lie and how they become values.
        geobox: The grid wanted; where the file's own differs, pixels are resampled on the fly.
    """
    with rasterio.open(band.path) as dataset:
        rows, columns = dataset.block_shapes[band.index - 1]
    variable = xr.Variable(("y", "x"), indexing.LazilyIndexedArray(_RasterArray(band, geobox)))
    variable.encoding["preferred_chunks"] = {"y": rows, "x": columns}
    return variable


def file_geobox(dataset: Any) -> GeoBox:
    """Return the grid of an open rasterio dataset; no CRS stays None."""
    crs = dataset.crs.to_wkt() if dataset.crs else None
    return GeoBox((dataset.height, dataset.width), dataset.transform, crs)


class _RasterArray(BackendArray):
    """An array behind xarray's lazy indexing; a dataset handle per thread, as GDAL asks."""

    def __init__(self, band: RasterBand, geobox: GeoBox) -> None:
        self.band = band
        self.geobox = geobox
        self.shape = (int(geobox.shape.y), int(geobox.shape.x))
        self.dtype = np.dtype(band.dtype)
        self._handles = _Handles(band, geobox)

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

    def read(self, rows: slice, columns: slice) -> npt.NDArray[Any]:
        """Read a window of the grid.

        Raises:
            SourceError: where the bytes cannot be decoded.
        """
        window = Window.from_slices(rows, columns)
        try:
            raw = self._handles.dataset().read(self._handles.index, window=window)
        except RasterioError as error:
            raise SourceError(
                f"{self.band.path}, band {self.band.index}: rows {rows.start}-{rows.stop}, "
                f"columns {columns.start}-{columns.stop} cannot be read ({error}).",
                "The file may be cut short: download it again.",
            ) from error
        return _to_values(raw, self.band)


class _Handles(threading.local):
    """Open datasets, one for each thread; closed when the thread or the array goes."""

    def __init__(self, band: RasterBand, geobox: GeoBox) -> None:
        self.band = band
        self.geobox = geobox
        self.index = band.index
        self._open: Any = None
        self._source: Any = None

    def dataset(self) -> Any:
        if self._open is None:
            self._source = rasterio.open(self.band.path)
            same = same_grid(file_geobox(self._source), self.geobox)
            self._open = self._source if same else self._warped()
        return self._open

    def _warped(self) -> WarpedVRT:
        crs = self.geobox.crs.to_wkt() if self.geobox.crs else LOCAL_CRS
        return WarpedVRT(
            self._source,
            src_crs=self._source.crs or LOCAL_CRS,
            crs=crs,
            transform=self.geobox.affine,
            height=int(self.geobox.shape.y),
            width=int(self.geobox.shape.x),
            resampling=Resampling[self.band.resampling],
            src_nodata=self.band.nodata,
            nodata=_outside(self.band, self._source.dtypes[self.band.index - 1]),
        )

    def __reduce__(self) -> Any:
        return type(self), (self.band, self.geobox)


def _outside(band: RasterBand, dtype: str) -> float | None:
    """Return the value that a warp writes where the file has no pixel."""
    if band.nodata is not None:
        return band.nodata
    return float("nan") if np.dtype(dtype).kind == "f" else 0


def _to_values(raw: npt.NDArray[Any], band: RasterBand) -> npt.NDArray[Any]:
    if np.dtype(band.dtype).kind != "f":
        values = raw.astype(band.dtype)
        if band.nodata is not None and not np.isnan(band.nodata):
            values[raw == band.nodata] = 0
        return values
    values = raw.astype(band.dtype)
    if band.scale != 1:
        values *= np.asarray(band.scale, band.dtype)
    if band.offset != 0:
        values += np.asarray(band.offset, band.dtype)
    if band.nodata is not None and not np.isnan(band.nodata):
        values[raw == band.nodata] = np.nan
    return values


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
