"""A sample of the units of a scene (pixels or segments), the same however the scene is cut."""

import dataclasses
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from obriy.blocks.base import FloatArray

KeyArray = npt.NDArray[np.uint64]

MOST_PIXELS: Final = 50_000
"""Pixels that are kept: a class of 1 % of the scene still has 500 of them."""
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


def place_keys(
    seed: int, rows: npt.NDArray[np.integer], columns: npt.NDArray[np.integer]
) -> KeyArray:
    """Return a hash of each place: as good as random, and never the same for two places.

    Args:
        seed: Another seed gives another order.
        rows: Rows in the scene (or of tiles), below 2**32; broadcast against the columns.
        columns: Columns in the scene (or numbers within a tile), below 2**32.
    """
    start = _mix(np.array([seed % 2**63], np.uint64))
    places = (rows.astype(np.uint64) << np.uint64(32)) | columns.astype(np.uint64)
    return _mix(places ^ start)


def smallest(keys: KeyArray, limit: int) -> npt.NDArray[np.intp]:
    """Return the places of the smallest keys, at most so many, in the order of the keys."""
    if len(keys) > limit:
        chosen = np.argpartition(keys, limit - 1)[:limit]
        return chosen[np.argsort(keys[chosen])]
    return np.argsort(keys)


def _mix(values: KeyArray) -> KeyArray:
    """Mix the bits of numbers: the last step of splitmix64 (Steele et al. 2014), a bijection."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
