"""From chips and spectra to coefficient sets: training pixels, monotone ramps, prior shift."""

import dataclasses
from functools import cache, lru_cache

import chips
import numpy as np
import spectra
from scipy import ndimage
from scipy.optimize import minimize

from obriy.methods.auto import sample, scene
from obriy.methods.auto.evidence import BANDS, FEATURES, Evidence, load_tables
from obriy.methods.auto.spectral import KNOTS, _fill_feature

SETS = (
    ("blue", "green", "red", "nir", "swir16", "swir22"),
    ("blue", "green", "red", "nir", "swir16"),
    ("green", "red", "nir", "swir16", "swir22"),
    ("green", "red", "nir", "swir16"),
    ("green", "nir", "swir16", "swir22"),
    ("green", "nir", "swir16"),
    ("blue", "green", "red", "nir"),
    ("green", "swir16", "swir22"),
    ("green", "swir16"),
    ("green", "red", "nir"),
    ("green", "nir"),
    ("green", "swir22"),
)
"""Band sets, the best first."""
RAMPS = {
    "mndwi": (-0.6, 0.6, "green", "swir16"),
    "mndwi2": (-0.75, 0.75, "green", "swir22"),
    "ndwi": (-0.5, 0.5, "green", "nir"),
    "ndri": (-0.4, 0.4, "red", "nir"),
    "nirswir": (-0.5, 0.5, "nir", "swir16"),
    "nir": (0.0, 0.3, "nir"),
    "nirdark": (0.0, 0.08, "nir"),
    "swir16": (0.0, 0.25, "swir16"),
    "swirdark": (0.0, 0.06, "swir16"),
    "swir22": (0.0, 0.2, "swir22"),
    "green": (0.1, 0.5, "green"),
    "both": (-0.5, 0.5, "green", "nir", "swir16"),
    "either": (-0.4, 0.4, "green", "nir", "swir16"),
    "visir": (-0.4, 0.4, "green", "red", "nir", "swir16"),
    "visnir": (-0.4, 0.4, "green", "red", "nir"),
    "bluegreen": (-0.3, 0.3, "blue", "green"),
}
"""Where each feature's ramps begin and end, and the bands it needs."""
FALLING = {"nir", "nirdark", "swir16", "swirdark", "swir22", "green", "bluegreen"}
"""Features of which water has less."""
RIDGE = SMOOTH = 2e-4
STEEPEST = 8.0
PER_SITE = 1500
"""Pixels of each class from a place of one chip; √n times as many from one of n chips."""
SYNTHETIC = 15000
SHADED = 4.0
"""Weight of the land in synthetic shade, in those of a class of real pixels."""
PRECISION = 0.95
SHADE_CALLED_WATER = 0.25
"""Most of the left-out land that may be called water under a tenth of the sun and the whole sky."""
MOST_SHIFT_WITHOUT_SWIR = 0.75
NEGLIGIBLE = 0.005

Training = tuple[np.ndarray, np.ndarray, np.ndarray]


@cache
def dehazed() -> np.ndarray:
    """Return the bands of the chips without all the haze found in each (chip, band, y, x)."""
    data = chips.load()
    knobs = dataclasses.replace(load_tables()[0], haze_prior=0.0)
    out = np.empty(data.bands.shape)
    for i, bands in enumerate(data.bands):
        seen = np.where(data.clear[i], bands, np.float32(np.nan))
        pixels = sample.collect(dict(zip(BANDS, seen, strict=True)), 0, 0)
        amount, _ = scene._haze(pixels, knobs)
        out[i] = bands - amount * np.array(knobs.haze, np.float32)[:, None, None]
    return out


@cache
def trusted() -> tuple[np.ndarray, np.ndarray]:
    """Tell the land and the water pixels (chip, y, x) that the labels are believed for.

    The labels are a pixel generous and cover dry fields after a flood, so label edges, "water"
    that is plainly dry (unless it is often water) and "land" that is plainly water are left out.
    """
    data = chips.load()
    green, red, nir, swir = (
        data.bands[:, BANDS.index(b)] for b in ("green", "red", "nir", "swir16")
    )
    inside = np.stack([
        ndimage.binary_erosion(w, chips.SQUARE, border_value=1) for w in data.water
    ])  # fmt: skip
    far = ~np.stack([ndimage.binary_dilation(w, np.ones((5, 5))) for w in data.water])
    dry = (swir > 0.08) | ((nir > 0.13) & (swir > 0.05))
    very_dry = (nir > 0.15) & (swir > 0.12)
    wet = (swir < 0.04) & (nir < 0.12) & (np.maximum(green, red) > nir)
    water = inside & data.clear & ~((dry & ~data.often) | very_dry)
    return far & data.clear & ~wet, water


