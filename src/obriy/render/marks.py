"""Numbers on a map of many classes, for readers who cannot tell all its colours apart."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

FEWEST: Final = 4
"""Classes from which numbers are set: of fewer, colours that any eye tells apart can be chosen."""
PER_CLASS: Final = 3
_WINDOW: Final = 0.035
"""Side of the ground that a number covers, as a share of the picture's longest side."""
_PURE: Final = 0.7
"""Share of the class that it must have there."""
_MIDDLE: Final = 5
"""Side of the ground in whose middle a number should stand, in sides of the number's own."""
_APART: Final = 0.25
"""Distance of two numbers of one class, as a share of the longest side, at least."""

Mark = tuple[float, float, str]
"""Column and row of the middle in the picture, and what stands there."""


def class_marks(shares: npt.NDArray[np.float32], codes: Sequence[int]) -> list[Mark]:
    """Return where the number of each class may stand: in its purest places.

    Args:
        shares: (classes, rows, columns) share of each class in the picture's elements, 0 to 1.
        codes: Of the classes.
    """
    from scipy import ndimage  # few maps have numbers

    longest = max(shares.shape[1:])
    window = max(1, round(_WINDOW * longest))
    rows, columns = np.indices(shares.shape[1:])
    marks: list[Mark] = []
    for code, share in zip(codes, shares, strict=True):
        near, far = (
            ndimage.uniform_filter(share.astype("float64"), size, mode="constant")
            for size in (window, _MIDDLE * window)
        )
        # Of all pure places the middle of the largest patch.
        score = np.where(near >= _PURE, np.round(far, 6), 0)
        for _ in range(PER_CLASS):
            best = int(score.argmax())
            if score.flat[best] <= 0:
                break
            row, column = divmod(best, share.shape[1])
            marks.append((column + 0.5, row + 0.5, str(code)))
            score[np.hypot(rows - row, columns - column) < _APART * longest] = 0
    return marks


def draw_marks(axes: Axes, marks: Sequence[Mark], size: tuple[float, float]) -> None:
    """Write numbers on a map, dark with a light rim.

    Args:
        axes: In coordinates of columns and rows of the map.
        marks: Of `class_marks`.
        size: Columns and rows of the map in an element of the picture.
    """
    rim = [withStroke(linewidth=2.0, foreground="white")]
    for x, y, words in marks:
        axes.text(x * size[0], y * size[1], words, fontsize=7, color="#111111", ha="center",
                  va="center", path_effects=rim, clip_on=True)  # fmt: skip
