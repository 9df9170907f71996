"""How good a naming of clusters could have been: figures that keep the causes apart.

A map of named clusters errs for two reasons: a cluster holds more than one class, which no name
can mend, and a cluster got the wrong name. The best possible naming bounds the first; the gap from
there to the map as it was named is the second.

Two namings are customary. By majority each cluster gets the class that most of its pixels have in
the reference: no naming has a higher overall accuracy (the purity of C. D. Manning, P. Raghavan,
H. Schütze, Introduction to Information Retrieval, 2008, section 16.3). One-to-one, each class goes
to one cluster at most, so that as many pixels as possible are right (H. W. Kuhn, "The Hungarian
method for the assignment problem", Naval Research Logistics Quarterly 2 (1955) 83-97); clusters
that are left over have no name, and all their pixels are wrong.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.optimize import linear_sum_assignment

from obriy.errors import GridError
from obriy.model.classmap import ClassMap
from obriy.model.clusters import MOST_CLUSTERS, NOISE
from obriy.model.crosswalk import to_main
from obriy.model.grid import same_grid
from obriy.model.legend import Legend
from obriy.model.reference import Reference
from obriy.model.scores import Scores
from obriy.validation.comparison import Comparison, Window, compare
from obriy.validation.confusion import CountArray, Counter
from obriy.validation.evaluate import scores_of
from obriy.validation.merging import indicator
from obriy.validation.scores import metrics

ByteArray = npt.NDArray[np.uint8]


@dataclasses.dataclass(frozen=True)
class OneToOne:
    """The best naming in which no two clusters share a class.

    Attributes:
        overall_accuracy: Share of the compared pixels that would be right, 0 to 1.
        mean_iou: Mean over the classes that occur in the reference.
        names: Code of the class by cluster; clusters left over are missing.
    """

    overall_accuracy: float
    mean_iou: float
    names: dict[int, int]


@dataclasses.dataclass(frozen=True)
class Ceiling:
    """The best naming of the clusters: each by the majority of its pixels.

    Attributes:
        overall_accuracy: Share of the compared pixels that would be right, 0 to 1: no naming of
            these clusters has more.
        mean_iou: Of that naming, over the classes that occur. Another naming may have a higher
            one: rare classes gain where a cluster is named against its majority.
        kappa: Of that naming; None where undefined.
        names: Code of the class by cluster.
        ties: Clusters in which two classes have equally many pixels: the first of the legend was
            taken, which changes no accuracy but may change the mean IoU.
        hungarian: The best naming one-to-one.
        legend: Name of the legend of the classes.
    """

    overall_accuracy: float
    mean_iou: float
    kappa: float | None
    names: dict[int, int]
    ties: tuple[int, ...]
    hungarian: OneToOne
    legend: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; clusters become text, as JSON asks."""
        plain = dataclasses.asdict(self) | {"ties": list(self.ties)}
        for part in (plain, plain["hungarian"]):
            part["names"] = {str(cluster): code for cluster, code in part["names"].items()}
        return plain


@dataclasses.dataclass(frozen=True)
class NamingScores:
    """A map of named clusters against a reference: as it is, and as it could have been.

    Attributes:
        scores: As named.
        ceiling: With the best name for each cluster.
        merged_ceiling: The same on the main classes; None where the legend does not lead there.
        reference_accuracy: What the makers of the reference say of its own accuracy.
        opinions: Overall accuracy that each labeller would have had alone: its reliability. A
            cluster that it would not name counts as wrong.
    """

    scores: Scores
    ceiling: Ceiling
    merged_ceiling: Ceiling | None = None
    reference_accuracy: dict[str, Any] | None = None
    opinions: dict[str, float] = dataclasses.field(default_factory=dict)

    @property
    def merged(self) -> Scores | None:
        """As named, on the main classes."""
        return self.scores.merged

    def to_dict(self) -> dict[str, Any]:
        """Return plain values.

        They are those of `Scores`, with ``ceiling``, ``gap`` (ceiling less what is as named), each
        with ``merged`` on the main classes or None, and ``reference_accuracy``.
        """
        ceiling, gap = self.ceiling.to_dict(), _gap(self.ceiling, self.scores)
        best, merged = self.merged_ceiling, self.merged
        ceiling["merged"] = None if best is None else best.to_dict()
        gap["merged"] = None if best is None or merged is None else _gap(best, merged)
        return self.scores.to_dict() | {
            "ceiling": ceiling,
            "gap": gap,
            "reference_accuracy": self.reference_accuracy,
            "labellers": [
                {"labeller": name, "overall_accuracy": share}
                for name, share in self.opinions.items()
            ],
        }


