"""The year of a cluster: its curves by month, and how it looks in opposite months."""

import dataclasses
import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imread, imsave

from obriy.model.clusters import ClusterFacts, Portrait, Spread
from obriy.model.season import MONTHS, OPPOSITE, pictured
from obriy.render.composites import TRUE_COLOUR
from obriy.render.contrast import contrast_limits, square_around, stretched
from obriy.render.figures import (
    INK,
    LINE,
    MUTED,
    PACKED,
    new_figure,
    open_frame,
    to_png,
    write_numbers,
)
from obriy.render.text import Text, text_of

_COLOURED: Final = {
    "NDVI": ("#2f7d32", "-"), "MNDWI": ("#1f5fa8", "--"), "NDWI": ("#1f5fa8", "--"),
}  # fmt: skip
_GREY: Final = {
    "NDVI": ("#101010", "-"), "MNDWI": ("#7a7a7a", "--"), "NDWI": ("#7a7a7a", "--"),
}  # fmt: skip
_TILE: Final = 184
"""Side of a place in the picture, pixels, at most."""
_GAP: Final = 6
_CURVES: Final = 5.9
_PLACES: Final = 3.3
_ROW: Final = 1.95
_HEAD: Final = 0.6
_DPI: Final = 125
_MOST_ROWS: Final = 60


