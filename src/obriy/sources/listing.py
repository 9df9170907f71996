"""Which files a name means: a file, a folder, an archive, a pattern."""

import glob
from pathlib import Path
from typing import Final

from obriy.blocks.gdal import is_zarr, names_raster
from obriy.errors import SourceError
from obriy.sources.archives import is_archive, members
from obriy.sources.cube_axes import NETCDF
from obriy.sources.presence import require_there

SUFFIXES = (".tif", ".tiff", ".vrt", *NETCDF, ".jp2", ".img", ".gtiff")
"""Endings of the files that a folder is searched for."""
GAPS: Final = "gap_mask"
"""Folder in which USGS laid the masks of Landsat 7's gaps until Collection 2, packed one by one."""


def list_files(paths: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Resolve files, folders, archives and globs.

    Returns:
        GDAL paths of rasters in order, and Landsat MTL files among them.

    Raises:
        SourceError: where nothing is there.
    """
    rasters: list[str] = []
    mtls: list[str] = []
    for path in paths:
        for found in _resolve(path):
            if is_mtl(found):
                mtls.append(found)
            else:
                rasters.append(found)
    if mtls and not rasters:  # the MTL alone was named: its folder is meant
        rasters = [f for f in _in_folder(Path(mtls[0]).parent) if not is_mtl(f)]
    return list(dict.fromkeys(rasters)), mtls


def is_mtl(path: str) -> bool:
    """Say whether a file is the metadata of a Landsat scene, by its name."""
    return path.lower().endswith(("mtl.txt", "mtl.xml", "mtl.json"))


def paths_in(text: str) -> list[Path] | None:
    """Return what lies in a folder, or matches a pattern, in order; None for any other name.

    Raises:
        SourceError: nothing matches, or the folder may not be read.
    """
    place = Path(text).expanduser()
    if place.is_dir():
        try:
            return sorted(place.iterdir())
        except OSError as error:
            raise SourceError(
                f"{place} cannot be read: {error.strerror}.", "Ask for read permission."
            ) from error
    if place.exists() or names_raster(text) or not glob.has_magic(text):
        return None
    found = sorted(glob.glob(str(place)))  # noqa: PTH207 - absolute patterns too
    if not found:
        raise SourceError(f"No file matches {text}.", "Check the pattern and the folder.")
    return [Path(path) for path in found]


def holds_others(text: str) -> bool:
    """Say whether a name is that of a folder, or of a pattern that matches something."""
    place = Path(text).expanduser()
    matched = not place.exists() and any(glob.iglob(str(place)))  # noqa: PTH207 - absolute ones too
    return place.is_dir() or matched


def what_holds(text: str) -> str:
    """Return the beginning of what is said of what a folder holds, or a pattern matches."""
    place = Path(text).expanduser()
    return f"The folder {place} holds" if place.is_dir() else f"The pattern {text} matches"


def _resolve(path: str) -> list[str]:
    file = Path(path)
    if not file.exists() and names_raster(path):
        return [path]
    inside = None if is_zarr(file) else paths_in(path)
    if inside is not None:
        return _among(path, inside)
    require_there(path)
    return _in_archive(path) if is_archive(path) else [path]


def holds_images(archive: Path) -> bool:
    """Say whether images lie in an archive; what is wrong with a broken one opening it says."""
    try:
        return any(name.lower().endswith(SUFFIXES) for name in members(archive))
    except SourceError:
        return True


def _in_archive(path: str) -> list[str]:
    inside = members(path)
    files = [f for f in inside if f.lower().endswith(SUFFIXES)]
    if not files:
        shown = ", ".join(Path(f).name for f in inside[:5]) or "nothing"
        raise SourceError(
            f"{path} holds no image ({', '.join(SUFFIXES)}), but {shown}.", "Name another."
        )
    return files + [f for f in inside if is_mtl(f)]


def _in_folder(folder: Path) -> list[str]:
    return _among(str(folder), paths_in(str(folder)) or [])


def _among(text: str, entries: list[Path]) -> list[str]:
    """Return the rasters among what lies in a folder or matches a pattern, then its metadata."""
    files = [str(f) for f in entries if _is_image(f)]
    if not files:
        packed = [f for f in entries if is_archive(f)]
        if len(packed) == 1:
            return _in_archive(str(packed[0]))
        _refuse_undated(
            text,
            packed or [e for e in entries if e.is_dir() and any(map(_is_image, _seen(e)))],
        )
        inside = ", ".join(e.name for e in entries[:5]) or "nothing"
        raise SourceError(
            f"{what_holds(text)} no image ({', '.join(SUFFIXES)}), but {inside}.",
            "Name the folder in which the band files lie.",
        )
    gaps = Path(text) / GAPS
    inside_gaps = _seen(gaps) if gaps.is_dir() else []
    zipped = [f"/vsigzip/{f.absolute()}" for f in inside_gaps if f.name.lower().endswith(".tif.gz")]
    files += sorted([*zipped, *(str(f) for f in inside_gaps if _is_image(f))])
    return files + [str(f) for f in entries if is_mtl(f.name)]


def _is_image(file: Path) -> bool:
    named = file.name.lower().endswith(SUFFIXES) and not file.name.startswith(".")
    return named and file.is_file()


def _seen(folder: Path) -> list[Path]:
    """Return what lies in a folder; nothing where it may not be read."""
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _refuse_undated(text: str, inside: list[Path]) -> None:
    """Raise where the images lie in folders or archives, and nothing tells their dates."""
    if not inside:
        return
    shown = ", ".join(sub.name for sub in inside[:3]) + (", …" if len(inside) > 3 else "")
    kind = "folders with images" if inside[0].is_dir() else "archives"
    raise SourceError(
        f"{what_holds(text)} {len(inside)} {kind} ({shown}), and no two dates in their names.",
        "Name one of them; for a series, name each with its date (2025-06-08), or write dates.csv "
        "beside them with the columns file,date.",
    )
