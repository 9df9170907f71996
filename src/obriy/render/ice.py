"""Pictures of sea ice: the map beside its image, concentration, and little maps of dates."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure

from obriy.blocks.decimate import block_means, class_shares, steps_for
from obriy.model.areas import District
from obriy.model.classmap import FRACTION_MISSING, FRACTION_SCALE, ClassMap
from obriy.model.ice import LAND, IceArea
from obriy.model.layers import LAYERS
from obriy.render.figures import MUTED
from obriy.render.furniture import district_entries
from obriy.render.maps import map_figure
from obriy.render.multiples import MapSheet, draw_colour_bar, seen_caption, small_maps
from obriy.render.palette import EDGE, rgb
from obriy.render.pictures import MAX_SIZE, Picture, Small
from obriy.render.text import text_of

EDGE_PERCENT: Final = 15.0
"""Concentration along which the edge of the ice is drawn."""
_UNKNOWN: Final = "#b9b6b0"


def ice_figure(
    scene: xr.Dataset,
    class_map: ClassMap,
    *,
    districts: Sequence[District] = (),
    lang: str = "en",
    pixel_size_m: float | None = None,
    small: Small | None = None,
) -> Figure:
    """Draw a scene beside its map of ice, arguments as of `obriy.render.maps.map_figure`."""
    figure = map_figure(
        scene,
        class_map,
        districts=districts,
        lang=lang,
        title=text_of(lang)("ice.map"),
        pixel_size_m=pixel_size_m,
        small=small,
    )
    _hatch_nothing(figure)
    return figure


def ice_multiples(
    maps: Mapping[str, ClassMap],
    areas: Sequence[IceArea],
    *,
    districts: Sequence[District] = (),
    lang: str = "en",
) -> Figure:
    """Draw a little map of each date, with the ice that was seen and how much was seen.

    Args:
        maps: By date, on one grid; at least one.
        areas: Of one place, one for each date.
        districts: Outlined.
        lang: Language.
    """
    text = text_of(lang)
    captions = {a.date: seen_caption(text, a.ice_km2, a) for a in areas}
    figure = small_maps(maps, captions, districts=districts, lang=lang)
    _hatch_nothing(figure)
    return figure


def concentration_figure(
    concentration: xr.DataArray,
    class_map: ClassMap,
    *,
    districts: Sequence[District] = (),
    lang: str = "en",
    pixel_size_m: float | None = None,
) -> Figure:
    """Draw the concentration of the ice, and its edge at 15 %.

    Args:
        concentration: (y, x) uint8 half per cents, 255 missing.
        class_map: The map that it was made of, for the land.
        districts: Outlined.
        lang: Language.
        pixel_size_m: For a scale bar where the map has no CRS.
    """
    text = text_of(lang)
    steps = steps_for(concentration.shape, MAX_SIZE)
    known = concentration.where(concentration != FRACTION_MISSING).astype("float32")
    percent = 100 / FRACTION_SCALE * block_means(known.variable, steps)
    land = class_shares(class_map.labels.variable, steps, [LAND])[0] >= 0.5
    unknown = np.isnan(percent)
    blind = unknown & ~land
    legend = class_map.legend.by_name("land")
    rgba = _colours()(np.where(unknown, 0, percent) / 100, bytes=True)
    rgba[blind] = (*rgb(_UNKNOWN), 255)
    rgba[land] = (*rgb(legend.colour), 255)
    extent = percent.shape[0] * steps[0], percent.shape[1] * steps[1]
    sheet = MapSheet.of(class_map.geobox, extent, pixel_size_m, foot=0.95)
    figure = sheet.figure(Picture(rgba, extent), districts, text)
    _edge(figure.axes[0], np.where(land, np.nan, percent), steps)
    beside = [(text("ice.edge_line"), EDGE)]
    beside += [(text("ice.concentration_unknown"), _UNKNOWN)] if blind.any() else []
    beside += [(legend.called(lang), legend.colour)] if land.any() else []
    beside += district_entries(text, districts)
    draw_colour_bar(
        figure, sheet, _colours(), text, title=text("ice.concentration_bar"), beside=beside
    )
    return figure


def _hatch_nothing(figure: Figure) -> None:
    """Hatch what has no data, on the maps and in the legend: ice is nearly as white as a page."""
    empty = [axes.patch for axes in figure.axes]
    listed = [patch for legend in figure.legends for patch in legend.get_patches()]
    empty += [patch for patch in listed if to_rgba(patch.get_facecolor())[3] == 0]
    for patch in empty:
        patch.set(facecolor="none", edgecolor=MUTED, hatch="////", linewidth=0.5)


def _colours() -> LinearSegmentedColormap:
    return LinearSegmentedColormap.from_list("concentration", LAYERS["concentration"].colours)


def _edge(axes: Axes, percent: npt.NDArray[np.float32], steps: tuple[int, int]) -> None:
    """Draw the line of 15 % where both of its sides are known."""
    if min(percent.shape) < 2 or not np.nanmin(percent, initial=100) < EDGE_PERCENT:
        return
    rows, columns = ((np.arange(n) + 0.5) * s for n, s in zip(percent.shape, steps, strict=True))
    axes.contour(columns, rows, percent, levels=[EDGE_PERCENT], colors=EDGE, linewidths=1.1)
