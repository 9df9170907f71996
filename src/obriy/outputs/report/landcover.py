"""The report of land cover."""

import base64
import dataclasses
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from obriy.model.areas import PARTIAL_ABOVE
from obriy.model.legend import UNNAMED, Legend
from obriy.model.provenance import Provenance
from obriy.model.result.landcover import ClassRow, LandcoverResult
from obriy.outputs.report import cells
from obriy.outputs.report.cells import Cell, Column, Columns, Table, table
from obriy.outputs.report.evaluation import ClassWords, of_cover
from obriy.outputs.report.first import First
from obriy.outputs.report.moving import moving_map, of_class, parcel
from obriy.outputs.report.naming import (
    cost,
    disputes,
    labellers,
    largest_first,
    listed,
    number,
    rounds,
    votes,
)
from obriy.outputs.report.page import Page, Report
from obriy.outputs.report.parts import (
    Part,
    Picture,
    Words,
    card,
    section,
)
from obriy.outputs.report.season import of_season
from obriy.render.text import Text

Row = Mapping[str, Any]

_SHOWN: Final = {"naming": ("names", "rounds"), "clusters": ("splits", "warnings")}
"""Of a step: what has a section of its own in the page."""
_HATCHED: Final = "repeating-linear-gradient(45deg,#7a858f 0 2px,transparent 2px 6px)"
"""Of what was not seen: no class has a pattern."""
_QUALITY: Final = 82
"""Of the contact sheet in the page; the file beside it has every pixel."""


def page(
    report: Report[LandcoverResult], *, legend: Legend, sheet: bytes = b"", years: bytes = b""
) -> Page:
    """Lay out the report.

    Args:
        report: With the figure ``map``.
        legend: Classes of the map.
        sheet: The contact sheet, PNG; empty: none.
        years: The years of the clusters of a season, PNG; empty: none.
    """
    text, result = report.text, report.result
    words, clusters = ClassWords.of(legend, text), result.clusters
    several = len(labellers(clusters)) > 1
    problems = [text.sentence(problem) for problem in result.problems]
    return Page(
        dataclasses.replace(report, provenance=_shortened(report.provenance)),
        _first(words, report),
        [
            section(
                text("report.map"), _map(words, report), name="map",
            ),
            section(text("landcover.districts"), _districts(words, result)),
            report.warned(),
            of_cover(words, result.evaluation, _limits(words, result)),
            section(text("year.title"), of_season(text, result.season)),
            section(text("year.clusters"), _picture(text, years, "year.sheet")),
            section(text("landcover.sheet"), _picture(text, sheet, "landcover.sheet")),
            section(text("landcover.clusters_title"), votes(words, clusters)),
            section(text("landcover.disputes"), disputes(words, clusters)) if several else None,
            section(text("landcover.problems"), listed(problems, "card warn")),
            section(text("landcover.rounds"), listed(rounds(words, result))),
            section(text("landcover.number_title"), number(text, result.decision)),
            section(text("landcover.cost"), cost(text, result.cost)),
        ],
    )  # fmt: skip


def _map(words: ClassWords, report: Report[LandcoverResult]) -> Part | None:
    """Return the map that can be moved, with the classes of the whole and of each district."""
    text, result = words.text, report.result
    still = report.drawing(
        "map", text("landcover.map_alt"), look="card map", caption=text("report.map_note")
    )
    districts: dict[str, list[tuple[str, str]]] = {}
    for row in largest_first(result.classes):
        if row.share:
            said = (words.titles[row.code], _district_cell(text, row, unit=True))
            districts.setdefault(row.district, []).append(said)
    for place in result.districts:
        told = (text("moving.unseen_share"), text.percent(place.unseen_share))
        districts.setdefault(place.district, []).append(told)
    return moving_map(
        text,
        report.view,
        still,
        districts=districts,
        classes={row.code: of_class(text, row) for row in result.total.classes},
        body=lambda text, row: parcel(words.titles, text, row),
        kind="parcel",
    )


def _shortened(provenance: Provenance) -> Provenance:
    """Return the record without what the page shows elsewhere: names, splits, scores of numbers."""
    steps = []
    for step in provenance.steps:
        kept = {k: v for k, v in step.items() if k not in _SHOWN.get(step["name"], ())}
        if isinstance(kept.get("number"), Mapping):
            kept["number"] = {k: v for k, v in kept["number"].items() if k != "candidates"}
        steps.append(kept)
    return dataclasses.replace(provenance, steps=tuple(steps))


