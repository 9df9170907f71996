"""Files and folders: which of them are an image, and of which time."""

import dataclasses
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from obriy.errors import SourceError
from obriy.model.item import Item, item_id
from obriy.sources.archives import is_archive, is_slow, members, still_packed
from obriy.sources.band_names import has_own_order
from obriy.sources.base import FILES, Query, Request, Source, source_of
from obriy.sources.beside import is_image
from obriy.sources.csv_tables import Column, Row, read_table
from obriy.sources.cube_axes import only_time
from obriy.sources.dates import (
    date_in,
    date_of,
    day_comes_first,
    name_of_image,
    readings,
    time_in,
)
from obriy.sources.heads import cloud_cover_in, head_of
from obriy.sources.landsat import mtl_values
from obriy.sources.listing import SUFFIXES, holds_images, is_mtl, list_files

if TYPE_CHECKING:
    import xarray as xr

SIDECAR: Final = "dates.csv"
"""Table beside the images: ``file``, ``date`` and, where known, ``cloud_cover`` in per cent."""
NOT_IMAGES: Final = ("truth", "labels")
"""Sub-folders of what is known of the images beside them."""
_COLUMNS: Final = (
    Column("file", required=True),
    Column("date", required=True),
    Column("cloud_cover"),
)


def find(texts: Sequence[str], query: Query) -> list[Item]:
    """Find the images in files and folders.

    A file, a pattern, and a folder whose files are the bands of one image are an image each. In a
    folder of images of more than one time, each is a file, the files of one time with a band each,
    or a sub-folder of them. Its time is that of ``dates.csv`` beside it, of a STAC item of the
    same name (``image.json``), of the time coordinate of a NetCDF file, of its name (of a
    sub-folder, also that on which the names of its files agree), or of its tags, in this order.

    Args:
        texts: Files, folders, patterns, GDAL paths.
        query: Whether each file is an image.

    Raises:
        SourceError: no image, or images whose date nothing tells among others that have one.
    """
    several = len(texts) > 1
    images = [text for text in texts if not several or is_image(Path(text).name)]
    day_first = day_comes_first(Path(text).name for text in images)
    return [item for text in images for item in _found(text, query, day_first)]


def open_them(request: Request) -> "xr.Dataset":
    """Open rasters as one image; errors are those of `obriy.sources.geotiff.open_files`."""
    from obriy.sources.geotiff import open_files  # not before it is asked: finding is quick

    return open_files(request)


DATED_FILES: Final = Source(find, open_them)


def _found(text: str, query: Query, day_first: bool | None) -> list[Item]:
    folder = Path(text).expanduser()
    if not folder.is_dir():
        return [_file(str(folder) if text.startswith("~") else text, day_first)]
    entries = _entries(folder)
    sidecar = _sidecar(folder / SIDECAR, entries)
    day_first = day_comes_first(name for entry in entries for name in entry.names)
    if not query.each and not _is_series(entries, sidecar, day_first):
        return [_whole(folder, entries, sidecar, day_first)]
    timed: dict[str, list[_Entry]] = defaultdict(list)
    unknown: list[str] = []
    for entry in entries:
        time = _time(entry, sidecar, day_first)
        if time is None and (entry.is_file or entry.alone):
            unknown.append(entry.path.name)
        elif time is not None:  # what lies in a folder beside images goes with them
            timed[time].append(entry)
    _refuse_unknown(folder, unknown)
    return [
        _item(image, sidecar, time)
        for time, group in timed.items()
        for image in _images(group, each=query.each)
    ]


def _file(text: str, day_first: bool | None) -> Item:
    """Return the image that a file is, or that the files of a pattern are together."""
    path = Path(text)
    entry = _Entry(path, tuple(map(Path, list_files((text,))[0])), alone=True)
    own = _known_time(entry, {}, day_first)
    if own is None and time_in(path.parent.name):
        named = f"{path.parent.name}.{path.name}"
        return dataclasses.replace(_item([entry], {}, time_in(path.parent.name)), id=item_id(named))
    return _item([entry], {}, own or _time_of_tags(entry))


def _is_series(
    entries: "Sequence[_Entry]", sidecar: dict[str, dict[str, Any]], day_first: bool | None
) -> bool:
    """Say whether a folder has images of more than one time, or several whole ones of one.

    An image that a folder of bands makes up has one time, or none. Tags count for files of
    several bands only: those of single bands may say when each was made.
    """
    # Dates that may be two days each are dates all the same: which, is asked when they are read.
    either = day_first is not False
    times = {_known_time(e, sidecar, either) or _time_of_bands(e) for e in entries} - {None}
    return len(times) > 1 or (len(entries) > 1 and _are_whole(entries))


def _are_whole(entries: "Sequence[_Entry]") -> bool:
    """Say whether files are images by themselves: all of one number of bands, more than one."""
    counts = {head_of(entry.files[0]).bands if entry.is_file else 1 for entry in entries}
    return len(counts) == 1 and counts.pop() > 1


