"""SSegm: the small networks of the sea-ice study that job ``ice`` follows (document B).

M21.1 is built layer by layer after the study's figure and has its 301 132 parameters and every
size that the figure prints. Two things the figure leaves open, and are our choice: the side paths
are added as logits (the figure says ``x12 + Y12``), before one sigmoid; and the side of the third
layer ends in the same last layer as the main path (its weights are shared: another one would
exceed the count).

M20.1 has a count, 115 980, and no figure. It is taken to be a narrower member of the family: no
width above that of M21.1, the last two the same (8 and 4), all others multiples of 8. One choice,
`_M201`, meets the count. It is ours, and not the study's.
"""

import dataclasses
import functools
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


_M211: Final = Widths(48, 16, 48, 32, 16, 64, 32, 16, 8, 4)
_M201: Final = Widths(16, 8, 24, 16, 8, 40, 24, 16, 8, 4)


def M211() -> Any:  # noqa: N802 - the study's name
    """Return M21.1, a ``torch.nn.Module`` of 301 132 parameters.

    It maps (N, 7, 285, 430) to probabilities of ice (N, 1, 285, 430); ``logits(x)`` is what stands
    before the sigmoid. Other sizes raise an InputError.

    Raises:
        MissingExtraError: where the extra ``deep`` is not installed.
    """
    return _network_class()(_M211)


def M201() -> Any:  # noqa: N802
    """Return M20.1, a ``torch.nn.Module`` of 115 980 parameters; see `M211`."""
    return _network_class()(_M201)


@functools.cache
def _network_class() -> Any:
    """Return the class of the networks; it can only be made where torch is."""
    nn = load_library("torch").nn

    def layer(mapping: Any, channels: int, *, pool: bool = False) -> Any:
        """Convolution, normalisation, pool, GELU: in the order of the figure."""
        pools = [nn.MaxPool2d(2)] if pool else []
        return nn.Sequential(mapping, nn.BatchNorm2d(channels), *pools, nn.GELU())

    def down(before: int, after: int, *, pool: bool = True) -> Any:
        return layer(nn.Conv2d(before, after, 3), after, pool=pool)

    def up(before: int, after: int, side: int, stride: int = 1) -> Any:
        return layer(nn.ConvTranspose2d(before, after, side, stride=stride), after)

    class SSegm(nn.Module):  # type: ignore[name-defined,misc]
        """Encoder and decoder without padding, with two side paths."""

        def __init__(self, w: Widths) -> None:
            super().__init__()
            self.widths = w
            self.l1 = down(BANDS, w.first + w.first_side, pool=False)
            self.l2 = down(w.first, w.second)
            self.l3 = down(w.second, w.third + w.third_side)
            self.l4 = down(w.third, w.deep)
            self.l5 = down(w.deep, w.deep)
            self.l6 = down(w.deep, w.deep, pool=False)
            self.l7 = up(w.deep, w.deep, 5, stride=2)
            self.l8 = up(w.deep, w.eighth, 5)
            self.l9 = up(w.eighth, w.ninth, 3, stride=2)
            self.l10 = up(w.ninth, w.tenth, 3)
            self.l11 = up(w.tenth, w.eleventh, 5, stride=2)
            self.l12 = nn.ConvTranspose2d(w.eleventh, 1, (5, 6), stride=2)
            self.l2y = up(w.first_side, 1, 3)
            self.l11y = up(w.third_side, w.eleventh, 5, stride=2)

        def logits(self, x: Any) -> Any:
            if tuple(x.shape[1:]) != (BANDS, *SIZE):
                raise InputError(
                    f"SSegm looks at {BANDS} bands of {SIZE[0]} x {SIZE[1]} pixels, not at "
                    f"{tuple(x.shape[1:])}.",
                    "Cut or pad the scene to one window.",
                )
            w = self.widths
            on, side = self.l1(x).split((w.first, w.first_side), 1)
            deep, deep_side = self.l3(self.l2(on)).split((w.third, w.third_side), 1)
            deep = self.l6(self.l5(self.l4(deep)))
            deep = self.l11(self.l10(self.l9(self.l8(self.l7(deep)))))
            return self.l12(deep) + self.l12(self.l11y(deep_side)) + self.l2y(side)

        def heads(self, x: Any) -> tuple[Any, ...]:
            return (self.logits(x),)

        def forward(self, x: Any) -> Any:
            return self.logits(x).sigmoid()

    return SSegm
