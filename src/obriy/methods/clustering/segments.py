"""Segments of a tile: SLIC super-pixels, watersheds, and the masks of Segment Anything."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obriy.blocks.base import FloatArray
from obriy.methods.clustering.patch import SegmentArray

Seen = npt.NDArray[np.bool_]
Bands = Mapping[str, FloatArray]

SEGMENT_PIXELS: Final = 40
"""Pixels of a segment on average."""
COMPACTNESS: Final = 0.05
"""Weight of nearness against likeness in SLIC, in units of reflectance."""
SHOWN_REFLECTANCE: Final = 0.3
"""Reflectance that is white in a picture."""


def slic_segments(bands: Bands, seen: Seen) -> SegmentArray:
    """Draw super-pixels (SLIC, Achanta et al. 2012, doi:10.1109/TPAMI.2012.120).

    Args:
        bands: (rows, columns) float32 reflectance of a tile by name.
        seen: (rows, columns) bool: where every band is known.

    Returns:
        (rows, columns) int32, 1 to n on the seen pixels, 0 elsewhere.
    """
    from skimage.segmentation import slic

    if seen.sum() < 2 * SEGMENT_PIXELS:
        return _one(seen)
    image = _image(bands, seen)
    segments = slic(
        image,
        n_segments=max(1, int(seen.sum()) // SEGMENT_PIXELS),
        compactness=COMPACTNESS,
        mask=None if seen.all() else seen,
        start_label=1,
        channel_axis=-1,
        convert2lab=False,
        enforce_connectivity=True,
    )
    return numbered(np.asarray(segments), seen)


def watershed_segments(bands: Bands, seen: Seen) -> SegmentArray:
    """Draw watersheds of the gradient (Meyer and Beucher 1990, doi:10.1016/1047-3203(90)90014-M).

    Args:
        bands: (rows, columns) float32 reflectance of a tile by name.
        seen: (rows, columns) bool: where every band is known.

    Returns:
        (rows, columns) int32, 1 to n on the seen pixels, 0 elsewhere.
    """
    from skimage.filters import sobel
    from skimage.segmentation import watershed

    if seen.sum() < 2 * SEGMENT_PIXELS:
        return _one(seen)
    image = _image(bands, seen)
    steps = [sobel(image[..., i], mask=seen) for i in range(image.shape[-1])]
    gradient = np.sqrt(np.sum(np.square(steps), axis=0))
    segments = watershed(gradient, max(1, seen.size // SEGMENT_PIXELS), mask=seen)
    return numbered(np.asarray(segments), seen)


def picture(bands: Bands, seen: Seen) -> npt.NDArray[np.uint8]:
    """Return (rows, columns, 3) uint8 true colour, or the last three bands; unseen is black."""
    names = [n for n in ("red", "green", "blue") if n in bands]
    names = names if len(names) == 3 else (list(bands)[::-1] * 3)[:3]
    planes = np.stack([bands[name] for name in names], axis=-1)
    shown = np.clip(np.where(seen[..., None], planes, 0) / SHOWN_REFLECTANCE, 0, 1)
    return np.rint(shown * 255).astype(np.uint8)


def numbered(segments: npt.NDArray[Any], seen: Seen) -> SegmentArray:
    """Return segments numbered 1 to n without gaps on the seen pixels, 0 elsewhere."""
    found = np.zeros(seen.shape, np.int32)
    _, place = np.unique(segments[seen], return_inverse=True)
    found[seen] = place + 1
    return found


def _one(seen: Seen) -> SegmentArray:
    return seen.astype(np.int32)


def _image(bands: Bands, seen: Seen) -> npt.NDArray[np.float64]:
    """Return (rows, columns, bands) float64; what is not seen is 0 and masked by the caller."""
    stack = np.stack([bands[name] for name in bands], axis=-1).astype(np.float64)
    return np.where(seen[..., None], stack, 0.0)
