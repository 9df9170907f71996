"""What a clusterer sees of a block: units (pixels or segments) with their features.

Pixels by themselves are looked at in strips of rows, to need little memory. Segments and the
features of networks depend on where the window begins, and so does the last bit of a running mean:
they are made on tiles aligned to the scene, each wholly read through the halo of the block,
whichever block asks.
"""

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from obriy.blocks.base import WORK_BYTES, Block, FloatArray
from obriy.blocks.places import LAST_KEY, seed_key
from obriy.blocks.planes import planes_of
from obriy.errors import BandError
from obriy.indices.features import feature_names, feature_stack, ground_bands, halo_of
from obriy.methods.clustering.patch import TILE, Patch, SegmentArray
from obriy.methods.clustering.pixels import sample_pixels
from obriy.methods.clustering.sample import MOST_PIXELS, MOST_SEGMENTS, Sample, smallest

ROWS: Final = 64
"""Rows of pixels of which features are made at a time."""
CONTEXT_TILE: Final = 64
"""Side of the tiles in which features of a neighbourhood are made, pixels: little is read twice."""

FEW_BYTES: Final = 24
"""What pixels by themselves take, bytes per pixel: features are made of some rows at a time."""

Bands = Mapping[str, FloatArray]
Segmenter = Callable[[Bands, npt.NDArray[np.bool_]], SegmentArray]
"""Bands and what is seen of a tile to segments, 1 to n on the seen pixels and 0 elsewhere."""


class Extractor(Protocol):
    """A network that makes features of a neighbourhood."""

    @property
    def halo(self) -> int:
        """Pixels around a window that it looks at."""
        ...

    def features(self, bands: Bands) -> FloatArray:
        """Return (channels, rows, columns) float32."""
        ...


