"""What a run over ice reads, opened lazily; what is wrong with it is said before the work."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import xarray as xr
from odc.geo.geobox import GeoBox

from obriy.blocks.base import Method
from obriy.blocks.engine import EngineOptions
from obriy.errors import EmptyResultError, GridError, InputError, SourceError, UsageError
from obriy.model.areas import District
from obriy.model.grid import geobox_of
from obriy.model.item import Item
from obriy.model.legend import load_legend
from obriy.model.notices import notice
from obriy.model.reference import Reference
from obriy.model.scene import provenance_of
from obriy.sources.area_grid import area_grid
from obriy.sources.base import Query, is_made_up, truth_of
from obriy.sources.districts import read_districts
from obriy.sources.earthdata.remote import ADDRESS
from obriy.sources.finding import list_items
from obriy.sources.ice_examples import is_label
from obriy.sources.integrity import HDF4_SUFFIXES
from obriy.sources.land_mask import UNMASKED, with_land
from obriy.sources.modis.snow import read_snow_reference
from obriy.sources.quality import without_clouds
from obriy.sources.reference import open_reference
from obriy.sources.scene import asked, open_item
from obriy.workflows.config.ice import IceConfig
from obriy.workflows.inputs import Inputs, OpenedItem, open_items
from obriy.workflows.opening import told


@dataclasses.dataclass(frozen=True)
class IceInputs(Inputs):
    """What a run over ice reads: images, and labels to score against.

    Attributes:
        references: Labels by name of the image.
    """

    references: Mapping[str, Reference]


def read_ice_inputs(
    config: IceConfig, method: Method, options: EngineOptions | None = None
) -> IceInputs:
    """Open everything lazily.

    Args:
        config: What to read.
        method: What will look at it: an image that lacks a band of it fails.
        options: Progress: granules of the archive are fetched before they are opened.

    Raises:
        ObriyError: of the kind that fits, where no image can be mapped, or where several lie on
            different grids.
    """
    districts = read_districts(config.aoi, config.layer) if config.aoi else []
    every = ice_items(config, districts)
    items = [item for item in every if not item.skipped]
    if not items:
        why = every[0].skipped
        raise EmptyResultError(notice("all_left_out", count=len(every), why=why))
    grid = area_grid(config.aoi, crs=config.crs, resolution=config.resolution, layer=config.layer)
    named = [(item.id, item) for item in items]
    if config.aoi is None and len(items) > 1 and all(map(_is_granule, items)):
        raise GridError(
            f"Each of the {len(items)} granules lies on a grid of its own.",
            "Give the place with --aoi: they are all laid on its grid.",
        )
    show = options.progress if options and any(item.source == ADDRESS for item in items) else None
    done = itertools.count(1)

    def opened(item: Item) -> xr.Dataset:
        try:
            return _scene(item, config, grid)
        finally:
            if show is not None:
                show("fetch", next(done), len(items))

    inputs = open_items(named, opened, method.bands, districts, config.resolution)
    return IceInputs(inputs.opened, districts, _references(config, inputs.opened))


def ice_items(config: IceConfig, districts: Sequence[District]) -> list[Item]:
    """Find all that may be mapped, with what is not and why; nothing is opened or fetched yet.

    Raises:
        ObriyError: of the kind that fits.
    """
    query = Query(
        config.datetime,
        geolocation=tuple(config.geolocation or ()),
        clouds=config.clouds,
        districts=tuple(districts),
    )
    items = list_items(config.sources, query)
    _require_times(items)
    _require_granules(config, items)
    return items


def _require_times(items: Sequence[Item]) -> None:
    """Refuse an image whose time nothing tells, and two of one name.

    Raises:
        SourceError: naming the image.
        InputError: naming both.
    """
    for item in items:
        if not item.time:
            raise SourceError(
                f"Nothing tells the time of {Path(item.paths[0]).name}.",
                "Name the file with its date and time, e.g. 2021-02-18T0225.tif.",
            )
    names = [item.id for item in items]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"Two images are named {twice}.", "Keep one of them.")


def _require_granules(config: IceConfig, items: Sequence[Item]) -> None:
    """Refuse what is said of granules where there are none, and a CRS that nothing is laid in.

    Raises:
        UsageError: naming what is missing.
    """
    granules = any(map(_is_granule, items))
    if config.crs is not None and not (config.aoi and granules):
        raise UsageError(
            f"--crs {config.crs} is for granules laid on a place, and there is no "
            f"{'place' if granules else 'granule'}.",
            "Give --aoi with it." if granules else "Leave --crs away: images keep their grid.",
        )
    if config.geolocation and not granules:
        raise UsageError("--geolocation is for granules, and there is none.", "Leave it away.")


def _is_granule(item: Item) -> bool:
    return item.source in ("granules", ADDRESS)


def _scene(item: Item, config: IceConfig, grid: GeoBox | None) -> xr.Dataset:
    """Open an image as a Scene with its land, and its clouds where a mask tells them."""
    own = told(config)
    if _is_granule(item):
        scene = open_item(
            item, asked(**own, area=grid, land=config.land, resampling=config.resampling)
        )
    elif item.source == "pictures":  # a picture keeps its pixels
        scene = open_item(item, asked(**own | {"resolution": None}, land=config.land))
    else:
        scene = _with_land(open_item(item, asked(**own)), config, item)
    scene.attrs["time"] = item.time
    return without_clouds(scene) if config.clouds == "none" else scene


def _with_land(scene: xr.Dataset, config: IceConfig, item: Item) -> xr.Dataset:
    if config.land not in ("auto", "none"):
        return with_land(scene, Path(config.land))
    if not is_made_up(item.paths[0]):
        scene.attrs["provenance"] = provenance_of(scene).with_warning(UNMASKED)
    return scene


def _references(config: IceConfig, opened: Sequence[OpenedItem]) -> dict[str, Reference]:
    """Open labels on the grids of the maps, by name of the image."""
    if config.reference is None:
        return _truths(opened)
    place = Path(config.reference).expanduser()
    found = {}
    for one in opened:
        if one.part is None:
            continue
        file = _label_file(place, one.name) if place.is_dir() else place
        if file is not None:
            found[one.name] = _labels(file, geobox_of(one.part), config)
    if not found:
        raise InputError(
            f"{place} holds no labels for {opened[0].name}.",
            "Name the label files like the images, e.g. labels/2021-02-18T0225_terra.tif.",
        )
    if not place.is_dir() and len(found) > 1:
        raise UsageError(
            f"--reference {place} is one raster, and there are {len(found)} images.",
            "Give a folder of labels, named like the images.",
        )
    return found


def _truths(opened: Sequence[OpenedItem]) -> dict[str, Reference]:
    parts = [(one, one.part) for one in opened if one.part is not None]
    truths = {one.name: truth_of(one.item.paths[0], geobox_of(part)) for one, part in parts}
    return {name: truth for name, truth in truths.items() if truth is not None}


def _labels(file: Path, grid: GeoBox, config: IceConfig) -> Reference:
    """Open labels, or what MOD10A1 and MOD10A2 know of lakes, on a grid."""
    if _is_hdf(file):
        return read_snow_reference(file, grid)
    return open_reference(
        file,
        grid,
        legend=config.reference_legend,
        target=load_legend("ice"),
        outside=config.reference_outside,
    )


def _label_file(folder: Path, name: str) -> Path | None:
    named = (p for p in sorted(folder.iterdir()) if p.stem == name)
    return next((p for p in named if is_label(p) or _is_hdf(p)), None)


def _is_hdf(file: Path) -> bool:
    return file.name.lower().endswith(HDF4_SUFFIXES)
