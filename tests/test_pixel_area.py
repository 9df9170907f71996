"""Pixel areas against pen and paper: every projection has a law of its own."""

import math

import numpy as np
import pytest
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox
from scipy.integrate import quad

from conftest import utm_grid
from obriy.errors import GridError
from obriy.measures.pixel_area import pixel_area, polygon_area, polygon_areas

A, F = 6_378_137.0, 1 / 298.257223563
E2 = F * (2 - F)


def radii(lat):
    """Radii of curvature of WGS 84, metres: along the meridian, across it."""
    w = 1 - E2 * math.sin(lat) ** 2
    return A * (1 - E2) / w**1.5, A / math.sqrt(w)


def zone(south, north, width):
    """Area between parallels and meridians by integrating M N cos(lat); degrees in, m² out."""
    area, _ = quad(lambda p: math.prod(radii(p)) * math.cos(p), *map(math.radians, (south, north)))
    return area * math.radians(width)


def test_utm_central_meridian():
    area = pixel_area(utm_grid((1, 1), origin=(499_995.0, 5_200_000.0)))
    assert area[0, 0] == pytest.approx(100 / 0.9996**2, rel=1e-8)


def test_utm_scale_grows_away_from_the_meridian():
    # k = k0 (1 + x²/2 + x⁴/24), x = easting / (k0 R): Snyder equation 8-11 to second order.
    lat = math.radians(46.94)
    m, n = radii(lat)
    grid = utm_grid((3, 20_000), origin=(500_000.0, 5_198_000.0))
    easting = 10 * (np.arange(20_000) + 0.5)
    x2 = (easting / 0.9996) ** 2 / (m * n)
    scale = 0.9996 * (1 + x2 / 2 + x2**2 / 24)
    np.testing.assert_allclose(pixel_area(grid)[1], 100 / scale**2, rtol=1e-5)


@pytest.mark.parametrize("lat", [0.0, 46.5, -71.0, 89.0])
@pytest.mark.parametrize("step", [1e-4, 0.05, 1.0])
def test_lonlat_rows(lat, step):
    grid = GeoBox((2, 3), Affine(step, 0, 179.9, 0, -step, lat + step), "EPSG:4326")
    area = pixel_area(grid)
    np.testing.assert_allclose(area[0], zone(lat, lat + step, step), rtol=1e-6)
    assert (area == area[:, :1]).all()


def test_the_whole_earth():
    area = pixel_area(GeoBox((180, 360), Affine(1, 0, -180, 0, -1, 90), "EPSG:4326"))
    assert area.sum() == pytest.approx(510_065_621.724e6, rel=1e-9)  # surface of WGS 84
    beyond = pixel_area(GeoBox((2, 2), Affine(1, 0, 0, 0, -1, 91), "EPSG:4326"))
    assert (beyond[0] == 0).all()


def test_web_mercator_shrinks_with_the_cosine():
    # k = A / (N cos lat) along the parallel and A / (M cos lat) along the meridian: the sphere's
    # formulas applied to the ellipsoid's latitude.
    for lat_deg in (5.0, 46.5, 70.0):
        lat = math.radians(lat_deg)
        y = A * math.log(math.tan(math.pi / 4 + lat / 2))
        grid = GeoBox((300, 2), Affine(10, 0, 3e6, 0, -10, y + 1500), "EPSG:3857")
        m, n = radii(lat)
        expected = 100 * m * n * math.cos(lat) ** 2 / A**2
        assert pixel_area(grid)[149:151].mean() == pytest.approx(expected, rel=1e-6)
        planar = 100 * math.cos(lat) ** 2
        assert expected == pytest.approx(planar, rel=7e-3)  # the cos² law of the sphere


def test_modis_sinusoidal_is_equal_area():
    side = 463.312716527917
    crs = "+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m"
    tile = GeoBox((2400, 2400), Affine(side, 0, 9 * 1_111_950.52, 0, -side, 5_559_752.6), crs)
    np.testing.assert_allclose(pixel_area(tile), side**2, rtol=1e-7)


