"""A made-up bay: its land, what shelters its water, its river, and the pattern of its floes."""

import dataclasses
import functools
import math
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from obriy.simulate.fields import Float32, noise, smoothstep, stream
from obriy.simulate.ice.frame import Frame, facts, smooth

BoolArray = npt.NDArray[np.bool_]
_SHELTER_STEP: Final = 6
"""Cells that shelter is counted by: it is smooth over kilometres."""


@dataclasses.dataclass(frozen=True)
class Bay:
    """What does not change at a place; arrays are (rows, columns) of ground cells.

    Attributes:
        land: Where there is land.
        hills: Height of the land, about 0 to 3, and below 0 at sea: no unit.
        shelter: Share of land around, 0 to 1: 0.5 at a straight shore, more in an inlet.
        shore_m: Distance to the shore, m; 0 on land.
        plume: Share of river water at sea, 0 to 1, when the river is full.
        rough: A field of chance of the place, standard normal.
    """

    land: BoolArray
    hills: Float32
    shelter: Float32
    shore_m: Float32
    plume: Float32
    rough: Float32


@dataclasses.dataclass(frozen=True)
class Floes:
    """The plane cut into floes, without a seam at its edges; (rows, columns) of ground cells.

    Attributes:
        chance: Number from 0 to 1 of the floe that a cell belongs to.
        kind: A second one.
        inside_m: How much farther the next floe's centre is, m: 0 between two floes.
    """

    chance: Float32
    kind: Float32
    inside_m: Float32


@functools.lru_cache(maxsize=4)
def make_bay(seed: int, frame: Frame) -> Bay:
    """Make a bay; the sea reaches the south of the image.

    Args:
        seed: The seed of everything.
        frame: The ground cells.
    """
    table, rng = facts("place"), stream(seed, "bay")
    height, mouth = _terrain(rng, frame)
    sea, count = ndimage.label(height < 0)
    open_sea = np.unique(sea[-1][sea[-1] > 0])
    # Water that the sea does not reach is a lake: land, to a map of sea ice.
    land = ~np.isin(sea, open_sea) if count else np.ones(frame.size, bool)
    shore = np.asarray(ndimage.distance_transform_edt(~land) * frame.ground, "float32")
    reach = float(rng.uniform(*table["plume_m"]))
    return Bay(
        land=land,
        hills=height,
        shelter=_shelter(land, frame, float(table["shelter_m"])),
        shore_m=shore,
        plume=_plume(rng, frame, mouth, reach),
        rough=noise(rng, frame.size, frame.ground, float(facts("ice")["fast_rough_m"]), 4.0),
    )


@functools.lru_cache(maxsize=4)
def make_floes(frame: Frame, distance: float) -> Floes:
    """Cut the plane into the regions nearest to scattered centres (Voronoi cells).

    The pattern is the same for all seeds; each winter begins elsewhere in it.

    Args:
        frame: The ground cells.
        distance: Mean distance of centres, m.
    """
    rng = stream(0, "floes", distance)
    extent = np.array(frame.size) * frame.ground
    count = max(3, int(math.prod(extent) / distance**2))
    # Wrapped around both ways, so that the pattern can drift without an edge coming in.
    centres = rng.uniform(0, 1, (count, 2)) * extent
    cells = np.indices(frame.size).reshape(2, -1).T * frame.ground
    cells = (cells + rng.normal(0, 0.015 * distance, cells.shape)) % extent
    away, which = cKDTree(centres, boxsize=extent).query(cells, k=2)
    chances = rng.uniform(0, 1, (2, count)).astype("float32")
    first = which[:, 0].reshape(frame.size)
    inside = (away[:, 1] - away[:, 0]).reshape(frame.size).astype("float32")
    return Floes(chances[0][first], chances[1][first], inside)


