"""A spectral autoencoder: a few numbers that hold what the features of a pixel say.

A small network is trained on pixels of the scene itself to give their features back through a
narrow middle (Hinton and Salakhutdinov 2006, doi:10.1126/science.1127647); the middle is then
clustered. torch trains it; what is left are plain arrays, and numpy alone encodes with them.
"""

import copy
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from obriy.errors import InputError
from obriy.nets.torch_library import load_library, one_thread, usual_threads

FloatArray = npt.NDArray[np.float32]
Layer = tuple[FloatArray, FloatArray]
"""Weights (inputs, outputs) and offsets (outputs,)."""

DIMENSIONS: Final = 4
"""Numbers in the middle: the spectra of land span three to five (Small 2004,
doi:10.1016/j.rse.2004.06.007)."""
HIDDEN: Final = 32
MOST_EPOCHS: Final = 60
PATIENCE: Final = 6
"""Epochs without a better held-out loss after which training stops."""
HELD_OUT: Final = 0.2
BATCH: Final = 512
RATE: Final = 3e-3
_CHUNK: Final = 1 << 17
"""Pixels that are encoded at once: the hidden layer then takes 16 MiB."""


@dataclasses.dataclass(frozen=True)
class Autoencoder:
    """A trained encoder, with the decoder that it was trained with.

    Attributes:
        encoder: Layers from features to codes; tanh between them, the last one linear.
        decoder: Layers back.
        history: (epochs, 2) float32, mean squared error of the training part and of the held-out
            part after each epoch, in squared units of the scaled features.
    """

    encoder: tuple[Layer, ...]
    decoder: tuple[Layer, ...]
    history: FloatArray

    @property
    def dimensions(self) -> int:
        """Numbers in a code."""
        return int(self.encoder[-1][1].size)

    @property
    def loss(self) -> float:
        """Held-out mean squared error of the weights that were kept."""
        return float(self.history[:, 1].min())

    def encode(self, x: npt.ArrayLike) -> FloatArray:
        """Return the codes of pixels.

        Args:
            x: (n, features), scaled as in training; a row with NaN gives NaN.

        Returns:
            (n, dimensions) float32.

        Raises:
            InputError: where the number of features is another than in training.
        """
        return _through(self.encoder, x)

    def decode(self, codes: npt.ArrayLike) -> FloatArray:
        """Return the features (n, features) float32 that codes (n, dimensions) stand for."""
        return _through(self.decoder, codes)

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return everything as arrays by name, for `numpy.savez`."""
        arrays: dict[str, npt.NDArray[Any]] = {"history": self.history}
        for part in ("encoder", "decoder"):
            for number, (weights, offsets) in enumerate(getattr(self, part)):
                arrays[f"{part}_{number}_weights"] = weights
                arrays[f"{part}_{number}_offsets"] = offsets
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """Return what `to_arrays` took apart.

        Raises:
            InputError: where an array is missing.
        """
        try:
            return cls(_layers(arrays, "encoder"), _layers(arrays, "decoder"), arrays["history"])
        except KeyError as error:
            raise InputError(
                f"The arrays of the autoencoder lack {error}.", "Make the run again."
            ) from error


def train_autoencoder(
    x: npt.ArrayLike,
    *,
    seed: int,
    dimensions: int = DIMENSIONS,
    progress: Callable[[str, int, int], None] | None = None,
) -> Autoencoder:
    """Train an autoencoder on a sample of pixels.

    A fifth of the pixels is held out; training stops when their loss has not fallen for
    `PATIENCE` epochs, and the weights of the best epoch are kept. The same pixels and seed give
    the same weights on the same machine.

    Args:
        x: (n, features) float32, scaled to about unit spread, without NaN.
        seed: Of first weights, held-out part and order of the pixels.
        dimensions: Numbers in a code; at most as many as there are features.
        progress: Called with ``"autoencoder"``, epochs done, most epochs.

    Raises:
        MissingExtraError: where torch is not installed.
        InputError: for no pixels, or for values that are not finite.
    """
    torch = load_library("torch")
    pixels = _checked(x)
    random = np.random.default_rng(seed)
    sizes = _sizes(pixels.shape[1], dimensions)
    order = random.permutation(len(pixels))
    held = max(1, round(HELD_OUT * len(pixels))) if len(pixels) > 1 else 0
    train, check = pixels[order[held:]], pixels[order[:held] if held else order]
    with one_thread(usual_threads()):
        model = _build(torch, sizes, random)
        history = _fit(torch, model, (train, check), random, progress)
    arrays = [
        (layer.weight.detach().numpy().T.copy(), layer.bias.detach().numpy().copy())
        for layer in model
        if isinstance(layer, torch.nn.Linear)
    ]
    return Autoencoder(tuple(arrays[:2]), tuple(arrays[2:]), np.asarray(history, "float32"))


def _checked(x: npt.ArrayLike) -> FloatArray:
    pixels = np.asarray(x, "float32")
    if pixels.ndim != 2 or 0 in pixels.shape:
        raise InputError(f"An autoencoder learns from (pixels, features), not {pixels.shape}.")
    if not np.isfinite(pixels).all():
        raise InputError("An autoencoder cannot learn from missing values.", "Leave them out.")
    return pixels


def _sizes(features: int, dimensions: int) -> list[tuple[int, int]]:
    code = min(dimensions, features)
    return [(features, HIDDEN), (HIDDEN, code), (code, HIDDEN), (HIDDEN, features)]


def _build(torch: Any, sizes: list[tuple[int, int]], random: np.random.Generator) -> Any:
    """Return the network; first weights are Glorot's, of our own generator."""
    parts: list[Any] = []
    for number, (inputs, outputs) in enumerate(sizes):
        layer = torch.nn.utils.skip_init(torch.nn.Linear, inputs, outputs)  # no global seed
        reach = np.sqrt(6 / (inputs + outputs))
        weights = random.uniform(-reach, reach, (outputs, inputs)).astype("float32")
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(weights))
            layer.bias.zero_()
        parts.append(layer)
        if number in (0, 2):  # the code and the output are linear
            parts.append(torch.nn.Tanh())
    return torch.nn.Sequential(*parts)


