"""Files and folders: which of them are an image, and of which time."""

import dataclasses
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from obriy.errors import SourceError
from obriy.model.item import Item, item_id
from obriy.sources.archives import is_archive, is_slow, members
from obriy.sources.band_names import has_own_order, own_name
from obriy.sources.base import FILES, Query, Request, Source
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
from obriy.sources.entries import Entry, entries_of
from obriy.sources.heads import cloud_cover_in, head_of
from obriy.sources.landsat import mtl_values
from obriy.sources.listing import is_mtl, list_files, paths_in

if TYPE_CHECKING:
    import xarray as xr

SIDECAR: Final = "dates.csv"
"""Table beside the images: ``file``, ``date`` and, where known, ``cloud_cover`` in per cent."""
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
    inside = paths_in(text)
    if inside is None:
        return [_file(text, day_first)]
    entries = entries_of(text, inside)
    sidecar = _sidecar(inside[0].parent / SIDECAR, entries) if _in_one_folder(inside) else {}
    day_first = day_comes_first(name for entry in entries for name in entry.names)
    if not query.each and not _is_series(entries, sidecar, day_first):
        return [_whole(text, inside, entries, sidecar, day_first)]
    timed: dict[str, list[Entry]] = defaultdict(list)
    unknown: list[Path] = []
    for entry in entries:
        time = _time(entry, sidecar, day_first)
        if time is None and (entry.is_file or entry.also):
            unknown.append(entry.path)
        elif time is not None:  # what lies in a folder beside images goes with them
            timed[time].append(entry)
    _refuse_unknown(text, unknown)
    return [
        _item(image, sidecar, time)
        for time, group in timed.items()
        for image in _images(group, each=query.each)
    ]


def _in_one_folder(paths: Sequence[Path]) -> bool:
    return len({path.parent for path in paths}) == 1


def _file(text: str, day_first: bool | None) -> Item:
    """Return the image that a file is."""
    files = tuple(map(Path, list_files((text,))[0]))
    return _beneath(Entry(Path(text).expanduser(), files), day_first)


def _beneath(entry: Entry, day_first: bool | None) -> Item:
    """Return the image of a file or a pattern, dated by its folder where its name does not."""
    folder = entry.path.parent.name
    own = _known_time(entry, {}, day_first)
    if own is None and time_in(folder):
        item = _item([entry], {}, time_in(folder))
        return dataclasses.replace(item, id=item_id(f"{folder}.{entry.path.name}"))
    return _item([entry], {}, own or _time_of_tags(entry))


def _is_series(
    entries: "Sequence[Entry]", sidecar: dict[str, dict[str, Any]], day_first: bool | None
) -> bool:
    """Say whether a folder has images of more than one time, or several whole ones of one.

    An image that a folder of bands makes up has one time, or none. Tags count for files of
    several bands only: those of single bands may say when each was made.
    """
    # Dates that may be two days each are dates all the same: which, is asked when they are read.
    either = day_first is not False
    times = {_known_time(e, sidecar, either) or _time_of_bands(e) for e in entries} - {None}
    return len(times) > 1 or (len(entries) > 1 and (_are_tiles(entries) or _are_whole(entries)))


def _are_whole(entries: "Sequence[Entry]") -> bool:
    """Say whether files are images by themselves: all of one number of bands, more than one."""
    counts = {head_of(entry.files[0]).bands if entry.is_file else 1 for entry in entries}
    return len(counts) == 1 and counts.pop() > 1


def _are_tiles(entries: Sequence[Entry]) -> bool:
    """Say whether files of bands are those of several images: one band has several files.

    That is what the names of products tell; the same band in several sizes of pixel is of one.
    """
    images: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        band, image = own_name(entry.path.name), name_of_image(entry.path.name)
        if entry.is_file and band and image:
            images[band].add(image)
    return any(len(ones) > 1 for ones in images.values())


