"""Scores of `auto` on the chips it was fitted on, each site by a model that has not seen it.

Prints the table of methods, band subsets, disturbed bands, other pixel sizes, and the share of
land that becomes water in synthetic shade. Minutes; nothing is written, nothing is asserted.

    python benchmarks/tune_auto/check_sites.py [--parts methods,subsets,disturbed,shade]
"""

import argparse
import dataclasses
from collections.abc import Callable
from functools import cache
from unittest import mock

import chips
import fit
import numpy as np
import spectra
from scipy import ndimage
from skimage.filters import threshold_otsu

from obriy.blocks.base import Block
from obriy.methods.auto import sample, scene
from obriy.methods.auto.evidence import BANDS, Evidence
from obriy.methods.auto.method import AutoRule
from obriy.tables import load_toml

Change = Callable[[np.ndarray], np.ndarray]
HAZE = np.array([0.08, 0.04, 0.025, 0.01, 0, 0], np.float32)[:, None, None]


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.clip(np.where(a + b > 0, (a - b) / (a + b), np.nan), -1, 1)


INDICES = {  # of blue, green, red, nir, swir16, swir22
    "NDWI": lambda b, g, r, n, s, t: _ratio(g, n),
    "MNDWI": lambda b, g, r, n, s, t: _ratio(g, s),
    "AWEIsh": lambda b, g, r, n, s, t: b + 2.5 * g - 1.5 * (n + s) - 0.25 * t,
    "AWEInsh": lambda b, g, r, n, s, t: 4 * (g - s) - (0.25 * n + 2.75 * t),
}


@cache
def fold_evidence(bands: tuple[str, ...], folds: int) -> list[Evidence]:
    """Fit a band set once per fold, with the prior shift of the table."""
    fold = chips.load().fold(folds)
    shift = load_toml("auto_water")["sets"]["_".join(bands)]["prior_shift"]
    found = [fit.evidence(bands, np.flatnonzero(fold != k), k) for k in range(folds)]
    return [dataclasses.replace(e, intercept=e.intercept + shift) for e in found]


