"""District and AreaSeries: areas by district and date, each with what was unseen."""

import collections
import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from obriy.errors import GeometryError
from obriy.model.flags import CloudsKnown, ErrorsKnown
from obriy.model.interval import map_error
from obriy.model.notices import Sentence, notice
from obriy.model.shown import Drawn, Shown, Tabled

if TYPE_CHECKING:
    import shapely  # on use: the words of areas are needed where no geometry is

WHOLE_IMAGE: Final = "image"
"""Name of the district that is the whole image."""
ALL: Final = "all"
"""Name of all districts together."""
PARTIAL_ABOVE: Final = 0.005
"""Share unseen above which an area is called partial: half a per cent, as reports round."""
NEVER_MOST: Final = 0.5
"""Share of a district of which there is no picture from which its whole is not estimated: most of
such an estimate would be supposition."""
MOST_OUTLINES: Final = 2000
"""Districts that are outlined in a picture; the lines of more would hide what they are drawn on."""


@dataclasses.dataclass(frozen=True)
class District:
    """A place whose area is asked for.

    Attributes:
        name: What to call it in tables.
        geometry: Polygon or multipolygon; its edges are straight in ``crs``.
        crs: ``"EPSG:4326"``, WKT, or None: the plane of the image itself.
        notes: What was done to it, for the record: repaired, renamed.
    """

    name: str
    geometry: "shapely.Geometry"
    crs: str | None
    notes: tuple[Sentence, ...] = ()

    def __post_init__(self) -> None:
        import shapely

        kind = shapely.get_type_id(self.geometry)
        if kind not in (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON):
            raise GeometryError(
                f"The district '{self.name}' is a {self.geometry.geom_type}, not a polygon.",
                "Give polygons: a line or a point has no area.",
            )
        if self.geometry.is_empty:
            raise GeometryError(
                f"The district '{self.name}' is empty.", "Remove it from the file, or draw it."
            )


def told_apart(districts: Sequence[District]) -> list[District]:
    """Return districts of which no two have one name: a name that several have gets a number.

    ``A``, ``B``, ``A`` become ``A (1)``, ``B``, ``A (2)``; a name that another has already is
    passed over, and ``all`` and ``image`` are names of the software. The first that was renamed
    says so in its notes.
    """
    own = {WHOLE_IMAGE, ALL}
    count = collections.Counter([d.name for d in districts])
    taken = own | set(count)
    numbers = {name: itertools.count(1) for name in count}
    made = []
    for district in districts:
        name = district.name
        if count[name] > 1 or name in own:
            name = next(n for k in numbers[name] if (n := f"{district.name} ({k})") not in taken)
            taken.add(name)
        made.append(dataclasses.replace(district, name=name))
    new = [k for k, (old, now) in enumerate(zip(districts, made, strict=True)) if old != now]
    if new:
        shown = [made[k].name for k in new[:2]]
        note = notice("districts_renamed", count=len(new), names=shown)
        made[new[0]] = dataclasses.replace(made[new[0]], notes=(*made[new[0]].notes, note))
    return made


def bounds_of(
    seen: float | None,
    unseen: float,
    whole: float,
    *,
    uncertainty: Mapping[str, float],
    interval: tuple[float, float] | None,
) -> tuple[float, float] | None:
    """Return an area were all that was unseen none of it, and all of it; None: nothing was seen.

    What the map may err about what it shows is within them, so that they hold the interval, which
    supposes more.

    Args:
        seen: Area that was seen.
        unseen: Ground that was not.
        whole: Area of the place.
        uncertainty: By cause, as of `Area`; empty where nobody knows how the map errs.
        interval: Of the whole; None: there is none.
    """
    if seen is None:
        return None
    less, more = map_error(uncertainty)
    most = seen + unseen
    low, high = max(0.0, seen - less), min(max(whole, most), most + more)
    # Of several places together the intervals add up, and errors by cause: those may be less.
    return (low, high) if interval is None else (min(low, interval[0]), max(high, interval[1]))


