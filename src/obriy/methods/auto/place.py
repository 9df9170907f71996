"""Kernels on neighbourhoods: pure pixels, window sums, unmixing, fractions."""

from typing import Final

import numpy as np
from numba import njit

from obriy.methods.auto.evidence import F32, F64, I32, I64, U8, U16, Settings
from obriy.methods.auto.spectral import UNITS

CELL: Final = 128
"""Side of the squares that are looked at only if probable water is near, pixels."""
_LAND, _WATER = 1, 2
_MOMENTS: Final = 5
"""Sums that a pixel is unmixed by: see `_fill_moments`."""


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
    windows = np.array([*settings.radii, *settings.window_weights, settings.near])
    pure = _pure(logit, settings.seed_logit, threshold)
    fractions: F32 = _place(logit, mixing, pure, knobs, windows)
    return fractions


def _knobs(threshold: float, spread: float, settings: Settings) -> F64:
    """Pack what the kernels need: see the indices in `_fraction`, `_unmix` and `_place`."""
    crowd = 0.3 * (2 * settings.radii[0] + 1) ** 2
    return np.array([
        threshold, settings.seed_logit, settings.hedge, settings.company, crowd,
        settings.scene_weight, settings.dead_zone, spread, *settings.dry, settings.probable,
    ])  # fmt: skip


@njit(nogil=True, cache=True)
def _kinds_in(logit: F32, threshold: float) -> U8:
    """Tell which kinds the 3 x 3 around each pixel has: land (1), water (2), or both (3)."""
    rows, cols = logit.shape
    own = np.zeros((rows, cols), np.uint8)
    for i in range(rows):
        for j in range(cols):
            v = logit[i, j]
            own[i, j] = _WATER if v > threshold else (_LAND if v <= threshold else 0)
    out, line = np.empty((rows, cols), np.uint8), np.empty(cols, np.uint8)
    for i in range(rows):
        above, below = own[max(i - 1, 0)], own[min(i + 1, rows - 1)]
        for j in range(cols):
            line[j] = above[j] | own[i, j] | below[j]
        out[i, 0], out[i, cols - 1] = line[0], line[cols - 1]
        for j in range(1, cols):
            out[i, j] = line[j - 1] | line[j]
        for j in range(cols - 1):
            out[i, j] |= line[j + 1]
    return out


@njit(nogil=True, cache=True)
def _best_near(logit: F32, i: int, j: int) -> float:
    """Return the highest value in the 3 x 3 around a pixel."""
    best = logit[i, j]
    for a in range(max(i - 1, 0), min(i + 2, logit.shape[0])):
        for b in range(max(j - 1, 0), min(j + 2, logit.shape[1])):
            w = logit[a, b]
            best = max(best, w) if np.isfinite(w) else best
    return float(best)


@njit(nogil=True, cache=True)
def _pure(logit: F32, seed: float, threshold: float) -> U8:
    """Find sure land (1) and sure water (2) with no pixel of the other kind touching.

    3 is water of narrow bodies: surer still, and the surest around it. The rest is 0.
    """
    rows, cols = logit.shape
    out = np.zeros((rows, cols), np.uint8)
    kinds = _kinds_in(logit, threshold)
    for i in range(rows):
        for j in range(cols):
            v = logit[i, j] - threshold
            sure = abs(v) > seed
            alone = kinds[i, j] != _LAND | _WATER
            out[i, j] = (_WATER if v > 0 else _LAND) if sure and alone else 0
        for j in range(cols):
            v = logit[i, j] - threshold
            narrow = v > 2.0 * seed and kinds[i, j] == _LAND | _WATER
            if narrow and logit[i, j] >= _best_near(logit, i, j) - 0.5:
                out[i, j] = 3
    return out


@njit(nogil=True, cache=True)
def _counted(logit: F32, least: float, radius: int) -> U16:
    """Count the pixels above some log-odds in the window around each."""
    rows, cols = logit.shape
    out, down = np.zeros((rows, cols), np.uint16), np.zeros(cols, np.uint16)
    for i in range(-radius, rows):
        if i + radius < rows:
            for j in range(cols):
                down[j] += logit[i + radius, j] > least
        if i - radius - 1 >= 0:
            for j in range(cols):
                down[j] -= logit[i - radius - 1, j] > least
        if i < 0:
            continue
        for step in range(-radius, radius + 1):
            own, part = out[i, max(0, -step) : cols - step], down[max(0, step) : cols + step]
            for j in range(min(own.size, part.size)):
                own[j] += part[j]
    return out


