"""Many planes of whole numbers in one GeoTIFF, written block by block: what a run reads again."""

import contextlib
import dataclasses
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy.typing as npt
import rasterio
from odc.geo.geobox import GeoBox
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError
from rasterio.windows import Window

from obriy.blocks.quiet import without_place
from obriy.outputs.files import atomic_path, output_error

_TILE: Final = 256
_DRIVER_ERRORS: Final = (RasterioError, CPLE_BaseError, SystemError, OSError)


@dataclasses.dataclass(frozen=True)
class Stored:
    """How values stand in a file: value = number x scale + offset.

    Attributes:
        dtype: Of the numbers.
        missing: The number that says nothing.
        scale: See above.
        offset: See above.
    """

    dtype: str
    missing: int
    scale: float
    offset: float = 0.0


class PlanesWriter:
    """A file of named planes that grows block by block, from any number of threads."""

    def __init__(self, dataset: Any, path: Path) -> None:
        self._dataset = dataset
        self._path = path
        self._lock = threading.Lock()

    def write(self, rows: slice, columns: slice, array: npt.NDArray[Any]) -> None:
        """Write a window of all planes (planes, rows, columns), in the type of the file."""
        with self._lock, _errors(self._path):
            self._dataset.write(array, window=Window.from_slices(rows, columns))


@contextlib.contextmanager
def planes_writer(
    path: Path, geobox: GeoBox, names: Sequence[str], stored: Stored
) -> Iterator[PlanesWriter]:
    """Open a file of planes; it is there when the block ends well, and only then.

    Args:
        path: ``*.tif``.
        geobox: Grid of the planes.
        names: Of the planes, in their order; they are the descriptions of the bands.
        stored: How values stand in it.

    Raises:
        OutputError: where it cannot be written.
    """
    rows, columns = geobox.shape
    with atomic_path(path) as draft:
        with _errors(path), rasterio.Env(), without_place():
            dataset = rasterio.open(  # noqa: TID251 - to write
                draft, "w", driver="GTiff", dtype=stored.dtype, count=len(names),
                height=int(rows), width=int(columns), nodata=stored.missing,
                crs=geobox.crs.to_wkt() if geobox.crs else None, transform=geobox.affine,
                tiled=True, blockxsize=_TILE, blockysize=_TILE, interleave="band",
                compress="DEFLATE", ZLEVEL=1, predictor=2, BIGTIFF="IF_SAFER",
            )  # fmt: skip
            for number, name in enumerate(names, 1):
                dataset.set_band_description(number, name)
            dataset.scales, dataset.offsets = (
                (value,) * len(names) for value in (stored.scale, stored.offset)
            )
        try:
            yield PlanesWriter(dataset, path)
        finally:
            with _errors(path):
                dataset.close()


@contextlib.contextmanager
def _errors(path: Path) -> Iterator[None]:
    """Turn what GDAL says into one line."""
    try:
        yield
    except _DRIVER_ERRORS as error:
        raise output_error(path, error) from error