def test_polar_stereographic():
    # EPSG:3413 is true at 70 N; at the pole k = 0.96993 (Snyder equation 21-33 and 21-34 with
    # e of WGS 84, written out below).
    e = math.sqrt(E2)
    phi = math.radians(70)
    t = math.tan(math.pi / 4 - phi / 2) / ((1 - e * math.sin(phi)) / (1 + e * math.sin(phi))) ** (
        e / 2
    )
    m = math.cos(phi) / math.sqrt(1 - E2 * math.sin(phi) ** 2)
    k = 0.5 * m * math.sqrt((1 + e) ** (1 + e) * (1 - e) ** (1 - e)) / t
    grid = GeoBox((3, 3), Affine(100, 0, -150, 0, -100, 150), "EPSG:3413")
    np.testing.assert_allclose(pixel_area(grid), 1e4 / k**2, rtol=1e-6)


def test_interpolation_stays_exact_in_a_window():
    for crs, origin, step in (
        ("EPSG:32636", (700_000, 5_300_000), 10),
        ("EPSG:3857", (3.7e6, 6e6), 30),
        ("EPSG:3413", (1e6, 1e6), 250),
        ("EPSG:3413", (-2e6, 1e6), 6250),
    ):
        grid = GeoBox((301, 403), Affine(step, 0, origin[0], 0, -step, origin[1]), crs)
        whole = pixel_area(grid)
        for row, column in ((0, 0), (37, 211), (300, 402), (131, 65)):
            alone = pixel_area(grid[row : row + 1, column : column + 1])
            assert whole[row, column] == pytest.approx(alone[0, 0], rel=1e-6)


def test_rotated_and_flipped_grids():
    flat = pixel_area(utm_grid((1, 1)))[0, 0]
    for affine in (
        Affine(8, 6, 500_000, 6, -8, 5_200_000),
        Affine(10, 0, 500_000, 0, 10, 5_200_000),
    ):
        assert pixel_area(GeoBox((2, 2), affine, "EPSG:32636"))[0, 0] == pytest.approx(flat)


def test_across_the_antimeridian_and_around_the_pole_nothing_jumps():
    across = GeoBox((50, 180), Affine(1000, 0, 250_000, 0, -1000, 7_600_000), "EPSG:32601")
    area = pixel_area(across)
    assert np.abs(np.diff(area, axis=1) / 1e6).max() < 2e-5  # 2 x dx / R²
    polar = pixel_area(GeoBox((65, 65), Affine(1e3, 0, -32_500, 0, -1e3, 32_500), "EPSG:3413"))
    assert polar.max() / polar.min() < 1.0001


def test_a_pixel_off_the_earth_has_no_area():
    grid = GeoBox((4, 4), Affine(1e6, 0, 5e6, 0, -1e6, 2e6), "+proj=ortho +lat_0=0 +lon_0=0")
    area = pixel_area(grid)
    assert (area[:, 2:] == 0).all()
    assert area[1, 0] > 1e12


def test_no_crs():
    grid = GeoBox((2, 3), Affine.identity(), None)
    np.testing.assert_array_equal(pixel_area(grid, pixel_size_m=30), np.full((2, 3), 900.0))
    with pytest.raises(GridError, match="no CRS"):
        pixel_area(grid)
    with pytest.raises(GridError, match="gives no area"):
        pixel_area(grid, pixel_size_m=0)


def test_polygon_area():
    box = shapely.box(33.4, 46.7, 35.2, 47.9)
    assert polygon_area(box, "EPSG:4326") == pytest.approx(zone(46.7, 47.9, 1.8), rel=1e-7)
    assert polygon_area(shapely.box(0, 0, 3, 2), None, pixel_size_m=10) == 600


def test_areas_of_many_small_polygons_are_those_of_each():
    crooked = shapely.Polygon([(0, 0), (9, 2), (12, 10), (4, 7)])
    for crs, x, y, unit in (("EPSG:4326", 15, 62, 1e-3), ("EPSG:3857", 3.3e6, 6.5e6, 90)):
        shapes = [
            shapely.affinity.translate(shapely.affinity.scale(crooked, unit * k, unit * k), x, y)
            for k in (0.4, 1, 1.4, 40)  # the last is large
        ]
        wanted = [polygon_area(shape, crs) for shape in shapes]
        assert polygon_areas(shapes, crs) == pytest.approx(wanted, rel=3e-8)
