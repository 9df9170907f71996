"""How a student learnt: its losses, and how well it follows its teacher, epoch by epoch."""

from collections.abc import Sequence
from typing import Protocol

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from obriy.render.figures import ACCENT, INK, LINE, MUTED, new_figure, write_numbers
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


class IceEpochLike(EpochLike, Protocol):
    """What is drawn of an epoch of a network for ice, whose IoU is that of ice."""

    @property
    def iou(self) -> float | None:
        """IoU of ice on what was learnt from, while learning; None: not defined."""
        ...


def learning_figure(history: Sequence[EpochLike], best: int, *, lang: str = "en") -> Figure:
    """Draw losses and mean IoU over the epochs, with the epoch whose weights were kept.

    Args:
        history: Epochs in order, at least one.
        best: Number of the epoch that was kept.
        lang: Language.
    """
    text = text_of(lang)
    figure, losses, share = _two_plots()
    _draw_losses(losses, history, text, ("learning.learnt", "learning.held"))
    losses.set_title(text("learning.loss"), loc="left", fontsize=8.5, color=MUTED)
    _draw_iou(share, history, [epoch.validation_iou for epoch in history], SERIES[1])
    share.set_title(text("learning.iou"), loc="left", fontsize=8.5, color=MUTED)
    _finish((losses, share), history, best, text, "learning.epoch")
    return figure


def ice_learning_figure(
    history: Sequence[IceEpochLike], best: int, test_iou: float | None, *, lang: str = "en"
) -> Figure:
    """Draw losses and the IoU of ice over the epochs, and what the kept weights reach on the test.

    Args:
        history: Epochs in order, at least one.
        best: Number of the epoch that was kept: that with the best validation IoU.
        test_iou: IoU of ice on the test scenes by its weights, 0 to 1; None: not defined.
        lang: Language.
    """
    text = text_of(lang)
    figure, losses, share = _two_plots()
    _draw_losses(losses, history, text, ("learning.ice_learnt", "learning.ice_held"))
    losses.set_title(text("learning.ice_loss"), loc="left", fontsize=8.5, color=MUTED)
    learnt = [float("nan") if epoch.iou is None else epoch.iou for epoch in history]
    _draw_iou(share, history, learnt, ACCENT)
    _draw_iou(share, history, [epoch.validation_iou for epoch in history], SERIES[1])
    kept = next(epoch.validation_iou for epoch in history if epoch.number == best)
    for value, colour, key, marker in (
        (kept, SERIES[1], "learning.ice_best", "o"),
        (test_iou, INK, "learning.ice_test", "D"),
    ):
        if value is not None:
            label = text(key, value=text.number(value, 3))
            share.plot(
                best,
                value,
                marker,
                color=colour,
                markersize=5.5,
                label=label,
                clip_on=False,
                zorder=5,
            )
    share.set_title(text("learning.ice_iou"), loc="left", fontsize=8.5, color=MUTED)
    # Beside the title: within the axes a curve may be anywhere.
    share.legend(
        frameon=False,
        fontsize=8,
        labelcolor=INK,
        loc="lower right",
        bbox_to_anchor=(1.0, 0.985),
        ncols=2,
        handletextpad=0.1,
        columnspacing=0.9,
        borderaxespad=0,
    )
    _finish((losses, share), history, best, text, "learning.ice_epoch")
    return figure


def _two_plots() -> tuple[Figure, Axes, Axes]:
    figure = new_figure(8.4, 2.9)
    return (
        figure,
        figure.add_axes((0.065, 0.17, 0.41, 0.73)),
        figure.add_axes((0.565, 0.17, 0.41, 0.73)),
    )


def _draw_losses(
    axes: Axes, history: Sequence[EpochLike], text: Text, names: tuple[str, str]
) -> None:
    numbers = [epoch.number for epoch in history]
    for name, values, colour in (
        (names[0], [epoch.loss for epoch in history], ACCENT),
        (names[1], [epoch.validation_loss for epoch in history], SERIES[1]),
    ):
        axes.plot(numbers, values, color=colour, linewidth=1.6, label=text(name))
    axes.legend(frameon=False, fontsize=8, labelcolor=INK)


def _draw_iou(
    axes: Axes, history: Sequence[EpochLike], values: Sequence[float], colour: str
) -> None:
    axes.plot([epoch.number for epoch in history], values, color=colour, linewidth=1.6)
    axes.set_ylim(0, 1)


def _finish(
    plots: tuple[Axes, Axes], history: Sequence[EpochLike], best: int, text: Text, epochs: str
) -> None:
    """Draw axes, and the line of the epoch that was kept."""
    for axes in plots:
        _quiet(axes, text)
        axes.set_xlabel(text(epochs), fontsize=9, color=INK)
        axes.axvline(best, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
    early = best <= (1 + history[-1].number) / 2
    plots[1].annotate(
        text("learning.kept", number=best),
        (best, 0.03),
        xytext=(4 if early else -4, 0),
        textcoords="offset points",
        ha="left" if early else "right",
        fontsize=8,
        color=MUTED,
    )


def _quiet(axes: Axes, text: Text) -> None:
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(LINE)
    axes.tick_params(colors=MUTED, labelsize=8, length=0)
    axes.grid(axis="y", color=LINE, linewidth=0.6)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    write_numbers(axes.yaxis, text)
