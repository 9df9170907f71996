"""The clusters of a scene through less and less haze, for the labeller `spectral`.

The expert learnt from images whose atmosphere was taken off. Where that was not done, dark ground
is too bright in blue by what the air scatters (Chavez 1988, doi:10.1016/0034-4257(88)90019-3). How
much that is, nobody knows for sure: the labeller takes the mean over all that may be.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from obriy.indices.features import base_layers
from obriy.labelling.spectral_features import LEAST_SHARE, median_of
from obriy.model.clusters import ClusterFacts, Spread

SCATTERED: Final[Mapping[str, float]] = {
    "blue": 1.0, "green": 0.586, "red": 0.295, "nir": 0.115, "nir08": 0.103,
}  # fmt: skip
"""What the air scatters, over that in blue: as wavelength to the power of -4, at the middles of
Sentinel-2's bands; in the short-wave infrared it is below 0.01."""
DARK: Final = 0.1
"""Ground darker than this at 2.2 micrometres is dark in blue (Kaufman et al. 1997,
doi:10.1109/36.628795): dense leaves, water. Its reflectance in blue is then about:"""
DARK_BLUE: Final = 0.02
LEAST: Final = 0.03
"""Air without any dust scatters more than this into blue, some 0.04 to 0.08 for a look straight
down: where less is too much, the atmosphere was taken off, and ground is as it is."""
MOST: Final = 0.10
"""More than this is no haze: what is bright in blue and dark at 2.2 micrometres is snow."""
SKIES: Final = 4


def through_skies(facts: Sequence[ClusterFacts]) -> list[list[ClusterFacts]]:
    """Return the clusters as they are, and through less and less haze.

    Args:
        facts: Of the clusters of one scene.
    """
    haze = haze_in_blue(facts)
    parts = np.linspace(0, 1, SKIES)[1:] if haze else ()
    return [[*facts], *(_cleared(facts, haze * part) for part in parts)]


def haze_in_blue(facts: Sequence[ClusterFacts]) -> float:
    """Return the most that the air may add to the reflectance in blue; 0: nothing, or unknown.

    It is told by the darkest cluster of what is dark at 2.2 micrometres, and leaves no band below
    0; a part of a scene, or one without these bands, tells nothing.
    """
    if sum(f.share for f in facts) < LEAST_SHARE:
        return 0.0
    dark = [median_of(f, "blue") for f in facts if median_of(f, "swir22") < DARK]
    haze = min(dark, default=0.0) - DARK_BLUE
    if not LEAST < haze < MOST:
        return 0.0
    lowest = [median_of(f, name) / share for f in facts for name, share in SCATTERED.items()]
    return max(0.0, min(haze, float(np.nanmin(lowest))))


def _cleared(facts: Sequence[ClusterFacts], haze: float) -> list[ClusterFacts]:
    """Take haze off the levels of all clusters; indices move by as much as those of the medians."""
    off = {name: haze * share for name, share in SCATTERED.items()}
    names = [name for name in facts[0].spectrum if all(name in f.spectrum for f in facts)]
    old = {n: np.array([f.spectrum[n].median for f in facts], np.float32) for n in names}
    new = {name: values - np.float32(off.get(name, 0.0)) for name, values in old.items()}
    before, after = base_layers(old), base_layers(new)
    move = {name: after[name] - before[name] for name in before}
    return [
        _moved(f, {name: float(values[i]) for name, values in move.items()})
        for i, f in enumerate(facts)
    ]


def _moved(facts: ClusterFacts, by: Mapping[str, float]) -> ClusterFacts:
    def moved(spreads: Mapping[str, Spread]) -> dict[str, Spread]:
        return {
            name: Spread(*(value + by.get(name, 0.0) for value in dataclasses.astuple(spread)))
            for name, spread in spreads.items()
        }

    around = {name: value + by.get(name, 0.0) for name, value in facts.surroundings.items()}
    return dataclasses.replace(
        facts, spectrum=moved(facts.spectrum), indices=moved(facts.indices), surroundings=around
    )
