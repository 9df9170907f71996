"""Where the sun stands, for granules that come without angles."""

from typing import Final

import numpy as np
import numpy.typing as npt

J2000: Final = np.datetime64("2000-01-01T12:00:00", "ms")
_DAY_MS: Final = 86_400_000.0


def cos_sun_zenith(
    time: npt.NDArray[np.datetime64], lon: npt.NDArray[np.float64], lat: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the cosine of the sun's zenith angle, without refraction.

    The low-precision almanac of the Astronomical Almanac as in Michalsky, J. J. (1988), Solar
    Energy 40(3), 227-235: 0.01 degrees between 1950 and 2050.

    Args:
        time: UTC; broadcasts against the places.
        lon: Degrees, east positive.
        lat: Degrees.

    Returns:
        -1 to 1; NaN where a place is missing.
    """
    days = (time - J2000).astype("timedelta64[ms]").astype("float64") / _DAY_MS
    mean_lon = np.radians((280.460 + 0.9856474 * days) % 360)
    anomaly = np.radians((357.528 + 0.9856003 * days) % 360)
    ecliptic = mean_lon + np.radians(1.915 * np.sin(anomaly) + 0.020 * np.sin(2 * anomaly))
    obliquity = np.radians(23.439 - 0.0000004 * days)
    ascension = np.arctan2(np.cos(obliquity) * np.sin(ecliptic), np.cos(ecliptic))
    declination = np.arcsin(np.sin(obliquity) * np.sin(ecliptic))
    # Greenwich mean sidereal time grows by 24.06570982441908 hours in a day (USNO).
    sidereal = np.radians(15 * ((18.697374558 + 24.06570982441908 * days) % 24))
    hour_angle = sidereal + np.radians(lon) - ascension
    cosine: npt.NDArray[np.float64] = np.sin(np.radians(lat)) * np.sin(declination) + np.cos(
        np.radians(lat)
    ) * np.cos(declination) * np.cos(hour_angle)
    return cosine
