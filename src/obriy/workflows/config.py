"""The configuration of each job: command line, page and config.yaml are all made from it."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal, Self, TypeVar

import yaml
from pydantic import (
    AfterValidator,
    AllowInfNan,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from obriy.errors import UsageError
from obriy.model.clusters import MOST_CLUSTERS
from obriy.model.features import DEFAULT_GROUPS, GROUPS

GSW = "gsw:"
"""Stands before the file of a reference from GSW occurrence."""


def _comma_list(value: Any) -> Any:
    """Turn ``"a,b"`` into ``["a", "b"]``; anything else stays."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


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


def _one_or_more(value: Any) -> Any:
    """Turn one name into a list of one; anything else stays."""
    return [value] if isinstance(value, str | Path) else value


ARGUMENT: Final[dict[str, Any]] = {"argument": True}
"""Marks the field that stands on the command line without an option."""
CommaList = Annotated[list[str], BeforeValidator(_comma_list)]


def usual_language() -> Literal["en", "uk"]:
    """Return the language where nobody chooses one: that of ``OBRIY_LANG``, or English."""
    from obriy.settings import settings  # not before it is asked: `--help` is quick

    return settings().lang


TRAINED: Final = {"weights": "model"}
"""What was trained is a model; weights are those of dates."""


class JobConfig(BaseModel):
    """What every job has."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    OUTPUTS: ClassVar[tuple[str, ...]] = ()
    """What can be written, of a job that has a choice."""
    FORMERLY: ClassVar[Mapping[str, str]] = {}
    """Names that options had before, and have now: configurations of old runs are read."""

    out: Annotated[Path, AfterValidator(Path.expanduser)] | None = Field(
        None, description="folder of the run; default: named after the source"
    )
    workers: int | None = Field(None, ge=1, description="threads; default: one per core")
    max_ram: float | None = Field(
        None, gt=0, le=1e6, description="memory to use, GB; default: half of what is free"
    )
    lang: Literal["en", "uk"] = Field(
        default_factory=usual_language,
        description="language of the report; default: OBRIY_LANG, else en",
    )

    @model_validator(mode="before")
    @classmethod
    def _renamed(cls, values: Any) -> Any:
        """Take what was given by a name that an option had before."""
        if not isinstance(values, dict):
            return values
        return {cls.FORMERLY.get(name, name): value for name, value in values.items()}

    def identity(self) -> dict[str, Any]:
        """Return the values that determine the result: where and how fast are left out."""
        return self.model_dump(
            mode="json",
            exclude={"out", "workers", "max_ram", "scheduler"},
            exclude_none=True,
            by_alias=True,
        )

    def anchored(self) -> Self:
        """Return the configuration with absolute paths: it means the same from any folder."""
        return self

    def stem(self) -> str:
        """Return how the folder of a run is named where nobody names it."""
        given = getattr(self, self.argument())
        first = str(given[0] if isinstance(given, list) else given)
        return re.sub(r"[^\w.-]+", "-", Path(first).name or first).strip("-.")

    def names(self) -> list[str]:
        """Return all that may name something to read: every text among the values."""
        values = self.model_dump(mode="json", exclude={"out"}).values()
        listed = (value if isinstance(value, list) else [value] for value in values)
        return [one for values in listed for one in values if isinstance(one, str)]

    @classmethod
    def argument(cls) -> str:
        """Return the field that stands on the command line without an option."""
        extras = {name: field.json_schema_extra for name, field in cls.model_fields.items()}
        return next(name for name, extra in extras.items() if extra == ARGUMENT)

    @classmethod
    def title(cls) -> str:
        """Return the name of the job, which is that of its command."""
        return str(cls.model_fields["job"].default)


def _absolute(text: str | None) -> str | None:
    """Return a name with the path of a file in it made absolute; anything else stays."""
    if text is None:
        return None
    head = next((h for h in (GSW, "replay:", "student:") if text.startswith(h)), "")
    path, mark, query = text.removeprefix(head).partition("?p=")
    known = Path(path).expanduser()
    return f"{head}{known.resolve()}{mark}{query}" if known.exists() else text


def _anchored(value: Any) -> Any:
    """Return a field with the paths in it made absolute."""
    return [_absolute(one) for one in value] if isinstance(value, list) else _absolute(value)


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


SERIES: Final = ("datetime", "weights", "fill", "register", "river", "evaporation", "change")
"""Options that only a series of dates has."""


class WaterConfig(ImageConfig):
    """Map water in one scene or in a series of dates, measure it, score or compare it."""

    PLACES = ("source", "aoi", "reference", "dem", "weights", "register_", "river", "evaporation")
    OUTPUTS = ("mask", "fraction", "polygons", "report", "index")

    job: Literal["water"] = "water"
    source: str = Field(
        "simulated:",
        description="image, folder of bands, folder of dated images, sample: or simulated:",
        json_schema_extra=ARGUMENT,
    )
    method: str = Field("auto", description="auto, INDEX:THRESHOLD, or an expression of them")
    reference: str | None = Field(
        None, description="raster, polygons, points to score against; gsw:FILE: GSW occurrence"
    )
    dem: str | None = Field(
        None, description="heights of the ground, m: shaded slopes beside the water are land"
    )
    scheduler: str | None = Field(
        None, description="address of a Dask scheduler that spreads the dates of a series"
    )
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
    outputs: CommaList = Field(
        list(OUTPUTS[:-1]), description=f"what to write, of {','.join(OUTPUTS)}"
    )

    def series_options(self) -> list[str]:
        """Return the names of the options given that only a series has."""
        given = self.model_dump(by_alias=True)
        return [name for name in SERIES if given[name]]


def _auto(value: Any) -> Any:
    """Return None for ``"auto"``: what is not said is chosen."""
    return None if value == "auto" else value


class CoverConfig(ImageConfig):
    """What every job has that finds clusters in one image and names them."""

    PLACES: ClassVar[tuple[str, ...]] = (
        "source", "aoi", "reference", "legend", "model", "replay", "reliability",
    )  # fmt: skip
    FORMERLY = TRAINED

    source: str = Field(
        "sample:",
        description="image, folder of bands, sample: or simulated:",
        json_schema_extra=ARGUMENT,
    )
    features: CommaList = Field(
        list(DEFAULT_GROUPS), description=f"what tells pixels apart, of {','.join(GROUPS)}"
    )
    model: str | None = Field(
        None, description="what was trained, for sam or unet: file, folder, or name at the hub"
    )
    labellers: CommaList = Field(
        ["spectral"],
        description="who names clusters: spectral, anthropic:MODEL, openai:MODEL, google:MODEL, "
        "each with @ADDRESS, human, replay:FILE",
    )
    legend: str = Field("worldcover", description="classes: a name, or a file of your own")
    vote: Literal["majority", "weighted", "rank"] = Field("majority", description="how they vote")
    reliability: str | None = Field(
        None, description="weights of the weighted vote: NAME=0.8,..., or a scored result.json"
    )
    agreement: float = Field(
        0.0, ge=0, le=1, description="least share of the votes that a name needs"
    )
    rounds: int = Field(
        1, ge=0, le=5, description="times that clusters called mixed are split and asked again"
    )
    merge: bool = Field(False, description="make one cluster of those that are named alike")
    budget: str | None = Field(
        None, description="cap of the panel, e.g. calls=200,tokens=2e6,usd=1"
    )
    replay: str | None = Field(None, description="panel.json of a run: its answers, without a call")
    seed: int = Field(0, ge=0, description="the same seed makes the same map")
    reference: str | None = Field(
        None, description="raster, polygons, points to score against; band:NAME of the image"
    )

    def anchored(self) -> Self:
        """Return the configuration with absolute paths: it means the same from any folder."""
        known: dict[str, Any] = {
            "labellers": [_absolute(name) if ":" in name else name for name in self.labellers]
        }
        if not Path(self.legend).suffix:  # a name, though a folder may be called so
            known["legend"] = self.legend
        return super().anchored().model_copy(update=known)

    def panel(self) -> list[str]:
        """Return who is asked."""
        return [f"replay:{self.replay}"] if self.replay else list(self.labellers)


class LandcoverConfig(CoverConfig):
    """Map land cover in one scene: clusters that a panel of labellers names."""

    PLACES: ClassVar[tuple[str, ...]] = (*CoverConfig.PLACES, "method")
    OUTPUTS = ("landcover", "clusters", "confidence", "agreement", "sheet", "report", "polygons")

    job: Literal["landcover"] = "landcover"
    method: str = Field(
        "kmeans", description="[SEGMENTER+][EMBEDDER+]CLUSTERER, see 'obriy methods'; student:FILE"
    )
    clusters: Annotated[int | None, BeforeValidator(_auto)] = Field(
        None, ge=2, lt=MOST_CLUSTERS, description="how many, or auto: by a criterion"
    )
    outputs: CommaList = Field(
        list(OUTPUTS[:-1]), description=f"what to write, of {','.join(OUTPUTS)}"
    )

    def anchored(self) -> Self:
        """Return the configuration with absolute paths: it means the same from any folder."""
        known = super().anchored()
        if ":" in self.method:
            return known
        return known.model_copy(update={"method": self.method})  # though a folder may be called so


class CompareConfig(CoverConfig):
    """Compare clusterers and numbers of clusters on one scene, against a reference."""

    job: Literal["compare"] = "compare"
    methods: CommaList = Field(
        ["kmeans", "slic+kmeans", "watershed+kmeans", "spectral", "dbscan"],
        description="clusterers, see 'obriy methods'",
    )
    clusters: CommaList = Field(["8", "12", "20"], description="numbers of clusters, or auto")
    budget: str | None = Field(
        None, description="cap of all panels together, e.g. calls=200; each map gets an equal part"
    )


class WaterCompareConfig(ImageConfig):
    """Compare methods for water on one scene, or every threshold through a season."""

    job: Literal["compare-water"] = "compare-water"
    source: str = Field(
        "simulated:",
        description="image, folder of bands, sample: or simulated:",
        json_schema_extra=ARGUMENT,
    )
    methods: Annotated[list[str], BeforeValidator(_outer_comma_list)] = Field(
        [],
        description="auto, INDEX:THRESHOLD and expressions of them, e.g. auto,mndwi:otsu; default: "
        "auto, and Otsu's threshold of the indices that the bands allow",
    )
    sweep: CommaList = Field(
        [], description="indices whose every threshold is tried, e.g. ndwi,mndwi"
    )
    reference: str | None = Field(
        None, description="raster, polygons or points to score against; gsw:FILE for GSW occurrence"
    )


class IceConfig(ReadingConfig):
    """Map sea ice in granules of MODIS, or in other images, and measure it through time."""

    PLACES: ClassVar[tuple[str, ...]] = (
        "sources", *ReadingConfig.PLACES, "geolocation", "land", "clouds", "model",
    )  # fmt: skip
    FORMERLY = TRAINED
    OUTPUTS = ("map", "concentration", "polygons", "report")

    job: Literal["ice"] = "ice"
    sources: Annotated[list[str], BeforeValidator(_one_or_more)] = Field(
        ["simulated:ice"],
        description="granules (MOD02HKM, MYD02HKM, MOD09GA), images, folders of them",
        json_schema_extra=ARGUMENT,
    )
    geolocation: CommaList | None = Field(
        None, description="MOD03/MYD03 files, or their folder; default: beside the granules"
    )
    aoi: str | None = Field(
        None, description="place: a name, W,S,E,N in degrees, or a file; default: whole images"
    )
    crs: str | None = Field(None, description="CRS of the maps of granules, e.g. EPSG:3413")
    land: str = Field(
        "auto", description="land mask: auto (that of MOD03), none, or a raster or polygons"
    )
    clouds: str = Field(
        "auto", description="cloud mask beside the method's own: auto (a quality band, or MOD35 "
        "beside the granules), none, or a file or folder of MOD35",
    )  # fmt: skip
    resampling: Literal["nearest", "average"] = Field(
        "nearest", description="how granules get onto a grid"
    )
    method: str = Field("auto", description="see 'obriy methods'")
    model: str | None = Field(None, description="file of a trained method (obriy train ice)")
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
    outputs: CommaList = Field(list(OUTPUTS), description=f"what to write, of {','.join(OUTPUTS)}")


_STRIDE: Final = 8
"""A block of a student is halved three times on its way through the network."""


def _halved(value: int) -> int:
    if value % _STRIDE:
        raise ValueError(f"must be a multiple of {_STRIDE}")
    return value


class TrainConfig(JobConfig):
    """Train a student on the named maps of runs, and compare it with its teacher."""

    job: Literal["train"] = "train"
    runs: Annotated[list[Path], BeforeValidator(_one_or_more)] = Field(
        [],
        description="folders of 'obriy landcover' runs to learn from",
        json_schema_extra=ARGUMENT,
    )
    reference: str | None = Field(
        None, description="what teacher and student are scored against; default: as in each run"
    )
    least_confidence: float = Field(
        0.5, ge=0, le=1, description="names less sure than this teach nothing"
    )
    patch: Annotated[int, AfterValidator(_halved)] = Field(
        64, ge=16, le=512, description="side of a block to learn from, pixels"
    )
    validation_share: float = Field(
        0.15, gt=0, le=0.4, description="share of the blocks to stop by; as many judge"
    )
    epochs: int = Field(40, ge=1, description="times over all blocks, at most")
    batch: int = Field(8, ge=1, description="blocks in a step")
    rate: float = Field(1e-3, gt=0, description="learning rate at its highest")
    seed: int = Field(0, ge=0, description="the same seed makes the same student")
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="where to compute: auto, cpu or cuda"
    )

    def anchored(self) -> Self:
        """Return the configuration with absolute paths: it means the same from any folder."""
        return self.model_copy(update={"runs": [run.expanduser().resolve() for run in self.runs]})

    def stem(self) -> str:
        """Return how the folder of a run is named where nobody names it."""
        return "student"


class LearningConfig(JobConfig):
    """What training and comparing methods for ice have in common."""

    data: Path = Field(
        Path(),
        description="folder of scenes with labels/ beside them",
        json_schema_extra=ARGUMENT,
    )
    split: Literal["time", "random"] = Field(
        "time", description="what is apart: winters, or scenes at random (optimistic)"
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

    def anchored(self) -> Self:
        """Return the configuration with absolute paths: it means the same from any folder."""
        return self.model_copy(update={"data": self.data.expanduser().resolve()})


class IceTrainConfig(LearningConfig):
    """Train a method for sea ice on labelled scenes, and judge it on winters it never saw."""

    job: Literal["train-ice"] = "train-ice"
    method: Literal["m211", "m201", "unet", "deeplab", "linear", "svm", "knn", "forest"] = Field(
        "m211", description="what to train"
    )
    pretrained: str | None = Field(
        None, description="first weights of unet or deeplab: a file, or their name at the hub"
    )


class IceCompareConfig(LearningConfig):
    """Compare methods for sea ice on the same labelled scenes, split by time."""

    FORMERLY = TRAINED

    job: Literal["compare-ice"] = "compare-ice"
    methods: CommaList = Field(
        ["auto", "ndsi", "ndsii2", "mod29", "green:otsu", "watershed", "growing", "kmeans",
         "spectral", "dbscan", "linear", "svm", "knn", "forest"],
        description="methods, see 'obriy methods'",
    )  # fmt: skip
    model: CommaList = Field(
        [], description="files of trained methods, m211=FILE,...; the others are trained here"
    )


JOBS: dict[str, type[JobConfig]] = {
    "water": WaterConfig,
    "landcover": LandcoverConfig,
    "compare": CompareConfig,
    "train": TrainConfig,
    "ice": IceConfig,
    "train-ice": IceTrainConfig,
    "compare-ice": IceCompareConfig,
    "compare-water": WaterCompareConfig,
}

Config = TypeVar("Config", bound=JobConfig)


def check_words(values: Any) -> None:
    """Raise a UsageError for text that no file of text can hold, as the record of a run must.

    Names of files may be any bytes: those that are not UTF-8 stand as lone surrogates.

    Args:
        values: Text, or lists and mappings with text anywhere in them; other things are passed.
    """
    if isinstance(values, str | Path) and not is_text(str(values)):
        raise UsageError(f"{shown(str(values))} is a name that is not UTF-8.",
                         "Give the file or folder another name.")  # fmt: skip
    inside = values.values() if isinstance(values, dict) else values
    for value in inside if isinstance(values, dict | list | tuple) else ():
        check_words(value)


def is_text(text: str) -> bool:
    """Say whether text can stand in a file of UTF-8, and as the name of a file."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def shown(text: str) -> str:
    """Return text with what is none as its code."""
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode("utf-8")


