"""What hides a pixel beside the number of its own band: masks, and numbers that every band holds.

Two notions that a band cannot settle alone. A *mask* (the mask of a file, an alpha band, a band
named ``dataMask``) hides whatever the number beneath it says. A *fill* is a number, mostly 0, that
could be a dark surface in one band and means nothing where all the bands of a scene hold it.
"""

import dataclasses
import functools
import threading
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from odc.geo.geobox import GeoBox
from rasterio.errors import RasterioError
from rasterio.windows import Window

from obriy.blocks import gdal
from obriy.blocks.decoded import look_at
from obriy.blocks.handles import held, state_of
from obriy.blocks.pixels import holds
from obriy.blocks.planes import of_type
from obriy.blocks.resample import step_between
from obriy.blocks.windows import meeting
from obriy.model.grid import same_grid

BoolArray = npt.NDArray[np.bool_]

RIM: Final = 2
"""Pixels around a fill in which its number in single bands is fill too: the edges of the bands of
one image do not coincide, since each detector looks at another place, and pixels differ in size."""

_STEP: Final = 64
"""Pixels to which the surroundings of a fill are widened."""


@dataclasses.dataclass(frozen=True)
class Layer:
    """Numbers of a file as they are.

    Attributes:
        path: File name or GDAL path.
        index: Band number, from 1.
        grid: The grid that they are taken to lie on.
        mask: The mask that the file has for that band, in place of the band.
        network: How the path is reached; see `gdal.dataset`.
    """

    path: str
    index: int
    grid: GeoBox
    mask: bool = False
    network: gdal.Access = False


@dataclasses.dataclass(frozen=True)
class Witness:
    """A band that is asked whether it holds a fill, and the numbers that are missing in it anyway.

    Attributes:
        layer: Where its numbers lie.
        missing: Numbers that mean missing in this band alone; NaN always does.
    """

    layer: Layer
    missing: tuple[float, ...] = ()


