"""Results of the jobs that compare and that train."""

from collections.abc import Sequence
from typing import Literal

from pydantic import ConfigDict

from obriy.model.notices import Sentence
from obriy.model.result.base import Open, Plain, RunResult
from obriy.model.result.ice import IceEvaluation


class MethodRow(Open):
    """One method of a comparison: it has all columns of ``comparison.csv``.

    Attributes:
        method: As it was asked for.
        status: ``ok``, ``partial`` or ``failed``.
        reason: Why it is not ``ok``.
    """

    method: str
    status: str
    reason: Sentence = ""


class WaterRow(MethodRow):
    """What a method says of water: of the scores the last four are of the class.

    Attributes:
        area_km2: What was seen, km².
        expected_km2: Best estimate of the whole; None: not known.
        low_km2: Low end of its 90 % interval.
        high_km2: High end.
        kappa: Cohen's kappa; None without a reference, like all that follow.
        f1: F1 of water.
        iou: Intersection over union of water.
    """

    area_km2: float | None
    expected_km2: float | None
    low_km2: float | None
    high_km2: float | None
    kappa: float | None = None
    f1: float | None = None
    iou: float | None = None


class SeasonRow(Open):
    """One date of a season whose thresholds are compared.

    Attributes:
        date: ISO 8601.
        seen_km2: Ground that was seen, km²; None: nothing.
        weight: Weight of the date; None: it has none.
        status: ``ok``, ``skipped`` or ``failed``.
        reason: Why it is not ``ok``.
    """

    date: str
    seen_km2: float | None
    weight: float | None
    status: str
    reason: Sentence = ""


class SplitRow(Open):
    """One image, asked for in so many requests.

    Attributes:
        split: Rows and columns of requests, ``5x5``.
        pixel_m: Size of a pixel that comes, m; None where it failed, like all that follow.
        requests: How many were sent.
        processing_units: What they cost, by the rules of the service.
        area_km2: Water that was seen, km².
        expected_km2: Best estimate of the whole.
        low_km2: Low end of its 90 % interval.
        high_km2: High end.
        unseen_share: Share of the districts that was not seen.
        status: ``ok``, ``partial``, ``skipped`` or ``failed``.
        reason: Why it is not ``ok``.
    """

    split: str
    pixel_m: float | None = None
    requests: int | None = None
    processing_units: float | None = None
    area_km2: float | None = None
    expected_km2: float | None = None
    low_km2: float | None = None
    high_km2: float | None = None
    unseen_share: float | None = None
    status: str
    reason: Sentence = ""


class IceRow(MethodRow):
    """What a method says of ice, on the test scenes.

    Attributes:
        iou: Intersection over union of ice; None where it failed, like all that follow.
        iou_interval: 90 % interval.
        precision: Of ice.
        recall: Of ice.
        f1: Of ice.
        overall_accuracy: Share of the pixels of sea that agree.
        cloud_as_ice: Share of cloud that was taken for ice.
        seconds_per_scene: Time of a scene.
        parameters: Of a network.
    """

    iou: float | None = None
    iou_interval: tuple[float, float] | None = None
    precision: float | None = None
    recall: float | None = None
    f1: float | None = None
    overall_accuracy: float | None = None
    cloud_as_ice: float | None = None
    seconds_per_scene: float | None = None
    parameters: int | None = None


class CoverRow(MethodRow):
    """What a clusterer gives, as named and with the best name for each cluster (ceiling).

    Attributes:
        clusters: How many were asked for; ``auto``.
        found: How many there are; None where it failed, like all that follow.
        overall_accuracy: As named.
        ceiling_overall_accuracy: With the best names.
        mean_iou: As named.
        ceiling_mean_iou: With the best names.
        merged_overall_accuracy: As named, on the main classes.
        seconds: Time that it took.
    """

    clusters: int | str
    found: int | None = None
    overall_accuracy: float | None = None
    ceiling_overall_accuracy: float | None = None
    mean_iou: float | None = None
    ceiling_mean_iou: float | None = None
    merged_overall_accuracy: float | None = None
    seconds: float | None = None


