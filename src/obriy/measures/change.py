"""Change of water between two dates or periods.

A pixel is water in a period where it was water in at least half of its valid observations in it; a
single date is a period of one. Gained and lost are counted in whole pixels that changed their
class. From fractions they would be wrong: the fractions of a shore that did not move differ from
date to date by noise, and the sum of max(0, fB - fA) would count every such difference as a gain,
the sum of max(0, fA - fB) as a loss. In the net change, the sum of fB - fA, that noise cancels: so
it comes from the fractions, where every map of a side has them on both sides, and need not equal
gained less lost.

The 90 % intervals rest on the doubt that maps carry (`obriy.model.classmap.Doubt`): the error of a
side has as standard deviation a share (``tables/uncertainty.toml``) of what its strict and its lax
variant make of the result, and the errors of two dates hang together. A shift of the threshold that
both sides share moves gained and lost little: that is why this is not the sum of the errors of two
areas. Within a period the maps err together. Not in the intervals: what was not seen (stated beside
them), and a shift of the two images against each other, which adds to both gained and lost along
every shore.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import shapely

from obriy.blocks.engine import Sink
from obriy.blocks.windows import BLOCK, windows
from obriy.coverage import pixel_coverage
from obriy.measures.areas import measure_areas
from obriy.measures.occurrence import observations, read_window, require_one_grid
from obriy.measures.pixel_area import pixel_area
from obriy.measures.totals import with_union
from obriy.model.areas import ALL, PARTIAL_ABOVE, WHOLE_IMAGE, District
from obriy.model.change import (
    GAINED,
    LOST,
    STABLE_LAND,
    STABLE_WATER,
    ChangeArea,
    WaterChange,
)
from obriy.model.classmap import ClassMap, Doubt
from obriy.model.interval import QUANTILE
from obriy.model.notices import notice
from obriy.tables import load_toml
from obriy.vectors import place

_SEEN_CODES: Final = 64
"""Six bits of a pixel seen on both sides: water before, strictly, laxly; the same after."""
_BEFORE, _BEFORE_STRICT, _BEFORE_LAX, _AFTER, _AFTER_STRICT, _AFTER_LAX = (
    (np.arange(_SEEN_CODES) >> bit & 1).astype(bool) for bit in range(6)
)
_UNSEEN_BEFORE: Final = 64
_UNSEEN_AFTER: Final = 65
_UNSEEN_BOTH: Final = 66
_KM2: Final = 1e6

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
ByteArray = npt.NDArray[np.uint8]


def measure_change(
    before: Sequence[ClassMap],
    after: Sequence[ClassMap],
    class_name: str = "water",
    districts: Sequence[District] = (),
    *,
    sink: Sink | None = None,
    pixel_size_m: float | None = None,
    block: int = BLOCK,
) -> WaterChange:
    """Measure what became of a class between two dates or periods, in each district.

    Args:
        before: Maps of the first date (one) or period (several), on one grid.
        after: Maps of the second, on the same grid.
        class_name: Class of their legends.
        districts: Where; none: the whole image.
        sink: Takes the map of change of the whole grid, uint8 codes of the legend
            ``water_change``, 0 where a side was not seen; None: no map is made.
        pixel_size_m: Side of a pixel in metres, for maps with no CRS.
        block: Side of a window, pixels.

    Raises:
        InputError: a side without a map.
        GridError: the maps do not share a grid, or it has no CRS where one is needed.
        GeometryError: no district meets the image.
        TableError: a legend has no such class.
    """
    for side in (before, after):
        require_one_grid(side)
    geobox = require_one_grid([*before, *after]).geobox
    places = _places(after[0], class_name, districts, pixel_size_m)
    whole = [shapely.box(0, 0, geobox.shape.x, geobox.shape.y)]
    placed = [place(d.geometry, d.crs, geobox) for d in with_union(districts)] or whole
    tallies = [_Tally() for _ in placed]
    sides = (_Side(before, class_name), _Side(after, class_name))
    kinds = _Kinds(
        doubt=all(side.has_doubt for side in sides)
        and all(m.clouds != "unknown" for m in (*before, *after)),
        fraction=all(s.has_fraction for s in sides),
    )
    for rows, columns in windows(after[0].labels.shape, block):
        square = shapely.box(columns.start, rows.start, columns.stop, rows.stop)
        parts = [shapely.intersection(p, square) for p in placed]
        met = [(part, tally) for part, tally in zip(parts, tallies, strict=True) if part.area > 0]
        if not met and sink is None:
            continue
        first, second = (side.window(rows, columns, share=kinds.fraction) for side in sides)
        codes = _codes(first, second)
        if sink is not None:
            sink.write(rows, columns, _CLASSES[codes])
        if not met:
            continue
        area = pixel_area(geobox[rows, columns], pixel_size_m=pixel_size_m)
        for part, tally in met:
            rise = second.share - first.share if kinds.fraction else None
            tally.add(area * pixel_coverage(part, rows, columns), codes, rise)
    found = [_change(t, where, kinds) for t, where in zip(tallies, places, strict=True)]
    count = len(districts) or 1
    together = found[count:] or [_total(tallies, places, found, kinds)]
    return WaterChange(
        class_name=class_name,
        before=_span(before),
        after=_span(after),
        areas=tuple(found[:count]),
        total=together[0],
    )


@dataclasses.dataclass(frozen=True)
class _Place:
    """A district.

    Attributes:
        name: Its name.
        outside: Its area outside the image, km².
    """

    name: str
    outside: float


def _places(
    class_map: ClassMap,
    class_name: str,
    districts: Sequence[District],
    pixel_size_m: float | None,
) -> list[_Place]:
    """Return the districts and, where they overlap, their union.

    What lies outside the image, and all complaints, are those of areas everywhere.
    """
    if not districts:
        return [_Place(WHOLE_IMAGE, 0.0)]
    sizes = measure_areas(class_map, class_name, districts, pixel_size_m=pixel_size_m)
    both = (*sizes.areas, *sizes.together)
    return [_Place(a.district, a.outside_share * a.district_km2) for a in both]


@dataclasses.dataclass(frozen=True)
class _Window:
    """A window of one side, (rows, columns) each.

    Attributes:
        seen: Where there is a valid observation.
        wet: Where it is water.
        strict: Where it is, had every threshold been stricter.
        lax: Where it is, had every threshold been laxer.
        share: Mean share of water, 0 to 1; a single 0 where it was not asked for.
    """

    seen: BoolArray
    wet: BoolArray
    strict: BoolArray
    lax: BoolArray
    share: npt.NDArray[np.float32]


class _Side:
    """The maps of a date or period."""

    def __init__(self, maps: Sequence[ClassMap], class_name: str) -> None:
        self._maps = maps
        self._class_name = class_name
        self.has_doubt = all(class_map.doubt is not None for class_map in maps)
        self.has_fraction = all(class_map.fraction is not None for class_map in maps)

    def window(self, rows: slice, columns: slice, *, share: bool) -> _Window:
        """Read a window of all maps, one after the other."""
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        valid, wet, strict, lax = np.zeros((4, *shape), np.uint16)
        shares = np.zeros(shape if share else (1, 1), np.float32)
        seen_by = observations(self._maps, rows, columns, class_name=self._class_name, share=share)
        for class_map, observed in zip(self._maps, seen_by, strict=True):
            named, water = observed.named, observed.wet
            valid += named
            wet += water
            shares += observed.share
            if class_map.doubt is None:
                strict += water
                lax += water
                continue
            doubt = read_window(class_map.doubt, rows, columns)
            strict += water & (doubt != Doubt.STRICT_DROPS)
            lax += water | (named & (doubt == Doubt.LAX_TAKES))
        seen = valid > 0
        if share:
            np.divide(shares, valid, out=shares, where=seen)
        wet, strict, lax = (seen & (2 * count >= valid) for count in (wet, strict, lax))
        return _Window(seen, wet, strict, lax, shares)


def _codes(before: _Window, after: _Window) -> ByteArray:
    """Return the code of each pixel: six bits where both sides were seen, else who was blind."""
    bits = (before.wet, before.strict, before.lax, after.wet, after.strict, after.lax)
    codes = np.zeros(before.seen.shape, np.uint8)
    for bit, layer in enumerate(bits):
        codes |= layer.astype(np.uint8) << bit
    codes[~before.seen] = _UNSEEN_BEFORE
    codes[~after.seen] = _UNSEEN_AFTER
    codes[~before.seen & ~after.seen] = _UNSEEN_BOTH
    return codes


def _class_of_codes() -> ByteArray:
    """Return the class of the legend ``water_change`` for every code."""
    classes = np.zeros(256, np.uint8)
    classes[:_SEEN_CODES] = np.select(
        [_BEFORE & _AFTER, _BEFORE, _AFTER], [STABLE_WATER, LOST, GAINED], STABLE_LAND
    )
    return classes


_CLASSES: Final = _class_of_codes()


@dataclasses.dataclass
class _Tally:
    """Areas of one district, m².

    Attributes:
        by_code: (67,) area by code.
        net: Water after less water before where both were seen.
        pixel: Area of a pixel: the largest.
    """

    by_code: FloatArray = dataclasses.field(default_factory=lambda: np.zeros(_UNSEEN_BOTH + 1))
    net: float = 0.0
    pixel: float = 0.0

    def add(self, area: FloatArray, codes: ByteArray, rise: npt.NDArray[np.float32] | None) -> None:
        """Add pixels: their area inside the district, codes, rise of the share, where known."""
        self.by_code += np.bincount(codes.ravel(), area.ravel(), minlength=_UNSEEN_BOTH + 1)
        self.pixel = max(self.pixel, float(area.max()))
        if rise is None:
            return
        both = codes < _SEEN_CODES
        self.net += float(area[both] @ rise[both].astype("float64"))

    def where(self, chosen: BoolArray) -> float:
        """Return the area of the chosen ones (64,) of the codes that were seen, km²."""
        return float(self.by_code[:_SEEN_CODES][chosen].sum()) / _KM2

    def unseen(self, code: int) -> float:
        """Return the area of a code that was not seen, km²."""
        return float(self.by_code[code]) / _KM2


@dataclasses.dataclass(frozen=True)
class _Kinds:
    """What all maps have.

    Attributes:
        doubt: Whether all say which pixels they doubt, and of all it is known what clouds hid.
        fraction: Whether all have fractions.
    """

    doubt: bool
    fraction: bool


def _change(tally: _Tally, where: _Place, kinds: _Kinds) -> ChangeArea:
    """Turn a tally into areas."""
    blind = [tally.unseen(code) for code in (_UNSEEN_BEFORE, _UNSEEN_AFTER, _UNSEEN_BOTH)]
    seen = tally.where(np.ones(_SEEN_CODES, bool))
    change = ChangeArea(
        district=where.name,
        gained_km2=None,
        lost_km2=None,
        stable_km2=None,
        net_km2=None,
        gained_interval_km2=None,
        lost_interval_km2=None,
        net_interval_km2=None,
        district_km2=seen + sum(blind) + where.outside,
        unseen_before_km2=blind[0],
        unseen_after_km2=blind[1],
        unseen_both_km2=blind[2],
        outside_km2=where.outside,
    )
    status, reason = _verdict(change, seen)
    change = dataclasses.replace(change, status=status, reason=reason)
    if not seen:
        return change
    gained, lost = tally.where(_AFTER & ~_BEFORE), tally.where(_BEFORE & ~_AFTER)
    net = tally.net / _KM2 if kinds.fraction else gained - lost
    change = dataclasses.replace(
        change,
        gained_km2=gained,
        lost_km2=lost,
        stable_km2=tally.where(_BEFORE & _AFTER),
        net_km2=net,
    )
    return _with_intervals(change, tally) if kinds.doubt else change


def _with_intervals(change: ChangeArea, tally: _Tally) -> ChangeArea:
    """Add the 90 % intervals."""

    def gained(before: BoolArray, after: BoolArray) -> float:
        return tally.where(after & ~before)

    def lost(before: BoolArray, after: BoolArray) -> float:
        return tally.where(before & ~after)

    def net(before: BoolArray, after: BoolArray) -> float:
        return tally.where(after) - tally.where(before)

    step = tally.pixel / _KM2
    half = {measure: _half_width(measure, step) for measure in (gained, lost, net)}
    assert change.gained_km2 is not None
    assert change.lost_km2 is not None
    assert change.net_km2 is not None
    return dataclasses.replace(
        change,
        gained_interval_km2=_around(change.gained_km2, half[gained], at_least=0.0),
        lost_interval_km2=_around(change.lost_km2, half[lost], at_least=0.0),
        net_interval_km2=_around(change.net_km2, half[net], at_least=-math.inf),
    )


def _half_width(measure: Callable[[BoolArray, BoolArray], float], pixel: float) -> float:
    """Return half the 90 % interval of a function of water before and after, km².

    The function moves by b from the lax to the strict variant of before, and by a of after:
    s² = k² (b² + a² + 2 r a b), with k the share of a doubtful area that is one standard deviation
    and r the correlation of the errors of two dates; and no change is sure to less than a pixel.
    """
    know = load_toml("uncertainty")
    b = measure(_BEFORE_STRICT, _AFTER) - measure(_BEFORE_LAX, _AFTER)
    a = measure(_BEFORE, _AFTER_STRICT) - measure(_BEFORE, _AFTER_LAX)
    together = know["dates"]["classification"]
    spread = math.sqrt(max(0.0, b**2 + a**2 + 2 * together * a * b))
    step = know["resolution"]["pixels"] * pixel
    return float(QUANTILE * math.hypot(know["change"]["doubtful"] * spread, step))


def _around(centre: float, half: float, *, at_least: float) -> tuple[float, float]:
    return max(at_least, centre - half), centre + half


def _verdict(change: ChangeArea, seen: float) -> tuple[str, str]:
    """Return status and reason."""
    whole = change.district_km2
    blind = {
        "before": change.unseen_before_km2,
        "after": change.unseen_after_km2,
        "before and after": change.unseen_both_km2,
        "outside the image": change.outside_km2,
    }
    shares = {name: area / whole for name, area in blind.items() if area > 0}
    causes = [notice("cause", what=name, share=share) for name, share in shares.items()]
    if not seen:
        return "skipped", notice("change_unseen", causes=causes)
    share = change.unseen_km2 / whole
    if share > PARTIAL_ABOVE:
        return "partial", notice("change_partly_unseen", share=share, causes=causes)
    return "ok", ""


def _total(
    tallies: Sequence[_Tally],
    places: Sequence[_Place],
    found: Sequence[ChangeArea],
    kinds: _Kinds,
) -> ChangeArea:
    """Return all districts together."""
    if len(found) == 1:
        return found[0]
    summed = _Tally(
        np.sum([t.by_code for t in tallies], axis=0),
        sum(t.net for t in tallies),
        max(t.pixel for t in tallies),
    )
    return _change(summed, _Place(ALL, sum(place.outside for place in places)), kinds)


def _span(maps: Sequence[ClassMap]) -> tuple[str | None, str | None]:
    """Return the first and the last date of maps; None where none is known."""
    dates = sorted(class_map.time for class_map in maps if class_map.time is not None)
    return (dates[0], dates[-1]) if dates else (None, None)
