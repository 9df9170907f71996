"""Matplotlib without global state: figures to PNG, and to SVG that follows the page's colours."""

import io
import re
import threading
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from obriy.render.text import Text

INK: Final = "#1d2229"
MUTED: Final = "#6a7280"
LINE: Final = "#d9dde3"
ACCENT: Final = "#2065b4"
_VARIABLES: Final = {INK: "--ink", MUTED: "--muted", LINE: "--line", ACCENT: "--accent"}
"""Colours of a picture that become variables of the page, for light and dark."""

PACKED: Final = {"compress_level": 3}
"""How pictures are packed: in half the time of level 6, a contact sheet no larger."""
_SHOWN_DPI: Final = 80
"""Pixels of a notebook's page to an inch."""

_LOCK = threading.Lock()  # matplotlib's settings belong to the whole process


class _Drawing(Figure):
    """A figure that a notebook shows by itself, whether or not it has loaded pyplot."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        return to_png(self), {"width": round(float(self.get_figwidth()) * _SHOWN_DPI)}


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure, inches."""
    figure = _Drawing(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def open_frame(axes: Axes) -> None:
    """Leave of the frame of a plot the line at its foot."""
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(LINE)


def write_numbers(axis: Axis, text: Text, figures: int = 3) -> None:
    """Let an axis write its numbers as the reader's language does: the default is English."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: text.significant(value, figures)))


def write_shares(axis: Axis, text: Text) -> None:
    """Write the shares (0 to 1) of an axis as per cent, as those beside its bars are."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: text.quantity(100 * value, "%")))


def to_png(figure: Figure, dpi: int = 160) -> bytes:
    """Return a figure as PNG on white."""
    buffer = io.BytesIO()
    with _LOCK:
        figure.savefig(buffer, format="png", dpi=dpi, facecolor="white", pil_kwargs=PACKED)
    return buffer.getvalue()


def to_svg(figure: Figure, name: str) -> str:
    """Return a figure as an ``<svg>`` element to put into a page.

    Text stays text, in the fonts of the page; ink, lines and accent take the page's colours.

    Args:
        figure: The figure.
        name: Makes the ids in it differ from those of other figures of the page.
    """
    buffer = io.StringIO()
    settings: Any = {"svg.fonttype": "none", "svg.hashsalt": name}
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with _LOCK, mpl.rc_context(settings):
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*">', "<g>", svg)
    svg = re.sub(r"font: (?:[\d.]+ )?([\d.]+)px [^;\"]*", r"font-size: \1px", svg)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, f"var({variable})")
    return svg
