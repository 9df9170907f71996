"""Winters: when ice came and went, its maximum, and its mean over ten days.

Dates whose clouds nobody knows count to none of it.
"""

import datetime as dt
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from obriy.errors import UsageError
from obriy.model.ice import IceArea, IceSeason, ten_days_of, winter_of

LEAST_SEEN: Final = 0.5
"""Share of the sea that must have been seen for a date to count: of less, most of the best estimate
is supposition."""
ICE_FROM_SHARE: Final = 0.01
"""Share of the seen sea from which a date has ice: mixed pixels of a coast, and a few that were
called ice in error, come to less. On 48 simulated days without ice `auto` showed none."""


def seasons_of(
    areas: Sequence[IceArea],
    *,
    least_seen: float = LEAST_SEEN,
    ice_from_share: float = ICE_FROM_SHARE,
    southern: bool = False,
) -> tuple[IceSeason, ...]:
    """Return the winters of each place, from the dates on which enough was seen.

    Ice came between the last date without and the first date with it, and nothing says when: both
    dates are told. The anomaly of ten days is against the mean of the same ten days of all other
    winters, each winter counting once, however many dates it has.

    Args:
        areas: Of any places and dates, in any order; of several of one place on one date (images
            that stand by themselves) the one of which most was seen counts.
        least_seen: Share of the sea that must have been seen for a date to count, above 0 to 1.
        ice_from_share: Share of the *seen* sea that is ice from which a date has ice, above 0.
        southern: Whether the places lie in the southern hemisphere: then a winter is a calendar
            year, not 1 July to 30 June.

    Returns:
        By place in their order, then by winter; a winter none of whose dates counts is left out.

    Raises:
        UsageError: a threshold out of its range.
    """
    for name, share in (("least_seen", least_seen), ("ice_from_share", ice_from_share)):
        if not 0 < share <= 1:
            raise UsageError(f"{name} is {share}.", "Give a share above 0, at most 1.")
    by_place: dict[str, dict[str, list[IceArea]]] = defaultdict(lambda: defaultdict(list))
    for area in _one_a_day(areas):
        if _tells(area, least_seen):
            by_place[area.district][winter_of(area.date, southern=southern)].append(area)
    ordered = [place for place in dict.fromkeys(a.district for a in areas) if place in by_place]
    return tuple(
        season for place in ordered for season in _seasons(place, by_place[place], ice_from_share)
    )


def _tells(area: IceArea, least_seen: float) -> bool:
    """Say whether enough of the sea was seen, and is known to have been."""
    known = area.ice_km2 is not None and area.clouds != "unknown"
    return known and 1 - area.unseen_share >= least_seen


def _one_a_day(areas: Sequence[IceArea]) -> list[IceArea]:
    """Return the area of each place and date of which most was seen, by date."""
    best: dict[tuple[str, str], IceArea] = {}
    for area in areas:
        known = best.setdefault((area.date[:10], area.district), area)
        if area.unseen_share < known.unseen_share:
            best[area.date[:10], area.district] = area
    return sorted(best.values(), key=lambda a: a.date)


def _seasons(
    place: str, winters: Mapping[str, Sequence[IceArea]], ice_from_share: float
) -> list[IceSeason]:
    means = {season: _ten_day_means(areas) for season, areas in winters.items()}
    found = []
    for season, areas in winters.items():
        others = [mean for other, mean in means.items() if other != season]
        icy = [_has_ice(area, ice_from_share) for area in areas]
        first = icy.index(True) if any(icy) else None
        last = len(icy) - 1 - icy[::-1].index(True) if any(icy) else None
        most = max(areas, key=_best)
        found.append(
            IceSeason(
                district=place,
                season=season,
                dates=len(areas),
                first_ice=_date(areas, first),
                first_ice_after=None if first is None else _date(areas, first - 1),
                last_ice=_date(areas, last),
                last_ice_before=None if last is None else _date(areas, last + 1),
                maximum_km2=_best(most),
                maximum_date=most.date,
                maximum_interval_km2=most.interval_km2,
                ten_days=_ten_days(means[season], others),
            )
        )
    return found


def _has_ice(area: IceArea, ice_from_share: float) -> bool:
    seen = (area.ice_km2 or 0.0) + (area.water_km2 or 0.0)
    return seen > 0 and (area.ice_km2 or 0.0) >= ice_from_share * seen


def _best(area: IceArea) -> float:
    """Return the best estimate for the whole place, km²; what was seen where there is none."""
    return (area.ice_km2 or 0.0) if area.expected_km2 is None else area.expected_km2


def _date(areas: Sequence[IceArea], index: int | None) -> str | None:
    return None if index is None or not 0 <= index < len(areas) else areas[index].date


TenDays = dict[dt.date, tuple[int, float]]
"""Dates that count and their mean, km², by the first of ten days."""


def _ten_day_means(areas: Sequence[IceArea]) -> TenDays:
    values: dict[dt.date, list[float]] = defaultdict(list)
    for area in areas:
        values[dt.date.fromisoformat(ten_days_of(area.date))].append(_best(area))
    return {start: (len(known), statistics.fmean(known)) for start, known in values.items()}


def _ten_days(own: TenDays, others: Sequence[TenDays]) -> tuple[dict[str, Any], ...]:
    """Return means and anomalies, against the same month and day of other winters."""
    elsewhere: dict[tuple[int, int], list[float]] = defaultdict(list)
    for other in others:
        for start, (_, mean) in other.items():
            elsewhere[start.month, start.day].append(mean)
    rows = []
    for start, (count, mean) in sorted(own.items()):
        usual = elsewhere.get((start.month, start.day))
        rows.append(
            {
                "start": start.isoformat(),
                "dates": count,
                "mean_km2": mean,
                "anomaly_km2": mean - statistics.fmean(usual) if usual else None,
            }
        )
    return tuple(rows)
