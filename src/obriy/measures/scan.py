"""The kernel that adds the pixels of a window up, block by block; see `obriy.measures.tally`."""

from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from obriy.model.classmap import FRACTION_MISSING, FRACTION_SCALE, Doubt
from obriy.model.flags import Unseen
from obriy.model.legend import NO_DATA, UNNAMED

BLOCK: Final = 32
"""Side of a block, pixels. Errors of a map hang together along a shore and within a pond, not from
one block of this size to the next; windows of the engine are whole blocks."""

(
    SEEN, WET, DOUBT, BLIND, STAKE, BLIND_STAKE, RESIDUAL, FILLED, FILLABLE, NEVER, DROPS, SHORE,
) = range(12)  # fmt: skip
KINDS: Final = 12
_STRICT, _LAX = int(Doubt.STRICT_DROPS), int(Doubt.LAX_TAKES)
_CAUSES, _NO_CAUSE, _UNKNOWN = len(Unseen), int(Unseen.SEEN), int(Unseen.NO_DATA)
_FAILED: Final = int(Unseen.FAILED)

FloatArray = npt.NDArray[np.float64]
ByteArray = npt.NDArray[np.uint8]
IntArray = npt.NDArray[np.int64]


@njit(nogil=True, cache=True)
def scan(  # noqa: PLR0917 - a kernel
    nodes: FloatArray,
    left: IntArray,
    part: FloatArray,
    labels: ByteArray,
    fraction: ByteArray,
    unseen: ByteArray,
    doubt: ByteArray,
    expected: FloatArray,
    code: int,
    corner: IntArray,
    by_code: FloatArray,
    by_cause: FloatArray,
    sums: FloatArray,
) -> None:
    """Add every pixel of a window to the sums of its block.

    A block that is all alike is added as one, as most are; of others, pixels of a row that are.

    Args:
        nodes: As ``left`` and ``part``, see `obriy.measures.pixel_area.AreaField`.
        left: See there.
        part: See there.
        labels: (y, x) class codes.
        fraction: (y, x) half per cents; (0, 0) where there are none, like the others.
        unseen: (y, x) `Unseen`.
        doubt: (y, x) `Doubt`.
        expected: (y, x) share of the class, NaN where nothing is expected.
        code: Of the class.
        corner: Row and column of the first pixel within its block.
        by_code: (256,) m², added to.
        by_cause: m² by `Unseen`, added to.
        sums: (y, x, KINDS) m² by block, added to.
    """
    area = np.empty(labels.shape[1])
    shares = _shares()
    weights = _weights(left, part, corner[1])
    told = fraction.size or expected.size
    for down in range(sums.shape[0]):
        top = max(0, down * BLOCK - corner[0])
        bottom = min(labels.shape[0], (down + 1) * BLOCK - corner[0])
        for place in range(sums.shape[1]):
            begin = max(0, place * BLOCK - corner[1])
            end = min(labels.shape[1], (place + 1) * BLOCK - corner[1])
            where = (top, bottom, begin, end)
            if not told and _is_plain(labels, unseen, doubt, where):
                a = 0.0
                for i in range(top, bottom):
                    a += _area_of(weights, place, nodes, i, left[begin])
                cause = unseen[top : top + 1, begin]
                _add_plain(sums[down, place], by_code, by_cause, a, labels[top, begin], code, cause)
                continue
            alike = _alike(labels, where)
            for i in range(top, bottom):
                own = labels[i, begin]
                sure = not doubt.size or not _differs(doubt, i, begin, end, np.uint8(0))
                if alike[i - top + 1] and not told and sure and own not in (NO_DATA, UNNAMED):
                    a = _area_of(weights, place, nodes, i, left[begin])
                    _add_plain(sums[down, place], by_code, by_cause, a, own, code, doubt[:0, 0])
                else:
                    _fill_row(nodes, i, left, part, begin, end, area)
                    _add_runs(
                        area, labels, fraction, unseen, doubt, expected, shares,
                        (i, begin, end, code, alike[i - top + 1]), by_code, by_cause,
                        sums[down, place],
                    )  # fmt: skip
                if not _is_inside(labels, alike, i, where):
                    _fill_row(nodes, i, left, part, begin, end, area)
                    sums[down, place, SHORE] += _shore(labels, code, i, area, (begin, end))


