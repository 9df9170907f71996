"""Shade of mountains, by a DEM and the sun: into the flags of a scene, as a quality band has it.

A shaded slope looks like water in every band: light of the sky is blue, and what little there is of
it leaves infrared dark. But water lies flat. Where the terrain takes the sun from a slope that no
water lies on there is land; where it takes it from flat ground there may be a lake, and the method
is only told to look twice (`docs/design/0005-auto.md`).
"""

import dataclasses
import math
from typing import Any, Final

import numpy as np
import xarray as xr
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import CRS, Transformer

from obriy.blocks.computed import computed_variable
from obriy.model.flags import FLAG_ATTRS, Flag
from obriy.model.grid import geobox_of, pixel_metres
from obriy.model.scene import provenance_of

F32 = NDArray[np.float32]
Flags = NDArray[np.uint16]

GRID_M: Final = 30.0
"""Pixel size at which the terrain is looked at, m: that of the DEMs of the whole world."""
AROUND_M: Final = 6000.0
"""How far beyond the image mountains are looked for that throw a shadow into it, m."""
STEEP: Final = 8.0
"""Degrees from which no water lies on a slope. A DEM of 30 m with an error of 4 m makes 8 of flat
ground."""
DIM: Final = 0.3
"""Share of the sun on flat ground under which a slope is in its own shade."""
TOLERANCE_M: Final = 2.0
"""A shadow that is lower above the ground is none: an error of the DEM."""
_DEEP: Final = np.float32(-1e5)
"""Height of what is not known: it throws no shadow."""


@dataclasses.dataclass(frozen=True)
class TerrainGrid:
    """The grid on which a scene's terrain is looked at: coarse, and wider than the scene.

    Attributes:
        grid: The grid.
        step: Pixels of the scene along a side of one of it.
        rim: Pixels of it beyond the scene on each side.
    """

    grid: GeoBox
    step: int
    rim: int


