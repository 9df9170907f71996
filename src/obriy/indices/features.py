"""What a clusterer sees of a pixel: bands, indices, texture, neighbourhood.

A feature is made of a window of the pixel alone, so that a scene can be cut into blocks with a
halo of `halo_of`. NaN is missing, and stays missing.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from obriy.errors import UsageError
from obriy.indices.catalogue import get_index
from obriy.model.bands import SPECTRAL
from obriy.model.features import GROUPS
from obriy.model.season import SEASONAL
from obriy.registry import did_you_mean

FloatArray = npt.NDArray[np.float32]

NOT_OF_THE_GROUND: Final = ("coastal", "nir09", "cirrus", "lwir11", "lwir12", "pan")
"""Bands of the atmosphere (document A leaves out B01, B09 and B10), of heat, and of all at once."""
INDICES: Final = ("NDVI", "NDWI", "MNDWI", "NDBI")
"""Vegetation, water and built-up indices; those that the bands allow are taken."""
TEXTURE: Final = ("nir", "green", "NDVI")
"""Whose deviation in a window is a feature."""
TEXTURE_WINDOW: Final = 5
NEIGHBOURHOOD_WINDOW: Final = 15


def ground_bands(available: set[str]) -> list[str]:
    """Return the bands that see the ground, by wavelength, then what is known of a season."""
    names = (*SPECTRAL, *SEASONAL)
    return [b for b in names if b in available and b not in NOT_OF_THE_GROUND]


def possible_indices(available: set[str]) -> list[str]:
    """Return those of `INDICES` that the bands allow."""
    return [name for name in INDICES if get_index(name).is_possible(available)]


def check_groups(groups: Sequence[str]) -> tuple[str, ...]:
    """Return the groups in their fixed order.

    Raises:
        UnknownNameError: naming the group that is not one.
        UsageError: for none at all, or for neither bands nor indices.
    """
    for group in groups:
        if group not in GROUPS:
            raise did_you_mean("group of features", group, list(GROUPS))
    if not {"bands", "indices"} & set(groups):
        raise UsageError(
            "Texture and neighbourhood alone do not tell land covers apart.",
            "Add bands or indices: --features bands,indices,texture.",
        )
    return tuple(group for group in GROUPS if group in groups)


def halo_of(groups: Sequence[str]) -> int:
    """Return the pixels around a block that its features look at."""
    reach = {"texture": TEXTURE_WINDOW // 2, "neighbourhood": NEIGHBOURHOOD_WINDOW // 2}
    return max((reach.get(group, 0) for group in groups), default=0)


def feature_names(groups: Sequence[str], available: set[str]) -> list[str]:
    """Return the names of the features, in the order of `feature_stack`."""
    bands, indices = ground_bands(available), possible_indices(available)
    by_group = {
        "bands": bands,
        "indices": indices,
        "texture": [f"texture_{name}" for name in TEXTURE if name in (*bands, *indices)],
        "neighbourhood": [f"around_{name}" for name in (*bands, *indices)],
    }
    return [name for group in groups for name in by_group[group]]


def feature_stack(bands: Mapping[str, FloatArray], groups: Sequence[str]) -> FloatArray:
    """Return the features of a block.

    Args:
        bands: (rows, columns) float32 reflectance by common name, NaN missing.
        groups: Of `GROUPS`, as `check_groups` returns them.

    Returns:
        (features, rows, columns) float32. A pixel is NaN in every feature where it is NaN in one
        of the bands; an index that is undefined (its sum is not positive) is 0, which says
        neither one nor the other.
    """
    layers = base_layers(bands)
    missing = np.any([np.isnan(bands[name]) for name in ground_bands(set(bands))], axis=0)
    planes = []
    for name in feature_names(groups, set(bands)):
        kind, _, base = name.partition("_")
        if kind == "texture":
            plane = local_deviation(layers[base], TEXTURE_WINDOW)
        elif kind == "around":
            plane = local_mean(layers[base], NEIGHBOURHOOD_WINDOW)
        else:
            plane = layers[name]
        planes.append(np.where(missing, np.float32(np.nan), plane))
    return np.stack(planes).astype("float32")


def base_layers(bands: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return the ground bands and the indices of a block by name; undefined indices are 0."""
    layers = {name: bands[name] for name in ground_bands(set(bands))}
    missing = np.any([np.isnan(plane) for plane in layers.values()], axis=0)
    for name in possible_indices(set(bands)):
        values = get_index(name).evaluate(bands).values
        layers[name] = np.where(np.isnan(values) & ~missing, np.float32(0), values)
    return layers


def local_mean(plane: FloatArray, window: int) -> FloatArray:
    """Return the mean of the seen pixels in a square window; NaN where there is none."""
    seen = np.isfinite(plane)
    count = ndimage.uniform_filter(seen.astype("float64"), window, mode="constant")
    total = ndimage.uniform_filter(
        np.where(seen, plane, 0).astype("float64"), window, mode="constant"
    )
    few = count < 0.5 / window**2
    return np.where(few, np.nan, total / np.where(few, 1, count)).astype("float32")


def local_deviation(plane: FloatArray, window: int) -> FloatArray:
    """Return the standard deviation of the seen pixels in a square window; NaN where none."""
    mean = local_mean(plane, window)
    square = local_mean(plane.astype("float32") ** 2, window)
    deviation: FloatArray = np.sqrt(np.maximum(square - mean**2, 0)).astype("float32")
    return deviation
