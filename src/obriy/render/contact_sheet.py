"""One page for a person: every cluster as the labellers saw it, and what they said."""

import dataclasses
import io
import textwrap
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imread

from obriy.model.clusters import NOISE, Answer, Naming, Portrait
from obriy.model.legend import UNNAMED, Legend
from obriy.render.figures import INK, LINE, MUTED, new_figure, to_png
from obriy.render.palette import UNNAMED_COLOUR
from obriy.render.portraits import view_of
from obriy.render.spectra import draw_spectrum
from obriy.render.text import Text, text_of

MOST_ROWS: Final = 60
"""Clusters on a sheet; a page much longer is not looked through."""
_WIDTH: Final = 11.6
_ROW: Final = 2.4
_HEAD: Final = 3.2
_MARGIN: Final = 0.12
_PICTURE: Final = 2.15
"""Height of the pictures of a row, inches."""
_LETTERS: Final = 40
"""Letters of a line of votes."""
_LINES: Final = 8
"""Lines of votes in a row."""
_DPI: Final = 130
_SHARED: Final = ("true_colour", "infrared", "one_band")


@dataclasses.dataclass(frozen=True)
class _Words:
    """How classes are called, and their colours."""

    text: Text
    titles: Mapping[int, str]
    colours: Mapping[int, str]

    @classmethod
    def of(cls, legend: Legend, lang: str) -> "_Words":
        text = text_of(lang)
        titles = {c.code: c.title.get(lang) or c.title["en"] for c in legend}
        colours = {c.code: c.colour for c in legend}
        return cls(
            text,
            titles | {UNNAMED: text("contacts.unnamed")},
            colours | {UNNAMED: UNNAMED_COLOUR},
        )


def contact_sheet(
    scene: xr.Dataset,
    portraits: Sequence[Portrait],
    namings: Sequence[Naming],
    legend: Legend,
    lang: str,
) -> bytes:
    """Draw one row per cluster: mask, typical places, spectrum, name, votes.

    Clusters stand by the class they were named, so that those of one name can be compared; within
    a class the largest stands first.

    Args:
        scene: The Scene, for the heading and the wavelengths.
        portraits: Of the clusters, with pictures; a picture that is missing stays empty.
        namings: Their names, in any order; portraits without one are left out.
        legend: Classes of the names.
        lang: ``"en"`` or ``"uk"``.

    Returns:
        PNG.
    """
    words = _Words.of(legend, lang)
    rows = _ordered(portraits, namings)
    figure = new_figure(_WIDTH, _HEAD + _ROW * len(rows))
    _heading(figure, scene, portraits, words.text, (len(rows), len(namings)))
    sensor = str(scene.attrs.get("sensor", ""))
    for number, (portrait, naming) in enumerate(rows):
        _Row(figure, number, words).draw(portrait, naming, sensor)
    return to_png(figure, dpi=_DPI)


def _ordered(
    portraits: Sequence[Portrait], namings: Sequence[Naming]
) -> list[tuple[Portrait, Naming]]:
    named = {naming.facts.id: naming for naming in namings}
    pairs = [(p, named[p.facts.id]) for p in portraits if p.facts.id in named]
    pairs.sort(key=lambda pair: -pair[0].facts.share)
    return sorted(pairs[:MOST_ROWS], key=lambda pair: pair[1].code)