def _fit(
    torch: Any,
    model: Any,
    parts: tuple[FloatArray, FloatArray],
    random: np.random.Generator,
    progress: Callable[[str, int, int], None] | None,
) -> list[tuple[float, float]]:
    """Train in place; the weights of the best epoch are left in the model."""
    train, check = (torch.from_numpy(part) for part in parts)
    optimiser = torch.optim.Adam(model.parameters(), lr=RATE)
    error = torch.nn.functional.mse_loss
    history: list[tuple[float, float]] = []
    best, since, kept = np.inf, 0, copy.deepcopy(model.state_dict())
    for epoch in range(1, MOST_EPOCHS + 1):
        total = 0.0
        for batch in torch.from_numpy(random.permutation(len(train))).split(BATCH):
            optimiser.zero_grad()
            loss = error(model(train[batch]), train[batch])
            loss.backward()
            optimiser.step()
            total += loss.item() * len(batch)
        with torch.inference_mode():
            held = error(model(check), check).item()
        history.append((total / len(train), held))
        if progress is not None:
            progress("autoencoder", epoch, MOST_EPOCHS)
        since += 1
        if held < best:
            best, since, kept = held, 0, copy.deepcopy(model.state_dict())
        if since >= PATIENCE:
            break
    model.load_state_dict(kept)
    return history


def _through(layers: tuple[Layer, ...], x: npt.ArrayLike) -> FloatArray:
    values = np.asarray(x, "float32")
    if values.ndim != 2 or values.shape[1] != len(layers[0][0]):
        raise InputError(
            f"The autoencoder was trained on {len(layers[0][0])} features, and is given "
            f"{values.shape}.",
            "Give the same bands and features as in training.",
        )
    out = np.empty((len(values), layers[-1][1].size), np.float32)
    for start in range(0, len(values), _CHUNK):
        part = values[start : start + _CHUNK]
        for weights, offsets in layers[:-1]:
            part = np.tanh(part @ weights + offsets)
        out[start : start + _CHUNK] = part @ layers[-1][0] + layers[-1][1]
    return out


def _layers(arrays: Mapping[str, npt.NDArray[Any]], part: str) -> tuple[Layer, ...]:
    return tuple(
        (arrays[f"{part}_{number}_weights"], arrays[f"{part}_{number}_offsets"])
        for number in range(2)
    )
