"""What the runs of every kind of source have in common: where they go, what they leave."""

import dataclasses
import hashlib
import json
import shlex
import warnings
from pathlib import Path
from typing import Any, Final

from obriy.blocks.options import EngineOptions
from obriy.errors import InputError, UsageError
from obriy.model.result.base import RunResult
from obriy.runs.folder import RunFolder, config_text, finished_result
from obriy.runs.result_file import read_result
from obriy.workflows.config.base import JobConfig, make_config, values_of
from obriy.workflows.config.reading import PlaceConfig

COMPARING: Final = "compare dates"
"""Name of the step that looks for dates of a series that contradict the others."""


@dataclasses.dataclass(frozen=True)
class Run:
    """What a run left.

    Attributes:
        folder: The run folder.
        result: What stands in ``result.json``.
        before: Whether all of it was done before: nothing was run now.
    """

    folder: Path
    result: RunResult
    before: bool = False

    @property
    def complete(self) -> bool:
        """Whether nothing failed: no image, date, part, district or method (else exit code 3)."""
        return not self.result.failed


def run_path(config: JobConfig) -> Path:
    """Return the run folder: as given, else named after the source and the configuration."""
    if config.out is not None:
        return config.out
    text = json.dumps(config.identity(), sort_keys=True)
    return Path("obriy-runs") / f"{config.stem()}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def run_folder(config: JobConfig) -> RunFolder:
    """Return the folder of a run, to be entered: nobody else works there then."""

    def today(text: str) -> str:
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            try:
                return config_text(make_config(type(config), values_of(text)).identity())
            except UsageError:
                return text

    return RunFolder(run_path(config), config.identity(), today)


def finished_run(config: JobConfig) -> Run | None:
    """Return a run that is all done, with its result; None where anything may be left to do."""
    config = config.anchored()
    path = run_path(config)
    result = finished_result(path, config_text(config.identity()), config.names())
    if result is None:
        return None
    try:
        return Run(path, read_result(result), before=True)
    except InputError:  # of a version that is not understood: its steps are, and are not done again
        return None


def finish(config: JobConfig, folder: RunFolder, result: RunResult) -> Run:
    """Write ``result.json``, and note that all is done where it is.

    Args:
        config: Of the run, anchored.
        folder: Its folder.
        result: What the run answers; what failed is tried again when the run is.
    """
    folder.write_result(result.to_dict())
    run = Run(folder.path, result)
    if run.complete:
        folder.note_finished(config.names())
    return run


def limited(config: JobConfig, options: EngineOptions | None) -> EngineOptions:
    """Return progress and cancel as given, with threads and memory of the configuration."""
    return dataclasses.replace(
        options or EngineOptions(), workers=config.workers, max_ram_gb=config.max_ram
    )


def places_of(config: PlaceConfig) -> list[str]:
    """Return the files that say where: what is made of them is made again when they change."""
    named = (config.aoi, *(getattr(config, name, None) for name in ("river", "dem")))
    return [place for place in named if place]


def map_step(name: str) -> str:
    """Return the name of the step that maps an image; a single one has no name."""
    return f"map {name}".rstrip()


def command_of(config: JobConfig) -> str:
    """Return the command line that makes the run again."""
    first = getattr(config, config.argument())
    words = ["obriy", *config.words()]
    words += [str(one) for one in (first if isinstance(first, list) else [first])]
    defaults = type(config)().model_dump(by_alias=True)
    for name, value in config.model_dump(exclude={"job", config.argument()}, by_alias=True).items():
        if value is not None and value != defaults[name]:
            words += [f"--{name.replace('_', '-')}", *_words(value)]
    return shlex.join(words)


def _words(value: Any) -> list[str]:
    """Return a value as it is written after its option."""
    if isinstance(value, bool):
        return []
    if isinstance(value, tuple):
        return list(value)
    return [",".join(value) if isinstance(value, list) else str(value)]
