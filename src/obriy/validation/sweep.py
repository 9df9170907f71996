"""The agreement with a reference at each of many thresholds, in one reading."""

import numpy as np
import xarray as xr

from obriy.model.ladder import Ladder
from obriy.model.legend import NO_DATA
from obriy.model.scores import COMPARED, OF_MAP
from obriy.validation.comparison import Comparison
from obriy.validation.scores import FloatArray, metrics


def sweep_agreement(
    steps: xr.DataArray, ladder: Ladder, comparison: Comparison, clear: xr.DataArray
) -> dict[str, FloatArray]:
    """Score the mask of water of each threshold.

    Args:
        steps: (y, x) uint8 of `Ladder.steps` on the grid of the map that is compared.
        ladder: The thresholds.
        comparison: A map of water and its reference: where they are compared.
        clear: (y, x) uint8, 0 where a map would hide what is no water: near clouds water alone is
            kept, so that what is none there is not compared at that threshold.

    Returns:
        ``overall_accuracy``, ``kappa``, and of water ``precision`` (user's accuracy), ``recall``
        (producer's accuracy), ``f1`` and ``iou``: (n,) each, NaN where undefined. Against a
        reference of one class that leaves the rest unsaid ``recall`` alone is known.
    """
    water = comparison.legend.by_name("water").code
    counts, sure, unsaid = np.zeros((2, 256)), np.zeros((2, 256)), False
    for window in comparison.windows():
        found = steps[window.place].to_numpy()
        known = window.compared & (found != NO_DATA)
        open_sky = clear[window.place].to_numpy() != NO_DATA
        unsaid |= bool(((window.reference == NO_DATA) & (found != NO_DATA)).any())
        for row, truth in enumerate((window.reference != water, window.reference == water)):
            counts[row] += np.bincount(found[known & truth], minlength=256)
            sure[row] += np.bincount(found[known & truth & open_sky], minlength=256)
    said = ladder.water(counts)
    confusion = np.zeros((said.shape[1], 2, 3))
    confusion[:, :, 1] = said.T
    confusion[:, :, 0] = sure[:, 1:].sum(axis=1) - ladder.water(sure).T
    table = metrics(confusion)
    scores = {name: table[name] if name in OF_MAP else table[name][..., 1] for name in COMPARED}
    if not (unsaid and (counts.sum(axis=1) == 0).any()):
        return scores
    # A reference of one class tells the recall of that class: see `of_one_class`.
    nothing = np.full(len(ladder.thresholds), np.nan)
    return dict.fromkeys(COMPARED, nothing) | {"recall": scores["recall"]}
