"""Layers of a map as pictures that a page carries: of one extent, and of bounded weight."""

import base64
import dataclasses
import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xarray as xr
from odc.geo.geobox import GeoBox

from obriy.blocks.decimate import block_means, class_shares, steps_for
from obriy.model.layers import Layer
from obriy.model.legend import NO_DATA, UNNAMED
from obriy.render.composites import LARGEST
from obriy.render.palette import UNNAMED_COLOUR
from obriy.render.pictures import RGBA, Picture, Shares, mixed
from obriy.render.text import Text
from obriy.render.tiles import painted

_HEAVIEST: Final = {"image": 900_000, "": 320_000}
"""Bytes of a picture at most: so a report with five layers stays under 4 MB of them."""
_QUALITIES: Final = (85, 70, 50, 30)
_LEVELS: Final = 15
"""Steps in which a mixed colour is told: what is finer nobody sees, and it weighs."""


@dataclasses.dataclass(frozen=True)
class Sheet:
    """A layer as a picture.

    Attributes:
        name: What a script calls it.
        title: What people call it.
        source: Its address, ``data:image/...``.
        legend: ``(title, colour)`` of what occurs in it.
        shown: Whether it is seen from the start.
        opacity: 0 to 1, to begin with.
    """

    name: str
    title: str
    source: str
    legend: Sequence[tuple[str, str]] = ()
    shown: bool = False
    opacity: float = 1.0


@dataclasses.dataclass(frozen=True)
class MapView:
    """What there is to look at in a map that can be moved.

    Attributes:
        geobox: Grid of the full map.
        sheets: Layers, the lowest first.
        codes: Address of a picture whose numbers are the codes of classes; empty: none.
        classes: Title and colour by code of what occurs.
        outlines: Outlined places, in pixel coordinates, by name.
        bodies: Water bodies, parcels or the like, the largest first: geometry in pixel
            coordinates, and what their file says of each.
        pixel_size_m: What the user says of a grid with no CRS.
        code: Of the class that is measured; 0: every class is.
    """

    geobox: GeoBox
    sheets: Sequence[Sheet]
    codes: str = ""
    classes: Mapping[int, tuple[str, str]] = dataclasses.field(default_factory=dict)
    outlines: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    bodies: Sequence[tuple[Any, Mapping[str, Any]]] = ()
    pixel_size_m: float | None = None
    code: int = 0

    @property
    def extent(self) -> tuple[int, int]:
        """Rows and columns of the grid that the pictures cover, from the first pixel."""
        shape = tuple(int(n) for n in self.geobox.shape)
        down, along = steps_for(shape, LARGEST)
        return shape[0] // down * down, shape[1] // along * along


def image_sheet(picture: Picture, text: Text, date: str = "") -> Sheet:
    """Return the image itself, in the nearest to true colour that its bands allow."""
    key = "map.true_colour" if picture.true_colour else "map.false_colour"
    title = text(key, bands=", ".join(dict.fromkeys(picture.bands)))
    return Sheet("image", _dated(title, date), _photograph(picture.rgba), shown=True)


def class_sheet(shares: Shares, text: Text, date: str = "", *, opacity: float) -> Sheet:
    """Return a map of classes; where pixels are made small their colours are mixed."""
    picture = shares.picture(text.lang)
    title = _dated(text("map.classes"), date)
    return Sheet("map", title, _drawn(picture.rgba), picture.legend, True, opacity)


def _dated(title: str, date: str) -> str:
    return f"{title}, {date}" if date else title


