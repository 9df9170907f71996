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
_WET: Final = (2, 0)
"""The two ratios that the first two of them are the lower and the higher of."""


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
def _add_ramps(x: F64, terms: F64, made: F64, total: F64) -> None:
    """Add the log-odds of a row; a row of `terms` is code, low, high and the knots.

    The piecewise-linear ramp between knots is a sum of clipped lines: no branch, no look-up. `made`
    is room for a row of features.
    """
    ready = False
    for k in range(terms.shape[0]):
        code, u = int(terms[k, 0]), made[0]
        if code in (_COMBINED, _COMBINED + 1):  # of the same two ratios
            if not ready:
                _fill_feature(_WET[0], x, made[1])
                _fill_feature(_WET[1], x, made[2])
                ready = True
            for j in range(u.size):
                one, other = made[1, j], made[2, j]
                u[j] = min(one, other) if code == _COMBINED else max(one, other)
        else:
            _fill_feature(code, x, u)
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


@njit(nogil=True, cache=True, inline="always")
def _is_frozen(g: float, n: float, s: float) -> bool:
    """Tell sunlit snow or ice: bright, NDSI above 0.45, the near infrared above any water's."""
    bright = (g > 0.35) & (n > max(0.28, 0.55 * g)) & (s < 0.25)
    return bright & ((g - s) > 0.45 * (g + s))


@njit(nogil=True, cache=True, inline="always")
def _is_cloud(b: float, g: float, r: float, n: float, s: float) -> bool:
    """Tell opaque cloud: very bright in all bands, white, not reddish as sand and salt are."""
    bright = (b > 0.5) & (g > 0.45) & (r > 0.45) & (n > 0.45) & (s > 0.2)
    return bright & (b >= 0.97 * r) & (max(b, g, r) - min(b, g, r) < 0.12 * g)


@njit(nogil=True, cache=True, inline="always")
def _is_skylit_snow(b: float, g: float, r: float, n: float, s: float) -> bool:
    """Tell snow or ice in shade: bluish as clear water, yet far brighter in the near infrared."""
    return (b > 0.97 * g) & (g > r) & (n > max(0.06, 0.4 * g)) & (s < 0.35 * n)


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
    x, made = np.zeros((6, cols)), np.empty((3, cols))
    total, z = np.empty(cols), np.empty(cols)
    guarded = (index == 3).any() and (index == 4).any()
    coloured = guarded and (index == 0).any() and (index == 2).any()
    for i in range(rows):
        z[:] = constants[1]
        total[:] = constants[0]
        for k in range(count):
            own, band = x[index[k]], stack[k, i]
            haze, weight = mix[1, k], mix[0, k]
            for j in range(cols):
                value = band[j] - haze
                own[j] = value
                z[j] += weight * value
        _add_ramps(x, terms, made, total)
        for j in range(cols):  # without branches: neighbours go through it at once
            b, g, r, n, s = x[0, j], x[1, j], x[2, j], x[3, j], x[4, j]
            seen = np.isfinite(z[j])
            skylit = coloured & _is_skylit_snow(b, g, r, n, s)
            logit[i, j] = (total[j] - (SKYLIT if skylit else 0.0)) if seen else np.nan
            near = min(max(z[j] if seen else 0.0, -8.0), 8.0)
            mixing[i, j] = np.int32(np.rint(near * UNITS)) if seen else 0
            cloud = coloured & _is_cloud(b, g, r, n, s)
            frozen = guarded & _is_frozen(g, n, s)
            cause = FROZEN if frozen else (CLOUD if cloud else SEEN)
            unseen[i, j] = cause if seen else SEEN
    return logit, mixing, unseen
