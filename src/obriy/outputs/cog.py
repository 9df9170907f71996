"""Cloud-optimised GeoTIFFs of maps, written block by block."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy.typing as npt
import rasterio
import xarray as xr
from odc.geo.geobox import GeoBox
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError

from obriy.blocks.quiet import without_place
from obriy.blocks.windows import windows
from obriy.errors import CancelledError
from obriy.model.classmap import ClassMap
from obriy.model.grid import geobox_of
from obriy.model.layers import LAYERS, Layer, layer_of
from obriy.model.legend import NO_DATA, Legend
from obriy.model.provenance import SOURCES_TAG, hrefs_of, versions
from obriy.outputs.files import DRAFT, atomic_path, output_error
from obriy.outputs.overviews import Levels
from obriy.outputs.scratch import TILE
from obriy.outputs.styles import raster_entries, write_categories, write_style
from obriy.outputs.tiff import write_cog
from obriy.render.palette import rgb

_READ: Final = 2048
_DRIVER_ERRORS: Final = (RasterioError, CPLE_BaseError, SystemError)
"""What rasterio raises; SystemError where GDAL failed without saying why (a full disk, often)."""


class MapWriter:
    """A COG that grows block by block, from any number of threads.

    Nothing lies at ``path`` before `close`; where the block of a ``with`` raises, nothing ever.

    Args:
        path: The file wanted, ``*.tif``.
        geobox: Grid of the map, in any CRS or none, rotated or not.
        layer: What its numbers are: of `obriy.model.layers.LAYERS`, or classes of a legend.
            Classes and codes have colours and names within, quantities a scale and a unit.
        lang: Language of the names in the file and in its style.
        tags: More to say in the file's metadata.

    Attributes:
        path: As given, like ``geobox``.
        geobox: See there.
        layer: As given; its legend may give way to a part of itself until `close`, where which
            classes occur is known only then.
    """

    def __init__(
        self,
        path: Path | str,
        geobox: GeoBox,
        layer: Layer,
        *,
        lang: str = "en",
        tags: dict[str, str] | None = None,
    ) -> None:
        self.path = Path(path)
        self.geobox = geobox
        self.layer = layer
        self._lang = lang
        self._tags = tags or {}
        self._stack = contextlib.ExitStack()
        self._target = self._stack.enter_context(atomic_path(self.path))
        shape = (int(geobox.shape.y), int(geobox.shape.x))
        # Codes tell of few places: tiles in which they tell nothing are left out of the file.
        sparse = bool(layer.codes) and layer.missing == NO_DATA
        try:
            with self._errors():
                self._levels = Levels(self._target.parent, DRAFT, shape, layer, sparse=sparse)
        except BaseException:
            self.abort()
            raise

    def write(self, rows: slice, columns: slice, array: npt.NDArray[Any]) -> None:
        """Write a window (rows, columns) of the map, in the type of its layer, once."""
        with self._errors():
            self._levels.tiles[0].write(rows, columns, array)

    def close(self) -> Path:
        """Finish the file and put it in its place, its style beside it; return its path."""
        try:
            with self._errors():
                self._levels.finish()
                write_cog(self._target, self._pattern(), self._levels.tiles)
                self._levels.close()
                if not self.layer.is_quantity:
                    write_categories(self._target, self.layer, self._lang)
        except BaseException:
            self.abort()
            raise
        self._stack.close()
        write_style(self.path.with_suffix(".qml"), self.layer, self._lang)
        return self.path

    def abort(self) -> None:
        """Give up: remove what was written."""
        with contextlib.suppress(OSError, AttributeError):
            self._levels.close()
        error = CancelledError("the map was given up")
        self._stack.__exit__(CancelledError, error, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
        else:
            self.abort()

    def _pattern(self) -> bytes:
        """Return a GeoTIFF of one pixel that says of itself what the map says of its own."""
        with without_place(), rasterio.Env(), rasterio.MemoryFile() as memory:
            with memory.open(
                driver="GTiff",
                dtype=self.layer.dtype,
                count=1,
                height=1,
                width=1,
                crs=self.geobox.crs.to_wkt() if self.geobox.crs else None,
                transform=self.geobox.affine,
                nodata=self.layer.missing,
                tiled=True,
                blockxsize=TILE,
                blockysize=TILE,
                compress="DEFLATE",  # every reader has it; LERC and ZSTD are not in all builds
                BIGTIFF="NO",
                ENDIANNESS="LITTLE",
            ) as dataset:
                if not self.layer.is_quantity:
                    dataset.write_colormap(1, _colours(self.layer))
                _describe(dataset, self.layer, self._tags)
            return bytes(memory.getbuffer())

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn what GDAL and the system say into one line."""
        try:
            yield
        except (*_DRIVER_ERRORS, OSError) as error:
            raise output_error(self.path, error) from error


