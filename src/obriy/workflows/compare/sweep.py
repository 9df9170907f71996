"""What sweeping a threshold means for one image and for a season alike."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from obriy.blocks.computed import computed_labels
from obriy.errors import UsageError
from obriy.indices.catalogue import Index, get_index
from obriy.methods.index_threshold import NOT_WATER
from obriy.model.classmap import ClassMap
from obriy.model.grid import geobox_of
from obriy.model.ladder import Ladder
from obriy.model.legend import NO_DATA, load_legend


def checked_indices(names: Sequence[str], bands: set[str]) -> list[Index]:
    """Return the indices to sweep.

    Raises:
        UsageError: for an index that is none, or does not tell water.
        BandError: where a band is missing.
    """
    found = [get_index(name) for name in names]
    for index in found:
        if index.water is None:
            raise UsageError(
                f"{index.name} ({index.title}) does not tell water from land by a threshold.",
                "Run `obriy indices` to see which do.",
            )
        index.bands_to_read(bands)
    return found


def ladder_of(index: Index) -> Ladder:
    """Return the thresholds of an index, over its range."""
    return Ladder(index.low, index.high, above=index.water == "above")


def no_water(index: Index) -> str:
    """Return the method at whose threshold nothing is water."""
    return f"{index.name.lower()}:{index.high if index.water == 'above' else index.low:g}"


def steps_of(values: xr.DataArray, ladder: Ladder) -> xr.DataArray:
    """Return between which thresholds the values of a raster lie; made as it is read."""

    def make(rows: slice, columns: slice) -> npt.NDArray[np.uint8]:
        return ladder.steps(values[rows, columns].to_numpy())

    return computed_labels(make, geobox_of(values))


def seen_by(steps: xr.DataArray) -> ClassMap:
    """Return what an index saw, as a map that shows no water: where it can be compared."""

    def make(rows: slice, columns: slice) -> npt.NDArray[np.uint8]:
        found = steps[rows, columns].to_numpy()
        return np.where(found == NO_DATA, np.uint8(NO_DATA), np.uint8(NOT_WATER))

    return ClassMap(computed_labels(make, geobox_of(steps)), load_legend("water"))
