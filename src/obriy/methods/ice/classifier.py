"""Ice by a trained classifier of pixels: ``linear``, ``svm``, ``knn``, ``forest``."""

import dataclasses

import numpy as np

from obriy.blocks.base import Block, Labelled
from obriy.methods.ice.learned import features_of
from obriy.methods.ice.sea import sea_of
from obriy.methods.trained import TrainedMethod, TrainedRule, planes_for
from obriy.model.classmap import FRACTION_MISSING, half_per_cents
from obriy.model.legend import NO_DATA


@dataclasses.dataclass(frozen=True)
class ClassifierIce(TrainedMethod):
    """A trained classifier as a method of the engine."""

    halo: int = 0

    def decide(self, statistics: None) -> "ClassifierRule":
        """Return the classifier's rule."""
        return ClassifierRule(self.model)


@dataclasses.dataclass(frozen=True)
class ClassifierRule(TrainedRule):
    """Classes pixel by pixel, with the share that the classifier gives to each."""

    def apply(self, block: Block) -> Labelled:
        """Label the sea of a block; land and pixels that lack a band get 0."""
        stack = features_of(planes_for(self.model.card, sea_of(block).bands))
        seen = np.isfinite(stack).all(axis=0)
        labels = np.full(block.shape, NO_DATA, np.uint8)
        confidence = np.full(block.shape, FRACTION_MISSING, np.uint8)
        codes, shares = self.model.predict(np.ascontiguousarray(stack[:, seen].T))
        labels[seen], confidence[seen] = codes, half_per_cents(shares)
        return Labelled(labels, confidence=confidence)
