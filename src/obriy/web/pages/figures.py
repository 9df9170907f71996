"""What a run found, in figures: the headline, the series, tables, scores."""

from collections.abc import Sequence
from typing import Any, Final

from nicegui import ui

from obriy.model.layers import LAYERS
from obriy.model.result.base import RunResult
from obriy.outputs.report import cells
from obriy.outputs.report.cells import Cell, Column, Columns, interval_km2
from obriy.outputs.report.cells import table as made
from obriy.render.text import Text, text_of
from obriy.web.pages.frame import Reader, card, run_url, table
from obriy.web.pages.runs import called

_TEXT: Final = "getComputedStyle(document.body).getPropertyValue('--soft')"
"""JavaScript: the colour of words, on a light page or a dark one."""
_BAR: Final = """(params, api) => {
  const [x, y] = api.coord([api.value(0), api.value(1)]);
  const [, floor] = api.coord([api.value(0), 0]);
  const shape = {x: x - 5, y, width: 10, height: floor - y};
  return {type: "rect", shape, style: {fill: "#9aa5ae"}};
}"""
"""JavaScript: a bar at its date; the bars of ECharts move the dates of their axis."""
_LINE: Final = "#2f80c2"
_UNSEEN: Final = "#9aa5ae"
_LARGEST: Final = 3
"""Classes of land cover that the headline tells."""


def build(result: RunResult, reader: Reader) -> None:
    """Show the figures of a result."""
    text, words = text_of(reader.lang), reader.words
    dates: Sequence[Any] = [row for row in getattr(result, "dates", []) if row.date]
    if len(dates) > 1 and hasattr(dates[0], "expected_km2"):
        with card(words("through_time")):
            series_chart({"": dates}, reader)
    head = result.headline
    if head is not None and head.why == "no_pixel_size":
        ui.label(words("no_area_says")).classes("ob-note")
    _districts(result, reader)
    if dates and hasattr(dates[0], "expected_km2"):
        with card(words("by_date")):
            table(date_table(dates, reader), words("by_date"))
    _classes(result, text, reader)
    _clusters(result, text, reader)
    _scores(result, text, reader)
    _rows(result, text, reader)


def headline(result: RunResult, reader: Reader, run: str = "") -> None:
    """Show the figure that leads, and what belongs to it; ``run``: of which, where it is said."""
    head, text, words = result.headline, text_of(reader.lang), reader.words
    if head is None:
        return
    with card():
        if run:
            ui.link(run, run_url(run)).style("font-weight:700;overflow-wrap:anywhere")
        what = called(head, result, reader.lang)
        if head.km2 is None:
            ui.label(text("report.area_unknown")).classes("ob-figure")
            if head.why == "no_pixel_size":
                ui.label(words("no_area_says")).classes("ob-soft")
        else:
            whole = f"{what} · {words('best').lower()}"
            said = whole if head.of == "whole" else words("class_seen", name=what)
            ui.label(said).classes("ob-soft")
            ui.label(text.area(head.km2)).classes("ob-big")
        of_what = _of_what(result, text)
        if of_what:
            ui.label(of_what).classes("ob-soft")
        facts = []
        if head.interval_km2 is not None:
            facts.append((words("interval"), interval_km2(text, head.interval_km2)))
        if head.of == "whole" and head.seen_km2 is not None:
            facts.append((words("class_seen", name=what), text.area(head.seen_km2)))
        if head.filled_km2 is not None:
            facts.append((words("filled"), text.area(head.filled_km2)))
        facts += _largest(result, text, reader)
        facts.append((words("ground_unseen"), cells.unseen(text, head)))
        with ui.element("div").classes("ob-row").style("gap:.5rem 2rem"):
            for name, value in facts:
                with ui.element("div"):
                    ui.label(name).classes("ob-soft")
                    ui.label(value).style("font-weight:600")


def _of_what(result: RunResult, text: Text) -> str:
    """Return the days and districts that a result is of."""
    days = sorted(row.date for row in getattr(result, "dates", []) if row.date)
    when = list(dict.fromkeys([days[0], days[-1]])) if days else []
    rows = getattr(result, "districts", [])
    return " · ".join([" – ".join(when)] * bool(when) + [text.place(r.district) for r in rows[:3]])


def _largest(result: RunResult, text: Text, reader: Reader) -> list[tuple[str, str]]:
    """Return the largest classes of a map of land cover, with their shares of what was seen."""
    rows = getattr(getattr(result, "total", None), "classes", None) or []
    legend, largest = legend_of(result) if rows else {}, sorted(rows, key=lambda row: -row.share)
    known = [(legend.get(row.code), row) for row in largest[:_LARGEST]]
    return [(c.called(reader.lang) if c else r.name, text.percent(r.share)) for c, r in known]


