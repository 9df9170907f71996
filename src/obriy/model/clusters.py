"""Clusters: what a clusterer found, what is known of each, what was said of it, its name."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from obriy.model.legend import UNNAMED, Legend, LegendClass, distinct_colour
from obriy.tables import languages, load_toml

NOISE: Final = 254
"""Cluster of the pixels that belong to no dense group; a class of its own until it is named."""
MOST_CLUSTERS: Final = 200
"""Numbers of clusters are 1 to this."""


@dataclasses.dataclass(frozen=True)
class Spread:
    """A quantity over the pixels of a cluster.

    Attributes:
        low: 10th percentile.
        median: Median.
        high: 90th percentile.
    """

    low: float
    median: float
    high: float


@dataclasses.dataclass(frozen=True)
class ClusterFacts:
    """What was measured of one cluster: all that a labeller without eyes knows.

    Attributes:
        id: Number in the map of clusters, 1 to 200, or `NOISE`.
        pixels: Pixels of the scene in it.
        share: Its share of the seen pixels, 0 to 1.
        spectrum: Surface reflectance (unitless) by STAC common name, by wavelength.
        indices: Spectral indices by short name (``"NDVI"``), as far as the bands go.
        texture: Median deviation within 5 x 5 cells of 30 m (of a pixel, where pixels are larger
            or nobody knows their size), by band or index name.
        surroundings: Median of the mean within 15 x 15 such cells, by band or index name.
        ranks: Share of the scene's seen pixels below the cluster's median, 0 to 1, by name of a
            band or index: what the cluster is in this scene.
        interior: Share of its pixels that have it on all four sides, a cell away: 1 for one great
            patch, 0 for specks and lines.
        neighbours: Of the borders with other clusters, the share of each, by its number.
        pixel_m: Height of a pixel in metres; None where the grid does not say.
        reflectance: False: the image is an 8-bit picture, and its numbers are no reflectance.
        season: What tells its pixels apart in a season, by names of `obriy.model.season.SEASONAL`;
            empty: it is of one image.
        curves: Its year: by index, then month (1 to 12), the spread over its pixels of their
            medians in that month; months of which too little was seen are left out.
    """

    id: int
    pixels: int
    share: float
    spectrum: Mapping[str, Spread]
    indices: Mapping[str, Spread]
    texture: Mapping[str, float]
    surroundings: Mapping[str, float]
    ranks: Mapping[str, float]
    interior: float
    neighbours: Mapping[int, float]
    pixel_m: float | None = None
    reflectance: bool = True
    season: Mapping[str, Spread] = dataclasses.field(default_factory=dict)
    curves: Mapping[str, Mapping[int, Spread]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Portrait:
    """What a labeller is shown of one cluster.

    Attributes:
        facts: What was measured.
        pictures: PNG images by name, in the order in which they are shown (``"true_colour"``,
            ``"infrared"``, ``"mask"``, ``"places"``, ``"spectrum"``). The cluster is marked in
            grey only: a coloured mask would be named by its colour. Empty for labellers that do
            not look.
        text: The facts in words, with no word for a colour.
    """

    facts: ClusterFacts
    pictures: Mapping[str, bytes] = dataclasses.field(default_factory=dict)
    text: str = ""


@dataclasses.dataclass(frozen=True)
class Answer:
    """What one labeller said of one cluster.

    Attributes:
        cluster: Number of the cluster.
        labeller: Who said it, as the user wrote, e.g. ``"spectral"``.
        said: Its own words for the class; empty where it failed.
        code: The class of the legend that these words mean; 255: it would not, or could not, say.
        confidence: How sure it says it is, 0 to 1.
        second: Code of its second guess; None: none given.
        mixed: Whether it takes the cluster for a mixture of classes.
        evidence: Why, in its words.
        normalised: How ``said`` became ``code``: ``"exact"``, ``"table"``, ``"fuzzy (0.93)"``,
            ``"asked again"``, or why it did not.
        probabilities: Probability by code, where the labeller has a calibrated opinion of every
            class; they sum to 1.
        problem: What went wrong (a refusal, an address that does not answer); empty: nothing.
        round: Round of the panel in which it was said: clusters are split, and asked about again.
        question: Version of the words and pictures that it answers (``tables/panel.toml``); 0: it
            was not asked in them.
    """

    cluster: int
    labeller: str
    said: str
    code: int = UNNAMED
    confidence: float = 0.0
    second: int | None = None
    mixed: bool = False
    evidence: str = ""
    normalised: str = ""
    probabilities: Mapping[int, float] = dataclasses.field(default_factory=dict)
    problem: str = ""
    round: int = 0
    question: int = 0


@dataclasses.dataclass(frozen=True)
class Naming:
    """The name of a cluster, and how sure it is.

    Attributes:
        facts: What was measured of the cluster.
        code: Class of the legend; 255: the panel would not name it.
        confidence: Of the name, 0 to 1: the mean over those who voted for it.
        agreement: Share of the weight of the votes cast that the name got, 0 to 1.
        answers: What each labeller said.
        rule: Why this name, or none: ``"majority"``, ``"tie: the surer side"``, ...
    """

    facts: ClusterFacts
    code: int
    confidence: float
    agreement: float
    answers: tuple[Answer, ...]
    rule: str = ""

    @property
    def mixed(self) -> bool:
        """Whether a labeller takes the cluster for a mixture."""
        return any(answer.mixed for answer in self.answers)

    def to_dict(self, legend: Legend) -> dict[str, Any]:
        """Return plain values in the shape of ``clusters`` in ``result.json``."""
        names = {c.code: c.name for c in legend} | {UNNAMED: "unknown"}
        return {
            "id": self.facts.id,
            "pixels": self.facts.pixels,
            "share": self.facts.share,
            "name": names[self.code],
            "code": self.code,
            "confidence": self.confidence,
            "agreement": self.agreement,
            "rule": self.rule,
            "votes": [
                {
                    "labeller": answer.labeller,
                    "answer": answer.said,
                    "normalised": names[answer.code],
                    "code": answer.code,
                    "confidence": answer.confidence,
                    "second": None if answer.second is None else names[answer.second],
                    "mixed": answer.mixed,
                    "evidence": answer.evidence,
                    "how": answer.normalised,
                    "problem": answer.problem,
                }
                for answer in self.answers
            ],
            "spectrum": {k: dataclasses.asdict(v) for k, v in self.facts.spectrum.items()},
            "indices": {k: dataclasses.asdict(v) for k, v in self.facts.indices.items()},
            **self._season(),
        }

    def _season(self) -> dict[str, Any]:
        """Return what is known of its season; nothing where it is of one image."""
        if not self.facts.season:
            return {}
        curves = self.facts.curves.items()
        return {
            "season": {k: dataclasses.asdict(v) for k, v in self.facts.season.items()},
            "curves": {
                index: {str(month): dataclasses.asdict(v) for month, v in months.items()}
                for index, months in curves
            },
        }


def cluster_legend(ids: list[int]) -> Legend:
    """Return the legend of a map of clusters: numbers in place of names, colours apart.

    Args:
        ids: Numbers of the clusters, 1 to 200, and perhaps `NOISE`.
    """
    return Legend(
        "clusters",
        tuple(LegendClass(i, _name(i), _title(i), _colour(i)) for i in sorted(ids)),
        "numbers of a clusterer, without meaning",
    )


def _name(number: int) -> str:
    return "noise" if number == NOISE else f"cluster_{number}"


def _title(number: int) -> dict[str, str]:
    key = "noise" if number == NOISE else "cluster"
    words = {lang: load_toml(f"text_{lang}")["clusters"][key] for lang in languages()}
    return {lang: word.format(number=number) for lang, word in words.items()}


def _colour(number: int) -> str:
    return "#8a8a8a" if number == NOISE else distinct_colour(number)
