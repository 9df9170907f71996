"""Winters: how far the frost has come on a date, the wind, and how far the ice has drifted."""

import dataclasses
import datetime as dt
import math
from typing import Final

import numpy as np

from obriy.simulate.fields import stream
from obriy.simulate.ice.frame import facts
from obriy.simulate.ice.geometry import moment

MAY: Final = 181.0
"""Day of the winter, from 1 November, from which there is no ice."""


@dataclasses.dataclass(frozen=True)
class Weather:
    """What a moment of a winter is like.

    Attributes:
        winter: Year of its January.
        day: Days since 1 November, with the hour as a fraction; before it, negative.
        frost: How far the winter has come, 0 to about 1.5: a place freezes from some frost on.
        deepest: The greatest frost so far.
        cold: How readily new ice forms, 0 (thaw) to 1.
        wet: How wet the snow is, 0 to 1.
        snow: How much snow has fallen on the ice, 0 to 1.
        grain: Size of its grains against usual, standard normal.
        wind: To the east and to the north, m/s.
        drift_m: How far ice has drifted since 1 November, to the east and to the north, m.
    """

    winter: int
    day: float
    frost: float
    deepest: float
    cold: float
    wet: float
    snow: float
    grain: float
    wind: tuple[float, float]
    drift_m: tuple[float, float]

    @property
    def wind_speed(self) -> float:
        """Speed, m/s."""
        return math.hypot(*self.wind)


def weather_at(seed: int, time: str) -> Weather:
    """Return the weather; the same winter of a seed is one story, whatever dates are asked for.

    Args:
        seed: The seed of everything.
        time: ISO 8601, UTC.
    """
    when = moment(time)
    winter = when.year + (when.month >= 7)
    day = (when - dt.datetime(winter - 1, 11, 1)).total_seconds() / 86_400
    frost = _frost(seed, winter, day)
    earlier = max((_frost(seed, winter, d) for d in np.arange(15.0, day, 4.0)), default=0.0)
    table, rng = facts("season"), stream(seed, "snow", winter)
    warm = _spells(seed, "warm", winter, day, float(table["spell_days"]))
    melt = _rise(day, *sorted(rng.uniform([112, 140], [124, 162])))
    return Weather(
        winter=winter,
        day=day,
        frost=frost,
        deepest=max(frost, earlier),
        cold=float(np.clip(1.1 - 1.2 * _rise(day, 100, 150) - 0.5 * warm, 0, 1)),
        wet=float(np.clip(melt + 0.25 * max(warm - 0.8, 0), 0, 1)) if day > 20 else 0.0,
        snow=float(np.clip(_rise(day, 25, 95) + 0.3 * rng.standard_normal(), 0.05, 1)),
        grain=float(_spells(seed, "grain", winter, day, 9.0) + 1.2 * _rise(day, 95, 150)),
        wind=_wind(seed, winter, day),
        drift_m=_drift(seed, winter, day),
    )


def _frost(seed: int, winter: int, day: float) -> float:
    """Return how far the winter has come; 0 from May to October."""
    if not 0 < day < MAY:
        return 0.0
    table, rng = facts("season"), stream(seed, "winter", winter)
    onset, peak, thaw, end = (rng.uniform(*table[n]) for n in ("onset", "peak", "thaw", "end"))
    mean, deviation = table["severity"]
    severity = float(np.clip(rng.normal(mean, deviation), *table["severity_limits"]))
    course = _rise(day, onset, peak) ** 0.8 * (1 - _rise(day, thaw, end))
    spell = float(table["spell"]) * _spells(seed, "spell", winter, day, float(table["spell_days"]))
    return float(max(severity * course + spell * min(1.0, 4 * course), 0.0))


def _rise(day: float, start: float, end: float) -> float:
    """Return 0 before a day, 1 after another, and a smooth rise between."""
    t = min(max((day - start) / (end - start), 0.0), 1.0)
    return t * t * (3 - 2 * t)


def _spells(seed: int, name: str, winter: int, day: float, length: float) -> float:
    """Return a smooth random course, about standard normal, that turns within some days."""
    step = math.floor(day / length)
    turn = (day / length - step) * math.pi / 2
    before, after = (stream(seed, name, winter, k).standard_normal() for k in (step, step + 1))
    return float(math.cos(turn) * before + math.sin(turn) * after)


def _wind(seed: int, winter: int, day: float) -> tuple[float, float]:
    """Return the wind, to the east and north, m/s: from north-west in winter, from south later."""
    mean, deviation = facts("season")["wind"]
    monsoon = math.cos(2 * math.pi * (day - 75) / 365)
    east, north = (_spells(seed, f"wind {n}", winter, day, 2.0) for n in ("east", "north"))
    blow = 0.7 * mean * monsoon
    return float(0.8 * blow + deviation * east), float(-blow + deviation * north)


def _drift(seed: int, winter: int, day: float) -> tuple[float, float]:
    """Return how far ice has gone with the wind since 1 November, m."""
    share = float(facts("season")["drift_share"]) * 86_400
    whole = [_wind(seed, winter, d + 0.5) for d in range(max(0, math.floor(day)))]
    part = [w * (day - math.floor(day)) for w in _wind(seed, winter, math.floor(day) + 0.5)]
    # Ice under the shore does not go with every wind: half of the way is taken back by currents.
    east, north = (sum(w[k] for w in whole) + part[k] for k in (0, 1))
    return 0.5 * share * east, 0.5 * share * north
