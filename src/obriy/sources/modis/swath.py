"""Swath to grid: which samples of a granule a window of a grid is made of."""

import dataclasses
import functools
from typing import Any, Final, Literal, TypeVar

import numpy as np
import numpy.typing as npt
import pyproj
from odc.geo.geobox import GeoBox

from obriy.errors import GeometryError
from obriy.model.grid import require_crs
from obriy.sources.modis.geolocation import Geolocation
from obriy.sources.modis.neighbours import nearest_samples
from obriy.vectors import LONLAT, lonlat_bounds

DoubleArray = npt.NDArray[np.float64]
Resampling = Literal["nearest", "average"]
T = TypeVar("T", bound=np.generic)

_STEP: Final = 5
"""Frames of a cell; cells are what a window is compared with before anything is interpolated."""
_LATTICE: Final = 33
"""Points along each side of a window that stand for it in that comparison."""


@dataclasses.dataclass(frozen=True, eq=False)
class Part:
    """The samples that a window of a grid is made of.

    Attributes:
        scans: Scans to read.
        frames: Frames (positions along a scan) to read.
        nearest: (rows, columns) index of the nearest sample in the flattened part; -1: none near.
        cells: Index of the pixel that each sample of the flattened part lies in, -1 outside; None:
            pixels are not averaged.
    """

    scans: slice
    frames: slice
    nearest: npt.NDArray[np.int64]
    cells: npt.NDArray[np.int64] | None = None

    def pick(self, values: npt.NDArray[T], missing: Any) -> npt.NDArray[T]:
        """Give each pixel of the window the value of its nearest sample.

        Args:
            values: (lines, samples) of the part.
            missing: What a pixel without a near sample gets.
        """
        found = values.ravel()[np.maximum(self.nearest, 0)]
        found[self.nearest < 0] = missing
        return found

    def resample(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the window of a band: the nearest samples, or averages where they are asked for.

        A pixel that no sample's middle lies in has its nearest sample.

        Args:
            values: (lines, samples) of the part; NaN missing.
        """
        nearest = self.pick(values, np.nan)
        if self.cells is None:
            return nearest
        flat, pixels = values.ravel(), nearest.size
        inside = self.cells >= 0
        held = np.bincount(self.cells[inside], minlength=pixels)
        known = inside & np.isfinite(flat)
        number = np.bincount(self.cells[known], minlength=pixels)
        total = np.bincount(self.cells[known], flat[known], minlength=pixels)
        with np.errstate(invalid="ignore"):
            mean = np.where(number > 0, total / number, np.nan)
        filled = np.where(held > 0, mean, nearest.ravel()).astype("float32")
        return filled.reshape(nearest.shape)


@dataclasses.dataclass(frozen=True, eq=False)
class SwathGrid:
    """A granule's samples seen from a grid.

    Overlapping scans (the bow-tie) need no care of their own: a pixel takes the nearest sample of
    all scans.

    Attributes:
        geolocation: Where the samples lie.
        geobox: The grid, in any CRS.
        resampling: ``"nearest"``, or ``"average"`` of the samples in a pixel.
        scans: Scans that may serve the grid.
        frames: Frames (positions along a scan) that may.
    """

    geolocation: Geolocation
    geobox: GeoBox
    resampling: Resampling
    scans: slice
    frames: slice

    @property
    def lines(self) -> slice:
        """Lines of samples that may serve the grid."""
        return _times(self.scans, self._height)

    @property
    def samples(self) -> slice:
        """Samples of a line that may."""
        return _times(self.frames, self.geolocation.scanner.finer)

    @property
    def _height(self) -> int:
        """Lines of samples in a scan."""
        return self.geolocation.scanner.lines * self.geolocation.scanner.finer

    def here(self, scans: slice, frames: slice) -> tuple[slice, slice]:
        """Return the place of scans and frames in arrays of `lines` and `samples`."""
        line, sample = self.lines.start, self.samples.start
        return (
            _times(scans, self._height, line),
            _times(frames, self.geolocation.scanner.finer, sample),
        )

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north of the grid, degrees."""
        return lonlat_bounds(self.geobox)

    @property
    def whole(self) -> tuple[slice, slice]:
        """All rows and columns of the grid."""
        rows, columns = (slice(0, int(n)) for n in self.geobox.shape)
        return rows, columns

    def part(
        self,
        rows: slice,
        columns: slice,
        scans: slice,
        frames: slice,
        gaps: npt.NDArray[np.bool_] | None = None,
    ) -> Part | None:
        """Return the samples that a window is made of; None where the granule does not reach it.

        Args:
            rows: Rows of the window.
            columns: Columns of the window.
            scans: Scans that may serve it, by `hull`.
            frames: Frames that may.
            gaps: (lines, samples) of these: what the instrument did not send down, because other
                scans see the same ground; None: it sent all.
        """
        lon, lat = self.geolocation.positions(scans, frames)
        if gaps is not None:
            lon, lat = (np.where(gaps, np.nan, values) for values in (lon, lat))
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        reach = self.geolocation.scanner.reaches_m(frames)
        nearest = nearest_samples(lon, lat, *self._centres(rows, columns), reach)
        if nearest is None:
            return None
        cells = self._cells(lon, lat, rows, columns) if self.resampling == "average" else None
        return Part(scans, frames, nearest.reshape(shape), cells)

    def hull(self, rows: slice, columns: slice) -> tuple[slice, slice] | None:
        """Return the scans and frames that a window may need, None where it needs none.

        Cells of a scan by some frames are compared with a lattice of points of the window, as
        vectors in space, so that neither the date line nor a pole matters.
        """
        from scipy.spatial import cKDTree

        across = [_spread(s, _LATTICE) for s in (rows, columns)]
        points = _vectors(*self._lonlat(*np.meshgrid(*across, indexing="ij")))
        on_earth = points[np.isfinite(points).all(axis=-1)]
        middles, radii = self._scan_cells
        near, _ = cKDTree(on_earth).query(middles)
        scanner = self.geolocation.scanner
        most = float(scanner.reaches_m(slice(0, 1)).max()) / (1000 * scanner.radius_km)
        met: npt.NDArray[np.bool_] = np.asarray(near <= radii + _half_diagonal(points) + most)
        if not met.any():
            return None
        scans, parts = np.nonzero(met)
        frame = self.geolocation.frames.start
        return (
            _within(self.scans, scans, self.geolocation.scans.start),
            _within(self.frames, np.append(parts, parts + 1) * _STEP, frame),
        )

    @functools.cached_property
    def _scan_cells(self) -> tuple[DoubleArray, DoubleArray]:
        """Middle (scans, parts, 3) and radius of each cell; a radius of -inf: no position."""
        geolocation = self.geolocation
        last = geolocation.lon.shape[1] - 1
        edges = [*range(0, last, _STEP), last]
        lines = np.arange(len(geolocation.lon)).reshape(-1, geolocation.scanner.lines)[:, [0, -1]]
        corners = _vectors(
            geolocation.lon[lines][..., edges].astype("float64"),
            geolocation.lat[lines][..., edges].astype("float64"),
        )
        four = np.stack([corners[:, i, k : k + len(edges) - 1] for i in (0, 1) for k in (0, 1)])
        known = np.isfinite(four.sum(axis=-1, keepdims=True))
        number = known.sum(axis=0)
        middles = np.where(known, four, 0).sum(axis=0) / np.maximum(number, 1)
        far = np.where(known[..., 0], np.linalg.norm(four - middles, axis=-1), -np.inf).max(axis=0)
        # A corner more than is held at the edges: half a pixel, and the next line.
        return middles, far * 1.2

    def reaches(self) -> bool:
        """Say whether any pixel of a lattice of the grid has a position near it."""
        rows, columns = (_spread(part, 256) for part in self.whole)
        target = self._lonlat(*np.meshgrid(rows, columns, indexing="ij"))
        where, finer = self.geolocation, self.geolocation.scanner.finer
        reach = finer * where.scanner.reaches_m(where.frames)[::finer]
        found = nearest_samples(where.lon, where.lat, *target, reach)
        return found is not None and bool((found >= 0).any())

    def _centres(self, rows: slice, columns: slice) -> tuple[DoubleArray, DoubleArray]:
        down, across = (np.arange(s.start, s.stop) + 0.5 for s in (rows, columns))
        return self._lonlat(*np.meshgrid(down, across, indexing="ij"))

    def _lonlat(self, row: DoubleArray, column: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
        """Return longitude (-180 to 180) and latitude of places of the grid, degrees."""
        x, y = _apply(self.geobox.affine, column, row)
        lon, lat = self._transformer(inverse=True).transform(x, y)
        known = np.isfinite(lon) & np.isfinite(lat)
        return np.where(known, (lon + 180) % 360 - 180, np.nan), np.where(known, lat, np.nan)

    def _cells(
        self, lon: DoubleArray, lat: DoubleArray, rows: slice, columns: slice
    ) -> npt.NDArray[np.int64]:
        """Return the pixel of a window that each sample lies in, -1 outside."""
        if pyproj.CRS(str(self.geobox.crs)).is_geographic:
            west, _, east, _ = self.bounds
            middle = (west + east) / 2
            lon = (lon - middle + 180) % 360 - 180 + middle
        x, y = self._transformer(inverse=False).transform(lon.ravel(), lat.ravel())
        column, row = _apply(~self.geobox.affine, np.asarray(x), np.asarray(y))
        column, row = np.floor(column - columns.start), np.floor(row - rows.start)
        height, width = rows.stop - rows.start, columns.stop - columns.start
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        cells = np.full(lon.size, -1, "int64")
        cells[inside] = (row[inside] * width + column[inside]).astype("int64")
        return cells

    def _transformer(self, *, inverse: bool) -> pyproj.Transformer:
        crs = str(self.geobox.crs)
        ends = (crs, LONLAT) if inverse else (LONLAT, crs)
        return pyproj.Transformer.from_crs(*ends, always_xy=True)


def lay(geolocation: Geolocation, geobox: GeoBox, resampling: Resampling) -> SwathGrid:
    """Lay a granule on a grid: only what may serve the grid is held from then on.

    Raises:
        GridError: a grid without a CRS.
        GeometryError: a granule that does not touch the grid.
    """
    require_crs(geobox, "a place among the samples of a granule")
    whole = SwathGrid(geolocation, geobox, resampling, geolocation.scans, geolocation.frames)
    hull = whole.hull(*whole.whole)
    if hull is not None:
        part = SwathGrid(geolocation.part(*hull), geobox, resampling, *hull)
        if part.reaches():
            return part
    raise GeometryError(
        f"{geolocation.file.path} does not touch the area: the granule spans "
        f"{_span(*_bounds_of(geolocation))}, the area {_span(*whole.bounds)}.",
        "Take a granule of another time, or another area.",
    )


def _times(part: slice, by: int, origin: int = 0) -> slice:
    """Return the lines or samples of a range of scans or frames, counted from an origin."""
    return slice(part.start * by - origin, part.stop * by - origin)


def _within(limit: slice, found: npt.NDArray[np.int64], origin: int) -> slice:
    """Return the range that holds what was found, counted from an origin, within a limit."""
    start, stop = int(found.min()) + origin, int(found.max()) + origin + 1
    return slice(max(start, limit.start), min(stop, limit.stop))


def _spread(part: slice, number: int) -> DoubleArray:
    """Return places from edge to edge of a range of pixels."""
    return np.linspace(part.start, part.stop, min(number, part.stop - part.start + 1))


def _half_diagonal(points: DoubleArray) -> float:
    """Return half the longest diagonal between neighbours of a lattice of points."""
    diagonals = (points[1:, 1:] - points[:-1, :-1], points[1:, :-1] - points[:-1, 1:])
    return max(float(np.nanmax(np.linalg.norm(d, axis=-1), initial=0)) for d in diagonals) / 2


def _vectors(lon: DoubleArray, lat: DoubleArray) -> DoubleArray:
    """Return unit vectors (..., 3) of places in degrees."""
    lon, lat = np.radians(lon), np.radians(lat)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


def _apply(affine: Any, x: DoubleArray, y: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
    return affine.a * x + affine.b * y + affine.c, affine.d * x + affine.e * y + affine.f


def _bounds_of(geolocation: Geolocation) -> tuple[float, float, float, float]:
    """Return west, south, east, north of a granule; across the date line east exceeds 180."""
    lines = geolocation.scanner.lines
    lon, lat = (a[::lines, ::_STEP] for a in (geolocation.lon, geolocation.lat))
    middle = float(lon[np.isfinite(lon)].flat[0])
    turned = (lon - middle + 180) % 360 - 180 + middle
    return (
        float(np.nanmin(turned)),
        float(np.nanmin(lat)),
        float(np.nanmax(turned)),
        float(np.nanmax(lat)),
    )


def _span(west: float, south: float, east: float, north: float) -> str:
    return f"longitude {west:.1f} to {east:.1f}, latitude {south:.1f} to {north:.1f}"
