"""Clouds of several kinds over a bay, and their shadows."""

import dataclasses
import math

import numpy as np
from scipy import ndimage

from obriy.simulate.fields import Float32, noise, smoothstep, stream
from obriy.simulate.ice.frame import Frame, facts, smooth, streaks
from obriy.simulate.ice.materials import reflectance
from obriy.simulate.ice.place import Bay
from obriy.simulate.ice.season import Weather


@dataclasses.dataclass(frozen=True)
class Layer:
    """One layer of cloud on ground cells, (rows, columns) float32.

    Attributes:
        opacity: 0 to 1.
        phase: 0 drops, 1 ice crystals.
    """

    opacity: Float32
    phase: Float32 | float


@dataclasses.dataclass(frozen=True)
class Overcast:
    """All clouds of a moment on ground cells.

    Attributes:
        opacity: (rows, columns) of all layers together, 0 to 1.
        white: (7, rows, columns) what thick cloud would reflect there.
        shadow: (rows, columns) share of direct light that clouds take from the ground.
    """

    opacity: Float32
    white: Float32
    shadow: Float32


def make_clouds(
    bay: Bay, frame: Frame, when: tuple[int, str], weather: Weather, sun: tuple[float, float]
) -> Overcast:
    """Draw the clouds of a moment: from a clear sky to nine tenths and more.

    Args:
        bay: The place: cold air makes rows of cloud only off the shore.
        frame: The ground cells.
        when: Seed and time.
        weather: The moment.
        sun: Zenith angle and azimuth of the sun in the middle, degrees.
    """
    table, rng = facts("clouds"), stream(when[0], "clouds", when[1])
    mean, both = table["cover"]
    cover = float(rng.beta(mean * both, (1 - mean) * both))
    low = [_main(rng, frame, cover)]
    if rng.random() < float(table["stratus_chance"]) * min(1.0, 3 * cover):
        low.append(_stratus(rng, frame, weather))
    if rng.random() < float(table["street_chance"]):
        low.append(_streets(rng, bay, frame, weather))
    if rng.random() < float(table["cumulus_chance"]):
        low.append(_cumulus(rng, frame))
    shadow = _shadow(rng, frame, _together(low), sun)
    high = [_cirrus(rng, frame)] if rng.random() < float(table["cirrus_chance"]) else []
    layers = low + high
    opacity = _together(layers)
    return Overcast(opacity, _white(rng, frame, layers, opacity), shadow)


def _main(rng: np.random.Generator, frame: Frame, cover: float) -> Layer:
    """Return the main cloud: lumps of several sizes, hard or soft at the edge."""
    table = facts("clouds")
    field = noise(rng, frame.size, frame.ground, float(rng.uniform(*table["wavelength_m"])),
                  float(rng.uniform(3.5, 4.6)))  # fmt: skip
    field += rng.uniform(0.03, 0.2) * noise(rng, frame.size, frame.ground, 4000.0, 3.0)
    soft = float(rng.uniform(*table["softness"]))
    if cover < 0.02:
        return Layer(np.zeros(frame.size, "float32"), 0.0)
    edge = float(np.quantile(field[::4, ::4], 1 - cover))
    depth = smoothstep(field, edge - soft / 3, edge + soft)
    mostly_ice = rng.random() < float(table["ice_phase"])
    middle = rng.uniform(0.55, 1.0) if mostly_ice else rng.uniform(0.0, 0.3)
    # The taller, the colder: tops of thick cloud turn to ice.
    phase = middle + 0.25 * smooth(rng, frame, 25_000.0) + 0.2 * (depth - 0.5)
    thick = rng.uniform(0.75, 1.0)
    return Layer(np.asarray(thick * depth, "float32"), np.asarray(phase, "float32"))


def _stratus(rng: np.random.Generator, frame: Frame, weather: Weather) -> Layer:
    """Return low smooth cloud or fog; at its edge the ground shines through."""
    field = smooth(rng, frame, 70_000.0) + np.float32(0.06) * noise(
        rng, frame.size, frame.ground, 5000.0, 3.0
    )
    edge = rng.normal(0.3, 0.7)
    top = rng.uniform(0.35, 0.98)
    opacity = top * smoothstep(field, edge, edge + rng.uniform(0.4, 1.6))
    frozen = 0.35 * rng.random() * (weather.frost > 0.5)
    return Layer(np.asarray(opacity, "float32"), float(frozen))


