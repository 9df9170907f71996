"""Which bands of a scene pictures show, and how large: it costs nothing to load.

So what is drawn after the map can be told of before it, and be made small while the map is made.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import xarray as xr

from obriy.blocks.decimate import means_beside
from obriy.model.scene import band_names

Bands = tuple[str, str, str]
"""Shown as red, green and blue."""

LARGEST: Final = 1600
"""Longest side of a picture that can be moved and enlarged, pixels."""
LONGEST: Final = 640
"""Longest side of a picture of the whole scene in a portrait, pixels."""
TRUE_COLOUR: Final = ("red", "green", "blue")
FALSE_COLOUR: Final = (
    ("swir16", "nir", "red"),
    ("swir16", "nir08", "red"),
    ("swir22", "nir", "red"),
    ("nir", "red", "green"),
    ("nir08", "red", "green"),
)
"""Pictures in which water is dark; the first that the image has."""
_COMBINATIONS: Final = (
    TRUE_COLOUR,
    ("nir", "red", "green"),
    ("nir08", "red", "green"),
    ("swir16", "nir", "green"),
    ("swir16", "nir08", "green"),
)
"""Of a picture, the first that the scene has."""


def bands_shown(scene: xr.Dataset, *, infrared: bool = False) -> Bands:
    """Return the bands of a picture of a scene: true colour, else the nearest to it.

    Args:
        scene: A Scene.
        infrared: True colour comes last.
    """
    first = _COMBINATIONS[infrared:]
    return _choose(band_names(scene), first + _COMBINATIONS[:infrared])


def composites_of(scene: xr.Dataset) -> dict[str, Bands]:
    """Return the bands of the portraits of a scene, by name of the picture."""
    available = set(band_names(scene))
    found: dict[str, Bands] = {}
    if available.issuperset(TRUE_COLOUR):
        found["true_colour"] = TRUE_COLOUR
    infrared = next((names for names in FALSE_COLOUR if available.issuperset(names)), None)
    if infrared is not None:
        found["infrared"] = infrared
    if not found:
        only = band_names(scene)[-1]
        found["one_band"] = (only, only, only)
    return found


def preview_beside(scene: xr.Dataset) -> None:
    """Have the picture of a report made small while the scene is mapped."""
    if band_names(scene):
        _beside(scene, bands_shown(scene), LARGEST)


def portraits_beside(scene: xr.Dataset) -> None:
    """Have the pictures of portraits made small while the scene is mapped."""
    _beside(scene, [name for bands in composites_of(scene).values() for name in bands], LONGEST)


def _beside(scene: xr.Dataset, names: Iterable[str], max_size: int) -> None:
    for name in dict.fromkeys(names):
        means_beside(scene[name].variable, max_size)


def _choose(ordered: list[str], combinations: Sequence[Bands]) -> Bands:
    for names in combinations:
        if set(ordered).issuperset(names):
            return names
    three = [*reversed(ordered[-3:])] if len(ordered) >= 3 else [ordered[-1]] * 3
    return three[0], three[1], three[2]