def class_codes(shares: Shares, text: Text) -> tuple[str, dict[int, tuple[str, str]]]:
    """Return a picture of the class that each place has most of, and title and colour of each.

    What has none is 0, what was seen and not named 255, as in the map itself.
    """
    named = {c.code: (c.called(text.lang), c.colour) for c in shares.legend}
    named |= {UNNAMED: (text("map.unnamed"), UNNAMED_COLOUR)}
    most = np.asarray(shares.codes, "uint8")[shares.classes.argmax(axis=0)]
    most[shares.classes.sum(axis=0) < 0.5] = NO_DATA
    found = {int(code) for code in np.unique(most)}
    shown = {code: named[code] for code in shares.codes if code in found}
    return _within_bounds(most, "PNG", optimize=True), shown


def layer_sheet(
    layer: Layer,
    values: xr.DataArray,
    title: str,
    legend: Sequence[tuple[str, str]],
    *,
    shown: bool = False,
) -> Sheet:
    """Return a quantity, codes, or classes as the colours of their table.

    Args:
        layer: What the numbers are.
        values: (y, x) as they stand in the file; of a quantity float, NaN where there is none.
        title: What people call it.
        legend: Words and colours; of codes and classes those stay that occur.
        shown: Whether it is seen from the start.
    """
    steps = steps_for(values.shape, LARGEST)
    if layer.is_quantity:
        means = block_means(values.variable, steps)
        known = np.isfinite(means)
        rgba = np.moveaxis(painted(layer, np.where(known, means, 0), known), 0, -1)
    else:
        listed = None if layer.legend is None else {c.code: c.colour for c in layer.legend}
        colours = dict(layer.codes) if listed is None else listed
        shares = class_shares(values.variable, steps, [int(code) for code in colours])
        rgba = mixed(shares, list(colours.values()))
        occur = {c for c, share in zip(colours.values(), shares, strict=True) if share.any()}
        legend = [entry for entry in legend if entry[1] in occur]
    return Sheet(layer.name, title, _drawn(rgba), legend, shown)


def _photograph(rgba: RGBA) -> str:
    """Encode what has no sharp edges: as good as the weight allows."""
    for quality in _QUALITIES:
        source = _encoded(rgba, "WEBP", quality=quality, method=2)
        if _weight(source) <= _HEAVIEST["image"]:
            break
    return source


def _drawn(rgba: RGBA) -> str:
    """Encode what has few colours, exactly; what weighs too much is made smaller."""
    step = 255 / _LEVELS
    levels = (np.round(np.arange(256) / step) * step).astype("uint8")
    # A colour of a table stays what the table says: only mixtures are told in steps.
    plain = np.isin(_packed(rgba), _frequent(rgba))[..., None]
    shown = np.where(plain, rgba, levels[rgba])
    shown[shown[..., 3] == 0] = 0
    return _within_bounds(shown, "WEBP", lossless=True, quality=30, method=1)


def _within_bounds(pixels: npt.NDArray[np.uint8], kind: str, **how: Any) -> str:
    """Encode exactly; what weighs too much is made smaller, from every second pixel."""
    half = _encoded(pixels[::2, ::2], kind, **how)
    # All of it weighs twice as much as this at least: what is too heavy takes longest to encode.
    source = _encoded(pixels, kind, **how) if 2 * _weight(half) <= _HEAVIEST[""] else half
    if _weight(source) <= _HEAVIEST[""]:
        return source
    return _within_bounds(pixels[::2, ::2], kind, **how)


def _packed(rgba: RGBA) -> npt.NDArray[np.uint32]:
    packed: npt.NDArray[np.uint32] = np.ascontiguousarray(rgba).view("uint32")[..., 0]
    return packed


def _frequent(rgba: RGBA) -> npt.NDArray[np.uint32]:
    """Return the colours that hold a thousandth of a picture or more."""
    colours, counts = np.unique(_packed(rgba), return_counts=True)
    frequent: npt.NDArray[np.uint32] = colours[counts >= rgba.shape[0] * rgba.shape[1] / 1000]
    return frequent


def _encoded(pixels: npt.NDArray[np.uint8], kind: str, **how: Any) -> str:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **how)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _weight(source: str) -> float:
    return len(source) * 3 / 4
