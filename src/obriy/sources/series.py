"""A folder of dated images: which files belong to which date."""

import dataclasses
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from rasterio.errors import RasterioError

from obriy.blocks.gdal import open_raster
from obriy.errors import GridError, SourceError, UsageError
from obriy.sources.archives import is_archive, members, stem_of
from obriy.sources.csv_tables import Column, Row, read_table
from obriy.sources.dates import (
    date_in,
    date_of,
    day_comes_first,
    name_of_image,
    parse_range,
    readings,
)
from obriy.sources.landsat import mtl_values
from obriy.sources.reading import SUFFIXES, is_mtl
from obriy.sources.sentinel2 import cloud_cover_of_product, date_of_product
from obriy.sources.sentinel2_layout import names_product, product_of

SIDECAR: Final = "dates.csv"
"""Table beside the images: ``file``, ``date`` and, where known, ``cloud_cover`` in per cent."""
NOT_IMAGES: Final = ("truth",)
"""Sub-folders that `obriy simulate` makes beside its images."""
CLOUD_KEYS: Final = (
    "eo:cloud_cover",
    "cloud_cover",
    "cloudy_pixel_percentage",
    "cloud_coverage_assessment",
)
_COLUMNS: Final = (
    Column("file", required=True),
    Column("date", required=True),
    Column("cloud_cover"),
)


@dataclasses.dataclass(frozen=True)
class DatedImage:
    """One date of a series.

    Attributes:
        date: ISO 8601 day.
        paths: Its file, or the files of its bands.
        cloud_cover: Cloudiness of the whole scene that its metadata tell, per cent; None: unknown.
    """

    date: str
    paths: tuple[str, ...]
    cloud_cover: float | None = None


def find_series(folder: Path, datetime: str | None = None) -> list[DatedImage]:
    """Find the images of a series in a folder, by date.

    An image is a file, the files of one date with a band each, or a sub-folder of them. Its date
    is that of ``dates.csv`` beside it, of a STAC item of the same name (``image.json``), of its
    name (of a sub-folder, also that on which the names of its files agree), or of its tags, in this
    order.

    Args:
        folder: Where the images lie.
        datetime: ``A/B``, both included, each a day, a month or a year; ``..`` is open.

    Returns:
        In the order of time.

    Raises:
        SourceError: no image, or images whose date nothing tells.
        UsageError: two images of one date, a range that is none, or no image within it.
    """
    between = parse_range(datetime) if datetime else None
    entries = _entries(folder)
    sidecar = _sidecar(folder / SIDECAR, entries)
    dated: dict[str, list[_Entry]] = defaultdict(list)
    unknown: list[str] = []
    day_first = day_comes_first(name for entry in entries for name in entry.names)
    for entry in entries:
        day = _day(entry, sidecar, day_first)
        if day is None:
            unknown.append(entry.path.name)
        else:
            dated[day].append(entry)
    _refuse(folder, dated, unknown)
    found = [_image(day, dated[day], sidecar) for day in sorted(dated)]
    inside = [i for i in found if between is None or between[0] <= i.date <= between[1]]
    if not inside:
        raise UsageError(
            f"No image of {folder} lies in {datetime}: they are of {found[0].date} to "
            f"{found[-1].date}.",
            "Give another --datetime A/B.",
        )
    return inside


def is_series(source: str) -> bool:
    """Say whether a source is a folder with images of more than one date.

    An image that a folder of bands makes up has one date, or none. Tags count for files of
    several bands only: those of single bands may say when each was made.
    """
    folder = Path(source).expanduser()
    if not folder.is_dir() or _is_product(folder):
        return False
    entries = _entries(folder)
    sidecar = _sidecar(folder / SIDECAR, entries)
    # Dates that may be two days each are dates all the same: which, is asked when they are read.
    day_first = day_comes_first(name for entry in entries for name in entry.names) is not False
    days = {_known_day(e, sidecar, day_first) or _day_of_bands(e) for e in entries} - {None}
    return len(days) > 1


