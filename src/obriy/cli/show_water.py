"""What a person sees of water in the terminal."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from obriy.cli.show_area import (
    ENGLISH,
    failures,
    heads,
    km2,
    number,
    score,
    share,
    unseen,
    whatever,
    whole,
)
from obriy.model.areas import WHOLE_IMAGE
from obriy.model.result.base import Evaluation
from obriy.model.result.measured import MeasuredImageResult, MeasuredSeriesResult
from obriy.model.result.tables import SeasonComparison, SplitComparison, Sweep, WaterComparison
from obriy.model.result.water import AreaResult, WaterImageResult, WaterSeriesResult
from obriy.render.text import Text

UNNAMED = ("image", "all")
"""Names of districts that no user gave."""


def image_lines(result: WaterImageResult, text: Text = ENGLISH) -> list[str]:
    """Return the answer of one image."""
    head, name = result.lead(), text("report.water")
    about = text("terminal.unseen_method", unseen=unseen(head, text), method=result.method)
    if head.km2 is None:
        key = "no_area" if head.why == "no_pixel_size" else "nothing"
        lines = [text(f"terminal.{key}", name=name), about]
    else:
        lines = [
            f"{name}: {whole(head, text)}",
            f"{text('terminal.seen', area=km2(head.seen_km2, text))}  {about}",
            *whatever(head, text),
        ]
    return [*lines, _score_line(result.evaluation, text)] if result.evaluation else lines


def series_lines(result: WaterSeriesResult, text: Text = ENGLISH) -> list[str]:
    """Return the answer of a series."""
    method = f"  {text('terminal.method', method=result.method)}"
    return _series_lines(result, text("report.water"), method, text)


def measured_image_lines(result: MeasuredImageResult, text: Text = ENGLISH) -> list[str]:
    """Return the answer of one map that somebody else made."""
    head, name = result.lead(), _title(result)
    about = (
        f"{name}: {whole(head, text)}"
        if head.km2 is not None
        else text("terminal.nothing", name=name)
    )
    unit = text("units.km2")
    rows = [
        f"{row.district}: {km2(row.headline.km2, text)} {unit}"
        for row in result.districts
        if row.headline is not None and len(result.districts) > 1
    ]
    hidden = text("terminal.unseen", unseen=unseen(head, text))
    return [about, *rows, hidden, *whatever(head, text)]


def _title(result: MeasuredImageResult | MeasuredSeriesResult) -> str:
    return result.class_name.replace("_", " ").capitalize()


def measured_lines(result: MeasuredSeriesResult, text: Text = ENGLISH) -> list[str | Table]:
    """Return the answer of maps that somebody else made: what each shows, then all together."""
    date, place, hidden = heads(text, "measured")
    table = Table(date, place, f"{result.class_name}, {text('units.km2')}", hidden)
    for area in result.areas:
        whole_map = area.district == WHOLE_IMAGE
        place = text("terminal.whole_map") if whole_map else area.district
        hidden = share(text, area.unseen_share)
        table.add_row(area.date, place, km2(area.area_km2, text), hidden)
    return [table, *_series_lines(result, _title(result), "", text)]


def _change_lines(result: WaterSeriesResult | MeasuredSeriesResult, text: Text) -> list[str]:
    if result.change is None or result.change.total.net_km2 is None:
        return []
    total, (before, _), (_, after) = result.change.total, result.change.before, result.change.after
    kinds = {"gained": total.gained_km2, "lost": total.lost_km2, "lasting": total.stable_km2}
    areas = {name: km2(value, text) for name, value in kinds.items()}
    unknown = result.lead().clouds == "unknown"
    areas["unseen"] = text("report.share_unknown") if unknown else text.area(total.unseen_km2)
    areas |= {"net": km2(total.net_km2, text, "+"), "interval": ""}
    if total.net_interval_km2 is not None:
        ends = f"{_ends(*total.net_interval_km2, text)} {text('units.km2')}"
        areas["interval"] = text("series.change_interval", interval=ends)
    return [text("terminal.change", before=before, after=after, **areas)]


def _series_lines(
    result: WaterSeriesResult | MeasuredSeriesResult, name: str, method: str, text: Text
) -> list[str]:
    head, dates = result.lead(), result.dates
    used = [d for d in dates if d.area_km2 is not None and d.weight != 0]
    span = text("series.span", start=dates[0].date, end=dates[-1].date)
    about = f"{text('terminal.unseen_by_weight', unseen=unseen(head, text))}{method}"
    if head.km2 is None:
        lines = [text("terminal.nothing_in", name=name, span=span), about]
    else:
        lines = [text("terminal.weighted", name=name, span=span, area=whole(head, text))]
        lines.append(f"{text('terminal.seen', area=km2(head.seen_km2, text))}  {about}")
    if head.filled_km2 is not None:
        lines.append(text("terminal.filled", area=km2(head.filled_km2, text)))
    lines += whatever(head, text)
    lines.append(
        text(
            "terminal.dates",
            used=len(used),
            all=len(dates),
            weights=_weights(result.weights, text),
            effective=number(text, result.effective_dates, 1),
        )
    )
    lines += failures([one.name for one in result.failed if one.kind == "date"], text)
    lines = [*_change_lines(result, text), *lines]
    return [*lines, *_register_lines(result, text), *_evaporation_lines(result, text)]


def _weights(weights: str, text: Text) -> str:
    """Return how dates were weighed: by a rule that has a word, or by a file."""
    return text(f"terminal.weights_{weights}") if weights in ("clear", "cloud") else weights


def _of(place: str, text: Text) -> str:
    return "" if place in UNNAMED else text("terminal.of", place=place)


def _register_lines(result: AreaResult, text: Text) -> list[str]:
    lines = []
    for row in result.comparison.rows if result.comparison else ():
        percent = row.difference_percent
        plus = "+" if percent and percent > 0 else ""
        part = "" if percent is None else f" ({plus}{text.percent(percent / 100)})"
        inside = {True: text("terminal.inside"), False: text("terminal.outside"), None: ""}
        lines.append(
            text(
                "terminal.register",
                of=_of(row.place, text),
                register=km2(row.register_km2, text),
                measured=km2(row.measured_km2, text),
                difference=km2(row.difference_km2, text, "+"),
                share=part,
                inside=inside[row.inside_interval],
            )
        )
    return lines


def _evaporation_lines(result: AreaResult, text: Text) -> list[str]:
    lines = []
    for one in result.evaporation or ():
        if one.volume_1e6m3 is None:
            continue
        interval = ""
        if one.interval_1e6m3 is not None:
            low, high = (text.significant(value) for value in one.interval_1e6m3)
            ends = text("series.range", low=low, high=high)
            interval = text("series.evaporation_interval", interval=ends)
        lines.append(
            text(
                "terminal.evaporation",
                of=_of(one.district, text),
                start=one.months[0].month,
                end=one.months[-1].month,
                volume=text.significant(one.volume_1e6m3),
                layer=text.number(one.additional_mm, 0),
                interval=interval,
            )
        )
    return lines


def _score_line(evaluation: Evaluation, text: Text) -> str:
    water = next(c for c in evaluation.classes if c["name"] == "water")
    parts = {
        text("terminal.overall"): evaluation.overall_accuracy,
        text("terminal.kappa"): evaluation.kappa,
        text("terminal.f1_of_water"): water["f1"],
        "IoU": water["iou"],
    }
    if not any(v is not None for v in parts.values()):  # a reference of one class
        recall = {c["name"]: c["recall"] for c in evaluation.classes}
        parts = {text("terminal.recall_of", name=n): v for n, v in recall.items()}
    shown = ", ".join(f"{k} {score(v, text)}" for k, v in parts.items() if v is not None)
    key = "accuracy" if evaluation.independent else "agreement"
    source = text.sentence(evaluation.reference)
    return text(f"terminal.{key}", reference=source, scores=shown)


def methods_table(result: WaterComparison, text: Text = ENGLISH) -> list[str | Table]:
    """Return the areas of methods, and how they agree with the reference."""
    table = Table(*heads(text, "methods"))
    for row in result.rows:
        table.add_row(
            row.method,
            km2(row.expected_km2, text),
            _ends(row.low_km2, row.high_km2, text),
            km2(row.area_km2, text),
            *(score(value, text) for value in (row.kappa, row.f1, row.iou)),
        )
    return [table, *_thresholds(result.sweeps, text)]


def _ends(low: float | None, high: float | None, text: Text) -> str:
    if low is None:
        return "-"
    return text("series.range", low=km2(low, text), high=km2(high, text))


def season_table(result: SeasonComparison, text: Text = ENGLISH) -> list[str | Table]:
    """Return the dates of a season: what was seen, and how they weigh."""
    table = Table(*heads(text, "season"))
    for row in result.rows:
        said = text.sentence(row.reason)
        table.add_row(row.date, km2(row.seen_km2, text), score(row.weight, text), said)
    return [table, *_thresholds(result.sweeps, text)]


def splits_table(result: SplitComparison, text: Text = ENGLISH) -> list[str | Table]:
    """Return the area of one image in more and more requests."""
    table = Table(*heads(text, "splits"))
    for row in result.rows:
        known = row.pixel_m is not None
        size = "-" if row.pixel_m is None else text.significant(row.pixel_m)
        table.add_row(
            row.split,
            size,
            str(row.requests) if known else "-",
            number(text, row.processing_units or 0.0, 1) if known else "-",
            km2(row.expected_km2, text),
            _ends(row.low_km2, row.high_km2, text),
            km2(row.area_km2, text),
        )
    return [table]


def _thresholds(sweeps: list[Sweep], text: Text) -> list[str]:
    lines = []
    for sweep in sweeps:
        given = dict(sweep).get("at", {})
        marks = {"published": sweep.published, "otsu": sweep.otsu, "best": sweep.best}
        told = [
            f"{text(f'terminal.{name}')} {number(text, value, 2)}{_given(given.get(name), text)}"
            for name, value in marks.items()
            if value is not None
        ]
        lines.append(text("terminal.thresholds", index=sweep.index, marks="; ".join(told)))
    return lines


def _given(at: Mapping[str, Any] | None, text: Text) -> str:
    """Return what a threshold gives, in brackets: the area, those as good, the IoU; or nothing."""
    at = at or {}
    told = []
    if at.get("area_km2") is not None:
        told.append(text.area(at["area_km2"]))
    if at.get("low_km2") is not None:
        told.append(_ends(at["low_km2"], at["high_km2"], text))
    if at.get("iou") is not None:
        told.append(f"IoU {score(at['iou'], text)}")
    return f" ({', '.join(told)})" if told else ""
