"""What an area of water is compared with and used for: register, weather, additional evaporation.

Symbols are those of the water balance of Ukrainian water-management districts (V. Mokin, V. Hrebin,
Ye. Kryzhanovskyi, *Methods of estimating the water-management balance*, VNTU 2023).
"""

import dataclasses
import math
from typing import Any, Final

from obriy.errors import InputError
from obriy.model.areas import PARTIAL_ABOVE, Area, PeriodArea
from obriy.model.notices import Sentence, notice

RIVER: Final = "river"
"""Kind of a register's entry that is a river channel."""


@dataclasses.dataclass(frozen=True)
class WaterSurface:
    """S of one district, as the balance takes it.

    Attributes:
        district: Name of the district.
        area_km2: Water outside the river channel where that was set apart, else all water, km².
        interval_km2: 90 % interval of ``area_km2``; None where nobody can tell.
        channel_km2: Water of the river channel, not in ``area_km2``; None: not set apart.
        unseen_share: Share of the district whose water is not in ``area_km2``, 0 to 1.
    """

    district: str
    area_km2: float
    interval_km2: tuple[float, float] | None = None
    channel_km2: float | None = None
    unseen_share: float = 0.0

    @classmethod
    def of(cls, area: Area | PeriodArea, channel_km2: float | None = None) -> "WaterSurface | None":
        """Take the best estimate of the whole district; without one what was filled, or seen.

        Args:
            area: Measured outside the river channel where ``channel_km2`` is given.
            channel_km2: Water of the river channel, km²; None: not set apart.

        Returns:
            None where nothing was seen.
        """
        if area.expected_km2 is not None:
            return cls(area.district, area.expected_km2, area.interval_km2, channel_km2)
        known = area.area_km2 if area.filled_km2 is None else area.filled_km2
        if known is None:
            return None
        unseen = max(0.0, area.unseen_share - area.filled_share)
        return cls(area.district, known, None, channel_km2, unseen)

    def lacks(self) -> list[str]:
        """Say that water is not counted where a part worth a word was not seen."""
        if self.unseen_share <= PARTIAL_ABOVE:
            return []
        return [notice("district_lacks_water", name=self.district, share=self.unseen_share)]


@dataclasses.dataclass(frozen=True)
class RegisterEntry:
    """One line of a register.

    Attributes:
        name: Name of the water body or of the district; empty for a total.
        area_km2: Its area, km², at least 0.
        kind: ``pond``, ``reservoir``, ``lake``, ``river`` ..., or as written; empty: not said.
        district: District of the water body, where the register says it.
    """

    name: str
    area_km2: float
    kind: str = ""
    district: str = ""


@dataclasses.dataclass(frozen=True)
class Register:
    """Official areas of water bodies.

    Attributes:
        source: The file, or the number as given.
        entries: At least one.
        notes: What was left out in reading.
    """

    source: str
    entries: tuple[RegisterEntry, ...]
    notes: tuple[Sentence, ...] = ()

    def __post_init__(self) -> None:
        if not self.entries:
            raise InputError(f"The register {self.source} is empty.", "Give a line per water body.")

    @property
    def total_km2(self) -> float:
        """Sum of all entries, km²."""
        return math.fsum(e.area_km2 for e in self.entries)

    def by_kind(self) -> dict[str, float]:
        """Return the sum of each kind, km², in the order of the register."""
        sums: dict[str, float] = {}
        for entry in self.entries:
            sums[entry.kind] = sums.get(entry.kind, 0.0) + entry.area_km2
        return sums


@dataclasses.dataclass(frozen=True)
class RegisterRow:
    """A measured area beside that of the register.

    Attributes:
        place: Name of the district, ``all`` for several together.
        register_km2: Area by the register, km².
        measured_km2: Measured area, km².
        interval_km2: 90 % interval of the measured area; None where nobody can tell.
        channel_km2: Water of the river channel, not compared, km²; None: not set apart.
        difference_km2: Measured minus register, km².
        difference_percent: The same in per cent of the register; None where that is 0.
        inside_interval: Whether the register lies in the interval; None where there is none.
    """

    place: str
    register_km2: float
    measured_km2: float
    interval_km2: tuple[float, float] | None
    channel_km2: float | None
    difference_km2: float
    difference_percent: float | None
    inside_interval: bool | None


