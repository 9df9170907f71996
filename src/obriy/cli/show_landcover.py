"""What a person sees of land cover in the terminal."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from obriy.cli.show_area import score
from obriy.model.legend import UNNAMED
from obriy.model.result.landcover import ClassRow, CoverEvaluation, LandcoverResult
from obriy.model.result.tables import CoverComparison, CoverRow, StudentTraining


def landcover_lines(result: LandcoverResult) -> list[str]:
    """Return the answer of `obriy landcover` in a few lines."""
    several = len({row.district for row in result.classes}) > 1
    named = [c for c in result.clusters if c.code != UNNAMED]
    found = len(result.clusters)
    lines = ["No cluster got a name."] if found and not named else []
    lines += [_class_line(row, several) for row in result.classes if row.share]
    counts = f"Clusters: {found}, named: {len(named)}  " if found else ""
    lines.append(f"{counts}Unseen: {result.unseen_share:.1%}  Method: {result.method}")
    if result.evaluation:
        lines += _score_lines(result.evaluation)
    if result.cost and result.cost.calls:
        usd = result.cost.usd
        lines.append(
            f"Panel: {result.cost.calls} calls, "
            + ("price unknown" if usd is None else f"{usd:.4f} USD")
        )
    return lines


def _class_line(row: ClassRow, several: bool) -> str:
    place = f"{row.district}: " if several else ""
    area = "" if row.area_km2 is None else f"  {row.area_km2:.4f} km²"
    sure = "" if row.confidence is None else f"  (sure: {row.confidence:.0%})"
    return f"{place}{row.name}: {row.share:.1%}{area}{sure}"


def _score_lines(scores: CoverEvaluation) -> list[str]:
    word = "Accuracy" if scores.independent else "Agreement"
    own = {"overall_accuracy": scores.overall_accuracy, "mean_iou": scores.mean_iou}
    best = scores.ceiling or {}  # a student has no clusters
    lines = [f"{word} against {scores.reference}: {_beside(own, best, 'with the best names ')}"]
    if scores.merged:
        lines.append(f"Main classes: {_beside(scores.merged, best.get('merged') or {})}")
    return lines


def _beside(scores: Mapping[str, Any], best: Mapping[str, Any], words: str = "") -> str:
    """Return accuracy and mean IoU, each with that of the best names, where there are clusters."""
    overall, iou = score(scores["overall_accuracy"]), score(scores["mean_iou"])
    if not best:
        return f"overall {overall}, mean IoU {iou}"
    return (
        f"overall {overall} ({words}{score(best['overall_accuracy'])}), "
        f"mean IoU {iou} ({score(best['mean_iou'])})"
    )


def training_lines(result: StudentTraining) -> list[str]:
    """Return the answer of `obriy train landcover` in a few lines."""
    lines = [f"The student: {result.verdict}."]
    for name, scores in (("Teacher", result.teacher), ("Student", result.student)):
        if scores is not None:
            lines.append(f"{name} on what neither learnt from: {_beside(scores, {})}")
    return lines


def clusterers_table(result: CoverComparison) -> list[str | Table]:
    """Return the table of `obriy compare landcover`: as named, and with the best names."""
    table = Table("method", "clusters", "overall", "best", "mean IoU", "best", "main", "s")
    for row in result.rows:
        if row.status != "ok":
            table.add_row(row.method, str(row.clusters), row.reason)
            continue
        table.add_row(
            row.method,
            _clusters(row),
            score(row.overall_accuracy),
            score(row.ceiling_overall_accuracy),
            score(row.mean_iou),
            score(row.ceiling_mean_iou),
            score(row.merged_overall_accuracy),
            f"{row.seconds:.1f}",
        )
    noted = [row for row in result.rows if row.status == "ok" and row.reason]
    return [table, *(f"{row.method} {row.clusters}: {row.reason}" for row in noted)]


def _clusters(row: CoverRow) -> str:
    """Return how many clusters were asked for and, after splits and merges, how many there are."""
    asked, found = str(row.clusters), str(row.found)
    return asked if asked == found else f"{asked} → {found}"
