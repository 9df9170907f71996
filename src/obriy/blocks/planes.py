"""Bands of a block as their files have them, which become values where somebody asks for them.

Whole numbers take a quarter of the memory of what is made of them: a loop over an index reads them
some rows at a time, so that their values never leave the processor's cache, and what is kept for a
second pass is kept as it was read.
"""

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obriy.blocks.pixels import (
    BoolArray,
    FloatArray,
    add_infinite,
    add_missing,
    add_nan,
    as_floats,
    fill_floats,
    pack,
)

Linear = tuple[float, float, bool]
"""Scale and offset of a band, and whether its DN may be negative: value = DN · scale + offset."""
LINEAR: Final = "linear"
"""Key in the ``encoding`` of a lazy variable whose values are whole DN times a scale."""
OWN_GRID: Final = "own_grid"
"""Key in the ``encoding`` of a lazy variable: whether its pixels are those of its file."""
_EVERYWHERE: Final = slice(None)
_NOWHERE: Final = np.zeros((0, 0), bool)


@dataclasses.dataclass(frozen=True)
class Numbers:
    """A window of a band: value = DN · scale + offset, in float32.

    Attributes:
        raw: (rows, columns) DN, of any type.
        scale: Factor.
        offset: Added after it.
        missing: DN that mean missing; NaN and infinity always do.
        hidden: (rows, columns), True where a pixel is missing whatever its DN; None: nowhere.
    """

    raw: npt.NDArray[Any]
    scale: float = 1.0
    offset: float = 0.0
    missing: tuple[float, ...] = ()
    hidden: BoolArray | None = None

    @property
    def nbytes(self) -> int:
        """What it takes in memory, bytes."""
        return self.raw.nbytes + (0 if self.hidden is None else self.hidden.nbytes)

    @functools.cached_property
    def _missing(self) -> npt.NDArray[Any]:
        """Those of the missing numbers that its type can hold; NaN is missing anyway."""
        return of_type(self.missing, self.raw.dtype)

    def values(self, rows: slice = _EVERYWHERE) -> FloatArray:
        """Return some rows as values, NaN missing."""
        raw, scale, shift, missing, hidden = self.parts
        made: FloatArray = as_floats(raw[rows], scale, shift, missing, hidden[rows])
        return made

    @property
    def parts(self) -> tuple[Any, ...]:
        """What `as_floats` makes values of, for compiled code."""
        # What is below zero by nothing changes no number; zero would change the sign of zeros.
        shift = np.float32(self.offset or -0.0)
        hidden = _NOWHERE if self.hidden is None else self.hidden
        return self.raw, np.float32(self.scale), shift, self._missing, hidden

    def add_missing(self, found: BoolArray) -> None:
        """Mark in (rows, columns) what is missing."""
        add_missing(self.raw, self._missing, found)
        if self.raw.dtype.kind == "f":
            add_infinite(self.raw, found)
        if self.hidden is not None:
            found |= self.hidden

    def hiding(self, parts: Iterable[tuple[slice, slice]]) -> "Numbers":
        """Return the window with some parts missing."""
        hidden = np.zeros(self.raw.shape, bool) if self.hidden is None else self.hidden.copy()
        for part in parts:
            hidden[part] = True
        return dataclasses.replace(self, hidden=hidden)


