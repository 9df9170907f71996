"""Every job against its floor: what it costs to read its bands, decide, and write one map.

Processor seconds (user and system) of whole processes; wall and peak memory beside them; the median
of several runs. The ratio to the floor is of what larger images cost more: from each the cost of an
image of 1100 x 1100 pixels is taken off (start, imports, report). What is installed of others runs
in the same place: gdal_calc, Orfeo ToolBox, scikit-learn on all pixels. Nothing is asserted.

    python benchmarks/ratios.py [--size 10980] [--runs 3] [--jobs zero,otsu,auto,landcover]
    python benchmarks/ratios.py --small     # what CI runs, some ten seconds
    python benchmarks/ratios.py --table docs/benchmarks.csv --plot docs/images/benchmarks.png
"""

import argparse
import csv
import platform
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from full_tile import BANDS, make_tile
from series import measure

FLOOR = """
import sys
import numpy as np, rasterio
from concurrent.futures import ThreadPoolExecutor
from rasterio.windows import Window
out, *names = sys.argv[1:]
files = [rasterio.open(name) for name in names]
height, width = files[0].shape
with rasterio.open(out, "w", driver="GTiff", width=width, height=height, count=1, dtype="uint8",
                   tiled=True, blockxsize=512, blockysize=512, compress="deflate",
                   crs=files[0].crs, transform=files[0].transform) as to:
    for row in range(0, height, 1024):
        for column in range(0, width, 1024):
            w = Window(column, row, min(1024, width - column), min(1024, height - row))
            bands = [f.read(1, window=w) for f in files]
            to.write((bands[0] > bands[-1]).astype("uint8"), 1, window=w)
"""
FIXED = 1100
"""Pixels on a side of an image that costs little beside what every run costs."""
SKLEARN = """
import sys
import numpy as np, rasterio
from sklearn.cluster import KMeans
out, *names = sys.argv[1:]
bands = []
for name in names:
    with rasterio.open(name) as f:
        bands.append(f.read(1))
pixels = np.stack(bands, -1).reshape(-1, len(bands)).astype("float32")
labels = KMeans(12, n_init=1, random_state=0).fit(pixels).labels_.astype("uint8")
with rasterio.open(out, "w", driver="GTiff", width=f.width, height=f.height, count=1, dtype="uint8",
                   compress="deflate") as to:
    to.write(labels.reshape(f.shape), 1)
"""
JOBS = {  # bands of the floor, what `obriy` is told
    "zero": (("B03", "B11"), ["water", "--method", "mndwi:zero", "--outputs", "mask"]),
    "otsu": (("B03", "B11"), ["water", "--method", "mndwi:otsu", "--outputs", "mask"]),
    "auto": (tuple(BANDS), ["water", "--method", "auto", "--outputs", "mask"]),
    "landcover": (tuple(BANDS), ["landcover", "--clusters", "12", "--outputs", "landcover"]),
}


def median_of(command: list[str], runs: int, out: Path) -> tuple[float, ...]:
    """Return the median of processor seconds, wall seconds and peak memory in MB."""
    found = []
    for _ in range(runs):
        shutil.rmtree(out, ignore_errors=True)
        found.append(measure(command))
    return tuple(statistics.median(values) for values in zip(*found, strict=True))


def others(job: str, names: list[str], out: str, size: int) -> dict[str, list[str]]:
    """Return what others do of the same, where they are installed."""
    found = {}
    if job == "zero" and shutil.which("gdal_calc.py"):
        formula = "(A.astype(float)-B)/(A.astype(float)+B)>0"
        found["gdal_calc"] = ["gdal_calc.py", "-A", names[0], "-B", names[1], "--calc", formula,
                              "--outfile", out, "--type", "Byte", "--overwrite", "--quiet",
                              "--co", "COMPRESS=DEFLATE", "--co", "TILED=YES"]  # fmt: skip
    if job == "zero" and shutil.which("otbcli_BandMath"):
        formula = "(im1b1-im2b1)/(im1b1+im2b1)>0"
        found["OTB BandMath"] = ["otbcli_BandMath", "-il", *names, "-exp", formula, "-out",
                                 f"{out}?&gdal:co:COMPRESS=DEFLATE", "uint8"]  # fmt: skip
    if job == "landcover" and size <= 2000:  # all pixels are in its memory
        found["scikit-learn"] = [sys.executable, "-c", SKLEARN, out, *names]
    return found


