"""Freed memory goes back to the system between the stages of a run."""

import ctypes
import functools
from collections.abc import Callable


def give_back() -> None:
    """Return freed memory to the system, where the C library keeps it.

    glibc keeps an arena for each thread: what the blocks of one stage left there is of no use to
    the threads of the next, and a run that allows two gigabytes would come to hold three.
    """
    _trim()(0)


@functools.cache
def _trim() -> Callable[[int], object]:
    """Return glibc's ``malloc_trim``; on other systems what does nothing."""
    try:
        trim: Callable[[int], object] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return lambda pad: None
    return trim
