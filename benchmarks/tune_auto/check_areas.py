"""Areas of simulated scenes with known sub-pixel water: is the sum of the fractions unbiased?

60 scenes: four shapes, five kinds of water, three mixtures of land. Needs no data.

    python benchmarks/tune_auto/check_areas.py [--all]
"""

import argparse

import numpy as np
from scipy import ndimage

from obriy.blocks.base import Block
from obriy.methods.auto.evidence import BANDS
from obriy.methods.auto.method import AutoWater

SIZE, FINE = 160, 6
"""Pixels along a side, and fine cells along a pixel."""
LANDS = {
    "grass": (0.03, 0.07, 0.05, 0.35, 0.2, 0.1),
    "forest": (0.02, 0.035, 0.02, 0.22, 0.09, 0.035),
    "soil": (0.08, 0.11, 0.15, 0.21, 0.27, 0.23),
    "wheat": (0.05, 0.09, 0.1, 0.25, 0.24, 0.15),
    "urban": (0.1, 0.12, 0.13, 0.17, 0.18, 0.16),
    "wet soil": (0.06, 0.085, 0.1, 0.15, 0.14, 0.1),
}
WATERS = {
    "dark": (0.02, 0.018, 0.008, 0.006, 0.003, 0.002),
    "turbid": (0.05, 0.1, 0.12, 0.045, 0.006, 0.004),
    "algal": (0.03, 0.06, 0.035, 0.07, 0.012, 0.006),
    "clear": (0.06, 0.05, 0.02, 0.008, 0.004, 0.003),
    "peat": (0.008, 0.01, 0.011, 0.014, 0.009, 0.006),
}
MIXTURES = (("grass", "forest", "soil"), ("wheat", "urban", "wet soil"), ("forest",))
SHAPES = ("lakes", "river", "creek", "ponds")


def texture(rng: np.random.Generator, width: float) -> np.ndarray:
    n = SIZE * FINE
    field = ndimage.gaussian_filter(rng.normal(size=(n, n)), width, mode="wrap")
    return field / field.std()


def draw_water(rng: np.random.Generator, shape: str) -> np.ndarray:
    """Draw a water mask in fine cells: lakes, ponds of 0.5 to 2 px, a 3 px river, a 1 px creek."""
    y, x = np.mgrid[: SIZE * FINE, : SIZE * FINE] / FINE
    if shape == "lakes":
        return texture(rng, 60) > 1
    if shape == "ponds":
        water = np.zeros(y.shape, bool)
        for _ in range(60):
            (row, column), radius = rng.uniform(0, SIZE, 2), rng.uniform(0.5, 2)
            water |= (y - row) ** 2 + (x - column) ** 2 < radius**2
        return water
    middle = SIZE / 2 + 12 * np.sin(y / 15) + 4 * np.sin(y / 5)
    return np.abs(x - middle) < (rng.uniform(1.3, 1.6) if shape == "river" else 0.5)


def make_scene(shape: str, water: str, lands: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return bands (6, y, x) with blur and noise, and the true fraction of water (y, x)."""
    rng = np.random.default_rng([SHAPES.index(shape), list(WATERS).index(water), len(lands)])
    mask = draw_water(rng, shape)
    field = texture(rng, 25)
    cuts = np.quantile(field, np.linspace(0, 1, len(lands) + 1)[1:-1])
    land = np.array([LANDS[name] for name in lands]).T[:, np.digitize(field, cuts)]
    land = land * (1 + 0.12 * texture(rng, 4))
    colour = np.array(WATERS[water])[:, None, None] * (1 + 0.1 * texture(rng, 40))
    fine = np.where(mask, colour, land)
    fine = np.stack([ndimage.gaussian_filter(band, FINE * 0.35) for band in fine])
    bands = fine.reshape(len(BANDS), SIZE, FINE, SIZE, FINE).mean((2, 4))
    bands += rng.normal(0, 0.003, bands.shape)
    return bands.astype(np.float32), mask.reshape(SIZE, FINE, SIZE, FINE).mean((1, 3))


def judge(shape: str, water: str, lands: tuple[str, ...]) -> tuple[float, float, float]:
    """Return mapped over true area (fractions, whole pixels), and the error of a fraction."""
    bands, truth = make_scene(shape, water, lands)
    whole = (slice(0, SIZE), slice(0, SIZE))
    block = Block(dict(zip(BANDS, bands, strict=True)), None, 0, 0, whole)
    auto = AutoWater()
    found = auto.decide(auto.collect(block)).apply(block)
    fraction = np.where(found.labels > 0, found.fraction / 200, 0.0)
    error = float(np.sqrt(np.mean((fraction - truth) ** 2)))
    return fraction.sum() / truth.sum(), (found.labels == 2).sum() / truth.sum(), error


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="print every scene")
    args = parser.parse_args()
    print("mapped / true area: mean (least to most)")
    for shape in SHAPES:
        cases = [(shape, water, lands) for water in WATERS for lands in MIXTURES]
        found = np.array([judge(*case) for case in cases])
        parts, pixels, error = found.T
        print(
            f"{shape:6s} fractions {parts.mean():.3f} ({parts.min():.2f} to {parts.max():.2f}), "
            f"whole pixels {pixels.mean():.3f} ({pixels.min():.2f} to {pixels.max():.2f}), "
            f"rms error of a fraction {error.mean():.3f}",
            flush=True,
        )
        if args.all:
            for (_, water, lands), row in zip(cases, found, strict=True):
                print(f"    {water:7s} {'+'.join(lands):22s} {row[0]:.2f} {row[1]:.2f}")


if __name__ == "__main__":
    main()
