"""What a sample says of the scene: haze, sure pixels, mixing axis, threshold."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from obriy.methods.auto.evidence import (
    BANDS,
    F32,
    F64,
    I32,
    U8,
    Evidence,
    Settings,
    load_tables,
    pick_evidence,
)
from obriy.methods.auto.sample import Sample
from obriy.methods.auto.spectral import SEEN, evidence_map

NO_SHIFT: Final = 0.05
"""Log-odds; a smaller shift of the threshold is none."""
NOISE: Final = 0.02
"""Reflectance; keeps the mixing axis from leaning on one band."""
SHOWN: Final = (-8.0, 8.0, 64)
"""Log-odds that the histogram of the report covers, and its bins."""


@dataclass(frozen=True)
class Seeds:
    """Sure pixels of each kind in the sample, and the mixing axis from them."""

    water: int
    land: int
    axis: F64
    offset: float
    spread: float


def _shrunk(values: F32, mean: F64, weight: float) -> F64:
    """Mean of the rows, pulled towards `mean` with a weight in pixels."""
    if not len(values):
        return mean
    middle = np.median(values.astype(np.float64), axis=0)
    out: F64 = (len(values) * middle + weight * mean) / (len(values) + weight)
    return out


def _mixing(water: F32, land: F32, evidence: Evidence, weight: float) -> Seeds:
    """Find the Fisher axis of the seeds, shrunk towards the fixed one; water 1, land 0."""
    m_water = _shrunk(water, evidence.water_mean, weight)
    m_land = _shrunk(land, evidence.land_mean, weight)
    n = len(water) + len(land)
    around = np.concatenate([water - m_water, land - m_land]).astype(np.float64)
    around = np.clip(around, -4 * evidence.spread, 4 * evidence.spread)
    fixed = np.diag(evidence.spread**2)
    noise = NOISE**2 * np.eye(len(fixed))
    scatter = 0.5 * (around.T @ around + np.diag((around**2).sum(axis=0)))
    cov = (scatter + weight * fixed) / (n + weight) + noise
    axis = np.linalg.solve(cov, m_water - m_land).astype(np.float64)
    axis = axis / float(axis @ (m_water - m_land))
    offset = -float(axis @ m_land)
    spread = float(np.std(np.clip(land @ axis + offset, -4, 4))) if len(land) > 1 else 0.3
    return Seeds(len(water), len(land), axis, offset, spread)


def _haze(sample: Sample, settings: Settings) -> tuple[float, F32]:
    """Judge the haze from the darkest pixels: clear skies' worth, and path reflectance per band."""
    path = np.array([settings.haze[BANDS.index(k)] for k in sample.names])
    found = []
    for k, name in enumerate(sample.names):
        place = BANDS.index(name)
        if place < len(settings.haze_floor) and len(sample.keys):
            darkest = np.percentile(sample.values[:, k], settings.haze_percentile)
            found.append((darkest - settings.haze_floor[place]) / settings.haze[place])
    if len(found) < 2:
        return 0.0, (0.0 * path).astype(np.float32)
    n = len(sample.keys)
    amount = min(max(float(min(found)), 0.0), settings.haze_max) * n / (n + settings.haze_prior)
    return amount, (amount * path).astype(np.float32)


def run_evidence(
    stack: F32, evidence: Evidence, seeds: Seeds | None, path: F32
) -> tuple[F32, I32, U8]:
    """Map the evidence of a (band, y, x) stack; without seeds the mixing coordinate is 0."""
    axis = np.zeros(len(evidence.bands)) if seeds is None else seeds.axis
    index = np.array([BANDS.index(k) for k in evidence.bands])
    terms = np.column_stack([evidence.codes, evidence.low, evidence.high, evidence.values])
    mix = np.stack([axis, path.astype(np.float64)])
    constants = np.array([evidence.intercept, 0.0 if seeds is None else seeds.offset])
    found: tuple[F32, I32, U8] = evidence_map(stack, index, terms, mix, constants)
    return found


