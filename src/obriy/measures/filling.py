"""What other dates tell of the pixels that one date did not see.

Pixels are told apart by their occurrence: in how many of their observations on the *other* dates
they were wet. What this date shows where it saw pixels of an occurrence is what is expected where
it did not: on a day of low water the pixels that are wet half of the time are dry, and the curve
says so. It is Zhao & Gao's (2018, doi:10.1029/2018GL078343) use of occurrence for reservoirs under
cloud, with a curve for their single cut.
"""

import dataclasses
from typing import Final

import numpy as np
import numpy.typing as npt
import xarray as xr

from obriy.blocks.windows import windows
from obriy.measures.occurrence import NEVER_SEEN, is_named, observations, read_window
from obriy.measures.tally import ByteArray, FloatArray, Mask
from obriy.model.classmap import ClassMap

BINS: Final = 20
"""Steps of occurrence from 0 to 1."""
PRIOR: Final = 200.0
"""Pixels that the plain occurrence weighs in a bin, beside those that this date saw."""


@dataclasses.dataclass(frozen=True)
class Filling:
    """What to expect of one date, by what the others saw; see `obriy.measures.tally.Others`.

    Attributes:
        occurrence: (y, x) uint8 per cent of the observations of the series, 255 never seen.
        counts: (y, x) uint8, number of those observations.
        code: Code of the class.
        curve: (21,) share of the class on this date by occurrence on the others, 0 to 1.
    """

    occurrence: xr.DataArray
    counts: xr.DataArray
    code: int
    curve: FloatArray

    def expected(self, rows: slice, columns: slice, labels: ByteArray) -> FloatArray:
        """Return the share of the class to expect, 0 to 1, NaN where no other date saw."""
        places = _bins(
            self.occurrence, self.counts, is_named(labels), labels == self.code, (rows, columns)
        )
        return np.where(places < 0, np.nan, self.curve[np.maximum(places, 0)])


def learn_filling(
    class_map: ClassMap,
    occurrence: xr.DataArray,
    counts: xr.DataArray,
    *,
    class_name: str = "water",
) -> Filling:
    """Learn from what a date saw what to expect where it did not.

    A date of which nothing tells where its clouds are is no witness: what it calls land may be one.
    There the plain occurrence on the other dates is what is expected.

    Args:
        class_map: The map of the date; it is one of the series.
        occurrence: (y, x) uint8 of `obriy.measures.occurrence`, of the whole series.
        counts: (y, x) uint8 number of observations, likewise.
        class_name: Class of the legend.
    """
    from scipy.optimize import isotonic_regression

    plain = np.arange(BINS + 1) / BINS
    code = class_map.legend.by_name(class_name).code
    if class_map.clouds == "unknown":
        return Filling(occurrence, counts, code, plain)
    count, total = np.zeros(BINS + 1), np.zeros(BINS + 1)
    for rows, columns in windows(class_map.labels.shape):
        (here,) = observations([class_map], rows, columns, class_name=class_name, share=True)
        places = _bins(occurrence, counts, here.named, here.wet, (rows, columns))
        use = (places >= 0) & here.named
        count += np.bincount(places[use], minlength=BINS + 1)
        total += np.bincount(places[use], here.share[use], minlength=BINS + 1)
    curve = (total + PRIOR * plain) / (count + PRIOR)
    # What is wet more often on other dates is not wet less often on this one; bins that this date
    # did not see give way to those that it saw.
    rising = isotonic_regression(curve, weights=np.where(count > 0, count + PRIOR, 1e-3)).x
    return Filling(occurrence, counts, code, rising)


def _bins(
    occurrence: xr.DataArray,
    counts: xr.DataArray,
    named: Mask,
    wet: Mask,
    window: tuple[slice, slice],
) -> npt.NDArray[np.int64]:
    """Return the bin of each pixel's occurrence on the other dates; -1 where no other date saw.

    ``named`` and ``wet`` are what this date saw: it is taken out of the occurrence.
    """
    percent = read_window(occurrence, *window).astype("float64")
    valid = read_window(counts, *window).astype("int64")
    all_wet = np.where(percent == NEVER_SEEN, 0.0, np.rint(percent * valid / 100))
    others = valid - named
    other_wet = np.clip(all_wet - wet, 0, others)
    found = np.rint(BINS * other_wet / np.maximum(others, 1)).astype("int64")
    return np.where(others > 0, found, -1)
