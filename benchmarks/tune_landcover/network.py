"""A small network in numpy: two hidden layers, dropout, Adam; trained with bands left out."""

import dataclasses
import itertools

import numpy as np

from obriy.labelling.spectral_features import BANDS, FEATURES

LEFT_OUT = (
    ((), 0.62),
    (("swir16", "swir22"), 0.14),
    (("swir22",), 0.06),
    (("blue",), 0.04),
    (("blue", "swir22"), 0.02),
    (("blue", "swir16", "swir22"), 0.06),
    (("nir", "swir16", "swir22"), 0.04),
    (("blue", "red", "swir22"), 0.02),
)
"""Bands that a row is trained without, and how often."""
WITHOUT_SCENE = 0.08
"""How often a row is trained without what speaks of the other clusters."""
LIMIT = 4.0
BATCH = 512


@dataclasses.dataclass(frozen=True)
class Options:
    hidden: int = 96
    epochs: int = 14
    rate: float = 4e-3
    decay: float = 0.02
    dropout: float = 0.3
    noise: float = 0.05


NEEDED = np.array([[band in feature.bands for band in BANDS] for feature in FEATURES])
OF_SCENE = np.array([feature.of_scene for feature in FEATURES])


def inputs(table: np.ndarray, centre: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Scale a table, (rows, features), NaN missing; the network takes 0 for the missing."""
    return np.clip((table - centre) / width, -LIMIT, LIMIT)


def flags_of(table: np.ndarray) -> np.ndarray:
    """Say which bands each row has, (rows, 6), 0 or 1."""
    first = np.array([f.name.startswith("median_") for f in FEATURES])
    single = [np.flatnonzero(first & NEEDED[:, i] & (NEEDED.sum(axis=1) == 1))[0] for i in range(6)]
    return np.isfinite(table[:, single]).astype(float)


def without(scaled: np.ndarray, flags: np.ndarray, rng: np.random.Generator) -> tuple:
    """Leave bands, or the scene, out of some rows."""
    scaled, flags = scaled.copy(), flags.copy()
    kind = rng.choice(len(LEFT_OUT), len(scaled), p=[share for _, share in LEFT_OUT])
    for i, (bands, _) in enumerate(LEFT_OUT):
        gone = np.array([band in bands for band in BANDS])
        rows = np.flatnonzero(kind == i)
        scaled[np.ix_(rows, np.flatnonzero(NEEDED[:, gone].any(axis=1)))] = np.nan
        flags[np.ix_(rows, np.flatnonzero(gone))] = 0
    alone = np.flatnonzero(rng.random(len(scaled)) < WITHOUT_SCENE)
    scaled[np.ix_(alone, np.flatnonzero(OF_SCENE))] = np.nan
    return scaled, flags


def fit(
    scaled: np.ndarray, flags: np.ndarray, weights: np.ndarray, options: Options, seed: int
) -> list[np.ndarray]:
    """Train; return weights and biases, (inputs, hidden), (hidden,), and so on.

    Args:
        scaled: (rows, features), NaN missing.
        flags: (rows, 6).
        weights: (rows, classes): what each row weighs for each class.
        options: How.
        seed: Of all that is random.
    """
    rng = np.random.default_rng(seed)
    sizes = (scaled.shape[1] + flags.shape[1], options.hidden, options.hidden, weights.shape[1])
    layers: list[np.ndarray] = []
    for rows, columns in itertools.pairwise(sizes):
        layers += [rng.standard_normal((rows, columns)) * np.sqrt(2 / rows), np.zeros(columns)]
    adam = Adam(layers, options)
    steps = options.epochs * -(-len(scaled) // BATCH)
    step = 0
    for _ in range(options.epochs):
        order = rng.permutation(len(scaled))
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            x, f = without(scaled[rows], flags[rows], rng)
            x = np.where(np.isnan(x), 0, x + options.noise * rng.standard_normal(x.shape))
            gradients = _gradients(layers, np.hstack([x, f]), weights[rows], options, rng)
            step += 1
            adam.step(gradients, _rate(step / steps, options.rate))
    return layers


def _rate(done: float, highest: float) -> float:
    """Rise over the first 30 %, then fall like a cosine."""
    if done < 0.3:
        return highest * (0.04 + 0.96 * done / 0.3)
    return highest * 0.5 * (1 + np.cos(np.pi * (done - 0.3) / 0.7)) + 1e-6


def _gradients(layers, x, weights, options, rng) -> list[np.ndarray]:
    keep = 1 - options.dropout
    activations, masks = [x], []
    for i in range(0, 4, 2):
        hidden = np.maximum(activations[-1] @ layers[i] + layers[i + 1], 0)
        mask = (rng.random(hidden.shape) < keep) / keep
        masks.append(mask * (hidden > 0))
        activations.append(hidden * mask)
    probability = softmax(activations[-1] @ layers[4] + layers[5])
    total = weights.sum(axis=1, keepdims=True)
    delta = (probability * total - weights) / weights.sum()
    gradients: list[np.ndarray] = [np.empty(0)] * 6
    for i in (2, 1, 0):
        gradients[2 * i] = activations[i].T @ delta
        gradients[2 * i + 1] = delta.sum(axis=0)
        if i:
            delta = (delta @ layers[2 * i].T) * masks[i - 1]
    return gradients


class Adam:
    """AdamW (Loshchilov & Hutter 2019): decay apart from the gradient."""

    def __init__(self, layers: list[np.ndarray], options: Options) -> None:
        self._layers, self._options = layers, options
        self._first = [np.zeros_like(layer) for layer in layers]
        self._second = [np.zeros_like(layer) for layer in layers]
        self._count = 0

    def step(self, gradients: list[np.ndarray], rate: float) -> None:
        self._count += 1
        for i, gradient in enumerate(gradients):
            self._first[i] += 0.1 * (gradient - self._first[i])
            self._second[i] += 0.001 * (gradient**2 - self._second[i])
            mean = self._first[i] / (1 - 0.9**self._count)
            square = self._second[i] / (1 - 0.999**self._count)
            self._layers[i] *= 1 - rate * self._options.decay
            self._layers[i] -= rate * mean / (np.sqrt(square) + 1e-8)


def logits(layers: list[np.ndarray], x: np.ndarray) -> np.ndarray:
    """Evaluate, (rows, classes)."""
    for i in range(0, 4, 2):
        x = np.maximum(x @ layers[i] + layers[i + 1], 0)
    return x @ layers[4] + layers[5]


def softmax(values: np.ndarray) -> np.ndarray:
    """Turn logits to probabilities, row by row."""
    power = np.exp(values - values.max(axis=1, keepdims=True))
    return power / power.sum(axis=1, keepdims=True)
