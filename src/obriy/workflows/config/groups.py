"""How the options of a job are listed: what matters first, then the rest by what it is about."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Final

FIRST: Final = "Options"
OUTPUT: Final = "What comes out"
_HOW: Final = "How it is done"
GROUPS: Final[dict[str, tuple[str, ...]]] = {
    FIRST: (),
    "What the images are": (
        "sensor", "bands", "force_bands", "scale", "offset", "nodata", "clouds", "geolocation",
        "land", "resampling", "dem", "reference", "reference_legend", "reference_outside",
    ),
    "Where": (
        "aoi", "layer", "crs", "resolution", "datetime", "max_cloud", "max_dates", "best",
    ),
    _HOW: (),
    OUTPUT: ("out", "outputs", "lang"),
    "The machine": ("workers", "max_ram", "scheduler", "device"),
}  # fmt: skip
"""Options by group: first the five that a job names; those that stand in none say how it is done"""


def group_of(name: str, first: Sequence[str]) -> str:
    """Return the title of the group in which an option of a job stands.

    Args:
        name: Of the option.
        first: The options that matter first in this job.
    """
    if name in first:
        return FIRST
    return next((title for title, names in GROUPS.items() if name in names), _HOW)


def in_order(names: Iterable[str], first: Sequence[str]) -> list[str]:
    """Return options as a group lists them: as named above, then the others as they come."""
    told = [*first, *itertools.chain.from_iterable(GROUPS.values())]
    return sorted(names, key=lambda name: told.index(name) if name in told else len(told))
