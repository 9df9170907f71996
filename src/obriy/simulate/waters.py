"""What water looks like: its kind, its depth, its bed, plants on it, ice."""

import dataclasses

import numpy as np
import numpy.typing as npt

from obriy.simulate.fields import When, noise, smoothstep, stream
from obriy.simulate.materials import Float32, code, codes, materials, spectra
from obriy.simulate.place import FIRST_BASIN, LAKES, Flooded, Place
from obriy.simulate.settings import World, facts

REED_DEPTH = (-0.9, -0.2)
"""Height, m, at which reed begins, and at which it is dense."""


@dataclasses.dataclass(frozen=True)
class Waters:
    """The water bodies of a place on ground squares; the same on all dates.

    Attributes:
        first: Code of the kind of water, by body.
        second: Code of another kind, which comes in plumes.
        plume: Field of the plumes, standard normal.
        factors: (3, rows, columns) of the spectra.
        own: (rows, columns) of the spectra.
        reed: Density of reed where it is shallow, 0 to 1.
        floating: Field of floating plants, standard normal.
        bed: Code of the bed's material.
        still: Still water, which freezes.
    """

    first: npt.NDArray[np.uint8]
    second: npt.NDArray[np.uint8]
    plume: Float32
    factors: Float32
    own: Float32
    reed: Float32
    floating: Float32
    bed: npt.NDArray[np.uint8]
    still: npt.NDArray[np.bool_]


def make_waters(place: Place, seed: int, world: World) -> Waters:
    """Fill the bodies of water of a place.

    Args:
        place: The place.
        seed: The seed of everything.
        world: What the place is like.
    """
    rng = stream(seed, "waters")
    shape, step = place.frame.ground_size, place.frame.ground
    owner = place.owners()
    numbers, body = np.unique(owner, return_inverse=True)
    body = body.reshape(shape)
    kinds = np.array([_kinds(seed, int(n), world) for n in numbers], "uint8")
    factors = np.stack([noise(rng, shape, step, 900.0, 3.0) for _ in range(3)])
    stands = noise(rng, shape, step, 800.0, 3.0) > -_quantile(world.reed_share)
    reed = smoothstep(noise(rng, shape, step, 260.0, 3.0), 0.0, 0.7) * stands
    beds = codes(["mud", "tidal_flat", "dark_soil"])
    bed = beds[np.searchsorted([-0.3, 0.6], noise(rng, shape, step, 400.0, 3.0))]
    return Waters(
        first=kinds[:, 0][body],
        second=kinds[:, 1][body],
        plume=noise(rng, shape, step, 1200.0, 3.4),
        factors=factors,
        own=rng.standard_normal(shape, dtype="float32"),
        reed=np.asarray(reed, "float32"),
        floating=noise(rng, shape, step, 500.0, 3.0),
        bed=bed,
        still=(owner == LAKES) | (owner >= FIRST_BASIN),
    )


def water_reflectance(
    waters: Waters, flooded: Flooded, when: When, world: World, step: float
) -> Float32:
    """Return the reflectance of the wet part of each ground square, (10, rows, columns).

    Args:
        waters: The bodies of water.
        flooded: Shares and depths on the date.
        when: Seed and date, which moves plumes, turbidity and floating plants.
        world: What the place is like.
        step: Side of a ground square, m.
    """
    rng = stream(when[0], "water", when[1])
    shape = waters.plume.shape
    plume = 0.75 * waters.plume + 0.66 * noise(rng, shape, step, 1200.0, 3.4)
    plume += np.float32(0.6 * rng.standard_normal())
    mixed = smoothstep(plume, -0.2, 1.8)
    factors = 0.8 * waters.factors + 0.6 * rng.standard_normal((3, 1, 1), dtype="float32")
    wet = flooded.share > 0
    deep = spectra(waters.first, factors, waters.own, world.spread, where=wet)
    other = spectra(waters.second, factors, waters.own, world.spread, where=wet)
    deep += mixed * (other - deep)
    through = np.exp(-2 * _attenuation(waters, mixed) * flooded.depth)
    bed = spectra(waters.bed, waters.factors, waters.own, world.spread, where=wet)
    seen = deep * (1 - through) + bed * through
    seen = _with_plants(seen, waters, flooded, rng, world)
    return np.asarray(seen, "float32")


def freeze(
    seen: Float32, waters: Waters, when: When, step: float, share: float
) -> tuple[Float32, Float32]:
    """Cover still water with grey ice and snow on it.

    Args:
        seen: (10, rows, columns) reflectance of the wet part.
        waters: The bodies of water.
        when: Seed and date.
        step: Side of a ground square, m.
        share: Share of still water that is frozen.

    Returns:
        The reflectance with ice, and the share of ice of the wet part, (rows, columns).
    """
    rng = stream(when[0], "ice", when[1])
    shape = waters.plume.shape
    field = noise(rng, shape, step, 900.0, 3.0)
    frozen = smoothstep(field + _quantile(share), -0.15, 0.15) * waters.still
    ice = spectra(np.full(shape, code("grey_ice"), "uint8"), waters.factors, waters.own, 0.7)
    snow = spectra(np.full(shape, code("snow"), "uint8"), waters.factors, waters.own, 0.7)
    white = smoothstep(noise(rng, shape, step, 300.0, 2.6), -0.6, 0.8)
    ice += white * (snow - ice)
    return np.asarray(seen + frozen * (ice - seen), "float32"), np.asarray(frozen, "float32")


def _kinds(seed: int, owner: int, world: World) -> list[int]:
    """Return the two kinds of water of a body."""
    rng = stream(seed, "kind", owner)
    names = world.river_waters
    if owner == LAKES:
        names = world.lake_waters
    elif owner >= FIRST_BASIN:
        names = world.pond_waters
    return [code(str(n)) for n in rng.choice(names, 2)]


def _attenuation(waters: Waters, mixed: Float32) -> Float32:
    """Return K, 1/m, by band, (10, rows, columns), at most 40."""
    table = facts()["water"]
    added = np.array([table["added"].get(m.name, 1.0) for m in materials()], "float32")
    amount = added[waters.first] * (1 - mixed) + added[waters.second] * mixed
    pure = np.asarray(table["pure"], "float32")[:, None, None]
    by_band = np.asarray(table["added_by_band"], "float32")[:, None, None]
    return np.minimum(pure + by_band * amount, np.float32(40))


def _with_plants(
    seen: Float32, waters: Waters, flooded: Flooded, rng: np.random.Generator, world: World
) -> Float32:
    """Lay reed over shallow water and floating plants over still water."""
    reed = 0.85 * waters.reed * smoothstep(-flooded.depth, *REED_DEPTH)
    if world.reed_share > 0:
        seen = seen + reed * (
            _plants("reed", waters, world, (reed > 0) & (flooded.share > 0)) - seen
        )
    if world.floating_share > 0:
        limit = _quantile(world.floating_share) - 0.3 * rng.standard_normal()
        mat = 0.9 * smoothstep(waters.floating + limit, 0.0, 0.8) * waters.still
        here = (mat > 0) & (flooded.share > 0)
        seen = seen + mat * (_plants("floating_plants", waters, world, here) - seen)
    return np.asarray(seen, "float32")


def _plants(name: str, waters: Waters, world: World, where: npt.NDArray[np.bool_]) -> Float32:
    kinds = np.full(where.shape, code(name), "uint8")
    return spectra(kinds, waters.factors, waters.own, world.spread, where=where)


def _quantile(share: float) -> float:
    """Return the standard normal value below which that share lies."""
    from scipy.special import ndtri

    return float(ndtri(min(max(share, 1e-6), 1 - 1e-6)))
