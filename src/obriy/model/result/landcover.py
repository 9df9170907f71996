"""LandcoverResult: the answer of `obriy landcover`."""

from typing import Literal

from pydantic import Field

from obriy.model.headline import Headline, Values
from obriy.model.legend import UNNAMED
from obriy.model.notices import Sentence
from obriy.model.result.base import DateRow, DistrictRow, Evaluation, Open, Plain, RunResult


class CoverEvaluation(Evaluation):
    """How a map of land cover fared; of clusters, how good their names could be.

    Attributes:
        mean_iou: Mean intersection over union of the classes that occur.
        ceiling: The same with the best name for each cluster; None: there are no clusters.
    """

    mean_iou: float | None = None
    ceiling: Plain | None = None


class ClassRow(Values):
    """The area of one class in one district.

    Attributes:
        name: Machine name; ``unknown``: seen, but not named.
        code: Its code; 255 for ``unknown``.
        area_km2: km²; None where nobody knows the size of a pixel.
        share: Share of what was seen, 0 to 1.
        district: Name of the district.
        confidence: Mean confidence of its names, 0 to 1; None: nobody was asked.
    """

    name: str
    code: int
    area_km2: float | None
    share: float
    district: str
    confidence: float | None = None


class ClusterRow(Open):
    """One cluster, and what was said of it.

    Attributes:
        id: Its number.
        pixels: Its size.
        share: Of what was seen.
        name: What it is called; ``unknown``: the panel would not say.
        code: Code of that; 255 for ``unknown``.
        confidence: Of the name, 0 to 1.
        agreement: Share of the weight of the votes that it got, 0 to 1.
        votes: What each labeller said.
    """

    id: int
    pixels: int
    share: float
    name: str
    code: int
    confidence: float = 0.0
    agreement: float = 0.0
    votes: list[Plain] = Field(default_factory=list)


class Cost(Open):
    """What a panel cost.

    Attributes:
        calls: Calls to models of others.
        usd: Dollars; None: not known.
    """

    calls: int = 0
    usd: float | None = None


class CoverSeason(Values):
    """What a season was made of, and what was not seen of it.

    Attributes:
        dates: Each date: ``date``, ``seen_share`` of the grid (0 to 1), ``status`` (``ok``,
            ``partial``, ``skipped``: nothing seen, ``failed``), ``reason`` why it is not ``ok``.
        months_unseen: Months of the year, 1 to 12, within the period, of which nothing was seen.
        dates_per_pixel: 10th percentile, median and 90th of the dates on which a pixel was seen.
        never_seen_share: Share of the pixels that no date showed, 0 to 1.
        few_seen_share: Share of the pixels that one or two dates showed.
        greenest_month: Month in which NDVI lies highest above each pixel's own mean, 1 to 12;
            None: not known.
        barest_month: Month of the lowest.
    """

    dates: list[Plain]
    months_unseen: list[int]
    dates_per_pixel: list[int]
    never_seen_share: float
    few_seen_share: float
    greenest_month: int | None = None
    barest_month: int | None = None


class CoverTotal(DistrictRow):
    """All districts as one place.

    Attributes:
        classes: Its classes, the largest first.
    """

    classes: list[ClassRow]


class LandcoverResult(RunResult):
    """Land cover of one image, or of a season.

    Attributes:
        method: As it was asked for.
        legend: Name of the legend of its classes.
        dates: The one date; of a season its first and last, an interval of ISO 8601.
        season: What a season was made of; None: it is one image.
        unseen_share: Share that was not seen, 0 to 1.
        clusters: Clusters and their names; empty of a map of a student.
        classes: By district.
        total: All districts as one place.
        districts: Each district; empty: the whole image was asked for.
        rounds: What was split and merged.
        evaluation: Scores against a reference; None where there is none.
        cost: What the panel cost; None: there was none.
        problems: What went wrong in the panel, the worst first.
        decision: What the method decided.
    """

    job: Literal["landcover"] = "landcover"
    method: str
    legend: str
    dates: list[DateRow] = Field(default_factory=list)
    season: CoverSeason | None = None
    unseen_share: float
    clusters: list[ClusterRow]
    classes: list[ClassRow]
    total: CoverTotal
    districts: list[DistrictRow] = Field(default_factory=list)
    rounds: list[Plain] = Field(default_factory=list)
    evaluation: CoverEvaluation | None = None
    cost: Cost | None = None
    problems: list[Sentence] = Field(default_factory=list)
    decision: Plain

    def lead(self) -> Headline | None:
        """Return the largest class that has a name: what was seen of it, for none is estimated."""
        date = self.dates[0].date if self.dates else None
        return cover_headline(self.total.classes, self.total.unseen_share, date)


def cover_headline(
    classes: list[ClassRow], unseen_share: float, date: str | None
) -> Headline | None:
    """Return the headline of one place; None where no class has a name and an area."""
    named = [row for row in classes if row.code != UNNAMED and row.area_km2 is not None]
    most = max(named, key=lambda row: row.area_km2 or 0.0, default=None)
    if most is None:
        return None
    return Headline(
        what=most.name,
        km2=most.area_km2,
        interval_km2=None,
        of="seen",
        why="classes",
        date=date,
        seen_km2=most.area_km2,
        unseen_share=unseen_share,
    )
