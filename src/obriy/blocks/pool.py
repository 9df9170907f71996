"""Threads that run a function over all windows of a plan, and stop when they are told to."""

import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextvars import ContextVar
from functools import partial
from typing import Any, Final

import numpy as np

from obriy.blocks.options import EngineOptions
from obriy.blocks.plan import Plan
from obriy.errors import CancelledError
from obriy.net import ending

_CANCELLED: Final = "The run was cancelled; nothing half-written was left."
_LOOK_S: Final = 0.2
"""Seconds between two looks whether the caller cancelled, while threads may wait for a server."""


_ended: Final[ContextVar[Callable[[], bool]]] = ContextVar("ended", default=lambda: False)


def keep_going() -> None:
    """Look whether the work goes on: for what is long, and done while a thread has a window.

    Raises:
        CancelledError: where the caller cancelled, or another thread failed.
    """
    if _ended.get()():
        raise CancelledError(_CANCELLED)


def _any_set(*events: threading.Event) -> bool:
    return any(event.is_set() for event in events)


class Pool:
    """Runs a function over all windows in threads; each thread takes one contiguous part."""

    def __init__(self, plan: Plan, workers: int, options: EngineOptions) -> None:
        self._count = len(plan.windows)
        shares = np.array_split(np.arange(self._count), min(workers, self._count))
        self._parts = [share.tolist() for share in shares]
        self._progress = options.progress or (lambda name, done, total: None)
        self._cancel = options.cancel or threading.Event()

    def map(self, name: str, function: Callable[[int], Any]) -> list[Any]:
        """Return the results in the order of the plan; the first error stops all threads."""
        results: list[Any] = [None] * self._count
        done = iter(range(1, self._count + 1))
        stop = threading.Event()

        ended = partial(_any_set, stop, self._cancel)

        def part(numbers: list[int]) -> None:
            _ended.set(ended)
            for number in numbers:
                if ended():
                    return
                results[number] = function(number)
                self._progress(name, next(done), self._count)

        with ThreadPoolExecutor(len(self._parts), thread_name_prefix="obriy") as executor:
            try:
                waiting = {executor.submit(part, p) for p in self._parts}
                while waiting:
                    done_parts, waiting = wait(waiting, _LOOK_S, FIRST_COMPLETED)
                    for future in done_parts:
                        future.result()
                    if self._cancel.is_set():
                        ending.cancel()
            except BaseException as error:
                stop.set()
                if not isinstance(error, Exception):  # asked to end: not after the next answer
                    ending.cancel()
                raise
        if self._cancel.is_set():
            raise CancelledError(_CANCELLED)
        return results
