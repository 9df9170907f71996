"""The report of water in one image."""

import dataclasses

from obriy.model.areas import WHOLE_IMAGE, Area, AreaSeries
from obriy.model.legend import load_legend
from obriy.model.result.base import Evaluation, RunResult
from obriy.model.result.measured import ImageResult
from obriy.outputs.report import cells
from obriy.outputs.report.cells import Columns, table
from obriy.outputs.report.evaluation import ClassWords, of_water
from obriy.outputs.report.first import (
    First,
    could_not_be_seen,
    districts_seen,
    figures,
    in_words,
    place_of,
)
from obriy.outputs.report.moving import by_district, figures_of, moving_map, patch
from obriy.outputs.report.page import Page, Report
from obriy.outputs.report.parts import Grid, Part, Words, card, section
from obriy.render.text import Text


def page(
    report: Report[ImageResult],
    *,
    areas: AreaSeries | None = None,
    share_of_seen: float | None = None,
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
        _first(report, areas, share_of_seen),
        [
            section(
                text("report.map"),
                _map(report, areas),
                _whole_pixels(text, result),
                name="map",
            ),
            section(text("report.districts"), _districts(text, areas)),
            report.warned(),
            of_water(words, result.evaluation),
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


def _map(report: Report[ImageResult], areas: AreaSeries | None) -> Part | None:
    """Return the map that can be moved, with the figures of districts, water bodies, the class."""
    text, result = report.text, report.result
    still = report.drawing(
        "map", text("report.map_alt"), look="card map", caption=text("report.map_note")
    )
    rows = () if areas is None else areas.areas
    view = report.view
    return moving_map(
        text,
        view,
        still,
        districts=by_district(text, rows),
        classes={view.code: figures_of(text, result)} if view and areas else {},
        body=patch,
        kind="patch" if report.of else "body",
    )


def _first(
    report: Report[ImageResult], areas: AreaSeries | None, share_of_seen: float | None
) -> First:
    """Return the first screen: how much water, what was unseen, how far to trust it."""
    text, result = report.text, report.result
    rows = () if areas is None else areas.areas
    made = text("plain.image_named", name=report.title)
    one = rows[0] if len(rows) == 1 else None
    dates = [row.date for row in result.dates if row.date]
    place = "district" if one is None else place_of(one.district)
    assert result.headline is not None  # of areas there is one
    first = figures(text, text("report.water"), result.headline, place)
    if result.area_km2 is None:
        first = dataclasses.replace(first, value=(text("report.area_unknown"), ""))
    return dataclasses.replace(
        first,
        plain=in_words(text, result.headline, _when(text, dates), place, made),
        lines=_lines(text, result, share_of_seen),
        facts=[
            (text("report.date"), ", ".join(dates) or text("report.date_unknown")),
            *methods(text, result),
            (text("report.clear"), cells.seen(text, result)),
            *districts_seen(text, rows),
        ],
        seen=_seen(text, result, one),
        trust=_trust(text, result.evaluation),
    )


def methods(text: Text, result: RunResult) -> list[tuple[str, str]]:
    """Return what mapped it; nothing of a map that somebody else made."""
    method = getattr(result, "method", None)
    return [] if method is None else [(text("report.method"), str(method))]


def _when(text: Text, dates: list[str]) -> str:
    return text("plain.on", date=", ".join(dates)) if dates else ""


def _lines(text: Text, result: ImageResult, share_of_seen: float | None) -> list[str]:
    """Say the same in other units; the first, of the whole, is named where others stand between."""
    lines = []
    if result.expected_km2 is None and result.area_km2 is not None:
        lines.append(text.hectares(result.area_km2))
    if share_of_seen is not None:
        lines.append(text("report.share_of_seen", share=text.percent(share_of_seen)))
    return lines


def _whole_pixels(text: Text, result: ImageResult) -> Part | None:
    """Say what was seen in whole pixels, where shares of pixels made the figure."""
    mask = getattr(result, "mask_area_km2", None)
    if mask is None or mask == result.area_km2:
        return None
    return Words(text("report.whole_pixels", area=text.area(mask)))


def _seen(text: Text, result: ImageResult, area: Area | None) -> str:
    """Say what could not be seen: where clouds are unknown, what else hid the ground."""
    if result.unseen_share <= 0 and cells.clouds_unknown(result):
        return ""
    return could_not_be_seen(text, result, area)


def _trust(text: Text, found: Evaluation | None) -> str:
    """Say how the map fared against a reference, or that nobody knows."""
    if found is None:
        return text("report.trust_none")
    water = next((c for c in found.classes if c["name"] == "water"), None)
    if water is None or water["f1"] is None:
        return text("report.trust_undefined")
    return text(
        "report.trust_accuracy" if found.independent else "report.trust_agreement",
        recall=text.percent(water["recall"]),
        precision=text.percent(water["precision"]),
    )


def _districts(text: Text, areas: AreaSeries | None) -> Part | None:
    """Return the table of districts; None where the image is but itself."""
    if areas is None or all(area.district == WHOLE_IMAGE for area in areas.areas):
        return None
    col = Columns(text, "report")
    more = cells.left_out(text, len(areas.areas), "areas.csv")
    return card(
        table(
            cells.largest(areas.areas),
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
        ),
        *([Words(more)] if more else []),
    )
