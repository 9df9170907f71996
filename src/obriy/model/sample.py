"""SampleDesign and AreaEstimate: a probability sample of a map, and what follows from it."""

import dataclasses
from collections.abc import Mapping
from statistics import NormalDist
from typing import Any, Final

from obriy.errors import TableError
from obriy.model.interval import LEVEL
from obriy.model.legend import Legend, LegendClass
from obriy.model.notices import Sentence

EDGE: Final = "edge"
"""Name of the stratum of pixels near the edge of a class."""
CANNOT_TELL: Final = "?"
"""Label of a sample unit that the interpreter looked at and could not name."""
LEVELS: Final = (LEVEL, 0.95)
"""Levels of the intervals that are written to files."""


@dataclasses.dataclass(frozen=True)
class Stratum:
    """A part of the population that is sampled on its own.

    Attributes:
        name: A class of the map, or ``"edge"``.
        pixels: Number of pixels.
        mapped_m2: Area in it by class of the map, m²; only classes that occur.
        size: Number of pixels drawn.
    """

    name: str
    pixels: int
    mapped_m2: Mapping[str, float]
    size: int = 0

    @property
    def area_m2(self) -> float:
        """Area of the stratum, m²."""
        return sum(self.mapped_m2.values())


@dataclasses.dataclass(frozen=True)
class SampleUnit:
    """A pixel that was drawn.

    Attributes:
        number: Its id, from 1, in an order that says nothing of stratum or class.
        stratum: Name of its stratum.
        mapped: Machine name of its class in the map.
        row: Row in the map, from 0.
        column: Column in the map, from 0.
        area_m2: Its area, m².
        lon: Longitude of its centre, degrees, WGS 84.
        lat: Latitude of its centre, degrees, WGS 84.
        x: Of its centre, in the CRS of the map.
        y: Of its centre, in the CRS of the map.
    """

    number: int
    stratum: str
    mapped: str
    row: int
    column: int
    area_m2: float
    lon: float = float("nan")
    lat: float = float("nan")
    x: float = float("nan")
    y: float = float("nan")


@dataclasses.dataclass(frozen=True)
class SampleDesign:
    """How a sample was drawn: all that an estimate needs beside the labels.

    Attributes:
        legend: Classes of map and labels.
        strata: The strata; together they are the population.
        units: What was drawn, by number.
        seed: Of the draw.
        edge: Greatest distance to another class in the stratum ``"edge"``, pixels; 0: none.
        unseen_m2: Area that the map could not see: not in the population.
        unnamed_m2: Area that the map saw and would not name: not in the population.
        map_file: The map.
        map_sha256: Of the bytes of that file.
        crs: CRS of the map, EPSG code or WKT.
        aoi: The district as the user said it, or None.
        notes: How size and allocation came about, for the record.
    """

    legend: Legend
    strata: tuple[Stratum, ...]
    units: tuple[SampleUnit, ...]
    seed: int
    edge: int = 0
    unseen_m2: float = 0.0
    unnamed_m2: float = 0.0
    map_file: str = ""
    map_sha256: str = ""
    crs: str = ""
    aoi: str | None = None
    notes: tuple[Sentence, ...] = ()

    @property
    def population_m2(self) -> float:
        """Area that the sample speaks for, m²."""
        return sum(stratum.area_m2 for stratum in self.strata)

    def mapped_m2(self, name: str) -> float:
        """Return the area of a class in the map, m², within the population."""
        return sum(stratum.mapped_m2.get(name, 0.0) for stratum in self.strata)

    def to_dict(self) -> dict[str, Any]:
        """Return the design as plain values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "SampleDesign":
        """Return the design of plain values that `to_dict` gave.

        Raises:
            TableError: where a field is missing or of another kind.
        """
        try:
            legend = values["legend"]
            classes = tuple(LegendClass(**entry) for entry in legend["classes"])
            return cls(
                **{
                    **values,
                    "legend": Legend(legend["name"], classes, legend["source"]),
                    "strata": tuple(Stratum(**entry) for entry in values["strata"]),
                    "units": tuple(SampleUnit(**entry) for entry in values["units"]),
                    "notes": tuple(values["notes"]),
                }
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise TableError(f"The design of the sample is not complete: {error}.") from error


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A figure from a sample.

    Attributes:
        value: The figure; None where the sample cannot give it.
        standard_error: Its standard error; None where the sample cannot give it.
        reason: Why one of them is missing.
        most: Greatest value that is possible; the least is 0.
    """

    value: float | None
    standard_error: float | None = None
    reason: Sentence = ""
    most: float = 1.0

    def margin(self, level: float) -> float | None:
        """Return half the width of the normal interval of a level (0 to 1), before any cut."""
        if self.value is None or self.standard_error is None:
            return None
        return NormalDist().inv_cdf((1 + level) / 2) * self.standard_error

    def interval(self, level: float) -> tuple[float, float] | None:
        """Return the normal interval of a level (0 to 1), cut at what is possible."""
        margin = self.margin(level)
        if margin is None or self.value is None:
            return None
        return max(0.0, self.value - margin), min(self.most, self.value + margin)

    def to_dict(self) -> dict[str, Any]:
        """Return value, standard error and intervals as plain values, with the reason if any."""
        shown: dict[str, Any] = {"value": self.value, "standard_error": self.standard_error}
        for level in LEVELS:
            interval = self.interval(level)
            shown[f"interval_{level:.0%}".rstrip("%")] = None if interval is None else [*interval]
        return shown | ({"reason": self.reason} if self.reason else {})


