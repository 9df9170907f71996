"""One scene of a made-up place whose water is known exactly: a lake, a river, ponds.

Simple on purpose: terrain, materials, sub-pixel mixing, a little blur and noise, clouds with
shadows that the quality flags find for the most part. What it lacks is listed in ``LACKS``.
"""

import dataclasses

import numpy as np
import numpy.typing as npt
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from scipy import ndimage

from obriy.errors import UsageError
from obriy.model.flags import FLAG_ATTRS, Flag
from obriy.model.grid import coords_of, describe
from obriy.model.provenance import Provenance
from obriy.model.scene import make_scene
from obriy.simulate.fields import FloatArray, Lake, Ponds, River, noise, share
from obriy.tables import load_toml

MIN_SIZE = 16
CRS = "EPSG:32636"
CORNER = (400_000.0, 5_400_000.0)
"""Upper left corner, metres: a place in the CRS where no such lake is."""
BLUR = 0.4
"""Standard deviation of the optics' blur, pixels."""
NOISE = (0.0008, 0.008)
"""Sensor noise: reflectance, and share of the reflectance."""
CLOUD_FLAGGED, SHADOW_FLAGGED = 0.93, 0.80
"""Shares of cloud and shadow that the flags find."""
LACKS = "atmosphere, bidirectional reflectance, waves, floating plants, ice, mixed clouds"
NOT_WATER, WATER = 1, 2
"""Codes of ``tables/legends/water.toml``."""


@dataclasses.dataclass(frozen=True)
class SimulatedScene:
    """A scene and what is really there.

    Attributes:
        scene: A Scene with six bands and flags.
        truth_fraction: (y, x) float32, true share of water in the pixel, 0 to 1, clouds or not.
        truth: (y, x) uint8, codes of the water legend: 2 where the share is 0.5 or more.
    """

    scene: xr.Dataset
    truth_fraction: xr.DataArray
    truth: xr.DataArray


def simulate_water_scene(
    size: tuple[int, int], seed: int, resolution: float = 10.0
) -> SimulatedScene:
    """Make a scene.

    Args:
        size: Rows and columns, at least 16 each.
        seed: The same seed makes the same scene.
        resolution: Pixel size, metres; shapes keep their size in metres.

    Raises:
        UsageError: a size or a resolution that makes no scene.
    """
    if min(size) < MIN_SIZE or resolution <= 0:
        raise UsageError(
            f"A scene of {size[0]} x {size[1]} pixels of {resolution:g} m cannot be made.",
            f"Ask for {MIN_SIZE} x {MIN_SIZE} pixels or more.",
        )
    rng = np.random.default_rng(seed)
    lake, river, ponds = _shapes(rng, size, resolution)
    fraction = share([lake, river, ponds])
    turbid = river.cells() & ~lake.cells()
    land = _land(rng, size, resolution, fraction)
    water = _water(rng, size, turbid)
    ground = fraction * water + (1 - fraction) * land
    cloud, shadow = _clouds(rng, size)
    seen = ground * (1 - 0.6 * shadow)
    seen = seen * (1 - cloud) + _material(rng, size, "cloud") * cloud
    bands = _sensor(rng, seen)
    flags = _flags(rng, cloud, shadow)
    return _as_scene(bands, flags, fraction, seed, resolution)


def _shapes(
    rng: np.random.Generator, size: tuple[int, int], resolution: float
) -> tuple[Lake, River, Ponds]:
    rows, columns = size
    y, x = np.mgrid[0 : rows + 1, 0 : columns + 1]
    y0, x0 = rng.uniform(0.25, 0.4) * rows, rng.uniform(0.55, 0.7) * columns
    across = 0.17 * np.sqrt(rows * columns)
    bowl = np.hypot(y - y0, (x - x0) * rng.uniform(0.6, 0.9)) / across - 1
    lake = Lake(bowl + 0.28 * noise(rng, (rows + 1, columns + 1), 3.2))
    return lake, _river(rng, size, resolution), _ponds(rng, size, resolution)


