"""Land cover by clusters on a tile of ten bands: cost beside a floor, inertia, and DBSCAN's labels.

    python benchmarks/clustering.py cost [--size 10980]     processor seconds and memory
    python benchmarks/clustering.py inertia [--size 5490]   of centres of samples, on all pixels
    python benchmarks/clustering.py dbscan                  agreement with scikit-learn

The tile is made of a Sentinel-2 scene of the Sundarbans (`OBRIY_REALDATA`), mirrored, lit unevenly
and with noise, 1024 px tiles, DEFLATE, no data in a corner. The floor is that of `ratios.py`.
Figures are printed, never asserted.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from rasterio.windows import Window
from sklearn.cluster import DBSCAN
from sklearn.metrics import adjusted_rand_score

from floor import FIXED, FLOOR
from obriy.blocks.base import Block
from obriy.methods.clustering import look as look_module
from obriy.methods.clustering.cells import cells_of, cluster_cells
from obriy.methods.clustering.lloyd import centres_of
from obriy.methods.clustering.prototypes import nearest
from obriy.methods.clustering.sample import Sample
from obriy.methods.clustering.space import fit_space
from series import measure

REAL = Path(os.environ.get("OBRIY_REALDATA", Path(__file__).parents[2] / "shared" / "data"))
BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
NAMES = ("blue", "green", "red", "rededge071", "rededge075", "rededge078", "nir", "nir08",
         "swir16", "swir22")  # fmt: skip
OF_FILE = (2, 3, 4, 5, 6, 7, 8, 9, 11, 12)
SEEN = Window(8, 15, 260, 894)  # no data around it
TILE = 1024


def make_tile(folder: Path, size: int, seed: int = 7) -> list[Path]:
    """Write a file for each band."""
    path = REAL / "s2_sundarbans" / "S2_L2A_20200127_sundarbans_12band_u16.tif"
    with rasterio.open(path) as file:
        real = file.read(OF_FILE, window=SEEN).astype(np.float32) / 65535 * 1e4
    wide = np.concatenate([real, real[:, :, ::-1]], axis=2)
    land = np.concatenate([wide, wide[:, ::-1]], axis=1)
    random = np.random.default_rng(seed)
    paths = [folder / f"T45QXE_20200127_{name}_10m.tif" for name in BANDS]
    for plane, path in zip(land, paths, strict=True):
        waves, starts = random.uniform(3, 18, 2), random.uniform(0, 6, 2)
        with rasterio.open(
            path, "w", driver="GTiff", width=size, height=size, count=1, dtype="uint16",
            tiled=True, blockxsize=TILE, blockysize=TILE, compress="deflate", nodata=0,
            crs="EPSG:32645", transform=Affine(10, 0, 6e5, 0, -10, 2.5e6),
        ) as file:  # fmt: skip
            for row in range(0, size, TILE):
                for column in range(0, size, TILE):
                    y = np.arange(row, min(row + TILE, size))[:, None]
                    x = np.arange(column, min(column + TILE, size))
                    part = plane[y % plane.shape[0], x % plane.shape[1]]
                    light = np.sin(waves[0] * y / size + starts[0])
                    light = 1 + 0.15 * (light + np.sin(waves[1] * x / size + starts[1]))
                    part = np.maximum(part * light + random.normal(0, 12, part.shape), 1)
                    part[y + x < size // 3] = 0
                    window = Window(column, row, len(x), len(y))
                    file.write(part.astype(np.uint16), 1, window=window)
    return paths


def cost(size: int) -> None:
    """Print what land cover costs beside the floor, in all and of what a small image does not."""
    with tempfile.TemporaryDirectory() as name:
        tiles = [Path(name, "small"), Path(name, "tile")]
        for folder, side in zip(tiles, (FIXED, size), strict=True):
            folder.mkdir()
            make_tile(folder, side)
        bands = [sorted(map(str, folder.glob("*.tif"))) for folder in tiles]
        floor = [[sys.executable, "-c", FLOOR, str(Path(name, "f.tif")), *own] for own in bands]
        least = _told("floor", floor, 0)
        for number, options in enumerate((
            ("--clusters", "12", "--clouds", "none"),
            ("--clusters", "12", "--clouds", "none", "--max-ram", "2"),
            ("--clusters", "12"),
            ("--method", "dbscan", "--clouds", "none", "--max-ram", "2"),
        )):  # fmt: skip
            runs = [
                [sys.executable, "-m", "obriy", "landcover", str(folder), "-q", *options,
                 "--outputs", "landcover", "--out", str(Path(name, f"{folder.name}{number}"))]
                for folder in tiles
            ]  # fmt: skip
            _told(" ".join(options), runs, least)


def _told(name: str, commands: list[list[str]], least: float) -> float:
    """Run the same of a small tile and a large one; return, and print, what the large adds."""
    (fixed, *_), (cpu, wall, peak) = (measure(command) for command in commands)
    ratio = (cpu - fixed) / least if least else 1
    print(f"{name:48s} {cpu:7.1f} s of processor time, {fixed:5.1f} of it fixed, {wall:7.1f} s, "
          f"{peak:6.0f} MB, {ratio:5.2f} x the floor", flush=True)  # fmt: skip
    return cpu - fixed


def features_of(size: int) -> Sample:
    """Return the features of all pixels of a tile, in the order of their keys."""
    with tempfile.TemporaryDirectory() as name:
        bands = {}
        for band, path in zip(NAMES, make_tile(Path(name), size), strict=True):
            with rasterio.open(path) as file:
                plane = file.read(1).astype(np.float32) / np.float32(1e4)
            bands[band] = np.where(plane > 0, plane, np.float32("nan"))
    block = Block(bands, None, 0, 0, (slice(0, size), slice(0, size)))
    look_module.MOST_PIXELS = size * size
    return look_module.Look(("bands", "indices")).collect(block, 0)


def inertia(size: int) -> None:
    """Print the inertia over all pixels of centres that samples gave, and scikit-learn's on all."""
    sample = features_of(size)
    space = fit_space(sample, None)
    every = space.points(np.ascontiguousarray(sample.values.T))
    points, ones = np.ascontiguousarray(every.T), np.ones(every.shape[1], np.float32)
    found = {}
    for count in (50_000, 200_000, 1_000_000, len(points)):
        start = time.process_time()
        starts = 4 if count < len(points) else 1
        centres, _ = centres_of(points[:count], ones[:count], 12, 0, starts)
        seconds = time.process_time() - start
        found[count] = nearest(every, centres)[1].sum(dtype=np.float64) / len(points)
        print(f"{count:10d} points, {starts} starts: inertia {found[count]:.5f} a pixel, "
              f"{seconds:.1f} CPU s", flush=True)  # fmt: skip