@dataclasses.dataclass(frozen=True)
class ClassEstimate:
    """What the sample says of one class.

    Attributes:
        name: Machine name.
        code: Class code.
        mapped_m2: Area in the map, m².
        area: Area by the labels, m².
        users_accuracy: Share of what is mapped as the class that is the class.
        producers_accuracy: Share of the class that is mapped as the class.
    """

    name: str
    code: int
    mapped_m2: float
    area: Estimate
    users_accuracy: Estimate
    producers_accuracy: Estimate

    @property
    def bias_m2(self) -> float | None:
        """Mapped minus estimated area, m²; its standard error is that of the area."""
        return None if self.area.value is None else self.mapped_m2 - self.area.value


@dataclasses.dataclass(frozen=True)
class AreaEstimate:
    """Areas and accuracies from a labelled sample.

    Attributes:
        overall_accuracy: Share of the population that is mapped right.
        classes: Every class that occurs in map or labels, in the order of the legend.
        proportions: (classes, classes) rows map, columns labels: estimated share of the
            population; None where a stratum has no label.
        counts: The same as numbers of sample units.
        labelled: By stratum: ``(name, pixels, area m², drawn, labelled)``.
        population_m2: Area that the estimate speaks for, m².
        unseen_m2: Area that the map could not see, m²; not in any figure.
        unnamed_m2: Area that the map would not name, m²; not in any figure.
        notes: What the reader should know.
    """

    overall_accuracy: Estimate
    classes: tuple[ClassEstimate, ...]
    proportions: tuple[tuple[float, ...], ...] | None
    counts: tuple[tuple[int, ...], ...]
    labelled: tuple[tuple[str, int, float, int, int], ...]
    population_m2: float
    unseen_m2: float = 0.0
    unnamed_m2: float = 0.0
    notes: tuple[Sentence, ...] = ()

    def of(self, name: str) -> ClassEstimate:
        """Return what the sample says of a class.

        Raises:
            TableError: where neither map nor labels have it.
        """
        found = next((c for c in self.classes if c.name == name), None)
        if found is None:
            raise TableError(f"The class '{name}' occurs neither in the map nor in the labels.")
        return found

    @property
    def unseen_share(self) -> float:
        """Share of the whole area, the population and what lies outside it, that has no class."""
        outside = self.unseen_m2 + self.unnamed_m2
        whole = self.population_m2 + outside
        return outside / whole if whole else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the estimate as plain values."""
        fields = ("stratum", "pixels", "area_m2", "drawn", "labelled")
        return {
            "overall_accuracy": self.overall_accuracy.to_dict(),
            "classes": [
                {
                    "name": c.name,
                    "code": c.code,
                    "mapped_m2": c.mapped_m2,
                    "area_m2": c.area.to_dict(),
                    "bias_m2": c.bias_m2,
                    "users_accuracy": c.users_accuracy.to_dict(),
                    "producers_accuracy": c.producers_accuracy.to_dict(),
                }
                for c in self.classes
            ],
            "proportions": None if self.proportions is None else [[*r] for r in self.proportions],
            "counts": [[*row] for row in self.counts],
            "strata": [dict(zip(fields, row, strict=True)) for row in self.labelled],
            "population_m2": self.population_m2,
            "unseen_m2": self.unseen_m2,
            "unnamed_m2": self.unnamed_m2,
            "unseen_share": self.unseen_share,
            "notes": list(self.notes),
        }
