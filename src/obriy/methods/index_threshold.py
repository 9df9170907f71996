"""Water by one index and one threshold, e.g. ``mndwi:otsu``."""

import dataclasses
from typing import Any, Final

import numpy as np
from numba import njit

from obriy.blocks.base import WORK_BYTES, Block, ByteArray, FloatArray, Histogram, Labelled
from obriy.blocks.pixels import BoolArray
from obriy.errors import UsageError
from obriy.indices.catalogue import Index, get_index, water_indices
from obriy.indices.formula import IndexValues
from obriy.methods.histograms import Candidates, Cells, Counts
from obriy.methods.thresholds import (
    Cut,
    Edge,
    Fixed,
    Local,
    Otsu,
    Published,
    Threshold,
    Valley,
    View,
)
from obriy.model.classmap import Doubt
from obriy.model.legend import NO_DATA, UNNAMED
from obriy.registry import Registry

NOT_WATER: Final = 1
WATER: Final = 2
INDEX_BYTES: Final = 20
"""What an index and its labels take, bytes per pixel: measured."""
THRESHOLD_SPREAD: Final = 0.025
"""Thresholds this share of the index's range apart are as good as each other: 0.05 of NDWI, the
step from zero (McFeeters 1996) to the 0.05 of document D's authors."""

_WET, _DRY, _NO_DATA, _UNNAMED = (np.uint8(n) for n in (WATER, NOT_WATER, NO_DATA, UNNAMED))
_SURE, _DROPS, _TAKES = (np.uint8(d) for d in (Doubt.SURE, Doubt.STRICT_DROPS, Doubt.LAX_TAKES))
"""Of the type of a map: loops over bytes stay among bytes."""

THRESHOLDS: Final[Registry[Threshold]] = Registry("threshold")
THRESHOLDS.register("zero", Published())
THRESHOLDS.register("otsu", Otsu())
THRESHOLDS.register("otsu-untested", Otsu(tested=False))
THRESHOLDS.register("valley", Valley())
THRESHOLDS.register("edge", Edge())
THRESHOLDS.register("local", Local())


def get_threshold(text: str) -> Threshold:
    """Return a threshold by its name, or the number that was written."""
    try:
        return Fixed(float(text))
    except ValueError:
        return THRESHOLDS.get(text)


@dataclasses.dataclass(frozen=True)
class Collected:
    """What a threshold wants to know, and how many pixels have no index."""

    statistics: Any
    undefined: int
    clipped: int

    def merge(self, other: "Collected") -> "Collected":
        """Return both parts together."""
        return Collected(
            self.statistics.merge(other.statistics),
            self.undefined + other.undefined,
            self.clipped + other.clipped,
        )


@dataclasses.dataclass(frozen=True)
class IndexThreshold:
    """Water is where a water index lies above its threshold (or below, as the index says).

    Attributes:
        index: A water index.
        threshold: How to find the threshold.
        name: As written by the user.
    """

    index: Index
    threshold: Threshold
    name: str
    gives_fraction: bool = False

    @property
    def published(self) -> float:
        """The threshold to fall back to; zero, the usual one, where none was published."""
        return 0.0 if self.index.threshold is None else self.index.threshold

    @property
    def halo(self) -> int:
        """Pixels around a block that the threshold looks at."""
        return self.threshold.halo

    @property
    def work_bytes(self) -> int:
        """Bytes per pixel: the index, labels, doubt, and what the threshold looks at around."""
        return WORK_BYTES if self.halo else INDEX_BYTES

    def bands(self, available: set[str]) -> set[str]:
        """Return the bands of the index."""
        return self.index.bands_to_read(available)

    def collect(self, block: Block) -> Collected:
        """Count the index."""
        found = evaluated(self.index, block)
        span = (self.index.low, self.index.high)
        view = View(found.values, block.core, block.row, block.column, span, self.published)
        statistics = self.threshold.collect(view)
        return Collected(statistics, found.undefined, found.clipped)

    def known(self) -> "IndexRule | None":
        """Return the rule of a threshold that does not depend on the scene."""
        nothing = Counts.none(self.index.low, self.index.high)
        if not isinstance(self.threshold, Fixed | Published):
            return None
        return IndexRule(self.index, self.threshold.decide(nothing, self.published), nothing, 0, 0)

    def decide(self, statistics: Collected) -> "IndexRule":
        """Find the threshold."""
        whole = statistics.statistics
        counts = whole.whole if isinstance(whole, Cells | Candidates) else whole
        cut = self.threshold.decide(whole, self.published)
        return IndexRule(self.index, cut, counts, statistics.undefined, statistics.clipped)


