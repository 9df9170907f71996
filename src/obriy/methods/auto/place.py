"""Kernels on neighbourhoods: pure pixels, window sums, unmixing, fractions."""

from typing import Final

import numpy as np
from numba import njit

from obriy.methods.auto.evidence import F32, F64, I32, I64, U8, Flags, Settings
from obriy.methods.auto.spectral import UNITS

CELL: Final = 128
"""Side of the squares that are looked at only if probable water is near, pixels."""


def reach(settings: Settings) -> int:
    """Return how many pixels around a pixel its fraction depends on."""
    return max(*settings.radii, settings.near) + 2


def place(logit: F32, mixing: I32, threshold: float, spread: float, settings: Settings) -> F32:
    """Turn the evidence into fractions, with the pixels around.

    Args:
        logit: Log-odds (y, x), NaN where nothing is seen.
        mixing: Mixing coordinate (y, x) in 1/4096: 0 the scene's land, 4096 its water.
        threshold: Log-odds above which a pixel counts as water.
        spread: Standard deviation of the scene's land along the mixing axis.
        settings: Radii and weights.

    Returns:
        Fraction of water (y, x), 0 to 1, NaN where the log-odds are.
    """
    knobs = _knobs(threshold, spread, settings)
    pure = _pure(logit, settings.seed_logit, threshold)
    probable = logit > threshold + settings.probable
    sure = logit > threshold + settings.seed_logit
    fraction = np.empty_like(logit)
    rows, columns = logit.shape
    pad = reach(settings)
    for top in range(0, rows, CELL):
        for left in range(0, columns, CELL):
            cell = (slice(top, min(top + CELL, rows)), slice(left, min(left + CELL, columns)))
            wide = tuple(slice(max(0, s.start - pad), s.stop + pad) for s in cell)
            sums = _sums(pure[wide], mixing[wide], probable[wide], sure[wide], settings)
            core = tuple(
                slice(s.start - w.start, s.stop - w.start) for s, w in zip(cell, wide, strict=True)
            )
            fraction[cell] = _fractions(
                logit[cell], mixing[cell], pure[cell], sums[:, core[0], core[1]], knobs
            )
    return fraction


def _sums(pure: U8, mixing: I32, probable: Flags, sure: Flags, settings: Settings) -> I64:
    """Sum the moments (rows 0 to 4), the probable water near (5), the sure water around (6)."""
    sums = np.zeros((7, *pure.shape), np.int64)
    if probable.any():
        moments = _moments(pure, mixing)
        for radius, weight in zip(settings.radii, settings.window_weights, strict=True):
            _add_windows(moments, radius, weight, sums)
        sums[5] = _box(probable.astype(np.int64), settings.near)
        sums[6] = _box(sure.astype(np.int64), settings.radii[0])
    return sums


def _knobs(threshold: float, spread: float, settings: Settings) -> F64:
    """Pack what the kernels need: see the indices in `_fraction` and `_unmix`."""
    crowd = 0.3 * (2 * settings.radii[0] + 1) ** 2
    return np.array([
        threshold, settings.seed_logit, settings.hedge, settings.company, crowd,
        settings.scene_weight, settings.dead_zone, spread, *settings.dry,
    ])  # fmt: skip


@njit(nogil=True, cache=True)
def _touches_other(logit: F32, place: tuple[int, int], threshold: float) -> tuple[bool, float]:
    """Tell whether the 3 x 3 around has a pixel of the other kind, and its highest value."""
    i, j = place
    water = logit[i, j] > threshold
    other = False
    best = logit[i, j]
    for a in range(max(i - 1, 0), min(i + 2, logit.shape[0])):
        for b in range(max(j - 1, 0), min(j + 2, logit.shape[1])):
            w = logit[a, b]
            best = max(best, w) if np.isfinite(w) else best
            if np.isfinite(w) and (w > threshold) != water:
                other = True
    return other, best


@njit(nogil=True, cache=True)
def _pure(logit: F32, seed: float, threshold: float) -> U8:
    """Find sure land (1) and sure water (2) with no pixel of the other kind touching.

    3 is water of narrow bodies: surer still, and the surest around it. The rest is 0.
    """
    rows, cols = logit.shape
    out = np.zeros((rows, cols), np.uint8)
    for i in range(rows):
        for j in range(cols):
            v = logit[i, j] - threshold
            if not abs(v) > seed:
                continue
            other, best = _touches_other(logit, (i, j), threshold)
            if not other:
                out[i, j] = 2 if v > 0 else 1
            elif v > 2.0 * seed and logit[i, j] >= best - 0.5:
                out[i, j] = 3
    return out


