"""What can be seen: quality flags to unseen pixels, by rules that protect water.

The rules, each an answer to a known fault (`docs/design/0003-visibility.md`):

* Cloud and cirrus flags hide a pixel, unless the pixel is too dark to be a cloud: cloud masks
  call clear lakes cloud (sentinel2-cloud-detector#93).
* Snow and ice hide a pixel: what lies beneath may be water, so it is *unseen (frozen)* and never
  "not water". Snow masks call turbid water snow: what is too dark for snow and looks like water to
  the method is water.
* Shadow and dark-area flags (SCL 3 and 2) never veto water on their own: they confuse water with
  shadow. A method is told of them; where it still says water the pixel is water. Where it does
  not, a cloud shadow is unseen, and a dark area is what the method says. Only where a DEM shows
  a shaded slope too steep for water (`prepare/terrain.py`) there is none.
* Cloud and shadow do not end where their mask ends: within 60 m of them, too, what does not look
  like water is unseen.
"""

import dataclasses
from collections.abc import Mapping
from typing import Final

import numpy as np
from numba import njit

from obriy.blocks.base import Block, ByteArray, FlagArray, Labelled
from obriy.blocks.pixels import BoolArray
from obriy.blocks.planes import planes_of
from obriy.model.classmap import FRACTION_MISSING
from obriy.model.flags import Flag, Unseen
from obriy.model.legend import NO_DATA

CLOUD_FLOOR: Final = {"blue": 0.12, "green": 0.11, "red": 0.09, "nir": 0.06, "swir16": 0.04}
"""Surface reflectance under which, in every band, a pixel is too dark for a cloud that hides the
ground: clear water lies below all of them. Of the pixels that Fmask calls cloud on the choose
chips of HLS 0.5 % are that dark."""

SNOW_FLOOR: Final = {"green": 0.20, "red": 0.22, "nir": 0.24}
"""The same for snow and ice. Fmask calls turbid water snow: on the choose chips 70 % of the pixels
with its snow bit are labelled water, and 99 % of those lie below all three."""


SNOW_INDEX: Final = 0.4
"""(green - SWIR) / (green + SWIR) above which something bright is snow."""
EDGE_M: Final = 60.0
"""Metres around cloud and shadow that are suspected with them. Masks are widened in practice
(Baetens et al. 2019, doi:10.3390/rs11040433); of water within 20 m of a flagged cloud a third was
lost in simulated scenes, beyond 50 m no more than elsewhere."""


_SEEN, _UNKNOWN, _NO_DATA = (np.uint8(n) for n in (Unseen.SEEN, Unseen.NO_DATA, NO_DATA))
_CLOUDED, _SHADOWED, _FROZEN = (np.uint8(n) for n in (Unseen.CLOUD, Unseen.SHADOW, Unseen.FROZEN))
_CLOUD_BITS, _SHADOW_BITS, _SNOW_BITS = (
    np.uint16(bits) for bits in (Flag.CLOUD | Flag.CIRRUS, Flag.CLOUD_SHADOW, Flag.SNOW)
)


def hide(block: Block) -> Block:
    """Return the block with the bands of unseen pixels set to NaN, and the reasons.

    Args:
        block: Bands as read, with or without ``flags``.
    """
    missing = block.missing()
    unseen = missing * np.uint8(Unseen.NO_DATA)
    if block.flags is None:
        return dataclasses.replace(block, unseen=unseen)
    cloud, snow = _has(block.flags, Flag.CLOUD | Flag.CIRRUS), _has(block.flags, Flag.SNOW)
    no_cloud = cloud & _darker(block, CLOUD_FLOOR) if cloud.any() else cloud
    frozen = snow & ~_darker(block, SNOW_FLOOR) if snow.any() else snow
    # Where a cloud is doubted, its shadow is near: the method shall look twice.
    shadow = _has(block.flags, Flag.CLOUD_SHADOW | Flag.DARK) | no_cloud
    for flagged, reason in (
        (cloud & ~no_cloud, Unseen.CLOUD),
        (frozen, Unseen.FROZEN),
        (_has(block.flags, Flag.NO_DATA), Unseen.NO_DATA),
    ):
        np.copyto(unseen, np.uint8(reason), where=flagged & ~missing)
    bands = planes_of(block.bands).hiding(unseen != Unseen.SEEN)
    return dataclasses.replace(block, bands=bands, unseen=unseen, shadow=shadow)


