"""`auto` for ice: the spectrum against the scene's own water and ice, then the neighbourhood.

It needs no training, no key, no thermal band. Which limits it takes, and why, is in
``tables/ice_methods.toml`` under ``auto``; how they were found and where they fail, in
``docs/design/0015-ice-methods.md``.
"""

import dataclasses
from typing import Any

from obriy.blocks.base import Block, Histogram, Labelled
from obriy.methods.ice.evidence import chosen_bands, likely_classes
from obriy.methods.ice.sea import missing_in, sea_of
from obriy.model.legend import NO_DATA


@dataclasses.dataclass(frozen=True)
class AutoIce:
    """The default method for ice; see the module."""

    name: str = "auto"
    gives_fraction: bool = True
    halo: int = 0

    def bands(self, available: set[str]) -> set[str]:
        """Return the bands of those there are by which ice is told.

        Raises:
            BandError: where there is no green or red, or no near infrared.
        """
        return set(chosen_bands(available, self.name))

    def collect(self, block: Block) -> None:
        """Return nothing yet."""

    def decide(self, statistics: Any) -> "AutoRule":
        """Return the rule."""
        return AutoRule()


@dataclasses.dataclass(frozen=True)
class AutoRule:
    """The rule for one scene."""

    def apply(self, block: Block) -> Labelled:
        """Label the sea of a block."""
        bands = sea_of(block).bands
        labels = likely_classes(bands)
        labels[missing_in(bands)] = NO_DATA
        return Labelled(labels)

    def describe(self) -> dict[str, Any]:
        """Return nothing yet."""
        return {}

    def histograms(self) -> list[Histogram]:
        """Return nothing: it cuts no quantity."""
        return []
