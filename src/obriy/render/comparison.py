"""Clusterers and numbers of clusters side by side: what was reached, and what was possible."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from obriy.render.figures import ACCENT, INK, LINE, MUTED, new_figure, open_frame
from obriy.render.text import Text, text_of

MEASURES: Final = (
    "overall_accuracy", "mean_iou", "merged_overall_accuracy", "merged_mean_iou",
)  # fmt: skip
"""Panels, each with a ``ceiling``; those that no row has are left out."""
_MERGED: Final = "merged_"
_ROW: Final = 0.27
_BETWEEN: Final = 0.7
"""Room between two clusterers, rows."""
_LEFT: Final = 2.5
_PANEL: Final = 2.9
_GAP: Final = 0.3
_HEAD: Final = 0.85
_FOOT: Final = 0.4


def comparison_figure(rows: Sequence[Mapping[str, Any]], lang: str = "en") -> Figure:
    """Draw for each clusterer and number of clusters the score as named and its ceiling.

    A filled mark is the map as it was named, an open one the same clusters with the best name
    each; the line between them is what the names lose. What failed is listed without marks.

    Args:
        rows: ``method``, ``clusters``, and 0 to 1 or None: ``overall_accuracy``, ``mean_iou``,
            ``ceiling_overall_accuracy``, ``ceiling_mean_iou``; likewise with ``merged_`` before
            them, for the main classes.
        lang: Language.
    """
    text = text_of(lang)
    measures = [m for m in MEASURES if any(row.get(m) is not None for row in rows)] or ["mean_iou"]
    places = _places(rows)
    deep = places[-1] + 1.2 if places else 1.0
    width = _LEFT + len(measures) * (_PANEL + _GAP)
    height = _HEAD + deep * _ROW + _FOOT
    figure = new_figure(width, height)
    for index, measure in enumerate(measures):
        left = _LEFT + index * (_PANEL + _GAP)
        axes = figure.add_axes((left / width, _FOOT / height, _PANEL / width, deep * _ROW / height))
        axes.set_ylim(deep - 0.6, -0.8)
        _panel(axes, rows, places, measure, text)
        _quiet(axes, text, measure)
        if index == 0:
            _name_rows(axes, rows, places, text)
        else:
            axes.set_yticks(places, [""] * len(places))
    _key(figure, text, height)
    return figure


def ceiling_of(row: Mapping[str, Any], measure: str) -> float | None:
    """Return the best value that any naming of the same clusters reaches, or None."""
    if measure.startswith(_MERGED):
        return row.get(f"{_MERGED}ceiling_{measure.removeprefix(_MERGED)}")
    return row.get(f"ceiling_{measure}")


def _places(rows: Sequence[Mapping[str, Any]]) -> list[float]:
    """Return the height of each row: those of one clusterer lie together."""
    places: list[float] = []
    for index, row in enumerate(rows):
        if not places:
            places.append(0.0)
            continue
        new = row["method"] != rows[index - 1]["method"]
        places.append(places[-1] + 1 + (_BETWEEN if new else 0.0))
    return places


def _panel(
    axes: Axes,
    rows: Sequence[Mapping[str, Any]],
    places: Sequence[float],
    measure: str,
    text: Text,
) -> None:
    """Draw a line from each score to its ceiling, and write the score beside it."""
    for row, y in zip(rows, places, strict=True):
        value, best = row.get(measure), ceiling_of(row, measure)
        if value is None:
            axes.annotate(text("compare.failed"), (0.02, y), fontsize=8, color=MUTED, va="center")
            continue
        if best is not None:
            axes.plot((value, best), (y, y), color=ACCENT, linewidth=1.6, alpha=0.45, zorder=2)
            axes.plot(best, y, marker="o", markersize=6, markerfacecolor="white",
                      markeredgecolor=ACCENT, markeredgewidth=1.4, zorder=3)  # fmt: skip
        axes.plot(value, y, marker="o", markersize=6, color=ACCENT, zorder=4)
        ceiling_right = best is None or best >= value
        _beside(axes, (value, y), text.number(value, 2), INK, right=not ceiling_right)
        if best is not None:
            _beside(axes, (best, y), text.number(best, 2), MUTED, right=ceiling_right)


def _beside(axes: Axes, at: tuple[float, float], words: str, colour: str, *, right: bool) -> None:
    """Write a number beside its mark, on the side away from the other mark."""
    axes.annotate(words, at, xytext=(6 if right else -6, 0), textcoords="offset points",
                  fontsize=8, color=colour, ha="left" if right else "right",
                  va="center")  # fmt: skip


def _name_rows(
    axes: Axes, rows: Sequence[Mapping[str, Any]], places: Sequence[float], text: Text
) -> None:
    """Write the clusterer once, and the number of clusters in every row."""
    axes.set_yticks(places, [_clusters(row, text) for row in rows])
    for index, row in enumerate(rows):
        if index == 0 or row["method"] != rows[index - 1]["method"]:
            axes.annotate(str(row["method"]), (0, places[index]), fontsize=9, color=INK,
                          xycoords=("axes fraction", "data"), xytext=(-(_LEFT - 0.1) * 72, 0),
                          textcoords="offset points", weight="bold", va="center")  # fmt: skip


def _clusters(row: Mapping[str, Any], text: Text) -> str:
    asked, found = row["clusters"], row.get("found")
    if isinstance(asked, int) or str(asked).isdigit():
        same = found is None or found == int(asked)
        return str(asked) if same else f"{asked} → {found}"
    return text("compare.auto") if found is None else f"{text('compare.auto')}: {found}"


def _quiet(axes: Axes, text: Text, measure: str) -> None:
    axes.set_xlim(0, 1.08)
    ticks = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    axes.set_xticks(ticks, [text.number(tick, 1) for tick in ticks])
    axes.set_title(text(f"compare.{measure}"), loc="left", fontsize=9.5, color=INK, pad=6)
    axes.tick_params(colors=MUTED, labelsize=8.5, length=0)
    axes.grid(axis="x", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    open_frame(axes)


def _key(figure: Figure, text: Text, height: float) -> None:
    marks = [
        Line2D([], [], marker="o", markersize=6, linestyle="", color=ACCENT,
               label=text("compare.as_named")),
        Line2D([], [], marker="o", markersize=6, linestyle="", markerfacecolor="white",
               markeredgecolor=ACCENT, markeredgewidth=1.4, label=text("compare.best_names")),
    ]  # fmt: skip
    figure.legend(handles=marks, loc="upper left", bbox_to_anchor=(0.0, 1 - 0.03 / height),
                  ncols=2, frameon=False, fontsize=9, labelcolor=INK, borderpad=0.3,
                  handletextpad=0.2, columnspacing=1.6)  # fmt: skip