def write_class_map(
    class_map: ClassMap, folder: Path | str, *, lang: str = "en"
) -> dict[str, Path]:
    """Write ``mask.tif`` and, of a map that has them, its shares, block by block.

    Args:
        class_map: The map; arrays in memory or lazy.
        folder: Where to.
        lang: Language of the class names in the file.

    Returns:
        Paths by output name: ``mask``, ``fraction``, ``confidence``, ``agreement``, and ``style``
        (of the mask, for QGIS; each layer has its own, ``NAME.qml``).
    """
    shares = [layer_of(n, class_map.legend.name) for n in ("fraction", "confidence", "agreement")]
    layers = [LAYERS["mask"].of(class_map.legend), *filter(None, shares)]
    tags = {"date": class_map.time} if class_map.time else {}
    tags[SOURCES_TAG] = json.dumps(hrefs_of(class_map.provenance))
    paths = {}
    for layer in layers:
        array = getattr(class_map, layer.part)
        if array is not None:
            path = Path(folder) / f"{layer.file}.tif"
            paths[layer.file] = write_layer(array, path, layer, lang=lang, tags=tags)
    return paths | {"style": paths["mask"].with_suffix(".qml")}


def write_layer(
    array: xr.DataArray,
    path: Path,
    layer: Layer,
    *,
    lang: str = "en",
    tags: dict[str, str] | None = None,
) -> Path:
    """Write one layer of a map as a COG, block by block; return its path.

    Args:
        array: (y, x) on a grid, in the type of the layer; in memory or lazy.
        path: The file wanted, ``*.tif``.
        layer: As for `MapWriter`, as are the other arguments.
        lang: See there.
        tags: See there.
    """
    with MapWriter(path, geobox_of(array), layer, lang=lang, tags=tags) as writer:
        for rows, columns in windows(array.shape, _READ):
            writer.write(rows, columns, array[rows, columns].to_numpy())
    return path


def _colours(layer: Layer) -> dict[int, tuple[int, int, int, int]]:
    """Return the colour table of classes or codes."""
    entries = raster_entries(layer, "en")
    return {NO_DATA: (0, 0, 0, 0)} | {code: (*rgb(colour), 255) for code, _, colour in entries}


def _describe(dataset: Any, layer: Layer, tags: dict[str, str]) -> None:
    dataset.update_tags(TIFFTAG_SOFTWARE=f"obriy {versions()['obriy']}", **tags)
    if layer.legend is not None:
        dataset.set_band_description(1, f"classes of the legend '{layer.legend.name}'")
        dataset.update_tags(1, legend=legend_json(layer.legend))
        return
    dataset.set_band_description(1, layer.says)
    if layer.codes:
        meanings = {int(code): code.name.lower() for code in layer.members}
        dataset.update_tags(1, legend=json.dumps(meanings))
    if layer.stored:
        dataset.update_tags(1, units=layer.stored)
        dataset.scales, dataset.units = (layer.scale,), (layer.unit,)


def legend_json(legend: Legend) -> str:
    """Return a legend as one line of JSON, for a tag."""
    classes = [
        {"code": c.code, "name": c.name, "title": c.title, "colour": c.colour} for c in legend
    ]
    return json.dumps({"legend": legend.name, "classes": classes}, ensure_ascii=False)
