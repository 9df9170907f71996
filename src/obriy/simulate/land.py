"""What grows and stands on the dry ground of a place, and how it changes with the season."""

import dataclasses

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from obriy.simulate.fields import noise, smoothstep, stream
from obriy.simulate.materials import code, codes, spectra
from obriy.simulate.place import Place
from obriy.simulate.settings import World, facts

Float32 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Kinds = npt.NDArray[np.uint8]
Cover = tuple[Kinds, Kinds, Float32]
"""Bare material, leaf material and rhythm, as in `Land`."""
GENTLE_M = 12.0
"""Height above water, m, at which hills have about two thirds of their height."""
VALLEY_M = 350.0
"""Over which width the foot of a hill falls to a river, m."""
LEAST_WET = 0.002
"""Share of mud below which there is none."""
SOAKED = 0.3
"""Height over which soil is saturated, as part of that over which it is wet."""
SUMMER_LEAF = (115.0, 295.0)
"""Days of the year between which broad leaves are on, in the temperate zone."""


@dataclasses.dataclass(frozen=True)
class Land:
    """The dry ground, on ground squares; the same on all dates.

    Attributes:
        bare: Code of the material under the leaves.
        leaf: Code of the material in full leaf; the same where nothing changes.
        rhythm: When leaves come: day of the year of the most green for crops, -1 for broad
            leaves, -2 for grass, -3 for what never changes.
        factors: (3, rows, columns) of the spectra.
        own: (rows, columns) of the spectra.
        height: Height of the ground over a plane, m.
        canopy: Height of trees and houses, m.
        muddy: 0 to 1, how much a wet shore looks like mud and not like wet grass.
        built: Bright buildings.
    """

    bare: npt.NDArray[np.uint8]
    leaf: npt.NDArray[np.uint8]
    rhythm: Float32
    factors: Float32
    own: Float32
    height: Float32
    canopy: Float32
    muddy: Float32
    built: Mask


def make_land(place: Place, heights: Float32, seed: int, world: World) -> Land:
    """Lay fields, forests, towns and roads over a place.

    Args:
        place: The place.
        heights: (rows, columns) of `Place.heights`.
        seed: The seed of everything.
        world: What the place is like.
    """
    shape, step = place.frame.ground_size, place.frame.ground
    rng = stream(seed, "land")
    parcel = _parcels(rng, shape, step)
    bare, leaf, rhythm = _crops(rng, parcel)
    factors = _factors(rng, shape, step, parcel)
    hills = world.hills_m * np.maximum(noise(stream(seed, "hills"), shape, step, 2400.0, 4.0), 0)
    hills *= _valleys(heights, step)
    canopy = np.zeros(shape, "float32")
    trees = _forest(rng, shape, step, world.forest_share)
    needles = _above(noise(rng, shape, step, 1500.0), world.conifer_share)
    _put((bare, leaf, rhythm), trees & ~needles, "fallow", "broadleaf", -1.0)
    _put((bare, leaf, rhythm), trees & needles, "conifers", "conifers", -3.0)
    stand = world.canopy_m * (0.85 + 0.15 * noise(rng, shape, step, 400.0, 3.0))
    canopy[trees] = np.maximum(stand, 0.3 * world.canopy_m)[trees]
    built = _town(rng, step, heights, world.town_share, (bare, leaf, rhythm, canopy))
    muddy = smoothstep(noise(rng, shape, step, 500.0), -0.9, 0.9)
    muddy[trees] *= 0.3
    own = rng.standard_normal(shape, dtype="float32")
    height = np.asarray(np.maximum(heights, 0) + hills, "float32")
    return Land(bare, leaf, rhythm, factors, own, height, canopy, muddy, built)


def land_reflectance(land: Land, day: int, world: World) -> Float32:
    """Return the reflectance of dry, sunlit, level ground, (10, rows, columns).

    Args:
        land: The land.
        day: Day of the year.
        world: What the place is like.
    """
    green = greenness(land.rhythm, day)
    bare = spectra(land.bare, land.factors, land.own, world.spread, where=green < 1)
    leaf = spectra(land.leaf, land.factors, land.own, world.spread, where=green > 0)
    return np.asarray(bare + green * (leaf - bare), "float32")


