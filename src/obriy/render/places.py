"""Where to look at a cluster: typical places, found from inner pixels, and their marks."""

import dataclasses
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy import ndimage

from obriy.render.contrast import Array, square_around

PLACES: Final = 4
"""Typical places that are magnified: a power of two, for the cluster is halved again and again."""
_DEEP: Final = 3
"""Pixels from the edge of a patch at which a pixel lies inside for certain."""
_WORTH: Final = 0.25
"""How dense a cluster must be around a place, as a share of where it is densest."""
_OVERLAP: Final = 0.25
"""Share of the side of a place that another may cover."""
_FIGURES: Final = ("26227", "61247", "61216", "55711")
"""The figures 1 to 4, five rows of three pixels each: a row is the sum of 4, 2, 1."""
_DOT: Final = 3
"""Side of a dot of a figure, pixels of the picture."""
_LEAST_FRAME: Final = 9

Mask = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class Place:
    """A typical place of a cluster.

    Attributes:
        row: Of a pixel of the cluster, inside a patch of it as far as it has any.
        column: Likewise.
        top: First row of the square that is magnified; it lies inside the map where that is large
            enough.
        left: Its first column.
    """

    row: int
    column: int
    top: int
    left: int

    def middle(self, side: int) -> tuple[int, int]:
        """Return row and column of the middle of the square."""
        return self.top + side // 2, self.left + side // 2


def typical_places(
    labels: xr.DataArray,
    cluster: int,
    share: npt.NDArray[np.float32],
    steps: tuple[int, int],
    side: int,
) -> list[Place]:
    """Return places that stand for a cluster, apart from each other.

    The cluster is cut into `PLACES` parts of equal area, so that places follow its area and not its
    largest patch. In each part the place is that of the inner half of its elements around which the
    cluster is densest, the one nearest to the middle of the part where several are. Elements so
    near to a place that is taken that their squares would overlap by more than a quarter do not
    count, nor do those where there is hardly any of the cluster: there may be fewer places.

    Args:
        labels: (y, x) uint8 numbers of clusters; read around the places alone.
        cluster: Which one.
        share: Share of the cluster in the elements of a small picture, 0 to 1.
        steps: Rows and columns of pixels in an element.
        side: Of a place, pixels.
    """
    inner = ndimage.minimum_filter(share, 3, mode="nearest") + share * 1e-3
    window = [max(1, round(side / step)) for step in steps]
    dense = ndimage.uniform_filter(share.astype("float64"), window, mode="nearest")
    elements = np.argwhere(share > 0)
    weight = share[share > 0].astype("float64")
    found: list[Place] = []
    least = _WORTH * float(dense[share > 0].max(initial=0.0))
    for part in _equal_parts(elements, weight, PLACES):
        if not len(part):
            continue
        rows, columns = elements[part].T
        depth, around = inner[rows, columns], dense[rows, columns]
        away = np.hypot(rows - rows.mean(), columns - columns.mean())
        score = 2.0 * (depth < np.median(depth)) - np.round(around, 2) + 0.01 * away / share.size
        score[_near(rows * steps[0], columns * steps[1], found, (1 - _OVERLAP) * side)] = np.inf
        best = int(score.argmin())
        if np.isfinite(score[best]) and around[best] >= least:
            found.append(_settled(labels, cluster, (rows[best], columns[best]), steps, side))
    return found


def _equal_parts(
    elements: npt.NDArray[np.intp], weight: npt.NDArray[np.float64], parts: int
) -> list[npt.NDArray[np.intp]]:
    """Cut elements into parts of equal weight: each time across the longer side of what is cut."""
    pieces = [np.arange(len(elements))]
    while len(pieces) < parts:
        halves = []
        for piece in pieces:
            along = int(np.argmax(np.ptp(elements[piece], axis=0))) if len(piece) else 0
            order = piece[np.lexsort((elements[piece, 1 - along], elements[piece, along]))]
            half = np.searchsorted(np.cumsum(weight[order]), weight[order].sum() / 2, "right")
            halves += [order[:half], order[half:]]
        pieces = halves
    return pieces


