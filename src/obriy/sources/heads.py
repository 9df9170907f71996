"""What the head of an image file tells: how many bands, which tags; no pixel is decoded.

To open a file takes a millisecond: a folder of a thousand is listed by names where they tell, each
file is opened once where they do not, and what is asked of an image alone waits until it is opened.
"""

import dataclasses
import functools
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, Final

from rasterio.errors import RasterioError

from obriy.blocks.gdal import open_raster
from obriy.blocks.handles import state_of
from obriy.errors import SourceError
from obriy.model.item import Item
from obriy.sources.base import FILES
from obriy.sources.listing import list_files

_CLOUD_KEYS: Final = (
    "eo:cloud_cover",
    "cloud_cover",
    "cloudy_pixel_percentage",
    "cloud_coverage_assessment",
)


@dataclasses.dataclass(frozen=True)
class Head:
    """What the head of a file tells.

    Attributes:
        bands: How many there are; 1 where it cannot be opened: that is said when it is.
        tags: Its own; empty where it cannot be opened.
    """

    bands: int = 1
    tags: Mapping[str, str] = dataclasses.field(default_factory=dict)


def head_of(file: Path) -> Head:
    """Return what the head of a file tells; it is opened once as long as it stays as it is."""
    return _head(str(file), state_of(file))


@functools.lru_cache(maxsize=4096)
def _head(file: str, state: Hashable) -> Head:
    try:
        with open_raster(file) as dataset:
            return Head(int(dataset.count) or len(dataset.subdatasets), dict(dataset.tags()))
    except (RasterioError, SourceError, OSError):
        return Head()


def cloud_cover_in(told: Mapping[str, Any]) -> float | None:
    """Return the cloudiness of a scene among what is told of it, per cent; None: it is not."""
    lower = {key.rsplit("#", 1)[-1].lower(): value for key, value in told.items()}
    numbers = (_percent(lower[key]) for key in _CLOUD_KEYS if lower.get(key) is not None)
    return next((number for number in numbers if number is not None), None)


def with_cloud_cover(item: Item) -> Item:
    """Return an image with the cloudiness in the tags of its file, where nothing else told it."""
    if item.cloud_cover is not None or item.source != FILES:
        return item
    first = Path(list_files(item.paths)[0][0])
    return dataclasses.replace(item, cloud_cover=cloud_cover_in(head_of(first).tags))


def _percent(text: Any) -> float | None:
    try:
        number = float(text)
    except (TypeError, ValueError):
        return None
    return number if 0 <= number <= 100 else None
