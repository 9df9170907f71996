"""A stratified random sample of the pixels of a map: how many, and which.

Strata are the classes of the map, because classes that are rare need more units than their share
(P. Olofsson et al. 2014, doi:10.1016/j.rse.2014.02.015, section 5.1); and, where it is asked for,
the pixels near the edge of a class: most errors sit there, and left in a large stratum each one
of them would count for much area (P. Olofsson et al., "Mitigating the effects of omission errors
on area and area change estimates", Remote Sensing of Environment 236 (2020) 111492,
doi:10.1016/j.rse.2019.111492).

The map is read twice, block by block: pixels are counted, then those whose random rank came up
are picked. Nothing as large as the map is ever held.
"""

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.ndimage import maximum_filter, minimum_filter

from obriy.blocks.windows import windows
from obriy.errors import EmptyResultError, InputError, UsageError
from obriy.model.legend import NO_DATA, UNNAMED, Legend
from obriy.model.sample import EDGE, SampleUnit, Stratum

CONJECTURED: Final = 0.90
"""User's accuracy that is supposed of a class, to find a sample size: a guess, and said so."""
CONJECTURED_EDGE: Final = 0.70
"""Share right that is supposed near edges: mixed pixels."""
LEAST: Final = 50
"""Units per stratum, at least (Olofsson et al. 2014, section 5.1.2: 50 to 100 for rare classes)."""
MOST_EDGE: Final = 10

ByteArray = npt.NDArray[np.uint8]
Window = tuple[slice, slice]
AreaOf = Callable[[slice, slice], npt.NDArray[np.float64]]
InsideOf = Callable[[slice, slice], npt.NDArray[np.bool_]]


@dataclasses.dataclass(frozen=True)
class Frame:
    """The population, counted.

    Attributes:
        strata: The strata that hold a pixel, nothing drawn yet.
        unseen_m2: Area inside the district without a class because it was not seen.
        unnamed_m2: Area that was seen and not named.
        plan: How pixels get their stratum.
        counts: Windows that hold pixels of the population, with their number by stratum (codes
            of ``plan``).
    """

    strata: tuple[Stratum, ...]
    unseen_m2: float
    unnamed_m2: float
    plan: "StrataPlan"
    counts: tuple[tuple[Window, npt.NDArray[np.int64]], ...]


@dataclasses.dataclass(frozen=True)
class StrataPlan:
    """How pixels get their stratum.

    Attributes:
        labels: (y, x) uint8 class codes; 0 unseen, 255 not named.
        legend: What the codes mean.
        edge: Pixels with another class within so many pixels, by row, column or both, are the
            stratum ``"edge"``; 0: there is none. What was not seen or not named makes no edge.
        inside: Gives for rows and columns the pixels of the district; None: all are.
    """

    labels: xr.DataArray
    legend: Legend
    edge: int = 0
    inside: InsideOf | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.edge <= MOST_EDGE:
            raise UsageError(
                f"An edge of {self.edge} pixels cannot be.", f"Give 0 (none) to {MOST_EDGE}."
            )

    @property
    def names(self) -> dict[int, str]:
        """Name of the stratum by code: those of the classes; ``UNNAMED`` stands for the edge."""
        return {c.code: c.name for c in self.legend} | {UNNAMED: EDGE}

    def read(self, rows: slice, columns: slice) -> tuple[ByteArray, ByteArray, ByteArray]:
        """Return stratum codes, class codes, and what has no class, of a window.

        Returns:
            Stratum codes, 0 outside the population; class codes there, 0 outside; and 1 where
            the district was not seen, 2 where it was not named. All (rows, columns) uint8.

        Raises:
            InputError: a code that the legend does not have.
        """
        around, core = self._around(rows, columns)
        labels = self.labels.isel(y=around[0], x=around[1]).to_numpy()
        codes = labels[core].copy()
        named = np.isin(codes, self.legend.codes)
        strange = ~named & (codes != NO_DATA) & (codes != UNNAMED)
        if strange.any():
            raise InputError(
                f"The map has the code {codes[strange][0]}, which the legend "
                f"'{self.legend.name}' does not have.",
                "Check that the map uses the legend.",
            )
        lacks = np.where(codes == NO_DATA, 1, np.where(codes == UNNAMED, 2, 0)).astype("uint8")
        codes[~named] = 0
        if self.inside is not None:
            outside = ~self.inside(rows, columns)
            codes[outside], lacks[outside] = 0, 0
        strata = codes.copy()
        if self.edge:
            strata[near_edge(labels, self.edge)[core] & (codes > 0)] = UNNAMED
        return strata, codes, lacks

    def _around(self, rows: slice, columns: slice) -> tuple[Window, Window]:
        """Return a window with the halo that edges need, and where the window lies in it."""
        spans = list(zip((rows, columns), self.labels.shape, strict=True))
        outer = [slice(max(0, s.start - self.edge), min(n, s.stop + self.edge)) for s, n in spans]
        inner = [
            slice(s.start - o.start, s.stop - o.start)
            for (s, _), o in zip(spans, outer, strict=True)
        ]
        return (outer[0], outer[1]), (inner[0], inner[1])


