"""Scores of a confusion matrix.

Accuracy, precision (user's accuracy) and recall (producer's accuracy) after Congalton, "A review
of assessing the accuracy of classifications of remotely sensed data", Remote Sensing of
Environment 37 (1991); kappa after Cohen, "A coefficient of agreement for nominal scales",
Educational and Psychological Measurement 20 (1960).
"""

import dataclasses
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obriy.model.legend import Legend
from obriy.model.notices import notice
from obriy.model.scores import ClassScore, Scores
from obriy.validation.confusion import CountArray

CLASS_SCORES: Final = ("precision", "recall", "f1", "iou")
MAP_SCORES: Final = ("overall_accuracy", "kappa", "mean_iou")

FloatArray = npt.NDArray[np.float64]


def metrics(confusion: npt.NDArray[Any]) -> dict[str, FloatArray]:
    """Return every score of one or many confusion matrices; NaN where it is undefined.

    Args:
        confusion: (..., classes, classes + 1) counts, rows reference, columns map, the last
            column seen but not named: wrong, whatever the reference says.

    Returns:
        ``overall_accuracy``, ``kappa``, ``mean_iou`` (...) and ``precision``, ``recall``, ``f1``,
        ``iou`` (..., classes). The mean IoU is over the classes that occur in reference or map.
    """
    counts = np.asarray(confusion, "float64")
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    reference = counts.sum(axis=-1)
    mapped = counts.sum(axis=-2)[..., :-1]
    total = reference.sum(axis=-1)
    overall = _ratio(right.sum(axis=-1), total)
    # The column of unnamed pixels meets no row, so it adds nothing to chance agreement.
    chance = _ratio((reference * mapped).sum(axis=-1), total**2)
    iou = _ratio(right, reference + mapped - right)
    occurs = np.isfinite(iou)
    return {
        "overall_accuracy": overall,
        "kappa": _ratio(overall - chance, 1 - chance),
        "mean_iou": _ratio(np.where(occurs, iou, 0).sum(axis=-1), occurs.sum(axis=-1)),
        "precision": _ratio(right, mapped),
        "recall": _ratio(right, reference),
        "f1": _ratio(2 * right, reference + mapped),
        "iou": iou,
    }


def score(confusion: CountArray, legend: Legend, **about: Any) -> Scores:
    """Return the scores of a confusion matrix.

    Args:
        confusion: (classes, classes + 1) counts, rows reference, in the order of the legend; the
            last column is what was seen and not named. At least one pixel.
        legend: The classes.
        about: Other fields of `Scores`.
    """
    found = metrics(confusion)
    classes = tuple(
        ClassScore(c.name, c.code, **{key: plain_score(found[key][i]) for key in CLASS_SCORES})
        for i, c in enumerate(legend)
    )
    return Scores(
        overall_accuracy=float(found["overall_accuracy"]),
        kappa=plain_score(found["kappa"]),
        mean_iou=plain_score(found["mean_iou"]),
        pixels=int(confusion.sum()),
        classes=classes,
        confusion=tuple(tuple(int(n) for n in row) for row in confusion[:, :-1]),
        unnamed=tuple(int(n) for n in confusion[:, -1]),
        legend=legend.name,
        **({"independent": True} | about),
    )


def of_one_class(scores: Scores) -> Scores:
    """Return what a reference of one class tells of a map: the recall of that class alone.

    Args:
        scores: Scores against a reference that has one class, and says nothing of other pixels
            that the map saw: what is mapped so and is not could never be counted.
    """
    rows = [(*row, left) for row, left in zip(scores.confusion, scores.unnamed, strict=True)]
    only = next(c for c, row in zip(scores.classes, rows, strict=True) if sum(row))
    classes = tuple(
        ClassScore(c.name, c.code, None, c.recall if c is only else None, None, None)
        for c in scores.classes
    )
    recall = f"{only.name}.recall"
    intervals = {k: v for k, v in (scores.intervals or {}).items() if k == recall}
    return dataclasses.replace(
        scores,
        overall_accuracy=None,
        kappa=None,
        mean_iou=None,
        classes=classes,
        intervals=intervals or None,
        notes=(
            *scores.notes,
            notice("only_recall", name=only.name),
        ),
    )


def _ratio(above: Any, below: Any) -> FloatArray:
    """Divide; NaN where the denominator is 0."""
    above, below = np.asarray(above, "float64"), np.asarray(below, "float64")
    result = np.full(np.broadcast_shapes(above.shape, below.shape), np.nan)
    np.divide(above, below, out=result, where=below != 0)
    return result


def plain_score(value: Any) -> float | None:
    """Return a score as JSON has it; None where it is not defined."""
    return float(value) if np.isfinite(value) else None
