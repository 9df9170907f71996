"""An index as it is, to be kept and looked at."""

import dataclasses
from typing import Any, Final

import numpy as np

from obriy.blocks.base import Block, Histogram, Labelled, Method
from obriy.indices.catalogue import Index, get_index
from obriy.methods.combine import Combined
from obriy.methods.histograms import Counts
from obriy.methods.index_threshold import INDEX_BYTES, WATER, Collected, IndexThreshold, evaluated
from obriy.methods.thresholds import Otsu, otsu
from obriy.model.legend import NO_DATA, UNNAMED

USUAL: Final = ("NDWI", "MNDWI")
"""Of a method that cuts no index: those that documents C and D show."""


@dataclasses.dataclass(frozen=True)
class IndexValues:
    """The values of an index, float32; its labels say only where it has one.

    Attributes:
        index: Of the catalogue.
    """

    index: Index
    halo: int = 0
    gives_fraction: bool = False
    work_bytes: int = INDEX_BYTES

    @property
    def name(self) -> str:
        """The short name, in small letters."""
        return self.index.name.lower()

    def bands(self, available: set[str]) -> set[str]:
        """Return the bands of the index."""
        return self.index.bands_to_read(available)

    def collect(self, block: Block) -> Collected:
        """Count the index."""
        return IndexThreshold(self.index, Otsu(), self.name).collect(block)

    def known(self) -> "IndexImage":
        """Return what keeps the index: nothing is cut."""
        return IndexImage(self.index, Counts.none(self.index.low, self.index.high), None)

    def decide(self, statistics: Collected) -> "IndexImage":
        """Say where Otsu would cut; nothing is cut."""
        counts = statistics.statistics
        return IndexImage(self.index, counts, otsu(counts)[0] if counts.pixels else None)


@dataclasses.dataclass(frozen=True)
class IndexImage:
    """An index, and the distribution of its values.

    Attributes:
        index: Of the catalogue.
        counts: Over the whole scene.
        otsu: Where Otsu would cut; None where nothing was seen.
    """

    index: Index
    counts: Counts
    otsu: float | None

    def apply(self, block: Block) -> Labelled:
        """Evaluate; NaN where a band is missing, or the index undefined."""
        values = evaluated(self.index, block).values
        # Near a cloud only what looks like water is kept: at some threshold all of this does.
        labels = np.full(values.shape, WATER, np.uint8)
        labels[np.isnan(values)] = UNNAMED
        for array in block.bands.values():
            labels[np.isnan(array)] = NO_DATA
        return Labelled(labels, values=values)

    def describe(self) -> dict[str, Any]:
        """Return the name, the formula, and the two thresholds that are known."""
        return {
            "index": self.index.name,
            "formula": self.index.formula.text,
            "published": self.index.threshold,
            "otsu": self.otsu,
        }

    def histograms(self) -> list[Histogram]:
        """Return the distribution."""
        return [self.counts.shown(self.index.name, None)]


def indices_behind(method: Method, available: set[str]) -> list[Index]:
    """Return the indices that a method cuts, each once; the usual ones where it cuts none.

    Args:
        method: A method of water.
        available: Bands of the scene.
    """
    found = list(dict.fromkeys(index.name for index in _cut_by(method)))
    usual = [name for name in USUAL if get_index(name).is_possible(available)]
    return [get_index(name) for name in found or usual]


def _cut_by(method: Method) -> list[Index]:
    if isinstance(method, IndexThreshold):
        return [method.index]
    if isinstance(method, Combined):
        return [index for part in method.parts for index in _cut_by(part)]
    return []
