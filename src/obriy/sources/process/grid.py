"""One grid for an area, and how it is cut into requests that no provider refuses."""

import dataclasses
import itertools
import math
import re
from collections.abc import Iterator
from typing import Final

from affine import Affine
from odc.geo.geobox import GeoBox

from obriy.errors import UsageError
from obriy.tables import load_toml

Bounds = tuple[float, float, float, float]
"""Left, bottom, right, top."""
Split = tuple[int, int]
"""Rows and columns of tiles."""

MOST: Final = 100
"""Tiles along a side that anybody may ask for."""
_EDGE: Final = 1e-6
"""Pixels by which an edge may miss a whole pixel and count as on it: rounding of a warp."""


@dataclasses.dataclass(frozen=True)
class Tile:
    """One request.

    Attributes:
        rows: Of the grid, which the tile fills.
        columns: The same of columns.
        asked_rows: What is requested: the same and the halo, where a tile lies beside it.
        asked_columns: The same of columns.
    """

    rows: slice
    columns: slice
    asked_rows: slice
    asked_columns: slice

    @property
    def pixels(self) -> int:
        """How many pixels are requested."""
        return _length(self.asked_rows) * _length(self.asked_columns)

    def meets(self, rows: slice, columns: slice) -> bool:
        """Say whether the tile fills a part of a window."""
        return _meet(self.rows, rows) and _meet(self.columns, columns)


def parse_split(text: str) -> Split:
    """Return rows and columns of ``5x5``.

    Raises:
        UsageError: where it is no such thing.
    """
    found = re.fullmatch(r"\s*(\d+)\s*[xх×]\s*(\d+)\s*", text.lower())
    sides = (int(found[1]), int(found[2])) if found else (0, 0)
    if not all(1 <= side <= MOST for side in sides):
        raise UsageError(
            f"--tiles: '{text}' is no number of tiles.", f"Write 5x5; 1x1 to {MOST}x{MOST}."
        )
    return sides


def grid_over(bounds: Bounds, crs: str, resolution: float) -> GeoBox:
    """Return the grid whose pixels cover bounds, its edges on multiples of the pixel size.

    So it lies on the very pixels of a sensor whose own grid does, as that of Sentinel-2.

    Args:
        bounds: In the CRS.
        crs: Projected.
        resolution: Size of a pixel, m.
    """
    left, bottom, right, top = (value / resolution for value in bounds)
    first, last = math.floor(left + _EDGE), math.ceil(right - _EDGE)
    low, high = math.floor(bottom + _EDGE), math.ceil(top - _EDGE)
    affine = Affine(resolution, 0, first * resolution, 0, -resolution, high * resolution)
    return GeoBox((max(high - low, 1), max(last - first, 1)), affine, crs)


def grid_of_split(bounds: Bounds, crs: str, split: Split, limit: int, halo: int) -> GeoBox:
    """Return the finest grid over bounds that so many tiles can fill: document D's table 1.

    It starts at the corner of the bounds: 120 km in 5 tiles of 2500 pixels are pixels of 9.6 m.

    Args:
        bounds: In the CRS.
        crs: Projected.
        split: Rows and columns of tiles.
        limit: Pixels along a side of a request.
        halo: Pixels around a tile that are requested with it, where another lies beside it.
    """
    left, bottom, right, top = bounds
    sides = (top - bottom, right - left)
    most = [n * limit - 2 * halo * (n - 1) for n in split]
    resolution = max(side / pixels for side, pixels in zip(sides, most, strict=True))
    rows, columns = (max(1, math.ceil(side / resolution - _EDGE)) for side in sides)
    return GeoBox((rows, columns), Affine(resolution, 0, left, 0, -resolution, top), crs)


def cut(shape: tuple[int, int], limit: int, halo: int, split: Split | None = None) -> list[Tile]:
    """Cut a grid into tiles of about one size, of which no request exceeds the limit.

    Args:
        shape: Rows and columns of the grid.
        limit: Pixels along a side of a request.
        halo: Pixels around a tile that are requested with it, where another lies beside it.
        split: Rows and columns of tiles; None: as few as will do.

    Returns:
        Tiles in row-major order; they cover the grid, each pixel once.

    Raises:
        UsageError: a split whose tiles are too large, with the least that will do, or one of more
            tiles than pixels; a limit that leaves no room beside the halo.
    """
    if limit <= 2 * halo:
        raise UsageError(
            f"A limit of {limit} pixels is too small.", f"Give {2 * halo + 1} or more."
        )
    least = tuple(_fewest(size, limit, halo) for size in shape)
    asked = split or least
    if any(n < few or n > size for n, few, size in zip(asked, least, shape, strict=True)):
        raise UsageError(
            f"{asked[0]}x{asked[1]} tiles do not fit {shape[0]} x {shape[1]} pixels: a request has "
            f"at most {limit} along a side.",
            f"Give --tiles {least[0]}x{least[1]} or more, at most {shape[0]}x{shape[1]}; or a "
            "coarser --resolution.",
        )
    rows, columns = (list(_parts(size, n, halo)) for size, n in zip(shape, asked, strict=True))
    return [Tile(r, c, outer_r, outer_c) for r, outer_r in rows for c, outer_c in columns]


def processing_units(tiles: list[Tile], bands: int) -> float:
    """Estimate what requests cost, processing units.

    Args:
        tiles: The requests.
        bands: Bands of the collection in each; ``dataMask`` is free.
    """
    rule = load_toml("process_api")["units"]
    areas = [max(rule["least_area"], tile.pixels / rule["side"] ** 2) for tile in tiles]
    return float(sum(max(rule["least"], area * bands / rule["per_bands"]) for area in areas))


def _meet(one: slice, other: slice) -> bool:
    return bool(one.start < other.stop and other.start < one.stop)


def _fewest(size: int, limit: int, halo: int) -> int:
    """Return how few tiles cover a side."""
    return next(n for n in range(1, size + 1) if _longest(size, n, halo) <= limit)


def _longest(size: int, count: int, halo: int) -> int:
    return max(_length(outer) for _, outer in _parts(size, count, halo))


def _parts(size: int, count: int, halo: int) -> Iterator[tuple[slice, slice]]:
    """Yield the tiles along a side, and what each asks for."""
    edges = [number * size // count for number in range(count + 1)]
    for start, stop in itertools.pairwise(edges):
        yield slice(start, stop), slice(max(0, start - halo), min(size, stop + halo))


def _length(part: slice) -> int:
    return int(part.stop - part.start)
