"""`obriy measure` as a job: dated maps that are there already, measured as a series is."""

from collections.abc import Sequence
from typing import Any

from obriy.blocks.engine import EngineOptions
from obriy.model.grid import describe, geobox_of
from obriy.model.notices import notice
from obriy.model.result.measured import MeasuredSeriesResult
from obriy.runs.folder import RunFolder
from obriy.workflows.config.measure import MeasureConfig
from obriy.workflows.dated import ImageMap
from obriy.workflows.measure.inputs import read_maps
from obriy.workflows.measure.reading import MapReader
from obriy.workflows.run import Run, run_path
from obriy.workflows.water.series import measure_series
from obriy.workflows.water.series_products import SeriesProducts
from obriy.workflows.water.series_result import series_values


def plan_measure(config: MeasureConfig) -> dict[str, Any]:
    """Say what a run would do, without doing it: dates, grid, districts, outputs."""
    config = config.anchored()
    inputs = read_maps(config)
    return {
        "maps": {one.name: one.image.paths[0] for one in inputs.opened},
        "failed": {one.name: one.reason for one in inputs.opened if one.reason},
        "class": config.measured,
        "grid": describe(geobox_of(inputs.first)),
        "districts": [d.name for d in inputs.districts],
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
    return measure_series(
        read_maps(config), reader, config, _answer, options=options, scheduler=config.scheduler
    )


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
