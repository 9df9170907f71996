"""How far an area may be off: from the evidence of the map itself, without a reference.

Five causes, taken as independent of each other (GUM, JCGM 100:2008, eq. 10):

* ``classification``: the area that another threshold, as good, would decide otherwise; its whole
  (errors that hang together) and block by block (errors that do not);
* ``shore``: mixed pixels: the length of the shore, and fractions against whole pixels;
* ``unseen``: what other dates led to expect against what was seen, block by block, carried over to
  what was not; by proportion where no date saw;
* ``registration``: what the area gains as the image moves under the outline of the district;
* ``resolution``: a map reads in steps of a pixel (JCGM 100:2008, F.2.2.1): no area is sure to less.

And one that has a side: ``omission``, the water that maps lose in what is narrow or dim: channels
and ponds of a pixel's width, brown lakes. Where much of what a map shows is doubtful, more of that
kind was missed. It widens the interval upwards; the area itself is not corrected by it, for that it
would have to be known and not only supposed.

The coefficients of ``tables/uncertainty.toml`` make a 90 % interval cover the truth of simulated
places in 90 % of runs: `docs/design/0007-uncertainty.md`.
"""

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from obriy.measures.tally import Tally
from obriy.model.areas import Area
from obriy.model.legend import UNNAMED
from obriy.tables import load_toml

Coefficients = Mapping[str, Any]

OMISSION: Final = "omission"
"""The one cause that is no standard deviation."""


@dataclasses.dataclass(frozen=True)
class Estimate:
    """The area of a class in a whole district, m².

    Attributes:
        expected: Best estimate.
        low: Lower end of the 90 % interval.
        high: Upper end.
        causes: Standard deviation by cause; ``omission`` is no deviation, but how much more may be
            there.
    """

    expected: float
    low: float
    high: float
    causes: dict[str, float]


def estimate(tally: Tally, code: int, district: float, *, table: str = "uncertainty") -> Estimate:
    """Estimate the area of a class in a district from what its pixels add up to.

    Args:
        tally: Of the class in the district; some of it was seen.
        code: Of the class.
        district: Area of the whole district, inside the image and outside, m².
        table: Where the coefficients lie: those of water, or of another class.
    """
    know = _settings(table)
    seen = float(tally.by_code[1:UNNAMED].sum())
    # With what was filled: around clouds water is kept and dry land is not, so that the share of
    # what was seen alone is too high.
    share = min(1.0, (tally.fraction + tally.filled) / (seen + tally.fillable))
    rest = max(0.0, district - seen - tally.fillable)
    blind = tally.fillable + rest
    causes = {
        "classification": _classification(tally, know),
        "shore": _shore(tally, code, know),
        # Nothing between 0 and so much can spread by more than half of it (Popoviciu 1935).
        "unseen": min(_unseen(tally, share, seen, rest, know), blind / 2),
        "registration": know["registration"]["pixels"] * math.hypot(*tally.moved),
        "resolution": know["resolution"]["pixels"] * tally.pixel,
    }
    omission = _omission(tally, code, know)
    expected = tally.fraction + tally.filled + share * rest
    half = know["quantile"] * _norm(causes)
    sure = know["quantile"] * _norm({k: v for k, v in causes.items() if k != "unseen"})
    # Water that was seen is there; no more can be hidden than was unseen.
    low = max(0.0, expected - half, tally.fraction - sure)
    most = tally.fraction + blind + sure
    high = min(district, min(expected + half, most) + omission)
    return Estimate(expected, low, max(low, high), causes | {OMISSION: omission})


def _classification(tally: Tally, know: Coefficients) -> float:
    own = know["classification"]
    return math.hypot(own["doubtful"] * tally.doubtful, own["block"] * tally.blocks.doubt**0.5)


def _shore(tally: Tally, code: int, know: Coefficients) -> float:
    own = know["shore"]
    against = tally.fraction - float(tally.by_code[code])
    return math.hypot(own["shore"] * tally.shore, own["fraction_against_mask"] * against)


def _omission(tally: Tally, code: int, coefficients: Coefficients) -> float:
    """Return how much more water there may be than the map shows where it saw, m²."""
    know = coefficients["omission"]
    # Fractions that come to the very area of the mask are all 0 or 1: whole pixels too.
    whole = math.isclose(tally.fraction, float(tally.by_code[code]))
    shore = know["whole_pixels"] * tally.shore if whole else 0.0
    shown = tally.doubtful + tally.fraction
    if not shown:
        return float(shore)
    ratio = tally.doubtful / shown
    supposed = know["factor"] * tally.doubtful * (ratio / know["at"]) ** know["power"]
    return float(min(supposed, know["most"] * shown) + shore)