def _terrain(rng: np.random.Generator, frame: Frame) -> tuple[Float32, tuple[float, float]]:
    """Return heights, below 0 at sea, and row and column of the river's mouth."""
    table = facts("place")
    rows, columns = frame.size
    y, _ = np.mgrid[0:rows, 0:columns].astype("float32") * np.float32(frame.ground)
    lean = rng.uniform(-0.35, 0.35) * np.linspace(-1, 1, columns, dtype="float32")
    height = -(y / np.float32(table["shore_m"])) + lean
    height += noise(rng, frame.size, frame.ground, float(table["hills_m"]), 4.6)
    capes = noise(rng, frame.size, frame.ground, float(table["capes_m"]), 4.4)
    height += np.float32(table["capes"]) * capes
    level = np.quantile(height, rng.uniform(*table["sea_share"]))
    height -= np.float32(level)
    # Nothing stands far out at sea but what the capes' field raises by itself.
    height -= smoothstep(y, 0.62 * rows * frame.ground, rows * frame.ground) * np.float32(1.2)
    low, high = table["inlets"]
    heads = [_cut_inlet(rng, frame, height) for _ in range(int(rng.integers(low, high + 1)))]
    return height, heads[0]


def _cut_inlet(rng: np.random.Generator, frame: Frame, height: Float32) -> tuple[float, float]:
    """Lower the land along a winding inlet to the north; return row and column of its head."""
    table, (rows, columns) = facts("place"), frame.size
    length, wide = (float(rng.uniform(*table[n])) for n in ("inlet_m", "inlet_width_m"))
    column = int(rng.uniform(0.08, 0.92) * columns)
    seaward = np.flatnonzero(height[:, column] > 0)
    start = int(seaward.max()) if len(seaward) else rows // 2
    steps = max(2, int(length / frame.ground))
    way = np.linspace(0, 1, steps)
    bend, slant = rng.uniform(-0.12, 0.12), rng.uniform(-0.45, 0.45)
    path_x = column + steps * (slant * way + bend * np.sin(2 * np.pi * way + rng.uniform(0, 6)))
    path_y = start - steps * way
    line = np.ones(frame.size, bool)
    r, c = path_y.round().astype(int), path_x.round().astype(int)
    inside = (r >= 0) & (r < rows) & (c >= 0) & (c < columns)
    if not inside.any():
        return float(start), float(column)
    r, c, way = r[inside], c[inside], way[inside]
    line[r, c] = False
    away, (near_r, near_c) = ndimage.distance_transform_edt(line, return_indices=True)
    along = np.zeros(frame.size, "float32")
    along[r, c] = way
    half = 0.5 * wide / frame.ground * (1 - 0.8 * along[near_r, near_c])
    ragged = 1 + 0.3 * noise(rng, frame.size, frame.ground, 6000.0, 3.8)
    floor = np.asarray((away / (half * np.maximum(ragged, 0.2)) - 1) * 0.4, "float32")
    np.minimum(height, floor, out=height)
    return float(r[-1]), float(c[-1])


def _shelter(land: BoolArray, frame: Frame, around_m: float) -> Float32:
    """Return the share of land around, 0 to 1; beyond the image goes on as at its edge."""
    rows, columns = frame.size
    coarse = ndimage.uniform_filter(land.astype("float32"), _SHELTER_STEP)
    coarse = coarse[_SHELTER_STEP // 2 :: _SHELTER_STEP, _SHELTER_STEP // 2 :: _SHELTER_STEP]
    sigma = around_m / frame.ground / _SHELTER_STEP
    share = ndimage.gaussian_filter(coarse, sigma, mode="nearest")
    fine = ndimage.zoom(share, _SHELTER_STEP, order=1, mode="nearest", grid_mode=True)
    short = [(0, max(0, n - m)) for n, m in zip(frame.size, fine.shape, strict=True)]
    return np.asarray(np.pad(fine, short, mode="edge")[:rows, :columns], "float32")


def _plume(
    rng: np.random.Generator, frame: Frame, mouth: tuple[float, float], reach: float
) -> Float32:
    """Return the share of river water, 1 at the mouth, with ragged fronts."""
    y, x = np.ogrid[: frame.size[0], : frame.size[1]]
    away = np.hypot(y - mouth[0], x - mouth[1]).astype("float32") * np.float32(frame.ground)
    away *= np.exp(np.float32(0.45) * smooth(rng, frame, 16_000.0))
    return np.asarray(np.exp(-away / np.float32(reach)), "float32")
