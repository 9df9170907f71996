"""Scores of a map against a reference: measures with their intervals, classes, confusion."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

from obriy.model.legend import UNNAMED, Legend, load_legend
from obriy.model.result.base import Evaluation
from obriy.model.result.landcover import CoverEvaluation
from obriy.outputs.report.cells import Cell, Column, Columns, Table, score, score_span, table
from obriy.outputs.report.parts import (
    Folded,
    Grid,
    Headed,
    Part,
    Section,
    Words,
    card,
    notes,
    present,
    section,
)
from obriy.render.palette import UNNAMED_COLOUR
from obriy.render.text import Text
from obriy.tables import table_names

Scored = Mapping[str, Any]
"""`obriy.model.scores.Scores` as plain values, perhaps with what land cover adds."""

OVERALL: Final = ("overall_accuracy", "kappa", "mean_iou")
BY_CLASS: Final = ("precision", "recall", "f1", "iou")
_MAIN_LEGEND: Final = "main"


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
        return cls(
            text,
            {c.code: c.called(text.lang) for c in legend} | {UNNAMED: text("map.unnamed")},
            {c.code: c.colour for c in legend} | {UNNAMED: UNNAMED_COLOUR},
            {c.name: c.code for c in legend},
        )

    def title_of(self, name: str) -> str:
        """Return the title of a class by its machine name; the name itself where it is none."""
        return self.titles[self.codes[name]] if name in self.codes else name.replace("_", " ")

    def named(self, code: int) -> Cell:
        """Return the title of a class, with a swatch of its colour."""
        return Cell(self.titles.get(code, str(code)), self.colours.get(code, ""))

    def of_scores(self, legend: str) -> "ClassWords":
        """Return the words of the legend that was scored in, where it is one of the tables."""
        known = legend in table_names("legends")
        return ClassWords.of(load_legend(legend), self.text) if known else self


@dataclasses.dataclass(frozen=True)
class Measure:
    """A row of a table of scores.

    Attributes:
        title: What it is called.
        key: Its name.
        of: What has it: the scores of the map, or of one of its classes.
        interval: 90 % interval.
        inner: The same as ``of`` without the edges of labels.
        ceiling: Of the same kind: what the best names of the clusters would reach.
    """

    title: str
    key: str
    of: Scored
    interval: Sequence[float] | None = None
    inner: Scored = dataclasses.field(default_factory=dict)
    ceiling: Scored = dataclasses.field(default_factory=dict)

    @property
    def gap(self) -> float | None:
        """What names lose."""
        best, value = self.ceiling.get(self.key), self.of[self.key]
        return None if best is None or value is None else best - value


def measures(text: Text, rows: Sequence[Measure], value: str = "report.value") -> Table:
    """Return scores with their intervals, and what was possible; ``value`` titles the scores."""
    col = Columns(text, "landcover")
    return table(
        rows,
        [
            Column(text("report.measure"), lambda m: m.title, numeric=False),
            col.written(value, lambda m: score(text, m.of[m.key])),
            col.written("report.interval_score", lambda m: score_span(text, m.interval)),
            col.number("best_names", lambda m: m.ceiling.get(m.key), 3),
            col.number("gap", lambda m: m.gap, 3),
            col.number("one_to_one", lambda m: m.ceiling.get("hungarian", {}).get(m.key), 3),
            col.number("report.without_edges", lambda m: m.inner.get(m.key), 3),
        ],
    )


def of_map(text: Text, scores: Scored, ceiling: Scored | None = None) -> list[Measure]:
    """Return the measures of a whole map."""
    intervals, inner = scores.get("intervals") or {}, scores.get("without_edges") or {}
    return [
        Measure(text(f"measures.{k}"), k, scores, intervals.get(k), inner, ceiling or {})
        for k in OVERALL
    ]


def of_classes(words: ClassWords, scores: Scored) -> list[Measure]:
    """Return the measures of each class, of water first."""
    text, intervals = words.text, scores.get("intervals") or {}
    inner = {c["code"]: c for c in (scores.get("without_edges") or {}).get("classes", ())}
    return [
        Measure(
            f"{words.title_of(one['name'])}: {text(f'measures.{key}')}",
            key,
            one,
            intervals.get(f"{one['name']}.{key}"),
            inner.get(one["code"], {}),
        )
        for one in sorted(scores["classes"], key=lambda c: c["name"] != "water")
        for key in BY_CLASS
    ]


def of_water(words: ClassWords, found: Evaluation | None) -> Section | None:
    """Return the evaluation of a map of two classes: each measure of each, and the pixels."""
    if found is None:
        return None
    text, scores = words.text, dict(found)
    edges = Words(text("report.edges_note")) if scores.get("without_edges") else None
    both: list[Part] = [
        Grid([measures(text, [*of_map(text, scores), *of_classes(words, scores)])], look="plain"),
        Headed(
            text("report.confusion"),
            present([confusion(words, scores), *how(text, scores), edges]),
        ),
    ]
    return section(title(text, scores), card(*about(text, scores), Grid(both, look="pair")))


def of_cover(
    words: ClassWords, found: CoverEvaluation | None, limits: Sequence[str] = ()
) -> Section | None:
    """Return the evaluation of a map of many classes: of all, of the main ones, of labellers.

    Args:
        words: Names of classes.
        found: The scores.
        limits: Sentences on what limits them.
    """
    if found is None:
        return None
    text, scores, merged, ceiling = words.text, dict(found), found.merged, found.ceiling or {}
    words = words.of_scores(str(scores.get("legend") or ""))
    main = words.of_scores(_MAIN_LEGEND)
    by_class, as_named = text("landcover.by_class"), "landcover.as_named"
    parts: list[Part | None] = [
        *about(text, scores),
        *notes(limits),
        Headed(
            text("landcover.all_classes", count=len(present_classes(scores))),
            [
                measures(text, of_map(text, scores, ceiling), as_named),
                Words(text("landcover.ceiling_note")),
            ],
        ),
        Folded(by_class, [classes(words, scores)]),
        Folded(text("report.confusion"), [confusion(words, scores)]),
    ]
    if merged:
        of_main = of_map(text, merged, ceiling.get("merged") or {})
        parts += [
            Headed(
                text("landcover.main_classes"),
                [measures(text, of_main, as_named), Words(text("landcover.main_note"))],
            ),
            Folded(by_class, [classes(main, merged)]),
        ]
    return section(
        title(text, scores),
        card(*parts, labellers(text, scores.get("labellers") or ()), *how(text, scores)),
    )


def title(text: Text, scores: Scored) -> str:
    """Return what an evaluation is: an agreement where the reference is not independent."""
    return text("report.accuracy" if scores["independent"] else "report.agreement")


def about(text: Text, scores: Scored) -> list[Part]:
    """Return what was compared with what, and what that cannot tell."""
    said = []
    if scores.get("reference"):
        said.append(text("report.reference", source=text.sentence(str(scores["reference"]))))
    said.append(text("report.pixels_compared", pixels=text.number(scores["pixels"], 0)))
    if scores.get("unseen_share"):
        said.append(text("report.reference_unseen", share=text.percent(scores["unseen_share"])))
    own = scores.get("reference_accuracy")
    if own:
        sources = "; ".join(str(version["source"]) for version in own["versions"])
        said.append(text("landcover.reference_own", sources=sources))
    agreement = [] if scores["independent"] else [Words(text("report.agreement_note"), "strong")]
    return [*agreement, Words(" ".join(said), "lead")]


def how(text: Text, scores: Scored) -> list[Part]:
    """Return how the reference was read."""
    return notes([text.sentence(str(note)) for note in scores.get("notes") or ()])


def _unnamed(scores: Scored) -> Sequence[int]:
    return scores.get("unnamed") or [0] * len(scores["confusion"])


def present_classes(scores: Scored) -> list[int]:
    """Return the classes, by their place, that the reference or the map has."""
    rows, unnamed = scores["confusion"], _unnamed(scores)
    return [
        i
        for i in range(len(rows))
        if sum(rows[i]) + unnamed[i] > 0 or sum(row[i] for row in rows) > 0
    ]


def classes(words: ClassWords, scores: Scored) -> Table:
    """Return a row for each class that occurs: its share of the reference, and its scores."""
    text, rows, unnamed = words.text, scores["confusion"], _unnamed(scores)
    truth = [sum(row) + left for row, left in zip(rows, unnamed, strict=True)]
    total = sum(truth) or 1
    col, entry = Columns(text, "landcover"), scores["classes"]

    def scored(key: str) -> Column:
        return col.written(key, lambda i: score(text, entry[i][key]))

    return table(
        present_classes(scores),
        [
            col.words("class", lambda i: words.title_of(entry[i]["name"])),
            col.written(
                "share_reference",
                lambda i: text.percent(truth[i] / total, 1 if truth[i] else 0),
            ),
            *map(scored, BY_CLASS),
        ],
    )


def confusion(words: ClassWords, scores: Scored) -> Table:
    """Return pixel counts, rows reference, columns map, of the classes that occur."""
    text, there, unnamed = words.text, present_classes(scores), _unnamed(scores)
    names = {i: words.title_of(scores["classes"][i]["name"]) for i in there}

    def counted(j: int) -> Column:
        return Column(names[j], lambda i: text.number(scores["confusion"][i][j], 0))

    return table(
        there,
        [
            Column(text("report.confusion_rows"), lambda i: names[i], numeric=False),
            *map(counted, there),
            Column(text("report.not_named"), lambda i: text.number(unnamed[i], 0)),
        ],
    )


def labellers(text: Text, rows: Sequence[Mapping[str, Any]]) -> Part | None:
    """Return the scores of each labeller on its own, where there are several."""
    if len(rows) < 2:
        return None
    col = Columns(text, "landcover")
    shown = table(
        rows,
        [
            col.words("labeller"),
            col.number("measures.overall_accuracy", "overall_accuracy", 3),
            col.number("measures.mean_iou", "mean_iou", 3),
        ],
    )
    return Headed(text("landcover.by_labeller"), [shown])
