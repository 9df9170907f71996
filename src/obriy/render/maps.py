"""Pictures of a scene and of its map, side by side."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from obriy.blocks.decimate import block_means, class_shares, steps_for
from obriy.model.areas import District
from obriy.model.classmap import ClassMap
from obriy.model.flags import Unseen
from obriy.model.grid import geobox_of
from obriy.model.legend import NO_DATA, UNNAMED
from obriy.model.scene import band_names
from obriy.render.figures import INK, LINE, new_figure
from obriy.render.furniture import (
    district_entries,
    draw_legend,
    draw_outlines,
    draw_scale_bar,
    entry_width,
)
from obriy.render.geometry import Scale, ground_scale, pixel_aspect
from obriy.render.marks import FEWEST, Mark, class_marks, draw_marks
from obriy.render.palette import UNNAMED_COLOUR, UNSEEN_COLOURS, rgb
from obriy.render.text import Text, text_of
from obriy.vectors import place

RGBA = npt.NDArray[np.uint8]

MAX_SIZE: Final = 900
_COMBINATIONS: Final = (
    ("red", "green", "blue"),
    ("nir", "red", "green"),
    ("nir08", "red", "green"),
    ("swir16", "nir", "green"),
    ("swir16", "nir08", "green"),
)
"""Red, green and blue of a picture, the first that the scene has; the first one is true colour."""
_GAMMA: Final = 1 / 1.5
_LEAST_RANGE: Final = 0.05
"""Reflectance from black to white, at least: the noise of a flat scene stays noise."""
_NOTHING: Final = UNSEEN_COLOURS[Unseen.NO_DATA]
_STRIPED: Final = (Unseen.CLOUD, Unseen.FAILED)
_WIDE: Final = 0.5
"""Pictures flatter than this (height over width) lie one above the other."""

_TALLEST: Final = 9.0
"""Inches that an image may be high in a figure."""


@dataclasses.dataclass(frozen=True)
class Picture:
    """A scene or a map made small.

    Attributes:
        rgba: (rows, columns, 4) uint8; alpha 0 where there is nothing.
        extent: Rows and columns of the full grid that it covers, from the first pixel.
        bands: What is shown as red, green and blue; empty for a map.
        legend: ``(title, colour)`` of what occurs; empty for a scene.
        marks: Numbers of classes where they are purest; empty for a map of few classes.
        shares: Of the picture, 0 to 1, for each entry of the legend.
    """

    rgba: RGBA
    extent: tuple[int, int]
    bands: tuple[str, ...] = ()
    legend: tuple[tuple[str, str], ...] = ()
    marks: tuple[Mark, ...] = ()
    shares: tuple[float, ...] = ()

    @property
    def true_colour(self) -> bool:
        """Whether it shows what an eye would see."""
        return self.bands == _COMBINATIONS[0]


def preview(scene: xr.Dataset, max_size: int = MAX_SIZE, *, infrared: bool = False) -> Picture:
    """Make a picture of a scene: true colour, else the nearest to it that the bands allow.

    Each band is stretched from its 2nd to its 98th percentile; missing pixels are transparent.

    Args:
        scene: A Scene; read at a low resolution.
        max_size: Longest side of the picture, pixels.
        infrared: True colour comes last.
    """
    first = _COMBINATIONS[infrared:]
    bands = _choose(set(band_names(scene)), band_names(scene), first + _COMBINATIONS[:infrared])
    shape = (scene.sizes["y"], scene.sizes["x"])
    steps = steps_for(shape, max_size)
    planes = {name: block_means(scene[name].variable, steps) for name in dict.fromkeys(bands)}
    seen = np.all([np.isfinite(plane) for plane in planes.values()], axis=0)
    stretched = {name: _stretch(plane, seen) for name, plane in planes.items()}
    rgba = np.dstack([*(stretched[name] for name in bands), np.where(seen, 255, 0)])
    rows, columns = rgba.shape[:2]
    return Picture(rgba.astype("uint8"), (rows * steps[0], columns * steps[1]), bands=bands)


def map_picture(
    class_map: ClassMap, *, lang: str = "en", max_size: int = MAX_SIZE, numbered: bool = False
) -> Picture:
    """Make a picture of a map; a picture element shows its classes mixed by their shares.

    Args:
        class_map: The map, lazy or in memory; read block by block.
        lang: Language of the legend.
        max_size: Longest side of the picture, pixels.
        numbered: Whether a map of many classes gets their numbers, on it and in the legend.
    """
    text = text_of(lang)
    steps = steps_for(class_map.labels.shape, max_size)
    named = [(c.code, c.called(lang), c.colour) for c in class_map.legend]
    named.append((UNNAMED, text("map.unnamed"), UNNAMED_COLOUR))
    codes = [code for code, _, _ in named]
    shares = class_shares(class_map.labels.variable, steps, codes)
    causes = _causes(class_map, steps, 1 - shares.sum(axis=0))
    marks = []
    if numbered and sum(bool(share.any()) for share in shares[:-1]) >= FEWEST:
        marks = class_marks(shares[:-1], codes[:-1])
        named[:-1] = [(code, f"{title} ({code})", colour) for code, title, colour in named[:-1]]
    entries = [
        (title, colour, share) for (_, title, colour), share in zip(named, shares, strict=True)
    ]
    entries += [(text(f"unseen.{u.name.lower()}"), UNSEEN_COLOURS[u], s) for u, s in causes.items()]
    entries = [entry for entry in entries if entry[2].any()]
    rgba = _mix(entries, causes)
    rows, columns = rgba.shape[:2]
    legend = tuple((title, colour) for title, colour, _ in entries)
    extent = rows * steps[0], columns * steps[1]
    parts = tuple(float(share.mean()) for _, _, share in entries)
    return Picture(rgba, extent, legend=legend, marks=tuple(marks), shares=parts)


def map_figure(
    scene: xr.Dataset,
    class_map: ClassMap,
    *,
    districts: Sequence[District] = (),
    lang: str = "en",
    title: str = "",
    pixel_size_m: float | None = None,
) -> Figure:
    """Draw a scene beside its map: legend, scale bar, north, outlines of districts.

    Args:
        scene: The Scene that was mapped.
        class_map: Its map.
        districts: Outlined on both.
        lang: Language.
        title: What the map shows; above it.
        pixel_size_m: For a scale bar where the image has no CRS.
    """
    text = text_of(lang)
    geobox = geobox_of(scene)
    scale = ground_scale(geobox, pixel_size_m)
    image = preview(scene)
    classes = map_picture(class_map, lang=lang, numbered=True)
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


def _choose(
    available: set[str], ordered: list[str], combinations: Sequence[tuple[str, str, str]]
) -> tuple[str, str, str]:
    for names in combinations:
        if available.issuperset(names):
            return names
    three = [*reversed(ordered[-3:])] if len(ordered) >= 3 else [ordered[-1]] * 3
    return three[0], three[1], three[2]


def _stretch(plane: npt.NDArray[np.float32], seen: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    """Return 0 to 255 between robust ends."""
    if not seen.any():
        return np.zeros(plane.shape)
    low, high = np.percentile(plane[seen], (2, 98))
    if high - low < _LEAST_RANGE:
        low, high = (low + high - _LEAST_RANGE) / 2, (low + high + _LEAST_RANGE) / 2
    unit = np.clip((np.where(seen, plane, low) - low) / (high - low), 0, 1)
    return np.asarray(unit**_GAMMA * 255)


def _causes(
    class_map: ClassMap, steps: tuple[int, int], hidden: npt.NDArray[np.float32]
) -> dict[Unseen, npt.NDArray[np.float32]]:
    """Return the share of each reason for which pixels have no class."""
    hidden = np.clip(hidden, 0, 1)
    causes = [u for u in Unseen if u not in (Unseen.SEEN, Unseen.NO_DATA)]
    if class_map.unseen is None:
        return {Unseen.NO_DATA: hidden}
    shares = class_shares(class_map.unseen.variable, steps, [int(u) for u in causes])
    # A map may have filled what was unseen: a reason counts only where there is no class.
    shares = np.minimum(shares, hidden)
    rest = np.clip(hidden - shares.sum(axis=0), 0, 1)
    rest[rest < 1e-6] = NO_DATA
    return {Unseen.NO_DATA: rest} | dict(zip(causes, shares, strict=True))


def _mix(
    entries: list[tuple[str, str, npt.NDArray[np.float32]]],
    causes: dict[Unseen, npt.NDArray[np.float32]],
) -> RGBA:
    """Mix colours by share; clouds and broken parts are striped, no data is transparent."""
    shape = next(iter(causes.values())).shape
    colour, total = np.zeros((*shape, 3)), np.zeros(shape)
    for _, name, share in entries:
        if name == _NOTHING:
            continue
        colour += share[..., None] * np.array(rgb(name), "float64")
        total += share
    colour /= np.maximum(total, 1e-9)[..., None]
    rows, columns = np.indices(shape)
    stripes = (rows + columns) // max(1, round(max(shape) / 300)) % 4 == 0
    for cause in _STRIPED:
        if cause in causes:
            colour[stripes & (causes[cause] > 0.5)] *= 0.9
    return np.dstack([colour, total * 255]).round().clip(0, 255).astype("uint8")


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