@dataclasses.dataclass(frozen=True)
class Area:
    """The area of a class in one district on one date.

    Attributes:
        district: Name of the district.
        date: ISO 8601, where known.
        mask_km2: Area of the pixels of the class, km², geodesic, edge pixels by their fraction;
            None where nothing of the district was seen: that is not an area of 0.
        fraction_km2: Area from the sub-pixel fractions, km²; None where the method gives none,
            or where nothing was seen.
        district_km2: Area of the whole district, inside the image and outside, km².
        outside_share: Share of the district that lies outside the image, 0 to 1.
        unseen_share: Share of the whole district (inside or outside the image) that was not seen.
        unseen: Share of the whole district by cause, ``{"cloud": 0.1, "outside": ...}``: names of
            `obriy.model.flags.Unseen` in lower case, ``outside`` the image, and ``unnamed``
            (seen, but the method would not name it). Only causes that occur.
        status: ``ok``, ``partial`` (part unseen), ``skipped`` (nothing seen) or ``failed``.
        reason: Why it is not ``ok``; empty where it is.
        never_imaged_share: Share of the whole district of which there is no picture: outside the
            image, without data, unreadable; what other dates saw is not in it. From a half on the
            whole is not estimated.
        filled_km2: ``area_km2`` and the water that other dates tell of where this one was blind,
            km²; None where there are no other dates, or where nothing was seen.
        filled_share: Share of the whole district that was filled so.
        expected_km2: Best estimate for the whole district: what was seen, filled where other dates
            saw, and by proportion where no date did; the centre of the interval. None where too
            little was imaged.
        interval_km2: 90 % interval of the true area in the whole district, what was unseen
            included, km²; None likewise.
        uncertainty: Standard deviation by cause, km²: ``classification``, ``shore``, ``unseen``,
            ``registration``, ``resolution``; and by how much the interval reaches further up for
            water that maps miss, ``omission``, and further down for what they show and is none,
            ``commission``.
        clouds: How it is known what clouds hid. Where it is ``unknown`` land may be cloud over
            water: what was seen stands, and the whole is not estimated.
        errors: What tells how the map errs. Where it is ``unknown``, of a map that somebody else
            made, what it shows stands, and has no interval.
    """

    __pydantic_config__: ClassVar = {"extra": "ignore"}  # what is derived stands in files too

    district: str
    date: str | None
    mask_km2: float | None
    fraction_km2: float | None
    district_km2: float
    outside_share: float
    unseen_share: float
    unseen: dict[str, float]
    status: str = "ok"
    reason: Sentence = ""
    never_imaged_share: float = 0.0
    filled_km2: float | None = None
    filled_share: float = 0.0
    expected_km2: float | None = None
    interval_km2: tuple[float, float] | None = None
    uncertainty: dict[str, float] = dataclasses.field(default_factory=dict)
    clouds: CloudsKnown = "known"
    errors: ErrorsKnown = "known"

    @property
    def area_km2(self) -> float | None:
        """The area to report, km²: from the fractions where there are any, else the mask's.

        Whole pixels are biased where water is small or shores are long; the fractions are not
        (`docs/design/0004-headline-area.md`).
        """
        return self.mask_km2 if self.fraction_km2 is None else self.fraction_km2

    @property
    def area_ha(self) -> float | None:
        """Area in hectares."""
        return None if self.area_km2 is None else self.area_km2 * 100

    @property
    def declined(self) -> bool:
        """Whether too little was ever imaged to estimate the whole."""
        return self.never_imaged_share >= NEVER_MOST

    @property
    def bounds_km2(self) -> tuple[float, float] | None:
        """Between what the area lies whatever the unseen holds, km²; None where nothing was seen.

        Were the unseen ground all dry, or all of the class: unlike the interval they suppose
        nothing of it. What the map may err where it saw is in both, where it is known. Where
        clouds are unknown all ground but the class may be unseen.
        """
        unseen = self.unseen_share * self.district_km2
        if self.clouds == "unknown":
            unseen = max(0.0, self.district_km2 - (self.area_km2 or 0.0))
        return bounds_of(
            self.area_km2,
            unseen,
            self.district_km2,
            uncertainty=self.uncertainty,
            interval=self.interval_km2,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        own = ("area_km2", "area_ha", "bounds_km2")
        names = (*(f.name for f in dataclasses.fields(self)), *own)
        values = {name: getattr(self, name) for name in names}
        return values | {"unseen": dict(self.unseen), "uncertainty": dict(self.uncertainty)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Area":
        """Return the area that `to_dict` turned into plain values (JSON has lists for tuples)."""
        own = {f.name: values[f.name] for f in dataclasses.fields(cls) if f.name in values}
        interval = own.get("interval_km2")
        return cls(**own | {"interval_km2": None if interval is None else tuple(interval)})


@dataclasses.dataclass(frozen=True)
class PeriodArea:
    """The area of a class in one district over a period: S = Σ Sᵢωᵢ, Σωᵢ = 1.

    Attributes:
        district: Name of the district.
        start: First date of the series, ISO 8601.
        end: Last date of the series.
        weights: ωᵢ by date; dates on which nothing was seen have none.
        area_km2: Σ Sᵢωᵢ of what was seen, km²; None where nothing was seen on any date.
        filled_km2: The same of the filled areas; None where they are not known.
        expected_km2: The same of the best estimates for the whole district.
        interval_km2: 90 % interval of the weighted true area, what was unseen included, km²: the
            error of measuring it, not its change in time.
        bounds_km2: Σωᵢ of the dates' bounds, km², which suppose nothing of what was not seen.
        uncertainty: Standard deviation by cause, km², as in `Area`.
        change_sd_km2: Weighted standard deviation in time, km², of the best estimates where they
            are known, else of what was seen; 0 for one date.
        leave_one_out_km2: S without the date, weights brought to 1 again, by date.
        effective_dates: (Σωᵢ)² / Σωᵢ², 1 to the number of dates.
        unseen_share: Weighted share of the district that was not seen, 0 to 1.
        never_imaged_share: Weighted share of which there is no picture, as in `Area`.
        clouds: How it is known what clouds hid: the least that is known on a date with a weight.
        errors: What tells how the maps err, likewise the least.
        filled_share: Weighted share of the district that was filled from other dates.
        status: ``ok``, ``partial``, ``skipped`` or ``failed``: the worst that a date needs said.
        reason: Why it is not ``ok``; empty where it is.
    """

    district: str
    start: str
    end: str
    weights: dict[str, float]
    area_km2: float | None
    filled_km2: float | None = None
    expected_km2: float | None = None
    interval_km2: tuple[float, float] | None = None
    bounds_km2: tuple[float, float] | None = None
    uncertainty: dict[str, float] = dataclasses.field(default_factory=dict)
    change_sd_km2: float = 0.0
    leave_one_out_km2: dict[str, float] = dataclasses.field(default_factory=dict)
    effective_dates: float = 0.0
    unseen_share: float = 0.0
    filled_share: float = 0.0
    status: str = "ok"
    reason: Sentence = ""
    never_imaged_share: float = 0.0
    clouds: CloudsKnown = "known"
    errors: ErrorsKnown = "known"

    @property
    def declined(self) -> bool:
        """Whether too little was ever imaged to estimate the whole."""
        return self.never_imaged_share >= NEVER_MOST

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class AreaSeries(Shown, Drawn, Tabled):
    """Areas of one class, by district and date; of a series, also over its period.

    Attributes:
        class_name: The class.
        areas: By date, and within a date by district.
        periods: By district; empty for a single image.
        together: All districts as one place, by date, where they overlap: there their areas do
            not add up. Empty where they do.
        periods_together: The same over the period, one or none.
    """

    class_name: str
    areas: tuple[Area, ...]
    periods: tuple[PeriodArea, ...] = ()
    together: tuple[Area, ...] = ()
    periods_together: tuple[PeriodArea, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "class_name": self.class_name,
            "areas": [a.to_dict() for a in self.areas],
            "periods": [p.to_dict() for p in self.periods],
            "together": [a.to_dict() for a in self.together],
            "periods_together": [p.to_dict() for p in self.periods_together],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "AreaSeries":
        """Return the areas, without periods, that `to_dict` turned into plain values."""
        areas, together = (
            tuple(Area.from_dict(row) for row in values[name]) for name in ("areas", "together")
        )
        return cls(values["class_name"], areas, together=together)
