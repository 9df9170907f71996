"""What a person sees in the terminal: progress, summaries, tables."""

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from obriy.blocks.options import EngineOptions
from obriy.cli.show_area import km2, unseen, whatever, whole
from obriy.cli.show_compared import print_water_comparison
from obriy.cli.show_ice import ice_lines, ice_training_lines, print_ice_comparison
from obriy.cli.show_landcover import landcover_lines, print_comparison, training_lines
from obriy.render.text import text_of

if TYPE_CHECKING:
    from obriy.methods.ice.spec import IceMethod
    from obriy.model.scores import Scores

PASSES = {
    "clouds": "Looking for clouds",
    "collect": "Looking",
    "apply": "Mapping",
    "dates": "Mapping dates",
    "images": "Mapping images",
    "read": "Reading",
    "train": "Training",
    "judge": "Judging",
    "naming": "Asking for names",
    "comparing": "Comparing",
}

UNNAMED = ("image", "all")
"""Names of districts that no user gave."""


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
                # A second round of questions is about more clusters, or only about new ones.
                bars.update(tasks[name], completed=done, total=total)

            yield EngineOptions(progress=show)

    def summary(self, result: dict[str, Any], lang: str = "en") -> None:
        """Say the answer in a few lines, what to know of it in a language, and where files are."""
        if self.quiet:
            return
        if result["job"] in _TABLES:
            _TABLES[result["job"]](result)
            return
        for line in _LINES[result["job"]](result):
            self.out.print(line)
        text = text_of(lang)
        for warning in result["provenance"]["warnings"]:
            self.out.print(f"{text('terminal.note')}: {text.sentence(warning)}")
        files = dict(result["outputs"])
        last = {"report": files.pop("report")} if "report" in files else {}
        for name, path in {**files, **last}.items():
            self.out.print(f"{name}: {path}")

    def reports(self, results: list[dict[str, Any]], lang: str = "en") -> None:
        """Say where the reports of several runs are."""
        if not self.quiet:
            self.out.print(f"\n{text_of(lang)('terminal.open')}")
            for result in results:
                self.out.print(result["outputs"]["report"])


def _water_lines(result: dict[str, Any]) -> list[str]:
    """Return the answer of `obriy water` in a few lines."""
    return _series_lines(result) if "effective_dates" in result else _image_lines(result)


def _image_lines(result: dict[str, Any]) -> list[str]:
    """Return the answer of one image."""
    about = f"Unseen: {unseen(result)}  Method: {result['method']}"
    if result["area_km2"] is None:
        lines = ["Water: no area (the image has no CRS).", about]
    else:
        lines = [f"Water: {whole(result, result['area_km2'])}"]
        lines.append(f"Seen: {km2(result['area_km2'])} km²  {about}")
        lines += whatever(result, "water")
    return [*lines, _score_line(result["evaluation"])] if result["evaluation"] else lines


def _series_lines(result: dict[str, Any]) -> list[str]:
    """Return the answer of a series."""
    dates = result["dates"]
    used = [d for d in dates if d["area_km2"] is not None and d["weight"] != 0]
    span = f"{dates[0]['date']} to {dates[-1]['date']}"
    about = f"Unseen by weight: {unseen(result)}  Method: {result['method']}"
    if result["area_km2"] is None:
        lines = [f"Water: nothing was seen, {span}", about]
    else:
        lines = [f"Water, weighted, {span}: {whole(result, result['area_km2'])}"]
        lines.append(f"Seen: {km2(result['area_km2'])} km²  {about}")
    if result["filled_km2"] is not None:
        lines.append(f"Seen, and filled from other dates: {km2(result['filled_km2'])} km²")
    lines += whatever(result, "water")
    lines.append(
        f"Dates: {len(used)} of {len(dates)}, weights: {result['weights']}, "
        f"effective: {result['effective_dates']:.1f}"
    )
    if result["failed"]:
        lines.append(f"Failed: {', '.join(d['date'] for d in result['failed'])}")
    return [*lines, *_register_lines(result), *_evaporation_lines(result)]


_LINES = {
    "water": _water_lines,
    "landcover": landcover_lines,
    "train": training_lines,
    "ice": ice_lines,
    "train-ice": ice_training_lines,
}
"""What says the answer of a job, by its name."""
_TABLES = {
    "compare": print_comparison,
    "compare-ice": print_ice_comparison,
    "compare-water": print_water_comparison,
}
"""What prints the answer of a job that is a table."""