@njit(nogil=True, cache=True)
def _shore(labels: ByteArray, code: int, i: int, area: FloatArray, span: tuple[int, int]) -> float:
    """Return the area of the pixels of a part of a row that touch one of the other kind."""
    found = 0.0
    for j in range(*span):
        found += area[j] if _is_shore(labels, code, i, j) else 0.0
    return found


@njit(nogil=True, cache=True)
def _is_plain(
    labels: ByteArray, unseen: ByteArray, doubt: ByteArray, where: tuple[int, int, int, int]
) -> bool:
    """Tell whether the pixels of a block, and those they touch, are all alike and in no doubt."""
    top, bottom, begin, end = where
    own = labels[top, begin]
    for i in range(max(top - 1, 0), min(bottom + 1, labels.shape[0])):
        if _differs(labels, i, max(begin - 1, 0), min(end + 1, labels.shape[1]), own):
            return False
    for i in range(top, bottom):
        if unseen.size and own == NO_DATA and _differs(unseen, i, begin, end, unseen[top, begin]):
            return False
        if doubt.size and own != NO_DATA and _differs(doubt, i, begin, end, np.uint8(0)):
            return False
    return True


@njit(nogil=True, cache=True)
def _differs(codes: ByteArray, i: int, begin: int, end: int, own: np.uint8) -> bool:
    """Tell whether any code of a part of a row is another: bytes among bytes, many at once."""
    differ = np.uint8(0)
    for j in range(begin, end):
        differ = np.uint8(differ | np.uint8(codes[i, j] ^ own))
    return bool(differ)


@njit(nogil=True, cache=True)
def _add_plain(  # noqa: PLR0917 - a kernel
    block: FloatArray,
    by_code: FloatArray,
    by_cause: FloatArray,
    a: float,
    label: int,
    code: int,
    cause: ByteArray,
) -> None:
    """Add a block that is all alike, of an area; ``cause`` is empty where none is told."""
    by_code[label] += a
    if label in (NO_DATA, UNNAMED):
        _add_blind(block, by_cause, a, label, cause[0] if cause.size else _UNKNOWN, -1.0)
    else:
        block[SEEN] += a
        block[WET] += a if label == code else 0.0


@njit(nogil=True, cache=True)
def scan_codes(  # noqa: PLR0917 - a kernel
    nodes: FloatArray,
    left: IntArray,
    part: FloatArray,
    labels: ByteArray,
    unseen: ByteArray,
    by_code: FloatArray,
    by_cause: FloatArray,
) -> None:
    """Add every pixel of a window to the area of its code, and where it was not seen to the cause.

    Arguments are those of `scan`.
    """
    area = np.empty(labels.shape[1])
    for i in range(labels.shape[0]):
        _fill_row(nodes, i, left, part, 0, labels.shape[1], area)
        for j in range(labels.shape[1]):
            by_code[labels[i, j]] += area[j]
            if labels[i, j] == NO_DATA:
                cause = unseen[i, j] if unseen.size else _UNKNOWN
                by_cause[_UNKNOWN if cause == _NO_CAUSE or cause >= _CAUSES else cause] += area[j]


@njit(nogil=True, cache=True)
def _add_runs(  # noqa: PLR0917 - a kernel
    area: FloatArray,
    labels: ByteArray,
    fraction: ByteArray,
    unseen: ByteArray,
    doubt: ByteArray,
    expected: FloatArray,
    shares: FloatArray,
    where: tuple[int, int, int, int, int],
    by_code: FloatArray,
    by_cause: FloatArray,
    block: FloatArray,
) -> None:
    """Add the pixels of a row of a block, those beside each other that are alike at once.

    ``where`` is the row, the first column and the one after the last, the code of the class, and
    whether all labels are alike; ``shares`` are those of `_shares`, the others as for `scan`.
    """
    i, begin, end, code, alike = where
    j = begin
    while j < end:
        stop = _end_of_run(labels, unseen, expected, alike, i, j, end)
        told = _told(expected, i, j)
        label = labels[i, j]
        if label in (NO_DATA, UNNAMED):
            a = area[j:stop].sum()
            by_code[label] += a
            cause = unseen[i, j] if unseen.size else _UNKNOWN
            _add_blind(block, by_cause, a, label, cause, told)
        else:
            one = shares[int(label == code)]
            by_code[label] += _add_seen(block, area, one, fraction, doubt, (i, j, stop), told)
        j = stop