def _whole(
    text: str,
    inside: Sequence[Path],
    entries: Sequence[Entry],
    sidecar: dict[str, dict[str, Any]],
    day_first: bool | None,
) -> Item:
    """Return the one image of a folder: its only file or sub-folder, or all files together."""
    files = [entry for entry in entries if entry.is_file] or entries
    if len(files) == 1 and not any(is_mtl(path.name) for path in inside):
        (entry,) = files
    else:
        found = tuple(map(Path, list_files((text,))[0]))
        entry = Entry(Path(text).expanduser(), found, tuple(file.name for file in found))
        if not entry.path.is_dir():  # of a pattern
            return _beneath(entry, day_first)
    return _item([entry], sidecar, _time(entry, sidecar, day_first))


def _sidecar(path: Path, entries: Sequence[Entry]) -> dict[str, dict[str, Any]]:
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
        if name not in images and (path.parent / name).exists():
            continue  # of a pattern that does not match it
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
    entry: Entry, sidecar: dict[str, dict[str, Any]], day_first: bool | None
) -> str | None:
    """Return the time that a table, a STAC item, a coordinate or a name tells."""
    if entry.path.name in sidecar:
        return str(sidecar[entry.path.name]["date"])
    item = _stac(entry.path)
    told = item.get("datetime") or item.get("start_datetime")
    return time_in(str(told)) if told else only_time(entry.files[0]) or entry.time(day_first)


def _time(entry: Entry, sidecar: dict[str, dict[str, Any]], day_first: bool | None) -> str | None:
    return _known_time(entry, sidecar, day_first) or _time_of_tags(entry)


def _time_of_tags(entry: Entry) -> str | None:
    return date_of(entry.names[:2][-1:], head_of(entry.files[0]).tags)


def _time_of_bands(entry: Entry) -> str | None:
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


def _refuse_unknown(text: str, unknown: list[Path]) -> None:
    """Raise where an image has no date, and others have."""
    if not unknown:
        return
    others = f" and {len(unknown) - 3} more" if len(unknown) > 3 else ""
    two = next((path for path in unknown if _two_days(path.name)), None)
    if two is not None:
        raise SourceError(
            f"The date in the name of {two} {_two_days(two.name)}.",
            f"Name the files year first (2025-06-08), or write {SIDECAR} beside them with the "
            "columns file,date.",
        )
    raise SourceError(
        f"Nothing tells the date of {', '.join(path.name for path in unknown[:3])}{others} in "
        f"{text}.",
        f"For one image name its file; for a series put the date into each name (2025-06-08), or "
        f"write {SIDECAR} beside the files with the columns file,date.",
    )


def _images(group: Sequence[Entry], *, each: bool) -> list[list[Entry]]:
    """Put entries of one time together: files named alike are bands of one, or one and its mask."""
    if len(group) == 1 or each:
        return [[entry] for entry in group]
    alike: dict[str, list[Entry]] = defaultdict(list)
    for entry in group:
        alike[name_of_image(entry.path.name) if entry.is_file else entry.path.name].append(entry)
    return [
        image
        for ones in alike.values()
        for image in ([ones] if _is_one(ones) else [[one] for one in ones])
    ]


def _is_one(entries: Sequence[Entry]) -> bool:
    own = [entry for entry in entries if not has_own_order(entry.path.name)]
    few = len(entries) == 1 or len(own) == 1
    return few or all(head_of(entry.path).bands == 1 for entry in own)


def _item(entries: Sequence[Entry], sidecar: dict[str, dict[str, Any]], time: str | None) -> Item:
    # A sub-folder is opened whole: the metadata of a Landsat scene lie in it too.
    paths = tuple(str(entry.path) for entry in entries)
    name = entries[0].path.name if len(entries) == 1 else name_of_image(entries[0].path.name)
    if entries[0].is_file and entries[0].also:  # the same name in each of several folders
        name = ".".join(filter(None, (*entries[0].also, name)))
    cloud_cover = _cloud_cover(entries[0], sidecar)
    return Item(item_id(name), FILES, paths, time or "", cloud_cover=cloud_cover)


def _cloud_cover(entry: Entry, sidecar: dict[str, dict[str, Any]]) -> float | None:
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
