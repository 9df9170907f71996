"""Parts of one large image, or of a season, on a cluster: what the engine asks of other machines.

Each part is a task. What it makes it leaves in a file of the run folder, in one step, and the part
is noted in the ledger: of a run that was cut off only what was missing is done.
"""

import dataclasses
import functools
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from obriy.blocks.options import EngineOptions, Found, Save
from obriy.outputs.files import atomic_path
from obriy.runs.folder import RunFolder, StepPart, StepRecord
from obriy.workflows.cluster import Workers, in_turn

Job = TypeVar("Job")
Part = TypeVar("Part")
Said = TypeVar("Said")


@dataclasses.dataclass(frozen=True)
class ClusterTeam:
    """The workers of a cluster as the team of the engine, see `obriy.blocks.options.Team`.

    Attributes:
        workers: Who works.
        folder: The run folder, which they see; one of its steps is being done.
    """

    workers: Workers
    folder: RunFolder

    def ask(
        self, work: Callable[[Job, Part], Said], job: Job, parts: Sequence[Part]
    ) -> Iterator[Said]:
        """Yield what work returns of each part, in their order."""
        shared = self.workers.share(job)

        def begin(part: Part) -> "Future[Said]":
            return self.workers.submit(work, shared, part)

        for _, future in in_turn(parts, begin, self.workers.most):
            assert future is not None
            yield future.result()

    def make(
        self,
        work: Callable[[Job, Part, Save], tuple[Said, Found]],
        job: Job,
        parts: Sequence[Part],
        told: Mapping[str, Any],
    ) -> Iterator[tuple[Said | None, Found, Mapping[str, Any]]]:
        """Yield what work returns of each part, in their order, and the arrays that it saved."""
        shared = self.workers.share(job)
        steps = [(part, self.folder.part(number, told)) for number, part in enumerate(parts)]

        def begin(task: tuple[Part, StepPart]) -> "Future[tuple[Said, Found]] | None":
            part, step = task
            if self.folder.is_done(step.name, step.inputs):
                return None
            file = self.folder.file(step.file).resolve()
            return self.workers.submit(_saved, work, shared, part, file)

        for (_, step), future in in_turn(steps, begin, self.workers.most):
            said, found = (None, {}) if future is None else future.result()
            work_done = functools.partial(StepRecord, {"arrays": step.file}, found)
            done = self.folder.step(step.name, work_done, step.inputs)
            with np.load(self.folder.file(step.file), allow_pickle=False) as arrays:
                yield said, done.found, arrays


def with_team(options: EngineOptions, workers: Workers | None, folder: RunFolder) -> EngineOptions:
    """Return options by which the workers of a cluster do the work in parts; None: nobody does."""
    if workers is None:
        return options
    return dataclasses.replace(options, team=ClusterTeam(workers, folder))


def _saved(
    work: Callable[[Job, Part, Save], tuple[Said, Found]], job: Job, part: Part, file: Path
) -> tuple[Said, Found]:
    """Do a part, and leave its arrays in a file; runs anywhere that sees the files."""
    with (
        atomic_path(file) as draft,
        zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as kept,
    ):

        def save(name: str, array: Any) -> None:
            with kept.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)

        return work(job, part, save)