def of_type(numbers: Iterable[float], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Return those of some numbers that a type of numbers can hold, as such; NaN is none."""
    known = [n for n in numbers if not np.isnan(n)]
    if dtype.kind != "f":
        least, most = np.iinfo(dtype).min, np.iinfo(dtype).max
        known = [n for n in known if float(n).is_integer() and least <= n <= most]
    return np.array(known, dtype)


class Planes(Mapping[str, FloatArray]):
    """The bands of a block by common name: (rows, columns) float32, NaN missing.

    Args:
        numbers: Of each band; of one that was resampled its values.
    """

    def __init__(self, numbers: Mapping[str, Numbers | FloatArray]) -> None:
        self._numbers = numbers
        self._made: dict[str, FloatArray] = {}

    def __getitem__(self, name: str) -> FloatArray:
        if name not in self._made:
            self._made[name] = self.rows(name, _EVERYWHERE)
        return self._made[name]

    def __contains__(self, name: object) -> bool:  # else the values are made to tell
        return name in self._numbers

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        first = next(iter(self._numbers.values()))
        rows, columns = first.raw.shape if isinstance(first, Numbers) else first.shape
        return rows, columns

    @property
    def numbers(self) -> Mapping[str, Numbers | FloatArray]:
        """Each band as its file has it; of one that was resampled its values."""
        return self._numbers

    @property
    def nbytes(self) -> int:
        """What the numbers take, bytes."""
        return sum(plane.nbytes for plane in self._numbers.values())

    def rows(self, name: str, rows: slice) -> FloatArray:
        """Return some rows of a band."""
        if name in self._made:
            return self._made[name][rows]
        found = self._numbers[name]
        return found.values(rows) if isinstance(found, Numbers) else found[rows]

    def parts(self, name: str) -> tuple[Any, ...]:
        """Return what values of a band are made of, as `Numbers.parts`."""
        found = self._numbers[name]
        return (found if isinstance(found, Numbers) else Numbers(found)).parts

    def fill(self, name: str, place: tuple[int, int], into: FloatArray) -> None:
        """Fill in the values of a part of a band, that begins at a row and a column."""
        found = self._numbers[name]
        if isinstance(found, Numbers):
            fill_floats(found.parts, place, into)
        else:
            into[:] = found[place[0] :, place[1] :][: into.shape[0], : into.shape[1]]

    def at(
        self, name: str, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]
    ) -> FloatArray:
        """Return the values of a band at some pixels, (n,)."""
        found = self._numbers[name]
        if not isinstance(found, Numbers):
            return np.asarray(found[rows, columns], np.float32)
        picked = found.raw[rows, columns][None]
        hidden = None if found.hidden is None else found.hidden[rows, columns][None]
        values: FloatArray = dataclasses.replace(found, raw=picked, hidden=hidden).values()[0]
        return values

    def missing(self) -> BoolArray:
        """Return (rows, columns), True where a band is missing."""
        found = np.zeros(self.shape, bool)
        for plane in self._numbers.values():
            if isinstance(plane, Numbers):
                plane.add_missing(found)
            else:
                add_nan(plane, found)
        return found

    def hiding(self, hidden: BoolArray) -> "Planes":
        """Return the bands with the same pixels, (rows, columns), missing in all of them."""

        def less(plane: Numbers | FloatArray) -> Numbers:
            numbers = plane if isinstance(plane, Numbers) else Numbers(plane)
            own = hidden if numbers.hidden is None else hidden | numbers.hidden
            return dataclasses.replace(numbers, hidden=own)

        return Planes({name: less(plane) for name, plane in self._numbers.items()})

    def only(self, names: Iterable[str]) -> "Planes":
        """Return some of the bands."""
        return Planes({name: self._numbers[name] for name in names})

    def bare(self) -> "Planes":
        """Return the bands without the values that were made of them."""
        return Planes(self._numbers)


def planes_of(bands: Mapping[str, FloatArray]) -> Planes:
    """Return bands as planes; arrays stay what they are."""
    return bands if isinstance(bands, Planes) else Planes(bands)


def packed(values: FloatArray, linear: Linear | None) -> Numbers | FloatArray:
    """Return a band as whole numbers; as it is where they would not give all of it back.

    Args:
        values: (rows, columns), NaN missing.
        linear: Of its file; None: it has none.
    """
    if linear is None or not linear[0]:
        return values
    scale, offset, signed = linear
    nothing = -(1 << 15) if signed else (1 << 16) - 1
    codes = np.full(values.shape, nothing, np.int16 if signed else np.uint16)
    least = nothing + 1 if signed else 0
    exact = pack(values, np.float32(scale), np.float32(offset or -0.0), least, codes)
    return Numbers(codes, scale, offset, (nothing,)) if exact else values
