"""What the pixels of a district add up to: areas, what was unseen, and how sure all that is."""

import dataclasses
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from obriy.model.classmap import FRACTION_MISSING, FRACTION_SCALE, Doubt
from obriy.model.flags import Unseen
from obriy.model.legend import NO_DATA, UNNAMED

BLOCK: Final = 32
"""Side of a block, pixels. Errors of a map hang together along a shore and within a pond, not from
one block of this size to the next; windows of the engine are whole blocks."""

FloatArray = npt.NDArray[np.float64]
ByteArray = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class Pixels:
    """A window of a map inside one district.

    Attributes:
        area: (y, x) m² of each pixel inside the district.
        labels: (y, x) uint8 class codes.
        corner: Row and column of the first pixel in the map.
        fraction: (y, x) uint8 half per cents of the class, 255 missing; None: from the labels.
        unseen: (y, x) uint8 `Unseen`, or None.
        doubt: (y, x) uint8 `Doubt`, or None.
        expected: (y, x) share of the class that other dates tell of, 0 to 1, NaN where they tell
            nothing; None where there are none.
        slope: (2, y, x) change of ``area`` down and to the right, m² per pixel: of the district's
            edge; None where that is the edge of the image.
    """

    area: FloatArray
    labels: ByteArray
    corner: tuple[int, int]
    fraction: ByteArray | None = None
    unseen: ByteArray | None = None
    doubt: ByteArray | None = None
    expected: FloatArray | None = None
    slope: FloatArray | None = None

    @property
    def seen(self) -> Mask:
        """Pixels with a class."""
        return np.asarray((self.labels != NO_DATA) & (self.labels != UNNAMED))

    def share(self, code: int) -> FloatArray:
        """Return the share of the class in each pixel that was seen, 0 to 1; 0 elsewhere."""
        share: FloatArray = (self.labels == code).astype("float64")
        if self.fraction is not None:
            known = self.seen & (self.fraction != FRACTION_MISSING)
            share[known] = self.fraction[known] / FRACTION_SCALE
        return share


class Others(Protocol):
    """What other dates tell of a place."""

    def expected(self, rows: slice, columns: slice, labels: ByteArray) -> FloatArray:
        """Return the share of the class to expect in each pixel, 0 to 1, NaN unknown.

        Args:
            rows: Rows of the window.
            columns: Columns of the window.
            labels: What this date saw there: it is no witness for itself.
        """
        ...


@dataclasses.dataclass
class BlockSums:
    """Sums over blocks of products of their sums, m⁴.

    A bootstrap that draws blocks with replacement comes to these variances in the limit of many
    draws; so nothing is drawn (Efron & Tibshirani 1993, An Introduction to the Bootstrap, 5.2).
    """

    doubt: float = 0.0
    """Of the doubtful area, squared."""
    seen: float = 0.0
    """Of the area seen, squared."""
    water_seen: float = 0.0
    """Of the area of the class times the area seen."""
    water: float = 0.0
    """Of the area of the class, squared."""
    blind: float = 0.0
    """Of the area of which no date tells, squared."""
    residual: float = 0.0
    """Of what was seen less what other dates led to expect, squared."""
    stake: float = 0.0
    """Of what such an expectation puts at stake, where this date saw, squared."""
    blind_stake: float = 0.0
    """The same where this date was blind."""


