"""Areas and scores as CSV: UTF-8, a point for decimals, full precision, empty where unknown."""

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from obriy.csv_text import csv_text
from obriy.model.areas import AreaSeries
from obriy.model.flags import Unseen
from obriy.model.scores import Scores
from obriy.outputs.files import write_text

Columns = Mapping[str, Callable[[Any], Any]]
"""What stands in each column of a row, by the name of the column."""


def fields(*names: str) -> Columns:
    """Return columns that are named as the fields of the rows that they hold."""
    return {name: operator.attrgetter(name) for name in names}


def ends(field: str, low: str, high: str) -> Columns:
    """Return the two columns of a field that is an interval; empty where there is none."""
    interval = operator.attrgetter(field)
    return {
        low: lambda row: (interval(row) or (None, None))[0],
        high: lambda row: (interval(row) or (None, None))[1],
    }


def _unseen(cause: str) -> Callable[[Any], Any]:
    return lambda row: row.unseen.get(cause, 0.0)


WHOLE: Final = {**fields("expected_km2"), **ends("interval_km2", "low_km2", "high_km2")}
"""Best estimate of a whole place, and its 90 % interval."""
BOUNDS: Final = ends("bounds_km2", "bound_low_km2", "bound_high_km2")
"""What was seen, and that with all that was not: whatever lies there."""
UNSEEN: Final = {
    f"unseen_{cause}": _unseen(cause)
    for cause in (*(u.name.lower() for u in Unseen if u is not Unseen.SEEN), "outside", "unnamed")
}
"""Share of a place that was unseen for each reason."""
AREAS: Final[Columns] = {
    **fields("district", "date"),
    **WHOLE,
    **fields("area_km2", "area_ha", "mask_km2"),
    **BOUNDS,
    **fields("district_km2", "outside_share", "unseen_share"),
    **UNSEEN,
    **fields("clouds", "status", "reason"),
}
"""A district on a date."""
SCORES: Final = ("edges", "class", "code", "measure", "value", "low", "high", "legend")
_OVERALL = ("overall_accuracy", "kappa", "mean_iou", "pixels", "unseen_share")
_BY_CLASS = ("precision", "recall", "f1", "iou")


def write_areas(series: AreaSeries, path: Path | str) -> Path:
    """Write ``areas.csv``: a row per district and date; return its path.

    ``expected_km2`` is the best estimate for the whole district, with its 90 % interval;
    ``area_km2`` what was seen, empty where nothing was. Shares are of the whole district, 0 to 1.
    ``clouds`` is ``known``, ``compared`` (with other dates alone) or ``unknown``: then land may be
    cloud, and the whole has no estimate.

    Args:
        series: The areas.
        path: The file.
    """
    return write_table(path, {"class": lambda _: series.class_name, **AREAS}, series.areas)


def write_scores(scores: Scores, path: Path | str) -> Path:
    """Write ``scores.csv``: a row per score; return its path.

    ``edges`` is ``with``, or ``without`` the one-pixel ring at label edges; ``low`` and ``high``
    bound the 90 % interval; ``class`` is empty for scores of the whole map. ``legend`` tells the
    scores on the main classes, which come last, from those of the map's classes.
    """
    return write_rows(path, SCORES, score_rows(scores))


def score_rows(scores: Scores) -> Iterator[list[Any]]:
    """Yield the rows of ``scores.csv``, in the columns of `SCORES`."""
    both = [("with", scores), ("without", scores.without_edges)]
    both += [(edges, part.merged) for edges, part in both if part is not None]
    for edges, part in both:
        if part is not None:
            yield from _score_rows(part, edges)


def _score_rows(scores: Scores, edges: str) -> Iterator[list[Any]]:
    intervals = scores.intervals or {}
    for measure in _OVERALL:
        low, high = intervals.get(measure, (None, None))
        yield [edges, None, None, measure, getattr(scores, measure), low, high, scores.legend]
    for cls in scores.classes:
        for measure in _BY_CLASS:
            low, high = intervals.get(f"{cls.name}.{measure}", (None, None))
            value = getattr(cls, measure)
            yield [edges, cls.name, cls.code, measure, value, low, high, scores.legend]


def write_rows(path: Path | str, header: Iterable[str], rows: Iterable[Iterable[Any]]) -> Path:
    """Write a table as `obriy.csv_text` has it; return its path."""
    return write_text(Path(path), csv_text(header, rows))


def write_table(path: Path | str, columns: Columns, rows: Iterable[Any]) -> Path:
    """Write a table of columns that say what they hold; return its path."""
    return write_rows(path, columns, ([get(row) for get in columns.values()] for row in rows))
