"""Geometries on grids: places, planes, warps.

Everything here works in *pixel coordinates*: x is the column, y the row, both counted from the
outer corner of the first pixel, so that the pixel in row 2, column 5 is the square from (5, 2) to
(6, 3). `place` brings a geometry there from any CRS; afterwards a rotated grid, a grid with no CRS
and a window of a big grid are all the same simple case.
"""

import functools
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyproj
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox

from obriy.errors import GeometryError, GridError
from obriy.model.grid import require_crs

FloatArray = npt.NDArray[np.float64]

LONLAT: Final = "EPSG:4326"
_SEGMENTS: Final = 1000
"""An edge is cut so that no piece exceeds this part of the geometry's extent before a warp."""
_SNAP: Final = 1e-10
"""Degrees, a hundredth of a millimetre."""
_TORN: Final = 0.25
"""A piece of an edge longer than this part of the warped extent was torn by the projection."""


def warp_geometry(geometry: shapely.Geometry, from_crs: Any, to_crs: Any) -> shapely.Geometry:
    """Bring polygons to another CRS; edges that are straight in theirs bend as they must.

    In longitude and latitude the result lies within -180 to 180, cut in two where it crosses the
    antimeridian; a polygon around a pole reaches up to it.

    Args:
        geometry: Polygon or multipolygon in ``from_crs`` (x, y or longitude, latitude).
        from_crs: Whatever pyproj understands.
        to_crs: The same.

    Returns:
        Polygon or multipolygon in ``to_crs``; the very same where both are equal.

    Raises:
        GeometryError: where the geometry does not fit the projection.
    """
    source, target = pyproj.CRS(from_crs), pyproj.CRS(to_crs)
    if source.equals(target, ignore_axis_order=True) or geometry.is_empty:
        return geometry
    west, south, east, north = geometry.bounds
    dense = shapely.segmentize(geometry, max(east - west, north - south) / _SEGMENTS)
    transformer = pyproj.Transformer.from_crs(source, target, always_xy=True)
    warped = shapely.transform(dense, lambda xy: np.column_stack(transformer.transform(*xy.T)))
    if not np.isfinite(shapely.get_coordinates(warped)).all():
        raise GeometryError(
            f"A polygon from {_extent(geometry.bounds)} has no place in {target.name}.",
            "Cut it to the region of the image, or check that its CRS is right.",
        )
    if target.is_geographic:
        return _unwrapped(warped)
    _check_whole(warped, target.name)
    return _valid(warped)


def is_southern(geobox: GeoBox) -> bool:
    """Say whether the middle of a grid lies south of the equator; without a CRS it does not."""
    if geobox.crs is None:
        return False
    _, south, _, north = lonlat_bounds(geobox)
    return south + north < 0


def lonlat_bounds(geobox: GeoBox) -> tuple[float, float, float, float]:
    """Return west, south, east, north of a grid in degrees, WGS 84, to a fraction of a per cent.

    Across the antimeridian east exceeds 180; around a pole the bounds go all the way round.

    Raises:
        GridError: where the grid has no CRS, or does not lie on the Earth.
    """
    crs = _crs_of(geobox)
    rows, columns = geobox.shape
    x, y = np.meshgrid(np.linspace(0, columns, 65), np.linspace(0, rows, 65))
    to_lonlat = pyproj.Transformer.from_crs(crs, LONLAT, always_xy=True)
    pixels = np.column_stack([x.ravel(), y.ravel()])
    lon, lat = to_lonlat.transform(*_affine(geobox.affine, pixels).T)
    seen = np.isfinite(lon) & np.isfinite(lat)
    if not seen.any():
        raise GridError("The image does not lie on the Earth.", "Check its CRS and its corners.")
    south, north = float(lat[seen].min()), float(lat[seen].max())
    poles = [p for p in (-90.0, 90.0) if not crs.is_geographic and _holds_pole(geobox, crs, p)]
    if poles:
        return -180.0, min(south, *poles), 180.0, max(north, *poles)
    west, east = longitude_span(lon[seen])
    return west, south, east, north


def place(geometry: shapely.Geometry, crs: Any, geobox: GeoBox) -> shapely.Geometry:
    """Bring polygons to the pixel coordinates of a grid.

    Args:
        geometry: Polygon or multipolygon.
        crs: Its CRS; None: the plane of the grid itself.
        geobox: The grid, in any CRS or in none, rotated or not.

    Returns:
        Polygons, x = column, y = row. Parts far from the grid may be left out; where the geometry
        does not meet the grid, the part inside it is empty.

    Raises:
        GridError: where the geometry has a CRS and the grid has none.
    """
    if crs is not None:
        require_crs(geobox, "a district in map coordinates")
        geometry = _to_grid_crs(geometry, _crs(crs), geobox)
    inverse = ~geobox.affine
    return _valid(shapely.transform(geometry, lambda xy: _affine(inverse, xy)))


