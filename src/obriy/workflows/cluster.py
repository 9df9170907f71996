"""A Dask cluster, where the user has one: the same work, spread over its machines.

A task makes a whole artefact: it reads its data itself, writes its files, each in one step, and
returns some plain values. There is no graph of blocks. One whose worker is lost is done again on
another, by the scheduler.
"""

import collections
import contextlib
import dataclasses
import itertools
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from typing import Any, Final, TypeVar

from obriy.errors import MemoryBudgetError, MissingExtraError, UsageError
from obriy.installation import install_hint

PATIENCE_S: Final = "15s"
"""How long a scheduler may take to answer."""
AHEAD: Final = 4
"""Tasks under way for each thread of the cluster: a scheduler that holds ten thousand is slow."""

Task = TypeVar("Task")
T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Workers:
    """The workers of a cluster.

    Attributes:
        client: Of Dask.
        executor: The same, as the standard library has them.
        most: How many tasks may be under way, see `in_turn`.
    """

    client: Any
    executor: Executor
    most: int

    def share(self, value: Any) -> Any:
        """Return what stands for a value in the arguments of `submit`: it travels but once.

        It is the result of a task: where its worker is lost, another has it.
        """
        with warnings.catch_warnings():
            # What is made of the whole scene, as a mask of clouds, is large; it goes this way once.
            warnings.filterwarnings("ignore", "Sending large graph", UserWarning)
            return self.client.submit(_same, value, pure=False)

    def submit(self, work: Callable[..., T], *values: Any) -> "Future[T]":
        """Begin a task."""
        return self.executor.submit(work, *values)


def _same(value: T) -> T:
    return value


@contextlib.contextmanager
def cluster(address: str | None) -> Iterator[Workers | None]:
    """Give the workers of a Dask scheduler; None without an address.

    The workers must see the same files under the same names, and have Obriy installed.

    Args:
        address: Of the scheduler, e.g. ``tcp://10.0.0.1:8786``.

    Raises:
        MissingExtraError: the extra ``dask`` is not installed.
        UsageError: nobody answers there, or the scheduler has no workers.
        MemoryBudgetError: one worker after another was lost at the same task.
    """
    if address is None:
        yield None
        return
    try:
        from distributed import Client, KilledWorker
    except ImportError as error:
        raise MissingExtraError(
            "--scheduler needs Dask's scheduler.", f"Install it: {install_hint('dask')}"
        ) from error
    try:
        client = Client(address, timeout=PATIENCE_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise UsageError(
            f"No Dask scheduler answers at {address}.",
            "Check the address.",
        ) from error
    with client:
        if not client.scheduler_info()["workers"]:
            raise UsageError(
                f"The scheduler at {address} has no workers.", "Start some: dask worker."
            )
        most = AHEAD * sum(client.nthreads().values())
        try:
            yield Workers(client, client.get_executor(pure=False), most)
        except KilledWorker as error:
            raise MemoryBudgetError(
                f"Workers at {address} were lost one after another at the same task: {error}",
                "Look into their logs; most often memory is short: fewer threads for each worker, "
                "or a lower --max-ram. What is done stays done.",
            ) from error


def in_turn(
    tasks: Sequence[Task], begin: Callable[[Task], "Future[Any] | None"], most: int
) -> Iterator[tuple[Task, "Future[Any] | None"]]:
    """Yield tasks in their order, each once it is done, while the next ones are under way.

    Args:
        tasks: What to do.
        begin: Begins a task; None: there is nothing to wait for.
        most: How many may be under way at a time.
    """
    rest = iter(tasks)
    begun: collections.deque[Future[Any] | None] = collections.deque()

    def under_way() -> list[Future[Any]]:
        return [future for future in begun if future is not None and not future.done()]

    def top_up() -> list[Future[Any]]:
        begun.extend(map(begin, itertools.islice(rest, max(0, most - len(under_way())))))
        return under_way()

    for task in tasks:
        waiting = top_up()
        while begun[0] is not None and not begun[0].done():
            wait(waiting, return_when=FIRST_COMPLETED)
            waiting = top_up()
        yield task, begun.popleft()
