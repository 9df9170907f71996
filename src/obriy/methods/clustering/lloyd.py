"""The arithmetic of K-Means, in one thread: the same seed gives the same centres to the bit."""

import warnings
from contextlib import AbstractContextManager
from typing import Any, Final

import numpy as np

from obriy.blocks.base import FloatArray
from obriy.methods.clustering.prototypes import Prototypes

STARTS: Final = 4
"""Of which the one with the least inertia is taken."""


def one_thread() -> AbstractContextManager[Any]:
    """Keep libraries to one thread: with more, sums are added in the order in which threads end."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    limits: AbstractContextManager[Any] = threadpool_limits(1)
    return limits


def centres_of(
    points: FloatArray, sizes: FloatArray, clusters: int, seed: int, starts: int = STARTS
) -> tuple[FloatArray, float]:
    """Find centres by K-Means (Lloyd 1982) from k-means++ starts (Arthur, Vassilvitskii 2007).

    Args:
        points: (n, dimensions) float32.
        sizes: (n,) weight of each.
        clusters: How many; at most n.
        seed: Of the starts.
        starts: How many.

    Returns:
        (clusters, dimensions) float32 centres, fewer where points are the same; and the sum of
        the squared distances of the points to them, each times its weight.
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    model = KMeans(clusters, n_init=starts, random_state=seed % 2**32)
    with one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer centres than were asked for
        model.fit(points.astype(np.float64), sample_weight=sizes)
    centres: FloatArray = np.unique(model.cluster_centers_.astype(np.float32), axis=0)
    return centres, float(model.inertia_)


def number_by_size(centres: FloatArray, points: FloatArray, sizes: FloatArray) -> Prototypes:
    """Number centres 1 to k, from the one with the most pixels to the one with the fewest."""
    plain = Prototypes(centres, np.arange(1, len(centres) + 1).astype(np.uint8))
    labels = plain.assign(np.ascontiguousarray(points.T))
    pixels = np.bincount(labels, weights=sizes, minlength=len(centres) + 1)[1:]
    order = np.argsort(-pixels, kind="stable")
    return Prototypes(np.ascontiguousarray(centres[order]), plain.numbers)
