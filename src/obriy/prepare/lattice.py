"""Scenes whose pixels lie on one lattice, though their edges differ: onto one grid, unresampled."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

from obriy.blocks.computed import computed_variable
from obriy.blocks.damage import read_around, told
from obriy.blocks.decoding import DECODING
from obriy.errors import GridError
from obriy.model.flags import Flag, Unseen
from obriy.model.grid import coords_of, geobox_of, same_grid
from obriy.model.provenance import Provenance
from obriy.model.scene import provenance_of

_SHIFT: Final = 0.01
"""Part of a pixel by which lattices may differ and be the same: files round their corners."""

Window = tuple[slice, slice]
Reader = Callable[[slice, slice], npt.NDArray[Any]]


def common_grid(grids: Sequence[GeoBox]) -> GeoBox:
    """Return the smallest grid that holds all of several, on the lattice of the first.

    Args:
        grids: At least one.

    Raises:
        GridError: pixels of another size, CRS or position.
    """
    first = grids[0]
    places = [_place_on(grid, first) for grid in grids]
    top, left = (min(place[axis].start for place in places) for axis in (0, 1))
    bottom, right = (max(place[axis].stop for place in places) for axis in (0, 1))
    if (top, left, bottom, right) == (0, 0, *map(int, first.shape)):
        return first
    affine = first.affine @ Affine.translation(left, top)
    return GeoBox((bottom - top, right - left), affine, first.crs)


def _place_on(grid: GeoBox, lattice: GeoBox) -> Window:
    """Return rows and columns of a grid on the lattice of another.

    Raises:
        GridError: where they have no lattice in common.
    """
    step = ~lattice.affine @ grid.affine
    rows, columns = map(int, grid.shape)
    top, left = round(step.f), round(step.c)
    right, bottom = step @ (columns, rows)
    off = (step.c - left, step.f - top, right - left - columns, bottom - top - rows, step.b, step.d)
    if grid.crs != lattice.crs or max(map(abs, off)) > _SHIFT:
        raise GridError(
            "The images do not lie on one lattice: their pixels have another size, place or CRS.",
            "Bring them to one grid first (gdalwarp -t_srs EPSG:CODE -tr X Y -tap).",
        )
    return slice(top, top + rows), slice(left, left + columns)


def on_one_lattice(one: GeoBox, other: GeoBox) -> bool:
    """Say whether two grids have pixels of one size, CRS and position."""
    try:
        _place_on(other, one)
    except GridError:
        return False
    return True


def overlap(one: GeoBox, other: GeoBox) -> float:
    """Return the share of the smaller of two grids of one lattice that lies on the other, 0 to 1.

    Raises:
        GridError: where they have no lattice in common.
    """
    places = _place_on(one, one), _place_on(other, one)
    rows, columns = (
        max(0, min(p[axis].stop for p in places) - max(p[axis].start for p in places))
        for axis in (0, 1)
    )
    sizes = [(p[0].stop - p[0].start) * (p[1].stop - p[1].start) for p in places]
    return float(rows * columns / min(sizes))


def places(dates: Sequence[Sequence[GeoBox]]) -> list[list[int]]:
    """Return which dates show one place: those that meet, or that others between them join.

    Args:
        dates: The grids of the tiles of each, all of one lattice.

    Returns:
        Their numbers, by place.

    Raises:
        GridError: where they have no lattice in common.
    """
    windows = [[_place_on(grid, dates[0][0]) for grid in tiles] for tiles in dates]

    def meet(one: int, other: int) -> bool:
        return any(_touch(a, b) for a in windows[one] for b in windows[other])

    found: list[list[int]] = []
    for number in range(len(dates)):
        met = [place for place in found if any(meet(number, other) for other in place)]
        joined = sorted([number, *(other for place in met for other in place)])
        found = [place for place in found if place not in met] + [joined]
    return sorted(found)


def _touch(one: Window, other: Window) -> bool:
    return all(a.start <= b.stop and b.start <= a.stop for a, b in zip(one, other, strict=True))


def lay_on(scene: xr.Dataset, grid: GeoBox) -> xr.Dataset:
    """Return a scene on another grid of its lattice: what it does not show is missing there.

    Args:
        scene: A Scene.
        grid: Of its lattice, see `common_grid`.

    Raises:
        GridError: where it is not.
    """
    own = geobox_of(scene)
    if same_grid(own, grid):
        return scene
    rows, columns = _place_on(own, grid)

    def laid(name: Any, variable: xr.Variable) -> xr.Variable:
        missing = np.nan if variable.dtype.kind == "f" else MISSING.get(name, 0)

        def make(down: slice, across: slice) -> npt.NDArray[Any]:
            return _padded(variable, missing, (rows, columns), (down, across))

        return _lazy(make, grid, variable)

    return _rebuilt(scene, grid, {name: laid(name, scene[name].variable) for name in scene})


def mosaic(scenes: Sequence[xr.Dataset]) -> xr.Dataset:
    """Return one scene of several of one day: each pixel of the first that shows it.

    Args:
        scenes: On one grid; what some lack is left out.

    Returns:
        A Scene with the time, sensor and record of the first, and the inputs of all.
    """
    first, *others = scenes
    if not others:
        return first
    grid = geobox_of(first)
    names = [name for name in first if all(name in other for other in others)]

    def joined(name: Any) -> xr.Variable:
        variables = [scene[name].variable for scene in scenes]
        return _lazy(lambda *window: _first_shown(variables, window), grid, *variables)

    return _rebuilt(first, grid, {name: joined(name) for name in names}, _record(scenes))


def _record(scenes: Sequence[xr.Dataset]) -> Provenance:
    records = [provenance_of(scene) for scene in scenes]
    made = Provenance(tuple(entry for one in records for entry in one.inputs), records[0].steps)
    for sentence in dict.fromkeys(warning for one in records for warning in one.warnings):
        made = made.with_warning(sentence)
    return made.with_step("mosaic", images=len(scenes))


def _rebuilt(
    scene: xr.Dataset, grid: GeoBox, variables: dict[Any, xr.Variable], record: Any = None
) -> xr.Dataset:
    made = xr.Dataset(variables, coords=coords_of(grid), attrs=dict(scene.attrs))
    for name in variables:
        made[name].attrs.update(scene[name].attrs)
    return made if record is None else made.assign_attrs(provenance=record)


def _lazy(make: Reader, grid: GeoBox, *of: xr.Variable) -> xr.Variable:
    """Return a variable that is made window by window, and says what reading it takes."""
    made = computed_variable(make, grid, str(of[0].dtype))
    made.encoding.update(of[0].encoding)
    taken = [variable.encoding[DECODING] for variable in of if DECODING in variable.encoding]
    if taken:  # the files of all may be open in one window
        made.encoding[DECODING] = taken[0][0], sum(size for _, size in taken)
    return made


MISSING: Final[dict[Any, int]] = {"flags": Flag.NO_DATA, "unseen": Unseen.NO_DATA}
"""What stands where a scene shows nothing, of variables that say why; else NaN, and 0 in codes."""


def _padded(
    variable: xr.Variable, missing: float, place: Window, window: Window
) -> npt.NDArray[Any]:
    """Read a window of the grid, of which the variable lies at a place."""
    shape = tuple(part.stop - part.start for part in window)
    values = np.full(shape, missing, variable.dtype)
    met = [
        slice(max(w.start, p.start), min(w.stop, p.stop))
        for w, p in zip(window, place, strict=True)
    ]
    if all(part.start < part.stop for part in met):
        inside = tuple(
            slice(m.start - w.start, m.stop - w.start) for m, w in zip(met, window, strict=True)
        )
        own = (slice(m.start - p.start, m.stop - p.start) for m, p in zip(met, place, strict=True))
        shift = tuple(p.start - w.start for p, w in zip(place, window, strict=True))
        values[inside] = _read(variable, *own, shift=shift)
    return values


def _read(variable: xr.Variable, rows: slice, columns: slice, *, shift: Any) -> npt.NDArray[Any]:
    """Read a window; holes are told to whoever reads around them, from where that one looks."""
    holes = told()
    if holes is None:
        return np.asarray(variable[rows, columns].values)
    values, found = read_around(variable, rows, columns)
    holes.extend(hole.shifted(*shift) for hole in found)
    return values


def _first_shown(variables: Sequence[xr.Variable], window: Window) -> npt.NDArray[Any]:
    """Return each pixel of the first variable that is not missing there."""
    origin = tuple(-part.start for part in window)
    values = np.array(_read(variables[0], *window, shift=origin))
    for variable in variables[1:]:
        blank = np.isnan(values) if values.dtype.kind == "f" else (values & Flag.NO_DATA) != 0
        if not blank.any():
            break
        values[blank] = _read(variable, *window, shift=origin)[blank]
    return values
