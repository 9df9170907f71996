"""ChangeArea and WaterChange: what became water and what ceased to be, with what nobody saw."""

import dataclasses
from typing import Any, ClassVar, Final

from obriy.model.notices import Sentence

STABLE_LAND: Final = 1
GAINED: Final = 2
LOST: Final = 3
STABLE_WATER: Final = 4
"""Codes of the legend ``water_change``; 0 is unseen before or after."""


@dataclasses.dataclass(frozen=True)
class ChangeArea:
    """Change of a class in one district between two dates or periods.

    Areas are km², geodesic, edge pixels by their fraction inside the district. They are of the
    pixels that were seen both before and after, and None where there are none.

    Attributes:
        district: Name of the district; ``all`` for the districts together.
        gained_km2: Pixels that became water.
        lost_km2: Pixels that ceased to be water.
        stable_km2: Pixels that were water before and after.
        net_km2: Water after less water before, from the fractions where the maps have them, else
            ``gained_km2 - lost_km2``.
        gained_interval_km2: 90 % interval; None where a map does not say which pixels it doubts.
        lost_interval_km2: The same of what was lost.
        net_interval_km2: The same of the net change.
        district_km2: Area of the whole district, inside the image and outside.
        unseen_before_km2: Part of the district that was seen after but not before.
        unseen_after_km2: Part that was seen before but not after.
        unseen_both_km2: Part that was seen neither before nor after.
        outside_km2: Part that lies outside the image.
        status: ``ok``, ``partial`` (part unseen) or ``skipped`` (nothing seen on both sides).
        reason: Why it is not ``ok``; empty where it is.
    """

    __pydantic_config__: ClassVar = {"extra": "ignore"}  # what is derived stands in files too

    district: str
    gained_km2: float | None
    lost_km2: float | None
    stable_km2: float | None
    net_km2: float | None
    gained_interval_km2: tuple[float, float] | None
    lost_interval_km2: tuple[float, float] | None
    net_interval_km2: tuple[float, float] | None
    district_km2: float
    unseen_before_km2: float
    unseen_after_km2: float
    unseen_both_km2: float
    outside_km2: float
    status: str = "ok"
    reason: Sentence = ""

    @property
    def unseen_km2(self) -> float:
        """Part of the district of which nothing can be said, outside the image included."""
        seen_once = self.unseen_before_km2 + self.unseen_after_km2
        return seen_once + self.unseen_both_km2 + self.outside_km2

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return dataclasses.asdict(self) | {"unseen_km2": self.unseen_km2}


@dataclasses.dataclass(frozen=True)
class WaterChange:
    """Change of one class between two dates or periods.

    Attributes:
        class_name: The class.
        before: First and last date of the maps before, ISO 8601, where known.
        after: The same of the maps after.
        areas: By district.
        total: All districts together; what lies in two of them counts once.
    """

    class_name: str
    before: tuple[str | None, str | None]
    after: tuple[str | None, str | None]
    areas: tuple[ChangeArea, ...]
    total: ChangeArea

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "class_name": self.class_name,
            "before": list(self.before),
            "after": list(self.after),
            "areas": [area.to_dict() for area in self.areas],
            "total": self.total.to_dict(),
        }
