"""What mostly waits for a server, done at once."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

_MOST: Final = 8
"""Threads that wait at a time; how many requests go to one host the client bounds."""
Thing = TypeVar("Thing")
Done = TypeVar("Done")


def at_once(work: Callable[[Thing], Done], things: Iterable[Thing], *, waits: bool) -> list[Done]:
    """Return what work makes of things, in their order.

    Args:
        work: Safe in threads, each of which enters its own `obriy.blocks.gdal.gdal_env`.
        things: What it takes.
        waits: Whether it waits for a server; else the things are done one after the other.

    Raises:
        BaseException: what work raises, of the first thing of which it does.
    """
    listed = list(things)
    if not waits or len(listed) < 2:
        return [work(thing) for thing in listed]
    with ThreadPoolExecutor(min(len(listed), _MOST)) as pool:
        return list(pool.map(work, listed))
