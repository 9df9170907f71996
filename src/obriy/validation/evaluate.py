"""A map against a reference: the one door to all scores."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from odc.geo.geobox import GeoBox

from obriy.blocks.windows import windows
from obriy.errors import EmptyResultError, GridError, InputError
from obriy.model.classmap import ClassMap
from obriy.model.flags import Unseen
from obriy.model.grid import geobox_of
from obriy.model.legend import NO_DATA, UNNAMED, Legend
from obriy.model.reference import Reference
from obriy.model.scores import Scores
from obriy.validation.align import WindowReader, window_reader
from obriy.validation.bootstrap import block_intervals
from obriy.validation.confusion import ByteArray, Counter
from obriy.validation.edges import edge_ring
from obriy.validation.scores import score


def evaluate(
    class_map: ClassMap, reference: Reference | ClassMap | xr.DataArray, *, seed: int = 0
) -> Scores:
    """Compare a map with a reference, pixel by pixel on the map's grid.

    Pixels that the map could not see (cloud, shadow, no data, frozen) are not scored but counted;
    a clear pixel that it would not name counts as wrong.

    Args:
        class_map: The map; arrays in memory or lazy.
        reference: Labels on any grid (the nearest pixel is taken): a `Reference`, another map, or
            a plain array (y, x) of codes of the map's legend, 0 for no reference; of bool, True is
            water. An array with no coordinates must have the map's shape.
        seed: Of the bootstrap behind the intervals.

    Returns:
        Scores with 95 % intervals, and the same without the one-pixel ring at the label edges of
        the reference.

    Raises:
        GridError: the reference says nothing where the map lies.
        EmptyResultError: the map saw nothing of what the reference knows.
        InputError: legends that share no class, or codes that are not in them.
    """
    truth = _truth(class_map, reference)
    everything = Counter.for_map(class_map.labels.shape, class_map.legend)
    inner = Counter.for_map(class_map.labels.shape, class_map.legend)
    for rows, columns in windows(class_map.labels.shape):
        labels = class_map.labels.isel(y=rows, x=columns).to_numpy()
        clear = None
        if class_map.unseen is not None:
            clear = class_map.unseen.isel(y=rows, x=columns).to_numpy() == Unseen.SEEN
        codes, ring = truth.window(rows, columns, class_map.labels.shape)
        everything.add(rows, columns, codes, labels, clear=clear)
        inner.add(rows, columns, codes, labels, clear=clear, leave_out=ring)
    _require_pixels(everything, truth.source)
    without_edges = _scores(inner, class_map.legend, truth, seed)
    scores = _scores(everything, class_map.legend, truth, seed)
    if scores is None:
        raise EmptyResultError(
            f"The map saw none of the {everything.unseen} pixels that {truth.source} knows.",
            "Take an image with less cloud, or a reference of another place.",
        )
    return dataclasses.replace(scores, without_edges=without_edges)


@dataclasses.dataclass(frozen=True)
class _Truth:
    """A reference in the codes and on the grid of the map.

    Attributes:
        read: Window of raw codes on the map's grid.
        table: (256,) uint8, raw code to code of the map's legend.
        source: What to call it.
        independent: Of the mapped scene.
        notes: For the record.
    """

    read: WindowReader
    table: ByteArray
    source: str
    independent: bool
    notes: tuple[str, ...]

    def window(
        self, rows: slice, columns: slice, shape: tuple[int, ...]
    ) -> tuple[ByteArray, npt.NDArray[np.bool_]]:
        """Return codes and the ring at their edges; the ring looks one pixel beyond the window."""
        wide = [
            slice(max(0, s.start - 1), min(n, s.stop + 1))
            for s, n in zip((rows, columns), shape, strict=True)
        ]
        codes = self.table[_as_codes(self.read(wide[0], wide[1]))]
        core = tuple(
            slice(s.start - w.start, s.stop - w.start)
            for s, w in zip((rows, columns), wide, strict=True)
        )
        return codes[core], edge_ring(codes)[core]


def _truth(class_map: ClassMap, reference: Reference | ClassMap | xr.DataArray) -> _Truth:
    grid, legend = class_map.geobox, class_map.legend
    if isinstance(reference, Reference):
        table, notes = _translation(reference.legend, legend)
        read = window_reader(reference.labels, reference.geobox, grid)
        notes = (*reference.notes, *notes)
        return _Truth(read, table, reference.source, reference.independent, notes)
    if isinstance(reference, ClassMap):
        table, notes = _translation(reference.legend, legend)
        read = window_reader(reference.labels, reference.geobox, grid)
        return _Truth(read, table, "another map", True, notes)
    source = _array_grid(reference, grid)
    read = window_reader(_codes_of_array(reference, legend), source, grid)
    table = np.arange(256, dtype="uint8")
    table[UNNAMED] = NO_DATA
    return _Truth(read, table, "an array", True, ())


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


def _translation(source: Legend, target: Legend) -> tuple[ByteArray, tuple[str, ...]]:
    """Return (256,) codes of the target legend by code of the source, matched by class name."""
    table = np.zeros(256, "uint8")
    by_name = {c.name: c.code for c in target}
    lost = [c.name for c in source if c.name not in by_name]
    for entry in source:
        table[entry.code] = by_name.get(entry.name, NO_DATA)
    if not table.any():
        raise InputError(
            f"The legends '{source.name}' and '{target.name}' share no class.",
            f"The map's classes are: {', '.join(by_name)}.",
        )
    return table, (f"Not compared: {', '.join(lost)}.",) if lost else ()


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


def _require_pixels(counter: Counter, source: str) -> None:
    if not counter.unseen and not counter.counts.any():
        raise GridError(
            f"The reference ({source}) says nothing where the map lies.",
            "Check that both show the same place, and the CRS of each.",
        )


def _scores(counter: Counter, legend: Legend, truth: _Truth, seed: int) -> Scores | None:
    """Return the scores of what was counted; None where nothing was."""
    confusion = counter.total
    pixels = int(confusion.sum())
    if not pixels:
        return None
    return score(
        confusion,
        legend,
        independent=truth.independent,
        intervals=block_intervals(counter.counts, legend, seed),
        unseen_share=counter.unseen / (pixels + counter.unseen),
        reference=truth.source,
        notes=truth.notes,
    )
