"""Cloud-optimised GeoTIFFs of maps, written block by block."""

import contextlib
import itertools
import json
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.shutil
import xarray as xr
from odc.geo.geobox import GeoBox
from rasterio._err import CPLE_BaseError
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from obriy.blocks.gdal import open_raster
from obriy.blocks.windows import windows
from obriy.errors import CancelledError
from obriy.model.classmap import ClassMap
from obriy.model.grid import geobox_of
from obriy.model.layers import LAYERS, Layer, layer_of
from obriy.model.legend import NO_DATA, Legend
from obriy.model.provenance import SOURCES_TAG, hrefs_of, versions
from obriy.outputs.files import DRAFT, atomic_path, full_error, is_full, output_error
from obriy.outputs.overviews import FirstLevel, with_modes
from obriy.outputs.styles import raster_entries, write_categories, write_style
from obriy.render.palette import rgb

TILE: Final = 512
_READ: Final = 2048
_LEVEL: Final = 4
"""Of DEFLATE: a third of the time of 6, GDAL's own; noisy maps come out a tenth larger."""
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
        # Codes tell of few places: tiles in which they tell nothing are left out of the file.
        self._sparse = bool(layer.codes) and layer.missing == NO_DATA
        self._bytes = np.dtype(layer.dtype).itemsize
        self._tags = tags or {}
        self._lock = threading.Lock()
        self._stack = contextlib.ExitStack()
        self._target = self._stack.enter_context(atomic_path(self.path))
        self._draft = self._target.with_name(f"{DRAFT}tif")
        # A map of one tile has no overviews: its draft is in memory. A CRS without a code goes
        # through a file, which says it in the words of GeoTIFF.
        coded = geobox.crs is None or geobox.crs.epsg is not None
        self._small = coded and max(geobox.shape) <= TILE
        self._first: FirstLevel | None = None
        try:
            with self._errors():
                self._dataset = self._open()
                if layer.overviews == "mode" and not self._small:
                    shape = (int(geobox.shape.y), int(geobox.shape.x))
                    self._first = FirstLevel(self._draft, shape, TILE, sparse=self._sparse)
        except BaseException:
            self.abort()
            raise

    def write(self, rows: slice, columns: slice, array: npt.NDArray[Any]) -> None:
        """Write a window (rows, columns) of the map, in the type of its layer."""
        if self._sparse and not self._small and not array.any():
            return
        if self._first is not None:
            with self._errors():
                self._first.write(rows, columns, array)
        with self._lock, self._errors():
            self._dataset.write(array, 1, window=Window.from_slices(rows, columns))

    def close(self) -> Path:
        """Finish the file and put it in its place, its style beside it; return its path."""
        try:
            with self._errors():
                _describe(self._dataset, self.layer, self._tags)
                if self._small:
                    self._from_memory()
                else:
                    self._dataset.close()
                    self._check_draft()
                    if self._first is not None:
                        self._first.close()
                    self._to_cog(self._with_overviews())
                    self._draft.unlink()
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
        with contextlib.suppress(*_DRIVER_ERRORS, AttributeError), rasterio.Env():
            self._dataset.close()
            if self._first is not None:
                self._first.close()
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

    def _open(self) -> Any:
        """Open the draft: tiled and not compressed, so that blocks may come in any order."""
        rows, columns = self.geobox.shape
        size = int(rows) * int(columns) * self._bytes
        if is_full(self._draft, size * 8 // 5):  # the draft, and the result
            raise full_error(self.path)
        tiled = {
            "tiled": True,
            "blockxsize": TILE,
            "blockysize": TILE,
            "BIGTIFF": "IF_SAFER",
            "SPARSE_OK": self._sparse,
        }
        with _quiet():
            dataset = rasterio.open(  # noqa: TID251 - to write
                self._draft,
                "w",
                **({"driver": "MEM"} if self._small else {"driver": "GTiff", **tiled}),
                dtype=self.layer.dtype,
                count=1,
                height=int(rows),
                width=int(columns),
                crs=self.geobox.crs.to_wkt() if self.geobox.crs else None,
                transform=self.geobox.affine,
                nodata=self.layer.missing if self.layer.is_quantity else None,
            )
        if not self.layer.is_quantity:
            dataset.write_colormap(1, _colours(self.layer))
        return dataset

    def _from_memory(self) -> None:
        """Write a small map from its draft, codes with their nodata."""
        if not self.layer.is_quantity:
            self._dataset.nodata = self.layer.missing
        self._to_cog(self._dataset)
        self._dataset.close()

    def _check_draft(self) -> None:
        """Raise where the file is shorter than its pixels: GDAL does not always say so itself."""
        rows, columns = self.geobox.shape
        if not self._sparse and self._draft.stat().st_size < int(rows) * int(columns) * self._bytes:
            raise OSError("the file came out too short")

    def _with_overviews(self) -> Path:
        """Give the draft its overviews, and codes their nodata after them; return what has both.

        What says nothing of a pixel has a vote in the mode: else one pixel of a class would be
        all of its neighbourhood two levels up, and clouds would close in a map seen from afar.
        """
        far = 0 if self.layer.overviews == "none" else 31
        count = sum(max(self.geobox.shape) > TILE << level for level in range(far))
        by_mode = self.layer.overviews == "mode"
        with (
            rasterio.Env(GDAL_NUM_THREADS="ALL_CPUS"),
            _quiet(),
            rasterio.open(self._draft, "r+") as dataset,  # noqa: TID251 - to write
        ):
            if count and not by_mode:
                factors = [2 << level for level in range(count)]
                dataset.build_overviews(factors, Resampling[self.layer.overviews])
            if not self.layer.is_quantity:
                dataset.nodata = self.layer.missing
        if not by_mode:
            return self._draft
        with _quiet():
            return with_modes(self._draft, count, TILE, sparse=self._sparse)

    def _to_cog(self, made: Any) -> None:
        """Copy a draft, a file or an open dataset, to its place.

        A layer without overviews only passes between stages: it is packed in a hurry.
        """
        passing = self.layer.overviews == "none"
        with _quiet():
            rasterio.shutil.copy(
                made,
                self._target,
                driver="COG",
                blocksize=TILE,
                compress="DEFLATE",  # every reader has it; LERC and ZSTD are not in all builds
                level=1 if passing else _LEVEL,
                overviews="NONE" if passing else "FORCE_USE_EXISTING",
                BIGTIFF="IF_SAFER",
                NUM_THREADS="ALL_CPUS",
                SPARSE_OK=self._sparse,
            )
            check_whole(self._target)

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn what GDAL says into one line; within Env it says it to the log, not to stderr."""
        try:
            with rasterio.Env():
                yield
        except (*_DRIVER_ERRORS, OSError) as error:
            raise output_error(self.path, error) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the warning that a map has no place on Earth: that is known."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


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


def check_whole(path: Path) -> None:
    """Raise an OSError where a TIFF ends before its last tile does."""
    size = path.stat().st_size
    with open_raster(path) as dataset:
        down, across = (range((n - 1) // TILE, -1, -1) for n in dataset.shape)
        for row, column in itertools.product(down, across):
            offset, length = (
                dataset.get_tag_item(f"{item}_{column}_{row}", "TIFF", bidx=1)
                for item in ("BLOCK_OFFSET", "BLOCK_SIZE")
            )
            if offset is not None:  # else it was left out
                break
    if offset is not None and int(offset) + int(length) > size:
        raise OSError("the file came out too short")


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
