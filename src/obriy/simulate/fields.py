"""Smooth random fields and the shapes of water, with exact shares of pixels."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

FloatArray = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
SUB = 8
"""A pixel's share of water is counted in 8 x 8 sub-pixels."""
STEPS = (np.arange(SUB) + 0.5) / SUB


def noise(rng: np.random.Generator, shape: tuple[int, int], roughness: float) -> FloatArray:
    """Return a smooth random field, mean 0, standard deviation 1, (rows, columns).

    Args:
        rng: Where the randomness comes from.
        shape: Rows and columns.
        roughness: Exponent of the falling power spectrum: 2 is rugged, 4 is smooth.
    """
    rows, columns = shape
    frequency = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(columns)[None, :])
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.standard_normal(shape)) * frequency ** (-roughness / 2)
    field = np.fft.irfft2(spectrum, shape)
    deviation = field.std()
    return np.asarray(field / deviation if deviation > 0 else field)


class Shape(Protocol):
    """A body of water whose outline is finer than pixels."""

    def cells(self) -> Mask:
        """Return the pixels that may hold some of it, (rows, columns)."""
        ...

    def mark(self, inside: Mask, cells: Cells) -> None:
        """Set the sub-pixels that lie in it.

        Args:
            inside: (n, 8, 8) sub-pixels of the chosen pixels; changed.
            cells: The chosen pixels.
        """
        ...


@dataclasses.dataclass(frozen=True)
class Cells:
    """The pixels that are divided into sub-pixels.

    Attributes:
        rows: (n,) row of each.
        columns: (n,) column of each.
        index: (rows, columns) their number in these lists, -1 for all other pixels.
    """

    rows: npt.NDArray[np.int_]
    columns: npt.NDArray[np.int_]
    index: npt.NDArray[np.int_]

    def points(self, which: npt.NDArray[np.int_] | slice) -> tuple[FloatArray, FloatArray]:
        """Return rows and columns of sub-pixel centres, (n, 8, 8), in pixels from the corner."""
        rows = self.rows[which, None, None] + STEPS[:, None]
        columns = self.columns[which, None, None] + STEPS
        shape = (len(rows), SUB, SUB)
        return np.broadcast_to(rows, shape), np.broadcast_to(columns, shape)


@dataclasses.dataclass(frozen=True)
class Lake:
    """Where a field, bilinear between the corners of pixels, lies below zero.

    Attributes:
        corners: (rows + 1, columns + 1) the field at the corners.
    """

    corners: FloatArray

    def cells(self) -> Mask:
        """Return the pixels that may hold some of it: a bilinear field is least at a corner."""
        below = self.corners < 0
        return below[:-1, :-1] | below[1:, :-1] | below[:-1, 1:] | below[1:, 1:]

    def mark(self, inside: Mask, cells: Cells) -> None:
        """Set the sub-pixels that lie in it."""
        r, c = cells.rows[:, None, None], cells.columns[:, None, None]
        v, u = STEPS[:, None], STEPS
        top = self.corners[r, c] * (1 - u) + self.corners[r, c + 1] * u
        bottom = self.corners[r + 1, c] * (1 - u) + self.corners[r + 1, c + 1] * u
        inside |= top * (1 - v) + bottom * v < 0


@dataclasses.dataclass(frozen=True)
class River:
    """Everything nearer to a line than half the width at the nearest of its points.

    Attributes:
        line: (n, 2) row and column, pixels, densely spaced.
        radii: (n,) half the width, pixels.
        shape: Rows and columns of the image.
    """

    line: FloatArray
    radii: FloatArray
    shape: tuple[int, int]

    def cells(self) -> Mask:
        """Return the pixels that may hold some of it."""
        on_line = np.ones(self.shape, bool)
        rows, columns = np.floor(self.line).astype(int).T
        here = (rows >= 0) & (rows < self.shape[0]) & (columns >= 0) & (columns < self.shape[1])
        on_line[rows[here], columns[here]] = False
        if not here.any():
            return ~on_line
        return np.asarray(ndimage.distance_transform_edt(on_line) <= self.radii.max() + 2)

    def mark(self, inside: Mask, cells: Cells) -> None:
        """Set the sub-pixels that lie in it."""
        near = np.flatnonzero(self.cells()[cells.rows, cells.columns])
        rows, columns = cells.points(near)
        points = np.column_stack([rows.ravel(), columns.ravel()])
        distance, nearest = cKDTree(self.line).query(points)
        inside[near] |= (distance < self.radii[nearest]).reshape(rows.shape)


@dataclasses.dataclass(frozen=True)
class Ponds:
    """Discs, which may overlap to ponds of odd shapes.

    Attributes:
        centres: (n, 2) row and column, pixels.
        radii: (n,) pixels.
        shape: Rows and columns of the image.
    """

    centres: FloatArray
    radii: FloatArray
    shape: tuple[int, int]

    def cells(self) -> Mask:
        """Return the pixels that may hold some of it."""
        found = np.zeros(self.shape, bool)
        for window in self._windows():
            found[window] = True
        return found

    def mark(self, inside: Mask, cells: Cells) -> None:
        """Set the sub-pixels that lie in it."""
        for centre, radius, window in zip(self.centres, self.radii, self._windows(), strict=True):
            which = cells.index[window].ravel()
            rows, columns = cells.points(which)
            inside[which] |= np.hypot(rows - centre[0], columns - centre[1]) < radius

    def _windows(self) -> list[tuple[slice, slice]]:
        low = np.clip(np.floor(self.centres - self.radii[:, None]).astype(int), 0, self.shape)
        high = np.clip(np.ceil(self.centres + self.radii[:, None]).astype(int), 0, self.shape)
        return [(slice(a[0], b[0]), slice(a[1], b[1])) for a, b in zip(low, high, strict=True)]


def share(shapes: Sequence[Shape]) -> FloatArray:
    """Return the share of each pixel that lies in any of the shapes, (rows, columns) 0 to 1.

    Only pixels that may hold some water are divided into sub-pixels.
    """
    maybe = np.logical_or.reduce([s.cells() for s in shapes])
    rows, columns = np.nonzero(maybe)
    index = np.full(maybe.shape, -1)
    index[maybe] = np.arange(len(rows))
    inside = np.zeros((len(rows), SUB, SUB), bool)
    for shape in shapes:
        shape.mark(inside, Cells(rows, columns, index))
    shares = np.zeros(maybe.shape)
    shares[maybe] = inside.mean((1, 2))
    return shares
