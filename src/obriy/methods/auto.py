"""`auto`: the default for water (the adapter to the engine)."""

import dataclasses
from typing import Any

from obriy.blocks.base import Block, Histogram, Labelled


@dataclasses.dataclass(frozen=True)
class AutoRule:
    """To be replaced."""

    def apply(self, block: Block) -> Labelled:
        """Label."""
        raise NotImplementedError

    def describe(self) -> dict[str, Any]:
        """Describe."""
        return {}

    def histograms(self) -> list[Histogram]:
        """Return nothing."""
        return []


@dataclasses.dataclass(frozen=True)
class AutoWater:
    """To be replaced."""

    name: str = "auto"
    halo: int = 0
    gives_fraction: bool = True

    def bands(self, available: set[str]) -> set[str]:
        """Bands."""
        return available

    def collect(self, block: Block) -> Any:
        """Collect."""

    def decide(self, statistics: Any) -> AutoRule:
        """Decide."""
        return AutoRule()