def make_config(kind: type[Config], values: dict[str, Any]) -> Config:
    """Check values and return the configuration.

    Raises:
        UsageError: naming the option that is off, in one line.
    """
    check_words(values)
    try:
        config = kind(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "the configuration"
        fault = first["msg"].lower().removeprefix("value error, ").split(" for <class")[0]
        raise UsageError(
            f"--{name.replace('_', '-')}: {fault} (given: {first.get('input')!r})."
        ) from error
    unknown = [name for name in getattr(config, "outputs", []) if name not in kind.OUTPUTS]
    if unknown:
        raise UsageError(
            f"--outputs: '{unknown[0]}' is not an output.", f"Choose of {', '.join(kind.OUTPUTS)}."
        )
    return config


def read_config(path: Path) -> JobConfig:
    """Read a ``config.yaml``.

    Raises:
        UsageError: where it is not there, not YAML, or not a configuration.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # "2025-99-99" is a ValueError
        raise UsageError(f"{path} is not YAML.", "Give the config.yaml of a run.") from error
    job = values.get("job") if isinstance(values, dict) else None
    if not isinstance(job, str) or job not in JOBS or not all(isinstance(k, str) for k in values):
        raise UsageError(
            f"{path} does not say which job to run.", f"Write e.g. 'job: {next(iter(JOBS))}'."
        )
    return make_config(JOBS[job], values)
