"""Many thresholds of one quantity, evenly apart, and what lies between them."""

import dataclasses
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obriy.model.legend import NO_DATA

STEPS: Final = 200
"""From the lowest threshold to the highest: 0.01 apart for a normalized difference."""

FloatArray = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Ladder:
    """Thresholds from one end of the range of an index to the other.

    Attributes:
        low: Lowest threshold.
        high: Highest threshold.
        above: Whether water lies above a threshold; False: below.
    """

    low: float
    high: float
    above: bool = True

    @property
    def thresholds(self) -> FloatArray:
        """(n,) thresholds, ascending."""
        return np.linspace(self.low, self.high, STEPS + 1).round(9)

    def steps(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
        """Return between which thresholds values lie: how many are below, plus 1; 0 of NaN.

        A value that equals a threshold is no water there, as where one threshold cuts; both are
        compared as float32, as there.
        """
        rungs = self.thresholds.astype("float32")
        found = np.searchsorted(rungs, values, side="left" if self.above else "right")
        steps = (found + 1).astype("uint8")
        steps[np.isnan(values)] = NO_DATA
        return steps

    def water(self, by_step: npt.NDArray[Any]) -> FloatArray:
        """Return (..., n), what is water at each threshold.

        Args:
            by_step: (..., 256) areas or counts by step.
        """
        steps = np.asarray(by_step, "float64")[..., 1 : STEPS + 3]
        below: FloatArray = np.cumsum(steps, axis=-1)[..., : STEPS + 1]
        return steps.sum(axis=-1, keepdims=True) - below if self.above else below

    def around(self, column: FloatArray, spread: float) -> tuple[FloatArray, FloatArray]:
        """Return the least and the most of a rising or falling column within a spread.

        Args:
            column: (n,) in the order of the thresholds.
            spread: Thresholds so far apart are as good as each other.
        """
        rungs = self.thresholds
        ends = [np.interp(rungs + side, rungs, column) for side in (-spread, spread)]
        return np.minimum(*ends), np.maximum(*ends)

    def at(self, threshold: float, column: FloatArray) -> float | None:
        """Return a column at any threshold, between two rungs by proportion; None where NaN."""
        value = float(np.interp(threshold, self.thresholds, column))
        return value if np.isfinite(value) else None
