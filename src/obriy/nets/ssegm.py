"""SSegm: the small networks of the sea-ice study that job ``ice`` follows (document B).

M21.1 is built layer by layer after the study's figure and has its 301 132 parameters and every
size that the figure prints. Two things the figure leaves open, and are our choice: the side paths
are added as logits (the figure says ``x12 + Y12``), before one sigmoid; and the side of the third
layer ends in the same last layer as the main path (its weights are shared: another one would
exceed the count).

M20.1 has a count, 115 980, and no figure. It is taken to be a narrower member of the family: no
width above that of M21.1, the last two the same (8 and 4), all others multiples of 8. One choice,
`M201_WIDTHS`, meets the count. It is ours, and not the study's.

What the figure says stands once, in `layers` and `flow`: torch trains by it, and numpy maps by it
where torch is not installed (`obriy.nets.plain`).
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, Final

from obriy.errors import InputError
from obriy.nets.torch_library import load_library

BANDS: Final = 7
SIZE: Final = (285, 430)
"""Rows and columns of every input: those of the study's grid."""


@dataclasses.dataclass(frozen=True)
class Widths:
    """Channels of a member of the family.

    Attributes:
        first: After layer 1, that go on.
        first_side: After layer 1, to the side.
        second: After layer 2.
        third: After layer 3, that go on.
        third_side: After layer 3, to the side.
        deep: After layers 4 to 7.
        eighth: After layer 8.
        ninth: After layer 9.
        tenth: After layer 10.
        eleventh: After layer 11 and its side.
    """

    first: int
    first_side: int
    second: int
    third: int
    third_side: int
    deep: int
    eighth: int
    ninth: int
    tenth: int
    eleventh: int


M211_WIDTHS: Final = Widths(48, 16, 48, 32, 16, 64, 32, 16, 8, 4)
M201_WIDTHS: Final = Widths(16, 8, 24, 16, 8, 40, 24, 16, 8, 4)


@dataclasses.dataclass(frozen=True)
class Layer:
    """One layer: convolution, normalisation, pool, GELU, in the order of the figure.

    Attributes:
        before: Channels that it is given.
        after: Channels that it gives.
        side: Rows and columns of its kernel.
        up: Whether it is a transposed convolution.
        stride: Of a transposed convolution.
        pool: Whether every second row and column is kept, the largest of each four.
        plain: Whether it is a convolution and nothing else.
    """

    before: int
    after: int
    side: tuple[int, int] = (3, 3)
    up: bool = False
    stride: int = 1
    pool: bool = False
    plain: bool = False


def layers(w: Widths) -> dict[str, Layer]:
    """Return the layers of a member of the family by name."""
    five = (5, 5)
    return {
        "l1": Layer(BANDS, w.first + w.first_side),
        "l2": Layer(w.first, w.second, pool=True),
        "l3": Layer(w.second, w.third + w.third_side, pool=True),
        "l4": Layer(w.third, w.deep, pool=True),
        "l5": Layer(w.deep, w.deep, pool=True),
        "l6": Layer(w.deep, w.deep),
        "l7": Layer(w.deep, w.deep, five, up=True, stride=2),
        "l8": Layer(w.deep, w.eighth, five, up=True),
        "l9": Layer(w.eighth, w.ninth, up=True, stride=2),
        "l10": Layer(w.ninth, w.tenth, up=True),
        "l11": Layer(w.tenth, w.eleventh, five, up=True, stride=2),
        "l12": Layer(w.eleventh, 1, (5, 6), up=True, stride=2, plain=True),
        "l2y": Layer(w.first_side, 1, up=True),
        "l11y": Layer(w.third_side, w.eleventh, five, up=True, stride=2),
    }


def flow(w: Widths, layer: Callable[[str, Any], Any], x: Any) -> Any:
    """Return the logits of an input: how the layers follow each other.

    Args:
        w: The member of the family.
        layer: Puts something through the layer of a name.
        x: (..., bands, rows, columns), of torch or of numpy.

    Raises:
        InputError: where it is not of the size of the study's grid.
    """
    if tuple(x.shape[-3:]) != (BANDS, *SIZE):
        raise InputError(
            f"SSegm looks at {BANDS} bands of {SIZE[0]} x {SIZE[1]} pixels, not at "
            f"{tuple(x.shape[-3:])}.",
            "Cut or pad the scene to one window.",
        )
    first = layer("l1", x)
    on, side = first[..., : w.first, :, :], first[..., w.first :, :, :]
    third = layer("l3", layer("l2", on))
    deep, deep_side = third[..., : w.third, :, :], third[..., w.third :, :, :]
    for name in ("l4", "l5", "l6", "l7", "l8", "l9", "l10", "l11", "l12"):
        deep = layer(name, deep)
    return deep + layer("l12", layer("l11y", deep_side)) + layer("l2y", side)


def M211() -> Any:  # noqa: N802 - the study's name
    """Return M21.1, a ``torch.nn.Module`` of 301 132 parameters.

    It maps (N, 7, 285, 430) to probabilities of ice (N, 1, 285, 430); ``logits(x)`` is what stands
    before the sigmoid. Other sizes raise an InputError.

    Raises:
        MissingExtraError: where the extra ``deep`` is not installed.
    """
    return _network_class()(M211_WIDTHS)


def M201() -> Any:  # noqa: N802
    """Return M20.1, a ``torch.nn.Module`` of 115 980 parameters; see `M211`."""
    return _network_class()(M201_WIDTHS)


@functools.cache
def _network_class() -> Any:
    """Return the class of the networks; it can only be made where torch is."""
    nn = load_library("torch").nn

    def module(layer: Layer) -> Any:
        if not layer.up:
            mapping = nn.Conv2d(layer.before, layer.after, layer.side)
        else:
            mapping = nn.ConvTranspose2d(layer.before, layer.after, layer.side, stride=layer.stride)
        if layer.plain:
            return mapping
        pools = [nn.MaxPool2d(2)] if layer.pool else []
        return nn.Sequential(mapping, nn.BatchNorm2d(layer.after), *pools, nn.GELU())

    class SSegm(nn.Module):  # type: ignore[name-defined,misc]
        """Encoder and decoder without padding, with two side paths."""

        def __init__(self, w: Widths) -> None:
            super().__init__()
            self.widths = w
            for name, layer in layers(w).items():
                self.add_module(name, module(layer))

        def logits(self, x: Any) -> Any:
            return flow(self.widths, lambda name, inner: getattr(self, name)(inner), x)

        def heads(self, x: Any) -> tuple[Any, ...]:
            return (self.logits(x),)

        def forward(self, x: Any) -> Any:
            return self.logits(x).sigmoid()

    return SSegm
