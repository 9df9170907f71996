"""Coverage, warps and outlines on grids that a person can check on squared paper."""

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from conftest import UTM, utm_grid
from obriy.coverage import pixel_coverage, rasterize
from obriy.errors import GeometryError, GridError
from obriy.vectors import lonlat_bounds, place, warp_geometry


def coverage(polygon, geobox):
    """The share of each pixel of a grid within a polygon in the CRS of the grid."""
    rows, columns = geobox.shape
    return pixel_coverage(place(polygon, None, geobox), slice(0, rows), slice(0, columns))


def test_coverage_by_hand():
    # A triangle over 2 x 3 pixels of 10 m: legs of 30 m east and 20 m south.
    grid = utm_grid((2, 3), origin=(0.0, 20.0))
    triangle = shapely.Polygon([(0, 20), (30, 20), (0, 0)])
    # The hypotenuse runs from (3, 0) to (0, 2) in pixels: x = 3 - 1.5 y.
    expected = [[1, 11 / 12, 1 / 3], [2 / 3, 1 / 12, 0]]
    np.testing.assert_allclose(coverage(triangle, grid), expected, atol=1e-6)
    assert coverage(triangle, grid).dtype == "float32"


@pytest.mark.parametrize(
    "affine",
    [
        Affine(10, 0, 500_000, 0, -10, 5_200_000),
        Affine(10, 0, 0, 0, 10, 0),
        Affine(8.66, 5.0, 100.0, 5.0, -8.66, 200.0),
        Affine(2e-4, 0, 34, 0, -1e-4, 47),
    ],
)
@pytest.mark.parametrize("crs", [None, UTM])
def test_coverage_is_the_same_in_every_affine(affine, crs):
    shape = shapely.Point(4.2, 3.3).buffer(2.6).difference(shapely.Point(4, 3).buffer(1))
    a, b, c, d, e, f = affine[:6]
    in_map = shapely.transform(shape, lambda xy: xy @ [[a, d], [b, e]] + (c, f))
    found = coverage(in_map, GeoBox((7, 9), affine, crs))
    direct = pixel_coverage(shape, slice(0, 7), slice(0, 9))
    np.testing.assert_allclose(found, direct, atol=1e-5)
    assert direct.sum() == pytest.approx(shape.area, rel=1e-6)


def test_windows_of_a_big_grid_add_up():
    ring = shapely.Point(900.3, 700.7).buffer(612.3).difference(shapely.Point(901, 700).buffer(333))
    whole = pixel_coverage(ring, slice(0, 1400), slice(0, 1700))
    assert whole.sum(dtype="float64") == pytest.approx(ring.area, rel=1e-9)
    part = pixel_coverage(ring, slice(101, 903), slice(77, 1203))
    np.testing.assert_allclose(part, whole[101:903, 77:1203], atol=1e-6)


@given(
    corners=st.lists(
        st.tuples(st.floats(-3, 12), st.floats(-3, 12)), min_size=3, max_size=6, unique=True
    )
)
def test_coverage_sums_to_the_area_inside(corners):
    hull = shapely.MultiPoint(corners).convex_hull
    if hull.geom_type != "Polygon":
        return
    share = pixel_coverage(hull, slice(0, 8), slice(0, 9))
    inside = shapely.intersection(hull, shapely.box(0, 0, 9, 8)).area
    assert share.sum(dtype="float64") == pytest.approx(inside, abs=1e-4)
    assert share.min() >= 0
    assert share.max() <= 1


def test_warp_bends_straight_edges():
    # The edge of a lon/lat box runs along the parallel, which bends in UTM.
    box = shapely.box(30.0, 46.0, 36.0, 47.0)
    warped = warp_geometry(box, "EPSG:4326", UTM)
    x, y = shapely.get_coordinates(warped).T
    middle = y[np.argmin(np.abs(x - 500_000) + (y > 5.15e6) * 1e9)]
    corner = y[np.argmin(x)]
    assert middle < corner  # the southern edge sags towards the central meridian (33 E)
    assert warped.area == pytest.approx(shapely.transform(warped, lambda xy: xy).area)
    assert len(x) > 1000


def test_warp_to_the_same_crs_changes_nothing():
    box = shapely.box(30, 46, 36, 47)
    assert warp_geometry(box, "EPSG:4326", "OGC:CRS84") is box


