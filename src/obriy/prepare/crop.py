"""Cut a scene to the districts that are asked for, pixel for pixel."""

from collections.abc import Sequence

import xarray as xr

from obriy.blocks.around import part_around
from obriy.model.areas import District
from obriy.model.grid import geobox_of


def crop(scene: xr.Dataset, districts: Sequence[District]) -> xr.Dataset:
    """Return the part of the scene around the districts, on the very pixels of the scene.

    Args:
        scene: A Scene, in any CRS.
        districts: What is asked for; those that lie outside the scene do not count.

    Raises:
        GeometryError: where no district meets the scene, with both extents.
        GridError: where a district has a CRS and the scene has none.
    """
    rows, columns = part_around(districts, geobox_of(scene))
    return scene.isel(y=rows, x=columns)
