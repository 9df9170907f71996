"""A clusterer that is watched: what is measured of its clusters rides with the map."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from obriy.blocks.base import Block, Histogram, Labelled, Method, Narrowing, work_bytes_of
from obriy.blocks.planes import planes_of
from obriy.labelling.tally import ClusterTally, cell_pixels, halo_pixels, step_pixels
from obriy.methods.clustering.rule import ClusterRule


@dataclasses.dataclass(frozen=True)
class Observed:
    """A clusterer, with what counts its clusters block by block.

    Attributes:
        method: The clusterer.
        whole: Whether all of the scene is mapped that its sample is of.
        pixel_m: Side of a pixel, metres; None: nobody knows.
        gives_fraction: Clusters are whole pixels.
    """

    method: Method
    whole: bool
    pixel_m: float | None = None
    gives_fraction: bool = False

    @property
    def name(self) -> str:
        """That of the clusterer."""
        return self.method.name

    @property
    def halo(self) -> int:
        """Pixels around a block that the clusterer looks at, and those around what is measured."""
        return self.method.halo + halo_pixels(self.pixel_m)

    @property
    def learning_halo(self) -> int:
        """Pixels around a block that the clusterer looks at."""
        return self.method.halo

    @property
    def work_bytes(self) -> int:
        """Bytes per pixel of what is made of a block, beside its bands."""
        return work_bytes_of(self.method)

    def bands(self, available: set[str]) -> set[str]:
        """Return the bands of the clusterer."""
        return self.method.bands(available)

    def collect(self, block: Block) -> Any:
        """Return what the clusterer learns of a block."""
        return self.method.collect(block)

    def collect_beside(self, block: Block, before: Any) -> Any:
        """Return what the clusterer learns of a block beside others."""
        if isinstance(self.method, Narrowing):
            return self.method.collect_beside(block, before)
        return self.method.collect(block)

    def decide(self, statistics: Any) -> "ObservedRule":
        """Return the rule of the clusterer, each of its clusters cut in two."""
        rule = self.method.decide(statistics)
        assert isinstance(rule, ClusterRule)
        leaves = rule.cut()
        cluster_of = np.arange(256, dtype=np.uint8)
        for split in leaves.splits[len(rule.splits) :]:
            cluster_of[split.parts.numbers] = split.parent
        expected = leaves.expected() if self.whole else None
        tally = ClusterTally(cluster_of=cluster_of, expected=expected, pixel_m=self.pixel_m)
        return ObservedRule(rule, leaves, tally, step_pixels(cell_pixels(self.pixel_m)))


@dataclasses.dataclass(frozen=True)
class ObservedRule:
    """A rule that counts what it labels; each block must be labelled once.

    Attributes:
        rule: The clusters.
        leaves: What they were cut to: the labels.
        tally: What was counted.
        beside: Pixels beside a block whose numbers count.
    """

    rule: ClusterRule
    leaves: ClusterRule
    tally: ClusterTally
    beside: int = 1

    def apply(self, block: Block) -> Labelled:
        """Number the leaves of a block, and count them."""
        # Beside the core, too: what borders on it counts.
        wider = (
            slice(max(0, part.start - self.beside), min(size, part.stop + self.beside))
            for part, size in zip(block.core, block.shape, strict=True)
        )
        rows, columns = wider
        said = self.leaves.apply(dataclasses.replace(block, core=(rows, columns)))
        bands = planes_of(block.bands).only(self.rule.sample.bands)
        self.tally.add(bands, said.labels, (block.row, block.column), block.core)
        return said

    def fresh(self) -> "ObservedRule":
        """Return the same rule, which has counted nothing."""
        return dataclasses.replace(self, tally=self.tally.fresh())

    def counted(self) -> dict[str, Any]:
        """Return what was counted."""
        return self.tally.to_arrays()

    def take(self, counted: Mapping[str, Any]) -> None:
        """Add what was counted of other blocks."""
        self.tally.take(ClusterTally.from_arrays(counted))

    def describe(self) -> dict[str, Any]:
        """Return how the clusters were found."""
        return self.rule.describe()

    def histograms(self) -> list[Histogram]:
        """Return none: clusters lie in many dimensions."""
        return []
