"""How many clusters, where the user does not say."""

import dataclasses
from typing import Any, Final

import numpy as np

from obriy.blocks.base import FloatArray
from obriy.methods.clustering.lloyd import centres_of

CANDIDATES: Final = (4, 6, 8, 10, 12, 14, 16, 18, 20, 24, 30)
"""Numbers of clusters that are tried."""
SUBSAMPLE: Final = 10_000
"""Units on which they are tried: the first of the sample, which is in random order."""


@dataclasses.dataclass(frozen=True)
class Chosen:
    """A number of clusters, and the scores it was chosen by.

    Attributes:
        clusters: How many.
        scores: Criterion by number of clusters.
        why: In words.
    """

    clusters: int
    scores: dict[int, float]
    why: str

    def describe(self) -> dict[str, Any]:
        """Return plain values."""
        candidates = [{"clusters": k, "score": score} for k, score in self.scores.items()]
        return {"criterion": self.why, "candidates": candidates}


def choose_number(points: FloatArray, sizes: FloatArray, seed: int) -> Chosen:
    """Choose the number of clusters.

    Args:
        points: (n, dimensions) float32 scaled units of the sample, in random order.
        sizes: (n,) pixels of each.
        seed: Of the fits that are compared.
    """
    points, sizes = points[:SUBSAMPLE], sizes[:SUBSAMPLE]
    distinct = len(np.unique(points, axis=0))
    tried = [k for k in CANDIDATES if k < distinct]
    if not tried:
        return Chosen(distinct, {}, "as many as there are distinct points")
    total = _scatter(points, sizes)
    scores = {k: 1 - centres_of(points, sizes, k, seed, starts=1)[1] / total for k in tried}
    best = next((k for k in tried if scores[k] >= 0.9), tried[-1])
    return Chosen(best, scores, "the fewest clusters that explain 0.9 of the variance")


def _scatter(points: FloatArray, sizes: FloatArray) -> float:
    """Return the sum of the squared distances to the mean."""
    centre = np.average(points.astype(np.float64), axis=0, weights=sizes)
    return float((sizes[:, None] * (points - centre) ** 2).sum())
