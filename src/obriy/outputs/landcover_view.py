"""From the results of a land-cover map to the strings of its report."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

from obriy.model.clusters import NOISE
from obriy.model.legend import UNNAMED, Legend
from obriy.outputs.report_view import bare
from obriy.render.palette import UNNAMED_COLOUR
from obriy.render.series import district_title
from obriy.render.text import Text

Table = dict[str, Any]
"""``header``, ``numeric`` (by column) and ``rows``, all strings."""

_UNKNOWN: Final = "–"


@dataclasses.dataclass(frozen=True)
class ClassWords:
    """The classes of a map in the language of the reader.

    Attributes:
        text: The language.
        titles: Title by code, 255 (not named) included.
        colours: ``#rrggbb`` by code.
        codes: Code by machine name.
    """

    text: Text
    titles: Mapping[int, str]
    colours: Mapping[int, str]
    codes: Mapping[str, int]

    @classmethod
    def of(cls, legend: Legend, text: Text) -> "ClassWords":
        """Return the words of a legend."""
        titles = {c.code: c.title.get(text.lang) or c.title["en"] for c in legend}
        return cls(
            text,
            titles | {UNNAMED: text("map.unnamed")},
            {c.code: c.colour for c in legend} | {UNNAMED: UNNAMED_COLOUR},
            {c.name: c.code for c in legend},
        )

    def title_of(self, name: str) -> str:
        """Return the title of a class by its machine name; the name itself where it is none."""
        return self.titles[self.codes[name]] if name in self.codes else name.replace("_", " ")

    def named(self, code: int) -> dict[str, str]:
        """Return title and colour of a class, for a swatch with its name."""
        return {"title": self.titles.get(code, str(code)), "colour": self.colours.get(code, "")}


def answer(words: ClassWords, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the first screen: which classes, how much of each, how sure, how far to trust it."""
    text, classes = words.text, _largest_first(result["total"]["classes"])
    most = max((row["share"] for row in classes), default=0.0)
    nameless = all(row["code"] == UNNAMED for row in classes)
    return {
        "label": text("landcover.title"),
        "known": not nameless,
        "value": text(_nothing(classes)) if nameless else _headline(words, classes[0]),
        "bars": [_bar(words, row, most) for row in classes],
        "header": [text(f"landcover.{key}") for key in ("class", "share", "area", "sure")],
        "sized": any(row["area_km2"] is not None for row in classes),
        "facts": _facts(words, result),
        "seen": _seen(text, float(result["unseen_share"])),
        "trust": " ".join(trust(words, result)),
    }


