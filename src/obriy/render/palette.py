"""Colours: of classes from their legend, of what could not be seen, of plots.

Chosen so that they stay apart for readers with a red-green weakness, in print, and on dark pages.
"""

from collections.abc import Mapping
from typing import Any

from obriy.model.classmap import Doubt
from obriy.model.flags import Unseen
from obriy.model.legend import UNNAMED, Legend

RGB = tuple[int, int, int]

UNNAMED_COLOUR = "#b07aa1"
"""Seen, but the method would not name it."""

UNSEEN_COLOURS = {
    Unseen.NO_DATA: "#ffffff",
    Unseen.CLOUD: "#c9c9cf",
    Unseen.SHADOW: "#77757f",
    Unseen.FROZEN: "#a8dfe3",
    Unseen.FAILED: "#e0b4a0",
}

DOUBT_COLOURS = {Doubt.STRICT_DROPS: "#e8a33d", Doubt.LAX_TAKES: "#7a5c99"}

CODED: Mapping[str, Mapping[Any, str]] = {"unseen": UNSEEN_COLOURS, "doubt": DOUBT_COLOURS}
"""Colours of the layers whose numbers are the members of an enumeration, by layer."""

ACCENT = "#1f6feb"
"""The one colour of plots."""
SERIES = ("#d1495b", "#e8a33d", "#5b8e7d", "#7a5c99")
"""Lines over a plot, apart from each other and from the accent."""


def rgb(colour: str) -> RGB:
    """Return ``#rrggbb`` as three numbers, 0 to 255."""
    value = colour.lstrip("#")
    return int(value[0:2], 16), int(value[2:4], 16), int(value[4:6], 16)


def colour_table(legend: Legend) -> dict[int, RGB]:
    """Return the colour of every code of a map: its classes, and 255 (not named)."""
    return {c.code: rgb(c.colour) for c in legend} | {UNNAMED: rgb(UNNAMED_COLOUR)}
