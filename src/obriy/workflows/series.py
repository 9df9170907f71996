"""`obriy water` of a folder of dated images: areas through time, in a run folder.

    maps/DATE/          mask, fraction, unseen and doubt of each date
    occurrence.tif      per cent of its observations that a pixel was water
    observations.tif    how many those are

A date that fails is listed, in the result and in the exit code; the others go on.
"""

import contextlib
import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import xarray as xr

from obriy.blocks.engine import EngineOptions
from obriy.blocks.raster import RasterBand, lazy_variable
from obriy.errors import (
    BandError,
    EmptyResultError,
    InputError,
    MissingExtraError,
    SourceError,
    UsageError,
)
from obriy.measures.occurrence import measure_occurrence
from obriy.measures.totals import total_area, total_period
from obriy.methods.expression import parse_method
from obriy.model.areas import Area, AreaSeries, District, PeriodArea
from obriy.model.classmap import ClassMap
from obriy.model.grid import coords_of, describe, geobox_of
from obriy.model.provenance import Provenance, hrefs_of
from obriy.model.scene import band_names, provenance_of
from obriy.outputs.cog import MapWriter
from obriy.prepare.crop import crop
from obriy.runs.folder import RunFolder, StepRecord, fingerprint
from obriy.sources.dates import parse_range
from obriy.sources.districts import read_districts
from obriy.sources.scene import open_scene
from obriy.sources.series import DatedImage, find_series, require_alike
from obriy.workflows.balance import BalanceInputs, read_balance, strike_balance
from obriy.workflows.config import WaterConfig
from obriy.workflows.mapping import map_water_to_files, open_map
from obriy.workflows.measuring import measure_date, periods_of, weigh_as
from obriy.workflows.run import WaterRun, command_of, run_path
from obriy.workflows.series_products import SeriesProducts, write_series_products

MAPS: Final = "maps"
OCCURRENCE: Final[dict[Literal["occurrence", "observations"], str]] = {
    "occurrence": "occurrence.tif",
    "observations": "observations.tif",
}


@dataclasses.dataclass(frozen=True)
class DateMap:
    """What became of one date.

    Attributes:
        date: ISO 8601.
        scene: The part that was mapped; None where the image could not be opened.
        found: What the mapping found, see `obriy.workflows.mapping.found_of`; empty where there
            is no map.
        files: Maps by output name, relative to the run folder.
        status: ``ok``, ``skipped`` (nothing seen) or ``failed``.
        reason: Why it is not ``ok``.
        cloud_percent: Cloudiness of the scene by its metadata; None: unknown.
    """

    date: str
    scene: xr.Dataset | None = None
    found: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    files: Mapping[str, str] = dataclasses.field(default_factory=dict)
    status: str = "ok"
    reason: str = ""
    cloud_percent: float | None = None


def plan_series(config: WaterConfig) -> dict[str, Any]:
    """Say what a run would do, without doing it: dates, grid, bands, districts, outputs."""
    inputs = _inputs(config.anchored())
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


def run_series(config: WaterConfig, options: EngineOptions | None = None) -> WaterRun:
    """Map every date, measure, weigh, compare and report; go on where an earlier run stopped.

    Args:
        config: What to do.
        options: Progress and cancel; threads and memory come from the configuration.

    Raises:
        ObriyError: of the kind that fits, before the work where it can be known.
    """
    config = config.anchored()
    inputs = _inputs(config)
    options = dataclasses.replace(
        options or EngineOptions(), workers=config.workers, max_ram_gb=config.max_ram
    )
    folder = RunFolder(run_path(config), config.identity())
    dates = _map_dates(inputs, config, folder, options)
    maps = _open_maps(dates, folder)
    if not maps:
        raise EmptyResultError(
            "Nothing could be seen on any date: "
            + "; ".join(f"{d.date}: {d.reason}" for d in dates[:3]),
            "Take other dates; or map without the quality band (--clouds none).",
        )
    occurrence = _occurrence(maps, config, folder)
    measured = _measure(inputs, dates, maps, occurrence, config=config, folder=folder)
    weigh = weigh_as(config.weights, _cloudiness(dates))
    everything = AreaSeries("water", measured, periods_of(measured, weigh))
    series = _without(everything, {d.name for d in inputs.balance.outside_river})
    balance = strike_balance(inputs.balance, everything)
    products = SeriesProducts(
        maps=maps,
        scenes={d.date: d.scene for d in dates if d.scene is not None},
        districts=inputs.districts,
        series=series,
        occurrence=occurrence,
        balance=balance,
        thresholds={d.date: d.found["decision"].get("threshold") for d in dates if d.found},
    )
    result = _result(config, dates, products)
    files = write_series_products(config, folder, products, result)
    result["outputs"] = {name: str(path) for name, path in files.items()}
    folder.write_result(result)
    return WaterRun(folder.path, result, _is_complete(dates, series))