def map_chip(bands: np.ndarray, evidence: Evidence) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and fractions (0 to 1) of one chip (band, y, x) by a given coefficient set."""
    pixels = {n: np.ascontiguousarray(bands[BANDS.index(n)]) for n in evidence.bands}
    shape = bands.shape[1:]
    block = Block(pixels, None, 0, 0, (slice(0, shape[0]), slice(0, shape[1])))
    pick = {"return_value": evidence}
    with (
        mock.patch.object(sample, "pick_evidence", **pick),
        mock.patch.object(scene, "pick_evidence", **pick),
    ):
        found = AutoRule(scene.judge(sample.collect(pixels, 0, 0))).apply(block)
    return found.labels, found.fraction / 200


def map_all(bands: tuple[str, ...] = BANDS, folds: int = 5, change: Change = np.asarray):
    """Map every chip by a model that has not seen its site."""
    data, models = chips.load(), fold_evidence(bands, folds)
    out = np.zeros(data.water.shape, bool)
    for i, k in enumerate(data.fold(folds)):
        seen = np.where(data.clear[i], data.bands[i], np.float32(np.nan))
        out[i] = map_chip(change(seen).astype(np.float32), models[k])[0] == 2
    return out


def map_resampled(factor: float) -> np.ndarray:
    """Map chips made coarser (2) or finer (0.5), and bring the maps back."""
    data, models = chips.load(), fold_evidence(BANDS, 5)
    out = np.zeros(data.water.shape, bool)
    for i, k in enumerate(data.fold(5)):
        image = data.bands[i]
        if factor == 2:
            image = image.reshape(6, 64, 2, 64, 2).mean((2, 4))
            out[i] = np.kron(map_chip(image, models[k])[1], np.ones((2, 2))) >= 0.5
        else:
            image = np.stack([ndimage.zoom(band, 2, order=1) for band in image])
            fraction = map_chip(image, models[k])[1]
            out[i] = fraction.reshape(128, 2, 128, 2).mean((1, 3)) >= 0.5
    return out


def show(name: str, mapped: np.ndarray) -> np.ndarray:
    """Print the scores of a map; return its counts."""
    data = chips.load()
    cells = chips.counts(data, mapped)
    inner = chips.counts(data, mapped, data.clear & ~data.edge)
    shown = "  ".join(f"{k} {v:.3f}" for k, v in chips.scores(cells.sum(0)).items())
    print(
        f"{name:34s} {shown}  IoU without edges {chips.scores(inner.sum(0))['IoU']:.3f}", flush=True
    )
    return cells


def difference(a: np.ndarray, b: np.ndarray) -> str:
    """Return the 90 % interval of the difference in IoU, by bootstrap over places."""
    sites = chips.load().sites
    names = np.unique(sites)
    picks = np.random.default_rng(0).integers(0, len(names), (2000, len(names)))
    drawn = []
    for cells in (a, b):
        by_site = np.stack([cells[sites == name].sum(0) for name in names])
        tp, fp, fn, _ = by_site[picks].sum(1).T
        drawn.append(tp / (tp + fp + fn))
    low, high = np.percentile(drawn[0] - drawn[1], [5, 95])
    return f"[{low:+.3f}, {high:+.3f}]"


def methods() -> None:
    data = chips.load()
    auto = show("auto", map_all())
    for name, index in INDICES.items():
        value = index(*data.bands.swapaxes(0, 1))
        cells = show(f"{name} > 0", value > 0)
        print(f"    auto - {name} > 0, IoU: {difference(auto, cells)}")
        cut = [
            threshold_otsu(v[c & np.isfinite(v)]) for v, c in zip(value, data.clear, strict=True)
        ]
        show(f"{name} Otsu", value > np.array(cut)[:, None, None])


def subsets() -> None:
    for bands in fit.SETS[1:]:
        show(" ".join(bands), map_all(bands, folds=3))


def best_index(change: Change) -> str:
    """Say which index with the zero threshold is best on changed bands."""
    data = chips.load()
    changed = np.stack([change(bands) for bands in data.bands]).swapaxes(0, 1)
    found = {
        name: chips.scores(chips.counts(data, index(*changed) > 0).sum(0))["IoU"]
        for name, index in INDICES.items()
    }
    name = max(found, key=found.__getitem__)
    return f"{name} > 0: {found[name]:.3f}"


def plus(*offsets: float) -> Change:
    added = np.array(offsets, np.float32)[:, None, None]
    return lambda bands: bands + added


def disturbed() -> None:
    rng = np.random.default_rng(0)
    changes: dict[str, Change] = {
        "x 0.7": lambda x: x * 0.7,
        "x 1.4": lambda x: x * 1.4,
        "haze": lambda x: x + HAZE,
        "half the haze": lambda x: x + HAZE / 2,
        "all + 0.01": lambda x: x + 0.01,
        "all - 0.01": lambda x: x - 0.01,
        "noise of 0.01": lambda x: x + rng.normal(0, 0.01, x.shape),
        "swir16, swir22 + 0.02": plus(0, 0, 0, 0, 0.02, 0.02),
        "blue + 0.015": plus(0.015, 0, 0, 0, 0, 0),
        "blue - 0.015": plus(-0.015, 0, 0, 0, 0, 0),
    }
    for name, change in changes.items():
        show(name, map_all(change=change))
        print(f"    best index {best_index(change)}")
    show("pixels twice as large", map_resampled(2))
    show("pixels half as large", map_resampled(0.5))


def shade() -> None:
    land = fit.trusted()[0]
    bands = chips.load().bands
    for direct in (0.5, 0.3, 0.2, 0.1):
        left = (direct + spectra.SKY).astype(np.float32)[:, None, None]
        found = {"auto": map_all(change=lambda x, left=left: x * left)}
        for name, index in INDICES.items():
            found[name] = index(*(bands * left).swapaxes(0, 1)) > 0
        shares = "  ".join(f"{name} {mapped[land].mean():.3f}" for name, mapped in found.items())
        print(f"direct light {direct}: land that becomes water: {shares}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parts = {"methods": methods, "subsets": subsets, "disturbed": disturbed, "shade": shade}
    parser.add_argument("--parts", default=",".join(parts))
    args = parser.parse_args()
    if not chips.DATA.is_dir():
        print(f"skipped: no chips at {chips.DATA} (set OBRIY_REALDATA)")
        return
    for name in args.parts.split(","):
        print(f"\n{name}")
        parts[name]()


if __name__ == "__main__":
    main()
