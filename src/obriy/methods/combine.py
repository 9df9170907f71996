"""Masks combined: and, or, not, majority, weights; in three-valued logic (Kleene).

A pixel that one part cannot name is unknown there: ``water and unknown`` is unknown, but
``not water and unknown`` is not water.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obriy.blocks.base import (
    Block,
    ByteArray,
    Foregone,
    Histogram,
    Labelled,
    Method,
    Rule,
    work_bytes_of,
)
from obriy.methods.index_threshold import NOT_WATER, WATER
from obriy.model.classmap import Doubt
from obriy.model.legend import NO_DATA, UNNAMED

_VOTE_BYTES: Final = 32
"""Sums of weights and masks of a vote, bytes per pixel."""


@dataclasses.dataclass(frozen=True)
class Together:
    """Statistics of the parts, side by side."""

    parts: tuple[Any, ...]

    def merge(self, other: "Together") -> "Together":
        """Merge part by part."""
        return Together(tuple(a.merge(b) for a, b in zip(self.parts, other.parts, strict=True)))


@dataclasses.dataclass(frozen=True)
class Combined:
    """A weighted vote of methods: and, or, majority and weights are all of this kind.

    Water is where the weights that say water sum to at least ``quorum``; not water where they can
    no longer reach it, whatever the unknown ones would say.

    Attributes:
        parts: The methods.
        weights: One per method; negative for a method that is negated (``!``).
        quorum: Sum of weights that makes water.
        name: As written by the user.
    """

    parts: tuple[Method, ...]
    weights: tuple[float, ...]
    quorum: float
    name: str
    gives_fraction: bool = False

    @property
    def halo(self) -> int:
        """The widest halo of the parts."""
        return max(part.halo for part in self.parts)

    @property
    def work_bytes(self) -> int:
        """Bytes per pixel: all parts at once, and the vote."""
        return sum(map(work_bytes_of, self.parts)) + _VOTE_BYTES

    def bands(self, available: set[str]) -> set[str]:
        """Return the bands of all parts."""
        return set().union(*(part.bands(available) for part in self.parts))

    def collect(self, block: Block) -> Together:
        """Collect for each part."""
        return Together(tuple(part.collect(block) for part in self.parts))

    def known(self) -> "CombinedRule | None":
        """Return the vote where no part asks anything of the scene."""
        said = [p.known() if isinstance(p, Foregone) else None for p in self.parts]
        rules = tuple(rule for rule in said if rule is not None)
        if len(rules) < len(said):
            return None
        return CombinedRule(rules, self.weights, self.quorum, self.name)

    def decide(self, statistics: Together) -> "CombinedRule":
        """Decide each part."""
        rules = tuple(p.decide(s) for p, s in zip(self.parts, statistics.parts, strict=True))
        return CombinedRule(rules, self.weights, self.quorum, self.name)


@dataclasses.dataclass(frozen=True)
class CombinedRule:
    """The parts decided."""

    rules: tuple[Rule, ...]
    weights: tuple[float, ...]
    quorum: float
    name: str

    def apply(self, block: Block) -> Labelled:
        """Label where the vote is decided; else 0 where a part saw nothing, 255 otherwise."""
        said = [rule.apply(block) for rule in self.rules]
        labels = self._vote([s.labels for s in said])
        return Labelled(labels, doubt=self._doubt(said, labels))

    def _vote(self, said: Sequence[ByteArray]) -> ByteArray:
        least, most = self._bounds(said)
        labels = np.full(said[0].shape, UNNAMED, np.uint8)
        labels[np.logical_or.reduce([s == NO_DATA for s in said])] = NO_DATA
        labels[least >= self.quorum - 1e-9] = WATER
        labels[most < self.quorum - 1e-9] = NOT_WATER
        return labels

    def _doubt(self, said: Sequence[Labelled], labels: ByteArray) -> ByteArray | None:
        """Say where the vote would turn if every doubtful part leant to one side."""
        if any(s.doubt is None for s in said):
            return None
        strict = self._vote([_leaning(s, w < 0) for s, w in zip(said, self.weights, strict=True)])
        lax = self._vote([_leaning(s, w >= 0) for s, w in zip(said, self.weights, strict=True)])
        doubt = np.zeros(labels.shape, np.uint8)
        doubt[(labels == WATER) & (strict == NOT_WATER)] = Doubt.STRICT_DROPS
        doubt[(labels == NOT_WATER) & (lax == WATER)] = Doubt.LAX_TAKES
        return doubt

    def _bounds(
        self, said: Sequence[ByteArray]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return the least and the most that the vote can be, unknown parts either way."""
        least = np.zeros(said[0].shape, np.float32)
        most = np.zeros_like(least)
        for labels, weight in zip(said, self.weights, strict=True):
            water, other = labels == WATER, labels == NOT_WATER
            unknown = ~(water | other)
            yes, no = max(weight, 0.0), max(-weight, 0.0)
            least += yes * water + no * other
            most += yes * (water | unknown) + no * (other | unknown)
        return least, most

    def describe(self) -> dict[str, Any]:
        """Return the expression and what each part decided."""
        return {
            "expression": self.name,
            "weights": list(self.weights),
            "quorum": self.quorum,
            "parts": [rule.describe() for rule in self.rules],
        }

    def histograms(self) -> list[Histogram]:
        """Return the distributions of the parts."""
        return [h for rule in self.rules for h in rule.histograms()]


def _leaning(said: Labelled, lax: bool) -> ByteArray:
    """Return the labels of a part with its doubtful pixels all water, or all not."""
    labels = said.labels.copy()
    if lax:
        labels[said.doubt == Doubt.LAX_TAKES] = WATER
    else:
        labels[said.doubt == Doubt.STRICT_DROPS] = NOT_WATER
    return labels


def all_of(parts: Sequence[Method], name: str) -> Combined:
    """Water where every part says so."""
    return Combined(tuple(parts), (1.0,) * len(parts), float(len(parts)), name)


def any_of(parts: Sequence[Method], name: str) -> Combined:
    """Water where a part says so."""
    return Combined(tuple(parts), (1.0,) * len(parts), 1.0, name)


def none_of(part: Method, name: str) -> Combined:
    """Water where the part says it is not."""
    return Combined((part,), (-1.0,), 1.0, name)


def majority_of(parts: Sequence[Method], name: str) -> Combined:
    """Water where more than half of the parts say so."""
    return Combined(tuple(parts), (1.0,) * len(parts), len(parts) // 2 + 1.0, name)


def weighted(parts: Sequence[Method], weights: Sequence[float], name: str) -> Combined:
    """Water where the parts that say so carry more than half of the weight (or exactly half)."""
    return Combined(tuple(parts), tuple(weights), sum(weights) / 2, name)
