"""From the scores of a land-cover map to the strings of its report."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from obriy.model.legend import load_legend
from obriy.outputs.landcover_view import ClassWords, Table
from obriy.outputs.report_view import score_of
from obriy.render.text import Text
from obriy.tables import table_names

_OVERALL: Final = ("overall_accuracy", "kappa", "mean_iou")
_BY_CLASS: Final = ("precision", "recall", "f1", "iou")
_MAIN_LEGEND: Final = "main"


def evaluation(words: ClassWords, scores: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tables of an evaluation: of all classes, and of the main ones.

    Args:
        words: The classes of the map; a score in another legend takes the words of that one.
        scores: ``evaluation`` of ``result.json``: `obriy.model.scores.Scores` as plain values,
            with ``ceiling``, ``merged`` and ``reference_accuracy``.
    """
    text, merged, ceiling = words.text, scores.get("merged"), scores.get("ceiling") or {}
    words = _words_of(words, str(scores.get("legend") or ""))
    return {
        "title": text("report.accuracy" if scores["independent"] else "report.agreement"),
        "warning": "" if scores["independent"] else text("report.agreement_note"),
        "notes": " ".join(_notes(text, scores)),
        "how": [text.sentence(str(note)) for note in scores.get("notes") or ()],
        "overall": _overall(text, scores, ceiling),
        "overall_title": text("landcover.all_classes", count=_occurring(scores)),
        "overall_note": text("landcover.ceiling_note"),
        "classes": _by_class(words, scores),
        "confusion": _confusion(words, scores),
        "merged": merged and _overall(text, merged, ceiling.get("merged") or {}),
        "merged_classes": merged and _by_class(_words_of(words, _MAIN_LEGEND), merged),
        "labellers": _labellers(text, scores.get("labellers") or ()),
    }


def _notes(text: Text, scores: Mapping[str, Any]) -> list[str]:
    notes = []
    if scores.get("reference"):
        notes.append(text("report.reference", source=text.sentence(str(scores["reference"]))))
    notes.append(text("report.pixels_compared", pixels=text.number(scores["pixels"], 0)))
    if scores.get("unseen_share"):
        notes.append(text("report.reference_unseen", share=text.percent(scores["unseen_share"])))
    own = scores.get("reference_accuracy")
    if own:
        sources = "; ".join(str(version["source"]) for version in own["versions"])
        notes.append(text("landcover.reference_own", sources=sources))
    return notes


def _overall(text: Text, scores: Mapping[str, Any], ceiling: Mapping[str, Any]) -> Table:
    """Return what was reached, what was possible with these clusters, and what lies between.

    A column that would be empty is left out.
    """
    intervals, hungarian = scores.get("intervals") or {}, ceiling.get("hungarian") or {}
    inner = scores.get("without_edges") or {}
    columns: dict[str, Callable[[str], str]] = {
        "as_named": lambda key: score_of(text, scores[key]),
        "interval_score": lambda key: _span(text, intervals.get(key)),
        "best_names": lambda key: _score(text, ceiling.get(key)),
        "gap": lambda key: _gap(text, scores[key], ceiling.get(key)),
        "one_to_one": lambda key: _score(text, hungarian.get(key)),
        "without_edges": lambda key: _score(text, inner.get(key)),
    }
    filled = {
        name: cells
        for name, column in columns.items()
        if any(cells := [column(key) for key in _OVERALL])
    }
    rows = [
        [text(f"measures.{key}"), *(cells[i] for cells in filled.values())]
        for i, key in enumerate(_OVERALL)
    ]
    header = [text("report.measure"), *(text(f"landcover.{name}") for name in filled)]
    return {"header": header, "numeric": [False, *(True for _ in filled)], "rows": rows}


def _score(text: Text, value: float | None) -> str:
    return "" if value is None else text.number(value, 3)


def _span(text: Text, bounds: Sequence[float] | None) -> str:
    return text.span(*(text.number(v, 3) for v in bounds)) if bounds else ""


def _gap(text: Text, value: float | None, best: float | None) -> str:
    return "" if value is None or best is None else text.number(best - value, 3)


def _occurring(scores: Mapping[str, Any]) -> int:
    return len(_present(scores))


def _present(scores: Mapping[str, Any]) -> list[int]:
    """Return the classes, by their place, that the reference or the map has."""
    rows = scores["confusion"]
    unnamed = scores.get("unnamed") or [0] * len(rows)
    return [
        i
        for i in range(len(rows))
        if sum(rows[i]) + unnamed[i] > 0 or sum(row[i] for row in rows) > 0
    ]


def _by_class(words: ClassWords, scores: Mapping[str, Any]) -> Table:
    """Return a row for each class that occurs: its share of the reference, and its scores."""
    text, rows = words.text, scores["confusion"]
    unnamed = scores.get("unnamed") or [0] * len(rows)
    truth = [sum(row) + left for row, left in zip(rows, unnamed, strict=True)]
    total = sum(truth) or 1
    cells = []
    for i in _present(scores):
        entry = scores["classes"][i]
        share = text.percent(truth[i] / total) if truth[i] else text.percent(0.0, 0)
        cells.append(
            [words.title_of(entry["name"]), share, *(score_of(text, entry[k]) for k in _BY_CLASS)]
        )
    keys = [text("landcover.class"), text("landcover.share_reference")]
    return {
        "header": [*keys, *(text(f"landcover.{key}") for key in _BY_CLASS)],
        "numeric": [False, *(True for _ in range(5))],
        "rows": cells,
    }


def _confusion(words: ClassWords, scores: Mapping[str, Any]) -> Table:
    """Return pixel counts, rows reference, columns map, of the classes that occur."""
    text, present = words.text, _present(scores)
    names = [words.title_of(scores["classes"][i]["name"]) for i in present]
    unnamed = scores.get("unnamed") or [0] * len(scores["confusion"])
    rows = [
        [name, *(text.number(n, 0) for n in [*(scores["confusion"][i][j] for j in present),
                                             unnamed[i]])]
        for name, i in zip(names, present, strict=True)
    ]  # fmt: skip
    header = [text("report.confusion_rows"), *names, text("report.not_named")]
    return {"header": header, "numeric": [False, *(True for _ in header[1:])], "rows": rows}


def _words_of(words: ClassWords, legend: str) -> ClassWords:
    """Return the words of the legend that was scored in, where it is one of the tables."""
    if legend not in table_names("legends"):
        return words
    return ClassWords.of(load_legend(legend), words.text)


def _labellers(text: Text, rows: Sequence[Mapping[str, Any]]) -> Table | None:
    """Return the scores of each labeller on its own, where there are several."""
    if len(rows) < 2:
        return None
    keys = ("overall_accuracy", "mean_iou")
    return {
        "header": [text("landcover.labeller"), *(text(f"measures.{key}") for key in keys)],
        "numeric": [False, True, True],
        "rows": [[str(row["labeller"]), *(_score(text, row.get(k)) for k in keys)] for row in rows],
    }
