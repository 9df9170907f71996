"""Nearest samples of a swath, and how far a sample reaches."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obriy.errors import MissingExtraError
from obriy.installation import install_hint
from obriy.sources.modis.geolocation import view_angles
from obriy.tables import load_toml

DoubleArray = npt.NDArray[np.float64]

REACH: Final = 0.75
"""A sample reaches this part of its footprint's diagonal: half would tile a plane, the rest covers
mountains, which move samples against each other."""


def footprint_m(frames: slice) -> tuple[DoubleArray, DoubleArray]:
    """Return the size of samples of 500 m along the scan and along the track, metres, by frame.

    They grow with the view angle, on a round Earth, from 500 m at nadir to 2.4 x 1.0 km at the
    ends of a scan (MODIS Level 1A Earth Location ATBD 3.0, section 2).
    """
    orbit = load_toml("modis")["orbit"]
    from_nadir, zenith = view_angles(frames)
    slant = orbit["radius_km"] * np.sin(zenith - from_nadir) / np.sin(from_nadir)
    track = 500 * slant / orbit["height_km"]
    return track / np.cos(zenith), track


def reaches_m(frames: slice) -> DoubleArray:
    """Return how far samples of 500 m reach, metres, by sample."""
    reach: DoubleArray = REACH * np.hypot(*footprint_m(frames))
    return np.repeat(reach, 2)


def nearest_samples(
    lon: npt.NDArray[Any],
    lat: npt.NDArray[Any],
    target_lon: DoubleArray,
    target_lat: DoubleArray,
    reach: DoubleArray,
) -> npt.NDArray[np.int64] | None:
    """Return the flat index of the nearest sample of each target, -1 where none reaches it.

    Args:
        lon: (lines, samples) degrees; NaN missing.
        lat: The same.
        target_lon: Any shape, degrees; NaN: nowhere.
        target_lat: The same.
        reach: (samples,) metres.

    Returns:
        int64, flat; None where nothing is near anything.
    """
    try:
        from pyresample.geometry import SwathDefinition
        from pyresample.kd_tree import get_neighbour_info
    except ImportError as error:
        raise MissingExtraError(
            "A granule is laid on a grid by pyresample.", f"Run: {install_hint('modis')}"
        ) from error
    valid_in, valid_out, index, distance = get_neighbour_info(
        SwathDefinition(lon.astype("float64"), lat.astype("float64")),
        SwathDefinition(target_lon, target_lat),
        radius_of_influence=float(reach.max()),
        neighbours=1,
        reduce_data=False,
    )
    source = np.flatnonzero(valid_in)
    found = np.isfinite(distance) & (index < len(source))
    if not found.any():
        return None
    sample = source[index[found]]
    sample = np.where(distance[found] <= reach[sample % lon.shape[1]], sample, -1)
    nearest = np.full(target_lon.size, -1, "int64")
    nearest[np.flatnonzero(valid_out)[found]] = sample
    return nearest
