"""Area of every class of a map inside districts, read once, with what was unseen."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from obriy.measures.areas import add_up, verdict, whole_areas
from obriy.measures.tally import Tally
from obriy.measures.totals import with_union
from obriy.model.areas import ALL, NEVER_MOST, WHOLE_IMAGE, District
from obriy.model.classmap import ClassMap
from obriy.model.legend import UNNAMED, Legend
from obriy.model.notices import notice

_KM2 = 1e6
_UNKNOWN = "unknown"
"""Name of what was seen and not named, in tables."""


@dataclasses.dataclass(frozen=True)
class ClassArea:
    """The area of one class in one district.

    Attributes:
        name: Machine name of the class; ``"unknown"``: seen, but not named.
        code: Its code; 255 for ``"unknown"``.
        area_km2: km², geodesic, edge pixels by their fraction; None where the map has no CRS and
            nobody said the size of a pixel.
        share: Share of what was seen in the district, 0 to 1; the shares of a district add up
            to 1.
        district: Name of the district.
    """

    name: str
    code: int
    area_km2: float | None
    share: float
    district: str


@dataclasses.dataclass(frozen=True)
class DistrictCover:
    """All classes of one district: with what was unseen they add up to its area.

    Attributes:
        district: Its name.
        classes: Classes that occur, the largest first, what was seen and not named last.
        district_km2: Area of the whole district, inside the image and outside, km²; None where the
            map has no CRS and nobody said the size of a pixel.
        unseen_km2: Of that, area without a class, km², by cause: names of
            `obriy.model.flags.Unseen` in lower case, and ``outside`` the image.
        unseen_share: Share of the district that was unseen, 0 to 1.
        status: ``ok``, ``partial`` (part unseen) or ``skipped`` (nothing seen).
        reason: Why it is not ``ok``; empty where it is.
        never_imaged_share: Share of the district of which there is no picture; see
            `obriy.model.areas.Area`.
    """

    district: str
    classes: tuple[ClassArea, ...]
    district_km2: float | None
    unseen_km2: dict[str, float | None]
    unseen_share: float
    status: str = "ok"
    reason: str = ""
    never_imaged_share: float = 0.0

    @property
    def outside_share(self) -> float:
        """Share of the district that lies outside the image."""
        return (self.unseen_km2.get("outside") or 0.0) / (self.district_km2 or 1.0)

    @property
    def declined(self) -> bool:
        """Whether of most of it there is no picture."""
        return self.never_imaged_share >= NEVER_MOST

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class Cover:
    """Classes of districts, and of all of them as one place.

    Attributes:
        districts: At least one.
        together: Their union, where they overlap; None: they add up.
    """

    districts: tuple[DistrictCover, ...]
    together: DistrictCover | None = None

    @property
    def total(self) -> DistrictCover:
        """All districts as one place; what lies in two of them counts once."""
        if self.together is not None:
            return self.together
        return self.districts[0] if len(self.districts) == 1 else _added(self.districts)


def measure_cover(
    class_map: ClassMap,
    districts: Sequence[District] | None = None,
    *,
    pixel_size_m: float | None = None,
) -> Cover:
    """Measure every class and what was unseen in each district; the map is read once.

    Pixels at the edge of a district count by their exact fraction inside it.

    Args:
        class_map: The map, of any legend; arrays in memory or lazy.
        districts: Where; None or none: the whole image.
        pixel_size_m: Side of a pixel in metres, for a map with no CRS; without it shares are of
            pixels, and areas None.

    Raises:
        GeometryError: no district meets the image.
        GridError: the map has no CRS, and a district asks for one.
    """
    geobox = class_map.geobox
    measured = geobox.crs is not None or pixel_size_m is not None
    size = pixel_size_m if measured else 1.0
    plain = dataclasses.replace(class_map, fraction=None, doubt=None)
    places = with_union(districts or ())
    tallies = add_up(plain, None, places, pixel_size_m=size)
    names = [d.name for d in places] or [WHOLE_IMAGE]
    wholes = whole_areas(places, geobox, size)
    found = [
        _cover(name, tally, whole, class_map.legend, unit=_KM2 if measured else None)
        for name, tally, whole in zip(names, tallies, wholes, strict=True)
    ]
    count = len(districts or ()) or 1
    return Cover(tuple(found[:count]), found[count] if found[count:] else None)


def _cover(
    name: str, tally: Tally, whole: float | None, legend: Legend, *, unit: float | None
) -> DistrictCover:
    """Turn a tally, m², into the classes of a district; ``unit`` None: areas mean nothing."""
    judged = verdict(tally, whole)
    seen = float(tally.by_code[1:].sum())
    rows = [
        ClassArea(c.name, c.code, _in(unit, tally.by_code[c.code]), area / seen, name)
        for c in legend
        if (area := float(tally.by_code[c.code])) > 0
    ]
    rows.sort(key=lambda row: -row.share)
    unnamed = float(tally.by_code[UNNAMED])
    if unnamed:
        rows.append(ClassArea(_UNKNOWN, UNNAMED, _in(unit, unnamed), unnamed / seen, name))
    lost = {cause: share for cause, share in judged.unseen.items() if cause != "unnamed"}
    return DistrictCover(
        district=name,
        classes=tuple(rows),
        district_km2=_in(unit, judged.total),
        unseen_km2={cause: _in(unit, share * judged.total) for cause, share in lost.items()},
        unseen_share=float(np.clip(sum(lost.values()), 0, 1)) if judged.total else 1.0,
        status=judged.status,
        reason=judged.reason,
        never_imaged_share=judged.never_share,
    )


def _added(parts: Sequence[DistrictCover]) -> DistrictCover:
    """Return districts that lie apart, with areas, as one."""
    size = _sum([part.district_km2 for part in parts])
    seen = _sum([row.area_km2 for part in parts for row in part.classes])
    rows: dict[int, ClassArea] = {}
    for row in (row for part in parts for row in part.classes):
        area = _sum([row.area_km2, rows[row.code].area_km2 if row.code in rows else 0.0])
        share = area / seen if area and seen else 0.0
        rows[row.code] = dataclasses.replace(row, area_km2=area, share=share, district=ALL)
    causes = dict.fromkeys(cause for part in parts for cause in part.unseen_km2)
    lost = {c: _sum([part.unseen_km2.get(c, 0.0) for part in parts]) for c in causes}
    off = [part.district for part in parts if part.status != "ok"]
    never = sum(part.never_imaged_share * (part.district_km2 or 0.0) for part in parts)
    return DistrictCover(
        district=ALL,
        classes=tuple(sorted(rows.values(), key=lambda r: (r.code == UNNAMED, -r.share))),
        district_km2=size,
        unseen_km2=lost,
        unseen_share=sum(v or 0.0 for v in lost.values()) / size if size else 1.0,
        status=("partial" if rows else "skipped") if off else "ok",
        reason=notice("not_complete", names=off) if off else "",
        never_imaged_share=never / size if size else 1.0,
    )


def _sum(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return sum(known) if len(known) == len(values) else None


def _in(unit: float | None, area: float) -> float | None:
    return None if unit is None else float(area) / unit
