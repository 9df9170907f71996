"""K-Means: each cluster is what lies nearest to its centre."""

from typing import Any

import numpy as np

from obriy.blocks.base import FloatArray
from obriy.methods.clustering.fitted import Fitted
from obriy.methods.clustering.lloyd import centres_of, number_by_size
from obriy.methods.clustering.number import choose_number
from obriy.model.notices import notice


def fit_kmeans(points: FloatArray, sizes: FloatArray, clusters: int | None, seed: int) -> Fitted:
    """Find clusters by K-Means.

    Args:
        points: (n, dimensions) float32 scaled units of the sample; n > 0.
        sizes: (n,) pixels of each unit: its weight.
        clusters: How many; None: as `choose_number` says.
        seed: Of the starts.

    Returns:
        The centres, numbered from the largest cluster to the smallest. Where there are fewer
        distinct points than clusters wanted, each is a cluster.
    """
    about: dict[str, Any] = {"criterion": "given"}
    warned: list[str] = []
    if clusters is None:
        chosen = choose_number(points, sizes, seed)
        clusters, about = chosen.clusters, chosen.describe()
    distinct = np.unique(points, axis=0)
    if len(distinct) <= clusters:
        if len(distinct) < clusters:
            warned.append(notice("fewer_points", points=len(distinct), clusters=clusters))
        centres = distinct
    else:
        centres, _ = centres_of(points, sizes, clusters, seed)
    prototypes = number_by_size(centres, points, sizes)
    return Fitted(prototypes, {"number": about | {"clusters": len(prototypes.points)}}, warned)
