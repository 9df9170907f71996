"""How often each pixel of a series of maps was wet: water occurrence.

Occurrence is the share of the valid observations of a pixel that were water, as in JRC Global
Surface Water (Pekel et al. 2016, doi:10.1038/nature20584). An observation is valid where the pixel
has a named class: 0 (no data) and 255 (seen, not named) are none. Unlike there, months are not
brought to equal weight: what the dates of the series say is what is said.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
import numpy.typing as npt
import psutil
import xarray as xr

from obriy.blocks.engine import Sink
from obriy.blocks.windows import BLOCK, windows
from obriy.errors import GridError, InputError
from obriy.model.classmap import FRACTION_MISSING, FRACTION_SCALE, ClassMap
from obriy.model.grid import same_grid
from obriy.model.legend import NO_DATA, UNNAMED
from obriy.settings import settings

NEVER_SEEN: Final = 255
"""Occurrence of a pixel without a valid observation."""
MOST: Final = 255
"""Counts of observations end here in a file: 255 and more."""

ByteArray = npt.NDArray[np.uint8]
CountArray = npt.NDArray[np.uint16]
FloatArray = npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class WetCounts:
    """Observations of the pixels of a window.

    Attributes:
        wet: (rows, columns) uint16, dates on which the pixel was water.
        valid: (rows, columns) uint16, dates on which it had a named class.
    """

    wet: CountArray
    valid: CountArray

    @property
    def percent(self) -> ByteArray:
        """Occurrence, (rows, columns) uint8, 0 to 100 per cent, rounded; 255 never seen.

        A pixel that was ever wet has at least 1, one that was ever dry at most 99: rounding
        makes no water permanent, and none vanish.
        """
        valid = np.maximum(self.valid, 1).astype("float32")
        rounded = np.rint(100 * self.wet / valid)
        bounded = np.clip(rounded, self.wet > 0, np.where(self.wet < self.valid, 99, 100))
        return np.where(self.valid == 0, NEVER_SEEN, bounded).astype("uint8")

    def at_least(self, percent: float) -> npt.NDArray[np.bool_]:
        """Say where the pixel was wet, and in at least so many per cent of its observations."""
        return (self.wet > 0) & (100 * self.wet.astype("float64") >= percent * self.valid)


@dataclasses.dataclass(frozen=True)
class OccurrenceSummary:
    """What a whole grid of occurrence holds, pixels.

    Attributes:
        dates: Maps of the series.
        never_seen: Pixels without a valid observation.
        never_wet: Pixels that were seen and never water.
        sometimes_wet: Pixels that were water on some of their observations.
        always_wet: Pixels that were water whenever they were seen.
        mean_observations: Valid observations of a pixel, mean over the grid.
    """

    dates: int
    never_seen: int
    never_wet: int
    sometimes_wet: int
    always_wet: int
    mean_observations: float


def measure_occurrence(
    maps: Sequence[ClassMap],
    occurrence: Sink,
    observations: Sink,
    *,
    class_name: str = "water",
    block: int = BLOCK,
) -> OccurrenceSummary:
    """Write the occurrence of a class over a series of maps, and what it rests on.

    One window of a few maps is in memory at a time, with two counts of 2 bytes per pixel: the
    number of dates takes no memory.

    Args:
        maps: The series, on one grid, in any order.
        occurrence: Takes uint8 per cent, 0 to 100; 255 never seen.
        observations: Takes uint8 counts of valid observations; 255 is 255 or more.
        class_name: Class of their legends.
        block: Side of a window, pixels.

    Raises:
        InputError: no map.
        GridError: the maps do not share a grid.
        TableError: a legend has no such class.
    """
    shape = require_one_grid(maps).labels.shape
    totals = np.zeros(4, np.int64)
    observed = 0
    for rows, columns in windows(shape, block):
        counts = count_wet(maps, rows, columns, class_name=class_name)
        occurrence.write(rows, columns, counts.percent)
        observations.write(rows, columns, np.minimum(counts.valid, MOST).astype("uint8"))
        kind = np.where(counts.wet == 0, 1, np.where(counts.wet < counts.valid, 2, 3))
        kind[counts.valid == 0] = 0
        totals += np.bincount(kind.ravel(), minlength=4)
        observed += int(counts.valid.sum(dtype=np.int64))
    never_seen, never_wet, sometimes, always = (int(n) for n in totals)
    return OccurrenceSummary(
        dates=len(maps),
        never_seen=never_seen,
        never_wet=never_wet,
        sometimes_wet=sometimes,
        always_wet=always,
        mean_observations=observed / max(1, int(totals.sum())),
    )


def count_wet(
    maps: Sequence[ClassMap], rows: slice, columns: slice, *, class_name: str = "water"
) -> WetCounts:
    """Count in a window how often each pixel was seen, and how often it was of a class.

    Args:
        maps: The series, on one grid.
        rows: Rows of the window.
        columns: Columns of the window.
        class_name: Class of their legends.
    """
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    wet, valid = np.zeros(shape, np.uint16), np.zeros(shape, np.uint16)
    for observed in observations(maps, rows, columns, class_name=class_name):
        wet += observed.wet
        valid += observed.named
    return WetCounts(wet, valid)


@dataclasses.dataclass(frozen=True)
class Observation:
    """What one map says in a window, (rows, columns) each.

    Attributes:
        named: Where it is a valid observation: the pixel has a named class.
        wet: Where the pixel is of the class asked for.
        share: Share of the class (`class_share`), float32, 0 to 1; a single 0 where shares were
            not asked for.
    """

    named: npt.NDArray[np.bool_]
    wet: npt.NDArray[np.bool_]
    share: FloatArray


def observations(
    maps: Sequence[ClassMap],
    rows: slice,
    columns: slice,
    *,
    class_name: str,
    share: bool = False,
) -> Iterator[Observation]:
    """Yield what each map says in a window, in their order; a few are read at a time, in threads.

    Args:
        maps: The maps.
        rows: Rows of the window.
        columns: Columns of the window.
        class_name: The class; fractions of the maps are taken to be of it.
        share: Whether shares are wanted too.
    """

    def read(class_map: ClassMap) -> Observation:
        labels = read_window(class_map.labels, rows, columns)
        part = np.zeros((1, 1), np.float32)
        if share:
            part = class_share(class_map, labels, rows, columns, class_name=class_name)
        wet = labels == class_map.legend.by_name(class_name).code
        return Observation(is_named(labels), wet, part)

    if len(maps) == 1:  # a thread would only open its files once more
        yield read(maps[0])
        return
    workers = settings().workers or psutil.cpu_count(logical=True) or 1
    with ThreadPoolExecutor(workers, thread_name_prefix="obriy") as executor:
        for start in range(0, len(maps), workers):  # not all at once: a window of each is memory
            yield from executor.map(read, maps[start : start + workers])


def class_share(
    class_map: ClassMap, labels: ByteArray, rows: slice, columns: slice, *, class_name: str
) -> FloatArray:
    """Return the share of a class in each pixel of a window of one map.

    It is the map's fraction where the pixel has a named class and a fraction, else 1 or 0 by the
    label: the rule of `obriy.measures.areas`.

    Args:
        class_map: The map.
        labels: Its labels in the window, (rows, columns).
        rows: Rows of the window.
        columns: Columns of the window.
        class_name: The class.

    Returns:
        (rows, columns) float32, 0 to 1; 0 where the pixel was not seen.
    """
    share: FloatArray = (labels == class_map.legend.by_name(class_name).code).astype("float32")
    if class_map.fraction is not None:
        fraction = read_window(class_map.fraction, rows, columns)
        known = is_named(labels) & (fraction != FRACTION_MISSING)
        np.divide(fraction, np.float32(FRACTION_SCALE), out=share, where=known)
    return share


def is_named(labels: ByteArray) -> npt.NDArray[np.bool_]:
    """Say where a pixel has a class: the one meaning of a valid observation."""
    named: npt.NDArray[np.bool_] = (labels != NO_DATA) & (labels != UNNAMED)
    return named


def read_window(layer: xr.DataArray, rows: slice, columns: slice) -> ByteArray:
    """Read a window of a layer, (rows, columns) uint8."""
    values: ByteArray = layer.isel(y=rows, x=columns).to_numpy()
    return values


def require_one_grid(maps: Sequence[ClassMap]) -> ClassMap:
    """Return the first of the maps, once all of them lie on its grid.

    Raises:
        InputError: there is no map.
        GridError: naming the dates that do not meet.
    """
    if not maps:
        raise InputError("There is no map to look at.", "Give at least one map of the series.")
    first = maps[0]
    for other in maps[1:]:
        if not same_grid(first.geobox, other.geobox):
            raise GridError(
                f"The maps of {first.time or 'one date'} and {other.time or 'another date'} lie "
                "on different grids.",
                "Map all dates of a series on the grid of one of them.",
            )
    return first


def sorted_by_date(maps: Sequence[ClassMap]) -> list[ClassMap]:
    """Return maps in the order of their dates.

    Raises:
        InputError: a map has no date.
    """
    if any(class_map.time is None for class_map in maps):
        raise InputError(
            "A map of the series has no date.",
            "Name the file with its date (2023-06-20), or give the date with the map.",
        )
    return sorted(maps, key=lambda class_map: str(class_map.time))
