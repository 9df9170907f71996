"""Arrays whose windows a function makes when they are asked for."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from odc.geo.geobox import GeoBox
from xarray.backends import BackendArray
from xarray.core import indexing

from obriy.model.grid import coords_of

WindowMaker = Callable[[slice, slice], npt.NDArray[Any]]
"""Makes (rows, columns) of an array."""


def computed_labels(make: WindowMaker, grid: GeoBox) -> xr.DataArray:
    """Return class codes (y, x), uint8, on a grid; each window is made when it is read."""
    return xr.DataArray(computed_variable(make, grid, "uint8"), coords=coords_of(grid))


def computed_variable(make: WindowMaker, grid: GeoBox, dtype: str) -> xr.Variable:
    """Return an array (y, x) of the shape of a grid; each window is made when it is read."""
    return xr.Variable(("y", "x"), indexing.LazilyIndexedArray(_Computed(make, grid, dtype)))


class _Computed(BackendArray):
    """What lies behind xarray's lazy indexing."""

    def __init__(self, make: WindowMaker, grid: GeoBox, dtype: str) -> None:
        self.shape = (int(grid.shape.y), int(grid.shape.x))
        self.dtype = np.dtype(dtype)
        self._make = make

    def __getitem__(self, key: indexing.ExplicitIndexer) -> npt.NDArray[Any]:
        values: npt.NDArray[Any] = indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.BASIC, self._read
        )
        return values

    def _read(self, key: tuple[int | slice, ...]) -> npt.NDArray[Any]:
        rows, columns = (np.arange(n)[k] for k, n in zip(key, self.shape, strict=True))
        if rows.size == 0 or columns.size == 0:
            return np.zeros((*rows.shape, *columns.shape), self.dtype)
        window = self._make(
            slice(int(rows.min()), int(rows.max()) + 1),
            slice(int(columns.min()), int(columns.max()) + 1),
        )
        if window.shape == rows.shape + columns.shape and _ascend(rows) and _ascend(columns):
            return window
        picked: npt.NDArray[Any] = window[rows - rows.min()][..., columns - columns.min()]
        return picked


def _ascend(places: npt.NDArray[np.int64]) -> bool:
    """Say whether places go up; as many as there are between the first and the last are all."""
    return bool(places[0] <= places[-1])