@njit(nogil=True, cache=True)
def _weights(left: IntArray, part: FloatArray, offset: int) -> FloatArray:
    """Return (blocks, n) what each node counts in the area of a row of a block, from its first."""
    columns = left.size
    count = (columns + offset - 1) // BLOCK + 1
    most = 2
    for place in range(count):
        begin, end = max(0, place * BLOCK - offset), min(columns, (place + 1) * BLOCK - offset)
        most = max(most, left[end - 1] - left[begin] + 2)
    weights = np.zeros((count, most))
    for j in range(columns):
        place = (j + offset) // BLOCK
        k = left[j] - left[max(0, place * BLOCK - offset)]
        weights[place, k] += 1.0 - part[j]
        weights[place, k + 1] += part[j]
    return weights


@njit(nogil=True, cache=True)
def _area_of(weights: FloatArray, place: int, nodes: FloatArray, i: int, first: int) -> float:
    """Return the area of a row of a block, m²."""
    a = 0.0
    for k in range(min(weights.shape[1], nodes.shape[1] - first)):
        a += weights[place, k] * nodes[i, first + k]
    return a


@njit(nogil=True, cache=True)
def _told(expected: FloatArray, i: int, j: int) -> float:
    """Return what other dates tell of a pixel; -1 where they tell nothing."""
    if expected.size and np.isfinite(expected[i, j]):
        return float(expected[i, j])
    return -1.0


@njit(nogil=True, cache=True)
def _end_of_run(  # noqa: PLR0917 - a kernel
    labels: ByteArray,
    unseen: ByteArray,
    expected: FloatArray,
    alike: int,
    i: int,
    j: int,
    end: int,
) -> int:
    """Return the column after the last of those that are like a pixel, and beside it.

    Args:
        labels: As for `scan`, like the next two.
        unseen: See there.
        expected: See there.
        alike: Whether all of its labels in the block are.
        i: Row.
        j: Column.
        end: Column after the last one in the block.
    """
    own = labels[i, j]
    by_cause = own == NO_DATA and unseen.size > 0
    if alike and not by_cause and not expected.size:
        return end
    told = _told(expected, i, j)
    for k in range(j + 1, end):
        if labels[i, k] != own or _told(expected, i, k) != told:
            return k
        if by_cause and unseen[i, k] != unseen[i, j]:
            return k
    return end


@njit(nogil=True, cache=True)
def _shares() -> FloatArray:
    """Return (2, 256) the share of the class in a pixel by whether it is of it, and fraction."""
    shares = np.empty((2, 256))
    for fraction in range(256):
        shares[:, fraction] = fraction / FRACTION_SCALE
    shares[:, FRACTION_MISSING] = (0.0, 1.0)
    return shares


@njit(nogil=True, cache=True)
def _fill_row(  # noqa: PLR0917 - a kernel
    nodes: FloatArray,
    i: int,
    left: IntArray,
    part: FloatArray,
    begin: int,
    end: int,
    area: FloatArray,
) -> None:
    """Interpolate the areas of a part of a row of pixels between its nodes."""
    for j in range(begin, end):
        k = left[j]
        area[j] = nodes[i, k] * (1.0 - part[j]) + nodes[i, k + 1] * part[j]


@njit(nogil=True, cache=True)
def _alike(labels: ByteArray, where: tuple[int, int, int, int]) -> ByteArray:
    """Return where all pixels of a row of a block have one label; of those beside it, too."""
    top, bottom, begin, end = where
    alike = np.empty(bottom - top + 2, np.uint8)
    for k in range(alike.size):
        i = min(max(top - 1 + k, 0), labels.shape[0] - 1)
        alike[k] = not _differs(labels, i, begin, end, labels[i, begin])
    return alike