def commands(job: str, folder: Path, out: Path, size: int) -> dict[str, list[str]]:
    """Return what runs of a job, by name; the floor first."""
    paths = {path.name.split("_")[2]: str(path) for path in folder.glob("*.tif")}
    bands, words = JOBS[job]
    names, tif = [paths[band] for band in bands], str(out.with_suffix(".tif"))
    own = [sys.executable, "-m", "obriy", words[0], str(folder), *words[1:], "--sensor",
           "sentinel2_l2a", "--clouds", "none", "--out", str(out), "-q"]  # fmt: skip
    whole = {"floor": [sys.executable, "-c", FLOOR, tif, *names], "obriy": own}
    return whole | others(job, names, tif, size)


def rows(size: int, jobs: list[str], runs: int) -> list[dict[str, object]]:
    """Measure everything; return a row for each process."""
    made: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as name:
        folder, small, out = (Path(name, part) for part in ("tile", "small", "out"))
        for place, side in ((folder, size), (small, FIXED)):
            place.mkdir()
            make_tile(place, side)
        for job in jobs:
            floor, fixed = None, commands(job, small, out, size)
            for what, command in commands(job, folder, out, size).items():
                least, *_ = median_of(fixed[what], runs, out)
                cpu, wall, peak = median_of(command, runs, out)
                floor = floor or max(cpu - least, 1e-3)
                made.append({"pixels": size, "job": job, "what": what, "cpu_s": round(cpu, 2),
                             "fixed_s": round(least, 2), "wall_s": round(wall, 2),
                             "peak_mb": round(peak),
                             "to_floor": round((cpu - least) / floor, 2)})  # fmt: skip
                print("{pixels:6d} {job:10s} {what:13s} {cpu_s:7.2f} s of processor time, "
                      "{fixed_s:5.2f} of it fixed {wall_s:7.2f} s {peak_mb:6d} MB "
                      "{to_floor:6.2f} x the floor".format(**made[-1]), flush=True)  # fmt: skip
    return made


def plot(made: list[dict[str, object]], file: Path) -> None:
    """Draw processor seconds by job, a bar for each process."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 0.42 * len(made) + 1), layout="constrained")
    axes = figure.subplots()
    names = [f"{row['job']}, {row['what']}" for row in made]
    colours = {"floor": "#9aa5ad", "obriy": "#1f5fa8"}
    bars = axes.barh(
        range(len(made)), [float(str(row["cpu_s"])) for row in made],
        color=[colours.get(str(row["what"]), "#c77d2e") for row in made],
    )  # fmt: skip
    axes.bar_label(bars, [f"{row['to_floor']} x" for row in made], padding=3, fontsize=9)
    axes.set_yticks(range(len(made)), names)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlabel("processor seconds of the whole process")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=120)


def write_table(made: list[dict[str, object]], file: Path) -> None:
    """Write rows as CSV."""
    with file.open("w", newline="") as opened:
        writer = csv.DictWriter(opened, list(made[0]))
        writer.writeheader()
        writer.writerows(made)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=10980)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--jobs", default="zero,otsu,auto,landcover")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--table", type=Path)
    parser.add_argument("--plot", type=Path)
    args = parser.parse_args()
    if args.small:
        args.size, args.runs, args.jobs = 4096, 1, "zero,otsu"
    print(f"{platform.machine()}, {cpu_name()}, {args.size} x {args.size} pixels", flush=True)
    made = rows(args.size, args.jobs.split(","), args.runs)
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