def _register_lines(result: dict[str, Any]) -> list[str]:
    lines = []
    for row in (result["comparison"] or {"rows": []})["rows"]:
        percent = row["difference_percent"]
        share = "" if percent is None else f" ({percent:+.1f} %)"
        inside = {True: ", inside the interval", False: ", outside the interval", None: ""}
        place = "" if row["place"] in UNNAMED else f" of {row['place']}"
        lines.append(
            f"Register{place}: {km2(row['register_km2'])} km², measured "
            f"{km2(row['measured_km2'])}, difference {row['difference_km2']:+.4f} km²{share}"
            f"{inside[row['inside_interval']]}"
        )
    return lines


def _evaporation_lines(result: dict[str, Any]) -> list[str]:
    lines = []
    for one in result["evaporation"] or []:
        if one["volume_1e6m3"] is None:
            continue
        months = [m["month"] for m in one["months"]]
        place = "" if one["district"] in UNNAMED else f" of {one['district']}"
        lines.append(
            f"Additional evaporation{place}, {months[0]} to {months[-1]}: "
            f"{one['volume_1e6m3']:.4g}·10⁶ m³ ({one['additional_mm']:.0f} mm)"
        )
    return lines


def _score_line(evaluation: dict[str, Any]) -> str:
    word = "Accuracy" if evaluation["independent"] else "Agreement"
    water = next(c for c in evaluation["classes"] if c["name"] == "water")
    parts = {"overall": evaluation["overall_accuracy"], "kappa": evaluation["kappa"]}
    parts |= {"F1 of water": water["f1"], "IoU": water["iou"]}
    if not any(v is not None for v in parts.values()):  # a reference of one class
        recall = {c["name"]: c["recall"] for c in evaluation["classes"]}
        parts = {f"recall of {n} (no more is known)": v for n, v in recall.items()}
    shown = ", ".join(f"{k} {v:.3f}" for k, v in parts.items() if v is not None)
    return f"{word} against {evaluation['reference']}: {shown}"


def print_scores(scores: "Scores") -> None:
    """Print scores as tables, with 90 % intervals by block bootstrap where there are any."""
    console = Console(highlight=False, markup=False)
    word = "Accuracy" if scores.independent else "Agreement (the reference is not independent)"
    console.print(f"{word}, {scores.pixels} pixels, {scores.unseen_share:.1%} unseen")
    console.print(_map_scores(scores))
    table = Table("class", "precision", "recall", "F1", "90 %", "IoU")
    for row in scores.classes:
        known = (row.precision, row.recall, row.f1)
        if row.iou is None and not any(v is not None for v in known):
            continue  # neither in the map nor in the reference
        first = [_number(v) for v in known]
        table.add_row(row.name, *first, _range(scores, f"{row.name}.f1"), _number(row.iou))
    console.print(table)
    if scores.without_edges is not None:
        console.print(f"Without label edges: {_map_scores(scores.without_edges)}")
    if scores.merged is not None:
        console.print(f"On the main classes: {_map_scores(scores.merged)}")
    for note in scores.notes:
        console.print(f"Note: {note}")


def _map_scores(scores: "Scores") -> str:
    names = {"overall_accuracy": "overall accuracy", "kappa": "kappa", "mean_iou": "mean IoU"}
    shown = []
    for name, words in names.items():
        interval = _range(scores, name)
        inside = f" ({interval}, 90 %)" if interval else ""
        shown.append(f"{words} {_number(getattr(scores, name))}{inside}")
    return "  ".join(shown)


def _range(scores: "Scores", name: str) -> str:
    """Return an interval in figures; empty where there is none."""
    interval = (scores.intervals or {}).get(name)
    return "" if interval is None else f"{interval[0]:.4f} to {interval[1]:.4f}"


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
    trained = "; trained (--model)" if method.model else ""
    cloud = "" if method.gives_cloud else "; does not tell clouds"
    return f"{method.title}{cloud}{trained}"


def print_indices() -> None:
    """Print the index catalogue."""
    from obriy.indices.catalogue import all_indices

    table = Table("index", "formula", "water", "reference", box=None)
    for index in all_indices().values():
        table.add_row(index.name, index.formula.text, index.water or "", index.reference)
    Console(highlight=False, markup=False).print(table)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
