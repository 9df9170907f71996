"""Sea ice: its maps, the training of what maps it, the comparison of its methods."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field

from obriy.workflows.config.base import (
    ARGUMENT,
    TRAINED,
    CommaList,
    JobConfig,
    absolute,
    one_or_more,
)
from obriy.workflows.config.reading import ReadingConfig, Scheduler


class IceConfig(ReadingConfig):
    """Map sea ice in granules of MODIS or VIIRS, or images, and measure it through the winter."""

    PLACES: ClassVar[tuple[str, ...]] = (
        "sources", *ReadingConfig.PLACES, "geolocation", "land", "clouds", "model",
    )  # fmt: skip
    WORDS: ClassVar = {"land": ("auto", "none"), "clouds": ("auto", "none")}
    FORMERLY = TRAINED
    FIRST = ("aoi", "datetime", "method", "reference", "out")
    OUTPUTS = ("map", "concentration", "polygons", "report")

    job: Literal["ice"] = "ice"
    sources: Annotated[list[str], BeforeValidator(one_or_more)] = Field(
        ["simulated:ice"],
        description="granules (MOD02HKM, MOD09GA, VNP02MOD, ...), images, folders of them",
        json_schema_extra=ARGUMENT,
    )
    geolocation: CommaList | None = Field(
        None,
        description="MOD03, VNP03MOD, ... files, or their folder; default: beside the granules",
    )
    aoi: str | None = Field(
        None, description="place: a name, W,S,E,N in degrees, or a file; default: whole images"
    )
    crs: str | None = Field(None, description="CRS of the maps of granules, e.g. EPSG:3413")
    land: str = Field(
        "auto",
        description="land mask: auto (that of the geolocation), none, or a raster or polygons",
    )
    clouds: str = Field(
        "auto", description="clouds beside the method's own: auto (a quality band, or MOD35 or "
        "CLDMSK_L2 beside the granules; else, where the method knows none, those of auto), none "
        "(the sky was clear), or a file or folder of masks",
    )  # fmt: skip
    resampling: Literal["nearest", "average"] = Field(
        "nearest", description="how granules get onto a grid"
    )
    method: str = Field("auto", description="see 'obriy methods'")
    model: str | None = Field(
        None, description="file of a trained method (obriy train ice), or m201: ours"
    )
    composite: Literal["best", "majority", "none"] = Field(
        "best", description="several granules of a day: best view, majority, or each by itself"
    )
    datetime: str | None = Field(
        None, description="dates to map, A/B: days, months or years, both included"
    )
    reference: str | None = Field(
        None,
        description="labels to score against: a raster, polygons, MOD10A2, or a folder by name",
    )
    seed: int = Field(0, ge=0, description="the same seed makes the same map")
    scheduler: Scheduler = None
    outputs: CommaList = Field(list(OUTPUTS), description=f"what to write, of {','.join(OUTPUTS)}")


def _trainable(name: str) -> str:
    """Return the name of a method that can be trained, as it is written."""
    from obriy.methods.ice.spec import trainable  # not before it is asked: `--help` is quick

    return trainable(name).name


class LearningConfig(JobConfig):
    """What training and comparing methods for ice have in common."""

    PLACES: ClassVar[tuple[str, ...]] = ("data",)
    data: Path = Field(
        Path(),
        description="folder of scenes with labels/ beside them",
        json_schema_extra=ARGUMENT,
    )
    split: Literal["time", "random"] = Field(
        "time", description="what is apart: winters, or scenes at random (optimistic)"
    )
    datetime: str | None = Field(
        None, description="scenes to take, A/B: days, months or years, both included"
    )
    validation_share: float = Field(0.15, gt=0, le=0.4, description="share of scenes to choose by")
    test_share: float = Field(0.15, gt=0, le=0.4, description="share of scenes to report on")
    epochs: int = Field(570, ge=1, description="times over all scenes, at most")
    patience: int | None = Field(
        None, ge=1, description="epochs without a better validation IoU to stop after"
    )
    batch: int = Field(32, ge=1, description="scenes in a step")
    rate: float = Field(1e-3, gt=0, description="learning rate")
    seed: int = Field(0, ge=0, description="the same seed makes the same split and weights")
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="where to compute: auto, cpu or cuda"
    )


class IceTrainConfig(LearningConfig):
    """Train a method for sea ice on labelled scenes, and judge it on winters it never saw."""

    FIRST = ("method", "pretrained", "split", "epochs", "out")
    PLACES = (*LearningConfig.PLACES, "pretrained")
    WORDS: ClassVar = {"pretrained": ("imagenet",)}

    job: Literal["train-ice"] = "train-ice"
    method: Annotated[str, AfterValidator(_trainable)] = Field(
        "m211", description="what to train, see 'obriy methods'"
    )
    pretrained: str | None = Field(
        None,
        description="what to go on from: a trained model; of unet, deeplab weights of photographs",
    )


class IceCompareConfig(LearningConfig):
    """Compare methods for sea ice on the same labelled scenes, split by winters."""

    FIRST = ("methods", "model", "split", "epochs", "out")
    FORMERLY = TRAINED

    job: Literal["compare-ice"] = "compare-ice"
    methods: CommaList = Field(
        ["auto", "ndsi", "ndsi+auto", "ndsii2", "mod29", "mod29+auto", "green:otsu", "watershed",
         "growing", "kmeans", "spectral", "dbscan", "linear", "svm", "knn", "forest"],
        description="methods, see 'obriy methods'; NAME+auto: with the clouds of auto beside",
    )  # fmt: skip
    model: CommaList = Field(
        [], description="files of trained methods, m211=FILE,...; the others are trained here"
    )

    def anchored(self) -> Self:
        """Return the configuration with absolute paths: it means the same from any folder."""
        parts = (entry.partition("=") for entry in self.model)
        model = [f"{name}{mark}{absolute(file)}" for name, mark, file in parts]
        return super().anchored().model_copy(update={"model": model})
