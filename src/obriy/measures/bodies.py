"""Water bodies of a series of maps: found by how often they are wet, followed date by date.

A body is an 8-connected set of pixels that were wet in at least 5 % of their valid observations,
one of them in at least 10 %, and of at least 5 pixels: the hybrid rule of Krause et al. 2021
(doi:10.3390/rs13081437) with the defaults of Digital Earth Africa (``tables/water_bodies.toml``).
In a short series a single wrong date is enough: of ten dates, one is 10 %.
"""

import collections
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyproj
import shapely
from odc.geo.geobox import GeoBox
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from obriy.blocks.windows import BLOCK, windows
from obriy.measures.geohash import geohash
from obriy.measures.occurrence import (
    WetCounts,
    count_wet,
    observations,
    require_one_grid,
    sorted_by_date,
)
from obriy.measures.pixel_area import pixel_area
from obriy.model.areas import District
from obriy.model.bodies import (
    BodyLabels,
    BodyRule,
    BodySeries,
    BodyWindow,
    WaterBody,
    connected_parts,
    default_rule,
)
from obriy.model.classmap import ClassMap
from obriy.vectors import LONLAT, place, rasterize

_LETTERS: Final = 10
"""Letters of an id, as DE Africa has them: cells of 1.2 m x 0.6 m and less."""
_MORE_LETTERS: Final = 12
_NONE: Final = np.iinfo(np.int64).max

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


def find_bodies(
    maps: Sequence[ClassMap],
    *,
    rule: BodyRule | None = None,
    class_name: str = "water",
    block: int = BLOCK,
) -> BodyLabels:
    """Find the water bodies of a series: connected pixels that were wet often enough.

    Read once, window by window; parts that meet at the seams are joined, so the result does not
    depend on the cut. Memory: a bit per pixel of the grid, and a window.

    Args:
        maps: The series, on one grid, in any order.
        rule: What a body is; None: that of the table.
        class_name: Class of their legends.
        block: Side of a window, pixels.

    Returns:
        The bodies, numbered from 1 in row-major order of their first pixels; there may be none.

    Raises:
        InputError: no map.
        GridError: the maps do not share a grid.
        TableError: a legend has no such class.
    """
    finder = BodyFinder(require_one_grid(maps).geobox, rule)
    for rows, columns in windows(maps[0].labels.shape, block):
        finder.add(rows, columns, count_wet(maps, rows, columns, class_name=class_name))
    return finder.bodies()


def measure_bodies(
    maps: Sequence[ClassMap],
    labels: BodyLabels,
    *,
    class_name: str = "water",
    districts: Sequence[District] = (),
    pixel_size_m: float | None = None,
) -> BodySeries:
    """Follow water bodies through a series: wet and unseen pixels and areas on every date.

    Only windows that hold a body are read, each once.

    Args:
        maps: The series, on the grid of the bodies; every map has a date.
        labels: The bodies, of `find_bodies`.
        class_name: Class of their legends.
        districts: Places whose names the bodies in them carry.
        pixel_size_m: Side of a pixel in metres, for maps with no CRS.

    Raises:
        InputError: no map, or one without a date.
        GridError: the maps do not share a grid, or it has no CRS and no pixel size is given.
        TableError: a legend has no such class.
    """
    rule = default_rule()
    require_one_grid(maps)
    dated = sorted_by_date(maps)
    tally = _Tally(len(dated), labels.count)
    centres = _centres(labels)
    held = _Districts(districts, labels)
    for rows, columns, numbers in labels:
        held.add(rows, columns, numbers)
        area = pixel_area(labels.geobox[rows, columns], pixel_size_m=pixel_size_m)
        inside = np.flatnonzero(numbers)
        tally.start(numbers.ravel()[inside], area.ravel()[inside])
        seen = observations(dated, rows, columns, class_name=class_name, share=True)
        for i, one in enumerate(seen):
            tally.add(
                i,
                wet=one.wet.ravel()[inside],
                named=one.named.ravel()[inside],
                share=one.share.ravel()[inside],
            )
    names = _Names(labels.geobox, centres, held.names)
    return _series(dated, labels, tally, names, rule=rule, class_name=class_name)


