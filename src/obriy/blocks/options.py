"""How the engine may work: apart from it, for whoever asks loads no array library."""

import dataclasses
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

Progress = Callable[[str, int, int], None]
"""Called with the name of the pass, blocks done, blocks in all."""

Job = TypeVar("Job")
Part = TypeVar("Part")
Said = TypeVar("Said")
Found = dict[str, Any]
"""Plain values, which a ledger can hold."""
Save = Callable[[str, Any], None]
"""Keeps an array of a part, by its name."""


class Team(Protocol):
    """Other machines, which do parts of the work, see `obriy.workflows.team`."""

    def ask(
        self, work: Callable[[Job, Part], Said], job: Job, parts: Sequence[Part]
    ) -> Iterator[Said]:
        """Yield what work returns of each part, in their order."""
        ...

    def make(
        self,
        work: Callable[[Job, Part, Save], tuple[Said, Found]],
        job: Job,
        parts: Sequence[Part],
        told: Mapping[str, Any],
    ) -> Iterator[tuple[Said | None, Found, Mapping[str, Any]]]:
        """Yield what work returns of each part, in their order, and the arrays that it saved.

        Args:
            work: Does a part.
            job: What all parts have in common.
            parts: What to do; one that was done before, of a run that was cut off, is not done
                again, and all that it returned but what was found is None.
            told: What tells these parts from others of the same run.
        """
        ...


@dataclasses.dataclass(frozen=True)
class EngineOptions:
    """How the engine may work.

    Attributes:
        workers: Threads; None: one for each core.
        max_ram_gb: Memory of the whole process, GB; None: half of what is free.
        progress: Called as blocks are done.
        cancel: Set by the caller to stop; partial results are then dropped.
        team: Other machines, which do the work in parts; None: it is done here.
    """

    workers: int | None = None
    max_ram_gb: float | None = None
    progress: Progress | None = None
    cancel: threading.Event | None = None
    team: Team | None = None

    def elsewhere(self) -> "EngineOptions":
        """Return what another machine is told: memory and threads, one where nobody says.

        It does as many tasks at a time as it has threads for them.
        """
        one = self.workers or 1
        return dataclasses.replace(self, workers=one, progress=None, cancel=None, team=None)
