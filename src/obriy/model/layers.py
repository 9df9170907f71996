"""Layers: every raster that a job writes, what its numbers are and how they are shown.

``tables/layers.toml`` has them, one entry a layer. Whatever writes, describes or draws a raster
looks here; a job only names the layers that it makes.
"""

import dataclasses
import enum
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from obriy.model.classmap import Doubt
from obriy.model.flags import Unseen
from obriy.model.legend import NO_DATA, Legend, load_legend
from obriy.tables import load_toml, title_in

Overviews = Literal["mode", "average", "none"]

_CODES: Final[Mapping[str, type[enum.IntEnum]]] = {"unseen": Unseen, "doubt": Doubt}
"""Enumerations behind layers of codes: their names are its words."""


@dataclasses.dataclass(frozen=True)
class Layer:
    """One kind of raster: classes of a legend, codes, or a quantity.

    Attributes:
        name: Name in the table.
        title: What people call it, by language; of one of several, with a place for its name.
        says: What its numbers say, for the file's metadata.
        part: What a method, and a `ClassMap`, call it.
        file: Name of its file, without ending, and as an output of a run.
        subject: Legend of the maps that it belongs to, where another layer has the same file.
        several: Whether there is one for each of several things, ``FILE_THING``.
        always: Whether a run keeps and lists it whatever outputs are asked for.
        roles: In a STAC item.
        dtype: Type of the numbers as they stand.
        missing: The number that says nothing of a pixel: drawn transparent, nodata of the file.
            None where every number counts.
        overviews: How a pixel seen from afar is made of those beneath it; "none": nobody looks.
        legend: Classes; None for codes and quantities, and until a run has brought them.
        unnamed: Whether a pixel may be seen and yet of no class.
        codes: Colour of each code, by member of an enumeration whose names are its words.
        ramp: Value, in the unit, and colour of a quantity, in order.
        zero: Key of the word for a value of 0, which is then drawn transparent.
        stored: Unit of the numbers as they stand; empty where they are counts or codes.
        scale: Value = number x scale.
        unit: Unit of the values.
    """

    name: str
    title: Mapping[str, str] = dataclasses.field(default_factory=dict)
    says: str = ""
    part: str = ""
    file: str = ""
    subject: str = ""
    several: bool = False
    always: bool = False
    roles: Sequence[str] = ("data",)
    dtype: str = "uint8"
    missing: float | None = NO_DATA
    overviews: Overviews = "mode"
    legend: Legend | None = None
    unnamed: bool = True
    codes: Mapping[Any, str] = dataclasses.field(default_factory=dict)
    ramp: Sequence[tuple[float, str]] = ()
    zero: str = ""
    stored: str = ""
    scale: float = 1.0
    unit: str = ""

    def __post_init__(self) -> None:
        for name in ("part", "file"):
            object.__setattr__(self, name, getattr(self, name) or self.name)

    @property
    def is_quantity(self) -> bool:
        """Whether numbers may be averaged: they are neither classes nor codes."""
        return bool(self.ramp)

    @property
    def colours(self) -> list[str]:
        """The colours of a quantity, from the lowest value to the highest."""
        return [colour for _, colour in self.ramp]

    @property
    def members(self) -> list[enum.IntEnum]:
        """All codes that the layer may hold, those without a colour included."""
        return [member for kind in {type(code) for code in self.codes} for member in kind]

    def of(self, legend: Legend) -> "Layer":
        """Return the layer with the classes that a run brings."""
        return dataclasses.replace(self, legend=legend)

    def called(self, lang: str) -> str:
        """Return its title in a language; in English where it has none there."""
        return title_in(self.title, self.name, lang)

    def output(self, thing: str) -> str:
        """Return the output that one of several is."""
        return f"{self.file}_{thing.lower()}"

    def thing(self, output: str) -> str | None:
        """Return of which thing an output of this layer is, "" where there is but one.

        None where the output is none of this layer.
        """
        if not self.several:
            return "" if output == self.file else None
        file, _, thing = output.rpartition("_")
        return thing if file == self.file else None


def classes(legend: Legend) -> Layer:
    """Return a layer of the classes of a legend that is in no table: labels, masks of land."""
    return Layer("classes", legend=legend, roles=("data", "labels"))


def layer_of(output: str, subject: str = "") -> Layer | None:
    """Return the layer that an output of a run is; None for what is no raster.

    Args:
        output: Its name, as in ``outputs`` of ``result.json``.
        subject: Legend of the map, e.g. ``"ice"``: some outputs are other layers there.
    """
    found = [layer for layer in LAYERS.values() if layer.thing(output) is not None]
    own = [layer for layer in found if layer.subject == subject]
    return next(iter([*own, *found]), None)


def layers_named(*names: str) -> dict[str, Layer]:
    """Return layers of the table by the output that each is."""
    return {LAYERS[name].file: LAYERS[name] for name in names}


def is_listed(output: str, wanted: Sequence[str], subject: str = "") -> bool:
    """Whether a run names a raster among its outputs: it is asked for, or always there."""
    layer = layer_of(output, subject)
    return layer is not None and (layer.always or layer.file in wanted)


def _layer(name: str, entry: Mapping[str, Any], table: Mapping[str, Any]) -> Layer:
    """Build a layer of its entry; see the head of the table."""
    values = {"missing": None, **table["stored"].get(entry.get("stored"), {}), **entry}
    if "legend" in values:
        values["legend"] = load_legend(values["legend"]) if values["legend"] else None
    if "codes" in values:
        words = _CODES[name]
        values["codes"] = {words[word.upper()]: colour for word, colour in values["codes"].items()}
    if "ramp" in values:
        colours = table["ramps"][values["ramp"]]
        evenly = [100 * i / (len(colours) - 1) for i in range(len(colours))]
        values["ramp"] = list(zip(values.pop("at", evenly), colours, strict=True))
    return Layer(name, **values)


def _layers() -> dict[str, Layer]:
    table = load_toml("layers")
    return {name: _layer(name, entry, table) for name, entry in table["layers"].items()}


LAYERS: Final = _layers()
"""Every layer, by its name in the table."""
