"""Ice by regions that grow from what is sure: ``watershed`` and ``growing``.

Both look at a whole image. Here they look at windows of at most `SIZE` that are spread evenly over
the scene and overlap (`obriy.methods.tiles.spread_windows`): a bay is one window.
"""

import dataclasses
import functools
import heapq
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy import ndimage

from obriy.blocks.base import Block, ByteArray, FloatArray, Histogram, Labelled
from obriy.methods.clustering.segments import edge_strength
from obriy.methods.ice.mixing import chosen_bands, limits_used, sure_classes
from obriy.methods.ice.sea import missing_in, sea_of
from obriy.methods.tiles import Extent, Tile, WindowMemory, spread_windows
from obriy.model.ice import CLOUD, ICE, WATER
from obriy.model.legend import NO_DATA, UNNAMED

Bands = Mapping[str, FloatArray]
Grow = Callable[[Bands, ByteArray, npt.NDArray[np.bool_]], ByteArray]
"""Bands of a window, its seeds (codes, 0: none) and what is seen of it to codes."""

SIZE: Final = (512, 512)
OVERLAP: Final = 128
"""A pixel sees at least half of this in every direction, beyond which regions rarely decide."""


def flood(bands: Bands, seeds: ByteArray, seen: npt.NDArray[np.bool_]) -> ByteArray:
    """Flood the edges of a window from its seeds (Meyer and Beucher 1990).

    Watersheds with markers, doi:10.1016/1047-3203(90)90014-M.
    """
    from skimage.segmentation import watershed

    basins = watershed(edge_strength(bands, seen), seeds.astype(np.int32), mask=seen)
    return np.asarray(basins).astype(np.uint8)


def grow(bands: Bands, seeds: ByteArray, seen: npt.NDArray[np.bool_]) -> ByteArray:
    """Grow regions from seeds, the likest pixel first (Adams and Bischof 1994).

    Seeded region growing, doi:10.1109/34.295913: each connected group of seeds is a region, whose
    mean moves with what joins it.
    """
    regions, of_region = _connected(seeds)
    planes = np.stack([np.where(seen, bands[name], 0) for name in bands]).astype(np.float32)
    inside, count = regions.ravel(), len(of_region)
    sums = [np.bincount(inside, weights=plane.ravel(), minlength=count) for plane in planes]
    sizes = np.bincount(inside, minlength=count).astype(np.float64)
    free = seen & (regions == 0)
    return of_region[_grow(planes, regions, free, np.ascontiguousarray(np.transpose(sums)), sizes)]


@dataclasses.dataclass(frozen=True)
class RegionIce:
    """Regions from sure seeds as a method of the engine; it asks only how large the scene is.

    Attributes:
        name: ``"watershed"`` or ``"growing"``.
        grow: How the rest is won from the seeds.
    """

    name: str
    grow: Grow
    gives_fraction: bool = False
    halo: int = max(SIZE) - 1

    def bands(self, available: set[str]) -> set[str]:
        """Return the bands by which seeds are told.

        Raises:
            BandError: where there is no visible band or no near infrared.
        """
        return set(chosen_bands(available, self.name))

    def collect(self, block: Block) -> Extent:
        """Return the size of the scene as far as the block tells."""
        return Extent.of(block)

    def decide(self, statistics: Extent) -> "RegionRule":
        """Return the rule."""
        return RegionRule(self.name, self.grow, statistics)


@dataclasses.dataclass(frozen=True)
class RegionRule:
    """Seeds by sure tests, the rest by growth; nothing is known of a window without seeds.

    Attributes:
        name: As written by the user.
        grow: How the rest is won from the seeds.
        extent: Size of the scene, on which the windows lie.
        memory: Windows that are done, which blocks share.
    """

    name: str
    grow: Grow
    extent: Extent
    memory: WindowMemory = dataclasses.field(
        default_factory=WindowMemory, compare=False, repr=False
    )

    def apply(self, block: Block) -> Labelled:
        """Label the core of a block; any cut into blocks gives the same labels."""
        sea = sea_of(block)
        labels = np.full(block.shape, NO_DATA, np.uint8)
        for window in spread_windows(sea, self.extent, SIZE, OVERLAP):
            found = self.memory.recall(window, functools.partial(self._label, sea, window))
            window.put(block, labels, found)
        return Labelled(labels)

    def _label(self, sea: Block, window: Tile) -> ByteArray:
        bands = {name: window.cut(sea, plane) for name, plane in sea.bands.items()}
        seen = ~missing_in(bands)
        seeds = np.where(seen, sure_classes(bands), 0).astype(np.uint8)
        if not seeds.any():
            return np.where(seen, np.uint8(UNNAMED), np.uint8(NO_DATA))
        labels = self.grow(bands, seeds, seen)
        # An inlet that no seed can reach through pixels that are seen.
        labels[seen & (labels == 0)] = UNNAMED
        labels[~seen] = NO_DATA
        return labels

    def describe(self) -> dict[str, Any]:
        """Return what seeds are, and the windows."""
        return {"limits": limits_used(), "window": list(SIZE), "overlap": OVERLAP}

    def histograms(self) -> list[Histogram]:
        """Return nothing: it cuts no quantity."""
        return []


def _connected(seeds: ByteArray) -> tuple[npt.NDArray[np.int32], ByteArray]:
    """Number the connected groups of seeds; return their numbers, and the class of each."""
    regions = np.zeros(seeds.shape, np.int32)
    of_region = [0]
    for code in (WATER, ICE, CLOUD):
        found, count = ndimage.label(seeds == code)
        regions[found > 0] = found[found > 0] + len(of_region) - 1
        of_region += [code] * count
    return regions, np.array(of_region, np.uint8)


@njit(nogil=True, cache=True)
def _grow(
    planes: FloatArray,
    regions: npt.NDArray[np.int32],
    free: npt.NDArray[np.bool_],
    sums: npt.NDArray[np.float64],
    sizes: npt.NDArray[np.float64],
) -> npt.NDArray[np.int32]:
    """Grow numbered regions over what is free; equal likeness goes by the order of asking.

    Args:
        planes: (bands, rows, columns).
        regions: (rows, columns) numbers of the seeds, 0 elsewhere; grown in place.
        free: Where there is no seed and every band is seen; used up.
        sums: (regions, bands) sum over each region; grows with it.
        sizes: (regions,) pixels of each; grows with it.
    """
    bands, rows, columns = planes.shape
    top, left = np.nonzero(regions)
    queue = [(-1.0, n, top[n], left[n], regions[top[n], left[n]]) for n in range(len(top))]
    asked = len(queue)
    while queue:
        unlike, _, i, j, region = heapq.heappop(queue)
        if unlike >= 0 and not free[i, j]:
            continue
        if unlike >= 0:
            free[i, j] = False
            regions[i, j] = region
            sizes[region] += 1
            sums[region] += planes[:, i, j]
        for down, right in ((-1, 0), (0, -1), (0, 1), (1, 0)):
            y, x = i + down, j + right
            if 0 <= y < rows and 0 <= x < columns and free[y, x]:
                away = 0.0
                for k in range(bands):
                    away += (planes[k, y, x] - sums[region, k] / sizes[region]) ** 2
                asked += 1
                heapq.heappush(queue, (away, asked, y, x, region))
    return regions
