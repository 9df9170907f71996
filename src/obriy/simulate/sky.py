"""Sun, shade, clouds with their shadows, haze, glint and adjacency, on ground squares."""

import dataclasses
import datetime as dt
import math

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from obriy.simulate.fields import When, noise, smoothstep, stream
from obriy.simulate.materials import Float32, code, spectra
from obriy.simulate.place import Frame
from obriy.simulate.settings import Sky, World, facts, light

ADJACENT_M = 150.0
"""Standard deviation of the neighbourhood that scatters light into a pixel, m."""
OPAQUE = 0.1
"""Opacity from which a pixel counts as cloudy."""
STEEPEST = 1.6
"""Most times the light of level ground that a slope receives."""


@dataclasses.dataclass(frozen=True)
class Sun:
    """Where the sun stands.

    Attributes:
        elevation: Degrees above the horizon.
        azimuth: Degrees from north, clockwise.
    """

    elevation: float
    azimuth: float

    @property
    def away(self) -> tuple[float, float]:
        """Direction in which shadows fall: rows (to the south), columns (to the east)."""
        angle = math.radians(self.azimuth)
        return math.cos(angle), -math.sin(angle)


@dataclasses.dataclass(frozen=True)
class Overcast:
    """Clouds of a date.

    Attributes:
        opacity: Of clouds, 0 to 1, cirrus included.
        cirrus: Of cirrus alone.
        shadow: Depth of their shadows, 0 to 1.
    """

    opacity: Float32
    cirrus: Float32
    shadow: Float32


def sun_of(day: str) -> Sun:
    """Return the sun at the overpass, half past ten in the morning, at the table's latitude."""
    number = dt.date.fromisoformat(day).timetuple().tm_yday
    tilt = math.radians(23.44) * math.sin(2 * math.pi * (number - 81) / 365)
    latitude = math.radians(float(facts()["light"]["latitude"]))
    hour = math.radians(-22.5)
    up = math.sin(latitude) * math.sin(tilt) + math.cos(latitude) * math.cos(tilt) * math.cos(hour)
    elevation = math.asin(up)
    east = -math.cos(tilt) * math.sin(hour)
    north = math.cos(latitude) * math.sin(tilt) - math.sin(latitude) * math.cos(tilt) * math.cos(
        hour
    )
    return Sun(math.degrees(elevation), math.degrees(math.atan2(east, north)) % 360)


def shade(height: Float32, canopy: Float32, step: float, sun: Sun) -> Float32:
    """Return the share of direct light that hills, trees and houses take away, 0 to 1.

    Args:
        height: Ground, m.
        canopy: Trees and houses on it, m. They shade what is lower; their own spectra hold the
            shade within them.
        step: Side of a square, m.
        sun: Where the sun stands.
    """
    rise = math.tan(math.radians(sun.elevation)) * step
    down, right = sun.away
    top = height + canopy
    farthest = int(min(max(float(top.max() - height.min()), 0.0) / rise + 1, 120))
    blocked = np.full(height.shape, -np.inf, "float32")
    steps = sorted({round(s) for s in np.geomspace(1, max(farthest, 1), 24)})
    for k in steps:
        # The square that stands k steps towards the sun, lowered by how far the ray falls.
        moved = _moved(top, round(k * down), round(k * right), -np.inf)
        np.maximum(blocked, moved - np.float32(k * rise), out=blocked)
    return smoothstep(blocked - top, 0.0, 3.0)


def illumination(height: Float32, step: float, sun: Sun) -> Float32:
    """Return direct light on slopes over that on level ground, 0 to `STEEPEST`."""
    south, east = np.gradient(ndimage.gaussian_filter(height, max(1.0, 20 / step)), step)
    up = math.radians(sun.elevation)
    down, right = sun.away
    # The normal is (-south, -east, 1); the sun lies opposite to where shadows fall.
    facing = math.sin(up) + math.cos(up) * (south * down + east * right)
    normal = np.sqrt(1 + south**2 + east**2)
    return np.asarray(np.clip(facing / normal / math.sin(up), 0, STEEPEST), "float32")


def make_clouds(frame: Frame, seed: int, day: str, sky: Sky, sun: Sun) -> Overcast:
    """Draw the clouds of a date; many dates have few, some are overcast.

    Args:
        frame: The grids.
        seed: The seed of everything.
        day: The date.
        sky: How cloudy it is here.
        sun: Where their shadows fall.
    """
    nothing = np.zeros(frame.ground_size, "float32")
    if sky.cover <= 0:
        return Overcast(nothing, nothing, nothing)
    rng, table, step = stream(seed, "clouds", day), facts()["clouds"], frame.ground
    both = sky.cover_spread
    cover = float(rng.beta(sky.cover * both, (1 - sky.cover) * both))
    base = float(rng.uniform(*table["base_m"])) / math.tan(math.radians(sun.elevation))
    rows, columns = (round(d * base / step) for d in sun.away)
    high, wide = (n + abs(m) for n, m in zip(frame.ground_size, (rows, columns), strict=True))
    field = noise(rng, (high, wide), step, float(table["wavelength_m"]), 3.2)
    field += 0.12 * noise(rng, (high, wide), step, 300.0, 2.6)
    edge = float(np.quantile(field, 1 - cover)) if cover > 0.01 else np.inf
    opacity = (
        smoothstep(field, edge, edge + float(table["softness"]))
        if np.isfinite(edge)
        else (np.zeros((high, wide), "float32"))
    )
    y, x = max(rows, 0), max(columns, 0)
    size = frame.ground_size
    here = _window(opacity, y, x, size)
    cast = _window(opacity, y - rows, x - columns, size)
    shadow = 0.92 * ndimage.gaussian_filter(cast, max(1.0, 15 / step))
    cirrus = nothing
    if rng.random() < sky.cirrus_chance:
        veil = smoothstep(noise(rng, size, step, 6000.0, 3.6), -0.6, 1.4)
        cirrus = np.asarray(float(table["cirrus_opacity"]) * veil, "float32")
    whole = 1 - (1 - here) * (1 - cirrus)
    return Overcast(
        np.asarray(whole, "float32"), np.asarray(cirrus, "float32"), np.asarray(shadow, "float32")
    )


