"""A picture of an image that a run mapped, where its source can still be read."""

from pathlib import Path
from typing import Any, Final

import xarray as xr

from obriy.errors import SourceError
from obriy.model.grid import geobox_of
from obriy.model.item import Item
from obriy.outputs.pictures import write_picture
from obriy.prepare.crop import crop
from obriy.render.pictures import preview
from obriy.sources.area_grid import area_grid
from obriy.sources.base import Query
from obriy.sources.finding import list_items
from obriy.sources.scene import SWATHS, asked, open_item, open_scene
from obriy.workflows.config.reading import ReadingConfig
from obriy.workflows.inputs import districts_of, lies_far
from obriy.workflows.landcover.season_making import SEASON
from obriy.workflows.opening import told

SIDE: Final = 2048
"""Longest side of the picture, pixels."""


def sources_of(config: ReadingConfig) -> list[str]:
    """Return what a configuration reads; empty where that lies in the network."""
    named: Any = getattr(config, config.argument())
    names = [str(one) for one in (named if isinstance(named, list) else [named])]
    return [] if any(map(lies_far, names)) else names


def scene_picture(
    config: ReadingConfig, date: str, folder: Path, path: Path, *, infrared: bool = False
) -> Path:
    """Write a picture of an image of a run, cut to its districts.

    Args:
        config: Of the run.
        date: Of the image, ISO 8601, of a season an interval; empty: it has none.
        folder: The run folder.
        path: The GeoTIFF.
        infrared: Near infrared as red in place of true colour, where there is such a band.

    Raises:
        SourceError: there is no such image (any more).
        ObriyError: as `open_scene` raises.
    """
    scene = scene_of_date(config, date, folder)
    districts = districts_of(config)
    part = crop(scene, districts) if districts and geobox_of(scene).crs is not None else scene
    return write_picture(preview(part, SIDE, infrared=infrared), geobox_of(part), path)


def last_picture(config: ReadingConfig, path: Path) -> str:
    """Write a picture of the last image of a source, whole: where districts may be drawn.

    Args:
        config: How it is read; its districts are not looked at.
        path: The GeoTIFF.

    Returns:
        Date of the image; empty: it has none.

    Raises:
        SourceError: there is no image, or it lies in the network.
        ObriyError: as `open_scene` raises.
    """
    sources = sources_of(config)
    found = list_items(sources, Query(getattr(config, "datetime", None))) if sources else []
    items = [item for item in found if not item.skipped]
    if not items:
        raise SourceError("There is no image here to show.")
    item = max(items, key=lambda one: one.date)
    scene = open_item(item, _asked(config.model_copy(update={"aoi": None}), item))
    write_picture(preview(scene, SIDE), geobox_of(scene), path)
    return item.date


def scene_of_date(config: ReadingConfig, date: str, folder: Path) -> xr.Dataset:
    """Open the image of a run that is of a date, lazily; of a season what was made of its dates.

    Args:
        config: Of the run.
        date: ISO 8601, of a season an interval; empty: it has none.
        folder: The run folder.

    Raises:
        SourceError: there is no such image (any more).
        ObriyError: as `open_scene` raises.
    """
    if "/" in date and (folder / SEASON).exists():
        return open_scene(folder / SEASON)
    query = Query(getattr(config, "datetime", None))
    items = [i for i in list_items(sources_of(config), query) if not i.skipped]
    item = next((i for i in items if i.date == date), items[0] if len(items) == 1 else None)
    if item is None:
        raise SourceError(f"There is no image of {date or 'this run'} any more.")
    return open_item(item, _asked(config, item))


def _asked(config: ReadingConfig, item: Item) -> Any:
    own = told(config)
    if item.source in SWATHS:
        crs = getattr(config, "crs", None)
        own["area"] = area_grid(
            config.aoi, crs=crs, resolution=config.resolution, layer=config.layer
        )
    return asked(**own)
