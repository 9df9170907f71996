"""Positions and angles at 500 m against an orbit model that knows nothing of the reader."""

import functools

import numpy as np
import pytest
from tests.modis_files import write_hdf, write_hkm, write_mod03

from obriy.errors import SourceError
from obriy.simulate.orbit import Pass
from obriy.sources.modis.geolocation import Geolocation, halved, open_geolocation
from obriy.sources.modis.hdf4 import open_hdf4
from obriy.sources.modis.product import facts_of
from obriy.sources.modis.scanner import scanner_of
from obriy.sources.modis.sun import cos_sun_zenith

TENTH_PIXEL_M = 50.0
SCANS = 6
PASSES = {
    "bay": ("terra", (131.9, 42.8), 300.0),
    "bay at the edge of the swath": ("aqua", (131.9, 42.8), 1100.0),
    "date line": ("aqua", (180.0, 65.0), -200.0),
    "pole": ("terra", (10.0, 81.5), 0.0),
    "over the pole": ("aqua", (120.0, 89.5), -900.0),
    "south": ("terra", (-60.0, -70.0), 500.0),
}


@functools.cache
def orbit(name):
    satellite, over, offset = PASSES[name]
    return Pass(satellite, "2021-02-18T02:25", over, offset, SCANS)


def geolocation_of(lon, lat):
    """A geolocation of arrays, without a file."""
    return Geolocation(
        None, "2021-02-18T02:25", lon.astype("float32"), lat.astype("float32"), False,
        slice(0, len(lon) // 10), slice(0, lon.shape[1]),
    )  # fmt: skip


def distance_m(lon, lat, other_lon, other_lat):
    """Metres between places, along the chord."""
    ends = []
    for place in ((lon, lat), (other_lon, other_lat)):
        x, y = np.radians(place)
        ends.append(np.stack([np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)]))
    return np.linalg.norm(ends[0] - ends[1], axis=0) * 6_371_007


@pytest.mark.parametrize("name", PASSES)
def test_positions_are_those_of_the_orbit(name):
    where = geolocation_of(*orbit(name).positions(1000))
    lon, lat = where.positions(where.scans, where.frames)
    error = distance_m(lon, lat, *orbit(name).positions(500))
    assert error.shape == (20 * SCANS, 2708)
    assert np.median(error) < TENTH_PIXEL_M / 50  # measured: 0.3 m
    assert np.median(error[:, [0, -1]]) < TENTH_PIXEL_M
    assert error.max() < TENTH_PIXEL_M  # measured: 16 m, the last sample, extrapolated
    for line in (0, 9, 10, 19):  # edges of scans, extrapolated, and their middle
        assert np.median(error[line::20]) < TENTH_PIXEL_M / 50


@pytest.mark.parametrize("name", ["bay", "date line", "over the pole"])
def test_a_part_has_the_positions_of_the_whole(name):
    where = geolocation_of(*orbit(name).positions(1000))
    whole = where.positions(where.scans, where.frames)
    scans, frames = slice(2, 4), slice(300, 777)
    parts = where.positions(scans, frames), where.part(scans, frames).positions(scans, frames)
    for part in parts:
        for some, all_of_it in zip(part, whole, strict=True):
            np.testing.assert_array_equal(some, all_of_it[40:80, 600:1554])


def test_scans_know_nothing_of_each_other():
    lon, lat = orbit("bay").positions(1000)
    before = geolocation_of(lon, lat).positions(slice(0, SCANS), slice(0, 1354))
    lon, lat = lon.copy(), lat.copy()
    lat[20:30] += 5
    lon[20:30] = np.nan
    after = geolocation_of(lon, lat).positions(slice(0, SCANS), slice(0, 1354))
    others = np.r_[0:40, 60:120]
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one[others], other[others])
    assert np.isnan(after[0][40:60]).all()


def test_lines_and_samples_lie_where_the_specification_says():
    line, frame = np.meshgrid(np.arange(10.0), np.arange(4.0), indexing="ij")
    lines, samples = halved(line, 4), halved(frame, 4)
    np.testing.assert_allclose(lines[:, 0], np.arange(20) / 2 - 0.25)
    np.testing.assert_allclose(samples[0], np.arange(8) / 2)
    # With one frame more, the last sample is interpolated instead.
    np.testing.assert_allclose(halved(frame**2, 3)[0], [0, 0.5, 1, 2.5, 4, 6.5])


@pytest.mark.parametrize("name", ["bay", "pole", "south"])
def test_angles_without_mod03_are_near_those_of_the_orbit(name):
    where = geolocation_of(*orbit(name).positions(1000))
    angles = orbit(name).angles(500)
    sun = np.degrees(np.arccos(where.cos_sun_zenith(where.scans, where.frames)))
    view = np.degrees(np.arccos(where.cos_view_zenith(where.scans, where.frames)))
    assert np.abs(sun - angles.sun_zenith).max() < 0.01
    assert np.abs(view - angles.view_zenith).max() < 0.5


def test_the_sun_of_the_worked_example_of_spa():
    """Reda and Andreas 2003, NREL/TP-560-34302, appendix 5: 39.872046 degrees high."""
    time = np.datetime64("2003-10-17T19:30:30", "ms")
    zenith = np.degrees(np.arccos(cos_sun_zenith(time, -105.1786, 39.742476)))
    assert zenith == pytest.approx(90 - 39.872046, abs=0.01)


