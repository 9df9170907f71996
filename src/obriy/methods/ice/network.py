"""Ice by a trained network: ``m201``, ``m211``, ``unet``, ``deeplab``."""

import dataclasses
import functools
from typing import Any, Final

import numpy as np

from obriy.blocks.base import Block, ByteArray, FloatArray, Histogram, Labelled
from obriy.methods.ice.sea import missing_in
from obriy.methods.tiles import Extent, Tile, WindowMemory, spread_windows
from obriy.model.bands import require_bands
from obriy.model.classmap import FRACTION_MISSING, half_per_cents
from obriy.model.ice import ICE, WATER
from obriy.model.legend import NO_DATA, load_legend
from obriy.nets.segmenter import Segmenter

OVERLAP: Final = 64
"""Pixels that neighbouring windows share at least: what lies nearer to the edge of a window than
half of it is taken from the other one, which sees what is around. Of small windows half a side."""
HALF: Final = 0.5


@dataclasses.dataclass(frozen=True)
class NetworkIce:
    """A trained segmenter as a method of the engine; of the scene it asks only how large it is.

    Attributes:
        segmenter: What was learnt.
        name: As written by the user.
    """

    segmenter: Segmenter
    name: str
    gives_fraction: bool = False

    @property
    def halo(self) -> int:
        """Pixels around a block that hold every window of its pixels."""
        return max(self.segmenter.card.size) - 1

    def bands(self, available: set[str]) -> set[str]:
        """Return the bands that it learnt from.

        Raises:
            BandError: where the image lacks one.
        """
        wanted = set(self.segmenter.card.bands)
        require_bands(available, wanted, f"'{self.name}'", "It learnt from images that have them.")
        return wanted

    def collect(self, block: Block) -> Extent:
        """Return the size of the scene as far as the block tells."""
        return Extent.of(block)

    def decide(self, statistics: Extent) -> "NetworkRule":
        """Return the network's rule."""
        return NetworkRule(self.segmenter, statistics)


@dataclasses.dataclass(frozen=True)
class NetworkRule:
    """Classes window by window.

    Networks of document B have one output: what is no ice is water to them, cloud included. The
    confidence is the probability that the network gives to its class: nobody has calibrated it.

    Attributes:
        segmenter: What was learnt.
        extent: Size of the scene, on which the windows lie.
        memory: Windows that are done, which blocks share.
    """

    segmenter: Segmenter
    extent: Extent
    memory: WindowMemory = dataclasses.field(
        default_factory=WindowMemory, compare=False, repr=False
    )

    def apply(self, block: Block) -> Labelled:
        """Label the core of a block with its confidence; pixels that lack a band get 0.

        Any cut into blocks gives the same labels, for the network always sees the same windows.
        """
        card = self.segmenter.card
        labels = np.full(block.shape, NO_DATA, np.uint8)
        confidence = np.full(block.shape, FRACTION_MISSING, np.uint8)
        overlap = min(OVERLAP, min(card.size) // 2)
        for window in spread_windows(block, self.extent, card.size, overlap):
            look = functools.partial(self._look, block, window)
            codes, shares = self.memory.recall(window, look)
            window.put(block, labels, codes)
            window.put(block, confidence, shares)
        missing = missing_in({name: block.bands[name] for name in card.bands})
        labels[missing], confidence[missing] = NO_DATA, FRACTION_MISSING
        return Labelled(labels, confidence=confidence)

    def _look(self, block: Block, window: Tile) -> tuple[ByteArray, ByteArray]:
        """Return codes of a window and their shares in half per cents."""
        bands = self.segmenter.card.bands
        planes = {name: window.cut(block, block.bands[name]) for name in bands}
        codes, shares = self._classes(self.segmenter.probabilities(planes))
        return codes, half_per_cents(shares)

    def _classes(self, found: FloatArray) -> tuple[ByteArray, FloatArray]:
        if len(found) == 1:
            ice = found[0] >= HALF
            return np.where(ice, np.uint8(ICE), np.uint8(WATER)), np.where(
                ice, found[0], 1 - found[0]
            )
        legend = load_legend(self.segmenter.card.legend)
        codes = np.array([legend.by_name(n).code for n in self.segmenter.card.outputs], np.uint8)
        return codes[found.argmax(0)], found.max(0)

    def describe(self) -> dict[str, Any]:
        """Return what the network learnt from, and how well."""
        card = self.segmenter.card
        return {
            "network": card.architecture,
            "bands": list(card.bands),
            "outputs": list(card.outputs),
            "learnt_from": list(card.sources),
            "scores": dict(card.scores),
            "split": dict(card.split),
            "seed": card.seed,
            "versions": dict(card.versions),
        }

    def histograms(self) -> list[Histogram]:
        """Return nothing: it cuts no quantity."""
        return []
