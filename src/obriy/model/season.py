"""A season: names of what is known of a pixel that was seen on many dates, and what is not.

The medians of its bands have the names of the bands; what else tells pixels apart has those of
`SEASONAL`; curves through the year, which are for people and labellers, have those of `CURVES`.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

STEP: Final = "season"
"""Step of the record of a Scene that was made of several."""
OPPOSITE: Final = "opposite_months"
"""Attribute of the Scene of a season: its greenest month and its barest, where both are known."""
SPREAD: Final = ("low", "high")
"""What stands beside a median: the 10th and the 90th percentile over the dates."""
INDICES: Final = ("NDVI", "MNDWI", "NDWI")
"""Of these indices; NDWI only where there is no shortwave infrared."""
GREEN_SHARE: Final = "green_share"
"""Share of the months in which a pixel was seen whose median NDVI is above `GREEN`."""
WET_SHARE: Final = "wet_share"
"""Share of the dates on which it was seen whose water index is above 0."""
GREEN: Final = 0.4
"""NDVI above which a month is green: bare and built ground stays below, grass and leaves above."""
SEASONAL: Final = (
    *(f"{name.lower()}_{end}" for name in INDICES for end in SPREAD),
    GREEN_SHARE,
    WET_SHARE,
)
"""Names of what tells the pixels of a season apart beside its bands, float32, NaN missing."""
MONTHS: Final = tuple(range(1, 13))
FEW: Final = 3
"""Dates below which a pixel was seen on few: a median of two is their mean, clouds and all."""


def _month_of(date: str) -> tuple[int, int]:
    """Return year and month of a date, ISO 8601."""
    return int(date[:4]), int(date[5:7])


def curve(index: str, month: int) -> str:
    """Return the name of the median of an index in a month."""
    return f"{index}_{month:02d}"


def pictured(month: int, band: str) -> str:
    """Return the name of the median of a band over the dates of a month, for pictures of it."""
    return f"month{month:02d}_{band}"


CURVES: Final = tuple(curve(index, month) for index in INDICES for month in MONTHS)
"""Names of the medians of the months: uint8, `CURVE_STEP` apart from -1 on, 255 missing."""
CURVE_STEP: Final = 0.01
CURVE_MISSING: Final = 255


@dataclasses.dataclass(frozen=True)
class SeasonDate:
    """What one date gave to a season.

    Attributes:
        date: ISO 8601.
        seen_share: Share of the pixels of the grid that it showed, 0 to 1; 0 where it failed.
        reason: Why it is not ``ok``; empty where it is.
        status: ``ok``, ``partial`` (parts could not be read), ``skipped`` (nothing seen) or
            ``failed``.
    """

    date: str
    seen_share: float
    reason: str = ""
    status: str = "ok"

    @property
    def lost(self) -> bool:
        """Whether it gave less than it holds: of what shows nothing nothing is lost."""
        return self.status in ("partial", "failed")


@dataclasses.dataclass(frozen=True)
class SeasonSeen:
    """What was seen of a place through a season, and what was not.

    Attributes:
        dates: Each date, in the order of time, those that failed too.
        per_pixel: Pixels by the number of dates on which they were seen, from 0.
        green: How far NDVI lies in each month above the mean of each pixel's own year, on average
            over the pixels that the month showed, and their share; months without a view are out.
    """

    dates: Sequence[SeasonDate]
    per_pixel: Sequence[int]
    green: Mapping[int, tuple[float, float]] = dataclasses.field(default_factory=dict)

    @property
    def time(self) -> str:
        """The first and the last date, ISO 8601, an interval."""
        return f"{self.dates[0].date}/{self.dates[-1].date}"

    def share_seen(self, least: int, most: int | None = None) -> float:
        """Return the share of the pixels seen on so many dates, 0 to 1."""
        return sum(self.per_pixel[least:most]) / max(1, sum(self.per_pixel))

    def dates_at(self, share: float) -> int:
        """Return the number of dates that a share of the pixels was seen on, or on fewer."""
        total, wanted = 0, share * sum(self.per_pixel)
        for number, pixels in enumerate(self.per_pixel):
            total += pixels
            if total >= wanted:
                return number
        return 0

    @property
    def months_unseen(self) -> list[int]:
        """Months of the year, between the first date and the last, of which nothing was seen."""
        (year, month), last = (_month_of(date.date) for date in (self.dates[0], self.dates[-1]))
        within = set[int]()
        while (year, month) <= last and len(within) < len(MONTHS):
            within.add(month)
            year, month = (year, month + 1) if month < len(MONTHS) else (year + 1, 1)
        seen = {_month_of(date.date)[1] for date in self.dates if date.seen_share > 0}
        return sorted(within - seen)

    @property
    def opposite(self) -> tuple[int, int] | None:
        """The greenest and the barest month, of those that showed enough; None: there are no two.

        A month that showed less than half of what the best one did is of other ground.
        """
        most = max((share for _, share in self.green.values()), default=0.0)
        told = [m for m, (_, share) in self.green.items() if share >= most / 2 > 0]
        if len(told) < 2:
            return None
        told.sort(key=lambda month: self.green[month][0])
        return told[-1], told[0]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "dates": [dataclasses.asdict(date) for date in self.dates],
            "per_pixel": list(self.per_pixel),
            "green": {str(month): list(pair) for month, pair in self.green.items()},
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "SeasonSeen":
        """Return what `to_dict` gave."""
        return cls(
            tuple(SeasonDate(**date) for date in values["dates"]),
            tuple(values["per_pixel"]),
            {int(month): (pair[0], pair[1]) for month, pair in values["green"].items()},
        )
