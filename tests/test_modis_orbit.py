"""The orbit model against pen and paper and the published geometry of MODIS."""

import datetime as dt

import numpy as np
import pytest
from pyproj import Geod, Transformer

from obriy.errors import UsageError
from obriy.simulate.orbit import FRAMES, Pass, _azimuth, _sun_direction, _zenith

GEOD = Geod(ellps="WGS84")
BAY = (131.9, 42.8)
MORNING = "2021-02-18T02:25"


def km(lon1, lat1, lon2, lat2):
    return GEOD.inv(lon1, lat1, lon2, lat2)[2] / 1000


@pytest.fixture(scope="module")
def terra():
    return Pass("terra", MORNING, BAY, scans=5)


@pytest.fixture(scope="module")
def positions(terra):
    return terra.positions(1000)


def test_shapes_and_the_place_in_the_middle(terra, positions):
    lon, lat = positions
    assert lon.shape == lat.shape == (50, FRAMES)
    # The middle lies between lines 24 and 25, frames 676 and 677.
    assert lon[24:26, 676:678].mean() == pytest.approx(BAY[0], abs=1e-4)
    assert lat[24:26, 676:678].mean() == pytest.approx(BAY[1], abs=1e-4)
    assert terra.positions(500)[0].shape == (100, 2 * FRAMES)


@pytest.fixture(scope="module")
def equator():
    """There the orbit is 705 km high; at 43 N the ellipsoid lies 10 km lower."""
    return Pass("terra", MORNING, (131.9, 0.0), scans=5).positions(1000)


def test_the_swath_is_2330_km_wide(equator):
    lon, lat = equator
    # Nishihama et al. 1997: 2330 km; 2 x 10.46 degrees of a great circle is 2329 km.
    assert km(lon[24, 0], lat[24, 0], lon[24, -1], lat[24, -1]) == pytest.approx(2329, abs=6)


def test_pixels_grow_to_two_by_nearly_five_km(equator):
    lon, lat = equator
    along = [km(lon[24, f], lat[24, f], lon[25, f], lat[25, f]) for f in (0, 677, FRAMES - 1)]
    across = [km(lon[24, f], lat[24, f], lon[24, f + 1], lat[24, f + 1]) for f in (0, 677, 1352)]
    # The table of the ATBD: 1 x 1 km at nadir, 2.0 along and 4.8 across the track at 55 degrees.
    assert along == pytest.approx([2.01, 1.0, 2.01], abs=0.02)
    assert across == pytest.approx([4.82, 1.0, 4.82], abs=0.05)


def test_scans_follow_at_10_km_and_overlap_at_the_edge(positions):
    lon, lat = positions
    steps = [km(lon[4, f], lat[4, f], lon[14, f], lat[14, f]) for f in (0, 677)]
    # 6.76 km/s times 1.4771 s is 9.98 km, less what the Earth turns under the track.
    assert steps[1] == pytest.approx(10.0, abs=0.15)
    width = km(lon[0, 0], lat[0, 0], lon[9, 0], lat[9, 0]) / 0.9
    assert width / steps[0] == pytest.approx(2.0, abs=0.15)
    # Bow-tie: the last line of a scan lies beyond the first one of the next at the edge only.
    heading = lat[9, 0] - lat[0, 0]
    assert (lat[10, 0] - lat[9, 0]) * heading < 0
    assert (lat[10, 677] - lat[9, 677]) * heading > 0


def test_ground_speed(terra):
    lon, lat = Pass("aqua", MORNING, BAY, scans=101).positions(1000)
    speed = km(lon[4, 677], lat[4, 677], lon[1004, 677], lat[1004, 677]) / (100 * 1.4771)
    # Radius 6378 km times 2 pi in 5933 s: 6.755 km/s against the stars. Retrograde, the track
    # meets a ground that moves against it by 0.34 km/s (465 m/s at 43 N) mostly sideways.
    assert speed == pytest.approx(6.76, abs=0.06)


