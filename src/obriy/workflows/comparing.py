"""`obriy compare landcover`: clusterers x numbers of clusters, one table and one figure."""

import dataclasses
import itertools
import time
from collections.abc import Sequence
from typing import Any, Final

from obriy.blocks.engine import EngineOptions
from obriy.errors import CancelledError, ObriyError, UsageError
from obriy.labelling.budget import parse_budget
from obriy.methods.clustering.spec import parse_spec
from obriy.model.provenance import hrefs_of
from obriy.model.scene import provenance_of
from obriy.outputs.files import write_bytes
from obriy.outputs.tables import write_rows
from obriy.render.comparison import comparison_figure
from obriy.render.figures import to_png
from obriy.runs.fingerprint import fingerprint
from obriy.runs.folder import RunFolder, StepRecord
from obriy.workflows.config import CompareConfig, LandcoverConfig, make_config
from obriy.workflows.landcover import run_landcover
from obriy.workflows.opening import scene_of
from obriy.workflows.run import Run, command_of, finish, run_folder, run_path

COLUMNS: Final = (
    "method", "clusters", "found", "overall_accuracy", "ceiling_overall_accuracy", "mean_iou",
    "ceiling_mean_iou", "merged_overall_accuracy", "merged_ceiling_overall_accuracy",
    "merged_mean_iou", "merged_ceiling_mean_iou", "seconds", "status", "reason",
)  # fmt: skip
"""Columns of ``comparison.csv``: as named, and with the best name for each cluster (ceiling)."""
_OWN: Final = {"job", "methods", "clusters", "out", "outputs", "budget"}


def run_comparison(config: CompareConfig, options: EngineOptions | None = None) -> Run:
    """Map the scene by each clusterer with each number of clusters, and score every map.

    Each map is a run of its own, in a folder under this one: what was cut off goes on where it
    stopped. A clusterer that fails is listed with its reason, and the others go on.

    Args:
        config: What to compare; it needs a reference.
        options: Progress and cancel.

    Raises:
        UsageError: without a reference, or for a clusterer that is none.
    """
    config = config.anchored()
    if config.reference is None:
        raise UsageError(
            "A comparison needs something to compare with.",
            "Give --reference FILE, e.g. a WorldCover raster, or band:NAME.",
        )
    runs = _runs(config)
    record = provenance_of(scene_of(config))
    named = (getattr(config, place) for place in config.PLACES if place != "source")
    read = [*hrefs_of(record), *filter(None, named)]
    with run_folder(config) as folder:
        rows = _rows(runs, folder, read, options)
        result = {
            "job": config.job,
            "reference": config.reference,
            "rows": rows,
            "outputs": _write(rows, folder, config.lang),
            "command": command_of(config),
            "provenance": record.to_dict(),
        }
        complete = all(row["status"] == "ok" and not row["reason"] for row in rows)
        return finish(config, folder, result, complete=complete)


def _rows(
    runs: Sequence[LandcoverConfig],
    folder: RunFolder,
    read: Sequence[str],
    options: EngineOptions | None,
) -> list[dict[str, Any]]:
    """Return the rows of the table."""
    rows = []
    for number, run in enumerate(runs, 1):
        rows.append(_row(run, folder, read, options))
        if options is not None and options.progress is not None:
            options.progress("comparing", number, len(runs))
    return rows


def _write(rows: Sequence[dict[str, Any]], folder: RunFolder, lang: str) -> dict[str, str]:
    """Write table and figure; return their paths by name."""
    shown = [{name: row[name] for name in COLUMNS} for row in rows]
    table = write_rows(
        folder.file("comparison.csv"), COLUMNS, ([row[c] for c in COLUMNS] for row in shown)
    )
    outputs = {"table": str(table)}
    if any(row["status"] == "ok" for row in rows):
        figure = to_png(comparison_figure(shown, lang))
        outputs["figure"] = str(write_bytes(folder.file("comparison.png"), figure))
    return outputs


def _runs(config: CompareConfig) -> list[LandcoverConfig]:
    """Return the configuration of every map, each checked before the first is made."""
    common = {k: v for k, v in config.model_dump().items() if k not in _OWN}
    pairs = list(itertools.product(config.methods, config.clusters))
    budget = parse_budget(config.budget).part(len(pairs)) or None
    for method in config.methods:
        parse_spec(method, config.model)
    return [
        make_config(
            LandcoverConfig,
            common
            | {"method": method, "clusters": clusters, "outputs": ["landcover"], "budget": budget}
            | {"out": run_path(config) / f"{method}-{clusters}"},
        )
        for method, clusters in pairs
    ]


def _row(
    config: LandcoverConfig,
    folder: RunFolder,
    read: Sequence[str],
    options: EngineOptions | None,
) -> dict[str, Any]:
    """Return a row of the table; the map is made once, as long as its files ``read`` stay."""
    row = dict.fromkeys(COLUMNS) | {"method": config.method, "clusters": config.clusters or "auto"}

    def work() -> StepRecord:
        start = time.perf_counter()
        done = run_landcover(config, dataclasses.replace(options or EngineOptions(), progress=None))
        return StepRecord(found=_scores(done.result) | {"seconds": time.perf_counter() - start})

    told = fingerprint(read)
    try:
        found = folder.step(f"{config.method} {config.clusters}", work, told).found
    except (CancelledError, UsageError):
        raise
    except ObriyError as error:
        return row | {"status": "failed", "reason": str(error)}
    return row | {"reason": ""} | found | {"status": "ok"}


def _scores(result: dict[str, Any]) -> dict[str, Any]:
    scores = result["evaluation"]
    ceiling, merged = scores["ceiling"], scores["merged"] or {}
    best = ceiling.get("merged") or {}
    return {
        "found": len(result["clusters"]),
        "reason": next(iter([*result["problems"], *(f["reason"] for f in result["failed"])]), ""),
        "overall_accuracy": scores["overall_accuracy"],
        "ceiling_overall_accuracy": ceiling["overall_accuracy"],
        "mean_iou": scores["mean_iou"],
        "ceiling_mean_iou": ceiling["mean_iou"],
        "merged_overall_accuracy": merged.get("overall_accuracy"),
        "merged_ceiling_overall_accuracy": best.get("overall_accuracy"),
        "merged_mean_iou": merged.get("mean_iou"),
        "merged_ceiling_mean_iou": best.get("mean_iou"),
    }