def evaluate_naming(
    named: ClassMap,
    clusters: ClassMap,
    reference: Reference | ClassMap | xr.DataArray,
    *,
    opinions: Mapping[str, Mapping[int, int]] | None = None,
) -> NamingScores:
    """Compare a map of named clusters with a reference, and say how good its names could be.

    The ceilings rest on the very pixels that are scored; a pixel of no cluster that was seen is
    wrong under any naming. The cluster of noise can be named like any other.

    Args:
        named: The map, in the codes of its legend.
        clusters: The map of clusters that it was made of, on the same grid.
        reference: As in `obriy.validation.evaluate.evaluate`.
        opinions: By labeller, the class (code of the map's legend) that it gave each cluster.

    Raises:
        GridError: clusters on another grid, or a reference of another place.
        EmptyResultError: the map saw nothing of what the reference knows.
        InputError: legends that share no class.
    """
    if not same_grid(named.geobox, clusters.geobox):
        raise GridError("The clusters lie on another grid than the map.", "Take those of one run.")
    comparison = compare(named, reference)
    everything, inner = (Counter.for_map(named.labels.shape, comparison.legend) for _ in range(2))
    table = ContingencyTable(comparison.legend)
    for window in comparison.windows():
        everything.add_window(window)
        inner.add_window(window, leave_out=window.ring)
        rows, columns = window.place
        table.add(clusters.labels.isel(y=rows, x=columns).to_numpy(), window)
    accuracy = reference.accuracy if isinstance(reference, Reference) else None
    return NamingScores(
        scores=scores_of(everything, inner, comparison, seed=0),
        ceiling=best_naming(table.counts, comparison.legend),
        merged_ceiling=_merged_ceiling(table.counts, comparison),
        reference_accuracy=accuracy,
        opinions={
            name: _accuracy(table.counts, names, comparison)
            for name, names in (opinions or {}).items()
        },
    )


def _accuracy(counts: CountArray, names: Mapping[int, int], comparison: Comparison) -> float:
    """Return the overall accuracy of a naming (cluster to code of the map's legend)."""
    place = {code: position for position, code in enumerate(comparison.legend.codes)}
    met = {cluster: int(comparison.meeting.mapped[code]) for cluster, code in names.items()}
    naming = {cluster: place[code] for cluster, code in met.items() if code in place}
    return _figures(counts, naming)["overall_accuracy"]


class ContingencyTable:
    """Pixels by cluster and class of the reference, counted window by window.

    Args:
        legend: Classes of the reference.
    """

    def __init__(self, legend: Legend) -> None:
        self._codes = legend.codes
        self.counts: CountArray = np.zeros((256, len(legend.codes)), "int64")

    def add(self, clusters: ByteArray, window: Window) -> None:
        """Count a window; ``clusters`` is (rows, columns) uint8, 0 or 255 for none."""
        compared = window.compared
        pairs = clusters[compared].astype("uint16") * 256 + window.reference[compared]
        counts = np.bincount(pairs, minlength=65536).reshape(256, 256)
        self.counts += counts[:, self._codes]


def best_naming(counts: CountArray, legend: Legend) -> Ceiling:
    """Return the best namings of clusters.

    Args:
        counts: (256, classes) pixels by cluster and class of the reference, in the order of the
            legend; clusters 0 and 255 are pixels of none, which nothing can name. At least one
            pixel.
        legend: The classes.
    """
    found = [int(c) for c in np.flatnonzero(counts.sum(axis=1)) if _is_cluster(int(c))]
    best = counts[found].argmax(axis=1)
    most = counts[found].max(axis=1, initial=0)
    tied = (counts[found] == most[:, None]).sum(axis=1) > 1
    majority = dict(zip(found, best.tolist(), strict=True))
    figures = _figures(counts, majority)
    one_to_one = _hungarian(counts, found)
    matched = _figures(counts, one_to_one)
    kappa = figures["kappa"]
    return Ceiling(
        overall_accuracy=figures["overall_accuracy"],
        mean_iou=figures["mean_iou"],
        kappa=kappa if np.isfinite(kappa) else None,
        names=_codes(majority, legend),
        ties=tuple(cluster for cluster, tie in zip(found, tied, strict=True) if tie),
        hungarian=OneToOne(
            matched["overall_accuracy"], matched["mean_iou"], _codes(one_to_one, legend)
        ),
        legend=legend.name,
    )


def _is_cluster(number: int) -> bool:
    return 0 < number <= MOST_CLUSTERS or number == NOISE


def _hungarian(counts: CountArray, found: list[int]) -> dict[int, int]:
    """Return the position of the class by cluster, one-to-one, of those that meet at all."""
    classes = np.flatnonzero(counts.sum(axis=0))
    rows, columns = linear_sum_assignment(counts[found][:, classes], maximize=True)
    pairs = ((found[row], int(classes[column])) for row, column in zip(rows, columns, strict=True))
    return {cluster: position for cluster, position in pairs if counts[cluster, position]}


def _figures(counts: CountArray, naming: dict[int, int]) -> dict[str, float]:
    """Return overall accuracy, kappa and mean IoU of a naming (cluster to position of class)."""
    classes = counts.shape[1]
    confusion = np.zeros((classes, classes + 1), "int64")
    for cluster, row in enumerate(counts):
        confusion[:, naming.get(cluster, classes)] += row
    found = metrics(confusion)
    return {name: float(found[name]) for name in ("overall_accuracy", "kappa", "mean_iou")}


def _codes(naming: dict[int, int], legend: Legend) -> dict[int, int]:
    return {cluster: legend.codes[position] for cluster, position in naming.items()}


def _merged_ceiling(counts: CountArray, comparison: Comparison) -> Ceiling | None:
    merged = to_main(comparison.legend)
    if merged is None:
        return None
    return best_naming(counts @ indicator(merged), merged.target)


def _gap(ceiling: Ceiling, scores: Scores) -> dict[str, Any]:
    """Return what better names would gain: ceiling less as named."""
    return {
        "overall_accuracy": _less(ceiling.overall_accuracy, scores.overall_accuracy),
        "mean_iou": _less(ceiling.mean_iou, scores.mean_iou),
    }


def _less(best: float, now: float | None) -> float | None:
    return None if now is None else best - now