@dataclasses.dataclass(frozen=True)
class _Entry:
    """A file, or a sub-folder with the files of one date.

    Attributes:
        path: It.
        files: Its files.
        alone: A sub-folder with no image beside it, so that the names of its files may date it:
            beside an image, a folder holds a reference, or what else goes with it.
        product: A folder or an archive that is an image whole: its metadata date it.
    """

    path: Path
    files: tuple[Path, ...]
    alone: bool = False
    product: bool = False

    @property
    def names(self) -> list[str]:
        """Names that may tell its date, the best first."""
        return [self.path.name, *(file.name for file in self.files if self.alone)]

    def day(self, day_first: bool | None) -> str | None:
        """Return the date in its name, or the one on which the names of its files agree."""
        own, *others = (date_in(name, day_first=day_first) for name in self.names)
        told = set(others) - {None}
        return own or (told.pop() if len(told) == 1 else None)


def _entries(folder: Path) -> list[_Entry]:
    try:
        inside = sorted(folder.iterdir())
    except OSError as error:
        raise SourceError(f"{folder} cannot be read: {error.strerror}.", "Check it.") from error
    entries = [_Entry(path, (path,)) for path in inside if _is_image(path)]
    alone = not entries
    folders = {path.name for path in inside if path.is_dir()}
    packed = [path for path in inside if is_archive(path)]
    packed = [p for p in packed if not {s := stem_of(p.name), f"{s}.SAFE"} & folders]
    for sub in inside:
        if _is_product(sub) and (sub.is_dir() or sub in packed):
            entries.append(_Entry(sub, (sub,), product=True))
        elif sub.is_dir() and sub.name not in NOT_IMAGES and not sub.name.startswith("."):
            files = tuple(path for path in sorted(sub.iterdir()) if _is_image(path))
            entries += [_Entry(sub, files, alone)] if files else []
    if alone:
        known = {entry.path for entry in entries}
        entries += [_Entry(p, (p,)) for p in packed if p not in known]
    if not entries:
        names = ", ".join(path.name for path in inside[:5])
        raise SourceError(
            f"The folder {folder} holds no image ({', '.join(SUFFIXES)}), but {names}."
            if names
            else f"The folder {folder} is empty.",
            "Name the folder in which the dated images lie.",
        )
    return entries


def _is_product(path: Path) -> bool:
    """Say whether a folder or an archive is a product of its own; one that is broken, too."""
    try:
        return product_of(str(path)) is not None
    except SourceError:  # said when it is opened
        return names_product(path.name)


def _is_image(path: Path) -> bool:
    named = path.name.lower().endswith(SUFFIXES) and not path.name.startswith(".")
    return named and path.is_file()


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


def _known_day(
    entry: _Entry, sidecar: dict[str, dict[str, Any]], day_first: bool | None
) -> str | None:
    """Return the date that a table, a STAC item or a name tells, without opening the image."""
    if entry.path.name in sidecar:
        return str(sidecar[entry.path.name]["date"])
    if entry.product:
        return date_of_product(str(entry.path)) or entry.day(day_first)
    item = _item(entry.path)
    told = item.get("datetime") or item.get("start_datetime")
    return date_in(str(told)) if told else entry.day(day_first)


def _day(entry: _Entry, sidecar: dict[str, dict[str, Any]], day_first: bool | None) -> str | None:
    known = _known_day(entry, sidecar, day_first)
    return known or date_of([entry.files[0].name], _tags(entry.files[0]))


def _day_of_bands(entry: _Entry) -> str | None:
    """Return the date in the tags of a file of several bands; None for anything else."""
    file = entry.files[0]
    return date_of([file.name], _tags(file)) if entry.path == file and _bands(file) > 1 else None


def _item(path: Path) -> dict[str, Any]:
    """Return the properties of the STAC item of the same name; empty where there is none."""
    file = path.with_suffix(".json")
    if not file.is_file():
        return {}
    try:
        item = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    properties = item.get("properties") if isinstance(item, dict) else None
    return properties if isinstance(properties, dict) else {}


