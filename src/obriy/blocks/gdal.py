"""The one door through which rasters are opened to read.

A raster is a file of this machine, in a format that holds its own pixels; what such a file names
beside itself (sources of a VRT, overviews, masks) goes through the same door. Only a source of the
network opens an address here: our client fetches what is needed of it. Behind the door GDAL's own
network is off, for what no door foresees.
"""

import contextlib
import functools
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import rasterio

from obriy.blocks.quiet import QuietReader
from obriy.blocks.vrt import sources_of
from obriy.errors import SourceError
from obriy.net.signing import Signer

Access = bool | Signer
"""How a name is reached: False: a file of this machine; else an address, signed or not."""
OFFLINE: Final = {
    # No server has a file of this name, and no proxy is reached by this scheme: the first ends what
    # /vsi... file systems ask, the second what drivers fetch by themselves.
    "CPL_VSIL_CURL_ALLOWED_FILENAME": "none",
    "GDAL_HTTP_PROXY": "off://off",
    "GDAL_HTTPS_PROXY": "off://off",
}
"""Options of GDAL with which no request leaves."""
MOST_SOURCES: Final = 32
"""Files behind a VRT that GDAL holds open at a time, each with the tile that it decoded last."""
_ALONE: Final = {
    # GDAL's reader of JPEG 2000 loses the errors of tiles that threads of its own decode: zeros
    # would stand for what is broken. The engine has threads enough.
    "GDAL_NUM_THREADS": "1",
    "GDAL_MAX_DATASET_POOL_SIZE": str(MOST_SOURCES),
}
"""Options of GDAL that keep a read to the thread that asks for it, and to its share of memory."""
_MAGIC: Final[tuple[tuple[bytes, tuple[str, ...]], ...]] = (
    (b"II*\0", ("GTiff",)),
    (b"MM\0*", ("GTiff",)),
    (b"II+\0", ("GTiff",)),
    (b"MM\0+", ("GTiff",)),
    (b"\0\0\0\x0cjP  ", ("JP2OpenJPEG", "JP2KAK", "JP2ECW", "JP2MrSID")),
    (b"\xff\x4f\xff\x51", ("JP2OpenJPEG", "JP2KAK", "JP2ECW", "JP2MrSID")),
    (b"CDF", ("netCDF",)),
    (b"\x89HDF", ("netCDF", "HDF5", "HDF5Image")),
    (b"EHFA_HEADER_TAG", ("HFA",)),
    (b"\x89PNG", ("PNG",)),
    (b"\xff\xd8\xff", ("JPEG",)),
)
"""Drivers by the first bytes of the formats that hold their own pixels."""
_BARE: Final = ("ENVI", "EHdr")
"""Drivers of bare numbers with a header beside them."""
_ARCHIVES: Final = ("/vsizip/", "/vsitar/", "/vsigzip/")
_SUBDATASET: Final = re.compile(
    r'(?P<kind>netcdf|hdf5|zarr|gtiff_dir:(?:off:)?\d+):"?(?P<file>.+?)"?(?P<rest>:[^:"]+)?',
    re.IGNORECASE,
)
_ARRAY: Final = re.compile(r'ZARR:"?(?P<store>.+?)"?:/(?P<array>[^:]+)')
_PARTS: Final = ("netCDF", "HDF5Image", "GTiff")
"""Drivers of the parts of a file."""
_ADDED: Final = ("GTiff", "VRT")
"""Drivers whose overviews somebody adds, or not, by a rule of his own."""
_ZARR: Final = (".zgroup", ".zarray", ".zmetadata", "zarr.json")
"""What lies in a folder that is a Zarr store, or an array of one."""
_HEAD: Final = 1024
_DEEPEST: Final = 16
"""A VRT of VRTs goes no deeper."""
_NAME_A_FILE: Final = "Name a file or a folder; download it first where it is an address."
_BESIDE: Final = (".ovr", ".msk")
"""Endings of what GDAL opens beside a raster without being asked."""
_FOREIGN: Final = {"OVERVIEWS": ("OVERVIEW_FILE",), "GEOLOCATION": ("X_DATASET", "Y_DATASET")}
"""Metadata by domain that make GDAL open another raster."""


