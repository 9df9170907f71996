"""Clouds of another method beside one that tells ice from all else, and so knows none.

What the other calls cloud is cloud, in the same pass over the scene. A test of bands never met a
cloud, and where both speak the cloud is right; what was taught on labelled scenes was told that
cloud is no ice, and its ice stands: `docs/design/0015-ice-methods.md` has what either is worth.
"""

import dataclasses
from typing import Any

import numpy as np

from obriy.blocks.base import (
    Block,
    Histogram,
    Labelled,
    Method,
    Rule,
    learning_halo_of,
    work_bytes_of,
)
from obriy.methods.ice.mixing import likely_classes
from obriy.model.flags import Flag
from obriy.model.ice import CLOUD, ICE
from obriy.model.legend import NO_DATA


@dataclasses.dataclass(frozen=True)
class Learnt:
    """What both methods learn of a scene; None: nothing."""

    own: Any
    clouds: Any

    def merge(self, other: "Learnt") -> "Learnt":
        """Merge what each learnt."""
        return Learnt(_merged(self.own, other.own), _merged(self.clouds, other.clouds))


def _merged(one: Any, other: Any) -> Any:
    return other if one is None else one if other is None else one.merge(other)


@dataclasses.dataclass(frozen=True)
class CloudsBeside:
    """A method for ice with the clouds of another one.

    Attributes:
        own: Tells ice from all else.
        clouds: Tells cloud.
        keeps_ice: Whether what ``own`` calls ice stays ice beneath such a cloud.
    """

    own: Method
    clouds: Method
    keeps_ice: bool

    @property
    def name(self) -> str:
        """What maps the ice."""
        return self.own.name

    @property
    def gives_fraction(self) -> bool:
        """Whether the ice has shares of a pixel."""
        return self.own.gives_fraction

    @property
    def halo(self) -> int:
        """The wider halo of both."""
        return max(self.own.halo, self.clouds.halo)

    @property
    def learning_halo(self) -> int:
        """The wider one of both."""
        return max(learning_halo_of(self.own), learning_halo_of(self.clouds))

    @property
    def work_bytes(self) -> int:
        """Bytes per pixel: one after the other, and the labels of the first."""
        return max(work_bytes_of(self.own), work_bytes_of(self.clouds)) + 4

    def bands(self, available: set[str]) -> set[str]:
        """Return the bands of both."""
        return self.own.bands(available) | self.clouds.bands(available)

    def collect(self, block: Block) -> Learnt:
        """Collect for both; what is likely cloud teaches nothing of ice, as beneath a mask."""
        return Learnt(self.own.collect(_flagged(block)), self.clouds.collect(block))

    def decide(self, statistics: Learnt) -> "CloudsBesideRule":
        """Decide both."""
        own, clouds = self.own.decide(statistics.own), self.clouds.decide(statistics.clouds)
        return CloudsBesideRule(own, clouds, self.clouds.name, self.keeps_ice)


def _flagged(block: Block) -> Block:
    """Return the block with a flag where there is likely a cloud."""
    cloud = np.where(likely_classes(block.bands) == CLOUD, np.uint16(Flag.CLOUD), np.uint16(0))
    flags = cloud if block.flags is None else block.flags | cloud
    return dataclasses.replace(block, flags=flags)


@dataclasses.dataclass(frozen=True)
class CloudsBesideRule:
    """Both decided.

    Attributes:
        own: Tells ice from all else.
        clouds: Tells cloud.
        told_by: Name of the method that does.
        keeps_ice: As of the method.
    """

    own: Rule
    clouds: Rule
    told_by: str
    keeps_ice: bool

    def apply(self, block: Block) -> Labelled:
        """Label a block; where there is cloud, the other layers mean nothing."""
        said = self.own.apply(block)
        hidden = (self.clouds.apply(block).labels == CLOUD) & (said.labels != NO_DATA)
        if self.keeps_ice:
            hidden &= said.labels != ICE
        return dataclasses.replace(said, labels=np.where(hidden, np.uint8(CLOUD), said.labels))

    def describe(self) -> dict[str, Any]:
        """Return what was decided of ice, and of clouds."""
        clouds = {"by": self.told_by, "ice_stands": self.keeps_ice, **self.clouds.describe()}
        return self.own.describe() | {"clouds": clouds}

    def histograms(self) -> list[Histogram]:
        """Return the distributions that the ice rests on."""
        return self.own.histograms()
