"""Gridded MODIS products: the grid that a field lies on, and its pixels on another one."""

import functools
import math
import re
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from obriy.blocks.computed import WindowMaker
from obriy.errors import GeometryError, GridError, SourceError
from obriy.model.grid import same_grid
from obriy.sources.area_grid import area_grid
from obriy.sources.modis.hdf4 import Hdf4File

SINUSOIDAL: Final = "GCTP_SNSOID"
_PAIR: Final = r"=\(\s*([-\d.eE+]+)\s*,\s*([-\d.eE+]+)"


def field_grid(file: Hdf4File, field: str) -> GeoBox:
    """Return the sinusoidal grid of a field, as ``StructMetadata`` has it.

    Raises:
        SourceError: where the file does not say it.
        GridError: another projection.
    """
    text = "".join(
        str(file.attributes[key])
        for key in sorted(file.attributes)
        if key.startswith("StructMetadata.")
    )
    parts = re.split(r"GROUP=GRID_\d+\b", text)
    part = next((p for p in parts if f'DataFieldName="{field}"' in p), None)
    if part is None:
        raise SourceError(
            f"{file.path} does not say which grid '{field}' lies on.", "Download it again."
        )
    projection = _text(part, "Projection", file)
    if projection != SINUSOIDAL:
        raise GridError(
            f"'{field}' of {file.path} lies in the projection {projection}, which is not read.",
            "Name a product on the sinusoidal grid, e.g. MOD09GA.",
        )
    columns, rows = (int(_text(part, name, file)) for name in ("XDim", "YDim"))
    left, top = _pair(part, "UpperLeftPointMtrs", file)
    right, bottom = _pair(part, "LowerRightMtrs", file)
    radius, _ = _pair(part, "ProjParams", file)
    # The points are outer corners, also where PixelRegistration says HDFE_CENTER.
    affine = Affine((right - left) / columns, 0, left, 0, (bottom - top) / rows, top)
    return GeoBox((rows, columns), affine, f"+proj=sinu +R={radius:.3f} +units=m +no_defs")


def grid_asked_for(
    own: GeoBox, area: str | GeoBox | None, resolution: float | None, file: Hdf4File
) -> GeoBox:
    """Return the grid of a scene: that of an area, the file's own, or it with other pixels.

    Raises:
        GeometryError: where the file does not reach the area.
        GridError: an area without a CRS.
    """
    if area is None:
        return own if resolution is None else own.zoom_to(resolution=resolution)
    grid = area_grid(area, resolution=resolution) if isinstance(area, str) else area
    if grid is None:
        return own
    if grid.crs is None:
        raise GridError("The grid of the area has no CRS.", "Give it one.")
    rows, columns = (slice(0, int(n)) for n in grid.shape)
    if not Nearest(own, grid).inside(rows, columns).any():
        raise GeometryError(
            f"{file.path} spans {_span(own)}, the area {_span(grid)}: they do not meet.",
            "Take the tile of the area.",
        )
    return grid


def _span(grid: GeoBox) -> str:
    west, south, east, north = grid.geographic_extent.boundingbox
    return f"longitude {west:.2f} to {east:.2f}, latitude {south:.2f} to {north:.2f}"


class Nearest:
    """Windows of an array on another grid, each pixel with the nearest one of its own.

    Args:
        own: Grid of the array.
        wanted: The other grid.
    """

    def __init__(self, own: GeoBox, wanted: GeoBox) -> None:
        self._own, self._wanted = own, wanted
        self._same = same_grid(own, wanted)
        self._places = functools.lru_cache(maxsize=2)(self._find)

    def wrap(self, read: WindowMaker, missing: np.generic) -> WindowMaker:
        """Return what makes windows on the other grid.

        Args:
            read: Makes windows of the array.
            missing: What pixels outside it become, in the array's own type.
        """
        if self._same:
            return read

        def make(rows: slice, columns: slice) -> npt.NDArray[Any]:
            down, across = self._at(rows, columns)
            inside = self._within(down, across)
            out = np.full(inside.shape, missing, missing.dtype)
            if not inside.any():
                return out
            top, left = int(down[inside].min()), int(across[inside].min())
            part = read(
                slice(top, int(down[inside].max()) + 1), slice(left, int(across[inside].max()) + 1)
            )
            out[inside] = part[down[inside] - top, across[inside] - left]
            return out

        return make

    def inside(self, rows: slice, columns: slice) -> npt.NDArray[np.bool_]:
        """Say of each pixel of a window whether the array reaches it."""
        return self._within(*self._at(rows, columns))

    def _within(
        self, down: npt.NDArray[np.int64], across: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.bool_]:
        height, width = (int(n) for n in self._own.shape)
        return np.asarray((down >= 0) & (down < height) & (across >= 0) & (across < width))

    def _at(self, rows: slice, columns: slice) -> tuple[npt.NDArray[np.int64], ...]:
        return self._places(rows.start, rows.stop, columns.start, columns.stop)

    def _find(self, *window: int) -> tuple[npt.NDArray[np.int64], ...]:
        """Return row and column of the nearest pixel; -1 where the projections say nothing."""
        top, bottom, left, right = window
        columns, rows = np.meshgrid(np.arange(left, right) + 0.5, np.arange(top, bottom) + 0.5)
        x, y = self._wanted.affine @ (columns, rows)
        move = Transformer.from_crs(str(self._wanted.crs), str(self._own.crs), always_xy=True)
        x, y = move.transform(x, y)
        across, down = ~self._own.affine @ (x, y)
        known = np.isfinite(across) & np.isfinite(down)
        return tuple(
            np.where(known, np.floor(np.where(known, v, 0)), -1).astype("int64")
            for v in (down, across)
        )


def repeated(read: WindowMaker, own: GeoBox, finer: GeoBox) -> WindowMaker:
    """Return what makes windows of a coarse field (1 km) on the finer grid of the same tile."""
    times = round(math.sqrt(own.affine.determinant / finer.affine.determinant))
    if times == 1:
        return read

    def make(rows: slice, columns: slice) -> npt.NDArray[Any]:
        down = np.arange(rows.start, rows.stop) // times
        across = np.arange(columns.start, columns.stop) // times
        part = read(slice(down[0], down[-1] + 1), slice(across[0], across[-1] + 1))
        return np.asarray(part[np.ix_(down - down[0], across - across[0])])

    return make


def _text(part: str, name: str, file: Hdf4File) -> str:
    found = re.search(rf"\b{name}=([^\s]+)", part)
    if found is None:
        raise SourceError(f"{file.path} does not say its grid ({name}).", "Download it again.")
    return found[1]


def _pair(part: str, name: str, file: Hdf4File) -> tuple[float, float]:
    found = re.search(rf"\b{name}{_PAIR}", part)
    if found is None:
        raise SourceError(f"{file.path} does not say its grid ({name}).", "Download it again.")
    return float(found[1]), float(found[2])
