"""Shade of mountains by a DEM: the sun, its shadows, and what becomes of slopes and lakes there."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Transformer

import mountains
from obriy.errors import SourceError
from obriy.indices.sun import LANDSAT_H, sun_at_overpass
from obriy.model.flags import Flag
from obriy.prepare.terrain import cast_shadow, shade_flags, towards
from obriy.sources.heights import heights_on
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.water.job import run_water


@pytest.mark.parametrize(
    ("day", "lon", "lat", "elevation", "azimuth"),
    [  # SUN_ELEVATION and SUN_AZIMUTH in the MTL of real Landsat scenes
        ("2013-04-19", -82.91, 34.60, 59.25, 133.71),
        ("2019-12-01", -75.07, 1.44, 57.09, 136.32),
        ("2015-07-10", -39.32, 72.16, 40.00, 177.88),
    ],
)
def test_the_sun_stands_where_the_metadata_of_scenes_say(day, lon, lat, elevation, azimuth):
    found = sun_at_overpass(day, lon, lat, LANDSAT_H)
    assert found[0] == pytest.approx(elevation, abs=4)
    assert found[1] == pytest.approx(azimuth, abs=8)


WALL = np.zeros((41, 41), "float32")
WALL[20, 20] = 100.0


@pytest.mark.parametrize("sunwards", [(-0.1, 0.0), (0.1, 0.0), (0.0, -0.1), (0.0, 0.1)])
def test_a_tower_throws_a_shadow_as_long_as_it_is_high_at_45_degrees(sunwards):
    # Pixels of 10 m; 100 m are ten pixels, and the last is no higher than the ground.
    shadow = cast_shadow(WALL, sunwards, 45.0)
    away = -np.sign(sunwards).astype(int)
    expected = np.zeros(WALL.shape, bool)
    for k in range(1, 10):
        expected[20 + k * away[0], 20 + k * away[1]] = True
    np.testing.assert_array_equal(shadow, expected)


def test_shadows_lie_away_from_a_sun_in_the_south_east():
    ridge = np.zeros((60, 60), "float32")
    ridge[30] = 60.0  # from west to east
    half = 0.1 / np.sqrt(2)
    shadow = cast_shadow(ridge, (half, half), 45.0)
    # Northwards the ray rises 45 degrees along the diagonal: 60 m high, 42 m across the ridge.
    assert shadow[26:30, 10:50].all()
    assert not shadow[:25, 10:50].any()
    assert not shadow[31:].any()


def test_ground_that_is_not_known_throws_no_shadow_and_lies_in_none():
    height = np.zeros((20, 20), "float32")
    height[:10] = np.nan
    assert not cast_shadow(height, (-0.1, 0.0), 20.0).any()
    assert not shade_flags(height, (10.0, 10.0), (-0.1, 0.0), 20.0).any()


def test_only_a_slope_in_shade_is_surely_land():
    # Pixels of 10 m, the sun in the south (rows go south): a hill of 30 degrees to the north,
    # flat ground before it and behind it.
    along = np.interp(np.arange(120) * 10.0, [400, 600, 800], [0, 115.5, 0])
    height = np.repeat(along[:, None], 20, axis=1).astype("float32")
    flags = shade_flags(height, (10.0, 10.0), (0.1, 0.0), 20.0)
    assert (flags[45:58] == Flag.DARK | Flag.LAND).all()  # the northern slope
    assert (flags[62:78] == 0).all()  # the southern slope
    # The top, 115.5 m, shades 115.5 / tan 20° = 317 m: 117 m of the flat ground in the north.
    assert (flags[32:38] == Flag.DARK).all()
    assert (flags[:25] == 0).all()
    assert (flags[85:] == 0).all()


@pytest.mark.parametrize(
    ("grid", "azimuth", "expected"),
    [
        (GeoBox((9, 9), Affine(10, 0, 5e5, 0, -10, 5e6), "EPSG:32635"), 90.0, (0.0, 0.1)),
        (GeoBox((9, 9), Affine(10, 0, 5e5, 0, 10, 5e6), "EPSG:32635"), 180.0, (-0.1, 0.0)),
        (GeoBox((9, 9), Affine(1e-3, 0, 20, 0, -1e-3, 60), "EPSG:4326"), 90.0, (0.0, 0.018)),
        # In the polar projection north is wherever the pole is: here, to the left.
        (GeoBox((9, 9), Affine(100, 0, 2e6, 0, -100, 450), "EPSG:3413"), 0.0, (0.0, -0.01)),
    ],
)
def test_a_metre_towards_the_sun_is_counted_in_pixels_of_any_grid(grid, azimuth, expected):
    assert towards(grid, azimuth) == pytest.approx(expected, abs=0.001)


@pytest.fixture(scope="module")
def valley(tmp_path_factory):
    folder = tmp_path_factory.mktemp("valley")
    made = mountains.mountains(size=120)
    return made, *made.write(folder)


def water_of(scene: Path, out: Path, dem: Path | None = None) -> np.ndarray:
    heights = None if dem is None else str(dem)
    run_water(WaterConfig(source=str(scene), out=out, dem=heights, outputs=["mask"]))
    with rasterio.open(out / "mask.tif") as file:
        return file.read(1) == 2


def test_with_a_dem_shaded_slopes_are_land_and_the_shaded_lake_stays(valley, tmp_path):
    made, scene, dem = valley
    without = water_of(scene, tmp_path / "without")
    found = water_of(scene, tmp_path / "with", dem)
    shaded_lake = made.water & (made.light == 0)
    assert shaded_lake.sum() > 300
    assert found[shaded_lake].mean() > 0.98
    assert (without & made.shaded_slope).sum() > 0.5 * made.shaded_slope.sum()
    assert (found & made.shaded_slope).sum() < 0.15 * (without & made.shaded_slope).sum()
    (step,) = (
        s
        for s in json.loads((tmp_path / "with" / "result.json").read_text())["provenance"]["steps"]
        if s["name"] == "terrain"
    )
    assert step["day"] == mountains.DAY
    assert step["sun_elevation"] == pytest.approx(mountains.SUN[0], abs=1)


def test_what_is_wrong_with_a_dem_is_said_before_the_work(valley, tmp_path):
    _, scene, dem = valley
    undated = tmp_path / "valley.tif"
    shutil.copy(scene, undated)
    elsewhere = tmp_path / "elsewhere.tif"
    with rasterio.open(
        elsewhere, "w", driver="GTiff", width=9, height=9, count=1, dtype="int16",
        crs="EPSG:4326", transform=Affine(0.01, 0, 100, 0, -0.01, 10),
    ) as file:  # fmt: skip
        file.write(np.full((1, 9, 9), 5, "int16"))
    for image, heights, said in (
        (undated, dem, "does not say its date"),
        (scene, tmp_path / "no.tif", "There is no DEM"),
        (scene, elsewhere, "no height where the image is"),
    ):
        with pytest.raises(SourceError, match=said):
            water_of(image, tmp_path / "out", heights)


def test_a_dem_of_another_crs_is_brought_to_the_grid(tmp_path):
    # A plane that rises 1 m in a thousandth of a degree to the east, and as much to the north.
    path = tmp_path / "plane.tif"
    lon, lat = np.meshgrid(26.9 + 0.001 * np.arange(300), 45.2 - 0.001 * np.arange(200))
    with rasterio.open(
        path, "w", driver="GTiff", width=300, height=200, count=1, dtype="float32",
        crs="EPSG:4326", transform=Affine(0.001, 0, 26.8995, 0, -0.001, 45.2005), nodata=-1,
    ) as file:  # fmt: skip
        file.write((1000 * (lon - 26.9) + 1000 * (lat - 45)).astype("float32"), 1)
    grid = GeoBox((9, 9), Affine(30, 0, 5e5 - 135, 0, -30, 4_994_908), "EPSG:32635")
    found = heights_on(path, grid)
    to_globe = Transformer.from_crs("EPSG:32635", "EPSG:4326", always_xy=True)
    for row, column in ((0, 0), (4, 4), (8, 2)):
        x, y = to_globe.transform(*(grid.affine @ (column + 0.5, row + 0.5)))
        assert found[row, column] == pytest.approx(1000 * (x - 26.9) + 1000 * (y - 45), abs=0.05)
    beyond = GeoBox((9, 2000), Affine(30, 0, 5e5, 0, -30, 4_994_908), "EPSG:32635")
    assert np.isnan(heights_on(path, beyond)).any()
