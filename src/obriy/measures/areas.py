"""Area of a class inside districts, with what was unseen, block by block."""

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyproj
import shapely
from odc.geo.geobox import GeoBox

from obriy.blocks.windows import windows
from obriy.errors import GeometryError
from obriy.measures.occurrence import read_window
from obriy.measures.pixel_area import area_field, polygon_area
from obriy.measures.tally import Others, Pixels, Tally
from obriy.measures.totals import with_union
from obriy.measures.uncertainty import estimate
from obriy.model.areas import NEVER_MOST, PARTIAL_ABOVE, WHOLE_IMAGE, Area, AreaSeries, District
from obriy.model.classmap import ClassMap
from obriy.model.flags import Unseen
from obriy.model.legend import UNNAMED
from obriy.model.notices import joined, notice
from obriy.vectors import lonlat_bounds, pixel_coverage, place, warp_geometry

_SAME_AREA: Final = 1e-5
"""Relative difference of two ways to measure one district, pixels and polygon: no gap at all."""
_KM2: Final = 1e6

FloatArray = npt.NDArray[np.float64]
View = Callable[[Pixels], Pixels]
"""How the pixels of a district are to be taken, e.g. without those on land."""


def measure_areas(
    class_map: ClassMap,
    class_name: str,
    districts: Sequence[District] | None = None,
    *,
    pixel_size_m: float | None = None,
    others: Others | None = None,
) -> AreaSeries:
    """Measure the area of a class in each district, km², geodesic.

    Pixels at the edge of a district count by their exact fraction inside it. Unseen pixels belong
    to no class: class areas and what was unseen add up to the area of the district. The area from
    fractions takes the map's fraction to be that of ``class_name``.

    Args:
        class_map: The map; arrays in memory or lazy, only windows that meet a district are read.
        class_name: Class of its legend, e.g. ``"water"``.
        districts: Where; None or none: the whole image.
        pixel_size_m: Side of a pixel in metres, for a map with no CRS.
        others: What other dates tell of the same place: then what this date did not see is filled
            (``filled_km2``), beside what it saw.

    Returns:
        One area per district, in their order; a district that does not meet the image, or of
        which nothing was seen, is ``skipped``. ``together`` has their union where they overlap.

    Raises:
        GridError: the map has no CRS, and a district or the pixel size asks for one.
        GeometryError: no district meets the image.
        TableError: the legend has no such class.
    """
    geobox = class_map.geobox
    code = class_map.legend.by_name(class_name).code
    places = with_union(districts or ())
    tallies = add_up(class_map, class_name, places, pixel_size_m=pixel_size_m, others=others)
    names = [d.name for d in places] or [WHOLE_IMAGE]
    wholes = whole_areas(places, geobox, pixel_size_m)
    areas = tuple(
        _area(tally, code, name, class_map, whole, filled=others is not None)
        for tally, name, whole in zip(tallies, names, wholes, strict=True)
    )
    count = len(districts or ()) or 1
    return AreaSeries(class_name, areas[:count], together=_together(areas[:count], areas[count:]))


def _together(areas: Sequence[Area], unions: Sequence[Area]) -> tuple[Area, ...]:
    """Return the union of districts; without an estimate where one of them was hardly imaged.

    Of a sum the whole is estimated where each district is; what lies outside the image is no more
    known for lying in a union.
    """
    if not any(a.declined for a in areas):
        return tuple(unions)
    nothing: dict[str, Any] = {"expected_km2": None, "interval_km2": None, "uncertainty": {}}
    return tuple(dataclasses.replace(union, **nothing) for union in unions)


