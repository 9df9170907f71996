"""Spectral clustering: groups that a graph of likeness falls into, of any shape."""

import warnings
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obriy.blocks.base import FloatArray
from obriy.methods.clustering.density import number_largest
from obriy.methods.clustering.fitted import Fitted
from obriy.methods.clustering.lloyd import one_thread
from obriy.methods.clustering.prototypes import Prototypes
from obriy.model.notices import notice

MOST_UNITS: Final = 3_000
"""Units that are compared: the eigenvectors of a graph of these take seconds."""
NEIGHBOURS: Final = 10
"""Edges of each unit in the graph."""
FEWEST: Final = 4
MOST: Final = 30
"""Numbers of clusters that the eigenvalues may choose."""


def fit_spectral(points: FloatArray, sizes: FloatArray, clusters: int | None, seed: int) -> Fitted:
    """Find clusters by spectral clustering (von Luxburg 2007, doi:10.1007/s11222-007-9033-z).

    The graph joins each unit with its nearest neighbours. Without a number of clusters it is the
    one after which the eigenvalues of the normalised Laplacian make their greatest step.

    Args:
        points: (n, dimensions) float32 scaled units of the sample; n > 0.
        sizes: (n,) pixels of each unit.
        clusters: How many; None: from the eigenvalues, `FEWEST` to `MOST`.
        seed: Of the eigenvectors and of K-Means among them.

    Returns:
        The compared units; all others are of the cluster of the nearest one.
    """
    points, sizes = points[:MOST_UNITS], sizes[:MOST_UNITS]
    distinct, where = np.unique(points, axis=0, return_inverse=True)
    pixels = np.bincount(where.ravel(), weights=sizes).astype(np.float64)
    about: dict[str, Any] = {"criterion": "given"}
    warned: list[str] = []
    if clusters is None:
        clusters, about = choose_by_eigenvalues(distinct, seed)
    labels: npt.NDArray[np.integer]
    if len(distinct) <= clusters:
        labels = np.arange(len(distinct))
        if len(distinct) < clusters:
            warned.append(notice("fewer_segments", segments=len(distinct), clusters=clusters))
    else:
        labels = _cluster(distinct, clusters, seed)
    numbers = number_largest(labels, pixels, clusters)
    about = about | {"clusters": int(numbers.max())}
    return Fitted(
        Prototypes(distinct, numbers), {"units_compared": len(points), "number": about}, warned
    )


def choose_by_eigenvalues(points: FloatArray, seed: int) -> tuple[int, dict[str, Any]]:
    """Return the number of clusters before the greatest step of the eigenvalues, and the steps.

    Args:
        points: (n, dimensions) float32, all different.
        seed: Of the first vector of the iteration.
    """
    if len(points) <= MOST + 1:
        return min(len(points), FEWEST), {"criterion": "few segments"}
    values = laplacian_eigenvalues(points, MOST + 1, seed)
    steps = {k: float(values[k] - values[k - 1]) for k in range(FEWEST, MOST + 1)}
    candidates = [{"clusters": k, "score": score} for k, score in steps.items()]
    best = max(steps, key=lambda k: steps[k])
    return best, {"criterion": "greatest step of the eigenvalues", "candidates": candidates}


def laplacian_eigenvalues(points: FloatArray, count: int, seed: int) -> npt.NDArray[np.float64]:
    """Return the smallest eigenvalues of the normalised Laplacian of the graph of neighbours.

    Args:
        points: (n, dimensions) float32; n above ``count``.
        count: How many.
        seed: Of the first vector of the iteration.

    Returns:
        (count,) in ascending order, 0 to 2.
    """
    from scipy.sparse import identity
    from scipy.sparse.csgraph import laplacian
    from scipy.sparse.linalg import eigsh

    start = np.random.default_rng(seed).random(len(points))
    with one_thread():
        normalised = laplacian(_graph(points), normed=True)
        # The largest of 2 - L are found quickly: the smallest of L, which is singular, are not.
        turned = 2 * identity(len(points), format="csr") - normalised
        values = eigsh(turned, k=count, v0=start, return_eigenvectors=False)
    ordered: npt.NDArray[np.float64] = np.sort(2 - values)
    return ordered


def _graph(points: FloatArray) -> Any:
    """Return the symmetric graph of nearest neighbours that SpectralClustering makes."""
    from sklearn.neighbors import kneighbors_graph

    count = min(NEIGHBOURS, len(points))
    one_way = kneighbors_graph(points.astype(np.float64), count, include_self=True)
    return 0.5 * (one_way + one_way.T)


def _cluster(points: FloatArray, clusters: int, seed: int) -> npt.NDArray[np.integer]:
    from sklearn.cluster import SpectralClustering

    model = SpectralClustering(
        clusters, affinity="precomputed", random_state=seed % 2**32, assign_labels="kmeans"
    )
    with one_thread(), warnings.catch_warnings():
        # Groups that no edge joins are what is looked for.
        warnings.filterwarnings("ignore", "Graph is not fully connected", UserWarning)
        model.fit(_graph(points))
    _, labels = np.unique(model.labels_, return_inverse=True)
    return labels
