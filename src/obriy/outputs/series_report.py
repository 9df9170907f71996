"""The report of a series: one HTML file that needs nothing beside it."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from obriy.model.areas import AreaSeries
from obriy.model.provenance import Provenance
from obriy.outputs import series_view
from obriy.outputs.files import write_text
from obriy.outputs.pages import frame, render_page
from obriy.render.text import text_of

_LABELS = {"picture": "series_picture"}


@dataclasses.dataclass(frozen=True)
class SeriesReportData:
    """All that a report of a series shows.

    Attributes:
        title: What was mapped, e.g. the name of the folder.
        lang: ``"en"`` or ``"uk"``.
        result: ``result.json`` of a series as plain values.
        series: Areas by date and district, and over the period.
        total: The same of all districts together; ``series`` itself where there is one.
        provenance: What was read and decided.
        figures: Pictures by name, of `obriy.render.figures.to_svg`: ``series``, ``occurrence``,
            ``multiples``; ``causes`` and ``change`` where there are any.
        dates_drawn: Dates of which a little map is shown.
        dates_mapped: Dates that have a map.
    """

    title: str
    lang: str
    result: Mapping[str, Any]
    series: AreaSeries
    total: AreaSeries
    provenance: Provenance
    figures: Mapping[str, str]
    dates_drawn: int
    dates_mapped: int


def write_series_report(data: SeriesReportData, path: Path | str) -> Path:
    """Write the report as one HTML file; return its path."""
    return write_text(Path(path), render_series_report(data))


def render_series_report(data: SeriesReportData) -> str:
    """Return the report as HTML."""
    return render_page("series.html.j2", view(data))


def view(data: SeriesReportData) -> dict[str, Any]:
    """Return what the template shows: strings, in the language of the report."""
    from markupsafe import Markup

    text, result = text_of(data.lang), data.result
    several = len(data.series.periods) > 1
    common = frame(text, data.title, result, data.provenance, labels=_LABELS)
    return common | {
        "answer": series_view.answer(text, result, data.total, several=several),
        "figures": {
            name: Markup(svg)  # noqa: S704 - drawn by render.figures, which escapes
            for name, svg in data.figures.items()
        },
        "causes_notes": series_view.causes_notes(text, data.total, several=several),
        "plot_notes": series_view.plot_notes(text, data.series),
        "multiples_note": series_view.multiples_note(text, data.dates_drawn, data.dates_mapped),
        "districts": series_view.districts_table(text, data.series) if several else None,
        "register": series_view.register(text, result.get("comparison")),
        "evaporation": series_view.evaporation(text, result.get("evaporation")),
        "change": series_view.change(text, result.get("change")),
        "bodies": series_view.bodies(text, result.get("bodies")),
        "dates": series_view.dates_table(text, result, data.total),
    }
