"""What the numbers of each raster of a run are, and how they are shown: one entry, one layer."""

import dataclasses
import enum
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from obriy.model.classmap import FRACTION_MISSING, FRACTION_SCALE
from obriy.model.legend import NO_DATA, Legend
from obriy.render.palette import (
    COUNT_RAMP,
    DOUBT_COLOURS,
    ICE_RAMP,
    INDEX_RAMP,
    SURENESS_RAMP,
    UNSEEN_COLOURS,
    WATER_RAMP,
)

LayerName = Literal[
    "fraction",
    "concentration",
    "unseen",
    "doubt",
    "occurrence",
    "observations",
    "confidence",
    "agreement",
    "methods_agree",
    "index",
]
Content = Legend | LayerName
"""What the numbers of a map are: classes of a legend, or a layer of the table below."""


@dataclasses.dataclass(frozen=True)
class Layer:
    """One kind of raster.

    Attributes:
        title: What its numbers say, for the file's metadata.
        missing: The number that says nothing of a pixel: drawn transparent, nodata of the file.
            None where every number counts.
        dtype: Type of the numbers as they stand.
        codes: Colour of each code, by member of an enumeration whose names are its words; empty
            for a quantity.
        ramp: Value, in the unit, and colour of a quantity, in order; empty for codes.
        zero: Key of the word for a value of 0, which is then drawn transparent.
        stored: Unit of the numbers as they stand; empty where they are counts or codes.
        scale: Value = number x scale.
        unit: Unit of the values.
    """

    title: str
    missing: float | None = NO_DATA
    dtype: str = "uint8"
    codes: Mapping[Any, str] = dataclasses.field(default_factory=dict)
    ramp: Sequence[tuple[float, str]] = ()
    zero: str = ""
    stored: str = ""
    scale: float = 1.0
    unit: str = ""

    @property
    def members(self) -> list[enum.IntEnum]:
        """All codes that the layer may hold, those without a colour included."""
        return [member for kind in {type(code) for code in self.codes} for member in kind]


def _evenly(colours: Sequence[str]) -> list[tuple[float, str]]:
    """Return per cents from 0 to 100 with their colours."""
    return [(100 * i / (len(colours) - 1), colour) for i, colour in enumerate(colours)]


def _halves(title: str, colours: Sequence[str], zero: str = "") -> Layer:
    """Return a layer of shares in half per cents."""
    return Layer(
        f"{title}, half per cents (0 to {FRACTION_SCALE}), {FRACTION_MISSING} missing",
        missing=FRACTION_MISSING,
        ramp=_evenly(colours),
        zero=zero,
        stored="half per cent",
        scale=100 / FRACTION_SCALE,
        unit="%",
    )


LAYERS: Final[Mapping[LayerName, Layer]] = {
    "fraction": _halves("share of water in the pixel", WATER_RAMP, zero="occurrence.no_water"),
    "concentration": _halves("ice concentration", ICE_RAMP),
    "confidence": _halves("how sure the class is", SURENESS_RAMP),
    "agreement": _halves("share of the votes that the class got", SURENESS_RAMP),
    "methods_agree": _halves("share of the methods that say ice", SURENESS_RAMP),
    "occurrence": Layer(
        "share of valid observations that were water, per cent, 255 never seen",
        missing=255,
        ramp=_evenly(WATER_RAMP),
        zero="occurrence.never",
        stored="per cent",
        unit="%",
    ),
    "observations": Layer(
        "valid observations of the pixel, 255 for 255 and more",
        missing=None,  # 0 observations is a count
        ramp=list(zip((1, 2, 5, 10, 30, 100), COUNT_RAMP, strict=True)),
        zero="series.never_seen",
    ),
    "index": Layer(
        "spectral index, unitless, NaN where it was not seen",
        missing=math.nan,
        dtype="float32",
        ramp=list(zip((-1.0, -0.5, 0.0, 0.5, 1.0), INDEX_RAMP, strict=True)),
    ),
    "unseen": Layer("why a pixel has no class, 0 has one", codes=UNSEEN_COLOURS),
    "doubt": Layer(
        "where another threshold, as good, would decide otherwise, 0 nowhere", codes=DOUBT_COLOURS
    ),
}


INDEX_FILE: Final = "index_"
"""Before the name of an index, as an output."""


def nodata_of(content: Content) -> float | None:
    """Return the number that says nothing of a pixel; None where every number counts."""
    return NO_DATA if isinstance(content, Legend) else LAYERS[content].missing


def dtype_of(content: Content) -> str:
    """Return the type of the numbers."""
    return "uint8" if isinstance(content, Legend) else LAYERS[content].dtype


def is_quantity(content: Content) -> bool:
    """Whether numbers may be averaged: they are no codes."""
    return not isinstance(content, Legend) and bool(LAYERS[content].ramp)


def layer_named(output: str) -> str:
    """Return the layer that an output of a run is; an output of another kind is its own name."""
    return "index" if output.startswith(INDEX_FILE) else output
