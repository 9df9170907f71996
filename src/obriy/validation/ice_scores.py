"""Scores of ice or not, pooled over scenes, with intervals by scene.

A pixel is counted where the truth knows the sea: water, ice or cloud. Cloud is not ice, whatever
lies beneath; how often it is taken for ice, and how much ice is lost to cloud, is counted apart.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obriy.errors import GridError, InputError
from obriy.model.ice import CLOUD, ICE, WATER
from obriy.model.interval import EDGES
from obriy.model.legend import NO_DATA
from obriy.validation.bootstrap import DRAWS, LEAST_BLOCKS, interval
from obriy.validation.scores import FloatArray, metrics, plain_score

SCORES: Final = (
    "overall_accuracy", "iou", "precision", "recall", "f1", "kappa", "cloud_as_ice", "ice_as_cloud",
)  # fmt: skip
PERMUTATIONS: Final = 10_000
_OF_ICE: Final = ("iou", "precision", "recall", "f1")


@dataclasses.dataclass(frozen=True)
class IceCounts:
    """Pixels of known sea of one scene that the map says something of.

    Attributes:
        tp: Ice in truth and map.
        fp: Ice in the map alone.
        fn: Ice in the truth alone.
        tn: Ice in neither.
        cloud: Cloud in the truth.
        cloud_as_ice: Of these, ice in the map.
        ice_as_cloud: Ice in the truth, cloud in the map.
    """

    tp: int
    fp: int
    fn: int
    tn: int
    cloud: int = 0
    cloud_as_ice: int = 0
    ice_as_cloud: int = 0


def count_ice(truth: npt.NDArray[np.uint8], said: npt.NDArray[np.uint8]) -> IceCounts:
    """Compare a map with labels, pixel by pixel.

    Args:
        truth: (rows, columns) codes of the legend ``ice``. What is not water, ice or cloud is no
            known sea and is left out.
        said: Likewise, of the map; where it is 0 the image shows nothing, and the pixel is left
            out. 255, seen but not named, is not ice.

    Raises:
        GridError: where the shapes differ.
    """
    if truth.shape != said.shape:
        raise GridError(f"The labels have {truth.shape} pixels, and the map {said.shape}.")
    known = ((truth == WATER) | (truth == ICE) | (truth == CLOUD)) & (said != NO_DATA)
    is_ice, is_cloud, says_ice = truth == ICE, truth == CLOUD, said == ICE
    kinds = {
        "tp": is_ice & says_ice,
        "fp": ~is_ice & says_ice,
        "fn": is_ice & ~says_ice,
        "tn": ~is_ice & ~says_ice,
        "cloud": is_cloud,
        "cloud_as_ice": is_cloud & says_ice,
        "ice_as_cloud": is_ice & (said == CLOUD),
    }
    return IceCounts(**{name: int((kind & known).sum()) for name, kind in kinds.items()})


def ice_scores(counts: Sequence[IceCounts], *, seed: int = 0) -> dict[str, Any]:
    """Return the scores of scenes together.

    Args:
        counts: Of each scene; they are added up first, so a scene counts by its sea.
        seed: Of the intervals.

    Returns:
        Every score of `SCORES`, 0 to 1, None where it is undefined: of ``iou`` where neither truth
        nor map holds ice, which ``undefined`` then says (else it is empty). ``cloud_as_ice`` is a
        share of the cloudy pixels, ``ice_as_cloud`` of those of ice. ``intervals`` holds 90 %
        intervals ``[low, high]`` by score from a bootstrap of scenes (None where there are fewer
        than ten scenes, or the score is undefined too often); scenes of one winter are alike, so
        they are rather too narrow. ``scenes``, ``pixels``, and the sums of the counts.
    """
    table = _table(counts)
    total = table.sum(axis=0)
    found = {name: plain_score(value) for name, value in _scores(total).items()}
    intervals: dict[str, list[float] | None] = dict.fromkeys(SCORES)
    if len(counts) >= LEAST_BLOCKS:
        drawn = _scores(_weights(len(counts), seed) @ table)
        intervals = {name: interval(values) or None for name, values in drawn.items()}
    undefined = "There is no ice, in the labels or in the map: the IoU is not defined."
    sums = {f.name: int(n) for f, n in zip(dataclasses.fields(IceCounts), total, strict=True)}
    return found | {
        "intervals": intervals,
        "scenes": len(counts),
        "pixels": int(total[:4].sum()),
        "counts": sums,
        "undefined": undefined if found["iou"] is None else "",
    }


def paired_test(
    counts_a: Sequence[IceCounts], counts_b: Sequence[IceCounts], *, seed: int = 0
) -> dict[str, Any]:
    """Say whether one method maps ice better than another on the same scenes.

    Args:
        counts_a: Of the one method, scene by scene.
        counts_b: Of the other, in the same order.
        seed: Of the draws.

    Returns:
        ``difference`` of the pooled IoU (a less b), its 90 % ``interval`` by a bootstrap that draws
        scenes with both their maps, and ``p_value``: how often a difference as large comes about
        where in each scene it is left to chance which map is whose (Fisher's permutation test,
        10 000 draws). Of few scenes neither says much; ``scenes`` says how many.

    Raises:
        InputError: where the scenes are not the same, or there is no ice in any.
    """
    if len(counts_a) != len(counts_b) or not counts_a:
        raise InputError(
            f"{len(counts_a)} and {len(counts_b)} scenes cannot be compared in pairs.",
            "Score both methods on the same scenes.",
        )
    a, b = _table(counts_a), _table(counts_b)
    difference = float(_iou(a.sum(axis=0)) - _iou(b.sum(axis=0)))
    if not np.isfinite(difference):
        raise InputError(
            "There is no ice in the scenes: the IoU of a method is not defined.",
            "Compare on scenes with ice.",
        )
    weights = _weights(len(a), seed)
    drawn = _iou(weights @ a) - _iou(weights @ b)
    low, high = np.nanpercentile(drawn, EDGES)
    swap = np.random.default_rng((seed, 1)).integers(2, size=(PERMUTATIONS, len(a))).astype(float)
    change = swap @ (b - a)
    by_chance = _iou(a.sum(axis=0) + change) - _iou(b.sum(axis=0) - change)
    # A hair below, so that a difference equals itself in other sums.
    as_large = int((np.abs(by_chance) >= abs(difference) - 1e-12).sum())
    return {
        "difference": difference,
        "interval": [float(low), float(high)],
        "p_value": (1 + as_large) / (1 + PERMUTATIONS),
        "scenes": len(a),
    }


def _table(counts: Sequence[IceCounts]) -> FloatArray:
    """Return (scenes, 7) counts in the order of `IceCounts`."""
    rows = [dataclasses.astuple(one) for one in counts]
    return np.array(rows, "float64").reshape(len(rows), len(dataclasses.fields(IceCounts)))


def _weights(scenes: int, seed: int) -> FloatArray:
    """Return how often each draw of the bootstrap holds each scene, (draws, scenes)."""
    even = np.full(scenes, 1 / scenes)
    return np.random.default_rng(seed).multinomial(scenes, even, size=DRAWS).astype("float64")


def _scores(table: FloatArray) -> dict[str, FloatArray]:
    """Return the scores of (..., 7) counts; NaN where they are undefined."""
    tp, fp, fn, tn, cloud, taken, lost = np.moveaxis(table, -1, 0)
    nothing = np.zeros_like(tp)
    rows = np.stack([np.stack([tn, fp, nothing], -1), np.stack([fn, tp, nothing], -1)], -2)
    found = metrics(rows)
    of_ice = {name: found[name][..., 1] for name in _OF_ICE}
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = {"cloud_as_ice": taken / cloud, "ice_as_cloud": lost / (tp + fn)}
    whole = {name: found[name] for name in ("overall_accuracy", "kappa")}
    scores = whole | of_ice | apart
    return {name: scores[name] for name in SCORES}


def _iou(table: FloatArray) -> FloatArray:
    tp, fp, fn = np.moveaxis(table, -1, 0)[:3]
    with np.errstate(invalid="ignore"):
        return np.asarray(tp / (tp + fp + fn))
