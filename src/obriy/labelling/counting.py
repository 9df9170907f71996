"""What is looked at pixel by pixel for the facts of clusters, compiled."""

from typing import Any, Final

import numpy as np
from numba import njit

from obriy.blocks.places import place_key
from obriy.indices.features import NEIGHBOURHOOD_WINDOW
from obriy.model.legend import NO_DATA

REACH: Final = NEIGHBOURHOOD_WINDOW // 2
"""Cells on each side of a pixel that its facts look at."""
CODES: Final = 256
ALIKE: Final = 16
"""Pixels that are looked at together: most have what is their own beside them."""


@njit(nogil=True, cache=True, error_model="numpy")
def patches(band: Any, rows: Any, columns: Any, cell: Any) -> Any:
    """Return the squares of cells around pixels, (n * window, window); NaN beyond the edge.

    A cell is the mean of its seen pixels, those on its edge by their share.

    Args:
        band: Of `obriy.blocks.planes.Numbers.parts`: of few pixels values are made.
        rows: Rows of the pixels, (n,).
        columns: Columns of the pixels, (n,).
        cell: Side of a cell, pixels.
    """
    side = 2 * REACH + 1
    starts, shares = _cells(cell)
    span = starts[-1] - starts[0] + len(shares)
    square, seen = np.empty((span, span), np.float32), np.ones((span, span), np.float32)
    whole, totals, weights = np.empty((3, side, side))
    _add_cells(seen, starts, shares, whole)
    found = np.empty((len(rows) * side, side), np.float32)
    for place in range(len(rows)):
        top, left = rows[place] + starts[0], columns[place] + starts[0]
        _copy(band, top, left, square)
        own = found[place * side : (place + 1) * side]
        if _is_whole(square):
            _add_cells(square, starts, shares, totals)
            own[:] = totals / whole
            continue
        _part(square, seen)
        _add_cells(square, starts, shares, totals)
        _add_cells(seen, starts, shares, weights)
        own[:] = totals / weights  # NaN where nothing is seen
        middles = starts - starts[0] + len(shares) // 2
        for i in range(side):
            if not 0 <= top + middles[i] < band[0].shape[0]:
                own[i] = np.nan
            if not 0 <= left + middles[i] < band[0].shape[1]:
                own[:, i] = np.nan
    return found


@njit(nogil=True, cache=True)
def _cells(cell: Any) -> tuple[Any, Any]:
    """Return where cells begin, in pixels from the one they lie around, and the share of each."""
    wide = int(np.ceil((cell - 1) / 2))
    shares = np.ones(2 * wide + 1)
    if wide:
        shares[0] = shares[-1] = (cell - 1) / 2 - wide + 1
    return np.rint(np.arange(-REACH, REACH + 1) * cell).astype(np.int64) - wide, shares


@njit(nogil=True, cache=True)
def _copy(band: Any, top: int, left: int, square: Any) -> None:
    """Copy the values of a square of a band, NaN where it says nothing and beyond its edge."""
    # As `fill_floats`, whose call for each square takes longer than the square.
    raw, scale, shift, missing, hidden = band
    nothing = np.float32(np.nan)
    begin, end = max(0, -left), min(len(square), raw.shape[1] - left)
    square[:] = nothing
    for i in range(max(0, -top), min(len(square), raw.shape[0] - top)):
        line, own = raw[top + i, left + begin : left + end], square[i, begin:end]
        for j in range(len(own)):
            own[j] = np.float32(line[j]) * scale + shift
        for number in missing:
            for j in range(len(own)):
                own[j] = nothing if line[j] == number else own[j]
        if hidden.size:
            veil = hidden[top + i, left + begin : left + end]
            for j in range(len(own)):
                own[j] = nothing if veil[j] else own[j]


@njit(nogil=True, cache=True)
def _is_whole(square: Any) -> bool:
    """Tell whether all of a square is seen."""
    for i in range(len(square)):
        line, lost = square[i], np.uint32(0)
        for j in range(len(line)):
            lost += np.uint32(not np.isfinite(line[j]))
        if lost:
            return False
    return True


@njit(nogil=True, cache=True)
def _part(square: Any, seen: Any) -> None:
    """Tell by 1 and 0 what of a square is seen, and have 0 in it where nothing is."""
    for i in range(len(square)):
        line, own = square[i], seen[i]
        for j in range(len(line)):
            known = np.isfinite(line[j])
            own[j] = np.float32(1) if known else np.float32(0)
            line[j] = line[j] if known else np.float32(0)


