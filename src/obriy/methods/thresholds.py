"""Where to cut an index: fixed, Otsu with a test for two populations, valley, edges, windows.

Global Otsu assumes two populations and cuts a single one in half. So every adaptive rule here
tests that there are two, and says so; where there are not, it falls back to the threshold that the
index was published with.
"""

import dataclasses
from typing import Any, Final, Protocol

import numpy as np

from obriy.blocks.base import FloatArray
from obriy.methods.histograms import Candidates, Cells, Counts, count
from obriy.model.notices import notice

SEPARATION: Final = 0.75
"""Least share of the variance that lies between the classes (Otsu's eta). A single normal
population reaches 2/pi = 0.64 and a uniform one 0.75; hydra-floods asks 0.75 of a window
(its ``bmax_threshold``)."""
LEAST_SHARE: Final = 0.005
"""Least share of the pixels on the smaller side: below, Otsu cuts into the larger class."""
CELL: Final = 128
"""Side of a window of ``local``, in pixels."""
EDGE_REACH: Final = 2
"""Pixels on both sides of an edge that ``edge`` looks at."""


@dataclasses.dataclass(frozen=True)
class Cut:
    """A threshold, and how it came about.

    Attributes:
        value: Threshold, in units of the index.
        rule: What was asked for, e.g. ``"otsu"``.
        fell_back: Whether the fall-back was taken.
        reason: Why, in words.
        separation: Otsu's eta, 0 to 1; None where it was not needed.
    """

    value: float
    rule: str
    fell_back: bool = False
    reason: str = ""
    separation: float | None = None

    def describe(self) -> dict[str, Any]:
        """Return plain values."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class View:
    """An index on a block, as a threshold sees it.

    Attributes:
        values: Index (rows, columns), halo included; NaN missing.
        core: The part without the halo.
        row: Row of the first value in the scene.
        column: Column of it.
        span: Range of the index that histograms cover.
        published: The threshold that the index was published with.
    """

    values: FloatArray
    core: tuple[slice, slice]
    row: int
    column: int
    span: tuple[float, float]
    published: float

    def counts(self) -> Counts:
        """Count the core."""
        return Counts.of(self.values[self.core], *self.span)


class Threshold(Protocol):
    """A way to find a threshold."""

    @property
    def halo(self) -> int:
        """Pixels around a block that are looked at."""
        ...

    def collect(self, view: View) -> Any:
        """Return merge-able statistics of the core of a block."""
        ...

    def decide(self, statistics: Any, published: float) -> Cut:
        """Return the threshold; ``published`` is that of the index, to fall back to."""
        ...


@dataclasses.dataclass(frozen=True)
class Fixed:
    """A value that the user gave."""

    value: float
    halo: int = 0

    def collect(self, view: View) -> Counts:
        """Count, for the report only."""
        return view.counts()

    def decide(self, statistics: Counts, published: float) -> Cut:
        """Return the value."""
        return Cut(self.value, "fixed", reason="given by the user")


@dataclasses.dataclass(frozen=True)
class Published:
    """The value that the index was published with."""

    halo: int = 0

    def collect(self, view: View) -> Counts:
        """Count, for the report only."""
        return view.counts()

    def decide(self, statistics: Counts, published: float) -> Cut:
        """Return the value."""
        return Cut(published, "fixed", reason="as the index was published")


@dataclasses.dataclass(frozen=True)
class Otsu:
    """Otsu's threshold of all pixels, where there are two populations.

    Attributes:
        tested: False cuts without the test, as most papers do.
    """

    tested: bool = True
    halo: int = 0

    @property
    def name(self) -> str:
        """What the user writes."""
        return "otsu" if self.tested else "otsu-untested"

    def collect(self, view: View) -> Counts:
        """Count."""
        return view.counts()

    def decide(self, statistics: Counts, published: float) -> Cut:
        """Return Otsu's threshold, or the fall-back with the reason."""
        return cut_at_otsu(statistics, self.name, published, tested=self.tested)


@dataclasses.dataclass(frozen=True)
class Valley:
    """The lowest point between the two peaks of the smoothed histogram (Prewitt and Mendelsohn)."""

    halo: int = 0

    def collect(self, view: View) -> Counts:
        """Count."""
        return view.counts()

    def decide(self, statistics: Counts, published: float) -> Cut:
        """Return the valley, or the fall-back where there are not two peaks."""
        counts = statistics.coarse(256)
        centres = statistics.centres.reshape(256, -1).mean(axis=1)
        filled = np.flatnonzero(counts)
        if len(filled) < 2:
            return Cut(published, "valley", True, "fewer than two values occur")
        inside = slice(filled[0], filled[-1] + 1)
        from skimage import filters

        try:
            value = float(filters.threshold_minimum(hist=(counts[inside], centres[inside])))
        except RuntimeError:
            return Cut(published, "valley", True, "the histogram has not two peaks")
        return Cut(value, "valley", reason="the lowest point between two peaks")


