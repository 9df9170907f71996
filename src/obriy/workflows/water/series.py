"""Areas through time, in a run folder: `obriy water` of dated images, `obriy measure` of maps.

    maps/DATE/          mask, fraction, unseen and doubt of each date, with a STAC item
    occurrence.tif      per cent of its observations that a pixel was water
    observations.tif    how many those are

A date that fails is listed, in the result and in the exit code; the others go on.
"""

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import xarray as xr

from obriy.blocks.engine import EngineOptions
from obriy.measures.occurrence import measure_occurrence
from obriy.methods.expression import parse_method
from obriy.model.areas import Area, AreaSeries
from obriy.model.classmap import ClassMap
from obriy.model.grid import geobox_of
from obriy.model.item import Item
from obriy.model.layers import Layer, layers_named
from obriy.model.result.measured import SeriesResult
from obriy.render.text import text_of
from obriy.runs.fingerprint import fingerprint
from obriy.runs.folder import RunFolder, StepRecord
from obriy.tables import languages
from obriy.workflows.config.series import SeriesConfig
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.dated import ImageMap, Mapper, map_images
from obriy.workflows.opening import plan_of
from obriy.workflows.passes import map_writers, open_layer
from obriy.workflows.run import (
    COMPARING,
    Run,
    finish,
    limited,
    map_step,
    places_of,
    run_folder,
)
from obriy.workflows.water.balance import strike_balance
from obriy.workflows.water.contradicting import compare_dates
from obriy.workflows.water.inputs import SeriesInputs, read_inputs
from obriy.workflows.water.mapping import WaterMapper
from obriy.workflows.water.measuring import measure_date, weigh_as, with_periods
from obriy.workflows.water.series_products import SeriesProducts, write_series_products
from obriy.workflows.water.series_result import cloudiness, result_of

OCCURRENCE: Final = layers_named("occurrence", "observations")
OF_CLASS: Final = "share of valid observations that were {name}, per cent, 255 never seen"
Answer = Callable[[Any, Sequence[ImageMap], SeriesProducts, RunFolder], SeriesResult]
"""What puts ``result.json`` together, of a configuration and what was measured."""


def plan_series(config: WaterConfig, items: Sequence[Item]) -> dict[str, Any]:
    """Say what a run would do, without doing it: dates, grid, bands, districts, outputs."""
    inputs = read_inputs(config, items)
    return {
        "source": config.source,
        "method": config.method,
        "dates": [o.name for o in inputs.opened],
        "failed": {o.name: o.reason for o in inputs.opened if o.reason},
        "cloud_percent": {o.name: o.item.cloud_cover for o in inputs.opened},
        "weights": config.weights or "clear",
        "fill": config.fill,
        **plan_of(config, parse_method(config.method), inputs.part, inputs.districts),
    }


def run_series(
    config: WaterConfig, items: Sequence[Item], options: EngineOptions | None = None
) -> Run:
    """Map every date, measure, weigh, compare and report; go on where an earlier run stopped.

    Args:
        config: What to do, anchored.
        items: The images.
        options: Progress and cancel; threads and memory come from the configuration.

    Raises:
        ObriyError: of the kind that fits, before the work where it can be known.
    """
    inputs = read_inputs(config, items)
    mapper = WaterMapper(config)
    return measure_series(
        inputs, mapper, config, result_of, options=options, scheduler=config.scheduler
    )


def measure_series(
    inputs: SeriesInputs,
    mapper: Mapper,
    config: SeriesConfig,
    answer: Answer,
    *,
    options: EngineOptions | None = None,
    scheduler: str | None = None,
) -> Run:
    """Take the map of every date, measure, weigh, compare and report.

    Args:
        inputs: What is read, opened.
        mapper: Where the maps come from: methods for water, or files of others.
        config: What to do, anchored.
        answer: Puts the result together.
        options: Progress and cancel; threads and memory come from the configuration.
        scheduler: Address of a Dask scheduler that spreads the dates; None: here.
    """
    options = limited(config, options)
    with run_folder(config) as folder:
        images = map_images(
            inputs.opened, mapper, folder, options, cropped=bool(config.aoi), scheduler=scheduler
        )
        size = config.resolution if geobox_of(inputs.part).crs is None else None
        images = compare_dates(images, folder, pixel_size_m=size, lang=config.lang)
        maps = sum(one.map is not None for one in images)
        folder.after_step = _told(options, maps, config)
        return _measured(inputs, images, config, answer, folder)


