"""The expert behind the labeller `spectral`: a small fitted network, in numpy.

``tables/spectral_expert.npz`` is made by benchmarks/tune_landcover/fit_spectral.py; what it was
fitted on, and how well it is calibrated, stands in docs/design/0011-spectral-expert.md.
"""

import dataclasses
import functools
import io
from collections.abc import Mapping
from importlib import resources
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obriy.errors import TableError
from obriy.labelling.spectral_features import BANDS, FEATURES

FloatArray = npt.NDArray[np.float64]

FILE: Final = "spectral_expert.npz"
LIMIT: Final = 4.0
"""Features are cut at so many standard deviations from what the expert was fitted on."""
_LEAST: Final = 1e-6
"""No class is impossible."""


@dataclasses.dataclass(frozen=True)
class Expert:
    """What was fitted.

    Attributes:
        codes: Codes of ESA WorldCover, (classes,).
        centre: Mean of each feature, (features,).
        width: Standard deviation of each feature, (features,).
        layers: Weights and biases by turns, with one network after another in the first axis:
            (networks, inputs, hidden), (networks, hidden), and so on.
        shift: Added to the logarithm of each class's probability, (classes,): takes off the
            weights that rare classes were given, but not wholly.
        temperature: Logarithms are divided by it; it makes confidence what is right in the long
            run.
        spectra: Square roots of reflectance of what the expert knows, (spectra, 6).
        reach: Root mean square distance from the nearest of them beyond which it knows nothing.
    """

    codes: npt.NDArray[np.int64]
    centre: FloatArray
    width: FloatArray
    layers: tuple[FloatArray, ...]
    shift: FloatArray
    temperature: float
    spectra: FloatArray
    reach: float

    def probabilities(self, table: FloatArray) -> FloatArray:
        """Return the probability of each class, (clusters, classes); rows sum to 1.

        Args:
            table: Of `feature_table`, (clusters, features), NaN missing.
        """
        scaled = np.clip((table - self.centre) / self.width, -LIMIT, LIMIT)
        seen = np.isfinite(_medians(table)).astype(float)
        inputs = np.hstack([np.where(np.isnan(scaled), 0.0, scaled), seen])
        mean = np.mean([_softmax(_logits(net, inputs)) for net in self._networks()], axis=0)
        shifted = np.log(np.maximum(mean, _LEAST)) + self.shift
        return _softmax(shifted / self.temperature)

    def is_known(self, table: FloatArray) -> npt.NDArray[np.bool_]:
        """Say of each cluster whether its spectrum is like any that the expert knows.

        Args:
            table: Of `feature_table`, (clusters, features); a cluster without any of the six
                bands is unknown.
        """
        medians = _medians(table)
        square = (medians[:, None, :] - self.spectra[None, :, :]) ** 2
        known = np.isfinite(medians)
        count = np.maximum(known.sum(axis=1), 1)[:, None]
        mean_square = np.where(known[:, None, :], square, 0.0).sum(axis=2) / count
        nearest = np.sqrt(mean_square.min(axis=1))
        inside: npt.NDArray[np.bool_] = known.any(axis=1) & (nearest <= self.reach)
        return inside

    def _networks(self) -> list[tuple[FloatArray, ...]]:
        return [tuple(layer[i] for layer in self.layers) for i in range(len(self.layers[0]))]


@functools.lru_cache(maxsize=1)
def load_expert() -> Expert:
    """Load the expert that comes with the package.

    Raises:
        TableError: where the file is missing, or was made for other features.
    """
    file = resources.files("obriy.tables").joinpath(FILE)
    if not file.is_file():
        raise TableError(f"There is no table '{FILE}'.", "Reinstall obriy: a data file is missing.")
    with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as arrays:
        return expert_from(arrays)


def expert_from(arrays: Mapping[str, Any]) -> Expert:
    """Build an expert from the arrays of its file.

    Raises:
        TableError: where they were made for other features.
    """
    if list(arrays["features"]) != [feature.name for feature in FEATURES]:
        raise TableError(
            f"'{FILE}' was made for other features.",
            "Make it again with benchmarks/tune_landcover/fit_spectral.py.",
        )
    layers = sorted(name for name in arrays if name.startswith("layer_"))
    return Expert(
        codes=np.asarray(arrays["codes"], np.int64),
        centre=np.asarray(arrays["centre"], float),
        width=np.asarray(arrays["width"], float),
        layers=tuple(np.asarray(arrays[name], float) for name in layers),
        shift=np.asarray(arrays["shift"], float),
        temperature=float(arrays["temperature"]),
        spectra=np.asarray(arrays["spectra"], float),
        reach=float(arrays["reach"]),
    )


def _medians(table: FloatArray) -> FloatArray:
    names = [feature.name for feature in FEATURES]
    return table[:, [names.index(f"median_{band}") for band in BANDS]]


def _logits(layers: tuple[FloatArray, ...], inputs: FloatArray) -> FloatArray:
    hidden = inputs
    for weights, bias in zip(layers[:-2:2], layers[1:-2:2], strict=True):
        hidden = np.maximum(hidden @ weights + bias, 0)
    return hidden @ layers[-2] + layers[-1]


def _softmax(values: FloatArray) -> FloatArray:
    power = np.exp(values - values.max(axis=1, keepdims=True))
    found: FloatArray = power / power.sum(axis=1, keepdims=True)
    return found
