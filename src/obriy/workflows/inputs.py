"""What a run reads: the images that were found, opened lazily, and the districts.

One image, a season of water and a winter of ice are read here, all of them; what is wrong with one
image is noted beside it, what is wrong with all of them is said before the work.
"""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import xarray as xr
from odc.geo.geobox import GeoBox

from obriy.blocks.engine import EngineOptions
from obriy.blocks.waiting import at_once
from obriy.errors import (
    BandError,
    EmptyResultError,
    GeometryError,
    GridError,
    InputError,
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
from obriy.prepare.lattice import common_grid, lay_on, mosaic, on_one_lattice, overlap
from obriy.prepare.warp import one_grid, warp_on
from obriy.sources.base import SOURCES, Needs, Query, source_of
from obriy.sources.finding import list_items
from obriy.sources.heads import with_cloud_cover
from obriy.tables.sensor import kin_of
from obriy.workflows.config.reading import ImageConfig, PlaceConfig
from obriy.workflows.opening import grid_text, scene_of

TILES_OVERLAP = 0.5
"""Share of a tile that may lie on another of its day: those of Sentinel-2 share a fifth, rows of
Landsat as much; more is the same place twice."""
TILED = "process:"
"""The source whose images are made of requests."""
PASSED = (SourceError, BandError, EmptyResultError, GeometryError)
"""What can be wrong with one image while the others go on."""


def status_of(error: ObriyError | None) -> str:
    """Return what became of an image without a map: ``skipped`` (nothing seen) or ``failed``."""
    # Night, or clouds over all of it: nothing is wrong with the file.
    return "skipped" if isinstance(error, EmptyResultError) else "failed"


@dataclasses.dataclass(frozen=True)
class OpenedItem:
    """One image of a run.

    Attributes:
        item: What was found.
        name: What tells it from the others: its date, or the name of a granule; empty where it is
            alone.
        scene: The whole of it, lazily: decisions rest on it; None where it could not be opened.
        part: The part around the districts; all of it where there are none.
        ground: What its tiles show, as they lie in files; empty: a catalogue found it by its place.
        error: Why it could not be opened.
    """

    item: Item
    name: str = ""
    scene: xr.Dataset | None = None
    part: xr.Dataset | None = None
    ground: tuple[GeoBox, ...] = ()
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
    def scene(self) -> xr.Dataset:
        """The first image that could be opened."""
        return next(one.scene for one in self.opened if one.scene is not None)

    @property
    def part(self) -> xr.Dataset:
        """The part of it around the districts."""
        return next(one.part for one in self.opened if one.part is not None)


def find_images(
    config: ImageConfig, datetime: str | None = None, best: int | None = None
) -> list[Item]:
    """Find the images of a configuration that names one file or folder, or a catalogue.

    Args:
        config: What to look in.
        datetime: Of what dates; None: of all.
        best: How many dates, of a source in the network; None: as the configuration says.
    """
    return [item for item in list_images(config, datetime, best) if not item.skipped]


def list_images(
    config: ImageConfig, datetime: str | None = None, best: int | None = None
) -> list[Item]:
    """Return the same with what is not read though it was found, which says why."""
    tiles = _tiles(config)
    if not lies_far(config.source):
        _refuse_choice(config)
        where = tuple(districts_of(config)) if is_index(config.source) else ()
        return list_items([config.source], Query(datetime=datetime, districts=where))
    query = Query(
        datetime=datetime,
        districts=tuple(districts_of(config)),
        max_cloud=getattr(config, "max_cloud", None),
        max_dates=getattr(config, "max_dates", None),
        best=best or getattr(config, "best", None),
        tiles=tiles,
        resolution=config.resolution,
    )
    return list_items([config.source], query)


def _refuse_choice(config: ImageConfig) -> None:
    """Raise where options choose among what a catalogue lists, and the source is none."""
    for name in ("max_cloud", "max_dates", "best"):
        if getattr(config, name, None) is not None:
            raise UsageError(
                f"--{name.replace('_', '-')} chooses among what a catalogue lists, and "
                f"{config.source} is none.",
                "Leave it away; --datetime A/B chooses dates of a folder.",
            )


def _tiles(config: ImageConfig) -> str | None:
    """Return how an image is cut into requests; None: as the source finds best.

    Raises:
        UsageError: several ways, or a source that makes no images.
    """
    tiles: list[str] = getattr(config, "tiles", [])
    if tiles and source_of(config.source) != TILED:
        raise UsageError(
            f"--tiles cuts requests of {TILED}, and {config.source} is none.", "Leave it away."
        )
    if len(tiles) > 1:
        raise UsageError(
            f"--tiles names {len(tiles)} ways to cut, and one image is cut in one.",
            "Name one; 'obriy compare water' compares several.",
        )
    return tiles[0] if tiles else None


def lies_far(source: str) -> bool:
    """Say whether a source is asked for a place and a period, and lies in the network."""
    return SOURCES.get(source_of(source)).far


def is_index(source: str) -> bool:
    """Say whether a source lists images that lie here, and is asked for a place."""
    return SOURCES.get(source_of(source)).placed


def districts_of(config: PlaceConfig) -> list[District]:
    """Return where areas are asked for; empty: whole images."""
    if not config.aoi:
        return []
    from obriy.sources.districts import read_districts  # loads what reads vectors

    return read_districts(config.aoi, config.layer)


def one_image(
    config: ImageConfig, options: EngineOptions | None = None, needs: Needs | None = None
) -> Inputs:
    """Open the only image of a configuration, and the districts; of a catalogue the best one.

    Raises:
        UsageError: where there are several: one of them would silently stand for all.
        ObriyError: as `open_scene` raises.
    """
    datetime = getattr(config, "datetime", None)
    if lies_far(config.source):
        return read_image(config, find_images(config, datetime, best=1), options, needs)
    items = find_images(config, datetime)
    if len(items) > 1:
        dates = {item.date for item in items}  # of one date their names tell more
        shown = ", ".join(item.id if len(dates) == 1 else item.date for item in items[:3])
        files = {item.paths for item in items}
        chosen = ", or choose by --datetime" * (len(dates) > 1 and hasattr(config, "datetime"))
        raise UsageError(
            f"{config.source} holds {len(items)} images ({shown}{', …' * (len(items) > 3)}), and "
            f"'obriy {' '.join(config.words())}' maps one.",
            f"Name one of them, e.g. {items[0].paths[0]}{chosen}."
            if len(files) > 1
            else "Write one of them to a file of its own (cdo seltimestep,1 CUBE.nc ONE.nc).",
        )
    return read_image(config, items, options, needs)


def read_image(
    config: ImageConfig,
    items: Sequence[Item],
    options: EngineOptions | None = None,
    needs: Needs | None = None,
) -> Inputs:
    """Open one image and the districts; nothing is read of the pixels yet.

    Args:
        config: How to read it.
        items: It; of a source in the network its tiles.
        options: Progress.
        needs: Returns the bands that are wanted of it; None: all.
    """
    districts = districts_of(config)
    if lies_far(config.source):
        named = [("", item) for item in items]
        return open_items(
            named,
            lambda item: scene_of(config, item, options, districts, needs),
            lambda bands: None,
            districts,
            config.resolution,
        )
    scene = scene_of(config, items[0], options, needs=needs)
    part = crop(scene, districts) if districts else scene
    return Inputs((OpenedItem(items[0], "", scene, part),), districts)


def open_items(
    named: Sequence[tuple[str, Item]],
    open_one: Callable[[Item], xr.Dataset],
    needs: Callable[[set[str]], object],
    districts: list[District],
    resolution: float | None,
) -> Inputs:
    """Open images of several times; one that cannot be opened is noted, and the others go on.

    Images of one lattice whose edges differ are laid on the grid that holds them all; those of one
    name are tiles, and become one image.

    Args:
        named: The images with their names in the run, in the order of time.
        open_one: Opens one of them as a Scene that knows its time.
        needs: Raises BandError where the names of the bands are not enough.
        districts: Where areas are asked for.
        resolution: Size of a pixel of images without a CRS, m; None: they need one.

    Raises:
        ObriyError: of the kind that fits, where none can be opened.
        GridError: images that lie on no common lattice, or without a CRS or a pixel size.
        InputError: two images of one name that show the same place.
    """
    far = SOURCES.get(named[0][1].source).far
    opened_at_once = at_once(
        lambda item: _tried(item, open_one, needs), (item for _, item in named), waits=far
    )
    tried = [(name, item, found) for (name, item), found in zip(named, opened_at_once, strict=True)]
    scenes = [(name, scene) for name, _, scene in tried if isinstance(scene, xr.Dataset)]
    if not scenes:
        raise next(found for _, _, found in tried if isinstance(found, ObriyError))
    grid = _common_grid(scenes, districts, far=far)
    if resolution is None:
        require_crs(grid, "an area in km²")
    by_name: dict[str, list[tuple[Item, xr.Dataset | ObriyError]]] = {}
    for name, item, found in tried:
        told = with_cloud_cover(item) if isinstance(found, xr.Dataset) else item
        by_name.setdefault(name, []).append((told, found))
    opened = [_one_of(name, tiles, grid, districts, far=far) for name, tiles in by_name.items()]
    error = opened[0].error
    if error is not None and all(one.error is not None for one in opened):
        raise error
    return Inputs(tuple(opened), districts)


def _tried(
    item: Item, open_one: Callable[[Item], xr.Dataset], needs: Callable[[set[str]], object]
) -> xr.Dataset | ObriyError:
    try:
        scene = open_one(item)
        needs(set(band_names(scene)))
    except PASSED as error:
        return error
    return scene


def _one_of(
    name: str,
    tiles: Sequence[tuple[Item, xr.Dataset | ObriyError]],
    grid: GeoBox,
    districts: list[District],
    *,
    far: bool,
) -> OpenedItem:
    """Return the one image that the tiles of a name are; none where one of them is lost."""
    item = dataclasses.replace(
        tiles[0][0], paths=tuple(path for tile, _ in tiles for path in tile.paths)
    )
    scenes = []
    for _, found in tiles:
        if isinstance(found, ObriyError):
            return OpenedItem(item, name, error=found)
        scenes.append(found)
    if not far:
        _require_apart(name, [tile for tile, _ in tiles], [geobox_of(scene) for scene in scenes])
    ground = () if far else tuple(map(geobox_of, scenes))
    # Those of a catalogue may show the same ground: what lies on the grid already comes first.
    scenes.sort(key=lambda scene: not on_one_lattice(grid, geobox_of(scene)))
    scene = mosaic([_brought(scene, grid) for scene in scenes])
    try:
        part = crop(scene, districts) if districts else scene
        return OpenedItem(item, name, scene, part, ground)
    except GeometryError as error:
        return OpenedItem(item, name, error=error)


def _require_apart(name: str, tiles: Sequence[Item], grids: Sequence[GeoBox]) -> None:
    """Raise where two images of one name show the same place: nobody says which is meant."""
    for number, grid in enumerate(grids):
        if any(overlap(other, grid) > TILES_OVERLAP for other in grids[:number]):
            names = ", ".join(Path(path).name for tile in tiles for path in tile.paths)
            raise InputError(
                f"There is more than one image of {name}: {names}. They show the same place.",
                "Keep one of them.",
            )


def _brought(scene: xr.Dataset, grid: GeoBox) -> xr.Dataset:
    """Return a scene on the grid of the run: on its very pixels, or warped from another CRS."""
    same = on_one_lattice(grid, geobox_of(scene))
    return lay_on(scene, grid) if same else warp_on(scene, grid)


def _common_grid(
    scenes: Sequence[tuple[str, xr.Dataset]], districts: Sequence[District], *, far: bool
) -> GeoBox:
    """Return the grid that holds all images, which are of one sensor and one lattice.

    Those of a catalogue may be of several: an area may lie across a border of UTM zones.

    Raises:
        GridError: naming the images that differ.
    """
    first = scenes[0][1]
    _require_none(
        "sensor", "Run each sensor by itself; --sensor says it where it is not recognised.",
        [(n, str(s.attrs.get("sensor", ""))) for n, s in scenes],
        [n for n, s in scenes if _kin(s) != _kin(first)],
    )  # fmt: skip
    if far:
        return one_grid([geobox_of(scene) for _, scene in scenes], districts)
    _require_none(
        "grid", "Run each kind by itself, or bring them to one grid first "
        "(gdalwarp -t_srs EPSG:CODE -tr X Y -tap).",
        [(n, grid_text(s)) for n, s in scenes],
        [n for n, s in scenes if not on_one_lattice(geobox_of(first), geobox_of(s))],
    )  # fmt: skip
    return common_grid([geobox_of(scene) for _, scene in scenes])


def _kin(scene: xr.Dataset) -> str:
    return kin_of(str(scene.attrs.get("sensor", "")))


def _require_none(
    what: str, hint: str, told: Sequence[tuple[str, str]], apart: Sequence[str]
) -> None:
    if apart:
        more = f" (and {len(apart) - 1} more differ)." if len(apart) > 1 else "."
        raise GridError(
            f"The images are not of one {what}: {told[0][0]} has {told[0][1]}, "
            f"{apart[0]} has {dict(told)[apart[0]]}{more}",
            hint,
        )
