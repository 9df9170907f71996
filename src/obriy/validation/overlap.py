"""What a reference knows of a place, before any map of it is made."""

import numpy as np
from odc.geo.geobox import GeoBox

from obriy.blocks.windows import windows
from obriy.errors import GridError, InputError
from obriy.model.legend import NO_DATA, UNNAMED
from obriy.model.reference import Reference
from obriy.validation.align import window_reader


def require_two_classes(reference: Reference, geobox: GeoBox) -> None:
    """Raise where a reference cannot tell right from wrong on a grid.

    Args:
        reference: Labels on any grid; read window by window until two classes are found.
        geobox: Grid of the map to come.

    Raises:
        GridError: it says nothing there.
        InputError: it has one class there.
    """
    read = window_reader(reference.labels, reference.geobox, geobox)
    found: set[int] = set()
    shape = int(geobox.shape.y), int(geobox.shape.x)
    for rows, columns in windows(shape):
        found |= {int(code) for code in np.unique(read(rows, columns))} - {NO_DATA, UNNAMED}
        if len(found) > 1:
            return
    if not found:
        raise GridError(
            f"The reference ({reference.source}) says nothing where the map lies.",
            "Check that both show the same place, and the CRS of each.",
        )
    only = next((c.name for c in reference.legend if c.code in found), str(found.pop()))
    raise InputError(
        f"The reference ({reference.source}) has one class ({only}) where the map lies: what is "
        "wrong there could not be counted.",
        "Say what lies outside with --reference-outside, e.g. --reference-outside land, or take a "
        "reference that has both water and land.",
    )
