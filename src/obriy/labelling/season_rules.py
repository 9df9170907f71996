"""What a season adds to the opinion of the labeller `spectral`: rules, as data."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from obriy.model.clusters import ClusterFacts
from obriy.tables import load_toml

FloatArray = npt.NDArray[np.float64]


def rules_met(facts: ClusterFacts) -> list[str]:
    """Return the names of the rules of ``tables/season_rules.toml`` that hold of a cluster.

    Args:
        facts: Of the cluster; of a single image none holds.
    """
    return [name for name, rule in load_toml("season_rules").items() if _holds(rule, facts)]


def with_season(
    likely: FloatArray, codes: npt.NDArray[np.int64], facts: Sequence[ClusterFacts]
) -> FloatArray:
    """Return probabilities with the odds that the season of each cluster gives its classes.

    Args:
        likely: (clusters, classes); rows sum to 1.
        codes: Of the classes.
        facts: Of the clusters; those of a single image keep their row.
    """
    rules = load_toml("season_rules")
    odds = np.ones_like(likely)
    for row, one in enumerate(facts):
        for name in rules_met(one):
            for code, factor in rules[name]["odds"].items():
                odds[row, codes == int(code)] *= factor
    weighed = likely * odds
    found: FloatArray = weighed / weighed.sum(axis=1, keepdims=True)
    return found


def _holds(rule: dict[str, Any], facts: ClusterFacts) -> bool:
    return all(
        layer in facts.season and low <= facts.season[layer].median <= high
        for layer, (low, high) in rule["where"].items()
    )
