"""`obriy water` of a folder of dated images: areas through time, in a run folder.

    maps/DATE/          mask, fraction, unseen and doubt of each date, with a STAC item
    occurrence.tif      per cent of its observations that a pixel was water
    observations.tif    how many those are

A date that fails is listed, in the result and in the exit code; the others go on.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

import xarray as xr

from obriy.blocks.engine import EngineOptions
from obriy.measures.occurrence import measure_occurrence
from obriy.methods.expression import parse_method
from obriy.model.areas import Area, AreaSeries
from obriy.model.classmap import ClassMap
from obriy.model.grid import geobox_of
from obriy.model.layers import layers_named
from obriy.runs.fingerprint import fingerprint
from obriy.runs.folder import RunFolder, StepRecord
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.dated import ImageMap, map_images
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


def plan_series(config: WaterConfig) -> dict[str, Any]:
    """Say what a run would do, without doing it: dates, grid, bands, districts, outputs."""
    config = config.anchored()
    inputs = read_inputs(config)
    return {
        "source": config.source,
        "method": config.method,
        "dates": [o.image.date for o in inputs.opened],
        "failed": {o.image.date: o.reason for o in inputs.opened if o.reason},
        "cloud_percent": {o.image.date: o.image.cloud_cover for o in inputs.opened},
        "weights": config.weights or "clear",
        "fill": config.fill,
        **plan_of(config, parse_method(config.method), inputs.first, inputs.districts),
    }


def run_series(config: WaterConfig, options: EngineOptions | None = None) -> Run:
    """Map every date, measure, weigh, compare and report; go on where an earlier run stopped.

    Args:
        config: What to do.
        options: Progress and cancel; threads and memory come from the configuration.

    Raises:
        ObriyError: of the kind that fits, before the work where it can be known.
    """
    config = config.anchored()
    inputs = read_inputs(config)
    options = limited(config, options)
    with run_folder(config) as folder:
        return _carried_out(inputs, config, folder, options)


def _carried_out(
    inputs: SeriesInputs, config: WaterConfig, folder: RunFolder, options: EngineOptions
) -> Run:
    """Do the run in its folder."""
    images = map_images(
        inputs.opened,
        WaterMapper(config),
        folder,
        options,
        cropped=bool(config.aoi),
        scheduler=config.scheduler,
    )
    size = config.resolution if geobox_of(inputs.first).crs is None else None
    images = compare_dates(images, folder, pixel_size_m=size, lang=config.lang)
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
        thresholds={
            one.opened.name: one.found["decision"].get("threshold") for one in images if one.found
        },
    )
    result = result_of(config, images, products, folder)
    result = write_series_products(config, folder, products, result)
    return finish(config, folder, result)


def _occurrence(
    maps: Mapping[str, ClassMap], config: WaterConfig, folder: RunFolder
) -> dict[str, xr.DataArray]:
    """Measure how often each pixel was wet, and how often seen."""
    first = next(iter(maps.values()))

    def work() -> StepRecord:
        with map_writers(folder.path, first.geobox, OCCURRENCE, None, config.lang) as sinks:
            summary = measure_occurrence(list(maps.values()), *sinks.values())
        return StepRecord({name: f"{name}.tif" for name in sinks}, dataclasses.asdict(summary))

    done = folder.step("occurrence", work, after=[*map(map_step, maps), COMPARING])
    return {
        name: open_layer(folder.file(file), first.labels, OCCURRENCE[name])
        for name, file in done.outputs.items()
    }


def _measure(
    inputs: SeriesInputs,
    images: Sequence[ImageMap],
    maps: Mapping[str, ClassMap],
    occurrence: Mapping[str, xr.DataArray],
    *,
    config: WaterConfig,
    folder: RunFolder,
) -> list[AreaSeries]:
    """Measure each date inside the districts and, where asked, outside the river in them."""
    outside = inputs.balance.outside_river
    groups = [inputs.districts, outside] if outside else [inputs.districts]
    geobox = geobox_of(inputs.first)
    size = config.resolution if geobox.crs is None else None
    others = (occurrence["occurrence"], occurrence["observations"]) if len(maps) > 1 else None
    measured: dict[str, list[AreaSeries]] = {}
    for date, class_map in maps.items():

        def work(class_map: ClassMap = class_map) -> StepRecord:
            found = measure_date(class_map, groups, others, fill=config.fill, pixel_size_m=size)
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
            "water",
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
