"""Files of a client: what they hold decides, not what they are called or say of themselves."""

import contextlib
import csv
import lzma
import re
import shutil
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

from obriy.blocks.gdal import open_raster
from obriy.errors import InputError, UsageError
from obriy.sources.vector_files import vector_layers
from obriy.web.guard import LARGEST_UPLOAD

IMAGES: Final = (".tif", ".tiff", ".jp2", ".nc", ".hdf", ".h5")
VECTORS: Final = (".gpkg", ".geojson", ".json", ".kml", ".fgb")
TABLES: Final = (".csv",)
ARCHIVE: Final = ".zip"
KNOWN: Final = (*IMAGES, *VECTORS, *TABLES, ARCHIVE)
_DRIVERS: Final = {
    ".tif": ("GTiff",), ".tiff": ("GTiff",), ".jp2": ("JP2OpenJPEG",), ".nc": ("netCDF", "HDF5"),
    ".h5": ("netCDF", "HDF5", "HDF5Image"),
}  # fmt: skip
_HDF4: Final = b"\x0e\x03\x13\x01"
_FIRST: Final = {".gpkg": (b"SQLite format 3\0",), ".fgb": (b"fgb\x03",)}
"""First bytes of what is no text."""
_BEFORE: Final = b"\xef\xbb\xbf \t\r\n"
"""What may stand before the first bracket."""
_SHAPEFILE: Final = (".shp", ".shx", ".dbf", ".prj", ".cpg", ".sbn", ".sbx", ".qix", ".shp.xml")
_MOST_MEMBERS: Final = 50
_MOST_RATIO: Final = 200
"""Bytes that one of an archive may become."""
_ENTITIES: Final = re.compile(rb"<!(DOCTYPE|ENTITY)", re.IGNORECASE)
_DAMAGE: Final = (
    zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, OSError,
    zlib.error, lzma.LZMAError,
)  # fmt: skip
"""What reading a member raises, by what packed it."""
_LONGEST: Final = 80
_MOST_BYTES: Final = 200
"""Bytes of a name in UTF-8: file systems take 255, and a number may follow."""
_CHUNK: Final = 1 << 20


def keep(folder: Path, name: str, stream: IO[bytes]) -> Path:
    """Keep a file that somebody sends; return where: a file, or the shapefile of an archive.

    It is written under a hidden name, looked into, and only then gets its own.

    Args:
        folder: Of what was uploaded.
        name: As the client calls it.
        stream: Its bytes.

    Raises:
        UsageError: what it holds is none of what is taken, or more than is taken.
    """
    plain, ending = _name_of(name)
    with _drafts(folder) as drafts:
        draft = drafts / plain
        _write(stream, draft)
        if ending == ARCHIVE:
            unpacked = drafts / Path(plain).stem
            shapefile = _unpack(draft, unpacked)
            _require(vector_layers, unpacked / shapefile)
            return _publish(unpacked, folder) / shapefile
        _look_into(draft, ending)
        return _publish(draft, folder)


def _name_of(name: str) -> tuple[str, str]:
    """Return a name that is one on every machine, and its ending."""
    last = PurePosixPath(name.replace("\\", "/")).name
    plain = unicodedata.normalize("NFC", last)
    plain = re.sub(r"[^\w.-]+", "-", plain).strip(".-_")
    ending = Path(plain).suffix.lower()
    if ending not in KNOWN or not Path(plain).stem.strip("."):
        raise UsageError(
            "Files of this kind are not taken.", f"Known: {', '.join(e[1:] for e in KNOWN)}."
        )
    stem = Path(plain).stem[:_LONGEST].encode()[:_MOST_BYTES].decode("utf-8", "ignore")
    return f"{stem}{ending}", ending


@contextlib.contextmanager
def _drafts(folder: Path) -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix=".incoming-", dir=folder))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _write(stream: IO[bytes], draft: Path) -> None:
    size = 0
    with draft.open("wb") as file:
        while chunk := stream.read(_CHUNK):
            size += len(chunk)
            if size > LARGEST_UPLOAD:
                raise UsageError(f"The file is larger than {LARGEST_UPLOAD >> 20} MB.", "Cut it.")
            file.write(chunk)
    if size == 0:
        raise UsageError("The file is empty.", "Send another.")


def _publish(made: Path, folder: Path) -> Path:
    """Give what was looked into its own name; a number follows one that is taken."""
    target = folder / made.name
    for number in range(2, 10_000):
        if not target.exists():
            break
        target = folder / f"{made.stem}-{number}{made.suffix}"
    made.rename(target)
    return target


