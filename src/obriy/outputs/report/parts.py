"""What a section of a report may hold; ``templates/parts.html.j2`` has a piece for each kind."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import ClassVar

from obriy.outputs.report.cells import Table
from obriy.render.sheets import Sheet


@dataclasses.dataclass(frozen=True)
class Words:
    """A paragraph. ``look``: ``note``, ``lead``, ``strong`` or ``formula``."""

    kind: ClassVar[str] = "words"
    text: str
    look: str = "note"


@dataclasses.dataclass(frozen=True)
class Listing:
    """Sentences one beneath the other."""

    kind: ClassVar[str] = "listing"
    items: Sequence[str]


@dataclasses.dataclass(frozen=True)
class Terms:
    """Names, each with sentences of its own."""

    kind: ClassVar[str] = "terms"
    items: Sequence[tuple[str, Sequence[str]]]


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A figure, as SVG of `obriy.render.figures.to_svg`, which escapes; ``alt`` describes it."""

    kind: ClassVar[str] = "drawing"
    svg: str
    alt: str
    look: str = "card"
    caption: str = ""


@dataclasses.dataclass(frozen=True)
class Picture:
    """An image, ``source`` its address."""

    kind: ClassVar[str] = "picture"
    source: str
    alt: str
    caption: str = ""


@dataclasses.dataclass(frozen=True)
class Moving:
    """A map that can be moved. ``still`` stands in its place where no script runs.

    Attributes:
        still: The same as a drawing; None: another part of the page shows it.
        sheets: Layers, the lowest first: a switch, an opacity and a legend for each.
        places: What a reader may go to: a heading, and names with their numbers.
        outlines: What is outlined in which colour; empty: nothing is.
        overs: What is drawn over the layers and can be switched off, by its word.
        crs: Name of the coordinate system, in words.
        words: Of the language.
        data: What the script reads, as JSON that is safe within ``<script>``.
    """

    kind: ClassVar[str] = "moving"
    still: Drawing | None
    sheets: Sequence[Sheet]
    places: Sequence[tuple[str, Sequence[tuple[int, str]]]]
    outlines: Sequence[tuple[str, str]]
    overs: Sequence[str]
    crs: str
    words: Mapping[str, str]
    data: str


@dataclasses.dataclass(frozen=True)
class Grid:
    """Parts beside each other, where there is room, or in a frame. ``look``: a class of style."""

    kind: ClassVar[str] = "grid"
    parts: "Sequence[Part]"
    look: str = "card"


@dataclasses.dataclass(frozen=True)
class Folded:
    """Parts that open under a line."""

    kind: ClassVar[str] = "folded"
    title: str
    parts: "Sequence[Part]"


@dataclasses.dataclass(frozen=True)
class Headed:
    """Parts under a heading within a section; ``level`` 2 or 3."""

    kind: ClassVar[str] = "headed"
    title: str
    parts: "Sequence[Part]"
    level: int = 3


Part = Words | Listing | Terms | Drawing | Picture | Moving | Grid | Folded | Headed | Table


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of the page with a heading of its own; ``name`` is what a link calls it."""

    title: str
    parts: Sequence[Part]
    name: str = ""


def section(title: str, *parts: Part | None, name: str = "") -> Section | None:
    """Return a section of the parts that there are; None where there is none."""
    there = present(parts)
    return Section(title, there, name) if there else None


def present(parts: "Sequence[Part | None]") -> "list[Part]":
    """Return the parts that there are."""
    return [part for part in parts if part is not None]


def card(*parts: Part | None, look: str = "card") -> Grid | None:
    """Return a frame around the parts that there are; None where there is none."""
    there = present(parts)
    return Grid(there, look) if there else None


def notes(sentences: Sequence[str]) -> list[Part]:
    """Return a paragraph for each sentence."""
    return [Words(sentence) for sentence in sentences if sentence]
