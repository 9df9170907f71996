"""The report of sea ice: one HTML file that needs nothing beside it."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from obriy.model.headline import leading
from obriy.model.ice import IceArea, IceSeason
from obriy.model.provenance import Provenance
from obriy.outputs import ice_view
from obriy.outputs.files import write_text
from obriy.outputs.pages import frame, render_page
from obriy.render.text import text_of

_LABELS = {"polygons": "ice_edge", "map_picture": "picture"}


@dataclasses.dataclass(frozen=True)
class IceReportData:
    """All that a report of sea ice shows.

    Attributes:
        title: What was mapped, e.g. the name of the folder.
        lang: ``"en"`` or ``"uk"``.
        result: ``result.json`` as plain values; ``dates`` are those of all places together.
        areas: Of each place and date.
        seasons: Of each place and winter.
        provenance: What was read and decided.
        figures: Pictures by name, of `obriy.render.figures.to_svg`: ``map``, ``concentration``,
            ``series``, ``anomaly``, ``multiples``; what is missing is left out.
        shown: Date of the map and of the concentration; `headline_date` says which to draw.
        dates_drawn: Dates of which ``multiples`` shows a little map.
        dates_mapped: Dates that have a map.
    """

    title: str
    lang: str
    result: Mapping[str, Any]
    areas: Sequence[IceArea]
    seasons: Sequence[IceSeason]
    provenance: Provenance
    figures: Mapping[str, str]
    shown: str = ""
    dates_drawn: int = 0
    dates_mapped: int = 0


def headline_date(rows: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the date that the report leads with: of the most ice, of those that saw enough.

    Args:
        rows: ``dates`` of ``result.json``.

    Returns:
        None where nothing was seen on any date.
    """
    most = leading(ice_view.dates_of({"dates": rows}))
    return None if most is None else most.date


def write_ice_report(data: IceReportData, path: Path | str) -> Path:
    """Write the report as one HTML file; return its path."""
    return write_text(Path(path), render_ice_report(data))


def render_ice_report(data: IceReportData) -> str:
    """Return the report as HTML."""
    return render_page("ice.html.j2", view(data))


def view(data: IceReportData) -> dict[str, Any]:
    """Return what the template shows: strings, in the language of the report."""
    from markupsafe import Markup

    text, result = text_of(data.lang), data.result
    shown = data.shown or headline_date(result["dates"]) or ""
    common = frame(text, data.title, result, data.provenance, labels=_LABELS)
    return common | {
        "answer": ice_view.answer(text, result, data.areas, data.seasons),
        "figures": {
            name: Markup(svg)  # noqa: S704 - drawn by render.figures, which escapes
            for name, svg in data.figures.items()
        },
        "shown": shown,
        "series_notes": ice_view.series_notes(text, data.seasons),
        "winters": ice_view.winters_table(text, data.seasons),
        "districts": ice_view.districts_table(text, data.areas, shown),
        "dates": ice_view.dates_table(text, ice_view.dates_of(result), data.areas),
        "multiples_note": ice_view.little_maps_note(text, data.dates_drawn, data.dates_mapped),
        "scores": ice_view.scores_table(text, result.get("evaluation")),
        "method_notes": [text(f"ice.method_{key}") for key in ("lines", "interval", "limits")],
    }
