"""Ice by clusters that are named by their spectra: ``kmeans``, ``spectral``, ``dbscan``."""

import dataclasses
from typing import Any, Final

import numpy as np

from obriy.blocks.base import Block, ByteArray, Histogram, Labelled
from obriy.methods.clustering.parse import Clusterer
from obriy.methods.clustering.rule import ClusterRule
from obriy.methods.clustering.sample import Sample
from obriy.methods.ice.mixing import chosen_bands, likely_classes, limits_used
from obriy.methods.ice.sea import clear_sea_of, sea_of
from obriy.model.clusters import NOISE
from obriy.model.legend import UNNAMED

CLUSTERS: Final = 12
"""As many as the visible, infrared and cloud shades of a bay with all of them; ``dbscan`` finds
its own number."""


@dataclasses.dataclass(frozen=True)
class NamedClusters:
    """A clusterer of the sea whose clusters are named.

    Attributes:
        clusterer: Finds the clusters.
        name: As written by the user.
    """

    clusterer: Clusterer
    name: str
    gives_fraction: bool = False

    @property
    def halo(self) -> int:
        """Pixels around a block that the clusterer looks at."""
        return self.clusterer.halo

    def bands(self, available: set[str]) -> set[str]:
        """Return the bands that see the surface.

        Raises:
            BandError: where clusters could not be named: no visible band, or no near infrared.
        """
        chosen_bands(available, self.name)
        return self.clusterer.bands(available)

    def collect(self, block: Block) -> Sample | None:
        """Sample the sea of the core of a block."""
        return self.clusterer.collect(clear_sea_of(block))

    def decide(self, statistics: Sample | None) -> "NamedRule":
        """Find the clusters, and name each by its mean spectrum.

        Raises:
            EmptyResultError: where nothing was seen.
        """
        rule = self.clusterer.decide(statistics)
        return NamedRule(rule, name_clusters(rule))


@dataclasses.dataclass(frozen=True)
class NamedRule:
    """Clusters with the codes of the legend ``ice``.

    Attributes:
        clusters: The clusters.
        codes: (256,) uint8 code of each number; what no cluster holds is 255.
    """

    clusters: ClusterRule
    codes: ByteArray

    def apply(self, block: Block) -> Labelled:
        """Label the sea of a block; land and pixels that lack a band get 0, noise 255."""
        return Labelled(self.codes[self.clusters.apply(sea_of(block)).labels])

    def describe(self) -> dict[str, Any]:
        """Return how the clusters were found, and how each was named."""
        names = {str(n): int(self.codes[n]) for n in self.clusters.ids}
        return {**self.clusters.describe(), "named": names, "limits": limits_used()}

    def histograms(self) -> list[Histogram]:
        """Return nothing: clusters lie in many dimensions."""
        return []


def name_clusters(rule: ClusterRule) -> ByteArray:
    """Return the code of each number of a cluster by the mean spectrum of its sample.

    Returns:
        (256,) uint8; 0 for 0, 255 for noise and for numbers that no cluster has.
    """
    sample = rule.sample
    numbers = rule.prototypes.assign(rule.space.points(np.ascontiguousarray(sample.values.T)))
    codes = np.full(256, UNNAMED, np.uint8)
    codes[0] = 0
    for number in np.unique(numbers[numbers != NOISE]):
        mine = numbers == number
        spectrum = np.average(sample.values[mine], axis=0, weights=sample.sizes[mine])
        bands = {
            name: np.array([value], np.float32)
            for name, value in zip(sample.names, spectrum, strict=True)
            if name in sample.bands
        }
        codes[number] = likely_classes(bands)[0]
    return codes
