"""Where the windows of a map meet: what only both sides together tell."""

import threading
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from obriy.model.legend import NO_DATA, UNNAMED

ByteArray = npt.NDArray[np.uint8]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

_DEEP: Final = 2
"""Lines that are kept of each side: the pixels at the seam, and those they touch."""


class Seams:
    """Labels on both sides of every line along which windows of a map meet.

    Args:
        shape: Rows and columns of the map.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self._shape = shape
        self._lines: tuple[dict[int, ByteArray], dict[int, ByteArray]] = ({}, {})
        self._lock = threading.Lock()

    def keep(
        self,
        window: tuple[slice, slice],
        region: tuple[slice, slice],
        labels: Callable[[slice, slice], ByteArray],
    ) -> None:
        """Keep what lies at the sides of a window; windows come in any order, from any thread.

        Args:
            window: Rows and columns of it.
            region: The part of it that is known.
            labels: Returns the class codes of a part of that.
        """
        for axis, side in enumerate(window):
            for at in (side.start, side.stop):
                if not 0 < at < self._shape[axis]:
                    continue
                part = slice(
                    max(region[axis].start, at - _DEEP), min(region[axis].stop, at + _DEEP)
                )
                along = region[1 - axis]
                if part.start >= part.stop or along.start >= along.stop:
                    continue
                found = labels(along, part).T if axis else labels(part, along)
                lines = self._at(axis, at)
                lines[part.start - at + _DEEP : part.stop - at + _DEEP, along] = found

    def _at(self, axis: int, at: int) -> ByteArray:
        with self._lock:
            empty = np.zeros((2 * _DEEP, self._shape[1 - axis]), np.uint8)
            return self._lines[axis].setdefault(at, empty)

    def shore(self, code: int) -> IntArray:
        """Return (n, 2) row and column of pixels that touch one of the other kind over a seam only.

        Args:
            code: Of the class.
        """
        found = [np.zeros((0, 2), np.int64)]
        cuts = [np.zeros(n + _DEEP, bool) for n in self._shape]
        for axis, seams in enumerate(self._lines):
            cuts[axis][list(seams)] = True
        for axis, seams in enumerate(self._lines):
            for at, lines in seams.items():
                touches = _across(lines, code, cuts[axis][at - 1 : at + 2], cuts[1 - axis])
                places = np.argwhere(touches)
                places[:, 0] += at - 1
                found.append(places[:, ::-1] if axis else places)
        return np.unique(np.concatenate(found), axis=0)


@njit(nogil=True, cache=True)
def _across(lines: ByteArray, code: int, beside: BoolArray, cuts: BoolArray) -> BoolArray:
    """Tell which pixels of the two lines at a seam touch one of the other kind over seams only.

    Args:
        lines: (4, n) labels, the seam in the middle.
        code: Of the class.
        beside: (3,) whether there is a seam between one line and the next.
        cuts: Whether there is a seam before each pixel of a line.
    """
    found = np.zeros((2, lines.shape[1]), np.bool_)
    for i in range(1, 3):
        for j in range(lines.shape[1]):
            own, over, within = lines[i, j], False, False
            if own in (NO_DATA, UNNAMED):
                continue
            for to, cut in ((i - 1, beside[i - 1]), (i + 1, beside[i])):
                other = _is_other(own, lines[to, j], code)
                over |= other and cut
                within |= other and not cut
            for to, cut in ((j - 1, cuts[j]), (j + 1, cuts[j + 1])):
                other = 0 <= to < lines.shape[1] and _is_other(own, lines[i, to], code)
                over |= other and cut
                within |= other and not cut
            found[i - 1, j] = over and not within
    return found


@njit(nogil=True, cache=True)
def _is_other(own: int, label: int, code: int) -> bool:
    """Tell whether a pixel was seen, and is of the other kind."""
    if label == own:
        return False
    return label not in (NO_DATA, UNNAMED) and (label == code) != (own == code)
