"""Files behind the bands of a scene, as the thread that asks holds them open."""

import dataclasses
import functools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.vrt import WarpedVRT

from obriy.blocks.damage import (
    Hole,
    Tile,
    broken_tiles,
    on_grid,
    tile_window,
    tiles_in,
    without_tiles,
)
from obriy.blocks.gdal import Access, dataset
from obriy.blocks.handles import held, state_of
from obriy.blocks.inflate import read_whole
from obriy.blocks.resample import LOCAL_CRS, around_window
from obriy.blocks.validity import Layer, Validity
from obriy.errors import RemoteError, SourceError
from obriy.model.grid import same_grid
from obriy.model.notices import notice, reason_of
from obriy.model.place import check_place

_NEARLY: Final = 1.001
"""Factor by which sizes of pixels may differ and be the same."""
_REACH: Final = 4
"""Pixels of a file around a place that a warp may read to fill it, with some to spare."""


@dataclasses.dataclass(frozen=True)
class RasterBand:
    """One band of one file, and how its numbers become values: value = DN · scale + offset.

    Attributes:
        path: File name or GDAL path.
        index: Band number, from 1.
        scale: Factor; 1 for classes.
        offset: Added after the factor.
        missing: DN that mean missing wherever they stand. NaN and infinity always do.
        resampling: A rasterio ``Resampling`` name, used where the grid differs: ``"nearest"``
            (classes), ``"bilinear"`` or ``"average"`` (reflectance).
        dtype: ``"float32"`` (missing is NaN) or an integer type (DN as they are, missing is
            ``fill``).
        fill: What missing becomes in an integer type.
        grid: The grid that the file is taken to lie on; None: its own.
        network: The path is an address that a source in the network made; see `gdal.dataset`.
        masks: What hides pixels whatever their DN, in the CRS of the file.
        validity: What hides a pixel in all bands of its scene at once; None: nothing does.
        overviews: Whether what is read smaller may be made of overviews; see `gdal.dataset`.
    """

    path: str
    index: int = 1
    scale: float = 1.0
    offset: float = 0.0
    missing: tuple[float, ...] = ()
    resampling: str = "bilinear"
    dtype: str = "float32"
    fill: int = 0
    grid: GeoBox | None = None
    network: Access = False
    masks: tuple[Layer, ...] = ()
    validity: Validity | None = None
    overviews: bool = True


def file_geobox(dataset: Any) -> GeoBox:
    """Return the grid of an open rasterio dataset; no CRS stays None.

    A CRS without a geotransform says neither where the pixels lie nor how large they are: taken at
    its word, they would be 1 m wide at 0, 0. It counts as none.

    Raises:
        GridError: where it has no place on the Earth; see `check_place`.
    """
    placed = dataset.crs and not dataset.transform.is_identity
    crs = dataset.crs.to_wkt() if placed else None
    grid = GeoBox((dataset.height, dataset.width), dataset.transform, crs)
    return check_place(grid, Path(dataset.name).name)


def unreadable(band: RasterBand, rows: slice, columns: slice, error: BaseException) -> SourceError:
    """Return the error of a window of a file whose bytes cannot be decoded."""
    while error.__cause__ is not None and not isinstance(error, RemoteError):
        error = error.__cause__  # GDAL says last what came first
    return SourceError(
        notice(
            "window_unreadable",
            file=str(band.path),
            band=band.index,
            top=rows.start,
            bottom=rows.stop,
            left=columns.start,
            right=columns.stop,
            why=error.message if isinstance(error, RemoteError) else str(error),
        ),
        error.hint if isinstance(error, RemoteError) else notice("cut_or_damaged"),
    )


