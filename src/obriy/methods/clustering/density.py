"""DBSCAN and HDBSCAN, which do not fit land cover: they look for gaps, and it has few.

Clusters are dense places; what lies in no dense place is noise.

DBSCAN works on a sparse grid of the three longest axes of the features (`cells`), so that memory
does not grow with the pixels; HDBSCAN on a part of the sample. Both are carried to the scene: a
pixel belongs to the nearest point of a cluster within reach, and is noise where there is none.

On a delta of Sentinel-2 (Sundarbans) DBSCAN makes one cluster of the rivers and the fields, 43 % of
the scene, and 26 % noise, at the largest radius that leaves no cluster more than half; K-Means
tells rivers, fields and mangroves apart. Accuracy with the best name for each cluster, noise among
them, on the choose chips of HLS (11 classes of WorldCover): see `docs/landcover.md`.
"""

import dataclasses
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from obriy.blocks.base import ByteArray, FloatArray
from obriy.methods.clustering.cells import cells_of, cluster_cells
from obriy.methods.clustering.fitted import Fitted
from obriy.methods.clustering.lloyd import one_thread
from obriy.methods.clustering.prototypes import Prototypes
from obriy.model.clusters import MOST_CLUSTERS, NOISE
from obriy.model.notices import notice

MOST_UNITS: Final = 5_000
"""Units whose neighbours are kept in memory, or whose distances are looked at."""
LEAST_EPS: Final = 0.05
"""Scaled units; nearer than that points are the same."""
LEAST_SHARE: Final = 0.005
"""Share of the units that a cluster of HDBSCAN has at least."""
NEIGHBOURS: Final = 5
"""Of HDBSCAN: the distance to the one of this rank is the density."""
WITHIN: Final = 0.99
ROUNDING: Final = 1 + 1e-6
"""A distance is taken again by another routine, which may round it up."""
MOST_OF_SCENE: Final = 0.5
"""A cluster with a larger share of the pixels is two that have run into one another."""
MOST_NOISE: Final = 0.3
"""Noise with a larger share of the pixels is worth a word."""
SHARE_OF_SAMPLE: Final = 500
DENSE_SHARES: Final = (0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
"""Shares of the units that are dense places, of the radii that are tried."""


@dataclasses.dataclass(frozen=True)
class Density:
    """What is dense, for DBSCAN.

    Attributes:
        eps: Radius of a neighbourhood, in scaled units; None: as `fit_dbscan` finds it.
        min_samples: Units of the sample within it, its middle included, of a dense place; None:
            twice the number of dimensions, or a 500th of the sample.
    """

    eps: float | None = None
    min_samples: int | None = None


FROM_SCENE: Final = Density()


def fit_dbscan(
    points: FloatArray,
    sizes: FloatArray,
    clusters: int | None,
    seed: int,
    density: Density = Density(),
) -> Fitted:
    """Find clusters by DBSCAN (Ester et al. 1996, KDD 96, 226-231), of cells of a sparse grid.

    Where nobody says them, ``min_samples`` is twice the number of dimensions (Sander et al. 1998,
    doi:10.1023/A:1009745219419), or a 500th of the units where that is more; and ``eps`` is the
    largest that leaves no cluster more than half of the units and no more than 30 % to noise:
    beyond either the radius is a wrong one (Schubert et al. 2017, doi:10.1145/3068335, 4.2). It
    is sought among the distances within which a share of the units has so many neighbours.

    Args:
        points: (n, 1 to 3) float32 scaled units of the sample; n > 0.
        sizes: (n,) pixels of each unit.
        clusters: At most so many, the largest; the rest is noise. None: at most 199.
        seed: Not used: DBSCAN has no random step.
        density: What is dense.

    Returns:
        The cores of the grid, with ``eps`` as their reach.
    """
    least = density.min_samples or max(2 * points.shape[1], len(points) // SHARE_OF_SAMPLE)
    least = min(least, len(points))
    radii = [density.eps] if density.eps else _radii(points, least)
    tried = [_Tried.of(points, eps, least) for eps in radii]
    best = next((one for one in tried if one.misfit == 0), min(tried, key=lambda t: t.misfit))
    numbers = number_largest(best.labels, best.pixels(sizes), clusters or MOST_CLUSTERS - 1)
    rule = Prototypes(best.cores[numbers > 0], numbers[numbers > 0], best.eps)
    about: dict[str, Any] = {
        "eps": best.eps,
        "min_samples": least,
        "core_points": len(rule.points),
        "number": {
            "criterion": "as many as there are dense places",
            "found": len(np.unique(best.labels)),
            "clusters": int(rule.numbers.max()),
        },
    }
    labels = rule.assign(np.ascontiguousarray(points.T))
    return Fitted(rule, about, _warnings(labels, sizes))


@dataclasses.dataclass(frozen=True)
class _Tried:
    """What DBSCAN makes with a radius: cores with the numbers of their clusters, from 0."""

    eps: float
    cores: FloatArray
    labels: npt.NDArray[np.int64]
    core_of: npt.NDArray[np.int64]
    largest: float
    noise: float

    @classmethod
    def of(cls, points: FloatArray, eps: float, least: int) -> "_Tried":
        """Try a radius; where no place is dense, the densest cell is."""
        cells = cells_of(points, np.ones(len(points)), eps)
        numbers, core = cluster_cells(cells, eps, least)
        if not core.any():
            core = np.arange(len(numbers)) == int(cells.weights.argmax())
            numbers = np.where(core, 0, -1)
        labels = numbers[cells.cell_of]
        share = np.bincount(labels + 1) / len(labels)
        place = np.where(core, np.cumsum(core) - 1, -1)[cells.cell_of]
        means = cells.means[core, : points.shape[1]].astype(np.float32)
        return cls(eps, means, numbers[core], place, float(share[1:].max()), float(share[0]))

    @property
    def misfit(self) -> float:
        """By how much a cluster or the noise holds more than it may; 0: neither does."""
        return max(0.0, self.largest - MOST_OF_SCENE, self.noise - MOST_NOISE)

    def pixels(self, sizes: FloatArray) -> npt.NDArray[np.float64]:
        """Return the pixels of each core."""
        inside = self.core_of >= 0
        weights = sizes[inside].astype(np.float64)
        found = np.bincount(self.core_of[inside], weights=weights, minlength=len(self.labels))
        return np.asarray(found, np.float64)


def _radii(points: FloatArray, least: int) -> list[float]:
    """Return radii to try, the largest first, in which shares of the units are dense places."""
    near, _ = cKDTree(points).query(points[:MOST_UNITS], k=[least])
    found = np.quantile(near, DENSE_SHARES)
    return sorted({max(LEAST_EPS, float(eps) * ROUNDING) for eps in found}, reverse=True)


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


def _warnings(labels: ByteArray, sizes: FloatArray) -> list[str]:
    """Say where density does not tell the land apart."""
    share = np.bincount(labels, weights=sizes, minlength=NOISE + 1) / sizes.sum()
    found: list[str] = []
    largest = float(share[:NOISE].max())
    if largest > MOST_OF_SCENE:
        found.append(notice("one_cluster_holds", share=largest))
    if share[NOISE] > MOST_NOISE:
        found.append(notice("noise_holds", share=float(share[NOISE])))
    return found
