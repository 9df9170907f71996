"""Do intervals hold where one cloud lies over one lake, or over several? Seconds.

    python benchmarks/hidden_lakes.py [--trials 100] [--first 5000]

Compact lakes at random (discs that are drawn out and turned), one unseen piece at random (a bank
with a straight edge, a round cloud, or the edge of a swath); the rest is mapped without a fault.
Coefficients of `[unseen]` in tables/uncertainty.toml were looked at with seeds below 1000.
"""

import argparse

import numpy as np
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

from obriy.measures.areas import measure_areas
from obriy.model.classmap import ClassMap
from obriy.model.grid import coords_of
from obriy.model.legend import load_legend


def lakes(random, size, count):
    """Return (y, x) bool: compact lakes that fit into the image."""
    y, x = np.mgrid[:size, :size]
    found = np.zeros((size, size), bool)
    for _ in range(count):
        radius = random.uniform(0.08, 0.25) * size / np.sqrt(count)
        row, column = random.uniform(radius, size - radius, 2)
        turn, out = random.uniform(0, np.pi), random.uniform(1, 1.6)
        along = (x - column) * np.cos(turn) + (y - row) * np.sin(turn)
        across = (y - row) * np.cos(turn) - (x - column) * np.sin(turn)
        found |= (along / out) ** 2 + (across * out) ** 2 < radius**2
    return found


def cloud(random, size):
    """Return (y, x) bool: one piece that was not seen."""
    y, x = np.mgrid[:size, :size]
    if random.random() < 0.5:
        turn = random.uniform(0, 2 * np.pi)
        away = (x - size / 2) * np.cos(turn) + (y - size / 2) * np.sin(turn)
        return away > np.quantile(away, random.uniform(0.4, 0.9))
    row, column = random.uniform(0, size, 2)
    return np.hypot(y - row, x - column) < random.uniform(0.15, 0.5) * size


def trial(seed, *, size, count, pixel_m=10):
    """Return truth, what was seen of it, and the area that was measured, km²."""
    random = np.random.default_rng(seed)
    water, hidden = lakes(random, size, count), cloud(random, size)
    labels = np.where(hidden, 0, np.where(water, 2, 1)).astype(np.uint8)
    grid = GeoBox((size, size), Affine(pixel_m, 0, 5e5, 0, -pixel_m, 5e6), None)
    layer = xr.DataArray(labels, coords_of(grid), ("y", "x"))
    unseen = layer.copy(data=hidden.astype(np.uint8))  # under cloud
    unseen = unseen * np.uint8(2)
    (area,) = measure_areas(
        ClassMap(layer, load_legend("water"), unseen=unseen), "water", pixel_size_m=pixel_m
    ).areas
    cell = pixel_m**2 / 1e6
    return water.sum() * cell, (water & ~hidden).sum() * cell, area


def coverage(*, trials, first, size, count):
    """Return how often intervals hold, of all and of those whose water was all seen; widths."""
    held, whole, widths = [], [], []
    for seed in range(first, first + trials):
        truth, seen, area = trial(seed, size=size, count=count)
        if area.interval_km2 is None:
            continue
        low, high = area.interval_km2
        held.append(low - 1e-9 <= truth <= high + 1e-9)
        if truth == seen:
            whole.append(held[-1])
        least, most = area.bounds_km2
        widths.append((high - low) / max(most - least, 1e-6))
    return len(held), np.mean(held), np.mean(whole) if whole else np.nan, np.median(widths)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--first", type=int, default=5000)
    args = parser.parse_args()
    for size, count in ((300, 1), (900, 1), (300, 3), (300, 10), (900, 30)):
        n, held, whole, width = coverage(
            trials=args.trials, first=args.first, size=size, count=count
        )
        print(f"{size * 10 / 1000:g} km, {count} lakes: n {n}, held {held:.0%}, where all was seen "
              f"{whole:.0%}, width {width:.2f} of the bounds")  # fmt: skip


if __name__ == "__main__":
    main()
