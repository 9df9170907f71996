"""The files that a person or another program takes from a series."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import xarray as xr

from obriy.blocks.raster import RasterBand, lazy_variable
from obriy.measures.bodies import find_bodies, measure_bodies
from obriy.measures.change import measure_change
from obriy.measures.totals import total_on, total_period
from obriy.model.areas import Area, AreaSeries, District
from obriy.model.bodies import WaterBody
from obriy.model.classmap import ClassMap
from obriy.model.grid import coords_of
from obriy.model.layers import LAYERS
from obriy.model.result.base import Failure
from obriy.model.result.water import WaterSeriesResult
from obriy.outputs.bodies import write_bodies, write_body_series
from obriy.outputs.cog import MapWriter
from obriy.outputs.files import write_bytes
from obriy.outputs.report_view import source_title
from obriy.outputs.series_report import SeriesReportData, write_series_report
from obriy.outputs.series_tables import write_periods, write_series
from obriy.outputs.stac_item import write_stac_item
from obriy.render.figures import to_png, to_svg
from obriy.render.multiples import (
    change_figure,
    chosen_dates,
    multiples_figure,
    occurrence_figure,
)
from obriy.render.series import MOST_PANELS, causes_figure, series_figure
from obriy.render.text import text_of
from obriy.runs.fingerprint import fingerprint
from obriy.runs.folder import RunFolder, StepRecord
from obriy.sources.dates import parse_range
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.passes import open_layer
from obriy.workflows.run import COMPARING, map_step, places_of
from obriy.workflows.water.balance import Balance

LARGEST: Final = 10
"""Water bodies that a result names; all are in the files."""
_M2: Final = 1e6


@dataclasses.dataclass(frozen=True)
class SeriesProducts:
    """What a series has to show.

    Attributes:
        maps: Water maps by date, on one grid; dates of which nothing was seen have none.
        districts: Outlines; empty: the whole image.
        series: Areas by date and district, and over the period.
        balance: Register and evaporation.
        thresholds: Threshold of each date's map, where it has one.
        files: Of each date's map, by output name, relative to the run folder.
    """

    maps: Mapping[str, ClassMap]
    districts: Sequence[District]
    series: AreaSeries
    balance: Balance
    thresholds: Mapping[str, float | None]
    files: Mapping[str, Mapping[str, str]]


def write_series_products(
    config: WaterConfig, folder: RunFolder, products: SeriesProducts, result: WaterSeriesResult
) -> WaterSeriesResult:
    """Write tables, water bodies, change and report; return the result with all of them.

    Args:
        config: Says which outputs are wanted, and in which language.
        folder: The run folder; water bodies and change are not made twice.
        products: What to show.
        result: ``result.json`` so far, without bodies and change.
    """
    found: dict[str, Any] = {}
    files = {
        "occurrence": folder.file("occurrence.tif"),
        "observations": folder.file("observations.tif"),
        "series": write_series(
            products.series, folder.file("series.csv"), thresholds=products.thresholds
        ),
        "periods": write_periods(products.series, folder.file("periods.csv")),
    }
    _describe_maps(config, folder, products)
    if "polygons" in config.outputs:
        bodies = _bodies(config, folder, products)
        found["bodies"] = bodies.found
        files |= _paths(folder, bodies)
    if config.change is not None:
        change = _change(config, folder, products)
        found |= _told_of_change(config, change, result)
        files |= _paths(folder, change)
    result = result.with_outputs(files, **found)
    if "report" in config.outputs:
        files |= _report(config, folder, products, result)
    return result.with_outputs(files)


def _paths(folder: RunFolder, step: StepRecord | None) -> dict[str, Path]:
    return {} if step is None else {name: folder.file(f) for name, f in step.outputs.items()}


def _describe_maps(config: WaterConfig, folder: RunFolder, products: SeriesProducts) -> None:
    """Write a STAC item beside the maps of each date."""
    for date, class_map in products.maps.items():
        paths = {name: folder.file(file) for name, file in products.files[date].items()}
        place = paths["mask"].parent
        title = f"{Path(config.source).name}, {date}"
        write_stac_item(
            class_map,
            paths,
            place / "item.json",
            item_id=f"{folder.path.name}-{date}",
            title=title,
        )


def _bodies(config: WaterConfig, folder: RunFolder, products: SeriesProducts) -> StepRecord:
    maps = list(products.maps.values())

    def work() -> StepRecord:
        labels = find_bodies(maps)
        series = measure_bodies(
            maps, labels, districts=products.districts, pixel_size_m=_pixel_size(config, products)
        )
        write_bodies(series, labels, folder.file("water_bodies.gpkg"), lang=config.lang)
        write_body_series(series, folder.file("water_bodies.csv"))
        names = {"bodies": "water_bodies.gpkg", "body_series": "water_bodies.csv"}
        found = {
            "count": labels.count,
            "rule": dataclasses.asdict(series.rule),
            "largest": [_body(body) for body in _largest(series.bodies)],
        }
        return StepRecord(names, found)

    return folder.step(
        "bodies",
        work,
        fingerprint(places_of(config)),
        after=[*map(map_step, products.maps), COMPARING],
    )


def _largest(bodies: Sequence[WaterBody]) -> list[WaterBody]:
    """Return the bodies that held the most water on a date, the largest first."""
    return sorted(bodies, key=lambda b: (-(b.area_max_m2 or 0.0), -b.area_m2))[:LARGEST]


def _body(body: WaterBody) -> dict[str, Any]:
    largest = body.area_max_m2
    return {
        "id": body.id,
        "area_km2": body.area_m2 / _M2,
        "area_max_km2": None if largest is None else largest / _M2,
        "dates_seen": body.dates_seen,
        "half_wet": body.half_wet_share,
        "first_water": body.first_water,
        "last_water": body.last_water,
        "districts": list(body.districts),
    }


def _told_of_change(
    config: WaterConfig, change: StepRecord | None, result: WaterSeriesResult
) -> dict[str, Any]:
    """Return what a result says of the change that was asked for."""
    if change is not None:
        return {"change": change.found}
    sides = " and ".join(config.change or ())
    said = f"No change between {sides}: on one side no date has a map."
    lost = Failure(kind="date", name=sides, reason=said)
    return {
        "failed": [*result.failed, lost],
        "provenance": result.provenance.with_warning(said),
    }


def _change(config: WaterConfig, folder: RunFolder, products: SeriesProducts) -> StepRecord | None:
    """Measure the change between two halves; None where one of them has no map."""
    before, after = (_within(products.maps, half) for half in config.change or ())
    if not (before and after):
        return None

    def work() -> StepRecord:
        geobox, layer = before[0].geobox, LAYERS["change"]
        with MapWriter(folder.file("change.tif"), geobox, layer, lang=config.lang) as sink:
            change = measure_change(
                before,
                after,
                districts=products.districts,
                sink=sink,
                pixel_size_m=_pixel_size(config, products),
            )
        return StepRecord({"change": "change.tif"}, change.to_dict())

    return folder.step(
        "change",
        work,
        fingerprint(places_of(config)),
        after=[*(map_step(str(one.time)) for one in (*before, *after)), COMPARING],
    )


def _within(maps: Mapping[str, ClassMap], half: str) -> list[ClassMap]:
    low, high = parse_range(half)
    return [class_map for date, class_map in maps.items() if low <= date <= high]


def _report(
    config: WaterConfig, folder: RunFolder, products: SeriesProducts, result: WaterSeriesResult
) -> dict[str, Path]:
    """Draw the series and write its report and pictures."""
    total = _together(products.series)
    panels = products.series if len(products.series.periods) <= MOST_PANELS else total
    plot = series_figure(panels, lang=config.lang)
    occurrence = occurrence_figure(
        _percent(folder.file("occurrence.tif"), products), **_place(config, products)
    )
    figures = {"series": plot, "occurrence": occurrence}
    figures["multiples"] = multiples_figure(
        products.maps, total.areas, districts=products.districts, lang=config.lang
    )
    if total.periods[0].uncertainty:
        figures["causes"] = causes_figure(total.periods[0].uncertainty, lang=config.lang)
    if config.change is not None:
        change = _change_map(folder.file("change.tif"), products)
        figures["change"] = change_figure(change, **_place(config, products))
    report = SeriesReportData(
        title=source_title(text_of(config.lang), config.source),
        lang=config.lang,
        result=result.to_dict(),
        series=products.series,
        total=total,
        provenance=result.provenance,
        figures={name: to_svg(figure, name) for name, figure in figures.items()},
        dates_drawn=len(chosen_dates(list(products.maps))),
        dates_mapped=len(products.maps),
    )
    return {
        "report": write_series_report(report, folder.file("report.html")),
        "picture": write_bytes(folder.file("series.png"), to_png(plot)),
        "occurrence_picture": write_bytes(folder.file("occurrence.png"), to_png(occurrence)),
    }


def _together(series: AreaSeries) -> AreaSeries:
    """Return all districts as one; a date whose image failed stays a failed one."""
    by_date: dict[str | None, list[Area]] = {}
    for area in series.areas:
        by_date.setdefault(area.date, []).append(area)
    totals = []
    for date, areas in by_date.items():
        total = total_on(series, date)
        if total is not None and all(a.status == "failed" for a in areas):
            total = dataclasses.replace(total, status="failed", reason=areas[0].reason)
        if total is not None:
            totals.append(total)
    return AreaSeries(series.class_name, tuple(totals), (total_period(series),))


def _place(config: WaterConfig, products: SeriesProducts) -> dict[str, Any]:
    """Return what every map is drawn with."""
    return {
        "districts": products.districts,
        "lang": config.lang,
        "pixel_size_m": _pixel_size(config, products),
    }


def _pixel_size(config: WaterConfig, products: SeriesProducts) -> float | None:
    """Return what the user says of the pixels of images without CRS; None: the CRS says it."""
    geobox = next(iter(products.maps.values())).geobox
    return config.resolution if geobox.crs is None else None


def _percent(path: Path, products: SeriesProducts) -> xr.DataArray:
    """Open the occurrence as numbers, NaN never seen: so it is averaged when it is made small."""
    geobox = next(iter(products.maps.values())).geobox
    missing = RasterBand(str(path), missing=(255,))
    return xr.DataArray(lazy_variable(missing, geobox), coords=coords_of(geobox))


def _change_map(path: Path, products: SeriesProducts) -> ClassMap:
    first, layer = next(iter(products.maps.values())), LAYERS["change"]
    assert layer.legend is not None
    return ClassMap(open_layer(path, first.labels, layer), layer.legend)