class Validity:
    """What hides pixels in all bands of a scene at once; one object for all of them.

    What was read last stays with each thread, so that the bands of a scene, read one after the
    other, ask for it once.

    Args:
        fills: Numbers that mean nothing where every witness holds them.
        witnesses: All bands of the scene; those that seldom hold a fill first, since the first
            that does not ends the search.
    """

    def __init__(self, fills: Iterable[float] = (), witnesses: Iterable[Witness] = ()) -> None:
        self.fills = tuple(fills)
        self.witnesses = tuple(witnesses)
        self._layers = Layers()
        self._last = _Last()

    def hidden(
        self,
        numbers: npt.NDArray[Any],
        masks: Iterable[Layer],
        rows: slice,
        columns: slice,
        on: GeoBox,
    ) -> BoolArray | None:
        """Say which pixels of a window of a band are hidden; None where none is.

        Args:
            numbers: What the band holds there; where it is smaller than the window, every n-th
                pixel is meant.
            masks: Masks over the band.
            rows: Rows of the window.
            columns: Columns of the window.
            on: The grid of which it is a window.
        """
        hidden = self._filled(numbers, rows, columns, on)
        for layer in masks:
            nothing = self._layers.bare(layer, rows, columns, on, numbers.shape)
            hidden = nothing if hidden is None else hidden | nothing
        return hidden

    def _filled(
        self, numbers: npt.NDArray[Any], rows: slice, columns: slice, on: GeoBox
    ) -> BoolArray | None:
        if not any(holds(numbers, fill) for fill in of_type(self.fills, numbers.dtype)):
            return None  # as nearly everywhere
        own = _among(numbers, self.fills)
        assert own is not None
        if own.shape != (rows.stop - rows.start, columns.stop - columns.start):
            return self._filled_small(own, rows, columns, on)
        down, across = (
            _around(np.asarray(own.any(axis=1 - axis)), part.start, int(on.shape[axis]))
            for axis, part in enumerate((rows, columns))
        )
        shape = (down.stop - down.start, across.stop - across.start)
        everywhere = self._everywhere(down, across, on, shape)
        if everywhere is None:
            return None
        near = self._near(everywhere)
        own_part, near_part = meeting((rows, columns), (down, across))
        filled = np.zeros(own.shape, bool)
        filled[own_part] = own[own_part] & near[near_part]
        return filled

    def _filled_small(
        self, own: BoolArray, rows: slice, columns: slice, on: GeoBox
    ) -> BoolArray | None:
        """Say the same where every n-th pixel is meant: only around those that hold a fill."""
        box, around = [], []
        for axis, part in enumerate((rows, columns)):
            lines = np.flatnonzero(own.any(axis=1 - axis))
            low, high = int(lines[0]), int(lines[-1]) + 1
            step = (part.stop - part.start) / own.shape[axis]
            box.append(slice(low, high))
            around.append(slice(part.start + low * step, part.start + high * step))
        here = own[box[0], box[1]]
        everywhere = self._everywhere(around[0], around[1], on, here.shape)
        if everywhere is None:
            return None
        filled = np.zeros(own.shape, bool)
        filled[box[0], box[1]] = here & everywhere
        return filled

    def _everywhere(
        self, rows: slice, columns: slice, on: GeoBox, shape: tuple[int, ...]
    ) -> BoolArray | None:
        """Say where every witness holds one of the fills; None where that is nowhere."""
        key = (rows.start, rows.stop, columns.start, columns.stop, on.affine, shape)
        if self._last.key != key:
            found = [self._all_hold(f, rows, columns, on, shape) for f in self.fills]
            some = [f for f in found if f is not None]
            self._last.found = functools.reduce(np.logical_or, some) if some else None
            self._last.near = None
            self._last.key = key
        return self._last.found

    def _near(self, everywhere: BoolArray) -> BoolArray:
        """Return what `_everywhere` found last, with its rim: all bands of a window ask for it."""
        if self._last.near is None:
            from scipy import ndimage  # few images hold any: a tenth of a second

            self._last.near = np.asarray(ndimage.maximum_filter(everywhere, 2 * RIM + 1))
        return self._last.near

    def _all_hold(
        self, fill: float, rows: slice, columns: slice, on: GeoBox, shape: tuple[int, ...]
    ) -> BoolArray | None:
        all_hold: BoolArray | None = None
        for witness in self.witnesses:
            try:
                numbers, inside = self._layers.read(witness.layer, rows, columns, on, shape)
            except RasterioError:  # a witness that cannot be read says nothing
                continue
            holds = _nothing_in(numbers, (fill, *witness.missing))
            if inside is not None:
                holds |= ~inside
            all_hold = holds if all_hold is None else all_hold & holds
            if not all_hold.any():
                return None
        return all_hold


class _Last(threading.local):
    """The window of a thread that was looked at last, where it holds a fill, and near there."""

    def __init__(self) -> None:
        self.key: Any = None
        self.found: BoolArray | None = None
        self.near: BoolArray | None = None

    def __reduce__(self) -> Any:
        return _Last, ()


