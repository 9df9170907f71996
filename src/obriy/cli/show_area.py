"""How areas read in the terminal: the figure that leads first, then what it rests on.

Numbers are written as the report writes them, see `obriy.render.text`; programs read ``--json``.
"""

from typing import Final

from obriy.model.headline import Headline
from obriy.render.text import Text, area_digits, text_of

ENGLISH: Final = text_of("en")
_NAMED: Final = ("water", "ice")
"""Classes that have words; others are called by their names for programs."""


def number(text: Text, value: float, digits: int, sign: str = "") -> str:
    """Return a number with so many decimals; ``sign``: a plus too."""
    said = text.number(value, digits)
    return f"{sign}{said}" if value > 0 else said


def share(text: Text, value: float, digits: int = 1) -> str:
    """Return a share, 0 to 1, as per cent."""
    return text.percent(value, digits)


def km2(value: float | None, text: Text = ENGLISH, sign: str = "") -> str:
    """Return an area, km², rounded as the report rounds it."""
    return "-" if value is None else number(text, value, area_digits(value), sign)


def score(value: float | None, text: Text = ENGLISH) -> str:
    """Return a score, or a dash."""
    return "-" if value is None else number(text, value, 3)


def unseen(head: Headline, text: Text = ENGLISH) -> str:
    """Return the share that was not seen; that it is unknown where clouds are."""
    if head.clouds == "unknown":
        return text("report.share_unknown")
    told = text("terminal.compared") if head.clouds == "compared" else ""
    return f"{share(text, head.unseen_share)}{told}"


def whole(head: Headline, text: Text = ENGLISH) -> str:
    """Return the figure that leads, with its interval; where it is not of the whole, why.

    Args:
        head: Of something that was seen.
        text: Language.
    """
    area = km2(head.km2, text)
    if head.interval_km2 is None:
        return text("terminal.seen_only", area=area, why=text(f"terminal.{head.why}"))
    low, high = (km2(value, text) for value in head.interval_km2)
    return text("terminal.with_interval", area=area, low=low, high=high)


def whatever(head: Headline, text: Text = ENGLISH) -> list[str]:
    """Return what most of the figure supposes, and the bounds that suppose nothing, where worth it.

    Args:
        head: Of something that was seen.
        text: Language.
    """
    caution = [text.sentence(head.caution)] if head.caution else []
    if not head.wide or head.bounds_km2 is None:
        return caution
    low, high = (km2(value, text) for value in head.bounds_km2)
    what = text(f"plain.{head.what}") if head.what in _NAMED else head.what
    return [*caution, text("terminal.whatever", what=what, low=low, high=high)]


def failures(names: list[str], text: Text = ENGLISH) -> list[str]:
    """Return the line that says what failed, if anything did."""
    return [text("terminal.failed", names=", ".join(names))] if names else []


def heads(text: Text, name: str) -> list[str]:
    """Return the heads of the columns of a table."""
    return text(f"terminal.heads_{name}").split("|")