@dataclasses.dataclass(frozen=True)
class _Opened:
    """One image of the series.

    Attributes:
        image: Its files.
        scene: The whole of it; None where it could not be opened.
        part: The part around the districts.
        reason: Why it could not be opened.
    """

    image: DatedImage
    scene: xr.Dataset | None = None
    part: xr.Dataset | None = None
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class _Inputs:
    """What a run reads."""

    opened: tuple[_Opened, ...]
    districts: list[District]
    balance: BalanceInputs

    @property
    def first(self) -> xr.Dataset:
        """The part of the first image that could be opened."""
        return next(o.part for o in self.opened if o.part is not None)


def _inputs(config: WaterConfig) -> _Inputs:
    """Open everything lazily; what is wrong with the whole is said before the work."""
    if config.reference is not None:
        raise UsageError(
            "--reference scores one map, and a series has many.",
            "Run: obriy evaluate RUN/maps/DATE/mask.tif REFERENCE.",
        )
    images = find_series(Path(config.source).expanduser(), config.datetime)
    districts = read_districts(config.aoi) if config.aoi else []
    for half in config.change or ():
        _require_dates(half, [i.date for i in images])
    balance = read_balance(config, districts, [i.date for i in images])
    opened = tuple(_open(image, config, districts) for image in images)
    good = [(o.image.date, o.scene) for o in opened if o.scene is not None]
    if not good:
        raise SourceError(opened[0].reason, "No image of the series could be opened.")
    require_alike([(date, scene.attrs["sensor"], _grid(scene)) for date, scene in good])
    _check_weights(config, opened)
    return _Inputs(opened, districts, balance)


def _open(image: DatedImage, config: WaterConfig, districts: list[District]) -> _Opened:
    paths = image.paths[0] if len(image.paths) == 1 else image.paths
    try:
        scene = open_scene(
            paths,
            sensor=config.sensor,
            bands=config.bands,
            scale=config.scale,
            offset=config.offset,
            nodata=config.nodata,
            resolution=config.resolution,
        )
        parse_method(config.method).bands(set(band_names(scene)))
    except (SourceError, BandError, EmptyResultError) as error:
        return _Opened(image, reason=str(error))
    scene.attrs["time"] = image.date
    return _Opened(image, scene, crop(scene, districts) if districts else scene)


def _grid(scene: xr.Dataset) -> str:
    """Return the grid of a scene in words that can be compared and shown."""
    grid = describe(geobox_of(scene))
    a = grid["affine"]
    rows, columns = grid["shape"]
    corner = f"({a[2]:.10g}, {a[5]:.10g})"
    return f"{rows} x {columns} pixels of {a[0]:.8g} from {corner} in {grid['crs']}"


def _require_dates(half: str, dates: list[str]) -> None:
    low, high = parse_range(half)
    if not any(low <= date <= high for date in dates):
        raise UsageError(
            f"--change: no image of the series lies in {half}.",
            f"Its dates are {dates[0]} to {dates[-1]}.",
        )


