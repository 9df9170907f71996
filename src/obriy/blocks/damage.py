"""Tiles of a file whose bytes are broken: found one by one, read around, and told.

A file comes apart by its own tiles (TIFF tiles and strips, chunks of NetCDF, code blocks of
JPEG 2000): one that cannot be decoded says nothing of its neighbours. Who can do without a part of
a raster reads by `read_around` and is told of the holes; everybody else gets a `SourceError`.
"""

import contextvars
import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any, Final
from xml.sax.saxutils import escape

import numpy as np
import numpy.typing as npt
import rasterio
import xarray as xr
from odc.geo.geobox import GeoBox
from rasterio.enums import MaskFlags
from rasterio.errors import RasterioError
from rasterio.warp import transform_bounds
from rasterio.windows import Window

from obriy.errors import SourceError
from obriy.model.notices import reason_of

Tile = tuple[int, int]
"""Row and column of a tile among the tiles of its file."""

_LEAST_PART: Final = 128
"""Side in pixels of a part that is not halved further where a source does not say its tiles."""
_EDGE: Final = 1e-6
"""Pixels by which two edges may differ and be the same."""
_GDAL_TYPES: Final = {
    "uint8": "Byte", "int8": "Int8", "uint16": "UInt16", "int16": "Int16", "uint32": "UInt32",
    "int32": "Int32", "uint64": "UInt64", "int64": "Int64", "float32": "Float32",
    "float64": "Float64",
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Hole:
    """A part of a raster of which its file cannot say anything.

    Attributes:
        rows: First and last row, half-open; a tile also beyond the window that met it.
        columns: The same of columns.
        reason: Which tile of which file, and why.
    """

    rows: slice
    columns: slice
    reason: str

    def within(self, rows: slice, columns: slice) -> tuple[slice, slice]:
        """Return the part inside a window, as slices into it; empty where they do not meet."""
        return _within(self.rows, rows), _within(self.columns, columns)

    def shifted(self, down: int, right: int) -> "Hole":
        """Return the hole as seen from another origin."""
        return Hole(_shifted(self.rows, down), _shifted(self.columns, right), self.reason)


_told: contextvars.ContextVar[list[Hole] | None] = contextvars.ContextVar("holes", default=None)


def told() -> list[Hole] | None:
    """Return where a raster tells its holes, from the first pixel of the window that is read.

    None: who reads cannot do without any pixel.
    """
    return _told.get()


def read_around(
    variable: xr.Variable, rows: slice, columns: slice
) -> tuple[npt.NDArray[Any], list[Hole]]:
    """Read a window of a lazy variable; what cannot be decoded is missing, and told.

    Args:
        variable: (y, x), lazy or in memory.
        rows: Of the window; what lies beyond the variable is left out.
        columns: Of the window.

    Returns:
        The numbers, NaN or an integer's "nothing there" where bytes are broken; and the holes in
        them, in pixels of the variable, each as large as a tile of the file. Where a source does
        not say its tiles, they are found by halving. Of a variable in memory the numbers are its
        own, no copy: nothing may be written to them.
    """
    rows, columns = (
        slice(*part.indices(size)[:2])
        for part, size in zip((rows, columns), variable.shape, strict=True)
    )
    holes: list[Hole] = []
    token = _told.set(holes)
    try:
        values = np.asarray(variable[rows, columns].values)
    except SourceError as error:
        return _by_halves(variable, rows, columns, error)
    finally:
        _told.reset(token)
    return values, [hole.shifted(rows.start, columns.start) for hole in holes]


def _by_halves(
    variable: xr.Variable, rows: slice, columns: slice, error: SourceError
) -> tuple[npt.NDArray[Any], list[Hole]]:
    tall, wide = rows.stop - rows.start, columns.stop - columns.start
    if max(tall, wide) <= _LEAST_PART:
        missing = np.nan if variable.dtype.kind == "f" else 0
        hole = Hole(rows, columns, reason_of(error))
        return np.full((tall, wide), missing, variable.dtype), [hole]
    if tall >= wide:
        middle = rows.start + tall // 2
        halves = [(slice(rows.start, middle), columns), (slice(middle, rows.stop), columns)]
    else:
        middle = columns.start + wide // 2
        halves = [(rows, slice(columns.start, middle)), (rows, slice(middle, columns.stop))]
    parts = [read_around(variable, *half) for half in halves]
    values = np.concatenate([part for part, _ in parts], axis=0 if tall >= wide else 1)
    return values, [hole for _, holes in parts for hole in holes]


def tile_window(dataset: Any, index: int, tile: Tile) -> Window:
    """Return the pixels of a tile, cut at the edge of the file."""
    height, width = dataset.block_shapes[index - 1]
    top, left = tile[0] * height, tile[1] * width
    return Window(left, top, min(width, dataset.width - left), min(height, dataset.height - top))


def tiles_in(dataset: Any, index: int, rows: slice, columns: slice) -> Iterator[Tile]:
    """Yield the tiles of a band that a window meets."""
    height, width = dataset.block_shapes[index - 1]
    yield from itertools.product(
        range(rows.start // height, -(-rows.stop // height)),
        range(columns.start // width, -(-columns.stop // width)),
    )


def broken_tiles(
    dataset: Any, index: int, rows: slice, columns: slice, read: Callable[[Any, int, Window], Any]
) -> dict[Tile, RasterioError]:
    """Decode the tiles of a band that a window meets; return those that fail, and why.

    Args:
        dataset: The file, open.
        index: Number of the band, from 1.
        rows: Of the window.
        columns: Of the window.
        read: Decodes a tile.
    """
    found = {}
    for tile in tiles_in(dataset, index, rows, columns):
        try:
            read(dataset, index, tile_window(dataset, index, tile))
        except RasterioError as error:
            found[tile] = error
    return found


def without_tiles(dataset: Any, index: int, tiles: frozenset[Tile], missing: float | None) -> Any:
    """Open a file once more, without some of its tiles.

    Args:
        dataset: The file, open.
        index: Band whose tiles are meant; they are left out of all bands and of the mask.
        tiles: What is left out.
        missing: What is read there; None: NaN, and the numbers become floats.

    Returns:
        A rasterio dataset with the bands and the grid of the file.
    """
    windows = list(_sound_windows(dataset, index, tiles))
    kinds = dict(enumerate(dataset.dtypes, 1))
    if missing is None:
        missing, kinds = math.nan, {band: _as_floats(kind) for band, kind in kinds.items()}
    bands = "".join(
        f'<VRTRasterBand band="{band}" dataType="{_GDAL_TYPES[kinds[band]]}">'
        f"<NoDataValue>{missing}</NoDataValue>"
        + _sources(dataset.name, str(band), windows)
        + "</VRTRasterBand>"
        for band in dataset.indexes
    )
    mask = ""
    if {MaskFlags.per_dataset, MaskFlags.alpha}.intersection(dataset.mask_flag_enums[index - 1]):
        sources = _sources(dataset.name, f"mask,{index}", windows)
        mask = f'<MaskBand><VRTRasterBand dataType="Byte">{sources}</VRTRasterBand></MaskBand>'
    place = ", ".join(str(v) for v in dataset.transform.to_gdal())
    crs = f"<SRS>{escape(dataset.crs.to_wkt())}</SRS>" if dataset.crs else ""
    return rasterio.open(  # noqa: TID251 - our own text, around a file that is open
        f'<VRTDataset rasterXSize="{dataset.width}" rasterYSize="{dataset.height}">{crs}'
        f"<GeoTransform>{place}</GeoTransform>{mask}{bands}</VRTDataset>"
    )


def on_grid(
    window: tuple[slice, slice], own: GeoBox, grid: GeoBox, *, reach: int = 0
) -> tuple[slice, slice]:
    """Return the rows and columns of a grid that a window of another grid touches.

    Args:
        window: Rows and columns of the first grid.
        own: The first grid.
        grid: The other; where one has no CRS, both lie in one plane.
        reach: Pixels of the other grid that are added all around.
    """
    rows, columns = window
    x0, y0 = own.affine @ (columns.start, rows.start)
    x1, y1 = own.affine @ (columns.stop, rows.stop)
    corners = [(x0, y0), (x1, y1), (own.affine @ (columns.start, rows.stop)),
               (own.affine @ (columns.stop, rows.start))]  # fmt: skip
    if own.crs is not None and grid.crs is not None and own.crs != grid.crs:
        xs, ys = zip(*corners, strict=True)
        west, south, east, north = transform_bounds(
            own.crs.to_wkt(), grid.crs.to_wkt(), min(xs), min(ys), max(xs), max(ys)
        )
        corners = [(west, south), (west, north), (east, south), (east, north)]
    places = [~grid.affine @ corner for corner in corners]
    return (
        _outward([y for _, y in places], reach, int(grid.shape.y)),
        _outward([x for x, _ in places], reach, int(grid.shape.x)),
    )


def _outward(values: list[float], reach: int, limit: int) -> slice:
    """Return the pixels that a range touches, and some around it, of those there are."""
    start = min(max(math.floor(min(values) + _EDGE) - reach, 0), limit)
    return slice(start, min(max(math.ceil(max(values) - _EDGE) + reach, start), limit))


def _shifted(part: slice, by: int) -> slice:
    return slice(part.start + by, part.stop + by)


def _within(part: slice, window: slice) -> slice:
    start = min(max(part.start, window.start), window.stop)
    stop = max(start, min(part.stop, window.stop))
    return slice(start - window.start, stop - window.start)


def _sound_windows(dataset: Any, index: int, tiles: frozenset[Tile]) -> Iterator[Window]:
    """Yield rectangles that cover a file but for some tiles, as few as are easily found."""
    height, width = dataset.block_shapes[index - 1]
    across = -(-dataset.width // width)
    top = 0
    for row, group in itertools.groupby(sorted(tiles), key=lambda tile: tile[0]):
        if row * height > top:
            yield Window(0, top, dataset.width, row * height - top)
        top = row * height
        bottom = min(top + height, dataset.height)
        left = 0
        for column in [*(column for _, column in group), across]:
            right = min(column * width, dataset.width)
            if right > left:
                yield Window(left, top, right - left, bottom - top)
            left = min(right + width, dataset.width)
        top = bottom
    if top < dataset.height:
        yield Window(0, top, dataset.width, dataset.height - top)


def _as_floats(kind: str) -> str:
    """Return the type of floats that holds all numbers of a type."""
    return str(np.result_type(kind, np.float32))


def _sources(name: str, band: str, windows: list[Window]) -> str:
    file = f'<SourceFilename relativeToVRT="0">{escape(name)}</SourceFilename>'
    parts = []
    for w in windows:
        place = f'xOff="{w.col_off}" yOff="{w.row_off}" xSize="{w.width}" ySize="{w.height}"'
        parts.append(
            f"<SimpleSource>{file}<SourceBand>{band}</SourceBand><SrcRect {place}/>"
            f"<DstRect {place}/></SimpleSource>"
        )
    return "".join(parts)