def hide_for_cover(edge: int, block: Block) -> Block:
    """Return the block with the bands of unseen pixels set to NaN, for a map of land cover.

    Other than for water, snow is a class, so it hides nothing; cloud shadow would be a cluster of
    its own, so it is hidden, unless two water indices say that it is a lake which the quality band
    calls shadow. Within ``edge`` of cloud and shadow nothing is seen: their rims would be clusters.

    Args:
        edge: Pixels around cloud and shadow, of `edge_pixels`; the halo must hold them.
        block: Bands as read, with or without ``flags``.
    """
    if block.flags is None:
        return hide(block)
    seen = hide(dataclasses.replace(block, flags=block.flags & ~np.uint16(Flag.SNOW)))
    assert seen.unseen is not None
    unseen = seen.unseen
    shadow = _has(block.flags, Flag.CLOUD_SHADOW) & ~_looks_like_water(block)
    cloud = unseen == Unseen.CLOUD
    for where, reason in ((shadow, Unseen.SHADOW), (_around(cloud, edge), Unseen.CLOUD),
                          (_around(shadow, edge), Unseen.SHADOW)):  # fmt: skip
        np.copyto(unseen, np.uint8(reason), where=where & (unseen == Unseen.SEEN))
    bands = planes_of(block.bands).hiding(unseen != Unseen.SEEN)
    return dataclasses.replace(seen, flags=block.flags, bands=bands, unseen=unseen)


def is_snow(block: Block) -> BoolArray:
    """Say where a block, as `hide_for_cover` returned it, shows snow or ice on the ground.

    A quality band says it of what is not too dark for it; without one the snow index does, above
    0.4 (Hall et al. 1995, doi:10.1016/0034-4257(95)00137-P), of what is bright in every band.
    """
    flagged = np.zeros(block.shape, bool)
    if block.flags is not None:
        flagged = _has(block.flags, Flag.SNOW) & ~_darker(block, SNOW_FLOOR)
    green, swir = block.bands.get("green"), block.bands.get("swir16")
    if green is None or swir is None:
        return flagged
    bright = green - swir > SNOW_INDEX * (green + swir)
    for name, floor in SNOW_FLOOR.items():
        if name in block.bands:
            bright &= block.bands[name] >= floor
    return flagged | bright


def settle_cover(block: Block, said: Labelled) -> Labelled:
    """Bring together what a clusterer says and what `hide_for_cover` hid."""
    labels = said.labels.copy()
    unseen = np.zeros_like(labels) if block.unseen is None else block.unseen.copy()
    labels[unseen != Unseen.SEEN] = NO_DATA
    unseen[(labels == NO_DATA) & (unseen == Unseen.SEEN)] = Unseen.NO_DATA
    return dataclasses.replace(said, labels=labels, unseen=unseen)


def _looks_like_water(block: Block) -> BoolArray:
    """Say where green is above near infrared, and above SWIR where there is one."""
    nir = block.bands.get("nir", block.bands.get("nir08"))
    green = block.bands.get("green")
    if nir is None or green is None:
        return np.zeros(block.shape, bool)
    water: BoolArray = green > nir
    swir = block.bands.get("swir16")
    return water if swir is None else water & (green > swir)


def edge_pixels(pixel_m: float) -> int:
    """Return how many pixels around a cloud or a shadow are suspected with it."""
    return max(1, round(EDGE_M / pixel_m))


def deny(land_code: int, block: Block, said: Labelled) -> Labelled:
    """Return what a method says, with land where the flags know that no water can be.

    Args:
        land_code: Code of the class that is there.
        block: As `hide` returned it.
        said: The method's labels, halo included.
    """
    if block.flags is None:
        return said
    land = _has(block.flags, Flag.LAND) & (said.labels != NO_DATA)
    if not land.any():
        return said
    return dataclasses.replace(
        said,
        labels=np.where(land, np.uint8(land_code), said.labels),
        fraction=None if said.fraction is None else np.where(land, np.uint8(0), said.fraction),
        doubt=None if said.doubt is None else np.where(land, np.uint8(0), said.doubt),
    )


def settle(water_code: int, edge: int, block: Block, said: Labelled) -> Labelled:
    """Bring together what a method says and what could not be seen.

    Where a quality band suspects cloud or shadow, and a little around (masks end where a cloud is
    still thin, and its haze dries the water that it covers), only what looks like water in spite
    of it is kept.

    Args:
        water_code: Code of the class that a shadow can be mistaken for.
        edge: Pixels around cloud and shadow, of `edge_pixels`; the halo must hold them.
        block: As `hide` returned it.
        said: The method's labels, halo included.

    Returns:
        Labels that are 0 wherever ``unseen`` gives a reason, and the reasons.
    """
    labels = said.labels
    unseen = _first_of(block.unseen, said.unseen, labels)
    if block.flags is not None:
        cloud = _has(block.flags, Flag.CLOUD | Flag.CIRRUS)
        shadow = _has(block.flags, Flag.CLOUD_SHADOW)
        around = _around(cloud, edge), _around(shadow, edge)
        _suspect(labels, block.flags, *around, np.uint8(water_code), unseen)
    nothing = np.zeros((0, 0), np.uint8)
    doubt = nothing if said.doubt is None else said.doubt
    labels, unseen, doubt = _agreed(labels, unseen, doubt)
    return Labelled(
        labels, _fraction(said.fraction, labels), unseen, None if said.doubt is None else doubt
    )


