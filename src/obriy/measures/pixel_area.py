"""Area of every pixel of a grid on the ellipsoid, whatever the CRS.

A pixel is projected to an equal-area plane (Lambert azimuthal on the ellipsoid of the grid's CRS,
centred on the window), where the shoelace formula gives its area: Snyder, Map Projections - A
Working Manual, USGS PP 1395 (1987), chapter 24. That plane has no seam at the antimeridian and no
singular point at a pole. Pixels of a lattice are measured so, those between are interpolated
bilinearly: over 10 km the scale of a map bends by less than 1e-6.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyproj
import shapely
from odc.geo.geobox import GeoBox

from obriy.errors import GridError
from obriy.model.grid import require_crs
from obriy.vectors import ellipsoid_of, equal_area_plane

FloatArray = npt.NDArray[np.float64]

_LATTICE_M: Final = 10_000.0
"""Greatest distance between lattice pixels, metres."""
_LATTICE_PIXELS: Final = 64
_CORNERS: Final = ((0, 0), (0, 1), (1, 1), (1, 0))
"""Row and column offsets of the corners of a pixel, going round."""


def pixel_area(geobox: GeoBox, *, pixel_size_m: float | None = None) -> FloatArray:
    """Return the area of every pixel of a grid or of a window of one.

    Args:
        geobox: The window: shape, affine, CRS.
        pixel_size_m: Side of a pixel in metres, for a grid with no CRS; where there is a CRS the
            area follows from it alone.

    Returns:
        (rows, columns) float64, m² on the ellipsoid of the CRS; 0 for a pixel off the Earth.

    Raises:
        GridError: no CRS and no pixel size.
    """
    return area_field(geobox, pixel_size_m=pixel_size_m).array


@dataclasses.dataclass(frozen=True)
class AreaField:
    """The area of every pixel of a window, m², as what it is interpolated from.

    Pixel (i, j) has ``nodes[i, left[j]] * (1 - part[j]) + nodes[i, left[j] + 1] * part[j]``.

    Attributes:
        nodes: (rows, n) float64, at some columns.
        left: (columns,) int64, the node before each column.
        part: (columns,) float64, how far between two nodes each column lies, 0 to 1.
    """

    nodes: FloatArray
    left: npt.NDArray[np.int64]
    part: FloatArray

    @classmethod
    def of(cls, area: "FloatArray | AreaField") -> "AreaField":
        """Return the field of areas that are given pixel by pixel; a field stays what it is."""
        if isinstance(area, AreaField):
            return area
        columns = area.shape[1]
        part = np.zeros(columns)
        if columns:  # as if there were one more node, which counts for nothing
            part[-1] = 1.0
        left = np.minimum(np.arange(columns), max(columns - 2, 0))
        nodes = np.ascontiguousarray(area if columns > 1 else np.repeat(area, 2, axis=1))
        return cls(nodes, left, part)

    @property
    def array(self) -> FloatArray:
        """(rows, columns) float64: the same, pixel by pixel."""
        before, after = self.nodes[:, self.left], self.nodes[:, self.left + 1]
        before *= 1 - self.part
        after *= self.part
        before += after
        return before

    def cut(self, rows: slice, columns: slice) -> "AreaField":
        """Return the field of a part of the window."""
        left = self.left[columns]
        nodes = slice(int(left[0]), int(left[-1]) + 2)
        return AreaField(self.nodes[rows, nodes], left - left[0], self.part[columns])

    def at(self, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]) -> FloatArray:
        """Return (n,) the area of some pixels."""
        left, part = self.left[columns], self.part[columns]
        found: FloatArray = self.nodes[rows, left] * (1 - part) + self.nodes[rows, left + 1] * part
        return found

    @property
    def largest(self) -> float:
        """The largest area of a pixel: that of a node."""
        return float(self.nodes.max())


@functools.lru_cache(maxsize=32)
def area_field(geobox: GeoBox, *, pixel_size_m: float | None = None) -> AreaField:
    """Return what `pixel_area` returns as a field, which takes little memory.

    Those of the last grids are kept: dates of a series lie on one, threads work on several.
    """
    shape = (int(geobox.shape.y), int(geobox.shape.x))
    if geobox.crs is None:
        if pixel_size_m is None:
            require_crs(geobox, "an area in km²")
        return _constant(np.full(shape[0], float(_checked(pixel_size_m)) ** 2), shape[1])
    if 0 in shape:
        return AreaField.of(np.zeros(shape))
    plane = _EqualAreaPlane(geobox)
    if plane.follows_rows:
        return _constant(plane.row_areas(), shape[1])
    step = plane.lattice_step()
    rows, columns = _lattice(shape[0], step), _lattice(shape[1], step)
    nodes = plane.areas(rows, columns)
    if not nodes.all() and nodes.any():  # the edge of the Earth is no place to interpolate
        return AreaField.of(plane.areas(np.arange(shape[0]), np.arange(shape[1])))
    above, share = _between(rows, shape[0])
    down = nodes[above] * (1 - share[:, None])
    down += nodes[np.minimum(above + 1, len(rows) - 1)] * share[:, None]
    if len(columns) == 1:
        return _constant(down[:, 0], shape[1])
    return AreaField(down, *_between(columns, shape[1]))


def _constant(rows: FloatArray, columns: int) -> AreaField:
    """Return a field of which all pixels of a row are alike."""
    nodes = np.repeat(rows[:, None], 2, axis=1)
    return AreaField(nodes, np.zeros(columns, np.int64), np.zeros(columns))


def polygon_area(
    geometry: shapely.Geometry,
    crs: Any | None,
    *,
    pixel_size_m: float | None = None,
    ellipsoid: pyproj.Geod | None = None,
) -> float:
    """Return the area of a polygon, m², on an ellipsoid.

    Args:
        geometry: Polygon or multipolygon; edges are straight in ``crs``.
        crs: Whatever pyproj understands; None: pixel coordinates.
        pixel_size_m: Side of a pixel in metres, where there is no CRS.
        ellipsoid: Where latitudes are laid; None: the ellipsoid of ``crs``.

    Raises:
        GridError: no CRS and no pixel size.
    """
    if crs is None:
        return float(geometry.area) * _checked(pixel_size_m) ** 2
    west, south, east, north = geometry.bounds
    known = _crs(crs)
    extent, unit = max(east - west, north - south), _DEGREE_M if known.is_geographic else 1.0
    dense = shapely.segmentize(geometry, max(extent / 1000, min(extent / 100, _PIECE_M / unit)))
    x, y = (west + east) / 2, (south + north) / 2
    near = _NEAR_M / unit  # neighbours share a plane: it is of equal area everywhere
    axes = None if ellipsoid is None else (ellipsoid.a, ellipsoid.b)
    to_plane = _plane(known, (round(x / near) * near, round(y / near) * near), axes)
    flat = shapely.transform(dense, to_plane)
    return float(flat.area)


def polygon_areas(
    geometries: Sequence[shapely.Geometry], crs: Any, ellipsoid: pyproj.Geod | None = None
) -> FloatArray:
    """Return (n,) the areas of polygons, m²; arguments are those of `polygon_area`.

    Of one that is small the scale of areas in its middle tells: what bends is left out, 1e-8 of it.
    """
    known, shapes = _crs(crs), np.array(geometries, dtype=object)
    unit = _DEGREE_M if known.is_geographic else 1.0
    bounds = shapely.bounds(shapes)
    side = (bounds[:, 2:] - bounds[:, :2]).max(axis=1)
    middle = shapely.get_coordinates(shapely.centroid(shapes))
    small = side * unit < _SMALL_M
    found = np.zeros(len(shapes))
    for k in np.flatnonzero(~small):
        found[k] = polygon_area(shapes[k], crs, ellipsoid=ellipsoid)
    axes, near = None if ellipsoid is None else (ellipsoid.a, ellipsoid.b), _NEAR_M / unit
    places = np.round(middle / near) * near
    for place in np.unique(places[small], axis=0):
        own = np.flatnonzero(small & (places == place).all(axis=1))
        square = (np.array(_CORNERS)[None] - 0.5) * side[own, None, None] + middle[own, None]
        flat = _plane(known, tuple(place.tolist()), axes)(square.reshape(-1, 2)).reshape(-1, 4, 2)
        across, other = flat[:, 2] - flat[:, 0], flat[:, 3] - flat[:, 1]
        scale = np.abs(across[:, 0] * other[:, 1] - across[:, 1] * other[:, 0]) / 2 / side[own] ** 2
        found[own] = shapely.area(shapes[own]) * scale
    return found


_SMALL_M: Final = 2000.0
_DEGREE_M: Final = 111_320.0
_PIECE_M: Final = 100.0
"""An edge of a polygon is cut into pieces of so many metres, at least: the chord of one that bends
as a parallel does lies 0.2 mm beside it."""
_NEAR_M: Final = 50_000.0


@functools.lru_cache(maxsize=64)
def _crs(crs: Any) -> pyproj.CRS:
    """Read a CRS once: every district of thousands names it again."""
    return pyproj.CRS(crs)


@functools.lru_cache(maxsize=64)
def _plane(
    crs: pyproj.CRS, centre: tuple[float, float], axes: tuple[float, float] | None
) -> Callable[[FloatArray], FloatArray]:
    ellipsoid = None if axes is None else pyproj.Geod(a=axes[0], b=axes[1])
    return equal_area_plane(crs, centre, ellipsoid)


class _EqualAreaPlane:
    """Pixels of a window on an equal-area plane that is centred on the window."""

    def __init__(self, geobox: GeoBox) -> None:
        self.affine = geobox.affine
        self.shape = geobox.shape
        self.crs = _crs(str(geobox.crs))
        middle = self._map_points(np.array([geobox.shape.y // 2]), np.array([geobox.shape.x // 2]))
        self._radians = self.crs.axis_info[0].unit_conversion_factor
        self._project = equal_area_plane(self.crs, tuple(middle[0, 0]))

    @property
    def follows_rows(self) -> bool:
        """Whether all pixels of a row are alike: plain longitude and latitude, north up."""
        derived = self.crs.is_derived and self.crs.is_geographic
        straight = self.affine.b == 0 and self.affine.d == 0
        return self.crs.is_geographic and not derived and straight

    def row_areas(self) -> FloatArray:
        """Return the area of a pixel of each row, m²: the closed form (Snyder, equation 3-12)."""
        edges = self.affine.f + self.affine.e * np.arange(self.shape.y + 1)
        sine = np.sin(np.clip(edges * self._radians, -np.pi / 2, np.pi / 2))
        ellipsoid = ellipsoid_of(self.crs)
        e = np.sqrt(ellipsoid.es)
        term = np.arctanh(e * sine) / e if e else sine
        q = sine / (1 - ellipsoid.es * sine**2) + term
        width = abs(self.affine.a) * self._radians
        bands: FloatArray = np.abs(np.diff(q)) * ellipsoid.b**2 / 2 * width
        return bands

    def areas(self, rows: npt.NDArray[np.int_], columns: npt.NDArray[np.int_]) -> FloatArray:
        """Return the area of the pixels at the crossings of rows and columns, m²."""
        corners = [self._corner(rows + r, columns + c) for r, c in _CORNERS]
        # Differences first: products of far coordinates would lose the digits of a small pixel.
        with np.errstate(invalid="ignore"):  # off the Earth a corner is infinite
            across, other = corners[2] - corners[0], corners[3] - corners[1]
            twice = across[..., 0] * other[..., 1] - across[..., 1] * other[..., 0]
        return np.where(np.isfinite(twice), np.abs(twice) / 2, 0.0)

    def lattice_step(self) -> int:
        """Return the number of pixels between lattice pixels."""
        middle = np.array([int(self.shape.y) // 2]), np.array([int(self.shape.x) // 2])
        at, below, right = (
            self._corner(middle[0] + r, middle[1] + c)[0, 0] for r, c in ((0, 0), (1, 0), (0, 1))
        )
        if not np.isfinite([at, below, right]).all():
            return 1
        side = max(np.hypot(*(below - at)), np.hypot(*(right - at)))
        return int(np.clip(_LATTICE_M / side, 1, _LATTICE_PIXELS))

    def _map_points(self, rows: npt.NDArray[np.int_], columns: npt.NDArray[np.int_]) -> FloatArray:
        """Return map coordinates (rows, columns, 2) of pixel corners."""
        y, x = np.meshgrid(rows.astype("float64"), columns.astype("float64"), indexing="ij")
        a = self.affine
        return np.stack([a.a * x + a.b * y + a.c, a.d * x + a.e * y + a.f], axis=-1)

    def _corner(self, rows: npt.NDArray[np.int_], columns: npt.NDArray[np.int_]) -> FloatArray:
        points = self._map_points(rows, columns)
        flat: FloatArray = self._project(points.reshape(-1, 2)).reshape(points.shape)
        return flat


def _lattice(length: int, step: int) -> npt.NDArray[np.int_]:
    """Return pixel numbers from the first to the last, ``step`` or less apart."""
    return np.unique(np.append(np.arange(0, length, step), length - 1))


def _between(nodes: npt.NDArray[np.int_], length: int) -> tuple[npt.NDArray[np.int64], FloatArray]:
    """Return the lattice pixel before each pixel, and how far between it and the next one lies."""
    pixels = np.arange(length)
    if len(nodes) == 1:
        return np.zeros(length, np.int64), np.zeros(length)
    left = np.clip(np.searchsorted(nodes, pixels, side="right") - 1, 0, len(nodes) - 2)
    return left, (pixels - nodes[left]) / (nodes[left + 1] - nodes[left])


def _checked(pixel_size_m: float | None) -> float:
    if pixel_size_m is None or not pixel_size_m > 0:
        raise GridError(
            f"A pixel size of {pixel_size_m} m gives no area.",
            "Say the pixel size in metres with --resolution.",
        )
    return pixel_size_m
