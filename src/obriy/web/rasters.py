"""The maps of a run: which there are, their tiles, and what they say of a place."""

import contextlib
import dataclasses
import functools
import math
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.vrt import WarpedVRT
from rio_tiler.errors import PointOutsideBounds
from rio_tiler.io import Reader
from rio_tiler.utils import render

from obriy.blocks.gdal import open_raster
from obriy.errors import ObriyError, UsageError
from obriy.model.layers import LAYERS, Layer, layer_of
from obriy.model.legend import UNNAMED
from obriy.model.result.base import RunResult
from obriy.outputs.styles import raster_entries
from obriy.render.text import text_of
from obriy.render.tiles import painted
from obriy.sources.legends import legend_from_tag
from obriy.web.shelf import ShelfRun
from obriy.web.words import page_languages, words_of
from obriy.workflows.config.reading import ReadingConfig
from obriy.workflows.jobs import read_config
from obriy.workflows.picture import scene_picture, sources_of

SIDE: Final = 256
PICTURES: Final = {
    name: Layer(name, {lang: words_of(lang)(name) for lang in page_languages()}, codes={})
    for name in ("true_colour", "infrared")
}
"""What is seen of the images themselves, as layers that no run writes."""
_MAKING: Final = threading.Lock()
DEEPEST: Final = 24
"""Zoom of the smallest tiles."""
_MERCATOR: Final = CRS.from_epsg(3857)
"""A plane without a place is shown where this one has its origin: metres are metres there."""
_LONLAT: Final = CRS.from_epsg(4326)

Legend = list[tuple[str, str]]
"""Words and colours."""


@dataclasses.dataclass(frozen=True)
class Raster:
    """One map of a run.

    Attributes:
        output: Its name among the outputs.
        date: Of which date; empty: of all, or of an image without one.
        place: Its file, relative to the folder of the run.
        file: Its file.
        layer: What its numbers are.
    """

    output: str
    date: str
    place: str
    file: Path
    layer: Layer

    @property
    def version(self) -> str:
        """What changes when the file does: an address with it may be kept."""
        return f"{self.file.stat().st_mtime_ns:x}" if self.file.exists() else ""

    def called(self, lang: str) -> str:
        """Return what people call it."""
        return self.layer.called(lang).format(name=(self.layer.thing(self.output) or "").upper())

    def legend(self, lang: str) -> Legend:
        """Return its words and colours."""
        if not self.layer.is_quantity:
            return [(word, colour) for _, word, colour in raster_entries(self.layer, lang)]
        text = text_of(lang)
        unit = self.layer.unit
        return [(text.quantity(value, unit), colour) for value, colour in self.layer.ramp]


def rasters(run: ShelfRun) -> list[Raster]:
    """Return the maps of a run: those of all dates first, then date by date."""
    result = run.result()
    if result is None:
        return []
    known = _RASTERS.get(run.folder)
    if known is None or known[0] is not result:
        known = _RASTERS[run.folder] = (result, _rasters(run, result))
    return known[1]


_RASTERS: dict[Path, tuple[RunResult, list[Raster]]] = {}
"""The maps of results that were read: of a long season to look for each file takes a while."""


def _rasters(run: ShelfRun, result: RunResult) -> list[Raster]:
    dates = [(row.date or "", row.outputs) for row in getattr(result, "dates", [])]
    found: dict[Path, Raster] = {}
    for date, outputs in [*dates, ("", result.outputs)]:
        for output, where in outputs.items():
            layer, place = layer_of(output, result.job), run.place_of(where)
            if layer is None or place is None:
                continue
            file = run.folder / place
            try:
                known = _layer(layer.name, file, file.stat().st_mtime_ns)
            except (ObriyError, RasterioError):  # no raster any more
                continue
            found.setdefault(file, Raster(output, date, place, file, known))
    return list(found.values())


@functools.lru_cache(maxsize=256)
def _layer(name: str, file: Path, changed: int) -> Layer:
    """Return a layer with the classes that its file brings; ``changed`` tells versions apart."""
    layer = LAYERS[name]
    if layer.is_quantity or layer.codes:
        return layer
    with open_raster(file) as dataset:
        legend = legend_from_tag(dataset.tags(1).get("legend"))
    return layer if legend is None else layer.of(legend)


def pictures(run: ShelfRun) -> list[Raster]:
    """Return pictures of the images of a run: made when they are first looked at."""
    dates = list(dict.fromkeys(raster.date for raster in rasters(run) if raster.date))
    dates = dates or ([""] if rasters(run) else [])
    config = images_of(run)
    if config is None or not sources_of(config):
        return []
    desk = run.work.desk / "pictures"
    return [
        Raster(name, date, f"{name}:{date}", desk / f"{name}_{date.replace('/', '_')}.tif", layer)
        for date in dates
        for name, layer in PICTURES.items()
    ]


def made(run: ShelfRun, raster: Raster) -> Raster:
    """Make the picture of an image, where it is not made yet.

    Raises:
        ObriyError: the image cannot be read any more.
    """
    config = images_of(run)
    with _MAKING:
        if not raster.file.exists() and config is not None:
            infrared = raster.layer.name == "infrared"
            scene_picture(config, raster.date, run.folder, raster.file, infrared=infrared)
    return raster


