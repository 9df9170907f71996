"""Clusterers as methods of the engine."""

import dataclasses
from collections.abc import Sequence
from functools import partial

import numpy as np

from obriy.blocks.base import Block
from obriy.errors import EmptyResultError, UsageError
from obriy.indices.features import check_groups
from obriy.methods.clustering.cells import DIMENSIONS
from obriy.methods.clustering.density import FROM_SCENE, Density, fit_dbscan
from obriy.methods.clustering.look import Look
from obriy.methods.clustering.rule import ClusterRule
from obriy.methods.clustering.sample import Sample
from obriy.methods.clustering.space import fit_space
from obriy.methods.clustering.spec import (
    CLUSTERERS,
    EMBEDDERS,
    OF_DENSITY,
    SEGMENTERS,
    TRAINED,
    Spec,
    clusterer_names,
    parse_spec,
)
from obriy.model.clusters import MOST_CLUSTERS

__all__ = ["CLUSTERERS", "EMBEDDERS", "SEGMENTERS", "clusterer_names", "parse_clusterer"]


@dataclasses.dataclass(frozen=True)
class Clusterer:
    """Finds clusters in a sample of a scene, and gives every pixel the nearest one.

    Attributes:
        spec: Its parts by name.
        look: How units and their features are made.
        clusters: How many; None: the clusterer chooses.
        seed: Of the sample and of the fit.
        density: What is dense, where the clusterer asks it.
    """

    spec: Spec
    look: Look
    clusters: int | None
    seed: int
    density: Density = FROM_SCENE
    gives_fraction: bool = False

    @property
    def name(self) -> str:
        """The spec as text."""
        return self.spec.text

    @property
    def halo(self) -> int:
        """Pixels around a block that its features, or its segments, look at."""
        return self.look.halo

    @property
    def work_bytes(self) -> int:
        """Bytes per pixel of what is made of a block, beside its bands."""
        return self.look.work_bytes

    def bands(self, available: set[str]) -> set[str]:
        """Return the bands that see the ground.

        Raises:
            BandError: where there is none.
        """
        return self.look.bands(available)

    def collect(self, block: Block) -> Sample | None:
        """Sample the units of the core of a block."""
        return self.look.collect(block, self.seed)

    def collect_beside(self, block: Block, before: Sample | None) -> Sample | None:
        """Sample the units that may have a place beside a sample of other blocks."""
        return self.look.collect(block, self.seed, before)

    def decide(self, statistics: Sample | None) -> ClusterRule:
        """Find the clusters.

        Raises:
            EmptyResultError: where nothing was seen.
        """
        if statistics is None or not len(statistics.keys):
            raise EmptyResultError(
                "There is nothing to cluster: all of it is cloud or no data.",
                "Take another date; or map without the quality band (--clouds none).",
            )
        train = None
        if self.spec.embedder in TRAINED:
            train = partial(EMBEDDERS.get(self.spec.embedder), seed=self.seed)
        dense = self.spec.clusterer in OF_DENSITY
        space = fit_space(statistics, train, DIMENSIONS if dense else None)
        points = space.points(np.ascontiguousarray(statistics.values.T))
        fit = CLUSTERERS.get(self.spec.clusterer)
        if dense:
            fit = partial(fit_dbscan, density=self.density)
        fitted = fit(np.ascontiguousarray(points.T), statistics.sizes, self.clusters, self.seed)
        about = {**fitted.about, "warnings": fitted.warnings}
        return ClusterRule(
            self.spec, self.look, space, fitted.prototypes, statistics, self.seed, about
        )


def parse_clusterer(
    spec: str,
    clusters: int | None = None,
    features: Sequence[str] = ("bands", "indices"),
    seed: int = 0,
    weights: str | None = None,
    *,
    density: Density = FROM_SCENE,
) -> Clusterer:
    """Return the clusterer that a text describes.

    Args:
        spec: ``[SEGMENTER+][EMBEDDER+]CLUSTERER``, e.g. ``"kmeans"`` or ``"slic+kmeans"``.
        clusters: How many, 2 to 199 (for ``dbscan``: at most); None: as the clusterer says.
        features: Groups of `obriy.indices.features.GROUPS`.
        seed: The same seed gives the same map.
        weights: File or name of the weights of ``sam`` or ``unet``; None: their default.
        density: What is dense, for ``dbscan``.

    Raises:
        UnknownNameError: for a name that is not known.
        UsageError: for a spec, a density or a number of clusters that cannot be.
        MissingExtraError: where a network is asked for and torch is not installed.
    """
    if clusters is not None and not 2 <= clusters < MOST_CLUSTERS:
        raise UsageError(
            f"{clusters} clusters cannot be: there are 2 to {MOST_CLUSTERS - 1}.",
            "Give --clusters 12, or --clusters auto.",
        )
    parts = parse_spec(spec, weights)
    if density != FROM_SCENE and parts.clusterer not in OF_DENSITY:
        raise UsageError(
            f"'{spec}' knows no eps and no min_samples: they say what is dense.",
            "Give them with --method dbscan.",
        )
    return Clusterer(parts, parts.look(check_groups(features)), clusters, seed, density)
