"""How far an area may be off: from the evidence of the map itself, without a reference.

Five causes, taken as independent of each other (GUM, JCGM 100:2008, eq. 10):

* ``classification``: the area that another threshold, as good, would decide otherwise; its whole
  (errors that hang together) and block by block (errors that do not);
* ``shore``: mixed pixels: the length of the shore, and fractions against whole pixels;
* ``unseen``: what other dates led to expect against what was seen, block by block, carried over to
  what was not; by proportion where no date saw;
* ``registration``: what the area gains as the image moves under the outline of the district;
* ``resolution``: a map reads in steps of a pixel (JCGM 100:2008, F.2.2.1): no area is sure to less.

And two that have a side, for a map cannot see what it missed: ``commission``, what it shows and is
none, downwards, and ``omission``, what it missed, upwards: in proportion to the doubtful water, to
the shore and the ground beside it, and to all ground. They widen the interval; the best estimate is
not corrected by them.

The coefficients of ``tables/uncertainty.toml`` come from hand-drawn labels and simulated places, by
`benchmarks/tune_intervals`: `docs/design/0007-uncertainty.md`.
"""

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from obriy.measures.hidden import hidden
from obriy.measures.tally import Tally
from obriy.model.areas import Area
from obriy.model.interval import COMMISSION, HIDDEN, OMISSION, ONE_SIDED, QUANTILE
from obriy.model.legend import UNNAMED
from obriy.tables import load_toml

Coefficients = Mapping[str, Any]

_PLOT: Final = 128.0**2
"""Pixels of a plot: of the labelled ones that coefficients come from."""


