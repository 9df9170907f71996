"""The report: one HTML file that needs nothing beside it."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from obriy.model.areas import AreaSeries
from obriy.model.legend import Legend
from obriy.model.provenance import Provenance
from obriy.model.scores import Scores
from obriy.outputs import report_view
from obriy.outputs.files import write_text
from obriy.outputs.pages import frame, render_page
from obriy.render.text import Text, text_of


@dataclasses.dataclass(frozen=True)
class ReportData:
    """All that a report shows.

    Attributes:
        title: What was mapped, e.g. the name of the image.
        lang: ``"en"`` or ``"uk"``.
        result: ``result.json`` as plain values; ``command`` in it says how to make it again.
        legend: Classes of the map.
        provenance: What was read and decided.
        map_svg: The map, of `obriy.render.figures.to_svg`.
        histogram_svgs: The distributions that the decision rests on, likewise.
        index_svgs: Pictures of indices, likewise.
        areas: Areas by district; None where the image has no CRS.
        scores: The comparison with a reference, where there was one.
        share_of_seen: Share of the pixels seen that are water, 0 to 1; None: not said.
    """

    title: str
    lang: str
    result: Mapping[str, Any]
    legend: Legend
    provenance: Provenance
    map_svg: str
    histogram_svgs: Sequence[str] = ()
    index_svgs: Sequence[str] = ()
    areas: AreaSeries | None = None
    scores: Scores | None = None
    share_of_seen: float | None = None


def write_report(data: ReportData, path: Path | str) -> Path:
    """Write the report as one HTML file; return its path."""
    return write_text(Path(path), render_report(data))


def render_report(data: ReportData) -> str:
    """Return the report as HTML."""
    return render_page("report.html.j2", view(data))


def view(data: ReportData) -> dict[str, Any]:
    """Return what the template shows: strings, in the language of the report."""
    from markupsafe import Markup

    text = text_of(data.lang)
    result, scores = data.result, data.scores
    return frame(text, data.title, result, data.provenance) | {
        "answer": report_view.answer(text, result, data.areas, scores, data.share_of_seen),
        "map_svg": Markup(data.map_svg),  # noqa: S704 - drawn by render.figures, which escapes
        "histograms": [Markup(svg) for svg in data.histogram_svgs],  # noqa: S704
        "indices": [Markup(svg) for svg in data.index_svgs],  # noqa: S704
        "districts": _districts(text, data.areas),
        "evaluation": scores and report_view.evaluation(text, scores, data.legend),
    }


def _districts(text: Text, areas: AreaSeries | None) -> dict[str, Any] | None:
    return report_view.districts_table(text, areas) if areas and areas.areas else None