def series_chart(runs: dict[str, Sequence[Any]], reader: Reader) -> None:
    """Show areas through time, with their intervals and the share that was not seen.

    Args:
        runs: Dates by the name of their run; one without a name alone.
        reader: Who looks.
    """
    words = reader.words
    colours = [_LINE, "#d9822b"]
    series: list[dict[str, Any]] = []
    for (name, rows), colour in zip(runs.items(), colours, strict=False):
        series += _lines(name, rows, colour, words)
    days = sorted(row.date for rows in runs.values() for row in rows)
    axis = {"axisLabel": {":color": _TEXT, "hideOverlap": True}, "nameTextStyle": {":color": _TEXT}}
    time = {"type": "time", "min": days[0], "max": days[-1], **axis}
    quiet = {"lineStyle": {"color": "#8aa0b455"}}
    ui.echart(
        {
            "aria": {"enabled": True, "label": {"description": words("chart_alt")}},
            "animation": False,
            "grid": [
                {"left": 64, "right": 24, "top": 48, "height": "58%"},
                {"left": 64, "right": 24, "bottom": 40, "height": "14%"},
            ],
            "legend": {"top": 0, "textStyle": {":color": _TEXT}, "type": "scroll"},
            "tooltip": {"trigger": "axis"},
            "xAxis": [
                {**time, "gridIndex": 0, "axisLabel": {"show": False}},
                {**time, "gridIndex": 1},
            ],
            "yAxis": [
                {"type": "value", "name": words("area"), "gridIndex": 0, "min": 0, **axis,
                 "splitLine": quiet},
                {"type": "value", "name": f"{words('unseen')}, %", "gridIndex": 1, "max": 100,
                 "interval": 50, **axis, "splitLine": quiet},
            ],
            "series": series,
        }
    ).classes("ob-chart").props(f'role="img" aria-label="{words("chart_alt")}"')  # fmt: skip


# fmt: off
def _lines(name: str, rows: Sequence[Any], colour: str, words: Any) -> list[dict[str, Any]]:
    title = f"{name} · " if name else ""
    known = [row for row in rows if row.interval_km2 is not None]
    estimated = any(row.expected_km2 is not None for row in rows)
    band = {"type": "line", "stack": f"band {name}", "symbol": "none", "silent": True,
            "lineStyle": {"opacity": 0}, "tooltip": {"show": False}}
    low = [[row.date, row.interval_km2[0]] for row in known]
    wide = [[row.date, row.interval_km2[1] - row.interval_km2[0]] for row in known]
    best = [[row.date, row.expected_km2] for row in rows]
    seen = [[row.date, _seen(row)] for row in rows]
    unseen = [[row.date, round(100 * row.unseen_share, 1)] for row in rows]
    estimates = [
        {**band, "data": low},
        {**band, "data": wide, "name": f"{title}{words('interval')}", "color": colour,
         "areaStyle": {"color": colour, "opacity": 0.25}},
        {"type": "line", "name": f"{title}{words('best')}", "data": best, "color": colour,
         "symbol": "circle", "symbolSize": 9, "connectNulls": True},
    ]
    return [
        *(estimates if estimated else []),
        {"type": "line", "name": f"{title}{words('seen')}", "data": seen, "color": colour,
         "symbol": "emptyDiamond", "symbolSize": 9, "lineStyle": {"type": "dashed", "width": 1}},
        {"type": "custom", "name": f"{title}{words('unseen')}, %", "data": unseen,
         "xAxisIndex": 1, "yAxisIndex": 1, "color": _UNSEEN, ":renderItem": _BAR, "clip": False},
    ]


# fmt: on
def _seen(row: Any) -> float | None:
    """Return what was seen on a date; of ice it has a name of its own."""
    found: float | None = getattr(row, "ice_km2", None)
    return found if found is not None else getattr(row, "area_km2", None)


def date_table(dates: Sequence[Any], reader: Reader) -> cells.Table:
    """Return the table of dates."""
    text, words = text_of(reader.lang), reader.words
    return made(
        dates,
        [
            Column(words("date"), lambda row: row.date, numeric=False),
            *_estimates(reader, _seen),
            Column(words("status"), lambda row: cells.status(text, row), numeric=False),
        ],
    )


def _estimates(reader: Reader, seen: Any) -> list[Column]:
    """Return the columns of an estimate: of water, of ice, of any class."""
    text, words = text_of(reader.lang), reader.words
    unit = text("units.km2")

    def km2(value: float | None) -> str:
        return "" if value is None else cells.bare(text.area(value))

    return [
        Column(f"{words('best')}, {unit}", lambda r: km2(getattr(r, "km2", _expected(r)))),
        Column(f"{words('interval')}, {unit}", lambda r: cells.span_km2(text, r.interval_km2)),
        Column(f"{words('seen')}, {unit}", lambda r: km2(seen(r))),
        Column(f"{words('filled')}, {unit}", lambda r: km2(getattr(r, "filled_km2", None))),
        Column(words("unseen"), lambda r: cells.unseen(text, r)),
    ]