def images_of(run: ShelfRun) -> ReadingConfig | None:
    """Return how the images of a run are read; None where it maps none."""
    try:
        config = read_config(run.folder)
    except UsageError:
        return None
    return config if isinstance(config, ReadingConfig) else None


def bounds(file: Path) -> tuple[float, float, float, float]:
    """Return west, south, east, north of a raster, degrees."""
    return _bounds(file, file.stat().st_mtime_ns)


@functools.lru_cache(maxsize=256)
def _bounds(file: Path, changed: int) -> tuple[float, float, float, float]:
    with _reader(file) as reader:
        west, south, east, north = reader.get_geographic_bounds(_LONLAT)
    return float(west), float(south), float(east), float(north)


def has_place(file: Path) -> bool:
    """Say whether a raster lies somewhere on the Earth."""
    with open_raster(file) as dataset:
        return dataset.crs is not None


def tile(raster: Raster, z: int, x: int, y: int, only: int | None = None) -> bytes:
    """Return a tile of Web Mercator as PNG; a transparent one beyond the map.

    Args:
        raster: The map.
        z: Zoom, 0 to `DEEPEST`.
        x: Column of the tile, from the west.
        y: Row of the tile, from the north.
        only: The number that is shown, of classes or clusters; None: all.
    """
    changed = raster.file.stat().st_mtime_ns
    return _tile(raster.layer.name, raster.file, changed, (x, y, z), only)


@functools.lru_cache(maxsize=512)
def _tile(
    name: str, file: Path, changed: int, place: tuple[int, int, int], only: int | None
) -> bytes:
    with _reader(file) as reader:
        if not reader.tile_exists(*place):
            return nothing()
        if name in PICTURES:
            picture = reader.tile(*place, tilesize=SIDE, indexes=(1, 2, 3, 4))
            return bytes(render(picture.array.data.astype(np.uint8), img_format="PNG"))
        read = reader.tile(*place, tilesize=SIDE, indexes=1)
    values, known = read.array.data[0], ~np.ma.getmaskarray(read.array)[0]
    if only is not None:
        known &= values == only
    return bytes(render(painted(_layer(name, file, changed), values, known), img_format="PNG"))


def overlay(picture: Path, side: int) -> tuple[bytes, tuple[float, float, float, float]]:
    """Return a picture as PNG in Web Mercator, and west, south, east, north of it, degrees.

    Args:
        picture: GeoTIFF of red, green, blue, opacity.
        side: Longest side of the PNG, pixels.
    """
    with _reader(picture) as reader:
        box = reader.get_geographic_bounds(_LONLAT)
        read = reader.part(
            box, bounds_crs=_LONLAT, dst_crs=_MERCATOR, max_size=side, indexes=(1, 2, 3, 4)
        )
    west, south, east, north = (float(edge) for edge in box)
    image = bytes(render(read.array.data.astype(np.uint8), img_format="PNG"))
    return image, (west, south, east, north)


@functools.cache
def nothing() -> bytes:
    """Return a tile in which nothing is."""
    return bytes(render(np.zeros((4, SIDE, SIDE), np.uint8), img_format="PNG"))


@dataclasses.dataclass(frozen=True)
class Said:
    """What a map says of a place.

    Attributes:
        title: What the map is called.
        value: What it says there.
        colour: ``#rrggbb`` of that; empty: none.
        number: As it stands in the file; None: nothing does.
    """

    title: str
    value: str
    colour: str = ""
    number: float | None = None


def at(found: Sequence[Raster], lon: float, lat: float, lang: str) -> list[Said]:
    """Return what maps say of a place; nothing where it lies beyond all of them."""
    said = []
    for raster in found:
        with _reader(raster.file) as reader:
            try:
                point = reader.point(lon, lat, indexes=1).array
            except PointOutsideBounds:
                continue
        number = None if np.ma.getmaskarray(point)[0] else float(point.data[0])
        said.append(_said(raster, number, lang))
    return said


def _said(raster: Raster, number: float | None, lang: str) -> Said:
    layer, title, text = raster.layer, raster.called(lang), text_of(lang)
    if not layer.is_quantity:
        entries = {code: (word, colour) for code, word, colour in raster_entries(layer, lang)}
        word, colour = entries.get(int(number or 0), (_without_colour(layer, number, lang), ""))
        return Said(title, word, colour, number)
    if number is None or not math.isfinite(number) or number == layer.missing:
        return Said(title, text("unseen.no_data"), "", None)
    return Said(title, text.quantity(number * layer.scale, layer.unit), "", number)


def _without_colour(layer: Layer, number: float | None, lang: str) -> str:
    """Return the word of a code that no colour has: of one that says nothing of the pixel."""
    text = text_of(lang)
    code = int(number or 0)
    if code == UNNAMED:
        return text("map.unnamed")
    name = next((m.name.lower() for m in layer.members if int(m) == code), "")
    return text(f"{layer.name}.{name}") if name else text("unseen.no_data")


@contextlib.contextmanager
def _reader(file: Path) -> Iterator[Any]:
    """Open a raster for tiles and points, through the one door."""
    with contextlib.ExitStack() as stack:
        dataset = stack.enter_context(open_raster(file))
        if dataset.crs is None:
            plane = WarpedVRT(dataset, src_crs=_MERCATOR, crs=_MERCATOR, nodata=dataset.nodata)
            dataset = stack.enter_context(plane)
        yield stack.enter_context(Reader(None, dataset=dataset))
