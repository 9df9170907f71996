"""What a person sees of land cover in the terminal."""

from typing import Any

from rich.console import Console
from rich.table import Table


def landcover_lines(result: dict[str, Any]) -> list[str]:
    """Return the answer of `obriy landcover` in a few lines."""
    several = len({row["district"] for row in result["classes"]}) > 1
    named = [c for c in result["clusters"] if c["code"] != 255]
    found = len(result["clusters"])
    lines = ["No cluster got a name."] if found and not named else []
    lines += [_class_line(row, several) for row in result["classes"] if row["share"]]
    counts = f"Clusters: {found}, named: {len(named)}  " if found else ""
    lines.append(f"{counts}Unseen: {result['unseen_share']:.1%}  Method: {result['method']}")
    if result["evaluation"]:
        lines += _score_lines(result["evaluation"])
    cost = result["cost"]
    if cost and cost["calls"]:
        paid = "price unknown" if cost["usd"] is None else f"{cost['usd']:.4f} USD"
        lines.append(f"Panel: {cost['calls']} calls, {paid}")
    return lines


def _class_line(row: dict[str, Any], several: bool) -> str:
    place = f"{row['district']}: " if several else ""
    area = "" if row["area_km2"] is None else f"  {row['area_km2']:.4f} km²"
    sure = "" if row["confidence"] is None else f"  (sure: {row['confidence']:.0%})"
    return f"{place}{row['name']}: {row['share']:.1%}{area}{sure}"


def _score_lines(scores: dict[str, Any]) -> list[str]:
    word = "Accuracy" if scores["independent"] else "Agreement"
    ceiling, merged = scores.get("ceiling") or {}, scores["merged"]  # a student has no clusters
    lines = [
        f"{word} against {scores['reference']}: {_beside(scores, ceiling, 'with the best names ')}"
    ]
    if merged:
        lines.append(f"Main classes: {_beside(merged, ceiling.get('merged') or {})}")
    return lines


def _beside(scores: dict[str, Any], best: dict[str, Any], words: str = "") -> str:
    """Return accuracy and mean IoU, each with that of the best names, where there are clusters."""
    overall, iou = _number(scores["overall_accuracy"]), _number(scores["mean_iou"])
    if not best:
        return f"overall {overall}, mean IoU {iou}"
    return (
        f"overall {overall} ({words}{_number(best['overall_accuracy'])}), "
        f"mean IoU {iou} ({_number(best['mean_iou'])})"
    )


def training_lines(result: dict[str, Any]) -> list[str]:
    """Return the answer of `obriy train landcover` in a few lines."""
    lines = [f"The student: {result['verdict']}."]
    for name in ("teacher", "student"):
        scores = result[name]
        if scores is not None:
            lines.append(
                f"{name.capitalize()} on what neither learnt from: overall "
                f"{scores['overall_accuracy']:.3f}, mean IoU {_number(scores['mean_iou'])}"
            )
    return lines


def print_comparison(result: dict[str, Any]) -> None:
    """Print the table of `obriy compare landcover`: as named, and with the best names."""
    console = Console(highlight=False, markup=False)
    table = Table("method", "clusters", "overall", "best", "mean IoU", "best", "main", "s")
    for row in result["rows"]:
        if row["status"] != "ok":
            table.add_row(row["method"], str(row["clusters"]), row["reason"])
            continue
        table.add_row(
            row["method"],
            _clusters(row),
            _number(row["overall_accuracy"]),
            _number(row["ceiling_overall_accuracy"]),
            _number(row["mean_iou"]),
            _number(row["ceiling_mean_iou"]),
            _number(row["merged_overall_accuracy"]),
            f"{row['seconds']:.1f}",
        )
    console.print(table)
    for row in result["rows"]:
        if row["status"] == "ok" and row["reason"]:
            console.print(f"{row['method']} {row['clusters']}: {row['reason']}")
    for name, path in result["outputs"].items():
        console.print(f"{name}: {path}")


def _clusters(row: dict[str, Any]) -> str:
    """Return how many clusters were asked for and, after splits and merges, how many there are."""
    asked, found = str(row["clusters"]), str(row["found"])
    return asked if asked == found else f"{asked} → {found}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
