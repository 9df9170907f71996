"""How areas read in the terminal: the figure that leads first, then what it rests on."""

import math

from obriy.model.headline import Headline

_WHY = {
    "clouds_unknown": "unseen: unknown, nothing tells where clouds are",
    "errors_unknown": "no interval, nothing tells how the map errs",
    "too_little_seen": "too little was seen to estimate the whole",
}


def km2(value: float | None, digits: int = 4) -> str:
    """Return an area, km², with so many decimals; what is less than they show has two figures."""
    if value is None:
        return "-"
    if value and abs(value) < 10.0**-digits:
        digits = 1 - math.floor(math.log10(abs(value)))
    return f"{value:.{digits}f}"


def score(value: float | None) -> str:
    """Return a score, or a dash."""
    return "-" if value is None else f"{value:.3f}"


def unseen(head: Headline) -> str:
    """Return the share that was not seen; that it is unknown where clouds are."""
    if head.clouds == "unknown":
        return "unknown"
    told = " (clouds: by the other dates alone)" if head.clouds == "compared" else ""
    return f"{head.unseen_share:.1%}{told}"


def whole(head: Headline, digits: int = 4) -> str:
    """Return the figure that leads, with its interval; where it is not of the whole, why.

    Args:
        head: Of something that was seen.
        digits: Decimals.
    """
    if head.interval_km2 is None:
        return f"{km2(head.km2, digits)} km² seen; {_WHY[head.why]}"
    low, high = (km2(value, digits) for value in head.interval_km2)
    return f"{km2(head.km2, digits)} km² (90 % interval {low} to {high} km²)"


def whatever(head: Headline, digits: int = 4) -> list[str]:
    """Return the bounds that suppose nothing of what was not seen, where that is worth a word."""
    if not head.wide or head.bounds_km2 is None:
        return []
    low, high = (km2(value, digits) for value in head.bounds_km2)
    return [f"Whatever the unseen holds, from none of it {head.what} to all: {low} to {high} km²"]


def failures(names: list[str]) -> list[str]:
    """Return the line that says what failed, if anything did."""
    return [f"Failed: {', '.join(names)}"] if names else []