def _of_sites(rng: np.random.Generator, which: np.ndarray) -> Training:
    """Draw pixels of the chips, √n from a place of n chips; each class weighs half."""
    bands, sites = dehazed(), chips.load().sites
    spectra_, labels, weights = [], [], []
    for site in np.unique(sites[which]):
        mine = which[sites[which] == site]
        most = round(PER_SITE * len(mine) ** 0.5)
        for label in (1, 0):
            at = np.argwhere(trusted()[label][mine])
            if not len(at):
                continue
            at = at[rng.choice(len(at), min(most, len(at)), replace=False)]
            spectra_.append(bands[mine[at[:, 0]], :, at[:, 1], at[:, 2]])
            labels.append(np.full(len(at), label))
            weights.append(np.full(len(at), 1 / PER_SITE))
    y, w = np.concatenate(labels), np.concatenate(weights)
    for label in (0, 1):
        w[y == label] *= 0.5 / w[y == label].sum()
    return np.concatenate(spectra_), y, w


@lru_cache(maxsize=5)  # four folds and all of them
def training_set(which: tuple[int, ...], seed: int) -> Training:
    """Return spectra (n, 6), labels and weights: real, disturbed, shaded and made up."""
    rng = np.random.default_rng(seed)
    real, y, w = _of_sites(rng, np.array(which))
    disturbed = spectra.disturb(rng, real)
    land = real[y == 0]
    shaded = spectra.disturb(rng, spectra.shade(rng, land[rng.choice(len(land), SYNTHETIC)]))
    made_land = spectra.draw(rng, spectra.LANDS, SYNTHETIC)
    dark = rng.random(SYNTHETIC) < 0.3
    made_land[dark] = spectra.shade(rng, made_land[dark])
    made_land = spectra.disturb(rng, made_land, 0.4)
    made_water = spectra.disturb(rng, spectra.draw(rng, spectra.WATERS, SYNTHETIC), 0.4)
    made = ((shaded, 0, SHADED), (made_land, 0, 0.65), (made_water, 1, 0.75))
    return (
        np.concatenate([real, disturbed, *(x for x, _, _ in made)]),
        np.concatenate([y, y, *(np.full(SYNTHETIC, label) for _, label, _ in made)]),
        np.concatenate([w, w, *(np.full(SYNTHETIC, total / SYNTHETIC) for _, _, total in made)]),
    )


def features_of(bands: tuple[str, ...]) -> list[str]:
    """Return the features that a band set allows; `visnir` only where `visir` is not to be had."""
    possible = [name for name in FEATURES if set(RAMPS[name][2:]) <= set(bands)]
    return [name for name in possible if name != "visnir" or "swir16" not in bands]


def ramp_basis(pixels: np.ndarray, features: list[str]) -> np.ndarray:
    """Return, for spectra (n, 6), a column per knot interval that rises from 0 to 1 with water."""
    columns = []
    x, u = np.ascontiguousarray(pixels.T, np.float64), np.empty(len(pixels))
    for name in features:
        low, high = RAMPS[name][:2]
        _fill_feature(FEATURES.index(name), x, u)
        along = (u - low) / (high - low)
        along = np.clip(1 - along if name in FALLING else along, 0, 1) * (KNOTS - 1)
        columns += [np.clip(along - k, 0, 1) for k in range(KNOTS - 1)]
    return np.stack(columns, 1).astype(np.float32)


