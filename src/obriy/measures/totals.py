"""Districts taken together."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import shapely

from obriy.model.areas import ALL, Area, AreaSeries, District, PeriodArea
from obriy.model.flags import least_known, least_sure
from obriy.model.ice import IceArea
from obriy.model.notices import notice
from obriy.vectors import polygons_of, warp_geometry

_SLIVER: Final = 1e-3
"""Share of the smaller of two districts by which neighbours drawn by hand may overlap."""


def with_union(districts: Sequence[District]) -> list[District]:
    """Return the districts and, where they overlap, their union last: it is their total.

    What lies in two districts would count twice in their sum, so it is measured once, as a place
    of its own. Of districts that lie apart the areas add up, and no union is needed.

    Args:
        districts: In any CRS.
    """
    first = districts[0].crs if districts else None
    shapes = [_in_crs(d, first) for d in districts]
    if not _overlap(shapes):
        return list(districts)
    return [*districts, District(ALL, polygons_of(shapely.union_all(shapes)), first)]


def _in_crs(district: District, crs: str | None) -> shapely.Geometry:
    if crs is None or district.crs is None:
        return district.geometry
    return warp_geometry(district.geometry, district.crs, crs)


def _overlap(shapes: Sequence[shapely.Geometry]) -> bool:
    """Say whether more than a sliver of a shape lies in another."""
    known = np.array(shapes, dtype=object)
    one, other = shapely.STRtree(known).query(known, predicate="intersects")
    pairs = one < other
    one, other = known[one[pairs]], known[other[pairs]]
    smaller = np.minimum(shapely.area(one), shapely.area(other))
    return bool((shapely.area(shapely.intersection(one, other)) > _SLIVER * smaller).any())


def total_on(series: AreaSeries, date: str | None) -> Area | None:
    """Return all districts of one date as one: their union where they overlap, else their sum.

    Returns:
        None where there are none.
    """
    union = next((a for a in series.together if a.date == date), None)
    return union or total_area([a for a in series.areas if a.date == date])


def total_area(areas: Sequence[Area]) -> Area | None:
    """Return districts of one date that lie apart as one.

    Areas add up; shares weigh by the size of the district. A district that does not meet the
    image makes the whole ``partial``; where one has no estimate, the whole has none.

    Args:
        areas: Areas of one class on one date.

    Returns:
        None where there are none.
    """
    if len(areas) <= 1:
        return areas[0] if areas else None
    sizes = [a.district_km2 for a in areas]
    whole = sum(sizes)
    seen = [a for a in areas if a.area_km2 is not None]
    causes = {cause for a in areas for cause in a.unseen}

    def share(values: list[float]) -> float:
        return sum(v * s for v, s in zip(values, sizes, strict=True)) / whole if whole else 1.0

    off = [a.district for a in areas if a.status != "ok"]
    return Area(
        district=ALL,
        date=areas[0].date,
        mask_km2=_sum([a.mask_km2 for a in seen]),
        fraction_km2=_sum([a.fraction_km2 for a in seen]),
        district_km2=sum(a.district_km2 for a in areas),
        outside_share=share([a.outside_share for a in areas]),
        unseen_share=share([a.unseen_share for a in areas]),
        unseen={cause: share([a.unseen.get(cause, 0.0) for a in areas]) for cause in causes},
        status=("partial" if seen else "skipped") if off else "ok",
        reason=notice("not_complete", names=off) if off else "",
        never_imaged_share=share([a.never_imaged_share for a in areas]),
        filled_km2=_sum([a.filled_km2 for a in seen]),
        filled_share=share([a.filled_share for a in areas]),
        expected_km2=_sum([a.expected_km2 for a in areas]),
        interval_km2=_bounds([a.interval_km2 for a in areas]),
        uncertainty=_causes([a.uncertainty for a in seen]),
        clouds=least_known(a.clouds for a in areas),
        errors=least_sure(a.errors for a in areas),
    )


def total_period(series: AreaSeries) -> PeriodArea:
    """Return the periods of all districts as one: of their union, or areas and bounds add up.

    Bounds add up as if all districts erred to the same side, as one method does: the widest.
    Weights stay where all districts have the same ones.

    Args:
        series: With at least one period.
    """
    periods = series.periods_together or series.periods
    if len(periods) == 1:
        return periods[0]
    seen = [p for p in periods if p.area_km2 is not None]
    off = [p.district for p in periods if p.status != "ok"]
    dates = set.intersection(*(set(p.leave_one_out_km2) for p in seen)) if seen else set()
    sizes = {a.district: a.district_km2 for a in series.areas}
    whole = sum(sizes[p.district] for p in periods)
    return PeriodArea(
        district=ALL,
        start=min(p.start for p in periods),
        end=max(p.end for p in periods),
        weights=periods[0].weights if all(p.weights == periods[0].weights for p in seen) else {},
        area_km2=_sum([p.area_km2 for p in seen]),
        filled_km2=_sum([p.filled_km2 for p in seen]),
        expected_km2=_sum([p.expected_km2 for p in periods]),
        interval_km2=_bounds([p.interval_km2 for p in periods]),
        bounds_km2=_bounds([p.bounds_km2 or (0.0, sizes[p.district]) for p in periods]),
        uncertainty=_causes([p.uncertainty for p in seen]),
        change_sd_km2=sum(p.change_sd_km2 for p in seen),
        leave_one_out_km2={d: sum(p.leave_one_out_km2[d] for p in seen) for d in sorted(dates)},
        effective_dates=min((p.effective_dates for p in seen), default=0.0),
        unseen_share=sum(p.unseen_share * sizes[p.district] for p in periods) / whole,
        filled_share=sum(p.filled_share * sizes[p.district] for p in periods) / whole,
        status=("partial" if seen else "skipped") if off else "ok",
        reason=notice("not_complete", names=off) if off else "",
        never_imaged_share=sum(p.never_imaged_share * sizes[p.district] for p in periods) / whole,
        clouds=least_known(p.clouds for p in periods),
        errors=least_sure(p.errors for p in periods),
    )


def total_ice(areas: Sequence[IceArea]) -> IceArea:
    """Return all places of one date as one: areas and bounds add up, shares weigh by their sea.

    Args:
        areas: Of one date, at least one.
    """
    if len(areas) == 1:
        return areas[0]
    seen = [a for a in areas if a.ice_km2 is not None]
    off = [a.district for a in areas if a.status != "ok"]
    sea = sum(a.sea_km2 for a in areas)
    causes = {cause for a in areas for cause in a.unseen}
    # Of a day without a map not even the sea is known: there all places weigh the same.
    weights = [a.sea_km2 if sea else 1.0 for a in areas]

    def share(values: list[float]) -> float:
        return sum(v * w for v, w in zip(values, weights, strict=True)) / sum(weights)

    lost = "failed" if any(a.status == "failed" for a in areas) else "skipped"
    ice, water = _sum([a.ice_km2 for a in seen]), _sum([a.water_km2 for a in seen])
    return IceArea(
        district=ALL,
        date=areas[0].date,
        granules=areas[0].granules,
        sea_km2=sea,
        ice_km2=ice,
        water_km2=water,
        extent_km2=_sum([a.extent_km2 for a in seen]),
        ice_share=None if ice is None else ice / sea,
        water_share=None if water is None else water / sea,
        cloud_share=share([a.cloud_share for a in areas]),
        unseen_share=share([a.unseen_share for a in areas]),
        unseen={cause: share([a.unseen.get(cause, 0.0) for a in areas]) for cause in causes},
        never_imaged_share=share([a.never_imaged_share for a in areas]),
        expected_km2=_sum([a.expected_km2 for a in areas]),
        interval_km2=_bounds([a.interval_km2 for a in areas]),
        uncertainty=_causes([a.uncertainty for a in seen]),
        clouds=least_known(a.clouds for a in areas),
        status=("partial" if seen else lost) if off else "ok",
        reason=notice("not_complete", names=off) if off else "",
    )


def _bounds(intervals: Sequence[tuple[float, float] | None]) -> tuple[float, float] | None:
    known = [i for i in intervals if i is not None]
    if not known or len(known) < len(intervals):
        return None
    return sum(low for low, _ in known), sum(high for _, high in known)


def _causes(uncertainties: Sequence[Mapping[str, float]]) -> dict[str, float]:
    causes = dict.fromkeys(cause for u in uncertainties for cause in u)
    return {cause: sum(u.get(cause, 0.0) for u in uncertainties) for cause in causes}


def _sum(values: list[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return sum(known) if known and len(known) == len(values) else None
