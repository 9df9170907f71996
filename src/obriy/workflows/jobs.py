"""The jobs: what can be asked of each, and which workflow does it."""

import contextlib
import dataclasses
import gc
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from obriy.errors import UsageError
from obriy.runs.folder import CONFIG
from obriy.sources.presence import look_first
from obriy.workflows.config.base import JobConfig, make_config, values_of
from obriy.workflows.config.ice import IceCompareConfig, IceConfig, IceTrainConfig
from obriy.workflows.config.landcover import (
    LandcoverCompareConfig,
    LandcoverConfig,
    LandcoverTrainConfig,
)
from obriy.workflows.config.measure import MeasureConfig
from obriy.workflows.config.water import WaterCompareConfig, WaterConfig

if TYPE_CHECKING:
    from obriy.blocks.options import EngineOptions
    from obriy.workflows.run import Run


@dataclasses.dataclass(frozen=True)
class Job:
    """All there is to know of a job: its command is made of it.

    Attributes:
        config: What can be asked of it; its docstring is the help of the command.
        run: ``module:function`` of what does it, below ``obriy.workflows``; loaded on use, for
            each brings its own libraries.
        plan: That of what says what it would do; None: nothing does.
    """

    config: type[JobConfig]
    run: str
    plan: str | None = None


JOBS: Final = {
    job.config.title(): job
    for job in (
        Job(WaterConfig, "water.job:run_water", "water.job:plan_water"),
        Job(LandcoverConfig, "landcover.job:run_landcover", "landcover.job:plan_landcover"),
        Job(IceConfig, "ice.job:run_ice", "ice.job:plan_ice"),
        Job(MeasureConfig, "measure.job:run_measure", "measure.job:plan_measure"),
        Job(LandcoverCompareConfig, "compare.landcover:run_comparison"),
        Job(WaterCompareConfig, "compare.water:run_water_comparison"),
        Job(IceCompareConfig, "compare.ice:run_ice_comparison"),
        Job(IceTrainConfig, "learn.ice:run_ice_training"),
        Job(LandcoverTrainConfig, "learn.landcover:train_landcover"),
    )
}
"""The jobs by name; in this order `obriy --help` lists them."""


def run_job(config: JobConfig, options: "EngineOptions | None" = None) -> "Run":
    """Do what a configuration asks for; what was cut off goes on where it stopped.

    It is looked first, and the libraries of the job are loaded later: whether its images are there,
    and whether anything is left to do.

    Args:
        config: Of any job.
        options: Progress and cancel; threads and memory come from the configuration.

    Raises:
        ObriyError: of the kind that fits; nothing half-written is left.
    """
    from obriy.blocks.memory import allowing  # here: the help of a command is made of JOBS
    from obriy.net import ending
    from obriy.workflows.run import finished_run

    ending.begin_run()
    _look_first(config)
    done = finished_run(config)
    if done is None:
        with allowing(getattr(config, "max_ram", None), drawn=_draws(config)):
            done = _load(JOBS[config.title()].run)(config, options)
    return done


def plan_job(config: JobConfig) -> dict[str, Any]:
    """Say what a job would do, without doing it.

    Raises:
        UsageError: for a job that has no plan.
    """
    from obriy.blocks.memory import allowing

    plan_of = JOBS[config.title()].plan
    if plan_of is None:
        words = " ".join(config.words())
        raise UsageError(f"'obriy {words}' has no plan to show.", "Run it without --dry-run.")
    _look_first(config)
    with allowing(getattr(config, "max_ram", None), drawn=_draws(config)):
        plan: dict[str, Any] = _load(plan_of)(config)
    return plan


def read_config(path: Path) -> JobConfig:
    """Read a ``config.yaml``, or that of a run folder.

    Raises:
        UsageError: where it is not there, not YAML, or not a configuration.
    """
    path = path / CONFIG if path.is_dir() else path
    try:
        values = values_of(path.read_bytes(), path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    named = values.get("job")
    kinds = (job.config for job in JOBS.values())
    kind = next((k for k in kinds if named and named in (k.title(), k.ONCE)), None)
    if kind is None:
        raise UsageError(
            f"{path} does not say which job to run.", f"Write e.g. 'job: {next(iter(JOBS))}'."
        )
    return make_config(kind, values)


def _draws(config: JobConfig) -> bool:
    """Say whether a run makes more than maps: pictures, polygons, a report."""
    return not set(getattr(config, "outputs", ("report",))) <= {"mask", "fraction"}


def _look_first(config: JobConfig) -> None:
    """Raise where what the job is about is not there."""
    named = getattr(config, config.argument())
    for one in named if isinstance(named, list) else [named]:
        look_first(str(Path(one).expanduser()))


def _load(place: str) -> Callable[..., Any]:
    module, name = place.split(":")
    module = f"obriy.workflows.{module}"
    if module not in sys.modules:
        with _uncollected():
            importlib.import_module(module)
    found: Callable[..., Any] = getattr(sys.modules[module], name)
    return found


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Keep what modules make, which stays, from being looked through: a fifth of their import."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
        gc.freeze()  # nor when the work begins: a twentieth of a short run
    finally:
        gc.enable()