def place_points(xy: FloatArray, crs: Any, geobox: GeoBox) -> FloatArray:
    """Bring points (n, 2) of a CRS to the pixel coordinates (column, row) of a grid.

    Args:
        xy: x, y, or longitude, latitude.
        crs: Their CRS.
        geobox: The grid, in any CRS.

    Returns:
        (n, 2) float64; not finite where a point has no place in the CRS of the grid.

    Raises:
        GridError: where the grid has no CRS.
    """
    target = _crs_of(geobox)
    transformer = pyproj.Transformer.from_crs(_crs(crs), target, always_xy=True)
    moved = np.column_stack(transformer.transform(*xy.T))
    if target.is_geographic:  # by the turn that is nearest to the grid
        west, _, east, _ = geobox.extent.boundingbox.bbox
        middle = (west + east) / 2
        moved[:, 0] = middle + (moved[:, 0] - middle + 180) % 360 - 180
    return _affine(~geobox.affine, moved)


def equal_area_plane(
    crs: pyproj.CRS, centre: tuple[float, ...], ellipsoid: pyproj.Geod | None = None
) -> Callable[[FloatArray], FloatArray]:
    """Return a function from points (n, 2) of a CRS to an equal-area plane, metres.

    The plane is Lambert's azimuthal one on the ellipsoid: areas in it are those of the ellipsoid,
    and it has no seam at the antimeridian and no singular point at a pole.

    Args:
        crs: CRS of the points.
        centre: A point of it near which areas are wanted.
        ellipsoid: Where latitudes are laid; None: the ellipsoid of ``crs``.

    Raises:
        GridError: where the CRS is not tied to the Earth.
    """
    to_lonlat, degrees = _to_lonlat(crs)
    lon, lat = (value * degrees for value in to_lonlat.transform(centre[0], centre[1]))
    if not np.isfinite([lon, lat]).all():
        lon, lat = 0.0, 0.0
    ellipsoid = ellipsoid or ellipsoid_of(crs)
    plane = pyproj.Proj(proj="laea", lon_0=lon, lat_0=lat, a=ellipsoid.a, b=ellipsoid.b)

    def project(xy: FloatArray) -> FloatArray:
        lon, lat = to_lonlat.transform(*xy.T)
        flat: FloatArray = np.column_stack(
            plane(np.asarray(lon) * degrees, np.asarray(lat) * degrees)
        )
        return flat

    return project


def ellipsoid_of(crs: pyproj.CRS) -> pyproj.Geod:
    """Return the ellipsoid of a CRS.

    Raises:
        GridError: where the CRS is not tied to the Earth.
    """
    ellipsoid = crs.get_geod()
    if ellipsoid is None:
        raise GridError(f"{crs.name} is not tied to the Earth.", "Give the image a CRS that is.")
    return ellipsoid


def polygons_of(geometry: shapely.Geometry) -> shapely.Geometry:
    """Return the polygons of a geometry, as one; lines and points that came along are dropped."""
    if geometry.geom_type in ("Polygon", "MultiPolygon"):
        return geometry
    parts = [p for p in shapely.get_parts(geometry) if p.geom_type in ("Polygon", "MultiPolygon")]
    return shapely.union_all(parts) if parts else shapely.Polygon()


def _to_grid_crs(geometry: shapely.Geometry, crs: pyproj.CRS, geobox: GeoBox) -> shapely.Geometry:
    """Warp what lies near the grid to the CRS of the grid."""
    target = _crs_of(geobox)
    if target.is_geographic:
        corners = geobox.extent.boundingbox
        return _copies(warp_geometry(geometry, crs, target), shapely.box(*corners.bbox))
    if crs.equals(target, ignore_axis_order=True):
        return geometry
    # Far from its centre a projection is undefined, or folds: only the neighbourhood is warped.
    west, south, east, north = lonlat_bounds(geobox)
    margin = 0.05 * max(east - west, north - south) + 0.01
    near = shapely.box(
        west - margin, max(south - margin, -90), east + margin, min(north + margin, 90)
    )
    if east - west + 2 * margin >= 360:
        near = shapely.box(-180, near.bounds[1], 180, near.bounds[3])
    return warp_geometry(_copies(warp_geometry(geometry, crs, LONLAT), near), LONLAT, target)


def _copies(lonlat: shapely.Geometry, window: shapely.Geometry) -> shapely.Geometry:
    """Return what a window of longitude and latitude sees of a geometry, whatever the turn."""
    turns = [
        shapely.transform(lonlat, lambda xy, t=t: xy + np.array([t, 0])) for t in (-360, 0, 360)
    ]
    seen = [shapely.intersection(_valid(turn), window) for turn in turns]
    # Adding and taking 360 rounds: without snapping, a gap of 1e-14 degrees stays at the seam.
    return polygons_of(shapely.union_all(seen, grid_size=_SNAP))


