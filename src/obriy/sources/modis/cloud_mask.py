"""MOD35_L2 on the 500 m samples of its granule."""

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from obriy.errors import SourceError
from obriy.model.flags import Flag
from obriy.sources.modis.hdf4 import open_hdf4
from obriy.sources.modis.product import GranuleFacts, facts_of
from obriy.sources.quality import lookup_table

FIELD: Final = "Cloud_Mask"
FINER: Final = 2
"""500 m lines and samples along a 1 km pixel."""


def read_cloud_mask(
    path: Path, granule: GranuleFacts, shape: tuple[int, int]
) -> npt.NDArray[np.bool_]:
    """Read where the cloud mask of a granule is certain of cloud.

    What is uncertain or not determined is no cloud here, as in the sea-ice product MOD29: over ice
    the mask is unsure more often than not.

    Args:
        path: MOD35_L2 or MYD35_L2.
        granule: The granule that it must belong to.
        shape: Lines and samples of the granule at 500 m.

    Returns:
        (lines, samples) bool, each 1 km pixel four times.

    Raises:
        SourceError: another product, another granule, or of another size.
        BandError: where the field is missing.
    """
    file = open_hdf4(path)
    check_mask(path, facts_of(file), granule)
    file.require(FIELD)
    _, lines, frames = file.shapes[FIELD]
    if (lines * FINER, frames * FINER) != shape:
        raise SourceError(
            f"{path} has {lines} lines of {frames} pixels, and the granule {shape[0] // FINER} of "
            f"{shape[1] // FINER}.",
            "Download both again.",
        )
    first = file.read(FIELD, (0, 0, 0), (1, lines, frames))[0].astype("uint8")
    cloud = (lookup_table("mod35").take(first) & Flag.CLOUD) > 0
    return np.asarray(cloud.repeat(FINER, axis=0).repeat(FINER, axis=1))


def check_mask(path: Path, own: GranuleFacts, granule: GranuleFacts) -> None:
    """Refuse what is no cloud mask, or that of another granule.

    Raises:
        SourceError: naming what it is.
    """
    hint = f"Name {granule.clouds} of the same time."
    if own.role != "clouds":
        raise SourceError(f"{path} is {own.product}, not a cloud mask.", hint)
    if (own.satellite, own.time) != (granule.satellite, granule.time):
        raise SourceError(
            f"{path} is the cloud mask of {own.satellite} at {own.time}, and the granule is of "
            f"{granule.satellite} at {granule.time}.",
            hint,
        )
