"""An archive on disk as a file that is searched like a STAC API: stac-geoparquet, extra ``access``.

Each image is a STAC Item that any reader of the format finds by area and time. What makes it the
same image again here stands in properties of our own, whose names begin with ``obriy:``.
"""

import datetime as dt
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import shapely
from odc.geo.geobox import GeoBox

from obriy.errors import MissingExtraError
from obriy.installation import install_hint
from obriy.model.item import Item
from obriy.outputs.files import atomic_path
from obriy.outputs.stac_item import footprint, geojson_of, projection

_PROJECTION: Final = "https://stac-extensions.github.io/projection/v2.0.0/schema.json"


def item_in_index(
    item: Item, time: str, geobox: GeoBox | None, outline: shapely.Geometry | None, folder: Path
) -> dict[str, Any] | None:
    """Return an image as a STAC Item; None where nothing says where on Earth it lies.

    Args:
        item: It, as its source found it.
        time: ISO 8601, a day or to the minute.
        geobox: Its grid; None: it has none of its own.
        outline: Its edge in longitude and latitude, where it has no grid.
        folder: Where the index lies: files beneath it are named from there.
    """
    geometry, bbox = (None, None) if geobox is None else footprint(geobox)
    if outline is not None:
        geometry, bbox = geojson_of(outline), [round(v, 7) for v in outline.bounds]
    if geometry is None:
        return None
    when = dt.datetime.fromisoformat(time).replace(tzinfo=dt.UTC)
    own: dict[str, Any] = {
        "obriy:source": item.source,
        "obriy:time": time,
        "obriy:paths": [_relative(path, folder) for path in item.paths],
        "obriy:assets": json.dumps({k: _relative(v, folder) for k, v in item.assets.items()}),
    }
    told: dict[str, Any] = {"obriy:step": item.step, "eo:cloud_cover": item.cloud_cover}
    own |= {name: value for name, value in told.items() if value is not None}
    grid = {} if geobox is None else projection(geobox)
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [_PROJECTION],
        "id": item.id,
        "collection": "archive",
        "geometry": geometry,
        "bbox": bbox,
        "properties": {"datetime": when.isoformat().replace("+00:00", "Z"), **own, **grid},
        "links": [],
        "assets": {
            f"file{k or ''}": {"href": _relative(path, folder), "roles": ["data"]}
            for k, path in enumerate(item.paths)
        },
    }


def write_index(items: Sequence[dict[str, Any]], path: Path) -> Path:
    """Write STAC Items as one file in stac-geoparquet, whole or not at all.

    Raises:
        MissingExtraError: where the format's library is not installed.
        OutputError: where the file cannot be written.
    """
    try:
        from stac_geoparquet.arrow import parse_stac_items_to_arrow, to_parquet
    except ImportError as error:
        raise MissingExtraError(
            "An index is written by stac-geoparquet.", f"Run: {install_hint('access')}"
        ) from error
    table = parse_stac_items_to_arrow(list(items)).read_all()
    with atomic_path(path) as temporary:
        to_parquet(table, temporary)
    return path


def _relative(path: str, folder: Path) -> str:
    """Return a file beneath a folder as seen from there, any other in full."""
    full = Path(path).absolute()
    inside = full.is_relative_to(folder.absolute())
    return f"./{os.path.relpath(full, folder.absolute())}" if inside else str(full)
