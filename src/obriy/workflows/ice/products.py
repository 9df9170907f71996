"""The files that a person or another program takes from a run over ice: maps are already there."""

from pathlib import Path
from typing import Final

import xarray as xr
from matplotlib.figure import Figure

from obriy.model.classmap import ClassMap
from obriy.model.result.ice import IceResult
from obriy.outputs.ice_edge import ICE, write_ice_edge
from obriy.outputs.ice_tables import write_ice, write_seasons, write_ten_days
from obriy.outputs.report import ice
from obriy.render.ice import concentration_figure, ice_figure, ice_multiples
from obriy.render.ice_anomalies import anomaly_figure
from obriy.render.ice_series import ice_series_figure
from obriy.render.multiples import chosen_dates
from obriy.render.pictures import Small
from obriy.render.sheets import MapView
from obriy.runs.folder import RunFolder
from obriy.workflows.config.ice import IceConfig
from obriy.workflows.ice.result import Day, IceProducts, day_step
from obriy.workflows.products import RunFiles
from obriy.workflows.viewing import view_of

_LAYERS: Final = ("concentration", "fraction", "unseen", "doubt")
"""Rasters of a day that its report shows beside the map."""


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
    run = RunFiles(config, folder, products.districts)
    run.files |= {
        "areas": write_ice(products.areas, folder.file("ice.csv")),
        "seasons": write_seasons(products.seasons, folder.file("seasons.csv")),
        "ten_days": write_ten_days(products.seasons, folder.file("ten_days.csv")),
    }
    for day in products.mapped:
        own = _of_day(day, run)
        if len(products.mapped) == 1:
            run.files |= own
    if run.wants("report"):
        _report(run, products, result)
    return run.files


def _of_day(day: Day, run: RunFiles) -> dict[str, Path]:
    """Write what belongs to the map of a day; return its files by name."""
    class_map, dense = _map_of(day), _concentration_of(day)
    kept = {name for name in ("map", "concentration") if not run.wants(name)}
    files = run.paths({name: file for name, file in day.files.items() if name not in kept})
    place = Path(day.files["concentration"]).parent
    files |= run.polygons(
        f"{place}/ice.gpkg",
        lambda path: write_ice_edge(dense, class_map, path, districts=run.districts, lang=run.lang),
        after=[day_step(day), f"areas {day.key}"],
        step=f"edge {day.key}",
    )
    files["stac"] = run.item(class_map, files, run.folder.file(str(place)), day.key)
    return files


def _report(run: RunFiles, products: IceProducts, result: IceResult) -> None:
    """Draw the run and write its report and pictures."""
    mapped = products.mapped
    date = None if result.headline is None else result.headline.date
    day = next((one for one in mapped if one.date == date), mapped[0])
    small = Small.of(_scene_of(day), _map_of(day))
    figures = _large(day, run, small) | _through_time(run, products)
    drawn = len(chosen_dates([one.key for one in mapped])) if "multiples" in figures else 0
    run.report(
        result,
        figures,
        {name: f"{name}_picture" for name in ("map", "series") if name in figures},
        lambda report: ice.page(
            report,
            areas=products.areas,
            seasons=products.seasons,
            shown=day.date,
            drawn=drawn,
            mapped=len(mapped),
        ),
        view=_view(day, run, small),
    )


def _view(day: Day, run: RunFiles, small: Small) -> MapView:
    """Show the image and the map of a day, its concentration, and the fields of ice."""
    files = run.paths(day.files)
    where = files["concentration"].parent / "ice.gpkg"
    parts = {name: file for name, file in files.items() if name in _LAYERS}
    return view_of(run, small, _map_of(day), parts, job="ice", measured=ICE, bodies=(where, ICE))


def _large(day: Day, run: RunFiles, small: Small) -> dict[str, Figure]:
    """Draw one day: its map and its concentration."""
    class_map, dense = _map_of(day), _concentration_of(day)
    own = run.drawn_on(class_map)
    return {
        "map": ice_figure(_scene_of(day), class_map, **own, small=small),
        "concentration": concentration_figure(dense, class_map, **own),
    }


def _through_time(run: RunFiles, products: IceProducts) -> dict[str, Figure]:
    """Draw the series; of a single day there is none."""
    if len({day.date for day in products.days}) < 2:
        return {}
    lang, mapped = run.lang, products.mapped
    figures = {"series": ice_series_figure(products.areas, products.seasons, lang=lang)}
    if all(day.key == day.date for day in mapped):  # little maps are named by their date
        maps = {day.key: _map_of(day) for day in mapped}
        totals = [day.total for day in mapped]
        figures["multiples"] = ice_multiples(maps, totals, districts=run.districts, lang=lang)
    first = products.areas[0].district
    anomaly = anomaly_figure([s for s in products.seasons if s.district == first], lang=lang)
    return figures if anomaly is None else figures | {"anomaly": anomaly}


def _scene_of(day: Day) -> xr.Dataset:
    """Return the image of a day that has a map; of several the first."""
    scene = next(image.opened.part for image in day.images if image.map is not None)
    assert scene is not None
    return scene


def _map_of(day: Day) -> ClassMap:
    """Return the map of a day that has one."""
    assert day.map is not None
    return day.map


def _concentration_of(day: Day) -> xr.DataArray:
    """Return the concentration of a day that has a map."""
    assert day.concentration is not None
    return day.concentration
