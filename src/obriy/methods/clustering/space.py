"""The space in which clusters are sought: features scaled, and embedded where asked."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from obriy.blocks.base import FloatArray
from obriy.methods.clustering.scaling import Scale


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


@dataclasses.dataclass(frozen=True)
class Space:
    """The way from features to points.

    Attributes:
        scale: Of the features.
        embedder: What then embeds them; None: nothing does.
    """

    scale: Scale
    embedder: Embedder | None = None

    def points(self, values: FloatArray) -> FloatArray:
        """Return (dimensions, n) float32 points of (features, n) float32 values."""
        scaled = self.scale.apply(values)
        if self.embedder is None:
            return scaled
        return _encode(self.embedder, scaled)

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the scale and the embedder as arrays."""
        arrays: dict[str, npt.NDArray[Any]] = {
            "scale_centre": self.scale.centre,
            "scale_width": self.scale.width,
        }
        embedded = {} if self.embedder is None else self.embedder.to_arrays()
        return arrays | {f"embedder_{name}": array for name, array in embedded.items()}


def space_from_arrays(arrays: Mapping[str, npt.NDArray[Any]]) -> Space:
    """Return the space that `Space.to_arrays` gave."""
    scale = Scale(arrays["scale_centre"], arrays["scale_width"])
    prefix = "embedder_"
    embedded = {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
    if not embedded:
        return Space(scale)
    from obriy.nets.autoencoder import Autoencoder

    return Space(scale, Autoencoder.from_arrays(embedded))


def _encode(embedder: Embedder, values: FloatArray) -> FloatArray:
    """Return (dimensions, n) codes of (features, n) values."""
    count = values.shape[1]
    filled = np.zeros((-(-count // CHUNK) * CHUNK, len(values)), np.float32)
    filled[:count] = values.T
    chunks = [embedder.encode(filled[i : i + CHUNK]) for i in range(0, len(filled), CHUNK)]
    return np.ascontiguousarray(np.concatenate(chunks)[:count].T.astype(np.float32))
