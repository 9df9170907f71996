"""Where the sun and the satellite stand, seen from places on the ground."""

import datetime as dt
import math
from typing import Final

import numpy as np
import numpy.typing as npt

from obriy.errors import UsageError
from obriy.simulate.fields import Float32, stream
from obriy.simulate.ice.frame import facts
from obriy.simulate.orbit import Satellite

EARTH_KM: Final = 6371.0
FloatArray = npt.NDArray[np.float64]


def moment(time: str) -> dt.datetime:
    """Return a time, UTC.

    Raises:
        UsageError: what is not ISO 8601.
    """
    try:
        return dt.datetime.fromisoformat(time).replace(tzinfo=None)
    except ValueError as error:
        raise UsageError(
            f"'{time}' is no time.", "Write year-month-dayThour:minute, e.g. 2021-01-31T04:10."
        ) from error


def sun_angles(time: str, lon: FloatArray, lat: FloatArray) -> tuple[Float32, Float32]:
    """Return zenith angle and azimuth of the sun, degrees, to about half a degree.

    Args:
        time: ISO 8601, UTC.
        lon: Longitude, degrees.
        lat: Latitude, degrees.
    """
    when = moment(time)
    day = when.timetuple().tm_yday
    turn = 2 * math.pi * (day - 81) / 365
    tilt = math.radians(23.44) * math.sin(turn)
    # Equation of time, minutes: the usual three terms.
    minutes = 9.87 * math.sin(2 * turn) - 7.53 * math.cos(turn) - 1.5 * math.sin(turn)
    hours = when.hour + (when.minute + minutes) / 60 - 12
    hour, north = np.radians(15 * hours + lon), np.radians(lat)
    up = np.sin(north) * math.sin(tilt) + np.cos(north) * math.cos(tilt) * np.cos(hour)
    to_east = -math.cos(tilt) * np.sin(hour)
    to_north = np.cos(north) * math.sin(tilt) - np.sin(north) * math.cos(tilt) * np.cos(hour)
    azimuth = np.degrees(np.arctan2(to_east, to_north)) % 360
    return np.degrees(np.arccos(up)).astype("float32"), azimuth.astype("float32")


def view_angles(
    seed: int, time: str, satellite: Satellite, lon: FloatArray, lat: FloatArray
) -> tuple[Float32, Float32]:
    """Return zenith angle and azimuth of the satellite, whose track the seed and time choose."""
    table = facts("sensor")
    far = float(table["track_km"])
    track = stream(seed, "track", time, satellite).uniform(-far, far)
    heading = math.radians(table["heading"][satellite])
    middle = float(np.mean(lon)), float(np.mean(lat))
    east = np.radians(lon - middle[0]) * math.cos(math.radians(middle[1])) * EARTH_KM
    north = np.radians(lat - middle[1]) * EARTH_KM
    across = track + east * math.cos(heading) - north * math.sin(heading)
    arc = np.abs(across) / EARTH_KM
    low = EARTH_KM / (EARTH_KM + float(table["altitude_km"]))
    zenith = np.degrees(np.arctan2(np.sin(arc), np.cos(arc) - low))
    return zenith.astype("float32"), _towards_track(across, heading)


def azimuth_of_view(satellite: Satellite, lon: FloatArray, view_zenith: Float32) -> Float32:
    """Return the azimuth of the satellite over a swath of which only zenith angles are known.

    The track runs where the zenith angle is least; the satellite is on that side.
    """
    heading = math.radians(facts("sensor")["heading"][satellite])
    track = float(np.asarray(lon)[np.unravel_index(np.argmin(view_zenith), lon.shape)])
    return _towards_track((lon - track) * math.copysign(1.0, math.cos(heading)), heading)


def _towards_track(across: FloatArray, heading: float) -> Float32:
    """Return the azimuth to the track from places right (positive) or left of it."""
    side = np.where(across > 0, -90.0, 90.0)
    return np.asarray((math.degrees(heading) + side) % 360, "float32")
