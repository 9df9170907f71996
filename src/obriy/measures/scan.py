"""The kernel that adds the pixels of a window up, block by block; see `obriy.measures.tally`."""

from typing import Final

import numpy as np
from numba import njit

from obriy.measures.field import (
    BLOCK,
    ByteArray,
    FloatArray,
    IntArray,
    area_of,
    area_where,
    fill_row,
    stops_of,
    weights_of,
)
from obriy.measures.rows import (
    CAUSES,
    DOUBT,
    DROPS,
    LAX,
    NO_CAUSE,
    SEEN,
    SHORE,
    STRICT,
    UNKNOWN,
    WET,
    add_blind,
    add_runs,
    add_seen,
    shares_of,
)
from obriy.model.legend import NO_DATA, UNNAMED

_BLIND, _OTHER, _OWN = np.uint8(0), np.uint8(1), np.uint8(2)
"""Kinds of a pixel: not seen, of another class, of the class."""
_BOTH: Final = np.uint8(3)
"""Two bits that differ: a pixel of the class beside one of another."""


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
    code: np.uint8,
    corner: IntArray,
    by_code: FloatArray,
    by_cause: FloatArray,
    sums: FloatArray,
) -> None:
    """Add every pixel of a window to the sums of its block.

    A block that is all alike is added as one, as most are; of others, pixels of a row.

    Args:
        nodes: As ``left`` and ``part``, see `obriy.measures.pixel_area.AreaField`.
        left: See there.
        part: See there.
        labels: (y, x) class codes.
        fraction: (y, x) half per cents; (1, 0) where there are none, like the others.
        unseen: (y, x) `Unseen`.
        doubt: (y, x) `Doubt`.
        expected: (y, x) share of the class, NaN where nothing is expected.
        code: Of the class: of the type of labels, so that loops stay among bytes.
        corner: Row and column of the first pixel within its block.
        by_code: (256,) m², added to.
        by_cause: m² by `Unseen`, added to.
        sums: (y, x, KINDS) m² by block, added to.
    """
    area = np.empty(labels.shape[1])
    kinds = np.empty((BLOCK + 2, BLOCK + 2), np.uint8)
    unlike = np.empty((3, labels.shape[1]), np.uint8)
    shares, weights, stops = shares_of(), weights_of(left, part, corner[1]), stops_of(left)
    told = fraction.size or expected.size
    for down in range(sums.shape[0]):
        top = max(0, down * BLOCK - corner[0])
        bottom = min(labels.shape[0], (down + 1) * BLOCK - corner[0])
        across = nodes[top:bottom].sum(axis=0)
        _compare(labels, unseen, doubt, top, bottom, unlike)
        for place in range(sums.shape[1]):
            begin = max(0, place * BLOCK - corner[1])
            end = min(labels.shape[1], (place + 1) * BLOCK - corner[1])
            where = (top, bottom, begin, end)
            if not told and _is_plain(labels, unseen, unlike, top, begin, end):
                own, block = labels[top, begin], sums[down, place]
                a = area_of(weights[place], across, left[begin])
                _add_plain(block, by_code, by_cause, a, own, code, unseen[top : top + 1, begin])
                if doubt.size and own not in (NO_DATA, UNNAMED) and unlike[2, begin:end].any():
                    wanted = STRICT if own == code else LAX
                    a = area_where(nodes, left, part, stops, doubt, wanted, where)
                    block[DOUBT] += a
                    block[DROPS] += a if own == code else 0.0
                continue
            clear, shore = _fill_kinds(labels, code, where, kinds)
            whole = clear and not expected.size
            for i in range(top, bottom):
                fill_row(nodes, i, left, part, stops, begin, end, area)
                if whole:
                    add_seen(
                        sums[down, place], by_code, area, shares, labels, fraction, doubt,
                        (i, begin, end), code,
                    )  # fmt: skip
                else:
                    add_runs(
                        area, labels, fraction, unseen, doubt, expected, shares,
                        (i, begin, end), code, by_code, by_cause, sums[down, place],
                    )  # fmt: skip
                if shore:
                    sums[down, place, SHORE] += _shore(kinds, area, i - top + 1, begin, end)


