"""`obriy water` of a folder of dated images: areas through time, in a run folder.

    maps/DATE/          mask, fraction, unseen and doubt of each date, with a STAC item
    occurrence.tif      per cent of its observations that a pixel was water
    observations.tif    how many those are

A date that fails is listed, in the result and in the exit code; the others go on.
"""

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, Final, Literal

import xarray as xr

from obriy.blocks.engine import EngineOptions
from obriy.blocks.raster import RasterBand, lazy_variable
from obriy.errors import (
    EmptyResultError,
    InputError,
    MissingExtraError,
)
from obriy.measures.occurrence import measure_occurrence
from obriy.methods.expression import parse_method
from obriy.model.areas import Area, AreaSeries
from obriy.model.classmap import ClassMap
from obriy.model.grid import coords_of, describe, geobox_of
from obriy.model.provenance import hrefs_of
from obriy.model.scene import band_names, provenance_of
from obriy.outputs.cog import MapWriter
from obriy.runs.fingerprint import fingerprint
from obriy.runs.folder import RunFolder, StepRecord
from obriy.workflows.cluster import cluster
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.records import is_whole
from obriy.workflows.run import COMPARING, Run, finish, map_step, places_of, run_folder, run_path
from obriy.workflows.water.balance import strike_balance
from obriy.workflows.water.contradicting import compare_dates
from obriy.workflows.water.inputs import OpenedImage, SeriesInputs, read_inputs
from obriy.workflows.water.mapping import map_water_to_files, open_map
from obriy.workflows.water.measuring import measure_date, weigh_as, with_periods
from obriy.workflows.water.series_products import SeriesProducts, write_series_products
from obriy.workflows.water.series_result import DateMap, cloudiness, result_of

MAPS: Final = "maps"
OCCURRENCE: Final[dict[Literal["occurrence", "observations"], str]] = {
    "occurrence": "occurrence.tif",
    "observations": "observations.tif",
}