@njit(nogil=True, cache=True)
def _is_inside(
    labels: ByteArray, alike: ByteArray, i: int, where: tuple[int, int, int, int]
) -> bool:
    """Tell whether pixels of a row of a block have one label, which is that of all they touch."""
    top, _, begin, end = where
    own, k = labels[i, begin], i - top
    above, below = max(i - 1, 0), min(i + 1, labels.shape[0] - 1)
    return bool(
        alike[k]
        and alike[k + 1]
        and alike[k + 2]
        and labels[above, begin] == own
        and labels[below, begin] == own
        and labels[i, max(begin - 1, 0)] == own
        and labels[i, min(end, labels.shape[1] - 1)] == own
    )


@njit(nogil=True, cache=True)
def _is_shore(labels: ByteArray, code: int, i: int, j: int) -> bool:
    """Tell whether a pixel that was seen touches, by a side, one of the other kind."""
    rows, columns = labels.shape
    own = labels[i, j]
    return own not in (NO_DATA, UNNAMED) and (
        (i > 0 and is_other(own, labels[i - 1, j], code))
        or (i + 1 < rows and is_other(own, labels[i + 1, j], code))
        or (j > 0 and is_other(own, labels[i, j - 1], code))
        or (j + 1 < columns and is_other(own, labels[i, j + 1], code))
    )


@njit(nogil=True, cache=True)
def is_other(own: int, label: int, code: int) -> bool:
    """Tell whether a pixel was seen, and is of the other kind."""
    if label == own:
        return False
    return label not in (NO_DATA, UNNAMED) and (label == code) != (own == code)


@njit(nogil=True, cache=True)
def _add_blind(  # noqa: PLR0917 - a kernel
    block: FloatArray, by_cause: FloatArray, a: float, label: int, cause: int, told: float
) -> None:
    """Add pixels that were not seen; ``told`` is negative where no other date tells of them."""
    if label == NO_DATA:
        cause = _UNKNOWN if cause == _NO_CAUSE or cause >= _CAUSES else cause
        by_cause[cause] += a
        if told < 0 and cause in (_UNKNOWN, _FAILED):
            block[NEVER] += a
    if told < 0:
        block[BLIND] += a
        return
    block[FILLABLE] += a
    block[FILLED] += a * told
    block[BLIND_STAKE] += a * np.sqrt(told * (1 - told))


@njit(nogil=True, cache=True, fastmath={"reassoc"})  # sums of many at once
def _add_seen(  # noqa: PLR0917 - a kernel
    block: FloatArray,
    area: FloatArray,
    shares: FloatArray,
    fraction: ByteArray,
    doubt: ByteArray,
    where: tuple[int, int, int],
    told: float,
) -> float:
    """Add pixels of one label that were seen; return their area.

    Args:
        block: Sums.
        area: (x,) m² of each pixel of the row.
        shares: (256,) of the class by fraction.
        fraction: (y, x) half per cents, or none.
        doubt: (y, x) `Doubt`, or none.
        where: Row, first column and the one after the last.
        told: What other dates tell of them all; negative: nothing.
    """
    i, begin, end = where
    whole = strict = lax = 0.0
    for j in range(begin, end):
        whole += area[j]
    share = shares[FRACTION_MISSING]
    wet, drops, takes = whole * share, 0.0, 0.0
    if fraction.size:
        wet = 0.0
        for j in range(begin, end):
            a, share = area[j], shares[fraction[i, j]]
            wet += a * share
            if doubt.size:  # without branches: neighbours differ
                drops += a * share * (doubt[i, j] == _STRICT)
                takes += a * (1 - share) * (doubt[i, j] == _LAX)
    elif doubt.size:
        for j in range(begin, end):
            strict += area[j] * (doubt[i, j] == _STRICT)
            lax += area[j] * (doubt[i, j] == _LAX)
        drops, takes = strict * share, lax * (1 - share)
    block[SEEN] += whole
    block[WET] += wet
    block[DOUBT] += drops + takes
    block[DROPS] += drops
    if told >= 0:
        block[STAKE] += whole * np.sqrt(told * (1 - told))
        block[RESIDUAL] += wet - whole * told
    return whole
