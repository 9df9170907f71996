"""The bay of a moment on ground cells, and the light that a swath would see over it."""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from obriy.model.ice import CLOUD, ICE, LAND, WATER
from obriy.simulate.fields import Float32, stream
from obriy.simulate.ice.air import at_top, glint, make_air
from obriy.simulate.ice.cover import make_cover
from obriy.simulate.ice.frame import CELLS, Frame, area_grid, facts, frame_of
from obriy.simulate.ice.geometry import FloatArray, azimuth_of_view, sun_angles
from obriy.simulate.ice.ground import ground_reflectance
from obriy.simulate.ice.place import make_bay
from obriy.simulate.ice.season import weather_at
from obriy.simulate.ice.sky import make_clouds
from obriy.simulate.orbit import Angles, Satellite

Codes = npt.NDArray[np.uint8]


@dataclasses.dataclass(frozen=True)
class Places:
    """What lies under and over places, ground cells or pixels; arrays (...) float32.

    Attributes:
        light: (7, ...) reflectance of ground and cloud together, without the air.
        opacity: Of clouds, 0 to 1.
        ice: Share of the place that is ice at sea, 0 to 1.
        sea: Share of the place that is sea.
        mirror: Share that is open water not under cloud.
        uneven: A smooth field, standard normal, by which haze and wind differ.
    """

    light: Float32
    opacity: Float32
    ice: Float32
    sea: Float32
    mirror: Float32
    uneven: Float32

    def through(self, change: Callable[[Float32], Float32]) -> "Places":
        """Return the same after a change of each plane."""
        planes = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        light = np.stack([change(plane) for plane in planes.pop("light")])
        return Places(light, **{name: change(plane) for name, plane in planes.items()})


def lay_out(
    seed: int, time: str, satellite: Satellite, frame: Frame, sun: tuple[float, float]
) -> Places:
    """Make the bay of a moment on ground cells.

    Args:
        seed: The seed of everything.
        time: ISO 8601, UTC.
        satellite: Of two satellites at one time each has clouds of its own.
        frame: The ground cells.
        sun: Zenith angle and azimuth in the middle, degrees.
    """
    bay, weather = make_bay(seed, frame), weather_at(seed, time)
    cover = make_cover(bay, frame, seed, weather)
    clouds = make_clouds(bay, frame, (seed, f"{time} {satellite}"), weather, sun)
    light = ground_reflectance(bay, cover, frame, seed, weather)
    light *= 1 - clouds.shadow
    light += clouds.opacity * (clouds.white - light)
    sea = (~bay.land).astype("float32")
    return Places(
        light=light,
        opacity=clouds.opacity,
        ice=sea * cover.share,
        sea=sea,
        mirror=sea * (1 - cover.share) * (1 - clouds.opacity) * (1 - clouds.shadow),
        uneven=bay.rough,
    )


def seen_from_space(
    places: Places, angles: Angles, when: tuple[int, str]
) -> tuple[Float32, Codes, Float32]:
    """Return what a satellite records over pixels, and what is there.

    Args:
        places: The pixels, already averaged.
        angles: Where sun and satellite stand.
        when: Seed and time.

    Returns:
        (7, ...) float32 reflectance at the top of the atmosphere over the cosine of the sun's
        zenith angle; (...) codes of the legend ``ice``; (...) concentration, NaN on land.
    """
    air = make_air(when, weather_at(*when), places.uneven)
    light = places.light + places.mirror * glint(air, angles)
    seen = at_top(light, air, angles, places.opacity)
    table, rng = facts("sensor"), stream(when[0], "noise", when[1])
    low_sun = 1 / np.cos(np.radians(angles.sun_zenith))
    spread = float(table["floor"]) * low_sun + float(table["slope"]) * np.maximum(seen, 0)
    seen += spread * rng.standard_normal(seen.shape, dtype="float32")
    return seen.astype("float32"), *truth_of(places)


def truth_of(places: Places) -> tuple[Codes, Float32]:
    """Return the codes of the legend ``ice`` and the concentration, NaN on land."""
    land = places.sea < 0.5
    share = np.where(land, np.nan, places.ice / np.maximum(places.sea, 1e-6))
    codes = np.where(share >= 0.5, ICE, WATER)
    codes = np.where(places.opacity >= facts("clouds")["opaque"], CLOUD, codes)
    codes = np.where(land, LAND, codes)
    return codes.astype("uint8"), np.clip(share, 0, 1).astype("float32")


def light_at(
    seed: int,
    time: str,
    lon: FloatArray,
    lat: FloatArray,
    *,
    satellite: Satellite,
    view_zenith: Float32,
    sun_zenith: Float32,
) -> tuple[Float32, Codes, Float32]:
    """Return what a swath sees at places; the same bay as `obriy.simulate.ice.scene` makes.

    The bay fills the box of its area; beyond, it is mirrored, so that a whole granule has coasts,
    ice and clouds.

    Args:
        seed: The seed of everything.
        time: ISO 8601, UTC.
        lon: (rows, columns) longitude, degrees.
        lat: Latitude, degrees.
        satellite: ``terra`` or ``aqua``.
        view_zenith: Zenith angle of the satellite at the places, degrees.
        sun_zenith: Zenith angle of the sun, degrees.

    Returns:
        As `seen_from_space`: reflectance over the cosine of ``sun_zenith`` (7, rows, columns),
        codes, concentration.
    """
    grid = area_grid()
    frame = frame_of(grid)
    lon, lat = np.asarray(lon, "float64"), np.asarray(lat, "float64")
    middle = grid.extent.centroid.coords[0]
    sun = tuple(float(a) for a in sun_angles(time, *(np.asarray(v) for v in middle)))
    fine = lay_out(seed, time, satellite, frame, (sun[0], sun[1]))
    # A sample stands for half a kilometre, not for a point.
    footprint = CELLS * float(facts("sensor")["blur"])
    blurred = fine.through(functools.partial(ndimage.gaussian_filter, sigma=footprint))
    x, y = ~grid.affine @ (lon, lat)
    at = [_folded(CELLS * v - 0.5, n) for v, n in ((y, frame.size[0]), (x, frame.size[1]))]
    sample = functools.partial(
        ndimage.map_coordinates, coordinates=at, order=1, mode="nearest", prefilter=False
    )
    angles = Angles(
        view_zenith=view_zenith,
        view_azimuth=azimuth_of_view(satellite, lon, view_zenith),
        sun_zenith=sun_zenith,
        sun_azimuth=sun_angles(time, lon, lat)[1],
    )
    return seen_from_space(blurred.through(sample), angles, (seed, time))


def _folded(position: FloatArray, count: int) -> FloatArray:
    """Return positions within 0 to count - 1, mirrored at both ends."""
    period = 2 * (count - 1)
    inside = np.mod(position, period)
    return np.asarray(np.minimum(inside, period - inside))