def test_warp_across_the_antimeridian_is_cut_in_two():
    east_of_180 = warp_geometry(
        shapely.box(250_000, 7_500_000, 430_000, 7_600_000), "EPSG:32601", "EPSG:4326"
    )
    assert east_of_180.geom_type == "MultiPolygon"
    west, _, east, _ = east_of_180.bounds
    assert (west, east) == (-180, 180)
    back = warp_geometry(east_of_180, "EPSG:4326", "EPSG:32601")
    assert back.area == pytest.approx(18e9, rel=1e-5)


def test_warp_around_a_pole_reaches_the_pole():
    disk = shapely.Point(0, 0).buffer(300_000, quad_segs=64)
    hole = shapely.Point(0, 0).buffer(100_000, quad_segs=64)
    cap = warp_geometry(disk, "EPSG:3413", "EPSG:4326")
    assert cap.bounds[0] == pytest.approx(-180)
    assert cap.bounds[2:] == pytest.approx((180, 90))
    ring = warp_geometry(disk.difference(hole), "EPSG:3413", "EPSG:4326")
    assert ring.bounds[3] < 89.2
    assert ring.covers(shapely.Point(12, 88))


def test_warp_refuses_what_a_projection_would_tear_or_lose():
    with pytest.raises(GeometryError, match="no place in"):
        warp_geometry(shapely.box(80, 0, 100, 10), "EPSG:4326", "+proj=ortho +lon_0=0")
    with pytest.raises(GeometryError, match="torn"):
        warp_geometry(shapely.box(170, 0, 190, 10), "EPSG:4326", "EPSG:3857")


def test_place_takes_a_district_from_any_crs():
    grid = utm_grid((100, 100), 100.0)
    box = warp_geometry(shapely.box(501_000, 5_192_000, 503_000, 5_196_000), UTM, "EPSG:4326")
    placed = place(box, "EPSG:4326", grid)
    assert placed.bounds == pytest.approx((10, 40, 30, 80), abs=1e-3)
    assert placed.area == pytest.approx(20 * 40, rel=1e-6)


def test_place_far_away_is_empty():
    grid = utm_grid((100, 100), 100.0)
    inside = shapely.box(0, 0, 100, 100)
    for far in (shapely.box(-150, -40, -149, -39), shapely.box(33, 80, 34, 81)):
        assert shapely.intersection(place(far, "EPSG:4326", grid), inside).is_empty
    whole_world = place(shapely.box(-180, -90, 180, 90), "EPSG:4326", grid)
    assert shapely.covers(whole_world, inside)


def test_place_finds_a_grid_beyond_180():
    grid = GeoBox((10, 60), Affine(0.1, 0, 177, 0, -0.1, 60), "EPSG:4326")
    split = shapely.union(shapely.box(179, 59.5, 180, 59.8), shapely.box(-180, 59.5, -179, 59.8))
    assert place(split, "EPSG:4326", grid).bounds == pytest.approx((20, 2, 40, 5))
    assert lonlat_bounds(grid) == pytest.approx((177, 59, 183, 60))


def test_place_without_crs():
    grid = GeoBox((4, 4), Affine(10, 0, 0, 0, -10, 40), None)
    assert place(shapely.box(0, 0, 10, 40), None, grid).bounds == (0, 0, 1, 4)
    with pytest.raises(GridError, match="no CRS"):
        place(shapely.box(0, 0, 1, 1), "EPSG:4326", grid)


def test_lonlat_bounds():
    assert lonlat_bounds(GeoBox((180, 360), Affine(1, 0, -180, 0, -1, 90), "EPSG:4326")) == (
        -180, -90, 180, 90,
    )  # fmt: skip
    polar = GeoBox((100, 100), Affine(1e4, 0, -5e5, 0, -1e4, 5e5), "EPSG:3413")
    assert lonlat_bounds(polar)[3] == 90
    west, south, east, north = lonlat_bounds(utm_grid((100, 100), 100.0))
    assert west == pytest.approx(33, abs=1e-9)
    assert 46 < south < north < 47 < east + 14


def test_rasterize_by_pixel_centre_and_later_wins():
    shapes = [(shapely.box(0, 0, 3.4, 4), 1), (shapely.box(1.6, 0, 4, 2), 2)]
    expected = [[1, 1, 2, 2, 0], [1, 1, 2, 2, 0], [1, 1, 1, 0, 0], [1, 1, 1, 0, 0]]
    np.testing.assert_array_equal(rasterize(shapes, slice(0, 4), slice(0, 5)), expected)
    window = rasterize(shapes, slice(1, 3), slice(1, 4))
    np.testing.assert_array_equal(window, np.array(expected)[1:3, 1:4])
    assert not rasterize(shapes, slice(10, 12), slice(0, 5)).any()
