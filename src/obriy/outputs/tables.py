"""Areas and scores as CSV: UTF-8, a point for decimals, full precision, empty where unknown."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from obriy.csv_text import csv_text
from obriy.model.areas import Area, AreaSeries
from obriy.model.flags import Unseen
from obriy.model.scores import Scores
from obriy.outputs.files import write_text

CAUSES = (*(u.name.lower() for u in Unseen if u is not Unseen.SEEN), "outside", "unnamed")
"""Reasons for which a part of a district was unseen; a column each."""

WHOLE = ("expected_km2", "low_km2", "high_km2")
"""Best estimate of a whole place, and its 90 % interval."""
BOUNDS = ("bound_low_km2", "bound_high_km2")
"""What was seen, and that with all that was not: whatever lies there."""
_AREAS = ("class", "district", "date", *WHOLE, "area_km2", "area_ha", "mask_km2", *BOUNDS,
          "district_km2", "outside_share", "unseen_share", *(f"unseen_{c}" for c in CAUSES),
          "clouds", "status", "reason")  # fmt: skip
_SCORES = ("edges", "class", "code", "measure", "value", "low", "high", "legend")
_OVERALL = ("overall_accuracy", "kappa", "mean_iou", "pixels", "unseen_share")
_BY_CLASS = ("precision", "recall", "f1", "iou")


def write_areas(series: AreaSeries, path: Path | str, maps: Sequence[str] | None = None) -> Path:
    """Write ``areas.csv``: a row per district and date; return its path.

    ``expected_km2`` is the best estimate for the whole district, with its 90 % interval;
    ``area_km2`` what was seen, empty where nothing was. Shares are of the whole district, 0 to 1.
    ``clouds`` is ``known``, ``compared`` (with other dates alone) or ``unknown``: then land may be
    cloud, and the whole has no estimate.

    Args:
        series: The areas.
        path: The file.
        maps: Name of the map of each area, for a column ``map``, which stands first; None: no such
            column: the dates tell maps apart.
    """
    rows = [_area_row(series.class_name, area) for area in series.areas]
    if maps is None:
        return write_rows(path, _AREAS, rows)
    named = ([name, *row] for name, row in zip(maps, rows, strict=True))
    return write_rows(path, ("map", *_AREAS), named)


def write_scores(scores: Scores, path: Path | str) -> Path:
    """Write ``scores.csv``: a row per score; return its path.

    ``edges`` is ``with``, or ``without`` the one-pixel ring at label edges; ``low`` and ``high``
    bound the 90 % interval; ``class`` is empty for scores of the whole map. ``legend`` tells the
    scores on the main classes, which come last, from those of the map's classes.
    """
    both = [("with", scores), ("without", scores.without_edges)]
    both += [(edges, part.merged) for edges, part in both if part is not None]
    rows = (row for edges, part in both if part is not None for row in _score_rows(part, edges))
    return write_rows(path, _SCORES, rows)


def _area_row(class_name: str, area: Area) -> list[Any]:
    causes = [area.unseen.get(cause, 0.0) for cause in CAUSES]
    return [
        class_name, area.district, area.date, area.expected_km2, *ends(area.interval_km2),
        area.area_km2, area.area_ha, area.mask_km2, *ends(area.bounds_km2),
        area.district_km2, area.outside_share, area.unseen_share, *causes,
        area.clouds, area.status, area.reason,
    ]  # fmt: skip


def ends(interval: tuple[float, float] | None) -> tuple[float | None, float | None]:
    """Return the two cells of an interval; empty where there is none."""
    return interval or (None, None)


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
