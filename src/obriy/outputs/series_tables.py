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

from obriy.model.areas import Area, AreaSeries, PeriodArea
from obriy.outputs.tables import BOUNDS, CAUSES, WHOLE, ends, write_rows

SERIES: Final = (
    "date", "district", *WHOLE, "area_wet_m2", "pc_wet", "pc_invalid", "area_invalid_m2",
    "area_km2", "mask_km2", "fraction_km2", "filled_km2", "filled_share", *BOUNDS,
    *(f"unseen_{cause}" for cause in CAUSES), "clouds", "weight", "threshold",
    "status", "reason",
)  # fmt: skip
PERIODS: Final = (
    "district", "start", "end", "dates", "effective_dates", *WHOLE, "area_km2", "filled_km2",
    *BOUNDS, "change_sd_km2", "without_one_low_km2", "without_one_high_km2",
    "unseen_share", "clouds", "status", "reason",
)  # fmt: skip
_M2: Final = 1e6


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
    rows = (
        _series_row(area, weights.get(area.district, {}), thresholds or {}) for area in series.areas
    )
    return write_rows(path, SERIES, rows)


def write_periods(series: AreaSeries, path: Path | str) -> Path:
    """Write ``periods.csv``: a row per district; return its path."""
    return write_rows(path, PERIODS, (_period_row(period) for period in series.periods))


def _series_row(
    area: Area, weights: Mapping[str, float], thresholds: Mapping[str, float | None]
) -> list[Any]:
    known, whole = area.area_km2, area.district_km2
    date = area.date or ""
    return [
        area.date, area.district, area.expected_km2, *ends(area.interval_km2),
        None if known is None else known * _M2,
        None if known is None or not whole else 100 * known / whole,
        100 * area.unseen_share, area.unseen_share * whole * _M2,
        known, area.mask_km2, area.fraction_km2, area.filled_km2, area.filled_share,
        *ends(area.bounds_km2),
        *(area.unseen.get(cause, 0.0) for cause in CAUSES), area.clouds,
        weights.get(date), thresholds.get(date), area.status, area.reason,
    ]  # fmt: skip


def _period_row(period: PeriodArea) -> list[Any]:
    others = period.leave_one_out_km2.values()
    return [
        period.district, period.start, period.end, len(period.weights), period.effective_dates,
        period.expected_km2, *ends(period.interval_km2), period.area_km2, period.filled_km2,
        *ends(period.bounds_km2), period.change_sd_km2,
        min(others, default=None), max(others, default=None), period.unseen_share,
        period.clouds, period.status, period.reason,
    ]  # fmt: skip
