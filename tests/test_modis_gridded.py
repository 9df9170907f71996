"""Gridded MODIS products: real files, windows, grids, and what their numbers mean."""

import math

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from obriy.errors import GeometryError, SourceError, UsageError
from obriy.model.flags import Flag
from obriy.model.grid import geobox_of, same_grid
from obriy.model.ice import BANDS, CLOUD, ICE, LAND, WATER
from obriy.simulate.files.granule import granule_name, write_cloud_mask
from obriy.simulate.orbit import Pass
from obriy.sources.base import Request
from obriy.sources.modis.cloud_mask import read_cloud_mask
from obriy.sources.modis.gridded import open_gridded
from obriy.sources.modis.product import granule_facts
from obriy.sources.modis.snow import read_snow_reference
from obriy.sources.quality import lookup_table

SD = pytest.importorskip("pyhdf.SD").SD
GA = "modis_hdf4/MOD09GA.A2008296.h14v17.006.2015181011753.hdf"
A1 = "modis_hdf4/MOD09A1.A2017193.h18v04.006.2017202035302.hdf"
SNOW = "modis_hdf4/MOD10A2.A2022033.h09v05.061.2022042050729.hdf"
RADIUS = 6_371_007.181
PIXEL = 463.3127165


def numbers(path, field):
    return SD(str(path)).select(field).get()


def opened(path, **more):
    return open_gridded(Request((str(path),), **more))


@pytest.mark.realdata
def test_a_scale_to_multiply_by(realdata):
    """MOD09A1: scale_factor 0.0001."""
    path = realdata / A1
    scene = opened(path)
    assert tuple(name for name in scene.data_vars if name in BANDS) == BANDS
    raw = numbers(path, "sur_refl_b02")
    np.testing.assert_allclose(scene["nir"].to_numpy(), raw * 0.0001, rtol=1e-6)
    assert scene["nir"].dtype == "float32"
    assert scene.attrs["time"] == "2017-07-12"  # day 193
    assert scene.attrs["sensor"] == "modis_surface"
    assert any("eight days" in w for w in scene.attrs["provenance"].warnings)
    assert 0 < float(scene["sun_zenith"].mean()) < 60


@pytest.mark.realdata
def test_a_scale_to_divide_by_and_missing_pixels(realdata):
    """MOD09GA: scale_factor 10000; a quarter of a per cent of the tile has numbers."""
    path = realdata / GA
    scene = opened(path)
    raw = numbers(path, "sur_refl_b01_1")
    red = scene["red"].to_numpy()
    np.testing.assert_array_equal(np.isnan(red), raw == -28672)
    seen = raw != -28672
    np.testing.assert_allclose(red[seen], raw[seen] / 10_000, rtol=1e-6)
    assert 0.02 < red[seen].min() < red[seen].max() < 1.46
    assert scene.attrs["provenance"].step("scaling")["scale"] == pytest.approx(1e-4)
    window = scene["red"].isel(y=slice(40, 90), x=slice(2100, 2300)).to_numpy()
    np.testing.assert_array_equal(window, red[40:90, 2100:2300])


@pytest.mark.realdata
def test_the_grid_is_the_tile(realdata):
    """Tile h14v17: 10 degrees wide on the sphere, from 80 to 90 degrees south."""
    box = geobox_of(opened(realdata / GA))
    assert box.shape == (2400, 2400)
    assert box.affine.a == pytest.approx(PIXEL, abs=1e-4)
    assert box.affine.c == pytest.approx(-4 * math.radians(10) * RADIUS, abs=0.01)
    assert box.affine.f == pytest.approx(-math.radians(80) * RADIUS, abs=0.01)
    # A crop, whose registration is said to be at the centre: its corner still is an edge.
    box = geobox_of(opened(realdata / A1))
    assert (box.affine.c / PIXEL) % 1 == pytest.approx(0, abs=1e-3)
    assert box.affine.a == pytest.approx(PIXEL, abs=1e-4)


@pytest.mark.realdata
def test_the_state_of_a_kilometre_goes_to_four_pixels(realdata):
    scene = opened(realdata / GA)
    state = numbers(realdata / GA, "state_1km_1")
    row, column = np.argwhere(state == 5938)[0]
    four = scene["flags"].isel(y=slice(2 * row, 2 * row + 2), x=slice(2 * column, 2 * column + 2))
    # 5938 is 0b1011100110010: mixed cloud, moderate ocean, cirrus high, cloud test, snow of MOD35.
    assert (four.to_numpy() == Flag.CLOUD | Flag.CIRRUS | Flag.SNOW).all()
    odd = scene["flags"].isel(y=2 * row + 1, x=slice(2 * column + 1, 2 * column + 2)).to_numpy()
    assert odd[0] == Flag.CLOUD | Flag.CIRRUS | Flag.SNOW
    land = opened(realdata / A1)["flags"].to_numpy() & Flag.LAND
    assert land.any()
    assert not (opened(realdata / A1, land="none")["flags"].to_numpy() & Flag.LAND).any()