def under_light(ground: Float32, direct: Float32) -> Float32:
    """Return the apparent reflectance of ground in partial light.

    The product divides by the light of a level, sunlit plane; a shaded or turned one got less
    direct light, and the same diffuse light.

    Args:
        ground: (10, rows, columns) reflectance.
        direct: (rows, columns) direct light over that of a level, sunlit plane.
    """
    diffuse = light("diffuse").astype("float32")[:, None, None]
    return np.asarray(ground * (diffuse + (1 - diffuse) * direct), "float32")


def adjacency(ground: Float32, step: float, share: float) -> Float32:
    """Mix each square with its surroundings, some 150 m wide."""
    if share <= 0:
        return ground
    by = max(1, int(ADJACENT_M / 3 / step))
    around = np.empty_like(ground)
    for band in range(len(ground)):
        small = ndimage.uniform_filter(ground[band], by, mode="nearest")[
            by // 2 :: by, by // 2 :: by
        ]
        small = ndimage.gaussian_filter(small, ADJACENT_M / (by * step), mode="nearest")
        zoomed = ndimage.zoom(small, by, order=1, mode="nearest", grid_mode=True)
        around[band] = _filled(zoomed, ground.shape[1:])
    return ground + np.float32(share) * (around - ground)


def through_air(seen: Float32, clouds: Overcast, frame: Frame, when: When, world: World) -> Float32:
    """Add what the correction left of haze, and lay clouds over, (10, rows, columns)."""
    rng = stream(when[0], "air", when[1])
    size, step = frame.ground_size, frame.ground
    amount = rng.uniform(*world.haze)
    field = amount * (1 + 0.35 * noise(rng, size, step, 5000.0, 3.6))
    seen = seen + light("haze").astype("float32")[:, None, None] * field
    if not clouds.opacity.any():
        return np.asarray(seen, "float32")
    factors = np.stack([noise(rng, size, step, 700.0, 3.0) for _ in range(3)])
    own = np.zeros(size, "float32")
    white = spectra(np.full(size, code("cloud"), "uint8"), factors, own, 1.0)
    return np.asarray(seen + clouds.opacity * (white - seen), "float32")


def glint(frame: Frame, seed: int, day: str, world: World) -> Float32 | None:
    """Return the reflectance that the sun's glint adds to water, (10, rows, columns), or None."""
    rng = stream(seed, "glint", day)
    if rng.random() >= world.glint_chance:
        return None
    strength = rng.uniform(0.01, 0.05)
    waves = np.exp(0.35 * noise(rng, frame.ground_size, frame.ground, 600.0, 2.6))
    return np.asarray(light("glint")[:, None, None] * strength * waves, "float32")


def seen_part(frame: Frame, seed: int, day: str, sky: Sky) -> npt.NDArray[np.bool_]:
    """Return the pixels (rows, columns) that lie within the swath."""
    rng = stream(seed, "swath", day)
    rows, columns = frame.size
    if rng.random() >= sky.edge_chance:
        return np.ones((rows, columns), bool)
    lean, where, side = rng.uniform(0.15, 0.3), rng.uniform(0.1, 0.45), rng.random() < 0.5
    y, x = np.mgrid[0:rows, 0:columns] + 0.5
    edge = where * columns - lean * (y - rows / 2)
    return np.asarray(x > edge if side else x < columns - edge)


def _moved(values: Float32, down: int, right: int, fill: float) -> Float32:
    """Return values moved by whole squares; what comes in from outside is ``fill``."""
    out = np.full_like(values, fill)
    rows, columns = values.shape
    if abs(down) >= rows or abs(right) >= columns:
        return out
    to = tuple(slice(max(m, 0), n + min(m, 0)) for m, n in ((down, rows), (right, columns)))
    come = tuple(slice(max(-m, 0), n + min(-m, 0)) for m, n in ((down, rows), (right, columns)))
    out[to] = values[come]
    return out


def _window(values: Float32, row: int, column: int, size: tuple[int, int]) -> Float32:
    return values[row : row + size[0], column : column + size[1]]


def _filled(values: Float32, shape: tuple[int, ...]) -> Float32:
    """Return values cut or continued to a shape."""
    grow = [(0, max(0, n - m)) for n, m in zip(shape, values.shape, strict=True)]
    return np.asarray(np.pad(values, grow, mode="edge")[: shape[0], : shape[1]])
