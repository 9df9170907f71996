"""What a run reads: the images that were found, opened lazily, and the districts.

One image, a season of water and a winter of ice are read here, all of them; what is wrong with one
image is noted beside it, what is wrong with all of them is said before the work.
"""

import dataclasses
from collections.abc import Callable, Sequence

import xarray as xr

from obriy.blocks.engine import EngineOptions
from obriy.errors import (
    BandError,
    EmptyResultError,
    GeometryError,
    GridError,
    ObriyError,
    SourceError,
    UsageError,
)
from obriy.model.areas import District
from obriy.model.grid import geobox_of, require_crs
from obriy.model.item import Item
from obriy.model.notices import reason_of
from obriy.model.scene import band_names
from obriy.prepare.crop import crop
from obriy.sources.base import Query
from obriy.sources.districts import read_districts
from obriy.sources.finding import find_items
from obriy.workflows.config.reading import ImageConfig
from obriy.workflows.opening import grid_text, scene_of

PASSED = (SourceError, BandError, EmptyResultError, GeometryError)
"""What can be wrong with one image while the others go on."""


@dataclasses.dataclass(frozen=True)
class OpenedItem:
    """One image of a run.

    Attributes:
        item: What was found.
        name: What tells it from the others: its date, or the name of a granule; empty where it is
            alone.
        scene: The whole of it, lazily: decisions rest on it; None where it could not be opened.
        part: The part around the districts; all of it where there are none.
        error: Why it could not be opened.
    """

    item: Item
    name: str = ""
    scene: xr.Dataset | None = None
    part: xr.Dataset | None = None
    error: ObriyError | None = None

    @property
    def reason(self) -> str:
        """Why it could not be opened, in words; empty where it could."""
        return "" if self.error is None else reason_of(self.error)


@dataclasses.dataclass(frozen=True)
class Inputs:
    """What a run reads.

    Attributes:
        opened: The images, in the order of time.
        districts: Where areas are asked for; empty: whole images.
    """

    opened: tuple[OpenedItem, ...]
    districts: list[District]

    @property
    def good(self) -> list[OpenedItem]:
        """The images that could be opened."""
        return [one for one in self.opened if one.scene is not None]

    @property
    def scene(self) -> xr.Dataset:
        """The first image that could be opened."""
        return next(one.scene for one in self.opened if one.scene is not None)

    @property
    def part(self) -> xr.Dataset:
        """The part of it around the districts."""
        return next(one.part for one in self.opened if one.part is not None)


def find_images(config: ImageConfig, datetime: str | None = None) -> list[Item]:
    """Find the images of a configuration that names one file or folder."""
    return find_items([config.source], Query(datetime=datetime))


def one_image(config: ImageConfig, options: EngineOptions | None = None) -> Inputs:
    """Open the only image of a configuration, and the districts.

    Raises:
        UsageError: where there are several: one of them would silently stand for all.
        ObriyError: as `open_scene` raises.
    """
    items = find_images(config)
    if len(items) > 1:
        shown = ", ".join(item.date or item.id for item in items[:3])
        raise UsageError(
            f"{config.source} holds {len(items)} images ({shown}{', …' * (len(items) > 3)}), and "
            f"'obriy {' '.join(config.words())}' maps one.",
            f"Name one of them, e.g. {items[0].paths[0]}.",
        )
    return read_image(config, items[0], options)


def read_image(config: ImageConfig, item: Item, options: EngineOptions | None = None) -> Inputs:
    """Open one image and the districts; nothing is read of the pixels yet."""
    scene = scene_of(config, item, options)
    districts = read_districts(config.aoi, config.layer) if config.aoi else []
    part = crop(scene, districts) if districts else scene
    return Inputs((OpenedItem(item, "", scene, part),), districts)


def open_items(
    named: Sequence[tuple[str, Item]],
    open_one: Callable[[Item], xr.Dataset],
    needs: Callable[[set[str]], object],
    districts: list[District],
    resolution: float | None,
) -> Inputs:
    """Open images of several times; one that cannot be opened is noted, and the others go on.

    Args:
        named: The images with their names in the run, in the order of time.
        open_one: Opens one of them as a Scene that knows its time.
        needs: Raises BandError where the names of the bands are not enough.
        districts: Where areas are asked for.
        resolution: Size of a pixel of images without a CRS, m; None: they need one.

    Raises:
        ObriyError: of the kind that fits, where none can be opened.
        GridError: images on different grids, or without a CRS or a pixel size.
    """

    def opened(name: str, item: Item) -> OpenedItem:
        try:
            scene = open_one(item)
            needs(set(band_names(scene)))
            return OpenedItem(item, name, scene, crop(scene, districts) if districts else scene)
        except PASSED as error:
            return OpenedItem(item, name, error=error)

    inputs = Inputs(tuple(opened(name, item) for name, item in named), districts)
    _require_any(inputs)
    require_alike(inputs.good)
    if resolution is None:
        require_crs(geobox_of(inputs.scene), "an area in km²")
    return inputs


def _require_any(inputs: Inputs) -> None:
    """Raise what is wrong with the first image, where not one could be opened."""
    error = inputs.opened[0].error
    if not inputs.good and error is not None:
        raise error


def require_alike(opened: Sequence[OpenedItem]) -> None:
    """Raise unless all images that could be opened are of one sensor and one grid.

    Raises:
        GridError: naming the images that differ.
    """
    facts = [
        (o.name, o.scene.attrs.get("sensor", ""), grid_text(o.scene)) for o in opened if o.scene
    ]
    first = facts[0]
    for what, place in (("sensor", 1), ("grid", 2)):
        other = [f for f in facts if f[place] != first[place]]
        if other:
            more = f" (and {len(other) - 1} more differ)." if len(other) > 1 else "."
            raise GridError(
                f"The images are not of one {what}: {first[0]} has {first[place]}, "
                f"{other[0][0]} has {other[0][place]}{more}",
                "Run each kind by itself, or bring them to one grid first "
                "(gdalwarp -t_srs EPSG:CODE -tr X Y -tap)."
                if what == "grid"
                else "Run each sensor by itself; --sensor says it where it is not recognised.",
            )
