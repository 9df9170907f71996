"""MOD10A1 and MOD10A2 as a reference: what they know of lake ice, open lakes, cloud and land."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from odc.geo.geobox import GeoBox

from obriy.blocks.computed import computed_labels
from obriy.errors import SourceError
from obriy.model.legend import load_legend
from obriy.model.reference import Reference
from obriy.sources.class_codes import MISSING
from obriy.sources.crosswalk import crosswalk
from obriy.sources.modis.eos_grid import Nearest, field_grid, grid_asked_for
from obriy.sources.modis.hdf4 import open_hdf4
from obriy.sources.modis.product import facts_of

FIELDS: Final = {"10A1": "NDSI_Snow_Cover", "10A2": "Maximum_Snow_Extent"}


def read_snow_reference(path: Path, grid: GeoBox | None = None) -> Reference:
    """Open a snow map as a reference in the legend ``ice``, lazily.

    The products map snow on land and ice on lakes, and leave the sea out: there the reference says
    nothing. MOD10A1 gives the ice of lakes as snow, which counts as land here.

    Args:
        path: MOD10A1 or MOD10A2 (MYD too), HDF4.
        grid: Grid of the map that is to be compared, which gets the nearest pixels; None: the
            tile's own.

    Raises:
        SourceError: another product, or a file that cannot be read.
        BandError: where the field is missing.
        GeometryError: a tile that does not reach the grid.
    """
    file = open_hdf4(path)
    facts = facts_of(file)
    if facts.kind not in FIELDS:
        raise SourceError(
            f"{path} is {facts.product}, not a map of snow.", "Name MOD10A1 or MOD10A2."
        )
    name, legend = FIELDS[facts.kind], load_legend("ice")
    file.require(name)
    own = field_grid(file, name)
    walk = crosswalk(f"mod{facts.kind.lower()}", legend)

    def read(rows: slice, columns: slice) -> npt.NDArray[Any]:
        count = (rows.stop - rows.start, columns.stop - columns.start)
        codes = file.read(name, (rows.start, columns.start), count)
        return walk.translate(codes, MISSING, str(path))

    wanted = grid_asked_for(own, grid, None, file)
    make = Nearest(own, wanted).wrap(read, np.uint8(0))
    notes = (walk.note, "The product leaves the sea out: only lakes can be compared.")
    return Reference(computed_labels(make, wanted), legend, str(path), notes=notes)
