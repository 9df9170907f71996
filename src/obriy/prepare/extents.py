"""Maps whose pixels lie on one lattice, though their edges differ: onto one grid, unresampled."""

import dataclasses
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

from obriy.blocks.computed import computed_labels
from obriy.errors import GridError
from obriy.model.classmap import ClassMap
from obriy.model.flags import Unseen
from obriy.model.grid import same_grid
from obriy.model.legend import NO_DATA

_SHIFT: Final = 0.01
"""Part of a pixel by which lattices may differ and be the same: files round their corners."""


def on_one_grid(maps: Sequence[ClassMap]) -> list[ClassMap]:
    """Return maps on the smallest grid that holds all; what one does not show has no class there.

    Args:
        maps: Labels, and why pixels are unseen; other layers are left out where a map is laid.

    Raises:
        GridError: pixels of another size, CRS or position.
    """
    first = maps[0].geobox
    corners = [_corner(m, maps[0]) for m in maps]
    sizes = [tuple(map(int, m.geobox.shape)) for m in maps]
    top, left = (min(corner[axis] for corner in corners) for axis in (0, 1))
    bottom, right = (
        max(c[axis] + s[axis] for c, s in zip(corners, sizes, strict=True)) for axis in (0, 1)
    )
    affine = first.affine @ Affine.translation(left, top)
    grid = GeoBox((bottom - top, right - left), affine, first.crs)
    return [
        m if same_grid(m.geobox, grid) else _laid(m, grid, (row - top, column - left))
        for m, (row, column) in zip(maps, corners, strict=True)
    ]


def _corner(class_map: ClassMap, first: ClassMap) -> tuple[int, int]:
    """Return row and column of a map's first pixel on the lattice of another.

    Raises:
        GridError: where they have no lattice in common.
    """
    own, lattice = class_map.geobox, first.geobox
    step = ~lattice.affine @ own.affine
    top, left = round(step.f), round(step.c)
    right, bottom = step @ (int(own.shape.x), int(own.shape.y))
    off = (step.c - left, step.f - top, right - left - own.shape.x, bottom - top - own.shape.y,
           step.b, step.d)  # fmt: skip
    if own.crs != lattice.crs or max(map(abs, off)) > _SHIFT:
        raise GridError(
            f"The maps of {first.time} and {class_map.time} do not lie on one lattice: their "
            "pixels have another size, place or CRS.",
            "Bring them to one grid first (gdalwarp -r near -t_srs EPSG:CODE -tr X Y -tap).",
        )
    return top, left


def _laid(class_map: ClassMap, grid: GeoBox, corner: tuple[int, int]) -> ClassMap:
    unseen = class_map.unseen
    return dataclasses.replace(
        class_map,
        labels=_padded(class_map.labels, grid, corner, NO_DATA),
        unseen=None if unseen is None else _padded(unseen, grid, corner, Unseen.NO_DATA),
        fraction=None,
        doubt=None,
        confidence=None,
        agreement=None,
    )


def _padded(layer: xr.DataArray, grid: GeoBox, corner: tuple[int, int], fill: int) -> xr.DataArray:
    """Return a layer on a larger grid, with a number around it."""
    top, left = corner
    height, width = layer.shape

    def read(rows: slice, columns: slice) -> npt.NDArray[np.uint8]:
        window = np.full((rows.stop - rows.start, columns.stop - columns.start), fill, "uint8")
        down = slice(max(rows.start, top), min(rows.stop, top + height))
        across = slice(max(columns.start, left), min(columns.stop, left + width))
        if down.start < down.stop and across.start < across.stop:
            inner = layer.isel(
                y=slice(down.start - top, down.stop - top),
                x=slice(across.start - left, across.stop - left),
            )
            window[
                down.start - rows.start : down.stop - rows.start,
                across.start - columns.start : across.stop - columns.start,
            ] = inner.to_numpy()
        return window

    return computed_labels(read, grid)
