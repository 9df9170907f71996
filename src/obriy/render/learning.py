"""How a network learnt: its losses, and the IoU that chose its weights, epoch by epoch."""

from collections.abc import Sequence
from typing import Literal, Protocol

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from obriy.render.figures import ACCENT, INK, LINE, MUTED, new_figure, open_frame, write_numbers
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
        """Mean loss of what was learnt from."""
        ...

    @property
    def validation_loss(self) -> float:
        """Mean loss of what was chosen by."""
        ...

    @property
    def iou(self) -> float | None:
        """IoU on what was learnt from, while learning, 0 to 1; None: not defined."""
        ...

    @property
    def validation_iou(self) -> float:
        """IoU on what was chosen by, 0 to 1."""
        ...


def learning_figure(
    history: Sequence[EpochLike],
    best: int,
    test_iou: float | None = None,
    *,
    of: Literal["student", "ice"] = "student",
    lang: str = "en",
) -> Figure:
    """Draw losses and IoU over the epochs, and what the kept weights reach.

    Args:
        history: Epochs in order, at least one.
        best: Number of the epoch that was kept: that with the best validation IoU.
        test_iou: IoU of its weights on the test, 0 to 1; None: not defined, or elsewhere.
        of: What learnt: a student of land cover, or a network for ice.
        lang: Language.
    """
    text = text_of(lang)
    about = f"learning.{of}"
    figure, losses, share = _two_plots()
    numbers = [epoch.number for epoch in history]
    for key, values, colour in (
        ("learnt", [epoch.loss for epoch in history], ACCENT),
        ("held", [epoch.validation_loss for epoch in history], SERIES[1]),
    ):
        losses.plot(numbers, values, color=colour, linewidth=1.6, label=text(f"{about}_{key}"))
    losses.legend(frameon=False, fontsize=8, labelcolor=INK)
    learnt = [float("nan") if epoch.iou is None else epoch.iou for epoch in history]
    for values, colour in ((learnt, ACCENT), ([e.validation_iou for e in history], SERIES[1])):
        share.plot(numbers, values, color=colour, linewidth=1.6)
    share.set_ylim(0, 1)
    _mark_kept(share, history, best, test_iou, text)
    for axes, key in ((losses, "loss"), (share, "iou")):
        axes.set_title(text(f"{about}_{key}"), loc="left", fontsize=8.5, color=MUTED)
    _finish((losses, share), history, best, text, f"{about}_epoch")
    return figure


def _mark_kept(
    share: Axes, history: Sequence[EpochLike], best: int, test_iou: float | None, text: Text
) -> None:
    """Mark what the kept weights reach where it chose them, and on the test."""
    kept = next(epoch.validation_iou for epoch in history if epoch.number == best)
    for value, colour, key, marker in (
        (kept, SERIES[1], "learning.best", "o"),
        (test_iou, INK, "learning.test", "D"),
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


def _two_plots() -> tuple[Figure, Axes, Axes]:
    figure = new_figure(8.4, 2.9)
    return (
        figure,
        figure.add_axes((0.065, 0.17, 0.41, 0.73)),
        figure.add_axes((0.565, 0.17, 0.41, 0.73)),
    )


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
    open_frame(axes)
    axes.tick_params(colors=MUTED, labelsize=8, length=0)
    axes.grid(axis="y", color=LINE, linewidth=0.6)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    write_numbers(axes.yaxis, text)
