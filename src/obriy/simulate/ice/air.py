"""From the ground to the top of the atmosphere: path light, losses, and the sun's glint."""

import dataclasses
import math
from typing import Final

import numpy as np

from obriy.simulate.fields import Float32, stream
from obriy.simulate.ice.frame import facts
from obriy.simulate.ice.season import Weather
from obriy.simulate.orbit import Angles

WAVELENGTHS: Final = (0.645, 0.858, 0.469, 0.555, 1.24, 1.64, 2.13)
"""Of the bands, µm."""
FRESNEL: Final = (0.0207, 0.0203, 0.0213, 0.0210, 0.0194, 0.0188, 0.0170)
"""Reflectance of a flat sea at normal incidence by band; Hale and Querry 1973, Appl. Opt. 12."""
ASYMMETRY: Final = 0.68
"""Of aerosol: the mean cosine of the angle that it scatters light by."""


@dataclasses.dataclass(frozen=True)
class Air:
    """What the air is like on a date.

    Attributes:
        aerosol: Optical depth at 0.555 µm, a number or one for each place.
        angstrom: How it falls with the wavelength.
        wind: Speed at the sea, m/s, likewise: it turns glint broad and faint.
    """

    aerosol: Float32 | float
    angstrom: float
    wind: Float32 | float


def make_air(when: tuple[int, str], weather: Weather, uneven: Float32) -> Air:
    """Draw the air of a moment.

    Args:
        when: Seed and time.
        weather: The moment.
        uneven: A smooth field, about standard normal: haze is not the same everywhere.
    """
    rng = stream(when[0], "air", when[1])
    low, high = facts("light")["aerosol"]
    depth = low + (high - low) * rng.beta(1.0, 2.6)
    slow, fast = facts("water")["glitter_wind"]
    wind = np.clip(weather.wind_speed * np.exp(0.3 * uneven), slow, fast)
    aerosol = np.asarray(depth * np.exp(0.3 * uneven), "float32")
    return Air(aerosol, float(rng.uniform(*facts("light")["angstrom"])), wind)


def at_top(ground: Float32, air: Air, angles: Angles, opacity: Float32) -> Float32:
    """Return reflectance at the top of the atmosphere over the cosine of the sun's zenith angle.

    Single scattering by molecules and aerosol, losses both ways, and light that goes back and
    forth between ground and air.

    Args:
        ground: (7, ...) reflectance of the ground and of clouds over it.
        air: The air.
        angles: Where sun and satellite stand, (...).
        opacity: (...) of clouds: above them is less air.
    """
    table = facts("light")
    sun, view = (np.cos(np.radians(a)) for a in (angles.sun_zenith, angles.view_zenith))
    way = 1 / sun + 1 / view
    scatter = -sun * view - np.sqrt((1 - sun**2) * (1 - view**2)) * np.cos(_between(angles))
    molecules = 0.75 * (1 + scatter**2)
    g = ASYMMETRY
    drops = (1 - g**2) / (1 + g**2 - 2 * g * scatter) ** 1.5
    out = np.empty(ground.shape, "float32")
    for k, wave in enumerate(WAVELENGTHS):
        rayleigh = float(table["rayleigh"][k])
        haze = air.aerosol * (wave / 0.555) ** -air.angstrom
        single = rayleigh * molecules + float(table["aerosol_albedo"]) * haze * drops
        whole = rayleigh + haze
        path = single / whole * (1 - np.exp(-whole * way)) / (4 * (sun + view))
        back = float(table["aerosol_back"]) * haze
        through = np.exp(-(0.5 * rayleigh + back) * way) * float(table["gases"][k])
        around = 0.7 * rayleigh + back
        rho = ground[k]
        out[k] = path * (1 - 0.6 * opacity) + through * rho / (1 - around * np.minimum(rho, 1))
    return out


def glint(air: Air, angles: Angles) -> Float32:
    """Return the reflectance of the sun's image on a rough sea, (7, ...).

    Cox and Munk 1954, J. Opt. Soc. Am. 44, 838-850: isotropic Gaussian slopes.
    """
    sun, view = (np.radians(a) for a in (angles.sun_zenith, angles.view_zenith))
    cos_phase = np.cos(sun) * np.cos(view) + np.sin(sun) * np.sin(view) * np.cos(_between(angles))
    half = np.arccos(np.clip(cos_phase, -1, 1)) / 2
    tilt = (np.cos(sun) + np.cos(view)) / (2 * np.cos(half))
    slope = 1 / tilt**2 - 1
    variance = 0.003 + 0.00512 * air.wind
    chance = np.exp(-slope / variance) / (math.pi * variance)
    strength = math.pi * chance / (4 * np.cos(sun) * np.cos(view) * tilt**4)
    grazing = (1 - np.cos(half)) ** 5
    return np.stack([(f + (1 - f) * grazing) * strength for f in FRESNEL]).astype("float32")


def _between(angles: Angles) -> Float32:
    """Return the angle between the azimuths of sun and satellite, radians."""
    return np.asarray(np.radians(angles.sun_azimuth - angles.view_azimuth), "float32")