def _unwrapped(lonlat: shapely.Geometry) -> shapely.Geometry:
    """Mend polygons whose longitudes jump by 360 degrees."""
    jumps = np.abs(np.diff(shapely.get_coordinates(shapely.get_rings(lonlat))[:, 0])) > 180
    if not jumps.any():
        return _valid(lonlat)
    world = shapely.box(-180, -90, 180, 90)
    parts = []
    for polygon in shapely.get_parts(lonlat):
        shell, *holes = (_copies(_unrolled(ring), world) for ring in shapely.get_rings(polygon))
        parts.append(shapely.difference(shell, shapely.union_all(holes)))
    return polygons_of(shapely.union_all(parts))


def _unrolled(ring: shapely.Geometry) -> shapely.Polygon:
    """Return the polygon of a ring with continuous longitudes, closed over the pole it circles."""
    lonlat = shapely.get_coordinates(ring)
    lonlat[:, 0] = np.unwrap(lonlat[:, 0], period=360)
    if abs(lonlat[-1, 0] - lonlat[0, 0]) > 180:
        pole = 90.0 if lonlat[:, 1].mean() > 0 else -90.0
        lonlat = np.vstack([lonlat, (lonlat[-1, 0], pole), (lonlat[0, 0], pole)])
    return _valid(shapely.Polygon(lonlat))


def _check_whole(geometry: shapely.Geometry, name: str) -> None:
    """Raise where a projection has torn a polygon along its outer edge."""
    west, south, east, north = geometry.bounds
    limit = _TORN * max(east - west, north - south)
    for ring in shapely.get_rings(geometry):
        steps = np.diff(shapely.get_coordinates(ring), axis=0)
        if np.hypot(*steps.T).max() > limit:
            raise GeometryError(
                f"A polygon crosses the outer edge of {name} and would be torn.",
                "Cut it there, or to the region of the image.",
            )


def _crs_of(geobox: GeoBox) -> pyproj.CRS:
    require_crs(geobox, "a place on the Earth")
    return _crs(str(geobox.crs))


@functools.lru_cache(maxsize=64)
def _crs(text: Any) -> pyproj.CRS:
    """Read a CRS once: every district of thousands names it again."""
    return pyproj.CRS(text)


@functools.lru_cache(maxsize=64)
def _to_lonlat(crs: pyproj.CRS) -> tuple[pyproj.Transformer, float]:
    """Return what brings points of a CRS to its longitudes and latitudes, and their degrees.

    Raises:
        GridError: where the CRS is not tied to the Earth.
    """
    geodetic = crs.geodetic_crs
    if geodetic is None:
        raise GridError(f"{crs.name} is not tied to the Earth.", "Give the image a CRS that is.")
    degrees = float(np.rad2deg(geodetic.axis_info[0].unit_conversion_factor))
    return pyproj.Transformer.from_crs(crs, geodetic, always_xy=True), degrees


def _affine(affine: Affine, xy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Apply an affine to points (n, 2)."""
    matrix = np.array([[affine.a, affine.d], [affine.b, affine.e]])
    with np.errstate(invalid="ignore"):  # what lies nowhere, at infinity, becomes NaN
        moved: npt.NDArray[np.float64] = xy @ matrix + (affine.c, affine.f)
    return moved


def _valid(geometry: shapely.Geometry) -> shapely.Geometry:
    return geometry if geometry.is_valid else polygons_of(shapely.make_valid(geometry))


def _holds_pole(geobox: GeoBox, crs: pyproj.CRS, latitude: float) -> bool:
    """Say whether a pole lies on the grid."""
    to_grid = pyproj.Transformer.from_crs(LONLAT, crs, always_xy=True)
    point = np.array([to_grid.transform(0.0, latitude)])
    column, row = _affine(~geobox.affine, point)[0]
    return bool(0 <= column <= geobox.shape.x and 0 <= row <= geobox.shape.y)


def longitude_span(lon: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return the shortest arc that holds all longitudes; the full circle where there is no gap."""
    turned = np.unique(lon % 360)
    gaps = np.diff(turned, append=turned[0] + 360)
    widest = int(gaps.argmax())
    if gaps[widest] < 20:
        return -180.0, 180.0
    east = float(turned[widest])
    west = east + float(gaps[widest]) - 360
    shift = 360.0 if west > 180 else 0.0
    return west - shift, east - shift


def _extent(bounds: tuple[float, ...]) -> str:
    west, south, east, north = bounds
    return f"({west:.6g}, {south:.6g}) to ({east:.6g}, {north:.6g})"
