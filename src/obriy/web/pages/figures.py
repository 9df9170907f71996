"""What a run found, in figures: the headline, the series, tables, scores."""

from collections.abc import Sequence
from typing import Any, Final

from nicegui import ui

from obriy.model.headline import Headline
from obriy.model.layers import LAYERS
from obriy.model.result.base import RunResult
from obriy.outputs.report import balance, cells, parts
from obriy.outputs.report.cells import Cell, Column, Columns, interval_km2
from obriy.outputs.report.cells import table as made
from obriy.outputs.report.change import figures as change_figures
from obriy.outputs.report.change import leading
from obriy.outputs.report.first import First
from obriy.render.text import Text, text_of
from obriy.web.pages.charts import seen, series_chart
from obriy.web.pages.frame import Reader, card, run_url, table
from obriy.web.pages.runs import called, class_text

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
    _balance(result, text)
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
    if change := leading(result):
        with card():
            _change(change_figures(class_text(head, result, reader.lang), change))
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
            if head.date is None and len(getattr(result, "dates", [])) > 1:
                said = f"{said} · {text('series.change_average')}"
            ui.label(said).classes("ob-soft")
            ui.label(text.area(head.km2)).classes("ob-big")
        if head.caution:
            ui.label(text.sentence(head.caution)).classes("ob-note")
        of_what = of_what_day_and_place(head, result, text)
        if of_what:
            ui.label(of_what).classes("ob-soft")
        facts = [*_beside(head, what, reader), *_largest(result, text, reader)]
        facts.append((words("ground_unseen"), cells.unseen(text, head)))
        _facts(facts)


def _change(first: First) -> None:
    """Show what changed between two dates: whoever asked for it, wants to know it first."""
    ui.label(first.label).classes("ob-soft")
    ui.label(first.value[0]).classes("ob-big")
    ui.label(first.value[1]).classes("ob-soft")
    told = [*([first.interval] if first.interval else []), *first.beneath]
    _facts([(what[:1].upper() + what[1:], value) for value, what in told])


def _facts(facts: Sequence[tuple[str, str]]) -> None:
    with ui.element("div").classes("ob-row").style("gap:.5rem 2rem"):
        for name, value in facts:
            with ui.element("div"):
                ui.label(name).classes("ob-soft")
                ui.label(value).style("font-weight:600")


def _beside(head: Headline, what: str, reader: Reader) -> list[tuple[str, str]]:
    """Return the figures that belong to the one that leads."""
    text, words, facts = text_of(reader.lang), reader.words, []
    if head.interval_km2 is not None:
        facts.append((words("interval"), interval_km2(text, head.interval_km2)))
    if head.of == "whole" and head.seen_km2 is not None:
        facts.append((words("class_seen", name=what), text.area(head.seen_km2)))
    if head.filled_km2 is not None:
        facts.append((words("filled"), text.area(head.filled_km2)))
    if head.wide and head.bounds_km2 is not None:
        facts.append((words("bounds"), interval_km2(text, head.bounds_km2)))
    return facts


def of_what_day_and_place(head: Headline, result: RunResult, text: Text) -> str:
    """Return the day that a headline is of, else the first and the last, and the districts."""
    dates = [head.date] if head.date else [row.date for row in getattr(result, "dates", [])]
    days = sorted(filter(None, dates))
    when = list(dict.fromkeys([days[0], days[-1]])) if days else []
    when = [edge for day in when for edge in day.split("/")]  # of a season an interval
    rows = getattr(result, "districts", [])
    return " · ".join([" – ".join(when)] * bool(when) + [text.place(r.district) for r in rows[:3]])


def _largest(result: RunResult, text: Text, reader: Reader) -> list[tuple[str, str]]:
    """Return the largest classes of a map of land cover, with their shares of what was seen."""
    rows = getattr(getattr(result, "total", None), "classes", None) or []
    legend, largest = legend_of(result) if rows else {}, sorted(rows, key=lambda row: -row.share)
    known = [(legend.get(row.code), row) for row in largest[:_LARGEST]]
    return [
        (c.called(reader.lang) if c else r.name,
         text("contacts.share", share=text.percent(r.share)))
        for c, r in known
    ]  # fmt: skip


def date_table(dates: Sequence[Any], reader: Reader) -> cells.Table:
    """Return the table of dates."""
    text, words = text_of(reader.lang), reader.words
    return made(
        dates,
        [
            Column(words("date"), lambda row: row.date, numeric=False),
            *_estimates(reader, seen),
            Column(words("status"), lambda row: cells.status(text, row), numeric=False),
        ],
    )


def _estimates(reader: Reader, seen_of: Any) -> list[Column]:
    """Return the columns of an estimate: of water, of ice, of any class."""
    text, words = text_of(reader.lang), reader.words
    unit = text("units.km2")

    def km2(value: float | None) -> str:
        return "" if value is None else cells.bare(text.area(value))

    return [
        Column(f"{words('best')}, {unit}", lambda r: km2(getattr(r, "km2", _expected(r)))),
        Column(f"{words('interval')}, {unit}", lambda r: cells.span_km2(text, r.interval_km2)),
        Column(f"{words('seen')}, {unit}", lambda r: km2(seen_of(r))),
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


def _balance(result: RunResult, text: Text) -> None:
    """Show the area beside the register, and what evaporates, as the report says it."""
    found = {
        "series.register": balance.register_part(text, getattr(result, "comparison", None)),
        "series.evaporation": balance.evaporation_part(text, getattr(result, "evaporation", None)),
    }
    for title, part in found.items():
        if isinstance(part, parts.Grid):
            with card(text(title)):
                for one in part.parts:
                    _part(one, text(title))


def _part(part: parts.Part, title: str) -> None:
    """Show a part of a report: words, a table, what folds."""
    if isinstance(part, parts.Words):
        ui.label(part.text).classes("" if part.look == "lead" else "ob-soft")
    elif isinstance(part, cells.Table):
        table(part, title)
    elif isinstance(part, parts.Folded):
        with ui.expansion(part.title).classes("w-full"):
            for one in part.parts:
                _part(one, part.title)


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
        ui.label(text("report.reference", source=_base(text.sentence(found.reference))))
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
