"""Every job against its floor and its peers: what it costs to read bands, decide, and write a map.

Processor seconds (user and system) of whole processes; wall and peak memory beside them; the median
of several runs. The ratio to the floor is of what larger images cost more: from each the cost of an
image of 1100 x 1100 pixels is taken off (start, imports, report). What is installed of others runs
in the same place, and its map is compared with ours (`peers.py`). Nothing is asserted.

    python benchmarks/ratios.py [--size 10980] [--runs 3] [--jobs zero,otsu,folder,auto,...]
    python benchmarks/ratios.py --small     # what CI runs, some ten seconds
    python benchmarks/ratios.py --table docs/benchmarks.csv --plot docs/images/benchmarks.png
"""

import argparse
import csv
import dataclasses
import os
import platform
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import clustering
import peers
from floor import FIXED, FLOOR
from full_tile import BANDS, make_tile
from series import measure

Row = dict[str, object]
Commands = Callable[[list[str], str], dict[str, list[str]]]


def nobody(names: list[str], out: str) -> dict[str, list[str]]:
    """Return the commands of others where there are none."""
    return {}


@dataclasses.dataclass(frozen=True)
class Job:
    """What is measured.

    Attributes:
        words: What `obriy` is told.
        bands: That the floor and others read; none named: all.
        others: Commands of others, of bands and the file to write.
        compare: What of our run folder and another's map is told.
        make: Writes the bands.
        smaller: The tile has so much less on a side.
    """

    words: str
    bands: tuple[str, ...] = ()
    others: Commands = nobody
    compare: Callable[[Path, Path, list[str]], str] = peers.compare_water
    make: Callable[[Path, int], list[Path]] = make_tile
    smaller: int = 1


TWO, COVER = ("B03", "B11"), "landcover --clusters 12 --outputs landcover"
JOBS = {
    "zero": Job("water --method mndwi:zero --outputs mask", TWO, peers.of_zero),
    "otsu": Job("water --method mndwi:otsu --outputs mask", TWO, peers.of_otsu),
    "folder": Job("water --method mndwi:otsu", TWO),
    "auto": Job("water --method auto --outputs mask", tuple(BANDS)),
    "landcover": Job(COVER, make=clustering.make_tile),
    "clusters": Job(f"{COVER},clusters --rounds 0", (), peers.of_clusters,
                    peers.compare_clusters, clustering.make_tile, smaller=2),
}  # fmt: skip
TITLES = {
    "zero": "water, MNDWI > 0, the mask",
    "otsu": "water, MNDWI by Otsu, the mask",
    "folder": "the same, the whole default folder",
    "auto": "water, `auto`, the mask",
    "landcover": "land cover, 12 clusters, ten bands",
    "clusters": "12 clusters, a quarter of the tile",
}


def median_of(command: list[str], runs: int, out: Path) -> tuple[float, ...]:
    """Return the median of processor seconds, wall seconds and peak memory in MB."""
    found = []
    for _ in range(runs):
        shutil.rmtree(out, ignore_errors=True)
        found.append(measure(command))
    return tuple(statistics.median(values) for values in zip(*found, strict=True))


def commands(job: Job, folder: Path, out: Path) -> tuple[dict[str, list[str]], list[str]]:
    """Return what runs of a job, by name, the floor first; and the bands."""
    names = [str(path) for path in sorted(folder.glob("*.tif"))
             if not job.bands or path.name.split("_")[2] in job.bands]  # fmt: skip
    tif, (first, *words) = str(out.with_suffix(".tif")), job.words.split()
    own = [sys.executable, "-m", "obriy", first, str(folder), *words, "--sensor", "sentinel2_l2a",
           "--clouds", "none", "--out", str(out), "-q"]  # fmt: skip
    whole = {"floor": [sys.executable, "-c", FLOOR, tif, *names], "obriy": own}
    return whole | job.others(names, tif), names


def rows(name: str, size: int, runs: int, place: Path) -> Iterator[Row]:
    """Measure a job; yield a row for each process. Tiles stay in a place for the jobs to come."""
    job = JOBS[name]
    side, out, other = size // job.smaller, place / "own", place / "other"
    small, large = (tile_of(job, pixels, place) for pixels in (FIXED, side))
    fixed, _ = commands(job, small, out)
    whole, names = commands(job, large, out)
    floor = None
    for what, command in whole.items():
        kept = out if what == "obriy" else other
        median_of(fixed[what], 1, kept)  # what is compiled once is, then
        least, *_ = median_of(fixed[what], runs, kept)
        cpu, wall, peak = median_of(command, runs, kept)
        floor = floor or max(cpu - least, 1e-3)
        is_peer = what not in {"floor", "obriy"}
        told = job.compare(out, out.with_suffix(".tif"), names) if is_peer else ""
        made = [*out.rglob("*")] if what == "obriy" else [out.with_suffix(".tif")]
        yield {"pixels": side, "job": name, "what": what, "cpu_s": round(cpu, 2),
               "fixed_s": round(least, 2), "net_s": round(cpu - least, 2),
               "wall_s": round(wall, 2), "peak_mb": round(peak),
               "read_mb": round(bytes_of(map(Path, names)) / 1e6),
               "written_mb": round(bytes_of(made) / 1e6, 1),
               "to_floor": round((cpu - least) / floor, 2), "told": told}  # fmt: skip


