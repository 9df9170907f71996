"""Areas and accuracies from a stratified random sample, by its design.

The area of a class is what the *labels* say it is; the map only says where to look (the strata).
Estimators of S. V. Stehman, "Estimating area and map accuracy for stratified random sampling when
the strata are different from the map classes", International Journal of Remote Sensing 35 (2014)
4923-4939, doi:10.1080/01431161.2014.930207 (called S below). Where the strata are the classes of
the map they are those of P. Olofsson et al., "Good practices for estimating area and assessing
accuracy of land change", Remote Sensing of Environment 148 (2014) 42-57,
doi:10.1016/j.rse.2014.02.015, equations 1 to 11, but for the finite population correction, which
the latter leaves out (it is 0.9996 or nearer to 1 in their example).

Both papers count pixels of one size. In a map in degrees the pixels differ in area, so a unit
counts by its area here, a ratio estimator within each stratum (W. G. Cochran, Sampling
Techniques, 3rd edition, 1977, section 6.10); for pixels of one size nothing changes.
"""

import dataclasses
from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from obriy.errors import EmptyResultError
from obriy.model.sample import AreaEstimate, ClassEstimate, Estimate, SampleDesign, Stratum

MANY_UNLABELLED: Final = 0.05
"""Share of the units drawn without a label above which a reader is warned."""
FEW: Final = 25
"""Labelled units of a stratum below which the normal interval is rough."""
FEW_ERRORS: Final = 5
"""Units unlike the rest of their stratum below which the normal interval is too short (L. D.
Brown, T. T. Cai, A. DasGupta, Statistical Science 16 (2001) 101-133, section 2: n p >= 5)."""
RULE_OF_THREE: Final = 3.0
"""Where none of n is so, up to 3/n may be, at 95 % (J. A. Hanley, A. Lippman-Hand, JAMA 249 (1983)
1743-1745)."""

_NO_VARIATION: Final = (
    "No unit differs from the others of its stratum: the sample is too small to say how far it "
    "may err."
)

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


def estimate_areas(design: SampleDesign, labels: Mapping[int, str | None]) -> AreaEstimate:
    """Estimate areas and accuracies from the labels of a sample.

    Args:
        design: How the sample was drawn.
        labels: Machine name of the class of each unit by its number; None: not labelled. A
            unit without a label is left out, as if it had not been drawn: that is right only
            where what could not be told is like the rest of its stratum.

    Returns:
        Areas, m², with standard errors, and accuracies. A figure is None, with a reason, where a
        stratum that it rests on has no label; a standard error also where such a stratum has one
        label only, or where no unit differs from the others, which would give a standard error
        of 0.

    Raises:
        EmptyResultError: not one unit has a label.
    """
    sample = _Sample.of(design, labels)
    legend = design.legend
    occurs = {name for s in design.strata for name, area in s.mapped_m2.items() if area > 0}
    occurs |= set(sample.reference)
    names = [c.name for c in legend if c.name in occurs]
    mapped = {name: sample.mapped == name for name in names}
    found = {name: sample.reference == name for name in names}
    population = design.population_m2
    classes = []
    for entry in legend:
        if entry.name not in occurs:
            continue
        name = entry.name
        both = mapped[name] & found[name]
        classes.append(
            ClassEstimate(
                name=name,
                code=entry.code,
                mapped_m2=design.mapped_m2(name),
                area=sample.total(found[name]),
                users_accuracy=_users(sample, design, name, both, mapped[name]),
                producers_accuracy=sample.ratio(
                    both, found[name], f"No unit was labelled '{name}'."
                ),
            )
        )
    whole = sample.total(sample.mapped == sample.reference)
    return AreaEstimate(
        overall_accuracy=_share(whole, population),
        classes=tuple(classes),
        proportions=_proportions(sample, names),
        counts=tuple(tuple(int((mapped[i] & found[j]).sum()) for j in names) for i in names),
        labelled=sample.by_stratum(),
        population_m2=population,
        unseen_m2=design.unseen_m2,
        unnamed_m2=design.unnamed_m2,
        notes=tuple(_notes(sample, len(design.units))),
    )


