"""Counts and samples of clusters, block by block, in any order: what their facts are made of.

Labels come on two levels: a cluster may have been cut in *leaves* in case that somebody wants it
split, and all that is counted is known of the leaves and of the clusters that they make up.
"""

import dataclasses
import math
import threading
from collections.abc import Mapping
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from obriy.blocks.base import ByteArray, FloatArray
from obriy.blocks.pixels import recode
from obriy.blocks.places import LAST_KEY, KeyArray, seed_key
from obriy.blocks.planes import planes_of
from obriy.indices.features import (
    NEIGHBOURHOOD_WINDOW,
    TEXTURE,
    TEXTURE_WINDOW,
    base_layers,
    ground_bands,
)
from obriy.labelling.counting import CODES, REACH, candidates, count_borders, count_inner, patches
from obriy.labelling.patches import patch_deviations, patch_means

SAMPLE: Final = 1500
"""Pixels of a cluster that are measured: a median of so many is known to 3 % of the deviation."""
CELL_M: Final = 30.0
"""What lies around a pixel is seen in cells of so many metres, or of a pixel where that is larger:
the same ground has the same texture and surroundings at 10 m and at 30 m."""
SOME: Final = 256
"""Pixels that are measured at a time: their surroundings stay in the processor's cache."""
MARGIN: Final = 6.0
"""Deviations by which more pixels may be met than were expected, and the sample is full still."""

Counts = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Measured:
    """Measured pixels of one cluster: hashes in ascending order, and their values by name."""

    keys: KeyArray
    values: Mapping[str, FloatArray]

    def merge(self, *others: Self) -> Self:
        """Keep the smallest hashes of all."""
        parts = (self, *others)
        keys = np.concatenate([part.keys for part in parts])
        keep = np.argsort(keys)[:SAMPLE]
        values = {n: np.concatenate([p.values[n] for p in parts])[keep] for n in self.values}
        return dataclasses.replace(self, keys=keys[keep], values=values)


