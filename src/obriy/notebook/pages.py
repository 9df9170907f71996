"""Nouns as pieces of a page: what a notebook shows of them when they end a cell."""

import base64
import dataclasses
import functools
import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

from matplotlib.image import imsave

from obriy.model.areas import ALL, WHOLE_IMAGE, Area, AreaSeries
from obriy.model.classmap import ClassMap
from obriy.model.legend import Legend, load_legend
from obriy.model.result.base import RunResult
from obriy.model.result.landcover import LandcoverResult
from obriy.model.result.measured import MeasureResult
from obriy.model.scores import COMPARED, Scores
from obriy.notebook.frames import measured, plain
from obriy.notebook.words import language
from obriy.outputs.pages import render
from obriy.outputs.report import cells
from obriy.outputs.report.cells import UNKNOWN, Cell, Column, Columns, Table, table
from obriy.outputs.report.change import leading, led_by
from obriy.outputs.report.evaluation import ClassWords, measures, of_classes, of_map
from obriy.outputs.report.first import First, figures, place_of
from obriy.render.pictures import RGBA, map_picture
from obriy.render.text import Text, text_of
from obriy.tables import table_names

_THUMBNAIL: Final = 320
"""Longest side of a map in a piece of a page, pixels."""
_MOST_ROWS: Final = 200
"""Rows that a piece of a page lists; `to_dataframe` has all."""


@dataclasses.dataclass(frozen=True)
class _Piece:
    """What ``notebook.html.j2`` shows; all of it is text that the template escapes.

    Attributes:
        title: What it is.
        about: Behind that.
        figure: The figure that leads, and what it is.
        lines: Sentences before the tables.
        picture: PNG in base64.
        width: How wide it is shown, pixels.
        tables: Tables; those without rows are left out.
        notes: Sentences in the end.
    """

    title: str
    about: str = ""
    figure: tuple[str, str] | None = None
    lines: Sequence[str] = ()
    picture: str = ""
    width: int = 0
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()

    def html(self) -> str:
        """Return it as HTML."""
        named = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return render("notebook.html.j2", named)


def png(rgba: RGBA) -> str:
    """Return a picture (rows, columns, 4) as PNG in base64."""
    buffer = io.BytesIO()
    imsave(buffer, rgba, format="png")
    return base64.b64encode(buffer.getvalue()).decode()


@functools.singledispatch
def html(noun: Any) -> str:
    """Return a noun as HTML, in the language of the settings."""
    raise NotImplementedError(type(noun))


@html.register
def _(noun: ClassMap) -> str:
    text = text_of(language(""))
    picture = map_picture(noun, lang=text.lang, max_size=_THUMBNAIL)
    rows, columns = noun.labels.shape
    crs = noun.geobox.crs
    place = text("notebook.no_crs") if crs is None else _crs_name(crs)
    size = f"{text.number(rows, 0)} × {text.number(columns, 0)}"
    legend = table(
        [(title, colour, share) for (title, colour), share in
         zip(picture.legend, picture.shares, strict=True)],
        [
            Column(text("report.class"), lambda row: Cell(row[0], row[1]), numeric=False),
            Column(text("notebook.share"), lambda row: text.percent(row[2])),
        ],
    )  # fmt: skip
    step = max(picture.rgba.shape[:2])
    return _Piece(
        text("notebook.map"),
        ", ".join(filter(None, (noun.time, text("notebook.pixels", size=size), place))),
        picture=png(picture.rgba),
        width=round(picture.rgba.shape[1] * max(1.0, 256 / step)),
        tables=[legend],
        notes=[] if len(picture.legend) else [text("report.area_unseen")],
    ).html()


def _crs_name(crs: Any) -> str:
    return f"EPSG:{crs.epsg}" if crs.epsg else str(crs.proj.name)


@html.register
def _(noun: AreaSeries) -> str:
    text = text_of(language(""))
    periods = [*noun.periods, *(dataclasses.replace(p, district=ALL) for p in
                                noun.periods_together)]  # fmt: skip
    dates = sorted({area.date for area in noun.areas if area.date})
    spans = f"{dates[0]} – {dates[-1]}" if len(dates) > 1 else "".join(dates)
    return _Piece(
        text("notebook.areas", what=noun.class_name),
        spans,
        tables=[_areas(text, noun.areas), _periods(text, periods)],
        notes=_left_out(text, len(noun.areas)),
    ).html()


def _areas(text: Text, areas: Sequence[Area]) -> Table:
    col = Columns(text, "report")
    several = len({area.district for area in areas}) > 1
    return table(
        areas[:_MOST_ROWS],
        [
            col.words("series.date", lambda row: row.date or text("report.date_unknown")),
            *([col.place()] if several else []),
            col.km2("series.expected", "expected_km2"),
            col.span("interval", "interval_km2"),
            col.km2("seen_area", "area_km2"),
            col.written("unseen_share", lambda row: cells.unseen(text, row)),
            col.words("causes", lambda row: cells.note(text, row, row)),
        ],
    )


def _periods(text: Text, periods: Sequence[Any]) -> Table:
    col = Columns(text, "series")
    return table(
        periods[:_MOST_ROWS],
        [
            col.place(),
            col.km2("s", "expected_km2"),
            col.span("interval_km2"),
            col.km2("s_seen", "area_km2"),
            col.written("unseen", lambda row: cells.unseen(text, row)),
        ],
    )


def _left_out(text: Text, count: int) -> list[str]:
    if count <= _MOST_ROWS:
        return []
    return [text("notebook.rows", shown=_MOST_ROWS, count=text.number(count, 0))]


