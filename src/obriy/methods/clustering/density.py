"""DBSCAN and HDBSCAN: clusters are dense places; what lies in no dense place is noise.

Density is measured on a part of the sample and carried to the scene: a pixel belongs to the
nearest point of a cluster within reach, and is noise where there is none.

Land cover is a continuum with few gaps, which is what these look for. With the best name for each
cluster, noise among them, the accuracy on 21 of the choose chips of HLS (11 classes of WorldCover)
is 0.61 for DBSCAN at the knee, with one cluster that holds 92 % on average; 0.62 to 0.65 with
``eps`` at the 10th to 70th percentile in place of the knee; 0.73 for HDBSCAN with the leaves of
its tree, 0.64 with its "excess of mass". K-Means has 0.80.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from obriy.blocks.base import ByteArray, FloatArray
from obriy.methods.clustering.fitted import Fitted
from obriy.methods.clustering.lloyd import one_thread
from obriy.methods.clustering.prototypes import Prototypes
from obriy.model.clusters import MOST_CLUSTERS, NOISE
from obriy.model.notices import notice

MOST_UNITS: Final = 5_000
"""Units that density is measured on: the neighbours of each are kept in memory."""
LEAST_EPS: Final = 0.05
"""Scaled units; nearer than that points are the same."""
LEAST_SHARE: Final = 0.005
"""Share of the units that a cluster of HDBSCAN has at least."""
NEIGHBOURS: Final = 5
"""Of HDBSCAN: the distance to the one of this rank is the density."""
WITHIN: Final = 0.99
ROUNDING: Final = 1 + 1e-6
"""The distance at the knee is taken again by another routine, which may round it up."""
MOST_OF_ALL: Final = 0.95
"""A cluster with a larger share of the pixels is as good as none."""
MOST_NOISE: Final = 0.3
"""Noise with a larger share of the pixels is worth a word."""


def fit_dbscan(points: FloatArray, sizes: FloatArray, clusters: int | None, seed: int) -> Fitted:
    """Find clusters by DBSCAN (Ester et al. 1996, KDD 96, 226-231).

    ``min_samples`` is twice the number of dimensions (Sander et al. 1998,
    doi:10.1023/A:1009745219419), or a tenth of the units where they are few; ``eps`` is the knee
    of the sorted distances to the neighbour of that rank (the point farthest from the chord,
    Satopaa et al. 2011, doi:10.1109/ICDCSW.2011.20).

    Args:
        points: (n, dimensions) float32 scaled units of the sample; n > 0.
        sizes: (n,) pixels of each unit.
        clusters: At most so many, the largest; the rest is noise. None: at most 199.
        seed: Not used: DBSCAN has no random step.

    Returns:
        The core points, with ``eps`` as their reach.
    """
    from sklearn.cluster import DBSCAN

    points, sizes = points[:MOST_UNITS], sizes[:MOST_UNITS]
    distinct, where = np.unique(points, axis=0, return_inverse=True)
    weight = np.bincount(where.ravel())
    least = max(1, min(2 * points.shape[1], len(points) // 10))
    eps = knee_distance(distinct, weight, least)
    with one_thread():
        model = DBSCAN(eps=eps, min_samples=least).fit(distinct, sample_weight=weight)
    core = model.core_sample_indices_
    pixels = np.bincount(where.ravel(), weights=sizes)[core]
    numbers = number_largest(model.labels_[core], pixels, clusters or MOST_CLUSTERS - 1)
    rule = Prototypes(distinct[core][numbers > 0], numbers[numbers > 0], eps)
    labels = rule.assign(np.ascontiguousarray(points.T))
    about: dict[str, Any] = {
        "eps": eps,
        "min_samples": least,
        "core_points": len(rule.points),
        "number": {
            "criterion": "as many as there are dense places",
            "found": len(np.unique(model.labels_[core])),
            "clusters": int(rule.numbers.max()),
        },
    }
    return Fitted(rule, about, _warnings(labels, sizes))


def fit_hdbscan(points: FloatArray, sizes: FloatArray, clusters: int | None, seed: int) -> Fitted:
    """Find clusters by HDBSCAN (Campello et al. 2013, doi:10.1007/978-3-642-37456-2_14).

    The leaves of its tree are taken: the densest places, of at least `LEAST_SHARE` of the units.

    Args:
        points: (n, dimensions) float32 scaled units of the sample; n > 0.
        sizes: (n,) pixels of each unit.
        clusters: At most so many, the largest; the rest is noise. None: at most 199.
        seed: Not used: HDBSCAN has no random step.

    Returns:
        The units of the clusters. Their reach is the distance within which 99 % of them have
        `NEIGHBOURS` others of the clusters.
    """
    from sklearn.cluster import HDBSCAN

    points, sizes = points[:MOST_UNITS], sizes[:MOST_UNITS]
    least = max(2, NEIGHBOURS, round(LEAST_SHARE * len(points)))
    labels = np.zeros(len(points), int)
    if len(points) > 2 * least and np.ptp(points, axis=0).max() > LEAST_EPS:
        model = HDBSCAN(
            min_cluster_size=least, min_samples=NEIGHBOURS, cluster_selection_method="leaf",
            copy=True,
        )  # fmt: skip
        with one_thread():
            labels = model.fit(points.astype(np.float64)).labels_
    if (labels < 0).all():
        labels = np.zeros(len(points), int)
    inside = labels >= 0
    most = clusters or MOST_CLUSTERS - 1
    numbers = number_largest(labels[inside], sizes[inside].astype(np.float64), most)
    kept = np.ascontiguousarray(points[inside][numbers > 0])
    rank = min(NEIGHBOURS + 1, len(kept))
    near, _ = cKDTree(kept).query(kept, k=[rank])
    reach = max(LEAST_EPS, float(np.quantile(near, WITHIN)))
    rule = Prototypes(kept, numbers[numbers > 0], reach)
    about: dict[str, Any] = {
        "min_cluster_size": least,
        "min_samples": NEIGHBOURS,
        "reach": reach,
        "number": {
            "criterion": "as many as there are dense places",
            "found": int(labels.max()) + 1,
            "clusters": int(numbers.max()),
        },
    }
    return Fitted(rule, about, _warnings(rule.assign(np.ascontiguousarray(points.T)), sizes))


def number_largest(
    labels: npt.NDArray[np.integer], pixels: npt.NDArray[np.float64], most: int
) -> ByteArray:
    """Return numbers 1 to k in the order of size, at most so many; 0 for all smaller clusters.

    Args:
        labels: (n,) number of the cluster of each unit, from 0.
        pixels: (n,) pixels of each unit.
        most: How many clusters are kept.
    """
    order = np.argsort(-np.bincount(labels, weights=pixels), kind="stable")[:most]
    numbers = np.zeros(labels.max() + 1, np.uint8)
    numbers[order] = np.arange(1, len(order) + 1)
    kept: ByteArray = numbers[labels]
    return kept


def knee_distance(points: FloatArray, weights: npt.NDArray[np.int64], rank: int) -> float:
    """Return the knee of the sorted distances to the neighbour of that rank.

    Args:
        points: (n, dimensions) float32, all different.
        weights: (n,) how many units are at each point.
        rank: Of the neighbour, the unit itself counted; at most the number of units.
    """
    tree = cKDTree(points)
    distances, which = tree.query(points, k=np.arange(1, min(rank, len(points)) + 1))
    enough = np.cumsum(weights[which], axis=1) >= rank
    first = np.where(enough.any(axis=1), enough.argmax(axis=1), enough.shape[1] - 1)
    heights = np.sort(np.repeat(distances[np.arange(len(points)), first], weights))
    span = heights[-1] - heights[0]
    if span <= LEAST_EPS:
        return max(LEAST_EPS, float(heights[-1]) * ROUNDING)
    along = np.linspace(0, 1, len(heights))
    knee = int(np.argmax(along - (heights - heights[0]) / span))
    return max(LEAST_EPS, float(heights[knee]) * ROUNDING)


def _warnings(labels: ByteArray, sizes: FloatArray) -> list[str]:
    """Say where density does not tell the land apart."""
    share = np.bincount(labels, weights=sizes, minlength=NOISE + 1) / sizes.sum()
    found: list[str] = []
    largest = float(share[:NOISE].max())
    if largest > MOST_OF_ALL:
        found.append(notice("one_cluster_holds", share=largest))
    if share[NOISE] > MOST_NOISE:
        found.append(notice("noise_holds", share=float(share[NOISE])))
    return found
