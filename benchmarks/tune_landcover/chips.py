"""The chips with WorldCover: scenes, their reference, and clusters of them.

Places, not chips, are for choosing or for reporting only: `split` in the index says which.
"""

import csv
import dataclasses
import os
import warnings
from pathlib import Path

import numpy as np
import rasterio
import xarray as xr
from odc.geo.geobox import GeoBox

from obriy.model.classmap import ClassMap
from obriy.model.clusters import cluster_legend
from obriy.model.grid import coords_of, geobox_of
from obriy.model.provenance import Provenance
from obriy.model.scene import make_scene

DATA = (
    Path(os.environ.get("OBRIY_REALDATA", Path(__file__).parents[3] / "shared" / "data"))
    / "hls_chips"
)
BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
FIRST_BAND, WORLDCOVER = 2, 11  # band numbers in a file; coastal comes first
MISSING = -9000
CODES = np.array([10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 100])
MAIN = np.array([0, 1, 1, 1, 2, 3, 3, 4, 4, 0, 1])
"""Main class of each of `CODES`: tree, low vegetation, built-up, bare, water and wetland."""


@dataclasses.dataclass(frozen=True)
class Chip:
    """A chip of 128 x 128 pixels.

    Attributes:
        number: Its number in the set.
        site: Its site.
        scene: Its bands.
        reference: Place in `CODES` of WorldCover's class, (y, x).
        flooded: Where the water label says water and WorldCover another thing, (y, x).
    """

    number: int
    site: str
    scene: xr.Dataset
    reference: np.ndarray
    flooded: np.ndarray


def load(split: str) -> list[Chip]:
    """Read the chips of the places to ``choose`` by, or of those to ``report`` on."""
    with (DATA / "index.csv").open() as file:
        rows = [r for r in csv.DictReader(file) if r["split"] == split]
    return [_read(int(row["chip"]), row["site_group"]) for row in rows]


def _read(number: int, site: str) -> Chip:
    path = DATA / "images" / f"{number:03d}.tif"
    warnings.filterwarnings("ignore", message="Dataset has no geotransform")
    with rasterio.open(path) as file:
        image = file.read()
    with rasterio.open(path.with_name(f"{number:03d}_water.png")) as file:
        water = file.read(1) > 0
    stack = image[FIRST_BAND - 1 : FIRST_BAND - 1 + len(BANDS)].astype(np.float32)
    missing = (stack <= MISSING).any(axis=0)
    stack = np.where(missing, np.nan, stack / 1e4).astype(np.float32)
    worldcover = image[WORLDCOVER - 1]
    known = np.isin(worldcover, CODES)
    reference = np.where(known, np.searchsorted(CODES, np.where(known, worldcover, 10)), -1)
    return Chip(
        number, site, scene_of(stack), reference, water & (worldcover != 80),
    )  # fmt: skip


def scene_of(stack: np.ndarray) -> xr.Dataset:
    """Lay bands (band, y, x) in the order of `BANDS` on a made-up grid of 30 m."""
    affine = rasterio.Affine(30.0, 0, 5e5, 0, -30.0, 5.2e6)
    grid = GeoBox(stack.shape[1:], affine, "EPSG:32636")
    bands = {n: xr.Variable(("y", "x"), p) for n, p in zip(BANDS, stack, strict=True)}
    return make_scene(bands, grid, sensor="unknown", provenance=Provenance())


def clusters_of(scene: xr.Dataset, labels: np.ndarray) -> ClassMap:
    """Make a map of clusters of numbers from 1; 0 is no data."""
    array = xr.DataArray(
        labels.astype(np.uint8), dims=("y", "x"), coords=coords_of(geobox_of(scene))
    )
    return ClassMap(array, cluster_legend([int(i) for i in np.unique(labels) if i]))


def confusion(named: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Sum up pixels by class and name.

    Args:
        named: Place in `CODES` of each cluster's name, -1 none, (clusters,).
        counts: Pixels by class of the reference, (clusters, 11).

    Returns:
        (11, 12): rows are the reference; the last column has no name.
    """
    table = np.zeros((len(CODES), len(CODES) + 1))
    for name, count in zip(named, counts, strict=True):
        table[:, name] += count
    return table


def merged(table: np.ndarray) -> np.ndarray:
    """Merge a table of `confusion` to the main classes."""
    columns = np.append(MAIN, 5)
    small = np.zeros((5, 6))
    np.add.at(small, (MAIN[:, None], columns[None, :]), table)
    return small


def scores(table: np.ndarray) -> dict[str, float]:
    """Return overall accuracy and mean IoU over the classes that the reference has."""
    hits = np.diag(table)
    union = table.sum(axis=1) + table[:, :-1].sum(axis=0) - hits
    present = table.sum(axis=1) > 0
    iou = hits[present] / union[present]
    return {"OA": float(hits.sum() / table.sum()), "mIoU": float(iou.mean())}


def by_class(table: np.ndarray) -> list[float]:
    """Return the F1 of each class; NaN where the reference has none."""
    hits = np.diag(table)
    both = table.sum(axis=1) + table[:, :-1].sum(axis=0)
    return [
        float(2 * h / b) if n else float("nan")
        for h, b, n in zip(hits, both, table.sum(axis=1), strict=True)
    ]


def main_scores(table: np.ndarray) -> dict[str, float]:
    """Return the scores of 11 classes and merged, under one name each."""
    found = scores(table)
    return found | {f"{k} merged": v for k, v in scores(merged(table)).items()}