def dbscan() -> None:
    """Print how far the grid's labels agree with scikit-learn's, at equal parameters."""
    sample = features_of(1024)
    space = fit_space(sample, None, 3)
    every = np.ascontiguousarray(space.points(np.ascontiguousarray(sample.values.T)).T)
    print("   units  eps  min   ARI   clusters     noise       CPU s (grid, scikit-learn)")
    for first, count in ((0, 10_000), (10_000, 10_000), (20_000, 50_000), (70_000, 50_000)):
        points = every[first : first + count]
        for eps, least in ((0.1, 10), (0.15, 10), (0.2, 10), (0.1, 50), (0.15, 50), (0.2, 50)):
            start = time.process_time()
            cells = cells_of(points, np.ones(count), eps)
            own = cluster_cells(cells, eps, least)[0][cells.cell_of]
            middle = time.process_time()
            wanted = DBSCAN(eps=eps, min_samples=least).fit(points.astype(float)).labels_
            end = time.process_time()
            print(f"{count:8d} {eps:4.2f} {least:4d} {adjusted_rand_score(wanted, own):.4f} "
                  f"{own.max() + 1:4d} {wanted.max() + 1:4d}  {(own < 0).mean():.3f} "
                  f"{(wanted < 0).mean():.3f}  {middle - start:5.2f} {end - middle:5.2f}",
                  flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("cost", "inertia", "dbscan"))
    parser.add_argument("--size", type=int, default=10980)
    options = parser.parse_args()
    if options.what == "dbscan":
        dbscan()
    else:
        {"cost": cost, "inertia": inertia}[options.what](options.size)


if __name__ == "__main__":
    main()
