"""What every job has that reads images."""

import math
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, AllowInfNan, Field

from obriy.workflows.config.base import ARGUMENT, CommaList, JobConfig

GSW = "gsw:"
"""Stands before the file of a reference from GSW occurrence."""

Scheduler = Annotated[
    str | None, Field(description="address of a Dask scheduler that spreads the images of a run")
]


def absolute(text: str | None) -> str | None:
    """Return a name with the path of a file in it made absolute; anything else stays."""
    if text is None:
        return None
    head = next((h for h in (GSW, "replay:", "student:") if text.startswith(h)), "")
    path, mark, query = text.removeprefix(head).partition("?p=")
    known = Path(path).expanduser()
    return f"{head}{known.resolve()}{mark}{query}" if known.exists() else text


def _anchored(value: Any) -> Any:
    """Return a field with the paths in it made absolute."""
    return [absolute(one) for one in value] if isinstance(value, list) else absolute(value)


def _no_infinity(value: float) -> float:
    if math.isinf(value):
        raise ValueError("infinity is no number of an image")
    return value


class ReadingConfig(JobConfig):
    """What every job that maps images has."""

    PLACES: ClassVar[tuple[str, ...]] = ("aoi", "reference")
    """Fields that may name files."""
    aoi: str | None = Field(None, description="district: a name, W,S,E,N in degrees, or a file")
    layer: str | None = Field(None, description="layer of the file of districts")
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
    resolution: float | None = Field(
        None, gt=0, description="pixel size, m; of an image without CRS: its pixel size"
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

    def anchored(self) -> Self:
        """Return the configuration with absolute paths: it means the same from any folder."""
        return self.model_copy(update={n: _anchored(getattr(self, n)) for n in self.PLACES})


class ImageConfig(ReadingConfig):
    """What every job that maps one image, or a folder of them, has."""

    PLACES: ClassVar[tuple[str, ...]] = ("source", *ReadingConfig.PLACES)
    source: str = Field("sample:", description="image", json_schema_extra=ARGUMENT)
    clouds: Literal["auto", "flags", "csmask", "spectral", "s2cloudless", "none"] = Field(
        "auto",
        description="cloud mask: auto (the quality band, else csmask, else spectra), flags (the "
        "quality band alone), csmask, spectral, s2cloudless (L1C), or none (the sky was clear)",
    )
