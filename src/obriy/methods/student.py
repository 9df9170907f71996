"""Land cover by a student: ``student:FILE``, a network that a named map has taught."""

import dataclasses
from pathlib import Path
from typing import Any, Final

import numpy as np

from obriy.blocks.base import Block, Labelled
from obriy.errors import InputError
from obriy.methods.tiles import lattice
from obriy.methods.trained import TrainedMethod, TrainedRule, planes_for
from obriy.model.card import Card
from obriy.model.classmap import FRACTION_MISSING, half_per_cents
from obriy.model.legend import NO_DATA, Legend
from obriy.model.notices import notice
from obriy.nets.model_file import MODEL, open_model
from obriy.nets.torch_library import Device
from obriy.nets.unet import STUDENT, UNET

PREFIX: Final = "student:"
TILE: Final = 128
"""Side of a tile, pixels. Tiles lie on the grid of the scene and are worked on whole, so that a
pixel's class does not depend on how the engine cuts the scene."""
MARGIN: Final = 32
"""Pixels around a tile that the network sees and nobody keeps."""
SAME_SCALE: Final = 0.25
"""Pixels whose size differs by less than this share show the same surroundings."""
HALO: Final = TILE - 1 + MARGIN
"""Pixels around a block that hold every tile of its pixels, with its margin."""


@dataclasses.dataclass(frozen=True)
class StudentMethod(TrainedMethod):
    """A trained student as a method of the engine."""

    halo: int = HALO
    """Pixels around a block that the network may look at."""

    @property
    def legend(self) -> Legend:
        """The classes that it names."""
        return self.card.legend

    def doubt_of_scale(self, pixel_m: float | None) -> str:
        """Return a warning where a scene has pixels of another size than it learnt from, or none.

        Args:
            pixel_m: Height of the scene's pixels, metres; None where unknown.
        """
        own = self.card.pixel_m
        if own is None or pixel_m is None or abs(pixel_m / own - 1) <= SAME_SCALE:
            return ""
        return notice("student_of_other_scale", own=own, pixel=pixel_m)

    def decide(self, statistics: None) -> "StudentRule":
        """Return the student's rule."""
        return StudentRule(self.model)


@dataclasses.dataclass(frozen=True)
class StudentRule(TrainedRule):
    """Classes by the student, tile by tile.

    The confidence is the share that the network gives to its class: nobody has calibrated it.
    """

    def apply(self, block: Block) -> Labelled:
        """Label the core of a block with its confidence; the halo gets 0.

        Any cut into blocks gives the same labels, for the network always sees the same tiles.
        """
        labels = np.full(block.shape, NO_DATA, np.uint8)
        confidence = np.full(block.shape, FRACTION_MISSING, np.uint8)
        codes = np.asarray(self.model.card.codes, np.uint8)
        planes = planes_for(self.model.card, block.bands)
        for tile in lattice(block, TILE, MARGIN):
            window = {name: tile.cut(block, plane) for name, plane in planes.items()}
            found = self.model.probabilities(window)
            tile.put(block, labels, codes[found.argmax(0)])
            tile.put(block, confidence, half_per_cents(found.max(0)))
        missing = np.any([np.isnan(plane) for plane in block.bands.values()], axis=0)
        labels[missing], confidence[missing] = NO_DATA, FRACTION_MISSING
        return Labelled(labels, confidence=confidence)


def student_method(text: str, device: Device = "auto") -> StudentMethod:
    """Build ``student:FILE``.

    Raises:
        InputError: where the file is missing, broken, or something else.
        MissingExtraError: where the extra ``deep`` is not installed.
    """
    path = Path(text.removeprefix(PREFIX)).expanduser()
    card, learnt = open_student(path)
    return StudentMethod(UNET.restored(card, learnt, device), f"{PREFIX}{path}")


def open_student(path: Path) -> tuple[Card, Any]:
    """Return card and weights of a student.

    Raises:
        InputError: where the file is missing, broken, or something else.
    """
    card, learnt = open_model(path)
    if card.method != STUDENT:
        raise InputError(
            f"{path} holds '{card.method}', and no student.",
            f"Give the {MODEL} of a run of 'obriy train landcover'.",
        )
    return card, learnt
