"""A mosaic of two full tiles, on two workers of which one is killed: the same bytes as here?

Two tiles of 10980 x 10980 of one day, 100 km apart as those of Sentinel-2 are, are mapped by this
process, and by two workers in processes of their own. In the middle one worker is killed (SIGKILL).
Files of both runs are compared byte by byte. Figures are printed, never asserted.

    python benchmarks/mosaic.py [--size 10980] [--methods mndwi:otsu]
"""

import argparse
import functools
import os
import shutil
import signal
import tempfile
import threading
import time
from pathlib import Path

import rasterio
from affine import Affine

from cluster import different, run, two_workers, used
from full_tile import make_tile
from obriy.workflows.config.water import WaterConfig

BANDS = {"B03": "green", "B11": "swir16"}


def make_tiles(folder: Path, size: int) -> None:
    """Write two bands of two tiles that overlap by as much as those of Sentinel-2."""
    with tempfile.TemporaryDirectory() as name:
        made = [path for path in make_tile(Path(name), size) if path.name.split("_")[2] in BANDS]
        bands = [rasterio.open(path) for path in made]
        profile = bands[0].profile | {"count": len(bands), "interleave": "band"}
        file = folder / "S2A_T36TXX_20240615.tif"
        with rasterio.open(file, "w", **profile) as to:
            for number, band in enumerate(bands, 1):
                for _, window in band.block_windows(1):
                    to.write(band.read(1, window=window), number, window=window)
            to.descriptions = tuple(BANDS.values())
    beside = shutil.copy(file, folder / file.name.replace("TXX", "TYX"))
    with rasterio.open(beside, "r+") as to:
        to.transform = Affine.translation(size // 1098 * 1e4, 0) @ to.transform


def kill_in_the_middle(folder: Path, process: int, parts: int) -> None:
    """Kill a process once so many parts of a run are done."""
    ledger = folder / "ledger.jsonl"
    while not ledger.exists() or ledger.read_text().count(" part ") < parts:
        time.sleep(0.02)
    os.kill(process, signal.SIGKILL)
    print(f"killed a worker after {parts} parts", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=10980)
    parser.add_argument("--methods", default="mndwi:otsu")
    parser.add_argument("--parts", type=int, default=4, help="done before a worker is killed")
    args = parser.parse_args()
    with two_workers() as (place, address, client):
        (place / "tiles").mkdir()
        make_tiles(place / "tiles", args.size)
        for method in args.methods.split(","):
            here, there = place / f"{method}-here", place / f"{method}-there"
            values = {"source": str(place / "tiles"), "method": method, "outputs": ["mask"]}
            work = functools.partial(run, WaterConfig, values)
            before = used(client)
            work(here, None)
            cpu, wall = (b - a for a, b in zip(before, used(client), strict=True))
            print(f"{method}: here {cpu:.1f} CPU s, {wall:.1f} s", flush=True)
            mortal = next(iter(client.run(os.getpid).values()))
            doomed = threading.Thread(
                target=kill_in_the_middle, args=(there, mortal, args.parts), daemon=True
            )
            doomed.start()
            start = time.perf_counter()
            work(there, address)
            doomed.join()
            print(f"{method}: two workers, one killed, {time.perf_counter() - start:.1f} s; "
                  f"different: {different(here, there) or 'none'}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
