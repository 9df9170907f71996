"""A sample of a scene that is the same however the scene is cut into blocks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numba import njit
from numpy.typing import NDArray

from obriy.blocks.planes import planes_of
from obriy.methods.auto.evidence import F32, I64, Flags, load_tables, names_of, pick_evidence

Keys = NDArray[np.uint64]


_LAST: Final = 2.0**64
"""Just above the largest hash."""
_SPARE: Final = 1.1
"""Pixels that are looked at for each that is kept: of thousands, hashes spread that evenly."""


@njit(nogil=True, cache=True, inline="always")
def _hash(row: Any, column: Any) -> Any:
    """Hash a global position (splitmix64's mixing, a bijection)."""
    x = (np.uint64(row) << np.uint64(32)) | np.uint64(column)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@njit(nogil=True, cache=True)
def _fill_below(  # noqa: PLR0917 - a kernel
    missing: Flags, row0: int, col0: int, most: np.uint64, keys: Keys, places: I64
) -> int:
    """Fill in the pixels that are not missing and whose hash is not above a number.

    `keys` and `places` (2, n) have room for some; how many there are is returned.
    """
    line = np.empty(missing.shape[1], np.uint64)
    count = 0
    for row in range(missing.shape[0]):
        for column in range(line.size):
            line[column] = _hash(row0 + row, col0 + column)
        for column in range(line.size):
            if line[column] <= most and not missing[row, column]:
                if count < keys.size:
                    keys[count], places[0, count], places[1, count] = line[column], row, column
                count += 1
    return count


def _smallest(missing: Flags, row0: int, col0: int, size: int) -> tuple[Keys, I64]:
    """Return pixels of a block with the smallest hashes, some more than wanted: keys, and places.

    Those are (2, n), row by row.
    """
    valid = int(missing.size - np.count_nonzero(missing))
    share, count, keys = _SPARE * size / max(valid, 1), -1, np.empty(0, np.uint64)
    while not min(size, valid) <= count <= len(keys):
        most = _as_key(_LAST * share)
        keys = np.empty(min(missing.size, int(share * valid * _SPARE) + size), np.uint64)
        places = np.empty((2, len(keys)), np.int64)
        count = _fill_below(missing, row0, col0, most, keys, places)
        share *= 2
    return keys[:count], places[:, :count]


def _as_key(number: float) -> np.uint64:
    return np.uint64(min(int(number), 2**64 - 1))


@dataclass(frozen=True)
class Sample:
    """Pixels with the smallest hashes of their positions: the same however the scene is cut.

    Attributes:
        names: Bands, in the order of `BANDS`.
        keys: Hash of each kept pixel's global row and column, ascending, (n,).
        values: Reflectance, (n, bands).
        shadow: Where the caller hinted at shadow, (n,).
        valid: Number of pixels with every band, kept or not.
        total: Number of pixels.
    """

    names: tuple[str, ...]
    keys: Keys
    values: F32
    shadow: Flags
    valid: int
    total: int

    def merge(self, other: Self) -> Self:
        """Keep the smallest hashes of both; associative and commutative."""
        keys = np.concatenate([self.keys, other.keys])
        # Both are in order: a stable sort has only to merge them.
        order = np.argsort(keys, kind="stable")[: load_tables()[0].sample_size]
        return type(self)(
            self.names,
            keys[order],
            np.concatenate([self.values, other.values])[order],
            np.concatenate([self.shadow, other.shadow])[order],
            self.valid + other.valid,
            self.total + other.total,
        )


def collect(
    bands: Mapping[str, F32],
    row0: int,
    col0: int,
    shadow: Flags | None = None,
    core: tuple[slice, slice] | None = None,
) -> Sample:
    """Sample one block.

    Args:
        bands: Reflectance by band name, each (y, x), NaN missing.
        row0: Global row of the block's first pixel.
        col0: Global column of it.
        shadow: True where a quality band flags shadow, (y, x).
        core: The part that is sampled, without the halo; None: all of it.
    """
    evidence = pick_evidence(set(bands))
    planes = planes_of(bands).only(names_of(evidence, set(bands)))
    rows, columns = core or (slice(0, planes.shape[0]), slice(0, planes.shape[1]))
    missing = planes.missing()[rows, columns]
    size = load_tables()[0].sample_size
    keys, (i, j) = _smallest(missing, row0 + rows.start, col0 + columns.start, size)
    places = i + rows.start, j + columns.start
    order = np.argsort(keys)[:size]
    values = np.stack([planes.at(name, *places) for name in planes], axis=1)[order]
    dark = np.zeros(keys.size, bool) if shadow is None else np.asarray(shadow, bool)[places]
    valid = int(missing.size - np.count_nonzero(missing))
    return Sample(evidence.bands, keys[order], values, dark[order], valid, missing.size)