def bytes_of(files: Iterable[Path]) -> int:
    """Return how large files are together."""
    return sum(file.stat().st_size for file in files)


def tile_of(job: Job, side: int, place: Path) -> Path:
    """Return the folder with the bands of a job, which are made where no job had them before."""
    folder = place / f"{job.make.__module__}-{side}"
    if not folder.exists():
        folder.mkdir()
        job.make(folder, side)
    return folder


def printed(row: Row) -> Row:
    """Print a row; return it."""
    print("{pixels:6d} {job:10s} {what:13s} {cpu_s:7.2f} s of processor time, {fixed_s:5.2f} of it "
          "fixed {wall_s:7.2f} s {peak_mb:6d} MB {to_floor:6.2f} x the floor  {told}"
          .format(**row), flush=True)  # fmt: skip
    return row


def as_text(made: list[Row]) -> str:
    """Return tables as the documentation has them: processor seconds (net) by job, then all."""
    who = list(dict.fromkeys(str(row["what"]) for row in made))
    who.sort(key=lambda name: {"obriy": 0, "floor": 1}.get(name, 2))
    lines = [f"| processor s | {' | '.join(who)} |", "|---" * (len(who) + 1) + "|"]
    for job in dict.fromkeys(str(row["job"]) for row in made):
        own = {row["what"]: row for row in made if row["job"] == job}
        cells = ["{cpu_s:.1f} ({net_s:.1f})".format(**own[name]) if name in own else ""
                 for name in who]  # fmt: skip
        lines.append(f"| {TITLES[job]} | {' | '.join(cells)} |")
    lines += ["", "| | processor s | of it fixed | wall s | peak MB | over the floor | its map |",
              "|---|---|---|---|---|---|---|"]  # fmt: skip
    lines += ["| {job}, {what} | {cpu_s:.2f} | {fixed_s:.2f} | {wall_s:.1f} | {peak_mb} | "
              "{to_floor:.2f} | {told} |".format(**row) for row in made]  # fmt: skip
    return "\n".join(lines)


def plot(made: list[Row], file: Path) -> None:
    """Draw processor seconds by job, a bar for each process, what is fixed of it paler."""
    from matplotlib.figure import Figure

    jobs = list(dict.fromkeys(str(row["job"]) for row in made))
    heights = [sum(row["job"] == job for row in made) + 0.6 for job in jobs]
    figure = Figure(figsize=(8, 0.34 * sum(heights) + 0.6), layout="constrained")
    colours = {"floor": "#9aa5ad", "obriy": "#1f5fa8"}
    for axes, job in zip(
        figure.subplots(len(jobs), height_ratios=heights, squeeze=False)[:, 0], jobs, strict=True
    ):
        own = [row for row in made if row["job"] == job]
        seconds = [float(str(row["cpu_s"])) for row in own]
        fixed = [float(str(row["fixed_s"])) for row in own]
        nets = [float(str(row["net_s"])) for row in own]
        shades = [colours.get(str(row["what"]), "#c77d2e") for row in own]
        axes.barh(range(len(own)), fixed, color=shades, alpha=0.45)
        bars = axes.barh(range(len(own)), nets, left=fixed, color=shades)
        axes.bar_label(bars, [f"{s:.1f} s" for s in seconds], padding=3, fontsize=9)
        axes.set_yticks(range(len(own)), [str(row["what"]) for row in own])
        axes.set_title(TITLES[job].replace("`", ""), fontsize=10, loc="left")
        axes.invert_yaxis()
        axes.margins(x=0.1)
        axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel("processor seconds of the whole process; paler: what a small image costs, too")
    figure.savefig(file, dpi=120)


def write_table(made: list[Row], file: Path) -> None:
    """Write rows as CSV."""
    with file.open("w", newline="") as opened:
        writer = csv.DictWriter(opened, list(made[0]))
        writer.writeheader()
        writer.writerows(made)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=10980)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--jobs", default=",".join(JOBS))
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--table", type=Path)
    parser.add_argument("--plot", type=Path)
    args = parser.parse_args()
    if args.small:
        args.size, args.runs, args.jobs = 4096, 1, "zero,otsu"
    print(f"{platform.machine()}, {cpu_name()}, {args.size} x {args.size} pixels, load "
          f"{os.getloadavg()[0]:.1f}", flush=True)  # fmt: skip
    made: list[Row] = []
    with tempfile.TemporaryDirectory() as place:
        for job in args.jobs.split(","):
            if JOBS[job].make is clustering.make_tile and not clustering.REAL.exists():
                print(f"{job} is left out: no real scene in {clustering.REAL} (OBRIY_REALDATA)")
            else:
                made += map(printed, rows(job, args.size, args.runs, Path(place)))
    print(f"\n{as_text(made)}")
    if args.table:
        write_table(made, args.table)
    if args.plot:
        plot(made, args.plot)


def cpu_name() -> str:
    """Return the name of the processor, where the system tells it."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.exists() else []
    found = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{len(found)} x {found[0]}" if found else platform.processor()


if __name__ == "__main__":
    main()
