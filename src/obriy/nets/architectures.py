"""The networks that segment ice.

``m201`` and ``m211`` are those of `obriy.nets.ssegm`. ``unet`` is a U-Net (Ronneberger et al. 2015,
doi:10.1007/978-3-319-24574-4_28) with a ResNet-18 as encoder, of segmentation-models-pytorch;
``deeplab`` is DeepLabV3 (Chen et al. 2017, arXiv:1706.05587) with a ResNet-50 and its auxiliary
head, of torchvision. ``segformer`` is SegFormer (Xie et al. 2021, arXiv:2105.15203) with its
smallest encoder, MiT-B0, of segmentation-models-pytorch. It learns with and without MODIS bands 5
and 6, which some images lack and whose detectors fail first.
"""

import functools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from obriy.errors import InputError
from obriy.model.ice import BANDS
from obriy.nets import ssegm
from obriy.nets.encoder import load_photographs
from obriy.nets.networks import Network
from obriy.nets.plain import PlainSSegm
from obriy.nets.torch_library import load_library, read_tensors

ENCODER: Final = "resnet18"
TRANSFORMER: Final = "mit_b0"
_STRIDE: Final = 32
"""Rows and columns that an encoder can halve five times are multiples of this."""
_WAY_OUT: Final = (
    "Give weights of torchvision: deeplabv3_resnet50 or resnet50 for deeplab, resnet18 for unet."
)
_SURFACES: Final = ("water", "ice", "cloud")


@functools.cache
def _padded_class() -> Any:
    torch = load_library("torch")

    class Padded(torch.nn.Module):  # type: ignore[name-defined,misc]
        """A network on inputs of any size: what it cannot halve is padded with the mean."""

        def __init__(self, net: Any) -> None:
            super().__init__()
            self.net = net

        def heads(self, x: Any) -> tuple[Any, ...]:
            rows, columns = x.shape[2:]
            below, right = (math.ceil(n / _STRIDE) * _STRIDE - n for n in (rows, columns))
            padded = torch.nn.functional.pad(x, (0, right, 0, below))
            return (self.net(padded)[:, :, :rows, :columns],)

        def forward(self, x: Any) -> Any:
            return self.heads(x)[0].sigmoid()

        def encoder(self) -> Any:
            return self.net.encoder

    return Padded


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

        def encoder(self) -> Any:
            return self.net.backbone

    return DeepLab


def take_over(module: Any, kind: Network, pretrained: str, bands: Sequence[str]) -> None:
    """Give the encoder of a network weights of photographs.

    The first layer is adapted: kernels of red, green and blue stay, any other band gets the mean of
    the three.

    Args:
        module: Of ``kind.fresh``.
        kind: What it is.
        pretrained: A file of torchvision's, or ``"imagenet"`` (fetched from the hub).
        bands: Common names, in the order of the planes of an input.

    Raises:
        InputError: where they cannot be had, are of another network, or it starts from none.
    """
    if not kind.pretrained:
        raise InputError(
            "This network starts from random weights; there are none of photographs for it.",
            "Leave --pretrained out, or take deeplab or unet.",
        )
    load_photographs(module.encoder(), _photographs(kind, pretrained), bands, _WAY_OUT)


def _photographs(kind: Network, pretrained: str) -> Mapping[str, Any]:
    if pretrained != "imagenet":
        return read_tensors(Path(pretrained).expanduser(), "pretrained weights", _WAY_OUT)
    models = load_library("torchvision").models
    try:
        found: Mapping[str, Any] = getattr(models, kind.pretrained).DEFAULT.get_state_dict()
    except (OSError, RuntimeError) as error:
        raise InputError(
            "The weights of ImageNet could not be fetched from the hub.", _WAY_OUT
        ) from error
    return found


def build_unet(planes: int, outputs: int) -> Any:
    """Return a U-Net with random weights."""
    return _padded("Unet", ENCODER, planes, outputs)


def build_segformer(planes: int, outputs: int) -> Any:
    """Return a SegFormer with random weights."""
    return _padded("Segformer", TRANSFORMER, planes, outputs)


def _padded(name: str, encoder: str, planes: int, outputs: int) -> Any:
    kind = getattr(load_library("segmentation_models_pytorch"), name)
    return _padded_class()(kind(encoder, encoder_weights=None, in_channels=planes, classes=outputs))


def build_deeplab(planes: int, outputs: int) -> Any:
    """Return a DeepLabV3 with random weights."""
    return _deeplab_class()(planes, outputs)


M201: Final = Network(
    lambda planes, outputs: ssegm.M201(),
    ("ice",),
    BANDS,
    plain=functools.partial(PlainSSegm, ssegm.M201_WIDTHS),
)
M211: Final = Network(
    lambda planes, outputs: ssegm.M211(),
    ("ice",),
    BANDS,
    plain=functools.partial(PlainSSegm, ssegm.M211_WIDTHS),
)
SEGFORMER: Final = Network(build_segformer, _SURFACES, spare=("swir12", "swir16"))
UNET: Final = Network(build_unet, _SURFACES, pretrained="ResNet18_Weights")
DEEPLAB: Final = Network(build_deeplab, _SURFACES, pretrained="ResNet50_Weights")