@html.register
def _(noun: Scores) -> str:
    text = text_of(language(""))
    known = noun.legend in table_names("legends")
    words = ClassWords.of(load_legend(noun.legend) if known else Legend(noun.legend, ()), text)
    values = noun.to_dict()
    named = "report.accuracy" if noun.independent else "report.agreement"
    lines = [] if noun.independent else [text("report.agreement_note")]
    unseen = text("report.reference_unseen", share=text.percent(noun.unseen_share))
    return _Piece(
        text(named),
        lines=lines,
        tables=[measures(text, [*of_map(text, values), *of_classes(words, values)])],
        notes=[
            text("report.reference", source=noun.reference),
            text("report.pixels_compared", pixels=text.number(noun.pixels, 0)),
            *([unseen] if noun.unseen_share else []),
            *map(text.sentence, noun.notes),
        ],
    ).html()


@html.register
def _(noun: RunResult) -> str:
    text = text_of(language(""))
    lead = _lead(text, noun)
    dates, districts = getattr(noun, "dates", []), getattr(noun, "districts", [])
    beneath: list[str] = []
    if lead is not None:
        pairs = [*([lead.interval] if lead.interval else []), *lead.beneath]
        beneath = [f"{what}: {value}" for value, what in pairs] + list(lead.says)
    return _Piece(
        text("notebook.result", job=noun.job),
        figure=None if lead is None else lead.value,
        lines=beneath,
        tables=[
            _areas(text, measured(noun) if isinstance(noun, MeasureResult) else []),
            _classes(text, noun) if isinstance(noun, LandcoverResult) else _none(),
            _compared(text, [plain(row) for row in getattr(noun, "rows", [])]),
            _headed(text, [row for row in dates if hasattr(row, "headline")], "date"),
            *([_headed(text, districts, "district")] if len(districts) > 1 else []),
        ],
        notes=[
            *(
                f"{f.name}: {text.sentence(str(f.reason))}"
                for f in noun.failed
                if not any(str(f.reason) in str(warning) for warning in noun.warnings)
            ),
            *(text.sentence(str(warning)) for warning in noun.warnings),
            *(
                f"{text.known('outputs', k)}: {noun.outputs[k]}"
                for k in ("report",)
                if k in noun.outputs
            ),
        ],
    ).html()


def _lead(text: Text, result: RunResult) -> First | None:
    """Return the figure that leads; that of land cover is of a class, and is no estimate."""
    if result.headline is None:
        return None
    lead = figures(text, "", result.headline, _place(result))
    if change := leading(result):
        lead = led_by(text, change, lead)
        lead = dataclasses.replace(lead, value=(lead.value[0], lead.label))
    if not isinstance(result, LandcoverResult):
        what = ", ".join(filter(None, (lead.value[1], result.headline.date)))
        return dataclasses.replace(lead, value=(lead.value[0], what))
    title = _words(text, result).title_of(result.headline.what)
    return dataclasses.replace(lead, value=(lead.value[0], title), says=())


def _words(text: Text, result: LandcoverResult) -> ClassWords:
    known = result.legend in table_names("legends")
    return ClassWords.of(load_legend(result.legend) if known else Legend("", ()), text)


def _place(result: RunResult) -> str:
    """Return what the headline of a result is of, see `obriy.outputs.report.first.figures`."""
    rows = getattr(result, "districts", [])
    if result.job == "ice":
        return "sea"
    return place_of(rows[0].district if len(rows) == 1 else ALL if rows else WHOLE_IMAGE)


def _none() -> Table:
    return Table([], [], [])


def _classes(text: Text, result: LandcoverResult) -> Table:
    """Return the classes of land cover with their areas."""
    words, col = _words(text, result), Columns(text, "landcover")
    return table(
        [plain(row) for row in result.classes],
        [
            Column(text("report.class"), lambda row: Cell(
                words.title_of(row["name"]), words.colours.get(row["code"], "")), numeric=False),
            col.km2("report.seen_area", "area_km2"),
            col.share("moving.share", "share"),
        ],
    )  # fmt: skip


def _compared(text: Text, rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return what a comparison compares: by method, date or split, areas and scores."""
    col = Columns(text, "report")
    by = next((name for name in ("method", "date", "split") if rows and name in rows[0]), "method")
    return table(
        rows[:_MOST_ROWS],
        [
            Column(text("series.date" if by == "date" else "report.method"),
                   lambda row: str(row.get(by) or UNKNOWN), numeric=False),
            col.km2("series.expected", "expected_km2"),
            col.km2("seen_area", lambda row: row.get("area_km2", row.get("seen_km2"))),
            *(col.number(f"measures.{key}", key, 3) for key in COMPARED),
            col.words("status", lambda row: text.known("status", row.get("status", "ok"))),
        ],
    )  # fmt: skip


def _headed(text: Text, rows: Sequence[Any], by: str) -> Table:
    """Return a table of the headlines of dates, or of districts."""
    col = Columns(text, "report")
    dated = col.words("series.date", lambda row: row.date or text("report.date_unknown"))
    first = dated if by == "date" else col.place()
    return table(
        rows[:_MOST_ROWS],
        [
            first,
            col.km2("series.expected", lambda row: row.headline and row.headline.km2),
            col.span("interval", lambda row: row.headline and row.headline.interval_km2),
            col.km2("seen_area", lambda row: row.headline and row.headline.seen_km2),
            col.share("unseen_share", lambda row: row.headline and row.headline.unseen_share),
            col.status(),
        ],
    )
