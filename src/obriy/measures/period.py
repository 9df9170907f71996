"""The area over a period: S = Σ Sᵢωᵢ, how far it leans on single dates, how it changed."""

import math
from collections.abc import Mapping, Sequence

from obriy.errors import UsageError
from obriy.measures.weights import to_one
from obriy.model.areas import Area, PeriodArea
from obriy.model.flags import least_known, least_sure
from obriy.model.notices import joined, notice


def period_area(
    areas: Sequence[Area],
    weights: Mapping[str, float],
    *,
    interval_km2: tuple[float, float] | None = None,
    uncertainty: Mapping[str, float] | None = None,
) -> PeriodArea:
    """Weigh the areas of one district over its dates, S = Σ Sᵢωᵢ (A. Naiuk et al. 2026).

    A date without an area (nothing seen, image failed) takes no part: the other weights are
    brought to 1 again, and ``reason`` says so where the date had a weight.

    Args:
        areas: Areas of one class in one district, one for each date.
        weights: ωᵢ by date, for each date that has an area; at least 0, their sum 1.
        interval_km2: 90 % interval of S, where it is known.
        uncertainty: Standard deviation of S by cause, km².

    Returns:
        S, its standard deviation in time √Σωᵢ(Sᵢ − S)² (of the best estimates for the whole
        district where they are known: clouds come and go, the water need not), and S without
        each date in turn.

    Raises:
        UsageError: no areas, several districts, a date twice or missing, or without a weight.
    """
    by_date = _by_date(areas)
    seen = {date: a.area_km2 for date, a in by_date.items() if a.area_km2 is not None}
    lacking = sorted(seen.keys() - weights.keys())
    if lacking:
        raise UsageError(
            f"No weight is known for {', '.join(lacking)}.",
            "Weigh every date that has an area; 0 leaves it out.",
        )
    used = to_one({date: weights[date] for date in seen})
    status, reason = _verdict(by_date, weights, used)
    s = _weighted(seen, used)
    return PeriodArea(
        district=areas[0].district,
        start=min(by_date),
        end=max(by_date),
        weights=used,
        area_km2=s,
        filled_km2=_filled(by_date, used),
        interval_km2=interval_km2,
        bounds_km2=_weighed_bounds({d: a.bounds_km2 for d, a in by_date.items()}, used),
        uncertainty=dict(uncertainty or {}),
        change_sd_km2=_spread(_best(by_date, used), used),
        leave_one_out_km2=_leave_one_out(seen, used),
        effective_dates=1 / math.fsum(w * w for w in used.values()) if used else 0.0,
        unseen_share=_unseen_share(by_date, used),
        filled_share=math.fsum(by_date[d].filled_share * w for d, w in used.items()),
        status=status,
        reason=reason,
        never_imaged_share=math.fsum(by_date[d].never_imaged_share * w for d, w in used.items()),
        clouds=least_known(by_date[d].clouds for d, w in used.items() if w > 0),
        errors=least_sure(by_date[d].errors for d, w in used.items() if w > 0),
    )


def period_by_month(areas: Sequence[Area], weights: Mapping[str, float]) -> dict[str, PeriodArea]:
    """Weigh the areas of each calendar month for itself.

    The interval of a month is Σωᵢ of its dates' bounds: that is right where all dates err to the
    same side, as one threshold on one shore does, and too wide else.

    Args:
        areas: As in `period_area`.
        weights: As in `period_area`; within a month they are brought to 1 again.

    Returns:
        By ``"2025-06"``, in order of time; only months with an area.
    """
    by_date = _by_date(areas)
    months: dict[str, PeriodArea] = {}
    for month in sorted({date[:7] for date in by_date}):
        found = period_area(
            [a for date, a in by_date.items() if date.startswith(month)],
            weights,
            interval_km2=_interval(
                {d: a for d, a in by_date.items() if d.startswith(month)}, weights
            ),
        )
        if found.area_km2 is not None:
            months[month] = found
    return months


