"""The space in which clusters are sought: features scaled, and embedded where asked."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from obriy.blocks.base import FloatArray
from obriy.methods.clustering.sample import Sample
from obriy.methods.clustering.scaling import Axes, Scale, fit_axes, fit_scale


class Embedder(Protocol):
    """Turns scaled features into fewer numbers that say the same."""

    def encode(self, x: Any) -> FloatArray:
        """Return (n, dimensions) of (n, features)."""
        ...

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return all that `encode` needs."""
        ...


CHUNK: Final = 4096
"""Units that are embedded at a time, never fewer: the rounding of a matrix product varies with
the size of the matrix, and a unit would have another point in another block."""


OF_SURROUNDINGS: Final = ("texture_", "around_", "deep_")
"""Features whose names begin so tell of the pixels around, not of the pixel."""
SURROUNDINGS: Final = np.float32(0.15)
"""Their weight beside those of the pixel itself: there are many of them. With all groups of
features and 12 clusters the accuracy with the best names, on 41 of the choose chips of HLS, is
0.804 with it, 0.795 with 0.3, 0.780 with 1; without features of surroundings 0.803."""


@dataclasses.dataclass(frozen=True)
class Space:
    """The way from features to points.

    Attributes:
        scale: Of the features.
        axes: Of the scaled and embedded features.
        embedder: What embeds the scaled features; None: nothing does.
    """

    scale: Scale
    axes: Axes
    embedder: Embedder | None = None

    def points(self, values: FloatArray) -> FloatArray:
        """Return (dimensions, n) float32 points of (features, n) float32 values."""
        return self.axes.apply(embed(self.embedder, self.scale.apply(values)))

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return all of it as arrays."""
        arrays: dict[str, npt.NDArray[Any]] = {
            "scale_centre": self.scale.centre,
            "scale_width": self.scale.width,
            "axes_centre": self.axes.centre,
            "axes_matrix": self.axes.matrix,
        }
        embedded = {} if self.embedder is None else self.embedder.to_arrays()
        return arrays | {f"embedder_{name}": array for name, array in embedded.items()}


def space_from_arrays(arrays: Mapping[str, npt.NDArray[Any]]) -> Space:
    """Return the space that `Space.to_arrays` gave."""
    scale = Scale(arrays["scale_centre"], arrays["scale_width"])
    axes = Axes(arrays["axes_centre"], arrays["axes_matrix"])
    prefix = "embedder_"
    embedded = {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
    if not embedded:
        return Space(scale, axes)
    from obriy.nets.autoencoder import Autoencoder

    return Space(scale, axes, Autoencoder.from_arrays(embedded))


def fit_space(
    sample: Sample, train: Callable[[FloatArray], Embedder] | None, most_axes: int | None = None
) -> Space:
    """Return the space of a sample.

    Args:
        sample: Not empty.
        train: Makes an embedder of (n, features) scaled values; None: nothing is embedded.
        most_axes: As for `fit_axes`.
    """
    scale = fit_scale(sample.values)
    around = np.array([name.startswith(OF_SURROUNDINGS) for name in sample.names])
    scale = Scale(scale.centre, np.where(around, scale.width / SURROUNDINGS, scale.width))
    scaled = scale.apply(np.ascontiguousarray(sample.values.T))
    embedder = None if train is None else train(np.ascontiguousarray(scaled.T))
    return Space(scale, fit_axes(embed(embedder, scaled).T, sample.sizes, most_axes), embedder)


def embed(embedder: Embedder | None, values: FloatArray) -> FloatArray:
    """Return (dimensions, n) codes of (features, n) scaled values; without embedder these."""
    if embedder is None:
        return values
    count = values.shape[1]
    filled = np.zeros((-(-count // CHUNK) * CHUNK, len(values)), np.float32)
    filled[:count] = values.T
    chunks = [embedder.encode(filled[i : i + CHUNK]) for i in range(0, len(filled), CHUNK)]
    return np.ascontiguousarray(np.concatenate(chunks)[:count].T.astype(np.float32))
