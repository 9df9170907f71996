"""The report of land cover."""

import base64
import dataclasses
import io
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

from obriy.model.clusters import NOISE
from obriy.model.legend import UNNAMED, Legend
from obriy.model.provenance import Provenance
from obriy.model.result.landcover import ClassRow, ClusterRow, Cost, LandcoverResult
from obriy.outputs.report import cells
from obriy.outputs.report.cells import Cell, Column, Columns, Table, table
from obriy.outputs.report.evaluation import ClassWords, of_cover
from obriy.outputs.report.first import First
from obriy.outputs.report.moving import moving_map, of_class, parcel
from obriy.outputs.report.page import Page, Report
from obriy.outputs.report.parts import (
    Drawing,
    Folded,
    Listing,
    Part,
    Picture,
    Terms,
    Words,
    card,
    section,
)
from obriy.outputs.report.season import of_season
from obriy.render.figures import to_svg
from obriy.render.plots import number_figure
from obriy.render.text import Text

Row = Mapping[str, Any]
Kind = TypeVar("Kind", ClassRow, ClusterRow)

_SHOWN: Final = {"naming": ("names", "rounds"), "clusters": ("splits", "warnings")}
"""Of a step: what has a section of its own in the page."""
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
    several = len(_labellers(clusters)) > 1
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
            section(text("landcover.clusters_title"), _votes(words, clusters)),
            section(text("landcover.disputes"), _disputes(words, clusters)) if several else None,
            section(text("landcover.problems"), _listed(problems, "card warn")),
            section(text("landcover.rounds"), _listed(_rounds(words, result))),
            section(text("landcover.number_title"), _number(text, result.decision)),
            section(text("landcover.cost"), _cost(text, result.cost)),
        ],
        {"polygons": "parcels"},
    )  # fmt: skip


def _map(words: ClassWords, report: Report[LandcoverResult]) -> Part | None:
    """Return the map that can be moved, with the classes of the whole and of each district."""
    text, result = words.text, report.result
    still = report.drawing(
        "map", text("landcover.map_alt"), look="card map", caption=text("report.map_note")
    )
    districts: dict[str, list[tuple[str, str]]] = {}
    for row in _largest_first(result.classes):
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
    who = ", ".join(_labellers(result.clusters)) or result.method
    return text("plain.cover", name=name, share=share, who=who)


def _first(words: ClassWords, report: Report[LandcoverResult]) -> First:
    """Return the first screen: which classes, how much of each, how sure, how far to trust it."""
    text, result = words.text, report.result
    classes, made = (
        _largest_first(result.total.classes),
        text("plain.image_named", name=report.title),
    )
    named = any(row.code != UNNAMED for row in classes)
    head = text("landcover.nobody" if classes else "report.area_unseen")
    if named:
        head = f"{words.titles[classes[0].code]} {text.percent(classes[0].share, 0)}"
    unseen = result.unseen_share
    return First(
        text("landcover.title"),
        (head, ""),
        known=named,
        plain=[_in_words(words, result, classes[0]), made] if named else [made],
        table=_bars(words, classes) if classes else None,
        facts=_facts(words, result),
        seen=text("landcover.unseen", share=text.percent(unseen))
        if unseen > 0
        else text("report.all_seen"),
        trust=" ".join(_trust(words, result)),
    )


def _largest_first(rows: Sequence[Kind]) -> list[Kind]:
    return sorted(rows, key=lambda row: -row.share)


def _bars(words: ClassWords, classes: Sequence[ClassRow]) -> Table:
    """Return a row for each class: a bar, its share, its area, how sure its name is."""
    col = Columns(words.text, "landcover")
    most = classes[0].share or 1.0
    return table(
        classes,
        [
            col.words("class", lambda row: words.named(row.code)),
            Column(
                "",
                lambda row: Cell("", words.colours.get(row.code, ""), bar=100 * row.share / most),
                numeric=False,
            ),
            col.share("share"),
            col.written(
                "area",
                lambda row: None if row.area_km2 is None else words.text.area(row.area_km2),
            ),
            col.number("sure", "confidence", 2),
        ],
        look="bars",
    )


def _facts(words: ClassWords, result: LandcoverResult) -> list[tuple[str, str]]:
    text, clusters = words.text, result.clusters
    facts = [
        (text("report.method"), result.method),
        (text("landcover.clusters"), str(len(clusters))),
        (text("landcover.labellers"), ", ".join(_labellers(clusters)) or cells.UNKNOWN),
        (text("report.clear"), text.percent(1 - result.unseen_share)),
    ]
    named = [c for c in clusters if c.code != UNNAMED]
    share = sum(c.share for c in named)
    if share:
        sure = sum(c.confidence * c.share for c in named) / share
        facts.append((text("landcover.mean_sure"), text.number(sure, 2)))
    return facts


def _labellers(clusters: Sequence[ClusterRow]) -> list[str]:
    return list(dict.fromkeys(vote["labeller"] for c in clusters for vote in c.votes))


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

    codes = [row.code for row in _largest_first(result.total.classes)]
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


def _votes(words: ClassWords, clusters: Sequence[ClusterRow]) -> Part | None:
    """Return a row for each cluster and a column for each labeller.

    A vote that is not the name of the cluster is marked; a labeller without an answer is told so.
    """
    text, asked = words.text, _labellers(clusters)
    several, col = len(asked) > 1, Columns(words.text, "landcover")

    def column(labeller: str) -> Column:
        def cell(cluster: ClusterRow) -> Cell:
            votes = {vote["labeller"]: vote for vote in cluster.votes}
            return _vote(words, votes.get(labeller), cluster.code)

        return Column(labeller, cell, numeric=False)

    def named(key: str) -> Any:
        return lambda cluster: None if cluster.code == UNNAMED else getattr(cluster, key)

    shown = table(
        _largest_first(clusters),
        [
            col.words("number", lambda cluster: _title(text, cluster.id)),
            col.words("name", lambda cluster: words.named(cluster.code)),
            col.share("share"),
            col.number("sure", named("confidence"), 2),
            *([col.share("agreed", named("agreement"), 0)] if several else []),
            *map(column, asked),
        ],
        look="votes",
    )
    note = Words(text("landcover.votes_note")) if several else None
    return card(shown, note, _reasons(words, clusters, several=several))


