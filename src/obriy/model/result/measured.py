"""The answers of `obriy measure`: areas of maps that somebody else made."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from obriy.model.areas import Area
from obriy.model.change import WaterChange
from obriy.model.headline import Headline, Values
from obriy.model.notices import Sentence
from obriy.model.result.base import AsNoun, RunResult
from obriy.model.result.water import AreaResult, SeriesPart, WaterImageResult, WaterSeriesResult

_BY_BOTH = ConfigDict(validate_by_name=True, validate_by_alias=True)
"""``class`` in the file is no name of a field."""


class _Measured(AreaResult):
    """What the results of `obriy measure` have.

    Attributes:
        class_name: The class; ``class`` in the file.
        codes: What the codes of the maps are, as the user says; None: as the files tell.
    """

    model_config = _BY_BOTH

    job: Literal["measure"] = "measure"
    class_name: str = Field(alias="class")
    codes: str | None = None

    def lead(self) -> Headline:
        """Return the figure of the class."""
        date = self.dates[0].date if self.kind == "image" else None
        return self.estimate(date).model_copy(update={"what": self.class_name})


class MeasuredSeriesResult(_Measured, SeriesPart):
    """Dated maps that somebody else made: S = Σ Sᵢωᵢ over their period."""

    kind: Literal["series"] = "series"


class MeasuredImageResult(_Measured):
    """One map that somebody else made, of a known date or of none."""

    kind: Literal["image"] = "image"


ImageResult = WaterImageResult | MeasuredImageResult
"""Areas of one image, whoever mapped it."""
SeriesResult = WaterSeriesResult | MeasuredSeriesResult
"""Areas of a series of dates, whoever mapped them."""


class MeasuredMap(Values):
    """The areas of one map, as version 2 of before had them.

    Attributes:
        file: The map.
        map: What it is called: name of its file, with folders where another is called alike.
        date: ISO 8601; None: not known.
        areas: By district, whole pixels; without an interval.
        together: All districts as one place, where they overlap.
        notes: How its codes were read.
    """

    file: str
    map: str
    date: str | None
    areas: list[Annotated[Area, AsNoun]]
    together: list[Annotated[Area, AsNoun]] = Field(default_factory=list)
    notes: list[Sentence] = Field(default_factory=list)


class MeasureResult(RunResult):
    """Areas of maps that somebody else made, from before it was a job: read, written no more.

    Attributes:
        class_name: The class; ``class`` in the file.
        maps: In the order of time; as they were given where one has no date.
        change: From the first to the last; None: not asked for.
        notes: What the user should know.
    """

    model_config = _BY_BOTH

    job: Literal["measure"] = "measure"
    class_name: str = Field(alias="class")
    maps: list[MeasuredMap]
    change: Annotated[WaterChange, AsNoun] | None = None
    notes: list[Sentence] = Field(default_factory=list)
