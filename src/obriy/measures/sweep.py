"""The area of water at each of many thresholds, in one reading."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import xarray as xr

from obriy.measures.areas import FloatArray, add_up
from obriy.measures.totals import with_union
from obriy.model.areas import District
from obriy.model.classmap import ClassMap
from obriy.model.ladder import Ladder
from obriy.model.legend import load_legend

_KM2: Final = 1e6


def sweep_area(
    steps: xr.DataArray,
    ladder: Ladder,
    districts: Sequence[District] = (),
    pixel_size_m: float | None = None,
) -> FloatArray:
    """Measure the area of water seen at each threshold, km², inside all districts together.

    Args:
        steps: (y, x) uint8 of `Ladder.steps`; in memory or lazy.
        ladder: The thresholds.
        districts: Where; none: the whole image.
        pixel_size_m: Side of a pixel in metres, for an image with no CRS.

    Returns:
        (n,) in the order of the thresholds.
    """
    places = with_union(districts)
    as_map = ClassMap(steps, load_legend("water"))
    tallies = add_up(as_map, "water", places, pixel_size_m=pixel_size_m)
    # Of districts that overlap the union stands last; others add up.
    united = tallies[len(districts) :] or tallies
    by_step = np.sum([tally.by_code for tally in united], axis=0)
    return ladder.water(by_step) / _KM2
