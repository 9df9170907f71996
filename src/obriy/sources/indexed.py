"""An archive on disk that has an index (`obriy index`), searched by area and time."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from obriy.errors import MissingExtraError, SourceError, UsageError
from obriy.installation import install_hint
from obriy.model.item import Item
from obriy.sources.base import SOURCES, Query, Request, Source, addresses

if TYPE_CHECKING:
    import xarray as xr

    from obriy.model.areas import District

ENDING: Final = ".parquet"
_NEEDED: Final = ("id", "geometry", "obriy:source", "obriy:time", "obriy:paths", "obriy:assets")
_TOLD: Final = ("obriy:step", "eo:cloud_cover")


def claims(text: str) -> bool:
    """Claim files by the ending of their names."""
    return text.lower().endswith(ENDING) and Path(text).is_file()


def find(texts: Sequence[str], query: Query) -> list[Item]:
    """Find the images of archives that touch the districts of a query; each has its own source.

    Args:
        texts: Indexes.
        query: Where; nowhere in particular: all are returned. The time is looked at later.

    Raises:
        MissingExtraError: where the format's library is not installed.
        SourceError: a file that is no index, or in which nothing touches the place.
    """
    return [item for text in texts for item in _of_index(Path(text), query.districts)]


def open_only(request: Request) -> "xr.Dataset":
    """Open the image of an index that has one.

    Raises:
        UsageError: where it has several.
    """
    items = find(request.paths, Query())
    if len(items) > 1:
        raise UsageError(
            f"{request.paths[0]} is an index of {len(items)} images.",
            f"Name one of them, e.g. {items[0].paths[0]}.",
        )
    from obriy.sources.scene import open_item

    return open_item(items[0], request)


INDEXED: Final = Source(find, open_only, claims, placed=True)


def _of_index(path: Path, districts: "Sequence[District]") -> list[Item]:
    rows = list(_rows(path))
    near = [row for row in rows if _touches(row, districts)] if districts else rows
    if not near:
        raise SourceError(
            f"None of the {len(rows)} images in {path} touches the place.",
            "Give another place, or index the archive again: obriy index FOLDER.",
        )
    return [_item(row, path.parent) for row in near]


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        import pyarrow.parquet as pq  # type: ignore[import-untyped]
        from pyarrow.lib import ArrowException  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingExtraError(
            f"{path} is read by pyarrow.", f"Run: {install_hint('access')}"
        ) from error
    try:
        columns = set(pq.read_schema(path).names)
        table = pq.read_table(path, columns=sorted(columns & {*_NEEDED, *_TOLD}))
    except (ArrowException, OSError) as error:
        raise SourceError(
            f"{path} is no index of an archive, or broken.", "Make it: obriy index FOLDER."
        ) from error
    if not columns.issuperset(_NEEDED):
        raise SourceError(
            f"{path} is no index of 'obriy index'.",
            "Make one: obriy index FOLDER.",
        )
    yield from table.to_pylist()


def _touches(row: Mapping[str, Any], districts: "Sequence[District]") -> bool:
    import shapely

    from obriy.vectors import LONLAT, warp_geometry

    outline = shapely.from_wkb(row["geometry"])
    return any(
        shapely.intersects(outline, warp_geometry(d.geometry, d.crs or LONLAT, LONLAT))
        for d in districts
    )


def _item(row: Mapping[str, Any], folder: Path) -> Item:
    """Return the image that was indexed.

    Raises:
        SourceError: where its source is not one of files here: a file may not lead to the network.
    """
    source = row["obriy:source"]
    if source not in SOURCES.names or source in addresses():
        raise SourceError(
            f"{row['id']} is of '{source}', which is no source of files.", "Index it again."
        )
    return Item(
        row["id"],
        source,
        tuple(_placed(path, folder) for path in row["obriy:paths"]),
        row["obriy:time"],
        {k: _placed(v, folder) for k, v in json.loads(row["obriy:assets"]).items()},
        row.get("eo:cloud_cover"),
        row.get("obriy:step"),
    )


def _placed(path: str, folder: Path) -> str:
    return str(folder / path) if path.startswith("./") else path
