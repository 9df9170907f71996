"""Settings and coefficients of `auto`, read from ``tables/auto_water.toml``."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from obriy.blocks.planes import planes_of
from obriy.errors import BandError
from obriy.tables import load_toml

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]
U16 = NDArray[np.uint16]
Flags = NDArray[np.bool_]

BANDS: Final = ("blue", "green", "red", "nir", "swir16", "swir22")
"""Bands that `auto` knows."""
FEATURES: Final = (
    "mndwi", "mndwi2", "ndwi", "ndri", "nirswir", "nir", "nirdark", "swir16", "swirdark", "swir22",
    "green", "both", "either", "visir", "visnir", "bluegreen",
)  # fmt: skip
"""What the ramps run over; defined in `spectral`."""


@dataclass(frozen=True)
class Settings:
    """The numbers of `auto_water.toml` that are not coefficients (their values stand there).

    Attributes:
        sample_size: Pixels kept by the hash, at most.
        seed_logit: |log-odds| from which a pixel counts as surely water or land.
        min_seeds: Seeds of each class below which the scene is not adapted to.
        prior_seeds: Weight of the fixed axis and end members, in pixels.
        valley_depth: Most that the density in the valley may be of the lower mode's, for two
            populations.
        max_shift: Largest shift of the threshold, log-odds.
        shift_prior: Seeds of the rarer class at which half the shift is taken.
        shadow_penalty: Log-odds taken off where the caller hints at shadow.
        near: Radius around probable water within which pixels are unmixed, pixels.
        radii: Radii of the windows that find local end members, pixels.
        window_weights: Weight of a pixel in each of them.
        scene_weight: Weight of the scene's own end members, in pixels of the larger window.
        dead_zone: Part of the land's local spread that counts as land in the unmixing.
        dry: Log-odds at which a pixel near water is dry land, and from which it is unmixed.
        hedge: Log-odds at which the fraction is 1 (and minus which it is 0) where not unmixed.
        company: Log-odds added among sure water, at most.
        probable: Log-odds from which a pixel has its neighbours unmixed.
        haze: Path reflectance of a clear sky at the top of the atmosphere, in the order of `BANDS`.
        haze_floor: Darkest reflectance that blue, green and red have without haze.
        haze_percentile: Percentile of the sample taken for the darkest, per cent.
        haze_max: Most haze that is taken off, in clear skies.
        haze_prior: Sample pixels at which half the haze found is taken off.
    """

    sample_size: int
    seed_logit: float
    min_seeds: int
    prior_seeds: float
    valley_depth: float
    max_shift: float
    shift_prior: float
    shadow_penalty: float
    near: int
    radii: tuple[int, int]
    window_weights: tuple[int, int]
    scene_weight: float
    dead_zone: float
    dry: tuple[float, float]
    hedge: float
    probable: float
    company: float
    haze: tuple[float, ...]
    haze_floor: tuple[float, ...]
    haze_percentile: float
    haze_max: float
    haze_prior: float


@dataclass(frozen=True)
class Evidence:
    """One coefficient set: the additive log-odds for one subset of the bands.

    Attributes:
        name: The set's name in the TOML file.
        bands: Bands it needs.
        intercept: Log-odds with every ramp at its land end.
        codes: Index of each feature in `FEATURES`, (n,).
        low: Reflectance or ratio where each feature's ramps begin, (n,).
        high: Where they end, (n,).
        values: Log-odds at the knots, (n, KNOTS), monotone along the knots.
        water_mean: Reflectance of ordinary water, (bands,).
        land_mean: Reflectance of ordinary land, (bands,).
        spread: Standard deviation within a class, (bands,).
    """

    name: str
    bands: tuple[str, ...]
    intercept: float
    codes: I64
    low: F64
    high: F64
    values: F64
    water_mean: F64
    land_mean: F64
    spread: F64


def _evidence_from(name: str, table: Mapping[str, Any]) -> Evidence:
    terms = table["terms"]
    ramps = np.array([terms[k]["logodds"] for k in terms], dtype=np.float64)
    return Evidence(
        name=name,
        bands=tuple(table["bands"]),
        intercept=float(table["intercept"]) + float(table["prior_shift"]),
        codes=np.array([FEATURES.index(k) for k in terms], dtype=np.int64),
        low=np.array([terms[k]["low"] for k in terms], dtype=np.float64),
        high=np.array([terms[k]["high"] for k in terms], dtype=np.float64),
        values=ramps,
        water_mean=np.array(table["water_mean"], dtype=np.float64),
        land_mean=np.array(table["land_mean"], dtype=np.float64),
        spread=np.array(table["spread"], dtype=np.float64),
    )


@cache
def load_tables() -> tuple[Settings, tuple[Evidence, ...]]:
    """Read the settings and the coefficient sets, best set first."""
    raw = load_toml("auto_water")
    values: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in raw["settings"].items()
    }
    return Settings(**values), tuple(_evidence_from(k, raw["sets"][k]) for k in raw["sets"])


def alias(name: str, available: set[str]) -> str | None:
    """Return the band of a scene that serves as one of `BANDS`: ``nir08`` stands in for ``nir``."""
    candidates = ("nir", "nir08") if name == "nir" else (name,)
    return next((candidate for candidate in candidates if candidate in available), None)


def pick_evidence(available: set[str]) -> Evidence:
    """Return the best coefficient set that these bands allow.

    Raises:
        BandError: where no set fits.
    """
    for evidence in load_tables()[1]:
        if all(alias(name, available) for name in evidence.bands):
            return evidence
    raise BandError(
        "auto needs green and at least one of nir (or nir08), swir16 and swir22; the image has "
        f"{', '.join(sorted(available)) or 'none of them'}.",
        "Name the bands with --bands blue,green,-,nir (file order) or --sensor.",
    )


def names_of(evidence: Evidence, available: set[str]) -> list[str]:
    """Return the bands of a scene that a coefficient set takes, in its order."""
    return [found for name in evidence.bands if (found := alias(name, available))]


def stack_of(bands: Mapping[str, F32], evidence: Evidence, rows: slice = slice(None)) -> F32:
    """Return the bands of a coefficient set as one array (band, y, x), or some rows of them."""
    planes = planes_of(bands)
    return np.stack([planes.rows(name, rows) for name in names_of(evidence, set(bands))])