def _in_words(words: ClassWords, result: LandcoverResult, most: ClassRow) -> str:
    """Say what covers most, and who says so."""
    text = words.text
    name, share = words.titles[most.code], text.percent(most.share, 0)
    who = ", ".join(labellers(result.clusters)) or result.method
    return text("plain.cover", name=name, share=share, who=who)


def _first(words: ClassWords, report: Report[LandcoverResult]) -> First:
    """Return the first screen: which classes, how much of each, how sure, how far to trust it."""
    text, result = words.text, report.result
    classes, made = largest_first(result.total.classes), _made(report)
    named = any(row.code != UNNAMED for row in classes)
    head = text("landcover.nobody" if classes else "report.area_unseen")
    unseen, of_what = result.unseen_share, ""
    if named:
        head = f"{words.titles[classes[0].code]} {text.percent(classes[0].share, 0)}"
        if unseen > PARTIAL_ABOVE:
            of_what = text("landcover.of_seen", seen=text.percent(1 - unseen))
    return First(
        text("landcover.title"),
        (head, of_what),
        known=named,
        plain=[_in_words(words, result, classes[0]), made] if named else [made],
        table=_bars(words, classes, unseen) if classes else None,
        facts=_facts(words, result),
        seen=text("landcover.unseen", share=text.percent(unseen))
        if unseen > 0
        else text("report.all_seen"),
        trust=" ".join(_trust(words, result)),
    )


def _bars(words: ClassWords, classes: Sequence[ClassRow], unseen: float) -> Table:
    """Return a row for each class: a bar, its share, its area, how sure its name is.

    Where a part was not seen it has a row too, and bars are shares of the whole: a class of all
    that was seen must not look like one of all that there is.
    """
    text, col = words.text, Columns(words.text, "landcover")
    partly = unseen > PARTIAL_ABOVE
    seen = 1 - unseen if partly else 1.0
    longest = max(seen * classes[0].share, unseen if partly else 0.0) or 1.0

    def bar(row: ClassRow | None) -> Cell:
        if row is None:
            return Cell("", _HATCHED, bar=100 * unseen / longest)
        return Cell("", words.colours.get(row.code, ""), bar=100 * seen * row.share / longest)

    def of_class(write: Callable[[ClassRow], Any]) -> Callable[[ClassRow | None], Any]:
        return lambda row: None if row is None else write(row)

    unnamed = Cell(text("landcover.not_seen"), _HATCHED)
    return table(
        [*classes, *([None] if partly else [])],
        [
            col.words("class", lambda row: unnamed if row is None else words.named(row.code)),
            Column("", bar, numeric=False),
            *([col.share("share_all", lambda row: unseen if row is None else seen * row.share)]
              if partly else []),
            col.share("share_seen" if partly else "share", of_class(lambda row: row.share)),
            col.written(
                "area",
                of_class(lambda row: None if row.area_km2 is None else text.area(row.area_km2)),
            ),
            col.share("sure", of_class(lambda row: row.confidence), 0),
        ],
        look="bars",
    )  # fmt: skip


def _facts(words: ClassWords, result: LandcoverResult) -> list[tuple[str, str]]:
    text, clusters = words.text, result.clusters
    facts = [
        *_dated(text, result),
        (text("report.method"), result.method),
        (text("landcover.clusters"), str(len(clusters))),
        (text("landcover.labellers"), ", ".join(labellers(clusters)) or cells.UNKNOWN),
        (text("report.clear"), text.percent(1 - result.unseen_share)),
    ]
    named = [c for c in clusters if c.code != UNNAMED]
    share = sum(c.share for c in named)
    if share:
        sure = sum(c.confidence * c.share for c in named) / share
        facts.append((text("landcover.mean_sure"), text.sure(sure)))
    return facts


def _made(report: Report[LandcoverResult]) -> str:
    """Say what the map was made from: an image by its name, a season by how many of its dates."""
    text, season = report.text, report.result.season
    if season is None:
        return text("plain.image_named", name=report.title)
    used = sum(date["seen_share"] > 0 for date in season.dates)
    return text("plain.images", used=used, all=len(season.dates))


