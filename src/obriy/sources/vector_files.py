"""The one door through which vector files are opened to read; that for rasters is `blocks.gdal`.

A file must be of a format that holds its own features, by its first bytes: a description of a
service, or of other files, leads elsewhere. GDAL's network is off behind the door.
"""

import contextlib
import re
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyogrio
from shapely.errors import ShapelyError

from obriy.blocks.gdal import OFFLINE
from obriy.errors import SourceError
from obriy.sources.dbf_text import encoding_of
from obriy.sources.integrity import where_it_went

FORMATS: Final = "Give a GeoPackage, GeoJSON, Shapefile or any other vector file with polygons."
"""The way out where a file is none of those that serve."""
_OPTIONS: Final = {
    **OFFLINE,
    "GML_DOWNLOAD_SCHEMA": "NO",
    "GML_DOWNLOAD_WFS_SCHEMA": "NO",
    "OGR_SQLITE_ALLOW_EXTERNAL_ACCESS": "NO",
}
_MAGIC: Final = (b"SQLite format 3\0", b"fgb\x03", b"\0\0\x27\x0a")
"""First bytes of GeoPackage, FlatGeobuf and Shapefile."""
_TEXTS: Final = (".csv", ".tsv", ".tab", ".mif", ".dxf")
"""Formats of plain text, which only their names tell."""
_XML: Final = re.compile(rb"<(?:\w+:)?(?:kml|gpx)[\s>]|opengis\.net/gml")
_LEADS_ELSEWHERE: Final = re.compile(
    rb"<(?:ogrvrt|ogrwfs|ogrcsw|ogroapi|vrtdataset|gdal|(?:wfs:)?wfs_cap)|gdal_streamed_alg"
)
"""What descriptions of services, and of other files, have in their text."""
_HEAD: Final = 1 << 16
_LOCK: Final = threading.RLock()


def read_vector(
    path: Path, layer: str | int, *, geometry: bool = True, most: int | None = None
) -> Any:
    """Read a layer of a vector file.

    Args:
        path: A file of this machine, or a folder of the files of one.
        layer: Its name or number.
        geometry: Features, two-dimensional; else the table of their attributes alone.
        most: How many features at most, the first ones; None: all.

    Returns:
        A GeoDataFrame; a DataFrame where there is no geometry. Text of a shapefile is read as
        `obriy.sources.dbf_text` has it.

    Raises:
        SourceError: where it may not be read, is broken, or leads elsewhere.
    """
    with _offline(path) as file:
        return pyogrio.read_dataframe(  # noqa: TID251 - this is the opener
            file,
            layer=layer,
            force_2d=geometry,
            read_geometry=geometry,
            max_features=most,
            encoding=encoding_of(path, layer),
        )


def vector_layers(path: Path) -> list[tuple[str, str]]:
    """Return name and kind of geometry of each layer; errors are those of `read_vector`."""
    with _offline(path) as file:
        layers = pyogrio.list_layers(file)  # noqa: TID251 - this is the opener
    return [(str(name), str(kind)) for name, kind in layers]


@contextlib.contextmanager
def _offline(path: Path) -> Iterator[Path]:
    """Check a file, and let GDAL read it with its network off; pyogrio's GDAL is not rasterio's."""
    _check(path)
    with _LOCK:  # the options are those of the whole process
        before = {key: pyogrio.get_gdal_config_option(key) for key in _OPTIONS}
        pyogrio.set_gdal_config_options(_OPTIONS)
        try:
            with np.errstate(invalid="ignore"):  # what is no number is looked for afterwards
                yield path.absolute()
        except (RuntimeError, UnicodeDecodeError, ShapelyError) as error:
            # All errors of pyogrio itself are RuntimeErrors.
            text = " ".join(str(error).split()).removeprefix(f"'{path.absolute()}' ")
            raise _unreadable(path, text.split("; It might help")[0].rstrip(".;")) from error
        finally:
            pyogrio.set_gdal_config_options(before)


def _unreadable(path: Path, why: str) -> SourceError:
    return SourceError(f"{path} is no vector file that can be read: {why}.", FORMATS)


def _check_folder(path: Path) -> None:
    """Refuse a folder with a pipe in it: who reads a folder looks into all of it, and waits."""
    for inside in path.iterdir():
        if inside.exists() and not (inside.is_file() or inside.is_dir()):
            raise _unreadable(path, f"{inside.name} in it is no file")


def _check(path: Path) -> None:
    if path.is_dir():
        _check_folder(path)
        return  # what reads a folder knows the files in it by their names
    if not path.is_file():
        raise SourceError(f"There is no file {path}.", where_it_went(path))
    try:
        with path.open("rb") as stream:
            head, name = stream.read(_HEAD), path.name
        if head.startswith(b"PK"):
            head, name = _only_member(path)
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise SourceError(f"{path} may not be read ({error}).", "Check it.") from error
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"<!doc", b"<html")):
        raise _unreadable(path, "it is a web page, so the download failed")
    if head.startswith(_MAGIC):
        return
    if text.startswith((b"<", b"{")) and _LEADS_ELSEWHERE.search(text):
        raise _unreadable(path, "it describes where features lie, and holds none")
    if not _is_text(text, name):
        raise _unreadable(path, "it is of no format that is known to hold features")


def _is_text(text: bytes, name: str) -> bool:
    """Say whether the first bytes of a file are text of a format that holds its own features."""
    if text.startswith(b"<"):
        return _XML.search(text) is not None
    return text.startswith((b"{", b"[")) or name.lower().endswith(_TEXTS)


def _only_member(archive: Path) -> tuple[bytes, str]:
    """Return the first bytes and the name of the only file in an archive.

    GDAL opens that file with any driver; several files are a folder.
    """
    with zipfile.ZipFile(archive) as opened:
        members = [member for member in opened.infolist() if not member.is_dir()]
        if len(members) != 1:
            return _MAGIC[0], archive.name
        with opened.open(members[0]) as stream:
            return stream.read(_HEAD), members[0].filename
