"""Segments of a tile: SLIC super-pixels and watersheds."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from obriy.blocks.base import FloatArray
from obriy.methods.clustering.patch import SegmentArray

Seen = npt.NDArray[np.bool_]
Bands = Mapping[str, FloatArray]

SEGMENT_PIXELS: Final = 12
"""Pixels of a super-pixel on average. Larger ones mix classes: with the best name for each of 12
clusters the accuracy on 41 of the choose chips of HLS was 0.798 for pixels, 0.794 for super-pixels
of 9, 0.789 of 20 and 0.780 of 40 (before the axes of features were whitened)."""
COMPACTNESS: Final = 0.02
"""Weight of nearness against likeness in SLIC, in units of reflectance (root mean square over the
bands). Half of it and twice as much are no better: 0.796 and 0.797 against 0.798."""
LEAST_SPAN: Final = 1e-6
"""Reflectance; keeps a constant image from a division by zero."""
ROUNDS: Final = 10
"""Of moving the centres of super-pixels."""
BORDER_ROUNDS: Final = 2
"""Of giving pixels at a border to the segment that they are like: the ridge of a gradient is as
wide as two pixels, and flooding may take it from either side."""


def slic_segments(bands: Bands, seen: Seen) -> SegmentArray:
    """Draw super-pixels (SLIC, Achanta et al. 2012, doi:10.1109/TPAMI.2012.120).

    Args:
        bands: (rows, columns) float32 reflectance of a tile by name.
        seen: (rows, columns) bool: where every band is known.

    Returns:
        (rows, columns) int32, 1 to n on the seen pixels, 0 elsewhere.
    """
    from skimage.measure import label
    from skimage.segmentation import slic

    if not seen.any():
        return np.zeros(seen.shape, np.int32)
    image = _filled(_image(bands, seen), seen) / np.sqrt(len(bands))
    # slic stretches the image to the range 0 to 1, whatever is in it: take that back.
    span = max(float(np.ptp(image)), LEAST_SPAN)
    segments = slic(
        image,
        n_segments=max(1, seen.size // SEGMENT_PIXELS),
        compactness=COMPACTNESS / span,
        max_num_iter=ROUNDS,
        start_label=1,
        channel_axis=-1,
        convert2lab=False,
    )
    # What lies on both sides of a gap is two segments.
    return numbered(label(np.where(seen, segments, 0), connectivity=1), seen)


def watershed_segments(bands: Bands, seen: Seen) -> SegmentArray:
    """Draw watersheds of the gradient (Meyer and Beucher 1990, doi:10.1016/1047-3203(90)90014-M).

    One from each place where the gradient is lowest among its neighbours.

    Args:
        bands: (rows, columns) float32 reflectance of a tile by name.
        seen: (rows, columns) bool: where every band is known.

    Returns:
        (rows, columns) int32, 1 to n on the seen pixels, 0 elsewhere.
    """
    from skimage.measure import label
    from skimage.segmentation import watershed

    image = np.sqrt(np.maximum(_image(bands, seen), 0))
    gradient = edge_strength(bands, seen)
    flat = (gradient == ndimage.minimum_filter(gradient, size=3)) & seen
    markers, _ = ndimage.label(flat, structure=np.ones((3, 3)))
    segments = np.asarray(watershed(gradient, markers, mask=seen))
    for _ in range(BORDER_ROUNDS):
        segments = _borders_by_likeness(segments, image)
    return numbered(label(segments, connectivity=1), seen)


def edge_strength(bands: Bands, seen: Seen) -> npt.NDArray[np.float64]:
    """Return the gradient of a tile over all bands, of the root of reflectance.

    The root lets edges in dark water count beside those of snow. What is not seen is infinite.

    Args:
        bands: (rows, columns) float32 reflectance by name.
        seen: (rows, columns) bool: where every band is known.

    Returns:
        (rows, columns) float64.
    """
    from skimage.filters import sobel

    image = np.sqrt(np.maximum(_image(bands, seen), 0))
    steps = [sobel(plane, mask=seen) for plane in np.moveaxis(image, -1, 0)]
    gradient: npt.NDArray[np.float64] = np.sqrt(np.sum(np.square(steps), axis=0))
    gradient[~seen] = np.inf
    return gradient


def numbered(segments: npt.NDArray[Any], seen: Seen) -> SegmentArray:
    """Return segments numbered 1 to n without gaps on the seen pixels, 0 elsewhere."""
    found = np.zeros(seen.shape, np.int32)
    _, place = np.unique(segments[seen], return_inverse=True)
    found[seen] = place + 1
    return found


def _image(bands: Bands, seen: Seen) -> npt.NDArray[np.float64]:
    """Return (rows, columns, bands) float64; what is not seen is 0 and masked by the caller."""
    stack = np.stack([bands[name] for name in bands], axis=-1).astype(np.float64)
    return np.where(seen[..., None], stack, 0.0)


def _filled(image: npt.NDArray[np.float64], seen: Seen) -> npt.NDArray[np.float64]:
    """Give what is not seen the values of the nearest seen pixel: it then draws no border.

    SLIC with a mask would do without, and takes twenty times as long.
    """
    if seen.all():
        return image
    rows, columns = ndimage.distance_transform_edt(
        ~seen, return_distances=False, return_indices=True
    )
    filled: npt.NDArray[np.float64] = image[rows, columns]
    return filled


def _borders_by_likeness(
    segments: npt.NDArray[np.integer], image: npt.NDArray[np.float64]
) -> npt.NDArray[np.integer]:
    """Give each pixel to that of its own and the four touching segments whose mean is nearest."""
    sizes = np.maximum(np.bincount(segments.ravel()), 1)
    planes = np.moveaxis(image, -1, 0)
    means = [np.bincount(segments.ravel(), weights=plane.ravel()) / sizes for plane in planes]
    best = np.full(segments.shape, np.inf)
    found = segments.copy()
    padded = np.pad(segments, 1)
    rows, columns = segments.shape
    for down, right in ((1, 1), (0, 1), (2, 1), (1, 0), (1, 2)):
        touching = padded[down : down + rows, right : right + columns]
        distance = sum(
            (plane - mean[touching]) ** 2 for plane, mean in zip(planes, means, strict=True)
        )
        nearer = (distance < best) & (touching > 0) & (segments > 0)
        best[nearer] = distance[nearer]
        found[nearer] = touching[nearer]
    return found
