"""Colours: of classes from their legend, of what could not be seen, of plots.

Chosen so that they stay apart for readers with a red-green weakness, in print, and on dark pages.
"""

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

WATER_RAMP = ("#ffffff", "#d6e8f5", "#9ccbe6", "#4f9bd0", "#1f5fa8", "#0b2f63")
"""No water to all water, in even steps: one hue, lightness falls evenly for every kind of eye."""
ICE_RAMP = ("#123a66", "#1f5fa8", "#4f9bd0", "#9ccbe6", "#d6ebf6", "#ffffff")
"""Open water to closed ice, likewise."""
SURENESS_RAMP = ("#f7f4f9", "#d4b9da", "#df65b0", "#ce1256", "#67001f")
"""Never to always: ColorBrewer's PuRd, which no class of a legend is taken for."""
COUNT_RAMP = ("#ffffe5", "#d9f0a3", "#addd8e", "#41ab5d", "#238443", "#004529")
"""Few to many: ColorBrewer's YlGn."""

INDEX_RAMP = ("#8c510a", "#d8b365", "#f5f5f5", "#5ab4ac", "#01665e")
"""Land to water of an index, even on both sides of zero: ColorBrewer's BrBG."""

EDGE = "#e8792b"
"""The edge of the ice: apart from the outline of a district, and from the ramp under it."""
OUTLINE = "#c0174c"
"""Districts, over an image and over a map."""

ACCENT = "#1f6feb"
"""The one colour of plots."""
METHODS = (
    "#0b5fa5", "#d9822b", "#3a9679", "#a34a8a", "#6fb7e0", "#8c6d1f", "#e3c24c", "#5c5f66",
)  # fmt: skip
"""Bars of methods side by side: after Okabe and Ito, apart in lightness as well as in hue."""
SERIES = ("#d1495b", "#e8a33d", "#5b8e7d", "#7a5c99")
"""Lines over a plot, apart from each other and from the accent."""


def rgb(colour: str) -> RGB:
    """Return ``#rrggbb`` as three numbers, 0 to 255."""
    value = colour.lstrip("#")
    return int(value[0:2], 16), int(value[2:4], 16), int(value[4:6], 16)


def colour_table(legend: Legend) -> dict[int, RGB]:
    """Return the colour of every code of a map: its classes, and 255 (not named)."""
    return {c.code: rgb(c.colour) for c in legend} | {UNNAMED: rgb(UNNAMED_COLOUR)}
