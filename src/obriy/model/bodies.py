"""WaterBody and its series: places that are wet often enough, followed through the dates."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from odc.geo.geobox import GeoBox
from scipy import ndimage

from obriy.tables import load_toml

NumberArray = npt.NDArray[np.int32]
_NEIGHBOURS = np.ones((3, 3), bool)
"""Pixels that touch at a corner belong together: a river one pixel wide is one river."""


@dataclasses.dataclass(frozen=True)
class BodyRule:
    """What is a body, and when it counts as seen and as wet; see ``tables/water_bodies.toml``.

    Attributes:
        detection_percent: A body holds a pixel that was wet in at least this share of its valid
            observations.
        extent_percent: It spreads over the pixels around that were wet in at least this share.
        min_pixels: Pixels of the smallest body.
        seen_percent: A date counts for a body where at least this share of its pixels was seen.
        half_percent: A body is half wet on a date where at least this share of its seen pixels
            was water.
    """

    detection_percent: float
    extent_percent: float
    min_pixels: int
    seen_percent: float
    half_percent: float


def default_rule() -> BodyRule:
    """Return the rule of the table."""
    table = load_toml("water_bodies")
    return BodyRule(**{f.name: table[f.name] for f in dataclasses.fields(BodyRule)})


def connected_parts(mask: npt.NDArray[np.bool_]) -> tuple[NumberArray, int]:
    """Number the 8-connected parts of a mask (rows, columns).

    Returns:
        (rows, columns) int32, 0 outside the mask, parts from 1; and the number of parts. The same
        mask has always the same numbers.
    """
    numbers, count = ndimage.label(mask, structure=_NEIGHBOURS)
    return numbers, count


@dataclasses.dataclass(frozen=True)
class BodyWindow:
    """A window of the grid with the bodies in it.

    Attributes:
        rows: Rows of the window.
        columns: Columns of the window.
        bits: Pixels that are wet often enough, eight to a byte, in row-major order.
        bodies: (parts + 1,) int32, number of the body of each connected part of the window; 0
            where the part belongs to none.
    """

    rows: slice
    columns: slice
    bits: npt.NDArray[np.uint8]
    bodies: NumberArray

    @property
    def numbers(self) -> NumberArray:
        """Number of the body of each pixel, (rows, columns) int32, 0 none."""
        shape = (self.rows.stop - self.rows.start, self.columns.stop - self.columns.start)
        mask = np.unpackbits(self.bits, count=shape[0] * shape[1]).astype(bool).reshape(shape)
        found: NumberArray = self.bodies[connected_parts(mask)[0]]
        return found


@dataclasses.dataclass(frozen=True)
class BodyLabels:
    """Which body each pixel of a grid belongs to.

    A full tile of 10980 x 10980 pixels takes 15 MB: a bit per pixel and a short table for each
    window; the numbers of a window are made anew when they are asked for.

    Attributes:
        geobox: The grid.
        windows: Windows that hold a body, in row-major order.
        count: Number of bodies; they are numbered from 1 in the order of their first pixels.
        sizes: (count,) pixels of each body.
    """

    geobox: GeoBox
    windows: tuple[BodyWindow, ...]
    count: int
    sizes: npt.NDArray[np.int64]

    def __iter__(self) -> Iterator[tuple[slice, slice, NumberArray]]:
        """Yield rows, columns and the numbers (rows, columns) int32 of every window."""
        for window in self.windows:
            yield window.rows, window.columns, window.numbers


@dataclasses.dataclass(frozen=True)
class WaterBody:
    """A place that was wet often enough, and what its series says in short.

    Attributes:
        id: Geohash of its centre (10 letters; 12 where two bodies would share one): the same in
            every run, and in another series as long as its centre stays in the same pixel. On a
            grid without CRS it is the row and column of the centre.
        number: Its number in `BodyLabels`, from 1.
        centre: x and y, in the CRS of the grid, of the centre: the middle of that pixel of the
            body which is nearest to the mean position of all of them.
        lonlat: The centre in degrees, WGS 84; None on a grid without CRS.
        pixels: Pixels of its extent.
        area_m2: Area of its extent, m², geodesic.
        area_max_m2: Largest wet area on a date that counts, m²; None where no date does.
        area_mean_m2: Mean wet area over the dates that count.
        dates_seen: Dates that count: enough of the body was seen (`BodyRule.seen_percent`).
        dates_half_wet: Of those, dates with at least half of its seen pixels wet
            (`BodyRule.half_percent`).
        first_water: First date that counts with any water, ISO 8601; None where there is none.
        last_water: Last one.
        districts: Names of the districts that hold the centre of one of its pixels.
    """

    id: str
    number: int
    centre: tuple[float, float]
    lonlat: tuple[float, float] | None
    pixels: int
    area_m2: float
    area_max_m2: float | None
    area_mean_m2: float | None
    dates_seen: int
    dates_half_wet: int
    first_water: str | None
    last_water: str | None
    districts: tuple[str, ...] = ()

    @property
    def half_wet_share(self) -> float | None:
        """Share of the dates that count on which at least half of it was wet, 0 to 1."""
        return self.dates_half_wet / self.dates_seen if self.dates_seen else None


@dataclasses.dataclass(frozen=True)
class BodySeries:
    """The bodies of a series of maps, each on every date.

    Attributes:
        class_name: The class, e.g. ``"water"``.
        rule: What a body is.
        dates: ISO 8601, in order.
        bodies: By number: ``bodies[i].number == i + 1``, column ``i`` of the arrays.
        px_wet: (dates, bodies) pixels that were of the class, from the labels.
        px_invalid: (dates, bodies) pixels that were not seen, or not named.
        area_wet_m2: (dates, bodies) m², geodesic, from the fractions where the maps have them; NaN
            where nothing of the body was seen: that is not an area of 0.
        area_invalid_m2: (dates, bodies) m² that were not seen, or not named.
    """

    class_name: str
    rule: BodyRule
    dates: tuple[str, ...]
    bodies: tuple[WaterBody, ...]
    px_wet: npt.NDArray[np.int64]
    px_invalid: npt.NDArray[np.int64]
    area_wet_m2: npt.NDArray[np.float64]
    area_invalid_m2: npt.NDArray[np.float64]


def numbers_of(bodies: Sequence[WaterBody]) -> dict[str, int]:
    """Return a number for each body by its id, 1 for the largest: for maps and tables to say."""
    order = sorted(bodies, key=lambda body: -body.area_m2)
    return {body.id: number for number, body in enumerate(order, 1)}