def _first_of(one: ByteArray | None, other: ByteArray | None, labels: ByteArray) -> ByteArray:
    """Return a cause of each pixel: of the one, or else of the other; a new array."""
    if one is None or other is None:
        known = other if one is None else one
        return np.zeros_like(labels) if known is None else known.copy()
    return np.where(one == Unseen.SEEN, other, one)


@njit(nogil=True, cache=True)
def _suspect(  # noqa: PLR0917 - a kernel
    labels: ByteArray,
    flags: FlagArray,
    near_cloud: BoolArray,
    near_shadow: BoolArray,
    water: np.uint8,
    unseen: ByteArray,
) -> None:
    """Fill in why a pixel that was seen, and does not look like water, may be something else."""
    for i in range(labels.shape[0]):
        for j in range(labels.shape[1]):
            reason = _SHADOWED if near_shadow[i, j] else _SEEN
            reason = _CLOUDED if near_cloud[i, j] else reason
            reason = _SHADOWED if flags[i, j] & _SHADOW_BITS else reason
            reason = _CLOUDED if flags[i, j] & _CLOUD_BITS else reason
            reason = _FROZEN if flags[i, j] & _SNOW_BITS else reason
            open_to_doubt = unseen[i, j] == _SEEN and labels[i, j] != water
            unseen[i, j] = reason if open_to_doubt else unseen[i, j]


@njit(nogil=True, cache=True)
def _agreed(
    labels: ByteArray, unseen: ByteArray, doubt: ByteArray
) -> tuple[ByteArray, ByteArray, ByteArray]:
    """Return layers with no label where there is a cause, and a cause where there is no label."""
    named, causes, unsure = np.empty_like(labels), np.empty_like(labels), np.empty_like(doubt)
    for i in range(labels.shape[0]):
        for j in range(labels.shape[1]):
            label = labels[i, j] if unseen[i, j] == _SEEN else _NO_DATA
            named[i, j] = label
            cause = unseen[i, j]
            causes[i, j] = _UNKNOWN if label == _NO_DATA and cause == _SEEN else cause
        if doubt.size:
            for j in range(labels.shape[1]):
                unsure[i, j] = _NO_DATA if named[i, j] == _NO_DATA else doubt[i, j]
    return named, causes, unsure


def _fraction(fraction: ByteArray | None, labels: ByteArray) -> ByteArray | None:
    if fraction is None:
        return None
    return np.where(labels == NO_DATA, np.uint8(FRACTION_MISSING), fraction)


def _around(mask: BoolArray, reach: int) -> BoolArray:
    """Return a mask with what lies within some pixels of it.

    Specks of less than 3 x 3 pixels are roofs and surf, and have no surroundings.
    """
    if not reach or not mask.any():
        return mask
    patches = _box(~_box(~np.pad(mask, 1), (1, 1)), (1, 1))[1:-1, 1:-1]
    if not patches.any():
        return mask
    # Three boxes make a disc, nearly, in a third of the time of distances.
    short, middle = round(0.38 * reach), round(0.71 * reach)
    around = mask.copy()
    for size in ((reach, short), (middle, middle), (short, reach)):
        around |= _box(patches, size)
    return around


@njit(nogil=True, cache=True)
def _box(mask: BoolArray, reach: tuple[int, int]) -> BoolArray:
    """Return a mask with the boxes around its pixels, of so many rows and columns to each side."""
    rows, columns = mask.shape
    across, around = np.zeros(mask.shape, np.bool_), np.zeros(mask.shape, np.bool_)
    for i in range(rows):
        for step in range(min(reach[1], columns - 1) + 1):  # bytes among bytes, many at once
            line, before, after = mask[i], across[i, : columns - step], across[i, step:]
            for j in range(columns - step):
                before[j] |= line[j + step]
            for j in range(columns - step):
                after[j] |= line[j]
    for i in range(rows):
        for k in range(max(0, i - reach[0]), min(rows, i + reach[0] + 1)):
            line, own = across[k], around[i]
            for j in range(columns):
                own[j] |= line[j]
    return around


def _has(flags: FlagArray, bits: Flag) -> BoolArray:
    found: BoolArray = (flags & np.uint16(bits)) != 0
    return found


def _darker(block: Block, floor: Mapping[str, float]) -> BoolArray:
    """Say where every band that the floor names lies under it; False without near infrared."""
    known = {("nir" if n == "nir08" else n): a for n, a in block.bands.items()}
    dark = np.full(block.shape, "nir" in known)
    for name, limit in floor.items():
        if name in known:
            dark &= known[name] < limit
    return dark
