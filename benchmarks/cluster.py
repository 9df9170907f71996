"""Tasks on a Dask cluster of this machine: what 10 000 cost its scheduler; images here and there.

A task holds a real scene, lazily, as `obriy water --scheduler` sends it. Figures are printed, never
asserted; peak memory is that of the process that plans, which holds client and scheduler. An image
is mapped here by two threads, and by two workers in processes of their own; processor seconds are
those of all processes, and what libraries take to start is not counted. Maps and tables of both are
compared byte by byte.

    python benchmarks/cluster.py [--tasks 10000] [--dates 24] [--size 1000] [--image 6100]
"""

import argparse
import contextlib
import functools
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from full_tile import make_tile
from obriy.blocks.options import EngineOptions
from obriy.sources.scene import open_scene
from obriy.workflows.cluster import cluster, in_turn
from obriy.workflows.config.base import make_config
from obriy.workflows.config.landcover import LandcoverConfig
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.jobs import run_job
from series import make_series

JOBS = {
    "water, mndwi:otsu": (WaterConfig, {"method": "mndwi:otsu", "outputs": ["mask"]}),
    "water, auto": (WaterConfig, {"method": "auto", "outputs": ["mask"]}),
    "land cover, 12 clusters": (
        LandcoverConfig, {"clusters": 12, "rounds": 0, "outputs": ["landcover"]},
    ),
    "land cover, 12 clusters of segments": (
        LandcoverConfig,
        {"method": "slic+kmeans", "clusters": 12, "rounds": 0, "outputs": ["landcover"]},
    ),
}  # fmt: skip


def look(scene, number: int) -> dict[str, int]:
    """What a worker does of a task here: nearly nothing."""
    return {"number": number, "bands": len(scene.data_vars)}


def plan_many(address: str, image: Path, tasks: int) -> None:
    scene = open_scene(image)
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    with cluster(address) as workers:
        assert workers is not None
        begin = lambda number: workers.submit(functools.partial(look, scene, number))  # noqa: E731
        done = sum(
            future.result()["number"] >= 0
            for _, future in in_turn(range(tasks), begin, workers.most)
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    took = time.perf_counter() - start
    print(f"{done} tasks: {took:.0f} s, {1e3 * took / done:.1f} ms each, scheduler and client "
          f"{before / 1024:.0f} MB before, {peak / 1024:.0f} MB at most")  # fmt: skip


def run(kind, values: dict, out: Path, scheduler: str | None) -> None:
    given = {"sensor": "sentinel2_l2a", "clouds": "none", "out": out}
    given |= {"scheduler": scheduler} if scheduler else {"workers": 2}
    run_job(make_config(kind, given | values), EngineOptions())


def used(client) -> tuple[float, float]:
    """Processor seconds of this process and its workers, and the clock."""
    times = [os.times(), *client.run(os.times).values()]
    return sum(t.user + t.system for t in times), time.perf_counter()


def compare(name: str, work, client, address: str, place: Path) -> None:
    """Do a job here and on the workers, after once to start and to compile; compare the files."""
    figures = []
    for number, scheduler in enumerate((None, address, None, address)):
        before = used(client)
        work(place / f"{name}-{number}", scheduler)
        figures.append([b - a for a, b in zip(before, used(client), strict=True)])
    (here, wall), (there, wall_there) = figures[2:]
    others = different(place / f"{name}-2", place / f"{name}-3") or "none"
    print(f"{name}: here {here:.1f} CPU s in {wall:.1f} s, two workers {there:.1f} CPU s in "
          f"{wall_there:.1f} s, ratio {there / here:.2f} and {wall_there / wall:.2f}; "
          f"files that differ: {others}", flush=True)  # fmt: skip


def different(here: Path, there: Path) -> list[str]:
    """Return the maps and tables of a run that are not the same, byte by byte, in another."""
    files = sorted([*here.rglob("*.tif"), *here.rglob("*.csv")])
    assert files
    return [file.name for file in files
            if file.read_bytes() != (there / file.relative_to(here)).read_bytes()]  # fmt: skip


def peaks() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


@contextlib.contextmanager
def two_workers() -> Iterator[tuple[Path, str, Any]]:
    """Yield a folder for the while, the address of two workers of one thread, and their client."""
    from distributed import Client, LocalCluster

    with (
        tempfile.TemporaryDirectory() as name,
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as local,
        Client(local, set_as_default=False) as client,
    ):
        yield Path(name), local.scheduler_address, client


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--dates", type=int, default=24)
    parser.add_argument("--size", type=int, default=1000)
    parser.add_argument("--image", type=int, default=6100)
    args = parser.parse_args()
    with two_workers() as (place, address, client):
        if args.tasks:
            make_series(place / "one", 1, args.size)
            plan_many(address, next((place / "one").glob("*.tif")), args.tasks)
        if args.dates:
            make_series(place / "images", args.dates, args.size)
            season = {"source": str(place / "images"), **JOBS["water, mndwi:otsu"][1]}
            work = functools.partial(run, WaterConfig, season)
            compare(
                f"{args.dates} dates of {args.size} x {args.size}", work, client, address, place
            )
        for job, (kind, values) in JOBS.items() if args.image else ():
            side = args.image // (2 if "segments" in job else 1)
            if not (image := place / f"{side}").exists():
                image.mkdir()
                make_tile(image, side)
            work = functools.partial(run, kind, {"source": str(image), **values})
            compare(f"{job}, {side} x {side}", work, client, address, place)
        print("workers at most", *client.run(peaks).values(), "MB; this process", peaks(), "MB")


if __name__ == "__main__":
    main()
