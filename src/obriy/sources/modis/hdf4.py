"""The one door to HDF4 (pyhdf, extra ``modis``): what a file holds, and windows of its arrays."""

import contextlib
import dataclasses
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obriy.errors import BandError, MissingExtraError, SourceError
from obriy.installation import install_hint
from obriy.model.notices import notice
from obriy.sources.integrity import HDF4_START, check_bytes

_LOCK: Final = threading.RLock()
"""The C library of HDF4 keeps global state and is not thread-safe: one call at a time."""
_OTHERS: Final = {b"\x89HDF\r\n\x1a\n": "HDF5 or NetCDF-4", b"CDF": "NetCDF-3"}
"""First bytes of formats that are taken for HDF4."""
_NO_TAG: Final = 1
"""Tag of a data descriptor that describes nothing (HDF4 specification, DFTAG_NULL)."""
_AGAIN: Final = notice("download_again")


@dataclasses.dataclass(frozen=True)
class Hdf4File:
    """An HDF4 file, looked at once; arrays are read window by window, from any thread.

    Attributes:
        path: The file.
        attributes: Global attributes by name.
        shapes: Shape of each array by its name.
    """

    path: Path
    attributes: Mapping[str, Any] = dataclasses.field(repr=False)
    shapes: Mapping[str, tuple[int, ...]] = dataclasses.field(repr=False)

    def require(self, *names: str) -> None:
        """Raise unless the file has arrays of all these names.

        Raises:
            BandError: naming what is missing, and what the file has.
        """
        missing = [name for name in names if name not in self.shapes]
        if missing:
            have = ", ".join(list(self.shapes)[:12]) or "nothing"
            raise BandError(
                f"{self.path} has no field '{missing[0]}', only: {have}.",
                "Name the file of the product that holds it, as NASA ships it.",
            )

    def attributes_of(self, name: str) -> dict[str, Any]:
        """Return the attributes of an array.

        Raises:
            BandError: where there is no such array.
            SourceError: where the file cannot be read.
        """
        self.require(name)
        with _opened(self.path, name) as file:
            found: dict[str, Any] = file.select(name).attributes()
        return found

    def read(
        self, name: str, start: Sequence[int] | None = None, count: Sequence[int] | None = None
    ) -> npt.NDArray[Any]:
        """Read a window of an array; all of it where no window is given.

        Args:
            name: Name of the array.
            start: First index in each dimension.
            count: Length in each dimension, at least 1.

        Returns:
            The numbers as they are stored, of the shape ``count``.

        Raises:
            BandError: where there is no such array.
            SourceError: where the bytes cannot be decoded.
        """
        self.require(name)
        shape = tuple(count or self.shapes[name])
        with _opened(self.path, name) as file:
            values = file.select(name).get(list(start or [0] * len(shape)), list(shape))
        return np.asarray(values).reshape(shape)  # pyhdf drops dimensions of length 1


def open_hdf4(path: Path) -> Hdf4File:
    """Look at an HDF4 file: its bytes, its attributes, its arrays.

    Raises:
        MissingExtraError: where pyhdf is not installed.
        SourceError: where there is no such file, or it is cut short, a web page or no HDF4.
    """
    if not path.is_file():
        raise SourceError(f"There is no file {path}.", "Check the path.")
    check_bytes(path)
    _check_hdf4(path)
    with _opened(path, "") as file:
        shapes = {
            str(name): tuple(size) if isinstance(size, tuple) else (size,)
            for name, (_, size, _, _) in file.datasets().items()
        }
        return Hdf4File(path, file.attributes(), shapes)


@contextlib.contextmanager
def _opened(path: Path, name: str) -> Iterator[Any]:
    """Hold the lock and an open file; what the library raises becomes a SourceError."""
    try:
        from pyhdf.error import HDF4Error
        from pyhdf.SD import SD
    except ImportError as error:
        raise MissingExtraError(
            f"{path} is HDF4, which needs pyhdf.", f"Run: {install_hint('modis')}"
        ) from error
    with _LOCK:
        file = None
        try:
            file = SD(str(path))
            yield file
        except (HDF4Error, ValueError) as error:  # ValueError: numbers that cannot be decoded
            raise SourceError(
                notice("field_damaged", name=str(path), field=name, why=str(error))
                if name
                else notice("file_damaged", name=str(path), why=str(error)),
                _AGAIN,
            ) from error
        finally:
            if file is not None:
                file.end()


def _check_hdf4(path: Path) -> None:
    with path.open("rb") as stream:
        head = stream.read(8)
    other = next((name for start, name in _OTHERS.items() if head.startswith(start)), None)
    if other is not None:
        raise SourceError(
            f"{path} is {other}, not HDF4, whatever its name says.",
            "Download the product in its own format; NetCDF is opened under the ending .nc.",
        )
    if not head.startswith(HDF4_START):
        raise SourceError(f"{path} is not an HDF4 file.", _AGAIN)
    end, size = _end_of_data(path), path.stat().st_size
    if end > size:
        raise SourceError(notice("file_lacks_data", name=str(path), size=size, end=end), _AGAIN)


def _end_of_data(path: Path) -> int:
    """Return the byte up to which the file says that its data reach.

    The file is a chain of blocks of data descriptors: a header (int16 number of descriptors, int32
    place of the next block), then for each its tag and reference (uint16), place and length
    (int32), all big-endian (HDF4 Specification and Developer's Guide, section 2.3).
    """
    size, end, at, seen = path.stat().st_size, 0, len(HDF4_START), set[int]()
    with path.open("rb") as stream:
        while at and at not in seen:
            seen.add(at)
            stream.seek(at)
            head = stream.read(6)
            number = int.from_bytes(head[:2], "big")
            end = max(end, at + 6 + 12 * number)
            if end > size:
                break
            table = np.frombuffer(stream.read(12 * number), ">u2, >u2, >i4, >i4")
            real = (table["f0"] != _NO_TAG) & (table["f2"] >= 0) & (table["f3"] >= 0)
            ends = table["f2"].astype("int64") + table["f3"]
            end = max(end, int(ends[real].max(initial=0)))
            at = int.from_bytes(head[2:], "big")
    return end
