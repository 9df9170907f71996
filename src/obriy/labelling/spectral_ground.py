"""Where the expert behind the labeller `spectral` is out of its ground: what it never saw."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from obriy.labelling.spectral_features import BANDS, LEAST_SHARE, median_of
from obriy.model.clusters import ClusterFacts
from obriy.model.notices import notice

FloatArray = npt.NDArray[np.float64]

FINEST_M: Final = 8.0
COARSEST_M: Final = 40.0
"""Sides of pixels between which the expert is trusted: it was fitted at 10 to 30 m."""
LEAST_PIXELS: Final = 500
"""No scene that it was fitted on had fewer seen pixels."""
LEAST_LIKENESS: Final = 0.05
"""Part of what sets clusters apart that is found around their pixels too. Noise has 0.00 to 0.01,
scenes of 10 to 30 m have 0.12 to 0.89."""
LEAST_APART: Final = 0.02
"""Deviation of the clusters' reflectance below which likeness says nothing: the open sea."""
LEAST_INSIDE: Final = 0.02
"""Part of the pixels that are of their cluster's inside, beside those that chance leaves there.
Noise has 0.00, scenes of 10 to 30 m have 0.13 and more. Likeness alone fails in a scene that is no
larger than what lies around a pixel."""


def why_unknown(facts: Sequence[ClusterFacts]) -> str:
    """Return a notice of why no cluster of a scene can be named; empty: they can.

    Args:
        facts: Of the clusters of one scene.
    """
    pixels = sum(f.pixels for f in facts) / max(sum(f.share for f in facts), 1e-9)
    if pixels < LEAST_PIXELS:
        return notice("scene_too_small", count=round(pixels), least=LEAST_PIXELS)
    if len(facts) == 1 and _is_constant(facts[0]):
        return notice("scene_is_one_value")
    return notice("scene_is_noise") if _is_noise(facts) else ""


def is_fitted_size(facts: Sequence[ClusterFacts]) -> bool:
    """Say whether the expert was fitted on pixels of about this size; nobody knows: it was."""
    size = facts[0].pixel_m
    return size is None or FINEST_M <= size <= COARSEST_M


def _is_constant(facts: ClusterFacts) -> bool:
    return all(spread.low == spread.high for spread in facts.spectrum.values())


def _is_noise(facts: Sequence[ClusterFacts]) -> bool:
    """Say whether what lies around a pixel is the same whatever it is, in every band."""
    shares = np.array([f.share for f in facts], float)
    if shares.sum() < LEAST_SHARE:
        return False
    shares /= shares.sum()
    by_chance = shares @ shares**4  # the pixel's cluster stands on all four sides, too
    inside = shares @ np.array([f.interior for f in facts])
    if inside - by_chance >= LEAST_INSIDE * (1 - by_chance):
        return False
    found = [_likeness(facts, shares, band) for band in BANDS]
    likeness = [value for value in found if np.isfinite(value)]
    return bool(likeness) and max(likeness) < LEAST_LIKENESS


def _likeness(facts: Sequence[ClusterFacts], shares: FloatArray, band: str) -> float:
    """Return the slope of what lies around over what is there, by cluster; NaN: cannot be told."""
    own = np.array([median_of(f, band) for f in facts])
    around = np.array([f.surroundings.get(band, np.nan) for f in facts])
    apart = own - shares @ own
    variance = shares @ apart**2
    if not variance >= LEAST_APART**2:
        return float("nan")
    return float(shares @ (apart * (around - shares @ around)) / variance)
