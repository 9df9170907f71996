"""A map against a reference: the one door to all scores."""

import dataclasses

import xarray as xr

from obriy.errors import EmptyResultError, GridError
from obriy.model.classmap import ClassMap
from obriy.model.crosswalk import main_classes, to_main
from obriy.model.legend import Legend
from obriy.model.reference import Reference
from obriy.model.scores import Scores
from obriy.validation.bootstrap import block_intervals
from obriy.validation.comparison import Comparison, compare
from obriy.validation.confusion import CountArray, Counter
from obriy.validation.merging import merge_counts
from obriy.validation.scores import of_one_class, score


def evaluate(
    class_map: ClassMap, reference: Reference | ClassMap | xr.DataArray, *, seed: int = 0
) -> Scores:
    """Compare a map with a reference, pixel by pixel on the map's grid.

    Pixels that the map could not see (cloud, shadow, no data, frozen) are not scored but counted;
    a clear pixel that it would not name counts as wrong. Where both have legends of their own,
    they are compared in the finest one that is fair to both
    (`obriy.model.crosswalk.meeting_legend`).

    Args:
        class_map: The map; arrays in memory or lazy.
        reference: Labels on any grid (the nearest pixel is taken; of finer land cover the class of
            most pixels): a `Reference`, another map, or a plain array (y, x) of codes of the map's
            legend, 0 for no reference; of bool, True is water. An array with no coordinates must
            have the map's shape.
        seed: Of the bootstrap behind the intervals.

    Returns:
        Scores with 90 % intervals; the same without the one-pixel ring at the label edges of the
        reference; and both again on the main classes, where the legend leads there.

    Raises:
        GridError: the reference says nothing where the map lies.
        EmptyResultError: the map saw nothing of what the reference knows.
        InputError: legends that share no class, or codes that are not in them.
    """
    comparison = compare(class_map, reference)
    everything, inner = (
        Counter.for_map(class_map.labels.shape, comparison.legend) for _ in range(2)
    )
    for window in comparison.windows():
        everything.add_window(window)
        inner.add_window(window, leave_out=window.ring)
    return scores_of(everything, inner, comparison, seed)


def scores_of(everything: Counter, inner: Counter, comparison: Comparison, seed: int) -> Scores:
    """Return the scores of what was counted.

    Args:
        everything: All pixels.
        inner: Those off the label edges of the reference.
        comparison: What was compared.
        seed: Of the bootstrap.

    Raises:
        GridError: no pixel has a reference.
        EmptyResultError: the map saw none of them.
    """
    if not everything.unseen and not everything.counts.any():
        raise GridError(
            f"The reference ({comparison.source}) says nothing where the map lies.",
            "Check that both show the same place, and the CRS of each.",
        )
    scores = _scores(everything, comparison, seed)
    if scores is None:
        raise EmptyResultError(
            f"The map saw none of the {everything.unseen} pixels that {comparison.source} knows.",
            "Take an image with less cloud, or a reference of another place.",
        )
    return dataclasses.replace(scores, without_edges=_scores(inner, comparison, seed))


def _scores(counter: Counter, comparison: Comparison, seed: int) -> Scores | None:
    """Return the scores of a counter, merged ones within; None where nothing was counted."""
    legend = comparison.legend
    scores = _scores_in(legend, counter.counts, counter, comparison, seed)
    merged = to_main(legend)
    if scores is None or merged is None or legend.name == merged.target.name:
        return scores
    counts = merge_counts(counter.counts, merged)
    inner = _scores_in(main_classes(), counts, counter, comparison, seed)
    return dataclasses.replace(scores, merged=inner)


def _scores_in(
    legend: Legend, counts: CountArray, counter: Counter, comparison: Comparison, seed: int
) -> Scores | None:
    """Return the scores of confusion by cell (rows, columns, classes, classes + 1)."""
    confusion = counts.sum(axis=(0, 1))
    pixels = int(confusion.sum())
    if not pixels:
        return None
    scores = score(
        confusion,
        legend,
        independent=comparison.independent,
        intervals=block_intervals(counts, legend, seed),
        unseen_share=counter.unseen / (pixels + counter.unseen),
        reference=comparison.source,
        notes=comparison.notes,
    )
    classes = int((confusion.sum(axis=1) > 0).sum())
    return of_one_class(scores) if classes == 1 and counter.unsaid else scores
