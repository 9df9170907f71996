"""Colours: of classes from their legend, of layers from their table, of plots.

Chosen so that they stay apart for readers with a red-green weakness, in print, and on dark pages.
"""

from obriy.model.layers import LAYERS

RGB = tuple[int, int, int]

UNNAMED_COLOUR = "#b07aa1"
"""Seen, but the method would not name it."""

UNSURE_COLOUR = "#f4f4f4"
"""Of the stripes over what a map is unsure of; in a legend."""

UNSEEN_COLOURS = LAYERS["unseen"].codes

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
