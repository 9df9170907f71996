"""One page for a person: every cluster as the labellers saw it, and what they said."""

import dataclasses
import io
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imread

from obriy.model.clusters import NOISE, Answer, Naming, Portrait
from obriy.model.legend import UNNAMED, Legend
from obriy.render.composites import composites_of
from obriy.render.figures import INK, LINE, MUTED, new_figure, to_png
from obriy.render.palette import UNNAMED_COLOUR
from obriy.render.spectra import draw_spectrum
from obriy.render.text import Text, text_of

MOST_ROWS: Final = 60
"""Clusters on a sheet; a page much longer is not looked through."""
_WIDTH: Final = 11.2
_ROW: Final = 2.2
_HEAD: Final = (2.5, 3.2)
"""Height of the heading, inches: at least, at most."""
_BROAD: Final = 3.5
"""Width of a picture in the heading, inches, at most."""
_MARGIN: Final = 0.12
_PICTURE: Final = 1.96
"""Height of the pictures of a row, inches."""
_PLACES: Final = 2.6
"""Width of the typical places of a row."""
_LETTERS: Final = 42
"""Letters of a line of votes."""
_LINES: Final = 7
"""Lines of votes in a row."""
_LETTER: Final = 0.075
"""Width of a letter of the heading, inches."""
_LINE: Final = 0.17
"""Height of a class in the heading, inches, at least."""
_DPI: Final = 125
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
        titles = {c.code: c.called(lang) for c in legend}
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
    figure = new_figure(_WIDTH, _head(rows) + _ROW * len(rows))
    _heading(figure, scene, rows, words, len(namings))
    sensor = str(scene.attrs.get("sensor", ""))
    for number, (portrait, naming) in enumerate(rows):
        _Row(figure, number, len(rows), words).draw(portrait, naming, sensor)
    return to_png(figure, dpi=_DPI)


def _ordered(
    portraits: Sequence[Portrait], namings: Sequence[Naming]
) -> list[tuple[Portrait, Naming]]:
    named = {naming.facts.id: naming for naming in namings}
    shown = {p.facts.id: (p, named[p.facts.id]) for p in portraits if p.facts.id in named}
    rows = ((number, p.facts.share, naming.code) for number, (p, naming) in shown.items())
    return [shown[number] for number in order_of_rows(rows)]


def order_of_rows(clusters: Iterable[tuple[int, float, int]]) -> list[int]:
    """Return the numbers of the clusters of a sheet, from the top.

    Args:
        clusters: Number, share of the seen pixels, and code of the name of each.
    """
    largest = sorted(clusters, key=lambda cluster: -cluster[1])[:MOST_ROWS]
    return [number for number, _, _ in sorted(largest, key=lambda cluster: cluster[2])]


def pictures_of_rows(sheet: Path, rows: int) -> list[bytes]:
    """Cut the pictures of each cluster out of a sheet: its mask and its typical places.

    Args:
        sheet: PNG of `contact_sheet`.
        rows: How many clusters are on it.

    Returns:
        PNG of each row, from the top.
    """
    from PIL import Image

    left, right = _MARGIN, _MARGIN + _PICTURE + 0.14 + _PLACES
    found = []
    with Image.open(sheet) as picture:
        whole = picture.convert("RGB")
    for row in range(rows):
        top = whole.height / _DPI - _ROW * (rows - row) + _MARGIN
        inches = (left, top, right, top + _PICTURE)
        made = io.BytesIO()
        whole.crop(tuple(round(one * _DPI) for one in inches)).save(made, "PNG")  # type: ignore[arg-type]
        found.append(made.getvalue())
    return found


def _head(rows: Sequence[tuple[Portrait, Naming]]) -> float:
    """Return the height of the heading, inches: flat pictures need less."""
    shown = rows[0][0].pictures if rows else {}
    shapes = [_decoded(shown[name]).shape for name in _SHARED if name in shown]
    tall = max((_BROAD * shape[0] / shape[1] for shape in shapes), default=0.0)
    return min(max(tall + 0.55, _HEAD[0]), _HEAD[1])


def _heading(
    figure: Figure,
    scene: xr.Dataset,
    rows: Sequence[tuple[Portrait, Naming]],
    words: _Words,
    count: int,
) -> None:
    """Show the whole scene, say how a row reads, and list the classes."""
    text = words.text
    height = figure.get_size_inches()[1]
    top = height - _MARGIN
    shown = rows[0][0].pictures if rows else {}
    composites = composites_of(scene)
    x, tall = _MARGIN, _head(rows) - 0.55
    for name in _SHARED:
        if name not in shown:
            continue
        picture = _decoded(shown[name])
        wide = min(tall * picture.shape[1] / picture.shape[0], _BROAD)
        _show(_axes(figure, x, top - 0.25 - tall, wide, tall), picture)
        bands = ", ".join(dict.fromkeys(composites.get(name, ())))
        caption = text(f"contacts.{name}", bands=bands)
        figure.text(x / _WIDTH, (top - 0.2) / height, caption, fontsize=9, color=INK)
        x += max(wide, _LETTER * len(caption)) + 0.25
    both = "infrared" in shown and "true_colour" in shown
    how = [text("contacts.how" if both else "contacts.how_one")]
    if len(rows) < count:
        how.append(text("contacts.left", shown=len(rows), all=count))
    figure.text(x / _WIDTH, (top - 0.02) / height, text("contacts.title"), fontsize=15,
                color=INK, weight="bold", va="top")  # fmt: skip
    lines = textwrap.wrap(" ".join(how), max(24, int((_WIDTH - x) * 12)))
    figure.text(x / _WIDTH, (top - 0.42) / height, "\n".join(lines), fontsize=9, color=MUTED,
                va="top", linespacing=1.4)  # fmt: skip
    _classes(figure, rows, words, (x, top - 0.6 - 0.18 * len(lines)))


