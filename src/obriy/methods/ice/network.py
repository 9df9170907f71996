"""Ice by a trained network: ``m201``, ``m211``, ``segformer``, ``unet``, ``deeplab``."""

import dataclasses
import functools
from typing import Final

import numpy as np

from obriy.blocks.base import Block, ByteArray, FloatArray, Labelled
from obriy.methods.ice.sea import missing_in
from obriy.methods.tiles import Extent, Tile, WindowMemory, spread_windows
from obriy.methods.trained import TrainedMethod, TrainedRule, planes_for
from obriy.model.classmap import FRACTION_MISSING, half_per_cents
from obriy.model.ice import ICE, WATER
from obriy.model.legend import NO_DATA
from obriy.nets.networks import Pupil
from obriy.nets.ssegm import SIZE

OVERLAP: Final = 64
"""Pixels that neighbouring windows share at least: what lies nearer to the edge of a window than
half of it is taken from the other one, which sees what is around. Of small windows half a side."""


@dataclasses.dataclass(frozen=True)
class NetworkIce(TrainedMethod):
    """A trained network as a method of the engine; of the scene it asks only how large it is."""

    @property
    def halo(self) -> int:
        """Pixels around a block that hold every window of its pixels."""
        return max(_size(self.model)) - 1

    def collect(self, block: Block) -> Extent:
        """Return the size of the scene as far as the block tells."""
        return Extent.of(block)

    def decide(self, statistics: Extent) -> "NetworkRule":
        """Return the network's rule."""
        return NetworkRule(self.model, statistics)


@dataclasses.dataclass(frozen=True)
class NetworkRule(TrainedRule):
    """Classes window by window.

    Networks of document B have one output: what is no ice is water to them, cloud included. The
    confidence is the probability that the network gives to its class: nobody has calibrated it.

    Attributes:
        extent: Size of the scene, on which the windows lie.
        memory: Windows that are done, which blocks share.
    """

    extent: Extent
    memory: WindowMemory = dataclasses.field(
        default_factory=WindowMemory, compare=False, repr=False
    )

    def apply(self, block: Block) -> Labelled:
        """Label the core of a block with its confidence; pixels that lack a band get 0.

        Any cut into blocks gives the same labels, for the network always sees the same windows.
        """
        card, size = self.model.card, _size(self.model)
        labels = np.full(block.shape, NO_DATA, np.uint8)
        confidence = np.full(block.shape, FRACTION_MISSING, np.uint8)
        overlap = min(OVERLAP, min(size) // 2)
        for window in spread_windows(block, self.extent, size, overlap):
            look = functools.partial(self._look, block, window)
            codes, shares = self.memory.recall(window, look)
            window.put(block, labels, codes)
            window.put(block, confidence, shares)
        planes = planes_for(card, block.bands)
        missing = missing_in({n: p for n, p in planes.items() if n not in card.spare})
        labels[missing], confidence[missing] = NO_DATA, FRACTION_MISSING
        return Labelled(labels, confidence=confidence)

    def _look(self, block: Block, window: Tile) -> tuple[ByteArray, ByteArray]:
        """Return codes of a window and their shares in half per cents."""
        planes = planes_for(self.model.card, block.bands)
        cut = {name: window.cut(block, plane) for name, plane in planes.items()}
        codes, shares = self._classes(self.model.probabilities(cut))
        return codes, half_per_cents(shares)

    def _classes(self, found: FloatArray) -> tuple[ByteArray, FloatArray]:
        if len(found) == 1:
            ice = found[0] >= self.model.card.limit
            return np.where(ice, np.uint8(ICE), np.uint8(WATER)), np.where(
                ice, found[0], 1 - found[0]
            )
        codes = np.array(self.model.card.codes, np.uint8)
        return codes[found.argmax(0)], found.max(0)


def _size(model: Pupil) -> tuple[int, int]:
    """Return rows and columns of the windows that it is shown."""
    return model.card.size or SIZE
