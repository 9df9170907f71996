"""The files that a person or another program takes from a run over ice: maps are already there."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from obriy.model.areas import District
from obriy.model.classmap import ClassMap
from obriy.model.result.ice import IceResult
from obriy.outputs.files import write_bytes
from obriy.outputs.ice_edge import write_ice_edge
from obriy.outputs.ice_report import IceReportData, write_ice_report
from obriy.outputs.ice_tables import write_ice, write_seasons, write_ten_days
from obriy.outputs.report_view import source_title
from obriy.outputs.stac_item import write_stac_item
from obriy.render.figures import to_png, to_svg
from obriy.render.ice import concentration_figure, ice_figure, ice_multiples
from obriy.render.ice_anomalies import anomaly_figure
from obriy.render.ice_series import ice_series_figure
from obriy.render.multiples import chosen_dates
from obriy.render.text import text_of
from obriy.runs.fingerprint import fingerprint
from obriy.runs.folder import RunFolder, StepRecord
from obriy.workflows.config.ice import IceConfig
from obriy.workflows.ice.result import Day, IceProducts, day_step
from obriy.workflows.run import places_of


def write_ice_products(
    config: IceConfig, folder: RunFolder, products: IceProducts, result: IceResult
) -> dict[str, Path]:
    """Write tables, ice edges, report and STAC items; return their paths by name.

    Args:
        config: Says which outputs are wanted, and in which language.
        folder: The run folder; ice edges are not made twice.
        products: What to show.
        result: ``result.json`` so far.
    """
    files = {
        "areas": write_ice(products.areas, folder.file("ice.csv")),
        "seasons": write_seasons(products.seasons, folder.file("seasons.csv")),
        "ten_days": write_ten_days(products.seasons, folder.file("ten_days.csv")),
    }
    for day in products.mapped:
        own = _of_day(day, config, folder, products.districts)
        if len(products.mapped) == 1:
            files |= own
    if "report" in config.outputs:
        files |= _report(config, folder, products, result.with_outputs(files))
    return files


def _of_day(
    day: Day, config: IceConfig, folder: RunFolder, districts: Sequence[District]
) -> dict[str, Path]:
    """Write what belongs to the map of a day; return its files by name."""
    class_map = _map_of(day)
    kept = {name for name in ("map", "concentration") if name not in config.outputs}
    files = {name: folder.file(file) for name, file in day.files.items() if name not in kept}
    if "polygons" in config.outputs:
        files["polygons"] = _edge(day, config, folder, districts)
    place = folder.file(day.files["concentration"]).parent
    files["stac"] = write_stac_item(
        class_map,
        files,
        place / "item.json",
        item_id=f"{folder.path.name}-{day.key}",
        title=f"{source_title(text_of(config.lang), config.sources[0])}, {day.key}",
    )
    return files


def _edge(day: Day, config: IceConfig, folder: RunFolder, districts: Sequence[District]) -> Path:
    file = f"{Path(day.files['concentration']).parent}/ice.gpkg"

    def work() -> StepRecord:
        path = folder.file(file)
        write_ice_edge(
            _concentration_of(day), _map_of(day), path, districts=districts, lang=config.lang
        )
        return StepRecord({"polygons": file})

    after = [day_step(day), f"areas {day.key}"]
    done = folder.step(f"edge {day.key}", work, fingerprint(places_of(config)), after=after)
    return folder.file(done.outputs["polygons"])


def _report(
    config: IceConfig, folder: RunFolder, products: IceProducts, result: IceResult
) -> dict[str, Path]:
    date = None if result.headline is None else result.headline.date
    day = next((one for one in products.mapped if one.date == date), products.mapped[0])
    figures = _large(day, config, products) | _through_time(config, products)
    drawn = len(chosen_dates([one.key for one in products.mapped])) if "multiples" in figures else 0
    report = IceReportData(
        title=source_title(text_of(config.lang), config.sources[0]),
        lang=config.lang,
        result=result.to_dict(),
        areas=products.areas,
        seasons=products.seasons,
        provenance=result.provenance,
        figures={name: to_svg(figure, name) for name, figure in figures.items()},
        shown=day.date,
        dates_drawn=drawn,
        dates_mapped=len(products.mapped),
    )
    files = {"report": write_ice_report(report, folder.file("report.html"))}
    for name in ("map", "series"):
        if name in figures:
            png = to_png(figures[name])
            files[f"{name}_picture"] = write_bytes(folder.file(f"{name}.png"), png)
    return files


def _large(day: Day, config: IceConfig, products: IceProducts) -> dict[str, Any]:
    """Draw one day: its map and its concentration."""
    class_map = _map_of(day)
    scene = next(image.opened.part for image in day.images if image.map is not None)
    assert scene is not None
    size = config.resolution if class_map.geobox.crs is None else None
    own: dict[str, Any] = {
        "districts": products.districts, "lang": config.lang, "pixel_size_m": size,
    }  # fmt: skip
    return {
        "map": ice_figure(scene, class_map, **own),
        "concentration": concentration_figure(_concentration_of(day), class_map, **own),
    }


def _through_time(config: IceConfig, products: IceProducts) -> dict[str, Any]:
    """Draw the series; of a single day there is none."""
    if len({day.date for day in products.days}) < 2:
        return {}
    lang = config.lang
    figures: dict[str, Any] = {
        "series": ice_series_figure(products.areas, products.seasons, lang=lang)
    }
    if config.composite != "none":  # little maps are named by their date
        maps = {day.key: _map_of(day) for day in products.mapped}
        totals = [day.total for day in products.mapped]
        figures["multiples"] = ice_multiples(maps, totals, districts=products.districts, lang=lang)
    first = products.areas[0].district
    anomaly = anomaly_figure([s for s in products.seasons if s.district == first], lang=lang)
    return figures if anomaly is None else figures | {"anomaly": anomaly}


def _map_of(day: Day) -> ClassMap:
    """Return the map of a day that has one."""
    assert day.map is not None
    return day.map


def _concentration_of(day: Day) -> xr.DataArray:
    """Return the concentration of a day that has a map."""
    assert day.concentration is not None
    return day.concentration
