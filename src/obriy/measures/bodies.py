"""Water bodies of a series of maps, followed date by date: wet and unseen, what each is called."""

import collections
import dataclasses
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyproj
import shapely
from odc.geo.geobox import GeoBox

from obriy.coverage import rasterize
from obriy.measures.geohash import geohash
from obriy.measures.occurrence import (
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
    WaterBody,
    default_rule,
)
from obriy.model.classmap import ClassMap
from obriy.vectors import LONLAT, place

_LETTERS: Final = 10
"""Letters of an id, as DE Africa has them: cells of 1.2 m x 0.6 m and less."""
_MORE_LETTERS: Final = 12
_NOWHERE: Final = np.iinfo(np.int64).max
"""A place behind all pixels."""

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


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
    centre = np.full(n, _NOWHERE)
    width = int(labels.geobox.shape.x)
    for rows, columns, numbers in labels:
        row, column = np.nonzero(numbers)
        which = numbers[row, column]
        row, column = row + rows.start, column + columns.start
        # Rounded, so that the sums of another cut make no other pixel the nearest.
        far = np.hypot(row - means[0, which - 1], column - means[1, which - 1]).round(6)
        here = np.full(n, np.inf)
        np.minimum.at(here, which, far)
        at = np.full(n, _NOWHERE)
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
