"""The chips that `auto` was fitted on, and their scores.

Those of the `choose` places; the others are for reporting and never opened here.
"""

import csv
import dataclasses
import os
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import rasterio
from scipy import ndimage

from obriy.methods.auto.evidence import BANDS

DATA = (
    Path(os.environ.get("OBRIY_REALDATA", Path(__file__).parents[3] / "shared" / "data"))
    / "hls_chips"
)
SQUARE = np.ones((3, 3), bool)
FIRST_BAND, FMASK, OCCURRENCE = 2, 8, 12  # band numbers in a file; coastal comes first
CLOUD = 0b10


@dataclasses.dataclass(frozen=True)
class Chips:
    """Chips of 128 x 128 pixels.

    Attributes:
        bands: Reflectance in the order of `BANDS`, (chip, band, y, x).
        water: The label, (chip, y, x).
        clear: Pixels that count, (chip, y, x).
        edge: Pixels that touch the edge of the label, one on each side, (chip, y, x).
        often: Water in half of the months or more (GSW occurrence), (chip, y, x).
        sites: Site of each chip, (chip,).
    """

    bands: np.ndarray
    water: np.ndarray
    clear: np.ndarray
    edge: np.ndarray
    often: np.ndarray
    sites: np.ndarray

    def fold(self, count: int) -> np.ndarray:
        """Deal the sites into `count` folds; give the fold of each chip."""
        sites = np.unique(self.sites)
        np.random.default_rng(1).shuffle(sites)
        place = {site: i % count for i, site in enumerate(sites)}
        return np.array([place[site] for site in self.sites])


def _read(number: int) -> tuple[np.ndarray, np.ndarray]:
    path = DATA / "images" / f"{number:03d}.tif"
    warnings.filterwarnings("ignore", message="Dataset has no geotransform")
    with rasterio.open(path) as file:
        image = file.read()
    with rasterio.open(path.with_name(f"{number:03d}_water.png")) as file:
        return image, file.read(1) > 0


@cache
def load() -> Chips:
    """Read the chips of the `choose` places."""
    with (DATA / "index.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "choose"]
    images, labels = zip(*(_read(int(row["chip"])) for row in rows), strict=True)
    image, water = np.stack(images), np.stack(labels)
    first = FIRST_BAND - 1
    occurrence = image[:, OCCURRENCE - 1]
    return Chips(
        bands=image[:, first : first + len(BANDS)].astype(np.float32) / 1e4,
        water=water,
        clear=(image[:, FMASK - 1] & CLOUD) == 0,
        edge=np.stack([
            ndimage.binary_dilation(label, SQUARE)
            & ~ndimage.binary_erosion(label, SQUARE, border_value=1)
            for label in water
        ]),
        often=(occurrence >= 50) & (occurrence <= 100),
        sites=np.array([row["site_group"] for row in rows]),
    )  # fmt: skip


def counts(chips: Chips, mapped: np.ndarray, clear: np.ndarray | None = None) -> np.ndarray:
    """Count tp, fp, fn, tn of each chip, (chip, 4)."""
    valid = chips.clear if clear is None else clear
    kinds = (mapped & chips.water, mapped & ~chips.water, ~mapped & chips.water)
    found = [(kind & valid).sum((1, 2)) for kind in kinds]
    return np.stack([*found, valid.sum((1, 2)) - sum(found)], 1).astype(float)


def scores(cells: np.ndarray) -> dict[str, float]:
    """Score pooled counts (tp, fp, fn, tn)."""
    tp, fp, fn, tn = cells
    n = tp + fp + fn + tn
    chance = ((tp + fp) * (tp + fn) + (fn + tn) * (fp + tn)) / n**2
    return {
        "IoU": tp / (tp + fp + fn),
        "F1": 2 * tp / (2 * tp + fp + fn),
        "kappa": ((tp + tn) / n - chance) / (1 - chance),
        "precision": tp / max(tp + fp, 1),
        "recall": tp / max(tp + fn, 1),
    }
