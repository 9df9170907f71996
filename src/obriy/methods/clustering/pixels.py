"""Pixels by themselves: sampled, and given the nearest centre, each in one walk over the bands.

Of two centres p and q in a space that a matrix A leads to, the nearer one to A x is told by a
linear function of x: |A x - p|² - |A x - q|² has no square of x left in it. So a pixel costs one
weighted sum of its scaled features for each centre, whatever the space, and no point is made of it.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from obriy.blocks.base import ByteArray, FloatArray
from obriy.blocks.places import KeyArray, place_key
from obriy.blocks.planes import planes_of
from obriy.indices.catalogue import get_index
from obriy.methods.clustering.cells import Table, place_in
from obriy.methods.clustering.prototypes import MOST_BY_HAND, Prototypes
from obriy.methods.clustering.scaling import MOST_DEVIATIONS
from obriy.methods.clustering.space import Space
from obriy.model.bands import resolve_nir

Pairs = npt.NDArray[np.int64]

STRIP: Final = 32 * 1024
"""Pixels whose bands are copied side by side at a time: they stay in the processor's cache."""
CHUNK: Final = 512
"""Pixels whose features and sums are held at a time."""


def pairs_of(features: Sequence[str], bands: Sequence[str]) -> Pairs | None:
    """Return what each feature is made of, as places among the bands.

    Args:
        features: Names of bands and indices.
        bands: Names of the bands there are.

    Returns:
        (features, 2): of a band its place, twice; of an index (a - b) / (a + b) those of a and b.
        None where a feature is something else, or a band is no feature.
    """
    if set(bands) - set(features):
        return None
    nir = resolve_nir(set(bands)) or "nir"
    found = []
    for name in features:
        if name in bands:
            found.append((bands.index(name), bands.index(name)))
            continue
        names = get_index(name).formula.difference if name.isupper() else None
        if names is None:
            return None
        one, other = (bands.index(nir if n == "nir" else n) for n in names)
        found.append((one, other))
    return np.array(found, np.int64)