@njit(nogil=True, cache=True)
def _add_cells(square: Any, starts: Any, shares: Any, totals: Any) -> None:
    """Add up the pixels of cells by their share: rows first, which go many at once."""
    sums = np.empty(len(square))
    for i in range(len(starts)):
        sums[:] = 0
        for k in range(len(shares)):
            line, share = square[starts[i] - starts[0] + k], shares[k]
            for j in range(len(sums)):
                sums[j] += share * line[j]
        for j in range(len(starts)):
            totals[i, j] = 0
        for k in range(len(shares)):
            for j in range(len(starts)):
                totals[i, j] += shares[k] * sums[starts[j] - starts[0] + k]


@njit(nogil=True, cache=True)
def candidates(labels: Any, core: Any, place: Any, start: Any, most: Any) -> tuple[Any, Any, Any]:
    """Return rows, columns and keys of the pixels of a core whose keys may enter a sample."""
    rows, columns = core
    keys = np.empty(columns[1] - columns[0], np.uint64)
    down, across = [np.int64(0)], [np.int64(0)]  # typed by what is taken off again
    chosen = [np.uint64(0)]
    for i in range(rows[0], rows[1]):
        for j in range(columns[0], columns[1]):
            keys[j - columns[0]] = place_key(start, place[0] + i, place[1] + j)
        for j in range(columns[0], columns[1]):
            label, key = labels[i, j], keys[j - columns[0]]
            if label != NO_DATA and key <= most[label]:
                down.append(np.int64(i))
                across.append(np.int64(j))
                chosen.append(key)
    return np.array(down)[1:], np.array(across)[1:], np.array(chosen)[1:]


@njit(nogil=True, cache=True)
def count_inner(labels: Any, clusters: Any, core: Any, step: Any) -> tuple[Any, Any]:
    """Count the pixels of the leaves of a core, and those with nothing but their own a step away.

    Returns:
        (256,), and (2, 256): of their leaf, and of their cluster.
    """
    (top, bottom), (left, right) = core
    height, width = labels.shape
    kinds = np.empty(right - left, np.uint8)
    counts = np.zeros((4, CODES), np.int64)
    for i in range(top, bottom):
        kinds[:] = 3
        for row in (i - step, i + step):
            if 0 <= row < height:
                _part_off(labels[i, left:right], labels[row, left:right], 1, kinds)
                _part_off(clusters[i, left:right], clusters[row, left:right], 2, kinds)
        for away in (-step, step):
            first, last = max(left, -away), min(right, width - away)
            if first < last:
                inside = kinds[first - left : last - left]
                for planes, bit in ((labels, 1), (clusters, 2)):
                    line, beside = planes[i, first:last], planes[i, first + away : last + away]
                    _part_off(line, beside, bit, inside)
        for j in range(len(kinds)):
            counts[kinds[j], labels[i, left + j]] += 1
    counts[:, NO_DATA] = 0
    inner = np.zeros((2, CODES), np.int64)
    inner[0], inner[1] = counts[1] + counts[3], counts[2] + counts[3]
    return counts.sum(axis=0), inner


@njit(nogil=True, cache=True)
def _part_off(own: Any, beside: Any, bit: int, kinds: Any) -> None:
    """Take a bit off where something else lies beside."""
    mask = np.uint8(bit)
    for j in range(len(own)):
        other = (beside[j] != own[j]) & (beside[j] != np.uint8(NO_DATA))
        kinds[j] &= ~(mask * np.uint8(other))


@njit(nogil=True, cache=True)
def count_borders(labels: Any, core: Any) -> Any:
    """Count the edges that each leaf of a core has with each other, in the core or beside it."""
    (top, bottom), (left, right) = core
    inside = np.zeros((CODES, CODES), np.int64)
    beyond = np.zeros((CODES, CODES), np.int64)
    for i in range(top, bottom):
        line = labels[i, left:right]
        _add_pairs(line[:-1], line[1:], inside)
        if i + 1 < bottom:
            _add_pairs(line, labels[i + 1, left:right], inside)
        if left > 0:
            _add_pairs(line[:1], labels[i, left - 1 : left], beyond)
        if right < labels.shape[1]:
            _add_pairs(line[-1:], labels[i, right : right + 1], beyond)
    for own, row in ((top, top - 1), (bottom - 1, bottom)):
        if 0 <= row < labels.shape[0]:
            _add_pairs(labels[own, left:right], labels[row, left:right], beyond)
    borders = inside + inside.T + beyond
    borders[NO_DATA], borders[:, NO_DATA] = 0, 0
    for code in range(CODES):
        borders[code, code] = 0
    return borders


@njit(nogil=True, cache=True)
def _add_pairs(own: Any, beside: Any, borders: Any) -> None:
    """Count pairs of what is beside each other, those that are alike now and then."""
    for start in range(0, len(own), ALIKE):
        one, other = own[start : start + ALIKE], beside[start : start + ALIKE]
        unlike = 0
        for j in range(len(one)):
            unlike += one[j] != other[j]
        if unlike:
            for j in range(len(one)):
                borders[one[j], other[j]] += 1
