"""The files that a person or another program takes from a series."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from obriy.measures.bodies import find_bodies, measure_bodies
from obriy.measures.change import measure_change
from obriy.model.areas import AreaSeries, District
from obriy.model.classmap import ClassMap
from obriy.model.legend import load_legend
from obriy.outputs.bodies import write_bodies, write_body_series
from obriy.outputs.cog import MapWriter
from obriy.outputs.series_tables import write_periods, write_series
from obriy.outputs.styles import write_style
from obriy.runs.folder import RunFolder, StepRecord
from obriy.sources.dates import parse_range
from obriy.workflows.balance import Balance
from obriy.workflows.config import WaterConfig


@dataclasses.dataclass(frozen=True)
class SeriesProducts:
    """What a series has to show.

    Attributes:
        maps: Water maps by date, on one grid; dates of which nothing was seen have none.
        scenes: What was mapped, by date.
        districts: Outlines; empty: the whole image.
        series: Areas by date and district, and over the period.
        occurrence: ``occurrence`` (per cent of observations that were water, 255 never seen) and
            ``observations`` (their number), (y, x) uint8.
        balance: Register and evaporation.
        thresholds: Threshold of each date's map, where it has one.
    """

    maps: Mapping[str, ClassMap]
    scenes: Mapping[str, xr.Dataset]
    districts: Sequence[District]
    series: AreaSeries
    occurrence: Mapping[str, xr.DataArray]
    balance: Balance
    thresholds: Mapping[str, float | None]


def write_series_products(
    config: WaterConfig, folder: RunFolder, products: SeriesProducts, result: dict[str, Any]
) -> dict[str, Path]:
    """Write tables, water bodies, change and report; return their paths by name.

    Args:
        config: Says which outputs are wanted, and in which language.
        folder: The run folder; water bodies and change are not made twice.
        products: What to show.
        result: ``result.json`` so far; ``bodies`` and ``change`` are put in.
    """
    files = {
        "occurrence": folder.file("occurrence.tif"),
        "observations": folder.file("observations.tif"),
        "series": write_series(
            products.series, folder.file("series.csv"), thresholds=products.thresholds
        ),
        "periods": write_periods(products.series, folder.file("periods.csv")),
    }
    if "polygons" in config.outputs:
        files |= _bodies(folder, products, result)
    if config.change is not None:
        files |= _change(config, folder, products, result)
    return files


def _bodies(folder: RunFolder, products: SeriesProducts, result: dict[str, Any]) -> dict[str, Path]:
    maps = list(products.maps.values())

    def work() -> StepRecord:
        labels = find_bodies(maps)
        series = measure_bodies(maps, labels, districts=products.districts)
        write_bodies(series, labels, folder.file("water_bodies.gpkg"))
        write_body_series(series, folder.file("water_bodies.csv"))
        names = {"bodies": "water_bodies.gpkg", "body_series": "water_bodies.csv"}
        return StepRecord(names, {"count": labels.count, "rule": dataclasses.asdict(series.rule)})

    done = folder.step("bodies", work, {"dates": list(products.maps)})
    result["bodies"] = done.found
    return {name: folder.file(file) for name, file in done.outputs.items()}


def _change(
    config: WaterConfig, folder: RunFolder, products: SeriesProducts, result: dict[str, Any]
) -> dict[str, Path]:
    before, after = (_within(products.maps, half) for half in config.change or ())
    legend = load_legend("water_change")

    def work() -> StepRecord:
        geobox = before[0].geobox
        with MapWriter(folder.file("change.tif"), geobox, legend, lang=config.lang) as sink:
            change = measure_change(before, after, districts=products.districts, sink=sink)
        return StepRecord({"change": "change.tif"}, change.to_dict())

    done = folder.step(
        "change", work, {"dates": [[m.time for m in half] for half in (before, after)]}
    )
    result["change"] = done.found
    write_style(folder.file("change.qml"), legend, config.lang)
    return {"change": folder.file("change.tif")}


def _within(maps: Mapping[str, ClassMap], half: str) -> list[ClassMap]:
    low, high = parse_range(half)
    return [class_map for date, class_map in maps.items() if low <= date <= high]
