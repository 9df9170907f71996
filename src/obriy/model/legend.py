"""Legend: class code, name, colour, and what belongs to a class."""

import colorsys
import dataclasses
from collections.abc import Iterator

from obriy.errors import TableError
from obriy.tables import load_toml, title_in

NO_DATA = 0
UNNAMED = 255
"""Seen, but the method would not name it."""


@dataclasses.dataclass(frozen=True)
class LegendClass:
    """One class.

    Attributes:
        code: Value in the map, 1 to 254 (0 is no data, 255 seen but not named).
        name: Short machine name, e.g. ``"water"``.
        title: Human name by language, ``{"en": ..., "uk": ...}``.
        colour: ``#rrggbb``.
        definition: What belongs to it, one English sentence without a word for a colour; empty:
            the name says it.
    """

    code: int
    name: str
    title: dict[str, str]
    colour: str
    definition: str = ""

    def called(self, lang: str) -> str:
        """Return its human name in a language; in English where it has none there."""
        return title_in(self.title, self.name, lang)


@dataclasses.dataclass(frozen=True)
class Legend:
    """The classes of a map, in the order of their codes.

    Attributes:
        name: Name of the legend, e.g. ``"water"`` (the codes of GSW's monthly history).
        classes: The classes; codes and names are unique.
        source: Where the codes come from.
    """

    name: str
    classes: tuple[LegendClass, ...]
    source: str = ""

    def __post_init__(self) -> None:
        codes = [c.code for c in self.classes]
        if len(set(codes)) != len(codes) or any(not 0 < c < UNNAMED for c in codes):
            raise TableError(f"The legend '{self.name}' repeats a code, or uses 0 or 255: {codes}.")

    def __iter__(self) -> Iterator[LegendClass]:
        return iter(self.classes)

    @property
    def codes(self) -> list[int]:
        """Class codes, in order."""
        return [c.code for c in self.classes]

    def by_name(self, name: str) -> LegendClass:
        """Return the class of that machine name.

        Raises:
            TableError: where the legend has no such class.
        """
        found = next((c for c in self.classes if c.name == name), None)
        if found is None:
            raise TableError(f"The legend '{self.name}' has no class '{name}'.")
        return found


def load_legend(name: str) -> Legend:
    """Return a legend of ``tables/legends``, e.g. ``"water"`` or ``"worldcover"``.

    Raises:
        TableError: where there is no such table.
    """
    table = load_toml(f"legends/{name}")
    classes = tuple(LegendClass(**entry) for entry in table["classes"])
    return Legend(table["name"], classes, table.get("source", ""))


def distinct_colour(number: int) -> str:
    """Return a colour, ``#rrggbb``, for a class that has none.

    Neighbours in number lie apart in hue (by the golden angle) and in lightness.
    """
    hue = (number * 0.618034) % 1.0
    lightness = (0.40, 0.62, 0.80)[number % 3]
    parts = colorsys.hls_to_rgb(hue, lightness, 0.55)
    return "#" + "".join(f"{round(255 * part):02x}" for part in parts)
