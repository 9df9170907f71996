"""Weights of dates, ωᵢ with Σωᵢ = 1: what each image of a series counts for."""

import math
from collections.abc import Collection, Mapping
from typing import Final

from obriy.errors import InputError, UsageError
from obriy.tables import load_toml

_ROUNDING: Final = 0.0005
"""Weights printed with three decimals are off by this much, each."""
_PER_CENT: Final = 100.0


def clear_weights(clear: Mapping[str, float]) -> dict[str, float]:
    """Weigh each date by the share of the district that was seen on it.

    The cloud percentage of a scene is not that of the district: a scene of 30 % cloud may show
    the district whole, or not at all.

    Args:
        clear: Share of the district that was seen, 0 to 1, by date.

    Returns:
        Weights by date, their sum 1; a date on which nothing was seen has none, so this is empty
        where no date showed anything.

    Raises:
        UsageError: a share outside 0 to 1.
    """
    for date, share in clear.items():
        if not 0 <= share <= 1:
            raise UsageError(f"The clear share of {date} is {share}, not 0 to 1.")
    return to_one({date: share for date, share in clear.items() if share > 0})


def cloud_weights(cloudiness_percent: Mapping[str, float]) -> dict[str, float]:
    """Weigh each date by the cloudiness of its whole scene: ω ∝ 1 / (1 + (c/8)³).

    Follows the intent of A. Naiuk et al. (2026), who gave their weights by hand: nearly flat to
    4 %, half at 8 %, little above 12 %. Beside theirs (S = Σ Sᵢωᵢ of their areas in km²):

    ====== ====================== ====================== ======
    period cloudiness, %          weights, theirs / ours S
    ====== ====================== ====================== ======
    summer 11, 4, 2, 13           .09 .40 .42 .09        41.425
    .                             .119 .380 .421 .081    40.995
    autumn 1, 14, 1, 0            .30 .05 .30 .35        30.048
    .                             .317 .050 .317 .317    29.921
    ====== ====================== ====================== ======

    Args:
        cloudiness_percent: Cloudiness of the scene by its metadata, 0 to 100, by date.

    Returns:
        Weights by date, their sum 1; empty for no dates.

    Raises:
        InputError: a cloudiness that is missing or outside 0 to 100.
    """
    table = load_toml("weights")["cloud"]
    for date, cloud in cloudiness_percent.items():
        if not 0 <= cloud <= _PER_CENT:
            raise InputError(
                f"The cloudiness of {date} is {cloud} %, not 0 to 100.",
                "Weigh by what was seen of the district, or give the weights in a file.",
            )
    return to_one(
        {
            date: 1 / (1 + (cloud / table["half_percent"]) ** table["power"])
            for date, cloud in cloudiness_percent.items()
        }
    )


def given_weights(
    given: Mapping[str, float], dates: Collection[str], *, failed: Collection[str] = ()
) -> dict[str, float]:
    """Check the weights that a user gave against the dates of the series.

    Args:
        given: Weight, at least 0, by day (``"2025-06-05"``). 0 leaves a date out on purpose.
        dates: Dates that have an image, ISO 8601, with or without a time of day.
        failed: Dates of the series whose image failed: they may have a weight, and need none.

    Returns:
        Weights by date as ``dates`` and ``failed`` write it, their sum 1. Weights with three
        decimals may miss 1 by their rounding; they are divided by their sum.

    Raises:
        InputError: a date without a weight, a weight without a date, a weight below 0, or a sum
            that is not 1; each names what it is about.
        UsageError: two images of one day.
    """
    by_day: dict[str, str] = {}
    for date in (*dates, *failed):
        if by_day.setdefault(date[:10], date) != date:
            raise UsageError(
                f"The series has two images of {date[:10]}, and weights go by day.",
                "Join the images of a day first.",
            )
    _check_days(given, dates, by_day)
    total = math.fsum(given.values())
    if abs(total - 1) > _ROUNDING * len(given):
        raise InputError(f"The weights sum to {total:.6g}, not to 1.", _way_to_one(total))
    return to_one({by_day[day]: weight for day, weight in given.items()})


def to_one(weights: Mapping[str, float]) -> dict[str, float]:
    """Divide weights by their sum; empty where that is 0.

    Args:
        weights: Weights by date, at least 0.
    """
    total = math.fsum(weights.values())
    return {date: weight / total for date, weight in weights.items()} if total > 0 else {}


def _check_days(
    given: Mapping[str, float], dates: Collection[str], by_day: Mapping[str, str]
) -> None:
    """Raise unless weights and dates cover each other and no weight is below 0."""
    unknown = sorted(set(given) - set(by_day))
    if unknown:
        raise InputError(
            f"There is no image of {', '.join(unknown)}, but a weight for it.",
            f"The series has: {', '.join(sorted(by_day))}.",
        )
    lacking = sorted(date for date in dates if date[:10] not in given)
    if lacking:
        raise InputError(
            f"No weight is given for {', '.join(lacking)}.",
            "Give each date of the series a weight; 0 leaves it out.",
        )
    for day, weight in given.items():
        if not (weight >= 0 and math.isfinite(weight)):
            raise InputError(
                f"The weight of {day} is {weight:g}.", "A weight is a number from 0 to 1."
            )


def _way_to_one(total: float) -> str:
    if total <= 0:
        return "Give at least one date a weight above 0."
    if abs(total - _PER_CENT) < 1:
        return "They look like per cents: divide each by 100."
    return f"Divide each by {total:.6g}, or correct the one that is wrong."