def _whole(
    folder: Path,
    entries: "Sequence[_Entry]",
    sidecar: dict[str, dict[str, Any]],
    day_first: bool | None,
) -> Item:
    """Return the one image of a folder: its only file or sub-folder, or all files together."""
    files = [entry for entry in entries if entry.is_file] or entries
    if len(files) == 1 and not any(is_mtl(path.name) for path in folder.iterdir()):
        (entry,) = files
    else:
        inside = list_files((str(folder),))[0]
        entry = _Entry(folder, tuple(map(Path, inside)), alone=True)
    return _item([entry], sidecar, _time(entry, sidecar, day_first))


@dataclasses.dataclass(frozen=True)
class _Entry:
    """A file, or a sub-folder with the files of one date.

    Attributes:
        path: It.
        files: Its files.
        alone: A sub-folder with no image beside it, so that the names of its files may date it:
            beside an image, a folder holds a reference, or what else goes with it.
    """

    path: Path
    files: tuple[Path, ...]
    alone: bool = False

    @property
    def is_file(self) -> bool:
        """Whether it is a file."""
        return self.files == (self.path,)

    @property
    def names(self) -> list[str]:
        """Names that may tell its date, the best first."""
        return [self.path.name, *(file.name for file in self.files if self.alone)]

    def time(self, day_first: bool | None) -> str | None:
        """Return the time in its name, or the one on which the names of its files agree."""
        own, *others = (_time_in(name, day_first) for name in self.names)
        told = set(others) - {None}
        return own or (told.pop() if len(told) == 1 else None)


def _entries(folder: Path) -> list[_Entry]:
    try:
        inside = sorted(folder.iterdir())
    except OSError as error:
        raise SourceError(f"{folder} cannot be read: {error.strerror}.", "Check it.") from error
    entries = [_Entry(path, (path,)) for path in inside if is_image_file(path)]
    alone = not entries
    for sub in inside:
        if sub.is_dir() and sub.name not in NOT_IMAGES and _is_left(sub):
            files = tuple(path for path in sorted(sub.iterdir()) if is_image_file(path))
            entries += [_Entry(sub, files, alone)] if files else []
    images = [path for path in inside if path.is_dir() or is_image_file(path)]
    for path in filter(_is_left, still_packed(inside, images)):
        # Beside images one without a date, or with something else in it, goes with them.
        if alone or (any(readings(path.name)) and holds_images(path)):
            entries.append(_Entry(path, (path,)))
    if not entries:
        names = ", ".join(path.name for path in inside[:5])
        raise SourceError(
            f"The folder {folder} holds no image ({', '.join(SUFFIXES)}), but {names}."
            if names
            else f"The folder {folder} is empty.",
            "Name the folder in which the dated images lie.",
        )
    return entries


def is_image_file(path: Path) -> bool:
    """Say whether a file is an image that no other source claims, nor belongs to one."""
    named = path.name.lower().endswith(SUFFIXES) and is_image(path.name)
    return named and path.is_file() and _is_left(path)


def _is_left(path: Path) -> bool:
    """Say whether no other source claims a path; a hidden one is nobody's."""
    return not path.name.startswith(".") and source_of(str(path)) == FILES


def _sidecar(path: Path, entries: Sequence[_Entry]) -> dict[str, dict[str, Any]]:
    """Return date and cloudiness by file name, from ``dates.csv`` where it is there.

    A row that names no image is an error: its image would silently get another date.
    """
    if not path.exists():
        return {}
    images = {entry.path.name for entry in entries}
    found: dict[str, dict[str, Any]] = {}
    rows = read_table(path, _COLUMNS).rows
    day_first = day_comes_first(row.text("date") for row in rows)
    for row in rows:
        name = row.text("file")
        if name not in images or name in found:
            fault = "is there twice" if name in found else f"is no image in {path.parent}"
            raise SourceError(f"{row.where}: '{name}' {fault}.", "Correct the row, or drop it.")
        day = date_in(row.text("date"), day_first=day_first)
        if day is None:
            fault = _two_days(row.text("date")) or "is no date"
            raise SourceError(f"{row.where}: '{row.text('date')}' {fault}.", "Write YYYY-MM-DD.")
        found[name] = {"date": day, "cloud_cover": _told_cloud(row)}
    return found


def _told_cloud(row: Row) -> float | None:
    """Return the cloudiness of a row, per cent; None where it tells none."""
    if not row.text("cloud_cover"):
        return None
    cloud = row.number("cloud_cover", least=0.0)
    if cloud > 100:
        raise SourceError(
            f"{row.where}: 'cloud_cover' is {cloud:g}, above 100.", "Write per cent, 0 to 100."
        )
    return cloud