def _check_weights(config: WaterConfig, opened: Sequence[_Opened]) -> None:
    """Read given weights before the work: each date must have one, and no other."""
    weigh = weigh_as(config.weights, {})
    if config.weights in (None, "clear", "cloud"):
        return
    blank = Area("", None, 0.0, None, 1.0, 0.0, 0.0, {})
    weigh(
        [
            dataclasses.replace(blank, date=o.image.date, mask_km2=None if o.reason else 0.0)
            for o in opened
        ]
    )


def _map_dates(
    inputs: _Inputs, config: WaterConfig, folder: RunFolder, options: EngineOptions
) -> list[DateMap]:
    """Map every date; one that fails is noted, and the others go on."""
    show = options.progress or (lambda name, done, total: None)
    quiet = dataclasses.replace(options, progress=None)
    dates = []
    for number, opened in enumerate(inputs.opened):
        show("dates", number, len(inputs.opened))
        dates.append(_map_date(opened, config, folder, quiet))
    show("dates", len(inputs.opened), len(inputs.opened))
    return dates


def _map_date(
    opened: _Opened, config: WaterConfig, folder: RunFolder, options: EngineOptions
) -> DateMap:
    date, scene = opened.image.date, opened.scene
    blank = DateMap(date, opened.part, cloud_percent=opened.image.cloud_cover)
    if scene is None:
        return dataclasses.replace(blank, status="failed", reason=opened.reason)
    place = f"{MAPS}/{date}"

    def work() -> StepRecord:
        folder.file(place).mkdir(parents=True, exist_ok=True)
        try:
            files, found = map_water_to_files(
                scene,
                config.method,
                folder.file(place),
                part=opened.part if config.aoi else None,
                clouds=config.clouds,
                options=options,
                lang=config.lang,
            )
        except EmptyResultError as error:
            return StepRecord({}, {"empty": str(error)})
        return StepRecord({name: f"{place}/{file}" for name, file in files.items()}, found)

    try:
        done = folder.step(f"map {date}", work, fingerprint(hrefs_of(provenance_of(scene))))
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

    done = folder.step("occurrence", work, {"dates": list(maps)})
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
    inputs: _Inputs,
    dates: Sequence[DateMap],
    maps: Mapping[str, ClassMap],
    occurrence: Mapping[str, xr.DataArray],
    *,
    config: WaterConfig,
    folder: RunFolder,
) -> tuple[Area, ...]:
    """Measure each date inside the districts and, where asked, outside the river in them."""
    places = [*inputs.districts, *inputs.balance.outside_river]
    geobox = geobox_of(inputs.first)
    size = config.resolution if geobox.crs is None else None
    others = (occurrence["occurrence"], occurrence["observations"]) if len(maps) > 1 else None
    measured: dict[str, list[Area]] = {}
    for date, class_map in maps.items():

        def work(class_map: ClassMap = class_map) -> StepRecord:
            found = measure_date(class_map, places, others, fill=config.fill, pixel_size_m=size)
            return StepRecord({}, {"areas": [a.to_dict() for a in found]})

        done = folder.step(f"areas {date}", work, {"dates": list(maps)})
        measured[date] = [Area.from_dict(values) for values in done.found["areas"]]
    known = next(iter(measured.values()))
    return tuple(a for d in dates for a in measured.get(d.date) or _blank_areas(d, known))


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


def _cloudiness(dates: Sequence[DateMap]) -> dict[str, float]:
    """Return per cent of cloud by date: of the scene by its metadata, else what was not seen."""
    found = {}
    for date in dates:
        counts: Mapping[str, int] = date.found.get("unseen", {})
        unseen = sum(n for code, n in counts.items() if code != "0")
        measured = 100 * unseen / max(1, sum(counts.values())) if counts else 100.0
        found[date.date] = measured if date.cloud_percent is None else date.cloud_percent
    return found


def _without(series: AreaSeries, names: set[str]) -> AreaSeries:
    """Return a series without the districts that only the register asked for."""
    return AreaSeries(
        series.class_name,
        tuple(a for a in series.areas if a.district not in names),
        tuple(p for p in series.periods if p.district not in names),
    )