def _expected(row: Any) -> float | None:
    found: float | None = getattr(row, "expected_km2", None)
    return found


def _districts(result: RunResult, reader: Reader) -> None:
    rows = [row for row in getattr(result, "districts", []) if row.headline is not None]
    if not rows:
        return
    text, words = text_of(reader.lang), reader.words
    names = {id(row.headline): text.place(row.district) for row in rows}
    first = Column(words("district"), lambda head: names[id(head)], numeric=False)
    columns = [first, *_estimates(reader, lambda head: head.seen_km2)]
    with card(words("by_district")):
        table(made([row.headline for row in rows], columns), words("by_district"))


def _classes(result: RunResult, text: Text, reader: Reader) -> None:
    rows = getattr(getattr(result, "total", None), "classes", None)
    if not rows:
        return
    words, legend = reader.words, legend_of(result)

    def named(row: Any) -> Cell:
        known = legend.get(row.code)
        word = known.called(reader.lang) if known else text("map.unnamed")
        return Cell(word, known.colour if known else "")

    col = Columns(text, "report")
    shown = made(
        rows,
        [
            col.words("report.class", named),
            col.km2("report.seen_area", "area_km2"),
            Column(words("share"), lambda row: text.percent(row.share)),
        ],
    )
    with card(words("classes")):
        table(shown, words("classes"))


def _clusters(result: RunResult, text: Text, reader: Reader) -> None:
    """Show what each labeller called each cluster."""
    rows = getattr(result, "clusters", None)
    if not rows:
        return
    words, legend = reader.words, legend_of(result)

    def called_(code: Any, name: str) -> str:
        known = legend.get(code)
        return known.called(reader.lang) if known else text.known("fields", name)

    def votes(row: Any) -> str:
        said = [(v["labeller"], called_(v.get("code"), str(v["answer"]))) for v in row.votes]
        return "; ".join(f"{who}: {what}" for who, what in said)

    shown = made(
        rows,
        [
            Column(words("cluster"), lambda row: str(row.id), numeric=False),
            Column(words("name"), lambda row: called_(row.code, row.name), numeric=False),
            Column(words("share"), lambda row: text.percent(row.share)),
            Column(words("confidence"), lambda row: text.percent(row.confidence, 0)),
            Column(words("votes"), votes, numeric=False),
        ],
    )
    with card(words("clusters")):
        table(shown, words("clusters"))


def legend_of(result: RunResult) -> dict[int, Any]:
    """Return the classes of a result by code."""
    from obriy.errors import ObriyError
    from obriy.sources.legends import open_legend

    try:
        return {c.code: c for c in open_legend(str(getattr(result, "legend", "")))}
    except ObriyError:  # a file of one's own that is gone: names stay without it
        return {c.code: c for layer in LAYERS.values() for c in layer.legend or ()}


def _scores(result: RunResult, text: Text, reader: Reader) -> None:
    found = getattr(result, "evaluation", None)
    if found is None:
        return
    words = reader.words
    with card(words("scores")):
        if not found.independent:
            ui.label(text("report.agreement_note")).classes("ob-note")
        ui.label(text("report.reference", source=_base(found.reference)))
        col = Columns(text, "report")
        whole = [
            (text.known("measures", name), getattr(found, name, None))
            for name in ("overall_accuracy", "kappa", "mean_iou", "iou", "f1")
        ]
        rows = [row for row in whole if row[1] is not None]
        columns = [
            col.words("report.measure", lambda r: r[0]),
            col.number("report.value", lambda r: r[1], 3),
        ]
        table(made(rows, columns), words("scores"))
        if found.classes:
            measured = [
                col.words("report.class", lambda r: str(r["name"]).replace("_", " ")),
                *(
                    col.number(f"measures.{n}", lambda r, n=n: r.get(n), 3)
                    for n in ("precision", "recall", "f1", "iou")
                ),
            ]
            table(made(found.classes, measured), words("classes"))


def _base(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2] or name


def _rows(result: RunResult, text: Text, reader: Reader) -> None:
    """Show the rows of a comparison, with the fields that they have."""
    rows = getattr(result, "rows", None)
    if not rows:
        return
    names = list(type(rows[0]).model_fields)
    header = [text.known("fields", name) for name in names]
    numeric = [any(isinstance(getattr(r, n), float) for r in rows) for n in names]
    body = [[_plain(getattr(row, n), text) for n in names] for row in rows]
    with card(reader.words("comparing")):
        table(cells.Table(header, numeric, body), reader.words("comparing"))


def _plain(value: Any, text: Text) -> str:
    if value is None:
        return cells.UNKNOWN
    if isinstance(value, float):
        return text.significant(value)
    if isinstance(value, list | tuple):
        return text.span(*(_plain(v, text) for v in value)) if len(value) == 2 else str(value)
    return text.sentence(str(value)) if isinstance(value, str) else str(value)
