"""How the engine may work: apart from it, for whoever asks loads no array library."""

import dataclasses
import threading
from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called with the name of the pass, blocks done, blocks in all."""


@dataclasses.dataclass(frozen=True)
class EngineOptions:
    """How the engine may work.

    Attributes:
        workers: Threads; None: one for each core.
        max_ram_gb: Memory of the whole process, GB; None: half of what is free.
        progress: Called as blocks are done.
        cancel: Set by the caller to stop; partial results are then dropped.
    """

    workers: int | None = None
    max_ram_gb: float | None = None
    progress: Progress | None = None
    cancel: threading.Event | None = None
