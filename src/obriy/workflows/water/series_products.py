"""The files that a person or another program takes from a series."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import xarray as xr
from odc.geo.geobox import GeoBox

from obriy.blocks.raster import RasterBand, lazy_variable
from obriy.measures.bodies import measure_bodies
from obriy.measures.body_finding import find_bodies
from obriy.measures.change import measure_change
from obriy.measures.totals import total_on, total_period
from obriy.model.areas import Area, AreaSeries, District
from obriy.model.bodies import WaterBody, numbers_of
from obriy.model.classmap import ClassMap
from obriy.model.grid import coords_of
from obriy.model.layers import LAYERS, Layer
from obriy.model.legend import load_legend
from obriy.model.notices import notice
from obriy.model.result.base import Failure
from obriy.model.result.measured import SeriesResult
from obriy.outputs.bodies import write_bodies, write_body_series
from obriy.outputs.cog import MapWriter
from obriy.outputs.report import series as report_of
from obriy.outputs.series_tables import write_periods, write_series
from obriy.render.multiples import (
    change_figure,
    chosen_dates,
    multiples_figure,
    occurrence_figure,
)
from obriy.render.pictures import Small
from obriy.render.series import MOST_PANELS, causes_figure, series_figure
from obriy.render.sheets import MapView
from obriy.runs.folder import RunFolder, StepRecord
from obriy.sources.dates import parse_range
from obriy.workflows.config.series import SeriesConfig
from obriy.workflows.passes import open_layer
from obriy.workflows.products import RunFiles
from obriy.workflows.run import COMPARING, map_step
from obriy.workflows.viewing import view_of
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
        images: By date, what was mapped, where there is an image.
    """

    maps: Mapping[str, ClassMap]
    districts: Sequence[District]
    series: AreaSeries
    balance: Balance
    thresholds: Mapping[str, float | None]
    files: Mapping[str, Mapping[str, str]]
    images: Mapping[str, xr.Dataset]


def write_series_products(
    config: SeriesConfig, folder: RunFolder, products: SeriesProducts, result: SeriesResult
) -> SeriesResult:
    """Write tables, water bodies, change and report; return the result with all of them.

    Args:
        config: Says which outputs are wanted, and in which language.
        folder: The run folder; water bodies and change are not made twice.
        products: What to show.
        result: ``result.json`` so far, without bodies and change.
    """
    first, found = next(iter(products.maps.values())), {}
    run = RunFiles(config, folder, products.districts, of=config.called(first.legend))
    series, thresholds = products.series, products.thresholds
    run.files |= {
        "occurrence": folder.file("occurrence.tif"),
        "observations": folder.file("observations.tif"),
        "series": write_series(series, folder.file("series.csv"), thresholds=thresholds),
        "periods": write_periods(series, folder.file("periods.csv")),
    }
    for date, class_map in products.maps.items():
        maps = run.paths(products.files[date])
        run.item(class_map, maps, next(iter(maps.values())).parent, date)
    if run.wants("polygons"):
        bodies = _bodies(run, products, config.measured)
        found["bodies"] = bodies.found
        run.files |= run.paths(bodies.outputs)
    if config.change is not None:
        change = _change(run, products, config.change, config.measured)
        found |= _told_of_change(config.change, change, result)
        run.files |= {} if change is None else run.paths(change.outputs)
    result = result.with_outputs(run.files, **found)
    if run.wants("report"):
        _report(run, products, result)
    return result.with_outputs(run.files)


def _bodies(run: RunFiles, products: SeriesProducts, class_name: str) -> StepRecord:
    maps, folder = list(products.maps.values()), run.folder

    def work() -> StepRecord:
        labels, size = find_bodies(maps, class_name=class_name), run.size_of(maps[0])
        series = measure_bodies(
            maps,
            labels,
            class_name=class_name,
            districts=products.districts,
            pixel_size_m=size,
        )
        names = {"bodies": f"{class_name}_bodies.gpkg", "body_series": f"{class_name}_bodies.csv"}
        outlines, table = (folder.file(name) for name in names.values())
        write_bodies(series, labels, outlines, legend=maps[0].legend, lang=run.lang)
        write_body_series(series, table)
        numbers = numbers_of(series.bodies)
        found = {
            "count": labels.count,
            "rule": dataclasses.asdict(series.rule),
            "largest": [_body(body, numbers[body.id]) for body in _largest(series.bodies)],
        }
        return StepRecord(names, found)

    return run.step("bodies", work, [*map(map_step, products.maps), COMPARING])


def _largest(bodies: Sequence[WaterBody]) -> list[WaterBody]:
    """Return the bodies that held the most water on a date, the largest first."""
    return sorted(bodies, key=lambda b: (-(b.area_max_m2 or 0.0), -b.area_m2))[:LARGEST]


