"""Where the sun stands, for granules that come without angles."""

import numpy as np
import numpy.typing as npt

from obriy.indices.sun import sun_direction


def cos_sun_zenith(
    time: npt.NDArray[np.datetime64], lon: npt.NDArray[np.float64], lat: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the cosine of the sun's zenith angle, without refraction.

    Args:
        time: UTC; broadcasts against the places.
        lon: Degrees, east positive.
        lat: Degrees.

    Returns:
        -1 to 1; NaN where a place is missing.
    """
    return sun_direction(time, lon, lat)[2]
