"""Scenes in another CRS, as those across the border of a UTM zone, brought to one grid, lazily.

The nearest pixel is found from where each centre lies exactly, without the approximation by which
warps are usually sped up: so the cut of the windows changes no number.
"""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
import shapely
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from shapely import affinity

from obriy.blocks.computed import computed_variable
from obriy.blocks.damage import Hole, on_grid, read_around, told
from obriy.blocks.decoding import DECODING
from obriy.model.areas import District
from obriy.model.grid import coords_of, describe, geobox_of
from obriy.model.notices import notice
from obriy.model.scene import provenance_of
from obriy.prepare.lattice import MISSING, Window, common_grid, on_one_lattice
from obriy.vectors import LONLAT, warp_geometry


def one_grid(grids: Sequence[GeoBox], districts: Sequence[District]) -> GeoBox:
    """Return one grid for scenes of several CRSs, on the lattice of some of them.

    That of the most among those in the UTM zone of the districts, else of the most of all: so few
    are resampled.

    Args:
        grids: Of the scenes.
        districts: Where they are measured; the first's middle tells the zone.

    Raises:
        GridError: a scene or a district without a CRS.
    """
    alike = _by_lattice(grids)
    zone = _zone_of(districts)
    there = [group for group in alike if _epsg_of(group[0]) == zone] or alike
    chosen = max(there, key=len)
    grid = common_grid(chosen)
    outlines = [
        warp_geometry(shapely.box(*other.boundingbox.bbox), str(other.crs), str(grid.crs))
        for group in alike
        if group is not chosen
        for other in group
    ]
    if not outlines:
        return grid
    around = shapely.box(*shapely.total_bounds(outlines))
    inverse = (~grid.affine).to_shapely()
    pixels = [affinity.affine_transform(around, inverse), shapely.box(0, 0, *grid.shape.xy)]
    west, south, east, north = shapely.total_bounds(pixels)
    left, top = int(np.floor(west)), int(np.floor(south))
    shape = (int(np.ceil(north)) - top, int(np.ceil(east)) - left)
    return GeoBox(shape, grid.affine @ Affine.translation(left, top), grid.crs)


def _epsg_of(grid: GeoBox) -> int | None:
    return grid.crs.epsg if grid.crs is not None else None


def _by_lattice(grids: Sequence[GeoBox]) -> list[list[GeoBox]]:
    groups: list[list[GeoBox]] = []
    for grid in grids:
        own = next((group for group in groups if on_one_lattice(group[0], grid)), None)
        if own is None:
            groups.append([grid])
        else:
            own.append(grid)
    return groups


def _zone_of(districts: Sequence[District]) -> int | None:
    """Return the EPSG code of the UTM zone of the first district; None where there is none."""
    if not districts or districts[0].crs is None:
        return None
    middle = shapely.centroid(warp_geometry(districts[0].geometry, districts[0].crs, LONLAT))
    area = pyproj.aoi.AreaOfInterest(middle.x, middle.y, middle.x, middle.y)
    found = pyproj.database.query_utm_crs_info(datum_name="WGS 84", area_of_interest=area)
    return int(found[0].code) if found else None


def warp_on(scene: xr.Dataset, grid: GeoBox) -> xr.Dataset:
    """Return a scene on a grid of another CRS: what it does not show is missing there.

    Args:
        scene: A Scene.
        grid: With a CRS, as the scene has one.

    Returns:
        The Scene, lazily: of each pixel the nearest, whose bands are not mixed (water and land
        together are neither). Its record says so.
    """
    own = geobox_of(scene)
    variables = {name: _warped(scene[name].variable, name, own, grid) for name in scene}
    made = xr.Dataset(variables, coords=coords_of(grid), attrs=dict(scene.attrs))
    for name in variables:
        made[name].attrs.update(scene[name].attrs)
    record = provenance_of(scene).with_step(
        "warp", resampling="nearest", from_grid=describe(own), grid=describe(grid)
    )
    said = notice("warped_to", crs=str(describe(grid)["crs"]), own=str(describe(own)["crs"]))
    return made.assign_attrs(provenance=record.with_warning(said))


def _warped(variable: xr.Variable, name: Any, own: GeoBox, grid: GeoBox) -> xr.Variable:
    missing = np.nan if variable.dtype.kind == "f" else int(MISSING.get(name, 0))

    def make(rows: slice, columns: slice) -> npt.NDArray[Any]:
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        values = np.full(shape, missing, variable.dtype)
        down, across = _nearest(own, grid, (rows.start, rows.stop, columns.start, columns.stop))
        shown = down >= 0
        if not shown.any():
            return values
        y, x = down[shown], across[shown]
        window = slice(int(y.min()), int(y.max()) + 1), slice(int(x.min()), int(x.max()) + 1)
        numbers = _read(variable, window, (rows, columns), own, grid)
        values[shown] = numbers[y - window[0].start, x - window[1].start]
        return values

    made = computed_variable(make, grid, str(variable.dtype))
    made.encoding.update({k: v for k, v in variable.encoding.items() if k == DECODING})
    return made


@functools.lru_cache(maxsize=4)
def _nearest(
    own: GeoBox, grid: GeoBox, window: tuple[int, int, int, int]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Return rows and columns of a grid nearest to the pixels of a window of another; -1: none.

    The bands of a scene ask for the same one after the other: the last few are kept.
    """
    top, bottom, left, right = window
    centres = np.meshgrid(np.arange(left, right) + 0.5, np.arange(top, bottom) + 0.5)
    to_own = pyproj.Transformer.from_crs(str(grid.crs), str(own.crs), always_xy=True)
    x, y = ~own.affine @ to_own.transform(*(grid.affine @ tuple(centres)))
    inside = (x >= 0) & (y >= 0) & (x < own.shape.x) & (y < own.shape.y)
    rows, columns = (np.where(inside, np.floor(axis), -1).astype("int32") for axis in (y, x))
    return rows, columns


def _read(
    variable: xr.Variable, window: Window, wanted: Window, own: GeoBox, grid: GeoBox
) -> npt.NDArray[Any]:
    """Read a window; holes are told to whoever reads around them, as they lie on the grid."""
    holes = told()
    if holes is None:
        return np.asarray(variable[window].values)
    values, found = read_around(variable, *window)
    for hole in found:
        moved = Hole(*on_grid((hole.rows, hole.columns), own, grid, reach=1), hole.reason)
        holes.append(moved.shifted(-wanted[0].start, -wanted[1].start))
    return values