def _heading(
    figure: Figure,
    scene: xr.Dataset,
    portraits: Sequence[Portrait],
    text: Text,
    counts: tuple[int, int],
) -> None:
    """Show the whole scene, and say how a row reads."""
    height = figure.get_size_inches()[1]
    top = height - _MARGIN
    inches = {"x": _MARGIN, "tall": _HEAD - 0.55}
    shown = portraits[0].pictures if portraits else {}
    composites = view_of(scene).composites
    for name in _SHARED:
        if name not in shown:
            continue
        picture = _decoded(shown[name])
        wide = min(inches["tall"] * picture.shape[1] / picture.shape[0], 3.6)
        axes = _axes(figure, inches["x"], top - 0.25 - inches["tall"], wide, inches["tall"])
        _show(axes, picture)
        bands = ", ".join(dict.fromkeys(composites.get(name, ())))
        caption = text(f"contacts.{name}", bands=bands)
        axes.set_title(caption, loc="left", fontsize=9, color=INK, pad=4)
        inches["x"] += wide + 0.25
    how = (
        "contacts.how"
        if "infrared" in shown and "true_colour" in shown
        else "contacts.how_infrared"
    )
    lines = [text(how)]
    if counts[0] < counts[1]:
        lines.append(text("contacts.left", shown=counts[0], all=counts[1]))
    left = (inches["x"] + 0.1) / _WIDTH
    figure.text(left, (top - 0.1) / height, text("contacts.title"), fontsize=15, color=INK,
                weight="bold", va="top")  # fmt: skip
    room = max(24, int((_WIDTH - inches["x"]) * 11.5))
    body = "\n\n".join(textwrap.fill(line, room) for line in lines)
    figure.text(left, (top - 0.55) / height, body, fontsize=9.5, color=MUTED, va="top",
                linespacing=1.45)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class _Row:
    """One cluster on the sheet."""

    figure: Figure
    number: int
    words: _Words

    @property
    def _bottom(self) -> float:
        return float(self.figure.get_size_inches()[1]) - _HEAD - _ROW * (self.number + 1)

    def draw(self, portrait: Portrait, naming: Naming, sensor: str) -> None:
        """Draw pictures from the left, words at the right."""
        bottom = self._bottom + 0.1
        x = _MARGIN
        for name, room in (("mask", _PICTURE), ("places", 2.95)):
            if name in portrait.pictures:
                picture = _decoded(portrait.pictures[name])
                _show(_axes(self.figure, x, bottom, room, _PICTURE), picture)
            x += room + 0.14
        axes = _axes(self.figure, x + 0.2, bottom + 0.34, 1.75, _PICTURE - 0.56)
        draw_spectrum(axes, portrait.facts, sensor, self.words.text, size=6.5)
        self._say(naming, x + 3.0)
        rule = _axes(self.figure, _MARGIN, self._bottom + _ROW - 0.02, _WIDTH - 2 * _MARGIN, 0.01)
        rule.set_facecolor(LINE)
        _bare(rule)

    def _say(self, naming: Naming, x: float) -> None:
        """Write the name beside its colour, how sure it is, and who said what."""
        height = self.figure.get_size_inches()[1]
        top = self._bottom + _ROW - 0.16
        text, facts = self.words.text, naming.facts
        swatch = _axes(self.figure, x, top - 0.2, 0.24, 0.2)
        swatch.set_facecolor(self.words.colours[naming.code])
        _bare(swatch, MUTED)
        name = textwrap.fill(self.words.titles[naming.code], 27)
        lines = name.count("\n") + 1
        self.figure.text((x + 0.33) / _WIDTH, (top - 0.01) / height, name, fontsize=11.5,
                         weight="bold", color=INK, va="top", linespacing=1.1)  # fmt: skip
        top -= 0.08 + 0.19 * lines
        group = (
            text("contacts.noise")
            if facts.id == NOISE
            else text("contacts.number", number=facts.id)
        )
        about = [
            f"{text('contacts.share', share=text.percent(facts.share))} · {group}",
            text(
                "contacts.sure",
                confidence=text.number(naming.confidence, 2),
                agreement=text.percent(naming.agreement, 0),
            ),
        ]
        self.figure.text(x / _WIDTH, (top - 0.06) / height, "\n".join(about), fontsize=8.5,
                         color=INK, va="top", linespacing=1.4)  # fmt: skip
        self.figure.text(x / _WIDTH, (top - 0.5) / height, "\n".join(self._votes(naming)),
                         fontsize=7.5, color=MUTED, va="top", linespacing=1.4)  # fmt: skip

    def _votes(self, naming: Naming) -> list[str]:
        lines: list[str] = []
        for index, answer in enumerate(naming.answers):
            wrapped = textwrap.wrap(self._vote(answer), _LETTERS, subsequent_indent="   ")
            if len(lines) + len(wrapped) > _LINES:
                lines.append(self.words.text("contacts.more", count=len(naming.answers) - index))
                break
            lines += wrapped
        return lines

    def _vote(self, answer: Answer) -> str:
        text = self.words.text
        if answer.problem and answer.code == UNNAMED:
            problem = textwrap.shorten(answer.problem, 60, placeholder=" …")
            return text("contacts.silent", labeller=answer.labeller, problem=problem)
        parts = [
            text(
                "contacts.vote",
                labeller=answer.labeller,
                answer=self.words.titles.get(answer.code, str(answer.code)),
                confidence=text.number(answer.confidence, 2),
            )
        ]
        if answer.second is not None and answer.second in self.words.titles:
            parts.append(text("contacts.second", answer=self.words.titles[answer.second]))
        if answer.mixed:
            parts.append(text("contacts.mixed"))
        return "; ".join(parts)


def _axes(figure: Figure, x: float, y: float, wide: float, tall: float) -> Axes:
    """Return axes at a place in inches."""
    width, height = figure.get_size_inches()
    return figure.add_axes((x / width, y / height, wide / width, tall / height))


def _show(axes: Axes, picture: np.ndarray) -> None:  # type: ignore[type-arg]
    axes.imshow(picture, interpolation="antialiased")
    axes.set_anchor("NW")
    _bare(axes)


def _bare(axes: Axes, edge: str = "none") -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_edgecolor(edge)
        spine.set_linewidth(0.6)


def _decoded(png: bytes) -> np.ndarray:  # type: ignore[type-arg]
    return np.asarray(imread(io.BytesIO(png), format="png"))
