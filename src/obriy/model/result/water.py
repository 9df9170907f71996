"""AreaResult: areas of a class in an image or a series; that of `obriy water` is one."""

from typing import Annotated, Literal

from pydantic import Field

from obriy.model.areas import Area, PeriodArea
from obriy.model.balance import Evaporation, RegisterComparison
from obriy.model.change import WaterChange
from obriy.model.flags import CloudsKnown, ErrorsKnown
from obriy.model.headline import Headline, Values
from obriy.model.notices import Sentence
from obriy.model.result.base import (
    AsNoun,
    DateRow,
    DistrictRow,
    Evaluation,
    Open,
    Plain,
    RunResult,
)
from obriy.model.shown import Drawn


class Estimate(Values):
    """The area of a class in a place: what was seen, and the best estimate of the whole.

    Attributes:
        area_km2: What was seen, km²; None: nothing was, or nobody knows the size of a pixel.
        filled_km2: That, and what other dates tell of where this one was blind; None: unknown.
        expected_km2: Best estimate of the whole; None where too little was seen.
        interval_km2: 90 % interval of the true area; None likewise.
        bounds_km2: Between what it lies whatever the unseen holds; None: nothing was seen.
        unseen_share: Share that was not seen, 0 to 1.
        unseen: How it is known what clouds hid.
        errors: What tells how the map errs.
    """

    area_km2: float | None
    filled_km2: float | None = None
    expected_km2: float | None
    interval_km2: tuple[float, float] | None
    bounds_km2: tuple[float, float] | None = None
    unseen_share: float
    unseen: CloudsKnown = "known"
    errors: ErrorsKnown = "known"

    @property
    def clouds(self) -> CloudsKnown:
        """The same as ``unseen``, by the name that areas have for it."""
        return self.unseen

    def estimate(self, date: str | None = None) -> Headline:
        """Return the figure that leads, with its interval."""
        return _headline(self, date)


class WaterDate(Estimate, DateRow):
    """Water on one date, all districts together.

    Attributes:
        clear_share: Share that was seen.
        weight: Weight of the date in the area of the period; None: it has none.
        threshold: Threshold that its map was made with; None: the method has none.
        doubted: What contradicts the other dates, ``pixels`` and ``km2``; None: not compared.
        cloud_percent: Cloudiness of the scene by its metadata; None: unknown.
    """

    clear_share: float
    weight: float | None = None
    threshold: float | None = None
    doubted: Plain | None = None
    cloud_percent: float | None = None

    @property
    def headline(self) -> Headline:
        """The figure of the date."""
        return self.estimate(self.date)


class AreaResult(Estimate, RunResult):
    """What the result of areas has, of one image and of a series.

    Attributes:
        kind: Of one ``image``, or of a ``series``.
        uncertainty_km2: Standard deviation by cause, km².
        dates: What became of each date.
        districts: Each district, of a series over its period.
        evaluation: Scores against a reference; None where there is none.
        comparison: With a register; None: not asked for.
        evaporation: Additional evaporation by district; None: not asked for.
    """

    kind: str
    uncertainty_km2: dict[str, float] = Field(default_factory=dict)
    dates: list[WaterDate]
    districts: list[DistrictRow] = Field(default_factory=list)
    evaluation: Evaluation | None = None
    comparison: Annotated[RegisterComparison, AsNoun] | None = None
    evaporation: list[Annotated[Evaporation, AsNoun]] | None = None


class WaterResult(AreaResult):
    """What the result of water has beside.

    Attributes:
        method: As it was asked for.
    """

    job: Literal["water"] = "water"
    method: str


class WaterImageResult(WaterResult):
    """Water of one image.

    Attributes:
        mask_area_km2: Area of the pixels of water, km²; ``area_km2`` is of their fractions.
        decision: What the method decided.
    """

    kind: Literal["image"] = "image"
    mask_area_km2: float | None = None
    decision: Plain

    def lead(self) -> Headline:
        """Return the figure of the image."""
        (date,) = self.dates
        head = self.estimate(date.date)
        if self.bounds_km2 is None and not self.districts:
            return head.model_copy(update={"why": "no_pixel_size"})
        return head


class Bodies(Values):
    """Bodies of water that were followed through the dates.

    Attributes:
        count: How many there are.
        rule: What makes one.
        largest: Those that held the most water on a date.
    """

    count: int
    rule: Plain
    largest: list[Open] = Field(default_factory=list)


class SeriesPart(Drawn, Values):
    """What the result of a series of dates has beside: S = Σ Sᵢωᵢ over its period.

    Attributes:
        weights: How dates weigh.
        effective_dates: (Σωᵢ)² / Σωᵢ².
        change_sd_km2: Weighted standard deviation in time, km².
        leave_one_out_km2: The area seen without the date, by date.
        status: The worst that a date needs said.
        reason: Why it is not ``ok``.
        areas: By date and district.
        change: Between two halves; None: not asked for, or not known.
        bodies: Bodies of water; None: not asked for.
    """

    weights: str
    effective_dates: float
    change_sd_km2: float
    leave_one_out_km2: dict[str, float]
    status: str = "ok"
    reason: Sentence = ""
    areas: list[Annotated[Area, AsNoun]]
    change: Annotated[WaterChange, AsNoun] | None = None
    bodies: Bodies | None = None


class WaterSeriesResult(WaterResult, SeriesPart):
    """Water of a series of dates, as `obriy water` mapped them."""

    kind: Literal["series"] = "series"

    def lead(self) -> Headline:
        """Return the weighted figure of the period."""
        return self.estimate()


def district_of_image(area: Area, what: str = "water") -> DistrictRow:
    """Return the row of a district of one image."""
    return DistrictRow.of(area, _headline(area, area.date, what))


def district_of_series(
    period: PeriodArea, district_km2: float | None, what: str = "water"
) -> DistrictRow:
    """Return the row of a district over a period."""
    head = _headline(period, None, what)
    return DistrictRow.of(period, head, district_km2=district_km2)


def _headline(row: Estimate | Area | PeriodArea, date: str | None, what: str = "water") -> Headline:
    return Headline.of_estimate(
        what,
        row,
        row.area_km2,
        clouds=row.clouds,
        errors=row.errors,
        filled_km2=row.filled_km2,
        date=date,
    )
