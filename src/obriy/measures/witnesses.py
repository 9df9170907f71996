"""What the nearest dates say of the pixels that one date did not see, each heard by itself.

A pixel that some of the dates saw, and others did not, is expected to be what this date shows
where it saw pixels of which *those* dates say the same, whatever the others say of them. On a lake
that falls, a pixel that only an early date saw, as water, may have fallen dry since; this date says
how many of that early date's water have. What a pixel of which all dates say water has become
would not.

All dates but the nearest speak with one voice: the share of their observations that were wet.
What no date saw wet is left to the curve: on simulated places, where clouds pass for land on some
dates, hearing them on all land made the largest errors larger, and on water smaller.
"""

import dataclasses
from collections.abc import Sequence
from datetime import date
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from numba import njit

from obriy.blocks.windows import windows
from obriy.measures.occurrence import NEVER_SEEN, is_named, observations, read_window
from obriy.measures.tally import ByteArray, FloatArray, Mask
from obriy.model.classmap import ClassMap

HEARD: Final = 6
"""Dates that are heard one by one: more would leave few pixels of which they say the same."""
PRIOR: Final = 200.0
"""Pixels that what was expected before weighs, beside those of which the dates say the same."""
BINS: Final = 20
"""Steps of occurrence from 0 to 1."""
_SAID: Final = 3
"""Of a date: nothing, dry, wet."""
_REST: Final = 5
"""Of the rest: nothing, never wet, less than half of the time, half or more, always."""

Counts = npt.NDArray[np.int16]


@dataclasses.dataclass(frozen=True)
class Others:
    """What the dates but one saw in a window.

    Attributes:
        seen: (rows, columns) int16 number of observations.
        wet: (rows, columns) int16 how many of them are of the class.
        bins: (rows, columns) int16 bin of each pixel's occurrence, 0 to `BINS`; -1 where none saw
            it.
    """

    seen: Counts
    wet: Counts
    bins: Counts

    @classmethod
    def of(cls, percent: ByteArray, valid: ByteArray, named: Mask, wet: Mask) -> Self:
        """Return what is left of what all dates saw without what one did.

        Args:
            percent: (rows, columns) occurrence, per cent, `NEVER_SEEN` where there is none.
            valid: (rows, columns) number of observations that it rests on.
            named: (rows, columns) where the date saw a class.
            wet: (rows, columns) where it was that class.
        """
        found = np.empty((3, *percent.shape), np.int16)
        _leave_out(percent, valid, named, wet, found)
        return cls(*found)


@njit(nogil=True, cache=True)
def _leave_out(percent: ByteArray, valid: ByteArray, named: Mask, wet: Mask, found: Counts) -> None:
    """Fill in (3, rows, columns) what `Others` holds."""
    for i in range(percent.shape[0]):
        for j in range(percent.shape[1]):
            seen = np.int16(valid[i, j]) - named[i, j]
            known = percent[i, j] != NEVER_SEEN
            all_wet = np.rint(percent[i, j] * float(valid[i, j]) / 100.0) if known else 0.0
            own = min(max(all_wet - wet[i, j], 0.0), float(seen))
            found[0, i, j], found[1, i, j] = seen, own
            found[2, i, j] = np.rint(BINS * own / max(seen, 1)) if seen > 0 else -1.0


@dataclasses.dataclass(frozen=True)
class Witnesses:
    """The nearest dates, and what this one shows by what they say.

    Attributes:
        maps: The dates; none: nobody is heard.
        class_name: The class.
        pixels: (3, ..., 3, 5) seen pixels by what each date says, and the rest; index 0 of an
            axis: whatever it says.
        wet: The same shape, the share of the class in them, added up.
    """

    maps: tuple[ClassMap, ...]
    class_name: str
    pixels: FloatArray
    wet: FloatArray

    def expected(
        self, rows: slice, columns: slice, others: Others, before: FloatArray
    ) -> FloatArray:
        """Return the share of the class to expect in a window, 0 to 1.

        Args:
            rows: Rows of the window.
            columns: Columns of the window.
            others: What the other dates saw there.
            before: (rows, columns) what is expected where the dates say little.
        """
        if not self.maps:
            return before
        said = _said(self.maps, rows, columns, self.class_name, others)
        found = np.empty(before.shape)
        _weigh(said, others.wet, self.pixels.ravel(), self.wet.ravel(), before, found)
        return found


@njit(nogil=True, cache=True)
def _weigh(  # noqa: PLR0917 - a kernel
    said: Counts,
    others_wet: Counts,
    pixels: FloatArray,
    wet: FloatArray,
    before: FloatArray,
    found: FloatArray,
) -> None:
    """Fill in what `Witnesses.expected` returns.

    Of a pixel that none of them saw its occurrence tells more. And what no date saw wet is land:
    there one date that took thin clouds over a lake for land would flood all land.
    """
    for i in range(said.shape[0]):
        for j in range(said.shape[1]):
            place = said[i, j]
            heard = place >= _REST and others_wet[i, j] > 0
            count, own = (pixels[place], wet[place]) if heard else (0.0, 0.0)
            found[i, j] = (own + PRIOR * before[i, j]) / (count + PRIOR)


