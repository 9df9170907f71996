"""What the pixels of a district add up to: areas, what was unseen, and how sure all that is."""

import dataclasses
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
from numba import njit

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
        apart: m² that were taken out of ``area``: ground that is no part of what is asked for.
    """

    area: FloatArray
    labels: ByteArray
    corner: tuple[int, int]
    fraction: ByteArray | None = None
    unseen: ByteArray | None = None
    doubt: ByteArray | None = None
    expected: FloatArray | None = None
    slope: FloatArray | None = None
    apart: float = 0.0


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


@dataclasses.dataclass(frozen=True)
class Piece:
    """What the blocks of a window add up to.

    Attributes:
        corner: Row and column of its first block in the map.
        sums: (y, x, 3) m²: seen, of the class, and of no date seen.
    """

    corner: tuple[int, int]
    sums: FloatArray


@dataclasses.dataclass
class Tally:
    """Areas of one district, m².

    Attributes:
        by_code: Area by class code, (256,); code 0 is what was unseen.
        by_cause: Area by `Unseen`.
        fraction: Area of the class from fractions.
        doubtful: Area that a threshold as good as the one taken would decide otherwise.
        drops: The part of it that is of the class, and that a stricter threshold would drop.
        shore: Half the area of pixels that touch one of the other kind.
        beside: Area seen in the blocks that hold any shore.
        filled: Area of the class to expect where this date was blind and others were not.
        fillable: Area of those pixels.
        moved: (2,) what the area of the class would gain if the district's outline moved by one
            pixel down, and to the right.
        blocks: Sums over blocks.
        pieces: What was seen, and of no date seen, block by block, by window.
        apart: Area of the district that is no part of what is asked for, in none of the others.
        never: Area inside the image of which no date has a picture.
        pixel: Area of a pixel: the largest.
    """

    by_code: FloatArray = dataclasses.field(default_factory=lambda: np.zeros(256))
    by_cause: FloatArray = dataclasses.field(default_factory=lambda: np.zeros(len(Unseen)))
    fraction: float = 0.0
    doubtful: float = 0.0
    drops: float = 0.0
    shore: float = 0.0
    beside: float = 0.0
    filled: float = 0.0
    fillable: float = 0.0
    moved: FloatArray = dataclasses.field(default_factory=lambda: np.zeros(2))
    blocks: BlockSums = dataclasses.field(default_factory=BlockSums)
    pieces: list["Piece"] = dataclasses.field(default_factory=list)
    apart: float = 0.0
    never: float = 0.0
    pixel: float = 0.0

    def add(self, pixels: Pixels, code: int) -> None:
        """Add a window of the map; no block may lie in two windows."""
        rows, columns = pixels.labels.shape
        corner = np.array(pixels.corner, np.int64) % BLOCK
        count = [-(-(c + n) // BLOCK) for c, n in zip(corner, (rows, columns), strict=True)]
        sums = np.zeros((*count, _KINDS))
        _scan(
            np.ascontiguousarray(pixels.area),
            pixels.labels,
            _or_nothing(pixels.fraction, np.uint8),
            _or_nothing(pixels.unseen, np.uint8),
            _or_nothing(pixels.doubt, np.uint8),
            _or_nothing(pixels.expected, np.float64),
            code,
            corner,
            self.by_code,
            self.by_cause,
            sums,
        )
        totals = sums.sum((0, 1))
        self.fraction += float(totals[_WET])
        self.doubtful += float(totals[_DOUBT])
        self.drops += float(totals[_DROPS])
        self.filled += float(totals[_FILLED])
        self.fillable += float(totals[_FILLABLE])
        self.never += float(totals[_NEVER])
        self.pixel = max(self.pixel, float(pixels.area.max()))
        self.shore += float(totals[_SHORE]) / 2
        self.beside += float(sums[..., _SEEN][sums[..., _SHORE] > 0].sum())
        self.apart += pixels.apart
        if pixels.slope is not None:
            self.moved += _moved(pixels, code)
        self._add_blocks(sums)
        row, column = (c // BLOCK for c in pixels.corner)
        self.pieces.append(Piece((row, column), sums[..., [_SEEN, _WET, _BLIND]]))

    def _add_blocks(self, sums: FloatArray) -> None:
        squares = (sums**2).sum((0, 1))
        blocks = self.blocks
        blocks.doubt += float(squares[_DOUBT])
        blocks.seen += float(squares[_SEEN])
        blocks.water += float(squares[_WET])
        blocks.water_seen += float((sums[..., _SEEN] * sums[..., _WET]).sum())
        blocks.blind += float(squares[_BLIND])
        blocks.residual += float(squares[_RESIDUAL])
        blocks.stake += float(squares[_STAKE])
        blocks.blind_stake += float(squares[_BLIND_STAKE])


(
    _SEEN, _WET, _DOUBT, _BLIND, _STAKE, _BLIND_STAKE, _RESIDUAL, _FILLED, _FILLABLE, _NEVER,
    _DROPS, _SHORE,
) = range(12)  # fmt: skip
_KINDS: Final = 12
_STRICT, _LAX = int(Doubt.STRICT_DROPS), int(Doubt.LAX_TAKES)
_CAUSES, _NO_CAUSE, _UNKNOWN = len(Unseen), int(Unseen.SEEN), int(Unseen.NO_DATA)
_FAILED: Final = int(Unseen.FAILED)


def _or_nothing(layer: npt.NDArray[Any] | None, dtype: Any) -> npt.NDArray[Any]:
    """Return a layer, or an empty one that stands for none."""
    return np.zeros((0, 0), dtype) if layer is None else np.ascontiguousarray(layer)


def _moved(pixels: Pixels, code: int) -> FloatArray:
    """Return (2,) what the area gains as the outline moves by a pixel down, and to the right."""
    assert pixels.slope is not None
    edge = pixels.slope.any(axis=0)
    labels = pixels.labels[edge]
    share = (labels == code).astype("float64")
    if pixels.fraction is not None:
        fraction = pixels.fraction[edge]
        known = (labels != NO_DATA) & (labels != UNNAMED) & (fraction != FRACTION_MISSING)
        share[known] = fraction[known] / FRACTION_SCALE
    return np.asarray((pixels.slope[:, edge] * share).sum(1))


@njit(nogil=True, cache=True)
def _share(label: int, code: int, fraction: ByteArray, i: int, j: int) -> float:
    """Return the share of the class in a pixel, 0 to 1."""
    if fraction.size and label not in (NO_DATA, UNNAMED) and fraction[i, j] != FRACTION_MISSING:
        return float(fraction[i, j] / FRACTION_SCALE)
    return 1.0 if label == code else 0.0


@njit(nogil=True, cache=True)
def _touches_other(labels: ByteArray, code: int, i: int, j: int) -> bool:
    """Tell whether a pixel touches, by a side, a seen one of the other kind."""
    own = labels[i, j]
    wet = own == code
    if 0 < i < labels.shape[0] - 1 and 0 < j < labels.shape[1] - 1:
        above, below = labels[i - 1, j], labels[i + 1, j]
        if above == own == below and labels[i, j - 1] == own == labels[i, j + 1]:
            return False  # as nearly all are
    for down, right in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        a, b = i + down, j + right
        if 0 <= a < labels.shape[0] and 0 <= b < labels.shape[1]:
            other = labels[a, b]
            if other not in (NO_DATA, UNNAMED) and (other == code) != wet:
                return True
    return False


@njit(nogil=True, cache=True)
def _scan(  # noqa: PLR0917 - a kernel
    area: FloatArray,
    labels: ByteArray,
    fraction: ByteArray,
    unseen: ByteArray,
    doubt: ByteArray,
    expected: FloatArray,
    code: int,
    corner: npt.NDArray[np.int64],
    by_code: FloatArray,
    by_cause: FloatArray,
    sums: FloatArray,
) -> None:
    """Add every pixel to the sums of its block (y, x, kind)."""
    for i in range(labels.shape[0]):
        for j in range(labels.shape[1]):
            a = area[i, j]
            if a == 0.0:
                continue
            label = labels[i, j]
            block = sums[(i + corner[0]) // BLOCK, (j + corner[1]) // BLOCK]
            by_code[label] += a
            told = expected.size > 0 and np.isfinite(expected[i, j])
            if label == NO_DATA:
                cause = unseen[i, j] if unseen.size else _UNKNOWN
                cause = _UNKNOWN if cause == _NO_CAUSE or cause >= _CAUSES else cause
                by_cause[cause] += a
                if not told and cause in (_UNKNOWN, _FAILED):
                    block[_NEVER] += a
            if label in (NO_DATA, UNNAMED):
                _add_blind(block, a, expected[i, j] if told else -1.0)
                continue
            share = _share(label, code, fraction, i, j)
            mark = doubt[i, j] if doubt.size else 0
            _add_seen(block, a, share, expected[i, j] if told else -1.0)
            if mark == _STRICT:
                block[_DOUBT] += a * share
                block[_DROPS] += a * share
            elif mark == _LAX:
                block[_DOUBT] += a * (1 - share)
            if _touches_other(labels, code, i, j):
                block[_SHORE] += a


@njit(nogil=True, cache=True)
def _add_blind(block: FloatArray, a: float, expected: float) -> None:
    """Add a pixel that was not seen; ``expected`` is negative where no date tells of it."""
    if expected < 0:
        block[_BLIND] += a
        return
    block[_FILLABLE] += a
    block[_FILLED] += a * expected
    block[_BLIND_STAKE] += a * np.sqrt(expected * (1 - expected))


@njit(nogil=True, cache=True)
def _add_seen(block: FloatArray, a: float, share: float, expected: float) -> None:
    """Add a pixel that was seen; ``expected`` is negative where no other date tells of it."""
    block[_SEEN] += a
    if share:
        block[_WET] += a * share
    if expected >= 0:
        block[_STAKE] += a * np.sqrt(expected * (1 - expected))
        block[_RESIDUAL] += a * (share - expected)