class ClusterTally:
    """What is counted of leaves and clusters; blocks may come from several threads.

    Args:
        seed: Of the samples.
        pixel_m: Side of a pixel, metres; None: nobody knows, and a pixel is a cell.
        cluster_of: (256,) uint8: the cluster that each leaf is a part of; None: its own.
        expected: (256,) pixels of each leaf in all that will come, roughly: pixels that will not
            be in its sample are then passed by sooner. None: nobody knows.
    """

    def __init__(
        self,
        seed: int = 0,
        cluster_of: ByteArray | None = None,
        expected: npt.NDArray[np.float64] | None = None,
        *,
        pixel_m: float | None = None,
    ) -> None:
        own = np.arange(CODES, dtype=np.uint8)
        self.cluster_of: ByteArray = own if cluster_of is None else cluster_of
        self._seed = seed
        self._expected = expected
        self._pixel_m = pixel_m
        self._cell = cell_pixels(pixel_m)
        self._lock = threading.Lock()
        self._pixels = np.zeros(CODES, np.int64)
        self._inner = np.zeros((2, CODES), np.int64)
        self._borders = np.zeros((CODES, CODES), np.int64)
        self._samples: dict[int, Measured] = {}
        self._most = np.full(CODES, LAST_KEY, np.uint64)
        if expected is not None:
            wanted = (SAMPLE + MARGIN * np.sqrt(SAMPLE)) / np.maximum(expected, 1)
            some = wanted < 1
            self._most[some] = (wanted[some] * LAST_KEY).astype(np.uint64)

    def add(
        self,
        bands: Mapping[str, FloatArray],
        labels: ByteArray,
        place: tuple[int, int],
        core: tuple[slice, slice],
    ) -> None:
        """Take the core of a block.

        Args:
            bands: (rows, columns) float32 reflectance by name; NaN in all where a pixel does not
                count.
            labels: (rows, columns) leaves, 0 where a pixel does not count; known in the core and
                a cell around it.
            place: Row and column of the first pixel of the block in the scene.
            core: Rows and columns of the core; `halo_pixels` around it belong to the block, as far
                as the scene goes.
        """
        ranges = tuple((part.start, part.stop) for part in core)
        clusters = recode(labels, self.cluster_of)
        pixels, inner = count_inner(labels, clusters, ranges, step_pixels(self._cell))
        borders = count_borders(labels, ranges)
        start = seed_key(self._seed)
        rows, columns, keys = candidates(labels, ranges, place, start, self._most)
        codes = labels[rows, columns]
        keep = _smallest(codes, keys)
        rows, columns, keys, codes = rows[keep], columns[keep], keys[keep], codes[keep]
        values = measure_pixels(bands, rows, columns, self._cell)
        with self._lock:
            self._pixels += pixels
            self._inner += inner
            self._borders += borders
            for code in np.unique(codes):
                mine = codes == code
                found = Measured(keys[mine], {name: v[mine] for name, v in values.items()})
                self._keep(int(code), found)

    def fresh(self) -> Self:
        """Return one that counts the same, and has counted nothing."""
        return type(self)(self._seed, self.cluster_of, self._expected, pixel_m=self._pixel_m)

    def take(self, other: Self) -> None:
        """Add what was counted of other blocks."""
        with self._lock:
            self._pixels += other._pixels
            self._inner += other._inner
            self._borders += other._borders
            for code, found in other._samples.items():
                self._keep(code, found)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= {**state, "_lock": threading.Lock()}

    def _keep(self, code: int, found: Measured) -> None:
        known = self._samples.get(code)
        sample = found.merge() if known is None else known.merge(found)
        self._samples[code] = sample
        if sample.keys.size >= SAMPLE:
            self._most[code] = min(self._most[code], sample.keys[-1])

    def samples(self, number_of: ByteArray) -> dict[int, Measured]:
        """Return the measured pixels of each number.

        Args:
            number_of: (256,) the number of each leaf: its own, or that of its cluster.
        """
        parts: dict[int, list[Measured]] = {}
        for leaf in sorted(self._samples):
            parts.setdefault(int(number_of[leaf]), []).append(self._samples[leaf])
        return {n: first.merge(*others) for n, (first, *others) in sorted(parts.items())}

    def counts(self, number_of: ByteArray) -> tuple[Counts, Counts, Counts]:
        """Return pixels, pixels with no other number beside them, and borders, of each number.

        Args:
            number_of: As for `samples`.

        Returns:
            (256,), (256,), and (256, 256): edges of pixels that each shares with each other.
        """
        leaves = np.bincount(number_of[self._pixels > 0], minlength=CODES)
        inner = np.where(leaves[number_of] > 1, self._inner[1], self._inner[0])
        borders = np.zeros((CODES, CODES), np.int64)
        one, other = np.nonzero(self._borders)
        np.add.at(borders, (number_of[one], number_of[other]), self._borders[one, other])
        np.fill_diagonal(borders, 0)
        return _by_number(self._pixels, number_of), _by_number(inner, number_of), borders

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return all of it as arrays, for `numpy.savez`; none holds objects."""
        arrays: dict[str, npt.NDArray[Any]] = {
            "cluster_of": self.cluster_of, "pixels": self._pixels, "inner": self._inner,
            "borders": self._borders, "leaves": np.array(sorted(self._samples), np.int64),
        }  # fmt: skip
        for leaf, sample in self._samples.items():
            arrays[f"keys_{leaf}"] = sample.keys
            arrays[f"values_{leaf}"] = np.stack(list(sample.values.values()))
        names = next((list(s.values) for s in self._samples.values()), [])
        return arrays | {"names": np.array(names, str)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """Return what `to_arrays` gave."""
        tally = cls(cluster_of=arrays["cluster_of"])
        tally._pixels, tally._inner = arrays["pixels"], arrays["inner"]
        tally._borders = arrays["borders"]
        names = [str(name) for name in arrays["names"]]
        for leaf in arrays["leaves"].tolist():
            values = dict(zip(names, arrays[f"values_{leaf}"], strict=True))
            tally._samples[leaf] = Measured(arrays[f"keys_{leaf}"], values)
        return tally


def cell_pixels(pixel_m: float | None) -> float:
    """Return the side of a cell in pixels, 1 or more."""
    return 1.0 if pixel_m is None else max(1.0, CELL_M / pixel_m)


def step_pixels(cell: float) -> int:
    """Return how far away a pixel of the same cluster must lie on all sides to be inside."""
    return max(1, round(cell))


def halo_pixels(pixel_m: float | None) -> int:
    """Return the pixels around a block that the facts of its pixels look at."""
    cell = cell_pixels(pixel_m)
    return round(REACH * cell) + math.ceil((cell - 1) / 2)


def measure_pixels(
    bands: Mapping[str, FloatArray],
    rows: npt.NDArray[np.intp],
    columns: npt.NDArray[np.intp],
    cell: float = 1.0,
) -> dict[str, FloatArray]:
    """Return what is known of some pixels, by name, each (n,).

    Args:
        bands: (rows, columns) float32 reflectance by name; NaN does not count.
        rows: Rows of the pixels, (n,).
        columns: Columns of the pixels, (n,).
        cell: Side of a cell in pixels, of `cell_pixels`.

    Returns:
        Every ground band and index of the pixel by its name; ``texture_NAME``, its deviation in
        5 x 5 cells around; ``around_NAME``, its mean in 15 x 15. A cell is the mean of its
        seen pixels, those on its edge by their share.
    """
    parts = [
        _measure_some(bands, rows[first : first + SOME], columns[first : first + SOME], cell)
        for first in range(0, max(len(rows), 1), SOME)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _measure_some(
    bands: Mapping[str, FloatArray],
    rows: npt.NDArray[np.intp],
    columns: npt.NDArray[np.intp],
    cell: float,
) -> dict[str, FloatArray]:
    """Measure pixels by their patches, one below the other: indices are made of these alone."""
    planes, names = planes_of(bands), ground_bands(set(bands))
    values = base_layers({n: planes.at(n, rows, columns) for n in names})
    layers = base_layers({n: patches(planes.parts(n), rows, columns, cell) for n in names})
    middles = np.arange(len(rows)) * NEIGHBOURHOOD_WINDOW + REACH
    centre = np.full(len(rows), REACH)
    for name in TEXTURE:
        if name in layers:
            found = patch_deviations(layers[name], middles, centre, TEXTURE_WINDOW)
            values[f"texture_{name}"] = found
    for name, plane in layers.items():
        values[f"around_{name}"] = patch_means(plane, middles, centre, NEIGHBOURHOOD_WINDOW)
    return values


def _smallest(codes: ByteArray, keys: KeyArray) -> npt.NDArray[np.intp]:
    """Return the places of the `SAMPLE` smallest keys of each code, in the order of the places."""
    chosen = []
    for code in np.unique(codes):
        mine = np.flatnonzero(codes == code)
        if mine.size > SAMPLE:
            mine = mine[np.argpartition(keys[mine], SAMPLE - 1)[:SAMPLE]]
        chosen.append(mine)
    return np.sort(np.concatenate(chosen)) if chosen else np.zeros(0, np.intp)


def _by_number(counts: Counts, number_of: ByteArray) -> Counts:
    found = np.zeros(CODES, np.int64)
    np.add.at(found, number_of, counts)
    return found
