"""The one level of all intervals: of areas, of change, of scores."""

import math
from collections.abc import Mapping
from typing import Final

LEVEL: Final = 0.90
"""Share of the cases in which an interval is to hold the truth."""
EDGES: Final = (5.0, 95.0)
"""Ends of such an interval among drawn values, per cent."""
QUANTILE: Final = 1.645
"""The same of a normal distribution, standard deviations to either side of the mean."""

OMISSION: Final = "omission"
COMMISSION: Final = "commission"
ONE_SIDED: Final = (COMMISSION, OMISSION)
"""The causes that are no standard deviation: so much less, or so much more, there may be."""
HIDDEN: Final = "unseen"
"""The cause that is no error of a map: what nobody saw."""


def map_error(uncertainty: Mapping[str, float]) -> tuple[float, float]:
    """Return how far down and up a map may err about what it shows, at `LEVEL`, in its unit.

    Args:
        uncertainty: Standard deviation by cause, and the causes of `ONE_SIDED`.
    """
    own = (v for k, v in uncertainty.items() if k not in (*ONE_SIDED, HIDDEN))
    sure = QUANTILE * math.hypot(*own)
    return sure + uncertainty.get(COMMISSION, 0.0), sure + uncertainty.get(OMISSION, 0.0)
