"""The student: a small U-Net that maps land cover from a scene, and the one file that keeps it.

The network is the U-Net (Ronneberger et al. 2015, doi:10.1007/978-3-319-24574-4_28) of
segmentation-models-pytorch with the first three stages of a ResNet-18. Its finest skip has half
the resolution of the image, so a second, tiny branch looks at each pixel alone, and both votes are
added: fields one pixel wide keep their shape.
"""

import dataclasses
import functools
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from obriy.errors import InputError
from obriy.indices.features import feature_stack
from obriy.model.legend import Legend, LegendClass
from obriy.nets.torch_library import (
    Device,
    choose_device,
    load_library,
    one_thread,
    seeded,
    usual_threads,
)

FloatArray = npt.NDArray[np.float32]

ENCODER: Final = "resnet18"
DEPTH: Final = 3
STRIDE: Final = 2**DEPTH
"""Rows and columns of an input are a multiple of this."""
DECODER: Final = (64, 32, 16)
PIXEL_BRANCH: Final = 32
GROUPS: Final = ("bands", "indices")
"""Of the features that a student sees; a file holds weights for these, whatever else changes."""
CLIP: Final = 5.0
"""Features farther from the median than this many interquartile ranges are as far as that."""
FORMAT: Final = "obriy student 1"
_WAY_OUT: Final = "Give the student.pt of a run of 'obriy train landcover'."


@dataclasses.dataclass(frozen=True)
class StudentCard:
    """What has to be known of a student to use it and to judge it.

    Attributes:
        bands: Common names of the bands that it needs, by wavelength.
        legend: Classes that it names, in the order of its outputs.
        middle: Median of each feature of `feature_stack` over the training pixels.
        spread: Interquartile range of each, above 0.
        pixel_m: Height of the pixels that it learnt from, metres; None where unknown.
        sources: Images that it learnt from.
        scores: What it reached, as plain values.
        versions: Software that made it.
    """

    bands: tuple[str, ...]
    legend: Legend
    middle: tuple[float, ...]
    spread: tuple[float, ...]
    pixel_m: float | None = None
    sources: tuple[str, ...] = ()
    scores: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def inputs(self, bands: Mapping[str, FloatArray]) -> FloatArray:
        """Return what the network sees of a window.

        Args:
            bands: (rows, columns) float32 reflectance by common name, NaN missing.

        Returns:
            (features, rows, columns) float32, scaled; 0, the median, where a band is missing.
        """
        stack = feature_stack({name: bands[name] for name in self.bands}, GROUPS)
        return scaled(stack, self.middle, self.spread)

    def to_json(self) -> str:
        """Return the card as JSON."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the card that `to_json` wrote."""
        values = json.loads(text)
        legend = values["legend"]
        classes = tuple(LegendClass(**entry) for entry in legend["classes"])
        values["legend"] = Legend(legend["name"], classes, legend["source"])
        for name in ("bands", "middle", "spread", "sources"):
            values[name] = tuple(values[name])
        return cls(**values)


def scaled(stack: FloatArray, middle: npt.ArrayLike, spread: npt.ArrayLike) -> FloatArray:
    """Return features (features, rows, columns) scaled and clipped; missing becomes 0."""
    values = (stack - np.asarray(middle, "float32")[:, None, None]) / np.asarray(spread, "float32")[
        :, None, None
    ]
    values = np.clip(values, -CLIP, CLIP)
    return np.where(np.isnan(values), np.float32(0), values).astype("float32")


class Student:
    """A trained network with its card; `probabilities` may be called from several threads.

    Args:
        network: Of `build_network`, with its weights.
        card: What belongs to it.
        device: Where it computes.
    """

    def __init__(self, network: Any, card: StudentCard, device: Device = "auto") -> None:
        self.card = card
        self._device = choose_device(device)
        self._network = network.to(self._device).eval()
        self._threads = usual_threads()

    def probabilities(self, bands: Mapping[str, FloatArray]) -> FloatArray:
        """Return the probability of each class.

        Each call computes in its own thread alone: threads of the engine share the cores, and the
        same window gives the same bits on a CPU. The result depends on the window, for pixels near
        its edge see less; callers cut a scene into the same windows always
        (`obriy.methods.student`).

        Args:
            bands: (rows, columns) float32 reflectance by common name, NaN missing; rows and
                columns are multiples of `STRIDE`.

        Returns:
            (classes, rows, columns) float32 in the order of the card's legend, summing to 1.
        """
        torch = load_library("torch")
        inputs = self.card.inputs(bands)
        with one_thread(self._threads), torch.inference_mode():
            window = torch.from_numpy(inputs).to(self._device)[None]
            found: FloatArray = self._network(window)[0].softmax(0).cpu().numpy()
        return found

    def to_bytes(self) -> bytes:
        """Return the file that `load_student` reads: tensors and JSON, no code."""
        return checkpoint_bytes(FORMAT, self.card.to_json(), self._network)