@dataclasses.dataclass(frozen=True)
class OppositeMonths:
    """How a scene looks in its greenest month and in its barest.

    Attributes:
        scene: The Scene of a season, with medians of months under the names of
            `obriy.model.season.pictured`.
        months: The greenest month and the barest, 1 to 12; none: there are no pictures.
        limits: Reflectance of black and of white in all of them.
    """

    scene: xr.Dataset
    months: tuple[int, ...]
    limits: tuple[float, float] = (0.0, 1.0)

    @classmethod
    def of(cls, scene: xr.Dataset) -> "OppositeMonths":
        """Return those of a scene; one of a single image has none."""
        months = tuple(scene.attrs.get(OPPOSITE) or ())
        if not months:
            return cls(scene, ())
        found = [contrast_limits(scene[name]) for name in TRUE_COLOUR]
        return cls(scene, months, (min(low for low, _ in found), max(high for _, high in found)))

    def picture(self, centres: Sequence[tuple[int, int]], side: int) -> bytes:
        """Return places in both months, PNG: a row for each month, a column for each place.

        Args:
            centres: Rows and columns of the middles.
            side: Of a place, pixels.
        """
        size = _TILE // side * side
        step = size + _GAP
        sheet = np.zeros((len(self.months) * step - _GAP, max(1, len(centres)) * step - _GAP, 3))
        for down, month in enumerate(self.months):
            for across, (row, column) in enumerate(centres):
                planes = [
                    stretched(
                        square_around(self.scene[pictured(month, band)], row, column, side),
                        *self.limits,
                    )
                    for band in TRUE_COLOUR
                ]
                large = np.kron(np.dstack(planes), np.ones((size // side, size // side, 1)))
                sheet[down * step : down * step + size, across * step : across * step + size] = (
                    large
                )
        return _png(sheet)


def year_pictures(
    facts: ClusterFacts, opposite: OppositeMonths, centres: Sequence[tuple[int, int]], side: int
) -> dict[str, bytes]:
    """Return what a portrait shows of a year, PNG by name; nothing of a single image.

    Args:
        facts: Of the cluster.
        opposite: Of the scene.
        centres: Middles of typical places of the cluster.
        side: Of a place, pixels.
    """
    pictures = {}
    if facts.curves:
        pictures["year"] = to_png(year_figure(facts), dpi=130)
    if opposite.months and centres:
        pictures["seasons"] = opposite.picture(centres, side)
    return pictures


def year_figure(facts: ClusterFacts, *, lang: str = "en") -> Figure:
    """Draw the year of a cluster: the median and the 10th to 90th percentile of each month.

    Grey only: a colour of a line would be taken for that of the land.

    Args:
        facts: Of the cluster, with curves.
        lang: Language of the words.
    """
    figure, text = new_figure(4.9, 3.1), text_of(lang)
    axes = figure.add_axes((0.105, 0.12, 0.87, 0.7))
    draw_year(axes, facts.curves, text, _GREY, size=8.5)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.01), fontsize=8, frameon=False)
    return figure


def years_sheet(
    portraits: Sequence[Portrait],
    titles: Mapping[int, str],
    colours: Mapping[int, str],
    months: Sequence[int],
    *,
    lang: str,
) -> bytes:
    """Draw a row for each cluster: its year, and its places in two months, if any; return PNG.

    Args:
        portraits: Of the clusters, in the order of the rows; those without a year are left out.
        titles: What each is called, by its number.
        colours: Of its class on the map, likewise.
        months: Of the pictures ``seasons``.
        lang: Language.
    """
    text = text_of(lang)
    shown = [portrait for portrait in portraits if portrait.facts.curves][:_MOST_ROWS]
    pictured = any("seasons" in portrait.pictures for portrait in shown)
    wide, high = _CURVES + _PLACES * pictured, _HEAD + _ROW * len(shown)
    figure = new_figure(wide, high)
    grid = figure.add_gridspec(
        len(shown), 1 + pictured, left=0.5 / wide, right=1 - 0.05 / wide, bottom=0.25 / high,
        top=1 - (_HEAD + 0.1) / high, hspace=0.34, wspace=0.14,
        width_ratios=[_CURVES, _PLACES] if pictured else None,
    )  # fmt: skip
    for row, portrait in enumerate(shown):
        axes = figure.add_subplot(grid[row, 0])
        draw_year(axes, portrait.facts.curves, text, _COLOURED, size=7.5)
        _head_row(axes, titles[portrait.facts.id], colours[portrait.facts.id])
        if "seasons" in portrait.pictures:
            _draw_places(figure.add_subplot(grid[row, 1]), portrait, months, text)
        if row == 0:
            handles, labels = axes.get_legend_handles_labels()
            figure.legend(handles, labels, loc="upper left", fontsize=8.5, frameon=False)
    if pictured:
        figure.text((_CURVES + 0.15) / wide, 1 - 0.1 / high, text("year.places"), fontsize=8.5,
                    color=INK, va="top", linespacing=1.35)  # fmt: skip
    return to_png(figure, dpi=_DPI)


def _head_row(axes: Axes, title: str, colour: str) -> None:
    """Write the name of a cluster over its curves, beside the colour of its class."""
    axes.annotate("   ", (0, 1), (2, 6), "axes fraction", textcoords="offset points", fontsize=7,
                  bbox={"facecolor": colour, "edgecolor": MUTED, "pad": 1.2})  # fmt: skip
    axes.annotate(title, (0, 1), (16, 5), "axes fraction", textcoords="offset points", fontsize=9,
                  color=INK)  # fmt: skip


def _draw_places(axes: Axes, portrait: Portrait, months: Sequence[int], text: Text) -> None:
    picture = imread(io.BytesIO(portrait.pictures["seasons"]), format="png")
    axes.imshow(picture)
    axes.set_anchor("W")
    names = text("ice.months").split()
    middles = (np.arange(len(months)) + 0.5) * picture.shape[0] / len(months)
    axes.set_yticks(middles, [names[month - 1] for month in months], fontsize=8, color=MUTED)
    axes.set_xticks([])
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def draw_year(
    axes: Axes,
    curves: Mapping[str, Mapping[int, Spread]],
    text: Text,
    looks: Mapping[str, tuple[str, str]],
    *,
    size: float,
) -> None:
    """Draw curves into axes: a band for the pixels, a line for their median.

    Months that were not seen are gaps: nothing is drawn through them.

    Args:
        axes: Where.
        curves: By index, then month.
        text: Language.
        looks: Colour and line of each index.
        size: Of the letters, points.
    """
    for index, months in curves.items():
        colour, style = looks[index]
        low, median, high = (_through(months, end) for end in ("low", "median", "high"))
        axes.fill_between(MONTHS, low, high, color=colour, alpha=0.18, linewidth=0)
        alone = _alone(median)  # between two months lies a band, around one a bar
        months_alone = np.array(MONTHS)[alone]
        axes.vlines(months_alone, low[alone], high[alone], color=colour, alpha=0.3, linewidth=5)
        axes.plot(
            MONTHS, median, color=colour, linestyle=style, linewidth=1.8, marker="o",
            markersize=3, label=f"{index}: {text('year.legend')}",
        )  # fmt: skip
    open_frame(axes)
    axes.axhline(0, color=LINE, linewidth=0.8, zorder=0)
    axes.set_xlim(0.6, 12.4)
    axes.set_ylim(-1.0, 1.0)
    axes.set_xticks(MONTHS, text("ice.months").split())
    axes.set_yticks((-0.5, 0, 0.5))
    axes.tick_params(labelsize=size, colors=MUTED, length=2)
    write_numbers(axes.yaxis, text)


def _alone(values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Return where a month was seen, and neither that before nor that after it in the year."""
    seen = np.isfinite(np.pad(values, 1, constant_values=np.nan))
    return seen[1:-1] & ~seen[:-2] & ~seen[2:]


def _through(months: Mapping[int, Spread], end: str) -> npt.NDArray[np.float64]:
    """Return a value for each month of the year, NaN where it was not seen."""
    blank = Spread(*[float("nan")] * 3)
    return np.array([getattr(months.get(month, blank), end) for month in MONTHS])


def _png(picture: npt.NDArray[np.float64]) -> bytes:
    buffer = io.BytesIO()
    nothing: Any = {"Software": None}  # the same picture gives the same bytes
    levels = (np.clip(picture, 0, 1) * 255).round().astype("uint8")
    imsave(buffer, levels, format="png", metadata=nothing, pil_kwargs=PACKED)
    return buffer.getvalue()
