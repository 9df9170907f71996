"""Intervals of scores by spatial block bootstrap.

Neighbouring pixels err together, so an interval from single pixels is far too narrow: whole blocks
of the map are drawn instead, with replacement (Kunsch, "The jackknife and the bootstrap for
general stationary observations", Annals of Statistics 17, 1989; Lahiri, Resampling Methods for
Dependent Data, 2003).
"""

from typing import Final

import numpy as np

from obriy.model.interval import EDGES
from obriy.model.legend import Legend
from obriy.validation.confusion import CountArray
from obriy.validation.scores import CLASS_SCORES, MAP_SCORES, FloatArray, metrics

DRAWS: Final = 1000
LEAST_BLOCKS: Final = 10
"""With fewer blocks the draws repeat themselves and the interval means nothing."""
ENOUGH_BLOCKS: Final = 100
"""Blocks grow from 64 to 256 pixels as long as this many remain."""
_DEFINED: Final = 0.9
"""A score that is undefined in more than a tenth of the draws gets no interval."""


def block_intervals(cells: CountArray, legend: Legend, seed: int) -> dict[str, list[float]] | None:
    """Return 90 % intervals of all scores.

    Args:
        cells: (rows, columns, classes, classes + 1) confusion by cell of 64 pixels.
        legend: The classes.
        seed: Of the draws; the same seed gives the same intervals.

    Returns:
        ``{"kappa": [low, high], "water.f1": [low, high], ...}``; None where fewer than ten blocks
        hold compared pixels.
    """
    blocks = _blocks(cells)
    if len(blocks) < LEAST_BLOCKS:
        return None
    random = np.random.default_rng(seed)
    times = random.multinomial(len(blocks), np.full(len(blocks), 1 / len(blocks)), size=DRAWS)
    drawn = times.astype("float64") @ blocks.reshape(len(blocks), -1)
    found = metrics(drawn.reshape(DRAWS, *blocks.shape[1:]))
    scores = {name: found[name] for name in MAP_SCORES}
    scores |= {f"{c.name}.{s}": found[s][:, i] for i, c in enumerate(legend) for s in CLASS_SCORES}
    intervals = {name: interval(values) for name, values in scores.items()}
    return {name: edges for name, edges in intervals.items() if edges}


def _blocks(cells: CountArray) -> FloatArray:
    """Return the confusion of the largest blocks of which enough hold compared pixels."""
    filled: FloatArray = np.zeros((0, *cells.shape[2:]))
    for cells_a_side in (4, 2, 1):
        blocks = _merged(cells, cells_a_side)
        filled = blocks[blocks.sum(axis=(1, 2)) > 0].astype("float64")
        if len(filled) >= ENOUGH_BLOCKS:
            break
    return filled


def _merged(cells: CountArray, side: int) -> CountArray:
    """Add cells up in squares; at the far edges there may be fewer cells in one."""
    for axis in (0, 1):
        cells = np.add.reduceat(cells, np.arange(0, cells.shape[axis], side), axis=axis)
    return cells.reshape(-1, *cells.shape[2:])


def interval(values: FloatArray) -> list[float]:
    """Return low and high of drawn scores; empty where the score is undefined too often."""
    defined = values[np.isfinite(values)]
    if len(defined) < _DEFINED * len(values):
        return []
    return [float(edge) for edge in np.percentile(defined, EDGES)]
