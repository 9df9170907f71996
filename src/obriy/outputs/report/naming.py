"""How clusters got their names: who said what, splits and merges, the number, the cost."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from obriy.model.clusters import NOISE
from obriy.model.legend import UNNAMED
from obriy.model.result.landcover import ClassRow, ClusterRow, Cost, LandcoverResult
from obriy.outputs.report import cells
from obriy.outputs.report.cells import Cell, Column, Columns, table
from obriy.outputs.report.evaluation import ClassWords
from obriy.outputs.report.parts import (
    Drawing,
    Folded,
    Listing,
    Part,
    Terms,
    Words,
    card,
)
from obriy.render.figures import to_svg
from obriy.render.plots import number_figure
from obriy.render.text import Text

Row = Mapping[str, Any]
Kind = TypeVar("Kind", ClassRow, ClusterRow)


def largest_first(rows: Sequence[Kind]) -> list[Kind]:
    """Return classes or clusters by their shares."""
    return sorted(rows, key=lambda row: -row.share)


def labellers(clusters: Sequence[ClusterRow]) -> list[str]:
    """Return who was asked, each once."""
    return list(dict.fromkeys(vote["labeller"] for c in clusters for vote in c.votes))


def votes(words: ClassWords, clusters: Sequence[ClusterRow]) -> Part | None:
    """Return a row for each cluster and a column for each labeller.

    A vote that is not the name of the cluster is marked; a labeller without an answer is told so.
    """
    text, asked = words.text, labellers(clusters)
    several, col = len(asked) > 1, Columns(words.text, "landcover")

    def column(labeller: str) -> Column:
        def cell(cluster: ClusterRow) -> Cell:
            votes = {vote["labeller"]: vote for vote in cluster.votes}
            return _vote(words, votes.get(labeller), cluster.code)

        return Column(labeller, cell, numeric=False)

    def named(key: str) -> Any:
        return lambda cluster: None if cluster.code == UNNAMED else getattr(cluster, key)

    shown = table(
        largest_first(clusters),
        [
            col.words("number", lambda cluster: _title(text, cluster.id)),
            col.words("name", lambda cluster: words.named(cluster.code)),
            col.share("share"),
            col.share("sure", named("confidence"), 0),
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
    sure = "" if vote["code"] == UNNAMED else f" {text.sure(vote['confidence'])}"
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
    for cluster in largest_first(clusters):
        given = [
            f"{vote['labeller']}: {said}" if several else said
            for vote in cluster.votes
            if (said := words.text.sentence(vote["evidence"]))
        ]
        if given:
            title = f"{_title(words.text, cluster.id)}. {words.titles[cluster.code]}"
            found.append((title, given))
    return Folded(words.text("landcover.reasons"), [Terms(found)]) if found else None


def disputes(words: ClassWords, clusters: Sequence[ClusterRow]) -> Part | None:
    """Return a sentence on each cluster about which the labellers disagree, the largest first."""
    said = []
    for cluster in largest_first(clusters):
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
    return listed(said) or card(Words(words.text("landcover.agreed_all"), "lead"))


def listed(sentences: Sequence[str], look: str = "card") -> Part | None:
    """Return a list of sentences in a frame; None where there is none."""
    return card(Listing(sentences), look=look) if sentences else None


def rounds(words: ClassWords, result: LandcoverResult) -> list[str]:
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


def number(text: Text, decision: Row) -> Part | None:
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


def cost(text: Text, cost: Cost | None) -> Part | None:
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