class Layers(threading.local):
    """Reads layers on any grid of their plane; the masks that a thread met last stay with it.

    Args:
        ahead: What is read is read before the work: its tiles are kept for it.
        last: What is read ahead is of bands that the work does not read: they are not.
    """

    def __init__(self, *, ahead: bool = False, last: bool = False) -> None:
        self._ahead, self._last = ahead, last
        self._bare: dict[Layer, tuple[Any, BoolArray]] = {}

    def bare(
        self, layer: Layer, rows: slice, columns: slice, on: GeoBox, shape: tuple[int, ...]
    ) -> BoolArray:
        """Say where a mask lets nothing through, and where it does not reach.

        Args:
            layer: A mask: 0 hides.
            rows: Rows of the window.
            columns: Columns of the window.
            on: The grid of which it is a window.
            shape: Rows and columns wanted.

        Raises:
            RasterioError: where the bytes cannot be decoded.
        """
        key = (rows.start, rows.stop, columns.start, columns.stop, on.affine, shape)
        last = self._bare.get(layer)
        if last is None or last[0] != key:
            numbers, inside = self.read(layer, rows, columns, on, shape)
            last = key, numbers == 0 if inside is None else (numbers == 0) | ~inside
            self._bare[layer] = last
        return last[1]

    def read(
        self, layer: Layer, rows: slice, columns: slice, on: GeoBox, shape: tuple[int, ...]
    ) -> tuple[npt.NDArray[Any], BoolArray | None]:
        """Return the numbers nearest to the pixels of a window, and which pixels the file covers.

        That is None where it covers all of them.

        Args:
            layer: What to read.
            rows: Rows of the window.
            columns: Columns of the window.
            on: The grid of which it is a window, in the CRS of the layer.
            shape: Rows and columns wanted; fewer than the window has are read as an overview.

        Raises:
            RasterioError: where the bytes cannot be decoded.
        """
        places = _nearest(layer.grid, on, (rows, columns), shape)
        inside = [(at >= 0) & (at < n) for at, n in zip(places, layer.grid.shape, strict=True)]
        if not (inside[0].any() and inside[1].any()):
            return np.zeros(shape, "uint8"), np.zeros(shape, bool)
        spans = [
            slice(int(at[here].min()), int(at[here].max()) + 1)
            for at, here in zip(places, inside, strict=True)
        ]
        sizes = [span.stop - span.start for span in spans]
        numbers = self._window(layer, spans, [min(n, s) for n, s in zip(shape, sizes, strict=True)])
        whole = inside[0].all() and inside[1].all()
        covered = None if whole else inside[0][:, None] & inside[1][None, :]
        if whole and numbers.shape == shape and all(at[0] <= at[-1] for at in places):
            return numbers, None  # pixel on pixel
        picked = [
            np.clip((at - span.start) * have // size, 0, have - 1)
            for at, span, size, have in zip(places, spans, sizes, numbers.shape, strict=True)
        ]
        return numbers[picked[0]][:, picked[1]], covered

    def _window(self, layer: Layer, spans: list[slice], shape: list[int]) -> npt.NDArray[Any]:
        dataset = held(
            state_of(layer.path), lambda: gdal.dataset(layer.path, network=layer.network)
        )
        window = Window.from_slices(*spans)
        plain = not (layer.mask or layer.network) and shape == [s.stop - s.start for s in spans]
        if self._ahead and plain:
            return look_at(dataset, layer.index, window, last=self._last)
        read = dataset.read_masks if layer.mask else dataset.read
        numbers: npt.NDArray[Any] = read(layer.index, window=window, out_shape=tuple(shape))
        return numbers

    def __reduce__(self) -> Any:
        return Layers, ()


def _nearest(
    grid: GeoBox, on: GeoBox, window: tuple[slice, slice], shape: tuple[int, ...]
) -> list[npt.NDArray[np.int64]]:
    """Return the rows and the columns of a grid nearest to those of a window."""
    step = step_between(grid, on)
    lines = ((step.e, step.f), (step.a, step.c))
    if same_grid(grid, on):
        lines = ((1.0, 0.0), (1.0, 0.0))
    places = []
    for part, count, (scale, shift) in zip(window, shape, lines, strict=True):
        centres = part.start + (np.arange(count) + 0.5) * ((part.stop - part.start) / count)
        # A centre on the edge between two pixels goes to one of them, whatever the rounding.
        places.append(np.floor(centres * scale + shift + 1e-6).astype("int64"))
    return places


def _around(lines: BoolArray, start: int, limit: int) -> slice:
    """Return the part of an axis around the lines that are true, with the rim.

    It is widened to whole steps, so that bands whose numbers differ a little ask for the same.
    """
    found = np.flatnonzero(lines)
    low, high = start + int(found[0]) - RIM, start + int(found[-1]) + 1 + RIM
    return slice(max(0, low // _STEP * _STEP), min(limit, -(-high // _STEP) * _STEP))


def _among(numbers: npt.NDArray[Any], wanted: tuple[float, ...]) -> BoolArray | None:
    found: BoolArray | None = None
    for number in wanted:
        here = numbers == number
        found = here if found is None else found | here
    return found


def _nothing_in(numbers: npt.NDArray[Any], missing: tuple[float, ...]) -> BoolArray:
    found = _among(numbers, missing)
    nothing = np.zeros(numbers.shape, bool) if found is None else found
    return nothing | ~np.isfinite(numbers) if numbers.dtype.kind == "f" else nothing
