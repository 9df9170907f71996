"""Images of several dates, opened as one stack: what series of water and seasons of land have."""

from collections.abc import Sequence

import xarray as xr

from obriy.errors import SourceError
from obriy.model.areas import District
from obriy.model.item import Item
from obriy.sources.base import Needs
from obriy.sources.dated_files import SIDECAR
from obriy.workflows.config.reading import ImageConfig
from obriy.workflows.inputs import Inputs, open_items
from obriy.workflows.opening import scene_of


def open_dates(
    config: ImageConfig, items: Sequence[Item], needs: Needs, districts: list[District]
) -> Inputs:
    """Open the images of several dates lazily, each by its date; one that fails is noted.

    Args:
        config: How to read them.
        items: The images, in the order of time; those of a day are tiles of one image.
        needs: Returns the bands that are read, of those there are; raises BandError.
        districts: Where areas are asked for; empty: whole images.

    Raises:
        ObriyError: as `open_items` raises.
        SourceError: an image without a date.
    """
    require_dates(items)

    def open_one(item: Item) -> xr.Dataset:
        scene = scene_of(config, item, districts=districts, needs=needs)
        scene.attrs["time"] = item.date
        return scene

    named = [(item.date, item) for item in items]
    return open_items(named, open_one, needs, districts, config.resolution)


def require_dates(items: Sequence[Item]) -> None:
    """Raise where an image has no date.

    Raises:
        SourceError: with how to say it.
    """
    lost = next((item for item in items if not item.date), None)
    if lost is not None:
        raise SourceError(
            f"Nothing tells the date of {lost.paths[0]}.",
            f"Name it with its date (2025-06-08), or write {SIDECAR} beside it with the columns "
            "file,date.",
        )
