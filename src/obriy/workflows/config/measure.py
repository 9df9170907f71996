"""Maps that somebody else made."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from obriy.workflows.config.base import ARGUMENT, CommaList, one_or_more
from obriy.workflows.config.reading import Scheduler
from obriy.workflows.config.series import SeriesConfig


class MeasureConfig(SeriesConfig):
    """Measure class maps that somebody else made: areas by date and district, and change."""

    PLACES = ("maps", *SeriesConfig.PLACES)
    FIRST = ("aoi", "codes", "class", "change", "out")
    OUTPUTS = ("polygons", "report")

    job: Literal["measure"] = "measure"
    maps: Annotated[list[Path], BeforeValidator(one_or_more)] = Field(
        [],
        description="class maps, rasters with a date in their names; or the folder of them",
        json_schema_extra=ARGUMENT,
    )
    codes: str | None = Field(
        None, description="what the codes are: 1=water,0=land, 1=water,nodata=land, or a name"
    )
    class_: str = Field("water", alias="class", description="the class to measure")
    resolution: float | None = Field(None, gt=0, description="pixel size, m, of maps without CRS")
    scheduler: Scheduler = None
    outputs: CommaList = Field(list(OUTPUTS), description=f"what to write, of {','.join(OUTPUTS)}")

    @property
    def measured(self) -> str:
        """The class whose area is measured."""
        return self.class_
