"""Features that the encoder of a U-Net makes of a pixel's neighbourhood, for clustering.

The planes of the first stage, at half the resolution, are brought back to the pixels and mixed
into eight by a fixed orthonormal projection, which nearly keeps distances (Johnson and
Lindenstrauss 1984) and so the clusters. Deeper stages blur: on HLS chips of the choose sites, with
the encoder of a student of other sites, K-Means of 12 clusters with the best possible names
reaches an overall accuracy of 0.795 on bands and indices alone, 0.785 with these features beside
them, 0.775 with two stages.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obriy.errors import BandError, InputError
from obriy.nets.hub import is_here, require_hub
from obriy.nets.model_file import find_model
from obriy.nets.networks import TrainedNetwork
from obriy.nets.torch_library import (
    choose_device,
    load_library,
    one_thread,
    read_tensors,
    usual_threads,
)
from obriy.nets.unet import ENCODER, STUDENT, UNET

FloatArray = npt.NDArray[np.float32]

CHANNELS: Final = 8
HALO: Final = 8
"""Pixels around a window that the first stage and the way back look at, a multiple of its step."""
_STEP: Final = 2
COLOURS: Final = ("red", "green", "blue")
"""Order of the planes that weights of photographs were trained on."""
WHITE: Final = 0.3
"""Reflectance that is shown to such weights as white."""
_MEAN: Final = (0.485, 0.456, 0.406)
_SPREAD: Final = (0.229, 0.224, 0.225)
"""Of the photographs of ImageNet, by `COLOURS` (torchvision)."""


class FeatureExtractor:
    """The first stage of an encoder; `features` may be called from several threads.

    Args:
        stage: Module from (1, planes, rows, columns) to (1, channels, rows / 2, columns / 2).
        look: What turns bands into its input.
        device: Where it computes.
    """

    halo = HALO

    def __init__(self, stage: Any, look: "TrainedNetwork | Photograph", device: str) -> None:
        self._stage = stage.to(device).eval()
        self._look = look
        self._device = device
        self._threads = usual_threads()

    def features(self, bands: Mapping[str, FloatArray]) -> FloatArray:
        """Return features of a window.

        Those of pixels nearer than `halo` to its edge are spoilt, unless the scene ends there. The
        first row and column have to be even in the scene for any cut to give the same.

        Args:
            bands: (rows, columns) float32 reflectance by common name, NaN missing.

        Returns:
            (8, rows, columns) float32, NaN where a band is missing.
        """
        torch = load_library("torch")
        inputs = self._look.inputs(bands)
        rows, columns = inputs.shape[1:]
        even = np.pad(inputs, ((0, 0), (0, rows % _STEP), (0, columns % _STEP)))
        with one_thread(self._threads), torch.inference_mode():
            planes = self._stage(torch.from_numpy(even).to(self._device)[None])
            planes = torch.nn.functional.interpolate(
                planes, scale_factor=_STEP, mode="bilinear", align_corners=False
            )
            found = planes[0, :, :rows, :columns].cpu().numpy()
        mixed = np.tensordot(_projection(len(found)), found, 1).astype("float32")
        look = self._look
        seen = look.bands if isinstance(look, Photograph) else look.card.bands
        missing = np.any([np.isnan(bands[name]) for name in seen], axis=0)
        mixed[:, missing] = np.nan
        return mixed


@dataclasses.dataclass(frozen=True)
class Photograph:
    """Bands as an encoder of photographs sees them.

    Attributes:
        bands: Common names, in the order of the planes.
    """

    bands: tuple[str, ...]

    def inputs(self, bands: Mapping[str, FloatArray]) -> FloatArray:
        """Return (bands, rows, columns) float32; missing is 0, the mean."""
        planes = []
        for name in self.bands:
            shown = np.clip(bands[name] / WHITE, 0, 1)
            mean, spread = _statistics(name)
            planes.append(np.where(np.isnan(shown), 0, (shown - mean) / spread))
        return np.stack(planes).astype("float32")


def load_encoder(weights: str | Path | None, bands: Sequence[str]) -> FeatureExtractor:
    """Load the encoder of a U-Net.

    Args:
        weights: The file of a student (`obriy train landcover`); or weights of a ResNet-18 of
            torchvision or segmentation-models-pytorch (``.pth``, ``.pt``, ``.safetensors``); None:
            those of ImageNet, from the hub.
        bands: Bands that there are. A student's own are used. Weights of photographs look at all
            of them: red, green and blue as themselves, any other as the mean of the three.

    Raises:
        MissingExtraError: where the extra ``deep`` is not installed.
        BandError: where a band of the student is not there.
        InputError: where the weights are missing, broken, of another network, or not to be
            fetched.
    """
    torch = load_library("torch")
    device = choose_device("auto")
    if weights is None:
        return FeatureExtractor(
            _of_photographs(_from_hub(), bands), Photograph(tuple(bands)), device
        )
    path = Path(weights).expanduser()
    found = find_model(path) if path.is_file() else None
    if found is None:
        return FeatureExtractor(
            _of_photographs(_read(path), bands), Photograph(tuple(bands)), device
        )
    card, learnt = found
    if card.method != STUDENT:
        raise InputError(f"{weights} holds '{card.method}', and no student.", "Give a student.")
    missing = sorted(set(card.bands) - set(bands))
    if missing:
        raise BandError(
            f"The student {weights} looks at {', '.join(missing)}; the image has "
            f"{', '.join(bands)}.",
            "Give a student of images with these bands.",
        )
    student = UNET.in_torch(card, learnt)
    return FeatureExtractor(_first_stage(torch, student.module.unet.encoder), student, device)


def _read(path: Path) -> Mapping[str, Any]:
    if path.suffix != ".safetensors":
        return read_tensors(path, "the weights of an encoder")
    if not path.is_file():
        raise InputError(f"There are no weights of an encoder at {path}.", "Give their file.")
    library = load_library("safetensors.torch")
    try:
        content: Mapping[str, Any] = library.load_file(path)
    except Exception as error:  # a foreign file fails in as many ways as there are formats
        raise InputError(
            f"{path} is broken, or no file of safetensors.", "Give the weights of an encoder."
        ) from error
    return content


def _of_photographs(content: Mapping[str, Any], bands: Sequence[str]) -> Any:
    """Return the first stage with weights of three colours, spread over bands.

    Raises:
        InputError: where these are no weights of a ResNet-18.
    """
    torch = load_library("torch")
    library = load_library("segmentation_models_pytorch")
    encoder = library.encoders.get_encoder(ENCODER, in_channels=3, depth=1, weights=None)
    encoder.conv1 = torch.nn.utils.skip_init(
        torch.nn.Conv2d, len(bands), 64, 7, stride=_STEP, padding=3, bias=False
    )
    way_out = "Give a student, or the file of torchvision's resnet18."
    load_photographs(encoder, content, bands, way_out, ("conv1.", "bn1."))
    return _first_stage(torch, encoder)


def load_photographs(
    encoder: Any,
    content: Mapping[str, Any],
    bands: Sequence[str],
    way_out: str,
    layers: tuple[str, ...] = ("",),
) -> None:
    """Give an encoder weights of photographs: those of its first layer are spread over bands.

    Args:
        encoder: Its first layer is ``conv1``, for as many planes as there are bands.
        content: Weights by name, as torchvision and segmentation-models-pytorch call them.
        bands: Common names, in the order of the planes.
        way_out: What to give instead where these will not do.
        layers: What the names of the layers begin with that take weights.

    Raises:
        InputError: where these are no weights of such an encoder.
    """
    torch = load_library("torch")
    kept = {n.removeprefix("encoder.").removeprefix("backbone."): v for n, v in content.items()}
    names = [n for n in encoder.state_dict() if n.startswith(layers)]
    wanted = [n for n in names if not n.endswith("num_batches_tracked")]
    try:
        kernels = torch.as_tensor(kept["conv1.weight"])
        if kernels.shape[1] == len(COLOURS):
            kept["conv1.weight"] = spread_colours(kernels, bands)
        encoder.load_state_dict({name: kept[name] for name in wanted}, strict=False)
    except (KeyError, RuntimeError, IndexError, TypeError, AttributeError) as error:
        reason = str(error).splitlines()[-1].strip().strip("'")
        raise InputError(f"These are no weights for this network ({reason}).", way_out) from error


def spread_colours(kernels: Any, bands: Sequence[str]) -> Any:
    """Return kernels of three colours, spread over bands.

    Args:
        kernels: (channels, 3, rows, columns) tensor, in the order of `COLOURS`.
        bands: Common names. Red, green and blue keep theirs, any other gets the mean of the three.

    Returns:
        (channels, bands, rows, columns): as bright an image excites them as much, however many its
        bands.
    """
    places = [COLOURS.index(name) if name in COLOURS else None for name in bands]
    planes = [kernels.mean(1) if place is None else kernels[:, place] for place in places]
    return load_library("torch").stack(planes, 1) * (len(COLOURS) / len(bands))


def _first_stage(torch: Any, encoder: Any) -> Any:
    return torch.nn.Sequential(encoder.conv1, encoder.bn1, encoder.relu)


def _from_hub() -> Mapping[str, Any]:
    """Return the weights of ImageNet.

    Raises:
        InputError: where the hub cannot be reached.
    """
    library = load_library("segmentation_models_pytorch")
    way_out = "Give a file with --model: a student, or torchvision's resnet18."
    # Where the library says where its weights lie, the hub is asked for once; else it asks itself.
    place = library.encoders.encoders[ENCODER]["pretrained_settings"]["imagenet"]
    model, revision = place.get("repo_id"), place.get("revision")
    if model and not is_here(model, "model.safetensors", revision):
        require_hub(model, f"The weights of {ENCODER}", way_out)
    try:
        encoder = library.encoders.get_encoder(ENCODER, weights="imagenet")
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(
            f"The weights of {ENCODER} could not be fetched from the hub.", way_out
        ) from error
    content: Mapping[str, Any] = encoder.state_dict()
    return content


def _projection(channels: int) -> FloatArray:
    """Return orthonormal rows (8, channels), always the same for a number of channels."""
    random = np.random.default_rng(0).normal(size=(channels, CHANNELS))
    rows: FloatArray = np.linalg.qr(random)[0].T.astype("float32")
    return rows


def _statistics(name: str) -> tuple[float, float]:
    """Return mean and spread of a band in photographs."""
    if name in COLOURS:
        place = COLOURS.index(name)
        return _MEAN[place], _SPREAD[place]
    return sum(_MEAN) / 3, sum(_SPREAD) / 3
