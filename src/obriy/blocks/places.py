"""Places of pixels as numbers that look random: what they choose no cut of a scene changes.

splitmix64 (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195) is a bijection: nothing ties.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

KeyArray = npt.NDArray[np.uint64]

_STEP: Final = np.uint64(0x9E3779B97F4A7C15)
_FIRST: Final = np.uint64(0xBF58476D1CE4E5B9)
_SECOND: Final = np.uint64(0x94D049BB133111EB)
_HALF: Final = np.uint64(32)
LAST_KEY: Final = 2**64 - 1


def place_keys(
    seed: int, rows: npt.NDArray[np.integer], columns: npt.NDArray[np.integer]
) -> KeyArray:
    """Return a hash of each place: as good as random, and never the same for two places.

    Args:
        seed: Another seed gives another order.
        rows: Rows in the scene (or of tiles), below 2**32; broadcast against the columns.
        columns: Columns in the scene (or numbers within a tile), below 2**32.
    """
    places = (rows.astype(np.uint64) << _HALF) | columns.astype(np.uint64)
    keys: KeyArray = _mix(places ^ seed_key(seed))
    return keys


def seed_key(seed: int) -> np.uint64:
    """Return what places are mixed with, for `place_key`."""
    return np.uint64(_mix(np.array([seed % 2**63], np.uint64))[0])


@njit(nogil=True, cache=True, inline="always")
def place_key(start: Any, row: Any, column: Any) -> Any:
    """Return the hash of one place, in compiled code; ``start`` is of `seed_key`."""
    return _mix(((np.uint64(row) << _HALF) | np.uint64(column)) ^ start)


@njit(nogil=True, cache=True)
def _mix(values: Any) -> Any:
    values = values + _STEP
    values = (values ^ (values >> np.uint64(30))) * _FIRST
    values = (values ^ (values >> np.uint64(27))) * _SECOND
    return values ^ (values >> np.uint64(31))