class Sweep(Open):
    """The thresholds of an index.

    Attributes:
        index: Its name.
        published: The threshold that it was published with; None: it has none.
        otsu: That of Otsu; None: not known.
        best: The one of the best agreement; None without a reference.
    """

    index: str
    published: float | None = None
    otsu: float | None = None
    best: float | None = None


class Comparison(RunResult):
    """What a comparison found.

    Attributes:
        rows: One for each thing that is compared.
    """

    rows: Sequence[MethodRow | SeasonRow | SplitRow]


class WaterComparison(Comparison):
    """Methods for water on one scene.

    Attributes:
        kind: Of ``methods``.
        reference: What they are held against; None: nothing.
        rows: One for each method.
        sweeps: One for each index.
    """

    job: Literal["compare-water"] = "compare-water"
    kind: Literal["methods"] = "methods"
    reference: str | None
    rows: list[WaterRow]
    sweeps: list[Sweep]


class SeasonComparison(Comparison):
    """The area of a season at every threshold.

    Attributes:
        kind: Of a ``season``.
        reference: None: a season has none.
        rows: One for each date.
        sweeps: One for each index.
    """

    job: Literal["compare-water"] = "compare-water"
    kind: Literal["season"] = "season"
    reference: str | None
    rows: list[SeasonRow]
    sweeps: list[Sweep]


class SplitComparison(Comparison):
    """The area of water against the size of a pixel: one image in more and more requests.

    Attributes:
        kind: Of ``splits``.
        method: How water is told.
        date: Of the image; None: not known.
        sensor_m: Finest pixels of the sensor, m: below, the service only resamples.
        rows: One for each split.
    """

    job: Literal["compare-water"] = "compare-water"
    kind: Literal["splits"] = "splits"
    method: str
    date: str | None
    sensor_m: float | None
    rows: list[SplitRow]


class BestTwo(Open):
    """The paired test of the two methods with the highest IoU.

    Attributes:
        first: The better one.
        second: The other.
        sentence: What follows.
    """

    first: str
    second: str
    sentence: Sentence


class IceComparison(Comparison):
    """Methods for ice on the same labelled scenes.

    Attributes:
        data: Folder of the scenes.
        split: How they are set apart.
        rows: One for each method.
        best_two: The test of the best two; None: there are no two.
        published: Validation IoU that was published, by method, on other data.
    """

    job: Literal["compare-ice"] = "compare-ice"
    data: str
    split: Plain
    rows: list[IceRow]
    best_two: BestTwo | None
    published: dict[str, float]


class CoverComparison(Comparison):
    """Clusterers and numbers of clusters on one scene.

    Attributes:
        reference: What they are held against.
        rows: One for each.
    """

    job: Literal["compare-landcover"] = "compare-landcover"
    reference: str
    rows: list[CoverRow]


class Training(RunResult):
    """What was trained; more facts of the training stand beside these."""

    model_config = ConfigDict(frozen=True, extra="allow")


class StudentTraining(Training):
    """A student of land cover, held against its teacher where neither learnt.

    Attributes:
        runs: Runs that taught it.
        legend: Name of the legend.
        verdict: Whether the student is better.
        teacher: Scores; None without a reference.
        student: Scores; None likewise.
    """

    job: Literal["train-landcover"] = "train-landcover"
    runs: list[str]
    legend: str
    verdict: str
    teacher: Plain | None
    student: Plain | None


class IceTraining(Training):
    """A trained method for ice.

    Attributes:
        method: What was trained.
        data: Folder of the scenes.
        split: How they are set apart.
        parameters: Of a network; None: it is none.
        validation: Scores where it was chosen.
        test: Scores where it never was.
    """

    job: Literal["train-ice"] = "train-ice"
    method: str
    data: str
    split: Plain
    parameters: int | None = None
    validation: IceEvaluation
    test: IceEvaluation