def wet_shores(dry: Float32, land: Land, bed: Kinds, above: Float32, world: World) -> Float32:
    """Return the ground with mud along the water, saturated where it is lowest.

    Args:
        dry: (10, rows, columns) reflectance of dry ground.
        land: The land.
        bed: Code of the material of mud.
        above: Mean height of the dry part above the water, m.
        world: Over which height soil dries.
    """
    wet = np.exp(-above / np.float32(world.wet_soil_m)) * land.muddy
    wet[land.canopy > 0] *= 0.3
    soaked = np.exp(-above / np.float32(SOAKED * world.wet_soil_m))
    darker = np.asarray(facts()["soil"]["saturated"], "float32")[:, None, None]
    mud = spectra(bed, land.factors, land.own, world.spread, where=wet > LEAST_WET)
    mud *= 1 + soaked * (darker - 1)
    wet[wet <= LEAST_WET] = 0
    return np.asarray(dry + wet * (mud - dry), "float32")


def greenness(rhythm: Float32, day: int) -> Float32:
    """Return the share of full leaf, 0 to 1.

    Args:
        rhythm: As in `Land`.
        day: Day of the year.
    """
    crop = np.exp(-(((day - rhythm) / 38.0) ** 2))
    on, off = SUMMER_LEAF
    broad = float(np.clip((day - on) / 25, 0, 1) * np.clip((off - day) / 30 + 1, 0, 1))
    grass = 0.35 + 0.55 * float(np.clip(1 - ((day - 165) / 120) ** 2, 0, 1))
    values = np.select([rhythm == -1, rhythm == -2, rhythm == -3], [broad, grass, 0.0], crop)
    return np.asarray(values, "float32")


def _valleys(heights: Float32, step: float) -> Float32:
    """Return 0 in broad valleys around the water to 1 on high ground."""
    rising = 1 - np.exp(-np.maximum(heights, 0) / np.float32(GENTLE_M))
    for _ in range(2):
        rising = ndimage.uniform_filter(rising, max(1, round(VALLEY_M / step)), mode="nearest")
    return np.asarray(rising, "float32")


def _above(field: Float32, share: float) -> Mask:
    """Return where a field is highest, in that share of the pixels."""
    if share <= 0:
        return np.zeros(field.shape, bool)
    return np.asarray(field > np.quantile(field[::4, ::4], 1 - share))


def _forest(rng: np.random.Generator, shape: tuple[int, int], step: float, share: float) -> Mask:
    """Return woods with ragged edges, and single groups of trees."""
    field = noise(rng, shape, step, 1300.0, 3.0)
    return _above(field, share) | (noise(rng, shape, step, 60.0, 3.0) > 2.4)


def _parcels(
    rng: np.random.Generator, shape: tuple[int, int], step: float
) -> npt.NDArray[np.int64]:
    """Return a number for each field: rectangles, turned alike within a district of some 1.5 km."""
    rows, columns = np.indices(shape, "float32") * np.float32(step)
    high, wide = shape[0] * step, shape[1] * step
    number = max(1, round(high * wide / 1.5e6))
    centres = rng.uniform(-0.1, 1.1, (number, 2)) * (high, wide)
    nearest = np.full(shape, np.inf, "float32")
    district = np.zeros(shape, "int64")
    for k, (y, x) in enumerate(centres):
        distance = (rows - y) ** 2 + (columns - x) ** 2
        closer = distance < nearest
        nearest[closer], district[closer] = distance[closer], k
    turn = rng.uniform(-0.8, 0.8, number)[district].astype("float32")
    long, short = rng.uniform(140, 480, number)[district], rng.uniform(60, 190, number)[district]
    u, v = (
        rows * np.cos(turn) + columns * np.sin(turn),
        columns * np.cos(turn) - rows * np.sin(turn),
    )
    across = np.floor(v / short)
    along = np.floor(u / long + 0.37 * np.sin(across * 12.9898))
    return np.asarray(district * 1_000_003 + along.astype("int64") * 1009 + across.astype("int64"))


def _scatter(parcel: npt.NDArray[np.int64], rng: np.random.Generator) -> Float32:
    """Return one uniform number, 0 to 1, for each parcel."""
    salt = np.uint64(rng.integers(1, 2**62))
    mixed = parcel.astype("uint64") * np.uint64(0x9E3779B97F4A7C15) + salt
    mixed ^= mixed >> np.uint64(31)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(29)
    return np.asarray((mixed >> np.uint64(40)).astype("float64") / 2**24, "float32")


