"""Land by a mask that the user names: it goes into the flags of a scene."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely
import xarray as xr
from odc.geo.geobox import GeoBox
from rasterio.errors import RasterioError

from obriy.blocks.computed import computed_variable
from obriy.blocks.gdal import open_raster
from obriy.blocks.raster import RasterBand, lazy_variable
from obriy.coverage import rasterize
from obriy.errors import GridError, SourceError
from obriy.model.flags import FLAG_ATTRS, Flag
from obriy.model.grid import geobox_of
from obriy.model.notices import notice
from obriy.model.scene import provenance_of
from obriy.sources.districts import repaired
from obriy.sources.features import read_polygons
from obriy.sources.reading import masks_in_file, probe
from obriy.sources.reference_features import VECTOR_SUFFIXES
from obriy.vectors import place

UNMASKED: Final = notice("land_not_masked")
"""Warning of scenes of the sea of which nothing says where land is."""


def with_land(scene: xr.Dataset, mask: Path) -> xr.Dataset:
    """Return a scene whose flags say what is land, lazily.

    Args:
        scene: A Scene, with flags or without.
        mask: Polygons of land, or a raster in which every number but 0 (and no data) is land. A
            pixel is land where its centre is.

    Raises:
        SourceError: no such file, or none that can be read.
        GridError: a mask without a CRS for a scene that has one.
        GeometryError: a vector file without polygons.
    """
    geobox = geobox_of(scene)
    land = land_on(mask, geobox)
    own = scene["flags"].variable if "flags" in scene else None

    def read(rows: slice, columns: slice) -> npt.NDArray[np.uint16]:
        flags = np.where(land[rows, columns].values > 0, np.uint16(Flag.LAND), np.uint16(0))
        return flags if own is None else flags | own[rows, columns].values

    flagged = scene.assign(flags=(("y", "x"), computed_variable(read, geobox, "uint16")))
    flagged["flags"].attrs = dict(FLAG_ATTRS)
    flagged.attrs = {**scene.attrs}
    flagged.attrs["provenance"] = provenance_of(scene).with_step("land", mask=str(mask))
    return flagged


def land_on(mask: Path, geobox: GeoBox) -> xr.Variable:
    """Return land, (y, x) uint8, above 0 where a mask says land, on a grid; see `with_land`."""
    path = mask.expanduser()
    if not path.exists():
        raise SourceError(f"There is no land mask {path}.", "Check the path.")
    if path.suffix.lower() in VECTOR_SUFFIXES:
        return _of_polygons(path, geobox)
    try:
        with open_raster(path):
            own = probe(str(path))[0]
    except RasterioError as error:
        raise SourceError(
            f"The land mask {path} is neither a raster nor a vector file that can be read.",
            "Give a raster in which 0 is sea, or polygons of land.",
        ) from error
    if geobox.crs is not None and own.grid.crs is None:
        raise GridError(
            f"The land mask {path} does not say its CRS.", "Set it: gdal_edit -a_srs EPSG:CODE."
        )
    band = RasterBand(
        str(path),
        missing=() if own.nodata is None else (own.nodata,),
        resampling="nearest",
        dtype="uint8",
        masks=masks_in_file(own),
    )
    return lazy_variable(band, geobox)


def _of_polygons(path: Path, geobox: GeoBox) -> xr.Variable:
    frame = read_polygons(path)
    parts = [
        repaired(geometry, f"{path.name}: feature {number}")[0]
        for number, geometry in enumerate(frame.geometry, 1)
    ]
    outline = place(shapely.union_all(parts), frame.crs.to_wkt(), geobox)

    def read(rows: slice, columns: slice) -> npt.NDArray[Any]:
        return rasterize([(outline, 1)], rows, columns)

    return computed_variable(read, geobox, "uint8")