def _result(
    config: WaterConfig, dates: Sequence[DateMap], products: SeriesProducts
) -> dict[str, Any]:
    """Put ``result.json`` together; its names are a contract that other programs rely on."""
    series = products.series
    total = total_period(series)
    cloudiness = _cloudiness(dates)
    rows = [_date_row(date, cloudiness[date.date], series, total) for date in dates]
    provenance = _provenance(dates, products)
    return {
        "job": config.job,
        "method": config.method,
        "area_km2": total.area_km2,
        "filled_km2": total.filled_km2,
        "expected_km2": total.expected_km2,
        "interval_km2": total.interval_km2,
        "uncertainty_km2": total.uncertainty,
        "unseen_share": total.unseen_share,
        "weights": config.weights or "clear",
        "effective_dates": total.effective_dates,
        "change_sd_km2": total.change_sd_km2,
        "leave_one_out_km2": total.leave_one_out_km2,
        "status": total.status,
        "reason": total.reason,
        "dates": rows,
        "failed": [r for r in rows if r["status"] == "failed"],
        "districts": [p.to_dict() for p in series.periods],
        "areas": [a.to_dict() for a in series.areas],
        "evaluation": None,
        **products.balance.to_dict(),
        "change": None,
        "bodies": None,
        "outputs": {},
        "command": command_of(config),
        "provenance": provenance.to_dict(),
    }


def _date_row(
    date: DateMap, cloud_percent: float, series: AreaSeries, total: PeriodArea
) -> dict[str, Any]:
    area = total_area([a for a in series.areas if a.date == date.date])
    shown: dict[str, Any] = {} if area is None else area.to_dict()
    own = ("area_km2", "filled_km2", "expected_km2", "interval_km2")
    unseen = shown.get("unseen_share", 1.0)
    return {
        "date": date.date,
        **{name: shown.get(name) for name in own},
        "clear_share": 1 - unseen,
        "unseen_share": unseen,
        "cloud_percent": cloud_percent,
        "weight": total.weights.get(date.date),
        "threshold": date.found["decision"].get("threshold") if date.found else None,
        "status": date.status if date.status != "ok" else shown.get("status", "ok"),
        "reason": date.reason or shown.get("reason", ""),
    }


def _provenance(dates: Sequence[DateMap], products: SeriesProducts) -> Provenance:
    """Put the records of all dates together: what they share once, the rest by date."""
    first = next(iter(products.maps.values())).provenance
    inputs = [
        {"date": d.date, **entry}
        for d in dates
        if d.scene is not None
        for entry in provenance_of(d.scene).inputs
    ]
    made = Provenance(tuple(inputs), first.steps[:-1])
    made = made.with_step(
        "water_by_date",
        **{date: m.provenance.steps[-1]["decision"] for date, m in products.maps.items()},
    )
    said: dict[str, list[tuple[str, str]]] = {}
    for date, class_map in products.maps.items():
        for sentence in class_map.provenance.warnings:
            said.setdefault(re.sub(r"\d[\d.,]*", "#", sentence), []).append((date, sentence))
    for told in said.values():
        made = made.with_warning(_shared(told, len(products.maps)))
    for lost in dates:
        if lost.status == "failed":
            made = made.with_warning(f"{lost.date} failed: {lost.reason}")
    return made


def _shared(told: Sequence[tuple[str, str]], dates: int) -> str:
    """Return one sentence for those of several dates that differ in their numbers only."""
    date, sentence = told[0]
    if len(told) == dates and len({text for _, text in told}) == 1:
        return sentence
    if len(told) == 1:
        return f"{date}: {sentence}"
    return f"On {len(told)} of {dates} dates, first on {date}: {sentence}"


def _is_complete(dates: Sequence[DateMap], series: AreaSeries) -> bool:
    whole = all(d.status in ("ok", "skipped") for d in dates)
    return whole and all(p.status in ("ok", "partial") for p in series.periods)