@dataclasses.dataclass(frozen=True)
class IndexRule:
    """An index with its threshold found."""

    index: Index
    cut: Cut
    counts: Counts
    undefined: int
    clipped: int

    def apply(self, block: Block) -> Labelled:
        """Label water; a pixel whose bands are there but whose index is undefined is unnamed."""
        values = evaluated(self.index, block).values
        spread = THRESHOLD_SPREAD * (self.index.high - self.index.low)
        labels, doubt = _cut(
            values,
            block.missing(),
            np.float32(self.cut.value),
            np.float32(spread),
            self.index.water == "above",
        )
        return Labelled(labels, doubt=doubt)

    def describe(self) -> dict[str, Any]:
        """Return the threshold, how it came about, and what the index could not say."""
        return {
            "index": self.index.name,
            "formula": self.index.formula.text,
            "reference": self.index.reference,
            "threshold": self.cut.value,
            **{k: v for k, v in self.cut.describe().items() if k != "value"},
            "undefined_pixels": self.undefined,
            "clipped_pixels": self.clipped,
        }

    def histograms(self) -> list[Histogram]:
        """Return the distribution of the index with the threshold."""
        return [self.counts.shown(self.index.name, self.cut.value)]


@njit(nogil=True, cache=True)
def _cut(
    values: FloatArray,
    missing: BoolArray,
    threshold: np.float32,
    spread: np.float32,
    water_above: bool,
) -> tuple[ByteArray, ByteArray]:
    """Return labels, and where a threshold a little to either side would decide otherwise."""
    labels, doubt = np.empty(values.shape, np.uint8), np.empty(values.shape, np.uint8)
    for i in range(values.shape[0]):
        for j in range(values.shape[1]):
            value = values[i, j]
            wet = value > threshold if water_above else value < threshold
            seen = not (missing[i, j] or np.isnan(value))
            near = seen and abs(value - threshold) < spread
            named = _WET if wet else _DRY
            labels[i, j] = named if seen else (_NO_DATA if missing[i, j] else _UNNAMED)
            doubt[i, j] = (_DROPS if wet else _TAKES) if near else _SURE
    return labels, doubt


def evaluated(index: Index, block: Block) -> IndexValues:
    """Return an index on a block, made once for all who ask; pixels are counted in its core."""
    return block.once(f"index {index.name}", lambda: index.evaluate(block.bands, block.core))


def index_threshold(index_name: str, threshold_name: str) -> IndexThreshold:
    """Build ``INDEX:THRESHOLD``.

    Raises:
        UnknownNameError: for a name that is not known.
        UsageError: for an index that does not tell water.
    """
    index = get_index(index_name)
    if index.water is None:
        raise UsageError(
            f"{index.name} ({index.title}) does not tell water from land by a threshold.",
            "Run `obriy indices` to see which do.",
        )
    threshold = get_threshold(threshold_name)
    if isinstance(threshold, Published) and index.threshold is None:
        with_one = ", ".join(i.name for i in water_indices() if i.threshold is not None)
        raise UsageError(
            f"{index.name} was published without a threshold between water and land.",
            f"Write {index.name.lower()}:otsu or a number, or use one of {with_one}.",
        )
    if isinstance(threshold, Fixed) and not index.low <= threshold.value <= index.high:
        raise UsageError(
            f"{index.name} lies between {index.low:g} and {index.high:g}: a threshold of "
            f"{threshold_name} says nothing.",
            "Write e.g. ndwi:0.05 (reflectance indices have no units).",
        )
    return IndexThreshold(index, threshold, f"{index.name.lower()}:{threshold_name}")
