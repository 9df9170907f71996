"""The maps that somebody else made, opened lazily, and their dates."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import xarray as xr

from obriy.errors import InputError, UsageError
from obriy.model.classmap import ClassMap
from obriy.model.grid import geobox_of, require_crs
from obriy.model.item import Item
from obriy.model.provenance import Provenance
from obriy.prepare.crop import crop
from obriy.registry import did_you_mean
from obriy.sources.base import Query
from obriy.sources.class_map import open_class_map
from obriy.sources.districts import read_districts
from obriy.sources.finding import find_items
from obriy.workflows.config.measure import MeasureConfig
from obriy.workflows.inputs import Inputs, OpenedItem, open_items
from obriy.workflows.water.balance import read_balance
from obriy.workflows.water.inputs import SeriesInputs, check_change, check_weights

LABELS = "labels"
"""Name of the layer of classes where a map goes the way of a scene."""


def read_maps(config: MeasureConfig) -> SeriesInputs:
    """Open every map lazily; what is wrong with the whole is said before the work.

    Raises:
        UsageError: a map twice, options that do not go with the class.
        InputError: what the codes mean is not clear, no date, or two maps of one.
        UnknownNameError: a class that a map does not have.
        GridError: maps of several lattices; no CRS where one is needed.
        SourceError: none can be opened.
    """
    _require_water(config)
    items = dated_maps(config.maps, config.datetime)
    districts = read_districts(config.aoi, config.layer) if config.aoi else []
    dates = [item.date for item in items]
    check_change(config.change, dates)
    balance = read_balance(config, districts, dates)
    inputs = open_items(
        list(zip(dates, items, strict=True)),
        lambda item: _scene(item, config),
        lambda bands: None,
        districts,
        config.resolution,
    )
    _require_size(config, inputs.scene)
    check_weights(config, inputs.opened)
    return SeriesInputs(inputs.opened, districts, balance)


def is_one(config: MeasureConfig) -> bool:
    """Say whether one map is meant, whose date need not be known."""
    if len(config.maps) > 1 or config.maps[0].is_dir() or config.series_options():
        return False
    return len(find_items([str(config.maps[0])], Query(each=True))) == 1


def read_map(config: MeasureConfig) -> Inputs:
    """Open one map lazily; errors are those of `read_maps`, but for dates."""
    _require_water(config)
    (item,) = find_items([str(config.maps[0])], Query(each=True))
    districts = read_districts(config.aoi, config.layer) if config.aoi else []
    scene = _scene(item, config)
    _require_size(config, scene)
    part = crop(scene, districts) if districts else scene
    return Inputs((OpenedItem(item, "", scene, part),), districts)


def dated_maps(maps: Sequence[Path], datetime: str | None) -> list[Item]:
    """Return maps with their dates, in the order of time.

    Args:
        maps: Files, or one folder of them.
        datetime: As for `obriy.sources.base.Query`.

    Raises:
        UsageError: a map is named twice.
        InputError: no date, or two maps of one.
    """
    if len({path.resolve() for path in maps}) < len(maps):
        raise UsageError("A map is named twice.", "Name each once.")
    items = find_items([str(path) for path in maps], Query(datetime, each=True))
    lost = [item.paths[0] for item in items if not item.date]
    if lost:
        raise InputError(
            f"Nothing tells the date of {lost[0]}.",
            "Name it with its date (lake_2023-08-19.tif); or give the folder of the maps, with a "
            "dates.csv in it that has the columns file,date.",
        )
    dates = [item.date for item in items]
    twice = sorted({day for day in dates if dates.count(day) > 1})
    if twice:
        raise InputError(
            f"There are two maps of {', '.join(twice)}.",
            "Measure tiles of one day apart, or put them together first (gdalbuildvrt).",
        )
    return items


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


def open_map_of_others(item: Item, config: MeasureConfig) -> ClassMap:
    """Open one map, and see that it has the class.

    Raises:
        UnknownNameError: it does not.
    """
    path = Path(item.paths[0])
    found = open_class_map(path, config.codes, item.step)
    known = [c.name for c in found.legend]
    if config.measured not in known:
        raise did_you_mean(f"class in {path.name}", config.measured, known)
    record = Provenance(({"href": str(path)},), found.provenance.steps)
    return dataclasses.replace(found, provenance=record, time=item.date or None)


def _scene(item: Item, config: MeasureConfig) -> xr.Dataset:
    return as_scene(open_map_of_others(item, config))


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
