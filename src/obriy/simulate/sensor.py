"""From the light over ground squares to the numbers of a product: optics, grid, noise, flags."""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from obriy.model.flags import Flag
from obriy.simulate.fields import When, noise, stream
from obriy.simulate.materials import Float32, bands
from obriy.simulate.place import Frame
from obriy.simulate.settings import SensorModel, World, facts
from obriy.simulate.sky import Overcast

Flags = npt.NDArray[np.uint16]
COUNT = 0.0001
"""Step of the numbers of a product, reflectance."""


def observe(
    seen: Float32, frame: Frame, sensor: SensorModel, when: When, world: World
) -> dict[str, Float32]:
    """Return what the sensor records, (rows, columns) reflectance by common name.

    The image lies a little off its grid; each band is blurred and averaged over its own pixels,
    the coarser ones over pixels of 20 m that are then resampled (bilinear) to the grid.

    Args:
        seen: (10, rows, columns) light over ground squares, reflectance.
        frame: The grids.
        sensor: The sensor.
        when: Seed and date.
        world: How large the registration error and the noise are.
    """
    rng = stream(when[0], "sensor", when[1])
    shift = rng.normal(0, world.registration_m, 2) / frame.ground
    found = {}
    for name in sensor.bands:
        ground = _band(seen, name, sensor)
        ground = ndimage.shift(ground, shift, order=1, mode="nearest")
        times = _coarseness(name, frame, sensor)
        found[name] = _recorded(ground, frame, sensor, times, (rng, world.noise))
    return found


def flag_pixels(
    frame: Frame,
    seed: int,
    day: str,
    *,
    clouds: Overcast,
    shaded: Float32,
    ice: Float32,
    built: npt.NDArray[np.bool_],
    wet: Float32,
    inside: npt.NDArray[np.bool_],
) -> Flags:
    """Return quality flags that find most, not all, of what is there, (rows, columns) uint16.

    Thin cloud and weak shadow are missed more often; some bright buildings are taken for cloud.

    Args:
        frame: The grids.
        seed: The seed of everything.
        day: The date.
        clouds: Clouds and their shadows, on ground squares.
        shaded: Share of direct light that hills and trees take, on ground squares.
        ice: Share of ice, on ground squares.
        built: Bright buildings, on ground squares.
        wet: Share of water in the pixel, for the product's own opinion.
        inside: (rows, columns) pixels within the swath.
    """
    table, rng = facts()["clouds"], stream(seed, "flags", day)
    size = frame.size
    luck = noise(rng, size, frame.resolution, 25 * frame.resolution, 2.6)

    def found(depth: Float32, half: float) -> npt.NDArray[np.bool_]:
        chance = float(table["sharpness"]) * (frame.pixels(depth) - half)
        return np.asarray((chance + luck > 0) & (frame.pixels(depth) > 0.02))

    flags = np.zeros(size, "uint16")
    opaque = clouds.opacity - clouds.cirrus
    white = found(opaque, float(table["found"]))
    alarms = frame.pixels(built.astype("float32")) > 0.4
    white |= alarms & (rng.random(size) < float(table["false_alarm"]))
    hint = (frame.pixels(shaded) > 0.5) & (rng.random(size) < float(table["terrain_hint"]))
    layers = {
        Flag.CLOUD: white,
        Flag.CIRRUS: found(clouds.cirrus, 0.12),
        Flag.CLOUD_SHADOW: found(clouds.shadow, float(table["shadow_found"])) & ~white,
        Flag.DARK: hint,
        Flag.SNOW: found(ice, 0.5) & ~white,
        Flag.WATER: (wet + 0.1 * luck > 0.5) & ~white,
    }
    for flag, where in layers.items():
        flags[where] |= np.uint16(flag.value)
    flags[~inside] = Flag.NO_DATA.value
    return flags


def _band(seen: Float32, name: str, sensor: SensorModel) -> Float32:
    names = bands()
    if name in sensor.made_of:
        parts = sensor.made_of[name].items()
        return np.asarray(sum(w * seen[names.index(n)] for n, w in parts), "float32")
    return np.asarray(seen[names.index(name)])


def _coarseness(name: str, frame: Frame, sensor: SensorModel) -> int:
    """Return how many pixels of the grid a band's own pixel spans."""
    return max(1, round(sensor.coarse_m / frame.resolution)) if name in sensor.coarse else 1


def _recorded(
    ground: Float32,
    frame: Frame,
    sensor: SensorModel,
    times: int,
    noisy: tuple[np.random.Generator, float],
) -> Float32:
    side = frame.parts * times
    blurred = ndimage.gaussian_filter(ground, sensor.blur * side, mode="nearest")
    grow = [(0, -n % side) for n in blurred.shape]
    blurred = np.pad(blurred, grow, mode="edge")
    rows, columns = (n // side for n in blurred.shape)
    own = blurred.reshape(rows, side, columns, side).mean((1, 3))
    rng, loud = noisy
    deviation = loud * (sensor.floor + sensor.slope * np.abs(own))
    own = own + deviation * rng.standard_normal(own.shape, dtype="float32")
    if times > 1:
        own = ndimage.zoom(own, times, order=1, mode="nearest", grid_mode=True)
    own = own[: frame.size[0], : frame.size[1]]
    return np.asarray(np.round(own / COUNT) * COUNT, "float32")
