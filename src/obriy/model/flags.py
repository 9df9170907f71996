"""Quality flags of a Scene, and the reasons for which a pixel of a map is unseen."""

import enum
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal


class Flag(enum.IntFlag):
    """Bits of the Scene variable ``flags`` (uint16), whatever product they came from."""

    NO_DATA = 1
    CLOUD = 2
    CIRRUS = 4
    CLOUD_SHADOW = 8
    DARK = 16
    """Dark or terrain-shadow area (SCL 2, a DEM): a hint, never a veto."""
    SNOW = 32
    WATER = 64
    """The product's own opinion: a hint, never used by a method."""
    SATURATED = 128
    LAND = 256
    """Where no water can be: land by a land mask (of ice maps, which look at the sea), or a slope
    that a DEM says is shaded."""


class Unseen(enum.IntEnum):
    """Why a pixel has no class: values of ``ClassMap.unseen`` (uint8)."""

    SEEN = 0
    NO_DATA = 1
    CLOUD = 2
    SHADOW = 3
    FROZEN = 4
    """Snow or ice: water may lie beneath, so it is unseen and never 'not water'."""
    FAILED = 5
    """A part of the image that could not be read."""


FLAG_ATTRS: Final[dict[str, Any]] = {
    "long_name": "quality flags",
    "flag_masks": [int(f) for f in Flag],
    "flag_meanings": " ".join(str(f.name).lower() for f in Flag),
}
"""CF attributes of the ``flags`` variable."""

CLOUDS_STEP: Final = "clouds"
"""Step of a record that says by what clouds are known (``by``)."""
BY_NOTHING: Final = "nothing"
"""Neither a quality band nor the bands tell, and nobody said that the sky was clear."""
BY_USER: Final = "the user: the sky was clear"
"""Nothing was looked for, as the user asked."""
BY_OTHERS: Final = "the other dates"
"""Nothing tells but that the other dates of a series contradict."""

CloudsKnown = Literal["known", "compared", "unknown"]
"""How it is known what clouds hid: ``compared`` with the other dates of a series alone."""


OPENED_STEP: Final = "classes"
"""Step of the record of a map that was opened, not made: how its codes were read."""

ErrorsKnown = Literal["known", "sampled", "unknown"]
"""What tells how a map errs: the evidence that its method left, a labelled sample, or nothing."""


def least_sure(several: Iterable[ErrorsKnown]) -> ErrorsKnown:
    """Return the least that is known of errors; of nothing ``known``."""
    order: tuple[ErrorsKnown, ...] = ("known", "sampled", "unknown")
    return max(several, key=order.index, default="known")


def least_known(several: Iterable[CloudsKnown]) -> CloudsKnown:
    """Return the least that is known; of nothing ``known``."""
    order: tuple[CloudsKnown, ...] = ("known", "compared", "unknown")
    return max(several, key=order.index, default="known")


def clouds_known(step: Mapping[str, Any] | None) -> CloudsKnown:
    """Return how the clouds of a map are known.

    Args:
        step: ``CLOUDS_STEP`` of its record; None: its quality band told.
    """
    by = (step or {}).get("by")
    return "unknown" if by == BY_NOTHING else "compared" if by == BY_OTHERS else "known"