class BodyFinder:
    """Finds water bodies from the counts of one window after another.

    Args:
        geobox: The grid.
        rule: What a body is; None: that of the table.
    """

    def __init__(self, geobox: GeoBox, rule: BodyRule | None = None) -> None:
        self._rule = rule or default_rule()
        self._parts = _Parts(geobox)

    def add(self, rows: slice, columns: slice, counts: WetCounts) -> None:
        """Take the next window; they come in row-major order and cover the grid."""
        detected = counts.at_least(self._rule.detection_percent)
        mask = counts.at_least(self._rule.extent_percent) | detected
        self._parts.add(rows, columns, mask, detected)

    def bodies(self) -> BodyLabels:
        """Return what was found, once every window was added."""
        return self._parts.join(self._rule.min_pixels)


class _Parts:
    """Connected parts of windows, and which of them meet at the seams."""

    def __init__(self, geobox: GeoBox) -> None:
        self._geobox = geobox
        self._width = int(geobox.shape.x)
        self._windows: list[tuple[slice, slice, npt.NDArray[np.uint8], int, int]] = []
        self._sizes: list[IntArray] = []
        self._detected: list[npt.NDArray[np.bool_]] = []
        self._first: list[IntArray] = []
        self._meet: list[IntArray] = []
        self._count = 0
        self._above = np.zeros(self._width, np.int64)  # the row above this row of windows
        self._bottom = np.zeros(self._width, np.int64)  # the last row of this row of windows
        self._left = np.zeros(0, np.int64)

    def add(
        self,
        rows: slice,
        columns: slice,
        mask: npt.NDArray[np.bool_],
        detected: npt.NDArray[np.bool_],
    ) -> None:
        """Take the next window, in row-major order; ``detected`` lies within ``mask``."""
        numbers, count = connected_parts(mask)
        if columns.start == 0:
            self._above, self._bottom = self._bottom, np.zeros(self._width, np.int64)
            self._left = np.zeros(mask.shape[0], np.int64)
        edges = [np.where(e > 0, e + self._count, 0).astype(np.int64)
                 for e in (numbers[0], numbers[-1], numbers[:, 0], numbers[:, -1])]  # fmt: skip
        top, bottom, left, right = edges
        around = np.zeros(len(top) + 2, np.int64)  # corners of the neighbours included
        low, high = max(columns.start - 1, 0), min(columns.stop + 1, self._width)
        around[low - columns.start + 1 : high - columns.start + 1] = self._above[low:high]
        self._meet.append(_neighbours(top, around))
        self._meet.append(_neighbours(left, np.pad(self._left, 1)))
        self._bottom[columns], self._left = bottom, right
        inside = np.flatnonzero(numbers)
        place = numbers.ravel()[inside]
        row, column = np.divmod(inside, mask.shape[1])
        first = np.full(count + 1, _NONE)
        np.minimum.at(first, place, (row + rows.start) * self._width + column + columns.start)
        self._first.append(first[1:])
        self._sizes.append(np.bincount(place, minlength=count + 1)[1:])
        found = np.zeros(count + 1, bool)
        found[numbers[detected]] = True
        self._detected.append(found[1:])
        self._windows.append((rows, columns, np.packbits(mask), self._count, count))
        self._count += count

    def join(self, min_pixels: int) -> BodyLabels:
        """Join the parts that meet, and keep what is large and wet enough."""
        pairs = np.concatenate([*self._meet, np.zeros((0, 2), np.int64)])
        ones = np.ones(len(pairs), bool)
        graph = coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(self._count, self._count))
        count, body = connected_components(graph, directed=False)
        sizes = np.zeros(count, np.int64)
        np.add.at(sizes, body, _joined(self._sizes))
        first = np.full(count, _NONE)
        np.minimum.at(first, body, _joined(self._first))
        detected = np.bincount(body, _joined(self._detected), minlength=count) > 0
        kept = np.flatnonzero((sizes >= min_pixels) & detected)
        kept = kept[np.argsort(first[kept])]
        number = np.zeros(count, np.int32)
        number[kept] = np.arange(1, len(kept) + 1)
        return BodyLabels(self._geobox, tuple(self._numbered(number[body])), len(kept), sizes[kept])

    def _numbered(self, number: npt.NDArray[np.int32]) -> list[BodyWindow]:
        """Return the windows that hold a body; ``number`` is that of the body of each part."""
        found = []
        for rows, columns, bits, start, count in self._windows:
            bodies = np.append(np.int32(0), number[start : start + count]).astype(np.int32)
            if bodies.any():
                found.append(BodyWindow(rows, columns, bits, bodies))
        return found