def _title(text: Text, number: int) -> str:
    """Return how a cluster is called: its number, or that it is noise."""
    return text("landcover.noise") if number == NOISE else str(number)


def _vote(words: ClassWords, vote: Row | None, code: int) -> Cell:
    """Return the words of a vote, whether it went against the name, and the second guess."""
    text = words.text
    if vote is None:
        return Cell(cells.UNKNOWN)
    if vote["problem"] and vote["code"] == UNNAMED:
        return Cell(text("landcover.no_answer"), note=text.sentence(vote["problem"]))
    said = words.titles.get(vote["code"], str(vote["normalised"]))
    sure = "" if vote["code"] == UNNAMED else f" {text.number(vote['confidence'], 2)}"
    notes = []
    if vote["second"]:
        notes.append(text("landcover.or", answer=words.title_of(str(vote["second"]))))
    if vote["mixed"]:
        notes.append(text("contacts.mixed"))
    if vote["answer"] and vote["how"] not in ("", "exact"):
        notes.append(text("landcover.wrote", answer=vote["answer"]))
    against = vote["code"] not in (code, UNNAMED)
    return Cell(
        f"{said}{sure}",
        note=", ".join(notes),
        hint=text("landcover.against") if against else "",
    )


def _reasons(words: ClassWords, clusters: Sequence[ClusterRow], *, several: bool) -> Part | None:
    """Return for each cluster what the labellers gave as their reason."""
    found = []
    for cluster in _largest_first(clusters):
        given = [
            f"{vote['labeller']}: {said}" if several else said
            for vote in cluster.votes
            if (said := words.text.sentence(vote["evidence"]))
        ]
        if given:
            title = f"{_title(words.text, cluster.id)}. {words.titles[cluster.code]}"
            found.append((title, given))
    return Folded(words.text("landcover.reasons"), [Terms(found)]) if found else None


def _disputes(words: ClassWords, clusters: Sequence[ClusterRow]) -> Part | None:
    """Return a sentence on each cluster about which the labellers disagree, the largest first."""
    said = []
    for cluster in _largest_first(clusters):
        sides: dict[int, list[str]] = {}
        for vote in cluster.votes:
            if vote["code"] != UNNAMED:
                sides.setdefault(vote["code"], []).append(vote["labeller"])
        if len(sides) > 1:
            parts = [f"{words.titles[code]}: {', '.join(who)}" for code, who in sides.items()]
            said.append(
                words.text(
                    "landcover.dispute",
                    number=_title(words.text, cluster.id),
                    share=words.text.percent(cluster.share),
                    sides="; ".join(parts),
                    name=words.titles[cluster.code],
                )
            )
    return _listed(said) or card(Words(words.text("landcover.agreed_all"), "lead"))


def _listed(sentences: Sequence[str], look: str = "card") -> Part | None:
    return card(Listing(sentences), look=look) if sentences else None


def _rounds(words: ClassWords, result: LandcoverResult) -> list[str]:
    """Return a sentence for each cluster that was split or merged, and why."""
    text, said = words.text, []
    codes = {cluster.id: cluster.code for cluster in result.clusters}
    for entry in result.rounds:
        into = entry["into"] if isinstance(entry["into"], list | tuple) else [entry["into"]]
        why = text.sentence(str(entry["why"]))
        code = next((codes[n] for n in into if n in codes), None)
        if entry["action"] == "merge" and code is not None:
            why = text("landcover.same_name", name=words.titles[code])
        numbers = ", ".join(map(str, into))
        key = f"landcover.{entry['action']}"
        said.append(text(key, cluster=entry["cluster"], into=numbers, why=why))
    return said


def _number(text: Text, decision: Row) -> Part | None:
    """Return the plot of the numbers of clusters that were compared, and why one was taken."""
    number = decision.get("number") or {}
    scores = {int(row["clusters"]): float(row["score"]) for row in number.get("candidates") or ()}
    if len(scores) < 2:
        return None
    figure = number_figure(scores, int(number.get("clusters") or 0), lang=text.lang)
    said = text.sentence(str(number["criterion"]))
    return card(
        Drawing(to_svg(figure, "number"), text("landcover.number_alt"), "plot"),
        Words(text("landcover.number_note", criterion=said)),
    )


def _cost(text: Text, cost: Cost | None) -> Part | None:
    """Return what naming cost: a sentence, and a table where a service was asked."""
    if cost is None:
        return None
    spent = dict(cost)
    if not spent["calls"] and not spent["cached"]:
        return card(Words(text("landcover.cost_none"), "lead"))
    rows = [{"labeller": name, **used} for name, used in (spent["by_labeller"] or {}).items()]
    if len(rows) > 1:
        rows.append({"labeller": text("landcover.all"), **spent})
    col, stopped = Columns(text, "landcover"), str(spent.get("stopped_by") or "")
    shown = table(
        rows,
        [
            col.words("labeller"),
            *(col.number(key) for key in ("calls", "cached", "input_tokens", "output_tokens")),
            col.number("usd", digits=3),
        ],
    )
    return card(shown, Words(text("landcover.stopped", cap=stopped)) if stopped else None)
