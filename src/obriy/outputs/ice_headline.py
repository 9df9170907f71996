"""Which date leads what is said of sea ice, in the report and in the terminal alike."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

Row = Mapping[str, Any]
"""A date of ``result.json``: all places together."""

ENOUGH: Final = 0.5
"""Share of the sea that was seen from which a date may lead."""


def headline(rows: Sequence[Row]) -> Row | None:
    """Return the date of the most ice by the best estimate, of those that saw enough."""
    known = [row for row in rows if row["ice_km2"] is not None]
    return max([row for row in known if saw_enough(row)] or known, key=best_km2, default=None)


def shows_more(rows: Sequence[Row]) -> Row | None:
    """Return the date that may not lead, but whose estimate is above that of the one that does.

    Where there is one, nobody knows whether the headline is the maximum.
    """
    head = headline(rows)
    known = [row for row in rows if row["ice_km2"] is not None]
    most = max(known, key=best_km2, default=None)
    return None if head is None or most is None or best_km2(most) <= best_km2(head) else most


def is_maximum(rows: Sequence[Row]) -> bool:
    """Say whether the headline may be called the most ice of all dates."""
    head = headline(rows)
    return head is not None and saw_enough(head) and shows_more(rows) is None


def saw_enough(row: Row) -> bool:
    """Say whether a date saw enough of the sea to stand for it."""
    return row["ice_km2"] is not None and 1 - row["unseen_share"] >= ENOUGH


def best_km2(row: Row) -> float:
    """Return the best estimate of the ice, km²; what was seen where there is none."""
    best = row["ice_km2"] if row["expected_km2"] is None else row["expected_km2"]
    return float(best or 0.0)
