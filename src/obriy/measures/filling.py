"""What other dates tell of the pixels that one date did not see.

Pixels are told apart by their occurrence: in how many of their observations on the *other* dates
they were wet. What this date shows where it saw pixels of an occurrence is what is expected where
it did not: on a day of low water the pixels that are wet half of the time are dry, and the curve
says so. It is Zhao & Gao's (2018, doi:10.1029/2018GL078343) use of occurrence for reservoirs under
cloud, with a curve for their single cut.

Occurrence forgets which dates saw a pixel: wet whenever it was seen means little where only the
day of highest water saw it. So the nearest dates are heard one by one, as `witnesses` says, and the
curve is what is expected where they say little.
"""

import dataclasses
from collections.abc import Sequence
from typing import Final

import numpy as np
import xarray as xr

from obriy.blocks.windows import windows
from obriy.measures.occurrence import is_named, observations, read_window
from obriy.measures.tally import ByteArray, FloatArray, Mask
from obriy.measures.witnesses import BINS, NOBODY, Others, Witnesses, count, hear
from obriy.model.classmap import ClassMap

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
        witnesses: What the nearest dates say, one by one.
    """

    occurrence: xr.DataArray
    counts: xr.DataArray
    code: int
    curve: FloatArray
    witnesses: Witnesses = NOBODY

    def expected(self, rows: slice, columns: slice, labels: ByteArray) -> FloatArray:
        """Return the share of the class to expect, 0 to 1, NaN where no other date saw."""
        others = _others(self, is_named(labels), labels == self.code, (rows, columns))
        # Where none saw a pixel its bin is -1, the last: there nothing is known before, or after.
        before = np.append(self.curve, np.nan)[others.bins]
        return self.witnesses.expected(rows, columns, others, before)


def learn_filling(
    class_map: ClassMap,
    occurrence: xr.DataArray,
    counts: xr.DataArray,
    *,
    maps: Sequence[ClassMap] = (),
    class_name: str = "water",
) -> Filling:
    """Learn from what a date saw what to expect where it did not.

    A date of which nothing tells where its clouds are is no witness: what it calls land may be one.
    There the plain occurrence on the other dates is what is expected.

    Args:
        class_map: The map of the date; it is one of the series.
        occurrence: (y, x) uint8 of `obriy.measures.occurrence`, of the whole series.
        counts: (y, x) uint8 number of observations, likewise.
        maps: The series; those nearest to the date are heard one by one.
        class_name: Class of the legend.
    """
    from scipy.optimize import isotonic_regression

    plain = np.arange(BINS + 1) / BINS
    code = class_map.legend.by_name(class_name).code
    first = Filling(occurrence, counts, code, plain)
    if class_map.clouds == "unknown":
        return first
    learner = hear(class_map, maps, class_name)
    pixels, total = np.zeros(BINS + 1), np.zeros(BINS + 1)
    for rows, columns in windows(class_map.labels.shape):
        (here,) = observations([class_map], rows, columns, class_name=class_name, share=True)
        others = _others(first, here.named, here.wet, (rows, columns))
        use = (others.bins >= 0) & here.named
        count(others.bins, use, here.share, pixels, total)
        learner.learn(rows, columns, others, use, here.share)
    curve = (total + PRIOR * plain) / (pixels + PRIOR)
    # What is wet more often on other dates is not wet less often on this one; bins that this date
    # did not see give way to those that it saw.
    rising = isotonic_regression(curve, weights=np.where(pixels > 0, pixels + PRIOR, 1e-3)).x
    return dataclasses.replace(first, curve=rising, witnesses=learner.learnt())


def _others(told: Filling, named: Mask, wet: Mask, window: tuple[slice, slice]) -> Others:
    """Return what the other dates saw; ``named`` and ``wet`` are what this one did."""
    percent, valid = (read_window(layer, *window) for layer in (told.occurrence, told.counts))
    return Others.of(percent, valid, named, wet)
