"""Series against their number of dates, and districts against theirs: processor time, peak memory.

Each run is a process of its own: user and system time, wall, peak. Printed, never asserted.

    python benchmarks/series.py [--dates 10,50,200] [--size 24] [--districts 100,1000,10000]
"""

import argparse
import datetime as dt
import subprocess
import sys
import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from affine import Affine

LAND = {"blue": 600, "green": 900, "red": 1000, "nir": 2800, "swir16": 2200, "swir22": 1400}
WATER = {"blue": 450, "green": 500, "red": 300, "nir": 200, "swir16": 120, "swir22": 80}
WATCH = """
import os, subprocess, sys, time
start = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(usage.ru_utime + usage.ru_stime, time.perf_counter() - start, usage.ru_maxrss / 1024)
sys.exit(os.waitstatus_to_exitcode(status) != 0)
"""
"""Runs a command: in a small process, for the peak of one that is begun counts its parent's."""
PLACE = Affine(10, 0, 6e5, 0, -10, 5.3e6)


def make_series(folder: Path, dates: int, size: int) -> None:
    """Write images of a lake that breathes, one each five days."""
    folder.mkdir(parents=True)
    y, x = np.mgrid[:size, :size]
    away, rng = np.hypot(y - size / 2, x - size / 2), np.random.default_rng(1)
    for number in range(dates):
        day = dt.date(1990, 1, 1) + dt.timedelta(days=5 * number)
        lake = away < size * (0.25 + 0.1 * np.sin(number / 10))
        with rasterio.open(
            folder / f"{day}.tif", "w", driver="GTiff", width=size, height=size, count=6,
            dtype="uint16", nodata=0, crs="EPSG:32636", transform=PLACE, compress="deflate",
            interleave="band", tiled=size > 512, blockxsize=512, blockysize=512,
        ) as file:  # fmt: skip
            for band, name in enumerate(LAND, 1):
                values = np.where(lake, WATER[name], LAND[name]) + rng.normal(0, 28, lake.shape)
                file.write(values.clip(1).astype("uint16"), band)
            file.descriptions = tuple(LAND)


def make_districts(file: Path, count: int, size: int) -> None:
    """Write districts that share crooked edges and cover an image of `make_series`."""
    rng, side = np.random.default_rng(3), int(np.ceil(count**0.5))
    step = size * 10 / side
    moved = rng.uniform(-0.3, 0.3, (2, side + 1, side + 1)) + np.mgrid[: side + 1, : side + 1]
    x, y = PLACE.c + step * moved[1], PLACE.f - step * moved[0]
    corners = [np.stack([x, y], -1)[i : side + i, j : side + j].reshape(-1, 2)
               for i, j in ((0, 0), (0, 1), (1, 1), (1, 0))]  # fmt: skip
    shapes = shapely.polygons(np.stack(corners, 1))[:count]
    names = {"name": [f"district {k}" for k in range(count)]}
    gpd.GeoDataFrame(names, geometry=shapes, crs="EPSG:32636").to_file(file)


def measure(command: list[str]) -> tuple[float, float, float]:
    """Run a command; return processor seconds, wall seconds, and peak memory in MB.

    Seconds are those of all processes that it starts and waits for, the peak that of the largest.
    """
    watched = [sys.executable, "-S", "-c", WATCH, *command]
    done = subprocess.run(watched, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"failed: {' '.join(command)}\n{done.stderr[-2000:]}")
    cpu, wall, peak = map(float, done.stdout.split())
    return cpu, wall, peak


def water(images: Path, out: Path, *more: str) -> tuple[float, float, float]:
    """Run `obriy water`, quietly."""
    return measure([sys.executable, "-m", "obriy", "water", str(images), "--sensor",
                    "sentinel2_l2a", "--out", str(out), "-q", *more])  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dates", default="10,50,200")
    parser.add_argument("--size", type=int, default=24)
    parser.add_argument("--districts", default="100,1000,10000")
    parser.add_argument("--image", type=int, default=2000, help="pixels a side, for districts")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        for dates in map(int, filter(None, args.dates.split(","))):
            images = Path(name, f"series{dates}")
            make_series(images, dates, args.size)
            cpu, wall, peak = water(images, Path(name, f"run{dates}"))
            print(f"{dates:6d} dates of {args.size} x {args.size}: {cpu:7.1f} s of processor time, "
                  f"{cpu / dates:.3f} a date, {wall:.1f} s, {peak:.0f} MB", flush=True)  # fmt: skip
        make_series(Path(name, "image"), 1, args.image)
        image = next(Path(name, "image").glob("*.tif"))
        for count in map(int, filter(None, args.districts.split(","))):
            places = Path(name, f"{count}.gpkg")
            make_districts(places, count, args.image)
            fast = ("--method", "mndwi:zero", "--clouds", "none", "--outputs", "mask,report")
            cpu, wall, peak = water(image, Path(name, f"d{count}"), "--aoi", str(places), *fast)
            print(f"{count:6d} districts on {args.image} x {args.image}: {cpu:7.1f} s of processor "
                  f"time, {wall:.1f} s, {peak:.0f} MB", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
