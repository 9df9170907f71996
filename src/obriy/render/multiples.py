"""Maps of a series: how often there was water, what changed, and a little map of each date."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from odc.geo.geobox import GeoBox

from obriy.blocks.decimate import block_means, steps_for
from obriy.model.areas import Area, District
from obriy.model.classmap import ClassMap
from obriy.model.grid import geobox_of
from obriy.model.ice import IceArea
from obriy.model.layers import LAYERS
from obriy.render.figures import INK, LINE, MUTED, new_figure
from obriy.render.furniture import (
    district_entries,
    draw_legend,
    draw_outlines,
    draw_scale_bar,
    legend_columns,
)
from obriy.render.geometry import ground_scale, pixel_aspect
from obriy.render.maps import show_picture
from obriy.render.palette import UNSEEN_COLOURS, rgb
from obriy.render.pictures import MAX_SIZE, Picture, Shares, Small, map_picture
from obriy.render.text import Text, text_of
from obriy.vectors import place

MOST: Final = 24
"""Little maps in a picture."""
_NEVER_SEEN: Final = "#b9b6b0"
_SMALL: Final = 300
"""Longest side of a little map, pixels."""
_WIDTH: Final = 10.0
_NOTHING: Final = set(UNSEEN_COLOURS.values()) & {"#ffffff"}


def occurrence_figure(
    occurrence: xr.DataArray,
    *,
    districts: Sequence[District] = (),
    lang: str = "en",
    of: str = "",
    pixel_size_m: float | None = None,
) -> Figure:
    """Draw how often each pixel was water.

    Args:
        occurrence: (y, x) float, per cent of the valid observations that were water, 0 to 100,
            NaN never seen; lazy or in memory.
        districts: Outlined.
        lang: Language.
        of: What people call the class, where that is not water.
        pixel_size_m: For a scale bar where the image has no CRS.
    """
    text = text_of(lang, of)
    geobox = geobox_of(occurrence)
    steps = steps_for(occurrence.shape, MAX_SIZE)
    percent = block_means(occurrence.variable, steps)
    blind = np.isnan(percent)
    rgba = _colours()(np.where(blind, 0, percent) / 100, bytes=True)
    rgba[blind] = (*rgb(_NEVER_SEEN), 255)
    extent = percent.shape[0] * steps[0], percent.shape[1] * steps[1]
    sheet = MapSheet.of(geobox, extent, pixel_size_m, foot=0.95)
    figure = sheet.figure(Picture(rgba, extent), districts, text)
    beside = [(text("series.never_seen"), _NEVER_SEEN)] if blind.any() else []
    beside += district_entries(text, districts)
    draw_colour_bar(
        figure, sheet, _colours(), text, title=text("series.occurrence_bar"), beside=beside
    )
    return figure


def class_figure(
    class_map: ClassMap,
    *,
    unseen: str = "",
    districts: Sequence[District] = (),
    lang: str = "en",
    pixel_size_m: float | None = None,
    small: Small | None = None,
) -> Figure:
    """Draw a map of classes alone.

    Args:
        class_map: The map.
        unseen: Key of the text for what has no class; empty: as every map has it.
        districts: Outlined.
        lang: Language.
        pixel_size_m: For a scale bar where the image has no CRS.
        small: The map, where it is read already.
    """
    text = text_of(lang)
    shares = small.map if small else Shares.of(class_map, MAX_SIZE)
    picture = shares.smaller(MAX_SIZE).picture(lang)
    legend = tuple(
        (text(unseen) if unseen and colour in _NOTHING else title, colour)
        for title, colour in picture.legend
    )
    legend += tuple(district_entries(text, districts))
    sheet = MapSheet.of(class_map.geobox, picture.extent, pixel_size_m, foot=0.95)
    columns = legend_columns([title for title, _ in legend], sheet.width - 0.2)
    room = 0.18 + 0.2 * -(-len(legend) // columns)
    sheet = dataclasses.replace(sheet, foot=0.37 + room)
    figure = sheet.figure(picture, districts, text)
    draw_legend(figure, legend, (0.1 / sheet.width, room / sheet.height), columns=columns)
    return figure


change_figure: Final = functools.partial(class_figure, unseen="series.unseen_once")
"""Draw what became water, what ceased to be, and what stayed: a map as of ``water_change``."""


def multiples_figure(
    maps: Mapping[str, ClassMap],
    areas: Sequence[Area],
    *,
    districts: Sequence[District] = (),
    lang: str = "en",
) -> Figure:
    """Draw a little map of each date, with its area and what was seen; see `chosen_dates`.

    Args:
        maps: By date, on one grid; at least one.
        areas: One for each date, of all districts together.
        districts: Outlined.
        lang: Language.
    """
    text = text_of(lang)
    captions = {str(a.date): seen_caption(text, a.area_km2, a) for a in areas}
    return small_maps(maps, captions, districts=districts, lang=lang)


def small_maps(
    maps: Mapping[str, ClassMap],
    captions: Mapping[str, str],
    *,
    districts: Sequence[District] = (),
    lang: str = "en",
) -> Figure:
    """Draw a little map of each date with a caption, arguments as of `multiples_figure`.

    Args:
        maps: By date, on one grid; at least one.
        captions: Under each map, by date.
        districts: Outlined.
        lang: Language.
    """
    dates = chosen_dates(list(maps))
    geobox = maps[dates[0]].geobox
    aspect = pixel_aspect(geobox, ground_scale(geobox))
    pictures = [map_picture(maps[d], lang=lang, max_size=_SMALL) for d in dates]
    legend = [*dict.fromkeys(entry for p in pictures for entry in p.legend)]
    legend += district_entries(text_of(lang), districts)
    columns = legend_columns([title for title, _ in legend], _WIDTH - 0.2)
    ratio = pictures[0].extent[0] * aspect / pictures[0].extent[1]
    grid = _Grid.of(len(dates), ratio, -(-len(legend) // columns))
    figure = new_figure(_WIDTH, grid.height)
    outlines = [place(d.geometry, d.crs, geobox) for d in districts]
    for number, (date, picture) in enumerate(zip(dates, pictures, strict=True)):
        axes = figure.add_axes(grid.box(number))
        show_picture(axes, picture, aspect)
        axes.set_anchor("N")
        draw_outlines(axes, outlines, width=0.7)
        axes.set_title(date[:10], fontsize=9, color=INK, pad=4)
        axes.set_xlabel(captions.get(date, ""), fontsize=8, color=MUTED, labelpad=4)
    at = 0.1 / _WIDTH, 0.02 / grid.height
    draw_legend(figure, legend, at, columns=columns, corner="lower left")
    return figure


def chosen_dates(dates: Sequence[str], most: int = MOST) -> list[str]:
    """Return at most so many dates, evenly by rank, the first and the last among them."""
    if len(dates) <= most:
        return list(dates)
    picked = np.linspace(0, len(dates) - 1, most).round().astype(int)
    return [dates[i] for i in picked]


def seen_caption(text: Text, area_km2: float | None, area: Area | IceArea) -> str:
    """Return the caption of a little map: a figure, and how much was seen; nothing for None."""
    if area_km2 is None:
        return ""
    share = text.percent(1 - area.unseen_share, 0)
    known = area.clouds != "unknown"
    seen = text("series.seen_share", share=share) if known else text("series.seen_unknown")
    return f"{text.area(area_km2)}\n{seen}"


def _colours() -> LinearSegmentedColormap:
    return LinearSegmentedColormap.from_list("occurrence", LAYERS["occurrence"].colours)


@dataclasses.dataclass(frozen=True)
class MapSheet:
    """A figure with one map; lengths in inches.

    Attributes:
        geobox: The grid of the map.
        extent: Rows and columns of it that the picture covers.
        pixel_size_m: Side of a pixel in metres, where there is no CRS.
        width: Of the figure.
        tall: Height of the map.
        foot: Room under it.
    """

    geobox: GeoBox
    extent: tuple[int, int]
    pixel_size_m: float | None
    width: float
    tall: float
    foot: float

    @classmethod
    def of(
        cls,
        geobox: GeoBox,
        extent: tuple[int, int],
        pixel_size_m: float | None,
        *,
        foot: float,
    ) -> "MapSheet":
        """Return a sheet as wide as suits the shape of the map."""
        aspect = pixel_aspect(geobox, ground_scale(geobox, pixel_size_m))
        ratio = extent[0] * aspect / extent[1]
        wide = _WIDTH if ratio < 0.4 else 6.6
        tall = float(np.clip((wide - 0.2) * ratio, 0.4, 8.0))
        return cls(geobox, extent, pixel_size_m, wide, tall, foot)

    @property
    def height(self) -> float:
        """Of the figure."""
        return self.tall + self.foot + 0.1

    def figure(self, picture: Picture, districts: Sequence[District], text: Text) -> Figure:
        """Return the figure with picture, outlines and scale bar; the rest of the foot is free."""
        scale = ground_scale(self.geobox, self.pixel_size_m)
        aspect = pixel_aspect(self.geobox, scale)
        figure = new_figure(self.width, self.height)
        panel = self.width - 0.2
        axes = figure.add_axes(
            (0.1 / self.width, self.foot / self.height, panel / self.width, self.tall / self.height)
        )
        show_picture(axes, picture, aspect)
        draw_outlines(axes, [place(d.geometry, d.crs, self.geobox) for d in districts])
        if scale is not None:
            shown = min(panel, self.tall * self.extent[1] / (self.extent[0] * aspect))
            at = 0.1 / self.width, (self.foot - 0.2) / self.height
            draw_scale_bar(figure, scale, self.extent[1] * scale.along / shown, text, at)
        return figure


def draw_colour_bar(
    figure: Figure,
    sheet: MapSheet,
    colours: LinearSegmentedColormap,
    text: Text,
    *,
    title: str,
    beside: Sequence[tuple[str, str]] = (),
) -> None:
    """Draw a bar from 0 to 100 per cent under the map, and what has a colour of its own.

    Args:
        figure: Of the sheet.
        sheet: The sheet.
        colours: From 0 to 1.
        text: Language.
        title: What the bar shows.
        beside: Title and colour of what is not on the bar.
    """
    long = 3.4
    axes = figure.add_axes(
        (0.1 / sheet.width, 0.3 / sheet.height, long / sheet.width, 0.13 / sheet.height)
    )
    axes.imshow(np.linspace(0, 1, 256)[None], cmap=colours, aspect="auto", extent=(0, 100, 0, 1))
    axes.set_yticks([])
    places = (0, 25, 50, 75, 100)
    axes.set_xticks(places, [text.percent(p / 100, 0) for p in places])
    axes.tick_params(labelsize=8, labelcolor=MUTED, color=LINE, length=2, pad=2)
    _thin_frame(axes)
    axes.get_xticklabels()[0].set_horizontalalignment("left")
    axes.set_title(title, loc="left", fontsize=8, color=MUTED, pad=3)
    if not beside:
        return
    left = long + 0.45
    columns = legend_columns([title for title, _ in beside], sheet.width - left)
    # A single column may be as high as the foot.
    at = left / sheet.width, (0.365 if len(beside) <= 2 * columns else 0.42) / sheet.height
    draw_legend(figure, beside, at, columns=columns, corner="center left")


def _thin_frame(axes: Axes) -> None:
    for spine in axes.spines.values():
        spine.set_edgecolor(MUTED)
        spine.set_linewidth(0.5)


@dataclasses.dataclass(frozen=True)
class _Grid:
    """Where the little maps stand, inches."""

    columns: int
    rows: int
    wide: float
    tall: float
    foot: float

    @classmethod
    def of(cls, count: int, ratio: float, lines: int) -> "_Grid":
        """Return a grid for so many maps of a height over width, and lines of a legend."""
        columns = min(count, 6 if ratio >= 0.5 else 4 if ratio >= 0.25 else 2)
        # The last row should not hold a single map where another number of columns avoids it.
        columns = max(columns, 3 if count >= 3 and ratio >= 0.5 else 1)
        wide = min(3.2, (_WIDTH - 0.2 - 0.16 * (columns - 1)) / columns)
        return cls(
            columns=columns,
            rows=-(-count // columns),
            wide=wide,
            tall=float(np.clip(wide * ratio, 0.3, 3.4)),
            foot=0.12 + 0.22 * lines,
        )

    @property
    def height(self) -> float:
        """Of the figure."""
        return self.rows * self._row + self.foot

    @property
    def _row(self) -> float:
        return 0.3 + self.tall + 0.46

    def box(self, number: int) -> tuple[float, float, float, float]:
        """Return the box of a map, shares of the figure."""
        row, column = divmod(number, self.columns)
        left = 0.1 + column * (self.wide + 0.16)
        bottom = self.height - row * self._row - 0.3 - self.tall
        return left / _WIDTH, bottom / self.height, self.wide / _WIDTH, self.tall / self.height