@dataclasses.dataclass(frozen=True)
class Edge:
    """Otsu on the pixels near edges of the published threshold (hydra-floods, ``edge_otsu``).

    Near a shore land and water are about equally many, whatever their share of the scene.
    """

    halo: int = EDGE_REACH + 1

    def collect(self, view: View) -> Candidates:
        """Count the pixels near a crossing of the published threshold, and all."""
        above = view.values > view.published
        known = np.isfinite(view.values)
        size = 3
        from scipy import ndimage

        highest = ndimage.maximum_filter(above & known, size)
        lowest = ndimage.minimum_filter(above | ~known, size)
        near = ndimage.maximum_filter((highest != lowest) & known, 2 * EDGE_REACH + 1)
        chosen = np.where(near, view.values, np.float32("nan"))
        return Candidates(Counts.of(chosen[view.core], *view.span), view.counts())

    def decide(self, statistics: Candidates, published: float) -> Cut:
        """Return Otsu's threshold of the pixels near edges."""
        return cut_at_otsu(statistics.chosen, "edge", published, tested=True)


@dataclasses.dataclass(frozen=True)
class Local:
    """Otsu on the windows that hold two populations (hydra-floods, ``bmax_otsu``)."""

    halo: int = 0

    def collect(self, view: View) -> Cells:
        """Count for each window of a lattice that is fixed to the scene."""
        inner = view.values[view.core]
        row, column = view.row + view.core[0].start, view.column + view.core[1].start
        cells = {}
        for i, rows in _lattice(row, inner.shape[0]):
            for j, columns in _lattice(column, inner.shape[1]):
                cells[i, j] = count(inner[rows, columns], *view.span)
        return Cells(cells, view.counts())

    def decide(self, statistics: Cells, published: float) -> Cut:
        """Return Otsu's threshold of the windows with two populations, put together."""
        whole = statistics.whole
        windows = [dataclasses.replace(whole, counts=c) for c in statistics.cells.values()]
        chosen = [w for w in windows if _fault(w) is None]
        if not chosen:
            return Cut(published, "local", True, "no window holds two populations")
        pooled = dataclasses.replace(whole, counts=np.sum([w.counts for w in chosen], axis=0))
        cut = cut_at_otsu(pooled, "local", published, tested=False)
        reason = notice("otsu_of_windows", count=len(chosen), all=len(windows))
        return dataclasses.replace(cut, reason=reason)


def cut_at_otsu(counts: Counts, rule: str, published: float, *, tested: bool) -> Cut:
    """Return Otsu's threshold (Otsu 1979); the published where there are not two populations.

    Args:
        counts: Histogram.
        rule: Name of the rule, for the record.
        published: What to fall back to.
        tested: Whether to test for two populations.
    """
    if np.count_nonzero(counts.counts) < 2:
        return Cut(published, rule, True, "fewer than two values occur")
    value, separation = otsu(counts)
    fault = _fault(counts) if tested else None
    if fault:
        return Cut(published, rule, True, fault, separation)
    return Cut(
        value, rule, reason="two populations" if tested else "no test", separation=separation
    )


def otsu(counts: Counts) -> tuple[float, float]:
    """Return Otsu's threshold and eta, the share of the variance between the classes."""
    from skimage import filters  # a fixed threshold needs none: a tenth of a second

    value = float(filters.threshold_otsu(hist=(counts.counts, counts.centres)))
    x, weights = counts.centres, counts.counts.astype(float)
    low = x <= value
    total = weights.sum()
    mean = (weights * x).sum() / total
    between = sum(
        weights[side].sum()
        / total
        * ((weights[side] * x[side]).sum() / weights[side].sum() - mean) ** 2
        for side in (low, ~low)
        if weights[side].sum()
    )
    variance = (weights * (x - mean) ** 2).sum() / total
    return value, float(between / variance) if variance else 0.0


def _fault(counts: Counts) -> str | None:
    """Return why the counts are not two populations, or None where they are."""
    if np.count_nonzero(counts.counts) < 2:
        return "fewer than two values occur"
    value, separation = otsu(counts)
    share = counts.counts[counts.centres > value].sum() / counts.pixels
    if separation < SEPARATION:
        return notice("variance_between", share=float(separation))
    if min(share, 1 - share) < LEAST_SHARE:
        return notice("smaller_side", share=float(min(share, 1 - share)))
    return None


def _lattice(start: int, length: int) -> list[tuple[int, slice]]:
    """Return the lattice cells that a range meets: number of the cell, slice into the range."""
    first, last = start // CELL, (start + length - 1) // CELL
    return [
        (i, slice(max(0, i * CELL - start), min(length, (i + 1) * CELL - start)))
        for i in range(first, last + 1)
    ]
