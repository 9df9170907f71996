"""The grids of a scene, the knobs, and smooth fields on the ground cells."""

import dataclasses
import math
from typing import Any, Final

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox
from scipy import ndimage

from obriy.model.grid import pixel_metres
from obriy.simulate.fields import Float32, noise, stream
from obriy.tables import load_toml

AREA: Final = "peter-the-great-bay"
CELLS: Final = 2
"""Ground cells along a pixel: of 250 m for the 500 m of MODIS."""
_POINTS: Final = 24
"""Points along the longest wave of a field that is to be smooth; between, straight lines."""
_SLOPE: Final = 4.4
"""Of the power spectrum of smooth fields: winds, depths and frost are smoother than clouds."""


def facts(name: str) -> dict[str, Any]:
    """Return a part of ``tables/ice_simulation.toml``, e.g. ``"season"``."""
    found: dict[str, Any] = load_toml("ice_simulation")[name]
    return found


@dataclasses.dataclass(frozen=True)
class Frame:
    """Ground cells; north is up, and a cell counts as square.

    Attributes:
        size: Rows and columns of ground cells.
        ground: Side of a cell, m (the geometric mean of both).
    """

    size: tuple[int, int]
    ground: float


def area_grid() -> GeoBox:
    """Return the grid of the area that the bay is laid on, by ``tables/areas.toml``."""
    area = load_toml("areas")[AREA]
    west, south, east, north = area["bbox"]
    rows, columns = area["grid"]["shape"]
    step = (east - west) / columns, (south - north) / rows
    affine = Affine(step[0], 0.0, west, 0.0, step[1], north)
    return GeoBox((rows, columns), affine, area["grid"]["crs"])


def frame_of(geobox: GeoBox) -> Frame:
    """Return the ground cells of a grid of pixels."""
    rows, columns = geobox.shape
    return Frame(
        (CELLS * rows, CELLS * columns), math.sqrt(math.prod(pixel_metres(geobox))) / CELLS
    )


def smooth(rng: np.random.Generator, frame: Frame, wavelength: float) -> Float32:
    """Return a random field without detail below a 24th of its longest wave, (rows, columns).

    Args:
        rng: Where the randomness comes from.
        frame: The ground cells.
        wavelength: Of the longest wave, m. Mean and deviation are as those of `noise`.
    """
    by = max(1, int(wavelength / frame.ground / _POINTS))
    if by == 1:
        return noise(rng, frame.size, frame.ground, wavelength, _SLOPE)
    rows, columns = (-(-n // by) + 1 for n in frame.size)
    coarse = noise(rng, (rows, columns), by * frame.ground, wavelength, _SLOPE)
    fine = ndimage.zoom(coarse, by, order=1, mode="nearest", grid_mode=True)
    return np.asarray(fine[: frame.size[0], : frame.size[1]], "float32")


def evolving(seed: int, name: str, frame: Frame, wave: tuple[float, float], day: float) -> Float32:
    """Return a smooth field that changes from day to day into another.

    Args:
        seed: The seed of everything.
        name: What the field is for.
        frame: The ground cells.
        wave: Longest wave, m, and days after which a field is another one.
        day: Day number, with the hour as a fraction.
    """
    step = math.floor(day / wave[1])
    turn = (day / wave[1] - step) * math.pi / 2
    before, after = (smooth(stream(seed, name, k), frame, wave[0]) for k in (step, step + 1))
    return np.float32(math.cos(turn)) * before + np.float32(math.sin(turn)) * after


def streaks(
    rng: np.random.Generator, frame: Frame, wavelength: float, azimuth: float, stretch: float
) -> Float32:
    """Return a random field drawn out along a direction, (rows, columns).

    Args:
        rng: Where the randomness comes from.
        frame: The ground cells.
        wavelength: Of the longest wave across, m.
        azimuth: The direction along, degrees from north, clockwise.
        stretch: How many times longer the waves are along it.
    """
    rows, columns = frame.size
    reach = math.ceil(math.hypot(rows, columns)) + 2
    field = noise(rng, (reach, math.ceil(reach / stretch) + 2), frame.ground, wavelength)
    y, x = np.ogrid[:rows, :columns]
    north, east = math.cos(math.radians(azimuth)), math.sin(math.radians(azimuth))
    down, right = (y - rows / 2).astype("float32"), (x - columns / 2).astype("float32")
    along = (right * east - down * north) / stretch + field.shape[1] / 2
    across = right * north + down * east + reach / 2
    drawn = ndimage.map_coordinates(field, [across, along], order=1, mode="nearest")
    return np.asarray(drawn, "float32")
