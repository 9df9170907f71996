"""The report of a land-cover map: one HTML file that needs nothing beside it."""

import base64
import dataclasses
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from obriy.model.legend import Legend
from obriy.model.provenance import Provenance
from obriy.outputs import landcover_scores, landcover_view
from obriy.outputs.files import write_text
from obriy.outputs.pages import frame, render_page
from obriy.render.figures import to_svg
from obriy.render.plots import number_figure
from obriy.render.text import Text, text_of

_LABELS: Final = {"polygons": "parcels"}
_SHOWN: Final = {"naming": ("names", "rounds"), "clusters": ("splits", "warnings")}
"""Of a step: what has a section of its own in the page."""
_QUALITY: Final = 82
"""Of the contact sheet in the page; the file beside it has every pixel."""


@dataclasses.dataclass(frozen=True)
class LandcoverReport:
    """All that a report of land cover shows.

    Attributes:
        title: What was mapped, e.g. the name of the image.
        lang: ``"en"`` or ``"uk"``.
        result: ``result.json`` as plain values: ``clusters``, ``classes``, ``evaluation``,
            ``cost``, ``rounds``, ``problems``, ``decision``, ``unseen_share``, ``method``,
            ``command``.
        legend: Classes of the map.
        provenance: What was read and decided.
        map_svg: The map, of `obriy.render.figures.to_svg`.
        sheet: The contact sheet, PNG; empty: none.
    """

    title: str
    lang: str
    result: Mapping[str, Any]
    legend: Legend
    provenance: Provenance
    map_svg: str
    sheet: bytes = b""


def write_landcover_report(data: LandcoverReport, path: Path | str) -> Path:
    """Write the report as one HTML file; return its path."""
    return write_text(Path(path), render_landcover_report(data))


def render_landcover_report(data: LandcoverReport) -> str:
    """Return the report as HTML."""
    return render_page("landcover.html.j2", view(data))


def view(data: LandcoverReport) -> dict[str, Any]:
    """Return what the template shows: strings, in the language of the report."""
    from markupsafe import Markup

    text, result = text_of(data.lang), data.result
    words = landcover_view.ClassWords.of(data.legend, text)
    evaluation = result.get("evaluation")
    common = frame(text, data.title, result, _shortened(data.provenance), labels=_LABELS)
    return common | {
        "answer": landcover_view.answer(words, result),
        "map_svg": Markup(data.map_svg),  # noqa: S704 - drawn by render.figures, which escapes
        "sheet": _embedded(data.sheet),
        "districts": landcover_view.districts_table(words, result),
        "clusters": landcover_view.clusters_table(words, result["clusters"]),
        "disputes": landcover_view.disputes(words, result["clusters"]),
        "reasons": landcover_view.reasons(words, result["clusters"]),
        "rounds": landcover_view.rounds(words, result.get("rounds") or [], result["clusters"]),
        "evaluation": evaluation and landcover_scores.evaluation(words, evaluation),
        "number": _number(text, result.get("decision") or {}),
        "cost": landcover_view.cost(text, result.get("cost")),
        "problems": [text.sentence(problem) for problem in result.get("problems") or []],
    }


def _shortened(provenance: Provenance) -> Provenance:
    """Return the record without what the page shows elsewhere: names, splits, scores of numbers."""
    steps = []
    for step in provenance.steps:
        kept = {
            key: value for key, value in step.items() if key not in _SHOWN.get(step["name"], ())
        }
        if isinstance(kept.get("number"), Mapping):
            kept["number"] = {k: v for k, v in kept["number"].items() if k != "candidates"}
        steps.append(kept)
    return dataclasses.replace(provenance, steps=tuple(steps))


def _number(text: Text, decision: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the plot of the numbers of clusters that were compared, and why one was taken."""
    from markupsafe import Markup

    number = decision.get("number") or {}
    scores = {int(row["clusters"]): float(row["score"]) for row in number.get("candidates") or ()}
    if len(scores) < 2:
        return None
    figure = number_figure(scores, int(number.get("clusters") or 0), lang=text.lang)
    said = text.sentence(str(number["criterion"]))
    return {
        "svg": Markup(to_svg(figure, "number")),  # noqa: S704 - drawn here, which escapes
        "note": text("landcover.number_note", criterion=said),
    }


def _embedded(png: bytes) -> str:
    """Return a picture as the address of an ``<img>``, with less weight than as PNG."""
    if not png:
        return ""
    from PIL import Image

    buffer = io.BytesIO()
    with Image.open(io.BytesIO(png)) as picture:
        picture.convert("RGB").save(buffer, "WEBP", quality=_QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
