"""Percentiles of many pixels over dates, in whole numbers: what a season is counted with."""

import functools
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from obriy.blocks.base import FloatArray
from obriy.model.season import CURVE_MISSING, CURVE_STEP

I16 = npt.NDArray[np.int16]
Mask = npt.NDArray[np.bool_]

UNIT: Final = 1e-4
"""Of the whole numbers in which reflectance and indices are kept."""
MISSING: Final = -32768
LEVELS: Final = (0.1, 0.5, 0.9)
LOW, MEDIAN, HIGH = range(3)
"""Places of the percentiles in what `quantiles` returns."""
_LAST: Final = np.int16(32767)
"""Stands behind all numbers that are there when those of a pixel are sorted."""
_CHUNK: Final = 512
"""Pixels that are sorted at a time: their dates stay in the processor's cache."""


def as_values(plane: I16) -> FloatArray:
    """Return whole numbers of `UNIT` as values, NaN missing."""
    values = plane.astype(np.float32) * np.float32(UNIT)
    values[plane == MISSING] = np.nan
    return values


def as_codes(plane: I16) -> npt.NDArray[np.uint8]:
    """Return an index in whole numbers of `UNIT` as codes of a curve."""
    codes = np.rint((plane * UNIT + 1) / CURVE_STEP)
    return np.where(plane == MISSING, CURVE_MISSING, codes).astype(np.uint8)


@njit(nogil=True, cache=True)
def quantise(values: FloatArray, found: I16) -> None:
    """Write values as whole numbers of `UNIT`."""
    for i in range(values.size):
        value = min(max(np.rint(values[i] * np.float32(10000)), -32767.0), 32767.0)
        found[i] = MISSING if np.isnan(values[i]) else np.int16(value)


@njit(nogil=True, cache=True)
def ratio(one: I16, other: I16, used: Mask) -> I16:
    """Return (a - b) / (a + b) of (dates, pixels), `MISSING` where a + b is not above 0."""
    found = np.full(one.shape, MISSING, np.int16)
    for t in range(one.shape[0]):
        for i in range(one.shape[1]):
            total = np.int32(one[t, i]) + np.int32(other[t, i])
            if used[t, i] and total > 0:
                part = (np.int32(one[t, i]) - np.int32(other[t, i])) / total
                found[t, i] = np.int16(np.rint(10000 * min(max(part, -1.0), 1.0)))
    return found


def quantiles(values: I16, used: Mask) -> I16:
    """Return (3, pixels) percentiles of (dates, pixels), by linear interpolation."""
    found: I16 = _percentiles(values, used, _network(len(values)), LEVELS)
    return found


def median(values: I16, used: Mask) -> I16:
    """Return (pixels,) medians of (dates, pixels)."""
    found: I16 = _percentiles(values, used, _network(len(values)), LEVELS[MEDIAN : MEDIAN + 1])
    first: I16 = found[0]
    return first


@functools.cache
def _network(count: int) -> npt.NDArray[np.int64]:
    """Return (pairs, 2) comparisons that sort so many numbers, whatever they are.

    Merge exchange (Batcher 1968; Knuth, The Art of Computer Programming 3, 5.2.2, algorithm M): the
    same for every pixel, so that many are sorted by each instruction.
    """
    pairs = []
    top = p = 1 << max(0, (count - 1).bit_length() - 1)
    while p > 0 and count > 1:
        q, r, d = top, 0, p
        while True:
            pairs += [(i, i + d) for i in range(count - d) if i & p == r]
            if q == p:
                break
            d, q, r = q - p, q >> 1, p
        p >>= 1
    return np.array(pairs, np.int64).reshape(-1, 2)


@njit(nogil=True, cache=True)
def _percentiles(values: I16, used: Mask, network: Any, levels: tuple[float, ...]) -> I16:
    dates, count = values.shape
    found = np.full((len(levels), count), MISSING, np.int16)
    kept = np.empty((dates, _CHUNK), np.int16)
    known = np.empty(_CHUNK, np.int16)
    for start in range(0, count, _CHUNK):
        size = min(_CHUNK, count - start)
        known[:] = 0
        for t in range(dates):
            _take(values[t, start : start + size], used[t, start : start + size], kept[t], known)
        for pair in range(len(network)):
            _exchange(kept[network[pair, 0]], kept[network[pair, 1]], size)
        for level, share in enumerate(levels):
            _read_off(kept, known, np.float32(share), found[level, start : start + size])
    return found


@njit(nogil=True, cache=True)
def _take(values: I16, used: Mask, kept: I16, known: I16) -> None:
    """Take the numbers of a date that are there, and count them; others go behind all."""
    for i in range(values.size):
        there = used[i] & (values[i] != MISSING)
        kept[i] = values[i] if there else _LAST
        known[i] += np.int16(there)


@njit(nogil=True, cache=True)
def _exchange(one: I16, other: I16, size: int) -> None:
    """Put the smaller of each two numbers first."""
    for i in range(size):
        low, high = min(one[i], other[i]), max(one[i], other[i])
        one[i] = low
        other[i] = high


@njit(nogil=True, cache=True)
def _read_off(kept: I16, known: I16, share: Any, found: I16) -> None:
    """Write what lies at a share of each sorted column, between two numbers by how near each is."""
    for i in range(found.size):
        if known[i] > 0:
            place = share * np.float32(known[i] - 1)
            below = np.int32(place)
            above = min(below + 1, known[i] - 1)
            low, high = np.float32(kept[below, i]), np.float32(kept[above, i])
            found[i] = np.int16(np.floor(low + (high - low) * (place - below) + np.float32(0.5)))
