"""What stands on and beside a map: outlines, legend, scale bar, north."""

from collections.abc import Sequence
from typing import Any, Final, Literal

import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Polygon

from obriy.model.areas import MOST_OUTLINES, District
from obriy.model.flags import Unseen
from obriy.render.figures import INK, MUTED
from obriy.render.geometry import Scale, round_length
from obriy.render.palette import EDGE, OUTLINE, UNSEEN_COLOURS
from obriy.render.text import Text

_LETTER: Final = 0.075
"""Inches that a letter of a legend takes, on average."""
_SWATCH: Final = 0.5
"""Inches of what stands before it, and of the gap after it."""


def draw_outlines(axes: Axes, placed: Sequence[Any], *, width: float = 1.2) -> None:
    """Draw the rings of districts in pixel coordinates: dark on a light casing.

    Args:
        axes: Of a picture whose coordinates are columns and rows.
        placed: Polygons of each, of `obriy.vectors.place`.
        width: Of the line, points.
    """
    if len(placed) > MOST_OUTLINES:
        return
    rings = [
        shapely.get_coordinates(ring)
        for ring in shapely.get_rings(shapely.get_parts(np.asarray(placed, object)))
    ]
    for colour, wide, alpha in (("white", width + 1.4, 0.85), (OUTLINE, width, 1.0)):
        lines = LineCollection(rings, colors=colour, linewidths=wide, alpha=alpha, zorder=2)
        axes.add_collection(lines, autolim=False)


def draw_scale_bar(
    figure: Figure, scale: Scale, metres_per_inch: float, text: Text, at: tuple[float, float]
) -> None:
    """Draw a bar of a round length, and north where it is up.

    Args:
        figure: Where.
        scale: Of the map.
        metres_per_inch: On the ground, of an inch of the figure.
        text: Language.
        at: Left end of the bar and its height, shares of the figure.
    """
    wide, high = figure.get_size_inches()
    length = round_length(1.6 * metres_per_inch)
    left, y = at
    right = left + length / metres_per_inch / wide
    figure.add_artist(_line((left, right), (y, y), 2.4))
    tick = 0.05 / high
    for x in (left, right):
        figure.add_artist(_line((x, x), (y - tick, y + tick), 1.2))
    unit = ("units.km", length / 1000) if length >= 1000 else ("units.m", length)
    label = f"{text.significant(unit[1])}\u00a0{text(unit[0])}"
    x = right + 0.1 / wide
    figure.text(x, y, label, fontsize=9, color=INK, va="center")
    if scale.north_up:
        _north(figure, (x + (0.35 + 0.075 * len(label)) / wide, y), text)


def _line(x: tuple[float, float], y: tuple[float, float], width: float) -> Line2D:
    return Line2D(x, y, color=INK, linewidth=width, solid_capstyle="butt")


def _north(figure: Figure, at: tuple[float, float], text: Text) -> None:
    wide, high = figure.get_size_inches()
    (x, y), half, tall = at, 0.065 / wide, 0.13 / high
    points = [(x, y + tall), (x + half, y - tall), (x, y - tall * 0.55), (x - half, y - tall)]
    figure.add_artist(Polygon(points, closed=True, facecolor=INK, edgecolor="none"))
    figure.text(x + 2 * half, y, text("map.north"), fontsize=9, color=INK, va="center")


def district_entries(text: Text, districts: Sequence[District]) -> list[tuple[str, str]]:
    """Return the entry of a legend for outlines; none where nothing is outlined."""
    outlined = 0 < len(districts) <= MOST_OUTLINES
    return [(text("map.district"), OUTLINE)] if outlined else []


def legend_columns(titles: Sequence[str], width: float) -> int:
    """Return how many columns of a legend fit into a width, inches; at least one."""
    return max(1, min(len(titles), int(width / entry_width(titles))))


def entry_width(titles: Sequence[str]) -> float:
    """Return the width of the longest entry of a legend, inches."""
    return max((_SWATCH + _LETTER * len(title) for title in titles), default=_SWATCH)


def draw_legend(
    figure: Figure,
    entries: Sequence[tuple[str, str]],
    at: tuple[float, float],
    *,
    columns: int,
    corner: Literal["upper left", "upper right", "lower left", "center left"] = "upper left",
) -> None:
    """Draw a legend; what was not seen for want of data has an empty patch, lines are lines.

    Args:
        figure: Where.
        entries: Title and colour of each.
        at: Where its corner lies, shares of the figure.
        columns: At most.
        corner: Which corner.
    """
    figure.legend(
        handles=[_handle(title, colour) for title, colour in entries],
        loc=corner,
        bbox_to_anchor=at,
        ncols=min(columns, len(entries)) or 1,
        frameon=False,
        fontsize=9,
        labelcolor=INK,
        handlelength=1.3,
        handleheight=1.0,
        borderpad=0.2,
        columnspacing=1.4,
        borderaxespad=0.1,
    )


def _handle(title: str, colour: str) -> Line2D | Patch:
    if colour in (OUTLINE, EDGE):
        return Line2D([], [], color=colour, linewidth=1.4, label=title)
    nothing = colour == UNSEEN_COLOURS[Unseen.NO_DATA]
    face = "none" if nothing else colour
    return Patch(facecolor=face, edgecolor=MUTED, linewidth=0.5, label=title)
