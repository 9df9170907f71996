"""Which workflow does a job."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import yaml

from obriy.blocks.memory import allowing
from obriy.blocks.options import EngineOptions
from obriy.errors import UsageError
from obriy.sources.presence import look_first
from obriy.workflows.config.base import JobConfig, make_config
from obriy.workflows.config.ice import IceCompareConfig, IceConfig, IceTrainConfig
from obriy.workflows.config.landcover import (
    LandcoverCompareConfig,
    LandcoverConfig,
    LandcoverTrainConfig,
)
from obriy.workflows.config.water import WaterCompareConfig, WaterConfig
from obriy.workflows.run import Run, finished_run

JOBS: Final[dict[str, type[JobConfig]]] = {
    "water": WaterConfig,
    "landcover": LandcoverConfig,
    "compare": LandcoverCompareConfig,
    "train": LandcoverTrainConfig,
    "ice": IceConfig,
    "train-ice": IceTrainConfig,
    "compare-ice": IceCompareConfig,
    "compare-water": WaterCompareConfig,
}
"""The configuration of each job, by its name."""
_RUNS: Final = {
    "water": "obriy.workflows.water.job:run_water",
    "landcover": "obriy.workflows.landcover.job:run_landcover",
    "compare": "obriy.workflows.compare.landcover:run_comparison",
    "train": "obriy.workflows.learn.landcover:run_training",
    "ice": "obriy.workflows.ice.job:run_ice",
    "train-ice": "obriy.workflows.learn.ice:run_ice_training",
    "compare-water": "obriy.workflows.compare.water:run_water_comparison",
    "compare-ice": "obriy.workflows.compare.ice:run_ice_comparison",
}
"""What does a job, by its name; loaded on use, for each brings its own libraries."""
_PLANS: Final = {
    "water": "obriy.workflows.water.job:plan_water",
    "landcover": "obriy.workflows.landcover.job:plan_landcover",
    "ice": "obriy.workflows.ice.job:plan_ice",
}


def run_job(config: JobConfig, options: EngineOptions | None = None) -> Run:
    """Do what a configuration asks for; what was cut off goes on where it stopped.

    It is looked first, and the libraries of the job are loaded later: whether its images are there,
    and whether anything is left to do.

    Args:
        config: Of any job.
        options: Progress and cancel; threads and memory come from the configuration.

    Raises:
        ObriyError: of the kind that fits; nothing half-written is left.
    """
    _look_first(config)
    done = finished_run(config)
    if done is None:
        with allowing(getattr(config, "max_ram", None)):
            done = _load(_RUNS[config.title()])(config, options)
    return done


def plan_job(config: JobConfig) -> dict[str, Any]:
    """Say what a job would do, without doing it.

    Raises:
        UsageError: for a job that has no plan.
    """
    if config.title() not in _PLANS:
        raise UsageError(f"There is no plan of '{config.title()}'.", "Run it without --dry-run.")
    _look_first(config)
    with allowing(getattr(config, "max_ram", None)):
        plan: dict[str, Any] = _load(_PLANS[config.title()])(config)
    return plan


def read_config(path: Path) -> JobConfig:
    """Read a ``config.yaml``.

    Raises:
        UsageError: where it is not there, not YAML, or not a configuration.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # "2025-99-99" is a ValueError
        raise UsageError(f"{path} is not YAML.", "Give the config.yaml of a run.") from error
    job = values.get("job") if isinstance(values, dict) else None
    if not isinstance(job, str) or job not in JOBS or not all(isinstance(k, str) for k in values):
        raise UsageError(
            f"{path} does not say which job to run.", f"Write e.g. 'job: {next(iter(JOBS))}'."
        )
    return make_config(JOBS[job], values)


def _look_first(config: JobConfig) -> None:
    """Raise where what the job is about is not there."""
    named = getattr(config, config.argument())
    for one in named if isinstance(named, list) else [named]:
        look_first(str(Path(one).expanduser()))


def _load(place: str) -> Callable[..., Any]:
    module, name = place.split(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found