def _sample_logits(sample: Sample, evidence: Evidence, path: F32, penalty: float) -> F64:
    """Compute the log-odds of the sampled pixels, NaN where a guard abstains."""
    stack = np.ascontiguousarray(sample.values.T[:, None, :])
    logit, _, unseen = run_evidence(stack, evidence, None, path)
    out = logit[0].astype(np.float64) - penalty * sample.shadow
    out[unseen[0] != SEEN] = np.nan
    return np.asarray(out, np.float64)


def _valley(logits: F64, settings: Settings) -> tuple[float, float]:
    """Find the lowest density between the land and the water mode, and its relative depth."""
    step = 0.25
    edges = np.arange(-8, 8 + step, step)
    logits = logits[np.isfinite(logits)]
    counts = np.histogram(np.clip(logits, -7.99, 7.99), edges)[0].astype(np.float64)
    taps = np.exp(-0.5 * (np.arange(-6, 7) * step / 0.5) ** 2)
    smooth = np.convolve(counts, taps / taps.sum(), mode="same")
    mid = 0.5 * (edges[1:] + edges[:-1])
    left, right = smooth[mid < -1].max(), smooth[mid > 1].max()
    inside = np.abs(mid) <= settings.max_shift
    lowest = smooth[inside].min()
    flat = mid[inside][smooth[inside] <= lowest + 0.05 * min(left, right)]
    return float(np.median(flat)), float(lowest / max(min(left, right), 1e-9))


def _threshold(logits: F64, few: int, settings: Settings) -> tuple[float, float, str]:
    """Find the threshold, the valley's relative depth, and say why; `few` are the rarer seeds."""
    if few < settings.min_seeds:
        return 0.0, 1.0, "too few sure pixels of land or of water; fixed threshold"
    place, depth = _valley(logits, settings)
    if depth > settings.valley_depth:
        return 0.0, depth, "no clear valley between land and water; fixed threshold"
    threshold = place * few / (few + settings.shift_prior)
    if abs(threshold) < NO_SHIFT:
        return 0.0, depth, "two populations, the valley at the fixed threshold"
    return threshold, depth, "two populations; threshold moved towards the valley between them"


@dataclass(frozen=True)
class SceneFacts:
    """What was found of a scene.

    Attributes:
        evidence: The coefficient set.
        seeds: Sure pixels, and the mixing axis from them.
        haze: Haze found, in clear skies seen from the top of the atmosphere.
        path: Reflectance taken off each band for it, (bands,).
        threshold: Log-odds above which a pixel counts as water.
        valley: Density in the valley over that of the lower mode (1 where not looked for).
        reason: Why the threshold is what it is.
        valid: Pixels with every band.
        sampled: Pixels in the sample.
        counts: Sampled pixels by log-odds, bins of `SHOWN`.
    """

    evidence: Evidence
    seeds: Seeds
    haze: float
    path: F32
    threshold: float
    valley: float
    reason: str
    valid: int
    sampled: int
    counts: tuple[int, ...]


def judge(sample: Sample) -> SceneFacts:
    """Find the facts of a scene in its merged sample."""
    settings, _ = load_tables()
    evidence = pick_evidence(set(sample.names))
    haze, path = _haze(sample, settings)
    logits = _sample_logits(sample, evidence, path, settings.shadow_penalty)
    values = sample.values - path
    water = values[logits > settings.seed_logit]
    land = values[logits < -settings.seed_logit]
    seeds = _mixing(water, land, evidence, settings.prior_seeds)
    threshold, valley, why = _threshold(logits, min(seeds.water, seeds.land), settings)
    low, high, bins = SHOWN
    known = np.clip(logits[np.isfinite(logits)], low, high)
    counts = np.histogram(known, bins, (low, high))[0]
    return SceneFacts(
        evidence, seeds, haze, path, threshold, valley, why, sample.valid, len(sample.keys),
        tuple(int(n) for n in counts),
    )  # fmt: skip
