"""The report of a comparison of methods for water, and of a season's thresholds."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from obriy.model.result.tables import SeasonComparison, SplitComparison, WaterComparison
from obriy.model.scores import COMPARED
from obriy.outputs.report import cells
from obriy.outputs.report.cells import Column, Columns, Table, interval_km2, table
from obriy.outputs.report.first import First
from obriy.outputs.report.page import Page, Report
from obriy.outputs.report.parts import Section, Words, card, section
from obriy.render.text import Text

Row = Mapping[str, Any]

_AT_MARKS: Final = ("iou", "f1", "precision", "recall", "kappa")
"""Scores that are told of a threshold that is known."""


def page(report: Report[WaterComparison], *, independent: bool = True) -> Page:
    """Lay out the report.

    Args:
        report: With the figures ``masks``, and where there are such ``areas``, ``scores``,
            ``sweep NAME`` and ``index NAME``; its result has ``rows``, ``sweeps``, ``reference``.
        independent: False where the reference was made from the very scene.
    """
    text, result = report.text, report.result
    rows, scored = [dict(row) for row in result.rows], result.reference
    return Page(
        report,
        _first(text, rows, scored, independent=independent),
        [
            section(
                text("compare_water.masks"),
                report.drawing("masks", text("compare_water.masks_alt"), look="card map wide"),
            ),
            _told(report, "scores", _scores(text, rows)) if scored else None,
            _told(report, "areas", _areas(text, rows)),
            *(_sweep(report, dict(sweep), "compare_water.sweep_note") for sweep in result.sweeps),
            report.warned(),
        ],
    )


def season(report: Report[SeasonComparison]) -> Page:
    """Lay out the report of a season: S against the threshold, and the dates."""
    text, result = report.text, report.result
    rows, sweeps = result.rows, [dict(sweep) for sweep in result.sweeps]
    good = [row for row in rows if row.weight is not None]
    known = [sweep for sweep in sweeps if sweep["at"]]
    head = text("compare_water.season")
    if known:
        at = known[0]["at"]["published"]
        head = text(
            "compare_water.season_at",
            area=text.area(at["area_km2"]),
            index=known[0]["index"],
            threshold=text.number(at["threshold"], 2),
        )
    first = First(
        text("compare_water.title"),
        (head, ""),
        known=False,
        facts=[
            (text("compare_water.dates"), f"{len(good)} / {len(rows)}"),
            (text("compare_water.weights"), text("compare_water.by_seen")),
        ],
        trust=text("compare_water.season_trust"),
    )
    left_out = [f"{row.date}: {text.sentence(row.reason)}" for row in rows if row.reason]
    report = dataclasses.replace(report, also=left_out)
    shown = [_sweep(report, sweep, "compare_water.season_note") for sweep in sweeps]
    return Page(report, first, [*shown, report.warned()])


def splits(report: Report[SplitComparison]) -> Page:
    """Lay out the report of one image in more and more requests: document D's table 1."""
    text, result = report.text, report.result
    rows = [dict(row) for row in result.rows]
    known = sorted((r for r in rows if r["area_km2"] is not None), key=lambda r: -r["pixel_m"])
    coarse, fine = known[0], known[-1]
    head = text(
        "compare_water.from_to",
        coarse=text.area(coarse["area_km2"]),
        coarse_m=text.significant(coarse["pixel_m"]),
        fine=text.area(fine["area_km2"]),
        fine_m=text.significant(fine["pixel_m"]),
    )
    first = First(
        text("compare_water.splits_title"),
        (head, ""),
        known=False,
        facts=[
            (text("report.method"), result.method),
            *([(text("report.date"), result.date)] if result.date else []),
        ],
        seen=_seen(text, known),
        trust=text("compare_water.splits_trust"),
    )
    left_out = [f"{r['split']}: {text.sentence(r['reason'])}" for r in rows if r["reason"]]
    report = dataclasses.replace(report, also=left_out)
    shown = section(
        text("compare_water.splits_title"),
        report.drawing("splits", text("compare_water.splits_alt"), look="card wide"),
        card(_splits(text, rows), Words(text("compare_water.splits_note")), look="card below"),
    )
    return Page(report, first, [shown, report.warned()])


def _splits(text: Text, rows: Sequence[Row]) -> Table:
    col = Columns(text, "compare_water")
    return table(
        rows,
        [
            col.words("tiles", "split"),
            col.written("pixel_m", lambda row: row["pixel_m"] and text.significant(row["pixel_m"])),
            col.number("requests"),
            col.number("processing_units", digits=1),
            col.km2("seen_km2", "area_km2"),
            col.km2("whole_km2", "expected_km2"),
            col.written("span90", lambda row: _span(text, row)),
        ],
    )


