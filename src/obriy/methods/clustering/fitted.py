"""What fitting a clusterer to a sample gives."""

import dataclasses
from typing import Any, Protocol

from obriy.blocks.base import FloatArray
from obriy.methods.clustering.prototypes import Prototypes


@dataclasses.dataclass(frozen=True)
class Fitted:
    """Clusters of a sample.

    Attributes:
        prototypes: Whatever is nearest to one is of its cluster.
        about: How they came about, as plain values (JSON); ``"number"`` says how many and why.
        warnings: What the user should know.
    """

    prototypes: Prototypes
    about: dict[str, Any]
    warnings: list[str] = dataclasses.field(default_factory=list)


class Fit(Protocol):
    """Finds clusters in a sample."""

    def __call__(
        self, points: FloatArray, sizes: FloatArray, clusters: int | None, seed: int
    ) -> Fitted:
        """Return the clusters of (n, dimensions) scaled units; n > 0, ``sizes`` in pixels."""
        ...
