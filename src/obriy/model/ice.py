"""Sea ice of a place: areas by date, seasons, and examples to learn from."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from obriy.model.areas import NEVER_MOST, bounds_of
from obriy.model.flags import CloudsKnown
from obriy.model.notices import Sentence

if TYPE_CHECKING:
    import xarray as xr  # on use: the words of ice are needed where no scene is

WATER: Final = 1
ICE: Final = 2
CLOUD: Final = 3
LAND: Final = 4
"""Codes of ``tables/legends/ice.toml``; 0 is no data, 255 seen but not named."""
BANDS: Final = ("red", "nir", "blue", "green", "swir12", "swir16", "swir22")
"""MODIS bands 1 to 7 by their common names, in their order."""
_TENS: Final = (1, 11, 21)
"""First days of the ten-day periods of a month, as weather services count; the last has 8 to 11."""
_SUMMER: Final = 7
"""Month in which a northern winter is told from the next."""


def winter_of(date: str, *, southern: bool = False) -> str:
    """Return the winter of a date (ISO 8601), 1 July to 30 June, e.g. ``"2020/21"``.

    In the southern hemisphere a winter is a calendar year, e.g. ``"2021"``.
    """
    if southern:
        return date[:4]
    year, month = int(date[:4]), int(date[5:7])
    first = year if month >= _SUMMER else year - 1
    return f"{first}/{(first + 1) % 100:02d}"


def ten_days_of(date: str) -> str:
    """Return the first day of the ten-day period of a date, ISO 8601 both."""
    return f"{date[:8]}{max(d for d in _TENS if d <= int(date[8:10])):02d}"


@dataclasses.dataclass(frozen=True)
class IceArea:
    """Sea ice in one place on one date; shares are of the sea of the place, land left out.

    Attributes:
        district: Name of the place.
        date: ISO 8601 day.
        granules: What the day was mapped from.
        sea_km2: Area of the place that is not land, inside the image and outside, km².
        ice_km2: Area of ice that was seen, km² (from concentrations where the method gives them);
            None where nothing was seen: that is not an area of 0.
        water_km2: Area of open water that was seen, km²; None likewise.
        extent_km2: Area of seen sea with a concentration of 15 % or more, km²; None likewise.
        ice_share: ``ice_km2`` of ``sea_km2``, 0 to 1; None likewise.
        water_share: Likewise. Ice, water and unseen add up to 1.
        cloud_share: Share of the sea under cloud.
        unseen_share: Share of the sea that was not seen, clouds included.
        unseen: The same by cause (names of `obriy.model.flags.Unseen` in lower case, ``outside``,
            ``unnamed``); only causes that occur.
        never_imaged_share: Share of the sea of which there is no picture; see
            `obriy.model.areas.Area`.
        expected_km2: Best estimate of ice in the whole place, what was unseen by proportion; None
            where less than a hundredth of the sea was seen, or of most there is no picture.
        interval_km2: 90 % interval of that; None likewise.
        uncertainty: Standard deviation by cause, km², as in `obriy.model.areas.Area`.
        clouds: How it is known what clouds hid. Where it is ``unknown`` what was mapped as water or
            ice may be cloud: the whole is not estimated, and nothing bounds it.
        status: ``ok``, ``partial`` (part unseen), ``skipped`` (nothing seen) or ``failed``.
        reason: Why it is not ``ok``.
    """

    __pydantic_config__: ClassVar = {"extra": "ignore"}  # what is derived stands in files too

    district: str
    date: str
    granules: tuple[str, ...]
    sea_km2: float
    ice_km2: float | None
    water_km2: float | None
    extent_km2: float | None
    ice_share: float | None
    water_share: float | None
    cloud_share: float
    unseen_share: float
    unseen: dict[str, float]
    never_imaged_share: float = 0.0
    expected_km2: float | None = None
    interval_km2: tuple[float, float] | None = None
    uncertainty: dict[str, float] = dataclasses.field(default_factory=dict)
    clouds: CloudsKnown = "known"
    status: str = "ok"
    reason: Sentence = ""

    @property
    def outside_share(self) -> float:
        """Share of the sea that lies outside the image."""
        return self.unseen.get("outside", 0.0)

    @property
    def declined(self) -> bool:
        """Whether too little was ever imaged to estimate the whole."""
        return self.never_imaged_share >= NEVER_MOST

    @property
    def bounds_km2(self) -> tuple[float, float] | None:
        """Between what the ice lies whatever the unseen holds; see `obriy.model.areas.Area`.

        None where clouds are unknown, too: any of it may be one.
        """
        if self.clouds == "unknown":
            return None
        return bounds_of(
            self.ice_km2,
            self.unseen_share * self.sea_km2,
            self.sea_km2,
            uncertainty=self.uncertainty,
            interval=self.interval_km2,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return dataclasses.asdict(self) | {"bounds_km2": self.bounds_km2}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "IceArea":
        """Return the area that `to_dict` turned into plain values (JSON has lists for tuples)."""
        own = {f.name: values[f.name] for f in dataclasses.fields(cls) if f.name in values}
        interval = values["interval_km2"]
        lists = {
            "granules": tuple(values["granules"]),
            "interval_km2": None if interval is None else tuple(interval),
        }
        return cls(**own | lists)


@dataclasses.dataclass(frozen=True)
class IceSeason:
    """One winter of one place, from the dates on which enough was seen.

    Attributes:
        district: Name of the place.
        season: The years of the winter, e.g. ``"2020/21"`` (1 July to 30 June; in the southern
            hemisphere 1 January to 31 December, ``"2021"``).
        dates: Dates that counted.
        first_ice: First date with ice, ISO 8601; None: no ice was seen on any date.
        first_ice_after: Last date before it on which enough was seen and there was none: ice came
            between both; None: there is no such date.
        last_ice: Last date with ice; None likewise.
        last_ice_before: First date after it without ice: ice went between both; None likewise.
        maximum_km2: Largest best estimate of the dates that counted, km².
        maximum_date: Its date.
        maximum_interval_km2: Its 90 % interval; None where none was estimated.
        ten_days: Mean best estimate of each ten-day period (days 1 to 10, 11 to 20, 21 to end):
            ``{"start": ISO, "dates": n, "mean_km2": ..., "anomaly_km2": ...}``; the anomaly is
            against the mean of the same ten days in all other seasons, None where there is none.
    """

    district: str
    season: str
    dates: int
    first_ice: str | None
    first_ice_after: str | None
    last_ice: str | None
    last_ice_before: str | None
    maximum_km2: float | None
    maximum_date: str | None
    ten_days: tuple[dict[str, Any], ...] = ()
    maximum_interval_km2: tuple[float, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class IceExample:
    """A scene with labels to learn from, or to judge by.

    Attributes:
        name: Name of the scene.
        time: ISO 8601, to the minute where known.
        scene: A Scene, lazy.
        labels: (y, x) uint8 codes of the legend ``ice`` on its grid, lazy; 0 where nobody said.
        made_up: Whether a simulator wrote the labels.
    """

    name: str
    time: str
    scene: "xr.Dataset"
    labels: "xr.DataArray"
    made_up: bool = False
