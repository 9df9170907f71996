"""Tiles of the Process API on this disk: fetched when a pixel of them is read, and kept.

A tile is the very file that the service sent, under a name made of all that was asked. It appears
whole or not at all, so that what was fetched once is never fetched again, by whoever is killed.
"""

import contextlib
import dataclasses
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xarray as xr
from odc.geo.geobox import GeoBox
from rasterio.errors import RasterioError

from obriy.blocks.computed import computed_variable
from obriy.blocks.damage import Hole, read_around, told
from obriy.blocks.gdal import open_raster
from obriy.blocks.raster import RasterBand, lazy_variable
from obriy.errors import SourceError
from obriy.model.flags import FLAG_ATTRS, Flag
from obriy.model.notices import reason_of
from obriy.net import cache
from obriy.sources.decodable import test_read
from obriy.sources.process.grid import Tile
from obriy.sources.process.service import ENDPOINT, Service, connections, epsg_of
from obriy.sources.process.wanted import Wanted
from obriy.sources.quality import lookup_table

KIND: Final = "tiles"
"""Of the entries of the cache."""


@dataclasses.dataclass
class _Place:
    """A tile, and what is known of its file.

    Attributes:
        tile: Which.
        lock: Held by who fetches it.
        path: Its file, once it is there.
        error: Why it is not: it is not asked for again as long as this image is open.
    """

    tile: Tile
    lock: threading.Lock
    path: Path | None = None
    error: SourceError | None = None