def _look_into(file: Path, ending: str) -> None:
    """Raise where a file is not what its name says."""
    with file.open("rb") as stream:
        head = stream.read(4096)
    if ending in _DRIVERS:
        _require(_raster_of(_DRIVERS[ending]), file)
    elif ending == ".hdf":
        if not head.startswith((_HDF4, b"\x89HDF")):
            raise _other(file)
    elif ending in TABLES:
        _look_into_table(file)
    else:
        if not head.startswith(_FIRST.get(ending, (b"",))):
            raise _other(file)
        if ending == ".kml" and _ENTITIES.search(file.read_bytes()):
            raise UsageError(f"{file.name} defines entities of its own.", "Save it without them.")
        if ending in (".json", ".geojson") and not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(
            b"{"
        ):
            raise _other(file)
        _require(vector_layers, file)


def _raster_of(drivers: tuple[str, ...]) -> Callable[[Path], None]:
    def look(file: Path) -> None:
        with open_raster(file) as dataset:
            if dataset.driver not in drivers:
                raise _other(file)

    return look


def _require(look: Callable[[Path], Any], file: Path) -> None:
    """Look into a file; that it cannot be read is said without the words of a library."""
    from rasterio.errors import RasterioError

    try:
        found = look(file)
    except (InputError, RasterioError, OSError) as error:
        raise _other(file) from error
    if found == []:
        raise _other(file)


def _look_into_table(file: Path) -> None:
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            first = text.read(_CHUNK)
            if "\0" in first or not any(row for row in csv.reader(first.splitlines()[:5])):
                raise _other(file)
    except (UnicodeDecodeError, csv.Error) as error:
        raise _other(file) from error


def _unpack(archive: Path, target: Path) -> str:
    """Unpack a zipped shapefile into a folder; return its name there."""
    target.mkdir()
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [m for m in opened.infolist() if not m.is_dir() and not _is_litter(m)]
            _check_members(archive, members)
            for member in members:
                with (target / PurePosixPath(member.filename).name).open("xb") as file:
                    file.writelines(_bytes_of(opened, member))
    except (zipfile.BadZipFile, NotImplementedError, ValueError, IndexError) as error:
        raise _other(archive) from error
    found = [file.name for file in target.iterdir() if file.suffix.lower() == ".shp"]
    if len(found) != 1:
        raise UsageError(f"{archive.name} holds {len(found)} shapefiles.", "Zip one by itself.")
    return found[0]


def _check_members(archive: Path, members: list[zipfile.ZipInfo]) -> None:
    strange = [m for m in members if not m.filename.lower().endswith(_SHAPEFILE)]
    if strange or not members or len(members) > _MOST_MEMBERS:
        raise UsageError(f"{archive.name} is no zipped shapefile.", "Zip one by itself.")
    if any(".." in PurePosixPath(m.filename).parts or m.filename.startswith("/") for m in members):
        raise UsageError(f"{archive.name} leads out of itself.", "Zip the shapefile again.")
    names = {PurePosixPath(m.filename).name.lower() for m in members}
    if len(names) < len(members) or any(len(name.encode()) > _MOST_BYTES for name in names):
        raise UsageError(
            f"{archive.name} holds two files of one name, or a name of over {_MOST_BYTES} bytes.",
            "Zip one shapefile by itself.",
        )
    size = sum(m.file_size for m in members)
    if size > LARGEST_UPLOAD or size > _MOST_RATIO * max(1, archive.stat().st_size):
        raise UsageError(f"{archive.name} would become too large.", "Send the file unpacked.")


def _bytes_of(opened: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield a member, no longer than it says that it is; damage of any kind is `BadZipFile`."""
    left = member.file_size
    try:
        with opened.open(member) as stream:
            while chunk := stream.read(min(_CHUNK, left + 1)):
                left -= len(chunk)
                if left < 0:
                    raise zipfile.BadZipFile("longer than it says")
                yield chunk
    except _DAMAGE as error:
        raise zipfile.BadZipFile(str(error)) from error


def _is_litter(member: zipfile.ZipInfo) -> bool:
    """Say whether a member is what an operating system leaves in archives."""
    path = PurePosixPath(member.filename)
    return path.parts[:1] == ("__MACOSX",) or path.name in (".DS_Store", "Thumbs.db")


def _other(file: Path) -> UsageError:
    return UsageError(f"{file.name} does not hold what its name says.", "Check the file.")
