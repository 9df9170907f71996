"""One scene of a made-up place whose water is known exactly."""

import dataclasses

import numpy as np
import xarray as xr

from obriy.simulate.season import make_season

SETTING = "hard_cloudy"
DATE = "2023-06-15"
NOT_WATER, WATER = 1, 2
"""Codes of ``tables/legends/water.toml``."""


@dataclasses.dataclass(frozen=True)
class SimulatedScene:
    """A scene and what is really there.

    Attributes:
        scene: A Scene with the bands of Sentinel-2 at 10 and 20 m, and flags.
        truth_fraction: (y, x) float32, true share of water in the pixel, 0 to 1, clouds or not.
        truth: (y, x) uint8, codes of the water legend: 2 where the share is 0.5 or more.
    """

    scene: xr.Dataset
    truth_fraction: xr.DataArray
    truth: xr.DataArray


def simulate_water_scene(
    size: tuple[int, int], seed: int, resolution: float = 10.0, *, setting: str = SETTING
) -> SimulatedScene:
    """Make one scene of Sentinel-2 in June.

    Args:
        size: Rows and columns, at least 16 each.
        seed: The same seed makes the same scene.
        resolution: Pixel size, metres; shapes keep their size in metres.
        setting: As for `obriy.simulate.season.make_season`.

    Raises:
        UsageError: a size or a resolution that makes no scene.
    """
    made = make_season(size, seed, setting=setting, resolution=resolution).on(DATE)
    fraction = made.truth_fraction
    codes = np.where(fraction.to_numpy() >= 0.5, WATER, NOT_WATER).astype("uint8")
    return SimulatedScene(made.scene, fraction, xr.DataArray(codes, fraction.coords, name="truth"))
