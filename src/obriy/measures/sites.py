"""Districts on the grid of a map: which pixels lie in them, and how much of each."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import shapely
from numba import njit
from odc.geo.geobox import GeoBox

from obriy.coverage import pixel_coverage
from obriy.errors import GeometryError
from obriy.model.areas import District
from obriy.vectors import lonlat_bounds, place, warp_geometry

FloatArray = npt.NDArray[np.float64]
Part = tuple[slice, slice]
"""Rows and columns of a map."""


@dataclasses.dataclass(frozen=True)
class Site:
    """A district on the grid of the map.

    Attributes:
        outline: Polygon in pixel coordinates.
        has_edge: Whether it ends elsewhere than the image.
    """

    outline: shapely.Geometry
    has_edge: bool

    def within(self, window: Part, margin: int = 0) -> shapely.Geometry:
        """Return what lies in a window, and in a margin of so many pixels around it."""
        rows, columns = window
        square = (
            columns.start - margin, rows.start - margin, columns.stop + margin, rows.stop + margin
        )  # fmt: skip
        left, top, right, bottom = self.outline.bounds
        inside = square[0] <= left and right <= square[2]
        if inside and square[1] <= top and bottom <= square[3]:
            return self.outline
        return shapely.intersection(self.outline, shapely.box(*square))

    def inside(self, part: Part, area: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the area of each pixel of a part of the map inside the outline, and its slope.

        The slope (2, y, x) is what each pixel gains as the outline moves by a pixel down, and to
        the right.
        """
        rows, columns = part
        wide = slice(rows.start - 1, rows.stop + 1), slice(columns.start - 1, columns.stop + 1)
        inside, slope = np.empty(area.shape), np.empty((2, *area.shape))
        _cover(pixel_coverage(self.outline, *wide), area, inside, slope)
        return inside, slope

    def shares(self, places: npt.NDArray[np.int64]) -> FloatArray:
        """Return (n,) how much of pixels, (n, 2) row and column, lies in it."""
        if not self.has_edge or not len(places):
            return np.ones(len(places))
        first, last = places.min(0), places.max(0) + 1
        rows, columns = (slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
        row, column = (places - first).T
        found: FloatArray = pixel_coverage(self.outline, rows, columns)[row, column].astype("f8")
        return found


@njit(nogil=True, cache=True)
def _cover(
    share: npt.NDArray[np.float32], area: FloatArray, inside: FloatArray, slope: FloatArray
) -> None:
    """Fill in what `Site.inside` returns, of the shares of pixels and of a rim of one."""
    for i in range(area.shape[0]):
        for j in range(area.shape[1]):
            half = area[i, j] / 2
            inside[i, j] = area[i, j] * share[i + 1, j + 1]
            slope[0, i, j] = (np.float64(share[i, j + 1]) - share[i + 2, j + 1]) * half
            slope[1, i, j] = (np.float64(share[i + 1, j]) - share[i + 1, j + 2]) * half


def sites_of(districts: Sequence[District], geobox: GeoBox) -> list[Site]:
    """Return the districts on the grid, or the whole image where there are none.

    Raises:
        GeometryError: no district meets the image.
    """
    if not districts:
        return [Site(shapely.box(0, 0, geobox.shape.x, geobox.shape.y), has_edge=False)]
    placed = [place(d.geometry, d.crs, geobox) for d in districts]
    _require_one(placed, districts, geobox)
    return [Site(outline, has_edge=True) for outline in placed]


def may_meet(bounds: FloatArray, window: Part, margin: int = 0) -> npt.NDArray[np.bool_]:
    """Say which bounds (n, 4) meet a window and its margin: of thousands of districts few do."""
    rows, columns = window
    left, top, right, bottom = bounds.T
    across = (left < columns.stop + margin) & (right > columns.start - margin)
    down = (top < rows.stop + margin) & (bottom > rows.start - margin)
    found: npt.NDArray[np.bool_] = across & down
    return found


def pixels_around(bounds: Sequence[float], window: Part) -> Part:
    """Return the smallest part of a window that holds what lies in bounds, and a rim.

    The rim of one pixel is what would come in if the outline moved.
    """
    rows, columns = window
    left, top, right, bottom = bounds
    return (
        slice(max(rows.start, math.floor(top) - 1), min(rows.stop, math.ceil(bottom) + 1)),
        slice(max(columns.start, math.floor(left) - 1), min(columns.stop, math.ceil(right) + 1)),
    )


def _require_one(
    placed: list[shapely.Geometry], districts: Sequence[District], geobox: GeoBox
) -> None:
    """Raise unless a district meets the image.

    Raises:
        GeometryError: naming both extents.
    """
    image = shapely.box(0, 0, geobox.shape.x, geobox.shape.y)
    if any(shapely.intersection(p, image).area > 0 for p in placed):
        return
    first = districts[0]
    if geobox.crs is None or first.crs is None:
        here, unit = geobox.extent.boundingbox.bbox, "the image's own coordinates"
        there = first.geometry.bounds
    else:
        here, unit = lonlat_bounds(geobox), "degrees west, south, east, north"
        there = warp_geometry(first.geometry, first.crs, "EPSG:4326").bounds
    others = f" and {len(districts) - 1} more" if len(districts) > 1 else ""
    raise GeometryError(
        f"The district '{first.name}'{others} ({_numbers(there)}) does not meet the image "
        f"({_numbers(here)}; {unit}).",
        "Check the order west,south,east,north and the CRS of the file, or take another image.",
    )


def _numbers(bounds: tuple[float, ...]) -> str:
    return ", ".join(f"{value:.4f}" for value in bounds)
