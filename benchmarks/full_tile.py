"""A full Sentinel-2 tile (10980 x 10980, six bands) through the command: time and peak memory.

Beside it: the decoding of the same bytes alone, the floor. Figures are printed, never asserted.

    python benchmarks/full_tile.py [--size 10980] [--max-ram 2] [--methods mndwi:otsu,auto]
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from rasterio.windows import Window

BANDS = {  # DN of land and of water, reflectance x 10000
    "B02": (600, 450), "B03": (900, 500), "B04": (1000, 300),
    "B08": (2800, 200), "B11": (2200, 120), "B12": (1400, 80),
}  # fmt: skip
DECODE = """
import sys, rasterio
from concurrent.futures import ThreadPoolExecutor
def read(path):
    with rasterio.open(path) as d:
        for _, w in d.block_windows(1):
            d.read(1, window=w)
with ThreadPoolExecutor(2) as pool:
    list(pool.map(read, sys.argv[1:]))
"""


def make_tile(folder: Path, size: int) -> list[Path]:
    """Write one COG-like file per band: lakes on land, noise, a no-data corner."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[:1024, :1024]
    lake = (np.hypot(y - 400, x - 500) < 180) | (np.abs(y - 700 - 60 * np.sin(x / 90)) < 6)
    noise = rng.normal(0, 28, (1024, 1024))
    paths = []
    for name, (land, water) in BANDS.items():
        path = folder / f"T36TXX_20240615_{name}_10m.tif"
        tile = (np.where(lake, water, land) + noise).astype("uint16")
        with rasterio.open(
            path, "w", driver="GTiff", width=size, height=size, count=1, dtype="uint16",
            tiled=True, blockxsize=1024, blockysize=1024, compress="deflate", predictor=2,
            nodata=0, crs="EPSG:32636", transform=Affine(10, 0, 6e5, 0, -10, 5.3e6),
        ) as file:  # fmt: skip
            for row in range(0, size, 1024):
                for column in range(0, size, 1024):
                    h, w = min(1024, size - row), min(1024, size - column)
                    part = np.roll(tile, (row // 8, column // 8), (0, 1))[:h, :w]
                    if row + column < 1024:
                        part = np.zeros_like(part)
                    file.write(part, 1, window=Window(column, row, w, h))
        paths.append(path)
    return paths


def measure(command: list[str]) -> tuple[float, float, int]:
    """Run a command; return seconds, peak memory in MB (of this process alone), exit code."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    return time.perf_counter() - start, usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(status)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=10980)
    parser.add_argument("--max-ram", default="2")
    parser.add_argument("--methods", default="mndwi:otsu,auto")
    parser.add_argument("--outputs", default="mask,fraction")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "tile")
        folder.mkdir()
        paths = make_tile(folder, args.size)
        size = sum(p.stat().st_size for p in paths) / 1e6
        print(f"{args.size} x {args.size}, six bands, {size:.0f} MB deflate")
        seconds, memory, code = measure([sys.executable, "-c", DECODE, *map(str, paths)])
        print(f"{'decode six bands alone':34s} {seconds:7.1f} s  {memory:7.0f} MB  exit {code}")
        two = [str(p) for p in paths if "B03" in p.name or "B11" in p.name]
        seconds, memory, code = measure([sys.executable, "-c", DECODE, *two])
        print(f"{'decode two bands alone':34s} {seconds:7.1f} s  {memory:7.0f} MB  exit {code}")
        for method in args.methods.split(","):
            out = Path(name, method.replace(":", "-"))
            seconds, memory, code = measure(
                [sys.executable, "-m", "obriy", "water", str(folder), "--sensor", "sentinel2_l2a",
                 "--method", method, "--out", str(out), "--max-ram", args.max_ram,
                 "--outputs", args.outputs, "-q"]
            )  # fmt: skip
            label = f"obriy water --method {method}"
            print(f"{label:34s} {seconds:7.1f} s  {memory:7.0f} MB  exit {code}")
        seconds, memory, code = measure(
            [sys.executable, "-m", "obriy", "landcover", str(folder), "--sensor", "sentinel2_l2a",
             "--clusters", "12", "--out", str(Path(name, "landcover")), "--max-ram", args.max_ram,
             "--outputs", "landcover,confidence", "-q"]
        )  # fmt: skip
        print(
            f"{'obriy landcover --clusters 12':34s} {seconds:7.1f} s  {memory:7.0f} MB  exit {code}"
        )


if __name__ == "__main__":
    main()