@pytest.mark.parametrize(
    ("time", "lon", "lat", "zenith"),
    [
        # The sun stands over the equator at the equinoxes and over the tropics at the solstices
        # (USNO: 2020-03-20 03:50, 2020-06-20 21:44, 2020-12-21 10:02 UTC).
        ("2020-03-20T03:50", 0.0, 90.0, 90.0),
        ("2020-06-20T21:44", 0.0, 90.0, 90 - 23.437),
        ("2020-12-21T10:02", 0.0, -90.0, 90 - 23.437),
    ],
)
def test_the_sun_at_the_turns_of_the_year(time, lon, lat, zenith):
    cosine = cos_sun_zenith(np.datetime64(time, "ms"), lon, lat)
    assert np.degrees(np.arccos(min(cosine, 1))) == pytest.approx(zenith, abs=0.1)


def test_footprints_grow_as_the_specification_says():
    """MODIS Level 1A Earth Location ATBD 3.0: 1 km pixels are 4.8 by 2.0 km at the ends."""
    scan, track = scanner_of("modis").footprint_m(slice(0, 1354))
    assert scan[[676, 677]] == pytest.approx([500, 500], rel=0.01)
    assert scan[[0, -1]] == pytest.approx([2415, 2415], rel=0.02)
    assert track[[0, -1]] == pytest.approx([1000, 1000], rel=0.02)


def pair(tmp_path, name="MOD03.A2021049.0225.061.2021049131500.hdf", **of_mod03):
    granule = write_hkm(tmp_path / "g.hdf", np.full((7, 40, 8), 9000, "uint16"))
    file = open_hdf4(granule)
    return file, facts_of(file), write_mod03(tmp_path / name, 20, 4, **of_mod03)


def test_mod03_beside_a_granule_is_found_by_its_time(tmp_path):
    file, facts, mod03 = pair(tmp_path)
    write_mod03(tmp_path / "MOD03.A2021049.0230.061.hdf", 20, 4, time="2021-02-18T02:30")
    write_mod03(tmp_path / "MYD03.A2021049.0225.061.hdf", 20, 4, product="MYD03")
    found = open_geolocation(file, facts, (40, 8), None)
    assert found.file.path == mod03
    assert found.has_angles
    sun = np.degrees(np.arccos(found.cos_sun_zenith(found.scans, found.frames)))
    np.testing.assert_allclose(sun, 60, atol=1e-6)


def test_without_mod03_the_granules_own_fields_serve(tmp_path):
    file, facts, mod03 = pair(tmp_path)
    mod03.unlink()
    found = open_geolocation(file, facts, (40, 8), None)
    assert found.file.path == file.path
    assert not found.has_angles


@pytest.mark.parametrize(
    ("of_mod03", "message"),
    [
        (
            {"time": "2021-02-18T02:30"},
            "another granule: of Terra, 2021-02-18T02:30, and the image",
        ),
        ({"product": "MYD03"}, "another granule: of Aqua"),
        ({"product": "MOD35_L2"}, "is MOD35_L2, which holds no geolocation"),
    ],
)
def test_mod03_of_another_granule_is_refused(tmp_path, of_mod03, message):
    file, facts, mod03 = pair(tmp_path, "other.hdf", **of_mod03)
    with pytest.raises(SourceError, match=message):
        open_geolocation(file, facts, (40, 8), mod03)


def test_mod03_of_another_size_is_refused(tmp_path):
    file, facts, _ = pair(tmp_path)
    other = write_mod03(tmp_path / "other.hdf", 30, 4)
    with pytest.raises(SourceError, match=r"\(30, 4\) lines and frames .* needs \(20, 4\)"):
        open_geolocation(file, facts, (40, 8), other)


def test_land_is_coast_and_inland_water_too_but_no_shallow_ocean(tmp_path):
    codes = np.repeat(np.arange(8, dtype="uint8"), 10).reshape(20, 4)
    codes[-1, -1] = 221
    file, facts, mod03 = pair(tmp_path, land=codes)
    found = open_geolocation(file, facts, (40, 8), mod03)
    land = found.land(found.scans, found.frames)
    assert land.shape == (40, 8)
    sea = np.isin(codes, [0, 6, 7, 221])
    np.testing.assert_array_equal(land[::2, ::2], ~sea)
    np.testing.assert_array_equal(land[1::2, 1::2], ~sea)


def test_what_is_no_place_on_earth_is_missing(tmp_path):
    lon, lat = (np.full((10, 4), v, "float32") for v in (132.0, 43.0))
    lon[2, 1], lat[3, 2] = -999.0, 95.0
    arrays = {"Longitude": lon, "Latitude": lat}
    granule = write_hkm(tmp_path / "g.hdf", np.full((7, 20, 8), 9000, "uint16"))
    file = open_hdf4(granule)
    path = write_hdf(
        tmp_path / "own.hdf", arrays, {"CoreMetadata.0": file.attributes["CoreMetadata.0"]}
    )
    found = open_geolocation(open_hdf4(path), facts_of(file), (20, 8), None)
    assert np.argwhere(np.isnan(found.lon)).tolist() == [[2, 1], [3, 2]]
    assert np.argwhere(np.isnan(found.lat)).tolist() == [[2, 1], [3, 2]]