def _largest_first(classes: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(classes, key=lambda row: -row["share"])


def _districts(classes: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(str(row.get("district", "")) for row in classes))


def _nothing(classes: Sequence[Mapping[str, Any]]) -> str:
    """Return the text of what is said in place of a class: nothing seen, or nothing named."""
    return "landcover.nobody" if classes else "report.area_unseen"


def _headline(words: ClassWords, row: Mapping[str, Any]) -> str:
    return f"{words.titles[row['code']]} {words.text.percent(row['share'], 0)}"


def _bar(words: ClassWords, row: Mapping[str, Any], most: float) -> dict[str, str]:
    text = words.text
    return words.named(row["code"]) | {
        "width": f"{100 * row['share'] / most:.1f}",
        "share": text.percent(row["share"]),
        "area": _UNKNOWN if row["area_km2"] is None else text.area(row["area_km2"]),
        "sure": _UNKNOWN if row.get("confidence") is None else text.number(row["confidence"], 2),
    }


def _facts(words: ClassWords, result: Mapping[str, Any]) -> list[tuple[str, str]]:
    text, clusters = words.text, result["clusters"]
    asked = dict.fromkeys(vote["labeller"] for c in clusters for vote in c["votes"])
    facts = [
        (text("report.method"), str(result["method"])),
        (text("landcover.clusters"), str(len(clusters))),
        (text("landcover.labellers"), ", ".join(asked) or _UNKNOWN),
        (text("report.clear"), text.percent(1 - float(result["unseen_share"]))),
    ]
    named = [c for c in clusters if c["code"] != UNNAMED]
    share = sum(c["share"] for c in named)
    if share:
        sure = sum(c["confidence"] * c["share"] for c in named) / share
        facts.append((text("landcover.mean_sure"), text.number(sure, 2)))
    return facts


def _seen(text: Text, unseen: float) -> str:
    if unseen <= 0:
        return text("report.all_seen")
    return text("landcover.unseen", share=text.percent(unseen))


def trust(words: ClassWords, result: Mapping[str, Any]) -> list[str]:
    """Return sentences on the score, on what limits it, and on the reference itself."""
    text, evaluation = words.text, result.get("evaluation")
    silent = sum(c["share"] for c in result["clusters"] if c["code"] == UNNAMED)
    said = [text("landcover.silent", share=text.percent(silent))] if silent > 0 else []
    if not evaluation:
        return [*said, text("report.trust_none"), text("landcover.sure_is_not")]
    ceiling = evaluation.get("ceiling")
    if evaluation["overall_accuracy"] is None:  # a reference of one class; the notes say so
        ceiling = None
    else:
        said.append(_score_sentence(text, evaluation))
    if ceiling:
        best, now = ceiling["overall_accuracy"], evaluation["overall_accuracy"]
        said.append(
            text(
                "landcover.ceiling_sentence",
                ceiling=text.number(best, 2),
                names=text.number(max(best - now, 0.0), 2),
                clusters=text.number(max(1 - best, 0.0), 2),
            )
        )
    own = evaluation.get("reference_accuracy")
    if own:
        shares = own_accuracies(text, own)
        said.append(text("landcover.reference_sentence", product=own["product"], share=shares))
    return said


def own_accuracies(text: Text, own: Mapping[str, Any]) -> str:
    """Write how right the makers found the reference, by version where it cannot be told."""
    versions = own["versions"]
    if len(versions) == 1:
        return text.percent(versions[0]["overall_accuracy"])
    return ", ".join(f"{text.percent(v['overall_accuracy'])} ({v['version']})" for v in versions)


def _score_sentence(text: Text, evaluation: Mapping[str, Any]) -> str:
    interval = (evaluation.get("intervals") or {}).get("overall_accuracy")
    merged = evaluation.get("merged")
    key = "accuracy_sentence" if evaluation["independent"] else "agreement_sentence"
    span = interval and text.span(*(text.number(v, 2) for v in interval))
    return text(
        f"landcover.{key}",
        accuracy=text.number(evaluation["overall_accuracy"], 2),
        interval=text("report.trust_interval", interval=span) if span else "",
        merged=text("landcover.merged_part", accuracy=text.number(merged["overall_accuracy"], 2))
        if merged and merged["overall_accuracy"] is not None
        else "",
    )


def districts_table(words: ClassWords, result: Mapping[str, Any]) -> Table | None:
    """Return areas and shares by district, a column for each class; None for one place."""
    classes = result["classes"]
    text, names = words.text, _districts(classes)
    if len(names) < 2:
        return None
    codes = [row["code"] for row in _largest_first(result["total"]["classes"])]
    cells = {(str(row.get("district", "")), row["code"]): row for row in classes}
    rows = [
        [district_title(text, name), *(_district_cell(text, cells.get((name, c))) for c in codes)]
        for name in names
    ]
    return {
        "header": [text("report.district"), *(words.titles[code] for code in codes)],
        "numeric": [False, *(True for _ in codes)],
        "rows": rows,
        "note": text("landcover.districts_note"),
    }


def _district_cell(text: Text, row: Mapping[str, Any] | None) -> str:
    if row is None or not row["share"]:
        return _UNKNOWN
    share = text.percent(row["share"])
    return share if row["area_km2"] is None else f"{bare(text.area(row['area_km2']))} ({share})"


def clusters_table(words: ClassWords, clusters: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a row for each cluster and a column for each labeller.

    A vote that is not the name of the cluster is marked; a labeller without an answer is told so.
    """
    text = words.text
    labellers = list(dict.fromkeys(vote["labeller"] for c in clusters for vote in c["votes"]))
    several = len(labellers) > 1
    keys = ("number", "name", "share", "sure", *(["agreed"] if several else []))
    rows = []
    for cluster in sorted(clusters, key=lambda c: -c["share"]):
        votes = {vote["labeller"]: vote for vote in cluster["votes"]}
        rows.append(
            {
                "number": cluster_title(text, cluster["id"]),
                "name": words.named(cluster["code"]),
                "cells": _cluster_numbers(text, cluster)[: len(keys) - 2],
                "votes": [_vote(words, votes.get(name), cluster["code"]) for name in labellers],
            }
        )
    return {
        "header": [*(text(f"landcover.{key}") for key in keys), *labellers],
        "rows": rows,
        "several": several,
        "figures": len(keys) - 2,
    }


def cluster_title(text: Text, number: int) -> str:
    """Return how a cluster is called: its number, or that it is noise."""
    return text("landcover.noise") if number == NOISE else str(number)


def _cluster_numbers(text: Text, cluster: Mapping[str, Any]) -> list[str]:
    named = cluster["code"] != UNNAMED
    return [
        text.percent(cluster["share"]),
        text.number(cluster["confidence"], 2) if named else _UNKNOWN,
        text.percent(cluster["agreement"], 0) if named else _UNKNOWN,
    ]


def _vote(words: ClassWords, vote: Mapping[str, Any] | None, code: int) -> dict[str, Any]:
    """Return the words of a vote, whether it went against the name, and the second guess."""
    text = words.text
    if vote is None:
        return {"text": _UNKNOWN, "against": False, "note": ""}
    if vote["problem"] and vote["code"] == UNNAMED:
        note = text.sentence(vote["problem"])
        return {"text": text("landcover.no_answer"), "against": False, "note": note}
    said = words.titles.get(vote["code"], str(vote["normalised"]))
    confidence = "" if vote["code"] == UNNAMED else f" {text.number(vote['confidence'], 2)}"
    notes = []
    if vote["second"]:
        notes.append(text("landcover.or", answer=words.title_of(str(vote["second"]))))
    if vote["mixed"]:
        notes.append(text("contacts.mixed"))
    if vote["answer"] and vote["how"] not in ("", "exact"):
        notes.append(text("landcover.wrote", answer=vote["answer"]))
    return {
        "text": f"{said}{confidence}",
        "against": vote["code"] not in (code, UNNAMED),
        "note": ", ".join(notes),
    }


def disputes(words: ClassWords, clusters: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a sentence on each cluster about which the labellers disagree, the largest first."""
    said = []
    for cluster in sorted(clusters, key=lambda c: -c["share"]):
        sides: dict[int, list[str]] = {}
        for vote in cluster["votes"]:
            if vote["code"] != UNNAMED:
                sides.setdefault(vote["code"], []).append(vote["labeller"])
        if len(sides) > 1:
            parts = [f"{words.titles[code]}: {', '.join(who)}" for code, who in sides.items()]
            said.append(
                words.text(
                    "landcover.dispute",
                    number=cluster_title(words.text, cluster["id"]),
                    share=words.text.percent(cluster["share"]),
                    sides="; ".join(parts),
                    name=words.titles[cluster["code"]],
                )
            )
    return said


def reasons(words: ClassWords, clusters: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return for each cluster what the labellers gave as their reason."""
    found = []
    for cluster in sorted(clusters, key=lambda c: -c["share"]):
        given = [
            (vote["labeller"], words.text.sentence(vote["evidence"]))
            for vote in cluster["votes"]
            if vote["evidence"]
        ]
        if given:
            title = cluster_title(words.text, cluster["id"])
            found.append({"title": f"{title}. {words.titles[cluster['code']]}", "given": given})
    return found


def rounds(
    words: ClassWords, log: Sequence[Mapping[str, Any]], clusters: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Return a sentence for each cluster that was split or merged, and why."""
    text = words.text
    codes = {cluster["id"]: cluster["code"] for cluster in clusters}
    said = []
    for entry in log:
        into = ", ".join(str(number) for number in _numbers(entry["into"]))
        why = text.sentence(str(entry["why"]))
        if entry["action"] == "merge":
            code = next((codes[n] for n in _numbers(entry["into"]) if n in codes), None)
            why = why if code is None else text("landcover.same_name", name=words.titles[code])
        said.append(text(f"landcover.{entry['action']}", cluster=entry["cluster"], into=into,
                         why=why))  # fmt: skip
    return said


def _numbers(into: Any) -> list[int]:
    return list(into) if isinstance(into, list | tuple) else [into]


def cost(text: Text, spent: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what naming cost: a sentence, and a table where a service was asked."""
    if spent is None:
        return None
    if not spent["calls"] and not spent["cached"]:
        return {"sentence": text("landcover.cost_none"), "table": None, "stopped": ""}
    keys = ("labeller", "calls", "cached", "input_tokens", "output_tokens", "usd")
    rows = [_cost_row(text, name, used) for name, used in (spent["by_labeller"] or {}).items()]
    if len(rows) > 1:
        rows.append(_cost_row(text, text("landcover.all"), spent))
    stopped = str(spent.get("stopped_by") or "")
    return {
        "sentence": "",
        "table": {"header": [text(f"landcover.{key}") for key in keys], "rows": rows},
        "stopped": text("landcover.stopped", cap=stopped) if stopped else "",
    }


def _cost_row(text: Text, name: str, used: Mapping[str, Any]) -> list[str]:
    counts = [
        _UNKNOWN if used.get(key) is None else text.number(used[key], 0)
        for key in ("calls", "cached", "input_tokens", "output_tokens")
    ]
    usd = _UNKNOWN if used.get("usd") is None else text.number(used["usd"], 3)
    return [name, *counts, usd]
