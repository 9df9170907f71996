"""s2cloudless as a second opinion on clouds, for Sentinel-2 L1C, where a user asks for it."""

import dataclasses
from typing import Any, Final

import numpy as np
import xarray as xr

from obriy.blocks.base import Block
from obriy.errors import MissingExtraError
from obriy.installation import install_hint
from obriy.model.bands import require_bands
from obriy.model.flags import Flag
from obriy.model.scene import band_names

BANDS: Final = ("coastal", "blue", "red", "rededge071", "nir", "nir08", "nir09", "cirrus", "swir16",
                "swir22")  # fmt: skip
"""B01, B02, B04, B05, B08, B8A, B09, B10, B11, B12: the order that the model was trained on."""
THRESHOLD: Final = 0.4
AVERAGE_M: Final = 220.0
DILATE_M: Final = 110.0
"""The authors' settings for pixels of 10 m: average over 22 of them, dilate by 11."""


class S2Cloudless:
    """Adds cloud flags to blocks of a top-of-atmosphere scene.

    Args:
        scene: A Scene with the ten bands of the model.
        resolution: Pixel size, metres.

    Raises:
        MissingExtraError: where s2cloudless is not installed.
        BandError: where the scene lacks a band; only L1C has ``cirrus``.
    """

    def __init__(self, scene: xr.Dataset, resolution: float) -> None:
        have = set(band_names(scene))
        require_bands(have, set(BANDS), "s2cloudless", "It works on Sentinel-2 L1C only.")
        self.average = max(1, round(AVERAGE_M / resolution))
        self.dilation = max(1, round(DILATE_M / resolution))
        self.bands = set(BANDS)
        self.halo = self.average + self.dilation
        self._detector = _load(self.average, self.dilation)

    def __call__(self, block: Block) -> Block:
        """Return the block with the cloud bit set where the model sees cloud."""
        stack = np.stack([block.bands[name] for name in BANDS], axis=-1)
        known = np.isfinite(stack).all(axis=-1)
        probability = np.zeros(known.shape, np.float32)
        if known.any():
            pixels = stack[known][None, :, None, :]
            found = self._detector.get_cloud_probability_maps(pixels)
            probability[known] = found[0, :, 0]
        mask = self._detector.get_mask_from_prob(probability[None])[0].astype(bool)
        flags = np.zeros(known.shape, np.uint16) if block.flags is None else block.flags.copy()
        flags[mask] |= np.uint16(Flag.CLOUD)
        return dataclasses.replace(block, flags=flags)


def _load(average: int, dilation: int) -> Any:
    try:
        from s2cloudless import S2PixelCloudDetector
    except ImportError as error:
        raise MissingExtraError(
            "s2cloudless is not installed.", f"Run: {install_hint('clouds')}"
        ) from error
    return S2PixelCloudDetector(threshold=THRESHOLD, average_over=average, dilation_size=dilation)
