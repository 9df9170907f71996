"""How much may lie in what no date saw: by what lies in blocks as large as the holes.

Things of one kind hang together: a lake is in a hole or it is not. What varies from one block of
32 pixels to the next says little of a hole of a thousand, where few blocks as large were seen; so
blocks grow with the holes, as long as enough of them were seen to tell how much they differ. One
more block is supposed, of a middling size and half of it water: few blocks that agree by chance
are no certainty.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from obriy.measures.tally import FloatArray, Piece, Tally
from obriy.model.interval import EDGES, QUANTILE

_SEEN, _WET, _BLIND = range(3)
_NEIGHBOURS: Final = np.ones((3, 3), int)


@dataclasses.dataclass(frozen=True)
class Hidden:
    """What ground that no date saw may hold, m².

    Attributes:
        least: Lower end of a 90 % interval: none, where holes are as large as what they may hide.
        most: Upper end of a 90 % interval.
        deviation: Standard deviation.
    """

    least: float = 0.0
    most: float = 0.0
    deviation: float = 0.0


def hidden(tally: Tally, share: float, seen: float, rest: float, own: Mapping[str, Any]) -> Hidden:
    """Return what the ground that no date saw may hold.

    Args:
        tally: Of the district.
        share: Of the class in what was seen and filled.
        seen: Area of the district that was seen, m².
        rest: Area that no date saw, inside the image and outside, m².
        own: ``least`` blocks to learn from; infinite: blocks do not grow, and the deviation is
            taken ``scale`` times.
    """
    if rest <= 0:
        return Hidden()
    grid = _grid(tally.pieces or [_whole(tally, seen)])
    grows = math.isfinite(own["least"])
    outside = max(0.0, rest - float(grid[..., _BLIND].sum()))
    holes = _holes(grid, outside) if grows else _apart(grid, outside, seen)
    sums = _coarse(grid, holes / rest, own["least"]) if grows else grid
    unit = float((sums[..., _SEEN] ** 2).sum()) / seen
    off = sums[..., _WET] - share * sums[..., _SEEN]
    spread = float((off**2).sum()) + unit**2 / 4
    variance = spread * (holes / (unit * seen + unit**2) + (rest / seen) ** 2)
    if not grows:
        half = QUANTILE * float(own["scale"]) * math.sqrt(variance)
        return Hidden(share * rest - half, share * rest + half, half / QUANTILE)
    middle = (share * seen + unit / 2) / (seen + unit)
    variance = min(variance / rest**2, 0.99 * middle * (1 - middle))
    return Hidden(0.0, rest * _most(middle, variance), rest * math.sqrt(variance))


def _most(mean: float, variance: float) -> float:
    """Return the upper end of the interval of a share, 0 to 1: of the beta distribution of such."""
    if variance <= 0:
        return mean
    strength = mean * (1 - mean) / variance - 1
    from scipy.special import betaincinv  # where all was seen nobody asks: a tenth of a second

    # What `scipy.stats.beta.ppf` computes; to import that takes as long as measuring a scene.
    return float(betaincinv(mean * strength, (1 - mean) * strength, EDGES[1] / 100))


def _whole(tally: Tally, seen: float) -> Piece:
    """Return a district as one block."""
    return Piece((0, 0), np.array([[[seen, tally.fraction, 0.0]]]))


def _grid(pieces: Sequence[Piece]) -> FloatArray:
    """Return (y, x, 3) the sums of all blocks of a district, m²."""
    corners = np.array([p.corner for p in pieces])
    ends = corners + [p.sums.shape[:2] for p in pieces]
    first = corners.min(0)
    grid = np.zeros((*(ends.max(0) - first), 3))
    for piece, (row, column) in zip(pieces, corners - first, strict=True):
        rows, columns = piece.sums.shape[:2]
        grid[row : row + rows, column : column + columns] += piece.sums
    return grid


def _holes(grid: FloatArray, outside: float) -> float:
    """Return the sum of the squared areas of the holes, m⁴; what lies outside is one more.

    Blocks of which more than half is hidden hang together with their neighbours.
    """
    blind = grid[..., _BLIND]
    if not blind.any():
        return outside**2
    from scipy.ndimage import label  # a clear image needs none: a tenth of a second

    marks, count = label(blind > grid[..., _SEEN], _NEIGHBOURS)
    sizes = np.bincount(marks.ravel(), blind.ravel(), count + 1)[1:]
    alone = blind[marks == 0]
    return float((sizes**2).sum() + (alone**2).sum()) + outside**2


def _apart(grid: FloatArray, outside: float, seen: float) -> float:
    """Return the same where every block is a hole of its own, and what lies outside is many."""
    usual = float((grid[..., _SEEN] ** 2).sum()) / seen
    return float((grid[..., _BLIND] ** 2).sum()) + outside * usual


def _coarse(grid: FloatArray, hole: float, least: float) -> FloatArray:
    """Return the sums of blocks up to the size of the holes, of which enough were seen.

    Args:
        grid: (y, x, 3) of the smallest blocks.
        hole: Middling area of a hole, m².
        least: How many blocks that were seen are enough; what they weigh counts, not they.
    """
    side = 1
    while True:
        larger = _merged(grid, 2 * side)
        whole = larger[..., _SEEN] + larger[..., _BLIND]
        if float(whole.max()) > 2 * hole or _number(larger[..., _SEEN]) < least:
            return _merged(grid, side)
        side *= 2


def _merged(grid: FloatArray, side: int) -> FloatArray:
    """Add blocks up in squares; at the far edges there may be fewer in one."""
    for axis in (0, 1):
        grid = np.add.reduceat(grid, np.arange(0, grid.shape[axis], side), axis=axis)
    return grid


def _number(areas: FloatArray) -> float:
    """Return how many areas of one size would weigh as much (Kish 1965)."""
    squares = float((areas**2).sum())
    return float(areas.sum()) ** 2 / squares if squares else 0.0
