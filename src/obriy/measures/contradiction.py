"""Dates that contradict the others: "land" under a bright sky where there is water else.

A cloud that no mask found is called land, and water beneath it lost. What tells it from a drawdown
or a breach is what lies beside it: where the bed of a lake falls dry the fields around it look as
on any other date, and under a cloud they are brighter. So, in cells of some 300 m:

1. A cell *contradicts* on a date where at least a tenth of the pixels that are water on two
   thirds of the other dates (three at least) are called land.
2. It is *bright* where these pixels are brighter than on the dates on which they were water, and
   the ground around that is land on nearly all dates is brighter than on its middle date, by
   `VEIL` each. A cell without such ground takes the nearest's word. Brighter than `CLOUD` is
   bright whatever lies around: a small cloud over the middle of a lake.
3. Cells that contradict and are bright are *doubted*, and with them all bright cells that hang
   together with them, and the next cells where any pixel contradicts: the rim of a cloud. What is
   called land there is unseen.

`docs/design/0019-contradiction.md` has what it finds, and what it leaves alone.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from obriy.blocks.windows import windows
from obriy.measures.occurrence import is_named, read_window, require_one_grid
from obriy.model.classmap import ClassMap

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int32]
Window = tuple[slice, slice]
Brightness = Callable[[int, slice, slice], npt.NDArray[np.float32]]
"""From the number of a date and a window to reflectance of a visible band, NaN missing."""

CELL_M: Final = 300.0
"""Side of a cell, m."""
LEAST_DATES: Final = 4
"""Dates of which a pixel must have been seen: the one in question, and three."""
MOSTLY: Final = (2, 3)
"""Of how many of the other dates a pixel must have been water on how many."""
NEARLY: Final = 10
"""Ground that was water on one of so many dates is land still."""
SHARE: Final = 0.1
"""Share of such pixels of a cell that contradict: a thin veil takes a few here and there."""
LEAST_PIXELS: Final = 4
"""Pixels of a kind that a cell must hold to say anything."""
VEIL: Final = 0.08
"""Reflectance by which a cloud brightens what lies beneath: of fields from season to season green
changes by half of it, blue by less; a veil that makes land of water brightens by twice as much."""
CLOUD: Final = 0.35
"""Reflectance, blue to red, of a cloud beyond any doubt: the beds of lakes, but for salt, are
darker."""
_SIDE: Final = 512
"""Side of a window, pixels: the labels of all dates are held at once."""


def cell_pixels(pixel_m: float | None) -> int:
    """Return the side of a cell, pixels; ``pixel_m`` None: not known."""
    return 16 if pixel_m is None else max(8, round(CELL_M / pixel_m))


def find_contradictions(
    maps: Sequence[ClassMap], brightness: Brightness, cell: int, *, class_name: str = "water"
) -> list[BoolArray]:
    """Find where dates contradict the others of their series under a bright sky.

    Labels are read once, and again, with the brightness of all dates, around what contradicts.

    Args:
        maps: The series, on one grid.
        brightness: A visible band of each, the same of all.
        cell: Side of a cell, pixels.
        class_name: Class of their legends.

    Returns:
        By map: (rows, columns of cells) whether a cell is doubted.

    Raises:
        InputError: no map.
        GridError: the maps do not share a grid.
    """
    shape = require_one_grid(maps).labels.shape
    cells = _Cells((-(-shape[0] // cell), -(-shape[1] // cell)), cell)
    none = np.zeros((len(maps), *cells.shape), bool)
    if len(maps) < LEAST_DATES:
        return list(none)
    sums = _Sums.of(len(maps), cells)
    looks = [(window, _look(maps, window, class_name, sums)) for window in windows(shape, _SIDE)]
    contrary = (sums.contrary >= LEAST_PIXELS) & (sums.contrary >= SHARE * sums.mostly)
    if not contrary.any():
        return list(none)
    near = _around(looks, np.asarray(contrary.any(axis=0)), cells)
    looked = np.zeros(cells.shape, bool)
    for window in near:
        _measure(maps, brightness, window, class_name, sums)
        looked[cells.within(window)] = True
    return [_doubted(number, contrary[number], sums, looked) for number in range(len(maps))]


def doubted_pixels(
    cells: BoolArray, cell: int, labels: npt.NDArray[np.uint8], window: Window, code: int
) -> BoolArray:
    """Return which pixels of a window are unseen: land in doubted cells.

    Args:
        cells: Of `find_contradictions`.
        cell: Side of a cell, pixels.
        labels: Class codes of the window.
        window: Rows and columns.
        code: Of the class.
    """
    down, across = (np.arange(part.start, part.stop) // cell for part in window)
    inside = cells[down[:, None], across[None, :]]
    found: BoolArray = inside & is_named(labels) & (labels != code)
    return found


@dataclasses.dataclass(frozen=True)
class _Cells:
    """A grid of cells."""

    shape: tuple[int, int]
    side: int

    def numbers(self, window: Window) -> npt.NDArray[np.int64]:
        """Return the number of the cell of each pixel of a window."""
        down, across = (np.arange(part.start, part.stop) // self.side for part in window)
        return np.asarray(down[:, None] * self.shape[1] + across[None, :])

    def within(self, window: Window) -> Window:
        """Return the rows and columns of cells that a window meets."""
        rows, columns = (slice(p.start // self.side, -(-p.stop // self.side)) for p in window)
        return rows, columns

    def add(self, sums: FloatArray, numbers: npt.NDArray[np.int64], weights: npt.ArrayLike) -> None:
        """Add values to the sums of their cells."""
        sums += np.bincount(numbers, np.asarray(weights), self.shape[0] * self.shape[1]).reshape(
            self.shape
        )


@dataclasses.dataclass(frozen=True)
class _Sums:
    """Sums by date and cell, (dates, rows, columns) each.

    Attributes:
        cells: The cells.
        mostly: Pixels seen that are water on most other dates.
        contrary: Those of them that are called land.
        dark: Reflectance of those on the dates on which they were water.
        bright: Their reflectance on the date.
        known: Those of which both are known.
        land: Reflectance of land of nearly all dates.
        ground: Pixels of such land.
    """

    cells: _Cells
    mostly: FloatArray
    contrary: FloatArray
    dark: FloatArray
    bright: FloatArray
    known: FloatArray
    land: FloatArray
    ground: FloatArray

    @classmethod
    def of(cls, dates: int, cells: _Cells) -> "_Sums":
        """Return sums of nothing."""
        return cls(cells, *(np.zeros((dates, *cells.shape)) for _ in range(7)))


@dataclasses.dataclass(frozen=True)
class _Seen:
    """What all maps say of some pixels of a window, (dates, pixels) each.

    Attributes:
        named: Whether they were seen.
        wet: Whether they were of the class.
    """

    named: BoolArray
    wet: BoolArray

    @property
    def count(self) -> Counts:
        """On how many dates a pixel was seen, (pixels,)."""
        return np.asarray(self.named.sum(0, dtype=np.int32))

    @property
    def times(self) -> Counts:
        """On how many of them it was of the class, (pixels,)."""
        return np.asarray(self.wet.sum(0, dtype=np.int32))

    @property
    def mostly(self) -> BoolArray:
        """Where a pixel was seen, and is water on most of the other dates."""
        others, wet = self.count - self.named, self.times - self.wet
        found: BoolArray = self.named & (others >= LEAST_DATES - 1) & _is_most(wet, others)
        return found

    @property
    def contrary(self) -> BoolArray:
        """Where such a pixel is called land."""
        return self.mostly & ~self.wet

    @property
    def land(self) -> BoolArray:
        """Which pixels are land on nearly all dates, (pixels,)."""
        found: BoolArray = (self.count >= LEAST_DATES) & (NEARLY * self.times <= self.count)
        return found

    def of(self, pixels: BoolArray) -> "_Seen":
        """Return what they say of some of the pixels."""
        return _Seen(self.named[:, pixels], self.wet[:, pixels])


def _is_most(wet: Counts, dates: Counts) -> BoolArray:
    few, many = MOSTLY
    return np.asarray(many * wet >= few * dates)


def _seen(maps: Sequence[ClassMap], window: Window, class_name: str) -> _Seen:
    labels = np.stack([read_window(m.labels, *window).ravel() for m in maps])
    codes = np.array([m.legend.by_name(class_name).code for m in maps])
    return _Seen(is_named(labels), labels == codes[:, None])


def _look(maps: Sequence[ClassMap], window: Window, class_name: str, sums: _Sums) -> bool:
    """Count what contradicts in a window; return whether anything does."""
    seen = _seen(maps, window, class_name)
    count, wet = seen.count, seen.times
    water = (count >= LEAST_DATES) & _is_most(wet, count - 1)
    if not (water & (wet < count)).any():
        return False
    part, numbers = seen.of(water), sums.cells.numbers(window).ravel()[water]
    for number, (mostly, contrary) in enumerate(zip(part.mostly, part.contrary, strict=True)):
        sums.cells.add(sums.mostly[number], numbers, mostly)
        sums.cells.add(sums.contrary[number], numbers, contrary)
    return True


def _around(
    looks: Sequence[tuple[Window, bool]], contrary: BoolArray, cells: _Cells
) -> list[Window]:
    """Return the windows that hold what contradicts, and their neighbours."""
    places = [(rows.start // _SIDE, columns.start // _SIDE) for (rows, columns), _ in looks]
    near = {
        (row + i, column + j)
        for (row, column), (window, any_there) in zip(places, looks, strict=True)
        if any_there and contrary[cells.within(window)].any()
        for i in (-1, 0, 1)
        for j in (-1, 0, 1)
    }
    return [window for place, (window, _) in zip(places, looks, strict=True) if place in near]


def _measure(
    maps: Sequence[ClassMap],
    brightness: Brightness,
    window: Window,
    class_name: str,
    sums: _Sums,
) -> None:
    """Add the brightness of land, and of what contradicts, to the sums."""
    seen, numbers = _seen(maps, window, class_name), sums.cells.numbers(window).ravel()
    land, contrary = seen.land, seen.contrary
    some = contrary.any(axis=0)
    clear, count = np.zeros(int(some.sum())), np.zeros(int(some.sum()))
    bright = np.full((len(maps), len(clear)), np.nan, np.float32)
    for number in range(len(maps)):
        values = brightness(number, *window).ravel()
        ground = land & seen.named[number] & np.isfinite(values)
        sums.cells.add(sums.land[number], numbers[ground], values[ground])
        sums.cells.add(sums.ground[number], numbers[ground], np.ones(int(ground.sum())))
        bright[number] = values[some]
        own = seen.wet[number, some] & np.isfinite(bright[number])
        clear[own] += bright[number, own]
        count[own] += 1
    dark = clear / np.where(count > 0, count, np.nan)
    for number in range(len(maps)):
        use = contrary[number, some] & np.isfinite(bright[number]) & np.isfinite(dark)
        where = numbers[some][use]
        sums.cells.add(sums.dark[number], where, dark[use])
        sums.cells.add(sums.bright[number], where, bright[number, use])
        sums.cells.add(sums.known[number], where, np.ones(int(use.sum())))


def _doubted(number: int, contrary: BoolArray, sums: _Sums, looked: BoolArray) -> BoolArray:
    """Return the doubted cells of a date, of those that were looked at."""
    known = np.where(sums.known[number] >= LEAST_PIXELS, sums.known[number], np.nan)
    bright, dark = sums.bright[number] / known, sums.dark[number] / known
    veil = np.where(looked, _veil(number, sums), np.nan)
    # Comparisons with what is not known are false.
    seeds = contrary & (bright - dark >= VEIL) & ((veil >= VEIL) | (bright >= CLOUD))
    regions, _ = ndimage.label((veil >= VEIL) | seeds, np.ones((3, 3), int))
    found = np.isin(regions, np.unique(regions[seeds])) & (regions > 0)
    near = ndimage.binary_dilation(found, np.ones((3, 3)))
    doubted: BoolArray = found | (near & (sums.contrary[number] > 0))
    return doubted


def _veil(number: int, sums: _Sums) -> FloatArray:
    """Return by how much land is brighter than on its middle date, by cell: its own or next."""
    land = sums.land / np.where(sums.ground >= LEAST_PIXELS, sums.ground, np.nan)
    others = np.delete(land, number, axis=0)
    told = np.isfinite(others).sum(0) >= LEAST_DATES - 1
    middle = np.full(told.shape, np.nan)
    middle[told] = np.nanmedian(others[:, told], axis=0)
    veil: FloatArray = land[number] - middle
    missing = np.isnan(veil)
    if missing.all():
        return veil
    down, across = ndimage.distance_transform_edt(
        missing, return_distances=False, return_indices=True
    )
    nearest: FloatArray = veil[down, across]
    return nearest
