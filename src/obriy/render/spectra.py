"""Spectra of clusters, drawn in grey against the spectra of named materials."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from obriy.model.clusters import ClusterFacts
from obriy.render.figures import new_figure, write_numbers
from obriy.render.text import Text, text_of
from obriy.tables import load_toml
from obriy.tables.sensor import band_wavelengths

PLANTS: Final = {
    "trees": "broadleaf",
    "leafless": "leafless_trees",
    "crop": "crop_green",
    "pasture": "alpine_grass",
    "reed": "reed",
    "dry_grass": "fallow",
}
OTHERS: Final = {
    "water": "lagoon_water",
    "turbid_water": "silty_water",
    "soil": "soil",
    "wet_soil": "dark_soil",
    "town": "town",
    "snow": "snow",
}
REFERENCES: Final = PLANTS | OTHERS
"""Names of the lines, and whose spectra of ``tables/materials.toml`` they are."""
FEW: Final = ("water", "turbid_water", "trees", "crop", "dry_grass", "soil", "town", "snow")
"""The lines that a small plot has room for."""
_DASHES: Final[dict[str, tuple[float, ...]]] = {
    "water": (1, 1.5),
    "turbid_water": (3, 1.5),
    "trees": (6, 1.5),
    "leafless": (2, 2),
    "crop": (6, 1.5, 1, 1.5),
    "pasture": (3, 1.5),
    "reed": (1, 1.5),
    "dry_grass": (4, 1.5, 1, 1.5, 1, 1.5),
    "soil": (2, 2),
    "wet_soil": (6, 1.5, 1, 1.5),
    "town": (9, 2),
    "snow": (1, 3),
}
_CLUSTER: Final = "#101010"
_BAND: Final = "#c4c4c4"
_REFERENCE: Final = "#7a7a7a"
_TICKS: Final = (0.5, 0.7, 0.9, 1.2, 1.6, 2.2)
_BRIGHT: Final = 0.5
"""Only beside something so bright is snow drawn: it would flatten all the rest."""


def reference_spectra(
    names: Iterable[str], lines: Iterable[str] = tuple(REFERENCES)
) -> dict[str, dict[str, float]]:
    """Return the reflectance of the named materials in those of the bands that they are known in.

    Args:
        names: Common names of the bands.
        lines: Which materials, of `REFERENCES`.
    """
    table = load_toml("materials")
    by_band: dict[str, dict[str, float]] = {}
    for line in lines:
        material = REFERENCES[line]
        mean = dict(zip(table["bands"], table["materials"][material]["mean"], strict=True))
        by_band[line] = {name: mean[name] for name in names if name in mean}
    return by_band


def spectrum_figure(facts: ClusterFacts, sensor: str, *, lang: str = "en") -> Figure:
    """Draw reflectance by wavelength: the median of a cluster, its spread, and materials beside.

    Twice: among plants, and among all else; so that each line keeps its name. Grey only: what is
    drawn says nothing of the number or the class of the cluster.

    Args:
        facts: Of the cluster.
        sensor: Its id, for the wavelengths.
        lang: Language of the words.
    """
    figure = new_figure(7.6, 3.3)
    for left, lines in ((0.05, PLANTS), (0.555, OTHERS)):
        axes = figure.add_axes((left, 0.15, 0.29, 0.78))
        draw_spectrum(axes, facts, sensor, text_of(lang), size=8.0, lines=tuple(lines))
    return figure


def draw_spectrum(
    axes: Axes,
    facts: ClusterFacts,
    sensor: str,
    text: Text,
    *,
    size: float,
    lines: Sequence[str] = FEW,
) -> None:
    """Draw what `spectrum_figure` shows into axes; names of the lines stand right of them.

    Args:
        axes: Where; room for the names must be free at the right.
        facts: Of the cluster.
        sensor: Its id.
        text: Language.
        size: Of the letters, points.
        lines: Materials to draw beside, of `REFERENCES`.
    """
    waves = band_wavelengths(sensor, facts.spectrum)
    waves = {name: wave for name, wave in waves.items() if np.isfinite(facts.spectrum[name].median)}
    _frame(axes, text, size)
    if not waves:
        return
    spreads = [facts.spectrum[name] for name in waves]
    x = list(waves.values())
    low, median, high = (
        [100 * getattr(spread, key) for spread in spreads] for key in ("low", "median", "high")
    )
    top = 100 * max(0.4, 1.08 * max(spread.high for spread in spreads))
    axes.fill_between(x, low, high, color=_BAND, alpha=0.75, linewidth=0, zorder=2)
    ends = _draw_references(axes, waves, top, text, lines)
    axes.plot(x, median, color=_CLUSTER, linewidth=2.2, marker="o", markersize=4.5, zorder=4)
    axes.set_ylim(0, top)
    _wavelengths(axes, max(x), text)
    ends.append((median[-1], text("spectra.cluster"), _CLUSTER))
    _name_lines(axes, ends, x[-1], top, size)


def _wavelengths(axes: Axes, longest: float, text: Text) -> None:
    """Scale the axis by ratios: half of the bands lie in its first tenth of a micrometre."""
    end = 1.0 if longest < 1 else 2.35
    axes.set_xscale("log")
    axes.set_xlim(0.42, end)
    ticks = [tick for tick in _TICKS if tick < end]
    axes.set_xticks(ticks, [text.significant(tick) for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())


def _draw_references(
    axes: Axes, waves: Mapping[str, float], top: float, text: Text, lines: Sequence[str]
) -> list[tuple[float, str, str]]:
    """Draw the materials; return height, name and colour of their right ends."""
    ends = []
    for line, values in reference_spectra(waves, lines).items():
        if not values or (line == "snow" and top < 100 * _BRIGHT):
            continue
        x = [waves[name] for name in values]
        y = [100 * value for value in values.values()]
        axes.plot(x, y, color=_REFERENCE, linewidth=1.1, dashes=_DASHES[line], zorder=3)
        ends.append((y[-1], text(f"spectra.{line}"), _REFERENCE))
    return ends


def _name_lines(
    axes: Axes, ends: list[tuple[float, str, str]], right: float, top: float, size: float
) -> None:
    """Write the names of lines at the right, moved apart, each tied to its line."""
    inches = axes.get_position().height * axes.get_figure(root=True).get_size_inches()[1]  # type: ignore[union-attr]
    step = top * size * 1.12 / 72 / inches
    ends = sorted(ends, key=lambda end: (end[0], end[1]))
    places = spread_apart([min(end[0], top) for end in ends], step, (0.0, top - step / 2))
    low, high = axes.get_xlim()
    beyond = high * (high / low) ** 0.05
    for (y, name, colour), place in zip(ends, places, strict=True):
        line = {"color": colour, "linewidth": 0.6, "clip_on": False, "zorder": 1}
        axes.plot((right, beyond), (min(y, top), place), **line)  # type: ignore[arg-type]
        axes.text(
            beyond,
            place,
            f" {name}",
            color=colour,
            fontsize=size,
            va="center",
            weight="bold" if colour == _CLUSTER else "normal",
        )


def spread_apart(places: list[float], step: float, span: tuple[float, float]) -> list[float]:
    """Return ascending places moved as little as need be to lie a step apart, inside a span.

    Places that touch form a group around the mean of what they ask for (pool adjacent
    violators); a group that leaves the span is shifted back.

    Args:
        places: In ascending order.
        step: Least distance.
        span: Lower and upper end; too short a span is left at its upper end.
    """
    groups: list[tuple[float, int]] = []  # sum of the wished first places, members
    for index, place in enumerate(places):
        group = (place - index * step, 1)
        while groups and groups[-1][0] / groups[-1][1] > group[0] / group[1]:
            last = groups.pop()
            group = (last[0] + group[0], last[1] + group[1])
        groups.append(group)
    firsts = [total / count for total, count in groups for _ in range(count)]
    most = span[1] - (len(places) - 1) * step
    return [
        max(span[0], min(first, max(span[0], most))) + index * step
        for index, first in enumerate(firsts)
    ]


def _frame(axes: Axes, text: Text, size: float) -> None:
    axes.set_xlabel(text("spectra.wavelength"), fontsize=size, color=_CLUSTER)
    axes.set_title(text("spectra.reflectance"), loc="left", fontsize=size, color=_CLUSTER, pad=4)
    axes.tick_params(labelsize=size, colors=_CLUSTER, length=2, width=0.6)
    write_numbers(axes.yaxis, text)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(_REFERENCE)
    axes.grid(color="#e4e4e4", linewidth=0.6)
    axes.set_axisbelow(True)