def _joined(arrays: list[Any]) -> Any:
    return np.concatenate(arrays) if arrays else np.zeros(0, np.int64)


def _neighbours(line: IntArray, around: IntArray) -> IntArray:
    """Return pairs (n, 2), from 0, of parts on both sides of a seam that touch, corners too.

    Args:
        line: (n,) parts along the seam, from 1; 0 none.
        around: (n + 2,) parts on the other side, from one pixel before to one after.
    """
    pairs = [np.column_stack([line, around[shift : shift + len(line)]]) for shift in range(3)]
    both = np.concatenate(pairs)
    return np.unique(both[(both > 0).all(axis=1)], axis=0) - 1


def _centres(labels: BodyLabels) -> IntArray:
    """Return row and column (bodies, 2) of the pixel nearest to the mean position of each body.

    It lies within the body, whatever its shape; of pixels just as near, the first in row order.
    """
    n = labels.count + 1
    sums = np.zeros((2, n))
    for rows, columns, numbers in labels:
        row, column = np.nonzero(numbers)
        which = numbers[row, column]
        sums[0] += np.bincount(which, row + rows.start, minlength=n)
        sums[1] += np.bincount(which, column + columns.start, minlength=n)
    means = sums[:, 1:] / np.maximum(labels.sizes, 1)
    nearest = np.full(n, np.inf)
    centre = np.full(n, _NONE)
    width = int(labels.geobox.shape.x)
    for rows, columns, numbers in labels:
        row, column = np.nonzero(numbers)
        which = numbers[row, column]
        row, column = row + rows.start, column + columns.start
        # Rounded, so that the sums of another cut make no other pixel the nearest.
        far = np.hypot(row - means[0, which - 1], column - means[1, which - 1]).round(6)
        here = np.full(n, np.inf)
        np.minimum.at(here, which, far)
        at = np.full(n, _NONE)
        best = far == here[which]
        np.minimum.at(at, which[best], row[best] * width + column[best])
        better = (here < nearest) | ((here == nearest) & (at < centre))
        nearest[better], centre[better] = here[better], at[better]
    return np.column_stack(np.divmod(centre[1:], width))


class _Districts:
    """Which districts hold which bodies."""

    def __init__(self, districts: Sequence[District], labels: BodyLabels) -> None:
        self._placed = [(d.name, place(d.geometry, d.crs, labels.geobox)) for d in districts]
        self._held = np.zeros((len(districts), labels.count + 1), bool)

    def add(self, rows: slice, columns: slice, numbers: npt.NDArray[np.int32]) -> None:
        """Take a window."""
        square = shapely.box(columns.start, rows.start, columns.stop, rows.stop)
        for held, (_, placed) in zip(self._held, self._placed, strict=True):
            if not placed.is_empty and shapely.intersects(placed, square):
                held[numbers[rasterize([(placed, 1)], rows, columns) == 1]] = True

    def names(self, number: int) -> tuple[str, ...]:
        """Return the names of the districts that a body lies in."""
        held = self._held[:, number]
        return tuple(name for (name, _), yes in zip(self._placed, held, strict=True) if yes)


class _Tally:
    """Pixels and areas by date and body; column 0 is no body."""

    def __init__(self, dates: int, bodies: int) -> None:
        shape = (dates, bodies + 1)
        self.px_wet, self.px_invalid = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        self.area_wet, self.area_invalid = np.zeros(shape), np.zeros(shape)
        self.area = np.zeros(bodies + 1)

    def start(self, which: npt.NDArray[np.int32], area: FloatArray) -> None:
        """Begin a window: bodies and areas, m², of its pixels."""
        self._which, self._area = which, area
        self.area += np.bincount(which, area, minlength=len(self.area))

    def add(
        self,
        date: int,
        *,
        wet: npt.NDArray[np.bool_],
        named: npt.NDArray[np.bool_],
        share: npt.NDArray[np.float32],
    ) -> None:
        """Add the pixels of the window on a date."""
        n, blind = len(self.area), ~named
        self.px_wet[date] += np.bincount(self._which[wet], minlength=n)
        self.px_invalid[date] += np.bincount(self._which[blind], minlength=n)
        self.area_wet[date] += np.bincount(self._which, self._area * share, minlength=n)
        self.area_invalid[date] += np.bincount(self._which[blind], self._area[blind], minlength=n)