def _two_days(text: str) -> str:
    """Say which two days a date may be; empty where it is none, or one."""
    by_day, by_month = readings(text)
    several = by_day and by_month and by_day != by_month
    return f"may be {by_day} or {by_month}" if several else ""


def _known_time(
    entry: _Entry, sidecar: dict[str, dict[str, Any]], day_first: bool | None
) -> str | None:
    """Return the time that a table, a STAC item, a coordinate or a name tells."""
    if entry.path.name in sidecar:
        return str(sidecar[entry.path.name]["date"])
    item = _stac(entry.path)
    told = item.get("datetime") or item.get("start_datetime")
    return time_in(str(told)) if told else only_time(entry.files[0]) or entry.time(day_first)


def _time_in(name: str, day_first: bool | None) -> str | None:
    """Return the time in a name; its day alone, where the name has one that may be two days."""
    return time_in(name) or date_in(name, day_first=day_first)


def _time(entry: _Entry, sidecar: dict[str, dict[str, Any]], day_first: bool | None) -> str | None:
    return _known_time(entry, sidecar, day_first) or _time_of_tags(entry)


def _time_of_tags(entry: _Entry) -> str | None:
    return date_of(entry.names[:2][-1:], head_of(entry.files[0]).tags)


def _time_of_bands(entry: _Entry) -> str | None:
    """Return the date in the tags of a file of several bands; None for anything else."""
    return _time_of_tags(entry) if entry.is_file and head_of(entry.path).bands > 1 else None


def _stac(path: Path) -> dict[str, Any]:
    """Return the properties of the STAC item of the same name; empty where there is none."""
    file = path.with_suffix(".json")
    if not file.is_file():
        return {}
    try:
        item = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    properties = item.get("properties") if isinstance(item, dict) else None
    return properties if isinstance(properties, dict) else {}


def _refuse_unknown(folder: Path, unknown: list[str]) -> None:
    """Raise where an image has no date, and others have."""
    if not unknown:
        return
    others = f" and {len(unknown) - 3} more" if len(unknown) > 3 else ""
    two = next((name for name in unknown if _two_days(name)), None)
    if two is not None:
        raise SourceError(
            f"The date in the name of {folder / two} {_two_days(two)}.",
            f"Name the files year first (2025-06-08), or write {SIDECAR} beside them with the "
            "columns file,date.",
        )
    raise SourceError(
        f"Nothing tells the date of {', '.join(unknown[:3])}{others} in {folder}.",
        f"Name the files with their date (2025-06-08), or write {SIDECAR} beside them with "
        "the columns file,date.",
    )


def _images(group: Sequence[_Entry], *, each: bool) -> list[list[_Entry]]:
    """Put entries of one time together: files named alike are bands of one, or one and its mask."""
    if len(group) == 1 or each:
        return [[entry] for entry in group]
    alike: dict[str, list[_Entry]] = defaultdict(list)
    for entry in group:
        alike[name_of_image(entry.path.name) if entry.is_file else entry.path.name].append(entry)
    return [
        image
        for ones in alike.values()
        for image in ([ones] if _is_one(ones) else [[one] for one in ones])
    ]


def _is_one(entries: Sequence[_Entry]) -> bool:
    own = [entry for entry in entries if not has_own_order(entry.path.name)]
    few = len(entries) == 1 or len(own) == 1
    return few or all(head_of(entry.path).bands == 1 for entry in own)


def _item(entries: Sequence[_Entry], sidecar: dict[str, dict[str, Any]], time: str | None) -> Item:
    # A sub-folder is opened whole: the metadata of a Landsat scene lie in it too.
    paths = tuple(str(entry.path) for entry in entries)
    name = entries[0].path.name if len(entries) == 1 else name_of_image(entries[0].path.name)
    cloud_cover = _cloud_cover(entries[0], sidecar)
    return Item(item_id(name), FILES, paths, time or "", cloud_cover=cloud_cover)


def _cloud_cover(entry: _Entry, sidecar: dict[str, dict[str, Any]]) -> float | None:
    """Return the cloudiness that something beside the image tells; its tags are asked later."""
    told = sidecar.get(entry.path.name, {}).get("cloud_cover")
    if told is not None:
        return float(told)
    return cloud_cover_in({**_stac(entry.path), **_mtl(entry.path)})


def _mtl(place: Path) -> dict[str, str]:
    """Return what the MTL in a folder or an archive says of clouds.

    One that is compressed as a whole is not inflated for that; that one is broken is said of its
    date when it is opened, while the others go on.
    """
    if is_slow(str(place)):
        return {}
    inside = [str(f) for f in place.iterdir()] if place.is_dir() else []
    try:
        files = [f for f in (members(place) if is_archive(place) else inside) if is_mtl(f)]
    except SourceError:
        return {}
    cover = mtl_values(files).get("CLOUD_COVER")
    return {} if cover is None else {"CLOUD_COVER": cover}