def _dated(text: Text, result: LandcoverResult) -> list[tuple[str, str]]:
    """Return the day of the image, or the first and last of a season."""
    days = result.dates[0].date.split("/") if result.dates and result.dates[0].date else []
    if len(days) == 2:
        return [(text("series.dates"), text("series.span", start=days[0], end=days[1]))]
    return [(text("report.date"), days[0])] if days else []


def _trust(words: ClassWords, result: LandcoverResult) -> list[str]:
    """Return sentences on the score, or that nobody knows."""
    text, found = words.text, result.evaluation
    silent = sum(c.share for c in result.clusters if c.code == UNNAMED)
    said = [text("landcover.silent", share=text.percent(silent))] if silent > 0 else []
    if found is None:
        return [*said, text("report.trust_none"), text("landcover.sure_is_not")]
    if found.overall_accuracy is not None:  # of a reference of one class there is none
        said.append(_score_sentence(text, dict(found)))
    return said


def _limits(words: ClassWords, result: LandcoverResult) -> list[str]:
    """Return sentences on what limits the score: clusters, names, the reference itself."""
    text, found = words.text, result.evaluation
    if found is None:
        return []
    said, scores = [], dict(found)
    now, ceiling = found.overall_accuracy, found.ceiling
    if now is not None and ceiling:
        best = ceiling["overall_accuracy"]
        said.append(
            text(
                "landcover.ceiling_sentence",
                ceiling=text.number(best, 2),
                names=text.number(max(best - now, 0.0), 2),
                clusters=text.number(max(1 - best, 0.0), 2),
            )
        )
    own = scores.get("reference_accuracy")
    if own:
        shares = _own_accuracies(text, own["versions"])
        said.append(text("landcover.reference_sentence", product=own["product"], share=shares))
    return said


def _own_accuracies(text: Text, versions: Sequence[Row]) -> str:
    """Write how right the makers found the reference, by version where it cannot be told."""
    if len(versions) == 1:
        return text.percent(versions[0]["overall_accuracy"])
    return ", ".join(f"{text.percent(v['overall_accuracy'])} ({v['version']})" for v in versions)


def _score_sentence(text: Text, scores: Row) -> str:
    bounds = (scores.get("intervals") or {}).get("overall_accuracy")
    low, high = bounds or (0.0, 0.0)
    span = text.span(text.number(100 * low, 0), text.percent(high, 0)) if bounds else ""
    merged = (scores.get("merged") or {}).get("overall_accuracy")
    key = "accuracy_sentence" if scores["independent"] else "agreement_sentence"
    return text(
        f"landcover.{key}",
        accuracy=text.percent(scores["overall_accuracy"], 0),
        interval=text("report.trust_interval", interval=span) if span else "",
        merged=""
        if merged is None
        else text("landcover.merged_part", accuracy=text.percent(merged, 0)),
    )


def _districts(words: ClassWords, result: LandcoverResult) -> Part | None:
    """Return areas and shares by district, a column for each class; None for one place."""
    text, classes = words.text, result.classes
    found = {(row.district, row.code): row for row in classes}
    names = list(dict.fromkeys(name for name, _ in found))
    if len(names) < 2:
        return None

    def column(code: int) -> Column:
        return Column(
            words.titles[code], lambda name: _district_cell(text, found.get((name, code)))
        )

    codes = [row.code for row in largest_first(result.total.classes)]
    place = Columns(text, "report").place(get=lambda name: name)
    return card(table(names, [place, *map(column, codes)]), Words(text("landcover.districts_note")))


def _district_cell(text: Text, row: ClassRow | None, *, unit: bool = False) -> str:
    if row is None or not row.share:
        return ""
    share = text.percent(row.share)
    if row.area_km2 is None:
        return share
    area = text.area(row.area_km2)
    return f"{area if unit else cells.bare(area)} ({share})"


def _picture(text: Text, png: bytes, key: str) -> Part | None:
    """Return a sheet of clusters, with less weight than as PNG."""
    if not png:
        return None
    from PIL import Image

    buffer = io.BytesIO()
    with Image.open(io.BytesIO(png)) as picture:
        picture.convert("RGB").save(buffer, "WEBP", quality=_QUALITY)
    source = f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return Picture(source, text(f"{key}_alt"), text(f"{key}_note"))