class Mosaic:
    """The tiles of one image, as arrays on one grid.

    Args:
        service: Who is asked.
        wanted: For what.
        grid: Of the whole.
        tiles: That cover it.
    """

    def __init__(
        self, service: Service, wanted: Wanted, grid: GeoBox, tiles: Sequence[Tile]
    ) -> None:
        self.service, self.wanted, self.grid = service, wanted, grid
        self._places = [_Place(tile, threading.Lock()) for tile in tiles]
        self._bands: dict[tuple[int, int], xr.Variable] = {}

    def __reduce__(self) -> tuple[type["Mosaic"], tuple[Any, ...]]:
        return Mosaic, (self.service, self.wanted, self.grid, self.tiles)

    @property
    def tiles(self) -> list[Tile]:
        """What is requested, in the order of rows."""
        return [place.tile for place in self._places]

    def missing(self) -> list[Tile]:
        """Return the tiles that are not on this disk yet."""
        return [p.tile for p in self._places if not _kept(self._request(p.tile)).exists()]

    def band(self, number: int, scale: float) -> xr.Variable:
        """Return a band, float32 = DN * scale; NaN where dataMask says that there is nothing.

        Args:
            number: Which of those wanted, from 0.
            scale: Of its DN.
        """

        def read(rows: slice, columns: slice) -> npt.NDArray[Any]:
            numbers, seen = self._read((number + 1, self.wanted.count), rows, columns)
            return np.where(seen != 0, numbers * np.float32(scale), np.float32(np.nan))

        return computed_variable(read, self.grid, "float32")

    def flags(self) -> xr.Variable:
        """Return the quality band as flags, uint16; NO_DATA where there is nothing."""
        table = lookup_table(self.wanted.quality.lower())

        def read(rows: slice, columns: slice) -> npt.NDArray[Any]:
            last = self.wanted.count
            classes, seen = self._read((last - 1, last), rows, columns)
            return np.where(seen != 0, table[classes], np.uint16(Flag.NO_DATA.value))

        made = computed_variable(read, self.grid, "uint16")
        made.attrs = dict(FLAG_ATTRS)
        return made

    def _read(
        self, bands: tuple[int, int], rows: slice, columns: slice
    ) -> list[npt.NDArray[np.uint16]]:
        """Read a window of two bands of the files, and fetch the tiles that it meets.

        What cannot be had is 0, and told as a hole, where somebody reads around it.

        Raises:
            SourceError: where nobody does.
        """
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        found = [np.zeros(shape, "uint16") for _ in bands]
        met = [n for n, p in enumerate(self._places) if p.tile.meets(rows, columns)]
        self._fetch([self._places[n] for n in met])
        for number in met:
            tile, error = self._places[number].tile, self._places[number].error
            if error is not None:
                _tell(Hole(tile.rows, tile.columns, reason_of(error)), rows, columns, error)
                continue
            down, across = _both(tile.rows, rows), _both(tile.columns, columns)
            into = _from(down, rows.start), _from(across, columns.start)
            top, left = tile.asked_rows.start, tile.asked_columns.start
            for array, band in zip(found, bands, strict=True):
                variable = self._band_of(number, band)
                values, holes = read_around(variable, _from(down, top), _from(across, left))
                array[into] = values
                for hole in holes:
                    _tell(hole.shifted(top, left), rows, columns, SourceError(hole.reason))
        return found

    def _band_of(self, number: int, band: int) -> xr.Variable:
        """Return a band of the file of a tile, DN as they are."""
        if (number, band) not in self._bands:
            place = self._places[number]
            grid = self.grid[place.tile.asked_rows, place.tile.asked_columns]
            raster = RasterBand(str(place.path), band, dtype="uint16", grid=grid)
            self._bands[number, band] = lazy_variable(raster, grid)
        return self._bands[number, band]

    def _fetch(self, places: Sequence[_Place]) -> None:
        """See that the files of tiles are there; several are asked for at a time."""
        lacking = [p for p in places if p.error is None and not (p.path and p.path.exists())]
        if not lacking:
            return
        with ThreadPoolExecutor(
            min(connections(), len(lacking)), thread_name_prefix="process"
        ) as pool:
            list(pool.map(self._fetch_one, lacking))

    def _fetch_one(self, place: _Place) -> None:
        with place.lock:
            if place.error is not None or (place.path and place.path.exists()):
                return
            try:
                place.path = self._file(place.tile)
            except SourceError as error:
                place.error = error

    def _file(self, tile: Tile) -> Path:
        """Return the file of a tile: the one that is kept, else the one that is fetched now."""
        request = self._request(tile)
        path = _kept(request)
        if path.exists():
            with contextlib.suppress(SourceError):
                self._check(path, tile)
                return path
        content = self.service.image(request, self.address(tile))
        cache.save(KIND, request.get_hashed_name(), content)
        try:
            self._check(path, tile, wholly=True)
        except SourceError as error:
            cache.remove(path.parent)
            raise SourceError(
                f"{self.service.title} sent no image for {self.address(tile)}: {error.message}",
                "Run it again.",
            ) from error
        cache.trim()
        return path

    def _check(self, path: Path, tile: Tile, *, wholly: bool = False) -> None:
        """Raise where a file is not the image that was asked for.

        Args:
            path: The file.
            tile: What was asked for.
            wholly: Decode all of it: what is cut short would be kept, and be a hole for ever.
        """
        shape = tuple(p.stop - p.start for p in (tile.asked_rows, tile.asked_columns))
        try:
            with open_raster(path) as file:
                kind = (file.shape, file.count, set(file.dtypes))
                if kind != (shape, self.wanted.count, {"uint16"}):
                    raise SourceError(f"It has {kind[0]} pixels, {kind[1]} bands of {kind[2]}.")
                if not wholly:
                    test_read(file, path.name)
                for _, window in file.block_windows(1) if wholly else ():
                    file.read(window=window)
        except RasterioError as error:
            raise SourceError(f"It is no image ({error}).") from error

    def _request(self, tile: Tile) -> Any:
        return self.service.request(self.wanted, self.grid[tile.asked_rows, tile.asked_columns])

    def address(self, tile: Tile) -> str:
        """Return the address of a tile: who is asked, for which bounds and times."""
        grid = self.grid[tile.asked_rows, tile.asked_columns]
        box = ",".join(f"{value:.10g}" for value in grid.boundingbox.bbox)
        return (
            f"{self.service.host}{ENDPOINT} ({self.wanted.collection}, {self.wanted.start}, "
            f"EPSG:{epsg_of(grid)} {box})"
        )


def _kept(request: Any) -> Path:
    """Return where the answer to a request is kept, or would be."""
    return cache.saved(KIND, request.get_hashed_name())


def _tell(hole: Hole, rows: slice, columns: slice, error: SourceError) -> None:
    """Tell a hole to whoever reads around it.

    Raises:
        SourceError: where nobody does.
    """
    holes = told()
    if holes is None:
        raise error
    holes.append(hole.shifted(-rows.start, -columns.start))


def _both(one: slice, other: slice) -> slice:
    return slice(max(one.start, other.start), min(one.stop, other.stop))


def _from(part: slice, start: int) -> slice:
    return slice(part.start - start, part.stop - start)