def test_terra_goes_south_and_looks_from_west_to_east_and_aqua_the_other_way(positions):
    lon, lat = positions
    assert lat[40, 677] < lat[0, 677]
    assert lon[24, 0] < lon[24, -1]
    lon, lat = Pass("aqua", MORNING, BAY, scans=5).positions(1000)
    assert lat[40, 677] > lat[0, 677]
    assert lon[24, 0] > lon[24, -1]


def test_500_m_lines_lie_between_the_1_km_lines(terra, positions):
    """Line 2k + 0.5 is 1 km line k: the mean of 500 m lines 2k and 2k + 1; sample 2f is frame f."""
    lon, lat = terra.positions(500)
    for whole, half in zip(positions, (lon, lat), strict=True):
        between = (half[0::2, 0::2] + half[1::2, 0::2]) / 2
        np.testing.assert_allclose(between, whole, atol=2e-6)


def test_view_zenith_of_a_sphere(terra):
    angles = terra.angles(1000)
    np.testing.assert_array_equal(terra.view_zenith(1000), angles.view_zenith)
    np.testing.assert_array_equal(terra.sun_zenith(1000), angles.sun_zenith)
    # sin z = (R + h)/R sin 55: 65.5 degrees on the equator's sphere, a little more at 43 N.
    assert angles.view_zenith[24, 0] == pytest.approx(65.6, abs=0.4)
    assert angles.view_zenith[24, 676:678].max() < 0.1
    # From the west the satellite stands in the east, and the other way round.
    assert 60 < angles.view_azimuth[24, 0] < 120
    assert -120 < angles.view_azimuth[24, -1] < -60


def test_the_sun_of_a_published_example():
    """Reda and Andreas 2008, NREL/TP-560-34302, table A5.1: azimuth 194.34024, zenith 50.11162.

    Our formulas promise 0.01 degrees; refraction (0.015 degrees there) is left out.
    """
    start = dt.datetime(2003, 10, 17, 19, 30, 30, tzinfo=dt.UTC)
    sun = _sun_direction(start, np.zeros((1, 1)))
    to_geocentric = Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
    place = np.array([[to_geocentric.transform(-105.1786, 39.742476, 0)]])
    zenith, azimuth = (float(angle(place, sun)[0, 0]) for angle in (_zenith, _azimuth))
    assert zenith == pytest.approx(50.11162 + 0.0163, abs=0.015)
    assert azimuth % 360 == pytest.approx(194.34024, abs=0.02)


def test_a_place_away_from_the_track_and_one_near_the_pole():
    far = Pass("aqua", "2021-02-18T04:05", BAY, offset_km=1000, scans=3)
    lon, lat = far.positions(1000)
    gap = km(lon, lat, np.full_like(lon, BAY[0]), np.full_like(lat, BAY[1]))
    line, frame = np.unravel_index(gap.argmin(), gap.shape)
    assert gap.min() < 2.5
    assert line in (14, 15)
    assert km(lon[line, 676], lat[line, 676], *BAY) == pytest.approx(1000, abs=4)
    # Positive lies to the left of the flight: west of Aqua's track, in the later frames.
    assert frame > 1100
    assert lon[line, 676] > BAY[0]

    pole = Pass("terra", "2020-06-01T12:00", (10.0, 81.7), scans=41)
    lon, lat = pole.positions(1000)
    assert lat.max() > 89.8  # the swath covers the pole
    assert np.isfinite(lon).all()


def test_across_the_date_line():
    lon, _ = Pass("terra", "2021-03-14T23:00", (179.9, 68.0), scans=3).positions(1000)
    assert lon.min() < -170
    assert lon.max() > 170
    assert np.abs(lon).max() <= 180


def test_passes_that_do_not_exist():
    with pytest.raises(UsageError, match="reaches latitudes"):
        Pass("terra", MORNING, (0.0, 85.0))
    with pytest.raises(UsageError, match="outside the swath"):
        Pass("terra", MORNING, BAY, offset_km=1300)