@dataclasses.dataclass
class Tally:
    """Areas of one district, m².

    Attributes:
        by_code: Area by class code, (256,); code 0 is what was unseen.
        by_cause: Area by `Unseen`.
        fraction: Area of the class from fractions.
        doubtful: Area that a threshold as good as the one taken would decide otherwise.
        shore: Half the area of pixels that touch one of the other kind.
        filled: Area of the class to expect where this date was blind and others were not.
        fillable: Area of those pixels.
        moved: (2,) what the area of the class would gain if the district's outline moved by one
            pixel down, and to the right.
        blocks: Sums over blocks.
    """

    by_code: FloatArray = dataclasses.field(default_factory=lambda: np.zeros(256))
    by_cause: FloatArray = dataclasses.field(default_factory=lambda: np.zeros(len(Unseen)))
    fraction: float = 0.0
    doubtful: float = 0.0
    shore: float = 0.0
    filled: float = 0.0
    fillable: float = 0.0
    moved: FloatArray = dataclasses.field(default_factory=lambda: np.zeros(2))
    blocks: BlockSums = dataclasses.field(default_factory=BlockSums)

    def add(self, pixels: Pixels, code: int) -> None:
        """Add a window; its first pixel lies at the corner of a block, or the district's edge."""
        share, seen = pixels.share(code), pixels.seen
        water = pixels.area * share
        self.by_code += np.bincount(pixels.labels.ravel(), pixels.area.ravel(), minlength=256)
        self._add_causes(pixels)
        self.fraction += float(water.sum())
        self.shore += float(pixels.area[_shore(pixels.labels, code)].sum()) / 2
        if pixels.slope is not None:
            self.moved += (pixels.slope * np.where(seen, share, 0.0)).sum((1, 2))
        blocks = _Blocks(pixels.labels.shape, pixels.corner)
        self._add_doubt(pixels, share, blocks)
        self._add_expected(pixels, share, blocks)
        self._add_water(pixels, water, blocks)

    def _add_causes(self, pixels: Pixels) -> None:
        blind = pixels.labels == NO_DATA
        causes = np.full(blind.sum(), int(Unseen.NO_DATA), "uint8")
        if pixels.unseen is not None:
            given = pixels.unseen[blind]
            known = (given != Unseen.SEEN) & (given < len(Unseen))
            causes[known] = given[known]
        self.by_cause += np.bincount(causes, pixels.area[blind], minlength=len(Unseen))

    def _add_doubt(self, pixels: Pixels, share: FloatArray, blocks: "_Blocks") -> None:
        if pixels.doubt is None:
            return
        turns = np.where(pixels.doubt == Doubt.STRICT_DROPS, share, 0.0)
        turns[pixels.doubt == Doubt.LAX_TAKES] = 1 - share[pixels.doubt == Doubt.LAX_TAKES]
        doubtful = blocks.sums(pixels.area * turns)
        self.doubtful += float(doubtful.sum())
        self.blocks.doubt += float((doubtful**2).sum())

    def _add_expected(self, pixels: Pixels, share: FloatArray, blocks: "_Blocks") -> None:
        if pixels.expected is None:
            return
        told = np.isfinite(pixels.expected)
        expected = np.where(told, pixels.expected, 0.0)
        area = np.where(told, pixels.area, 0.0)
        blind = area * ~pixels.seen
        stake = np.sqrt(expected * (1 - expected))
        seen = area * pixels.seen
        self.filled += float((blind * expected).sum())
        self.fillable += float(blind.sum())
        self.blocks.blind_stake += _squares(blocks.sums(blind * stake))
        self.blocks.stake += _squares(blocks.sums(seen * stake))
        self.blocks.residual += _squares(blocks.sums(seen * (share - expected)))

    def _add_water(self, pixels: Pixels, water: FloatArray, blocks: "_Blocks") -> None:
        told = np.zeros(pixels.seen.shape, bool)
        if pixels.expected is not None:
            told = np.isfinite(pixels.expected)
        seen, wet = blocks.sums(pixels.area * pixels.seen), blocks.sums(water)
        self.blocks.seen += _squares(seen)
        self.blocks.water += _squares(wet)
        self.blocks.water_seen += float((seen * wet).sum())
        self.blocks.blind += _squares(blocks.sums(pixels.area * ~(pixels.seen | told)))


@dataclasses.dataclass(frozen=True)
class _Blocks:
    """The blocks that a window lies in.

    Attributes:
        shape: Of the window.
        corner: Row and column of its first pixel in the map.
    """

    shape: tuple[int, ...]
    corner: tuple[int, int]

    def sums(self, values: FloatArray) -> FloatArray:
        """Return the sum of values (y, x) in each block, two-dimensional."""
        starts = [
            np.concatenate([[0], np.arange(BLOCK - corner % BLOCK, length, BLOCK)])
            for corner, length in zip(self.corner, self.shape, strict=True)
        ]
        rows = np.add.reduceat(values, starts[0], axis=0)
        return np.asarray(np.add.reduceat(rows, starts[1], axis=1))


def _squares(values: FloatArray) -> float:
    return float((values**2).sum())


def _shore(labels: ByteArray, code: int) -> Mask:
    """Return the pixels that touch, by a side, a seen one of the other kind."""
    seen = (labels != NO_DATA) & (labels != UNNAMED)
    water = labels == code
    shore = np.zeros(labels.shape, bool)
    down = (water[1:] != water[:-1]) & seen[1:] & seen[:-1]
    across = (water[:, 1:] != water[:, :-1]) & seen[:, 1:] & seen[:, :-1]
    shore[1:] |= down
    shore[:-1] |= down
    shore[:, 1:] |= across
    shore[:, :-1] |= across
    return shore
