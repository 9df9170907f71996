"""A sample of the units of a scene (pixels or segments), the same however the scene is cut."""

import dataclasses
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from obriy.blocks.base import FloatArray
from obriy.blocks.places import LAST_KEY, KeyArray

MOST_PIXELS: Final = 50_000
"""Pixels that are kept: a class of 1 % of the scene still has 500 of them, and their 12 centres
leave 0.04 % more scatter over all pixels than those of a million (`benchmarks/clustering.py`)."""
MOST_SEGMENTS: Final = 20_000
"""Segments that are kept; each stands for tens of pixels."""


@dataclasses.dataclass(frozen=True)
class Sample:
    """The units with the smallest hashes of their places.

    Attributes:
        bands: Bands that the features are made of.
        names: Features, in the order of the columns of ``values``.
        keys: (n,) hash of each unit's place, ascending.
        values: (n, features) float32; no NaN.
        sizes: (n,) pixels of each unit.
        seen: Units that had every feature, kept or not.
        limit: Units kept at most.
    """

    bands: tuple[str, ...]
    names: tuple[str, ...]
    keys: KeyArray
    values: FloatArray
    sizes: FloatArray
    seen: int
    limit: int

    @property
    def most(self) -> int:
        """The largest key that can still have a place beside those that are kept."""
        return int(self.keys[-1]) if len(self.keys) >= self.limit else int(LAST_KEY)

    def merge(self, other: Self) -> Self:
        """Keep the smallest hashes of both; associative and commutative."""
        keys = np.concatenate([self.keys, other.keys])
        order = np.argsort(keys, kind="stable")[: self.limit]
        return dataclasses.replace(
            self,
            keys=keys[order],
            values=np.concatenate([self.values, other.values])[order],
            sizes=np.concatenate([self.sizes, other.sizes])[order],
            seen=self.seen + other.seen,
        )


def smallest(keys: KeyArray, limit: int) -> npt.NDArray[np.intp]:
    """Return the places of the smallest keys, at most so many, in the order of the keys."""
    if len(keys) > limit:
        chosen = np.argpartition(keys, limit - 1)[:limit]
        return chosen[np.argsort(keys[chosen])]
    return np.argsort(keys)
