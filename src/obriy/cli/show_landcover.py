"""What a person sees of land cover in the terminal."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from obriy.cli.show_area import ENGLISH, heads, km2, number, score, share
from obriy.errors import TableError
from obriy.model.areas import PARTIAL_ABOVE
from obriy.model.legend import UNNAMED, load_legend
from obriy.model.result.landcover import ClassRow, CoverEvaluation, LandcoverResult
from obriy.model.result.tables import CoverComparison, CoverRow, StudentTraining
from obriy.render.text import Text


def landcover_lines(result: LandcoverResult, text: Text = ENGLISH) -> list[str]:
    """Return the answer of `obriy landcover` in a few lines."""
    several = len({row.district for row in result.classes}) > 1
    named = [c for c in result.clusters if c.code != UNNAMED]
    found = len(result.clusters)
    lines = [text("terminal.no_name")] if found and not named else []
    if named and result.unseen_share > PARTIAL_ABOVE:
        lines.append(text("terminal.of_seen", seen=share(text, 1 - result.unseen_share)))
    lines += [_class_line(result, row, several, text) for row in result.classes if row.share]
    counts = text("terminal.clusters", found=found, named=len(named)) + "  " if found else ""
    unseen = share(text, result.unseen_share)
    lines.append(counts + text("terminal.unseen_method", unseen=unseen, method=result.method))
    if result.evaluation:
        lines += _score_lines(result.evaluation, text)
    if result.cost and result.cost.calls:
        usd = result.cost.usd
        price = text("terminal.price_unknown") if usd is None else f"{number(text, usd, 4)} USD"
        lines.append(text("terminal.panel", calls=result.cost.calls, price=price))
    return lines


def _class_line(result: LandcoverResult, row: ClassRow, several: bool, text: Text) -> str:
    place = f"{row.district}: " if several else ""
    area = "" if row.area_km2 is None else f"  {km2(row.area_km2, text)} {text('units.km2')}"
    sure = (
        ""
        if row.confidence is None
        else f"  ({text('terminal.sure', share=text.sure(row.confidence))})"
    )
    return f"{place}{_name(result.legend, row, text)}: {share(text, row.share)}{area}{sure}"


def _name(legend: str, row: ClassRow, text: Text) -> str:
    """Return the name of a class: for programs in English, as people call it elsewhere."""
    if text.lang == ENGLISH.lang or row.code == UNNAMED:
        return row.name if text.lang == ENGLISH.lang else text("map.unnamed")
    try:
        return load_legend(legend).by_name(row.name).called(text.lang)
    except TableError:  # a legend of the user's own
        return row.name


def _score_lines(scores: CoverEvaluation, text: Text) -> list[str]:
    own = {"overall_accuracy": scores.overall_accuracy, "mean_iou": scores.mean_iou}
    best = scores.ceiling or {}  # a student has no clusters
    said = _beside(own, best, text, text("terminal.best_names"))
    key = "accuracy" if scores.independent else "agreement"
    lines = [text(f"terminal.{key}", reference=text.sentence(scores.reference), scores=said)]
    if scores.merged:
        merged = _beside(scores.merged, best.get("merged") or {}, text)
        lines.append(text("terminal.main_classes", scores=merged))
    return lines


def _beside(scores: Mapping[str, Any], best: Mapping[str, Any], text: Text, words: str = "") -> str:
    """Return accuracy and mean IoU, each with that of the best names, where there are clusters."""
    overall, iou = score(scores["overall_accuracy"], text), score(scores["mean_iou"], text)
    if best:
        overall = f"{overall} ({words}{score(best['overall_accuracy'], text)})"
        iou = f"{iou} ({score(best['mean_iou'], text)})"
    return text("terminal.overall_and_iou", overall=overall, iou=iou)


def training_lines(result: StudentTraining, text: Text = ENGLISH) -> list[str]:
    """Return the answer of `obriy train landcover` in a few lines."""
    lines = [text("terminal.student_is", verdict=text.sentence(result.verdict))]
    for name, scores in (("teacher", result.teacher), ("student", result.student)):
        if scores is not None:
            said = _beside(scores, {}, text)
            lines.append(text("terminal.neither_learnt", who=text(f"terminal.{name}"), scores=said))
    return lines


def clusterers_table(result: CoverComparison, text: Text = ENGLISH) -> list[str | Table]:
    """Return the table of `obriy compare landcover`: as named, and with the best names."""
    table = Table(*heads(text, "clusterers"))
    for row in result.rows:
        if row.status != "ok":
            table.add_row(row.method, str(row.clusters), text.sentence(row.reason))
            continue
        scores = (
            row.overall_accuracy, row.ceiling_overall_accuracy, row.mean_iou,
            row.ceiling_mean_iou, row.merged_overall_accuracy,
        )  # fmt: skip
        told = (score(value, text) for value in scores)
        table.add_row(row.method, _clusters(row), *told, number(text, row.seconds or 0.0, 1))
    noted = [row for row in result.rows if row.status == "ok" and row.reason]
    return [table, *(f"{r.method} {r.clusters}: {text.sentence(r.reason)}" for r in noted)]


def _clusters(row: CoverRow) -> str:
    """Return how many clusters were asked for and, after splits and merges, how many there are."""
    asked, found = str(row.clusters), str(row.found)
    return asked if asked == found else f"{asked} → {found}"
