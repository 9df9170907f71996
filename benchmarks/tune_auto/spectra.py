"""Spectra made by hand, where the chips have none: reflectance (n, 6) in the order of `BANDS`.

The ranges are ours, drawn from what such surfaces show in Sentinel-2 scenes; no library stands
behind them.
"""

from collections.abc import Callable, Sequence

import numpy as np

PATH = np.array([0.08, 0.042, 0.023, 0.010, 0.003, 0.001])
"""Path reflectance of a clear sky, seen from the top of the atmosphere."""
SKY = np.array([0.28, 0.20, 0.13, 0.07, 0.02, 0.01])
"""Light of the sky, as a share of full light."""
MOST_HAZE = 0.5


class Draws:
    """Random numbers for `size` pixels."""

    def __init__(self, rng: np.random.Generator, size: int) -> None:
        self.rng, self.size = rng, size

    def __call__(self, low: float, high: float) -> np.ndarray:
        return self.rng.uniform(low, high, self.size)


Kind = Callable[[Draws], list[np.ndarray]]


def clear_water(u: Draws):
    return [u(0.015, 0.07), u(0.012, 0.05), u(0.004, 0.025), u(0, 0.015), u(0, 0.008), u(0, 0.006)]


def turbid_water(u: Draws):
    load = u(0, 1)
    green = 0.03 + 0.11 * load + u.rng.normal(0, 0.01, u.size)
    return [
        green * u(0.45, 0.9), green, green * (0.7 + 0.7 * load) * u(0.9, 1.1),
        (0.01 + 0.13 * load**2) * u(0.6, 1.3), 0.002 + 0.02 * load**2 * u(0, 1.5),
        0.001 + 0.015 * load**2 * u(0, 1.5),
    ]  # fmt: skip


def algal_water(u: Draws):
    green, nir = u(0.04, 0.1), u(0.02, 0.14)
    return [
        green * u(0.5, 0.8), green, green * u(0.5, 0.8), nir, nir * u(0.05, 0.35),
        nir * u(0.02, 0.2),
    ]  # fmt: skip


def shallow_water(u: Draws):
    green = u(0.07, 0.26)
    return [
        green * u(0.7, 1.1), green, green * u(0.3, 0.95), green * u(0.05, 0.35), u(0, 0.03),
        u(0, 0.02),
    ]  # fmt: skip


def peat_water(u: Draws):
    green = u(0.006, 0.022)
    return [
        green * u(0.5, 1.4), green, green * u(0.5, 1.2), green * u(0.3, 1.3), green * u(0.1, 1),
        green * u(0, 0.7),
    ]  # fmt: skip


def glinting_water(u: Draws):
    glint, base = u(0.01, 0.09), u(0.01, 0.06)
    return [
        base * 1.1 + glint, base + glint, base * 0.5 + glint * 0.97, base * 0.1 + glint * 0.9,
        glint * u(0.6, 0.8), glint * u(0.5, 0.7),
    ]  # fmt: skip


def built_up(u: Draws):
    v = u(0.08, 0.3)
    return [v * u(0.7, 1), v, v * u(1, 1.2), v * u(1.1, 1.6), v * u(1.1, 1.8), v * u(0.9, 1.6)]


def asphalt_or_lava(u: Draws):
    v = u(0.03, 0.1)
    return [v * u(0.8, 1.1), v, v * u(0.95, 1.15), v * u(1, 1.5), v * u(1, 1.6), v * u(0.9, 1.5)]


def burnt(u: Draws):
    v = u(0.025, 0.06)
    return [v * u(0.8, 1), v, v * u(1, 1.4), v * u(1.5, 2.5), v * u(2, 4), v * u(2, 4)]


def conifers(u: Draws):
    v = u(0.015, 0.045)
    nir = u(0.09, 0.22)
    return [v * u(0.5, 0.9), v, v * u(0.6, 0.95), nir, nir * u(0.3, 0.6), nir * u(0.12, 0.3)]


def snow(u: Draws):
    v = u(0.35, 1)
    return [v * u(0.95, 1.05), v, v * u(0.93, 1), v * u(0.7, 0.95), u(0.02, 0.16), u(0.01, 0.13)]


def old_ice(u: Draws):
    v = u(0.25, 0.5)
    return [v * u(1, 1.1), v, v * u(0.85, 0.97), v * u(0.55, 0.8), u(0.01, 0.06), u(0.01, 0.05)]


def cloud(u: Draws):
    v, f = u(0.2, 0.9), u(0.35, 0.95)
    return [
        v * u(0.95, 1.1), v, v * u(0.95, 1.05), v * u(0.95, 1.15), v * f, v * f * u(0.6, 0.95),
    ]  # fmt: skip


def wet_soil(u: Draws):
    v = u(0.04, 0.11)
    nir = v * u(1.25, 1.9)
    return [v * u(0.6, 0.9), v, v * u(1.05, 1.35), nir, nir * u(0.65, 1.4), nir * u(0.4, 1)]


def bright_roof(u: Draws):
    v = u(0.25, 0.7)
    return [
        v * u(0.9, 1.15), v, v * u(0.9, 1.1), v * u(0.85, 1.15), v * u(0.6, 1.1), v * u(0.5, 1),
    ]  # fmt: skip


WATERS: Sequence[tuple[float, Kind]] = (
    (0.22, clear_water), (0.28, turbid_water), (0.14, algal_water), (0.12, shallow_water),
    (0.12, peat_water), (0.12, glinting_water),
)  # fmt: skip
LANDS: Sequence[tuple[float, Kind]] = (
    (0.12, built_up), (0.14, asphalt_or_lava), (0.10, burnt), (0.14, conifers), (0.12, snow),
    (0.05, old_ice), (0.12, cloud), (0.13, wet_soil), (0.08, bright_roof),
)  # fmt: skip


def draw(rng: np.random.Generator, kinds: Sequence[tuple[float, Kind]], n: int) -> np.ndarray:
    """Draw `n` spectra from the kinds with their shares."""
    out = np.zeros((n, len(PATH)))
    picked = rng.choice(len(kinds), n, p=[share for share, _ in kinds])
    for k, (_, kind) in enumerate(kinds):
        mine = picked == k
        out[mine] = np.stack(kind(Draws(rng, int(mine.sum()))), 1)
    return out


def shade(rng: np.random.Generator, spectra: np.ndarray) -> np.ndarray:
    """Leave 3 to 40 % of the direct light, and the sky's."""
    n = len(spectra)
    direct = rng.uniform(0.03, 0.4, n)[:, None]
    return spectra * (direct + SKY * rng.uniform(0.4, 1.6, n)[:, None])


def disturb(rng: np.random.Generator, spectra: np.ndarray, hazy: float = 0.5) -> np.ndarray:
    """Add gain, haze (to a share `hazy`), offset and noise."""
    n = len(spectra)
    spectra = spectra * np.exp(rng.normal(0, 0.18, n))[:, None]
    haze = np.where(rng.random(n) < hazy, rng.uniform(0, MOST_HAZE, n), 0)[:, None]
    path = haze * PATH * np.exp(rng.normal(0, 0.15, (n, len(PATH))))
    seen = spectra * (1 - 1.5 * haze * PATH) + path
    return seen + rng.normal(0, 0.003, n)[:, None] + rng.normal(0, 0.0025, (n, len(PATH)))
