"""What a person sees in the terminal: progress, summaries, tables."""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from obriy.blocks.engine import EngineOptions
from obriy.model.scores import Scores

PASSES = {"collect": "Looking", "apply": "Mapping"}


class Screen:
    """The terminal of one command; quiet where nobody watches.

    Args:
        quiet: No progress and no summary.
    """

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.out = Console(highlight=False, soft_wrap=True)

    @contextlib.contextmanager
    def progress(self) -> Iterator[EngineOptions]:
        """Give options that draw a progress bar on standard error, if that is a terminal."""
        if self.quiet or not sys.stderr.isatty():
            yield EngineOptions()
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bars:
            tasks: dict[str, Any] = {}

            def show(name: str, done: int, total: int) -> None:
                if name not in tasks:
                    tasks[name] = bars.add_task(PASSES.get(name, name), total=total)
                bars.update(tasks[name], completed=done)

            yield EngineOptions(progress=show)

    def summary(self, result: dict[str, Any]) -> None:
        """Say the answer in a few lines, and where the report is."""
        if self.quiet:
            return
        if result["area_km2"] is None:
            self.out.print("Water: no area (the image has no CRS).")
        else:
            self.out.print(f"Water: {result['area_km2']:.4f} km²")
        self.out.print(f"Unseen: {result['unseen_share']:.1%}  Method: {result['method']}")
        evaluation = result["evaluation"]
        if evaluation:
            self.out.print(_score_line(evaluation))
        for warning in result["provenance"]["warnings"]:
            self.out.print(f"Note: {warning}")
        files = dict(result["outputs"])
        last = {"report": files.pop("report")} if "report" in files else {}
        for name, path in {**files, **last}.items():
            self.out.print(f"{name}: {path}")

    def reports(self, results: list[dict[str, Any]]) -> None:
        """Say where the reports of several runs are."""
        if not self.quiet:
            self.out.print("\nOpen in a browser:")
            for result in results:
                self.out.print(result["outputs"]["report"])


def _score_line(evaluation: dict[str, Any]) -> str:
    word = "Accuracy" if evaluation["independent"] else "Agreement"
    water = next(c for c in evaluation["classes"] if c["name"] == "water")
    parts = {"overall": evaluation["overall_accuracy"], "kappa": evaluation["kappa"]}
    parts |= {"F1 of water": water["f1"], "IoU": water["iou"]}
    shown = ", ".join(f"{k} {v:.3f}" for k, v in parts.items() if v is not None)
    return f"{word} against {evaluation['reference']}: {shown}"


def print_scores(scores: Scores) -> None:
    """Print scores as tables."""
    console = Console(highlight=False)
    word = "Accuracy" if scores.independent else "Agreement (the reference is not independent)"
    console.print(f"{word}, {scores.pixels} pixels, {scores.unseen_share:.1%} unseen")
    console.print(
        f"overall accuracy {_number(scores.overall_accuracy)}  kappa {_number(scores.kappa)}  "
        f"mean IoU {_number(scores.mean_iou)}"
    )
    table = Table("class", "precision", "recall", "F1", "IoU")
    for row in scores.classes:
        values = (row.precision, row.recall, row.f1, row.iou)
        table.add_row(row.name, *(_number(v) for v in values))
    console.print(table)
    for name, (low, high) in (scores.intervals or {}).items():
        console.print(f"{name}: {low:.4f} to {high:.4f} (95 %, block bootstrap)")
    for note in scores.notes:
        console.print(f"Note: {note}")


def print_methods() -> None:
    """Print what --method understands."""
    from obriy.methods.expression import METHOD_HELP

    table = Table("method", "what it does", box=None)
    for name, what in METHOD_HELP.items():
        table.add_row(name, what)
    Console(highlight=False).print(table)


def print_indices() -> None:
    """Print the index catalogue."""
    from obriy.indices.catalogue import all_indices

    table = Table("index", "formula", "water", "reference", box=None)
    for index in all_indices().values():
        table.add_row(index.name, index.formula.text, index.water or "", index.reference)
    Console(highlight=False).print(table)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
