"""Confusion counts, by cell of a map, so that neither arrays nor blocks need to be kept."""

import dataclasses
from typing import Final

import numpy as np
import numpy.typing as npt

from obriy.errors import InputError
from obriy.model.legend import NO_DATA, UNNAMED, Legend
from obriy.validation.comparison import Window

CELL: Final = 64
"""Side of a cell, pixels: the smallest block of the bootstrap."""

ByteArray = npt.NDArray[np.uint8]
BoolArray = npt.NDArray[np.bool_]
CountArray = npt.NDArray[np.int64]


class Counter:
    """Confusion of a map, counted window by window in square cells.

    Args:
        cells: Rows and columns of cells.
        legend: Classes of map and reference.
        cell: Side of a cell, pixels.

    Attributes:
        unseen: Pixels of the reference that the map could not see.
        unsaid: Pixels that the map saw and of which the reference says nothing.
    """

    def __init__(self, cells: tuple[int, int], legend: Legend, cell: int = CELL) -> None:
        self.cell = cell
        self.codes = _Codes.of(legend)
        classes = len(legend.codes)
        self.counts = np.zeros((*cells, classes, classes + 1), "int64")
        self.unseen = 0
        self.unsaid = 0

    @classmethod
    def for_map(cls, shape: tuple[int, ...], legend: Legend) -> "Counter":
        """Return a counter for a map of some rows and columns."""
        rows, columns = (max(1, -(-n // CELL)) for n in shape)
        return cls((rows, columns), legend)

    @property
    def total(self) -> CountArray:
        """Confusion of the whole map (classes, classes + 1)."""
        total: CountArray = self.counts.sum(axis=(0, 1))
        return total

    def add_window(self, window: Window, leave_out: BoolArray | None = None) -> None:
        """Count a window of a comparison; see `add`."""
        self.add(
            *window.place, window.reference, window.mapped, clear=window.clear, leave_out=leave_out
        )

    def add(
        self,
        rows: slice,
        columns: slice,
        reference: ByteArray,
        mapped: ByteArray,
        *,
        clear: BoolArray | None = None,
        leave_out: BoolArray | None = None,
    ) -> None:
        """Count a window.

        Args:
            rows: Rows of the window in the map.
            columns: Columns of it.
            reference: (rows, columns) uint8 codes, 0 where there is no reference.
            mapped: (rows, columns) uint8 codes, 0 unseen, 255 not named.
            clear: True where a 0 of the map was seen all the same: then it counts as not named.
            leave_out: True where a pixel is not to be compared.

        Raises:
            InputError: a code that the legend does not have.
        """
        truth = self.codes.of_reference(reference)
        found = self.codes.of_map(mapped, clear)
        known = truth < self.codes.classes
        seen = found <= self.codes.classes
        self.unsaid += int((seen & ~known).sum())
        if leave_out is not None:
            known &= ~leave_out
        self.unseen += int((known & ~seen).sum())
        # Only the cells that the window meets: a whole tile has 30 000 of them, each a matrix.
        cells = tuple(slice(s.start // self.cell, -(-s.stop // self.cell)) for s in (rows, columns))
        counts = self.counts[cells]
        size = self.codes.classes * (self.codes.classes + 1)
        bins = truth.astype("uint32") * (self.codes.classes + 1) + found
        bins += self._cells(rows, columns, counts.shape[1]) * np.uint32(size)
        nowhere = counts.size
        bins[~(known & seen)] = nowhere
        counts += np.bincount(bins.ravel(), minlength=nowhere + 1)[:nowhere].reshape(counts.shape)

    def _cells(self, rows: slice, columns: slice, across: int) -> npt.NDArray[np.uint32]:
        """Return the number of the cell of each pixel of a window, among those it meets."""
        row = np.arange(rows.start, rows.stop, dtype="uint32") // self.cell
        column = np.arange(columns.start, columns.stop, dtype="uint32") // self.cell
        row, column = row - row[:1], column - column[:1]
        cells: npt.NDArray[np.uint32] = row[:, None] * np.uint32(across) + column
        return cells


@dataclasses.dataclass(frozen=True)
class _Codes:
    """Class codes to positions in the matrix.

    Attributes:
        classes: Number of classes; that position means no reference, or not named by the map.
        table: (256,) uint8 position by code; ``classes + 1`` unseen, ``classes + 2`` unknown.
        legend: Name of the legend, for messages.
    """

    classes: int
    table: ByteArray
    legend: str

    @classmethod
    def of(cls, legend: Legend) -> "_Codes":
        classes = len(legend.codes)
        table = np.full(256, classes + 2, "uint8")
        table[legend.codes] = np.arange(classes)
        table[UNNAMED], table[NO_DATA] = classes, classes + 1
        return cls(classes, table, legend.name)

    def of_reference(self, codes: ByteArray) -> ByteArray:
        """Return positions of reference codes; ``classes`` or more where there is none."""
        return self._checked(codes, "reference")

    def of_map(self, codes: ByteArray, clear: BoolArray | None) -> ByteArray:
        """Return positions of map codes."""
        positions = self._checked(codes, "map")
        if clear is not None:
            positions[clear & (codes == NO_DATA)] = self.classes
        return positions

    def _checked(self, codes: ByteArray, what: str) -> ByteArray:
        positions: ByteArray = self.table[codes]
        strange = positions > self.classes + 1
        if strange.any():
            raise InputError(
                f"The {what} has the code {codes[strange][0]}, which the legend "
                f"'{self.legend}' does not have.",
                "Check that both maps use the same legend.",
            )
        return positions
