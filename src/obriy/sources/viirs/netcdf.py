"""Products of VIIRS in netCDF-4: what a file holds in its groups, and windows of its arrays.

GDAL's driver of HDF5 reads them, which is in rasterio's wheels; that of netCDF turns arrays without
coordinates upside down.
"""

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rasterio.errors import RasterioError

from obriy.blocks.gdal import open_raster
from obriy.errors import BandError, SourceError
from obriy.model.notices import notice
from obriy.sources.integrity import HDF5_START, check_bytes


@dataclasses.dataclass(frozen=True)
class NetcdfFile:
    """A file in netCDF-4, looked at once; arrays are read window by window, from any thread.

    Attributes:
        path: The file.
        attributes: Global attributes by name.
        names: Arrays of two dimensions, with their groups: ``observation_data/M05``.
    """

    path: Path
    attributes: Mapping[str, str] = dataclasses.field(repr=False)
    names: tuple[str, ...] = dataclasses.field(repr=False)

    def require(self, *names: str) -> None:
        """Raise unless the file has arrays of all these names.

        Raises:
            BandError: naming what is missing, and what the file has.
        """
        missing = [name for name in names if name not in self.names]
        if missing:
            raise BandError(
                f"{self.path} has no field '{missing[0]}', only: "
                f"{', '.join(self.names[:12]) or 'nothing'}.",
                "Name the file of the product that holds it, as NASA ships it.",
            )

    def shape(self, name: str) -> tuple[int, int]:
        """Return the lines and samples of an array."""
        with self._opened(name) as array:
            return int(array.height), int(array.width)

    def attributes_of(self, name: str) -> dict[str, str]:
        """Return the attributes of an array, as text."""
        with self._opened(name) as array:
            return dict(array.tags(1))

    def read(
        self, name: str, start: Sequence[int] | None = None, count: Sequence[int] | None = None
    ) -> npt.NDArray[Any]:
        """Read a window of an array; all of it where no window is given.

        Args:
            name: Name of the array, with its group.
            start: First line and sample.
            count: Number of lines and samples.

        Returns:
            The numbers as they are stored.

        Raises:
            BandError: where there is no such array.
            SourceError: where the bytes cannot be decoded.
        """
        with self._opened(name) as array:
            first, size = start or (0, 0), count or (array.height, array.width)
            parts = tuple((a, a + n) for a, n in zip(first, size, strict=True))
            return np.asarray(array.read(1, window=parts))

    @contextlib.contextmanager
    def _opened(self, name: str) -> Iterator[Any]:
        self.require(name)
        try:
            with open_raster(f'HDF5:"{self.path}"://{name}') as array:
                yield array
        except RasterioError as error:
            raise SourceError(
                notice("field_damaged", name=str(self.path), field=name, why=str(error)),
                notice("download_again"),
            ) from error


def open_netcdf(path: Path) -> NetcdfFile:
    """Look at a file in netCDF-4: its bytes, its attributes, its arrays.

    Raises:
        SourceError: where there is no such file, or it is cut short, a web page or no netCDF-4.
    """
    if not path.is_file():
        raise SourceError(f"There is no file {path}.", "Check the path.")
    check_bytes(path)
    with path.open("rb") as stream:
        if not stream.read(len(HDF5_START)) == HDF5_START:
            raise SourceError(f"{path} is not netCDF-4.", notice("download_again"))
    try:
        with open_raster(path) as whole:
            tags, parts = whole.tags(), whole.subdatasets
    except RasterioError as error:
        raise SourceError(
            notice("file_damaged", name=str(path), why=str(error)), notice("download_again")
        ) from error
    attributes = {key.removeprefix("NC_GLOBAL#"): value for key, value in tags.items()}
    return NetcdfFile(path, attributes, tuple(part.rsplit(":/", 1)[-1] for part in parts))