@dataclasses.dataclass(frozen=True)
class Nearest:
    """The nearest centre of pixels, told by sums of their scaled features.

    Attributes:
        pairs: What the features are made of, of `pairs_of`.
        centre: (features,) float32 that is taken off each.
        width: (features,) float32 that it is divided by.
        weights: (centres, features) float32, with columns of 0 up to a multiple of four: the
            smallest of the sums is that of the nearest.
        start: (centres,) float32 with which each sum begins.
        numbers: (centres,) uint8 number of the cluster of each.
        halves: (256, features) float32, with columns of 0 as the weights: of a cluster that was
            cut in two those of a sum that is above 0 in the second part.
        begin: (256,) float32 with which each of those sums begins.
        parts: (256, 2) uint8 numbers of the parts of a cluster; 0: it was not cut.
        table: Where clusters are places of a space: the sums are coordinates, by which it is
            looked up. None: clusters are what is nearest to a centre.
    """

    pairs: Pairs
    centre: FloatArray
    width: FloatArray
    weights: FloatArray
    start: FloatArray
    numbers: ByteArray
    halves: FloatArray
    begin: FloatArray
    parts: ByteArray
    table: Table | None = None

    def number(
        self, bands: Mapping[str, FloatArray], names: Sequence[str], core: tuple[slice, slice]
    ) -> ByteArray:
        """Return the cluster of each pixel of a block, 0 where a band is missing.

        Args:
            bands: (rows, columns) float32 by name, NaN missing.
            names: Those that the pairs are places among.
            core: Rows and columns to look at; 0 in all others.
        """
        features = (self.pairs, self.centre, self.width)
        sums, cuts = (self.weights, self.start), (self.halves, self.begin, self.parts)
        read = planes_of(bands)
        rows, columns = core
        found = np.zeros(read.shape, np.uint8)
        width = columns.stop - columns.start
        height = max(1, STRIP // width)
        planes = np.empty((len(names), height, width), np.float32)
        for top in range(rows.start, rows.stop, height):
            part = slice(top, min(top + height, rows.stop))
            strips = planes[:, : part.stop - top]
            for strip, name in zip(strips, names, strict=True):
                read.fill(name, (top, columns.start), strip)
            flat = strips.reshape(len(names), -1)
            numbers = np.empty(flat.shape[1], np.uint8)
            if self.table is None:
                _number(flat, features, (*sums, self.numbers), cuts, numbers)
            else:
                table = (self.table.low, self.table.side, self.table.labels, self.table.noise)
                _number_places(flat, features, (*sums, *table), cuts, numbers)
            found[part, columns] = numbers.reshape(-1, width)
        return found


def nearest_in(
    space: Space, prototypes: Prototypes, splits: Mapping[int, Prototypes], pairs: Pairs
) -> Nearest | None:
    """Return the sums that tell the nearest prototype in a space.

    Args:
        space: How features become points.
        prototypes: The clusters.
        splits: Of clusters that were cut, by their number: the prototypes of the parts.
        pairs: What the features are made of.

    Returns:
        None where sums do not tell it: the space is embedded, the prototypes are many or have a
        reach in a space of many dimensions, or a cluster was cut in more than two.
    """
    table = prototypes.table
    many = len(prototypes.points) > MOST_BY_HAND or np.isfinite(prototypes.reach)
    if space.embedder is not None or (many and table is None):
        return None
    if any(len(cut.points) != 2 for cut in splits.values()):
        return None
    weights, start = _sums(space, prototypes) if table is None else _coordinates(space)
    padded = np.pad(weights, ((0, 0), (0, -len(pairs) % 4))).astype(np.float32)
    halves = np.zeros((256, padded.shape[1]), np.float32)
    begin, parts = np.zeros(256, np.float32), np.zeros((256, 2), np.uint8)
    for parent, cut in splits.items():
        slopes, begins = _sums(space, cut)
        halves[parent, : len(pairs)] = slopes[0] - slopes[1]
        begin[parent], parts[parent] = begins[0] - begins[1], cut.numbers
    return Nearest(
        pairs, space.scale.centre, space.scale.width,
        padded, start.astype(np.float32), prototypes.numbers, halves, begin, parts, table,
    )  # fmt: skip


def _coordinates(space: Space) -> tuple[Any, Any]:
    """Return weights and start of the sums that are the coordinates of a point, float64."""
    matrix = space.axes.matrix.astype(np.float64)
    return matrix.T, -space.axes.centre.astype(np.float64) @ matrix


def _sums(space: Space, prototypes: Prototypes) -> tuple[Any, Any]:
    """Return weights and start of the sums of prototypes, float64."""
    matrix, points = space.axes.matrix.astype(np.float64), prototypes.points.astype(np.float64)
    offset = space.axes.centre.astype(np.float64) @ matrix
    return -2 * points @ matrix.T, (points**2).sum(axis=1) + 2 * points @ offset


@njit(nogil=True, cache=True)
def sample_pixels(
    seen: npt.NDArray[np.bool_], row: int, column: int, start: np.uint64, most: np.uint64
) -> tuple[npt.NDArray[np.int64], KeyArray]:
    """Return the seen pixels with small keys.

    Args:
        seen: (rows, columns) bool.
        row: Row of the first pixel in the scene.
        column: Column of the first pixel in the scene.
        start: Of `obriy.blocks.places.seed_key`.
        most: Keys above this are not wanted.

    Returns:
        Places in the flat block, and their keys, in the order of the places.
    """
    rows, columns = seen.shape
    keys = np.empty(columns, np.uint64)
    places, chosen = [np.int64(0)], [np.uint64(0)]  # typed by what is taken off again
    for i in range(rows):
        for j in range(columns):
            keys[j] = place_key(start, row + i, column + j)
        for j in range(columns):
            if seen[i, j] and keys[j] <= most:
                places.append(np.int64(i * columns + j))
                chosen.append(keys[j])
    return np.array(places)[1:], np.array(chosen)[1:]


@njit(nogil=True, cache=True, error_model="numpy")
def _number(planes: Any, of_pixels: Any, of_centres: Any, of_cuts: Any, found: ByteArray) -> None:
    """Number pixels by the least sum, which is added up in the order of the features."""
    weights, start, numbers = of_centres
    count = planes.shape[1]
    scaled = np.zeros((weights.shape[1], CHUNK), np.float32)
    total, best = np.empty(CHUNK, np.float32), np.empty(CHUNK, np.float32)
    nearest = np.empty(CHUNK, np.int32)
    for begin in range(0, count, CHUNK):
        end = min(begin + CHUNK, count)
        _features(planes, (begin, end), of_pixels, scaled)
        best[:] = np.inf
        nearest[:] = 0
        for c in range(len(weights)):
            _add_up(weights[c], start[c], scaled, total)
            _keep_least(total, best, nearest, np.int32(numbers[c]))
        _part(nearest, scaled, of_cuts, total)
        for i in range(end - begin):
            found[begin + i] = nearest[i]


@njit(nogil=True, cache=True, error_model="numpy")
def _number_places(
    planes: Any, of_pixels: Any, of_table: Any, of_cuts: Any, found: ByteArray
) -> None:
    """Number pixels by the cube of a table in which they lie; the sums are coordinates."""
    weights, start, low, side, labels, noise = of_table
    count, axes = planes.shape[1], len(weights)
    scaled = np.zeros((weights.shape[1], CHUNK), np.float32)
    point = np.zeros((len(low), CHUNK), np.float32)
    nearest, total = np.empty(CHUNK, np.int32), np.empty(CHUNK, np.float32)
    for begin in range(0, count, CHUNK):
        end = min(begin + CHUNK, count)
        _features(planes, (begin, end), of_pixels, scaled)
        for axis in range(axes):
            _add_up(weights[axis], start[axis], scaled, point[axis])
        nearest[:] = 0
        for i in range(end - begin):
            if np.isfinite(point[0, i]):
                nearest[i] = place_in(point[:, i], low, side, labels, noise)
        _part(nearest, scaled, of_cuts, total)
        for i in range(end - begin):
            found[begin + i] = nearest[i]


@njit(nogil=True, cache=True, error_model="numpy")
def _features(planes: Any, part: Any, of_pixels: Any, scaled: FloatArray) -> None:
    """Make the scaled features of some pixels."""
    pairs, centre, width = of_pixels
    first, last = part
    for f in range(len(pairs)):
        # Cut from a row each: of rows cut together nobody knew that pixels lie side by side.
        one, other = planes[pairs[f, 0], first:last], planes[pairs[f, 1], first:last]
        if pairs[f, 0] != pairs[f, 1]:
            _differ(one, other, scaled[f])
            one = scaled[f, : len(one)]
        _scale(one, centre[f], width[f], scaled[f])


@njit(nogil=True, cache=True)
def _add_up(weights: Any, start: Any, scaled: Any, total: Any) -> None:
    """Add up the weighted features, four by four: there is no rest, whatever their number."""
    total[:] = start
    for f in range(0, len(weights), 4):
        _add_four(total, weights[f : f + 4], scaled[f : f + 4])


@njit(nogil=True, cache=True)
def _part(nearest: Any, scaled: Any, of_cuts: Any, total: Any) -> None:
    """Give pixels the part that they are of, where their cluster was cut.

    Parts come after what they are parts of: a part that was cut itself has its turn.
    """
    halves, begin, parts = of_cuts
    present = np.zeros(len(parts), np.bool_)
    for i in range(CHUNK):
        present[nearest[i]] = True
    for number in range(len(parts)):
        if not (present[number] and parts[number, 0]):
            continue
        first, second = np.int32(parts[number, 0]), np.int32(parts[number, 1])
        present[first] = present[second] = True
        _add_up(halves[number], begin[number], scaled, total)
        for i in range(CHUNK):
            mine = second if total[i] > 0 else first
            nearest[i] = mine if nearest[i] == number else nearest[i]


@njit(nogil=True, cache=True, error_model="numpy")
def _differ(one: FloatArray, other: FloatArray, into: FloatArray) -> None:
    """Make (a - b) / (a + b), cut to -1 to 1, 0 where the sum is not positive; NaN stays NaN."""
    for i in range(len(one)):
        total = one[i] + other[i]
        value = (one[i] - other[i]) / total
        value = np.float32(-1) if value < np.float32(-1) else value
        value = np.float32(1) if value > np.float32(1) else value
        into[i] = np.float32(0) if total <= np.float32(0) else value


@njit(nogil=True, cache=True, error_model="numpy")
def _scale(values: FloatArray, centre: Any, width: Any, into: FloatArray) -> None:
    """Take off the centre and divide, within the most deviations; NaN stays NaN."""
    most = np.float32(MOST_DEVIATIONS)
    for i in range(len(values)):
        value = (values[i] - centre) / width
        value = -most if value < -most else value
        into[i] = most if value > most else value


@njit(nogil=True, cache=True)
def _add_four(total: FloatArray, weights: FloatArray, scaled: FloatArray) -> None:
    """Add four weighted features to the sums: each sum is fetched and put back once."""
    for i in range(CHUNK):
        value = total[i] + weights[0] * scaled[0, i]
        value += weights[1] * scaled[1, i]
        value += weights[2] * scaled[2, i]
        total[i] = value + weights[3] * scaled[3, i]


@njit(nogil=True, cache=True)
def _keep_least(total: FloatArray, best: FloatArray, nearest: Any, number: Any) -> None:
    """Keep the least of the sums, and whose it is; what is NaN is nobody's."""
    for i in range(CHUNK):
        less = total[i] < best[i]
        best[i] = total[i] if less else best[i]
        nearest[i] = number if less else nearest[i]
