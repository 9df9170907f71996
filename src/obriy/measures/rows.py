"""The pixels of a row of a block, added up: what was seen, what was not, what other dates tell."""

from typing import Final

import numpy as np
from numba import njit

from obriy.measures.field import ByteArray, FloatArray
from obriy.model.classmap import FRACTION_MISSING, FRACTION_SCALE, Doubt
from obriy.model.flags import Unseen
from obriy.model.legend import NO_DATA, UNNAMED

(
    SEEN, WET, DOUBT, BLIND, STAKE, BLIND_STAKE, RESIDUAL, FILLED, FILLABLE, NEVER, DROPS, SHORE,
) = range(12)  # fmt: skip
KINDS: Final = 12
STRICT, LAX = np.uint8(Doubt.STRICT_DROPS), np.uint8(Doubt.LAX_TAKES)
CAUSES, NO_CAUSE, UNKNOWN = len(Unseen), int(Unseen.SEEN), int(Unseen.NO_DATA)
_FAILED: Final = int(Unseen.FAILED)


@njit(nogil=True, cache=True)
def add_runs(  # noqa: PLR0917 - a kernel
    area: FloatArray,
    labels: ByteArray,
    fraction: ByteArray,
    unseen: ByteArray,
    doubt: ByteArray,
    expected: FloatArray,
    shares: FloatArray,
    where: tuple[int, int, int],
    code: np.uint8,
    by_code: FloatArray,
    by_cause: FloatArray,
    block: FloatArray,
) -> None:
    """Add the pixels of a row of a block, those beside each other at once that were seen or not.

    ``where`` is the row, the first column and the one after the last; ``shares`` are those of
    `shares_of`, the others as for `scan`.
    """
    i, begin, end = where
    j = begin
    while j < end:
        stop, label = _end_of_run(labels, unseen, i, j, end), labels[i, j]
        told = expected[min(i, expected.shape[0] - 1), j:stop]
        if label in (NO_DATA, UNNAMED):
            a = area[j:stop].sum()
            by_code[label] += a
            dark = _fill(block, area[j:stop], told) if told.size else a
            add_blind(block, by_cause, a, dark, label, unseen[i, j] if unseen.size else UNKNOWN)
        else:
            add_seen(block, by_code, area, shares, labels, fraction, doubt, (i, j, stop), code)
            near = _part(fraction, i, j, stop)
            _compare_told(block, area[j:stop], labels[i, j:stop], shares, near, told, code)
        j = stop


@njit(nogil=True, cache=True)
def _end_of_run(labels: ByteArray, unseen: ByteArray, i: int, j: int, end: int) -> int:
    """Return the column after the last of those that were seen, or not for one cause, as one was.

    Args:
        labels: As for `scan`, like the next.
        unseen: See there.
        i: Row.
        j: Column.
        end: Column after the last one in the block.
    """
    own = labels[i, j]
    blind = own in (NO_DATA, UNNAMED)
    by_cause = own == NO_DATA and unseen.size > 0
    for k in range(j + 1, end):
        other = labels[i, k]
        if other != own if blind else other in (NO_DATA, UNNAMED):
            return k
        if by_cause and unseen[i, k] != unseen[i, j]:
            return k
    return end


@njit(nogil=True, cache=True, fastmath={"reassoc"})  # sums of many at once
def add_seen(  # noqa: PLR0917 - a kernel
    block: FloatArray,
    by_code: FloatArray,
    area: FloatArray,
    shares: FloatArray,
    labels: ByteArray,
    fraction: ByteArray,
    doubt: ByteArray,
    where: tuple[int, int, int],
    code: np.uint8,
) -> None:
    """Add pixels that were all seen.

    Args:
        block: Sums.
        by_code: (256,) m².
        area: (x,) m² of each pixel of the row.
        shares: (2, 256) of the class, see `shares_of`.
        labels: (y, x) class codes.
        fraction: (y, x) half per cents, or none.
        doubt: (y, x) `Doubt`, or none.
        where: Row, first column and the one after the last.
        code: Of the class.
    """
    i, begin, end = where
    inside, line = area[begin:end], labels[i, begin:end]
    differ = np.uint8(0)
    whole = 0.0
    for j in range(line.size):
        whole += inside[j]
        differ |= line[j] ^ line[0]
    if differ:
        for j in range(line.size):
            by_code[line[j]] += inside[j]
    else:
        by_code[line[0]] += whole
    near, unsure = _part(fraction, i, begin, end), _part(doubt, i, begin, end)
    wet, drops, takes = _of_class(inside, line, shares, near, unsure, code)
    block[SEEN] += whole
    block[WET] += wet
    block[DOUBT] += drops + takes
    block[DROPS] += drops


