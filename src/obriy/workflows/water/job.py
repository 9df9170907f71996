"""`obriy water`: one image, or a series of dates."""

from pathlib import Path
from typing import Any

from obriy.blocks.engine import EngineOptions
from obriy.errors import UsageError
from obriy.sources.series import is_series
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.run import Run
from obriy.workflows.water.image import plan_image, run_image
from obriy.workflows.water.series import plan_series, run_series


def run_water(config: WaterConfig, options: EngineOptions | None = None) -> Run:
    """Map, measure, score or compare, and report; what was cut off goes on where it stopped.

    Args:
        config: What to do: a folder of dated images, or an option that only a series has, makes a
            series of it.
        options: Progress and cancel; threads and memory come from the configuration.

    Raises:
        ObriyError: of the kind that fits; nothing half-written is left.
    """
    run = run_series if _of_series(config) else run_image
    return run(config, options)


def plan_water(config: WaterConfig) -> dict[str, Any]:
    """Say what a run would do, without doing it: dates, grid, bands, districts, outputs."""
    return plan_series(config) if _of_series(config) else plan_image(config)


def _of_series(config: WaterConfig) -> bool:
    """Say whether a series is meant.

    Raises:
        UsageError: an option of a series with a source that is none.
    """
    asked = config.series_options()
    if asked and not Path(config.source).expanduser().is_dir():
        raise UsageError(
            f"--{asked[0]} asks for a series, and {config.source} is one image.",
            "Give the folder in which the dated images lie; one image in it will do.",
        )
    series = bool(asked) or is_series(config.source)
    if config.scheduler and not series:
        raise UsageError(
            "--scheduler spreads the dates of a series, and this is one image.",
            "Leave it away: one image goes block by block through the threads of one machine.",
        )
    return series
