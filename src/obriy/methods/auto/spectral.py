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


_FIRST: Final = np.array([1, 1, 1, 2, 3, 3, 3, 4, 4, 5, 1, 1, 1, 1, 1, 0])
_SECOND: Final = np.array([4, 5, 3, 3, 4, -1, -1, -1, -1, -1, -1, 3, 3, 3, 3, 1])
"""Bands (places in `BANDS`) that each feature is made of; -1: the reflectance of the first."""
_COMBINED: Final = 11
"""From here on, but for the last, features combine more than two bands."""


@njit(nogil=True, cache=True, inline="always")
def _ratio(a: float, b: float) -> float:
    """Normalised difference, damped below 2 % reflectance and bounded to [-1, 1]."""
    value = (a - b) / (max(a, 0.0) + max(b, 0.0) + DAMPING)
    return min(max(value, -1.0), 1.0)


@njit(nogil=True, cache=True)
def _combine(code: int, x: F64, u: F64) -> None:
    """Fill a row with feature 11 to 14 of `FEATURES`."""
    for j in range(u.size):
        g, r, n, s = x[1, j], x[2, j], x[3, j], x[4, j]
        if code == _COMBINED:
            u[j] = min(_ratio(g, n), _ratio(g, s))
        elif code == _COMBINED + 1:
            u[j] = max(_ratio(g, n), _ratio(g, s))
        elif code == _COMBINED + 2:
            u[j] = _ratio(max(g, r), max(n, s))
        else:
            u[j] = _ratio(max(g, r), n)


@njit(nogil=True, cache=True)
def _fill_feature(code: int, x: F64, u: F64) -> None:
    """Fill a row with feature `code` of `FEATURES`; `x` holds the six bands of `BANDS`."""
    a, b = _FIRST[code], _SECOND[code]
    if b < 0:
        u[:] = x[a]
    elif _COMBINED <= code < len(_FIRST) - 1:
        _combine(code, x, u)
    else:
        for j in range(u.size):
            u[j] = _ratio(x[a, j], x[b, j])


@njit(nogil=True, cache=True)
def _add_ramps(x: F64, terms: F64, u: F64, total: F64) -> None:
    """Add the log-odds of a row; a row of `terms` is code, low, high and the knots.

    The piecewise-linear ramp between knots is a sum of clipped lines: no branch, no look-up.
    """
    for k in range(terms.shape[0]):
        _fill_feature(int(terms[k, 0]), x, u)
        low, factor = terms[k, 1], (KNOTS - 1) / (terms[k, 2] - terms[k, 1])
        v0, v1, v2, v3, v4 = terms[k, 3], terms[k, 4], terms[k, 5], terms[k, 6], terms[k, 7]
        for j in range(u.size):
            w = (u[j] - low) * factor
            total[j] += (
                v0
                + (v1 - v0) * min(max(w, 0.0), 1.0)
                + (v2 - v1) * min(max(w - 1.0, 0.0), 1.0)
                + (v3 - v2) * min(max(w - 2.0, 0.0), 1.0)
                + (v4 - v3) * min(max(w - 3.0, 0.0), 1.0)
            )


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
    x, u = np.zeros((6, cols)), np.empty(cols)
    total, z = np.empty(cols), np.empty(cols)
    guarded = (index == 3).any() and (index == 4).any()
    coloured = guarded and (index == 0).any() and (index == 2).any()
    for i in range(rows):
        z[:] = constants[1]
        total[:] = constants[0]
        for k in range(count):
            for j in range(cols):
                x[index[k], j] = stack[k, i, j] - mix[1, k]
                z[j] += mix[0, k] * x[index[k], j]
        _add_ramps(x, terms, u, total)
        for j in range(cols):
            if not np.isfinite(z[j]):
                logit[i, j] = np.nan
                continue
            pixel = x[:, j]
            skylit = coloured and _is_skylit_snow(pixel)
            logit[i, j] = total[j] - (SKYLIT if skylit else 0.0)
            mixing[i, j] = np.int32(np.rint(min(max(z[j], -8.0), 8.0) * UNITS))
            unseen[i, j] = _unseen(pixel, guarded, coloured)
    return logit, mixing, unseen