@pytest.mark.parametrize(
    ("code", "land"), [(0, False), (1, True), (2, True), (3, True), (6, False), (7, False)]
)
def test_sea_is_shallow_moderate_and_deep_ocean(code, land):
    assert bool(lookup_table("mod09")[code << 3] & Flag.LAND) == land


@pytest.mark.realdata
def test_an_area_gets_the_nearest_pixels(realdata):
    """By the formula of the projection: x = R lon cos(lat), y = R lat."""
    own = opened(realdata / A1)
    west, south, step = 9.9, 46.0, 0.004
    grid = GeoBox((20, 25), Affine(step, 0, west, 0, -step, south + 20 * step), "EPSG:4326")
    scene = opened(realdata / A1, area=grid)
    assert same_grid(geobox_of(scene), grid)
    red = scene["red"].to_numpy()
    box, source = geobox_of(own), own["red"].to_numpy()
    for i, j in ((0, 0), (7, 19), (19, 24)):
        lon, lat = west + (j + 0.5) * step, south + (20 - i - 0.5) * step
        # The sphere takes the latitude of the ellipsoid as it is.
        x, y = RADIUS * math.radians(lon) * math.cos(math.radians(lat)), RADIUS * math.radians(lat)
        row, column = int((box.affine.f - y) // PIXEL), int((x - box.affine.c) // PIXEL)
        assert red[i, j] == source[row, column]
    assert np.isfinite(scene["view_zenith"].to_numpy()).all()

    beyond = GeoBox((40, 200), Affine(0.01, 0, 9.0, 0, -0.01, 46.2), "EPSG:4326")
    wide = opened(realdata / A1, area=beyond)
    assert 0 < np.isfinite(wide["red"].to_numpy()).mean() < 1
    assert wide["flags"].to_numpy()[0, 0] == Flag.NO_DATA


@pytest.mark.realdata
def test_what_does_not_fit(realdata):
    far = GeoBox((5, 5), Affine(0.1, 0, 131, 0, -0.1, 43), "EPSG:4326")
    with pytest.raises(GeometryError, match=r"spans longitude 9.*the area longitude"):
        opened(realdata / A1, area=far)
    with pytest.raises(UsageError, match="bring their own"):
        opened(realdata / A1, clouds_file="MOD35_L2.hdf")
    with pytest.raises(SourceError, match="MOD10A2"):
        opened(realdata / SNOW)
    with pytest.raises(SourceError, match="not a map of snow"):
        read_snow_reference(realdata / A1)


@pytest.mark.realdata
def test_snow_maps_know_the_ice_of_lakes(realdata):
    reference = read_snow_reference(realdata / SNOW)
    raw, labels = numbers(realdata / SNOW, "Maximum_Snow_Extent"), reference.labels.to_numpy()
    for code, label in ((100, ICE), (37, WATER), (50, CLOUD), (25, LAND), (200, LAND)):
        assert (labels[raw == code] == label).all()
    assert (labels == ICE).sum() == 2802
    box = geobox_of(reference.labels)
    assert (box.affine.c, box.affine.f) == pytest.approx((-10_007_554.677, 4_447_802.079))


@pytest.fixture(scope="module")
def cloud_file(tmp_path_factory):
    flight = Pass("terra", "2021-02-18T02:25", (131.9, 42.8), scans=1)
    lon, lat = flight.positions(1000)
    clear = np.full(lon.shape, 3, "uint8")
    clear[3, 7], clear[4, 7], clear[5, 7] = 0, 1, 255
    path = tmp_path_factory.mktemp("clouds") / granule_name("35_L2", flight.time, "terra")
    sea = np.full(lon.shape, 7, "uint8")
    return write_cloud_mask(
        path, satellite="terra", time=flight.time, lon=lon, lat=lat, clear=clear, land_sea=sea
    )


def test_the_cloud_mask_lies_on_the_samples_of_the_granule(cloud_file):
    facts = granule_facts(cloud_file)
    cloud = read_cloud_mask(cloud_file, facts, (20, 2708))
    assert cloud.shape == (20, 2708)
    # Only certain cloud counts: line 3, frame 7, that is lines 6 and 7, samples 14 and 15.
    assert np.argwhere(cloud).tolist() == [[6, 14], [6, 15], [7, 14], [7, 15]]


def test_a_cloud_mask_of_another_granule_is_refused(cloud_file):
    import dataclasses

    facts = granule_facts(cloud_file)
    later = dataclasses.replace(facts, time="2021-02-18T02:30")
    with pytest.raises(SourceError, match="at 2021-02-18T02:25, and the granule is of"):
        read_cloud_mask(cloud_file, later, (20, 2708))
    with pytest.raises(SourceError, match="10 lines"):
        read_cloud_mask(cloud_file, facts, (40, 2708))