def add_up(
    class_map: ClassMap,
    class_name: str,
    districts: Sequence[District] | None = None,
    *,
    pixel_size_m: float | None = None,
    others: Others | None = None,
    view: View | None = None,
) -> list[Tally]:
    """Add up the pixels of each district: what `measure_areas` makes its areas of.

    Arguments and errors are those of `measure_areas`; ``view`` says how the pixels of a district
    are to be taken, where that is not as they stand in the map.
    """
    code = class_map.legend.by_name(class_name).code
    sites = _sites(districts or (), class_map.geobox)
    bounds = shapely.bounds([site.outline for site in sites])
    for window in windows(class_map.labels.shape):
        near = [sites[k] for k in np.flatnonzero(_may_meet(bounds, window))]
        _measure_window(
            class_map, near, window, pixel_size_m=pixel_size_m, code=code, others=others, view=view
        )
    return [site.tally for site in sites]


@dataclasses.dataclass(frozen=True)
class _Site:
    """A district on the grid of the map.

    Attributes:
        outline: Polygon in pixel coordinates.
        has_edge: Whether it ends elsewhere than the image.
        tally: What was added up in it.
    """

    outline: shapely.Geometry
    has_edge: bool
    tally: Tally = dataclasses.field(default_factory=Tally)


def _sites(districts: Sequence[District], geobox: GeoBox) -> list[_Site]:
    """Return the districts on the grid, or the whole image where there are none.

    Raises:
        GeometryError: no district meets the image.
    """
    if not districts:
        return [_Site(shapely.box(0, 0, geobox.shape.x, geobox.shape.y), has_edge=False)]
    placed = [place(d.geometry, d.crs, geobox) for d in districts]
    _require_one(placed, districts, geobox)
    return [_Site(outline, has_edge=True) for outline in placed]


def _measure_window(
    class_map: ClassMap,
    sites: list[_Site],
    window: tuple[slice, slice],
    *,
    pixel_size_m: float | None,
    code: int,
    others: Others | None,
    view: View | None,
) -> None:
    """Add one window of the map to the tallies of the districts that meet it."""
    met = [(site, part) for site in sites if (part := _within(site.outline, window)).area > 0]
    if not met:
        return
    rows, columns = _pixels_around([part for _, part in met], *window)
    labels = read_window(class_map.labels, rows, columns)
    layers: dict[str, Any] = {
        name: read_window(layer, rows, columns)
        for name in ("fraction", "unseen", "doubt")
        if (layer := getattr(class_map, name)) is not None
    }
    expected = None if others is None else others.expected(rows, columns, labels)
    field = area_field(class_map.geobox[rows, columns], pixel_size_m=pixel_size_m)
    area = field.array if any(site.has_edge for site, _ in met) else None
    for site, part in met:
        inner = _pixels_around([part], rows, columns)
        cut = tuple(
            slice(i.start - o.start, i.stop - o.start)
            for i, o in zip(inner, (rows, columns), strict=True)
        )
        inside, slope = (field, None) if area is None else _inside(site, inner, area[cut])
        pixels = Pixels(
            area=inside,
            labels=labels[cut],
            slope=slope,
            expected=None if expected is None else expected[cut],
            corner=(inner[0].start, inner[1].start),
            **{name: layer[cut] for name, layer in layers.items()},
        )
        site.tally.add(view(pixels) if view else pixels, code)


def _may_meet(bounds: FloatArray, window: tuple[slice, slice]) -> npt.NDArray[np.bool_]:
    """Say which bounds (n, 4) meet a window: of thousands of districts few do."""
    rows, columns = window
    left, top, right, bottom = bounds.T
    across = (left < columns.stop) & (right > columns.start)
    found: npt.NDArray[np.bool_] = across & (top < rows.stop) & (bottom > rows.start)
    return found


def _within(outline: shapely.Geometry, window: tuple[slice, slice]) -> shapely.Geometry:
    rows, columns = window
    left, top, right, bottom = outline.bounds
    inside = columns.start <= left and right <= columns.stop
    if inside and rows.start <= top and bottom <= rows.stop:
        return outline
    square = shapely.box(columns.start, rows.start, columns.stop, rows.stop)
    return shapely.intersection(outline, square)


