"""Plots: the distribution that a decision rests on."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from obriy.blocks.base import Histogram
from obriy.render.figures import ACCENT, INK, LINE, MUTED, new_figure, open_frame
from obriy.render.palette import SERIES
from obriy.render.text import Text, text_of

_BINS = 120
"""Bars of a plot, at most."""
_TAIL = 2e-4
"""Share of the pixels that may lie beyond the ends of the axis."""


def histogram_figure(histogram: Histogram, *, lang: str = "en") -> Figure:
    """Draw a distribution with its threshold.

    The vertical axis shows the square root of the counts, so that the small hill of the water
    stands beside the mountain of the land.

    Args:
        histogram: Counts in bins of equal width.
        lang: Language.
    """
    text = text_of(lang)
    figure = new_figure(7.2, 2.9)
    axes = figure.add_axes((0.075, 0.18, 0.905, 0.66))
    counts, edges = _trimmed(histogram)
    axes.stairs(np.sqrt(counts), edges, fill=True, color=ACCENT, alpha=0.75, linewidth=0)
    axes.stairs(np.sqrt(counts), edges, color=ACCENT, linewidth=1.0)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(0, max(1.0, float(np.sqrt(counts.max())) * 1.08))
    if histogram.threshold is not None:
        _threshold(axes, histogram.threshold, text)
    unit = f", {histogram.unit}" if histogram.unit else ""
    axes.set_xlabel(f"{text.sentence(histogram.label)}{unit}", color=INK, fontsize=9)
    axes.set_title(text("plots.pixels"), loc="left", fontsize=8.5, color=MUTED, pad=16)
    _quiet(axes, text)
    return figure


def _trimmed(
    histogram: Histogram,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return counts and edges without the empty ends, in at most so many bars."""
    counts = np.asarray(histogram.counts, "float64")
    edges = np.linspace(histogram.low, histogram.high, len(counts) + 1)
    first, last = 0, len(counts)
    if counts.sum() > 0:
        below = np.cumsum(counts) / counts.sum()
        first = int(np.searchsorted(below, _TAIL))
        last = int(np.searchsorted(below, 1 - _TAIL)) + 1
    if histogram.threshold is not None:
        at = int(np.searchsorted(edges, histogram.threshold))
        first, last = min(first, max(0, at - 3)), max(last, min(len(counts), at + 3))
    counts, edges = counts[first:last], edges[first : last + 1]
    group = -(-len(counts) // _BINS)
    starts = np.arange(0, len(counts), group)
    # The last group may be short: its bar is then narrower, its count is scaled to its width.
    widths = np.diff(np.append(starts, len(counts)))
    merged = np.add.reduceat(counts, starts) * (group / widths)
    return merged, np.append(edges[starts], edges[-1])


def _threshold(axes: Axes, value: float, text: Text) -> None:
    axes.axvline(value, color=SERIES[0], linewidth=1.6)
    low, high = axes.get_xlim()
    right = (value - low) / (high - low) > 0.75
    axes.annotate(
        text("plots.threshold", value=text.significant(value, 3)),
        (value, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(0, 3),
        textcoords="offset points",
        ha="right" if right else "left",
        va="bottom",
        fontsize=9,
        color=SERIES[0],
        fontweight="bold",
    )


def _quiet(axes: Axes, text: Text) -> None:
    """Leave of the frame what helps to read."""
    open_frame(axes)
    axes.tick_params(colors=MUTED, labelsize=8, length=0)
    axes.grid(axis="y", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    top = axes.get_ylim()[1] ** 2
    ticks = sorted({_round_count(top * share) for share in (0.04, 0.25, 0.9)})
    axes.set_yticks(np.sqrt(ticks), [_short(count, text) for count in ticks])
    axes.set_xticks(
        axes.get_xticks()[1:-1], [text.significant(float(x), 3) for x in axes.get_xticks()[1:-1]]
    )


def _round_count(count: float) -> int:
    """Return the count with one significant figure."""
    return max(1, int(float(f"{count:.0e}")))


def _short(count: int, text: Text) -> str:
    if count >= 1_000_000:
        return f"{text.significant(count / 1e6, 2)}\u00a0{text('plots.million')}"
    if count >= 10_000:
        return f"{text.significant(count / 1e3, 2)}\u00a0{text('plots.thousand')}"
    return text.number(count, 0)


def number_figure(scores: Mapping[int, float], chosen: int, *, lang: str = "en") -> Figure:
    """Draw what each number of clusters was worth, and the one that was taken.

    Args:
        scores: Score by number of clusters.
        chosen: The number taken.
        lang: Language.
    """
    text = text_of(lang)
    figure = new_figure(7.2, 2.5)
    axes = figure.add_axes((0.075, 0.2, 0.905, 0.66))
    numbers = sorted(scores)
    heights = [scores[number] for number in numbers]
    axes.plot(numbers, heights, color=ACCENT, linewidth=1.4, marker="o", markersize=3.5)
    axes.set_ylim(min(0.0, *heights), max(heights) * 1.12)
    open_frame(axes)
    axes.tick_params(colors=MUTED, labelsize=8, length=0)
    axes.grid(axis="y", color=LINE, linewidth=0.6)
    axes.set_xlabel(text("landcover.clusters"), color=INK, fontsize=9)
    axes.set_xticks(numbers if len(numbers) < 30 else numbers[::5])
    ticks = axes.get_yticks()[:-1]
    axes.set_yticks(ticks, [text.significant(float(tick), 3) for tick in ticks])
    if chosen in scores:
        axes.plot(chosen, scores[chosen], marker="o", markersize=8, color=SERIES[0], zorder=4)
        axes.annotate(str(chosen), (chosen, scores[chosen]), xytext=(0, 7), ha="center",
                      textcoords="offset points", fontsize=9, color=SERIES[0],
                      fontweight="bold")  # fmt: skip
    return figure
