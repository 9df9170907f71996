"""What a person sees in the terminal: progress, summaries, tables."""

import contextlib
import importlib
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from obriy.blocks.options import EngineOptions
from obriy.cli.progress_file import ProgressFile
from obriy.errors import ObriyError
from obriy.model.result.base import RunResult
from obriy.render.text import Text, text_of
from obriy.settings import settings
from obriy.workflows.config.base import usual_language

if TYPE_CHECKING:
    from obriy.methods.ice.spec import IceMethod
    from obriy.model.scores import Scores

_MOST_FAILURES: Final = 10
"""Failures that are said one by one: all are in ``result.json``."""

PASSES = {
    "clouds": "Looking for clouds",
    "collect": "Looking",
    "apply": "Mapping",
    "dates": "Mapping dates",
    "images": "Mapping images",
    "network": "Reading the network, MB",
    "read": "Reading",
    "train": "Training",
    "judge": "Judging",
    "naming": "Asking for names",
    "comparing": "Comparing",
    "measure": "Measuring",
}


class Screen:
    """The terminal of one command; quiet where nobody watches.

    Args:
        quiet: No progress and no summary.
    """

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.out = Console(highlight=False, markup=False, soft_wrap=True)

    @contextlib.contextmanager
    def progress(self) -> Iterator[EngineOptions]:
        """Give options that draw a progress bar on standard error, if that is a terminal.

        Who watches from another process reads the file of ``OBRIY_PROGRESS``.
        """
        watched = settings().progress
        if watched is not None:
            yield EngineOptions(progress=ProgressFile(watched))
            return
        if self.quiet or not sys.stderr.isatty():
            yield EngineOptions()
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bars:
            tasks: dict[str, Any] = {}

            def show(name: str, done: int, total: int) -> None:
                if name not in tasks:
                    tasks[name] = bars.add_task(PASSES.get(name, name), total=total)
                # A second round of questions is about more clusters, or only about new ones.
                bars.update(tasks[name], completed=done, total=total)

            yield EngineOptions(progress=show)

    def summary(self, result: RunResult, lang: str = "en", *, before: bool = False) -> None:
        """Say the answer in a few lines, what to know of it in a language, and where files are.

        Args:
            result: Of the run.
            lang: Language.
            before: Whether all of it was done before, and nothing was run.
        """
        if self.quiet:
            return
        text = text_of(lang)
        if before:
            self.out.print(text("terminal.finished"))
        for line in _answer(result, text):
            self.out.print(line, soft_wrap=isinstance(line, str))
        for warning in result.provenance.warnings:
            self.out.print(f"{text('terminal.note')}: {text.sentence(warning)}")
        files = dict(result.outputs)
        last = {"report": files.pop("report")} if "report" in files else {}
        told: set[str] = set()
        for name, path in {**files, **last}.items():
            if path not in told:  # a file with two names is told once
                self.out.print(f"{name}: {path}")
            told.add(path)

    def failures(self, result: RunResult, lang: str = "en") -> None:
        """Say on standard error why a part of a run is missing, whoever watches."""
        text = text_of(lang)
        for one in result.failed[:_MOST_FAILURES]:
            name, why = text.sentence(one.name), text.sentence(one.reason)
            named = not name or why.startswith(f"{name}:")  # many a reason names it
            told = why if named else f"{name}: {why}"
            sys.stderr.write(f"{text('terminal.failed', names=told)}\n")
        if len(result.failed) > _MOST_FAILURES:
            count = len(result.failed) - _MOST_FAILURES
            sys.stderr.write(f"{text('terminal.failed_more', count=count)}\n")

    def reports(self, results: list[RunResult], lang: str = "en") -> None:
        """Say where the reports of several runs are."""
        if not self.quiet:
            self.out.print(f"\n{text_of(lang)('terminal.open')}")
            for result in results:
                self.out.print(result.outputs["report"])


_ANSWERS: Final = {
    "WaterImageResult": "water:image_lines",
    "WaterSeriesResult": "water:series_lines",
    "MeasuredImageResult": "water:measured_image_lines",
    "MeasuredSeriesResult": "water:measured_lines",
    "LandcoverResult": "landcover:landcover_lines",
    "IceResult": "ice:ice_lines",
    "StudentTraining": "landcover:training_lines",
    "IceTraining": "ice:ice_training_lines",
    "WaterComparison": "water:methods_table",
    "SeasonComparison": "water:season_table",
    "SplitComparison": "water:splits_table",
    "IceComparison": "ice:ice_table",
    "CoverComparison": "landcover:clusterers_table",
}
"""What says the answer of each kind of result, in lines and tables: that of one job is loaded."""


