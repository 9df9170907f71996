"""Numbers of a layer as the colours that its table gives them, for tiles of a map that moves."""

from typing import Any

import numpy as np
import numpy.typing as npt

from obriy.model.layers import Layer
from obriy.model.legend import UNNAMED
from obriy.render.palette import UNNAMED_COLOUR, rgb

RGBA = npt.NDArray[np.uint8]


def painted(layer: Layer, values: npt.NDArray[Any], known: npt.NDArray[np.bool_]) -> RGBA:
    """Return numbers as colours.

    Args:
        layer: What the numbers are.
        values: (rows, columns), as they stand in the file.
        known: Likewise; False where there is no number.

    Returns:
        (4, rows, columns) uint8; transparent where nothing is known, where the number has no
        colour, and at the 0 of a layer that leaves it out.
    """
    if layer.is_quantity:
        return _ramp(layer, values, known)
    table = np.zeros((256, 4), np.uint8)
    for code, colour in _colours(layer).items():
        table[code] = (*rgb(colour), 255)
    found = table[np.where(known, values, 0).astype(np.uint8)]
    found[..., 3] = np.where(known, found[..., 3], 0)
    return np.moveaxis(found, -1, 0)


def _ramp(layer: Layer, values: npt.NDArray[Any], known: npt.NDArray[np.bool_]) -> RGBA:
    shown = known & np.isfinite(values)
    if layer.missing is not None:
        shown &= values != layer.missing
    if layer.zero:
        shown &= values != 0
    amounts = np.where(shown, values, 0) * layer.scale
    at = [value for value, _ in layer.ramp]
    channels = zip(*(rgb(colour) for _, colour in layer.ramp), strict=True)
    painted_ = [np.interp(amounts, at, channel) for channel in channels]
    return np.stack([*painted_, np.where(shown, 255, 0)]).round().astype(np.uint8)


def _colours(layer: Layer) -> dict[int, str]:
    if layer.legend is not None:
        rest = {UNNAMED: UNNAMED_COLOUR} if layer.unnamed else {}
        return {c.code: c.colour for c in layer.legend} | rest
    return {int(code): colour for code, colour in layer.codes.items()}
