"""Sea ice concentration: the share of ice in the sea around each pixel.

The share is taken over a square of a few kilometres, as in the products from passive microwaves
that an ice chart is compared with; a single pixel of a mask has only 0 or 1 to say.
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt
import xarray as xr
from numba import njit
from odc.geo.geobox import GeoBox
from pyproj import CRS

from obriy.blocks.windows import windows
from obriy.measures.occurrence import class_share, is_named, read_window
from obriy.measures.pixel_area import pixel_area
from obriy.model.classmap import FRACTION_MISSING, FRACTION_SCALE, ClassMap
from obriy.model.grid import coords_of, pixel_metres
from obriy.model.ice import CLOUD, LAND

WINDOW_M: Final = 5000.0
"""Side of the square, metres: ten pixels of 500 m, a hundred of them to take a share of."""
LEAST_SEEN: Final = 0.25
"""Share of the square's sea that must have been seen: from less, no share can be told."""
_BLOCK: Final = 1024
"""Side of a window, pixels: the sums over it are some 60 megabytes."""

ByteArray = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]


def concentration(
    class_map: ClassMap, *, window_m: float = WINDOW_M, pixel_size_m: float | None = None
) -> xr.DataArray:
    """Return the share of ice in the seen sea within a square around each pixel.

    The square has its sides along the grid and is cut at the edge of the map; pixels that it cuts
    count by their part in it. Ice is the map's fraction where it has one, else its mask; a cloud,
    a pixel without a class and one without data are sea that was not seen.

    Args:
        class_map: A map of the legend ``ice``, lazy or in memory; windows of it are read.
        window_m: Side of the square, metres on the ground (geodesic), whatever the CRS.
        pixel_size_m: Side of a pixel in metres, for a map with no CRS.

    Returns:
        (y, x) uint8 in half per cents, 0 to 200; 255 on land, and where less than a quarter of
        the square's sea was seen. A pixel under a cloud has a value where enough around it was
        seen.

    Raises:
        GridError: no CRS and no pixel size.
    """
    geobox = class_map.geobox
    found = np.full(class_map.labels.shape, FRACTION_MISSING, np.uint8)
    for rows, columns in windows(found.shape, _BLOCK):
        down, across = _reach(geobox, rows, columns, window_m, pixel_size_m)
        outer = _grown(rows, down, found.shape[0]), _grown(columns, across, found.shape[1])
        labels = read_window(class_map.labels, *outer)
        ice = class_share(class_map, labels, *outer, class_name="ice")
        seen = is_named(labels) & (labels != CLOUD) & (labels != LAND)
        ice[~seen] = 0
        corner = np.array([rows.start - outer[0].start, columns.start - outer[1].start])
        found[rows, columns] = _shares(
            _summed(ice), _summed(seen), _summed(labels != LAND), down, across, corner
        )
        core = found[rows, columns]
        core[read_window(class_map.labels, rows, columns) == LAND] = FRACTION_MISSING
    attrs = {"long_name": "sea ice concentration", "window_m": window_m}
    return xr.DataArray(found, dims=("y", "x"), coords=coords_of(geobox), attrs=attrs)


def _reach(
    geobox: GeoBox, rows: slice, columns: slice, window_m: float, pixel_size_m: float | None
) -> tuple[FloatArray, FloatArray]:
    """Return half the side of the square in pixels, down and across, for each pixel."""
    area = np.maximum(pixel_area(geobox[rows, columns], pixel_size_m=pixel_size_m), 1e-6)
    if geobox.crs is None:
        side = np.sqrt(area)
        return window_m / 2 / side, window_m / 2 / side
    height, width = pixel_metres(geobox)
    if CRS(str(geobox.crs)).is_geographic:
        # A degree of latitude is nearly as long everywhere; one of longitude is not.
        tall = np.full(area.shape, height)
    else:
        # Scale varies over a plane, the shape of a pixel hardly.
        tall = np.sqrt(area * (height / width))
    return window_m / 2 / tall, window_m / 2 * tall / area


def _grown(span: slice, reach: FloatArray, length: int) -> slice:
    """Return a span of rows or columns with what the squares of its pixels reach."""
    halo = math.ceil(min(float(reach.max()), length)) + 1
    return slice(max(0, span.start - halo), min(length, span.stop + halo))


def _summed(part: npt.NDArray[np.generic]) -> FloatArray:
    """Return the sums of all that lies above and to the left of each corner of a pixel."""
    sums = np.zeros((part.shape[0] + 1, part.shape[1] + 1))
    np.cumsum(np.cumsum(part, axis=0, dtype="float64"), axis=1, out=sums[1:, 1:])
    return sums


@njit(nogil=True, cache=True)
def _at(sums: FloatArray, y: float, x: float) -> float:
    """Return the sum above and to the left of any point: of a pixel that it cuts, the part."""
    y = min(max(y, 0.0), sums.shape[0] - 1.0)
    x = min(max(x, 0.0), sums.shape[1] - 1.0)
    i, j = min(int(y), sums.shape[0] - 2), min(int(x), sums.shape[1] - 2)
    v, u = y - i, x - j
    top = sums[i, j] * (1 - u) + sums[i, j + 1] * u
    return float(top * (1 - v) + (sums[i + 1, j] * (1 - u) + sums[i + 1, j + 1] * u) * v)


@njit(nogil=True, cache=True)
def _within(sums: FloatArray, y: float, x: float, down: float, across: float) -> float:
    """Return the sum over a rectangle around a point."""
    low = _at(sums, y - down, x - across) - _at(sums, y - down, x + across)
    return float(low + _at(sums, y + down, x + across) - _at(sums, y + down, x - across))


@njit(nogil=True, cache=True)
def _shares(  # noqa: PLR0917 - a kernel
    ice: FloatArray,
    seen: FloatArray,
    sea: FloatArray,
    down: FloatArray,
    across: FloatArray,
    corner: npt.NDArray[np.int64],
) -> ByteArray:
    """Return concentrations, half per cents, from the sums of ice, of seen sea and of all sea."""
    found = np.full(down.shape, FRACTION_MISSING, np.uint8)
    for i in range(down.shape[0]):
        for j in range(down.shape[1]):
            y, x = corner[0] + i + 0.5, corner[1] + j + 0.5
            looked = _within(seen, y, x, down[i, j], across[i, j])
            # Sums of many pixels end in digits of rounding: nothing is less than that.
            if looked <= 1e-9 or looked < LEAST_SEEN * _within(sea, y, x, down[i, j], across[i, j]):
                continue
            share = _within(ice, y, x, down[i, j], across[i, j]) / looked
            found[i, j] = np.uint8(np.rint(FRACTION_SCALE * min(max(share, 0.0), 1.0)))
    return found
