"""How much memory there is for the work, and that what was freed goes back to the system."""

import contextlib
import contextvars
import ctypes
import functools
import math
from collections.abc import Callable, Iterator
from typing import Final

from obriy.settings import settings

BASE_BYTES: Final = 850 * 1000**2
"""What the process takes beside its blocks: interpreter, GDAL and its smallest cache, numba, the
areas and the report. Measured: 0.44 GB on an image of 64 x 64 pixels; 0.69 GB at the end of a
run on one of 6000 x 6000; 0.10 GB more where numba has to compile, and 0.07 GB for the pictures of
the report's map that moves, on one of 3072 x 3072."""

TAKES: Final = "takes"
"""Key in the ``encoding`` of a lazy variable that takes memory of its own, bytes, beside blocks."""
_LARGE: Final = 16 * 1024**2
"""Bytes from which an array is mapped by itself, and goes back to the system when it is freed."""
_THRESHOLD: Final = -3
"""``M_MMAP_THRESHOLD`` of glibc's ``mallopt``."""
_TRIM: Final = -1
"""``M_TRIM_THRESHOLD``."""
_ARENAS: Final = -8
"""``M_ARENA_MAX``."""
_KEPT: Final = 64 * 1024**2
"""Bytes of an arena that were freed and may stay for what comes next: by default 128 KB stay, and
each plane of a block is made of pages that the system has to clear first."""

LATE_BYTES: Final = 350 * 1000**2
"""The part of `BASE_BYTES` that only areas, pictures and report take: until then it is free."""
PLAIN_BYTES: Final = 450 * 1000**2
"""In place of `BASE_BYTES` where maps are made and measured, and nothing is drawn. Measured: 0.28
GB before the first pixel, 0.44 GB at the end of a run on an image of 5490 x 5490."""
BEGUN_BYTES: Final = 280 * 1000**2
"""What the process takes before the first pixel."""
CACHE_BYTES: Final = 32 * 1024**2
"""GDAL's cache of decoded tiles at its smallest; by default it takes a share of all memory."""
_allowed: contextvars.ContextVar[float | None] = contextvars.ContextVar("max_ram_gb", default=None)
_drawn: contextvars.ContextVar[bool] = contextvars.ContextVar("drawn", default=True)


@contextlib.contextmanager
def allowing(gigabytes: float | None, *, drawn: bool = True) -> Iterator[None]:
    """Allow so much memory to all that is done within the context.

    Args:
        gigabytes: Of the whole process; None: as it was.
        drawn: Whether pictures, polygons or a report are made, which take more than maps.
    """
    token, pictures = _allowed.set(gigabytes or _allowed.get()), _drawn.set(drawn)
    keep_large_apart()
    if allowed_gb():
        cache_little()
        share_arena()
    try:
        yield
    finally:
        _allowed.reset(token)
        _drawn.reset(pictures)


def cache_little() -> None:
    """Have GDAL keep few decoded tiles: what looks at an image, and measures maps, reads too."""
    from rasterio.env import set_gdal_config

    set_gdal_config("GDAL_CACHEMAX", CACHE_BYTES)


def base_bytes() -> int:
    """Return what the process takes beside its blocks, whatever the image."""
    return BASE_BYTES if _drawn.get() else PLAIN_BYTES


def late_bytes() -> int:
    """Return the part of that which is free until maps are made."""
    return LATE_BYTES if _drawn.get() else 0


def allowed_gb() -> float | None:
    """Return the memory of the whole process that was allowed, GB; None: nobody said."""
    return _allowed.get() or settings().max_ram_gb


def least_gb(needed: int) -> float:
    """Return the memory to allow, GB, for so many bytes of work."""
    return math.ceil((base_bytes() + needed) / 1e7) / 100


def room(gigabytes: float | None = None) -> int:
    """Return the bytes for the work: what was allowed less what the process takes anyway.

    Args:
        gigabytes: What was allowed; None: by `allowing`, by the settings, or half of what is free.
    """
    allowed = gigabytes or allowed_gb()
    if allowed is None:
        import psutil

        return int(psutil.virtual_memory().available // 2)
    return int(allowed * 1e9) - base_bytes()


def spare() -> int:
    """Return the bytes that may be taken before the first block: never more than are free."""
    import psutil

    free = int(psutil.virtual_memory().available)
    allowed = allowed_gb()
    return free if allowed is None else min(free, int(allowed * 1e9) - BEGUN_BYTES)


@functools.cache
def keep_large_apart() -> None:
    """Have the C library map large arrays by themselves, and keep room for others, where it can.

    glibc raises the size from which it does so to that of the largest array that was ever freed, up
    to 32 MiB: tiles of that size then lie between others in its arenas, and what is freed there
    does not go back. Measured, with strips of 32 MB: 1.12 GB where 0.64 are in use.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(_THRESHOLD, _LARGE)
        ctypes.CDLL(None).mallopt(_TRIM, _KEPT)


@functools.cache
def share_arena() -> None:
    """Have all threads share what the C library keeps, where memory is counted.

    Each of glibc's arenas keeps what its thread freed, for itself. Measured, with two threads on a
    Sentinel-2 tile, 0.6 GB allowed: 0.56 GB at the most, and 0.46 in one arena.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(_ARENAS, 1)


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
