"""The student: a small U-Net that maps land cover from a scene.

The network is the U-Net (Ronneberger et al. 2015, doi:10.1007/978-3-319-24574-4_28) of
segmentation-models-pytorch with the first three stages of a ResNet-18. Its finest skip has half
the resolution of the image, so a second, tiny branch looks at each pixel alone, and both votes are
added: fields one pixel wide keep their shape.
"""

import functools
from typing import Any, Final

from obriy.indices.features import feature_stack
from obriy.nets.networks import FloatArray, Network, Planes
from obriy.nets.torch_library import load_library

STUDENT: Final = "student"
"""Its name as a method."""
ENCODER: Final = "resnet18"
DEPTH: Final = 3
STRIDE: Final = 2**DEPTH
"""Rows and columns of an input are a multiple of this."""
DECODER: Final = (64, 32, 16)
PIXEL_BRANCH: Final = 32
GROUPS: Final = ("bands", "indices")
"""Of the features that a student sees; a file holds weights for these, whatever else changes."""


def student_features(bands: Planes) -> FloatArray:
    """Return what a student sees of a block, see `feature_stack`."""
    return feature_stack(bands, GROUPS)


@functools.cache
def _network_class() -> Any:
    """Return the class of the network; it can only be made where torch is."""
    torch, library = load_library("torch"), load_library("segmentation_models_pytorch")

    class Student(torch.nn.Module):  # type: ignore[name-defined]
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

        def heads(self, x: Any) -> tuple[Any, ...]:
            return (self.unet(x) + self.pixel(x),)

        def forward(self, x: Any) -> Any:
            return self.heads(x)[0].softmax(1)

    return Student


def build_student(features: int, classes: int) -> Any:
    """Return a student with random weights."""
    return _network_class()(features, classes)


UNET: Final = Network(build_student, look=student_features)
"""The student as a kind of network."""
