"""Where whoever cancels work says so, whether or not the network was asked for anything."""

from collections.abc import Callable
from typing import Final

_told: Final[list[Callable[[], None]]] = []


def when_cancelled(end: Callable[[], None]) -> None:
    """Have a function called when the work of this process is cancelled."""
    _told.append(end)


def cancel() -> None:
    """End all that this process asks of the network; what it asks later is asked anew."""
    for end in _told:
        end()


class _Run:
    number = 0


def begin_run() -> None:
    """Note that a run begins: what servers refused the last one may be there by now."""
    _Run.number += 1


def run_number() -> int:
    """Return which run of this process it is."""
    return _Run.number
