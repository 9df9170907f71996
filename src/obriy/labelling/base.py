"""What a labeller is: portraits of clusters in, one answer for each out."""

from collections.abc import Sequence
from typing import Protocol

from obriy.model.clusters import Answer, Portrait
from obriy.model.legend import Legend


class Labeller(Protocol):
    """Names clusters; it never sees the reference, nor what others said."""

    @property
    def name(self) -> str:
        """What the user wrote, e.g. ``"spectral"`` or ``"anthropic:MODEL"``."""
        ...

    def label(self, portraits: Sequence[Portrait], legend: Legend) -> list[Answer]:
        """Return one answer for each portrait, in their order.

        What cannot be answered (a refusal, a network that fails) is an `Answer` with code 255 and
        a ``problem``: a labeller that fails does not stop the panel.
        """
        ...