@dataclasses.dataclass(frozen=True)
class Estimate:
    """The area of a class in a whole district, m².

    Attributes:
        expected: Best estimate.
        low: Lower end of the 90 % interval.
        high: Upper end.
        causes: Standard deviation by cause; ``omission`` and ``commission`` are no deviations, but
            how much more may be there, and how much less.
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
    expected = tally.fraction + tally.filled + share * rest
    filled = float(know["unseen"]["scale"]) * _filled(tally, know["unseen"])
    holes = hidden(tally, share, seen, rest, know["unseen"])
    causes = {
        "classification": _classification(tally, know),
        "shore": _shore(tally, code, know),
        # Nothing between 0 and so much can spread by more than half of it (Popoviciu 1935).
        "unseen": min(math.hypot(filled, holes.deviation), blind / 2),
        "registration": know["registration"]["pixels"] * math.hypot(*tally.moved),
        "resolution": know["resolution"]["pixels"] * tally.pixel,
    }
    causes |= _one_sided(tally, know)
    sure = QUANTILE * _norm({k: v for k, v in causes.items() if k not in (*ONE_SIDED, HIDDEN)})
    down = math.hypot(sure, QUANTILE * filled, share * rest - holes.least)
    if not holes.least:  # none of it is an end, not a spread that others could cancel
        down = math.hypot(sure, QUANTILE * filled) + share * rest
    up = math.hypot(sure, QUANTILE * filled, max(0.0, holes.most - share * rest))
    # Water that was seen is there; no more can be hidden than was unseen.
    low = max(expected - down, tally.fraction - sure) - causes[COMMISSION]
    high = min(expected + up, tally.fraction + blind + sure) + causes[OMISSION]
    # One estimate, one interval: rounding, or a rule above, never parts them.
    low, high = min(max(0.0, low), expected), max(min(district, high), expected)
    return Estimate(expected, low, high, causes)


def _classification(tally: Tally, know: Coefficients) -> float:
    own = know["classification"]
    return math.hypot(own["doubtful"] * tally.doubtful, own["block"] * tally.blocks.doubt**0.5)


def _shore(tally: Tally, code: int, know: Coefficients) -> float:
    own = know["shore"]
    against = tally.fraction - float(tally.by_code[code])
    return math.hypot(own["shore"] * tally.shore, own["fraction_against_mask"] * against)


def _one_sided(tally: Tally, know: Coefficients) -> dict[str, float]:
    """Return how much of what the map shows may be none, and how much it may have missed, m²."""
    if not tally.pixel:
        return dict.fromkeys(ONE_SIDED, 0.0)
    sums = terms(tally)
    return {
        cause: sum(_between(own, name, tally.pixel) * sums[name] for name in sums)
        for cause in ONE_SIDED
        for own in [know[cause]]
    }


def terms(tally: Tally) -> dict[str, float]:
    """Return the areas that what a map invents and what it misses are in proportion to, m²."""
    seen = float(tally.by_code[1:UNNAMED].sum())
    return {
        "water": tally.fraction,
        "drops": tally.drops,
        "doubtful": tally.doubtful,
        "shore": tally.shore,
        # What a shore misses lies on the ground beside it: between the two in size.
        "beside": math.sqrt(tally.beside * tally.shore),
        "ground": seen,
        # What is missed on ground without a shore differs from one plot to the next.
        "plots": math.sqrt(seen * min(seen, _PLOT * tally.pixel)),
    }


def _between(own: Coefficients, name: str, pixel: float) -> float:
    """Return the coefficient for pixels of an area, m²: one of the table, or between its two."""
    fine, coarse = own.get(name, (0.0, 0.0))
    low, high = own["pixels_m"]
    step = math.log(math.sqrt(pixel) / low) / math.log(high / low)
    return float(fine + (coarse - fine) * min(1.0, max(0.0, step)))


def _filled(tally: Tally, own: Coefficients) -> float:
    """Return the standard deviation of what was filled from other dates, m²."""
    sums = tally.blocks
    if not sums.blind_stake:
        return 0.0
    prior = own["prior_ratio"] ** 2
    ratio = (sums.residual + prior * sums.blind_stake) / (sums.stake + sums.blind_stake)
    # The second term: the ratio was learnt from blocks whose own errors did not cancel either.
    return math.sqrt(ratio * sums.blind_stake * (1 + sums.blind_stake / (sums.stake or math.inf)))


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
        cause: (_partly if cause in ONE_SIDED else _combined)(
            omega * [a.uncertainty.get(cause, 0.0) for a in used], omega, rho
        )
        for cause, rho in together.items()
    }
    expected = float(omega @ [a.expected_km2 or 0.0 for a in used])
    half = QUANTILE * _norm({k: v for k, v in causes.items() if k not in ONE_SIDED})
    least = float(omega @ [_low(a) for a in used])
    bounds = omega @ np.array([a.interval_km2 for a in used], "float64")  # all to the same side
    low = max(max(expected - half, least) - causes[COMMISSION], float(bounds[0]))
    high = min(expected + half + causes[OMISSION], float(bounds[1]))
    # As in `estimate`.
    return expected, (max(0.0, min(low, expected)), max(high, expected)), causes


def _low(area: Area) -> float:
    """Return what was surely seen on a date, km²."""
    known = {k: v for k, v in area.uncertainty.items() if k not in (HIDDEN, *ONE_SIDED)}
    return max(0.0, (area.area_km2 or 0.0) - QUANTILE * _norm(known))


def _combined(parts: Any, omega: Any, rho: float) -> float:
    """Return the standard deviation of a sum of errors that correlate by ``rho``."""
    return math.sqrt(rho * float(parts.sum()) ** 2 + (1 - rho) * float((parts**2).sum()))


def _partly(parts: Any, omega: Any, rho: float) -> float:
    """Return the sum of one-sided parts, less where not every date errs by the most that it may."""
    alone = float(omega @ omega)  # 1 for a single date, towards 0 for many
    return (rho + (1 - rho) * alone) * float(parts.sum())


def _norm(causes: Mapping[str, float]) -> float:
    return math.sqrt(sum(v**2 for v in causes.values()))


@functools.cache
def _settings(table: str = "uncertainty") -> dict[str, Any]:
    return dict(load_toml(table))