def _measured(
    inputs: SeriesInputs,
    images: list[ImageMap],
    config: SeriesConfig,
    answer: Answer,
    folder: RunFolder,
) -> Run:
    """Do what follows the maps."""
    maps = {one.opened.name: one.map for one in images if one.map is not None}
    occurrence = _occurrence(maps, config, folder)
    measured = _measure(inputs, images, maps, occurrence, config=config, folder=folder)
    weigh = weigh_as(config.weights, cloudiness(images))
    series, *apart = (with_periods(one, weigh, measured[0]) for one in measured)
    balance = strike_balance(inputs.balance, series, apart[0] if apart else None)
    products = SeriesProducts(
        maps=maps,
        districts=inputs.districts,
        series=series,
        balance=balance,
        files={one.opened.name: one.files for one in images if one.files},
        images={o.opened.name: o.opened.part for o in images if o.opened.part is not None},
        thresholds={
            one.opened.name: one.found["decision"].get("threshold") for one in images if one.found
        },
    )
    result = answer(config, images, products, folder)
    result = write_series_products(config, folder, products, result)
    folder.after_step()  # tables and the report are no step of the ledger
    return finish(config, folder, result)


def _told(options: EngineOptions, dates: int, config: SeriesConfig) -> Callable[[], None]:
    """Return what tells that one more of the steps after the maps is done."""
    show = options.progress
    if show is None:
        return lambda: None
    extras = ("polygons" in config.outputs) + (config.change is not None)
    total, done = dates + 2 + extras, itertools.count(1)
    show("measure", 0, total)
    return lambda: show("measure", min(next(done), total), total)


def _occurrence(
    maps: Mapping[str, ClassMap], config: SeriesConfig, folder: RunFolder
) -> dict[str, xr.DataArray]:
    """Measure how often each pixel was wet, and how often seen."""
    first = next(iter(maps.values()))

    def work() -> StepRecord:
        layers = _titled(first, config)
        with map_writers(folder.path, first.geobox, layers, None, config.lang) as sinks:
            found = measure_occurrence(
                list(maps.values()), *sinks.values(), class_name=config.measured
            )
        return StepRecord({name: f"{name}.tif" for name in sinks}, dataclasses.asdict(found))

    done = folder.step("occurrence", work, after=[*map(map_step, maps), COMPARING])
    return {
        name: open_layer(folder.file(file), first.labels, OCCURRENCE[name])
        for name, file in done.outputs.items()
    }


def _titled(first: ClassMap, config: SeriesConfig) -> dict[str, Layer]:
    """Return the layers of occurrence, titled by the class where that is not water."""
    if config.measured == "water":
        return OCCURRENCE
    said = first.legend.by_name(config.measured)
    title = {lang: text_of(lang, said.called(lang))("series.occurrence") for lang in languages()}
    own = dataclasses.replace(
        OCCURRENCE["occurrence"], title=title, says=OF_CLASS.format(name=said.name)
    )
    return {**OCCURRENCE, "occurrence": own}


def _measure(
    inputs: SeriesInputs,
    images: Sequence[ImageMap],
    maps: Mapping[str, ClassMap],
    occurrence: Mapping[str, xr.DataArray],
    *,
    config: SeriesConfig,
    folder: RunFolder,
) -> list[AreaSeries]:
    """Measure each date inside the districts and, where asked, outside the river in them."""
    outside = inputs.balance.outside_river
    groups = [inputs.districts, outside] if outside else [inputs.districts]
    geobox = geobox_of(inputs.part)
    size = config.resolution if geobox.crs is None else None
    others = (occurrence["occurrence"], occurrence["observations"]) if len(maps) > 1 else None
    measured: dict[str, list[AreaSeries]] = {}
    for date, class_map in maps.items():

        def work(class_map: ClassMap = class_map) -> StepRecord:
            found = measure_date(
                class_map,
                groups,
                others,
                maps=list(maps.values()),
                fill=config.fill,
                class_name=config.measured,
                pixel_size_m=size,
            )
            return StepRecord({}, {"groups": [one.to_dict() for one in found]})

        done = folder.step(
            f"measure {date}",
            work,
            fingerprint(places_of(config)),
            after=[map_step(date), COMPARING, "occurrence"],
        )
        measured[date] = [AreaSeries.from_dict(values) for values in done.found["groups"]]
    known = next(iter(measured.values()))
    by_date = [
        measured.get(image.opened.name) or [_blank(image, one) for one in known] for image in images
    ]
    return [
        AreaSeries(
            config.measured,
            areas=tuple(area for one in group for area in one.areas),
            together=tuple(area for one in group for area in one.together),
        )
        for group in zip(*by_date, strict=True)
    ]


def _blank(image: ImageMap, known: AreaSeries) -> AreaSeries:
    areas, together = (tuple(_blank_areas(image, r)) for r in (known.areas, known.together))
    return AreaSeries(known.class_name, areas, together=together)


def _blank_areas(image: ImageMap, known: Sequence[Area]) -> list[Area]:
    """Return a row per district, as another date has them, for a date that has no map."""
    cause = "failed" if image.status == "failed" else "no_data"
    return [
        Area(
            district=area.district,
            date=image.opened.name,
            mask_km2=None,
            fraction_km2=None,
            district_km2=area.district_km2,
            outside_share=area.outside_share,
            unseen_share=1.0,
            unseen={cause: 1.0},
            status=image.status,
            reason=image.reason,
        )
        for area in known
    ]
