"""Cloud from spectra alone: the log-odds that a pixel lies under a veil that hides the ground.

An additive model: an intercept and a sum of piecewise-linear ramps over reflectances and damped
ratios of bands *as they were read*, before any haze is taken off: what takes the haze of an
overcast scene off takes the cloud off too. The coefficients (``tables/clouds.toml``) were fitted on
real clear pixels under veils of the two-stream model, `benchmarks/tune_clouds/fit.py`, and on no
cloud label at all.
"""

import dataclasses
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from obriy.tables import load_toml

F32 = NDArray[np.float32]

DAMPING: Final = np.float32(0.02)
"""Reflectance: keeps the ratios of very dark pixels from being noise."""


def _ratio(a: F32, b: F32) -> F32:
    return np.asarray((a - b) / (np.maximum(a, 0) + np.maximum(b, 0) + DAMPING), np.float32)


def _least(*bands: F32) -> F32:
    found: F32 = np.minimum.reduce(bands)
    return found


LEAST: Final = ("green", "red", "nir")
"""Bands without which no set of coefficients can tell cloud; blue or swir16 comes beside them."""
Feature = tuple[tuple[str, ...], Callable[..., F32]]

FEATURES: Final[Mapping[str, Feature]] = {
    "least_visible": (("blue", "green", "red"), _least),
    "least_of_two": (("green", "red"), _least),
    "least_nir": (("green", "red", "nir"), _least),
    "least_swir": (("green", "red", "nir", "swir16"), _least),
    # Zhang et al. 2002, doi:10.1016/S0034-4257(02)00034-2: along the line of clear land blue and
    # red go together; haze and cloud lie to the side of it.
    "haze": (("blue", "red"), lambda blue, red: blue - np.float32(0.5) * red),
    "blue": (("blue",), lambda blue: blue),
    "green": (("green",), lambda green: green),
    "nir": (("nir",), lambda nir: nir),
    "swir16": (("swir16",), lambda swir16: swir16),
    "swir22": (("swir22",), lambda swir22: swir22),
    "blue_red": (("blue", "red"), _ratio),
    "blue_green": (("blue", "green"), _ratio),
    "green_red": (("green", "red"), _ratio),
    "green_nir": (("green", "nir"), _ratio),
    "nir_red": (("nir", "red"), _ratio),
    "green_swir": (("green", "swir16"), _ratio),
    "nir_swir": (("nir", "swir16"), _ratio),
    "swirs": (("swir16", "swir22"), _ratio),
}
"""What the ramps run over: bands, and what is made of them."""


@dataclasses.dataclass(frozen=True)
class CloudModel:
    """The coefficients for one set of bands.

    Attributes:
        name: Of the set, in the table.
        bands: Bands it needs.
        intercept: Log-odds with every ramp at its first knot.
        knots: Where each feature's ramps begin and end, ascending, by feature.
        values: Log-odds at the knots, by feature.
    """

    name: str
    bands: tuple[str, ...]
    intercept: float
    knots: Mapping[str, NDArray[np.float64]]
    values: Mapping[str, NDArray[np.float64]]

    def log_odds(self, bands: Mapping[str, F32]) -> F32:
        """Return the log-odds of cloud, (y, x) float32, NaN where a band is missing.

        Args:
            bands: Reflectance by common name, (y, x), as read, NaN missing.
        """
        total = np.full(next(iter(bands.values())).shape, self.intercept, np.float32)
        for name, knots in self.knots.items():
            needed, make = FEATURES[name]
            feature = make(*(bands[band] for band in needed))
            total += np.interp(feature, knots, self.values[name]).astype(np.float32)
        known = np.logical_and.reduce([np.isfinite(bands[band]) for band in self.bands])
        found: F32 = np.where(known, total, np.float32(np.nan))
        return found


@cache
def load_models() -> tuple[CloudModel, ...]:
    """Read the coefficient sets, best set first."""
    raw = load_toml("clouds")["sets"]
    return tuple(
        CloudModel(
            name=name,
            bands=tuple(table["bands"]),
            intercept=float(table["intercept"]),
            knots={f: np.asarray(t["knots"], "float64") for f, t in table["terms"].items()},
            values={f: np.asarray(t["logodds"], "float64") for f, t in table["terms"].items()},
        )
        for name, table in raw.items()
    )


def pick_model(available: set[str]) -> CloudModel | None:
    """Return the best coefficient set that these bands allow; None where they cannot tell cloud."""
    return next((m for m in load_models() if set(m.bands) <= available), None)
