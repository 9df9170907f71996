"""Dask's arrays are not loaded to learn that a number is none of them.

Each array that xarray makes is asked whether it is one of Dask's, and to ask loads Dask, parts of
scipy and pandas with it: a quarter of a second of each run. What is not loaded made no array.
"""

import contextlib
import sys
from typing import Any


class _Unloaded:
    """What xarray knows of Dask, with the kinds of arrays only once they are loaded."""

    def __init__(self, load: Any) -> None:
        self._load = load
        self._loaded: Any = None

    @property
    def type(self) -> tuple[Any, ...]:
        """The classes of arrays; none while there can be no array."""
        array = sys.modules.get("dask.array")
        return () if array is None or not hasattr(array, "Array") else (array.Array,)

    def __getattr__(self, name: str) -> Any:
        if self._loaded is None:
            self._loaded = self._load("dask")
        return getattr(self._loaded, name)


def leave_dask_unloaded() -> None:
    """Have xarray load Dask's arrays only where it works with one; where it can be had to."""
    with contextlib.suppress(ImportError, AttributeError):  # a part that it may change
        from xarray.namedarray import pycompat

        known: dict[Any, Any] = pycompat._cached_duck_array_modules
        known.setdefault("dask", _Unloaded(pycompat.DuckArrayModule))