def near_edge(labels: ByteArray, distance: int) -> npt.NDArray[np.bool_]:
    """Say which pixels have another class within some pixels, by row, column or both.

    Args:
        labels: (rows, columns) uint8; 0 and 255 are no class and make no edge.
        distance: Pixels.

    Returns:
        (rows, columns) True near an edge; what it says of pixels without a class means nothing.
    """
    size = 2 * distance + 1
    blank = (labels == NO_DATA) | (labels == UNNAMED)
    highest = maximum_filter(np.where(blank, 0, labels), size, mode="nearest")
    lowest = minimum_filter(np.where(blank, 255, labels), size, mode="nearest")
    differ: npt.NDArray[np.bool_] = (highest != lowest) & ~blank
    return differ


def count_strata(plan: StrataPlan, area_of: AreaOf) -> Frame:
    """Count the pixels and areas of the strata.

    Args:
        plan: How pixels get their stratum.
        area_of: Gives the area of each pixel for rows and columns, m².

    Raises:
        EmptyResultError: not one pixel has a class.
    """
    pixels = np.zeros(256, "int64")
    areas = np.zeros((256, 256))
    lost = np.zeros(3)
    counts = []
    for rows, columns in windows(plan.labels.shape):
        strata, codes, lacks = plan.read(rows, columns)
        area = area_of(rows, columns)
        found = np.bincount(strata.ravel(), minlength=256)
        lost += np.bincount(lacks.ravel(), area.ravel(), minlength=3)
        if found[1:].any():
            pixels += found
            pair = strata.astype("uint16") * 256 + codes
            areas += np.bincount(pair.ravel(), area.ravel(), minlength=65536).reshape(256, 256)
            counts.append(((rows, columns), found))
    strata_found = tuple(
        Stratum(name, int(pixels[code]), _by_class(areas[code], plan.legend))
        for code, name in plan.names.items()
        if pixels[code]
    )
    if not strata_found:
        raise EmptyResultError(
            "The map has no pixel with a class here, so there is nothing to sample.",
            "Check the map, and the district if you gave one.",
        )
    return Frame(strata_found, float(lost[1]), float(lost[2]), plan, tuple(counts))


def conjectured_accuracy(strata: Sequence[Stratum]) -> dict[str, float]:
    """Return the accuracy that is supposed of each stratum before anything is labelled."""
    return {s.name: CONJECTURED_EDGE if s.name == EDGE else CONJECTURED for s in strata}


def size_for(strata: Sequence[Stratum], accuracy: Mapping[str, float], target_se: float) -> int:
    """Return the sample size for a standard error of the overall accuracy.

    Olofsson et al. 2014, equation 13 (Cochran 1977, equation 5.25), with its term for a small
    population.

    Args:
        strata: The population.
        accuracy: Supposed share right by stratum, 0 to 1.
        target_se: Standard error wanted, a share, above 0 and below 0.5.

    Raises:
        UsageError: a target out of range.
    """
    if not 0 < target_se < 0.5:
        raise UsageError(
            f"A standard error of {target_se:g} is no target.", "Give a share, e.g. 0.01."
        )
    total = sum(s.area_m2 for s in strata)
    weights = [s.area_m2 / total for s in strata]
    spreads = [math.sqrt(accuracy[s.name] * (1 - accuracy[s.name])) for s in strata]
    population = sum(s.pixels for s in strata)
    first = sum(w * s for w, s in zip(weights, spreads, strict=True)) ** 2
    second = sum(w * s**2 for w, s in zip(weights, spreads, strict=True)) / population
    return max(1, math.ceil(first / (target_se**2 + second)))


