"""The report of water through a season."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from obriy.model.areas import AreaSeries, PeriodArea
from obriy.model.result.measured import SeriesResult
from obriy.model.result.water import Bodies, WaterDate
from obriy.outputs.report import cells
from obriy.outputs.report.balance import evaporation_part, register_part
from obriy.outputs.report.cells import Columns, signed, table
from obriy.outputs.report.change import changed, leading, led_by
from obriy.outputs.report.first import First, districts_seen, figures, in_words, place_of
from obriy.outputs.report.moving import by_district, figures_of, followed, moving_map
from obriy.outputs.report.page import Page, Report
from obriy.outputs.report.parts import (
    Grid,
    Headed,
    Part,
    Section,
    Words,
    card,
    notes,
    section,
)
from obriy.outputs.report.water import methods
from obriy.render.series import MOST_PANELS, ONE_SIDED
from obriy.render.text import Text

_ROUNDING: Final = 1e-6
"""km²: less than a square metre between dates is the rounding of sums."""


def page(
    report: Report[SeriesResult],
    *,
    series: AreaSeries,
    total: AreaSeries,
    drawn: int,
    mapped: int,
    shown: str = "",
) -> Page:
    """Lay out the report.

    Args:
        report: With the figures ``series``, ``occurrence``, ``multiples``; ``causes`` and
            ``change`` where there are any.
        series: Areas by date and district, and over the period.
        total: The same of all districts together; ``series`` itself where there is one.
        drawn: Dates of which a little map is shown.
        mapped: Dates that have a map.
        shown: Date of the image in the map that moves.
    """
    text, result = report.text, report.result
    several = len(series.periods) > 1
    change_leads = leading(result) is not None
    return Page(
        report,
        _first(text, result, series, total),
        [
            _maps(report) if change_leads else None,
            section(
                text("series.title"),
                report.drawing("series", text("series.plot_alt"), look="card wide"),
                *notes(_of_plot(text, series)),
                *notes(_about_dates(text, total.periods[0], several=several)),
            ),
            section(text("report.districts"), _districts(text, series)) if several else None,
            report.warned(),
            section(text("report.map"), _moving(report, series, total, shown), name="map"),
            None if change_leads else _maps(report),
            section(text("series.register"), register_part(text, result.comparison)),
            section(text("series.evaporation"), evaporation_part(text, result.evaporation)),
            _causes(report, total, several=several),
            section(text("series.bodies"), _bodies(text, result.bodies)),
            section(
                text("series.multiples"),
                report.drawing(
                    "multiples",
                    text("series.multiples"),
                    look="card wide",
                    caption=little_maps(text, "series", drawn, mapped),
                ),
            ),
            section(text("series.dates"), _dates(text, result.dates, total)),
        ],
        {"picture": "series_picture"},
        text("series.maps_note"),
    )


def _moving(
    report: Report[SeriesResult], series: AreaSeries, total: AreaSeries, shown: str
) -> Part | None:
    """Return the map that can be moved: figures of the period, and of water bodies through it.

    Without a script nothing stands here: the map of occurrence has a section of its own.
    """
    text, view = report.text, report.view
    own = next((area for area in total.areas if area.date == shown), None)
    if view is None:
        return None
    return moving_map(
        text,
        view,
        None,
        districts=by_district(text, series.periods),
        classes={} if own is None else {view.code: figures_of(text, own)},
        body=followed,
        kind="patch" if report.of else "body",
    )


def little_maps(text: Text, job: str, drawn: int, mapped: int) -> str:
    """Return the note under the little maps: what they show, and what was left out."""
    note = text(f"{job}.multiples_note")
    left = text("series.multiples_left", shown=drawn, all=mapped)
    return f"{note} {left}" if drawn < mapped else note


def _first(text: Text, result: SeriesResult, series: AreaSeries, total: AreaSeries) -> First:
    """Return the first screen: S, its interval, what it rests on."""
    period = total.periods[0]
    one_day = period.start == period.end
    span = text("series.span", start=period.start, end=period.end)
    head = result.headline
    assert head is not None  # of areas there is one
    label = text("series.period", span=period.start if one_day else span)
    first = figures(text, label, head, place_of(period.district))
    key = "on" if one_day else "average"
    when = text(f"plain.{key}", date=period.start, start=period.start, end=period.end)
    filled = head.filled_km2
    more = [] if filled is None else [(text.area(filled), text("series.filled_value"))]
    average = dataclasses.replace(
        first,
        beneath=[*first.beneath, *more],
        plain=in_words(text, head, when, place_of(period.district), _images(text, total)),
        seen=_unseen(text, period),
        trust=text("report.trust_none"),
        facts=_facts(text, result, series, total),
    )
    return led_by(text, result.change, average) if result.change else average


def _images(text: Text, total: AreaSeries) -> str:
    counts = _counts(total)
    return text("plain.images", used=counts["used"], all=len(total.areas))


def _counts(total: AreaSeries) -> dict[str, int]:
    """Count the dates that are used, and those that are not, by why."""
    areas = total.areas
    failed = sum(a.area_km2 is None and a.status == "failed" for a in areas)
    blind = sum(a.area_km2 is None and a.status != "failed" for a in areas)
    idle = sum(weight == 0 for weight in total.periods[0].weights.values())
    used = len(areas) - failed - blind - idle
    return {"used": used, "dates_failed": failed, "dates_blind": blind, "dates_zero": idle}


def _unseen(text: Text, period: PeriodArea) -> str:
    """Say how much of the place the dates did not see, and whether it counts."""
    if cells.clouds_unknown(period):
        return ""
    if period.unseen_share <= 0:
        return text("report.all_seen")
    said = text("series.unseen_average", share=text.percent(period.unseen_share))
    return said if period.expected_km2 is None else f"{said} {text('answer.counts')}"


def _about_dates(text: Text, period: PeriodArea, *, several: bool) -> list[str]:
    """Tell change in time from the error of measuring, and say on which date the average leans."""
    said = [] if period.interval_km2 is None else [text("series.measuring")]
    key = "series.counts_as_least" if several else "series.counts_as"
    said.append(text(key, dates=text.number(period.effective_dates, 1)))
    if period.change_sd_km2 > _ROUNDING:
        key = "series.in_time_most" if several else "series.in_time"
        said.append(text(key, sd=text.area(period.change_sd_km2)))
    others, area = period.leave_one_out_km2, period.area_km2
    if len(others) > 1 and area is not None:
        low, high = min(others.values()), max(others.values())
        if high - low > _ROUNDING:
            date = max(others, key=lambda d: abs(others[d] - area))
            said.append(
                text(
                    "series.leave_one",
                    range=cells.interval_km2(text, (low, high)),
                    date=date,
                    change=signed(text, others[date] - area),
                )
            )
    return said


def _facts(
    text: Text, result: SeriesResult, series: AreaSeries, total: AreaSeries
) -> list[tuple[str, str]]:
    period, areas = total.periods[0], total.areas
    counts = _counts(total)
    used = counts.pop("used")
    return [
        (text("series.dates_used"), text("series.dates_of", used=used, all=len(areas))),
        *((text(f"series.{key}"), str(count)) for key, count in counts.items() if count),
        (text("series.weights"), _weights(text, result.weights)),
        (text("series.unseen"), cells.unseen(text, period)),
        *districts_seen(text, series.areas),
        *methods(text, result),
    ]


def _weights(text: Text, weights: str) -> str:
    """Say how the dates were weighed: by a rule, or by a file."""
    if weights in ("clear", "cloud"):
        return text(f"weights.{weights}")
    return text("weights.given", name=Path(weights).name)


def _of_plot(text: Text, series: AreaSeries) -> list[str]:
    estimated = any(area.expected_km2 is not None for area in series.areas)
    said = [text("series.plot_note" if estimated else "series.plot_note_seen")]
    if len(series.periods) > MOST_PANELS:
        said.append(text("series.plot_total", most=MOST_PANELS))
    return said


def _districts(text: Text, series: AreaSeries) -> Part | None:
    """Return the table of districts over the period."""
    col = Columns(text, "series")
    shown = table(
        cells.largest(series.periods),
        [
            col.place(),
            col.km2("s", "expected_km2"),
            col.span("interval_km2"),
            col.km2("s_seen", "area_km2"),
            col.km2("s_filled", "filled_km2"),
            col.span("bounds", cells.far),
            col.written("unseen", lambda p: cells.unseen(text, p)),
            col.number("effective", "effective_dates", 1),
            col.km2("sd_time", "change_sd_km2"),
            col.words("report.status", lambda p: text.known("status", p.status)),
        ],
    )
    more = cells.left_out(text, len(series.periods), "periods.csv")
    return card(shown, Words(f"{text('series.districts_note')} {more}".strip()))


def _dates(text: Text, rows: Sequence[WaterDate], total: AreaSeries) -> Part | None:
    """Return the table of dates, failed ones too."""
    by_date, col = {a.date: a for a in total.areas}, Columns(text, "series")
    shown = table(
        rows,
        [
            col.words("date"),
            col.km2("expected", "expected_km2"),
            col.span("interval_km2"),
            col.km2("area_seen", "area_km2"),
            col.km2("area_filled", "filled_km2"),
            col.span("bounds", cells.far),
            col.written("seen", lambda row: cells.seen(text, row)),
            col.number("weight", digits=3),
            col.written("threshold", lambda row: _threshold(text, row.threshold)),
            col.number("cloud", "cloud_percent"),
            col.words("note", lambda row: cells.note(text, row, by_date.get(row.date))),
        ],
    )
    clouds = any(row.cloud_percent is not None for row in rows)
    notes = ["dates_cloud_note", "dates_note"] if clouds else ["dates_note"]
    return card(shown, Words(" ".join(text(f"series.{note}") for note in notes)))


def _threshold(text: Text, value: float | None) -> str:
    return "" if value is None else text.significant(value, 3)


def _maps(report: Report[SeriesResult]) -> Section | None:
    """Return what changed, and where there was water how often."""
    text, change = report.text, report.result.change
    shown = [("change", ""), ("occurrence", text("series.occurrence_note"))]
    maps = [
        Headed(text(f"series.{name}"), [drawing], level=2)
        for name, caption in shown
        if (drawing := report.drawing(name, text(f"series.{name}"), caption=caption))
    ]
    look = "maps" if len(maps) > 1 else "maps one"
    return section("", Grid(maps, look) if maps else None, changed(text, change))


def _causes(report: Report[SeriesResult], total: AreaSeries, *, several: bool) -> Section | None:
    """Return where the uncertainty comes from."""
    text = report.text
    drawing = report.drawing("causes", text("series.causes"), look="small")
    if drawing is None:
        return None
    said = [text("series.causes_note_total" if several else "series.causes_note")]
    if any(total.periods[0].uncertainty.get(cause) for cause in ONE_SIDED):
        said.append(text("series.causes_upwards"))
    return section(text("series.causes"), Grid([drawing, Grid(notes(said), "plain")], "card pair"))


def _bodies(text: Text, found: Bodies | None) -> Part | None:
    """Return the largest water bodies, and how many there are."""
    if found is None:
        return None
    rule, largest = found.rule, found.largest
    said = text(
        "series.bodies_count",
        count=text.number(found.count, 0),
        detection=rule["detection_percent"],
        extent=rule["extent_percent"],
        seen=rule["seen_percent"],
    )
    if len(largest) < found.count:
        said += " " + text("series.bodies_largest", count=len(largest))
    col = Columns(text, "series")
    shown = table(
        largest,
        [
            col.words("body", lambda row: _number(row) or row.id),
            col.words("body_id", lambda row: row.id if _number(row) else None),
            col.hectares("body_max", "area_max_km2"),
            col.hectares("body_extent", "area_km2"),
            col.words("body_first", "first_water"),
            col.words("body_last", "last_water"),
            col.share("body_wet", "half_wet", 0),
        ],
    )
    return card(Words(said, "lead"), shown if largest else None)


def _number(row: Any) -> str:
    """Return what a body is called on the map; runs of before did not count them."""
    number = getattr(row, "number", None)
    return "" if number is None else f"№{number}"
