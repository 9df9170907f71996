"""What was trained, as a method of the engine: what all such methods have in common."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from obriy.blocks.base import Block, FloatArray, Histogram
from obriy.model.bands import require_bands, resolve_nir
from obriy.model.card import Card
from obriy.model.notices import notice


@dataclasses.dataclass(frozen=True)
class TrainedMethod:
    """A method that was taught; of the scene it learns nothing.

    Attributes:
        model: What was learnt.
        name: As written by the user.
    """

    model: Any
    name: str
    gives_fraction: bool = False

    @property
    def card(self) -> Card:
        """What is known of it."""
        card: Card = self.model.card
        return card

    def bands(self, available: set[str]) -> set[str]:
        """Return the bands that it learnt from, of those that there are.

        Raises:
            BandError: where the image lacks one that it cannot spare.
        """
        needed = set(self.card.bands) - set(self.card.spare)
        require_bands(available, needed, f"'{self.name}'", "It learnt from images that have them.")
        return {source_of(name, available) for name in self.card.bands} & available

    def collect(self, block: Block) -> Any:
        """Return nothing: it knows already."""


@dataclasses.dataclass(frozen=True)
class TrainedRule:
    """What was taught, applied block by block.

    Attributes:
        model: What was learnt.
    """

    model: Any

    def describe(self) -> dict[str, Any]:
        """Return what it learnt from, and how well."""
        card: Card = self.model.card
        said = [notice("learnt_from_made_up", method=card.method)] if card.made_up else []
        told = {self.model.kind.family: card.method} | card.describe()
        return told | ({"warnings": said} if said else {})

    def histograms(self) -> list[Histogram]:
        """Return nothing: it cuts no quantity."""
        return []


def planes_for(card: Card, bands: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return the bands that a model learnt from, by their names there, of those of a block.

    Bands that it can spare are left out where the block has none.
    """
    sources = {name: source_of(name, set(bands)) for name in card.bands}
    lacking = {name for name in card.spare if sources[name] not in bands}
    return {name: bands[source] for name, source in sources.items() if name not in lacking}


def source_of(name: str, available: set[str]) -> str:
    """Return the band that serves as one of the card: ``nir08`` where there is no ``nir``."""
    return (resolve_nir(available) or name) if name == "nir" else name