@contextlib.contextmanager
def gdal_env() -> Iterator[None]:
    """Return the context in which rasters are opened and read.

    The options count for the thread that enters it: a thread that reads enters its own.
    """
    with rasterio.Env(**_ALONE, **OFFLINE):
        yield


@contextlib.contextmanager
def open_raster(name: str | os.PathLike[str], *, network: Access = False) -> Iterator[Any]:
    """Open a raster to read within a context; see `dataset`, whose arguments it has."""
    with gdal_env(), _dataset(os.fspath(name), network) as opened:
        yield opened


def dataset(
    name: str | os.PathLike[str], *, network: Access = False, overviews: bool = True
) -> Any:
    """Open a raster that stays open; read it within `gdal_env`.

    Args:
        name: A file, a part of one (``NETCDF:file:variable``), or a file in an archive
            (``/vsizip/file/inside``).
        network: The name is an address that a source in the network made: its tiles are fetched
            as they are read, by our client. True: anyone may read it; a `Signer` signs it.
        overviews: False: what is read smaller is made of the pixels themselves, whatever overviews
            somebody added to a file of this machine. JPEG 2000 has its own, which are part of it.

    Raises:
        SourceError: where it is no file of this machine, or leads to something that it may not.
        RemoteError: where it is an address that cannot be read.
        RasterioError: where it is none of the formats, or broken.
    """
    with gdal_env():
        made = _dataset(os.fspath(name), network)
        if overviews or network or made.driver not in _ADDED:
            return made
        made.close()
        return _checked(os.fspath(name), OVERVIEW_LEVEL="NONE")


def _dataset(name: str, network: Access) -> Any:
    return _remote(name, None if network is True else network) if network else _checked(name)


def _remote(address: str, signer: Signer | None) -> Any:
    """Open a raster of the network; it holds its own pixels, and leads to no other."""
    from obriy.blocks.remote import RemoteRaster  # no image of this machine needs a client
    from obriy.net.remote import remote_file

    file = remote_file(address, signer)
    drivers = _by_magic(file.read(0, _HEAD))
    if not drivers:
        raise SourceError(
            f"{file.href} is no raster that can be read by parts.", "Use GeoTIFF or JPEG 2000."
        )
    with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):
        return _own_pixels(file.href, str(file.path), lambda: RemoteRaster(file, drivers))


def _by_magic(head: bytes) -> tuple[str, ...]:
    return next((drivers for magic, drivers in _MAGIC if head.startswith(magic)), ())


def names_raster(name: str) -> bool:
    """Say whether a text is a name that only GDAL understands, and not a path."""
    return name.startswith("/vsi") or "://" in name or _SUBDATASET.fullmatch(name) is not None


def is_zarr(folder: str | os.PathLike[str]) -> bool:
    """Say whether a path is a Zarr store, or an array of one: the only raster that is a folder."""
    place = Path(folder)
    return place.is_dir() and any((place / name).is_file() for name in _ZARR)


def zarr_array(name: str) -> Path | None:
    """Return the folder of an array in a Zarr store that GDAL names; None for any other name."""
    part = _ARRAY.fullmatch(name)
    return Path(part["store"]) / part["array"] if part else None


def _checked(name: str, above: tuple[Path, ...] = (), **options: str) -> Any:
    """Open a raster of this machine; ``above`` are the rasters that led to it."""
    part = None if Path(name).is_file() else _SUBDATASET.fullmatch(name)
    folder = part["file"] if part is not None else name
    if not above and is_zarr(folder):
        path = f'ZARR:"{Path(folder).absolute()}"'
        return _opened(f"{path}{part['rest'] or '' if part else ''}", ("Zarr",), folder)
    if part is not None:
        file = _local(part["file"])
        _drivers(file, above)
        path = f'"{file}"' if part["rest"] else str(file)
        return _opened(f"{part['kind']}:{path}{part['rest'] or ''}", _PARTS, str(file))
    if name.startswith("/vsi"):
        return _in_archive(name, **options)
    file = _local(name)
    return _opened(str(file), _drivers(file, above), str(file), **options)


