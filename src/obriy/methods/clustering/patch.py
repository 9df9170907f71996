"""A part of a block with its features, and its units: pixels, or segments."""

import dataclasses
from typing import Final

import numpy as np
import numpy.typing as npt

from obriy.blocks.base import ByteArray, FloatArray
from obriy.blocks.places import KeyArray, place_keys
from obriy.methods.clustering.sample import Sample, smallest

TILE: Final = 256
"""Side of the tiles in which segments are drawn, pixels: the tile of most image files."""
SegmentArray = npt.NDArray[np.int32]


@dataclasses.dataclass(frozen=True)
class Patch:
    """A part of a block with its features.

    Attributes:
        place: Rows and columns, of the block.
        row: Row of its first pixel in the scene.
        column: Column of its first pixel in the scene.
        bands: Bands that the features are made of.
        names: Features, in the order of the stack.
        stack: (features, rows, columns) float32.
        seen: (rows, columns) bool: every feature is known.
        segments: (rows, columns) int32 numbers 1 to n, 0 where nothing is seen; None: its units
            are pixels.
    """

    place: tuple[slice, slice]
    row: int
    column: int
    bands: tuple[str, ...]
    names: tuple[str, ...]
    stack: FloatArray
    seen: npt.NDArray[np.bool_]
    segments: SegmentArray | None

    def values(self) -> FloatArray:
        """Return (features, units) float32: of a segment the means over its pixels."""
        if self.segments is None:
            return self.stack[:, self.seen]
        numbers, sizes = self.segments[self.seen], self.sizes()
        planes = (plane[self.seen] for plane in self.stack)
        totals = [np.bincount(numbers, weights=plane, minlength=1)[1:] for plane in planes]
        return (np.array(totals) / sizes).astype(np.float32)

    def sizes(self) -> FloatArray:
        """Return (units,) float32 pixels of each."""
        if self.segments is None:
            return np.ones(np.count_nonzero(self.seen), np.float32)
        return np.bincount(self.segments[self.seen], minlength=1)[1:].astype(np.float32)

    def keys(self, seed: int) -> KeyArray:
        """Return (units,) hashes of their places in the scene."""
        if self.segments is None:
            rows, columns = np.nonzero(self.seen)
            return place_keys(seed, rows + self.row, columns + self.column)
        # Row and column of the tile share the upper half of the key; segments have the lower.
        tile = np.array([(self.row // TILE << 16) | (self.column // TILE)])
        return place_keys(seed, tile, np.arange(len(self.sizes())))

    def sample(self, seed: int, limit: int) -> Sample:
        """Return the units with the smallest hashes, at most so many."""
        keys = self.keys(seed)
        kept = smallest(keys, limit)
        values, sizes = self.values()[:, kept].T, self.sizes()[kept]
        return Sample(self.bands, self.names, keys[kept], values, sizes, len(keys), limit)

    def spread(self, numbers: ByteArray) -> ByteArray:
        """Return (rows, columns) uint8: the number of each unit on its pixels, 0 elsewhere."""
        found = np.zeros(self.seen.shape, np.uint8)
        found[self.seen] = (
            numbers if self.segments is None else numbers[self.segments[self.seen] - 1]
        )
        return found