def terrain_grid(geobox: GeoBox) -> TerrainGrid:
    """Return the grid on which a DEM is wanted for a scene.

    Raises:
        GridError: where the scene has no CRS.
    """
    pixel = max(pixel_metres(geobox))
    step = max(1, int(GRID_M / pixel))
    rim = math.ceil(AROUND_M / (pixel * step))
    rows, columns = (-(-int(n) // step) + 2 * rim for n in geobox.shape)
    corner = Affine.translation(-rim * step, -rim * step) @ Affine.scale(step)
    return TerrainGrid(GeoBox((rows, columns), geobox.affine @ corner, geobox.crs), step, rim)


def centre(grid: GeoBox) -> tuple[float, float]:
    """Return longitude and latitude of the middle of a grid, degrees."""
    x, y = grid.affine @ (grid.shape.x / 2, grid.shape.y / 2)
    to_globe = Transformer.from_crs(CRS.from_user_input(str(grid.crs)), "EPSG:4326", always_xy=True)
    lon, lat = to_globe.transform(x, y)
    return float(lon), float(lat)


def see_terrain(
    scene: xr.Dataset, height: F32, on: TerrainGrid, sun: tuple[float, float], **facts: Any
) -> xr.Dataset:
    """Return the scene with the shade of its terrain in its flags, and in its record how.

    Args:
        scene: A checked Scene.
        height: Of the ground on ``on``, m, NaN where not known.
        on: Of `terrain_grid`.
        sun: Elevation and azimuth, degrees.
        facts: For the record.
    """
    geobox = geobox_of(scene)
    shade = _Shade(
        shade_flags(height, pixel_metres(on.grid), towards(on.grid, sun[1]), sun[0]),
        on,
        scene["flags"].variable if "flags" in scene else None,
    )
    flags = computed_variable(shade, geobox, "uint16")
    flags.attrs = dict(FLAG_ATTRS)
    record = provenance_of(scene).with_step(
        "terrain", sun_elevation=round(sun[0], 1), sun_azimuth=round(sun[1], 1), **facts
    )
    return scene.assign(flags=flags).assign_attrs(provenance=record)


@dataclasses.dataclass(frozen=True)
class _Shade:
    """Flags of terrain in a window of the scene, beside its own."""

    flags: Flags
    on: TerrainGrid
    own: xr.Variable | None

    def __call__(self, rows: slice, columns: slice) -> Flags:
        down, across = (
            np.arange(part.start, part.stop) // self.on.step + self.on.rim
            for part in (rows, columns)
        )
        found = self.flags[down[:, None], across[None, :]]
        return found if self.own is None else np.asarray(self.own[rows, columns].values | found)


def towards(grid: GeoBox, azimuth: float) -> tuple[float, float]:
    """Return how many rows and columns of a grid a metre towards an azimuth is, at its middle."""
    lon, lat = centre(grid)
    angle, metres = math.radians(azimuth), 1000.0
    north = math.degrees(metres * math.cos(angle) / 6_371_000.0)
    east = math.degrees(metres * math.sin(angle) / 6_371_000.0) / math.cos(math.radians(lat))
    from_globe = Transformer.from_crs(
        "EPSG:4326", CRS.from_user_input(str(grid.crs)), always_xy=True
    )
    x, y = ~grid.affine @ from_globe.transform(lon + east, lat + north)
    return (y - grid.shape.y / 2) / metres, (x - grid.shape.x / 2) / metres


def shade_flags(
    height: F32, pixel_m: tuple[float, float], sunwards: tuple[float, float], elevation: float
) -> Flags:
    """Return ``DARK`` where the terrain takes the sun away, and ``LAND`` too on slopes there.

    Args:
        height: Of the ground, (y, x), m, NaN where not known.
        pixel_m: Height and width of a pixel, m.
        sunwards: Rows and columns that a metre towards the sun is.
        elevation: Of the sun, degrees.
    """
    down, across = np.gradient(height)
    slope = np.hypot(down / pixel_m[0], across / pixel_m[1])
    rise = down * sunwards[0] + across * sunwards[1]
    sine, cosine = math.sin(math.radians(elevation)), math.cos(math.radians(elevation))
    lit = (sine - cosine * rise) / np.sqrt(1 + slope**2)
    shaded = cast_shadow(height, sunwards, elevation) | (lit < DIM * sine)
    steep = _drop(height, pixel_m) > math.tan(math.radians(STEEP))
    flags = np.where(shaded, np.uint16(Flag.DARK), np.uint16(0))
    flags[shaded & steep] |= np.uint16(Flag.LAND)
    return flags


def _drop(height: F32, pixel_m: tuple[float, float]) -> F32:
    """Return how steeply the ground falls from each pixel to its lowest neighbour.

    Of water it falls nowhere, however steep the shore that rises beside it.
    """
    padded = np.pad(height, 1, mode="edge")
    rows, columns = height.shape
    drops = [
        (height - padded[1 + down : 1 + down + rows, 1 + right : 1 + right + columns]) / metres
        for down, right, metres in (
            (-1, 0, pixel_m[0]), (1, 0, pixel_m[0]), (0, -1, pixel_m[1]), (0, 1, pixel_m[1])
        )
    ]  # fmt: skip
    found: F32 = np.fmax.reduce(drops)
    return found


def cast_shadow(height: F32, sunwards: tuple[float, float], elevation: float) -> NDArray[np.bool_]:
    """Say where the ground lies in the shadow of other ground.

    The last ray that the ground lets pass is followed away from the sun, row by row.

    Args:
        height: Of the ground, (y, x), m, NaN where not known.
        sunwards: Rows and columns that a metre towards the sun is.
        elevation: Of the sun, degrees.
    """
    if abs(sunwards[1]) > abs(sunwards[0]):
        return cast_shadow(height.T, sunwards[::-1], elevation).T
    if sunwards[0] > 0:
        return cast_shadow(height[::-1], (-sunwards[0], sunwards[1]), elevation)[::-1]
    ground = np.where(np.isnan(height), _DEEP, height)
    fall = math.tan(math.radians(elevation)) / abs(sunwards[0])
    columns = np.arange(height.shape[1])
    seen_from = columns + sunwards[1] / abs(sunwards[0])
    shadow = np.zeros(height.shape, bool)
    ray = ground[0].astype(np.float64)
    for row in range(1, len(ground)):
        ray = np.interp(seen_from, columns, ray, float(_DEEP), float(_DEEP)) - fall
        shadow[row] = ray > ground[row] + TOLERANCE_M
        ray = np.maximum(ray, ground[row])
    return shadow & ~np.isnan(height)
