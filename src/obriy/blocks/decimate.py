"""Big rasters made small, for pictures: means of blocks, shares of classes."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xarray as xr
from numba import njit

from obriy.blocks.averages import add_blocks, blocks_beneath
from obriy.blocks.damage import read_around
from obriy.blocks.raster import average_beside, fetch_ahead, read_averaged, shared_tiles
from obriy.errors import SourceError

_STRIP: Final = 2_000_000
"""Pixels read at once."""


def mean_of_blocks(array: npt.NDArray[np.float32], step: int) -> npt.NDArray[np.float32]:
    """Return the means of squares of an array in memory, NaN where a square holds nothing."""
    return block_means(xr.Variable(("y", "x"), array), (step, step))


def steps_for(shape: tuple[int, ...], max_size: int) -> tuple[int, int]:
    """Return how many rows and columns make one picture element, so that no side exceeds."""
    step = -(-max(shape) // max_size)
    return min(step, shape[0]), min(step, shape[1])


def means_beside(variable: xr.Variable, max_size: int) -> None:
    """Have `block_means` for a picture made while a band is read at full resolution, if that is.

    Args:
        variable: (y, x) float, NaN missing.
        max_size: As for `steps_for`.
    """
    whole, shape = _whole(variable, steps_for(variable.shape, max_size))
    average_beside(variable, *whole, shape)


def block_means(variable: xr.Variable, steps: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Return the means of blocks of pixels, NaN where a block holds nothing.

    Rows and columns at the end that fill no block are left out. What a damaged file cannot give
    is missing, and the rest is shown: that there is a hole is for the record of the map to say.

    Args:
        variable: (y, x) float, NaN missing; lazy or in memory.
        steps: Rows and columns of a block.
    """
    whole, shape = _whole(variable, steps)
    try:
        averaged = read_averaged(variable, *whole, shape)
    except SourceError:
        averaged = None
    if averaged is not None:
        return np.asarray(averaged, "float32")
    means = np.empty(shape, "float32")
    for place, window in _strips(variable, steps):
        block, _ = read_around(variable, *window)
        seen = np.isfinite(block)
        total = _sums(np.where(seen, block, 0).astype("float64"), steps)
        count = _sums(seen.astype("float64"), steps)
        means[place] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return means


def means_of_bands(
    variables: Sequence[xr.Variable], steps: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """Return `block_means` of several bands, (bands, rows, columns), each tile decoded once.

    Band by band, a tile that holds all of them would be decoded for each.

    Args:
        variables: (y, x) float of one shape, NaN missing; lazy or in memory.
        steps: Rows and columns of a block.
    """
    whole, shape = _whole(variables[0], steps)
    parts = shared_tiles(variables[0], *whole) if len(variables) > 1 else None
    if parts is None:
        return np.stack([block_means(variable, steps) for variable in variables])
    totals = np.zeros((len(variables), 2, *shape))
    for window in parts:
        fetch_ahead(variables, *window)
        blocks, corner = blocks_beneath(window, steps)
        for number, variable in enumerate(variables):
            values = np.asarray(read_around(variable, *window)[0], np.float32)
            add_blocks(values, ~np.isfinite(values), corner, steps, totals[number][:, *blocks])
    with np.errstate(invalid="ignore"):
        return np.asarray(totals[:, 0] / totals[:, 1], np.float32)


def class_shares(
    variable: xr.Variable, steps: tuple[int, int], codes: Sequence[int]
) -> npt.NDArray[np.float32]:
    """Return the share of each code in blocks of pixels, (codes, rows, columns), 0 to 1."""
    rows, columns = (n // s for n, s in zip(variable.shape, steps, strict=True))
    shares = np.empty((len(codes), rows, columns), "float32")
    # 0 is no class, and what most of a raster of codes holds: so what is left is soon known.
    wanted = np.array(codes if 0 in codes else [0, *codes])
    for place, window in _strips(variable, steps):
        block = np.asarray(variable[window].values)
        shares[:, place] = _counted(block, wanted, *steps)[-len(codes) :]
    shares /= np.float32(steps[0] * steps[1])
    return shares


def share_below(
    variable: xr.Variable, steps: tuple[int, int], limit: int
) -> npt.NDArray[np.float32]:
    """Return the share of values less than a limit in blocks of pixels, (rows, columns), 0 to 1."""
    rows, columns = (n // s for n, s in zip(variable.shape, steps, strict=True))
    shares = np.empty((rows, columns), "float32")
    for place, window in _strips(variable, steps):
        below = np.asarray(variable[window].values) < limit
        shares[place] = _sums(below.astype("float32"), steps) / (steps[0] * steps[1])
    return shares


@njit(nogil=True, cache=True)
def _counted(
    block: npt.NDArray[Any], codes: npt.NDArray[np.int64], down: int, across: int
) -> npt.NDArray[np.uint32]:
    """Count codes in blocks of so many rows and columns, (codes, rows, columns).

    Code by code, so that many pixels are compared at once; most places have one or two.
    """
    rows, columns = block.shape[0] // down, block.shape[1] // across
    counts = np.zeros((codes.size, rows, columns), np.uint32)
    here = np.empty(columns * across, np.uint16)
    for i in range(rows):
        left = down * here.size
        for k in range(codes.size):
            if left == 0:
                break
            code = block.dtype.type(codes[k])
            here[:] = 0
            for row in block[i * down : (i + 1) * down]:
                for x in range(here.size):
                    here[x] += np.uint16(row[x] == code)
            for j in range(columns):
                count = 0
                for x in range(j * across, (j + 1) * across):
                    count += here[x]
                counts[k, i, j] = count
                left -= count
    return counts


def _whole(
    variable: xr.Variable, steps: tuple[int, int]
) -> tuple[tuple[slice, slice], tuple[int, int]]:
    """Return the pixels that fill blocks, and how many blocks they fill."""
    rows, columns = (n // s for n, s in zip(variable.shape, steps, strict=True))
    return (slice(0, rows * steps[0]), slice(0, columns * steps[1])), (rows, columns)


def _strips(
    variable: xr.Variable, steps: tuple[int, int]
) -> Iterator[tuple[slice, tuple[slice, slice]]]:
    """Yield rows of the result, and the window of the pixels behind them."""
    rows, columns = (n // s for n, s in zip(variable.shape, steps, strict=True))
    height = max(1, _STRIP // max(1, steps[0] * columns * steps[1]))
    for top in range(0, rows, height):
        bottom = min(top + height, rows)
        window = slice(top * steps[0], bottom * steps[0]), slice(0, columns * steps[1])
        yield slice(top, bottom), window


def _sums(array: npt.NDArray[Any], steps: tuple[int, int]) -> npt.NDArray[Any]:
    rows, columns = (n // s for n, s in zip(array.shape, steps, strict=True))
    along = array.reshape(rows, steps[0], columns, steps[1]).sum(axis=3)
    sums: npt.NDArray[Any] = along.sum(axis=1)
    return sums
