"""Loops over the pixels of a block that every job goes through: each looks at a pixel once.

Compiled for one thread, and kept on disk: the engine has its threads. Arithmetic is in float32 and
in the order of numpy's, so that numbers are the same to the bit whoever made them.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]

_ALIKE: Final = 64
"""Pixels in a row that are mostly alike, and then counted at once."""
_PLACES: Final = (1 << 16) - 1
"""Numbers of two bytes, without one that means missing."""


@njit(nogil=True, cache=True)
def as_floats(
    raw: npt.NDArray[Any],
    scale: np.float32,
    offset: np.float32,
    missing: npt.NDArray[Any],
    hidden: BoolArray,
) -> FloatArray:
    """Return DN · scale + offset; NaN where DN are missing or not finite, and where hidden says so.

    Args:
        raw: (rows, columns) of any type of numbers.
        scale: Factor.
        offset: Added after it.
        missing: (n,) DN that mean missing, of the type of ``raw``.
        hidden: (rows, columns), or (0, 0): nothing is hidden.
    """
    values = np.empty(raw.shape, np.float32)
    fill_floats((raw, scale, offset, missing, hidden), (0, 0), values)
    return values


@njit(nogil=True, cache=True)
def fill_floats(parts: Any, place: tuple[int, int], values: FloatArray) -> None:
    """Fill in the same of a part of the DN, that begins at a row and a column of theirs.

    Args:
        parts: What `as_floats` takes, in its order.
        place: Row and column of the first pixel.
        values: (rows, columns) to be filled in.
    """
    raw, scale, offset, missing, hidden = parts
    nothing = np.float32(np.nan)
    top, left = place
    for i in range(values.shape[0]):
        own = values[i]
        line = raw[top + i, left : left + len(own)]
        for j in range(len(own)):
            value = np.float32(line[j])
            own[j] = value * scale + offset if np.isfinite(value) else nothing
        for number in missing:
            for j in range(len(own)):
                own[j] = nothing if line[j] == number else own[j]
        if hidden.size:
            veil = hidden[top + i, left : left + len(own)]
            for j in range(len(own)):
                own[j] = nothing if veil[j] else own[j]


@njit(nogil=True, cache=True)
def add_missing(raw: npt.NDArray[Any], missing: npt.NDArray[Any], found: BoolArray) -> None:
    """Mark in ``found`` what DN are missing; arguments are those of `as_floats`."""
    for number in missing:
        if holds(raw, number):  # few windows do
            for i in range(raw.shape[0]):
                line, own = raw[i], found[i]
                for j in range(raw.shape[1]):
                    own[j] |= line[j] == number


@njit(nogil=True, cache=True)
def holds(raw: npt.NDArray[Any], number: Any) -> bool:
    """Tell whether a number, of the type of ``raw`` (rows, columns), is among those of it."""
    for i in range(raw.shape[0]):
        line, found = raw[i], np.uint8(0)
        for j in range(raw.shape[1]):
            found = np.uint8(found | np.uint8(line[j] == number))
        if found:
            return True
    return False


@njit(nogil=True, cache=True)
def add_infinite(raw: npt.NDArray[Any], found: BoolArray) -> None:
    """Mark in ``found`` what of (rows, columns) is not finite in float32."""
    for i in range(raw.shape[0]):
        for j in range(raw.shape[1]):
            found[i, j] |= not np.isfinite(np.float32(raw[i, j]))


@njit(nogil=True, cache=True)
def add_nan(plane: FloatArray, found: BoolArray) -> None:
    """Mark in ``found`` where a plane holds NaN."""
    for i in range(plane.shape[0]):
        for j in range(plane.shape[1]):
            found[i, j] |= np.isnan(plane[i, j])


@njit(nogil=True, cache=True)
def pack(
    values: FloatArray,
    scale: np.float32,
    offset: np.float32,
    least: int,
    codes: npt.NDArray[Any],
) -> bool:
    """Fill in the whole numbers that values are made of; return whether they give all of them back.

    Args:
        values: (rows, columns), NaN missing.
        scale: Factor.
        offset: Added after it.
        least: The least number.
        codes: (rows, columns) uint16 or int16, that of missing throughout; to be filled in.
    """
    low, high = np.float32(least), np.float32(least + _PLACES)
    step = np.float32(1) / scale
    for i in range(values.shape[0]):
        lost = 0
        for j in range(values.shape[1]):
            value = values[i, j]
            number = np.rint((value - offset) * step)
            known = number >= low and number < high
            same = number * scale + offset == value
            lost += not ((known and same) or np.isnan(value))
            if known:
                codes[i, j] = np.int32(number)
        if lost:
            return False
    return True


@njit(nogil=True, cache=True)
def recode(codes: npt.NDArray[np.uint8], table: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return what a table (256,) has for each of (rows, columns) codes."""
    made = np.empty(codes.shape, np.uint8)
    for i in range(codes.shape[0]):
        for j in range(codes.shape[1]):
            made[i, j] = table[codes[i, j]]
    return made


@njit(nogil=True, cache=True)
def count_codes(codes: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Return how many pixels hold each code, (256,)."""
    counts = np.zeros(256, np.int64)
    for i in range(codes.shape[0]):
        for start in range(0, codes.shape[1], _ALIKE):
            part = codes[i, start : start + _ALIKE]
            others = 0
            for j in range(part.size):
                others += part[j] != part[0]
            if others == 0:
                counts[part[0]] += part.size
                continue
            for j in range(part.size):
                counts[part[j]] += 1
    return counts
