"""Windows of one map on the grid of another: a class that is there, nothing invented."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyproj
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

from obriy.model.grid import same_grid
from obriy.model.legend import NO_DATA

WindowReader = Callable[[slice, slice], npt.NDArray[Any]]
_READ_AT_ONCE: Final = 2**26
"""Pixels of a finer map that are read for one window; above it the window is halved."""
_FINER: Final = 1.5
"""Pixels of a map along a side of another's above which it is finer."""
_MOST_POINTS: Final = 16
"""Points along a side of a pixel at which a finer map is asked, at most."""


def window_reader(
    labels: xr.DataArray, source: GeoBox, target: GeoBox, *, most_frequent: bool = False
) -> WindowReader:
    """Return a function that reads a window of a map on another grid, by its nearest pixel.

    Args:
        labels: (y, x) class codes on ``source``, in memory or lazy.
        source: Their grid; without a CRS it lies in the plane of ``target``.
        target: The grid on which windows (rows, columns) are asked for.
        most_frequent: Of a finer map, take the class that most of its pixels within a pixel of
            the target have, those without one left out; of equals the lowest code.

    Returns:
        ``read(rows, columns)`` → array of the dtype of the labels; 0 where they do not reach.
    """
    if labels.shape == tuple(target.shape) and same_grid(_in_plane(source, target), target):
        return lambda rows, columns: labels.isel(y=rows, x=columns).to_numpy()
    points = _points(source, target) if most_frequent else 1
    if points == 1:
        return _Nearest(labels, _in_plane(source, target), target).read
    finer = target.zoom_out(1 / points)
    return _MostFrequent(_Nearest(labels, _in_plane(source, target), finer).read, points).read


def _points(source: GeoBox, target: GeoBox) -> int:
    """Return how many pixels of the source lie along a side of the target's middle pixel."""
    nearest = _Nearest(xr.DataArray(np.zeros((0, 0))), _in_plane(source, target), target)
    row, column = int(target.shape.y) // 2, int(target.shape.x) // 2
    corners = nearest.corners(row, column)
    down, across = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    side = float(np.sqrt(abs(down[0] * across[1] - down[1] * across[0])))
    if not side > _FINER:  # NaN too: off the projection
        return 1
    return min(_MOST_POINTS, round(side))


class _MostFrequent:
    """The class that most points within a pixel have."""

    def __init__(self, read: WindowReader, points: int) -> None:
        self._read = read
        self._points = points

    def read(self, rows: slice, columns: slice) -> npt.NDArray[Any]:
        """Read a window of the target grid, in strips that fit the memory."""
        k, width = self._points, columns.stop - columns.start
        step = max(1, _READ_AT_ONCE // max(1, k * k * width))
        strips = [
            self._strip(slice(top, min(top + step, rows.stop)), columns)
            for top in range(rows.start, rows.stop, step)
        ]
        return np.vstack(strips)

    def _strip(self, rows: slice, columns: slice) -> npt.NDArray[Any]:
        k = self._points
        fine = self._read(*(slice(s.start * k, s.stop * k) for s in (rows, columns)))
        fine = fine.reshape(rows.stop - rows.start, k, columns.stop - columns.start, k)
        best = np.zeros((fine.shape[0], fine.shape[2]), fine.dtype)
        most = np.zeros(best.shape, "uint16")
        for code in np.unique(fine):
            if code == NO_DATA:
                continue
            count = (fine == code).sum(axis=(1, 3), dtype="uint16")
            best[count > most] = code
            most = np.maximum(most, count)
        return best


class _Nearest:
    """Nearest-pixel sampling between any two grids."""

    def __init__(self, labels: xr.DataArray, source: GeoBox, target: GeoBox) -> None:
        self.labels = labels
        self.to_pixels = _inverse(source.affine)
        self.to_map = _matrix(target.affine)
        self.transform = None
        if source.crs != target.crs and source.crs is not None and target.crs is not None:
            crs = pyproj.CRS(str(target.crs)), pyproj.CRS(str(source.crs))
            self.transform = pyproj.Transformer.from_crs(*crs, always_xy=True).transform

    def read(self, rows: slice, columns: slice) -> npt.NDArray[Any]:
        """Read a window of the target grid."""
        out = np.zeros((rows.stop - rows.start, columns.stop - columns.start), self.labels.dtype)
        row, column = self._positions(rows, columns)
        height, width = self.labels.shape
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        if not inside.any():
            return out
        row, column = row[inside].astype("int64"), column[inside].astype("int64")
        top, left = int(row.min()), int(column.min())
        bottom, right = int(row.max()) + 1, int(column.max()) + 1
        if (bottom - top) * (right - left) > _READ_AT_ONCE and max(out.shape) > 1:
            return self._in_halves(rows, columns)
        values = self.labels.isel(y=slice(top, bottom), x=slice(left, right)).to_numpy()
        out[inside] = values[row - top, column - left]
        return out

    def corners(self, row: int, column: int) -> npt.NDArray[np.float64]:
        """Return row and column in the source (2, 3) of three corners of a pixel."""
        y = np.array([row, row + 1, row], "float64")
        x = np.array([column, column, column + 1], "float64")
        return self._placed(x, y)

    def _in_halves(self, rows: slice, columns: slice) -> npt.NDArray[Any]:
        middle = (rows.start + rows.stop) // 2, (columns.start + columns.stop) // 2
        if rows.stop - rows.start >= columns.stop - columns.start:
            parts = slice(rows.start, middle[0]), slice(middle[0], rows.stop)
            return np.vstack([self.read(part, columns) for part in parts])
        parts = slice(columns.start, middle[1]), slice(middle[1], columns.stop)
        return np.hstack([self.read(rows, part) for part in parts])

    def _positions(self, rows: slice, columns: slice) -> npt.NDArray[np.float64]:
        """Return row and column in the source (2, rows, columns) of each pixel centre."""
        y, x = np.meshgrid(
            np.arange(rows.start, rows.stop) + 0.5,
            np.arange(columns.start, columns.stop) + 0.5,
            indexing="ij",
        )
        positions = np.floor(self._placed(x, y))
        positions[~np.isfinite(positions)] = -1
        return positions

    def _placed(
        self, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """Return row and column in the source (2, ...) of pixel coordinates of the target."""
        x, y = _apply(self.to_map, x, y)
        if self.transform is not None:
            x, y = self.transform(x, y)
        column, row = _apply(self.to_pixels, np.asarray(x), np.asarray(y))
        return np.stack([row, column])


def _in_plane(source: GeoBox, target: GeoBox) -> GeoBox:
    """Give a grid with no CRS the CRS of the other: both are taken to lie in one plane."""
    return GeoBox(source.shape, source.affine, source.crs or target.crs)


def _matrix(affine: Affine) -> tuple[float, ...]:
    return tuple(float(v) for v in affine[:6])


def _inverse(affine: Affine) -> tuple[float, ...]:
    return _matrix(~affine)


def _apply(
    matrix: tuple[float, ...], x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    a, b, c, d, e, f = matrix
    return a * x + b * y + c, d * x + e * y + f