def _first(text: Text, rows: Sequence[Row], reference: str | None, *, independent: bool) -> First:
    """Return the first screen: which method agrees best, and which are not told apart from it."""
    scored = [row for row in rows if row.get("iou") is not None]
    best = max(scored, key=lambda row: row["iou"], default=None)
    areas = [row["area_km2"] for row in rows if row["area_km2"] is not None]
    head = text("compare_water.no_best")
    if best is not None:
        head = text("compare_water.best", method=best["method"], iou=text.number(best["iou"], 3))
    span = interval_km2(text, (min(areas), max(areas))) if areas else ""
    near = ", ".join(_not_told_apart(best, scored))
    trust = "trust_none" if not reference else "trust" if independent else "trust_agreement"
    return First(
        text("compare_water.title"),
        (head, ""),
        known=False,
        lines=[text("compare_water.span", span=span)] if span else [],
        says=[text("compare_water.near", methods=near)] if near else [],
        facts=[
            (text("compare_water.methods"), str(len(rows))),
            (text("compare_water.reference"), _reference(text, reference)),
        ],
        seen=_seen(text, rows),
        trust=text(f"compare_water.{trust}"),
    )


def _seen(text: Text, rows: Sequence[Row]) -> str:
    """Say what was unseen: by the map that saw least; unknown where nobody knows the clouds."""
    if any(row.get("clouds") == "unknown" for row in rows):
        return text("compare_water.unseen_unknown")
    shares = [row["unseen_share"] for row in rows if row["unseen_share"] is not None]
    return text("report.unseen_plain", share=text.percent(max(shares))) if shares else ""


def _not_told_apart(best: Row | None, scored: Sequence[Row]) -> list[str]:
    """Return the methods whose interval of IoU meets that of the best one."""
    if best is None or best["iou_low"] is None:
        return []
    return [
        str(row["method"])
        for row in scored
        if row is not best and row["iou_high"] is not None and row["iou_high"] >= best["iou_low"]
    ]


def _reference(text: Text, source: str | None) -> str:
    if source is None:
        return text("compare_water.none")
    path = Path(source)
    return path.name if path.is_absolute() else text.sentence(source)


def _told(report: Report[WaterComparison], name: str, shown: Table) -> Section | None:
    """Return a section of a figure, and the table of its numbers; None where it was not drawn."""
    text = report.text
    drawing = report.drawing(name, text(f"compare_water.{name}_alt"), look="card wide")
    if drawing is None:
        return None
    note = Words(text(f"compare_water.{name}_note"))
    return section(text(f"compare_water.{name}"), drawing, card(shown, note, look="card below"))


def _areas(text: Text, rows: Sequence[Row]) -> Table:
    col = Columns(text, "compare_water")

    def area(name: str, key: str) -> Column:
        return col.written(name, lambda row: None if row[key] is None else text.area(row[key]))

    return table(
        rows,
        [
            col.words("report.method", "method"),
            area("seen", "area_km2"),
            area("whole", "expected_km2"),
            col.written("span90", lambda row: _span(text, row)),
            col.number("threshold", digits=3),
        ],
    )


def _span(text: Text, row: Row) -> str:
    known = row["low_km2"] is not None
    return interval_km2(text, (row["low_km2"], row["high_km2"])) if known else ""


def _scores(text: Text, rows: Sequence[Row]) -> Table:
    col = Columns(text, "compare_water")
    scores = (col.written(name, _scored(text, name)) for name in COMPARED)
    return table(rows, [col.words("report.method", "method"), *scores])


def _scored(text: Text, name: str) -> Any:
    """Return what writes a score of a row with its interval."""

    def cell(row: Row) -> str:
        value, low, high = (row.get(f"{name}{end}") for end in ("", "_low", "_high"))
        if value is None:
            return ""
        span = "" if low is None or high is None else cells.score_span(text, (low, high), 2)
        return f"{text.number(value, 3)} ({span})" if span else text.number(value, 3)

    return cell


def _sweep(report: Report[Any], sweep: Row, note: str) -> Section | None:
    """Return what every threshold of an index gives, and the index itself."""
    text, name = report.text, sweep["index"]
    title = text("compare_water.sweep", index=name)
    return section(
        title,
        report.drawing(f"sweep {name}", title, look="card wide"),
        card(
            _marks(text, sweep["at"]),
            Words(sweep["formula"], "formula"),
            Words(text(note)),
            look="card below",
        ),
        report.drawing(f"index {name}", title, look="card small below"),
    )


def _marks(text: Text, marks: Mapping[str, Row]) -> Table | None:
    """Return what each threshold that is known gives; None where none is."""
    if not marks:
        return None
    col = Columns(text, "compare_water")
    return table(
        [{"mark": mark, **found} for mark, found in marks.items()],
        [
            col.words("which", lambda row: text(f"compare_water.mark_{row['mark']}")),
            col.number("threshold", digits=3),
            col.number("area_km2", digits=4),
            *(col.number(name, digits=3) for name in _AT_MARKS),
        ],
    )