def _inside(
    site: _Site, window: tuple[slice, slice], area: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the area of each pixel of a window inside the outline of a district, and its slope.

    The slope (2, y, x) is what each pixel gains as the outline moves by a pixel down, and to the
    right.
    """
    rows, columns = window
    wide = slice(rows.start - 1, rows.stop + 1), slice(columns.start - 1, columns.stop + 1)
    share = pixel_coverage(site.outline, *wide).astype("float64")
    core = share[1:-1, 1:-1]
    down, right = share[:-2, 1:-1] - share[2:, 1:-1], share[1:-1, :-2] - share[1:-1, 2:]
    return area * core, np.stack([down, right]) / 2 * area


def _pixels_around(
    parts: list[shapely.Geometry], rows: slice, columns: slice
) -> tuple[slice, slice]:
    """Return the smallest window of pixels, inside another, that holds all parts and a rim.

    The rim of one pixel is what would come in if the outline moved.
    """
    left, top, right, bottom = shapely.total_bounds(parts)
    return (
        slice(max(rows.start, math.floor(top) - 1), min(rows.stop, math.ceil(bottom) + 1)),
        slice(max(columns.start, math.floor(left) - 1), min(columns.stop, math.ceil(right) + 1)),
    )


def _area(
    tally: Tally, code: int, name: str, class_map: ClassMap, whole: float | None, *, filled: bool
) -> Area:
    """Turn a tally into an area; ``whole`` is the area of the whole district, m²."""
    judged = verdict(tally, whole)
    total, outside, seen = judged.total, judged.outside, judged.seen
    has_fraction = seen and class_map.fraction is not None
    told = seen and not judged.declined and "unknown" not in (class_map.clouds, class_map.errors)
    found = estimate(tally, code, total) if told else None
    return Area(
        district=name,
        date=class_map.time,
        mask_km2=float(tally.by_code[code]) / _KM2 if seen else None,
        fraction_km2=tally.fraction / _KM2 if has_fraction else None,
        district_km2=total / _KM2,
        outside_share=outside / total if total else 1.0,
        unseen_share=judged.unseen_share,
        unseen=judged.unseen,
        status=judged.status,
        reason=judged.reason,
        never_imaged_share=judged.never_share,
        filled_km2=(tally.fraction + tally.filled) / _KM2 if seen and filled else None,
        filled_share=tally.fillable / total if seen and filled else 0.0,
        expected_km2=found.expected / _KM2 if found else None,
        interval_km2=(found.low / _KM2, found.high / _KM2) if found else None,
        uncertainty={k: v / _KM2 for k, v in found.causes.items()} if found else {},
        clouds=class_map.clouds,
        errors=class_map.errors,
    )


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What was seen of a district, and whether that is enough.

    Attributes:
        total: Area of the whole district, m², without what was set apart.
        outside: Of that, outside the image, m².
        seen: Whether a pixel of it has a class.
        unseen: Share of the district by cause, as in `obriy.model.areas.Area`.
        unseen_share: Their sum.
        never_share: Share of the district of which there is no picture: outside the image, without
            data, or unreadable; what other dates tell of is not in it.
        status: ``ok``, ``partial`` or ``skipped``.
        reason: Why it is not ``ok``.
    """

    total: float
    outside: float
    seen: bool
    unseen: dict[str, float]
    unseen_share: float
    never_share: float
    status: str
    reason: str

    @property
    def declined(self) -> bool:
        """Whether too little of the district was ever imaged to estimate its whole."""
        return self.never_share >= NEVER_MOST


def verdict(tally: Tally, whole: float | None) -> Verdict:
    """Return what was seen of a district.

    Args:
        tally: What was added up in it.
        whole: Area of the whole district, m²; None: the image itself.
    """
    inside = float(tally.by_code.sum())
    met = inside + tally.apart
    gap = 0.0 if whole is None else max(0.0, whole - met)
    outside = gap if gap > _SAME_AREA * (met + gap) else 0.0
    total = inside + outside
    causes = {cause.name.lower(): tally.by_cause[cause] for cause in Unseen}
    causes |= {"outside": outside, "unnamed": tally.by_code[UNNAMED]}
    unseen = {k: float(v / total) for k, v in causes.items() if v > 0}
    share = min(1.0, float(sum(unseen.values()))) if total else 1.0
    seen = bool(tally.by_code[1:UNNAMED].sum() > 0)
    status, reason = _verdict(unseen, share, inside=inside, seen=seen)
    never = min(1.0, (outside + tally.never) / total) if total else 1.0
    if seen and never >= NEVER_MOST:
        reason = joined((reason, notice("not_pictured", share=never)))
    return Verdict(total, outside, seen, unseen, share, never, status, reason)


def _verdict(
    unseen: dict[str, float], unseen_share: float, *, inside: float, seen: bool
) -> tuple[str, str]:
    """Return status and reason."""
    if not inside:
        return "skipped", notice("district_not_met")
    shares = sorted(unseen.items(), key=lambda item: -item[1])
    causes = [notice("cause", what=name.replace("_", " "), share=share) for name, share in shares]
    if not seen:
        return "skipped", notice("district_unseen", causes=causes)
    if unseen_share > PARTIAL_ABOVE:
        return "partial", notice("district_partly_unseen", share=unseen_share, causes=causes)
    return "ok", ""


def whole_areas(
    places: Sequence[District], geobox: GeoBox, pixel_size_m: float | None
) -> list[float] | list[None]:
    """Return the area of each place, m²; without places one None: the image itself."""
    return [district_area(d, geobox, pixel_size_m) for d in places] or [None]


def district_area(district: District, geobox: GeoBox, pixel_size_m: float | None) -> float:
    """Return the area of a district, inside and outside the image, m², on the map's ellipsoid."""
    crs = district.crs if district.crs is not None else _wkt(geobox)
    if geobox.crs is None or district.crs is None:
        geometry = district.geometry
        if geobox.crs is None:
            geometry = place(geometry, None, geobox)
        return polygon_area(geometry, crs, pixel_size_m=pixel_size_m)
    ellipsoid = _ellipsoid(str(geobox.crs))
    return polygon_area(district.geometry, crs, ellipsoid=ellipsoid)


@functools.lru_cache(maxsize=64)
def _ellipsoid(crs: str) -> pyproj.Geod | None:
    return pyproj.CRS(crs).get_geod()


def _wkt(geobox: GeoBox) -> str | None:
    return None if geobox.crs is None else str(geobox.crs)


def _require_one(
    placed: list[shapely.Geometry], districts: Sequence[District], geobox: GeoBox
) -> None:
    """Raise unless a district meets the image.

    Raises:
        GeometryError: naming both extents.
    """
    image = shapely.box(0, 0, geobox.shape.x, geobox.shape.y)
    if any(shapely.intersection(p, image).area > 0 for p in placed):
        return
    first = districts[0]
    if geobox.crs is None or first.crs is None:
        here, unit = geobox.extent.boundingbox.bbox, "the image's own coordinates"
        there = first.geometry.bounds
    else:
        here, unit = lonlat_bounds(geobox), "degrees west, south, east, north"
        there = warp_geometry(first.geometry, first.crs, "EPSG:4326").bounds
    others = f" and {len(districts) - 1} more" if len(districts) > 1 else ""
    raise GeometryError(
        f"The district '{first.name}'{others} ({_numbers(there)}) does not meet the image "
        f"({_numbers(here)}; {unit}).",
        "Check the order west,south,east,north and the CRS of the file, or take another image.",
    )


def _numbers(bounds: tuple[float, ...]) -> str:
    return ", ".join(f"{value:.4f}" for value in bounds)
