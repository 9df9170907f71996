"""Robust scaling: features of different units and spreads made comparable."""

import dataclasses
from typing import Final

import numpy as np

from obriy.blocks.base import FloatArray

NORMAL_IQR: Final = 1.349
"""Interquartile range of a normal distribution in standard deviations."""
MOST_DEVIATIONS: Final = 8.0
"""Beyond so many (robust) standard deviations values are all the same: outliers."""
LEAST_WIDTH: Final = 1e-4
"""A feature that varies less, in its own unit, is constant: rounding, not a difference."""


@dataclasses.dataclass(frozen=True)
class Scale:
    """Takes the middle off each feature and divides it by its spread.

    Attributes:
        centre: (features,) float32 medians.
        width: (features,) float32 spreads; above 0.
    """

    centre: FloatArray
    width: FloatArray

    def apply(self, values: FloatArray) -> FloatArray:
        """Scale values.

        Args:
            values: (features, n) float32.

        Returns:
            (features, n) float32 within ±`MOST_DEVIATIONS`.
        """
        scaled = (values - self.centre[:, None]) / self.width[:, None]
        return np.clip(scaled, -MOST_DEVIATIONS, MOST_DEVIATIONS, out=scaled)


def fit_scale(values: FloatArray) -> Scale:
    """Return the scale of a sample: median and interquartile range.

    Where the quartiles are the same but not all values are (a feature that is 0 nearly
    everywhere), the spread is the standard deviation; a constant feature has the spread 1 and is
    0 after scaling.

    Args:
        values: (n, features) float32; no NaN.
    """
    low, centre, high = np.percentile(values, [25, 50, 75], axis=0)
    width = (high - low) / NORMAL_IQR
    deviation = values.std(axis=0, dtype=np.float64)
    width = np.where(width > LEAST_WIDTH, width, deviation)
    width = np.where(width > LEAST_WIDTH, width, 1.0)
    return Scale(centre.astype(np.float32), width.astype(np.float32))
