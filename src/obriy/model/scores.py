"""Scores: how a map agrees with a reference."""

import dataclasses
from typing import Any, Final

from obriy.model.notices import Sentence
from obriy.model.shown import Shown, Tabled

OF_MAP: Final = ("overall_accuracy", "kappa")
"""Scores of the whole map, of the six by which methods are compared; the others are of water."""
COMPARED: Final = (*OF_MAP, "precision", "recall", "f1", "iou")


@dataclasses.dataclass(frozen=True)
class ClassScore:
    """Scores of one class, each 0 to 1, None where undefined (no such pixels).

    Attributes:
        name: Machine name of the class.
        code: Its code in the map.
        precision: User's accuracy: share of the mapped that is right.
        recall: Producer's accuracy: share of the reference that was found.
        f1: Harmonic mean of both.
        iou: Intersection over union.
    """

    name: str
    code: int
    precision: float | None
    recall: float | None
    f1: float | None
    iou: float | None


@dataclasses.dataclass(frozen=True)
class Scores(Shown, Tabled):
    """The comparison of a map with a reference.

    Attributes:
        overall_accuracy: Share of the compared pixels that agree, 0 to 1; None where the reference
            has one class and leaves the rest of the map unsaid: then nothing but the recall of
            that class is known.
        kappa: Cohen's kappa, -1 to 1; None where undefined.
        mean_iou: Mean over the classes that occur; None where not known.
        pixels: Number of pixels compared.
        independent: False: the reference was made from the mapped scene, this is an agreement.
        classes: Scores per class.
        confusion: Pixel counts, rows reference, columns map, in the order of ``classes``.
        unnamed: By class of the reference, clear pixels that the map would not name: they count
            as wrong in every score.
        intervals: 90 % intervals ``{score: [low, high]}`` by block bootstrap; None where the
            image is too small for blocks.
        unseen_share: Share of the reference's pixels that the map could not see (not scored).
        without_edges: The same scores without the one-pixel ring at label edges of the reference.
        reference: Source of the reference.
        notes: How codes and grids were brought together.
        legend: Name of the legend in which both were compared.
        merged: The same scores on the main classes (trees, low vegetation, built-up, bare, water
            or wetland); None where the legend does not lead there, or has no more classes.
    """

    overall_accuracy: float | None
    kappa: float | None
    mean_iou: float | None
    pixels: int
    independent: bool
    classes: tuple[ClassScore, ...]
    confusion: tuple[tuple[int, ...], ...]
    unnamed: tuple[int, ...] = ()
    intervals: dict[str, list[float]] | None = None
    unseen_share: float = 0.0
    without_edges: "Scores | None" = None
    reference: str = ""
    notes: tuple[Sentence, ...] = ()
    legend: str = ""
    merged: "Scores | None" = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values in the shape of ``obriy evaluate --json``."""
        plain = dataclasses.asdict(self)
        for name in ("without_edges", "merged"):
            inner = getattr(self, name)
            plain[name] = None if inner is None else inner.to_dict()
        return plain