NOBODY: Final = Witnesses((), "", np.zeros(0), np.zeros(0))


class Learner:
    """Adds up, window by window, what a date shows by what the nearest dates say.

    Args:
        maps: The dates to hear.
        class_name: The class.
    """

    def __init__(self, maps: Sequence[ClassMap], class_name: str) -> None:
        self._maps, self._class_name = tuple(maps), class_name
        self._pixels = np.zeros(_SAID ** len(self._maps) * _REST)
        self._wet = np.zeros_like(self._pixels)

    def learn(
        self, rows: slice, columns: slice, others: Others, use: Mask, share: npt.NDArray[np.float32]
    ) -> None:
        """Take a window: where ``use`` says so, the share of the class that the date shows."""
        if not self._maps:
            return
        said = _said(self._maps, rows, columns, self._class_name, others)
        count(said, use, share, self._pixels, self._wet)

    def learnt(self) -> Witnesses:
        """Return what was learnt."""
        if not self._maps:
            return NOBODY
        shape = (_SAID,) * len(self._maps) + (_REST,)
        pixels, wet = (_whatever(a.reshape(shape)) for a in (self._pixels, self._wet))
        return Witnesses(self._maps, self._class_name, pixels, wet)


def hear(class_map: ClassMap, maps: Sequence[ClassMap], class_name: str) -> Learner:
    """Return who learns from a date by what the dates nearest to it say.

    Dates of which nothing tells where their clouds are do not speak for themselves; of a date that
    saw all there is nothing to ask.

    Args:
        class_map: The map of the date.
        maps: The series.
        class_name: The class.
    """
    if not _is_blind(class_map):
        return Learner((), class_name)
    own = _day(class_map)
    speak = [m for m in maps if m.time != class_map.time and m.clouds != "unknown"]
    near = sorted(speak, key=lambda m: (abs(_day(m) - own), _day(m)))[:HEARD]
    return Learner(near, class_name)


def _is_blind(class_map: ClassMap) -> bool:
    return any(
        not is_named(read_window(class_map.labels, rows, columns)).all()
        for rows, columns in windows(class_map.labels.shape)
    )


def _day(class_map: ClassMap) -> int:
    return date.fromisoformat(str(class_map.time)[:10]).toordinal()


def _whatever(counts: FloatArray) -> FloatArray:
    """Return counts where index 0 of each axis, nothing said, stands for whatever is said."""
    found = counts.copy()
    for axis in range(found.ndim):
        view = np.moveaxis(found, axis, 0)
        view[0] = view.sum(axis=0)
    return found


def _said(
    maps: Sequence[ClassMap], rows: slice, columns: slice, class_name: str, others: Others
) -> Counts:
    """Return what is said of each pixel of a window, as a place in the flat counts."""
    found, seen, wet = np.zeros_like(others.seen), others.seen.copy(), others.wet.copy()
    for class_map in maps:  # one by one: threads would cost a small map more than they save
        (one,) = observations([class_map], rows, columns, class_name=class_name)
        _add_said(one.named, one.wet, found, seen, wet)
    _add_rest(found, seen, wet)
    return found


@njit(nogil=True, cache=True)
def _add_said(named: Mask, is_wet: Mask, found: Counts, seen: Counts, wet: Counts) -> None:
    """Add what a date says to the places of pixels, and take it from what is left."""
    for i in range(found.shape[0]):
        for j in range(found.shape[1]):
            found[i, j] = found[i, j] * _SAID + named[i, j] + is_wet[i, j]
            seen[i, j] -= named[i, j]
            wet[i, j] -= is_wet[i, j]


@njit(nogil=True, cache=True)
def _add_rest(found: Counts, seen: Counts, wet: Counts) -> None:
    """Add what all the others say with one voice."""
    for i in range(found.shape[0]):
        for j in range(found.shape[1]):
            most = max(seen[i, j], 1)
            own = min(max(wet[i, j], 0), seen[i, j])
            rest = 1 + (own > 0) + (2 * own >= most) + (own >= most)
            found[i, j] = found[i, j] * _REST + (rest if seen[i, j] > 0 else 0)


@njit(nogil=True, cache=True)
def count(
    places: Counts,
    use: Mask,
    share: npt.NDArray[np.float32],
    pixels: FloatArray,
    shares: FloatArray,
) -> None:
    """Add the pixels that are used, and the share of the class in them, to the sums of their place.

    Args:
        places: (rows, columns) places in the sums.
        use: (rows, columns) which pixels count.
        share: (rows, columns) of the class.
        pixels: Sums, added to.
        shares: Likewise.
    """
    for i in range(places.shape[0]):
        for j in range(places.shape[1]):
            if use[i, j]:
                pixels[places[i, j]] += 1
                shares[places[i, j]] += share[i, j]
