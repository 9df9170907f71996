"""The ring of pixels at the label edges of a reference, where it is itself unsure."""

import numpy as np
import numpy.typing as npt

from obriy.model.legend import NO_DATA


def edge_ring(labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Say which pixels touch another class, by side or corner: one pixel on each side of an edge.

    Args:
        labels: (rows, columns) uint8; 0 is no reference and makes no edge.

    Returns:
        (rows, columns) True in the ring.
    """
    ring = np.zeros(labels.shape, bool)
    rows, columns = labels.shape
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        one = slice(0, rows - down), slice(max(0, -right), columns - max(0, right))
        two = slice(down, rows), slice(max(0, right), columns - max(0, -right))
        a, b = labels[one], labels[two]
        differ = (a != b) & (a != NO_DATA) & (b != NO_DATA)
        ring[one] |= differ
        ring[two] |= differ
    return ring
