"""The knobs of the simulated world, from ``tables/simulation.toml``."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from obriy.registry import did_you_mean
from obriy.tables import load_toml

Range = tuple[float, float]
FloatArray = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class World:
    """What a place is like; the table says what each number is. Ranges are drawn from once."""

    title: str
    lake_share: Range
    relief_m: float
    ruggedness: float
    hills_m: float
    river_width_m: Range
    creeks_per_10km2: float
    creek_width_m: Range
    ponds_per_km2: float
    pond_radius_m: Range
    reservoirs_per_10km2: float
    level_amplitude_m: float
    level_noise_m: float
    lake_waters: tuple[str, ...]
    river_waters: tuple[str, ...]
    pond_waters: tuple[str, ...]
    floating_share: float
    wet_soil_m: float
    reed_share: float
    forest_share: float
    conifer_share: float
    town_share: float
    canopy_m: float
    spread: float
    adjacency: float
    haze: Range
    glint_chance: float
    ice_chance: float
    registration_m: float
    noise: float


@dataclasses.dataclass(frozen=True)
class Sky:
    """How often clouds, cirrus and swath edges come; the table says what each number is."""

    cover: float
    cover_spread: float
    cirrus_chance: float
    edge_chance: float


@dataclasses.dataclass(frozen=True)
class SensorModel:
    """A sensor as the simulator knows it.

    Attributes:
        id: Id of ``tables/sensors``.
        resolution: Its own pixel size, m.
        bands: Common names, in the order of the product.
        coarse: Those of them that are taken at ``coarse_m`` and resampled to the grid.
        coarse_m: Pixel size of those, m.
        blur: Standard deviation of the point spread, in pixels of the band.
        floor: Noise of a dark pixel, reflectance.
        slope: Noise per reflectance.
        quality: Name of its quality band, a table of ``tables/quality.toml``.
        made_of: Weights of materials' bands, for bands that the materials do not have.
    """

    id: str
    resolution: float
    bands: tuple[str, ...]
    coarse: tuple[str, ...]
    coarse_m: float
    blur: float
    floor: float
    slope: float
    quality: str
    made_of: dict[str, dict[str, float]] = dataclasses.field(default_factory=dict)


def facts() -> dict[str, Any]:
    """Return the table of the simulator."""
    return load_toml("simulation")


def setting_names() -> list[str]:
    """Return the names of all settings, ``WORLD_SKY``."""
    table = facts()
    return [f"{world}_{sky}" for world in table["worlds"] for sky in table["skies"]]


def load_setting(name: str) -> tuple[World, Sky]:
    """Return the world and the sky of a setting.

    Args:
        name: ``WORLD_SKY``, e.g. ``"hard_cloudy"``; a world alone has a clear sky.

    Raises:
        UnknownNameError: with the nearest known name.
    """
    full = f"{name}_clear" if name in facts()["worlds"] else name
    if full not in setting_names():
        raise did_you_mean("setting of the simulator", name, setting_names())
    world, sky = full.rsplit("_", 1)
    return World(**_fixed(facts()["worlds"][world])), Sky(**facts()["skies"][sky])


def load_sensor_model(name: str) -> SensorModel:
    """Return a sensor of the simulator.

    Raises:
        UnknownNameError: with the nearest known name.
    """
    table = facts()["sensors"]
    if name not in table:
        raise did_you_mean("sensor of the simulator", name, sorted(table))
    return SensorModel(id=name, **_fixed(table[name]))


def light(name: str) -> FloatArray:
    """Return a spectrum of the light, (10,) by band of the materials: ``diffuse``, ``haze``..."""
    return np.asarray(facts()["light"][name])


def _fixed(values: dict[str, Any]) -> dict[str, Any]:
    """Return a table's values with lists made tuples."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