def _answer(result: RunResult, text: Text) -> Sequence[str | Table]:
    module, name = _ANSWERS[type(result).__name__].split(":")
    lines = getattr(importlib.import_module(f"obriy.cli.show_{module}"), name)
    answer: Sequence[str | Table] = lines(result, text)
    return answer


def print_scores(scores: "Scores") -> None:
    """Print scores as tables, with 90 % intervals by block bootstrap where there are any."""
    text, console = text_of(usual_language()), Console(highlight=False, markup=False)
    kind = "scores" if scores.independent else "scores_dependent"
    pixels, unseen = text.number(scores.pixels, 0), text.percent(scores.unseen_share)
    console.print(text(f"terminal.{kind}", pixels=pixels, unseen=unseen))
    console.print(_map_scores(scores, text))
    titles = _class_titles(scores.legend, text)
    table = Table(*text("terminal.heads_classes").split("|"))
    for row in scores.classes:
        known = (row.precision, row.recall, row.f1)
        if row.iou is None and not any(v is not None for v in known):
            continue  # neither in the map nor in the reference
        told = [*(_number(v, text) for v in known), _range(scores, f"{row.name}.f1", text)]
        table.add_row(titles.get(row.name, row.name), *told, _number(row.iou, text))
    console.print(table)
    if scores.without_edges is not None:
        said = _map_scores(scores.without_edges, text)
        console.print(text("terminal.scores_without_edges", scores=said))
    if scores.merged is not None:
        said = _map_scores(scores.merged, text)
        console.print(text("terminal.scores_of_main", scores=said))
    for note in scores.notes:
        console.print(f"{text('terminal.note')}: {text.sentence(note)}")


def _class_titles(legend: str, text: Text) -> dict[str, str]:
    """Return what people call the classes of a legend, by name; of one that is not ours nothing."""
    from obriy.model.legend import load_legend

    try:
        return {one.name: one.called(text.lang) for one in load_legend(legend)}
    except ObriyError:
        return {}


def _map_scores(scores: "Scores", text: Text) -> str:
    shown = []
    for name in ("overall_accuracy", "kappa", "mean_iou"):
        interval = _range(scores, name, text)
        inside = text("terminal.in_nine_of_ten", interval=interval) if interval else ""
        shown.append(f"{text(f'terminal.{name}')} {_number(getattr(scores, name), text)}{inside}")
    return "  ".join(shown)


def _range(scores: "Scores", name: str, text: Text) -> str:
    """Return an interval in figures; empty where there is none."""
    interval = (scores.intervals or {}).get(name)
    if interval is None:
        return ""
    low, high = (text.number(value, 4) for value in interval)
    return text("series.range", low=low, high=high)


def print_methods() -> None:
    """Print what --method understands."""
    from obriy.labelling.panel import LABELLER_HELP
    from obriy.methods.clustering.spec import CLUSTERER_HELP
    from obriy.methods.expression import METHOD_HELP
    from obriy.methods.ice.spec import THRESHOLD_HELP, ice_methods

    console = Console(highlight=False, markup=False)
    helps = {
        "obriy water --method": METHOD_HELP,
        "obriy ice --method": {m.name: _ice_help(m) for m in ice_methods()} | THRESHOLD_HELP,
        "obriy landcover --method": CLUSTERER_HELP,
        "obriy landcover --labellers": LABELLER_HELP,
    }
    for option, words in helps.items():
        table = Table(option, "what it does", box=None)
        for name, what in words.items():
            table.add_row(name, what)
        console.print(table)
        console.print()


def _ice_help(method: "IceMethod") -> str:
    from obriy.nets.model_file import shipped_model

    trained = "; trained (--model)" if method.model else ""
    if method.model and shipped_model(method.name):
        trained = "; comes trained, on simulated winters alone"
    cloud = "" if method.gives_cloud else "; does not tell clouds"
    return f"{method.title}{cloud}{trained}"


def print_indices() -> None:
    """Print the index catalogue."""
    from obriy.indices.catalogue import all_indices

    table = Table("index", "formula", "water", "reference", box=None)
    for index in all_indices().values():
        table.add_row(index.name, index.formula.text, index.water or "", index.reference)
    Console(highlight=False, markup=False).print(table)


def _number(value: float | None, text: Text) -> str:
    return "-" if value is None else text.number(value, 4)