def _classes(
    figure: Figure,
    rows: Sequence[tuple[Portrait, Naming]],
    words: _Words,
    at: tuple[float, float],
) -> None:
    """List the classes that were named, the largest first, with their share."""
    shares: dict[int, float] = {}
    for _, naming in rows:
        shares[naming.code] = shares.get(naming.code, 0.0) + naming.facts.share
    height = figure.get_size_inches()[1]
    ordered = sorted(shares.items(), key=lambda item: -item[1])
    tall, room = at[1] - height + _head(rows), _WIDTH - _MARGIN - at[0]
    columns = 1 if len(ordered) * _LINE <= tall else 2
    deep = -(-len(ordered) // columns)
    wide, line = min(2.5, room / columns), min(0.235, tall / deep)
    letters = min(22, int((wide - 0.25) / _LETTER) - len(" 100 %"))
    for index, (code, share) in enumerate(ordered):
        column, row = divmod(index, deep)
        x, y = at[0] + wide * column, at[1] - line * row
        swatch = _axes(figure, x, y - 0.13, 0.17, 0.14)
        swatch.set_facecolor(words.colours[code])
        _bare(swatch, MUTED)
        title = textwrap.shorten(words.titles[code], letters, placeholder=" …")
        figure.text((x + 0.25) / _WIDTH, (y - 0.06) / height,
                    f"{title} {words.text.percent(share, 0)}",
                    fontsize=9, color=INK, va="center")  # fmt: skip


@dataclasses.dataclass(frozen=True)
class _Row:
    """One cluster on the sheet."""

    figure: Figure
    number: int
    count: int
    words: _Words

    @property
    def _bottom(self) -> float:
        return _ROW * (self.count - self.number - 1)

    def draw(self, portrait: Portrait, naming: Naming, sensor: str) -> None:
        """Draw pictures from the left, words at the right."""
        bottom = self._bottom + 0.1
        x = _MARGIN
        for name, room in (("mask", _PICTURE), ("places", _PLACES)):
            if name in portrait.pictures:
                picture = _decoded(portrait.pictures[name])
                _show(_axes(self.figure, x, bottom, room, _PICTURE), picture)
            x += room + 0.14
        axes = _axes(self.figure, x + 0.22, bottom + 0.36, 1.7, _PICTURE - 0.56)
        draw_spectrum(axes, portrait.facts, sensor, self.words.text, size=6.8)
        self._say(naming, x + 2.9)
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
        name = textwrap.fill(self.words.titles[naming.code], 25)
        lines = name.count("\n") + 1
        self.figure.text((x + 0.33) / _WIDTH, (top - 0.01) / height, name, fontsize=12.5,
                         weight="bold", color=INK, va="top", linespacing=1.1)  # fmt: skip
        top -= 0.08 + 0.21 * lines
        group = (
            text("contacts.noise")
            if facts.id == NOISE
            else text("contacts.number", number=facts.id)
        )
        about = [
            f"{text('contacts.share', share=text.percent(facts.share))} · {group}",
            self._sure(naming),
        ]
        self.figure.text(x / _WIDTH, (top - 0.06) / height, "\n".join(about), fontsize=9.5,
                         color=INK, va="top", linespacing=1.4)  # fmt: skip
        self.figure.text(x / _WIDTH, (top - 0.53) / height, "\n".join(self._votes(naming)),
                         fontsize=8.6, color=MUTED, va="top", linespacing=1.35)  # fmt: skip

    def _sure(self, naming: Naming) -> str:
        """Say how sure the name is, and how far several labellers agree about it."""
        text = self.words.text
        if naming.code == UNNAMED:
            return ""
        said = [text("contacts.sure", confidence=text.sure(naming.confidence))]
        if len(naming.answers) > 1:
            said.append(text("contacts.agreed", agreement=text.percent(naming.agreement, 0)))
        return ", ".join(said)

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
            problem = textwrap.shorten(text.sentence(answer.problem), 60, placeholder=" …")
            return text("contacts.silent", labeller=answer.labeller, problem=problem)
        parts = [
            text(
                "contacts.vote",
                labeller=answer.labeller,
                answer=self.words.titles.get(answer.code, str(answer.code)),
                confidence=text.sure(answer.confidence),
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
