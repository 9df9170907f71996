"""Confusion counts of a legend added up to those of a coarser one."""

import numpy as np
import numpy.typing as npt

from obriy.model.crosswalk import Translation
from obriy.model.legend import NO_DATA
from obriy.validation.confusion import CountArray


def merge_counts(counts: CountArray, merged: Translation) -> CountArray:
    """Return the confusion in the target of a translation.

    Args:
        counts: (..., classes, classes + 1), rows reference, columns map, the last one seen but
            not named; in the order of the source legend.
        merged: Every class of the source is one of the target.

    Returns:
        (..., classes, classes + 1) in the order of the target legend.
    """
    rows = indicator(merged)
    columns = np.zeros((rows.shape[0] + 1, rows.shape[1] + 1), "int64")
    columns[:-1, :-1], columns[-1, -1] = rows, 1
    result: CountArray = rows.T @ counts @ columns
    return result


def indicator(merged: Translation) -> npt.NDArray[np.int64]:
    """Return (classes, classes) 1 where a class of the source became one of the target."""
    codes = merged.target.codes
    table = np.zeros((len(merged.codes), len(codes)), "int64")
    for row, to in enumerate(merged.codes.values()):
        if to != NO_DATA:
            table[row, codes.index(to)] = 1
    return table
