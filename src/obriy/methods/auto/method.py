"""`auto` as the engine sees it."""

import dataclasses
from typing import Any, Final

import numpy as np

from obriy.blocks.base import Block, Histogram, Labelled
from obriy.methods.auto.evidence import F32, I32, U8, alias, load_tables, pick_evidence, stack_of
from obriy.methods.auto.place import place, reach
from obriy.methods.auto.sample import Sample, collect
from obriy.methods.auto.scene import SHOWN, SceneFacts, judge, run_evidence
from obriy.methods.auto.spectral import SEEN
from obriy.methods.index_threshold import NOT_WATER, WATER
from obriy.model.classmap import FRACTION_MISSING, FRACTION_SCALE, Doubt
from obriy.model.legend import NO_DATA

DOUBT_LOG_ODDS: Final = 1.0
"""Pixels this near to the threshold could as well be of the other kind: odds of e to 1."""
STRIP: Final = 32
"""Rows of a block that are worked on at a time."""


@dataclasses.dataclass(frozen=True)
class AutoWater:
    """The default method for water; see the package."""

    name: str = "auto"
    gives_fraction: bool = True

    @property
    def halo(self) -> int:
        """Pixels around a block that its fractions depend on."""
        return reach(load_tables()[0])

    def bands(self, available: set[str]) -> set[str]:
        """Return the bands of the best coefficient set.

        Raises:
            BandError: where there is no green, or no infrared.
        """
        names = pick_evidence(available).bands
        return {found for name in names if (found := alias(name, available))}

    def collect(self, block: Block) -> Sample:
        """Sample the core of a block."""
        return collect(block.bands, block.row, block.column, block.shadow, block.core)

    def decide(self, statistics: Sample) -> "AutoRule":
        """Judge the scene."""
        return AutoRule(judge(statistics))


@dataclasses.dataclass(frozen=True)
class AutoRule:
    """The rule for one scene."""

    scene: SceneFacts

    def apply(self, block: Block) -> Labelled:
        """Map a block; water is where its fraction is at least a half.

        Unmistakable snow and opaque cloud are unseen; a hint of shadow raises the bar.
        """
        settings, scene = load_tables()[0], self.scene
        logit, mixing, unseen = self._evidence(block)
        logit[unseen != SEEN] = np.nan
        if block.shadow is not None:
            logit[block.shadow] -= np.float32(settings.shadow_penalty)
        fraction = place(logit, mixing, scene.threshold, scene.seeds.spread, settings)
        missing = np.isnan(fraction)
        fraction[missing] = 0
        steps = np.rint(fraction * FRACTION_SCALE).astype(np.uint8)
        # From the rounded fraction, so that mask and fraction never contradict each other.
        labels = np.where(steps >= FRACTION_SCALE // 2, np.uint8(WATER), np.uint8(NOT_WATER))
        labels[missing] = NO_DATA
        steps[missing] = FRACTION_MISSING
        near = np.abs(logit - np.float32(scene.threshold)) < DOUBT_LOG_ODDS
        doubt = np.zeros(labels.shape, np.uint8)
        doubt[near & (labels == WATER)] = Doubt.STRICT_DROPS
        doubt[near & (labels == NOT_WATER)] = Doubt.LAX_TAKES
        return Labelled(labels, steps, unseen, doubt)

    def _evidence(self, block: Block) -> tuple[F32, I32, U8]:
        """Return what `run_evidence` does, some rows at a time: they stay in the cache."""
        rows, columns = block.shape
        logit, mixing = np.empty((rows, columns), np.float32), np.empty((rows, columns), np.int32)
        unseen = np.empty((rows, columns), np.uint8)
        scene = self.scene
        for top in range(0, rows, STRIP):
            part = slice(top, min(top + STRIP, rows))
            stack = stack_of(block.bands, scene.evidence, part)
            found = run_evidence(stack, scene.evidence, scene.seeds, scene.path)
            logit[part], mixing[part], unseen[part] = found
        return logit, mixing, unseen

    def describe(self) -> dict[str, Any]:
        """Return what was found of the scene, in plain values."""
        scene = self.scene
        axis = scene.seeds.axis.round(3).tolist()
        return {
            "coefficients": scene.evidence.name,
            "bands": list(scene.evidence.bands),
            "adapted": scene.threshold != 0.0,
            "threshold_log_odds": round(scene.threshold, 3),
            "reason": scene.reason,
            "sure_water_pixels": scene.seeds.water,
            "sure_land_pixels": scene.seeds.land,
            "valley_depth": round(scene.valley, 3),
            "haze_removed": round(scene.haze, 3),
            "mixing_axis": dict(zip(scene.evidence.bands, axis, strict=True)),
            "pixels_valid": scene.valid,
            "pixels_sampled": scene.sampled,
        }

    def histograms(self) -> list[Histogram]:
        """Return the log-odds of the sampled pixels with the threshold."""
        low, high, _ = SHOWN
        label = "log-odds of water"
        return [Histogram(label, self.scene.counts, low, high, self.scene.threshold)]
