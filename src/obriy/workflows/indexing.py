"""`obriy index`: a folder of many images, and of folders of them, becomes one searchable file."""

import dataclasses
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from obriy.errors import ObriyError, SourceError
from obriy.model.grid import geobox_of
from obriy.model.item import Item, item_id
from obriy.outputs.index_file import item_in_index, write_index
from obriy.sources.base import FILES, source_of
from obriy.sources.entries import is_image_file
from obriy.sources.finding import find_items
from obriy.sources.granules import outline_of
from obriy.sources.scene import asked, open_item


@dataclasses.dataclass(frozen=True)
class Indexed:
    """What became of a folder.

    Attributes:
        path: The index.
        count: Images in it.
        left_out: Why others are not, by the file of each.
    """

    path: Path
    count: int
    left_out: dict[str, str]


def index_folder(
    folder: Path, out: Path, progress: Callable[[int, int], None] | None = None
) -> Indexed:
    """Index the images of a folder and of all folders in it.

    Each is opened as `obriy.open_scene` does, so that what is indexed can be mapped; what cannot be
    opened, or says neither time nor place, is left out.

    Args:
        folder: The archive.
        out: The index, ``*.parquet``; it may be moved together with the archive it lies in.
        progress: Is told how many images of how many were looked at.

    Raises:
        MissingExtraError: where stac-geoparquet is not installed.
        SourceError: where there is no image in it, or none that can be indexed.
        OutputError: where the index cannot be written.
    """
    items = _found(folder)
    rows: list[dict[str, Any]] = []
    left_out: dict[str, str] = {}
    for k, item in enumerate(items):
        try:
            rows.append(_row(item, out.parent))
        except ObriyError as error:
            left_out[item.paths[0]] = str(error)
        if progress:
            progress(k + 1, len(items))
    if not rows:
        why = next(iter(left_out.values()))
        raise SourceError(f"None of the {len(items)} images in {folder} can be indexed: {why}")
    return Indexed(write_index(rows, out), len(rows), left_out)


def _row(item: Item, folder: Path) -> dict[str, Any]:
    """Return an image as the index has it.

    Raises:
        ObriyError: where it cannot be opened, or says neither time nor place.
    """
    outline = outline_of(item) if item.source == "granules" else None
    if outline is None:
        scene = open_item(item, asked())
        time, grid = item.time or str(scene.attrs.get("time") or ""), geobox_of(scene)
    else:
        time, grid = item.time, None
    if not time:
        raise SourceError("Nothing tells its time.", "Name the file with its date.")
    row = item_in_index(item, time, grid, outline, folder)
    if row is None:
        raise SourceError("It has no CRS.", "Give it one: gdal_edit.py -a_srs EPSG:CODE FILE.")
    return row


def _found(folder: Path) -> list[Item]:
    """Return all images, each once; those of one name in several folders are told apart.

    Raises:
        SourceError: where there is none.
    """
    found: dict[tuple[Any, ...], Item] = {}
    for place in _folders(folder):
        for item in _directly_in(place):
            found.setdefault((item.source, item.paths, item.step), item)
    if not found:
        raise SourceError(f"There is no image in {folder}, nor in the folders in it.")
    names: dict[str, int] = {}
    for item in found.values():
        names[item.id] = names.get(item.id, 0) + 1
    return [item if names[item.id] == 1 else _told_apart(item, folder) for item in found.values()]


def _directly_in(folder: Path) -> list[Item]:
    """Return the images of a folder, without those of the folders in it.

    Where its files are no series together, as when one of them has no date, each is by itself.
    """
    try:
        items = find_items([str(folder)])
    except SourceError:
        files = [str(file) for file in sorted(folder.iterdir()) if is_image_file(file)]
        items = [item for file in files for item in find_items([file])]
    inner = {(str(inside),) for inside in folder.iterdir() if inside.is_dir()}
    return [item for item in items if item.source != FILES or item.paths not in inner]


def _told_apart(item: Item, folder: Path) -> Item:
    above = os.path.relpath(Path(item.paths[0]).parent, folder)
    return dataclasses.replace(item, id=item_id(f"{above}-{item.id}"))


def _folders(folder: Path) -> Iterator[Path]:
    """Yield a folder and all in it, but not what lies within a product that is a folder."""
    yield folder
    for inside in sorted(folder.iterdir()):
        own = inside.is_dir() and not inside.is_symlink() and not inside.name.startswith(".")
        if own and source_of(str(inside)) == FILES:
            yield from _folders(inside)
