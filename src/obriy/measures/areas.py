"""Area of a class inside districts, with what was unseen, block by block."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyproj
from odc.geo.geobox import GeoBox

from obriy.blocks.windows import windows
from obriy.measures.adding import LAYERS, Adding, View
from obriy.measures.pixel_area import polygon_area, polygon_areas
from obriy.measures.tally import Others, Tally
from obriy.measures.totals import with_union
from obriy.measures.uncertainty import estimate
from obriy.model.areas import NEVER_MOST, PARTIAL_ABOVE, WHOLE_IMAGE, Area, AreaSeries, District
from obriy.model.classmap import ClassMap
from obriy.model.flags import Unseen
from obriy.model.legend import UNNAMED, Legend
from obriy.model.notices import joined, notice
from obriy.vectors import place

_SAME_AREA: Final = 1e-5
"""Relative difference of two ways to measure one district, pixels and polygon: no gap at all."""
_KM2: Final = 1e6

FloatArray = npt.NDArray[np.float64]


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
    measuring = Measuring(
        class_map.geobox, class_map.legend, class_name, districts,
        pixel_size_m=pixel_size_m, others=others,
    )  # fmt: skip
    _show(class_map, measuring)
    return measuring.areas(class_map)


class Measuring:
    """Measures a map while it is made, window by window; `measure_areas` does so of one that is.

    Args:
        geobox: Grid of the map.
        legend: Of the map.
        class_name: As for `measure_areas`, like the others.
        districts: See there.
        layers: Layers that the map has.
        pixel_size_m: See there.
        others: See there.

    Attributes:
        layers: Those of them to look at.

    Raises:
        GeometryError: no district meets the image.
        TableError: the legend has no such class.
    """

    def __init__(
        self,
        geobox: GeoBox,
        legend: Legend,
        class_name: str,
        districts: Sequence[District] | None = None,
        *,
        layers: Iterable[str] = LAYERS,
        pixel_size_m: float | None = None,
        others: Others | None = None,
    ) -> None:
        self.layers = frozenset(layers) & frozenset(LAYERS)
        self._class_name = class_name
        self._code = legend.by_name(class_name).code
        self._count = len(districts or ()) or 1
        self._places = with_union(districts or ())
        self._pixel_size_m = pixel_size_m
        self._filled = others is not None
        self._adding = Adding(
            geobox, self._code, self._places, pixel_size_m=pixel_size_m, others=others
        )

    def see(self, rows: slice, columns: slice, layers: Mapping[str, Any]) -> None:
        """Take a window of the map, see `Adding.see`."""
        self._adding.see(rows, columns, layers)

    def areas(self, class_map: ClassMap) -> AreaSeries:
        """Return the areas of the map, all of which was seen."""
        names = [d.name for d in self._places] or [WHOLE_IMAGE]
        wholes = whole_areas(self._places, class_map.geobox, self._pixel_size_m)
        areas = tuple(
            _area(tally, self._code, name, class_map, whole, filled=self._filled)
            for tally, name, whole in zip(self._adding.tallies(), names, wholes, strict=True)
        )
        own, unions = areas[: self._count], areas[self._count :]
        return AreaSeries(self._class_name, own, together=_together(own, unions))


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
    class_name: str | None,
    districts: Sequence[District] | None = None,
    *,
    pixel_size_m: float | None = None,
    others: Others | None = None,
    view: View | None = None,
) -> list[Tally]:
    """Add up the pixels of each district: what `measure_areas` makes its areas of.

    Arguments and errors are those of `measure_areas`; ``view`` says how the pixels of a district
    are to be taken, where that is not as they stand in the map. Without a class the areas of all
    codes are added up, and nothing else.
    """
    code = None if class_name is None else class_map.legend.by_name(class_name).code
    adding = Adding(
        class_map.geobox, code, districts or (),
        pixel_size_m=pixel_size_m, others=others, view=view,
    )  # fmt: skip
    _show(class_map, adding)
    return adding.tallies()


def _show(class_map: ClassMap, to: Adding | Measuring) -> None:
    """Show a map that is made, window by window; what nobody looks at is not read."""
    layers = {name: layer for name in LAYERS if (layer := getattr(class_map, name)) is not None}
    for rows, columns in windows(class_map.labels.shape):
        part = {name: layer.isel(y=rows, x=columns) for name, layer in layers.items()}
        to.see(rows, columns, part)


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
    """Return the area of each place, m²; without places one None: the image itself.

    It is that inside and outside the image, on the ellipsoid of the grid.
    """
    if not places:
        return [None]
    if geobox.crs is None:
        return [
            polygon_area(place(d.geometry, None, geobox), d.crs, pixel_size_m=pixel_size_m)
            for d in places
        ]
    found = [0.0] * len(places)
    for crs in {d.crs for d in places}:
        own = [k for k, d in enumerate(places) if d.crs == crs]
        ellipsoid = None if crs is None else pyproj.CRS(str(geobox.crs)).get_geod()
        shapes = [places[k].geometry for k in own]
        areas = polygon_areas(shapes, str(geobox.crs) if crs is None else crs, ellipsoid)
        for k, area in zip(own, areas.tolist(), strict=True):
            found[k] = area
    return found
