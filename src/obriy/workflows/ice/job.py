"""`obriy ice`: granules to maps of sea ice, areas and seasons, in a run folder.

    maps/IMAGE/           map, unseen, doubt and, where the method tells them, shares of each image
    days/DATE/            the map of the day and its concentration, with a STAC item

An image that fails is listed, in the result and in the exit code; the others go on.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

import xarray as xr

from obriy.blocks.engine import EngineOptions
from obriy.measures.composite import Rule, compose, composite_record
from obriy.measures.concentration import concentration
from obriy.measures.ice import measure_ice
from obriy.measures.ice_season import seasons_of
from obriy.model.classmap import ClassMap
from obriy.model.grid import geobox_of
from obriy.model.ice import IceArea
from obriy.model.item import Item
from obriy.model.layers import LAYERS
from obriy.model.notices import joined
from obriy.outputs.cog import write_layer
from obriy.runs.fingerprint import fingerprint
from obriy.runs.folder import RunFolder, StepRecord
from obriy.sources.base import SOURCES, Cost
from obriy.sources.districts import read_districts
from obriy.sources.earthdata.remote import ADDRESS
from obriy.vectors import is_southern
from obriy.workflows.config.ice import IceConfig
from obriy.workflows.dated import ImageMap, map_images, part_of
from obriy.workflows.ice.inputs import IceInputs, ice_items, read_ice_inputs
from obriy.workflows.ice.mapping import (
    ICE,
    IceMapper,
    ice_method,
)
from obriy.workflows.ice.products import write_ice_products
from obriy.workflows.ice.result import (
    Day,
    IceProducts,
    day_step,
    ice_result,
    score_maps,
)
from obriy.workflows.ice.sky import Sky
from obriy.workflows.opening import plan_of
from obriy.workflows.passes import map_writers, open_layer, open_layers
from obriy.workflows.run import (
    Run,
    finish,
    limited,
    map_step,
    run_folder,
)

DAYS: Final = "days"
CONCENTRATION: Final = "concentration.tif"


def plan_ice(config: IceConfig) -> dict[str, Any]:
    """Say what a run would do, without doing it: images, grid, bands, districts, outputs."""
    config = config.anchored()
    method = ice_method(config.method, config.model, config.seed)
    far = _plan_of_archive(config)
    if far is not None:
        return {"sources": config.sources, "method": method.name, **far}
    inputs = read_ice_inputs(config, method)
    return {
        "sources": config.sources,
        "method": method.name,
        "images": [
            {
                "name": one.name,
                "time": one.item.time,
                "geolocation": one.item.assets.get("geolocation"),
                "clouds": one.item.assets.get("clouds"),
                "reason": one.reason,
            }
            for one in inputs.opened
        ],
        **plan_of(config, Sky.over(inputs.part, method).method, inputs.part, inputs.districts),
    }


def _plan_of_archive(config: IceConfig) -> dict[str, Any] | None:
    """Say which granules would be fetched, and fetch none; None where no archive is asked."""
    if not any(source.startswith(ADDRESS) for source in config.sources):
        return None
    districts = read_districts(config.aoi, config.layer) if config.aoi else []
    items = ice_items(config, districts)
    costs = {item.id: _cost(item) for item in items if not item.skipped}
    return {
        "images": [
            {"name": item.id, "time": item.time, "bytes": costs[item.id]["bytes"]}
            for item in items
            if item.id in costs
        ],
        **{name: sum(cost[name] for cost in costs.values()) for name in _NOTHING},
        "skipped": [{"name": i.id, "why": i.skipped} for i in items if i.skipped],
        "districts": [district.name for district in districts],
    }


_NOTHING: Final[Cost] = {"bytes": 0, "requests": 0}


def _cost(item: Item) -> Cost:
    """Return the bytes and requests that fetching an item takes; none of one that lies here."""
    cost = SOURCES.get(item.source).cost
    return _NOTHING if cost is None else cost(item, (), None)


def run_ice(config: IceConfig, options: EngineOptions | None = None) -> Run:
    """Map every image, put days together, measure, score and report.

    Args:
        config: What to do.
        options: Progress and cancel; threads and memory come from the configuration.

    Raises:
        ObriyError: of the kind that fits, before the work where it can be known.
    """
    config = config.anchored()
    method = ice_method(config.method, config.model, config.seed)
    options = limited(config, options)
    inputs = read_ice_inputs(config, method, options)
    with run_folder(config) as folder:
        return _carried_out(inputs, config, folder, options)


def _carried_out(
    inputs: IceInputs,
    config: IceConfig,
    folder: RunFolder,
    options: EngineOptions,
) -> Run:
    """Do the run in its folder."""
    images = map_images(
        inputs.opened,
        IceMapper(config),
        folder,
        options,
        cropped=bool(config.aoi),
        scheduler=config.scheduler,
    )
    days = [_measured(day, inputs, config, folder) for day in _days(images, config, folder)]
    mapped = next(day.map for day in days if day.map is not None)
    areas = [area for day in days for area in day.areas]
    products = IceProducts(
        days=days,
        districts=inputs.districts,
        areas=areas,
        seasons=seasons_of(areas, southern=is_southern(mapped.geobox)),
        evaluation=score_maps(images, inputs.references, config.seed),
    )
    result = ice_result(config, images, products, folder)
    result = result.with_outputs(write_ice_products(config, folder, products, result))
    return finish(config, folder, result)


def _days(images: Sequence[ImageMap], config: IceConfig, folder: RunFolder) -> list[Day]:
    """Put the images of a day together; each by itself where that is asked for."""
    groups: dict[str, list[ImageMap]] = {}
    for image in images:
        one = image.opened
        key = one.name if config.composite == "none" else one.item.date
        groups.setdefault(key, []).append(image)
    return [_day(key, group, config, folder) for key, group in groups.items()]


def _day(key: str, images: list[ImageMap], config: IceConfig, folder: RunFolder) -> Day:
    mapped = [image for image in images if image.map is not None]
    day = Day(key, images[0].opened.item.date, tuple(images))
    if len(mapped) <= 1:
        return dataclasses.replace(
            day, map=mapped[0].map if mapped else None, files=mapped[0].files if mapped else {}
        )
    place = f"{DAYS}/{key}"
    maps = [image.map for image in mapped if image.map is not None]
    layers = {n: own for n, own in ICE.items() if all(n in image.files for image in mapped)}
    first = part_of(mapped[0])

    def work() -> StepRecord:
        files = {name: f"{place}/{name}.tif" for name in layers}
        writers = map_writers(folder.file(place), geobox_of(first), layers, None, config.lang)
        with writers as opened:
            sinks = {layers[name].part: writer for name, writer in opened.items()}
            shares = compose(maps, sinks, by=_rule(config), view_zenith=_angles(mapped))
        return StepRecord(files, {"shares": shares})

    done = folder.step(f"day {key}", work, after=[map_step(image.opened.name) for image in mapped])
    made = ClassMap(
        **open_layers(folder.path, done.outputs, first, "ice"),
        legend=maps[0].legend,
        provenance=composite_record(maps, _rule(config), done.found["shares"]),
        time=day.date,
    )
    return dataclasses.replace(day, map=made, files=done.outputs)


def _rule(config: IceConfig) -> Rule:
    return "majority" if config.composite == "majority" else "best"


def _angles(images: Sequence[ImageMap]) -> list[xr.DataArray | None]:
    parts = [image.opened.part for image in images]
    return [None if p is None or "view_zenith" not in p else p["view_zenith"] for p in parts]


def _measured(day: Day, inputs: IceInputs, config: IceConfig, folder: RunFolder) -> Day:
    """Measure a day: concentration, areas; a day without a map has rows that say why."""
    if day.map is None:
        return dataclasses.replace(day, areas=_blank_areas(day, inputs))
    class_map = day.map
    size = config.resolution if class_map.geobox.crs is None else None
    names = [image.opened.name for image in day.images if image.map is not None]
    file = f"{DAYS}/{day.key}/{CONCENTRATION}"

    def work() -> StepRecord:
        found = concentration(class_map, pixel_size_m=size)
        write_layer(found, folder.file(file), LAYERS["concentration"], lang=config.lang)
        areas = measure_ice(
            class_map,
            inputs.districts,
            date=day.date,
            granules=names,
            concentration=found,
            pixel_size_m=size,
        )
        return StepRecord({"concentration": file}, {"places": [a.to_dict() for a in areas]})

    places = fingerprint([config.aoi] if config.aoi else [])
    done = folder.step(f"areas {day.key}", work, places, after=[day_step(day)])
    part = next(part_of(image) for image in day.images if image.map is not None)
    areas = tuple(IceArea.from_dict(values) for values in done.found["places"])
    count = len(inputs.districts) or 1
    return dataclasses.replace(
        day,
        areas=areas[:count],
        together=areas[count] if areas[count:] else None,
        concentration=open_layer(folder.file(file), part, LAYERS["concentration"]),
        files={**day.files, "concentration": file},
    )


def _blank_areas(day: Day, inputs: IceInputs) -> tuple[IceArea, ...]:
    """Return a row per district for a day that has no map."""
    names = [d.name for d in inputs.districts] or ["image"]
    status = "failed" if any(i.status == "failed" for i in day.images) else "skipped"
    cause = "failed" if status == "failed" else "no_data"
    return tuple(
        IceArea(
            district=name,
            date=day.date,
            granules=tuple(image.opened.name for image in day.images),
            sea_km2=0.0,
            ice_km2=None,
            water_km2=None,
            extent_km2=None,
            ice_share=None,
            water_share=None,
            cloud_share=0.0,
            unseen_share=1.0,
            unseen={cause: 1.0},
            status=status,
            reason=joined(dict.fromkeys(image.reason for image in day.images), "; "),
        )
        for name in names
    )
