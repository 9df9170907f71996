"""Cloud-optimised GeoTIFFs of maps, written block by block."""

import contextlib
import json
import threading
import warnings
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.shutil
import xarray as xr
from odc.geo.geobox import GeoBox
from rasterio._err import CPLE_BaseError
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from obriy.blocks.windows import windows
from obriy.errors import CancelledError
from obriy.model.classmap import FRACTION_MISSING, ClassMap
from obriy.model.grid import geobox_of
from obriy.model.legend import NO_DATA, Legend
from obriy.outputs.files import atomic_path, full_error, is_full, output_error
from obriy.outputs.styles import write_categories, write_style
from obriy.render.palette import CODED, colour_table, rgb

Content = (
    Legend
    | Literal[
        "fraction",
        "concentration",
        "unseen",
        "doubt",
        "occurrence",
        "observations",
        "confidence",
        "agreement",
    ]
)
"""What the numbers of a map are: classes of a legend, shares, reasons, doubts, or counts."""

TILE: Final = 512
_READ: Final = 2048
_OVERVIEWS: Final = dict.fromkeys(
    ("fraction", "concentration", "occurrence", "observations", "confidence", "agreement"),
    "AVERAGE",
)
_NODATA: Final = {
    "fraction": FRACTION_MISSING,
    "concentration": FRACTION_MISSING,
    "occurrence": 255,
    "confidence": FRACTION_MISSING,
    "agreement": FRACTION_MISSING,
}
"""Of the others every value means something: 0 observations is a count."""
_HALVES: Final = ("half per cent", 0.5, "%")
_UNITS: Final = {
    "fraction": _HALVES,
    "concentration": _HALVES,
    "occurrence": ("per cent", 1.0, "%"),
    "confidence": _HALVES,
    "agreement": _HALVES,
}
"""Of a content: units of the numbers as they stand, their scale, and the unit once scaled."""
_TITLES: Final = {
    "fraction": "share of water in the pixel, half per cents (0 to 200), 255 missing",
    "concentration": "ice concentration, half per cents (0 to 200), 255 missing",
    "unseen": "why a pixel has no class",
    "doubt": "where another threshold, as good, would decide otherwise",
    "occurrence": "share of valid observations that were water, per cent, 255 never seen",
    "observations": "valid observations of the pixel, 255 for 255 and more",
    "confidence": "how sure the class is, half per cents (0 to 200), 255 missing",
    "agreement": "share of the votes that the class got, half per cents (0 to 200), 255 missing",
}
_DRIVER_ERRORS: Final = (RasterioError, CPLE_BaseError, SystemError)
"""What rasterio raises; SystemError where GDAL failed without saying why (a full disk, often)."""


