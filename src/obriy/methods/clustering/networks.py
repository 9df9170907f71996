"""Networks as segmenters and extractors (extra ``deep``); loaded when they are first used."""

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from obriy.blocks.base import FloatArray
from obriy.methods.clustering.patch import SegmentArray
from obriy.methods.clustering.segments import numbered, slic_segments

if TYPE_CHECKING:
    from obriy.nets.encoder import FeatureExtractor

Bands = Mapping[str, FloatArray]

WHITE: Final = 0.3
"""Reflectance that is white in a picture: the same in every tile."""


class SamSegments:
    """Segments by Segment Anything (Kirillov et al. 2023, doi:10.1109/ICCV51070.2023.00371).

    What no mask covers is cut into super-pixels.

    Args:
        weights: Folder or name of the weights; None: the default ones.

    Raises:
        MissingExtraError: where torch or transformers is not installed.
    """

    def __init__(self, weights: str | None) -> None:
        from obriy.nets.sam import load_sam

        self._model = load_sam(weights)

    def __call__(self, bands: Bands, seen: npt.NDArray[np.bool_]) -> SegmentArray:
        """Return (rows, columns) int32, 1 to n on the seen pixels, 0 elsewhere."""
        if not seen.any():
            return np.zeros(seen.shape, np.int32)
        masks = np.where(seen, self._model(picture(bands, seen)), 0)
        rest = slic_segments(bands, seen & (masks == 0))
        return numbered(np.where(masks > 0, masks, rest + masks.max()), seen)


class UnetFeatures:
    """Features of the first stage of a U-Net's encoder.

    Args:
        weights: File of the weights; None: those of photographs, from the hub.
    """

    def __init__(self, weights: str | None) -> None:
        from obriy.nets.encoder import HALO

        self.halo: int = HALO
        self._weights = weights
        self._model: FeatureExtractor | None = None
        self._lock = threading.Lock()

    def features(self, bands: Bands) -> FloatArray:
        """Return (channels, rows, columns) float32; the bands first given are those it expects.

        Raises:
            MissingExtraError: where torch is not installed.
        """
        with self._lock:
            if self._model is None:
                from obriy.nets.encoder import load_encoder

                self._model = load_encoder(self._weights, tuple(bands))
        return self._model.features(bands)


def picture(bands: Bands, seen: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Return (rows, columns, 3) uint8 true colour, else the three longest waves; unseen is black.

    Args:
        bands: (rows, columns) float32 reflectance by name, by wavelength.
        seen: (rows, columns) bool.
    """
    names = [name for name in ("red", "green", "blue") if name in bands]
    if len(names) < 3:
        names = (list(bands)[::-1] * 3)[:3]
    planes = np.stack([np.where(seen, bands[name], 0) for name in names], axis=-1)
    return np.rint(np.clip(planes / WHITE, 0, 1) * 255).astype(np.uint8)
