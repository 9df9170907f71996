"""Which workflow does a job."""

from typing import Any

from obriy.blocks.engine import EngineOptions
from obriy.workflows.config import (
    CompareConfig,
    JobConfig,
    LandcoverConfig,
    TrainConfig,
    WaterConfig,
)
from obriy.workflows.run import Run


def run_job(config: JobConfig, options: EngineOptions | None = None) -> Run:
    """Do what a configuration asks for; what was cut off goes on where it stopped.

    Args:
        config: Of any job.
        options: Progress and cancel; threads and memory come from the configuration.

    Raises:
        ObriyError: of the kind that fits; nothing half-written is left.
    """
    if isinstance(config, LandcoverConfig):
        from obriy.workflows.landcover import run_landcover

        return run_landcover(config, options)
    if isinstance(config, CompareConfig):
        from obriy.workflows.comparing import run_comparison

        return run_comparison(config, options)
    if isinstance(config, TrainConfig):
        from obriy.workflows.training import train_landcover

        trained = train_landcover(config, None if options is None else options.progress)
        return Run(trained.folder, trained.result, complete=True)
    from obriy.workflows.water import run_water

    assert isinstance(config, WaterConfig)
    return run_water(config, options)


def plan_job(config: JobConfig) -> dict[str, Any]:
    """Say what a job would do, without doing it."""
    if isinstance(config, LandcoverConfig):
        from obriy.workflows.landcover import plan_landcover

        return plan_landcover(config)
    from obriy.workflows.water import plan_water

    assert isinstance(config, WaterConfig)
    return plan_water(config)