@njit(nogil=True, cache=True)
def _compare(  # noqa: PLR0917 - a kernel
    labels: ByteArray,
    unseen: ByteArray,
    doubt: ByteArray,
    top: int,
    bottom: int,
    unlike: ByteArray,
) -> None:
    """Fill in (3, x) in what the pixels of each column differ: bytes among bytes, many at once.

    That is in the labels of some rows and of those above and below, and of those rows alone in
    causes and in doubt; 0 where they do not.
    """
    unlike[:] = 0
    for i in range(max(top - 1, 0), min(bottom + 1, labels.shape[0])):
        for j in range(labels.shape[1]):
            unlike[0, j] |= labels[i, j] ^ labels[top, j]
    for i in range(top, bottom):
        if unseen.size:
            for j in range(labels.shape[1]):
                unlike[1, j] |= unseen[i, j] ^ unseen[top, j]
        if doubt.size:
            for j in range(labels.shape[1]):
                unlike[2, j] |= doubt[i, j]


@njit(nogil=True, cache=True)
def _is_plain(  # noqa: PLR0917 - a kernel
    labels: ByteArray, unseen: ByteArray, unlike: ByteArray, top: int, begin: int, end: int
) -> bool:
    """Tell whether the pixels of a block, and those they touch, are of one class, or one cause."""
    own, differ = labels[top, begin], np.uint8(0)
    for j in range(max(begin - 1, 0), min(end + 1, labels.shape[1])):
        differ |= unlike[0, j] | (labels[top, j] ^ own)
    if own == NO_DATA and unseen.size:
        for j in range(begin, end):
            differ |= unlike[1, j] | (unseen[top, j] ^ unseen[top, begin])
    return bool(differ == 0)


@njit(nogil=True, cache=True)
def _fill_kinds(
    labels: ByteArray, code: np.uint8, where: tuple[int, int, int, int], kinds: ByteArray
) -> tuple[bool, bool]:
    """Fill in the kinds of the pixels of a block, and of those around it.

    Returns:
        Whether all pixels of the block were seen, and whether it may hold a shore.
    """
    top, bottom, begin, end = where
    kinds[:] = _BLIND
    met = np.uint8(0)
    first, last = max(begin - 1, 0), min(end + 1, labels.shape[1])
    for i in range(max(top - 1, 0), min(bottom + 1, labels.shape[0])):
        line = kinds[i - top + 1]
        for j in range(first, last):
            label = labels[i, j]
            kind = _OWN if label == code else _OTHER
            kind = _BLIND if label in (NO_DATA, UNNAMED) else kind
            line[j - begin + 1] = kind
            met |= kind
    seen = True
    for i in range(1, bottom - top + 1):
        for j in range(1, end - begin + 1):
            seen &= kinds[i, j] != _BLIND
    return seen, bool(met == _BOTH)


@njit(nogil=True, cache=True, fastmath={"reassoc"})
def _shore(kinds: ByteArray, area: FloatArray, i: int, begin: int, end: int) -> float:
    """Return the area of the pixels of a row of a block that touch, by a side, the other kind."""
    found = 0.0
    above, own, below = kinds[i - 1], kinds[i], kinds[i + 1]
    for j in range(1, end - begin + 1):
        touches = (
            (own[j] ^ above[j] == _BOTH)
            | (own[j] ^ below[j] == _BOTH)
            | (own[j] ^ own[j - 1] == _BOTH)
            | (own[j] ^ own[j + 1] == _BOTH)
        )
        found += area[begin + j - 1] * touches
    return found


@njit(nogil=True, cache=True)
def _add_plain(  # noqa: PLR0917 - a kernel
    block: FloatArray,
    by_code: FloatArray,
    by_cause: FloatArray,
    a: float,
    label: int,
    code: np.uint8,
    cause: ByteArray,
) -> None:
    """Add a block that is all alike, of an area; ``cause`` is empty where none is told."""
    if label in (NO_DATA, UNNAMED):
        by_code[label] += a
        add_blind(block, by_cause, a, a, label, cause[0] if cause.size else UNKNOWN)
    else:
        by_code[label] += a
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
    area, stops = np.empty(labels.shape[1]), stops_of(left)
    for i in range(labels.shape[0]):
        fill_row(nodes, i, left, part, stops, 0, labels.shape[1], area)
        for j in range(labels.shape[1]):
            by_code[labels[i, j]] += area[j]
            if labels[i, j] == NO_DATA:
                cause = unseen[i, j] if unseen.size else UNKNOWN
                by_cause[UNKNOWN if cause == NO_CAUSE or cause >= CAUSES else cause] += area[j]
