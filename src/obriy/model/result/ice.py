"""IceResult: the answer of `obriy ice`."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from obriy.model.flags import CloudsKnown
from obriy.model.headline import Headline, IceHeadline, ice_headline, leading
from obriy.model.ice import IceArea, IceSeason
from obriy.model.result.base import AsNoun, DateRow, DistrictRow, Evaluation, RunResult
from obriy.model.shown import Drawn


class IceEvaluation(Evaluation):
    """How maps of ice fared against labels.

    Attributes:
        iou: Intersection over union of ice; None where undefined, like all that follow.
        precision: Of ice.
        recall: Of ice.
        f1: Harmonic mean of both.
        cloud_as_ice: Share of cloud that was taken for ice.
    """

    iou: float | None = None
    precision: float | None = None
    recall: float | None = None
    f1: float | None = None
    cloud_as_ice: float | None = None


class IceDate(DateRow):
    """Ice on one date, all places together; shares are of the sea.

    Attributes:
        date: ISO 8601 day.
        granule: Name of its image, or of all.
        time: Of each image.
        ice_km2: Ice that was seen, km²; None: nothing was seen.
        expected_km2: Best estimate of the whole; None where too little was seen.
        interval_km2: 90 % interval of that; None likewise.
        bounds_km2: Between what it lies whatever the unseen holds; None: nothing was seen.
        extent_km2: Sea with a concentration of 15 % or more, km².
        water_km2: Open water that was seen, km².
        sea_km2: The sea, km².
        ice_share: Share of ice that was seen.
        water_share: Share of open water that was seen.
        cloud_share: Share under cloud.
        unseen_share: Share that was not seen, clouds included.
        clouds: How it is known what clouds hid: where it is ``unknown`` nothing is estimated.
    """

    date: str
    granule: str | list[str]
    time: list[str] = Field(default_factory=list)
    ice_km2: float | None
    expected_km2: float | None
    interval_km2: tuple[float, float] | None
    bounds_km2: tuple[float, float] | None = None
    extent_km2: float | None
    water_km2: float | None
    sea_km2: float
    ice_share: float | None
    water_share: float | None
    cloud_share: float
    unseen_share: float
    clouds: CloudsKnown = "known"

    @property
    def headline(self) -> Headline:
        """The figure of the date."""
        return Headline.of_estimate("ice", self, self.ice_km2, clouds=self.clouds, date=self.date)


class IceResult(Drawn, RunResult):
    """Ice through time.

    Attributes:
        method: What mapped it.
        dates: What became of each day, or image where each stands by itself.
        districts: Each place on the date that leads.
        areas: By date and place.
        seasons: By place and winter.
        evaluation: Scores against labels; None where there are none.
    """

    job: Literal["ice"] = "ice"
    headline: IceHeadline | None = None
    method: str
    dates: list[IceDate]
    districts: list[DistrictRow] = Field(default_factory=list)
    areas: list[Annotated[IceArea, AsNoun]]
    seasons: list[Annotated[IceSeason, AsNoun]]
    evaluation: IceEvaluation | None = None

    def lead(self) -> IceHeadline | None:
        """Return the figure of the date of the most ice, of those that saw enough."""
        return ice_headline(self.dates)

    @property
    def leading_date(self) -> IceDate | None:
        """The date that leads; None: nothing was seen."""
        return leading(self.dates)


def districts_of_ice(areas: Sequence[IceArea], dates: Sequence[IceDate]) -> list[DistrictRow]:
    """Return a row for each place, on the date that leads; none where nothing was seen."""
    head = leading(dates)
    rows: dict[str, DistrictRow] = {}
    for area in areas:
        if head is not None and area.date == head.date and area.district not in rows:
            found = Headline.of_estimate(
                "ice", area, area.ice_km2, clouds=area.clouds, date=area.date
            )
            rows[area.district] = DistrictRow.of(area, found, district_km2=area.sea_km2)
    return list(rows.values())
