"""The maps that somebody else made, opened lazily, and their dates."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import xarray as xr

from obriy.errors import InputError, SourceError, UsageError
from obriy.model.areas import District
from obriy.model.classmap import ClassMap
from obriy.model.grid import geobox_of, require_crs
from obriy.model.provenance import Provenance
from obriy.prepare.crop import crop
from obriy.registry import did_you_mean
from obriy.sources.class_map import open_class_map
from obriy.sources.dates import date_in, date_of, day_comes_first
from obriy.sources.districts import read_districts
from obriy.sources.series import DatedImage, find_series, require_alike
from obriy.workflows.config.measure import MeasureConfig
from obriy.workflows.opening import grid_text
from obriy.workflows.water.balance import read_balance
from obriy.workflows.water.image import Inputs
from obriy.workflows.water.inputs import OpenedImage, SeriesInputs, check_change, check_weights

LABELS = "labels"
"""Name of the layer of classes where a map goes the way of a scene."""


def read_maps(config: MeasureConfig) -> SeriesInputs:
    """Open every map lazily; what is wrong with the whole is said before the work.

    Raises:
        UsageError: a map twice, options that do not go with the class.
        InputError: what the codes mean is not clear, no date, or two maps of one.
        UnknownNameError: a class that a map does not have.
        GridError: maps of several grids; no CRS where one is needed.
        SourceError: none can be opened.
    """
    _require_water(config)
    images = dated_maps(config.maps, config.datetime)
    districts = read_districts(config.aoi, config.layer) if config.aoi else []
    dates = [image.date for image in images]
    check_change(config.change, dates)
    balance = read_balance(config, districts, dates)
    opened = tuple(_open(image, config, districts) for image in images)
    good = [(one.name, one.scene) for one in opened if one.scene is not None]
    if not good:
        raise SourceError(opened[0].reason, "No map could be opened.")
    require_alike([(date, "", grid_text(scene)) for date, scene in good])
    _require_size(config, good[0][1])
    check_weights(config, opened)
    return SeriesInputs(opened, districts, balance)


def is_one(config: MeasureConfig) -> bool:
    """Say whether one map is meant, whose date need not be known."""
    return len(config.maps) == 1 and not config.maps[0].is_dir() and not config.series_options()


def read_map(config: MeasureConfig) -> Inputs:
    """Open one map lazily; errors are those of `read_maps`, but for dates."""
    _require_water(config)
    path = config.maps[0]
    districts = read_districts(config.aoi, config.layer) if config.aoi else []
    scene = as_scene(open_map_of_others(path, config, date_of([str(path)], {})))
    _require_size(config, scene)
    return Inputs(scene, crop(scene, districts) if districts else scene, districts)


def dated_maps(maps: Sequence[Path], datetime: str | None) -> list[DatedImage]:
    """Return maps with their dates, in the order of time: the one place that asks for them.

    Args:
        maps: One folder, whose images `find_series` dates; or files, which their names and tags do.
        datetime: As for `find_series`.

    Raises:
        UsageError: a map is named twice.
        InputError: no date, or two maps of one.
    """
    if len(maps) == 1 and maps[0].is_dir():
        return find_series(maps[0], datetime)
    if len({path.resolve() for path in maps}) < len(maps):
        raise UsageError("A map is named twice.", "Name each once.")
    if datetime is not None:
        raise UsageError(
            "--datetime chooses among the maps of a folder, and files are named.",
            "Name those that are meant, or their folder.",
        )
    day_first = day_comes_first(path.name for path in maps)
    days = {
        path: date_in(path.name, day_first=day_first) or date_of([str(path)], {}) for path in maps
    }
    lost = [path for path, day in days.items() if day is None]
    if lost:
        raise InputError(
            f"Nothing tells the date of {lost[0]}.",
            "Name it with its date (lake_2023-08-19.tif); or give the folder of the maps, with a "
            "dates.csv in it that has the columns file,date.",
        )
    found = [DatedImage(str(day), (str(path),)) for path, day in days.items()]
    dates = [image.date for image in found]
    twice = sorted({day for day in dates if dates.count(day) > 1})
    if twice:
        raise InputError(
            f"There are two maps of {', '.join(twice)}.",
            "Measure tiles of one day apart, or put them together first (gdalbuildvrt).",
        )
    return sorted(found, key=lambda image: image.date)


def as_scene(class_map: ClassMap) -> xr.Dataset:
    """Return a map in the shape of a scene: it goes the way that scenes go, to be mapped."""
    layers = {LABELS: class_map.labels, "unseen": class_map.unseen}
    scene = xr.Dataset({name: layer for name, layer in layers.items() if layer is not None})
    scene.attrs = {
        "provenance": class_map.provenance,
        "time": class_map.time,
        "legend": class_map.legend,
    }
    return scene


def open_map_of_others(path: Path, config: MeasureConfig, date: str | None = None) -> ClassMap:
    """Open one map, and see that it has the class.

    Raises:
        UnknownNameError: it does not.
    """
    found = open_class_map(path, config.codes)
    known = [c.name for c in found.legend]
    if config.measured not in known:
        raise did_you_mean(f"class in {path.name}", config.measured, known)
    record = Provenance(({"href": str(path)},), found.provenance.steps)
    return dataclasses.replace(found, provenance=record, time=date)


def _open(image: DatedImage, config: MeasureConfig, districts: Sequence[District]) -> OpenedImage:
    if len(image.paths) > 1 or Path(image.paths[0]).is_dir():
        raise InputError(
            f"{config.maps[0]} holds more than one file of {image.date}.",
            "A map of classes is one file; take the others away.",
        )
    try:
        scene = as_scene(open_map_of_others(Path(image.paths[0]), config, image.date))
    except SourceError as error:
        return OpenedImage(image, error=error)
    return OpenedImage(image, scene, crop(scene, districts) if districts else scene)


def _require_water(config: MeasureConfig) -> None:
    """Raise where what is asked for is of water, and another class is measured."""
    asked = [
        name for name in ("register", "river", "evaporation") if name in config.series_options()
    ]
    if asked and config.measured != "water":
        raise UsageError(
            f"--{asked[0]} is of water, and the class is '{config.measured}'.", "Leave it away."
        )


def _require_size(config: MeasureConfig, scene: xr.Dataset) -> None:
    """Raise unless the size of a pixel is known once."""
    geobox = geobox_of(scene)
    if config.resolution is None:
        require_crs(geobox, "an area in km²")
    elif geobox.crs is not None:
        raise UsageError(
            "--resolution is for maps without CRS, and these have one.", "Leave it away."
        )
