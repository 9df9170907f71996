"""Windows of one grid on another grid of the same plane."""

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.warp import reproject

LOCAL_CRS = CRS.from_epsg(3857)
"""Stands for "the same plane" where two files without a CRS are brought to one grid."""

REACH: Final = 2
"""Pixels beside a place that interpolation looks at, with one to spare."""

_EVEN: Final = 1e-6
"""Pixels by which the edges of two grids may miss each other."""
Window = tuple[slice, slice]
"""Rows and columns."""


def around_window(window: Window, on: GeoBox, grid: GeoBox) -> Window | None:
    """Return the window of a grid that a window on another is interpolated from.

    Args:
        window: Rows and columns wanted.
        on: The grid of which they are.
        grid: The grid that is read.

    Returns:
        Rows and columns within the grid; None where it does not reach there.
    """
    parts = []
    for (start, stop), limit in zip(_spans(window, on, grid), grid.shape, strict=True):
        low, high = max(0, math.floor(start) - REACH), min(int(limit), math.ceil(stop) + REACH)
        if low >= high:
            return None
        parts.append(slice(low, high))
    return parts[0], parts[1]


def spanned(window: Window, on: GeoBox, grid: GeoBox) -> Window | None:
    """Return the whole pixels of a grid nearest to a window on another; None beyond its edge."""
    parts = []
    for (start, stop), limit in zip(_spans(window, on, grid), grid.shape, strict=True):
        low, high = round(start), round(stop)
        if low < 0 or high > limit or low >= high:
            return None
        parts.append(slice(low, high))
    return parts[0], parts[1]


def even_cut(window: Window, on: GeoBox, grid: GeoBox) -> tuple[Window, Window, int] | None:
    """Return the pixels of a grid that a window on a finer one cuts into a whole number each way.

    Args:
        window: Rows and columns wanted.
        on: The grid of which they are.
        grid: The coarser grid, in its plane.

    Returns:
        Rows and columns within the grid, those of the window among its pixels once they are cut,
        and into how many; None where the grids do not meet so, or the window ends beyond it.
    """
    if on.crs != grid.crs:
        return None
    step = step_between(grid, on)
    count = max(1, round(1 / step.a)) if step.a > 0 else 1
    told = (step.a * count - 1, step.b, step.d, step.e * count - 1)
    shifts = step.f * count, step.c * count
    off = (*told, *(shift - round(shift) for shift in shifts))
    if max(map(abs, off)) > _EVEN:
        return None
    parts = []
    for part, shift, limit in zip(window, shifts, grid.shape, strict=True):
        start, stop = part.start + round(shift), part.stop + round(shift)
        low, high = start // count, -(-stop // count)
        if low < 0 or high > limit:
            return None
        parts.append((slice(low, high), slice(start - low * count, stop - low * count)))
    return (parts[0][0], parts[1][0]), (parts[0][1], parts[1][1]), count


def resampled(
    values: npt.NDArray[Any], place: Window, window: Window, step: Affine, how: str
) -> npt.NDArray[Any]:
    """Bring values from one grid to another.

    Args:
        values: (rows, columns) floats, NaN missing: left out of what is mixed.
        place: Where they lie on their grid.
        window: Rows and columns wanted, on the other grid.
        step: What leads from pixels of that grid to pixels of theirs, see `step_between`.
        how: A rasterio ``Resampling`` name.

    Returns:
        The window, NaN where its place is missing.
    """
    (rows, columns), (down, across) = window, place
    made = np.full((rows.stop - rows.start, columns.stop - columns.start), np.nan, values.dtype)
    # In pixels of the one grid, so that the cut of the windows changes no number.
    moved = Affine.translation(-across.start, -down.start) @ step
    reproject(
        values,
        made,
        src_transform=Affine.identity(),
        src_crs=LOCAL_CRS,
        src_nodata=np.nan,
        dst_transform=moved @ Affine.translation(columns.start, rows.start),
        dst_crs=LOCAL_CRS,
        dst_nodata=np.nan,
        resampling=Resampling[how],
    )
    return made


def step_between(grid: GeoBox, on: GeoBox) -> Affine:
    """Return what leads from the pixels of a grid (``on``) to those of another in its plane."""
    step: Affine = ~grid.affine @ on.affine
    return step


def _spans(window: Window, on: GeoBox, grid: GeoBox) -> list[tuple[float, float]]:
    """Return from where to where a window reaches on another grid, in rows and in columns."""
    step = step_between(grid, on)
    corners = [step @ (x, y) for y in _ends(window[0]) for x in _ends(window[1])]
    return [(min(c[axis] for c in corners), max(c[axis] for c in corners)) for axis in (1, 0)]


def _ends(part: slice) -> tuple[int, int]:
    return part.start, part.stop
