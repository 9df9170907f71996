"""Additional evaporation: what water loses beyond the land that it covers."""

from collections.abc import Mapping
from typing import Final

from obriy.errors import InputError
from obriy.model.areas import PeriodArea
from obriy.model.balance import Evaporation, MonthEvaporation, MonthWeather, WaterSurface, Weather
from obriy.model.notices import notice

K_EVA: Final = 1e3
"""k_eva, mm·km² in 10⁶ m³: 1 mm over 1 km² is 10³ m³."""
_RUNOFF_SUSPECT_MM: Final = 2000.0
"""Runoff of one month that no basin has, mm: most likely W is in m³, not in 10⁶ m³."""


def additional_evaporation(
    weather: Weather, period: PeriodArea, monthly: Mapping[str, PeriodArea]
) -> Evaporation:
    """Compute additional evaporation by month.

    E_add = W_eva0 − (X − Y), mm, with Y = 10³·W/F (W in 10⁶ m³, F in km²);
    W_eva = E_add·S/k_eva, 10⁶ m³, with k_eva = 10³ (V. Mokin et al. 2023, as A. Naiuk et al. 2026
    cite it; printed there, millimetres are subtracted from a volume).

    Args:
        weather: Dated months, each of which is computed; or long-term normals, which stand for
            every month from the start of the period to its end.
        period: The district over the period: S of the months without an image.
        monthly: The district by month, ``"2025-06"``: S of the months with an image.

    Returns:
        Months in order of time. A negative month is shown and counts in the sum. Intervals come
        from that of S alone: weather is taken as given.

    Raises:
        InputError: a month with an image, or of the period, for which there is no weather.
    """
    rows = _months(weather, period, monthly)
    months = tuple(_month(name, row, period, monthly.get(name)) for name, row in rows.items())
    volumes = [m.volume_1e6m3 for m in months if m.volume_1e6m3 is not None]
    bounds = [m.interval_1e6m3 for m in months if m.interval_1e6m3 is not None]
    summed = (sum(b[0] for b in bounds), sum(b[1] for b in bounds))
    return Evaporation(
        district=period.district,
        source=weather.source,
        months=months,
        additional_mm=sum(m.additional_mm for m in months),
        volume_1e6m3=sum(volumes) if len(volumes) == len(months) else None,
        interval_1e6m3=summed if len(bounds) == len(months) else None,
        notes=(*weather.notes, *_notes(rows, months), *_unseen(period)),
    )


def runoff_mm(w_1e6m3: float, f_km2: float) -> float:
    """Return Y = 10³·W/F, the runoff as a layer over the basin, mm."""
    return 1e3 * w_1e6m3 / f_km2


def _months(
    weather: Weather, period: PeriodArea, monthly: Mapping[str, PeriodArea]
) -> dict[str, MonthWeather]:
    """Return the weather of each month to compute, in order of time."""
    rows = {m.month: m for m in weather.months}
    wanted = _span(period.start, period.end) if weather.normals else sorted({*rows, *monthly})
    keys = {month: month[5:] if weather.normals else month for month in wanted}
    lacking = sorted({key for key in keys.values() if key not in rows})
    if lacking:
        raise InputError(
            f"{weather.source} has no weather of the month {', '.join(lacking)}.",
            "Add a row for it: the series has that month.",
        )
    return {month: rows[key] for month, key in keys.items()}


def _span(start: str, end: str) -> list[str]:
    """Return the months from one date to another, both included."""
    first, last = (int(date[:4]) * 12 + int(date[5:7]) - 1 for date in (start, end))
    return [f"{n // 12:04d}-{n % 12 + 1:02d}" for n in range(first, last + 1)]


def _month(
    name: str, row: MonthWeather, period: PeriodArea, own: PeriodArea | None
) -> MonthEvaporation:
    own_surface = None if own is None else WaterSurface.of(own)
    surface = own_surface or WaterSurface.of(period)
    land = _land_mm(row)
    added = row.w_eva0_mm - land
    bounds = None if surface is None else surface.interval_km2
    low_high = None if bounds is None else sorted(added * s / K_EVA for s in bounds)
    return MonthEvaporation(
        month=name,
        additional_mm=added,
        land_mm=land,
        area_km2=None if surface is None else surface.area_km2,
        area_of="period" if own_surface is None else "month",
        volume_1e6m3=None if surface is None else added * surface.area_km2 / K_EVA,
        interval_1e6m3=None if low_high is None else (low_high[0], low_high[1]),
    )


def _land_mm(row: MonthWeather) -> float:
    """Return X − Y, or what replaces it, mm."""
    if row.land_evaporation_mm is not None:
        return row.land_evaporation_mm
    if row.x_mm is None:
        raise InputError(f"The weather of {row.month} has no precipitation X.", "Give it in mm.")
    return row.x_mm - (_runoff(row) or 0.0)


def _runoff(row: MonthWeather) -> float | None:
    if row.w_1e6m3 is not None and row.f_km2 is not None:
        return runoff_mm(row.w_1e6m3, row.f_km2)
    return row.y_mm


def _unseen(period: PeriodArea) -> list[str]:
    surface = WaterSurface.of(period)
    return [] if surface is None else surface.lacks()


def _notes(rows: Mapping[str, MonthWeather], months: tuple[MonthEvaporation, ...]) -> list[str]:
    notes: list[str] = []
    if any(row.land_evaporation_mm is None for row in rows.values()):
        notes.append(notice("land_evaporation_assumed"))
    borrowed = [m.month for m in months if m.area_of == "period"]
    if borrowed:
        notes.append(notice("area_of_period_taken", months=borrowed))
    odd = [name for name, row in rows.items() if (_runoff(row) or 0.0) > _RUNOFF_SUSPECT_MM]
    if odd:
        notes.append(notice("runoff_suspect", months=odd, limit=_RUNOFF_SUSPECT_MM))
    return notes
