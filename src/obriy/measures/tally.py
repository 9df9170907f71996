"""What the pixels of a district add up to: areas, what was unseen, and how sure all that is."""

import dataclasses
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
from numba import njit

from obriy.measures.field import BLOCK
from obriy.measures.pixel_area import AreaField
from obriy.measures.rows import (
    BLIND,
    BLIND_STAKE,
    DOUBT,
    DROPS,
    FILLABLE,
    FILLED,
    KINDS,
    NEVER,
    RESIDUAL,
    SEEN,
    SHORE,
    STAKE,
    WET,
)
from obriy.measures.scan import scan, scan_codes
from obriy.model.classmap import FRACTION_MISSING, FRACTION_SCALE
from obriy.model.flags import Unseen
from obriy.model.legend import NO_DATA, UNNAMED

FloatArray = npt.NDArray[np.float64]
ByteArray = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class Pixels:
    """A window of a map inside one district.

    Attributes:
        area: m² of each pixel inside the district: as a field, where all of it is, or (y, x).
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

    area: AreaField | FloatArray
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


_KEPT: Final = [SEEN, WET, BLIND]
"""Of the sums of a block, those of a `Piece`."""
_SUMS: Final = (
    "by_code", "by_cause", "fraction", "doubtful", "drops", "shore", "beside", "filled",
    "fillable", "moved", "apart", "never",
)  # fmt: skip


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
        open: Blocks that may go on in other windows: (n, 2) row and column, and (n, KINDS) sums;
            none after `close`.
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
    open: list[tuple[npt.NDArray[np.int64], FloatArray]] = dataclasses.field(default_factory=list)

    def add(self, pixels: Pixels, code: int, held: Mask | None = None) -> None:
        """Add a window of the map.

        Args:
            pixels: The window.
            code: Of the class.
            held: (y, x) blocks of the window that may go on in another one; None: none does.
        """
        rows, columns = pixels.labels.shape
        corner = np.array(pixels.corner, np.int64) % BLOCK
        count = [-(-(c + n) // BLOCK) for c, n in zip(corner, (rows, columns), strict=True)]
        sums = np.zeros((*count, KINDS))
        area = AreaField.of(pixels.area)
        scan(
            area.nodes,
            area.left,
            area.part,
            np.ascontiguousarray(pixels.labels),
            _or_nothing(pixels.fraction, np.uint8),
            _or_nothing(pixels.unseen, np.uint8),
            _or_nothing(pixels.doubt, np.uint8),
            _or_nothing(pixels.expected, np.float64),
            np.uint8(code),
            corner,
            self.by_code,
            self.by_cause,
            sums,
        )
        self.pixel = max(self.pixel, area.largest)
        self.apart += pixels.apart
        if pixels.slope is not None:
            fraction = _or_nothing(pixels.fraction, np.uint8)
            _move(pixels.slope, pixels.labels, fraction, np.uint8(code), self.moved)
        first = np.array([c // BLOCK for c in pixels.corner])
        if held is not None:
            self.open.append((np.argwhere(held) + first, sums[held]))
            sums[held] = 0
        self._take(sums)
        self.pieces.append(Piece((int(first[0]), int(first[1])), sums[..., _KEPT]))

    def add_codes(self, pixels: Pixels) -> None:
        """Add a window of the map, by codes and causes alone."""
        area, unseen = AreaField.of(pixels.area), _or_nothing(pixels.unseen, np.uint8)
        labels, by_cause = np.ascontiguousarray(pixels.labels), np.zeros(len(Unseen))
        scan_codes(area.nodes, area.left, area.part, labels, unseen, self.by_code, by_cause)
        self.by_cause += by_cause
        self.never += float(by_cause[Unseen.NO_DATA] + by_cause[Unseen.FAILED])
        self.apart += pixels.apart

    def add_shore(self, places: npt.NDArray[np.int64], area: FloatArray) -> None:
        """Add pixels that are shore for what they touch in another window.

        Args:
            places: (n, 2) row and column in the map.
            area: (n,) m² of each inside the district.
        """
        sums = np.zeros((len(area), KINDS))
        sums[:, SHORE] = area
        self.open.append((places // BLOCK, sums))

    def merge(self, other: "Tally") -> None:
        """Add what another window came to."""
        for name in _SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for field in dataclasses.fields(BlockSums):
            both = getattr(self.blocks, field.name) + getattr(other.blocks, field.name)
            setattr(self.blocks, field.name, both)
        self.pieces += other.pieces
        self.open += other.open
        self.pixel = max(self.pixel, other.pixel)

    def close(self) -> None:
        """Add up the blocks that lie in several windows, once all of them were added."""
        if not self.open:
            return
        places, parts = (np.concatenate(arrays) for arrays in zip(*self.open, strict=True))
        self.open.clear()
        blocks, own = np.unique(places, axis=0, return_inverse=True)
        sums = np.zeros((len(blocks), KINDS))
        np.add.at(sums, own.ravel(), parts)
        self._take(sums[None])
        first = blocks.min(0)
        piece = np.zeros((*(blocks.max(0) - first + 1), len(_KEPT)))
        piece[tuple((blocks - first).T)] = sums[:, _KEPT]
        self.pieces.append(Piece((int(first[0]), int(first[1])), piece))

    def _take(self, sums: FloatArray) -> None:
        """Add blocks (y, x, KINDS), all of each."""
        totals, squares = np.zeros(KINDS), np.zeros(KINDS)
        beside, water_seen = _add_blocks(sums.reshape(-1, KINDS), totals, squares)
        self.fraction += float(totals[WET])
        self.doubtful += float(totals[DOUBT])
        self.drops += float(totals[DROPS])
        self.filled += float(totals[FILLED])
        self.fillable += float(totals[FILLABLE])
        self.never += float(totals[NEVER])
        self.shore += float(totals[SHORE]) / 2
        self.beside += beside
        blocks = self.blocks
        blocks.doubt += float(squares[DOUBT])
        blocks.seen += float(squares[SEEN])
        blocks.water += float(squares[WET])
        blocks.water_seen += water_seen
        blocks.blind += float(squares[BLIND])
        blocks.residual += float(squares[RESIDUAL])
        blocks.stake += float(squares[STAKE])
        blocks.blind_stake += float(squares[BLIND_STAKE])


@njit(nogil=True, cache=True)
def _add_blocks(sums: FloatArray, totals: FloatArray, squares: FloatArray) -> tuple[float, float]:
    """Add blocks (n, KINDS) up, and their squares; return what is seen beside shores, and products.

    These are those of what was seen and of the class.
    """
    beside = products = 0.0
    for k in range(sums.shape[0]):
        own = sums[k]
        for kind in range(KINDS):
            totals[kind] += own[kind]
            squares[kind] += own[kind] ** 2
        beside += own[SEEN] if own[SHORE] > 0 else 0.0
        products += own[SEEN] * own[WET]
    return beside, products


def _or_nothing(layer: npt.NDArray[Any] | None, dtype: Any) -> npt.NDArray[Any]:
    """Return a layer, or an empty one that stands for none."""
    return np.zeros((1, 0), dtype) if layer is None else np.ascontiguousarray(layer)


@njit(nogil=True, cache=True)
def _move(
    slope: FloatArray, labels: ByteArray, fraction: ByteArray, code: np.uint8, moved: FloatArray
) -> None:
    """Add what the area gains as the outline moves by a pixel down, and to the right."""
    for i in range(labels.shape[0]):
        for j in range(labels.shape[1]):
            if slope[0, i, j] == 0 and slope[1, i, j] == 0:
                continue
            share = 1.0 if labels[i, j] == code else 0.0
            if fraction.size and labels[i, j] not in (NO_DATA, UNNAMED):
                near = fraction[i, j]
                share = share if near == FRACTION_MISSING else near / FRACTION_SCALE
            for axis in range(2):
                moved[axis] += slope[axis, i, j] * share
