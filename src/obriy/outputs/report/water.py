"""The report of water in one image."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from obriy.model.areas import Area, AreaSeries
from obriy.model.legend import load_legend
from obriy.model.result.water import Estimate
from obriy.outputs.report import cells
from obriy.outputs.report.cells import Columns, table
from obriy.outputs.report.evaluation import ClassWords, of_water
from obriy.outputs.report.first import First, could_not_be_seen, figures, place_of
from obriy.outputs.report.page import Page, Report
from obriy.outputs.report.parts import Grid, Part, Words, card, section
from obriy.render.text import Text


def page(
    report: Report, *, areas: AreaSeries | None = None, share_of_seen: float | None = None
) -> Page:
    """Lay out the report.

    Args:
        report: With the figures ``map``, and those that begin with ``histogram`` and ``index``.
        areas: Areas by district; None where the image has no CRS.
        share_of_seen: Share of the pixels seen that are water, 0 to 1; None: not said.
    """
    text, result = report.text, report.result
    words = ClassWords.of(load_legend("water"), text)
    indices = report.drawings("index", "card")
    histograms = report.drawings("histogram", "plot")
    return Page(
        report,
        _first(text, result, areas, share_of_seen),
        [
            section(
                "",
                report.drawing(
                    "map", text("report.map_alt"), look="card map", caption=text("report.map_note")
                ),
            ),
            section(text("report.districts"), _districts(text, areas)),
            report.warned(),
            of_water(words, result.get("evaluation")),
            section(
                text("report.indices"), Grid(indices, "maps"), Words(text("report.indices_note"))
            )
            if indices
            else None,
            section(
                text("report.distribution"),
                card(*histograms, Words(text("report.distribution_note"))),
            )
            if histograms
            else None,
        ],
    )


def _first(
    text: Text, result: Mapping[str, Any], areas: AreaSeries | None, share_of_seen: float | None
) -> First:
    """Return the first screen: how much water, what was unseen, how far to trust it."""
    total, rows = result.get("area_km2"), () if areas is None else areas.areas
    one = rows[0] if len(rows) == 1 else None
    dates = [d["date"] for d in result.get("dates") or [] if d.get("date")]
    place = "district" if one is None else place_of(one.district)
    own = {key: value for key, value in result.items() if key in Estimate.model_fields}
    first = figures(text, text("report.water"), Estimate(**own).estimate(), place)
    if total is None:
        first = dataclasses.replace(first, value=(text("report.area_unknown"), ""))
    return dataclasses.replace(
        first,
        lines=_lines(text, result, first.value[1], share_of_seen),
        facts=[
            (text("report.date"), ", ".join(dates) or text("report.date_unknown")),
            *([(text("report.method"), str(result["method"]))] if "method" in result else []),
            (text("report.clear"), cells.seen(text, result)),
        ],
        seen=_seen(text, result, one),
        trust=_trust(text, result.get("evaluation")),
    )


def _lines(
    text: Text, result: Mapping[str, Any], what: str, share_of_seen: float | None
) -> list[str]:
    """Say the same in other units; ``what`` the first figure is, for others stand between."""
    lines, mask = [], result.get("mask_area_km2")
    if result.get("expected_km2") is not None:
        lines.append(f"{text.hectares(result['expected_km2'])}, {what}")
    if share_of_seen is not None:
        lines.append(text("report.share_of_seen", share=text.percent(share_of_seen)))
    if mask is not None and mask != result.get("area_km2"):
        lines.append(text("report.whole_pixels", area=text.area(mask)))
    return lines


def _seen(text: Text, result: Mapping[str, Any], area: Area | None) -> str:
    """Say what could not be seen: where clouds are unknown, what else hid the ground."""
    if result["unseen_share"] <= 0 and cells.clouds_unknown(result):
        return ""
    return could_not_be_seen(text, result, area)


def _trust(text: Text, scores: Mapping[str, Any] | None) -> str:
    """Say how the map fared against a reference, or that nobody knows."""
    if not scores:
        return text("report.trust_none")
    water = next((c for c in scores["classes"] if c["name"] == "water"), None)
    if water is None or water["f1"] is None:
        return text("report.trust_undefined")
    interval = cells.score_span(text, (scores.get("intervals") or {}).get("water.f1"))
    return text(
        "report.trust_accuracy" if scores["independent"] else "report.trust_agreement",
        f1=cells.score(text, water["f1"]),
        interval=text("report.trust_interval", interval=interval) if interval else "",
    )


def _districts(text: Text, areas: AreaSeries | None) -> Part | None:
    """Return the table of areas."""
    if areas is None or not areas.areas:
        return None
    col = Columns(text, "report")
    return card(
        table(
            areas.areas,
            [
                col.place(),
                col.km2("expected", "expected_km2"),
                col.span("interval", "interval_km2"),
                col.hectares("expected_ha", "expected_km2"),
                col.km2("seen_area", "area_km2"),
                col.km2("mask_area", lambda a: None if a.mask_km2 == a.area_km2 else a.mask_km2),
                col.span("bounds", cells.far),
                col.km2("district_area", "district_km2"),
                col.written("unseen_share", lambda a: cells.unseen(text, a)),
                col.words("causes", lambda a: cells.causes(text, a)),
                col.status(),
            ],
        )
    )