def fit_ramps(training: Training, features: list[str]) -> np.ndarray:
    """Fit a logistic model with non-negative ramps; return the intercept and the rises."""
    pixels, labels, weights = training
    basis = ramp_basis(pixels, features)
    weights, sign = weights / weights.sum(), np.where(labels > 0, 1, -1)

    def loss(t: np.ndarray) -> tuple[float, np.ndarray]:
        margin = sign * (basis @ t[1:].astype(np.float32) + t[0])
        pull = -sign * weights / (1 + np.exp(np.clip(margin, -60, 60)))
        rises = t[1:].reshape(len(features), KNOTS - 1)
        jumps = np.diff(rises, axis=1)
        slope = 2 * RIDGE * rises
        slope[:, 1:] += 2 * SMOOTH * jumps
        slope[:, :-1] -= 2 * SMOOTH * jumps
        value = (np.logaddexp(0, -margin) * weights).sum()
        value += RIDGE * (rises**2).sum() + SMOOTH * (jumps**2).sum()
        return value, np.r_[pull.sum(), basis.T @ pull.astype(np.float32) + slope.ravel()]

    bounds = [(-50, 50)] + [(0, STEEPEST)] * basis.shape[1]
    start = np.zeros(len(bounds))
    found = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 300}
    )
    return found.x


def evidence(bands: tuple[str, ...], which: np.ndarray, seed: int) -> Evidence:
    """Fit one coefficient set on some chips, without its prior shift."""
    training = training_set(tuple(int(i) for i in which), seed)
    features = features_of(bands)
    t = fit_ramps(training, features)
    ramps = {}
    for name, rises in zip(features, t[1:].reshape(len(features), -1), strict=True):
        ramp = np.r_[0, np.cumsum(rises)]
        if ramp.max() > NEGLIGIBLE:
            ramps[name] = ramp[::-1] if name in FALLING else ramp
    pixels, labels, _ = training
    water, land = pixels[labels > 0], pixels[labels == 0]
    quartiles = [np.subtract(*np.percentile(part, [75, 25], axis=0)) for part in (water, land)]
    used = [BANDS.index(name) for name in bands]
    return Evidence(
        name="_".join(bands),
        bands=bands,
        intercept=float(t[0]),
        codes=np.array([FEATURES.index(name) for name in ramps]),
        low=np.array([RAMPS[name][0] for name in ramps]),
        high=np.array([RAMPS[name][1] for name in ramps]),
        values=np.array(list(ramps.values())),
        water_mean=np.median(water, 0)[used],
        land_mean=np.median(land, 0)[used],
        spread=0.5 * sum(quartiles)[used] / 1.35,
    )


def left_out_logits(bands: tuple[str, ...], folds: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Return log-odds of pixels whose place the model has not seen: the chips', and shaded land's.

    The latter is a thousand pixels of trusted land of each chip, under a tenth of the sun.
    """
    data, rng = chips.load(), np.random.default_rng(2)
    fold, features = data.fold(folds), features_of(bands)
    logits, shaded = np.zeros(data.water.shape, np.float32), []
    for k in range(folds):
        t = fit_ramps(training_set(tuple(np.flatnonzero(fold != k).tolist()), k), features)
        for i in np.flatnonzero(fold == k):
            pixels = dehazed()[i].reshape(len(BANDS), -1).T
            land = pixels[trusted()[0][i].ravel()]
            land = land[rng.choice(len(land), 1000)] if len(land) else land
            dark = land * (0.1 + spectra.SKY) + rng.normal(0, 0.002, land.shape)
            found = ramp_basis(np.concatenate([pixels, dark]), features) @ t[1:].astype("f4") + t[0]
            logits[i] = found[: len(pixels)].reshape(logits.shape[1:])
            shaded.append(found[len(pixels) :])
    return logits, np.concatenate(shaded)


def prior_shift(bands: tuple[str, ...]) -> tuple[float, dict[str, float]]:
    """Find the largest shift that keeps precision and shade; with the scores of left-out places."""
    (logits, shaded), data = left_out_logits(bands), chips.load()
    swir = {"swir16", "swir22"} & set(bands)
    tried = {}
    for shift in np.arange(0, 3.01 if swir else MOST_SHIFT_WITHOUT_SWIR + 0.01, 0.125):
        found = chips.scores(chips.counts(data, logits > -shift).sum(0))
        tried[float(shift)] = found | {"shade": float((shaded > -shift).mean())}
    kept = (
        s
        for s, found in tried.items()
        if found["precision"] >= PRECISION and found["shade"] <= SHADE_CALLED_WATER
    )
    best = max(kept, default=0.0)
    return best, tried[best]