class _Names:
    """Where the bodies are, and what they are called."""

    def __init__(
        self, geobox: GeoBox, centres: IntArray, districts: Callable[[int], tuple[str, ...]]
    ) -> None:
        self.districts = districts
        pixels = centres[:, ::-1] + 0.5
        a = geobox.affine
        x = a.a * pixels[:, 0] + a.b * pixels[:, 1] + a.c
        y = a.d * pixels[:, 0] + a.e * pixels[:, 1] + a.f
        self.xy = np.column_stack([x, y])
        self.lonlat: FloatArray | None = None
        if geobox.crs is None:
            self.ids = [f"r{row}c{column}" for row, column in centres]
            return
        to_lonlat = pyproj.Transformer.from_crs(str(geobox.crs), LONLAT, always_xy=True)
        self.lonlat = np.column_stack(to_lonlat.transform(x, y))
        self.ids = [geohash(lon, lat, _LETTERS) for lon, lat in self.lonlat]
        times = collections.Counter(self.ids)
        self.ids = [
            geohash(lon, lat, _MORE_LETTERS) if times[word] > 1 else word
            for word, (lon, lat) in zip(self.ids, self.lonlat, strict=True)
        ]


def _series(
    maps: list[ClassMap],
    labels: BodyLabels,
    tally: _Tally,
    names: _Names,
    *,
    rule: BodyRule,
    class_name: str,
) -> BodySeries:
    wet, invalid = tally.px_wet[:, 1:], tally.px_invalid[:, 1:]
    seen = labels.sizes - invalid
    series = BodySeries(
        class_name=class_name,
        rule=rule,
        dates=tuple(str(class_map.time) for class_map in maps),
        bodies=(),
        px_wet=wet,
        px_invalid=invalid,
        area_wet_m2=np.where(seen == 0, np.nan, tally.area_wet[:, 1:]),
        area_invalid_m2=tally.area_invalid[:, 1:],
    )
    counts = (seen > 0) & (100 * seen >= rule.seen_percent * labels.sizes)
    half = (wet > 0) & (100 * wet >= rule.half_percent * seen)
    bodies = (
        _body(
            i,
            series,
            labels,
            names,
            area=float(tally.area[i + 1]),
            counts=counts[:, i],
            half=half[:, i],
        )
        for i in range(labels.count)
    )
    return dataclasses.replace(series, bodies=tuple(bodies))


def _body(
    i: int,
    series: BodySeries,
    labels: BodyLabels,
    names: _Names,
    *,
    area: float,
    counts: npt.NDArray[np.bool_],
    half: npt.NDArray[np.bool_],
) -> WaterBody:
    """Sum up the series of one body; ``counts`` and ``half`` (dates,) are said in `BodyRule`."""
    areas = series.area_wet_m2[counts, i]
    water = [series.dates[d] for d in np.flatnonzero(counts & (series.px_wet[:, i] > 0))]
    x, y = names.xy[i]
    lonlat = None if names.lonlat is None else names.lonlat[i]
    return WaterBody(
        id=names.ids[i],
        number=i + 1,
        centre=(float(x), float(y)),
        lonlat=None if lonlat is None else (float(lonlat[0]), float(lonlat[1])),
        pixels=int(labels.sizes[i]),
        area_m2=area,
        area_max_m2=float(areas.max()) if len(areas) else None,
        area_mean_m2=float(areas.mean()) if len(areas) else None,
        dates_seen=int(counts.sum()),
        dates_half_wet=int((counts & half).sum()),
        first_water=water[0] if water else None,
        last_water=water[-1] if water else None,
        districts=names.districts(i + 1),
    )
