"""A band of a file as the array behind xarray's lazy indexing: where pixels become numbers."""

import contextlib
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from odc.geo.geobox import GeoBox
from rasterio.enums import MaskFlags, Resampling
from rasterio.errors import RasterioError
from rasterio.windows import Window
from xarray.backends import BackendArray
from xarray.core import indexing

from obriy.blocks.averages import Averages, averaged, is_averaged
from obriy.blocks.damage import Hole, Tile, told
from obriy.blocks.datasets import Datasets, RasterBand, unreadable
from obriy.blocks.decoded import taken
from obriy.blocks.gdal import gdal_env
from obriy.blocks.inflate import inflated
from obriy.blocks.planes import Numbers
from obriy.blocks.resample import around_window, even_cut, resampled, spanned, step_between
from obriy.blocks.together import shared_parts, taken_together
from obriy.blocks.validity import Validity
from obriy.errors import SourceError

T = TypeVar("T")


class RasterArray(BackendArray):
    """An array behind xarray's lazy indexing; a dataset handle per thread, as GDAL asks."""

    def __init__(self, band: RasterBand, geobox: GeoBox) -> None:
        self.band = band
        self.geobox = geobox
        self.shape = (int(geobox.shape.y), int(geobox.shape.x))
        self.dtype = np.dtype(band.dtype)
        self._datasets = Datasets(band, geobox)
        self._broken: dict[Tile, Hole] = {}
        self._validity = band.validity or Validity()
        self._averages: list[Averages] = []

    def __getstate__(self) -> dict[str, Any]:  # what is read elsewhere is not added up here
        return {**self.__dict__, "_averages": []}

    def file(self) -> Any:
        """Return the file as this thread holds it open, for all its bands, and for what reads."""
        return self._datasets.file()

    @property
    def on_own_grid(self) -> bool:
        """Whether its pixels are those of the file."""
        return self._datasets.fits

    @property
    def _is_linear(self) -> bool:
        """Whether it is read as `Numbers`: reflectance, on the grid of the file."""
        return self.dtype.kind == "f" and self._datasets.fits

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
            SourceError: where the bytes cannot be decoded, and nobody reads around them.
        """
        holes = told()
        with gdal_env():
            if holes is not None:
                values, parts = self._around(rows, columns, holes, self._values)
                for part in parts:
                    values[part] = _missing_value(self.band)
                return values
            try:
                return self._values(rows, columns)
            except RasterioError as error:
                raise unreadable(self.band, rows, columns, error) from error

    def numbers(self, rows: slice, columns: slice, holes: list[Hole]) -> Numbers | None:
        """Read a window as the file has it; None of what is no reflectance, or on another grid.

        Args:
            rows: Of the window.
            columns: Of the window.
            holes: Takes what is broken.

        Raises:
            SourceError: where the bytes cannot be decoded, and not be read around.
        """
        with gdal_env():
            if not self._is_linear:
                return None
            found, parts = self._around(rows, columns, holes, self._numbers)
            found = found.hiding(parts) if parts else found
        for averages in self._averages:
            averages.add(rows, columns, found)
        return found

    def average_beside(self, rows: slice, columns: slice, shape: tuple[int, int]) -> None:
        """Add up what is read of a window, for `read_small` of the same; see the function."""
        with gdal_env():
            if self._datasets.fits and not self.file().overviews(self.band.index):
                dtype = self.file().dtypes[self.band.index - 1]
                self._averages.append(Averages(rows, columns, shape, dtype))

    def fetch_ahead(self, rows: slice, columns: slice) -> None:
        """Ask for the tiles behind a window of the grid that is read soon, where they are far."""
        if self.band.network:
            with gdal_env(), contextlib.suppress(RasterioError, SourceError):
                self._datasets.fetch(rows, columns, frozenset(self._broken), wait=False)

    def shared_parts(self, rows: slice, columns: slice) -> list[tuple[slice, slice]] | None:
        """Return the parts of a window of the file in which all bands are decoded at once."""
        return shared_parts(self.file(), rows, columns) if self._datasets.fits else None

    def read_small(
        self, rows: slice, columns: slice, shape: tuple[int, int]
    ) -> npt.NDArray[Any] | None:
        """Read a window averaged to a shape, through overviews; None beyond the edge of the file.

        Raises:
            SourceError: where the bytes cannot be decoded.
        """
        asked = rows, columns, shape
        means = next((one.means() for one in self._averages if one.wanted == asked), None)
        if means is not None:
            return means
        with gdal_env():
            if self._is_linear and is_averaged(self.file(), self.band.index):
                read = partial(self.numbers, holes=[])
                return averaged(asked, self.file(), self.band.index, read)
            if not self._datasets.fits:
                span = spanned((rows, columns), self.geobox, self._datasets.grid)
                if span is None:
                    return None
                rows, columns = span
            try:
                return self._of_file(self._datasets.file(), rows, columns, shape)
            except RasterioError as error:
                raise unreadable(self.band, rows, columns, error) from error

    def _around(
        self,
        rows: slice,
        columns: slice,
        holes: list[Hole],
        read: Callable[[slice, slice, frozenset[Tile]], T],
    ) -> tuple[T, list[tuple[slice, slice]]]:
        """Read a window without the tiles that are broken; tell, and return, where they lie."""
        while True:
            known = frozenset(self._broken)
            try:
                made = read(rows, columns, known)
                break
            except RasterioError as error:
                found = self._datasets.broken(rows, columns)
                if found.keys() <= known:
                    raise unreadable(self.band, rows, columns, error) from error
                self._broken |= found
        met = self._datasets.tiles(rows, columns) if self._broken else ()
        here = [self._broken[tile] for tile in met if tile in self._broken]
        holes += [hole.shifted(-rows.start, -columns.start) for hole in here]
        return made, [hole.within(rows, columns) for hole in here]

    def _numbers(self, rows: slice, columns: slice, without: frozenset[Tile]) -> Numbers:
        if without:
            self._datasets.fetch(rows, columns, without)
        file = self._datasets.file(without)
        raw, hidden = self._raw(file, rows, columns)
        return Numbers(raw, self.band.scale, self.band.offset, self.band.missing, hidden)

    def _values(
        self, rows: slice, columns: slice, without: frozenset[Tile] = frozenset()
    ) -> npt.NDArray[Any]:
        if self._datasets.fits:
            if without:
                self._datasets.fetch(rows, columns, without)
            return self._of_file(self._datasets.file(without), rows, columns)
        if self.dtype.kind != "f":  # the warp keeps to the masks of the file by itself
            found = None if without else self._repeated(rows, columns)
            if found is not None:
                return _to_values(found, self.band)
            warped = self._datasets.warped(without)
            self._datasets.fetch(rows, columns, without, by_warp=True)
            raw = warped.read(self.band.index, window=Window.from_slices(rows, columns))
            return _to_values(raw, self.band)
        factor, level = self._datasets.overview
        around = around_window((rows, columns), self.geobox, level)
        if around is None:
            shape = (rows.stop - rows.start, columns.stop - columns.start)
            return np.full(shape, np.nan, self.dtype)
        # What is missing is NaN before pixels mix: no fill, and nothing beneath a mask, smears.
        if without:
            self._datasets.fetch(rows, columns, without)
        whole = [slice(part.start * factor, part.stop * factor) for part in around]
        shape = (around[0].stop - around[0].start, around[1].stop - around[1].start)
        file = self._datasets.file(without)
        values = self._of_file(file, whole[0], whole[1], shape if factor > 1 else None)
        step = step_between(level, self.geobox)
        return resampled(values, around, (rows, columns), step, self.band.resampling)

    def _repeated(self, rows: slice, columns: slice) -> npt.NDArray[Any] | None:
        """Return the numbers nearest to the pixels of a window that cut those of the file evenly.

        None where they do not, where the file does not reach, has masks, or lies far away: then
        they are warped.
        """
        band, file = self.band, self._datasets.file()
        masked = {MaskFlags.per_dataset, MaskFlags.alpha} & {*file.mask_flag_enums[band.index - 1]}
        cut = even_cut((rows, columns), self.geobox, self._datasets.grid)
        if cut is None or masked or band.masks or band.network or band.resampling != "nearest":
            return None
        window, inner, count = cut
        raw = file.read(band.index, window=Window.from_slices(*window))
        high, wide = raw.shape
        many = np.broadcast_to(raw[:, None, :, None], (high, count, wide, count))
        made: npt.NDArray[Any] = many.reshape(high * count, wide * count)[inner]
        return np.ascontiguousarray(made)

    def _of_file(
        self,
        file: Any,
        rows: slice,
        columns: slice,
        shape: tuple[int, int] | None = None,
    ) -> npt.NDArray[Any]:
        """Return a window of the file on its own grid, what is missing left out."""
        raw, hidden = self._raw(file, rows, columns, shape)
        return _to_values(raw, self.band, hidden)

    def _raw(
        self,
        file: Any,
        rows: slice,
        columns: slice,
        shape: tuple[int, int] | None = None,
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_] | None]:
        """Return a window of the file as it is, and what of it is hidden."""
        window = Window.from_slices(rows, columns)
        raw = None
        if shape is None:
            raw = taken(file, self.band.index, window)
            raw = taken_together(file, self.band.index, window) if raw is None else raw
            raw = inflated(file, self.band.index, window) if raw is None else raw
        if raw is None:
            raw = file.read(
                self.band.index, window=window, out_shape=shape, resampling=Resampling.average
            )
        own = self._datasets.grid
        return raw, self._validity.hidden(raw, self.band.masks, rows, columns, own)


def _to_values(
    raw: npt.NDArray[Any], band: RasterBand, hidden: npt.NDArray[np.bool_] | None = None
) -> npt.NDArray[Any]:
    if np.dtype(band.dtype).kind == "f":
        return Numbers(raw, band.scale, band.offset, band.missing, hidden).values()
    missing = _missing(raw, band) if hidden is None else _missing(raw, band) | hidden
    if raw.dtype.kind == "f":
        raw = np.where(missing, band.fill, raw)
    values = raw.astype(band.dtype)
    values[missing] = band.fill
    return values


def _missing_value(band: RasterBand) -> float | int:
    """Return what stands where a band says nothing."""
    return float("nan") if np.dtype(band.dtype).kind == "f" else band.fill


def _missing(raw: npt.NDArray[Any], band: RasterBand) -> npt.NDArray[np.bool_]:
    missing = ~np.isfinite(raw) if raw.dtype.kind == "f" else np.zeros(raw.shape, bool)
    for number in band.missing:
        if not np.isnan(number):
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
