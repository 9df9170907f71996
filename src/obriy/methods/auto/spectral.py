"""Kernels on single pixels: features, log-odds, and what is surely not seen."""

from typing import Final

import numpy as np
from numba import njit

from obriy.methods.auto.evidence import F32, F64, I32, I64, U8
from obriy.model.flags import Unseen

KNOTS: Final = 5
UNITS: Final = 4096.0
"""Of the mixing coordinate: whole numbers, so that sums over windows are exact."""
DAMPING: Final = 0.02
"""Reflectance: keeps the ratios of very dark pixels from being noise."""
SKYLIT: Final = 3.0
"""Log-odds taken off where snow or ice seems lit by the sky."""
SEEN: Final = int(Unseen.SEEN)
CLOUD: Final = int(Unseen.CLOUD)
FROZEN: Final = int(Unseen.FROZEN)


@njit(nogil=True, cache=True, inline="always")
def _ratio(a: float, b: float) -> float:
    """Normalised difference, damped below 2 % reflectance and bounded to [-1, 1]."""
    value = (a - b) / (max(a, 0.0) + max(b, 0.0) + DAMPING)
    return min(max(value, -1.0), 1.0)


@njit(nogil=True, cache=True)
def _ratio_of(code: int, x: F64) -> float:
    """Give feature 0 to 4 of `FEATURES`."""
    if code == 0:
        return _ratio(x[1], x[4])
    if code == 1:
        return _ratio(x[1], x[5])
    if code == 2:
        return _ratio(x[1], x[3])
    if code == 3:
        return _ratio(x[2], x[3])
    return _ratio(x[3], x[4])


@njit(nogil=True, cache=True)
def _combination(code: int, x: F64) -> float:
    """Give feature 11 to 15 of `FEATURES`."""
    if code == 11:
        return min(_ratio(x[1], x[3]), _ratio(x[1], x[4]))
    if code == 12:
        return max(_ratio(x[1], x[3]), _ratio(x[1], x[4]))
    if code == 13:
        return _ratio(max(x[1], x[2]), max(x[3], x[4]))
    if code == 14:
        return _ratio(max(x[1], x[2]), x[3])
    return _ratio(x[0], x[1])


@njit(nogil=True, cache=True)
def _feature(code: int, x: F64) -> float:
    """Give feature `code` of `FEATURES`; `x` holds the six bands of `BANDS`."""
    if code < 5:
        return _ratio_of(code, x)
    if code < 7:
        return float(x[3])
    if code < 9:
        return float(x[4])
    if code == 9:
        return float(x[5])
    if code == 10:
        return float(x[1])
    return _combination(code, x)


@njit(nogil=True, cache=True)
def _logit(x: F64, terms: F64, intercept: float) -> float:
    """Add up the log-odds of one pixel; a row of `terms` is code, low, high and the knots."""
    total = intercept
    for k in range(terms.shape[0]):
        u = _feature(int(terms[k, 0]), x)
        u = (u - terms[k, 1]) / (terms[k, 2] - terms[k, 1])
        u = min(max(u, 0.0), 1.0) * (KNOTS - 1)
        j = min(int(u), KNOTS - 2)
        total += terms[k, 3 + j] + (u - j) * (terms[k, 4 + j] - terms[k, 3 + j])
    return total


@njit(nogil=True, cache=True)
def _is_frozen(x: F64) -> bool:
    """Tell sunlit snow or ice: bright, NDSI above 0.45, the near infrared above any water's."""
    g, n, s = x[1], x[3], x[4]
    return bool(g > 0.35 and n > max(0.28, 0.55 * g) and s < 0.25 and (g - s) > 0.45 * (g + s))


@njit(nogil=True, cache=True)
def _is_cloud(x: F64) -> bool:
    """Tell opaque cloud: very bright in all bands, white, not reddish as sand and salt are."""
    b, g, r = x[0], x[1], x[2]
    bright = b > 0.5 and g > 0.45 and r > 0.45 and x[3] > 0.45 and x[4] > 0.2
    return bool(bright and b >= 0.97 * r and max(b, g, r) - min(b, g, r) < 0.12 * g)


@njit(nogil=True, cache=True)
def _is_skylit_snow(x: F64) -> bool:
    """Tell snow or ice in shade: bluish as clear water, yet far brighter in the near infrared."""
    b, g, r, n, s = x[0], x[1], x[2], x[3], x[4]
    return bool(b > 0.97 * g and g > r and n > max(0.06, 0.4 * g) and s < 0.35 * n)


@njit(nogil=True, cache=True)
def _unseen(x: F64, guarded: bool, coloured: bool) -> int:
    """Give the cause for which a pixel is surely not seen, or `SEEN`."""
    if guarded and _is_frozen(x):
        return FROZEN
    if coloured and _is_cloud(x):
        return CLOUD
    return SEEN


@njit(nogil=True, cache=True)
def evidence_map(
    stack: F32, index: I64, terms: F64, mix: F64, constants: F64
) -> tuple[F32, I32, U8]:
    """Map log-odds, mixing coordinate (1/4096 units) and unseen cause.

    `stack` is (band, y, x), `index` the place of each band in `BANDS`; the rows of `mix` are the
    mixing axis and the haze per band, `constants` are the intercept and the axis's offset. The
    guards need green, nir and swir16, and for cloud and snow in shade blue and red too.
    """
    count, rows, cols = stack.shape
    logit = np.empty((rows, cols), np.float32)
    mixing = np.zeros((rows, cols), np.int32)
    unseen = np.zeros((rows, cols), np.uint8)
    x = np.zeros(6)
    guarded = (index == 3).any() and (index == 4).any()
    coloured = guarded and (index == 0).any() and (index == 2).any()
    for i in range(rows):
        for j in range(cols):
            z = constants[1]
            for k in range(count):
                v = stack[k, i, j] - mix[1, k]
                x[index[k]] = v
                z += mix[0, k] * v
            if not np.isfinite(z):
                logit[i, j] = np.nan
                continue
            logit[i, j] = _logit(x, terms, constants[0])
            mixing[i, j] = np.int32(np.rint(min(max(z, -8.0), 8.0) * UNITS))
            if coloured and _is_skylit_snow(x):
                logit[i, j] -= SKYLIT
            unseen[i, j] = _unseen(x, guarded, coloured)
    return logit, mixing, unseen
