"""Grids of areas: named ones, zones, poles, the date line."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from odc.geo.geobox import GeoBox

from obriy.errors import UnknownNameError, UsageError
from obriy.sources.area_grid import area_grid, swath_grid
from obriy.vectors import lonlat_bounds


def box_of(grid: GeoBox) -> tuple[float, ...]:
    return tuple(float(v) for v in grid.extent.boundingbox.bbox)


def test_no_area_has_no_grid():
    assert area_grid(None) is None


def test_peter_the_great_bay_is_that_of_the_study():
    grid = area_grid("Peter the Great Bay")
    assert tuple(grid.shape) == (285, 430)
    assert grid.crs.epsg == 4326
    assert box_of(grid) == pytest.approx((130.6, 42.25, 133.25, 43.35))
    assert grid.affine.a > 0 > grid.affine.e


@pytest.mark.parametrize("asked", [{"resolution": 1000.0}, {"crs": "EPSG:32652"}])
def test_what_is_asked_for_goes_before_the_named_grid(asked):
    grid = area_grid("peter-the-great-bay", **asked)
    assert grid.crs.epsg == 32652
    step = asked.get("resolution", 500.0)
    assert grid.affine[:6:4] == (step, -step)
    west, south, east, north = lonlat_bounds(grid)
    assert west <= 130.6
    assert south <= 42.25
    assert east >= 133.25
    assert north >= 43.35


@pytest.mark.parametrize(
    ("box", "epsg"),
    [
        ("30,45,32,46", 32636),  # 31 E: zone 36
        ("30,-46,32,-45", 32736),
        ("179,60,-179,61", 32601),  # the middle, 180, begins zone 1
        ("-179.9,60,-179,61", 32601),
        ("10,74,12,77", 3413),
        ("10,-77,12,-74", 3031),
        ("-180,70,180,90", 3413),
    ],
)
def test_the_projection_follows_the_place(box, epsg):
    grid = area_grid(box)
    assert grid.crs.epsg == epsg
    assert abs(grid.affine.a) == 500


def test_wide_areas_have_an_equal_area_projection_of_their_own():
    grid = area_grid("170,50,-170,60", resolution=5000.0)
    text = grid.crs.to_wkt()
    assert "Lambert Azimuthal Equal Area" in text
    # 20 degrees by 10 between 50 and 60 N, 8.9 million square km of sphere x (sin 60 - sin 50).
    area = np.radians(20) * (np.sin(np.radians(60)) - np.sin(np.radians(50))) * 6371**2
    assert grid.shape.y * grid.shape.x * 25 == pytest.approx(area, rel=0.25)


def test_across_the_date_line_a_grid_stays_small():
    grid = area_grid("179,60,-179,61")
    assert grid.shape.x < 300  # 110 km
    west, _, east, _ = lonlat_bounds(grid)
    assert (west, east) == pytest.approx((179, 181), abs=0.15)  # meridians lean in UTM
    degrees = area_grid("179,60,-179,61", crs="EPSG:4326")
    assert box_of(degrees) == pytest.approx((179, 60, 181, 61), abs=0.01)


def test_degrees_are_of_the_middle_latitude():
    grid = area_grid("20,59,21,61", crs="EPSG:4326", resolution=1000.0)
    assert -grid.affine.e == pytest.approx(1 / 111.2, rel=1e-3)
    assert grid.affine.a == pytest.approx(2 / 111.2, rel=1e-3)  # cos 60 = 1/2


def test_around_a_pole_the_grid_holds_it():
    grid = area_grid("-180,85,180,90", resolution=10_000.0)
    left, bottom, right, top = box_of(grid)
    assert left < -500_000 < 500_000 < right
    assert bottom < -500_000 < 500_000 < top
    assert top < 700_000


def test_a_file_of_districts_has_one_grid_on_multiples_of_the_pixel(tmp_path):
    file = tmp_path / "two.gpkg"
    boxes = [shapely.box(30, 45, 30.2, 45.1), shapely.box(31, 46, 31.1, 46.2)]
    gpd.GeoDataFrame(geometry=boxes, crs="EPSG:4326").to_file(file)
    grid = area_grid(str(file))
    assert grid.crs.epsg == 32636
    assert all(edge % 500 == 0 for edge in box_of(grid))
    west, south, east, north = lonlat_bounds(grid)
    assert (west, south, east, north) == pytest.approx((30, 45, 31.1, 46.2), abs=0.1)


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        (("peter-the-grate-bay",), UnknownNameError, "peter-the-great-bay"),
        (("30,45,32,46", "EPSG:1"), UsageError, "is no CRS"),
        (("0,0,90,60", None, 5.0), UsageError, "larger --resolution"),
    ],
)
def test_what_cannot_be_meant(asked, error, message):
    spec, crs, resolution = (*asked, None, None)[:3]
    with pytest.raises(error, match=message):
        area_grid(spec, crs=crs, resolution=resolution)


def test_the_grid_of_a_swath_holds_all_of_it():
    lon, lat = np.meshgrid(np.linspace(175, 190, 61), np.linspace(-60, -70, 41))
    lon = np.where(lon > 180, lon - 360, lon)
    lon[0, 0] = np.nan
    grid = swath_grid(lon.astype("float32"), lat.astype("float32"), 2000.0)
    west, south, east, north = lonlat_bounds(grid)
    assert west <= 175
    assert east >= 190
    assert south <= -70
    assert north >= -60
    left, bottom, right, top = box_of(grid)
    assert abs(left + right) < 0.2 * (right - left)  # the middle is near the middle
    assert (top - bottom) < 1_700_000
