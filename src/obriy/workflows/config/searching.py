"""What is asked of catalogues of images: where nobody names a file."""

from typing import Any, Final

from pydantic import Field, model_validator

from obriy.errors import UsageError
from obriy.workflows.config.base import CommaList
from obriy.workflows.config.reading import PlaceConfig

SEARCHED: Final = "stac:"
"""The source where a place and dates are named and no file: catalogues without an account."""


class SearchConfig(PlaceConfig):
    """A place and dates that stand for a source, and which of what is found there is read."""

    datetime: str | None = Field(
        None, description="dates, A/B: days, months or years, both included"
    )
    max_cloud: float | None = Field(
        None, ge=0, le=100, description="of a catalogue: cloudiness of a scene above which it is "
        "not read, per cent",
    )  # fmt: skip
    tiles: CommaList = Field(
        [],
        description="of process: requests that an image is cut into, rows x columns, e.g. 5x5; "
        "compare water: several",
    )

    @model_validator(mode="before")
    @classmethod
    def _searched(cls, values: Any) -> Any:
        """Search the catalogues where a place and dates are given, and no source."""
        if not isinstance(values, dict) or values.get("source"):
            return values
        if values.get("aoi") and not values.get("datetime"):
            # The default source is made up somewhere: no district of anyone lies there.
            raise UsageError(
                "--aoi says where, and neither an image nor dates are named.",
                "Name an image; or say --datetime A/B, and catalogues are searched for it.",
            )
        named = values.get("aoi") and values.get("datetime")
        return values | {"source": SEARCHED} if named else values


class SearchSeriesConfig(SearchConfig):
    """The same of several dates."""

    max_dates: int | None = Field(
        None, ge=1, description="of a catalogue: how many dates at most, spread over the period"
    )
    best: int | None = Field(
        None, ge=1, description="of a catalogue: how many dates, those that show most; 1: one image"
    )
