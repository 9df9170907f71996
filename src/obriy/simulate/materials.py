"""Materials and their spectra: the mean and the covariance that real pixels have."""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from obriy.tables import load_toml

Float32 = npt.NDArray[np.float32]
Kinds = npt.NDArray[np.uint8]


@dataclasses.dataclass(frozen=True)
class Material:
    """The logarithm of a material's reflectance: a normal distribution of three factors and rest.

    Attributes:
        name: Its name in ``tables/materials.toml``.
        mean: (10,) mean of the logarithm, by band.
        factors: (3, 10) how the logarithm moves with each of three standard normal factors.
        rest: (10,) standard deviation of what is each band's own.
    """

    name: str
    mean: Float32
    factors: Float32
    rest: Float32


@functools.lru_cache(maxsize=1)
def materials() -> tuple[Material, ...]:
    """Return all materials, in the order of the table."""
    table = load_toml("materials")["materials"]
    found = []
    for name, entry in table.items():
        spread = table[entry.get("covariance_of", name)]
        values = (np.log(entry["mean"]), spread["factors"], spread["rest"])
        found.append(Material(name, *(np.asarray(v, "float32") for v in values)))
    return tuple(found)


def bands() -> list[str]:
    """Return the common names of the bands that materials have."""
    return list(load_toml("materials")["bands"])


@functools.lru_cache(maxsize=1)
def _codes() -> dict[str, int]:
    return {m.name: k for k, m in enumerate(materials())}


def code(name: str) -> int:
    """Return the number that stands for a material in an array of kinds."""
    return _codes()[name]


def codes(names: Sequence[str]) -> Kinds:
    """Return the numbers of several materials."""
    return np.array([code(n) for n in names], "uint8")


def spectra(
    kinds: Kinds,
    factors: Float32,
    own: Float32,
    spread: float,
    *,
    where: npt.NDArray[np.bool_] | None = None,
) -> Float32:
    """Return reflectance of materials.

    Args:
        kinds: (rows, columns) codes of materials.
        factors: (3, rows, columns) the factors, standard normal.
        own: (rows, columns) or (10, rows, columns) what is each band's own, standard normal.
        spread: Times the variation of the table.
        where: (rows, columns) where they are wanted; None: everywhere.

    Returns:
        (10, rows, columns) float32; 0 where they are not wanted.
    """
    out = np.zeros((len(bands()), *kinds.shape), "float32")
    for kind in np.unique(kinds if where is None else kinds[where]):
        here = kinds == kind if where is None else (kinds == kind) & where
        material = materials()[kind]
        moves = spread * np.einsum("fb,fn->bn", material.factors, factors[:, here])
        rest = own[:, here] if own.ndim == 3 else own[here][None]
        moves += spread * material.rest[:, None] * rest
        out[:, here] = np.exp(material.mean[:, None] + moves)
    return out