@dataclasses.dataclass(frozen=True)
class Look:
    """How units and their features are made of a block.

    Attributes:
        groups: Of `obriy.indices.features.GROUPS`.
        segmenter: What draws segments; None: the units are pixels.
        extractor: A network whose features stand beside those of the groups; None: there is none.
    """

    groups: tuple[str, ...]
    segmenter: Segmenter | None = None
    extractor: Extractor | None = None

    @property
    def tile(self) -> int:
        """Side of the tiles in which the scene is looked at, pixels; 0: in strips, no tiles."""
        if self.segmenter is not None or self.extractor is not None:
            return TILE
        return CONTEXT_TILE if self.reach else 0

    @property
    def reach(self) -> int:
        """Pixels around a pixel that its features look at."""
        return max(halo_of(self.groups), 0 if self.extractor is None else self.extractor.halo)

    @property
    def halo(self) -> int:
        """Pixels around a block that must be read with it."""
        return self.reach + self.tile

    @property
    def work_bytes(self) -> int:
        """Bytes per pixel of what is made of a block, beside its bands."""
        return WORK_BYTES if self.tile else FEW_BYTES

    @property
    def limit(self) -> int:
        """Units that are sampled at most."""
        return MOST_PIXELS if self.segmenter is None else MOST_SEGMENTS

    def bands(self, available: set[str]) -> set[str]:
        """Return the bands to read.

        Raises:
            BandError: where none sees the ground.
        """
        found = set(ground_bands(available))
        if not found:
            raise BandError(
                "No band of the image sees the ground, and clusters need at least one.",
                "Name the bands with --bands blue,green,red,nir (file order) or --sensor.",
            )
        return found

    def collect(self, block: Block, seed: int, before: Sample | None = None) -> Sample | None:
        """Return a sample of the units of the core of a block; None where it holds none.

        A tile belongs to the block that holds its first pixel.

        Args:
            block: The block.
            seed: Of the sample.
            before: A sample of other blocks: pixels that have no place beside it are left out.
        """
        if not self.tile:
            return self._collect_pixels(block, seed, LAST_KEY if before is None else before.most)
        found = None
        for rows, columns in self._places(block, whole=True):
            part = self._patch(block, rows, columns).sample(seed, self.limit)
            found = part if found is None else found.merge(part)
        return found

    def patches(self, block: Block) -> Iterator[Patch]:
        """Yield parts of a block, with their features, that together hold its core."""
        for rows, columns in self._places(block, whole=False):
            yield self._patch(block, rows, columns)

    def _collect_pixels(self, block: Block, seed: int, most: int) -> Sample:
        """Choose the pixels first, by keys up to the most: values are made of those alone."""
        names = ground_bands(set(block.bands))
        planes = planes_of(block.bands).only(names)
        top, left = (part.start for part in block.core)
        seen = ~planes.missing()[block.core]
        place = block.row + top, block.column + left
        start = seed_key(seed)
        # So many have keys below the limit, give or take; where too few, all are looked at again.
        count = int(np.count_nonzero(seen))
        share = (self.limit + 6 * math.sqrt(self.limit)) / max(count, 1)
        few = min(most, int(share * LAST_KEY))
        places, keys = sample_pixels(seen, *place, start, np.uint64(few))
        if few < most and len(keys) < min(self.limit, count):
            places, keys = sample_pixels(seen, *place, start, np.uint64(most))
        kept = np.sort(smallest(keys, self.limit))  # by place: what lies together is fetched so
        rows, columns = np.divmod(places[kept], seen.shape[1])
        picked = {name: planes.at(name, rows + top, columns + left)[None] for name in names}
        order = np.argsort(keys[kept])
        values = feature_stack(picked, self.groups)[:, 0].T[order]
        features = tuple(feature_names(self.groups, set(names)))
        ones = np.ones(len(kept), np.float32)
        return Sample(tuple(names), features, keys[kept][order], values, ones, count, self.limit)

    def _places(self, block: Block, *, whole: bool) -> Iterator[tuple[slice, slice]]:
        """Yield windows of the block: of a tile that the core cuts only one block is the owner.

        Args:
            block: The block.
            whole: Only what is the core's own, each pixel of the scene in one block.
        """
        if not self.tile:
            rows, columns = block.shape
            for top in range(0, rows, ROWS):
                yield slice(top, min(top + ROWS, rows)), slice(0, columns)
            return
        starts = [
            _tile_starts(origin, core, self.tile, whole=whole)
            for origin, core in zip((block.row, block.column), block.core, strict=True)
        ]
        for top, left in itertools.product(*starts):
            yield (
                slice(top, min(top + self.tile, block.shape[0])),
                slice(left, min(left + self.tile, block.shape[1])),
            )

    def _patch(self, block: Block, rows: slice, columns: slice) -> Patch:
        """Make the features of a window, with as much around it as they look at."""
        outer = tuple(
            slice(max(0, s.start - self.reach), min(n, s.stop + self.reach))
            for s, n in zip((rows, columns), block.shape, strict=True)
        )
        inner = tuple(
            slice(s.start - o.start, s.stop - o.start)
            for s, o in zip((rows, columns), outer, strict=True)
        )
        bands = {name: plane[outer] for name, plane in ground_of(block.bands).items()}
        names, stack = self._stack(bands)
        seen = seen_in(bands)[inner]
        near = {name: plane[inner] for name, plane in bands.items()}
        return Patch(
            place=(rows, columns),
            row=block.row + rows.start,
            column=block.column + columns.start,
            bands=tuple(bands),
            names=names,
            stack=stack[(slice(None), *inner)],
            seen=seen,
            segments=None if self.segmenter is None else self.segmenter(near, seen),
        )

    def _stack(self, bands: Bands) -> tuple[tuple[str, ...], FloatArray]:
        names = feature_names(self.groups, set(bands))
        stack = feature_stack(bands, self.groups)
        if self.extractor is None:
            return tuple(names), stack
        deep = self.extractor.features(bands)
        names += [f"deep_{number}" for number in range(1, len(deep) + 1)]
        return tuple(names), np.concatenate([stack, deep]).astype(np.float32)


def _tile_starts(origin: int, core: slice, tile: int, *, whole: bool) -> range:
    """Return where tiles of the scene begin, in a block.

    Args:
        origin: Of the block, in the scene.
        core: Of the block.
        tile: Side of a tile.
        whole: Only tiles that begin in the core; else all that touch it.
    """
    first = core.start + (-(core.start + origin) % tile)
    if not whole and first > core.start:
        first -= tile
    return range(first, core.stop, tile)


def ground_of(bands: Bands) -> dict[str, FloatArray]:
    """Return the bands that features are made of: others may have been read to find clouds."""
    return {name: bands[name] for name in ground_bands(set(bands))}


def seen_in(bands: Bands) -> npt.NDArray[np.bool_]:
    """Return (rows, columns) bool: where every band has a value."""
    first, *others = bands.values()
    seen: npt.NDArray[np.bool_] = np.isfinite(first)
    for plane in others:
        seen &= np.isfinite(plane)
    return seen
