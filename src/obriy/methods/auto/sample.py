"""A sample of a scene that is the same however the scene is cut into blocks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numba import njit
from numpy.typing import NDArray

from obriy.methods.auto.evidence import F32, Flags, load_tables, pick_evidence, stack_of


@njit(nogil=True, cache=True)
def _hashes(stack: F32, row0: int, col0: int) -> tuple[NDArray[np.uint64], Flags]:
    """Hash each pixel's global position (splitmix64, a bijection); tell if it has every band."""
    count, rows, cols = stack.shape
    keys = np.empty((rows, cols), np.uint64)
    good = np.empty((rows, cols), np.bool_)
    for i in range(rows):
        for j in range(cols):
            total = np.float32(0.0)
            for k in range(count):
                total += stack[k, i, j]
            good[i, j] = np.isfinite(total)
            x = (np.uint64(row0 + i) << np.uint64(32)) | np.uint64(col0 + j)
            x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            keys[i, j] = x ^ (x >> np.uint64(31))
    return keys, good


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
    keys: NDArray[np.uint64]
    values: F32
    shadow: Flags
    valid: int
    total: int

    def merge(self, other: Self) -> Self:
        """Keep the smallest hashes of both; associative and commutative."""
        keys = np.concatenate([self.keys, other.keys])
        order = np.argsort(keys)[: load_tables()[0].sample_size]
        return type(self)(
            self.names,
            keys[order],
            np.concatenate([self.values, other.values])[order],
            np.concatenate([self.shadow, other.shadow])[order],
            self.valid + other.valid,
            self.total + other.total,
        )


def collect(bands: Mapping[str, F32], row0: int, col0: int, shadow: Flags | None = None) -> Sample:
    """Sample one block (without its halo).

    Args:
        bands: Reflectance by band name, each (y, x), NaN missing.
        row0: Global row of the block's first pixel.
        col0: Global column of it.
        shadow: True where a quality band flags shadow, (y, x).
    """
    evidence = pick_evidence(set(bands))
    stack = stack_of(bands, evidence)
    hashes, good = _hashes(stack, row0, col0)
    size = load_tables()[0].sample_size
    valid = int(good.sum())
    keep = good
    if valid > size:
        keep = good & (hashes <= np.partition(hashes[good], size - 1)[size - 1])
    i, j = np.nonzero(keep)
    keys = hashes[i, j]
    order = np.argsort(keys)
    i, j, keys = i[order], j[order], keys[order]
    dark = np.zeros(keys.size, bool) if shadow is None else np.asarray(shadow, bool)[i, j]
    return Sample(evidence.bands, keys, stack[:, i, j].T.copy(), dark, valid, good.size)