@njit(nogil=True, cache=True)
def _place(logit: F32, mixing: I32, pure: U8, knobs: F64, windows: I64) -> F32:
    """Map the fraction of water, NaN where the log-odds are; step 3 of the module's docstring.

    `knobs` as in `_knobs`; `windows` are two radii, the weight of a pixel in each, and the radius
    around probable water.
    """
    rows, cols = logit.shape
    out = np.empty((rows, cols), np.float32)
    near = _counted(logit, knobs[0] + knobs[10], windows[4])
    sure = _counted(logit, knobs[0] + knobs[1], windows[0])
    pad = max(windows[0], windows[1])
    maps = np.empty((CELL + 2 * pad, _MOMENTS, CELL + 2 * pad), np.int64)
    down = np.empty((2, _MOMENTS, CELL + 2 * pad), np.int64)
    mixed = np.empty(CELL)
    for top in range(0, rows, CELL):
        for left in range(0, cols, CELL):
            bottom, right = min(top + CELL, rows), min(left + CELL, cols)
            first, start = max(0, top - pad), max(0, left - pad)
            wide = slice(first, bottom + pad), slice(start, right + pad)
            some = near[top:bottom, left:right].any()
            if some:
                _fill_moments(mixing[wide], pure[wide], maps)
            shape = min(bottom + pad, rows) - first, min(right + pad, cols) - start
            mixed[:] = -1.0
            for i in range(top, bottom):
                if some:
                    _slide(maps, shape[0], i - first, i == top, windows[0], down[0])
                    _slide(maps, shape[0], i - first, i == top, windows[1], down[1])
                    _fill_mixed(
                        mixing[i, left:right], pure[i, left:right], near[i, left:right], down,
                        (left - start, shape[1]), windows, knobs, mixed,
                    )  # fmt: skip
                for j in range(left, right):
                    v = logit[i, j] - knobs[0]
                    found = _fraction(v, float(sure[i, j]), mixed[j - left], knobs)
                    out[i, j] = found if np.isfinite(v) else np.nan
    return out


@njit(nogil=True, cache=True)
def _fill_moments(mixing: I32, pure: U8, maps: I64) -> None:
    """Fill in what is summed: count and sum of pure water; count, sum, squares of pure land."""
    for i in range(pure.shape[0]):
        for j in range(pure.shape[1]):
            z, own = np.int64(mixing[i, j]), maps[i]
            water, land = np.int64(pure[i, j] >= _WATER), np.int64(pure[i, j] == _LAND)
            own[0, j], own[1, j] = water, water * z
            own[2, j], own[3, j], own[4, j] = land, land * z, land * z * z


@njit(nogil=True, cache=True)
def _slide(  # noqa: PLR0917 - a kernel
    maps: I64, rows: int, row: int, begin: bool, radius: int, down: I64
) -> None:
    """Bring sums down the columns of a window from the row before to this one.

    Where a cell begins they are made anew.
    """
    if begin:
        down[:] = 0
        for i in range(max(0, row - radius), min(rows, row + radius)):
            _add(maps[i], 1, down)
    elif row - radius - 1 >= 0:
        _add(maps[row - radius - 1], -1, down)
    if row + radius < rows:
        _add(maps[row + radius], 1, down)


@njit(nogil=True, cache=True)
def _add(row: I64, sign: int, down: I64) -> None:
    """Add a row of the maps, or take it off."""
    own, sums = row.ravel(), down.ravel()
    for j in range(sums.size):
        sums[j] += sign * own[j]


@njit(nogil=True, cache=True)
def _fill_mixed(  # noqa: PLR0917 - a kernel
    mixing: I32,
    pure: U8,
    near: U16,
    down: I64,
    place: tuple[int, int],
    windows: I64,
    knobs: F64,
    mixed: F64,
) -> None:
    """Fill in the unmixed fractions of a row; negative where a pixel is not unmixed.

    `place` is where the row begins among the columns of `down`, and the number of those.
    """
    sums, last = np.zeros(_MOMENTS, np.int64), -2
    for j in range(pure.size):
        mixed[j] = -1.0
        if pure[j] == _WATER or near[j] == 0:
            continue
        at = j + place[0]
        if last == j - 1:  # the sums of the pixel before, which mostly is unmixed too
            for k in range(2):
                radius, weight = windows[k], windows[k + 2]
                if at + radius < place[1]:
                    _add_columns(down[k], at + radius, at + radius + 1, weight, sums)
                if at - radius - 1 >= 0:
                    _add_columns(down[k], at - radius - 1, at - radius, -weight, sums)
        else:
            sums[:] = 0
            for k in range(2):
                begin, end = max(0, at - windows[k]), min(place[1], at + windows[k] + 1)
                _add_columns(down[k], begin, end, windows[k + 2], sums)
        last = j
        mixed[j] = _unmix(sums, float(mixing[j]), knobs)


@njit(nogil=True, cache=True)
def _add_columns(down: I64, begin: int, end: int, weight: int, sums: I64) -> None:
    """Add some columns to the sums of a window; whole numbers, so exact whatever the tiling."""
    for kind in range(_MOMENTS):
        run = np.int64(0)
        for j in range(begin, end):
            run += down[kind, j]
        sums[kind] += weight * run


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
