"""`obriy compare landcover`: clusterers x numbers of clusters, one table and one figure."""

import dataclasses
import itertools
import time
from collections.abc import Sequence
from typing import Any, Final, cast

from obriy.blocks.engine import EngineOptions
from obriy.errors import UsageError
from obriy.labelling.budget import parse_budget
from obriy.methods.clustering.spec import parse_spec
from obriy.model.provenance import hrefs_of
from obriy.model.result.landcover import LandcoverResult
from obriy.model.result.tables import CoverComparison, CoverRow
from obriy.model.scene import provenance_of
from obriy.render.comparison import comparison_figure
from obriy.runs.fingerprint import fingerprint
from obriy.runs.folder import RunFolder, StepRecord
from obriy.workflows.compare.rows import (
    lost_of,
    rows_of,
    tried,
    write_comparison,
)
from obriy.workflows.config.base import make_config
from obriy.workflows.config.landcover import LandcoverCompareConfig, LandcoverConfig
from obriy.workflows.inputs import lies_far, one_image
from obriy.workflows.landcover.job import run_landcover
from obriy.workflows.run import Run, command_of, finish, run_folder, run_path

COLUMNS: Final = (
    "method", "clusters", "found", "overall_accuracy", "ceiling_overall_accuracy", "mean_iou",
    "ceiling_mean_iou", "merged_overall_accuracy", "merged_ceiling_overall_accuracy",
    "merged_mean_iou", "merged_ceiling_mean_iou", "seconds", "status", "reason",
)  # fmt: skip
"""Columns of ``comparison.csv``: as named, and with the best name for each cluster (ceiling)."""
_OWN: Final = {"job", "methods", "clusters", "out", "outputs", "budget"}


def run_comparison(config: LandcoverCompareConfig, options: EngineOptions | None = None) -> Run:
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
    record = provenance_of(one_image(config).scene)
    named = (getattr(config, place) for place in config.PLACES if place != "source")
    read = [*hrefs_of(record), *filter(None, named)]
    with run_folder(config) as folder:
        rows = rows_of(runs, lambda run: _row(run, folder, read, options), options)
        shown = [{name: row[name] for name in COLUMNS} for row in rows]
        outputs = write_comparison(
            folder, COLUMNS, rows, lambda: comparison_figure(shown, config.lang)
        )
        result = CoverComparison(
            rows=[CoverRow(**row) for row in rows],
            failed=lost_of(rows, "method"),
            reference=config.reference,
            outputs=outputs,
            command=command_of(config),
            provenance=record,
        )
        return finish(config, folder, result)


def _runs(config: LandcoverCompareConfig) -> list[LandcoverConfig]:
    """Return the configuration of every map, each checked before the first is made."""
    common = {k: v for k, v in config.model_dump().items() if k not in _OWN}
    pairs = list(itertools.product(config.methods, config.clusters))
    budget = parse_budget(config.budget).part(len(pairs)) or None
    one = {"best": 1} if lies_far(config.source) else {}  # as `one_image` takes it
    for method in config.methods:
        parse_spec(method, config.model)
    return [
        make_config(
            LandcoverConfig,
            common
            | one
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
        return StepRecord(
            found=_scores(cast(LandcoverResult, done.result))
            | {"seconds": time.perf_counter() - start}
        )

    def found() -> dict[str, Any]:
        return folder.step(f"{config.method} {config.clusters}", work, fingerprint(read)).found

    return tried(row, found)


def _scores(result: LandcoverResult) -> dict[str, Any]:
    scores = result.evaluation
    assert scores is not None  # of a reference that was asked for
    lost = [one.reason for one in result.failed if one.kind == "part"]
    ceiling, merged = scores.ceiling or {}, scores.merged or {}
    best = ceiling.get("merged") or {}
    return {
        "found": len(result.clusters),
        "reason": next(iter([*result.problems, *lost]), ""),
        "overall_accuracy": scores.overall_accuracy,
        "ceiling_overall_accuracy": ceiling["overall_accuracy"],
        "mean_iou": scores.mean_iou,
        "ceiling_mean_iou": ceiling["mean_iou"],
        "merged_overall_accuracy": merged.get("overall_accuracy"),
        "merged_ceiling_overall_accuracy": best.get("overall_accuracy"),
        "merged_mean_iou": merged.get("mean_iou"),
        "merged_ceiling_mean_iou": best.get("mean_iou"),
    }
