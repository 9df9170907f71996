"""Tasks on a Dask cluster of this machine: what 10 000 of them cost its scheduler, and a series.

A task holds a real scene, lazily, as `obriy water --scheduler` sends it. Figures are printed, never
asserted; peak memory is that of the process that plans, which holds client and scheduler.

    python benchmarks/cluster.py [--tasks 10000] [--dates 24] [--size 1000]
"""

import argparse
import functools
import resource
import tempfile
import time
from pathlib import Path

from obriy.blocks.options import EngineOptions
from obriy.sources.scene import open_scene
from obriy.workflows.cluster import cluster, in_turn
from obriy.workflows.config.base import make_config
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.jobs import run_job
from series import make_series


def look(scene, number: int) -> dict[str, int]:
    """What a worker does of a task here: nearly nothing."""
    return {"number": number, "bands": len(scene.data_vars)}


def plan_many(address: str, image: Path, tasks: int) -> None:
    scene = open_scene(image)
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    with cluster(address) as (executor, most):
        assert executor is not None
        begin = lambda number: executor.submit(functools.partial(look, scene, number))  # noqa: E731
        done = sum(
            future.result()["number"] >= 0 for _, future in in_turn(range(tasks), begin, most)
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    took = time.perf_counter() - start
    print(f"{done} tasks: {took:.0f} s, {1e3 * took / done:.1f} ms each, scheduler and client "
          f"{before / 1024:.0f} MB before, {peak / 1024:.0f} MB at most")  # fmt: skip


def series(images: Path, out: Path, scheduler: str | None, workers: int) -> float:
    config = make_config(WaterConfig, {
        "source": str(images), "sensor": "sentinel2_l2a", "method": "mndwi:otsu", "clouds": "none",
        "outputs": ["mask"], "out": out, "scheduler": scheduler, "workers": workers,
    })  # fmt: skip
    start = time.perf_counter()
    run_job(config, EngineOptions())
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--dates", type=int, default=24)
    parser.add_argument("--size", type=int, default=1000)
    args = parser.parse_args()
    from distributed import LocalCluster

    with tempfile.TemporaryDirectory() as name:
        images = Path(name, "images")
        make_series(images, args.dates, args.size)
        here = series(images, Path(name, "here"), None, 2)
        with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as local:
            plan_many(local.scheduler_address, next(images.glob("*.tif")), args.tasks)
            there = series(images, Path(name, "there"), local.scheduler_address, 1)
        print(f"{args.dates} dates of {args.size} x {args.size}: two threads {here:.1f} s, two "
              f"workers {there:.1f} s, ratio {there / here:.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