def allocate(strata: Sequence[Stratum], size: int, least: int = LEAST) -> tuple[Stratum, ...]:
    """Share a sample out: by area, but to each stratum at least so many (Olofsson 2014, 5.1.2).

    Args:
        strata: The population.
        size: Units in all.
        least: Units per stratum, at least: fewer where the stratum has fewer pixels, or where
            ``size`` does not go round.

    Returns:
        The strata with their sizes; they add up to ``size``, or to the pixels there are.

    Raises:
        UsageError: fewer than two units per stratum.
    """
    if size < 2 * len(strata):
        raise UsageError(
            f"{size} units are too few for {len(strata)} strata.",
            f"Give --size {2 * len(strata)} or more; 50 for each is customary.",
        )
    if least < 2:
        raise UsageError(f"--minimum {least} gives no standard error.", "Give 2 or more.")
    pixels = np.array([s.pixels for s in strata])
    weight = np.array([s.area_m2 for s in strata])
    sizes = np.minimum(min(least, size // len(strata)), pixels)
    fixed = np.zeros(len(strata), bool)
    while True:
        free = ~fixed
        left = min(size, int(pixels.sum())) - int(sizes[fixed].sum())
        share = np.where(free, left * weight / max(float(weight[free].sum()), 1e-300), sizes)
        low, high = free & (share < sizes), free & (share > pixels)
        # What is cut off at the top goes to the others: those at the bottom may then have more.
        if high.any():
            sizes[high] = pixels[high]
            fixed |= high
        elif low.any():
            fixed |= low
        else:
            break
    whole = _rounded(share, min(size, int(pixels.sum())))
    return tuple(dataclasses.replace(s, size=int(n)) for s, n in zip(strata, whole, strict=True))


def draw(frame: Frame, strata: Sequence[Stratum], seed: int, area_of: AreaOf) -> list[SampleUnit]:
    """Draw pixels of each stratum at random, each as likely as any other, none twice.

    Args:
        frame: The population.
        strata: Its strata with their sizes.
        seed: Decides on everything random.
        area_of: Gives the area of each pixel for rows and columns, m².

    Returns:
        The units in random order, numbered from 1; places other than row and column are NaN.
    """
    generator = np.random.default_rng(seed)
    codes = {name: code for code, name in frame.plan.names.items()}
    ranks = {
        codes[s.name]: np.sort(generator.choice(s.pixels, s.size, replace=False)) for s in strata
    }
    found = list(_pick(frame, ranks, area_of))
    order = generator.permutation(len(found))
    return [dataclasses.replace(found[i], number=number) for number, i in enumerate(order, start=1)]


def _pick(
    frame: Frame, ranks: Mapping[int, npt.NDArray[np.int64]], area_of: AreaOf
) -> Iterator[SampleUnit]:
    """Yield the pixels of some ranks; a rank is the place of a pixel among those of its stratum."""
    names, before = frame.plan.names, np.zeros(256, "int64")
    for (rows, columns), count in frame.counts:
        wanted = {
            code: these[(these >= before[code]) & (these < before[code] + count[code])]
            for code, these in ranks.items()
        }
        if any(len(these) for these in wanted.values()):
            strata, codes, _ = frame.plan.read(rows, columns)
            area = area_of(rows, columns)
            for code, these in wanted.items():
                places = np.flatnonzero(strata == code)[these - before[code]]
                for row, column in zip(*np.unravel_index(places, strata.shape), strict=True):
                    yield SampleUnit(
                        number=0,
                        stratum=names[code],
                        mapped=names[int(codes[row, column])],
                        row=int(rows.start + row),
                        column=int(columns.start + column),
                        area_m2=float(area[row, column]),
                    )
        before += count


def _by_class(areas: npt.NDArray[np.float64], legend: Legend) -> dict[str, float]:
    return {c.name: float(areas[c.code]) for c in legend if areas[c.code] > 0}


def _rounded(share: npt.NDArray[np.float64], total: int) -> npt.NDArray[np.int64]:
    """Round shares to whole numbers that add up: the largest remainders go up."""
    whole = np.floor(share + 1e-9).astype("int64")
    rest = total - int(whole.sum())
    whole[np.argsort(whole - share, kind="stable")[:rest]] += 1
    return whole
