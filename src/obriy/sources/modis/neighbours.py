"""Nearest samples of a swath."""

from typing import Any

import numpy as np
import numpy.typing as npt

from obriy.errors import MissingExtraError
from obriy.installation import install_hint

DoubleArray = npt.NDArray[np.float64]


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
