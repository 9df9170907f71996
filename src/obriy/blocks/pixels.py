"""Loops over the pixels of a block that every job goes through: each looks at a pixel once.

Compiled for one thread, and kept on disk: the engine has its threads. Arithmetic is in float32 and
in the order of numpy's, so that numbers are the same to the bit whoever made them.
"""

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]

_ALIKE: Final = 64
"""Pixels in a row that are mostly alike, and then counted at once."""


def as_floats(
    raw: npt.NDArray[Any],
    scale: float,
    offset: float,
    missing: Iterable[float],
    hidden: BoolArray | None,
) -> FloatArray:
    """Return numbers of a file as values: DN · scale + offset, in float32.

    Args:
        raw: (rows, columns) of any type of numbers.
        scale: Factor.
        offset: Added after it.
        missing: DN that mean missing; NaN and infinity always do.
        hidden: (rows, columns), True where a pixel is missing whatever its DN; None: nowhere.

    Returns:
        (rows, columns), NaN missing.
    """
    numbers = np.array([n for n in missing if _occurs(n, raw.dtype)], raw.dtype)
    # What is below zero by nothing changes no number, and zero would change the sign of zeros.
    shift = np.float32(offset or -0.0)
    nowhere = np.zeros((0, 0), bool)
    values: FloatArray = _as_floats(
        raw, np.float32(scale), shift, numbers, nowhere if hidden is None else hidden
    )
    return values


def _occurs(number: float, dtype: np.dtype[Any]) -> bool:
    """Say whether a number can be one of a type; NaN is missing anyway."""
    if dtype.kind == "f":
        return not np.isnan(number)
    return float(number).is_integer() and np.iinfo(dtype).min <= number <= np.iinfo(dtype).max


@njit(nogil=True, cache=True)
def _as_floats(
    raw: npt.NDArray[Any],
    scale: np.float32,
    offset: np.float32,
    missing: npt.NDArray[Any],
    hidden: BoolArray,
) -> FloatArray:
    values = np.empty(raw.shape, np.float32)
    nothing = np.float32(np.nan)
    for i in range(raw.shape[0]):
        line, own = raw[i], values[i]
        for j in range(raw.shape[1]):
            value = np.float32(line[j])
            own[j] = value * scale + offset if np.isfinite(value) else nothing
        for number in missing:
            for j in range(raw.shape[1]):
                own[j] = nothing if line[j] == number else own[j]
        if hidden.size:
            for j in range(raw.shape[1]):
                own[j] = nothing if hidden[i, j] else own[j]
    return values


def any_missing(planes: Iterable[FloatArray], shape: tuple[int, int]) -> BoolArray:
    """Return where a plane holds NaN, (rows, columns)."""
    found = np.zeros(shape, bool)
    for plane in planes:
        _add_missing(plane, found)
    return found


@njit(nogil=True, cache=True)
def _add_missing(plane: FloatArray, found: BoolArray) -> None:
    for i in range(plane.shape[0]):
        for j in range(plane.shape[1]):
            found[i, j] |= np.isnan(plane[i, j])


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
