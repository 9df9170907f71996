"""Quality flags of a Scene, and the reasons for which a pixel of a map is unseen."""

import enum
from typing import Any, Final


class Flag(enum.IntFlag):
    """Bits of the Scene variable ``flags`` (uint16), whatever product they came from."""

    NO_DATA = 1
    CLOUD = 2
    CIRRUS = 4
    CLOUD_SHADOW = 8
    DARK = 16
    """Dark or terrain-shadow area (SCL 2): a hint, never a veto."""
    SNOW = 32
    WATER = 64
    """The product's own opinion: a hint, never used by a method."""
    SATURATED = 128
    LAND = 256
    """Land by a land mask: of ice maps, which look at the sea."""


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
