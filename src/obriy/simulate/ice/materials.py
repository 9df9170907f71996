"""Materials of a frozen sea and their spectra in the seven bands of MODIS at 500 m."""

import dataclasses
import functools
from typing import Final

import numpy as np

from obriy.simulate.fields import Float32
from obriy.simulate.ice.frame import facts

STAGES: Final = ("nilas", "brash", "grey", "white", "snow")
"""Materials of ice in the order of its stages, 0 to 4."""
_FINE: Final = 50
"""Steps from one stage to the next."""


@dataclasses.dataclass(frozen=True)
class Material:
    """The logarithm of reflectance: a normal distribution of three factors and a rest.

    Attributes:
        mean: (7,) mean of the logarithm, by band.
        factors: (3, 7) how it moves with brightness, grain and colour, each standard normal.
        rest: (7,) standard deviation of what is each band's own.
    """

    mean: Float32
    factors: Float32
    rest: Float32

    def mixed(self, other: "Material", share: float) -> "Material":
        """Return the material that is between this one and another, ``share`` of the latter."""
        pairs = zip(dataclasses.astuple(self), dataclasses.astuple(other), strict=True)
        return Material(*(np.asarray((1 - share) * a + share * b, "float32") for a, b in pairs))


@functools.lru_cache(maxsize=32)
def material(name: str) -> Material:
    """Return a material of ``tables/ice_simulation.toml``."""
    entry = facts("materials")[name]
    values = (np.log(entry["mean"]), entry["factors"], entry["rest"])
    return Material(*(np.asarray(v, "float32") for v in values))


def reflectance(name: str, factors: Float32, own: Float32) -> Float32:
    """Return reflectance of a material at n places, (7, n).

    Args:
        name: Its name.
        factors: (3, n) brightness, grain and colour, standard normal.
        own: (7, n) what is each band's own, standard normal.
    """
    made = material(name)
    logs = made.mean[:, None] + made.factors.T @ factors + made.rest[:, None] * own
    return np.asarray(np.exp(logs), "float32")


def ice_reflectance(stage: Float32, factors: Float32, own: Float32, wet: float) -> Float32:
    """Return reflectance of ice at n places, (7, n).

    Args:
        stage: (n,) 0 nilas to 4 snow-covered, and between: the logarithm goes over linearly.
        factors: As for `reflectance`.
        own: Likewise.
        wet: 0 to 1, how far old ice has turned to melting ice.
    """
    steps = [_at_stage(k / _FINE, wet) for k in range(_FINE * (len(STAGES) - 1) + 1)]
    mean, by_factor, rest = (
        np.stack([getattr(m, part) for m in steps], -1) for part in ("mean", "factors", "rest")
    )
    at = np.round(stage * _FINE).astype("int32")
    out = np.empty(own.shape, "float32")
    for band in range(len(out)):
        logs = mean[band][at] + rest[band][at] * own[band]
        for k in range(3):
            logs += by_factor[k, band][at] * factors[k]
        np.exp(logs, out=out[band])
    return out


def _at_stage(stage: float, wet: float) -> Material:
    """Return the material of one stage."""
    low = min(int(stage), len(STAGES) - 2)
    dry = material(STAGES[low]).mixed(material(STAGES[low + 1]), stage - low)
    # Thin ice is wet already; snow and white ice turn to melting ice.
    old = min(max((stage - 1.5) / 1.5, 0.0), 1.0)
    return dry.mixed(material("melting"), wet * old)
