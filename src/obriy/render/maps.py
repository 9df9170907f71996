"""A scene and its map side by side."""

import dataclasses
from collections.abc import Sequence
from typing import Final

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from obriy.model.areas import District
from obriy.model.classmap import ClassMap
from obriy.model.grid import geobox_of
from obriy.render.figures import INK, LINE, new_figure
from obriy.render.furniture import (
    district_entries,
    draw_legend,
    draw_outlines,
    draw_scale_bar,
    entry_width,
)
from obriy.render.geometry import Scale, ground_scale, pixel_aspect
from obriy.render.marks import draw_marks
from obriy.render.pictures import MAX_SIZE, Picture, Small
from obriy.render.text import Text, text_of
from obriy.vectors import place

_WIDE: Final = 0.5
"""Pictures flatter than this (height over width) lie one above the other."""

_TALLEST: Final = 9.0
"""Inches that an image may be high in a figure."""


def map_figure(
    scene: xr.Dataset,
    class_map: ClassMap,
    *,
    districts: Sequence[District] = (),
    lang: str = "en",
    title: str = "",
    pixel_size_m: float | None = None,
    small: Small | None = None,
) -> Figure:
    """Draw a scene beside its map: legend, scale bar, north, outlines of districts.

    Args:
        scene: The Scene that was mapped.
        class_map: Its map.
        districts: Outlined on both.
        lang: Language.
        title: What the map shows; above it.
        pixel_size_m: For a scale bar where the image has no CRS.
        small: Both, where they are read already.
    """
    text = text_of(lang)
    geobox = geobox_of(scene)
    scale = ground_scale(geobox, pixel_size_m)
    small = small or Small.of(scene, class_map)
    assert small.image is not None
    image = small.image.smaller(MAX_SIZE)
    classes = small.map.smaller(MAX_SIZE).picture(lang, numbered=True)
    classes = dataclasses.replace(
        classes, legend=(*classes.legend, *district_entries(text, districts))
    )
    aspect = pixel_aspect(geobox, scale)
    layout = _Layout.of(image.extent, aspect, [entry for entry, _ in classes.legend])
    figure = new_figure(layout.width, layout.height)
    key = "map.true_colour" if image.true_colour else "map.false_colour"
    captions = text(key, bands=", ".join(dict.fromkeys(image.bands))), title or text("map.classes")
    outlines = [place(d.geometry, d.crs, geobox) for d in districts]
    for picture, caption, box in zip((image, classes), captions, layout.panels, strict=True):
        axes = figure.add_axes(box)
        show_picture(axes, picture, aspect)
        draw_marks(axes, picture.marks, (picture.extent[1] / picture.rgba.shape[1],
                                         picture.extent[0] / picture.rgba.shape[0]))  # fmt: skip
        axes.set_title(caption, loc="left", fontsize=10, color=INK, pad=7)
        draw_outlines(axes, outlines)
    _footer(figure, layout, classes)
    if scale is not None:
        _scale_bar(figure, layout, scale, image.extent, text)
    return figure


@dataclasses.dataclass(frozen=True)
class _Layout:
    """Where things stand, inches for the figure, shares of it for the boxes."""

    width: float
    height: float
    panels: tuple[tuple[float, float, float, float], ...]
    footer: float
    """Top of the footer, share of the height."""
    columns: int
    """Columns of the legend."""

    @classmethod
    def of(cls, extent: tuple[int, int], aspect: float, titles: Sequence[str]) -> "_Layout":
        ratio = extent[0] * aspect / extent[1]
        stacked = ratio < _WIDE
        margin, gap, head = 0.1, 0.3, 0.4
        panel = 10.8 if stacked else 5.25
        if panel * ratio > _TALLEST:  # a tall image: narrower, but the footer must fit
            panel = max(_TALLEST / ratio, 3.0)
        tall = float(np.clip(panel * ratio, 0.35, _TALLEST))
        entry = max(1.5, entry_width(titles))
        columns = max(1, int(panel / entry))
        # The legend lies under the right-hand panel, and may be wider than it.
        width = 2 * margin + (panel if stacked else panel + gap + max(panel, entry))
        foot = max(0.56, 0.26 + 0.19 * -(-len(titles) // columns))
        parts = 2 if stacked else 1
        height = parts * (head + tall) + foot
        boxes = []
        for index in range(2):
            left = margin if stacked else margin + index * (panel + gap)
            bottom = foot + ((1 - index) * (tall + head) if stacked else 0.0)
            boxes.append((left / width, bottom / height, panel / width, tall / height))
        return cls(width, height, tuple(boxes), foot / height, columns)


def show_picture(axes: Axes, picture: Picture, aspect: float) -> None:
    """Show a picture in the coordinates of its full grid, in a thin frame.

    Args:
        axes: Where.
        picture: What.
        aspect: Height of a pixel over its width, of `obriy.render.geometry.pixel_aspect`.
    """
    rows, columns = picture.extent
    small = max(picture.rgba.shape) < 200
    axes.imshow(
        picture.rgba,
        extent=(0, columns, rows, 0),
        aspect=aspect,
        interpolation="none" if small else "antialiased",
    )
    axes.set_anchor("NW")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_edgecolor(LINE)
        spine.set_linewidth(0.8)


def _footer(figure: Figure, layout: _Layout, classes: Picture) -> None:
    stacked = layout.panels[0][0] == layout.panels[1][0]
    left = layout.panels[0][0] + layout.panels[0][2] if stacked else layout.panels[1][0]
    draw_legend(
        figure,
        classes.legend,
        (left, layout.footer - 0.04 / layout.height),
        columns=layout.columns,
        corner="upper right" if stacked else "upper left",
    )


def _scale_bar(
    figure: Figure, layout: _Layout, scale: Scale, extent: tuple[int, int], text: Text
) -> None:
    """Draw a bar of a round length under the image, and north where it is up."""
    box = layout.panels[0]
    metres_per_inch = extent[1] * scale.along / _shown_width(box, layout, extent, scale)
    at = box[0], layout.footer - 0.2 / layout.height
    draw_scale_bar(figure, scale, metres_per_inch, text, at)


def _shown_width(
    box: tuple[float, ...], layout: _Layout, extent: tuple[int, int], scale: Scale
) -> float:
    """Return the width of the image itself, inches: a tall one does not fill its box."""
    width, height = box[2] * layout.width, box[3] * layout.height
    return min(width, height * extent[1] * scale.along / (extent[0] * scale.down))