def _streets(rng: np.random.Generator, bay: Bay, frame: Frame, weather: Weather) -> Layer:
    """Return rows of broken cloud along the wind that form some way off the shore."""
    azimuth = math.degrees(math.atan2(*weather.wind))
    rows = streaks(rng, frame, float(rng.uniform(4000, 9000)), azimuth, 7.0)
    lumps = noise(rng, frame.size, frame.ground, 2500.0, 2.4)
    off = smoothstep(
        bay.shore_m + np.float32(4000) * lumps, *sorted(rng.uniform(8000.0, 70_000.0, 2))
    )
    level = rows + np.float32(0.6) * lumps - np.float32(rng.uniform(0.0, 1.0))
    opacity = rng.uniform(0.5, 0.95) * off * smoothstep(level, 0.0, 1.0)
    return Layer(np.asarray(opacity, "float32"), float(rng.uniform(0.0, 0.6)))


def _cumulus(rng: np.random.Generator, frame: Frame) -> Layer:
    """Return scattered clouds smaller than a pixel: a share of cells, each partly covered."""
    field = noise(rng, frame.size, frame.ground, 30_000.0, 3.0)
    grain = rng.standard_normal(frame.size, dtype="float32")
    level = np.float32(0.6) * field + grain - np.float32(rng.uniform(1.1, 2.4))
    opacity = rng.uniform(0.35, 0.9) * smoothstep(level, 0.0, 1.2)
    return Layer(np.asarray(opacity, "float32"), 0.1)


def _cirrus(rng: np.random.Generator, frame: Frame) -> Layer:
    """Return a thin veil of ice crystals, often in streaks."""
    fibres = streaks(rng, frame, float(rng.uniform(9000, 30_000)), float(rng.uniform(0, 180)), 5.0)
    field = 0.8 * smooth(rng, frame, 80_000.0) + 0.6 * fibres
    opacity = rng.uniform(*facts("clouds")["cirrus"]) * smoothstep(field, -0.6, 1.6)
    return Layer(np.asarray(opacity, "float32"), 1.0)


def _together(layers: list[Layer]) -> Float32:
    """Return the opacity of layers one over the other."""
    clear = np.ones_like(layers[0].opacity)
    for layer in layers:
        clear *= 1 - layer.opacity
    return np.asarray(1 - clear, "float32")


def _white(
    rng: np.random.Generator, frame: Frame, layers: list[Layer], opacity: Float32
) -> Float32:
    """Return what thick cloud of that mixture of layers would reflect, (7, rows, columns)."""
    weight = sum(layer.opacity for layer in layers) + np.float32(1e-6)
    phase = sum(layer.opacity * layer.phase for layer in layers) / weight
    phase = np.clip(phase, 0, 1)
    here = np.flatnonzero(opacity > 0.002)
    out = np.zeros((7, opacity.size), "float32")
    texture = noise(rng, frame.size, frame.ground, float(rng.uniform(4000, 20_000)), 3.2)
    # Thin cloud is darker for its opacity; drops and crystals differ in size from cloud to cloud.
    bright = 0.7 * texture + 1.6 * (opacity - 0.7) + rng.normal(0, 0.6)
    size = 0.7 * smooth(rng, frame, 40_000.0) + rng.normal(0, 0.9)
    factors = np.stack([plane.ravel()[here] for plane in (bright, size, size)]).astype("float32")
    factors[2] = np.float32(rng.standard_normal())
    own = rng.standard_normal((7, len(here)), dtype="float32")
    drops, crystals = (reflectance(n, factors, own) for n in ("water_cloud", "ice_cloud"))
    out[:, here] = drops + phase.ravel()[here] * (crystals - drops)
    return out.reshape(7, *frame.size)


def _shadow(
    rng: np.random.Generator, frame: Frame, opacity: Float32, sun: tuple[float, float]
) -> Float32:
    """Return the share of direct light taken from the ground, by clouds towards the sun."""
    table = facts("clouds")
    height = float(rng.uniform(*table["height_m"]))
    far = height * math.tan(math.radians(min(sun[0], 80.0))) / frame.ground
    towards = math.radians(sun[1])
    # Shadows fall away from the sun; north is up, so that rows count to the south.
    shift = far * math.cos(towards), -far * math.sin(towards)
    cast = ndimage.shift(opacity, shift, order=1, mode="nearest")
    return np.asarray(float(table["shadow"]) * cast, "float32")