def _body(body: WaterBody, number: int) -> dict[str, Any]:
    largest = body.area_max_m2
    return {
        "id": body.id,
        "number": number,
        "area_km2": body.area_m2 / _M2,
        "area_max_km2": None if largest is None else largest / _M2,
        "dates_seen": body.dates_seen,
        "half_wet": body.half_wet_share,
        "first_water": body.first_water,
        "last_water": body.last_water,
        "districts": list(body.districts),
    }


def _told_of_change(
    halves: tuple[str, str], change: StepRecord | None, result: SeriesResult
) -> dict[str, Any]:
    """Return what a result says of the change that was asked for."""
    if change is not None:
        return {"change": change.found}
    said = notice("no_change", before=halves[0], after=halves[1])
    lost = Failure(kind="date", name=" and ".join(halves), reason=said)
    return {
        "failed": [*result.failed, lost],
        "provenance": result.provenance.with_warning(said),
    }


def _change(
    run: RunFiles, products: SeriesProducts, halves: tuple[str, str], class_name: str
) -> StepRecord | None:
    """Measure the change between two halves; None where one of them has no map."""
    before, after = (_within(products.maps, half) for half in halves)
    if not (before and after):
        return None
    layer, file = _change_layer(run), run.folder.file("change.tif")

    def work() -> StepRecord:
        with MapWriter(file, before[0].geobox, layer, lang=run.lang) as sink:
            change = measure_change(
                before,
                after,
                class_name,
                districts=products.districts,
                sink=sink,
                pixel_size_m=run.size_of(before[0]),
            )
        return StepRecord({"change": file.name}, change.to_dict())

    steps = [map_step(str(one.time)) for one in (*before, *after)]
    return run.step("change", work, [*steps, COMPARING])


def _within(maps: Mapping[str, ClassMap], half: str) -> list[ClassMap]:
    low, high = parse_range(half)
    return [class_map for date, class_map in maps.items() if low <= date <= high]


def _report(run: RunFiles, products: SeriesProducts, result: SeriesResult) -> None:
    """Draw the series and write its report and pictures."""
    total, maps = _together(products.series), products.maps
    panels = products.series if len(products.series.periods) <= MOST_PANELS else total
    first = next(iter(maps.values()))
    own = run.drawn_on(first)
    figures = {
        "series": series_figure(panels, lang=run.lang),
        "occurrence": occurrence_figure(
            _percent(run.files["occurrence"], first.geobox), of=run.of, **own
        ),
        "multiples": multiples_figure(
            maps, total.areas, districts=products.districts, lang=run.lang
        ),
    }
    if total.periods[0].uncertainty:
        figures["causes"] = causes_figure(total.periods[0].uncertainty, lang=run.lang)
    if "change" in run.files:
        figures["change"] = change_figure(_change_map(run, first), **own)
    shown = _best_seen(total, maps)
    run.report(
        result,
        figures,
        {"series": "picture", "occurrence": "occurrence_picture"},
        lambda report: report_of.page(
            report,
            series=products.series,
            total=total,
            drawn=len(chosen_dates(list(maps))),
            mapped=len(maps),
            shown=shown,
        ),
        view=_view(run, products, shown),
    )


def _best_seen(total: AreaSeries, maps: Mapping[str, ClassMap]) -> str:
    """Return the date of which most was seen, of those that have a map; of several the last."""
    seen = {str(area.date): -area.unseen_share for area in total.areas}
    return max(maps, key=lambda date: (seen.get(date, -1.0), date))


def _view(run: RunFiles, products: SeriesProducts, date: str) -> MapView:
    """Show the date of which most was seen, and what the whole season says of each pixel."""
    measured = products.series.class_name
    files = run.paths(products.files[date]) | run.files
    shown = [n for n in ("unseen", "doubt", "fraction", "change", "occurrence") if n in files]
    return view_of(
        run,
        Small.of(products.images.get(date), products.maps[date]),
        products.maps[date],
        {name: files[name] for name in shown},
        date=date,
        measured=measured,
        bodies=(run.folder.file(f"{measured}_bodies.gpkg"), f"{measured}_bodies"),
        layers={"change": _change_layer(run)},
        leads="change",
    )


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


def _percent(path: Path, geobox: GeoBox) -> xr.DataArray:
    """Open the occurrence as numbers, NaN never seen: so it is averaged when it is made small."""
    missing = RasterBand(str(path), missing=(255,))
    return xr.DataArray(lazy_variable(missing, geobox), coords=coords_of(geobox))


def _change_layer(run: RunFiles) -> Layer:
    """Return the layer of change: its classes are named by water, or by none."""
    return LAYERS["change"].of(load_legend("class_change" if run.of else "water_change"))


def _change_map(run: RunFiles, like: ClassMap) -> ClassMap:
    layer = _change_layer(run)
    assert layer.legend is not None
    return ClassMap(open_layer(run.files["change"], like.labels, layer), layer.legend)
