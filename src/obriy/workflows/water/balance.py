"""Document D's use of an area: beside the register, and in the water balance."""

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path

from obriy.errors import InputError
from obriy.measures.evaporation import additional_evaporation
from obriy.measures.period import period_by_month
from obriy.measures.register import compare_register
from obriy.model.areas import AreaSeries, District, PeriodArea
from obriy.model.balance import (
    Evaporation,
    Register,
    RegisterComparison,
    WaterSurface,
    Weather,
)
from obriy.sources.features import read_polygons
from obriy.sources.register import read_register
from obriy.sources.weather import read_weather
from obriy.vectors import polygons_of, warp_geometry
from obriy.workflows.config.series import SeriesConfig
from obriy.workflows.water.measuring import by_district, with_estimate


@dataclasses.dataclass(frozen=True)
class BalanceInputs:
    """What the user gave beside the images.

    Attributes:
        register: What to compare with.
        weather: By month.
        outside_river: The districts, by their names, without the river channel; empty where none
            is set apart.
    """

    register: Register | None = None
    weather: Weather | None = None
    outside_river: tuple[District, ...] = ()


@dataclasses.dataclass(frozen=True)
class Balance:
    """What follows from the areas.

    Attributes:
        comparison: With the register.
        evaporation: By district.
    """

    comparison: RegisterComparison | None = None
    evaporation: tuple[Evaporation, ...] = ()


def read_balance(
    config: SeriesConfig, districts: Sequence[District], dates: Iterable[str]
) -> BalanceInputs:
    """Read register, river and weather, and say what is wrong with them before the work.

    Raises:
        UsageError: a river without a register or without districts.
        InputError: tables that cannot serve, a month of the series without weather.
    """
    if config.river and not (config.register_ and districts):
        raise InputError(
            "--river sets the channel apart from districts, for the register.",
            "Give --aoi and --register too.",
        )
    weather = read_weather(Path(config.evaporation)) if config.evaporation else None
    if weather is not None:
        _require_months(weather, sorted(date[:7] for date in dates))
    return BalanceInputs(
        register=read_register(config.register_) if config.register_ else None,
        weather=weather,
        outside_river=_outside(Path(config.river), districts) if config.river else (),
    )


def strike_balance(
    inputs: BalanceInputs, series: AreaSeries, outside: AreaSeries | None = None
) -> Balance:
    """Compare with the register, and compute additional evaporation.

    Args:
        inputs: Register, weather, districts outside the river.
        series: Areas of the districts.
        outside: By the same names, areas outside the river.
    """
    return Balance(
        comparison=_compare(inputs.register, series, outside),
        evaporation=_evaporate(inputs.weather, series),
    )


def _require_months(weather: Weather, months: Sequence[str]) -> None:
    """Raise where a month is not there that `additional_evaporation` will ask for.

    Args:
        weather: Dated months, which must hold those with an image; or normals, which must hold
            every month from the first image to the last.
        months: Of the images, ``"2025-06"``, in order of time.
    """
    known = {m.month for m in weather.months}
    if weather.normals:
        first, last = (int(m[:4]) * 12 + int(m[5:]) - 1 for m in (months[0], months[-1]))
        lacking = sorted({f"{n % 12 + 1:02d}" for n in range(first, last + 1)} - known)
        why = f"the images span {months[0]} to {months[-1]}"
    else:
        lacking = sorted(set(months) - known)
        why = "the series has images of it"
    if lacking:
        raise InputError(
            f"{weather.source} has no weather of {', '.join(lacking)}, and {why}.",
            "Add a row for each month.",
        )


def _outside(path: Path, districts: Sequence[District]) -> tuple[District, ...]:
    frame = read_polygons(path)
    river = frame.geometry.make_valid().union_all()
    outside = []
    for district in districts:
        crs = district.crs or frame.crs.to_wkt()
        channel = warp_geometry(river, frame.crs.to_wkt(), crs)
        left = polygons_of(district.geometry.difference(channel))
        if left.is_empty:
            raise InputError(
                f"The river of {path} covers the whole district '{district.name}'.",
                "Give the polygons of the channel alone.",
            )
        outside.append(District(district.name, left, district.crs))
    return tuple(outside)


def _compare(
    register: Register | None, series: AreaSeries, outside: AreaSeries | None
) -> RegisterComparison | None:
    if register is None:
        return None
    left = outside or AreaSeries(series.class_name, ())
    together = _surfaces(series.periods_together, left.periods_together)
    return compare_register(
        register, _surfaces(series.periods, left.periods), next(iter(together), None)
    )


def _surfaces(periods: Sequence[PeriodArea], outside: Sequence[PeriodArea]) -> list[WaterSurface]:
    left = {p.district: p for p in outside}
    found = [_surface(period, left.get(period.district)) for period in periods]
    return [surface for surface in found if surface is not None]


def _surface(period: PeriodArea, outside: PeriodArea | None) -> WaterSurface | None:
    if outside is None:
        return WaterSurface.of(period)
    whole, left = WaterSurface.of(period), WaterSurface.of(outside)
    if whole is None or left is None:
        return None
    return dataclasses.replace(
        left, district=period.district, channel_km2=whole.area_km2 - left.area_km2
    )


def _evaporate(weather: Weather | None, series: AreaSeries) -> tuple[Evaporation, ...]:
    if weather is None:
        return ()
    rows = by_district(series.areas)
    found = []
    for period in series.periods:
        areas = rows[period.district]
        monthly = {
            month: with_estimate(p, areas)
            for month, p in period_by_month(areas, period.weights).items()
        }
        found.append(additional_evaporation(weather, period, monthly))
    return tuple(found)
