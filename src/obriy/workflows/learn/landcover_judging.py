"""Student against teacher, on blocks that the student never saw."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obriy.errors import UsageError
from obriy.methods.student import HALO, StudentRule
from obriy.model.crosswalk import to_main, translate_codes
from obriy.model.interval import EDGES
from obriy.model.legend import NO_DATA, UNNAMED, Legend
from obriy.model.scores import Scores
from obriy.validation.confusion import Counter
from obriy.validation.merging import merge_counts
from obriy.validation.scores import metrics, score
from obriy.workflows.learn.landcover_lessons import (
    Cell,
    Lesson,
    read_block,
    read_labels,
    whole_images,
)
from obriy.workflows.learn.training import drawn

BETTER: Final = "better than its teacher"
NOT_BETTER: Final = "not better than its teacher"
UNKNOWN: Final = "cannot be told without a reference"
MOST_BLOCKS: Final = 400
"""Blocks that are judged, at most; of more, so many are drawn at random."""
RESAMPLES: Final = 2000

CountArray = npt.NDArray[np.int64]
ByteArray = npt.NDArray[np.uint8]


def judge(
    lessons: Sequence[Lesson],
    cells: Sequence[Cell],
    side: int,
    rule: StudentRule,
    *,
    seed: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, Any]:
    """Compare the student with its teacher, and both with the reference where there is one.

    The student is better where its overall accuracy is above the teacher's by more than chance
    (the 90 % interval of the difference, by bootstrap over the blocks, or over the images where
    whole ones were held out, lies above 0) and its mean IoU is not below. Both are scored on the
    same pixels, those that the teacher saw, in the legend of the reference.

    Args:
        lessons: Scenes and maps.
        cells: Blocks that were held out.
        side: Their side.
        rule: The student.
        seed: Of the bootstrap.
        progress: Called with ``"judge"``, blocks done, blocks in all.

    Returns:
        ``verdict``, ``teacher`` and ``student`` (`Scores` as plain values, None without a
        reference), ``difference`` (of overall accuracy and mean IoU, with the interval of the
        first), ``agreement`` of the two maps, and ``judged_blocks``.

    Raises:
        UsageError: where the references have different legends.
    """
    chosen = drawn(cells, MOST_BLOCKS, seed)
    named = lessons[0].named.legend
    legend = _legend_of_references(lessons) or named
    meet = _translation(named, legend)
    blocks = []
    for number, cell in enumerate(chosen, 1):
        maps = _block(lessons[cell.lesson], cell, side, rule)
        blocks.append(_counted(maps, named, legend, meet))
        if progress is not None:
            progress("judge", number, len(chosen))
    agreement, teacher, student = (np.stack(part) for part in zip(*blocks, strict=True))
    alike = float(metrics(agreement.sum(0))["overall_accuracy"])
    result: dict[str, Any] = {
        "judged_blocks": len(chosen),
        "agreement": None if np.isnan(alike) else alike,
    }
    if not teacher.sum():
        return {**result, "verdict": UNKNOWN, "teacher": None, "student": None, "difference": None}
    if whole_images(len(lessons)):  # blocks of one image are no separate witnesses
        images = [cell.lesson for cell in chosen]
        teacher, student = _by_image(teacher, images), _by_image(student, images)
    return {**result, **_compared(teacher, student, legend, lessons, seed)}


def _legend_of_references(lessons: Sequence[Lesson]) -> Legend | None:
    legends = [lesson.reference.legend for lesson in lessons if lesson.reference is not None]
    if any(legend.codes != legends[0].codes for legend in legends):
        names = ", ".join(dict.fromkeys(legend.name for legend in legends))
        raise UsageError(
            f"The references of the runs have different legends: {names}.",
            "Give one kind of reference with --reference.",
        )
    return legends[0] if legends else None


def _translation(source: Legend, target: Legend) -> ByteArray:
    """Return the code in another legend by code; 255 where it has none, for that is wrong there."""
    table = np.full(256, UNNAMED, np.uint8)
    table[NO_DATA] = NO_DATA
    for code, other in translate_codes(source, target).items():
        table[code] = other or UNNAMED
    return table


def _block(
    lesson: Lesson, cell: Cell, side: int, rule: StudentRule
) -> tuple[ByteArray, ByteArray, ByteArray]:
    """Return the maps of teacher and student and the reference, 0 where it does not count."""
    teacher = read_labels(lesson.named.labels, cell, side)
    block = read_block(lesson, cell, side, rule.model.card.bands, HALO)
    student = rule.apply(block).labels[block.core]
    truth = np.zeros_like(teacher)
    if lesson.reference is not None:
        truth = read_labels(lesson.reference.labels, cell, side)
        # What the teacher could not see was not mapped, and is no merit of either.
        counts = np.isin(truth, lesson.reference.legend.codes)
        counts &= (teacher != NO_DATA) & (student != NO_DATA)
        truth = np.where(counts, truth, NO_DATA).astype("uint8")
    return teacher, student, truth


def _counted(
    maps: tuple[ByteArray, ByteArray, ByteArray], named: Legend, legend: Legend, meet: ByteArray
) -> tuple[CountArray, CountArray, CountArray]:
    """Return confusions of student against teacher, and of both against the reference."""
    teacher, student, truth = maps
    sure = np.where(np.isin(teacher, named.codes), teacher, NO_DATA).astype("uint8")
    return (
        _confusion(sure, student, named),
        _confusion(truth, meet[teacher], legend),
        _confusion(truth, meet[student], legend),
    )


def _by_image(counts: CountArray, images: Sequence[int]) -> CountArray:
    """Return the sums over the blocks of each image."""
    places = np.unique(images, return_inverse=True)[1]
    summed = np.zeros((places.max() + 1, *counts.shape[1:]), np.int64)
    np.add.at(summed, places, counts)
    return summed


def _confusion(truth: ByteArray, said: ByteArray, legend: Legend) -> CountArray:
    """Return counts (classes, classes + 1), rows truth."""
    counter = Counter((1, 1), legend, max(truth.shape))
    counter.add(slice(0, truth.shape[0]), slice(0, truth.shape[1]), truth, said)
    return counter.total


def _compared(
    teacher: CountArray,
    student: CountArray,
    legend: Legend,
    lessons: Sequence[Lesson],
    seed: int,
) -> dict[str, Any]:
    """Score both, and say which is better.

    Args:
        teacher: (blocks, classes, classes + 1) counts.
        student: Likewise.
        legend: The classes.
        lessons: For the names of their references.
        seed: Of the bootstrap.
    """
    references = [lesson.reference for lesson in lessons if lesson.reference is not None]
    about = {
        "independent": all(reference.independent for reference in references),
        "reference": ", ".join(dict.fromkeys(reference.source for reference in references)),
    }
    scores = {
        name: _scores(counts.sum(0), legend, about)
        for name, counts in (("teacher", teacher), ("student", student))
    }
    low, high = accuracy_interval(teacher, student, seed)
    accuracy = (scores["student"].overall_accuracy or 0.0) - (
        scores["teacher"].overall_accuracy or 0.0
    )
    iou = (scores["student"].mean_iou or 0.0) - (scores["teacher"].mean_iou or 0.0)
    return {
        "verdict": BETTER if low > 0 and iou >= 0 else NOT_BETTER,
        "teacher": scores["teacher"].to_dict(),
        "student": scores["student"].to_dict(),
        "difference": {
            "overall_accuracy": accuracy,
            "overall_accuracy_interval": [low, high],
            "mean_iou": iou,
        },
    }


def _scores(counts: CountArray, legend: Legend, about: Mapping[str, Any]) -> Scores:
    """Return the scores, with those on the main classes where the legend leads there."""
    merged = to_main(legend)
    inner = None
    if merged is not None and legend.name != merged.target.name:
        inner = score(merge_counts(counts, merged), merged.target, **about)
    return score(counts, legend, merged=inner, **about)


def accuracy_interval(teacher: CountArray, student: CountArray, seed: int) -> tuple[float, float]:
    """Return the 90 % interval of the student's lead in overall accuracy.

    Blocks are drawn again and again with replacement, the same ones for both (Efron and
    Tibshirani 1993, An Introduction to the Bootstrap).

    Args:
        teacher: (blocks, classes, classes + 1) counts, rows reference.
        student: Likewise, of the same pixels.
        seed: Of the draws.
    """
    right = [np.trace(c, axis1=1, axis2=2).astype("float64") for c in (teacher, student)]
    pixels = teacher.sum(axis=(1, 2)).astype("float64")
    random = np.random.default_rng(seed)
    drawn = random.integers(len(pixels), size=(RESAMPLES, len(pixels)))
    total = pixels[drawn].sum(axis=1)
    lead = (right[1] - right[0])[drawn].sum(axis=1)[total > 0] / total[total > 0]
    low, high = np.percentile(lead, EDGES)
    return float(low), float(high)
