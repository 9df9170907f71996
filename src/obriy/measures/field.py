"""Loops over the areas of pixels, which are interpolated between nodes; see `AreaField`.

Compiled for one thread: the engine has its threads.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

BLOCK: Final = 32
"""Side of a block, pixels. Errors of a map hang together along a shore and within a pond, not from
one block of this size to the next; windows of the engine are whole blocks."""

FloatArray = npt.NDArray[np.float64]
ByteArray = npt.NDArray[np.uint8]
IntArray = npt.NDArray[np.int64]


@njit(nogil=True, cache=True)
def weights_of(left: IntArray, part: FloatArray, offset: int) -> FloatArray:
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
def area_of(weights: FloatArray, across: FloatArray, first: int) -> float:
    """Return the area of a block, m², of its nodes added up over its rows."""
    a = 0.0
    for k in range(min(weights.size, across.size - first)):
        a += weights[k] * across[first + k]
    return a


@njit(nogil=True, cache=True, fastmath={"reassoc"})  # sums of many at once
def area_where(  # noqa: PLR0917 - a kernel
    nodes: FloatArray,
    left: IntArray,
    part: FloatArray,
    stops: IntArray,
    codes: ByteArray,
    wanted: np.uint8,
    where: tuple[int, int, int, int],
) -> float:
    """Return the area of the pixels of a block, m², that have a code."""
    top, bottom, begin, end = where
    a = 0.0
    first = begin
    while first < end:
        k, stop = left[first], min(stops[first], end)
        between = part[first:stop]
        for i in range(top, bottom):
            line = codes[i, first:stop]
            count = after = 0.0
            for j in range(line.size):
                count += line[j] == wanted
                after += between[j] * (line[j] == wanted)
            a += nodes[i, k] * (count - after) + nodes[i, k + 1] * after
        first = stop
    return a


@njit(nogil=True, cache=True)
def stops_of(left: IntArray) -> IntArray:
    """Return the column after the last of those between the same nodes as a column."""
    stops = np.empty_like(left)
    stop = left.size
    for j in range(left.size - 1, -1, -1):
        if left[j] != left[stop - 1]:
            stop = j + 1
        stops[j] = stop
    return stops


@njit(nogil=True, cache=True)
def fill_row(  # noqa: PLR0917 - a kernel
    nodes: FloatArray,
    i: int,
    left: IntArray,
    part: FloatArray,
    stops: IntArray,
    begin: int,
    end: int,
    area: FloatArray,
) -> None:
    """Interpolate the areas of a part of a row of pixels between its nodes."""
    first = begin
    while first < end:
        before, after, stop = nodes[i, left[first]], nodes[i, left[first] + 1], stops[first]
        for j in range(first, min(stop, end)):
            area[j] = before * (1.0 - part[j]) + after * part[j]
        first = stop
