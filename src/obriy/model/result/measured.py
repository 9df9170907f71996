"""MeasureResult: the answer of `obriy measure`."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from obriy.model.areas import Area
from obriy.model.change import WaterChange
from obriy.model.headline import Values
from obriy.model.notices import Sentence
from obriy.model.result.base import AsNoun, RunResult


class MeasuredMap(Values):
    """The areas of one map.

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
    """Areas of maps that somebody else made.

    Attributes:
        class_name: The class; ``class`` in the file.
        maps: In the order of time; as they were given where one has no date.
        change: From the first to the last; None: not asked for.
        notes: What the user should know.
    """

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    job: Literal["measure"] = "measure"
    class_name: str = Field(alias="class")
    maps: list[MeasuredMap]
    change: Annotated[WaterChange, AsNoun] | None = None
    notes: list[Sentence] = Field(default_factory=list)