def _tags(file: Path) -> dict[str, str]:
    """Return the tags of an image; empty where it cannot be opened: that is said when it is."""
    try:
        with open_raster(file) as dataset:
            return dict(dataset.tags())
    except (RasterioError, SourceError, OSError):
        return {}


def _refuse(folder: Path, dated: dict[str, list[_Entry]], unknown: list[str]) -> None:
    """Raise where an image has no date, or a date more than one image."""
    if unknown:
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
    for day, entries in dated.items():
        if len(entries) > 1 and not _one_image(entries):
            names = ", ".join(entry.path.name for entry in entries)
            raise UsageError(
                f"{folder} holds more than one image of {day}: {names}.",
                "Keep one of them, or put them together first (gdalbuildvrt DATE.vrt A.tif B.tif).",
            )


def _one_image(entries: Sequence[_Entry]) -> bool:
    """Say whether files of one date are the bands of one image: one band each, named alike."""
    if any(len(entry.files) > 1 or entry.product for entry in entries):
        return False
    names = {name_of_image(entry.path.name) for entry in entries}
    return len(names) == 1 and all(_bands(entry.path) == 1 for entry in entries)


def _bands(file: Path) -> int:
    try:
        with open_raster(file) as dataset:
            return int(dataset.count)
    except (RasterioError, SourceError, OSError):
        return 1


def _image(day: str, entries: list[_Entry], sidecar: dict[str, dict[str, Any]]) -> DatedImage:
    # A sub-folder is opened whole: the metadata of a Landsat scene lie in it too.
    paths = tuple(str(entry.path) for entry in entries)
    return DatedImage(day, paths, _cloud_cover(entries[0], sidecar))


def _cloud_cover(entry: _Entry, sidecar: dict[str, dict[str, Any]]) -> float | None:
    told = sidecar.get(entry.path.name, {}).get("cloud_cover")
    if entry.product:
        return cloud_cover_of_product(str(entry.path)) if told is None else float(told)
    known = {**_tags(entry.files[0]), **_item(entry.path), **_mtl(entry.path)}
    lower = {key.rsplit("#", 1)[-1].lower(): value for key, value in known.items()}
    texts = [told, *(lower.get(key) for key in CLOUD_KEYS)]
    numbers = (_percent(text) for text in texts if text is not None)
    return next((number for number in numbers if number is not None), None)


def _mtl(place: Path) -> dict[str, str]:
    """Return what the MTL in a folder or an archive says of clouds."""
    inside = [str(f) for f in place.iterdir()] if place.is_dir() else []
    files = [f for f in (members(place) if is_archive(place) else inside) if is_mtl(f)]
    cover = mtl_values(files).get("CLOUD_COVER")
    return {} if cover is None else {"CLOUD_COVER": cover}


def _percent(text: Any) -> float | None:
    try:
        number = float(text)
    except (TypeError, ValueError):
        return None
    return number if 0 <= number <= 100 else None


def require_alike(facts: Sequence[tuple[str, str, Any]]) -> None:
    """Raise unless all images have one sensor and one grid.

    Args:
        facts: Date, sensor and grid (anything that compares) of each.

    Raises:
        GridError: naming the dates that differ.
    """
    first = facts[0]
    for what, place in (("sensor", 1), ("grid", 2)):
        other = [f for f in facts if f[place] != first[place]]
        if other:
            raise GridError(
                f"The images are not of one {what}: {first[0]} has {first[place]}, "
                f"{other[0][0]} has {other[0][place]}"
                + (f" (and {len(other) - 1} more dates differ)." if len(other) > 1 else "."),
                "Run each kind by itself, or bring them to one grid first "
                "(gdalwarp -t_srs EPSG:CODE -tr X Y -tap)."
                if what == "grid"
                else "Run each sensor by itself; --sensor says it where it is not recognised.",
            )