class Datasets:
    """A band's file, as the thread that asks holds it open: itself, and on the grid wanted."""

    def __init__(self, band: RasterBand, geobox: GeoBox) -> None:
        self.band = band
        self.geobox = geobox
        self.index = band.index
        self._state = state_of(band.path)

    @functools.cached_property
    def grid(self) -> GeoBox:
        """The grid that the file is taken to lie on."""
        return file_geobox(self.file()) if self.band.grid is None else self.band.grid

    @functools.cached_property
    def fits(self) -> bool:
        """Whether that is the grid wanted."""
        return same_grid(self.grid, self.geobox)

    @functools.cached_property
    def overview(self) -> tuple[int, GeoBox]:
        """The overview that means are made of: its factor and its grid; 1: the file itself.

        Of a file in the network the coarsest that is as fine as the grid wanted and holds whole
        pixels of it: the full resolution would be bytes by the square of the factor. What is
        missing is averaged into it as its maker did.
        """
        factor = 1
        if self.band.network and self.band.resampling == "average":
            size = math.sqrt(abs(self.geobox.affine.determinant / self.grid.affine.determinant))
            fit = (f for f in self.file().overviews(self.index) if f <= size * _NEARLY)
            factor = max((f for f in fit if not any(n % f for n in self.grid.shape)), default=1)
        shape = (self.grid.shape.y // factor, self.grid.shape.x // factor)
        return factor, GeoBox(shape, self.grid.affine @ Affine.scale(factor), self.grid.crs)

    def file(self, without: frozenset[Tile] = frozenset()) -> Any:
        """Return the file, without tiles that are known to be broken.

        Raises:
            SourceError: it cannot be opened, though it could when the scene was.
        """
        if without:
            return held((self, without), lambda: self._sound(without))
        band = self.band
        state = self._state if band.overviews else (self._state, "without overviews")
        try:
            return held(
                state, lambda: dataset(band.path, network=band.network, overviews=band.overviews)
            )
        except RasterioError as error:
            raise SourceError(
                notice("no_raster_now", file=band.path, why=str(error)), notice("cut_or_damaged")
            ) from error

    def fetch(
        self,
        rows: slice,
        columns: slice,
        without: frozenset[Tile],
        *,
        by_warp: bool = False,
        wait: bool = True,
    ) -> None:
        """Fetch the tiles behind a window of the grid, where the file lies in the network."""
        if self.band.network:
            file = self.file()
            tiles = tiles_in(file, self.index, *self._behind(rows, columns))
            windows = [tile_window(file, self.index, t) for t in tiles if t not in without]
            file.fetch([self.index], windows, by_warp=by_warp, wait=wait)

    def warped(self, without: frozenset[Tile] = frozenset()) -> Any:
        """Return the file on the grid wanted, in its own type of numbers."""
        return held((self, without, "warped"), lambda: self._warped(self.file(without)))

    def _sound(self, without: frozenset[Tile]) -> Any:
        source = self.file()
        return without_tiles(source, self.index, without, self._source_nodata(source))

    def broken(self, rows: slice, columns: slice) -> dict[Tile, Hole]:
        """Return the tiles of the file behind a window of the grid that cannot be decoded."""
        found = {}
        errors = broken_tiles(self.file(), self.index, *self._behind(rows, columns), read_whole)
        for tile, error in errors.items():
            down, across = tile_window(self.file(), self.index, tile).toslices()
            hole = on_grid((down, across), self.grid, self.geobox)
            found[tile] = Hole(*hole, reason_of(unreadable(self.band, down, across, error)))
        return found

    def tiles(self, rows: slice, columns: slice) -> Iterator[Tile]:
        """Yield the tiles of the file behind a window of the grid."""
        return tiles_in(self.file(), self.index, *self._behind(rows, columns))

    def _behind(self, rows: slice, columns: slice) -> tuple[slice, slice]:
        if self.fits:
            return rows, columns
        if np.dtype(self.band.dtype).kind == "f":
            return around_window((rows, columns), self.geobox, self.grid) or (
                slice(0, 0),
                slice(0, 0),
            )
        # A warp works by its own blocks, and interpolates from beyond them.
        down, across = (
            slice(part.start // side * side, -(-part.stop // side) * side)
            for part, side in zip((rows, columns), self.warped().block_shapes[0], strict=True)
        )
        return on_grid((down, across), self.geobox, self.grid, reach=_REACH)

    def _source_nodata(self, source: Any) -> float | None:
        """Return what a warp leaves out, and what stands for a tile that is left out."""
        if self.band.missing:
            return self.band.missing[0]
        is_float = np.dtype(source.dtypes[self.index - 1]).kind == "f"
        return float("nan") if is_float else None

    def _warped(self, source: Any) -> WarpedVRT:
        return WarpedVRT(
            source,
            src_crs=_plane(self.grid),
            src_transform=self.grid.affine,
            crs=_plane(self.geobox),
            transform=self.geobox.affine,
            height=int(self.geobox.shape.y),
            width=int(self.geobox.shape.x),
            resampling=Resampling[self.band.resampling],
            src_nodata=self._source_nodata(source),
            nodata=self.band.fill,
        )


def _plane(grid: GeoBox) -> Any:
    return grid.crs.to_wkt() if grid.crs else LOCAL_CRS
