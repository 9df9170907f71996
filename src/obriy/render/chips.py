"""Small pictures of an image around places, for a person to say what is there."""

import dataclasses
import io
import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import shapely
import xarray as xr
from matplotlib.image import imsave

from obriy.model.grid import geobox_of, pixel_metres
from obriy.model.scene import band_names
from obriy.render.composites import FALSE_COLOUR, TRUE_COLOUR
from obriy.render.contrast import Array, contrast_limits, square_around, stretched
from obriy.vectors import place

SIDES: Final = (161, 25)
"""Pixels of the image on a side: where the place lies, and the pixels themselves."""


@dataclasses.dataclass(frozen=True)
class ChipView:
    """One way to look at a place.

    Attributes:
        bands: Shown as red, green and blue.
        side: Pixels of the image on a side.
        metres: Width of it on the ground.
    """

    bands: tuple[str, str, str]
    side: int
    metres: float

    @property
    def true_colour(self) -> bool:
        """Whether it shows what an eye would see."""
        return self.bands == TRUE_COLOUR

    @property
    def close(self) -> bool:
        """Whether it shows the pixels one by one."""
        return self.side == min(SIDES)


@dataclasses.dataclass(frozen=True)
class Chip:
    """A picture around a place.

    Attributes:
        data: The file, PNG of the pixels themselves or JPEG.
        media_type: ``"image/png"`` or ``"image/jpeg"``.
        outline: Corners of the place in the picture, as shares of its width and height.
    """

    data: bytes
    media_type: str
    outline: tuple[tuple[float, float], ...]


def views_of(scene: xr.Dataset) -> tuple[ChipView, ...]:
    """Return the ways to look at an image: its colour combinations at two distances each.

    Args:
        scene: A Scene with a CRS.

    Raises:
        GridError: where it has none.
    """
    available = set(band_names(scene))
    false = next((names for names in FALSE_COLOUR if available.issuperset(names)), None)
    shown = [TRUE_COLOUR] if available.issuperset(TRUE_COLOUR) else []
    shown += [false] if false else []
    if not shown:
        only = band_names(scene)[-1]
        shown = [(only, only, only)]
    width = pixel_metres(geobox_of(scene))[1]
    return tuple(ChipView(bands, side, side * width) for bands in shown for side in SIDES)


def draw_chips(
    scene: xr.Dataset, views: Sequence[ChipView], places: Sequence[shapely.Geometry], crs: Any
) -> list[tuple[Chip, ...]]:
    """Draw an image around places, each band from the 2nd to the 98th percentile of the image.

    Args:
        scene: The image, lazy or in memory; only what is shown is read.
        views: Of `views_of`.
        places: Polygons, e.g. the pixels of a map.
        crs: Their CRS.

    Returns:
        For each place one chip for each view; none where the place lies outside the image.
    """
    geobox = geobox_of(scene)
    bands = dict.fromkeys(name for view in views for name in view.bands)
    limits = {name: contrast_limits(scene[name]) for name in bands}
    placed = [place(p, crs, geobox) for p in places]
    inside = shapely.box(0, 0, geobox.shape.x, geobox.shape.y)
    drawn: list[tuple[Chip, ...]] = [()] * len(placed)
    # In the order of the rows: files are read by tiles, and a tile just read is still at hand.
    for i in sorted(range(len(placed)), key=lambda i: _row_of(placed[i])):
        if placed[i].is_empty or not shapely.intersects(inside, placed[i].centroid):
            continue
        drawn[i] = _draw(scene, views, placed[i], limits)
    return drawn


def _draw(
    scene: xr.Dataset,
    views: Sequence[ChipView],
    polygon: shapely.Geometry,
    limits: dict[str, tuple[float, float]],
) -> tuple[Chip, ...]:
    column, row = math.floor(polygon.centroid.x), math.floor(polygon.centroid.y)
    side = max(view.side for view in views)
    planes = {
        name: stretched(square_around(scene[name], row, column, side), *limits[name])
        for name in limits
    }
    corners = shapely.get_coordinates(polygon)[:-1]
    chips = []
    for view in views:
        rim = (side - view.side) // 2
        cut = slice(rim, rim + view.side)
        picture = np.dstack([planes[name][cut, cut] for name in view.bands])
        corner = np.array([column - view.side // 2, row - view.side // 2])
        outline = (corners - corner) / view.side
        kind = "png" if view.close else "jpeg"
        chips.append(
            Chip(
                _encoded(picture, kind),
                f"image/{kind}",
                tuple((round(float(x), 5), round(float(y), 5)) for x, y in outline),
            )
        )
    return tuple(chips)


def _encoded(picture: Array, kind: str) -> bytes:
    buffer = io.BytesIO()
    quality = {"quality": 85} if kind == "jpeg" else {"optimize": True}
    imsave(buffer, (picture * 255).round().astype("uint8"), format=kind, pil_kwargs=quality)
    return buffer.getvalue()


def _row_of(polygon: shapely.Geometry) -> float:
    return -1.0 if polygon.is_empty else float(polygon.centroid.y)
