"""What every job has that reads images, and what those have that measure places."""

import math
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, AllowInfNan, Field

from obriy.tables import area_named
from obriy.workflows.config.base import ARGUMENT, CommaList, JobConfig

Scheduler = Annotated[
    str | None,
    Field(description="address of a Dask scheduler that spreads images, and parts of large ones"),
]


def _no_infinity(value: float) -> float:
    if math.isinf(value):
        raise ValueError("infinity is no number of an image")
    return value


class PlaceConfig(JobConfig):
    """Where something is measured."""

    PLACES: ClassVar[tuple[str, ...]] = ("aoi",)
    aoi: str | None = Field(None, description="district: a name, W,S,E,N in degrees, or a file")
    layer: str | None = Field(None, description="layer of the file of districts")
    resolution: float | None = Field(
        None, gt=0, description="pixel size, m; of an image without CRS: its pixel size"
    )

    def anchored(self) -> Self:
        """Return the configuration with absolute paths; a known area is a name, and no folder."""
        named = self.aoi is not None and self.layer is None and area_named(self.aoi) is not None
        made = super().anchored()
        return made.model_copy(update={"aoi": self.aoi}) if named else made


class ReadingConfig(PlaceConfig):
    """What every job that maps images has."""

    PLACES: ClassVar[tuple[str, ...]] = (*PlaceConfig.PLACES, "reference")
    sensor: str | None = Field(None, description="sensor id, e.g. sentinel2_l2a")
    bands: CommaList | None = Field(
        None, description="bands in file order: blue,green,red,nir,-,swir16 or B02,B03,..."
    )
    force_bands: bool | None = Field(
        None, description="believe --bands where the names in the file contradict it"
    )
    scale: float | None = Field(None, description="reflectance = DN x scale + offset")
    offset: float | None = Field(None, description="see scale; an explicit 0 counts")
    nodata: Annotated[float, AllowInfNan(True), AfterValidator(_no_infinity)] | None = Field(
        None, description="DN that means missing; nan: none does, of those that are numbers"
    )
    reference: str | None = Field(None, description="what to score against")
    reference_legend: str | None = Field(
        None,
        description="what the codes of the reference are: gsw, binary, worldcover, ..., "
        "1=water,0=land",
    )
    reference_outside: str | None = Field(
        None, description="class where the reference says nothing, e.g. land; default: unknown"
    )


class ImageConfig(ReadingConfig):
    """What every job that maps one image, or a folder of them, has."""

    PLACES: ClassVar[tuple[str, ...]] = ("source", *ReadingConfig.PLACES)
    source: str = Field("sample:", description="image", json_schema_extra=ARGUMENT)
    clouds: Literal["auto", "flags", "csmask", "spectral", "s2cloudless", "none"] = Field(
        "auto",
        description="cloud mask: auto (the quality band, else csmask, else spectra), flags (the "
        "quality band alone), csmask, spectral, s2cloudless (L1C), or none (the sky was clear)",
    )
