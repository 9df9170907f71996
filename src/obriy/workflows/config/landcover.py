"""Land cover: its maps, the comparison of clusterers, the training of a student."""

from importlib import resources
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field

from obriy.model.clusters import MOST_CLUSTERS
from obriy.model.features import DEFAULT_GROUPS, GROUPS
from obriy.workflows.config.base import (
    ARGUMENT,
    TRAINED,
    CommaList,
    JobConfig,
    absolute,
    one_or_more,
)
from obriy.workflows.config.reading import ImageConfig, Scheduler
from obriy.workflows.config.searching import SearchConfig, SearchSeriesConfig


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
        description="image, folder of bands, folder of dated images, sample: or simulated:",
        json_schema_extra=ARGUMENT,
    )
    features: CommaList = Field(
        list(DEFAULT_GROUPS), description=f"what tells pixels apart, of {','.join(GROUPS)}"
    )
    model: str | None = Field(
        None, description="what was trained, for sam or unet: file, folder, or name at the hub"
    )
    eps: float | None = Field(
        None, gt=0, description="of dbscan: radius of a neighbourhood, in scaled features"
    )
    min_samples: int | None = Field(
        None, ge=1, description="of dbscan: sampled pixels within it that make a place dense"
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
        None,
        description="raster, polygons, points to score against; band:NAME of the image; "
        "worldcover: read in the network",
    )

    def anchored(self) -> Self:
        """Return the configuration with absolute paths: it means the same from any folder."""
        known: dict[str, Any] = {
            "labellers": [absolute(name) if ":" in name else name for name in self.labellers]
        }
        if not Path(self.legend).suffix:  # a name, though a folder may be called so
            known["legend"] = self.legend
        return super().anchored().model_copy(update=known)

    def panel(self) -> list[str]:
        """Return who is asked."""
        return [f"replay:{self.replay}"] if self.replay else list(self.labellers)


class LandcoverConfig(CoverConfig, SearchSeriesConfig):
    """Map land cover without labels: clusters of an image, or of a season, that a panel names."""

    PLACES: ClassVar[tuple[str, ...]] = (*CoverConfig.PLACES, "method")
    FIRST = ("method", "clusters", "labellers", "reference", "out")
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
    scheduler: Scheduler = None

    def anchored(self) -> Self:
        """Return the configuration with absolute paths: it means the same from any folder."""
        known = super().anchored()
        if ":" in self.method:
            return known
        return known.model_copy(update={"method": self.method})  # though a folder may be called so


SAMPLE: Final[dict[str, Any]] = {
    "source": "sample:",
    "resolution": 10.0,
    "clusters": 12,
    "rounds": 0,
    "labellers": [
        "spectral",
        f"replay:{resources.files('obriy.tables').joinpath('panel_sample.json')}",
    ],
}
"""Options of a map of the sample: two votes on each cluster without a key, the expert's, and what a
model that looks said once about these clusters."""


class LandcoverCompareConfig(CoverConfig, SearchConfig):
    """Compare clusterers and numbers of clusters on one scene, against a reference."""

    FIRST = ("methods", "clusters", "labellers", "reference", "out")

    ONCE = "compare"

    job: Literal["compare-landcover"] = "compare-landcover"
    methods: CommaList = Field(
        ["kmeans", "slic+kmeans", "watershed+kmeans", "spectral", "dbscan"],
        description="clusterers, see 'obriy methods'",
    )
    clusters: CommaList = Field(["8", "12", "20"], description="numbers of clusters, or auto")
    budget: str | None = Field(
        None, description="cap of all panels together, e.g. calls=200; each map gets an equal part"
    )


_STRIDE: Final = 8
"""A block of a student is halved three times on its way through the network."""


def _halved(value: int) -> int:
    if value % _STRIDE:
        raise ValueError(f"must be a multiple of {_STRIDE}")
    return value


class LandcoverTrainConfig(JobConfig):
    """Train a student on the named maps of runs, and judge it beside its teacher."""

    FIRST = ("reference", "least_confidence", "patch", "epochs", "out")

    PLACES: ClassVar[tuple[str, ...]] = ("runs", "reference")
    ONCE = "train"

    job: Literal["train-landcover"] = "train-landcover"
    runs: Annotated[list[Path], BeforeValidator(one_or_more)] = Field(
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

    def stem(self) -> str:
        """Return how the folder of a run is named where nobody names it."""
        return "student"
