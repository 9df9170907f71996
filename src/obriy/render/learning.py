"""How a student learnt: its losses, and how well it follows its teacher, epoch by epoch."""

from collections.abc import Sequence
from typing import Protocol

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from obriy.render.figures import ACCENT, INK, LINE, MUTED, new_figure
from obriy.render.palette import SERIES
from obriy.render.text import Text, text_of


class EpochLike(Protocol):
    """What is drawn of an epoch."""

    @property
    def number(self) -> int:
        """From 1."""
        ...

    @property
    def loss(self) -> float:
        """Mean loss of the blocks that were learnt from."""
        ...

    @property
    def validation_loss(self) -> float:
        """Mean loss of the blocks that training stops by."""
        ...

    @property
    def validation_iou(self) -> float:
        """Mean IoU with the teacher there, 0 to 1."""
        ...


def learning_figure(history: Sequence[EpochLike], best: int, *, lang: str = "en") -> Figure:
    """Draw losses and mean IoU over the epochs, with the epoch whose weights were kept.

    Args:
        history: Epochs in order, at least one.
        best: Number of the epoch that was kept.
        lang: Language.
    """
    text = text_of(lang)
    figure = new_figure(8.4, 2.9)
    losses = figure.add_axes((0.065, 0.17, 0.41, 0.73))
    share = figure.add_axes((0.565, 0.17, 0.41, 0.73))
    numbers = [epoch.number for epoch in history]
    for name, values, colour in (
        ("learning.learnt", [epoch.loss for epoch in history], ACCENT),
        ("learning.held", [epoch.validation_loss for epoch in history], SERIES[1]),
    ):
        losses.plot(numbers, values, color=colour, linewidth=1.6, label=text(name))
    losses.set_title(text("learning.loss"), loc="left", fontsize=8.5, color=MUTED)
    losses.legend(frameon=False, fontsize=8, labelcolor=INK)
    share.plot(numbers, [epoch.validation_iou for epoch in history], color=SERIES[1], linewidth=1.6)
    share.set_title(text("learning.iou"), loc="left", fontsize=8.5, color=MUTED)
    share.set_ylim(0, 1)
    for axes in (losses, share):
        _quiet(axes, text)
        axes.axvline(best, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
    share.annotate(
        text("learning.kept", number=best),
        (best, 0.03),
        xytext=(4 if best <= (1 + numbers[-1]) / 2 else -4, 0),
        textcoords="offset points",
        ha="left" if best <= (1 + numbers[-1]) / 2 else "right",
        fontsize=8,
        color=MUTED,
    )
    return figure


def _quiet(axes: Axes, text: Text) -> None:
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(LINE)
    axes.tick_params(colors=MUTED, labelsize=8, length=0)
    axes.grid(axis="y", color=LINE, linewidth=0.6)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: text.significant(value, 3)))
    axes.set_xlabel(text("learning.epoch"), fontsize=9, color=INK)
