"""Methods for sea ice side by side: what they reach on scenes that none has learnt from."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from obriy.model.ice import CLOUD, ICE, LAND, WATER
from obriy.model.layers import LAYERS
from obriy.model.legend import load_legend
from obriy.render.figures import (
    ACCENT,
    INK,
    LINE,
    MUTED,
    new_figure,
    open_frame,
    write_numbers,
    write_shares,
)
from obriy.render.palette import SERIES
from obriy.render.text import Text, text_of

KINDS: Final = {"untrained": (ACCENT, "o"), "classifier": (SERIES[1], "s"),
                "network": (SERIES[3], "D")}  # fmt: skip
"""Colour and mark by how a method comes to know."""
_ROW: Final = 0.3
_LEFT: Final = 1.35
_PANEL: Final = 4.6
_SIDE: Final = 2.1
_HEAD: Final = 0.75
_FOOT: Final = 0.5
_KEYS: Final = 8.2
"""Width that the classes and the bar of an agreement need beside each other, inches."""
_SCENES: Final = 6
"""Scenes of the figure of agreement."""

Labels = npt.NDArray[np.uint8]
Shares = npt.NDArray[np.floating[Any]]


def ice_comparison_figure(
    rows: Sequence[Mapping[str, Any]],
    lang: str = "en",
    published: Mapping[str, float] | None = None,
) -> Figure:
    """Draw the IoU of ice of each method with its interval, best first, and cloud taken for ice.

    Args:
        rows: ``method``, ``kind`` (of `KINDS`), ``iou`` (0 to 1, None where undefined or failed),
            ``iou_interval``, ``cloud_as_ice`` (0 to 1 or None).
        lang: Language.
        published: IoU that others found on other data, by method: an open mark in its row.
    """
    text = text_of(lang)
    shown = sorted(rows, key=lambda row: -1.0 if row["iou"] is None else row["iou"], reverse=True)
    deep = max(1, len(shown))
    width, height = _LEFT + _PANEL + 0.35 + _SIDE + 0.2, _HEAD + deep * _ROW + _FOOT
    figure = new_figure(width, height)
    main, side = (
        figure.add_axes((left / width, _FOOT / height, wide / width, deep * _ROW / height))
        for left, wide in ((_LEFT, _PANEL), (_LEFT + _PANEL + 0.35, _SIDE))
    )
    for axes in (main, side):
        axes.set_ylim(deep - 0.4, -0.6)
    for place, row in enumerate(shown):
        _iou(main, place, row, (published or {}).get(row["method"]), text)
        _cloud(side, place, row, text)
    main.set_yticks(range(len(shown)), [str(row["method"]) for row in shown])
    side.set_yticks([])
    main.set_xlim(0, 1.0)
    most = max((row["cloud_as_ice"] or 0.0 for row in shown), default=0.0)
    side.set_xlim(0, max(1.3 * most, 0.02))
    side.xaxis.set_major_locator(MaxNLocator(4))
    _quiet(main, text("ice_compare.iou"), text)
    _quiet(side, text("ice_compare.cloud_as_ice"), text)
    write_shares(side.xaxis, text)
    _key(figure, {str(row["kind"]) for row in shown}, bool(published), text, height)
    return figure


def ice_agreement_figure(
    scenes: Sequence[tuple[str, Labels, Shares]], lang: str = "en", methods: int = 0
) -> Figure:
    """Draw for some scenes the truth, and what share of the methods says ice.

    Args:
        scenes: Name, labels (y, x) in the codes of ``ice``, and the share of the methods that say
            ice, 0 to 1, NaN where it does not count.
        lang: Language.
        methods: How many methods there are.
    """
    text = text_of(lang)
    chosen = list(scenes)[:_SCENES]
    ratio = chosen[0][1].shape[0] / chosen[0][1].shape[1]
    wide = 2.6
    tall, width = wide * ratio + 0.25, max(len(chosen) * (wide + 0.1) + 0.1, _KEYS)
    height = 2 * tall + 1.0
    figure = new_figure(width, height)
    legend = load_legend("ice")
    colours = ListedColormap(["#ffffff", *(c.colour for c in legend)])
    sureness = LinearSegmentedColormap.from_list("sureness", LAYERS["methods_agree"].colours)
    image: Any = None
    for number, (name, labels, share) in enumerate(chosen):
        left = 0.1 + number * (wide + 0.1)
        pictures: tuple[tuple[Any, dict[str, Any]], ...] = (
            (labels, {"cmap": colours, "vmin": -0.5, "vmax": 4.5}),
            (share, {"cmap": sureness, "vmin": 0, "vmax": 1}),
        )
        for row, (what, options) in enumerate(pictures):
            bottom = height - (row + 1) * tall
            axes = figure.add_axes((left / width, bottom / height, wide / width,
                                    wide * ratio / height))  # fmt: skip
            axes.set_facecolor("#8a7f70")
            drawn = axes.imshow(what, interpolation="nearest", aspect="auto", **options)
            image = drawn if row else image
            axes.set_xticks([])
            axes.set_yticks([])
            for spine in axes.spines.values():
                spine.set_color(LINE)
            if row == 0:
                axes.set_title(name, fontsize=8, color=INK, loc="left", pad=3)
    bar = figure.add_axes(((width - 3.5) / width, 0.5 / height, 3.2 / width, 0.14 / height))
    figure.colorbar(image, cax=bar, orientation="horizontal")
    bar.tick_params(colors=MUTED, labelsize=8, length=0)
    write_shares(bar.xaxis, text)
    bar.set_title(text("ice_compare.agreement", methods=methods), fontsize=8.5, color=INK,
                  loc="right", pad=4)  # fmt: skip
    codes = (WATER, ICE, CLOUD, LAND)
    patches = [Patch(facecolor=c.colour, edgecolor=MUTED, linewidth=0.5, label=c.called(lang))
               for c in legend if c.code in codes]  # fmt: skip
    figure.legend(handles=patches, loc="lower left", bbox_to_anchor=(0.0, 0.12 / height), ncols=4,
                  frameon=False, fontsize=8.5, labelcolor=INK, title=text("ice_compare.truth"),
                  title_fontsize=8.5, alignment="left")  # fmt: skip
    return figure


def _iou(
    axes: Axes, place: int, row: Mapping[str, Any], published: float | None, text: Text
) -> None:
    """Draw a row: interval, mark, number; and what others found, open."""
    if row["iou"] is None:
        axes.annotate(text("compare.failed"), (0.02, place), fontsize=8, color=MUTED, va="center")
        return
    colour, mark = KINDS[row["kind"]]
    low, high = row["iou_interval"] or (row["iou"], row["iou"])
    axes.plot((low, high), (place, place), color=colour, linewidth=1.8, alpha=0.5, zorder=2)
    axes.plot(row["iou"], place, marker=mark, markersize=6.5, color=colour, zorder=4)
    if published is not None:
        axes.plot(published, place, marker="v", markersize=7, markerfacecolor="white",
                  markeredgecolor=INK, markeredgewidth=1.1, zorder=3)  # fmt: skip
    left = low > 0.12
    axes.annotate(text.number(row["iou"], 2), (low if left else high, place),
                  xytext=(-5 if left else 5, 0), textcoords="offset points", fontsize=8.5,
                  color=INK, ha="right" if left else "left", va="center")  # fmt: skip


def _cloud(axes: Axes, place: int, row: Mapping[str, Any], text: Text) -> None:
    share = row["cloud_as_ice"]
    if share is None:
        return
    colour, _ = KINDS[row["kind"]]
    axes.barh(place, share, height=0.5, color=colour, alpha=0.85)
    axes.annotate(text.percent(share), (share, place), xytext=(4, 0), textcoords="offset points",
                  fontsize=8, color=INK, va="center")  # fmt: skip


def _quiet(axes: Axes, title: str, text: Text) -> None:
    axes.set_title(title, loc="left", fontsize=9, color=INK, pad=6)
    axes.tick_params(colors=MUTED, labelsize=8.5, length=0)
    axes.tick_params(axis="y", colors=INK, labelsize=9)
    axes.grid(axis="x", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    write_numbers(axes.xaxis, text, 2)
    open_frame(axes)


def _key(figure: Figure, kinds: set[str], published: bool, text: Text, height: float) -> None:
    marks = [
        Line2D([], [], marker=mark, markersize=6.5, linestyle="", color=colour,
               label=text(f"ice_compare.{kind}"))
        for kind, (colour, mark) in KINDS.items() if kind in kinds
    ]  # fmt: skip
    if published:
        marks.append(
            Line2D([], [], marker="v", markersize=7, linestyle="", markerfacecolor="white",
                   markeredgecolor=INK, label=text("ice_compare.published"))
        )  # fmt: skip
    figure.legend(handles=marks, loc="upper left", bbox_to_anchor=(0.0, 1 - 0.03 / height),
                  ncols=len(marks), frameon=False, fontsize=9, labelcolor=INK, borderpad=0.3,
                  handletextpad=0.2, columnspacing=1.6)  # fmt: skip
