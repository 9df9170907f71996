"""Where clouds throw their shadows, found from the image alone.

All shadows of a scene lie on the same side of their clouds, and under a shadow the near infrared is
darker than around it. So the clouds, moved as one, are laid over the dark places: the displacement
under which it is darkest gives the direction, and its height above what other displacements give
says whether there is one. Clouds have different heights, so what is dark anywhere along that
direction, from near the cloud to twice the distance, is suspected to be shadow (Zhu & Woodcock
2012, doi:10.1016/j.rse.2011.10.028, match each cloud, with the sun's angles known). A suspicion
vetoes no water: see `obriy.prepare.visibility`.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from obriy.blocks.decimate import mean_of_blocks

F32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

SEARCH_M: Final = 120.0
"""Pixel size at which displacements are tried, m, at the most."""
SEARCH_PIXELS: Final = 150
"""Pixels along a side of a small image, at the least, as far as it has them."""
FARTHEST_M: Final = 9000.0
"""Longest shadow that is looked for: a cloud of 6 km under a sun 34 degrees high."""
AROUND_M: Final = 3000.0
"""Ground with which a place is compared to say that it is dark, m."""
DARK: Final = 0.12
"""Part of the near infrared that is missing, from which a place in reach of a shadow is one."""
DARKEST: Final = 0.5
"""Darker counts no more: lakes are, and shadows are not."""
SURE: Final = 3.0
"""Deviations (by the median) above other displacements from which a direction is believed."""
PER_KM: Final = 0.2
"""Deviations that a displacement must be darker by for each km: low clouds are the common ones."""
LEAST: Final = 0.25
"""Darkness under the displaced clouds below which there is no shadow to speak of."""
HEIGHTS: Final = (0.3, 2.0)
"""Heights of clouds, in parts of that of most, whose shadows are looked for."""
SMALLEST: Final = 16
"""Images with fewer pixels along a side show no shadow apart from its cloud."""


@dataclasses.dataclass(frozen=True)
class Shadows:
    """What was found.

    Attributes:
        mask: (y, x) True in shadow.
        rows: Displacement of most shadows from their clouds, pixels of the mask; None: none found.
        columns: The same across.
    """

    mask: Mask
    rows: float | None
    columns: float | None


def find_shadows(cloud: Mask, solid: Mask, infrared: Sequence[F32], pixel_m: float) -> Shadows:
    """Find the shadows of clouds.

    Args:
        cloud: (y, x) True where there is cloud.
        solid: (y, x) True where it is thick: what throws the shadow.
        infrared: (y, x) reflectance of bands in which shadows are dark, NaN missing.
        pixel_m: Pixel size, m.
    """
    none = Shadows(np.zeros(cloud.shape, bool), None, None)
    if not solid.any() or min(cloud.shape) < SMALLEST:
        return none
    step = max(1, min(round(SEARCH_M / pixel_m), max(cloud.shape) // SEARCH_PIXELS))
    size = pixel_m * step
    hidden, thick = (mean_of_blocks(m.astype(np.float32), step) > 0.3 for m in (cloud, solid))
    darkness = _darkest([mean_of_blocks(_blank(band, cloud), step) for band in infrared], size)
    found = _direction(thick, hidden, darkness, size)
    if found is None:
        return none
    moved = ndimage.binary_dilation(_swath(thick, found))
    reach = np.zeros(cloud.shape, bool)
    wide = np.kron(moved, np.ones((step, step), bool))
    reach[: wide.shape[0], : wide.shape[1]] = wide
    dark = _darkest([_blank(band, cloud) for band in infrared], pixel_m) > DARK
    mask = ndimage.binary_closing(reach & dark & ~cloud, np.ones((3, 3), bool)) & ~cloud
    return Shadows(mask, float(found[0] * step), float(found[1] * step))


def _blank(band: F32, cloud: Mask) -> F32:
    found: F32 = np.where(cloud, np.float32(np.nan), band)
    return found


def _darkest(bands: Sequence[F32], pixel_m: float) -> F32:
    """Return how dark it is in that band in which it is least so."""
    found: F32 = np.minimum.reduce([_darkness(band, pixel_m) for band in bands])
    return found


def _darkness(nir: F32, pixel_m: float) -> F32:
    """Return which part of the surroundings' near infrared is missing, 0 to `DARKEST`.

    0 where nothing is known.
    """
    size = max(3, 2 * round(AROUND_M / pixel_m / 2) + 1)
    known = np.isfinite(nir)
    count = ndimage.uniform_filter(known.astype(np.float32), size)
    total = ndimage.uniform_filter(np.where(known, nir, np.float32(0)), size)
    around = total / np.maximum(count, np.float32(1e-3))
    missing = np.clip((around - nir) / np.maximum(around, np.float32(0.02)), 0, DARKEST)
    found: F32 = np.where(known, missing, np.float32(0)).astype(np.float32)
    return found


def _direction(thick: Mask, hidden: Mask, darkness: F32, pixel_m: float) -> tuple[int, int] | None:
    """Return the displacement (rows, columns) under which thick clouds lie darkest."""
    weight, valid = thick.astype(np.float32), (~hidden).astype(np.float32)
    reach = min(round(FARTHEST_M / pixel_m), *(n // 2 for n in thick.shape))
    mean, share = (_under(weight, values, reach) for values in (darkness * valid, valid))
    score = np.where(share > 0.25 * weight.sum(), mean / np.maximum(share, 1e-6), np.nan)
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    length = np.hypot(rows, columns)
    score[length > reach] = np.nan
    if not np.isfinite(score).any():
        return None
    middle = float(np.nanmedian(score))
    spread = max(1.4826 * float(np.nanmedian(np.abs(score - middle))), 1e-3)
    height = (score - middle) / spread - PER_KM * length * pixel_m / 1000
    best = np.unravel_index(int(np.nanargmax(height)), score.shape)
    if height[best] < SURE or score[best] < LEAST:
        return None
    return int(rows[best]), int(columns[best])


def _under(weight: F32, values: F32, reach: int) -> F32:
    """Return the sum of values under the weights, for each displacement up to ``reach``."""
    from scipy import signal

    padded = np.pad(values, reach)
    found: F32 = signal.fftconvolve(padded, weight[::-1, ::-1], mode="valid")
    return found


def _swath(thick: Mask, main: tuple[int, int]) -> Mask:
    """Return where shadows of clouds of any usual height may fall: `HEIGHTS` of the main one."""
    length = math.hypot(*main)
    swath = np.zeros(thick.shape, bool)
    for part in np.arange(HEIGHTS[0], HEIGHTS[1], 0.5 / length):
        down, across = round(main[0] * part), round(main[1] * part)
        swath |= ndimage.shift(thick, (down, across), order=0, cval=False, prefilter=False)
    return swath