@dataclasses.dataclass(frozen=True)
class _Sample:
    """The labelled units as arrays.

    Attributes:
        strata: The strata that hold a pixel.
        stratum: (n,) number of the stratum of each unit.
        mapped: (n,) class in the map.
        reference: (n,) class by the label.
        area: (n,) area of the unit, m².
    """

    strata: tuple[Stratum, ...]
    stratum: npt.NDArray[np.int_]
    mapped: npt.NDArray[np.object_]
    reference: npt.NDArray[np.object_]
    area: FloatArray

    @classmethod
    def of(cls, design: SampleDesign, labels: Mapping[int, str | None]) -> "_Sample":
        strata = tuple(s for s in design.strata if s.pixels > 0)
        numbers = {s.name: i for i, s in enumerate(strata)}
        known = [u for u in design.units if labels.get(u.number) is not None]
        if not known:
            raise EmptyResultError(
                f"None of the {len(design.units)} units of the sample has a label.",
                "Fill the column 'label' of the sheet, then evaluate again.",
            )
        return cls(
            strata,
            np.array([numbers[u.stratum] for u in known]),
            np.array([u.mapped for u in known], object),
            np.array([labels[u.number] for u in known], object),
            np.array([u.area_m2 for u in known], "float64"),
        )

    def by_stratum(self) -> tuple[tuple[str, int, float, int, int], ...]:
        counts = np.bincount(self.stratum, minlength=len(self.strata))
        return tuple(
            (s.name, s.pixels, s.area_m2, s.size, int(n))
            for s, n in zip(self.strata, counts, strict=True)
        )

    def total(self, hit: BoolArray) -> Estimate:
        """Return the area, m², of the units for which a condition holds (S 2 and 25)."""
        most = sum(s.area_m2 for s in self.strata)
        strata = range(len(self.strata))
        lacking = self._without(0, strata)
        if lacking:
            return Estimate(None, None, lacking, most)
        value = sum(self._area_of(h, hit.astype("float64")) for h in strata)
        error, reason = self._error(hit.astype("float64"), strata)
        return Estimate(value, error, reason, most)

    def ratio(
        self, hit: BoolArray, base: BoolArray, nothing: str, only: list[int] | None = None
    ) -> Estimate:
        """Return the ratio of two areas (S 27 and 28).

        Args:
            hit: Units of the numerator, some of ``base``.
            base: Units of the denominator.
            nothing: The reason where no unit is in ``base``.
            only: Numbers of the strata that may hold ``base``; None: all.
        """
        strata = range(len(self.strata)) if only is None else only
        lacking = self._without(0, strata)
        if lacking:
            return Estimate(None, None, lacking)
        below = sum(self._area_of(h, base.astype("float64")) for h in strata)
        if below == 0:
            return Estimate(None, None, nothing)
        value = sum(self._area_of(h, hit.astype("float64")) for h in strata) / below
        error, reason = self._error(hit - value * base, strata)
        return Estimate(value, None if error is None else error / below, reason)

    def _area_of(self, h: int, values: FloatArray) -> float:
        """Return the estimated sum of a quantity over a stratum, m²: area times its mean."""
        here = self.stratum == h
        share = np.average(values[here], weights=self.area[here])
        return float(self.strata[h].area_m2 * share)

    def _error(self, values: FloatArray, strata: "range | list[int]") -> tuple[float | None, str]:
        """Return the standard error of a sum over strata, m², or None and why."""
        thin = self._without(1, strata)
        if thin:
            return None, thin
        variance = sum(self._variance(h, values) for h in strata)
        complete = all(self._labelled(h) == self.strata[h].pixels for h in strata)
        if variance <= 0 and not complete:
            return None, _NO_VARIATION
        return float(np.sqrt(max(variance, 0.0))), ""

    def _variance(self, h: int, values: FloatArray) -> float:
        """Return the variance of the estimated sum over one stratum, m⁴ (terms of S 25, 28)."""
        here = self.stratum == h
        area, pixels = self.area[here], self.strata[h].pixels
        n = int(here.sum())
        if n == pixels:
            return 0.0
        mean = np.average(values[here], weights=area)
        apart = area / area.mean() * (values[here] - mean)
        variance = float((apart**2).sum() / (n - 1))
        if variance < 1e-20:  # rounding of equal values
            return 0.0
        return self.strata[h].area_m2 ** 2 * (1 - n / pixels) * variance / n

    def _labelled(self, h: int) -> int:
        return int((self.stratum == h).sum())

    def _without(self, enough: int, strata: "range | list[int]") -> str:
        """Say which stratum has too few labels: none, or one only; empty where all have more."""
        for h in strata:
            labelled, stratum = self._labelled(h), self.strata[h]
            if labelled <= enough and labelled < stratum.pixels:
                count = "no unit with a label" if labelled == 0 else "only one unit with a label"
                return f"The stratum '{stratum.name}' has {count}."
        return ""