def _local(name: str) -> Path:
    """Return a file of this machine, absolute: no text that GDAL takes for a command.

    Raises:
        SourceError: where it is none.
    """
    file = Path(name).absolute()
    if file.exists() and not file.is_file():
        raise SourceError(f"{name} is a folder, a device or a pipe, and no file.", "Name a file.")
    if "<VRTDataset" in name or not file.is_file():
        raise SourceError(f"{name} is no file of this machine.", _NAME_A_FILE)
    return file


def _in_archive(name: str, **options: str) -> Any:
    """Open a file in an archive of this machine; GDAL sees nothing beside it."""
    kind = next((prefix for prefix in _ARCHIVES if name.startswith(prefix)), None)
    inside = Path(name.removeprefix(kind or ""))
    local = any(path.is_file() for path in (inside, *inside.parents))
    if kind is None or "/vsi" in str(inside) or not local:
        raise SourceError(f"{name} is no file of this machine.", _NAME_A_FILE)
    drivers = {driver for _, drivers in _MAGIC for driver in drivers}
    with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):
        return _opened(name, drivers, name, **options)


def _drivers(file: Path, above: tuple[Path, ...]) -> tuple[str, ...]:
    """Return the drivers that may open a file, once all that it leads to is known to be allowed.

    Raises:
        SourceError: where it may not be read, or leads to something that it may not.
    """
    if len(above) > _DEEPEST:
        raise SourceError(f"{above[0]} is made from itself.", "Make it again: gdalbuildvrt.")
    try:
        with file.open("rb") as stream:
            head = stream.read(_HEAD)
    except OSError as error:
        raise SourceError(
            f"{file} may not be read ({error.strerror}).", "Ask for read permission."
        ) from error
    if b"<VRTDataset" in head:
        status = file.stat()
        _check_sources(file.resolve(), (*above, file), status.st_mtime_ns, status.st_size)
        drivers: tuple[str, ...] = ("VRT",)
    else:
        # GDAL itself opens what a VRT names, with any driver: its bytes must leave no choice.
        unknown = () if above else _BARE
        drivers = _by_magic(head) or unknown
    if not drivers:
        raise SourceError(
            f"{above[-1]} leads to {file}, which is no raster that can be read.",
            "Use GeoTIFF, NetCDF or JPEG 2000 files there.",
        )
    _check_beside(file, above)
    return drivers


@functools.lru_cache(maxsize=1024)
def _check_sources(vrt: Path, above: tuple[Path, ...], changed: int, size: int) -> None:
    """Open each source of a VRT through this door; once for a VRT that stays as it is."""
    for source in sources_of(vrt):
        _checked(source, above).close()


def _check_beside(file: Path, above: tuple[Path, ...]) -> None:
    """Open what GDAL opens beside a raster: overviews and masks are rasters like any other."""
    for ending in _BESIDE:
        beside = file.with_name(file.name + ending)
        if beside.is_file():
            _checked(str(beside), (*above, file)).close()


def _opened(name: str, drivers: Iterable[str], own: str, **options: str) -> Any:
    """Open with one of some drivers, and its options; see `_own_pixels`."""
    # rasterio.open takes one driver, and what it returns takes several.
    return _own_pixels(name, own, lambda: QuietReader(name, driver=list(drivers), **options))


def _own_pixels(name: str, own: str, make: Callable[[], Any]) -> Any:
    """Open a raster; refuse metadata that lead to another raster than ``own``."""
    opened = make()
    for domain, keys in _FOREIGN.items():
        tags = opened.tags(ns=domain)
        foreign = [tags[key] for key in keys if own not in tags.get(key, own)]
        if foreign:
            opened.close()
            raise SourceError(
                f"The metadata of {name} lead to another raster, {foreign[0]}.",
                "Remove them: gdal_translate IN OUT, without the .aux.xml beside it.",
            )
    return opened
