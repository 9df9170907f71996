"""The one level of all intervals: of areas, of change, of scores."""

from typing import Final

LEVEL: Final = 0.90
"""Share of the cases in which an interval is to hold the truth."""
EDGES: Final = (5.0, 95.0)
"""Ends of such an interval among drawn values, per cent."""
QUANTILE: Final = 1.645
"""The same of a normal distribution, standard deviations to either side of the mean."""
