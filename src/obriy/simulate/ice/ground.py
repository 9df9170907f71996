"""What the ground reflects: ice, open and turbid water, and land with or without snow."""

import math

import numpy as np

from obriy.simulate.fields import Float32, noise, smoothstep, stream
from obriy.simulate.ice.cover import Cover
from obriy.simulate.ice.frame import Frame, evolving, facts, smooth
from obriy.simulate.ice.materials import ice_reflectance, reflectance
from obriy.simulate.ice.place import Bay
from obriy.simulate.ice.season import Weather

GREEN_FROM, GREEN_TO = -200, -25
"""Days from 1 November between which woods are green: 15 April to 6 October."""
SNOW_GONE = 190
"""The day from which no snow lies on land."""


def ground_reflectance(
    bay: Bay, cover: Cover, frame: Frame, seed: int, weather: Weather
) -> Float32:
    """Return reflectance of ground cells, (7, rows, columns).

    Ice and water mix linearly by the concentration in the cell.

    Args:
        bay: The place.
        cover: Its ice.
        frame: The ground cells.
        seed: The seed of everything.
        weather: The moment.
    """
    rng = stream(seed, "ground", weather.winter, weather.day)
    cells = bay.land.size
    own = rng.standard_normal((7, cells), dtype="float32")
    factors = _factors(rng, cover, frame, seed, weather).reshape(3, cells)
    share = cover.share.ravel()
    out = np.zeros((7, cells), "float32")
    open_water = np.flatnonzero(~bay.land.ravel() & (share < 0.995))
    muddy = _muddy(bay, frame, seed, weather).ravel()[open_water]
    chance = np.take(factors, open_water, 1), np.take(own, open_water, 1)
    # Of water the second factor is how rough its surface is, of ice its grains.
    clear, turbid = (reflectance(name, *chance) for name in ("sea", "turbid"))
    out[:, open_water] = clear + muddy * (turbid - clear)
    frozen = np.flatnonzero(~bay.land.ravel() & (share > 0.005))
    if len(frozen):
        grains = np.take(factors, frozen, 1)
        grains[0] += 0.9 * (cover.floe.ravel()[frozen] - 0.5)
        grains[1] += np.float32(weather.grain)
        stage = cover.stage.ravel()[frozen]
        white = ice_reflectance(stage, grains, np.take(own, frozen, 1), weather.wet)
        under = np.take(out, frozen, 1)
        out[:, frozen] = under + share[frozen] * (white - under)
    land = np.flatnonzero(bay.land.ravel())
    chance = np.take(factors, land, 1), np.take(own, land, 1)
    out[:, land] = _land(bay, frame, chance, seed, weather)
    return out.reshape(7, *frame.size)


def _factors(
    rng: np.random.Generator, cover: Cover, frame: Frame, seed: int, weather: Weather
) -> Float32:
    """Return brightness, grain and colour, (3, rows, columns), about standard normal."""
    fine = noise(rng, frame.size, frame.ground, 4000.0, 3.0)
    broad = evolving(seed, "brightness", frame, (30_000.0, 5.0), weather.day)
    grain = evolving(seed, "grain", frame, (22_000.0, 5.0), weather.day)
    colour = smooth(rng, frame, 14_000.0)
    return np.stack([0.55 * fine + 0.6 * broad, grain, colour]).astype("float32")


def _muddy(bay: Bay, frame: Frame, seed: int, weather: Weather) -> Float32:
    """Return the share of turbid water, 0 to 1: along shores and off the river."""
    table, rng = facts("water"), stream(seed, "mud", math.floor(weather.day), weather.winter)
    winter = math.exp(-(((weather.day - 85) / 55) ** 2))
    full = rng.uniform(*table["plume"]) * (1 - (1 - float(table["plume_winter"])) * winter)
    stirred = rng.uniform(*table["turbid_coast"]) * min(1.0, weather.wind_speed / 8)
    eddies = np.exp(np.float32(0.6) * smooth(rng, frame, 9000.0))
    coast = stirred * np.exp(-bay.shore_m / np.float32(table["turbid_coast_m"]))
    river = full * bay.plume
    return np.asarray(np.clip((coast + river) * eddies, 0, 1), "float32")


def _land(
    bay: Bay, frame: Frame, chance: tuple[Float32, Float32], seed: int, weather: Weather
) -> Float32:
    """Return reflectance of the land cells, (7, n); chance is theirs: factors and own."""
    rng, here = stream(seed, "woods"), bay.land
    woods = smoothstep(noise(rng, frame.size, frame.ground, 20_000.0, 3.2) + bay.hills, -0.9, 0.9)
    factors, own = chance
    green = _green(weather)
    bare, grass = (reflectance(n, factors, own) for n in ("forest_bare", "grass_dry"))
    ground = grass + woods[here] * (bare - grass)
    if green > 0.01:
        leaves = reflectance("forest_green", factors, own)
        ground += green * (0.6 + 0.4 * woods[here]) * (leaves - ground)
    if not 0 < weather.day < SNOW_GONE:
        return ground
    lying = _snow_on_land(bay, frame, seed, weather)[here] * (1 - 0.72 * woods[here])
    grains = factors + np.array([[0.0], [weather.grain], [0.0]], "float32")
    stage = np.full(lying.shape, 3.8, "float32")
    snow = ice_reflectance(stage, grains, own, weather.wet * 0.8)
    return np.asarray(ground + lying * (snow - ground), "float32")


def _green(weather: Weather) -> float:
    """Return how green the land is, 0 to 1."""
    day = weather.day if weather.day < 180 else weather.day - 365
    rise = 1 / (1 + math.exp(-(day - GREEN_FROM - 25) / 9))
    fall = 1 / (1 + math.exp((day - GREEN_TO + 10) / 9))
    return rise * fall


def _snow_on_land(bay: Bay, frame: Frame, seed: int, weather: Weather) -> Float32:
    """Return the share of land under snow, 0 to 1: more on hills; the coast is often blown bare."""
    patches = evolving(seed, "snow on land", frame, (11_000.0, 15.0), weather.day)
    level = 1.5 * weather.snow + 0.4 * bay.hills - 1.9 * weather.wet - 0.75
    return smoothstep(np.asarray(level + 0.4 * patches, "float32"), -0.3, 0.8)
