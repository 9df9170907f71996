"""What a run over ice reads, opened lazily; what is wrong with it is said before the work."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import xarray as xr
from odc.geo.geobox import GeoBox

from obriy.blocks.base import Method
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
from obriy.model.legend import load_legend
from obriy.model.reference import Reference
from obriy.model.scene import band_names, provenance_of
from obriy.prepare.crop import crop
from obriy.sources.area_grid import area_grid
from obriy.sources.base import MADE_UP, truth_of
from obriy.sources.districts import read_districts
from obriy.sources.ice_examples import is_label
from obriy.sources.ice_images import IceImage, find_ice_images
from obriy.sources.integrity import HDF4_SUFFIXES
from obriy.sources.land_mask import UNMASKED, with_land
from obriy.sources.modis.snow import read_snow_reference
from obriy.sources.quality import without_clouds
from obriy.sources.reference import open_reference
from obriy.sources.scene import open_scene
from obriy.sources.series import require_alike
from obriy.workflows.config.ice import IceConfig
from obriy.workflows.opening import grid_text, open_as_told

_PASSED: Final = (SourceError, BandError, EmptyResultError, GeometryError)
"""What can be wrong with one image while the others go on."""


@dataclasses.dataclass(frozen=True)
class OpenedIce:
    """One image of a run.

    Attributes:
        image: Its files.
        scene: The whole of it, lazily; None where it could not be opened.
        part: The part around the districts.
        error: Why it could not be opened.
    """

    image: IceImage
    scene: xr.Dataset | None = None
    part: xr.Dataset | None = None
    error: ObriyError | None = None

    @property
    def name(self) -> str:
        """What tells it from the others."""
        return self.image.name


@dataclasses.dataclass(frozen=True)
class IceInputs:
    """What a run reads.

    Attributes:
        opened: The images, in the order of time.
        districts: Where areas are asked for; empty: whole images.
        references: Labels to score against, by name of the image.
    """

    opened: tuple[OpenedIce, ...]
    districts: list[District]
    references: Mapping[str, Reference]

    @property
    def good(self) -> list[OpenedIce]:
        """The images that could be opened."""
        return [one for one in self.opened if one.scene is not None]


def read_ice_inputs(config: IceConfig, method: Method) -> IceInputs:
    """Open everything lazily.

    Args:
        config: What to read.
        method: What will look at it: an image that lacks a band of it fails.

    Raises:
        ObriyError: of the kind that fits, where no image can be mapped, or where several lie on
            different grids.
    """
    images = find_ice_images(
        config.sources,
        geolocation=config.geolocation or (),
        clouds=config.clouds,
        datetime=config.datetime,
    )
    _require_a_place(config, images)
    districts = read_districts(config.aoi, config.layer) if config.aoi else []
    grid = area_grid(config.aoi, crs=config.crs, resolution=config.resolution, layer=config.layer)
    opened = tuple(_open(image, config, grid, districts, method) for image in images)
    good = [(one.image.name, one.scene) for one in opened if one.scene is not None]
    if not good:
        assert opened[0].error is not None
        raise opened[0].error
    if len(good) > 1:
        _require_one_grid(config, opened)
    if config.resolution is None:
        require_crs(geobox_of(good[0][1]), "an area in km²")
    return IceInputs(opened, districts, _references(config, opened))


def _require_a_place(config: IceConfig, images: Sequence[IceImage]) -> None:
    """Refuse a CRS that nothing would be laid in.

    Raises:
        UsageError: naming what is missing.
    """
    granules = any(_is_hdf4(image) for image in images)
    if config.crs is not None and not (config.aoi and granules):
        raise UsageError(
            f"--crs {config.crs} is for granules laid on a place, and there is no "
            f"{'place' if granules else 'granule'}.",
            "Give --aoi with it." if granules else "Leave --crs away: images keep their grid.",
        )


def _require_one_grid(config: IceConfig, opened: Sequence[OpenedIce]) -> None:
    """Raise unless all images that could be opened lie on one grid.

    Raises:
        GridError: with what to do about it.
    """
    grids = [(one.image.name, "", grid_text(one.scene)) for one in opened if one.scene is not None]
    apart = len({grid for _, _, grid in grids}) > 1
    if apart and config.aoi is None and all(_is_hdf4(one.image) for one in opened):
        raise GridError(
            f"Each of the {len(grids)} granules lies on a grid of its own.",
            "Give the place with --aoi: they are all laid on its grid.",
        )
    require_alike(grids)


def _is_hdf4(image: IceImage) -> bool:
    return image.path.lower().endswith(HDF4_SUFFIXES)


def _open(
    image: IceImage,
    config: IceConfig,
    grid: GeoBox | None,
    districts: Sequence[District],
    method: Method,
) -> OpenedIce:
    try:
        scene = _scene(image, config, grid)
        scene = without_clouds(scene) if config.clouds == "none" else scene
        method.bands(set(band_names(scene)))
        part = crop(scene, districts) if districts else scene
    except _PASSED as error:
        return OpenedIce(image, error=error)
    return OpenedIce(image, scene, part)


def _scene(image: IceImage, config: IceConfig, grid: GeoBox | None) -> xr.Dataset:
    """Open an image as a Scene with its land, and its clouds where a mask tells them."""
    mask = None if config.land in ("auto", "none") else Path(config.land)
    if _is_hdf4(image):
        return open_scene(
            image.path,
            area=grid,
            geolocation=None if image.geolocation is None else str(image.geolocation),
            land=config.land,
            clouds_file=None if image.clouds is None else str(image.clouds),
            resampling=config.resampling,
            resolution=config.resolution,
        )
    if image.is_picture:
        from obriy.sources.modis.pictures import open_picture

        own = image.land if config.land == "auto" else mask
        opened = open_picture(Path(image.path), image.false_colour, own, image.clouds)
        return _named(opened, image)
    scene = open_as_told(image.path, config)
    if mask is not None:
        return _named(with_land(scene, mask), image)
    if not image.path.startswith(MADE_UP):
        record = provenance_of(scene).with_warning(UNMASKED)
        scene.attrs["provenance"] = record
    return _named(scene, image)


def _named(scene: xr.Dataset, image: IceImage) -> xr.Dataset:
    scene.attrs["time"] = image.time
    return scene


def _references(config: IceConfig, opened: Sequence[OpenedIce]) -> dict[str, Reference]:
    """Open labels on the grids of the maps, by name of the image."""
    if config.reference is None:
        return _truths(opened)
    place = Path(config.reference).expanduser()
    found = {}
    for one in opened:
        if one.part is None:
            continue
        file = _label_file(place, one.image.name) if place.is_dir() else place
        if file is not None:
            found[one.image.name] = _labels(file, geobox_of(one.part), config)
    if not found:
        raise InputError(
            f"{place} holds no labels for {opened[0].image.name}.",
            "Name the label files like the images, e.g. labels/2021-02-18T0225_terra.tif.",
        )
    if not place.is_dir() and len(found) > 1:
        raise UsageError(
            f"--reference {place} is one raster, and there are {len(found)} images.",
            "Give a folder of labels, named like the images.",
        )
    return found


def _truths(opened: Sequence[OpenedIce]) -> dict[str, Reference]:
    parts = [(one.image, one.part) for one in opened if one.part is not None]
    truths = {image.name: truth_of(image.path, geobox_of(part)) for image, part in parts}
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
