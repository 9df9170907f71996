"""Histograms with fixed bins: the statistics of every threshold, independent of the block cut."""

import dataclasses
from typing import Self

import numpy as np
import numpy.typing as npt
from numba import njit

from obriy.blocks.base import FloatArray, Histogram

BINS = 2048
SHOWN_BINS = 128


@dataclasses.dataclass(frozen=True)
class Counts:
    """Counts of an index over fixed bins; values beyond the ends fall into the end bins.

    Attributes:
        counts: (BINS,) int64.
        low: Lower edge of the first bin.
        high: Upper edge of the last bin.
        undefined: Pixels where the index has no value though the bands have.
        clipped: Pixels whose value was clipped to the range of a normalized difference.
    """

    counts: npt.NDArray[np.int64]
    low: float
    high: float
    undefined: int = 0
    clipped: int = 0

    @classmethod
    def of(cls, values: FloatArray, low: float, high: float) -> Self:
        """Count the values that are not NaN."""
        return cls(count(values, low, high), low, high)

    @classmethod
    def none(cls, low: float, high: float) -> Self:
        """Return the counts of no pixel."""
        return cls(np.zeros(BINS, np.int64), low, high)

    def merge(self, other: Self) -> Self:
        """Return the counts of both parts."""
        return dataclasses.replace(
            self,
            counts=self.counts + other.counts,
            undefined=self.undefined + other.undefined,
            clipped=self.clipped + other.clipped,
        )

    @property
    def pixels(self) -> int:
        """Number of values."""
        return int(self.counts.sum())

    @property
    def centres(self) -> npt.NDArray[np.float64]:
        """Centres of the bins."""
        edges = np.linspace(self.low, self.high, len(self.counts) + 1)
        return (edges[1:] + edges[:-1]) / 2

    def coarse(self, bins: int) -> npt.NDArray[np.int64]:
        """Return the counts in fewer bins."""
        summed: npt.NDArray[np.int64] = self.counts.reshape(bins, -1).sum(axis=1)
        return summed

    def shown(self, label: str, threshold: float | None) -> Histogram:
        """Return a histogram for the report, cut to the bins between which pixels lie."""
        coarse = self.coarse(SHOWN_BINS)
        filled = np.flatnonzero(coarse)
        first, last = (filled[0], filled[-1]) if len(filled) else (0, len(coarse) - 1)
        width = (self.high - self.low) / SHOWN_BINS
        return Histogram(
            label=label,
            counts=tuple(int(n) for n in coarse[first : last + 1]),
            low=float(self.low + first * width),
            high=float(self.low + (last + 1) * width),
            threshold=threshold,
        )


def count(values: FloatArray, low: float, high: float) -> npt.NDArray[np.int64]:
    """Count the values that are not NaN over BINS bins from low to high."""
    counts: npt.NDArray[np.int64] = _count(np.ascontiguousarray(values).ravel(), low, high, BINS)
    return counts


@njit(nogil=True, cache=True)
def _count(values: FloatArray, low: float, high: float, bins: int) -> npt.NDArray[np.int64]:
    # Neighbours are much alike: each would wait for the count that the one before it has written.
    counts = np.zeros((4, bins), np.int64)
    factor = bins / (high - low)
    for i in range(values.size):
        value = values[i]
        if np.isfinite(value):
            counts[i % 4, min(max(int((value - low) * factor), 0), bins - 1)] += 1
    summed: npt.NDArray[np.int64] = counts.sum(axis=0)
    return summed


@dataclasses.dataclass(frozen=True)
class Cells:
    """Counts for each cell of a fixed lattice over the scene.

    Attributes:
        cells: Counts by (row, column) of the cell.
        whole: Counts of the whole scene.
    """

    cells: dict[tuple[int, int], npt.NDArray[np.int64]]
    whole: Counts

    def merge(self, other: Self) -> Self:
        """Return the counts of both parts; a cell cut by a block edge is put together."""
        cells = dict(self.cells)
        for key, counts in other.cells.items():
            cells[key] = cells[key] + counts if key in cells else counts
        return dataclasses.replace(self, cells=cells, whole=self.whole.merge(other.whole))


@dataclasses.dataclass(frozen=True)
class Candidates:
    """Counts of chosen pixels beside those of the whole scene."""

    chosen: Counts
    whole: Counts

    def merge(self, other: Self) -> Self:
        """Return the counts of both parts."""
        return dataclasses.replace(
            self, chosen=self.chosen.merge(other.chosen), whole=self.whole.merge(other.whole)
        )
