"""What every job has that measures dates: of images that it maps, or of maps that are there."""

from typing import ClassVar, Final

from pydantic import Field

from obriy.model.legend import Legend
from obriy.workflows.config.base import CommaList
from obriy.workflows.config.reading import PlaceConfig

SERIES: Final = ("datetime", "weights", "fill", "register", "river", "evaporation", "change")
"""Options that only a series of dates has."""


class SeriesConfig(PlaceConfig):
    """How dates are chosen, weighed, filled and compared."""

    PLACES = (*PlaceConfig.PLACES, "weights", "register_", "river", "evaporation")
    WORDS: ClassVar = {"weights": ("clear", "cloud")}

    datetime: str | None = Field(
        None, description="dates of a series, A/B: days, months or years, both included"
    )
    weights: str | None = Field(
        None, description="weights of dates: clear (default), cloud, or a CSV with date,weight"
    )
    fill: bool = Field(
        False, description="fill what a date did not see from what the other dates saw"
    )
    register_: str | None = Field(
        None, alias="register", description="register to compare with: km², or a CSV"
    )
    river: str | None = Field(
        None, description="polygons of the river channel, which the register leaves out"
    )
    evaporation: str | None = Field(
        None, description="CSV of monthly weather, for additional evaporation"
    )
    change: tuple[str, str] | None = Field(
        None, description="two dates or periods to compare, e.g. 2025-06 2025-09"
    )
    outputs: CommaList = Field([], description="what to write")

    def series_options(self) -> list[str]:
        """Return the names of the options given that only a series has."""
        given = self.model_dump(by_alias=True)
        return [name for name in SERIES if given[name]]

    @property
    def measured(self) -> str:
        """The class whose area is measured."""
        return "water"

    def called(self, legend: Legend) -> str:
        """Return what people call that class, where it is not water; else nothing."""
        name = self.measured
        return "" if name == "water" else legend.by_name(name).called(self.lang)