def _by_date(areas: Sequence[Area]) -> dict[str, Area]:
    if len({a.district for a in areas}) != 1:
        raise UsageError("A period is weighed for one district at a time, with a date at least.")
    by_date: dict[str, Area] = {}
    for area in areas:
        if area.date is None:
            raise UsageError(f"An area of '{area.district}' has no date.", "Give the image a date.")
        if area.date in by_date:
            raise UsageError(f"'{area.district}' has two areas on {area.date}.", "Join them first.")
        by_date[area.date] = area
    return dict(sorted(by_date.items()))


def _weighted(values: Mapping[str, float], weights: Mapping[str, float]) -> float | None:
    return math.fsum(values[d] * w for d, w in weights.items()) if weights else None


def _filled(by_date: Mapping[str, Area], used: Mapping[str, float]) -> float | None:
    """Return Σ of the filled areas; None unless every date that counts has one."""
    filled = {d: by_date[d].filled_km2 for d, w in used.items() if w > 0}
    known = {d: v for d, v in filled.items() if v is not None}
    if not known or len(known) < len(filled):
        return None
    return _weighted(known, {d: used[d] for d in known})


def _best(by_date: Mapping[str, Area], used: Mapping[str, float]) -> dict[str, float]:
    """Return the best estimates for the whole district; the seen areas where one is missing."""
    best = {d: by_date[d].expected_km2 for d in used}
    known = {d: v for d, v in best.items() if v is not None}
    seen = {d: by_date[d].area_km2 or 0.0 for d in used}
    return known if len(known) == len(used) else seen


def _spread(values: Mapping[str, float], used: Mapping[str, float]) -> float:
    mean = _weighted(values, used) or 0.0
    return math.sqrt(math.fsum(w * (values[d] - mean) ** 2 for d, w in used.items()))


def _leave_one_out(values: Mapping[str, float], used: Mapping[str, float]) -> dict[str, float]:
    without = {
        left: _weighted(values, to_one({d: w for d, w in used.items() if d != left}))
        for left in used
    }
    return {date: s for date, s in without.items() if s is not None}


def _unseen_share(by_date: Mapping[str, Area], used: Mapping[str, float]) -> float:
    if not used:
        return 1.0
    return math.fsum(by_date[d].unseen_share * w for d, w in used.items())


def _interval(
    by_date: Mapping[str, Area], weights: Mapping[str, float]
) -> tuple[float, float] | None:
    used = to_one({d: weights.get(d, 0.0) for d, a in by_date.items() if a.area_km2 is not None})
    return _weighed_bounds({d: a.interval_km2 for d, a in by_date.items()}, used)


def _weighed_bounds(
    bounds: Mapping[str, tuple[float, float] | None], used: Mapping[str, float]
) -> tuple[float, float] | None:
    """Return Σωᵢ of bounds; None unless every date that counts has them."""
    intervals = [(bounds[d], w) for d, w in used.items() if w > 0]
    known = [(bounds, w) for bounds, w in intervals if bounds is not None]
    if not known or len(known) < len(intervals):
        return None
    low = math.fsum(bounds[0] * w for bounds, w in known)
    return low, math.fsum(bounds[1] * w for bounds, w in known)


def _verdict(
    by_date: Mapping[str, Area], weights: Mapping[str, float], used: Mapping[str, float]
) -> tuple[str, str]:
    """Return status and reason."""
    if not used:
        failed = all(a.status == "failed" for a in by_date.values())
        return (
            "failed" if failed else "skipped",
            notice("period_without_area", dates=list(by_date)),
        )
    lost = [
        d
        for d, a in by_date.items()
        if a.area_km2 is None and (a.status == "failed" or weights.get(d, 0.0) > 0)
    ]
    parts = [d for d, w in used.items() if w > 0 and by_date[d].status != "ok"]
    said = []
    if parts:
        share = _unseen_share(by_date, used)
        said.append(notice("seen_in_part", dates=parts, share=share))
    declined = [d for d in parts if by_date[d].declined]
    if declined:
        said.append(notice("most_not_pictured", dates=declined))
    if lost:
        said.append(notice("weights_to_one", dates=lost))
    return ("partial" if said else "ok"), joined(said)
