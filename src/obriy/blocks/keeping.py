"""Blocks that stay in memory for a second pass, as small as they can be without losing a bit."""

import dataclasses
from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import xarray as xr
from numba import njit

from obriy.blocks.base import Block, FloatArray
from obriy.blocks.pixels import as_floats

Linear = tuple[float, float, int]
"""Scale, offset and the least DN of a band: value = DN · scale + offset."""
LINEAR: Final = "linear"
"""Key in the ``encoding`` of a lazy variable whose values are whole DN times a scale."""
_MISSING: Final = 65_535


@dataclasses.dataclass(frozen=True)
class Packed:
    """A band as the whole numbers it was made of.

    Attributes:
        codes: (rows, columns) uint16: DN less the least one; 65535 is missing.
        linear: How they become values.
    """

    codes: npt.NDArray[np.uint16]
    linear: Linear

    @property
    def values(self) -> FloatArray:
        """(rows, columns) float32, NaN missing: the same to the bit."""
        scale, offset, least = self.linear
        numbers = self.codes if not least else self.codes + np.int32(least)
        return as_floats(numbers, scale, offset, (_MISSING + least,), None)


def packed(values: FloatArray, linear: Linear | None) -> Packed | FloatArray:
    """Return a band as whole numbers; as it is where they would not give all of it back.

    Args:
        values: (rows, columns), NaN missing.
        linear: Of its file; None: it has none.
    """
    if linear is None or not linear[0]:
        return values
    codes = np.empty(values.shape, np.uint16)
    scale, offset, least = linear
    exact = _pack(values, np.float32(scale), np.float32(offset or -0.0), least, codes)
    return Packed(codes, linear) if exact else values


@njit(nogil=True, cache=True)
def _pack(
    values: FloatArray,
    scale: np.float32,
    offset: np.float32,
    least: int,
    codes: npt.NDArray[np.uint16],
) -> bool:
    """Fill in the codes of values; return whether they give all of them back."""
    last = np.float32(_MISSING - 1)
    step, low = np.float32(1) / scale, np.float32(least)
    for i in range(values.shape[0]):
        lost = 0
        for j in range(values.shape[1]):
            value = values[i, j]
            number = np.rint((value - offset) * step)
            code = number - low
            known = code >= 0 and code <= last
            same = number * scale + offset == value
            lost += not ((known and same) or np.isnan(value))
            codes[i, j] = np.uint16(code) if known else np.uint16(_MISSING)
        if lost:
            return False
    return True


@dataclasses.dataclass(frozen=True)
class Kept:
    """A block whose bands are packed.

    Attributes:
        block: All else of it.
        planes: Its bands.
    """

    block: Block
    planes: Mapping[str, Packed | FloatArray]

    @classmethod
    def of(cls, block: Block, linear: Mapping[str, Linear | None]) -> "Kept":
        """Pack a block; ``linear`` says of each band how whole numbers become its values."""
        planes = {name: packed(plane, linear[name]) for name, plane in block.bands.items()}
        return cls(dataclasses.replace(block, bands={}), planes)

    @property
    def nbytes(self) -> int:
        """What it takes in memory, bytes."""
        planes = [p.codes if isinstance(p, Packed) else p for p in self.planes.values()]
        beside = (self.block.flags, self.block.unseen, self.block.shadow)
        return sum(array.nbytes for array in [*planes, *beside] if array is not None)

    def unpacked(self) -> Block:
        """Return the block as it was."""
        bands = {n: p.values if isinstance(p, Packed) else p for n, p in self.planes.items()}
        return dataclasses.replace(self.block, bands=bands)


def linear_of(variable: xr.Variable) -> Linear | None:
    """Return how a lazy variable is made of whole numbers; None where it does not say it."""
    found: Linear | None = variable.encoding.get(LINEAR)
    return found