@njit(nogil=True, cache=True)
def _box_down(values: I64, radius: int) -> I64:
    """Running sums down the columns, `radius` either way."""
    rows, cols = values.shape
    out = np.empty((rows, cols), np.int64)
    column = np.zeros(cols, np.int64)
    for i in range(-radius, rows):
        if i + radius < rows:
            column += values[i + radius]
        if i - radius - 1 >= 0:
            column -= values[i - radius - 1]
        if i >= 0:
            out[i] = column
    return out


@njit(nogil=True, cache=True)
def _box_along(values: I64, radius: int) -> I64:
    """Running sums along the rows, `radius` either way."""
    rows, cols = values.shape
    out = np.empty((rows, cols), np.int64)
    for i in range(rows):
        run = np.int64(0)
        for j in range(-radius, cols):
            if j + radius < cols:
                run += values[i, j + radius]
            if j - radius - 1 >= 0:
                run -= values[i, j - radius - 1]
            if j >= 0:
                out[i, j] = run
    return out


@njit(nogil=True, cache=True)
def _box(values: I64, radius: int) -> I64:
    """Sum over a square window; whole numbers, so exact whatever the tiling."""
    return _box_along(_box_down(values, radius), radius)


@njit(nogil=True, cache=True)
def _moments(pure: U8, mixing: I32) -> I64:
    """Give the maps to sum: count and sum of pure water; count, sum and squares of pure land."""
    rows, cols = pure.shape
    out = np.zeros((5, rows, cols), np.int64)
    for i in range(rows):
        for j in range(cols):
            z = np.int64(mixing[i, j])
            if pure[i, j] >= 2:
                out[0, i, j] = 1
                out[1, i, j] = z
            elif pure[i, j] == 1:
                out[2, i, j] = 1
                out[3, i, j] = z
                out[4, i, j] = z * z
    return out


@njit(nogil=True, cache=True)
def _add_windows(moments: I64, radius: int, weight: int, sums: I64) -> None:
    """Add `weight` times the moments in a window to the first rows of `sums`."""
    for kind in range(5):
        sums[kind] += weight * _box(moments[kind], radius)


@njit(nogil=True, cache=True)
def _ramp(v: float, low: float, high: float) -> float:
    return min(max((v - low) / (high - low), 0.0), 1.0)


@njit(nogil=True, cache=True)
def _unmix(sums: I64, z: float, knobs: F64) -> float:
    """Unmix one pixel between local pure water and local pure land.

    `sums` are the weighted window sums at the pixel, `z` its mixing coordinate, `knobs` as in
    `_knobs`. Negative where water and land are too alike.
    """
    pseudo, dead_zone, spread = knobs[5], knobs[6], knobs[7] * UNITS
    water = (sums[1] + pseudo * UNITS) / (sums[0] + pseudo)
    land = sums[3] / (sums[2] + pseudo)
    square = (sums[4] + pseudo * spread**2) / (sums[2] + pseudo)
    spread = np.sqrt(max(square - land * land, 0.0))
    if water - land < 0.15 * UNITS:
        return -1.0
    land += dead_zone * min(spread, 0.5 * (water - land))
    return _ramp(z, land, water)


@njit(nogil=True, cache=True)
def _fraction(v: float, sure: float, mixed: float, knobs: F64) -> float:
    """Give the fraction of one pixel.

    `v` is its log-odds above the threshold, `sure` the number of sure water pixels in the window
    around, `mixed` its unmixed fraction (negative where it is not unmixed), `knobs` as in
    `_knobs`.
    """
    hedge, company, crowd = knobs[2], knobs[3], knobs[4]
    support = v + company * _ramp(sure, 0.0, crowd)
    if mixed < 0.0:
        return _ramp(support, -hedge, hedge)
    mixed = min(mixed, _ramp(v, knobs[8], knobs[9]))
    return max(mixed, _ramp(support, -hedge, 3.0 * hedge))


@njit(nogil=True, cache=True)
def _fractions(logit: F32, mixing: I32, pure: U8, sums: I64, knobs: F64) -> F32:
    """Map the fraction of water, NaN where the log-odds are; step 3 of the module's docstring.

    The rows of `sums` are those of `_sums`.
    """
    rows, cols = logit.shape
    out = np.empty((rows, cols), np.float32)
    for i in range(rows):
        for j in range(cols):
            v = logit[i, j] - knobs[0]
            if not np.isfinite(v):
                out[i, j] = np.nan
                continue
            mixed = -1.0
            if pure[i, j] != 2 and sums[5, i, j] > 0:
                mixed = _unmix(sums[:, i, j], float(mixing[i, j]), knobs)
            out[i, j] = _fraction(v, float(sums[6, i, j]), mixed, knobs)
    return out