def plan_series(config: WaterConfig) -> dict[str, Any]:
    """Say what a run would do, without doing it: dates, grid, bands, districts, outputs."""
    config = config.anchored()
    inputs = read_inputs(config)
    scene = inputs.first
    return {
        "source": config.source,
        "method": config.method,
        "dates": [o.image.date for o in inputs.opened],
        "failed": {o.image.date: o.reason for o in inputs.opened if o.reason},
        "cloud_percent": {o.image.date: o.image.cloud_cover for o in inputs.opened},
        "weights": config.weights or "clear",
        "fill": config.fill,
        "grid": describe(geobox_of(scene)),
        "bands": band_names(scene),
        "bands_read": sorted(parse_method(config.method).bands(set(band_names(scene)))),
        "flags": "flags" in scene,
        "districts": [d.name for d in inputs.districts],
        "outputs": config.outputs,
        "folder": str(run_path(config)),
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
    options = dataclasses.replace(
        options or EngineOptions(), workers=config.workers, max_ram_gb=config.max_ram
    )
    with run_folder(config) as folder:
        return _carried_out(inputs, config, folder, options)


def _carried_out(
    inputs: SeriesInputs, config: WaterConfig, folder: RunFolder, options: EngineOptions
) -> Run:
    """Do the run in its folder."""
    dates = _map_dates(inputs, config, folder, options)
    maps = _open_maps(dates, folder)
    if not maps:
        raise EmptyResultError(
            "Nothing could be seen on any date: "
            + "; ".join(f"{d.date}: {d.reason}" for d in dates[:3]),
            "Take other dates; or map without the quality band (--clouds none).",
        )
    size = config.resolution if geobox_of(inputs.first).crs is None else None
    dates = compare_dates(dates, maps, folder, pixel_size_m=size, lang=config.lang)
    maps = _open_maps(dates, folder)
    occurrence = _occurrence(maps, config, folder)
    measured = _measure(inputs, dates, maps, occurrence, config=config, folder=folder)
    weigh = weigh_as(config.weights, cloudiness(dates))
    series, *apart = (with_periods(one, weigh, measured[0]) for one in measured)
    balance = strike_balance(inputs.balance, series, apart[0] if apart else None)
    products = SeriesProducts(
        maps=maps,
        districts=inputs.districts,
        series=series,
        balance=balance,
        files={d.date: d.files for d in dates if d.files},
        thresholds={d.date: d.found["decision"].get("threshold") for d in dates if d.found},
    )
    result = result_of(config, dates, products)
    files = write_series_products(config, folder, products, result)
    result["outputs"] = {name: str(path) for name, path in files.items()}
    changed = result["change"] is not None or not config.change
    complete = changed and _is_complete(dates, inputs, series)
    return finish(config, folder, result, complete=complete)


def _map_dates(
    inputs: SeriesInputs, config: WaterConfig, folder: RunFolder, options: EngineOptions
) -> list[DateMap]:
    """Map every date, here or on a cluster; one that fails is noted, and the others go on."""
    show = options.progress or (lambda name, done, total: None)
    quiet = dataclasses.replace(options, progress=None, cancel=None)
    dates = []
    with cluster(config.scheduler) as executor:
        works = [_work(opened, config, folder, quiet, executor) for opened in inputs.opened]
        for number, (opened, work) in enumerate(zip(inputs.opened, works, strict=True)):
            show("dates", number, len(works))
            dates.append(_map_date(opened, work, config, folder))
    show("dates", len(dates), len(dates))
    return dates


def _work(
    opened: OpenedImage,
    config: WaterConfig,
    folder: RunFolder,
    options: EngineOptions,
    executor: Executor | None,
) -> Callable[[], StepRecord]:
    """Return what maps a date; on a cluster it is begun at once, unless it is already done."""
    own = functools.partial(map_image_of_series, opened, config, folder.path.resolve(), options)
    if executor is None or opened.scene is None or folder.is_done(*_step(opened, config)):
        return own
    return executor.submit(own).result


def _step(opened: OpenedImage, config: WaterConfig) -> tuple[str, dict[str, Any]]:
    """Return name and inputs of the step that maps a date."""
    assert opened.scene is not None
    files = [*hrefs_of(provenance_of(opened.scene)), *places_of(config)]
    return map_step(opened.image.date), fingerprint(files)


def map_image_of_series(
    opened: OpenedImage, config: WaterConfig, folder: Path, options: EngineOptions
) -> StepRecord:
    """Map one date into the run folder; runs anywhere that sees the files.

    Args:
        opened: An image that could be opened.
        config: What to do.
        folder: The run folder, absolute.
        options: Threads, memory.

    Returns:
        Maps by output name relative to the folder, and what was found; ``empty`` and why, where
        nothing was seen.
    """
    assert opened.scene is not None
    place = f"{MAPS}/{opened.image.date}"
    (folder / place).mkdir(parents=True, exist_ok=True)
    try:
        files, found = map_water_to_files(
            opened.scene,
            config.method,
            folder / place,
            part=opened.part if config.aoi else None,
            clouds=config.clouds,
            options=options,
            lang=config.lang,
            with_indices="index" in config.outputs,
        )
    except EmptyResultError as error:
        return StepRecord({}, {"empty": str(error)})
    return StepRecord({name: f"{place}/{file}" for name, file in files.items()}, found)


def _map_date(
    opened: OpenedImage, work: Callable[[], StepRecord], config: WaterConfig, folder: RunFolder
) -> DateMap:
    blank = DateMap(opened.image.date, opened.part, cloud_percent=opened.image.cloud_cover)
    if opened.scene is None:
        return dataclasses.replace(blank, status="failed", reason=opened.reason)
    name, inputs = _step(opened, config)
    try:
        done = folder.step(name, work, inputs)
    except (InputError, MissingExtraError) as error:
        return dataclasses.replace(blank, status="failed", reason=str(error))
    if "empty" in done.found:
        return dataclasses.replace(blank, status="skipped", reason=str(done.found["empty"]))
    failed = done.found["failed"]
    return dataclasses.replace(
        blank,
        found=done.found,
        files=done.outputs,
        status="partial" if failed else "ok",
        reason=str(failed[0]["reason"]) if failed else "",
    )


def _open_maps(dates: Sequence[DateMap], folder: RunFolder) -> dict[str, ClassMap]:
    return {
        d.date: open_map(folder.path, d.files, d.scene, d.found)
        for d in dates
        if d.files and d.scene is not None
    }


def _occurrence(
    maps: Mapping[str, ClassMap], config: WaterConfig, folder: RunFolder
) -> dict[str, xr.DataArray]:
    """Measure how often each pixel was wet, and how often seen."""
    geobox = next(iter(maps.values())).geobox

    def work() -> StepRecord:
        with contextlib.ExitStack() as stack:
            sinks = [
                stack.enter_context(MapWriter(folder.file(file), geobox, name, lang=config.lang))
                for name, file in OCCURRENCE.items()
            ]
            summary = measure_occurrence(list(maps.values()), *sinks)
        files: dict[str, str] = dict(OCCURRENCE.items())
        return StepRecord(files, dataclasses.asdict(summary))

    done = folder.step("occurrence", work, after=[*map(map_step, maps), COMPARING])
    return {
        name: xr.DataArray(
            lazy_variable(
                RasterBand(str(folder.file(file)), resampling="nearest", dtype="uint8", fill=255),
                geobox,
            ),
            coords=coords_of(geobox),
        )
        for name, file in done.outputs.items()
    }


def _measure(
    inputs: SeriesInputs,
    dates: Sequence[DateMap],
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
    by_date = [measured.get(d.date) or [_blank(d, one) for one in known] for d in dates]
    return [
        AreaSeries(
            "water",
            areas=tuple(area for one in group for area in one.areas),
            together=tuple(area for one in group for area in one.together),
        )
        for group in zip(*by_date, strict=True)
    ]


def _blank(date: DateMap, known: AreaSeries) -> AreaSeries:
    areas, together = (tuple(_blank_areas(date, r)) for r in (known.areas, known.together))
    return AreaSeries(known.class_name, areas, together=together)


def _blank_areas(date: DateMap, known: Sequence[Area]) -> list[Area]:
    """Return a row per district, as another date has them, for a date that has no map."""
    cause = "failed" if date.status == "failed" else "no_data"
    return [
        Area(
            district=area.district,
            date=date.date,
            mask_km2=None,
            fraction_km2=None,
            district_km2=area.district_km2,
            outside_share=area.outside_share,
            unseen_share=1.0,
            unseen={cause: 1.0},
            status=date.status,
            reason=date.reason,
        )
        for area in known
    ]


def _is_complete(dates: Sequence[DateMap], inputs: SeriesInputs, series: AreaSeries) -> bool:
    whole = all(d.status in ("ok", "skipped") for d in dates)
    seen = all(p.status in ("ok", "partial") for p in series.periods)
    return whole and seen and is_whole(inputs.districts, series.areas)
