"""The small networks for ice in numpy: they map where torch is not installed.

What there is to compute stands in `obriy.nets.ssegm`; here is how, a window at a time. It says what
torch says to some 1e-6 of a probability.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.special import erf, expit

from obriy.nets.ssegm import Layer, Widths, flow, layers

FloatArray = npt.NDArray[np.float32]
EPSILON: Final = 1e-5
"""What torch adds to the variance of a channel."""
STRIP: Final = 16
"""Rows of a convolution that are multiplied at once: what is laid out stays in the cache."""


@dataclasses.dataclass(frozen=True)
class _Taught:
    """A layer with what it learnt: its normalisation is part of its weights."""

    layer: Layer
    weight: FloatArray
    offset: FloatArray


class PlainSSegm:
    """A trained member of the family.

    Args:
        widths: Which.
        weights: Arrays by name, as torch names them.

    Raises:
        KeyError, ValueError: where they are those of another network.
    """

    def __init__(self, widths: Widths, weights: Mapping[str, npt.NDArray[Any]]) -> None:
        self._widths = widths
        self._layers = {n: _taught(n, layer, weights) for n, layer in layers(widths).items()}

    def __call__(self, window: FloatArray) -> FloatArray:
        """Return (1, 285, 430) probabilities of ice of (7, 285, 430) scaled inputs, float32."""
        found: FloatArray = expit(flow(self._widths, self._through, window))
        return found

    def _through(self, name: str, x: FloatArray) -> FloatArray:
        taught = self._layers[name]
        layer = taught.layer
        if layer.up:
            found = _transposed(x, taught.weight, layer.stride)
        else:
            found = _convolved(x, taught.weight)
        if layer.pool:
            # The largest of four plus a number of the channel is the largest of four with it.
            found = _pooled(found)
        found += taught.offset[:, None, None]
        return found if layer.plain else _gelu(found)


def _taught(name: str, layer: Layer, weights: Mapping[str, npt.NDArray[Any]]) -> _Taught:
    """Return a layer with its weights, those of the normalisation multiplied in."""
    place = name if layer.plain else f"{name}.0"
    weight, offset = weights[f"{place}.weight"], weights[f"{place}.bias"]
    pair = (layer.before, layer.after) if layer.up else (layer.after, layer.before)
    if weight.shape != (*pair, *layer.side) or offset.shape != (layer.after,):
        raise ValueError(f"{name} has weights of {weight.shape}")
    if not layer.plain:
        gain, middle, mean, variance = (
            weights[f"{name}.1.{part}"].astype("float64")
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        factor = gain / np.sqrt(variance + EPSILON)
        offset = (offset - mean) * factor + middle
        weight = weight * (factor[:, None, None] if layer.up else factor[:, None, None, None])
    return _Taught(layer, weight.astype("float32"), offset.astype("float32"))


def _convolved(x: FloatArray, weight: FloatArray) -> FloatArray:
    """Return a convolution without padding, (after, rows, columns)."""
    after, _, *side = weight.shape
    windows = np.lib.stride_tricks.sliding_window_view(x, side, (1, 2))  # type: ignore[call-overload]
    laid = windows.transpose(0, 3, 4, 1, 2)
    rows, columns = laid.shape[3:]
    flat = weight.reshape(after, -1)
    found = np.empty((after, rows, columns), np.float32)
    for start in range(0, rows, STRIP):
        strip = laid[..., start : start + STRIP, :]
        product = flat @ strip.reshape(flat.shape[1], -1)
        found[:, start : start + STRIP] = product.reshape(after, -1, columns)
    return found


def _transposed(x: FloatArray, weight: FloatArray, stride: int) -> FloatArray:
    """Return a transposed convolution, (after, rows, columns)."""
    before, rows, columns = x.shape
    _, after, height, width = weight.shape
    product = weight.reshape(before, -1).T @ x.reshape(before, -1)
    parts = product.reshape(after, height, width, rows, columns)
    down, across = stride * (rows - 1), stride * (columns - 1)
    found = np.zeros((after, down + height, across + width), np.float32)
    for i in range(height):
        for j in range(width):
            rest = found[:, i : i + down + 1 : stride, j : j + across + 1 : stride]
            rest += parts[:, i, j]
    return found


def _pooled(x: FloatArray) -> FloatArray:
    """Return the largest of each two by two; an odd row or column at the end is left out."""
    channels, rows, columns = x.shape
    even = x[:, : rows // 2 * 2, : columns // 2 * 2]
    found: FloatArray = even.reshape(channels, rows // 2, 2, columns // 2, 2).max((2, 4))
    return found


def _gelu(x: FloatArray) -> FloatArray:
    """Return x times the share of a normal distribution below it (Hendrycks and Gimpel 2016)."""
    found: FloatArray = x * (np.float32(0.5) * (1 + erf(x * np.float32(np.sqrt(0.5)))))
    return found