@njit(nogil=True, cache=True)
def _part(codes: ByteArray, i: int, begin: int, end: int) -> ByteArray:
    """Return a part of a row of a layer; nothing where there is no layer."""
    part: ByteArray = codes[min(i, codes.shape[0] - 1), begin:end]
    return part


@njit(nogil=True, cache=True, fastmath={"reassoc"})
def _of_class(  # noqa: PLR0917 - a kernel
    area: FloatArray,
    labels: ByteArray,
    shares: FloatArray,
    fraction: ByteArray,
    doubt: ByteArray,
    code: np.uint8,
) -> tuple[float, float, float]:
    """Return the area of the class in some pixels of a row, what of it is in doubt, and what else.

    Without branches: neighbours differ.
    """
    wet = drops = takes = 0.0
    if fraction.size:
        for j in range(labels.size):
            a, share = area[j], shares[np.uint8(labels[j] == code), fraction[j]]
            wet += a * share
            if doubt.size:
                drops += a * share * (doubt[j] == STRICT)
                takes += a * (1 - share) * (doubt[j] == LAX)
        return wet, drops, takes
    for j in range(labels.size):
        wet += area[j] * (labels[j] == code)
    for j in range(doubt.size):
        drops += area[j] * ((labels[j] == code) & (doubt[j] == STRICT))
        takes += area[j] * ((labels[j] != code) & (doubt[j] == LAX))
    return wet, drops, takes


@njit(nogil=True, cache=True, fastmath={"reassoc"})
def _compare_told(  # noqa: PLR0917 - a kernel
    block: FloatArray,
    area: FloatArray,
    labels: ByteArray,
    shares: FloatArray,
    fraction: ByteArray,
    told: FloatArray,
    code: np.uint8,
) -> None:
    """Add how pixels that were seen differ from what other dates tell of them."""
    stake = residual = 0.0
    for j in range(told.size):
        known = np.isfinite(told[j])
        near = fraction[j] if fraction.size else np.uint8(FRACTION_MISSING)
        own = shares[np.uint8(labels[j] == code), near]
        share = told[j] if known else own
        residual += area[j] * (own - share)
        stake += area[j] * np.sqrt(share * (1 - share)) if known else 0.0
    block[STAKE] += stake
    block[RESIDUAL] += residual


@njit(nogil=True, cache=True)
def add_blind(  # noqa: PLR0917 - a kernel
    block: FloatArray, by_cause: FloatArray, a: float, dark: float, label: int, cause: int
) -> None:
    """Add pixels that were not seen; of ``dark`` of their area no other date tells."""
    if label == NO_DATA:
        cause = UNKNOWN if cause == NO_CAUSE or cause >= CAUSES else cause
        by_cause[cause] += a
        if cause in (UNKNOWN, _FAILED):
            block[NEVER] += dark
    block[BLIND] += dark


@njit(nogil=True, cache=True, fastmath={"reassoc"})
def _fill(block: FloatArray, area: FloatArray, told: FloatArray) -> float:
    """Add what other dates tell of pixels that were not seen; return the area of the others."""
    dark = fillable = filled = stake = 0.0
    for j in range(told.size):
        known = np.isfinite(told[j])
        share = told[j] if known else 0.0
        dark += 0.0 if known else area[j]
        fillable += area[j] if known else 0.0
        filled += area[j] * share
        stake += area[j] * np.sqrt(share * (1 - share))
    block[FILLABLE] += fillable
    block[FILLED] += filled
    block[BLIND_STAKE] += stake
    return dark


@njit(nogil=True, cache=True)
def shares_of() -> FloatArray:
    """Return (2, 256) the share of the class in a pixel by whether it is of it, and fraction."""
    shares = np.empty((2, 256))
    for fraction in range(256):
        shares[:, fraction] = fraction / FRACTION_SCALE
    shares[:, FRACTION_MISSING] = (0.0, 1.0)
    return shares
