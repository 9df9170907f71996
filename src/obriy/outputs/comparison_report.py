"""The report of a comparison of methods for water: one HTML file that needs nothing beside it."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from obriy.model.provenance import Provenance
from obriy.model.scores import COMPARED
from obriy.outputs.files import write_text
from obriy.outputs.pages import frame, render_page
from obriy.outputs.report_view import interval_km2
from obriy.render.text import Text, text_of

_AT_MARKS = ("iou", "f1", "precision", "recall", "kappa")
"""Scores that are told of a threshold that is known."""


@dataclasses.dataclass(frozen=True)
class ComparisonReport:
    """All that the report shows.

    Attributes:
        title: What was mapped.
        lang: ``"en"`` or ``"uk"``.
        result: ``result.json`` as plain values: ``rows``, ``sweeps``, ``reference``.
        provenance: What was read and decided.
        figures: ``masks``, and where there are such ``areas``, ``scores``, ``sweep NAME``: SVG.
        independent: False where the reference was made from the very scene.
    """

    title: str
    lang: str
    result: Mapping[str, Any]
    provenance: Provenance
    figures: Mapping[str, str]
    independent: bool = True


def write_comparison_report(data: ComparisonReport, path: Path) -> Path:
    """Write the report as one HTML file; return its path."""
    return write_text(path, render_page("compare_water.html.j2", view(data)))


def view(data: ComparisonReport) -> dict[str, Any]:
    """Return what the template shows: strings, in the language of the report."""
    from markupsafe import Markup

    text, result = text_of(data.lang), data.result
    drawn = {n: Markup(svg) for n, svg in data.figures.items()}  # noqa: S704 - of render.figures
    return frame(text, data.title, result, data.provenance) | {
        "answer": _answer(text, data),
        "figures": drawn,
        "areas": _areas(text, result["rows"]),
        "scores": _scores(text, result["rows"]) if result["reference"] else None,
        "sweep_note": text("compare_water.sweep_note"),
        "sweeps": [
            {
                "title": text("compare_water.sweep", index=sweep["index"]),
                "formula": sweep["formula"],
                "figure": drawn[f"sweep {sweep['index']}"],
                "index": drawn.get(f"index {sweep['index']}"),
                "marks": _marks(text, sweep["at"]),
            }
            for sweep in result["sweeps"]
        ],
    }


def write_season_report(data: ComparisonReport, path: Path) -> Path:
    """Write the report of a season's thresholds as one HTML file; return its path."""
    return write_text(path, render_page("compare_water.html.j2", season_view(data)))


def season_view(data: ComparisonReport) -> dict[str, Any]:
    """Return what the template shows of a season: S against the threshold, and the dates."""
    text, result = text_of(data.lang), data.result
    rows = result["rows"]
    good = [row for row in rows if row["weight"] is not None]
    known = [s for s in result["sweeps"] if s["at"]]
    first = text("compare_water.season")
    if known:
        at = known[0]["at"]["published"]
        first = text(
            "compare_water.season_at",
            area=text.area(at["area_km2"]),
            index=known[0]["index"],
            threshold=text.number(at["threshold"], 2),
        )
    facts = [
        (text("compare_water.dates"), f"{len(good)} / {len(rows)}"),
        (text("compare_water.weights"), text("compare_water.by_seen")),
    ]
    left_out = [f"{row['date']}: {text.sentence(row['reason'])}" for row in rows if row["reason"]]
    common = view(dataclasses.replace(data, result={**result, "rows": []}))
    return common | {
        "answer": common["answer"]
        | {"first": first, "facts": facts, "trust": text("compare_water.season_trust")},
        "sweep_note": text("compare_water.season_note"),
        "warnings": [*common["warnings"], *left_out],
    }


def _answer(text: Text, data: ComparisonReport) -> dict[str, Any]:
    rows = data.result["rows"]
    scored = [row for row in rows if row.get("iou") is not None]
    best = max(scored, key=lambda row: row["iou"], default=None)
    areas = [row["area_km2"] for row in rows if row["area_km2"] is not None]
    near = _not_told_apart(best, scored)
    first = text("compare_water.no_best")
    if best is not None:
        first = text("compare_water.best", method=best["method"], iou=text.number(best["iou"], 3))
    span = interval_km2(text, (min(areas), max(areas))) if areas else ""
    trust = "compare_water.trust" if data.independent else "compare_water.trust_agreement"
    return {
        "label": text("compare_water.title"),
        "first": first,
        "span": text("compare_water.span", span=span) if span else "",
        "near": text("compare_water.near", methods=", ".join(near)) if near else "",
        "facts": [
            (text("compare_water.methods"), str(len(rows))),
            (
                text("compare_water.reference"),
                _reference(text, data.result["reference"]),
            ),
        ],
        "seen": _seen(text, rows),
        "trust": text(trust) if data.result["reference"] else text("compare_water.trust_none"),
    }


def _seen(text: Text, rows: list[dict[str, Any]]) -> str:
    """Say what was unseen: by the map that saw least; unknown where nobody knows the clouds."""
    if any(row.get("clouds") == "unknown" for row in rows):
        return text("compare_water.unseen_unknown")
    shares = [row["unseen_share"] for row in rows if row["unseen_share"] is not None]
    return text("report.unseen_plain", share=text.percent(max(shares))) if shares else ""


def _not_told_apart(
    best: Mapping[str, Any] | None, scored: Sequence[Mapping[str, Any]]
) -> list[str]:
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


def _areas(text: Text, rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    if all(row["area_km2"] is None for row in rows):
        return None
    header = [
        text("report.method"),
        *(text(f"compare_water.{n}") for n in ("seen", "whole", "span90")),
    ]
    return {"header": [*header, text("compare_water.threshold")], "rows": [
        [row["method"], _area(text, row["area_km2"]), _area(text, row["expected_km2"]),
         _span(text, row), _number(text, row["threshold"], 3)]
        for row in rows
    ]}  # fmt: skip


def _scores(text: Text, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "header": [text("report.method"), *(text(f"compare_water.{name}") for name in COMPARED)],
        "rows": [[row["method"], *(_score(text, row, name) for name in COMPARED)] for row in rows],
    }


def _score(text: Text, row: Mapping[str, Any], name: str) -> str:
    value, low, high = (row.get(f"{name}{end}") for end in ("", "_low", "_high"))
    if value is None:
        return "–"
    if low is None or high is None:
        return text.number(value, 3)
    return f"{text.number(value, 3)} ({text.span(text.number(low, 2), text.number(high, 2))})"


def _marks(text: Text, marks: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return what each threshold that is known gives; columns that nothing is known of left out."""
    names = [n for n in ("area_km2", *_AT_MARKS) if any(n in found for found in marks.values())]
    header = [text("compare_water.which"), text("compare_water.threshold")]
    return {
        "header": [*header, *(text(f"compare_water.{name}") for name in names)],
        "rows": [
            [text(f"compare_water.mark_{mark}"), _number(text, found["threshold"], 3),
             *(_number(text, found.get(name), 4 if name == "area_km2" else 3) for name in names)]
            for mark, found in marks.items()
        ],
    }  # fmt: skip


def _area(text: Text, km2: float | None) -> str:
    return "–" if km2 is None else text.area(km2)


def _span(text: Text, row: Mapping[str, Any]) -> str:
    if row["low_km2"] is None:
        return "–"
    return interval_km2(text, (row["low_km2"], row["high_km2"]))


def _number(text: Text, value: Any, digits: int) -> str:
    return text.number(value, digits) if isinstance(value, int | float) else "–"
