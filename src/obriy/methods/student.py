"""Land cover by a student: ``student:FILE``, a network that a named map has taught."""

import dataclasses
from pathlib import Path
from typing import Any, Final

import numpy as np

from obriy.blocks.base import Block, Histogram, Labelled
from obriy.methods.tiles import lattice
from obriy.model.bands import require_bands, resolve_nir
from obriy.model.classmap import FRACTION_MISSING, half_per_cents
from obriy.model.legend import NO_DATA, Legend
from obriy.nets.torch_library import Device
from obriy.nets.unet import Student, load_student

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
class StudentMethod:
    """A trained student as a method of the engine; there is nothing to collect.

    Attributes:
        student: What was learnt.
        name: As written by the user.
    """

    student: Student
    name: str
    gives_fraction: bool = False

    @property
    def halo(self) -> int:
        """Pixels around a block that the network may look at."""
        return HALO

    @property
    def legend(self) -> Legend:
        """The classes that it names."""
        return self.student.card.legend

    def bands(self, available: set[str]) -> set[str]:
        """Return the bands that the student learnt from.

        Raises:
            BandError: where the scene lacks one.
        """
        wanted = set(self.student.card.bands)
        require_bands(available, wanted, self.name, "It learnt from images that have them.")
        return {source_of(name, available) for name in wanted}

    def doubt_of_scale(self, pixel_m: float | None) -> str:
        """Return a warning where a scene has pixels of another size than it learnt from, or none.

        Args:
            pixel_m: Height of the scene's pixels, metres; None where unknown.
        """
        own = self.student.card.pixel_m
        if own is None or pixel_m is None or abs(pixel_m / own - 1) <= SAME_SCALE:
            return ""
        return (
            f"The student learnt from pixels of {own:g} m; these are {pixel_m:g} m, and what it "
            "knows of the surroundings of a pixel may not hold."
        )

    def collect(self, block: Block) -> None:
        """Return nothing: the student knows already."""

    def decide(self, statistics: None) -> "StudentRule":
        """Return the student's rule."""
        return StudentRule(self.student)


@dataclasses.dataclass(frozen=True)
class StudentRule:
    """Classes by the student, tile by tile.

    The confidence is the share that the network gives to its class: nobody has calibrated it.
    """

    student: Student

    def apply(self, block: Block) -> Labelled:
        """Label the core of a block with its confidence; the halo gets 0.

        Any cut into blocks gives the same labels, for the network always sees the same tiles.
        """
        labels = np.full(block.shape, NO_DATA, np.uint8)
        confidence = np.full(block.shape, FRACTION_MISSING, np.uint8)
        codes = np.asarray(self.student.card.legend.codes, np.uint8)
        sources = {n: source_of(n, set(block.bands)) for n in self.student.card.bands}
        for tile in lattice(block, TILE, MARGIN):
            window = {n: tile.cut(block, block.bands[source]) for n, source in sources.items()}
            found = self.student.probabilities(window)
            tile.put(block, labels, codes[found.argmax(0)])
            tile.put(block, confidence, half_per_cents(found.max(0)))
        missing = np.any([np.isnan(plane) for plane in block.bands.values()], axis=0)
        labels[missing], confidence[missing] = NO_DATA, FRACTION_MISSING
        return Labelled(labels, confidence=confidence)

    def describe(self) -> dict[str, Any]:
        """Return what the student learnt from, and how well."""
        card = self.student.card
        return {
            "learnt_from": list(card.sources),
            "pixel_m": card.pixel_m,
            "bands": list(card.bands),
            "legend": card.legend.name,
            "scores": dict(card.scores),
            "versions": dict(card.versions),
        }

    def histograms(self) -> list[Histogram]:
        """Return nothing: it cuts no quantity."""
        return []


def student_method(text: str, device: Device = "auto") -> StudentMethod:
    """Build ``student:FILE``.

    Raises:
        InputError: where the file is missing, broken, or something else.
        MissingExtraError: where the extra ``deep`` is not installed.
    """
    path = Path(text.removeprefix(PREFIX)).expanduser()
    return StudentMethod(load_student(path, device), f"{PREFIX}{path}")


def source_of(name: str, available: set[str]) -> str:
    """Return the band that serves as one of the student's: ``nir08`` where there is no ``nir``."""
    return (resolve_nir(available) or name) if name == "nir" else name