def _river(rng: np.random.Generator, size: tuple[int, int], resolution: float) -> River:
    """Return a meandering river from the left edge to the right, 12 to 70 m wide."""
    rows, columns = size
    t = np.linspace(-0.1, 1.1, max(2000, 12 * columns))
    phases = rng.uniform(0, 2 * np.pi, 4)
    y = rng.uniform(0.68, 0.78) + 0.07 * np.sin(2 * np.pi * 1.3 * t + phases[0])
    y += 0.035 * np.sin(2 * np.pi * 4.1 * t + phases[1])
    x = t + 0.02 * np.sin(2 * np.pi * 8.2 * t + phases[2])
    width_m = 36 + 22 * np.sin(2 * np.pi * 0.8 * t + phases[3]) + 8 * np.sin(2 * np.pi * 9 * t)
    radii = np.clip(width_m, 12, 70) / 2 / resolution
    return River(np.column_stack([y * rows, x * columns]), radii, size)


def _ponds(rng: np.random.Generator, size: tuple[int, int], resolution: float) -> Ponds:
    """Return ponds of 4 to 60 m radius, more small ones than large ones, each of some discs."""
    rows, columns = size
    number = max(4, rows * columns // 5000)
    radii = np.clip(rng.lognormal(np.log(11), 0.7, number), 4, 60) / resolution
    places = rng.uniform(0, 1, (number, 2)) * [rows, columns]
    shift = rng.normal(0, 0.6, (number, 4, 2)) * radii[:, None, None]
    sizes = radii[:, None] * rng.uniform(0.5, 1.0, (number, 4))
    return Ponds((places[:, None, :] + shift).reshape(-1, 2), sizes.ravel(), size)


def _land(
    rng: np.random.Generator, size: tuple[int, int], resolution: float, fraction: FloatArray
) -> FloatArray:
    """Return the reflectance of dry land, (6, rows, columns)."""
    height = noise(rng, size, 3.0)
    shade = 1 + 0.22 * np.tanh(2.5 * ndimage.sobel(height, axis=1))
    to_water = ndimage.distance_transform_edt(fraction < 0.5) * resolution
    kinds = {
        "grass": np.ones(size, bool),
        "crop": _fields(rng, size, resolution) > 0.25,
        "dry_soil": _fields(rng, size, resolution) > 0.9,
        "conifers": height > 0.8,
    }
    town = np.hypot(*(np.mgrid[0 : size[0], 0 : size[1]] - _place(rng, size))) < 0.09 * max(size)
    streets = ndimage.uniform_filter(rng.standard_normal(size), 2)
    kinds["roofs"] = town & (streets >= 0)
    kinds["asphalt"] = town & (streets < 0)
    kinds["wet_soil"] = to_water < 25 * np.exp(0.8 * noise(rng, size, 2.5))
    land = np.zeros((6, *size))
    for name, where in kinds.items():
        land[:, where] = _material(rng, size, name)[:, where]
    return np.asarray(land * shade)


def _fields(rng: np.random.Generator, size: tuple[int, int], resolution: float) -> FloatArray:
    """Return a random number per field: rectangles of some 200 m, a little turned."""
    rows, columns = np.mgrid[0 : size[0], 0 : size[1]] * resolution
    turn = rng.uniform(-0.3, 0.3)
    along = (rows + turn * columns) // rng.uniform(150, 260)
    across = (columns - turn * rows) // rng.uniform(150, 260)
    along, across = (a.astype(int) - int(a.min()) for a in (along, across))
    values = rng.standard_normal((along.max() + 1, across.max() + 1))
    return np.asarray(values[along, across])


def _place(rng: np.random.Generator, size: tuple[int, int]) -> FloatArray:
    where = rng.uniform(0.1, 0.3, 2) * size
    return np.asarray(where[:, None, None])


def _water(
    rng: np.random.Generator, size: tuple[int, int], turbid: npt.NDArray[np.bool_]
) -> FloatArray:
    """Return the reflectance of water: rivers turbid, the lake clear with a turbid plume."""
    plume = np.clip(0.6 * noise(rng, size, 3.4) - 0.5, 0, 1)
    share_turbid = np.where(turbid, 1.0, plume)
    clear, muddy = _material(rng, size, "clear_water"), _material(rng, size, "turbid_water")
    return np.asarray(clear * (1 - share_turbid) + muddy * share_turbid)


def _material(rng: np.random.Generator, size: tuple[int, int], name: str) -> FloatArray:
    """Return a material's reflectance with its variation, (6, rows, columns)."""
    facts = load_toml("materials")["materials"][name]
    mean = np.asarray(facts["mean"])[:, None, None]
    common = 0.7 * noise(rng, size, 2.0) + 0.7 * rng.standard_normal(size)
    own = rng.standard_normal((len(facts["mean"]), *size))
    brightness = np.exp(facts["brightness"] * common)
    return np.asarray(mean * brightness * (1 + facts["colour"] * own))


def _clouds(rng: np.random.Generator, size: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
    """Return the opacity of clouds and the depth of their shadows, 0 to 1, (rows, columns)."""
    opacity = np.clip(1.6 * (noise(rng, size, 3.2) - 1.5), 0, 1)
    away = (max(size) // 12, -max(size) // 16)
    shadow = ndimage.shift(opacity, away, order=1, mode="constant")
    return opacity, np.asarray(ndimage.gaussian_filter(shadow, 0.7))


def _sensor(rng: np.random.Generator, seen: FloatArray) -> npt.NDArray[np.float32]:
    blurred = ndimage.gaussian_filter(seen, (0, BLUR, BLUR))
    deviation = NOISE[0] + NOISE[1] * blurred
    return np.asarray(blurred + deviation * rng.standard_normal(seen.shape), "float32")


def _flags(
    rng: np.random.Generator, cloud: FloatArray, shadow: FloatArray
) -> npt.NDArray[np.uint16]:
    """Return quality flags that find most, not all, of cloud and shadow."""
    flags = np.zeros(cloud.shape, "uint16")
    for depth, found, flag in (
        (cloud, CLOUD_FLAGGED, Flag.CLOUD),
        (shadow, SHADOW_FLAGGED, Flag.CLOUD_SHADOW),
    ):
        there = depth > 0.15
        if there.any():
            patches = noise(rng, cloud.shape, 2.0)
            cut = np.quantile(patches[there], 1 - found)
            flags[there & (patches >= cut)] |= np.uint16(flag.value)
    return flags


def _as_scene(
    bands: npt.NDArray[np.float32],
    flags: npt.NDArray[np.uint16],
    fraction: FloatArray,
    seed: int,
    resolution: float,
) -> SimulatedScene:
    geobox = GeoBox(
        fraction.shape, Affine(resolution, 0, CORNER[0], 0, -resolution, CORNER[1]), CRS
    )
    names = load_toml("materials")["bands"]
    record = Provenance(({"href": "simulated:", "seed": seed},)).with_step(
        "simulation",
        seed=seed,
        lacks=LACKS,
        materials=load_toml("materials")["source"],
        grid=describe(geobox),
    )
    record = record.with_warning("The scene is simulated; its place is made up.")
    scene = make_scene(
        {n: xr.Variable(("y", "x"), bands[i]) for i, n in enumerate(names)},
        geobox,
        sensor="unknown",
        provenance=record,
        flags=xr.Variable(("y", "x"), flags, FLAG_ATTRS),
    )
    coords = coords_of(geobox)
    codes = np.where(fraction >= 0.5, WATER, NOT_WATER).astype("uint8")
    return SimulatedScene(
        scene,
        xr.DataArray(fraction.astype("float32"), coords, ("y", "x"), "truth_fraction"),
        xr.DataArray(codes, coords, ("y", "x"), "truth"),
    )