def _users(
    sample: _Sample, design: SampleDesign, name: str, both: BoolArray, mapped: BoolArray
) -> Estimate:
    """Return the user's accuracy; strata in which the class is not mapped cannot change it."""
    if design.mapped_m2(name) == 0:
        return Estimate(None, None, f"The map has no '{name}'.")
    only = [h for h, s in enumerate(sample.strata) if s.mapped_m2.get(name, 0.0) > 0]
    return sample.ratio(both, mapped, f"No unit that is mapped as '{name}' has a label.", only)


def _share(total: Estimate, population: float) -> Estimate:
    """Turn an area into a share of the population."""
    value, error = total.value, total.standard_error
    return Estimate(
        None if value is None else value / population,
        None if error is None else error / population,
        total.reason,
    )


def _proportions(sample: _Sample, names: list[str]) -> tuple[tuple[float, ...], ...] | None:
    """Return the error matrix as shares of the population (S 24)."""
    cells = [
        [sample.total((sample.mapped == i) & (sample.reference == j)) for j in names] for i in names
    ]
    if any(cell.value is None for row in cells for cell in row):
        return None
    return tuple(tuple(float(cell.value or 0.0) / cell.most for cell in row) for row in cells)


def _notes(sample: _Sample, drawn: int) -> list[str]:
    notes = []
    missing = drawn - len(sample.stratum)
    if missing:
        notes.append(f"{missing} of {drawn} units have no label and were left out.")
    if missing > MANY_UNLABELLED * drawn:
        notes.append(
            "So many may bias the figures: what is hard to tell is seldom like the rest. Label "
            "them from a better image."
        )
    for h, stratum in enumerate(sample.strata):
        notes += _stratum_notes(stratum, sample.reference[sample.stratum == h])
    return notes


def _stratum_notes(stratum: Stratum, labels: npt.NDArray[np.object_]) -> list[str]:
    """Say where the labels of a stratum are too few, or too much alike, for a normal interval."""
    n = len(labels)
    if n in (0, stratum.pixels):
        return []
    if n < FEW:
        return [
            f"The stratum '{stratum.name}' has {n} labelled units: standard errors and intervals "
            "are rough."
        ]
    names, counts = np.unique(labels.astype(str), return_counts=True)
    others = n - int(counts.max())
    commonest = names[counts.argmax()]
    if others == 0:
        return [
            f"All {n} units of the stratum '{stratum.name}' were labelled '{commonest}'. Up to "
            f"{RULE_OF_THREE / n:.1%} of it ({RULE_OF_THREE / n * stratum.area_m2 / 1e6:.4g} km²) "
            "may still be something else (95 %), and no interval holds that."
        ]
    if others < FEW_ERRORS:
        return [
            f"Only {others} of {n} units of the stratum '{stratum.name}' were not labelled "
            f"'{commonest}': intervals that rest on so few tend to be too short."
        ]
    return []
