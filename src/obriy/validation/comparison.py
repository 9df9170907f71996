"""A map and a reference side by side, window by window, in one legend and on the map's grid."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from odc.geo.geobox import GeoBox

from obriy.blocks.windows import windows
from obriy.errors import GridError, InputError
from obriy.model.classmap import ClassMap
from obriy.model.flags import Unseen
from obriy.model.grid import geobox_of
from obriy.model.legend import NO_DATA, UNNAMED, Legend
from obriy.model.reference import Reference
from obriy.validation.align import WindowReader, window_reader
from obriy.validation.edges import edge_ring
from obriy.validation.meeting import Meeting, meet

ByteArray = npt.NDArray[np.uint8]
BoolArray = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class Window:
    """A window of a comparison.

    Attributes:
        place: Rows and columns in the map.
        mapped: (rows, columns) uint8 codes, 0 unseen, 255 not named.
        reference: (rows, columns) uint8 codes, 0 where there is none.
        ring: (rows, columns) True at label edges of the reference.
        clear: (rows, columns) True where a 0 of the map was seen all the same; None: not known.
    """

    place: tuple[slice, slice]
    mapped: ByteArray
    reference: ByteArray
    ring: BoolArray
    clear: BoolArray | None

    @property
    def compared(self) -> BoolArray:
        """Where the reference speaks and the map saw."""
        seen = self.mapped != NO_DATA
        if self.clear is not None:
            seen |= self.clear
        compared: BoolArray = seen & (self.reference != NO_DATA) & (self.reference != UNNAMED)
        return compared


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A map and a reference, brought together.

    Attributes:
        class_map: The map, as it is.
        meeting: The legend in which both are compared, and the way there.
        read: Reads a window of the reference on the map's grid, in its own codes.
        source: What to call the reference.
        independent: Whether the reference was made of something else than the mapped scene.
        notes: How codes and grids were brought together.
        repeats: Readers of further labels of the same pixels, which count as well.
    """

    class_map: ClassMap
    meeting: Meeting
    read: WindowReader
    source: str
    independent: bool = True
    notes: tuple[str, ...] = ()
    repeats: tuple[WindowReader, ...] = ()

    @property
    def legend(self) -> Legend:
        """The legend in which both are compared."""
        return self.meeting.legend

    def windows(self) -> Iterator[Window]:
        """Yield windows that cover the map once, and again those with repeated labels."""
        for rows, columns in windows(self.class_map.labels.shape):
            yield self._window(rows, columns, *self._truth(self.read, rows, columns))
            for read in self.repeats:
                reference, ring = self._truth(read, rows, columns)
                if (reference != NO_DATA).any():
                    yield self._window(rows, columns, reference, ring)

    def _window(self, rows: slice, columns: slice, reference: ByteArray, ring: BoolArray) -> Window:
        labels, unseen = self.class_map.labels, self.class_map.unseen
        clear = None
        if unseen is not None:
            clear = unseen.isel(y=rows, x=columns).to_numpy() == Unseen.SEEN
        mapped = self.meeting.mapped[labels.isel(y=rows, x=columns).to_numpy()]
        return Window((rows, columns), mapped, reference, ring, clear)

    def _truth(
        self, read: WindowReader, rows: slice, columns: slice
    ) -> tuple[ByteArray, BoolArray]:
        """Return codes and the ring at their edges; the ring looks one pixel beyond the window."""
        wide = [
            slice(max(0, s.start - 1), min(n, s.stop + 1))
            for s, n in zip((rows, columns), self.class_map.labels.shape, strict=True)
        ]
        codes = self.meeting.reference[_as_codes(read(wide[0], wide[1]))]
        core = tuple(
            slice(s.start - w.start, s.stop - w.start)
            for s, w in zip((rows, columns), wide, strict=True)
        )
        return codes[core], edge_ring(codes)[core]


def compare(class_map: ClassMap, reference: Reference | ClassMap | xr.DataArray) -> Comparison:
    """Bring a map and a reference together; arguments and errors are those of `evaluate`.

    Raises:
        GridError: an array with neither coordinates nor the shape of the map.
        InputError: legends that share no class.
    """
    grid, legend = class_map.geobox, class_map.legend
    if isinstance(reference, xr.DataArray):
        read = window_reader(_codes_of_array(reference, legend), _array_grid(reference, grid), grid)
        return Comparison(class_map, meet(legend, legend), read, "an array")
    meeting = meet(legend, reference.legend)
    most = meeting.legend.name != "water"  # of water the nearest pixel, as ever
    read = window_reader(reference.labels, reference.geobox, grid, most_frequent=most)
    if isinstance(reference, ClassMap):
        return Comparison(class_map, meeting, read, "another map", notes=meeting.notes)
    return Comparison(
        class_map,
        meeting,
        read,
        reference.source,
        independent=reference.independent,
        notes=(*reference.notes, *meeting.notes),
        repeats=tuple(window_reader(r, reference.geobox, grid) for r in reference.repeats),
    )


def _array_grid(labels: xr.DataArray, grid: GeoBox) -> GeoBox:
    """Return the grid of a plain array: that of the map, where it says none and has its shape."""
    if labels.dims != ("y", "x"):
        raise InputError(f"The reference has the dims {labels.dims}.", "Give an array (y, x).")
    if "x" in labels.coords or "y" in labels.coords:
        return geobox_of(labels)
    if labels.shape != tuple(grid.shape):
        raise GridError(
            f"The reference has no coordinates and {labels.shape} pixels; the map has "
            f"{tuple(grid.shape)}.",
            "Give it coordinates, or the map's shape.",
        )
    return grid


def _codes_of_array(labels: xr.DataArray, legend: Legend) -> xr.DataArray:
    """Return a plain array as it is; of bool, as codes, so that outside it is no "not water"."""
    if labels.dtype != bool:
        return labels
    water, land = legend.by_name("water").code, legend.by_name("not_water").code
    return labels.copy(data=np.where(labels.to_numpy(), water, land).astype("uint8"))


def _as_codes(values: npt.NDArray[Any]) -> ByteArray:
    """Return raw values as uint8; NaN is no reference.

    Raises:
        InputError: values that are no codes.
    """
    if values.dtype == np.uint8:
        return values
    finite = np.where(np.isfinite(values), values, NO_DATA) if values.dtype.kind == "f" else values
    codes: ByteArray = finite.astype("uint8")
    if (codes != finite).any():
        raise InputError(
            f"The reference has values that are no class codes ({values.min()} to {values.max()}).",
            "Class codes are whole numbers from 0 to 255.",
        )
    return codes
