"""Where the sun stands.

The low-precision almanac of the Astronomical Almanac as in Michalsky, J. J. (1988), Solar Energy
40(3), 227-235: 0.01 degrees between 1950 and 2050, without refraction.
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]

J2000: Final = np.datetime64("2000-01-01T12:00:00", "ms")
_DAY_MS: Final = 86_400_000.0
SENTINEL_2_H: Final = 10.5
LANDSAT_H: Final = 10.1
"""Mean solar time at which they cross the equator by day, hours."""
INCLINATION: Final = math.radians(98.4)
"""Of the orbit: of Sentinel-2 98.6, of Landsat 98.2."""


def sun_direction(time: npt.NDArray[np.datetime64], lon: F64, lat: F64) -> tuple[F64, F64, F64]:
    """Return the unit vector to the sun: east, north, up.

    Args:
        time: UTC; broadcasts against the places.
        lon: Degrees, east positive.
        lat: Degrees.

    Returns:
        Each -1 to 1; NaN where a place is missing.
    """
    days = (time - J2000).astype("timedelta64[ms]").astype("float64") / _DAY_MS
    mean_lon = np.radians((280.460 + 0.9856474 * days) % 360)
    anomaly = np.radians((357.528 + 0.9856003 * days) % 360)
    ecliptic = mean_lon + np.radians(1.915 * np.sin(anomaly) + 0.020 * np.sin(2 * anomaly))
    obliquity = np.radians(23.439 - 0.0000004 * days)
    ascension = np.arctan2(np.cos(obliquity) * np.sin(ecliptic), np.cos(ecliptic))
    tilt = np.arcsin(np.sin(obliquity) * np.sin(ecliptic))
    # Greenwich mean sidereal time grows by 24.06570982441908 hours in a day (USNO).
    sidereal = np.radians(15 * ((18.697374558 + 24.06570982441908 * days) % 24))
    hour_angle = sidereal + np.radians(lon) - ascension
    phi = np.radians(lat)
    east = -np.cos(tilt) * np.sin(hour_angle)
    north = np.cos(phi) * np.sin(tilt) - np.sin(phi) * np.cos(tilt) * np.cos(hour_angle)
    up = np.sin(phi) * np.sin(tilt) + np.cos(phi) * np.cos(tilt) * np.cos(hour_angle)
    return east, north, up


def sun_at_overpass(
    day: str, lon: float, lat: float, hour: float = SENTINEL_2_H
) -> tuple[float, float]:
    """Return elevation and azimuth (from north, clockwise) of the sun over an image, degrees.

    Of the time of day nothing is asked: Sentinel-2 and Landsat fly by in the morning, southwards,
    so that the solar time follows from the latitude.

    Args:
        day: Date, ISO 8601.
        lon: Degrees, east positive.
        lat: Degrees.
        hour: Mean solar time at the equator.
    """
    along = -math.tan(math.radians(min(max(lat, -80.0), 80.0))) / math.tan(INCLINATION)
    local = hour + math.degrees(math.asin(min(max(along, -1.0), 1.0))) / 15
    minutes = round((local - lon / 15) * 60)
    time = np.array(np.datetime64(day[:10], "ms") + np.timedelta64(minutes, "m"))
    east, north, up = (float(v) for v in sun_direction(time, np.array(lon), np.array(lat)))
    return math.degrees(math.asin(up)), math.degrees(math.atan2(east, north)) % 360
