"""Water: its maps, and the comparison of its methods."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from obriy.workflows.config.base import ARGUMENT, CommaList
from obriy.workflows.config.reading import ImageConfig, Scheduler
from obriy.workflows.config.searching import SearchConfig, SearchSeriesConfig
from obriy.workflows.config.series import SeriesConfig


class _WaterImages(ImageConfig):
    """What mapping water and comparing its methods have in common."""

    source: str = Field(
        "simulated:",
        description="image, folder of bands, folder of dated images, sample: or simulated:",
        json_schema_extra=ARGUMENT,
    )
    reference: str | None = Field(
        None,
        description="raster, polygons, points to score against; gsw:FILE: GSW occurrence; "
        "worldcover, gsw: read in the network",
    )


class WaterConfig(_WaterImages, SeriesConfig, SearchSeriesConfig):
    """Map water in an image or through a season, measure it, score it or compare it."""

    PLACES = ("source", "aoi", "reference", "dem", "weights", "register_", "river", "evaporation")
    FIRST = ("aoi", "datetime", "method", "reference", "out")
    OUTPUTS = ("mask", "fraction", "polygons", "report", "index")

    job: Literal["water"] = "water"
    method: str = Field("auto", description="auto, INDEX:THRESHOLD, or an expression of them")
    dem: str | None = Field(
        None, description="heights of the ground, m: shaded slopes beside the water are land"
    )
    scheduler: Scheduler = None
    outputs: CommaList = Field(
        list(OUTPUTS[:-1]), description=f"what to write, of {','.join(OUTPUTS)}"
    )


def _outer_comma_list(value: Any) -> Any:
    """Turn ``"auto, majority(a, b)"`` into a list: commas within parentheses part nothing."""
    if not isinstance(value, str):
        return value
    parts, depth = [""], 0
    for letter in value:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]


class WaterCompareConfig(_WaterImages, SearchConfig):
    """Compare methods for water on one scene: areas, scores, masks, every threshold."""

    FIRST = ("aoi", "methods", "sweep", "reference", "out")

    job: Literal["compare-water"] = "compare-water"
    methods: Annotated[list[str], BeforeValidator(_outer_comma_list)] = Field(
        [],
        description="auto, INDEX:THRESHOLD and expressions of them, e.g. auto,mndwi:otsu; default: "
        "auto, and Otsu's threshold of the indices that the bands allow",
    )
    sweep: CommaList = Field(
        [], description="indices whose every threshold is tried, e.g. ndwi,mndwi"
    )
