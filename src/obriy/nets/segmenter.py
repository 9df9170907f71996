"""A trained segmenter of ice: network, card, and the one file that keeps both."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from obriy.errors import InputError
from obriy.model.bands import require_bands
from obriy.nets.architectures import build_segmenter
from obriy.nets.ssegm import SIZE
from obriy.nets.torch_library import (
    Device,
    choose_device,
    load_library,
    one_thread,
    usual_threads,
)
from obriy.nets.unet import checkpoint_bytes, read_checkpoint, scaled

FloatArray = npt.NDArray[np.float32]

FORMAT: Final = "obriy segmenter 1"
_WAY_OUT: Final = "Give the weights.pt of a run of 'obriy train ice' with a network."


@dataclasses.dataclass(frozen=True)
class SegmenterCard:
    """What has to be known of a segmenter to use it and to judge it.

    Attributes:
        architecture: Of `obriy.nets.architectures.ARCHITECTURES`.
        bands: Common names of the bands, in the order of the planes of an input.
        outputs: What each output tells the probability of: names of classes of the legend.
        middle: Mean of each band over the training pixels, reflectance.
        spread: Standard deviation of each, above 0.
        size: Rows and columns of the window that it learnt from.
        pixel_m: Height of the pixels that it learnt from, metres; None where unknown.
        legend: Name of the legend of its classes.
        split: How scenes were set apart, as plain values.
        scores: What it reached, as plain values.
        sources: Names of the scenes that it learnt from.
        seed: Of first weights, order and augmentation.
        schedule: How it learnt, as plain values.
        versions: Software that made it.
        parameters: Numbers that it learnt; None where nobody counted.
    """

    architecture: str
    bands: tuple[str, ...]
    outputs: tuple[str, ...]
    middle: tuple[float, ...]
    spread: tuple[float, ...]
    size: tuple[int, int] = SIZE
    pixel_m: float | None = None
    legend: str = "ice"
    split: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    scores: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    sources: tuple[str, ...] = ()
    seed: int = 0
    schedule: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)
    parameters: int | None = None

    def inputs(self, bands: Mapping[str, FloatArray]) -> FloatArray:
        """Return what the network sees of a window.

        Args:
            bands: (rows, columns) float32 reflectance by common name, NaN missing.

        Returns:
            (bands, rows, columns) float32, scaled; 0, the mean, where a band is missing.

        Raises:
            BandError: where a band is not there.
        """
        require_bands(set(bands), set(self.bands), self.architecture, "It learnt from these bands.")
        return scaled(np.stack([bands[name] for name in self.bands]), self.middle, self.spread)

    def to_json(self) -> str:
        """Return the card as JSON."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the card that `to_json` wrote."""
        values = json.loads(text)
        for name in ("bands", "outputs", "middle", "spread", "size", "sources"):
            values[name] = tuple(values[name])
        return cls(**values)


class Segmenter:
    """A trained network with its card; `probabilities` may be called from several threads.

    Args:
        network: Of `build_segmenter`, with its weights.
        card: What belongs to it.
        device: Where it computes.
    """

    def __init__(self, network: Any, card: SegmenterCard, device: Device = "auto") -> None:
        self.card = card
        self._device = choose_device(device)
        self._network = network.to(self._device).eval()
        self._threads = usual_threads()

    def probabilities(self, bands: Mapping[str, FloatArray]) -> FloatArray:
        """Return the probability of each output in one window.

        The networks of the study hold for windows of one size, ``card.size`` (285 x 430), and every
        network here is given just that, as it learnt: a larger scene is cut into such windows by
        the caller, always the same ones (aligned to the scene, with a margin that nobody keeps,
        `obriy.methods.ice.network`); a smaller one is padded below and to the right with missing
        pixels. Land stays in the window with its own reflectance, as in training.

        Each call computes in its own thread alone, so that the same window gives the same bits on
        a CPU, and threads of the engine share the cores.

        Args:
            bands: (rows, columns) float32 reflectance by common name, NaN missing; at most
                ``card.size``, at least one pixel.

        Returns:
            (outputs, rows, columns) float32, 0 to 1, in the order of ``card.outputs``. One output
            says ice from 0.5 on; of several the largest is the class, and they do not add up to 1.
            Pixels with a missing band get a number that means nothing.

        Raises:
            BandError: where a band is not there.
            InputError: where the window is larger than ``card.size``.
        """
        torch = load_library("torch")
        inputs = self.card.inputs(bands)
        rows, columns = inputs.shape[1:]
        height, width = self.card.size
        if rows > height or columns > width:
            raise InputError(
                f"A window of {rows} x {columns} pixels is larger than the {height} x {width} of "
                f"{self.card.architecture}.",
                "Cut the scene into windows.",
            )
        # The mean of the scaled bands is 0: padding is as missing pixels are.
        window = np.pad(inputs, ((0, 0), (0, height - rows), (0, width - columns)))
        with one_thread(self._threads), torch.inference_mode():
            found = self._network(torch.from_numpy(window).to(self._device)[None])[0].cpu()
        return np.ascontiguousarray(found.numpy()[:, :rows, :columns])

    def to_bytes(self) -> bytes:
        """Return the file that `load_segmenter` reads: tensors and JSON, no code."""
        return checkpoint_bytes(FORMAT, self.card.to_json(), self._network)


def load_segmenter(path: Path | str, device: Device = "auto") -> Segmenter:
    """Load a segmenter from its file.

    Args:
        path: Of what `Segmenter.to_bytes` gave.
        device: Where it shall compute.

    Raises:
        InputError: where the file is missing, broken, or something else.
        MissingExtraError: where the extra ``deep`` is not installed.
    """
    content = read_checkpoint(path, "a segmenter", _WAY_OUT)
    if content.get("format") != FORMAT:
        raise InputError(f"{path} is a file of torch, but not a segmenter of Obriy.", _WAY_OUT)
    try:
        card = SegmenterCard.from_json(content["card"])
        network = build_segmenter(card.architecture, card.bands)
        network.load_state_dict(content["weights"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"The segmenter in {path} is not whole.", _WAY_OUT) from error
    return Segmenter(network, card, device)