@dataclasses.dataclass(frozen=True)
class RegisterComparison:
    """Measured areas beside a register.

    Attributes:
        source: The file of the register, or the number as given.
        rows: By district, or one for all.
        by_kind: What the register sums to by kind of water body, km².
        notes: What was not compared, and what looks wrong.
    """

    source: str
    rows: tuple[RegisterRow, ...]
    by_kind: dict[str, float]
    notes: tuple[Sentence, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class MonthWeather:
    """Weather of one month: evaporation from water, and one of three ways to that from land.

    Attributes:
        month: ``"2025-06"``, or ``"06"`` for a long-term normal.
        w_eva0_mm: W_eva0, evaporation from open water, mm.
        x_mm: X, precipitation, mm; None only where ``land_evaporation_mm`` is given.
        y_mm: Y, runoff, mm.
        w_1e6m3: W, runoff, 10⁶ m³; with ``f_km2``.
        f_km2: F, area of the basin, km², above 0.
        land_evaporation_mm: Evaporation from the land that the water covers, mm: for X − Y.
    """

    month: str
    w_eva0_mm: float
    x_mm: float | None = None
    y_mm: float | None = None
    w_1e6m3: float | None = None
    f_km2: float | None = None
    land_evaporation_mm: float | None = None

    def __post_init__(self) -> None:
        by_volume = self.w_1e6m3 is not None and self.f_km2 is not None
        ways = [self.land_evaporation_mm is not None, self.y_mm is not None, by_volume]
        if sum(ways) != 1 or (not ways[0] and self.x_mm is None):
            raise InputError(
                f"The weather of {self.month} does not tell land evaporation in one way.",
                "Give X with Y, X with W and F, or land evaporation itself.",
            )


@dataclasses.dataclass(frozen=True)
class Weather:
    """Weather by month.

    Attributes:
        source: The file.
        months: In order of time, each month once; all dated or all long-term normals.
        notes: What was left out in reading.
    """

    source: str
    months: tuple[MonthWeather, ...]
    notes: tuple[Sentence, ...] = ()

    @property
    def normals(self) -> bool:
        """Whether the months are long-term normals, ``"01"`` to ``"12"``."""
        return all(len(m.month) == 2 for m in self.months)


@dataclasses.dataclass(frozen=True)
class MonthEvaporation:
    """Additional evaporation of one month.

    Attributes:
        month: ``"2025-06"``.
        additional_mm: E_add, mm; below 0 where land would lose more than water.
        land_mm: X − Y, or land evaporation as given, mm.
        area_km2: S, km²; None where nothing was seen.
        area_of: ``month``: S of its own dates, ``period``: of the whole period.
        volume_1e6m3: W_eva, 10⁶ m³; None where S is.
        interval_1e6m3: 90 % interval, from that of S alone; None where S has none.
    """

    month: str
    additional_mm: float
    land_mm: float
    area_km2: float | None
    area_of: str
    volume_1e6m3: float | None
    interval_1e6m3: tuple[float, float] | None


@dataclasses.dataclass(frozen=True)
class Evaporation:
    """Additional evaporation from the water of one district.

    Attributes:
        district: Name of the district.
        source: The file of the weather.
        months: In order of time.
        additional_mm: Sum over the months, mm.
        volume_1e6m3: Sum over the months, 10⁶ m³; None where S is not known.
        interval_1e6m3: Sum of the months' bounds, as if all erred to the same side: the widest.
        notes: What was assumed.
    """

    district: str
    source: str
    months: tuple[MonthEvaporation, ...]
    additional_mm: float
    volume_1e6m3: float | None
    interval_1e6m3: tuple[float, float] | None
    notes: tuple[Sentence, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return dataclasses.asdict(self)
