"""Areas through time as CSV: UTF-8, a point for decimals, full precision, empty where unknown.

``series.csv`` has a row for each district and date. ``area_wet_m2``, ``pc_wet``, ``pc_invalid`` and
``area_invalid_m2`` are named as in the series of Digital Earth Africa Waterbodies, so that programs
which read the one read the other:

=====================  =========================================================================
``date``               ISO 8601
``district``           name
``expected_km2``       best estimate for the whole district, what no date saw by proportion
``low_km2, high_km2``  90 % interval of the true area in the whole district
``area_wet_m2``        ``area_km2`` in m²
``pc_wet``             ``area_km2`` in per cent of the district, 0 to 100
``pc_invalid``         what was not seen, outside the image included, in per cent of the district
``area_invalid_m2``    the same in m²
``area_km2``           what was seen: from fractions where there are any, else of the mask
``mask_km2``           area of the pixels of the class
``fraction_km2``       area from sub-pixel fractions
``filled_km2``         ``area_km2`` and the water that other dates tell of where nothing was seen
``filled_share``       share of the district that was filled so, 0 to 1
``bound_low_km2``      ``area_km2`` again: the area were nothing there that was not seen
``bound_high_km2``     ``area_km2`` and all ground that was not seen
``unseen_...``         share of the district that was not seen, by cause, 0 to 1
``clouds``             ``known``, ``compared`` (with the other dates alone), or ``unknown``: then
                       land may be cloud over water, and the whole has no estimate
``weight``             weight of the date in the area of the period; empty where it has none
``threshold``          threshold that the map of the date was made with
``status, reason``     ``ok``, ``partial``, ``skipped``, ``failed``, and why it is not ``ok``
=====================  =========================================================================

``periods.csv`` has a row for each district:

================================  ==============================================================
``district, start, end``          name, first and last date
``dates, effective_dates``        dates with a weight; (sum of weights)² / sum of their squares
``expected_km2``                  weighted best estimate for the whole district
``low_km2, high_km2``             90 % interval of the weighted true area
``area_km2``                      weighted area of what was seen
``filled_km2``                    the same of the filled areas
``bound_low_km2, bound_high_km2`` weighted area of what was seen, and with all that was not
``change_sd_km2``                 weighted standard deviation in time
``without_one_low_km2, ..high..`` least and greatest weighted area with one of the dates left out
``unseen_share``                  weighted share of the district that was not seen, 0 to 1
``clouds``                        as above, the least that is known on a date with a weight
``status, reason``                as above
================================  ==============================================================
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from obriy.model.areas import Area, AreaSeries
from obriy.outputs.tables import BOUNDS, UNSEEN, WHOLE, Columns, fields, write_table

_M2: Final = 1e6


def _wet_m2(area: Area) -> float | None:
    return None if area.area_km2 is None else area.area_km2 * _M2


def _wet_percent(area: Area) -> float | None:
    known, whole = area.area_km2, area.district_km2
    return None if known is None or not whole else 100 * known / whole


def _without_one(extreme: Any) -> Any:
    return lambda period: extreme(period.leave_one_out_km2.values(), default=None)


def _by_date(
    weights: Mapping[str, Mapping[str, float]], thresholds: Mapping[str, float | None]
) -> Columns:
    """Return the columns that a date brings: its weight in a district, its threshold."""
    return {
        "weight": lambda area: weights.get(area.district, {}).get(area.date),
        "threshold": lambda area: thresholds.get(area.date),
    }


SERIES: Final = {
    **fields("date", "district"),
    **WHOLE,
    "area_wet_m2": _wet_m2,
    "pc_wet": _wet_percent,
    "pc_invalid": lambda area: 100 * area.unseen_share,
    "area_invalid_m2": lambda area: area.unseen_share * area.district_km2 * _M2,
    **fields("area_km2", "mask_km2", "fraction_km2", "filled_km2", "filled_share"),
    **BOUNDS,
    **UNSEEN,
    **fields("clouds"),
    **_by_date({}, {}),
    **fields("status", "reason"),
}
PERIODS: Final = {
    **fields("district", "start", "end"),
    "dates": lambda period: len(period.weights),
    **fields("effective_dates"),
    **WHOLE,
    **fields("area_km2", "filled_km2"),
    **BOUNDS,
    **fields("change_sd_km2"),
    "without_one_low_km2": _without_one(min),
    "without_one_high_km2": _without_one(max),
    **fields("unseen_share", "clouds", "status", "reason"),
}


def write_series(
    series: AreaSeries,
    path: Path | str,
    *,
    thresholds: Mapping[str, float | None] | None = None,
) -> Path:
    """Write ``series.csv``: a row per district and date; return its path.

    Args:
        series: Areas; weights come from its periods.
        path: The file wanted.
        thresholds: Threshold of the map by date, where it has one.
    """
    weights = {period.district: period.weights for period in series.periods}
    return write_table(path, {**SERIES, **_by_date(weights, thresholds or {})}, series.areas)


def write_periods(series: AreaSeries, path: Path | str) -> Path:
    """Write ``periods.csv``: a row per district; return its path."""
    return write_table(path, PERIODS, series.periods)