def _crops(
    rng: np.random.Generator, parcel: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8], Float32]:
    """Return bare material, leaf material and rhythm of fields and meadows."""
    soils = codes(["soil", "dark_soil", "fallow", "bright_soil"])
    soil = np.searchsorted([0.35, 0.65, 0.9], _scatter(parcel, rng))
    bare = soils[soil]
    leaf = np.full(parcel.shape, code("crop_green"), "uint8")
    peak = _scatter(parcel, rng)
    winter = _scatter(parcel, rng) < 0.55
    rhythm = np.where(winter, 125 + 30 * peak, 195 + 40 * peak).astype("float32")
    use = _scatter(parcel, rng)
    _put((bare, leaf, rhythm), use < 0.28, "fallow", "grass", -2.0)
    _put((bare, leaf, rhythm), use < 0.12, "village", "alpine_grass", -2.0)
    return bare, leaf, rhythm


def _put(cover: Cover, where: Mask, under: str, green: str, when: float) -> None:
    """Set materials and rhythm somewhere."""
    bare, leaf, rhythm = cover
    bare[where], leaf[where], rhythm[where] = code(under), code(green), when


def _factors(
    rng: np.random.Generator, shape: tuple[int, int], step: float, parcel: npt.NDArray[np.int64]
) -> Float32:
    """Return the three factors: most of their variance between fields, some within."""
    out = np.empty((3, *shape), "float32")
    for k in range(3):
        field = np.sqrt(12) * (_scatter(parcel, rng) - 0.5)
        within = noise(rng, shape, step, 220.0, 2.2)
        fine = rng.standard_normal(shape, dtype="float32")
        out[k] = np.sqrt(0.6) * field + np.sqrt(0.25) * within + np.sqrt(0.15) * fine
    return out


def _town(
    rng: np.random.Generator,
    step: float,
    heights: Float32,
    share: float,
    layers: tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8], Float32, Float32],
) -> Mask:
    """Build towns and roads into the layers (bare, leaf, rhythm, canopy); return bright roofs."""
    bare, leaf, rhythm, canopy = layers
    shape = bare.shape
    town = _above(noise(rng, shape, step, 1400.0, 3.4), share) & (heights > 0.8)
    rows, columns = np.indices(shape, "float32") * np.float32(step)
    turn = rng.uniform(-0.7, 0.7)
    u, v = (
        rows * np.cos(turn) + columns * np.sin(turn),
        columns * np.cos(turn) - rows * np.sin(turn),
    )
    house = np.floor(u / 17).astype("int64") * 40_009 + np.floor(v / 14).astype("int64")
    hall = np.floor(u / 95).astype("int64") * 40_009 + np.floor(v / 60).astype("int64")
    kind = _scatter(house, rng)
    big = _scatter(hall, rng) < 0.12
    street = (np.mod(u, 95) < 10) | (np.mod(v, 120) < 10)
    road = np.zeros(shape, bool)
    for _ in range(2):
        way, far = rng.uniform(0, np.pi), rng.uniform(0.25, 0.75, 2) * shape * np.float64(step)
        away = (rows - far[0]) * np.cos(way) + (columns - far[1]) * np.sin(way)
        road |= np.abs(away) < 4.5
    roofs = town & ~street & ~big
    _put((bare, leaf, rhythm), roofs, "village", "village", -3.0)
    _put((bare, leaf, rhythm), roofs & (kind < 0.55), "town", "town", -3.0)
    _put((bare, leaf, rhythm), roofs & (kind < 0.3), "dark_roof", "dark_roof", -3.0)
    bright = (roofs & (kind < 0.07)) | (town & ~street & big & (_scatter(hall, rng) < 0.5))
    _put((bare, leaf, rhythm), town & ~street & big, "dark_roof", "dark_roof", -3.0)
    _put((bare, leaf, rhythm), bright, "bright_roof", "bright_roof", -3.0)
    _put((bare, leaf, rhythm), (town & street) | (road & (heights > 0)), "asphalt", "asphalt", -3.0)
    canopy[town | road] = 0
    canopy[town & ~street & (kind < 0.55)] = 9.0
    return np.asarray(bright)
