"""`obriy measure` as a job: one map is measured as an image is, dated ones as a series."""

from collections.abc import Sequence
from typing import Any

import xarray as xr

from obriy.blocks.engine import EngineOptions
from obriy.model.areas import District
from obriy.model.grid import describe, geobox_of
from obriy.model.notices import notice
from obriy.model.result.measured import MeasuredImageResult, MeasuredSeriesResult
from obriy.runs.folder import RunFolder
from obriy.workflows.config.measure import MeasureConfig
from obriy.workflows.dated import ImageMap
from obriy.workflows.measure.inputs import is_one, read_map, read_maps
from obriy.workflows.measure.reading import MapReader
from obriy.workflows.run import Run, limited, run_folder, run_path
from obriy.workflows.water.image import OneMap, image_values, measure_one
from obriy.workflows.water.image_products import Products
from obriy.workflows.water.series import measure_series
from obriy.workflows.water.series_products import SeriesProducts
from obriy.workflows.water.series_result import series_values


def plan_measure(config: MeasureConfig) -> dict[str, Any]:
    """Say what a run would do, without doing it: dates, grid, districts, outputs."""
    config = config.anchored()
    if is_one(config):
        one = read_map(config)
        told = {"maps": {str(one.part.attrs["time"]): str(config.maps[0])}, "failed": {}}
        return {**told, **_plan(config, one.part, one.districts)}
    inputs = read_maps(config)
    return {
        "maps": {one.name: one.item.paths[0] for one in inputs.opened},
        "failed": {one.name: one.reason for one in inputs.opened if one.reason},
        **_plan(config, inputs.part, inputs.districts),
    }


def _plan(config: MeasureConfig, part: xr.Dataset, districts: Sequence[District]) -> dict[str, Any]:
    return {
        "class": config.measured,
        "grid": describe(geobox_of(part)),
        "districts": [d.name for d in districts],
        "outputs": config.outputs,
        "folder": str(run_path(config)),
    }


def run_measure(config: MeasureConfig, options: EngineOptions | None = None) -> Run:
    """Measure maps, compare and report; a run that was cut off goes on where it stopped.

    Args:
        config: What to do.
        options: Progress and cancel; threads and memory come from the configuration.

    Raises:
        ObriyError: of the kind that fits, before the work where it can be known.
    """
    config = config.anchored()
    reader = MapReader(config.lang)
    if is_one(config):
        one = OneMap(read_map(config), reader, _answer_of_one)
        with run_folder(config) as folder:
            return measure_one(one, config, folder, limited(config, options))
    return measure_series(
        read_maps(config), reader, config, _answer, options=options, scheduler=config.scheduler
    )


def _answer_of_one(
    config: MeasureConfig, products: Products, mapped: ImageMap, maps: dict[str, str]
) -> MeasuredImageResult:
    """Put ``result.json`` of one map together."""
    values = image_values(config, products, mapped, maps)
    values["provenance"] = values["provenance"].with_warning(notice("maps_of_others"))
    return MeasuredImageResult(**values, **{"class": config.measured}, codes=config.codes)


def _answer(
    config: MeasureConfig,
    images: Sequence[ImageMap],
    products: SeriesProducts,
    folder: RunFolder,
) -> MeasuredSeriesResult:
    """Put ``result.json`` together."""
    values = series_values(config, images, products, folder)
    values["provenance"] = values["provenance"].with_warning(notice("maps_of_others"))
    return MeasuredSeriesResult(**values, **{"class": config.measured}, codes=config.codes)