def build_network(features: int, classes: int, seed: int = 0) -> Any:
    """Return a network with first weights of a seed; torch's own generator is left as it was.

    Args:
        features: Planes of an input.
        classes: Planes of an output.
        seed: Of the first weights.

    Raises:
        MissingExtraError: where the extra ``deep`` is not installed.
    """
    kind = _network_class()
    with seeded(seed):
        return kind(features, classes)


@functools.cache
def _network_class() -> Any:
    """Return the class of the network; it can only be made where torch is."""
    torch, library = load_library("torch"), load_library("segmentation_models_pytorch")

    class Network(torch.nn.Module):  # type: ignore[name-defined]
        """U-Net and pixel branch: (n, features, rows, columns) to (n, classes, rows, columns)."""

        def __init__(self, features: int, classes: int) -> None:
            super().__init__()
            self.unet = library.Unet(
                ENCODER,
                encoder_depth=DEPTH,
                encoder_weights=None,
                decoder_channels=DECODER,
                in_channels=features,
                classes=classes,
            )
            # Stages below the depth are never asked, and would be nine tenths of the file.
            self.unet.encoder.layer3 = self.unet.encoder.layer4 = torch.nn.Identity()
            self.pixel = torch.nn.Sequential(
                torch.nn.Conv2d(features, PIXEL_BRANCH, 1),
                torch.nn.ReLU(),
                torch.nn.Conv2d(PIXEL_BRANCH, classes, 1),
            )

        def forward(self, x: Any) -> Any:
            return self.unet(x) + self.pixel(x)

    return Network


def load_student(path: Path | str, device: Device = "auto") -> Student:
    """Load a student from its file.

    Args:
        path: Of what `Student.to_bytes` gave.
        device: Where it shall compute.

    Raises:
        InputError: where the file is missing, broken, or something else.
        MissingExtraError: where the extra ``deep`` is not installed.
    """
    card, weights = read_student(path)
    network = build_network(len(card.middle), len(card.legend.classes))
    network.load_state_dict(weights)
    return Student(network, card, device)


def read_student(path: Path | str) -> tuple[StudentCard, dict[str, Any]]:
    """Return the card and the weights in a student's file; see `load_student`."""
    content = read_checkpoint(path, "a student")
    if content.get("format") != FORMAT:
        raise InputError(f"{path} is a file of torch, but not a student of Obriy.", _WAY_OUT)
    return StudentCard.from_json(content["card"]), content["weights"]


def checkpoint_bytes(kind: str, card: str, network: Any) -> bytes:
    """Return what `read_checkpoint` reads: tensors and text, no code.

    Args:
        kind: Says what the file holds.
        card: JSON of what belongs to the network.
        network: Its weights are kept.
    """
    torch = load_library("torch")
    weights = {name: value.cpu() for name, value in network.state_dict().items()}
    buffer = io.BytesIO()
    torch.save({"format": kind, "card": card, "weights": weights}, buffer)
    return buffer.getvalue()


def read_checkpoint(path: Path | str, what: str, way_out: str = _WAY_OUT) -> dict[str, Any]:
    """Return what lies in a file of torch: tensors and plain values.

    Args:
        path: The file.
        what: What it should hold, for messages, e.g. ``"a student"``.
        way_out: What to give instead where it does not.

    Raises:
        InputError: where the file is missing, broken, or holds code.
    """
    torch = load_library("torch")
    if not Path(path).is_file():
        raise InputError(f"The file {path} of {what} is not there.", way_out)
    try:
        # weights_only: a file from somebody else cannot run code here.
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a foreign file fails in as many ways as there are formats
        raise InputError(f"{path} is broken, or no file of torch with {what}.", way_out) from error
    if not isinstance(content, dict):
        raise InputError(f"{path} is a file of torch, but holds no {what}.", way_out)
    return content
