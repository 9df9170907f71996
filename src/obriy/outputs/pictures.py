"""Pictures of scenes that lie where the scene lies, for maps that move."""

from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox

from obriy.outputs.files import atomic_path, output_errors
from obriy.render.pictures import Picture

SIDE = 256
"""Of a block of the file, pixels: a tile of a map reads some of them."""


def write_picture(picture: Picture, grid: GeoBox, path: Path) -> Path:
    """Write a picture of a scene as a GeoTIFF of red, green, blue and alpha, uint8.

    Args:
        picture: Of the scene.
        grid: The grid of the scene; without a CRS the file has none.
        path: The file; its folder is made where it is missing.

    Raises:
        OutputError: where it cannot be written.
    """
    rows, columns = picture.rgba.shape[:2]
    apart = Affine.scale(picture.extent[1] / columns, picture.extent[0] / rows)
    profile = {
        "driver": "GTiff", "width": columns, "height": rows, "count": 4, "dtype": "uint8",
        "crs": None if grid.crs is None else str(grid.crs), "transform": grid.affine @ apart,
        "tiled": True, "blockxsize": SIDE, "blockysize": SIDE, "compress": "deflate",
        "photometric": "RGB", "alpha": "unassociated",
    }  # fmt: skip
    with (
        atomic_path(path) as draft,
        output_errors(path),
        rasterio.open(draft, "w", **profile) as made,  # noqa: TID251 - to write
    ):
        made.write(np.moveaxis(picture.rgba, -1, 0))
    return path
