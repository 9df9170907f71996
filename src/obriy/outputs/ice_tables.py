"""Sea ice as CSV: UTF-8, a point for decimals, full precision, empty where unknown.

``ice.csv`` has a row for each place and date; shares are of the sea, 0 to 1:

==============================  ================================================================
``date, district``              ISO 8601, name
``granules``                    what the day was mapped from, a space between
``sea_km2``                     sea of the place, inside the image and outside
``expected_km2``                best estimate of the ice in the whole place
``low_km2, high_km2``           90 % interval of that
``ice_km2, water_km2``          what was seen
``bound_low_km2``               ``ice_km2`` again: the area were no ice where nobody saw
``bound_high_km2``              ``ice_km2`` and all sea that was not seen
``extent_km2``                  seen sea with a concentration of 15 % or more
``ice_share, water_share``      of the sea; with ``unseen_share`` they add up to 1
``cloud_share, unseen_share``   of the sea; clouds are part of what was unseen
``unseen_...``                  the same by cause
``clouds``                      ``known``, or ``unknown``: then nothing is estimated
``status, reason``              ``ok``, ``partial``, ``skipped``, ``failed``; why it is not ``ok``
==============================  ================================================================

``seasons.csv`` has a row for each place and winter, ``ten_days.csv`` one for each of its ten-day
periods; their columns are the fields of `obriy.model.ice.IceSeason`, the interval in two.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from obriy.model.ice import IceArea, IceSeason
from obriy.outputs.tables import BOUNDS, UNSEEN, WHOLE, ends, fields, write_rows, write_table

ICE: Final = {
    **fields("date", "district"),
    "granules": lambda area: " ".join(area.granules),
    **fields("sea_km2"),
    **WHOLE,
    **fields("ice_km2", "water_km2"),
    **BOUNDS,
    **fields("extent_km2", "ice_share", "water_share", "cloud_share", "unseen_share"),
    **UNSEEN,
    **fields("clouds", "status", "reason"),
}
SEASONS: Final = {
    **fields("district", "season", "dates"),
    **fields("first_ice_after", "first_ice", "last_ice", "last_ice_before"),
    **fields("maximum_km2", "maximum_date"),
    **ends("maximum_interval_km2", "maximum_low_km2", "maximum_high_km2"),
}
TEN_DAYS: Final = ("start", "dates", "mean_km2", "anomaly_km2")


def write_ice(areas: Sequence[IceArea], path: Path | str) -> Path:
    """Write ``ice.csv``: a row per place and date; return its path."""
    return write_table(path, ICE, areas)


def write_seasons(seasons: Sequence[IceSeason], path: Path | str) -> Path:
    """Write ``seasons.csv``: a row per place and winter; return its path."""
    return write_table(path, SEASONS, seasons)


def write_ten_days(seasons: Sequence[IceSeason], path: Path | str) -> Path:
    """Write ``ten_days.csv``: a row per place and ten days; return its path."""
    rows = (
        [season.district, season.season, *(ten[name] for name in TEN_DAYS)]
        for season in seasons
        for ten in season.ten_days
    )
    return write_rows(path, ("district", "season", *TEN_DAYS), rows)