def _unseen(tally: Tally, share: float, seen: float, rest: float, know: Coefficients) -> float:
    """Return the standard deviation of what this date did not see, m²."""
    own = know["unseen"]
    together = math.hypot(_filled(tally, own), _rest(tally, share, seen, rest))
    return float(own["scale"]) * together


def _filled(tally: Tally, own: Coefficients) -> float:
    """Return the standard deviation of what was filled from other dates, m²."""
    sums = tally.blocks
    if not sums.blind_stake:
        return 0.0
    prior = own["prior_ratio"] ** 2
    ratio = (sums.residual + prior * sums.blind_stake) / (sums.stake + sums.blind_stake)
    # The second term: the ratio was learnt from blocks whose own errors did not cancel either.
    return math.sqrt(ratio * sums.blind_stake * (1 + sums.blind_stake / (sums.stake or math.inf)))


def _rest(tally: Tally, share: float, seen: float, rest: float) -> float:
    """Return the standard deviation of what no date saw, m²: the share varies between blocks.

    One more block is supposed, of a middling size and half of it water: few blocks that agree by
    chance are no certainty.
    """
    if not rest:
        return 0.0
    sums = tally.blocks
    middling = (sums.seen / seen) ** 2
    spread = max(0.0, sums.water - 2 * share * sums.water_seen + share**2 * sums.seen)
    spread += middling / 4
    blind = sums.blind + max(0.0, rest - _inside(tally)) * sums.seen / seen
    return math.sqrt(spread * (blind / (sums.seen + middling) + (rest / seen) ** 2))


def _inside(tally: Tally) -> float:
    """Return the area inside the image of which nothing is told, m²."""
    return float(tally.by_code[0] + tally.by_code[UNNAMED]) - tally.fillable


def period_estimate(
    areas: Sequence[Area], weights: Mapping[str, float]
) -> tuple[float | None, tuple[float, float] | None, dict[str, float]]:
    """Estimate a weighted area over dates, S = Σ Sᵢωᵢ, for the whole district, km².

    The errors of two dates hang together, by cause: a map errs in the same places again.

    Args:
        areas: Of one district, one per date.
        weights: ωᵢ by date; dates without one do not count.

    Returns:
        Best estimate, 90 % interval, and standard deviation by cause; None, None, {} where a
        weighted date has none.
    """
    used = [a for a in areas if a.date in weights and a.expected_km2 is not None]
    if not used or len(used) < len(weights):
        return None, None, {}
    omega = np.array([weights[str(a.date)] for a in used])
    together = _settings()["dates"]
    causes = {
        cause: _combined(omega * [a.uncertainty.get(cause, 0.0) for a in used], rho)
        for cause, rho in together.items()
        if cause != OMISSION
    }
    expected = float(omega @ [a.expected_km2 or 0.0 for a in used])
    lost = float(omega @ [a.uncertainty.get(OMISSION, 0.0) for a in used])
    alone = float(omega @ omega)  # 1 for a single date, towards 0 for many
    omission = (together[OMISSION] + (1 - together[OMISSION]) * alone) * lost
    half = _settings()["quantile"] * _norm(causes)
    low = max(0.0, expected - half, float(omega @ [_low(a) for a in used]))
    bounds = omega @ np.array([a.interval_km2 for a in used], "float64")  # all to the same side
    low, high = max(low, float(bounds[0])), min(expected + half + omission, float(bounds[1]))
    return expected, (low, max(low, high)), causes | {OMISSION: omission}


def _low(area: Area) -> float:
    """Return what was surely seen on a date, km²."""
    known = {k: v for k, v in area.uncertainty.items() if k not in ("unseen", OMISSION)}
    return max(0.0, (area.area_km2 or 0.0) - float(_settings()["quantile"]) * _norm(known))


def _combined(parts: Any, rho: float) -> float:
    """Return the standard deviation of a sum of errors that correlate by ``rho``."""
    return math.sqrt(rho * float(parts.sum()) ** 2 + (1 - rho) * float((parts**2).sum()))


def _norm(causes: Mapping[str, float]) -> float:
    return math.sqrt(sum(v**2 for v in causes.values()))


@functools.cache
def _settings(table: str = "uncertainty") -> dict[str, Any]:
    return dict(load_toml(table))
