"""Windows of ice scenes, varied as light, sensor and clouds vary them.

A network that sees few winters of one bay shall not learn their coast, their sun or their clouds
by heart. Windows are flipped; all bands are made brighter or darker by one factor, as the sun's
height and the air do; noise of the sensor is added; and clouds of one scene are laid over another.
Bands are never changed against each other: their ratios tell ice from cloud.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obriy.model.ice import CLOUD, LAND
from obriy.nets.networks import CLIP
from obriy.nets.torch_library import load_library

IntArray = npt.NDArray[np.integer[Any]]

GAIN: Final = 0.05
"""Standard deviation of the factor of light: what division by the sun's zenith leaves of its
height at the horizon, and haze."""
MOST_GAIN: Final = 0.15
NOISE: Final = 0.002
"""Standard deviation of the noise, reflectance: twice what the specified signal-to-noise ratios of
MODIS bands 3 to 7 (74 to 275 at typical radiance) come to over the sea."""
PASTED: Final = 0.3
"""Share of the windows over which clouds of another are laid."""


def varied(inputs: Any, labels: Any, random: np.random.Generator) -> tuple[Any, Any]:
    """Return a batch varied at random, on its own device.

    Args:
        inputs: (n, bands, rows, columns) float32 tensor, reflectance, NaN missing.
        labels: (n, rows, columns) uint8 tensor, codes of the legend ``ice``.
        random: Draws all there is to draw.
    """
    torch = load_library("torch")
    count = len(labels)
    turns = random.integers(4, size=count)
    inputs, labels = (
        torch.stack([_flipped(part, int(turn)) for part, turn in zip(whole, turns, strict=True)])
        for whole in (inputs, labels)
    )
    gains = 1 + np.clip(random.normal(0, GAIN, count), -MOST_GAIN, MOST_GAIN)
    inputs = (
        inputs * torch.tensor(gains, dtype=torch.float32, device=inputs.device)[:, None, None, None]
    )
    donors = (np.arange(count) + random.integers(1, max(2, count), size=count)) % count
    chosen = np.flatnonzero((random.uniform(size=count) < PASTED) & (donors != np.arange(count)))
    inputs, labels = _pasted(torch, inputs, labels, chosen, donors[chosen])
    generator = torch.Generator(inputs.device).manual_seed(int(random.integers(2**31)))
    noise = torch.randn(inputs.shape, generator=generator, device=inputs.device)
    return inputs + NOISE * noise, labels


def scaled_batch(inputs: Any, middle: Sequence[float], spread: Sequence[float]) -> Any:
    """Return a batch scaled and clipped, missing as 0, as `obriy.nets.networks.scaled` does.

    Args:
        inputs: (n, bands, rows, columns) float32 tensor.
        middle: Of each band.
        spread: Of each band.
    """
    torch = load_library("torch")
    centre, width = (
        torch.tensor(values, dtype=torch.float32, device=inputs.device)[:, None, None]
        for values in (middle, spread)
    )
    return ((inputs - centre) / width).clamp(-CLIP, CLIP).nan_to_num(nan=0.0)


def _flipped(part: Any, turn: int) -> Any:
    axes = [axis for bit, axis in ((1, -1), (2, -2)) if turn & bit]
    return part.flip(axes) if axes else part


def _pasted(
    torch: Any, inputs: Any, labels: Any, chosen: IntArray, donors: IntArray
) -> tuple[Any, Any]:
    """Lay clouds of the donors over the chosen windows; land beneath stays land, unseen."""
    pasted, named = inputs.clone(), labels.clone()
    for window, donor in zip(chosen, donors, strict=True):
        cloud = labels[donor] == CLOUD
        pasted[window] = torch.where(cloud, inputs[donor], inputs[window])
        over_sea = cloud & (labels[window] != LAND)
        named[window] = torch.where(over_sea, CLOUD, labels[window])
    return pasted, named