class MapWriter:
    """A COG that grows block by block, from any number of threads.

    Nothing lies at ``path`` before `close`; where the block of a ``with`` raises, nothing ever.

    Args:
        path: The file wanted, ``*.tif``.
        geobox: Grid of the map, in any CRS or none, rotated or not.
        content: The legend of a class map (0 is no data, overviews by mode, colours and names
            within), ``"fraction"``, ``"concentration"``, ``"confidence"``, ``"agreement"`` and
            ``"occurrence"`` (255 is no data, overviews by average),
            ``"observations"`` (counts, overviews by average), ``"unseen"`` or ``"doubt"`` (values
            of `obriy.model.flags.Unseen` and `obriy.model.classmap.Doubt`, overviews by mode).
        lang: Language of the class names in the file.
        tags: More to say in the file's metadata.
    """

    def __init__(
        self,
        path: Path | str,
        geobox: GeoBox,
        content: Content,
        *,
        lang: str = "en",
        tags: dict[str, str] | None = None,
    ) -> None:
        self.path = Path(path)
        self.geobox = geobox
        self._content = content
        self._lang = lang
        self._lock = threading.Lock()
        self._stack = contextlib.ExitStack()
        self._target = self._stack.enter_context(atomic_path(self.path))
        self._draft = self._target.with_name("draft.tif")
        try:
            with self._errors():
                self._dataset = self._open(tags or {})
        except BaseException:
            self.abort()
            raise

    def write(self, rows: slice, columns: slice, array: npt.NDArray[np.uint8]) -> None:
        """Write a window (rows, columns) of the map, uint8."""
        with self._lock, self._errors():
            self._dataset.write(array, 1, window=Window.from_slices(rows, columns))

    def close(self) -> Path:
        """Finish the file and put it in its place; return its path."""
        try:
            with self._errors():
                self._dataset.close()
                self._check_draft()
                self._to_cog()
            if isinstance(self._content, Legend):
                write_categories(self._target, self._content, self._lang)
        except BaseException:
            self.abort()
            raise
        self._stack.close()
        return self.path

    def abort(self) -> None:
        """Give up: remove what was written."""
        with contextlib.suppress(*_DRIVER_ERRORS, AttributeError), rasterio.Env():
            self._dataset.close()
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

    def _open(self, tags: dict[str, str]) -> Any:
        """Open the draft: tiled and not compressed, so that blocks may come in any order."""
        rows, columns = self.geobox.shape
        if is_full(self._draft, int(rows) * int(columns) * 5 // 4):  # the draft, and the result
            raise full_error(self.path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            dataset = rasterio.open(
                self._draft,
                "w",
                driver="GTiff",
                dtype="uint8",
                count=1,
                height=int(rows),
                width=int(columns),
                crs=self.geobox.crs.to_wkt() if self.geobox.crs else None,
                transform=self.geobox.affine,
                nodata=_nodata(self._content),
                tiled=True,
                blockxsize=TILE,
                blockysize=TILE,
                BIGTIFF="IF_SAFER",
            )
        colours = _colours(self._content)
        if colours:
            dataset.write_colormap(1, colours)
        _describe(dataset, self._content, tags)
        return dataset

    def _check_draft(self) -> None:
        """Raise where the file is shorter than its pixels: GDAL does not always say so itself."""
        rows, columns = self.geobox.shape
        if self._draft.stat().st_size < int(rows) * int(columns):
            raise OSError("the file came out too short")

    def _to_cog(self) -> None:
        kind = self._content if isinstance(self._content, str) else "classes"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            rasterio.shutil.copy(
                self._draft,
                self._target,
                driver="COG",
                blocksize=TILE,
                compress="DEFLATE",  # every reader has it; LERC and ZSTD are not in all builds
                overview_resampling=_OVERVIEWS.get(kind, "MODE"),
                BIGTIFF="IF_SAFER",
                NUM_THREADS="ALL_CPUS",
            )
            check_whole(self._target)
        self._draft.unlink()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn what GDAL says into one line; within Env it says it to the log, not to stderr."""
        try:
            with rasterio.Env():
                yield
        except (*_DRIVER_ERRORS, OSError) as error:
            raise output_error(self.path, error) from error


def write_class_map(
    class_map: ClassMap, folder: Path | str, *, lang: str = "en"
) -> dict[str, Path]:
    """Write ``mask.tif``, its style and, of a map that has them, its shares, block by block.

    Args:
        class_map: The map; arrays in memory or lazy.
        folder: Where to.
        lang: Language of the class names in the file.

    Returns:
        Paths by output name: ``mask``, ``fraction``, ``confidence``, ``agreement``, and ``style``
        (for QGIS).
    """
    layers: dict[str, tuple[xr.DataArray, Content]] = {"mask": (class_map.labels, class_map.legend)}
    shares: dict[str, Content] = {
        "fraction": "concentration" if class_map.legend.name == "ice" else "fraction",
        "confidence": "confidence",
        "agreement": "agreement",
    }
    for name, content in shares.items():
        layer = getattr(class_map, name)
        if layer is not None:
            layers[name] = (layer, content)
    paths = {}
    for name, (array, content) in layers.items():
        tags = {"date": class_map.time} if class_map.time else {}
        path = Path(folder) / f"{name}.tif"
        paths[name] = write_layer(array, path, content, lang=lang, tags=tags)
    paths["style"] = write_style(Path(folder) / "mask.qml", class_map.legend, lang)
    return paths


def write_layer(
    array: xr.DataArray,
    path: Path,
    content: Content,
    *,
    lang: str = "en",
    tags: dict[str, str] | None = None,
) -> Path:
    """Write one layer of a map as a COG, block by block; return its path.

    Args:
        array: (y, x) uint8 on a grid; in memory or lazy.
        path: The file wanted, ``*.tif``.
        content: As for `MapWriter`, as are the other arguments.
        lang: See there.
        tags: See there.
    """
    with MapWriter(path, geobox_of(array), content, lang=lang, tags=tags) as writer:
        for rows, columns in windows(array.shape, _READ):
            writer.write(rows, columns, array[rows, columns].to_numpy())
    return path


def check_whole(path: Path) -> None:
    """Raise an OSError where a TIFF ends before its last tile does."""
    size = path.stat().st_size
    with rasterio.open(path) as dataset:
        height, width = dataset.shape
        last = f"{(width - 1) // TILE}_{(height - 1) // TILE}"
        offset, length = (
            dataset.get_tag_item(f"{item}_{last}", "TIFF", bidx=1)
            for item in ("BLOCK_OFFSET", "BLOCK_SIZE")
        )
    if offset is not None and int(offset) + int(length) > size:
        raise OSError("the file came out too short")


def _nodata(content: Content) -> int | None:
    return NO_DATA if isinstance(content, Legend) else _NODATA.get(content)


def _colours(content: Content) -> dict[int, tuple[int, int, int, int]]:
    """Return the colour table; none for quantities, where GDAL would average colours."""
    if isinstance(content, Legend):
        return {code: (*colour, 255) for code, colour in colour_table(content).items()} | {
            NO_DATA: (0, 0, 0, 0)
        }
    if content not in CODED:
        return {}
    colours = CODED[content]
    return {int(k): (*rgb(v), 255) for k, v in colours.items()} | {0: (0, 0, 0, 0)}


def _describe(dataset: Any, content: Content, tags: dict[str, str]) -> None:
    dataset.update_tags(TIFFTAG_SOFTWARE=f"obriy {version('obriy')}", **tags)
    if isinstance(content, Legend):
        dataset.set_band_description(1, f"classes of the legend '{content.name}'")
        dataset.update_tags(1, legend=legend_json(content))
        return
    dataset.set_band_description(1, _TITLES[content])
    if content in _UNITS:
        stored, scale, unit = _UNITS[content]
        dataset.update_tags(1, units=stored)
        dataset.scales, dataset.units = (scale,), (unit,)
    elif content in CODED:
        meanings = {int(code): code.name.lower() for code in type(next(iter(CODED[content])))}
        dataset.update_tags(1, legend=json.dumps(meanings))


def legend_json(legend: Legend) -> str:
    """Return a legend as one line of JSON, for a tag."""
    classes = [
        {"code": c.code, "name": c.name, "title": c.title, "colour": c.colour} for c in legend
    ]
    return json.dumps({"legend": legend.name, "classes": classes}, ensure_ascii=False)
