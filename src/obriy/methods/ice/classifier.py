"""Ice by a trained classifier of pixels: ``linear``, ``svm``, ``knn``, ``forest``."""

import dataclasses
from typing import Any

import numpy as np

from obriy.blocks.base import Block, Histogram, Labelled
from obriy.methods.ice.learned import TrainedClassifier, features_of
from obriy.methods.ice.sea import sea_of
from obriy.model.bands import require_bands
from obriy.model.classmap import FRACTION_MISSING, half_per_cents
from obriy.model.legend import NO_DATA


@dataclasses.dataclass(frozen=True)
class LearnedIce:
    """A trained classifier as a method of the engine; there is nothing to collect.

    Attributes:
        classifier: What was learnt.
        name: As written by the user.
    """

    classifier: TrainedClassifier
    name: str
    halo: int = 0
    gives_fraction: bool = False

    def bands(self, available: set[str]) -> set[str]:
        """Return the bands that it learnt from.

        Raises:
            BandError: where the image lacks one.
        """
        wanted = set(self.classifier.card.bands)
        require_bands(available, wanted, f"'{self.name}'", "It learnt from images that have them.")
        return wanted

    def collect(self, block: Block) -> None:
        """Return nothing: the classifier knows already."""

    def decide(self, statistics: None) -> "LearnedRule":
        """Return the classifier's rule."""
        return LearnedRule(self.classifier)


@dataclasses.dataclass(frozen=True)
class LearnedRule:
    """Classes pixel by pixel, with the share that the classifier gives to each."""

    classifier: TrainedClassifier

    def apply(self, block: Block) -> Labelled:
        """Label the sea of a block; land and pixels that lack a band get 0."""
        stack = features_of(sea_of(block).bands, self.classifier.card.bands)
        seen = np.isfinite(stack).all(axis=0)
        labels = np.full(block.shape, NO_DATA, np.uint8)
        confidence = np.full(block.shape, FRACTION_MISSING, np.uint8)
        codes, shares = self.classifier.predict(np.ascontiguousarray(stack[:, seen].T))
        labels[seen], confidence[seen] = codes, half_per_cents(shares)
        return Labelled(labels, confidence=confidence)

    def describe(self) -> dict[str, Any]:
        """Return what it learnt from, and how well."""
        card = self.classifier.card
        return {
            "classifier": card.kind,
            "features": list(card.features),
            "learnt_from": list(card.sources),
            "samples": card.samples,
            "scores": dict(card.scores),
            "split": dict(card.split),
            "seed": card.seed,
            "versions": dict(card.versions),
        }

    def histograms(self) -> list[Histogram]:
        """Return nothing: it cuts no quantity."""
        return []