def _near(
    rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp], taken: Sequence[Place], least: float
) -> Mask:
    """Return which pixels lie nearer to a place than allowed: rows and columns both."""
    near = np.zeros(rows.shape, bool)
    for place in taken:
        apart = np.maximum(np.abs(rows - place.row), np.abs(columns - place.column))
        near |= apart < least
    return near


def _settled(
    labels: xr.DataArray,
    cluster: int,
    element: tuple[int, int],
    steps: tuple[int, int],
    side: int,
) -> Place:
    """Return the place at the innermost pixel of the cluster in an element, the middle first."""
    size = max(steps) + 2 * _DEEP
    middle = [int(i) * step + step // 2 for i, step in zip(element, steps, strict=True)]
    inside = square_around(labels, middle[0], middle[1], size) == cluster
    depth = np.minimum(ndimage.distance_transform_cdt(np.pad(inside, 1))[1:-1, 1:-1], _DEEP)
    rows, columns = np.indices(inside.shape) - size // 2
    own = (np.abs(rows) <= steps[0] // 2) & (np.abs(columns) <= steps[1] // 2)
    score = np.where(inside, depth - np.hypot(rows, columns) / (4 * size), -1) + 9.0 * own * inside
    best = int(score.argmax())
    row, column = middle[0] + int(rows.flat[best]), middle[1] + int(columns.flat[best])
    top, left = (
        max(0, min(at - side // 2, length - side))
        for at, length in zip((row, column), labels.shape, strict=True)
    )
    return Place(row, column, top, left)


def mark(picture: Array, number: int, box: tuple[float, float, float, float]) -> None:
    """Draw a frame and its number into a picture: white lines between dark ones.

    Args:
        picture: (rows, columns, 3) brightness, 0 to 1; drawn into.
        number: 1 to `PLACES`.
        box: Top, left, bottom, right of the frame, pixels of the picture; what lies beyond it is
            not drawn.
    """
    top, left, bottom, right = _at_least(box)
    for margin, level in ((0, 0.0), (1, 1.0), (2, 0.0)):
        _rectangle(picture, (top + margin, left + margin, bottom - margin, right - margin), level)
    glyph = figure_of(number)
    tall, wide = glyph.shape
    y = top - tall if top >= tall else min(bottom + 1, picture.shape[0] - tall)
    x = max(0, min(left, picture.shape[1] - wide))
    paste(picture, glyph, max(0, y), x)


def figure_of(number: int) -> npt.NDArray[np.float64]:
    """Return the picture of a figure: white on black, with a margin."""
    rows = [[int(c) >> bit & 1 for bit in (2, 1, 0)] for c in _FIGURES[number - 1]]
    large = np.kron(np.array(rows, "float64"), np.ones((_DOT, _DOT)))
    return np.pad(large, _DOT - 1)


def paste(picture: Array, glyph: npt.NDArray[np.float64], top: int, left: int) -> None:
    """Draw a figure into a picture, as far as there is room."""
    part = picture[top : top + glyph.shape[0], left : left + glyph.shape[1]]
    part[:] = glyph[: part.shape[0], : part.shape[1], None]


def _at_least(box: tuple[float, float, float, float]) -> tuple[int, int, int, int]:
    """Return a frame in whole pixels, not so small that nobody sees it."""
    top, left, bottom, right = (round(value) for value in box)
    more = max(0, _LEAST_FRAME - (bottom - top)), max(0, _LEAST_FRAME - (right - left))
    top, left = top - more[0] // 2, left - more[1] // 2
    return top, left, max(bottom, top + _LEAST_FRAME), max(right, left + _LEAST_FRAME)


def _rectangle(picture: Array, box: tuple[int, int, int, int], level: float) -> None:
    top, left, bottom, right = box
    tall, wide = picture.shape[:2]
    rows = slice(max(0, top), max(0, min(tall, bottom + 1)))
    columns = slice(max(0, left), max(0, min(wide, right + 1)))
    for row in (top, bottom):
        if 0 <= row < tall:
            picture[row, columns] = level
    for column in (left, right):
        if 0 <= column < wide:
            picture[rows, column] = level
