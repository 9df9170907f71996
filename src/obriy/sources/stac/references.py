"""Reference maps that catalogues list: the part around a scene, kept as a file of this machine."""

import hashlib
import json
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import rasterio
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.windows import Window

from obriy.blocks.gdal import open_raster
from obriy.blocks.windows import windows
from obriy.errors import GridError, SourceError
from obriy.model.grid import require_crs
from obriy.model.item import item_id
from obriy.model.notices import notice
from obriy.model.provenance import SOURCES_TAG
from obriy.net.cache import unwritable
from obriy.settings import settings
from obriy.sources.stac.answers import answer_of
from obriy.sources.stac.catalogues import access_of, catalogues_of
from obriy.sources.stac.search import Raw, Wanted, footprint_of, meets, parts_of, time_of
from obriy.tables import load_toml
from obriy.vectors import LONLAT, warp_geometry

_MARGIN_PX: Final = 2
"""Pixels kept around the scene, so that the nearest to its edge is there."""


def legend_of(name: str) -> str | None:
    """Return what the codes of a reference that is known by name are; None for any other text."""
    row = load_toml("catalogues")["references"].get(name)
    return None if row is None else str(row["legend"])


def reference_file(name: str, grid: GeoBox) -> Path:
    """Return a file with the part of a reference around a grid; read once, and kept.

    Args:
        name: Of ``[references]`` in ``tables/catalogues.toml``.
        grid: Of the scene, with a CRS.

    Raises:
        SourceError: no catalogue answers, or lists none there.
        GridError: a grid without a CRS, or across the antimeridian.
        RemoteError: pixels that do not come.
    """
    require_crs(grid, "a reference of the whole Earth")
    area = warp_geometry(shapely.box(*grid.boundingbox.bbox), str(grid.crs), LONLAT)
    if len(parts_of(area)) > 1:
        raise GridError(
            f"The scene lies across the antimeridian, and '{name}' is read on one side of it.",
            "Cut the scene there, or name a file.",
        )
    row = load_toml("catalogues")["references"][name]
    address = f"stac:{row['catalogue']}?collection={row['collection']}"
    (catalogue,) = catalogues_of(address)
    tiles = _newest(answer_of(catalogue, Wanted(area))[0], area)
    if not tiles:
        raise SourceError(
            notice("no_reference_there", name=name, catalogue=catalogue.title),
            "Name a file with --reference.",
        )
    hrefs = [str(tile["assets"][row["asset"]]["href"]) for tile in tiles]
    key = hashlib.sha256(json.dumps([hrefs, area.bounds]).encode()).hexdigest()[:12]
    kept = settings().cache / "references" / f"{item_id(tiles[0]['id'])}-{key}.tif"
    if not kept.is_file():
        _write(kept, hrefs, area, access_of(catalogue.name))
    return kept


def _newest(items: Sequence[Raw], area: shapely.Geometry) -> list[Raw]:
    """Return the tiles of the last year of a product that meet an area."""
    met = [item for item in items if meets(footprint_of(item), area)]
    last = max((time_of(item) for item in met), default=None)
    return sorted((i for i in met if time_of(i) == last), key=lambda item: str(item["id"]))


def _write(path: Path, hrefs: Sequence[str], area: shapely.Geometry, access: Any) -> None:
    """Copy the part of some tiles around an area, their numbers as they are, whole or not at all.

    Raises:
        OutputError: where the cache cannot be written.
    """
    draft = path.with_name(f".{uuid.uuid4().hex}.tif")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open_raster(hrefs[0], network=_reached(hrefs[0], access)) as first:
            window = _around(area, first.transform)
            place = first.transform @ Affine.translation(window.col_off, window.row_off)
            profile = {
                "driver": "GTiff", "count": 1, "dtype": first.dtypes[0], "nodata": first.nodata,
                "crs": first.crs, "transform": place, "tiled": True,
                "width": window.width, "height": window.height, "compress": "DEFLATE",
                "blockxsize": 256, "blockysize": 256,
            }  # fmt: skip
            tags = first.tags() | {SOURCES_TAG: json.dumps(list(hrefs))}
        with rasterio.open(draft, "w", **profile) as made:  # noqa: TID251 - to write
            made.update_tags(**tags)
            for href in hrefs:
                with open_raster(href, network=_reached(href, access)) as tile:
                    for place, numbers in _parts(tile, made):
                        made.write(numbers, 1, window=place)
        draft.replace(path)
    except OSError as error:
        if isinstance(error, rasterio.errors.RasterioError):
            raise SourceError(notice("no_image", name=hrefs[0], why=str(error))) from error
        raise unwritable(error) from error
    finally:
        draft.unlink(missing_ok=True)


def _reached(href: str, access: Any) -> Any:
    return access if "://" in href else False


def _around(area: shapely.Geometry, affine: Any) -> Window:
    west, south, east, north = area.bounds
    left, top = (~affine) @ (west, north)
    right, bottom = (~affine) @ (east, south)
    column, row = int(left) - _MARGIN_PX, int(top) - _MARGIN_PX
    return Window(column, row, int(right) + _MARGIN_PX - column, int(bottom) + _MARGIN_PX - row)


def _parts(tile: Any, made: Any) -> Iterator[tuple[Window, Any]]:
    """Yield what a tile holds of a file on its lattice, window by window."""
    left, top = (~made.transform) @ (tile.transform.c, tile.transform.f)
    column, row = round(left), round(top)
    for rows, columns in windows((made.height, made.width)):
        down = slice(max(rows.start, row), min(rows.stop, row + tile.height))
        across = slice(max(columns.start, column), min(columns.stop, column + tile.width))
        if down.start < down.stop and across.start < across.stop:
            place = Window.from_slices(down, across)
            yield place, tile.read(1, window=Window(
                across.start - column, down.start - row, place.width, place.height))  # fmt: skip
