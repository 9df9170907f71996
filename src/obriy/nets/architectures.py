"""The networks that segment ice, by name: each gives logits per pixel and output.

``m201`` and ``m211`` are those of `obriy.nets.ssegm`. ``unet`` is a U-Net (Ronneberger et al. 2015,
doi:10.1007/978-3-319-24574-4_28) with a ResNet-18 as encoder, of segmentation-models-pytorch;
``deeplab`` is DeepLabV3 (Chen et al. 2017, arXiv:1706.05587) with a ResNet-50 and its auxiliary
head, of torchvision. Every module has ``heads(x)``: logits (N, outputs, rows, columns) by the
network itself first, those of auxiliary heads after it; and ``forward(x)``: probabilities.
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from obriy.errors import BandError, InputError, UnknownNameError
from obriy.model.ice import BANDS
from obriy.nets.encoder import spread_colours
from obriy.nets.ssegm import M201, M211
from obriy.nets.torch_library import load_library, seeded
from obriy.nets.unet import read_checkpoint

ENCODER: Final = "resnet18"
_STRIDE: Final = 32
"""Rows and columns that the U-Net can halve five times are multiples of this."""
_WAY_OUT: Final = (
    "Give weights of torchvision: deeplabv3_resnet50 or resnet50 for deeplab, resnet18 for unet."
)


@dataclasses.dataclass(frozen=True)
class Architecture:
    """A kind of network.

    Attributes:
        outputs: Classes that it tells apart, by their names in the legend; more than one are not
            made to add up to 1.
        build: From common names of bands to a module with random weights.
        pretrainable: Whether it can start from weights of photographs.
    """

    outputs: tuple[str, ...]
    build: Callable[[Sequence[str]], Any]
    pretrainable: bool = False


def build_segmenter(
    name: str, bands: Sequence[str], *, seed: int = 0, pretrained: str | None = None
) -> Any:
    """Return a network with first weights of a seed; torch's own generator is left as it was.

    Args:
        name: Of `ARCHITECTURES`.
        bands: Common names, in the order of the planes of an input.
        seed: Of the first weights.
        pretrained: Weights of photographs to start from: a file of torchvision's, or ``"imagenet"``
            (fetched from the hub). The first layer is adapted: kernels of red, green and blue stay,
            any other band gets the mean of the three.

    Raises:
        UnknownNameError: where there is no such network.
        BandError: where the network is made for other bands.
        InputError: where the weights will not do, or the network starts from none.
        MissingExtraError: where the extra ``deep`` is not installed.
    """
    found = architecture(name)
    with seeded(seed):
        network = found.build(bands)
    if pretrained is not None:
        if not found.pretrainable:
            raise InputError(
                f"'{name}' starts from random weights; there are none of photographs for it.",
                "Leave --pretrained out, or take deeplab or unet.",
            )
        _take_over(network, pretrained, bands)
    return network


def architecture(name: str) -> Architecture:
    """Return a kind of network by its name.

    Raises:
        UnknownNameError: where there is none.
    """
    if name not in ARCHITECTURES:
        raise UnknownNameError(
            f"There is no network '{name}'.", f"Choose of {', '.join(ARCHITECTURES)}."
        )
    return ARCHITECTURES[name]


@functools.cache
def _unet_class() -> Any:
    torch, library = load_library("torch"), load_library("segmentation_models_pytorch")

    class Unet(torch.nn.Module):  # type: ignore[name-defined,misc]
        """U-Net on inputs of any size: what it cannot halve is padded with the mean."""

        def __init__(self, bands: int, outputs: int) -> None:
            super().__init__()
            self.net = library.Unet(
                ENCODER, encoder_weights=None, in_channels=bands, classes=outputs
            )

        def heads(self, x: Any) -> tuple[Any, ...]:
            rows, columns = x.shape[2:]
            below, right = (math.ceil(n / _STRIDE) * _STRIDE - n for n in (rows, columns))
            padded = torch.nn.functional.pad(x, (0, right, 0, below))
            return (self.net(padded)[:, :, :rows, :columns],)

        def forward(self, x: Any) -> Any:
            return self.heads(x)[0].sigmoid()

        def encoder(self) -> tuple[Any, str]:
            return self.net.encoder, "conv1"

    return Unet


@functools.cache
def _deeplab_class() -> Any:
    torch, vision = load_library("torch"), load_library("torchvision")

    class DeepLab(torch.nn.Module):  # type: ignore[name-defined,misc]
        """DeepLabV3 on any number of bands."""

        def __init__(self, bands: int, outputs: int) -> None:
            super().__init__()
            self.net = vision.models.segmentation.deeplabv3_resnet50(
                weights=None, weights_backbone=None, num_classes=outputs, aux_loss=True
            )
            self.net.backbone.conv1 = torch.nn.Conv2d(bands, 64, 7, 2, padding=3, bias=False)

        def heads(self, x: Any) -> tuple[Any, ...]:
            found = self.net(x)
            return found["out"], found["aux"]

        def forward(self, x: Any) -> Any:
            return self.heads(x)[0].sigmoid()

        def encoder(self) -> tuple[Any, str]:
            return self.net.backbone, "conv1"

    return DeepLab


def _take_over(network: Any, pretrained: str, bands: Sequence[str]) -> None:
    """Give the encoder of a network weights of photographs.

    Raises:
        InputError: where they cannot be had, or are of another network.
    """
    torch = load_library("torch")
    encoder, first = network.encoder()
    content = _photographs(network, pretrained)
    kept = {name.removeprefix("backbone."): value for name, value in content.items()}
    wanted = {n for n in encoder.state_dict() if not n.endswith("num_batches_tracked")}
    try:
        kernels = torch.as_tensor(kept[f"{first}.weight"])
        if kernels.shape[1] == 3:
            kept[f"{first}.weight"] = spread_colours(kernels, bands)
        encoder.load_state_dict({name: kept[name] for name in wanted}, strict=False)
    except (KeyError, RuntimeError, IndexError, TypeError) as error:
        reason = str(error).splitlines()[-1].strip().strip("'")
        raise InputError(
            f"{pretrained} holds no weights for this network ({reason}).", _WAY_OUT
        ) from error


def _photographs(network: Any, pretrained: str) -> Mapping[str, Any]:
    if pretrained != "imagenet":
        return read_checkpoint(Path(pretrained).expanduser(), "pretrained weights", _WAY_OUT)
    models = load_library("torchvision").models
    kinds: dict[str, Any] = {"Unet": models.ResNet18_Weights, "DeepLab": models.ResNet50_Weights}
    try:
        found: Mapping[str, Any] = kinds[type(network).__name__].DEFAULT.get_state_dict()
    except (OSError, RuntimeError) as error:
        raise InputError(
            "The weights of ImageNet could not be fetched from the hub.", _WAY_OUT
        ) from error
    return found


def _of_study(build: Callable[[], Any], bands: Sequence[str]) -> Any:
    if set(bands) != set(BANDS):
        raise BandError(
            f"The networks of the study look at {', '.join(BANDS)}; here are {', '.join(bands)}.",
            "Take unet or deeplab, or a classifier such as forest, for other bands.",
        )
    return build()


_SURFACES: Final = ("water", "ice", "cloud")
ARCHITECTURES: Final[dict[str, Architecture]] = {
    "m201": Architecture(("ice",), functools.partial(_of_study, M201)),
    "m211": Architecture(("ice",), functools.partial(_of_study, M211)),
    "unet": Architecture(
        _SURFACES, lambda bands: _unet_class()(len(bands), len(_SURFACES)), pretrainable=True
    ),
    "deeplab": Architecture(
        _SURFACES, lambda bands: _deeplab_class()(len(bands), len(_SURFACES)), pretrainable=True
    ),
}
"""Networks by the name that a user writes. The study's have one output."""
