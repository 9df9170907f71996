"""AreaSeries: areas by district and date, each with what was unseen."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Area:
    """The area of a class in one district on one date.

    Attributes:
        district: Name of the district.
        date: ISO 8601, where known.
        area_km2: Area of the pixels of the class, km², geodesic, edge pixels by their fraction.
        fraction_km2: Area from the sub-pixel fractions, km²; None where the method gives none.
        district_km2: Area of the district inside the image, km².
        outside_share: Share of the district that lies outside the image, 0 to 1.
        unseen_share: Share of the whole district (inside or outside the image) that was not seen.
        unseen: Share of the district by cause, ``{"cloud": 0.1, "outside": ...}``.
        status: ``ok``, ``partial`` (part unseen), ``skipped`` or ``failed``.
        reason: Why it is not ``ok``; empty where it is.
    """

    district: str
    date: str | None
    area_km2: float
    fraction_km2: float | None
    district_km2: float
    outside_share: float
    unseen_share: float
    unseen: dict[str, float]
    status: str = "ok"
    reason: str = ""

    @property
    def area_ha(self) -> float:
        """Area in hectares."""
        return self.area_km2 * 100

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return dataclasses.asdict(self) | {"area_ha": self.area_ha}


@dataclasses.dataclass(frozen=True)
class AreaSeries:
    """Areas of one class, by district and date."""

    class_name: str
    areas: tuple[Area, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {"class_name": self.class_name, "areas": [a.to_dict() for a in self.areas]}
