"""A raster that lies nowhere on Earth, without rasterio's warning: it is a case, not a mishap.

What a map of it lacks is said by notices of ours. What Python does with warnings is a matter of the
whole process: threads that change and restore it at once would let a warning out, or leave it as
it was changed. Hence one at a time, and no longer than rasterio takes to look for the place.
"""

import contextlib
import threading
import warnings
from collections.abc import Iterator
from typing import Any, Final

from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import DatasetReader  # noqa: TID251 - a part of the opener

_ONE: Final = threading.RLock()


@contextlib.contextmanager
def without_place() -> Iterator[None]:
    """Do without the warning that a raster has no place on Earth; not while pixels are moved."""
    with _ONE, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


class QuietReader(DatasetReader):  # type: ignore[misc]
    """A raster that is opened to read."""

    def read_transform(self) -> Any:
        """Return what places its pixels, as rasterio asks for it when it opens a raster."""
        with without_place():
            return super().read_transform()
