"""The making of a season as a method of the engine, which counts what was seen while it is made."""

import dataclasses
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obriy.blocks.base import Block, Histogram, Labelled
from obriy.model.notices import notice
from obriy.model.season import SeasonDate, SeasonSeen, curve
from obriy.prepare.over_dates import as_codes, as_values
from obriy.prepare.season import Stack, Window
from obriy.prepare.season_shares import Planes
from obriy.workflows.inputs import OpenedItem, status_of

SEASON: Final = "season.tif"
YEAR: Final = "year.tif"
OBSERVATIONS: Final = "observations"
Sums = npt.NDArray[np.float64]
_MOST: Final = 255
"""Dates that a pixel is counted to have been seen on, at most."""


@dataclasses.dataclass(frozen=True)
class Season:
    """The making of a season as a method of the engine: blocks, threads, memory and progress."""

    stack: Stack
    rule: "Making"
    name: str = "season"
    halo: int = 0
    gives_fraction: bool = False

    @property
    def work_bytes(self) -> int:
        """Bytes per pixel of what is made of all dates."""
        return self.stack.bytes_per_pixel

    def bands(self, available: set[str]) -> set[str]:
        """Return one layer: whoever reads it has made all of them."""
        return {self.stack.names[0]}

    def collect(self, block: Block) -> None:
        """Nothing is asked of the dates before."""

    def known(self) -> "Making":
        """Return the rule: each date is read once."""
        return self.rule

    def decide(self, statistics: object) -> "Making":
        """Return the rule."""
        return self.rule


class Making:
    """Makes a season block by block, and counts what was seen."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._lock = threading.Lock()
        self._per_pixel = np.zeros(len(stack.dates) + 1, np.int64)
        self._seen = np.zeros(len(stack.dates), np.int64)
        self._green: dict[tuple[int, int], Sums] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= {**state, "_lock": threading.Lock()}

    def fresh(self) -> "Making":
        """Return the same, which has counted nothing."""
        return Making(self._stack)

    def counted(self) -> dict[str, Any]:
        """Return what was counted, and what could not be read."""
        return {
            "per_pixel": self._per_pixel,
            "seen": self._seen,
            "places": np.array([*self._green]),
            "green": np.array([*self._green.values()]),
            "holes": np.array([*self._stack.holes], np.int64),
            "reasons": np.array([*self._stack.holes.values()], str),
        }

    def take(self, counted: Mapping[str, Any]) -> None:
        """Add what was counted of other blocks."""
        self._per_pixel += counted["per_pixel"]
        self._seen += counted["seen"]
        places = map(tuple, counted["places"].tolist())
        self._green |= zip(places, counted["green"], strict=True)
        for number, reason in zip(counted["holes"].tolist(), counted["reasons"], strict=True):
            self._stack.holes.setdefault(number, str(reason))

    def apply(self, block: Block) -> Labelled:
        """Make a block; each must be made once."""
        rows, columns = block.shape
        place = (slice(block.row, block.row + rows), slice(block.column, block.column + columns))
        made = self._stack.window(*place)
        self._count((block.row, block.column), made)
        layers: dict[str, npt.NDArray[Any]] = {
            SEASON: np.stack([made.planes[name] for name in self._stack.names]),
            OBSERVATIONS: np.minimum(made.count, _MOST).astype(np.uint8),
        }
        if self._stack.curves:
            layers[YEAR] = np.stack([as_codes(made.curves[n]) for n in self._stack.curves])
        return Labelled((made.count > 0).astype(np.uint8), more=layers)

    def _count(self, place: tuple[int, int], made: Window) -> None:
        most, above = len(self._stack.dates) + 1, _sums_of(made.curves, self._stack.months)
        with self._lock:
            self._per_pixel += np.bincount(made.count.ravel(), minlength=most)
            self._seen += made.seen
            self._green[place] = above

    def seen_of(self, opened: Sequence[OpenedItem]) -> SeasonSeen:
        """Return what was seen, of all dates that were asked for."""
        pixels = int(self._per_pixel.sum())
        numbers = iter(range(len(self._seen)))
        dates = []
        for one in opened:
            if one.scene is None:
                dates.append(SeasonDate(one.name, 0.0, one.reason, status_of(one.error)))
                continue
            number = next(numbers)
            share = float(self._seen[number] / pixels)
            hole = self._stack.holes.get(number, "")
            if share or hole:
                dates.append(SeasonDate(one.name, share, hole, "partial" if hole else "ok"))
            else:
                dates.append(SeasonDate(one.name, share, notice("nothing_seen"), "skipped"))
        # In the order of their places: whichever was made first, the sum is the same to the bit.
        sums = np.sum([self._green[place] for place in sorted(self._green)], axis=0)
        green = {
            month: (float(total / count), float(count / pixels))
            for month, (total, count) in zip(self._stack.months, sums, strict=True)
            if count
        }
        return SeasonSeen(tuple(dates), tuple(map(int, self._per_pixel)), green)

    def describe(self) -> dict[str, Any]:
        """Return nothing: the step of the record says it."""
        return {}

    def histograms(self) -> list[Histogram]:
        """Return none."""
        return []


def _sums_of(curves: Planes, months: Sequence[int]) -> Sums:
    """Return of each month how far NDVI lies above the mean of a pixel's year, summed, and pixels.

    So a month that showed other ground than the others is not greener for that.

    Returns:
        (months, 2) float64; 0 where nothing tells NDVI.
    """
    names = [curve("NDVI", month) for month in months]
    if not set(names) <= set(curves):
        return np.zeros((len(months), 2))
    stack = np.stack([as_values(curves[name]) for name in names])
    known = np.isfinite(stack)
    mean = np.where(known, stack, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    above = np.nansum(stack - mean, axis=(1, 2), dtype=np.float64)
    return np.stack([above, known.sum(axis=(1, 2))], axis=1)
