"""Water bodies as polygons, each with its area."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
import rasterio.features
import shapely
from odc.geo.geobox import GeoBox
from pyogrio.errors import DataLayerError, DataSourceError

from obriy.model.classmap import ClassMap
from obriy.outputs.files import atomic_path, output_error

_SEGMENT = 64
"""Longest edge in pixels before an area is measured: a grid line is no geodesic."""


def write_polygons(class_map: ClassMap, path: Path | str, *, class_name: str = "water") -> Path:
    """Write the bodies of one class as a GeoPackage, the largest first.

    The layer has the name of the class. Pixels that touch at a corner belong to one body (a
    river one pixel wide is one river). Fields: ``id`` from 1; ``area_m2``, geodesic, NULL
    where the map has no CRS. The labels are read whole: one byte per pixel.

    Args:
        class_map: The map.
        path: The file wanted, ``*.gpkg``.
        class_name: Machine name of the class.
    """
    path = Path(path)
    code = class_map.legend.by_name(class_name).code
    geometries = polygonize(class_map.labels.to_numpy() == code, class_map.geobox)
    areas = geodesic_areas(geometries, class_map.geobox)
    order = np.argsort(-(shapely.area(geometries) if areas is None else areas), kind="stable")
    _write(
        path,
        class_name,
        class_map.geobox,
        geometries[order],
        areas if areas is None else areas[order],
    )
    return path


def polygonize(mask: npt.NDArray[np.bool_], geobox: GeoBox) -> npt.NDArray[np.object_]:
    """Return one valid geometry per 8-connected part of a mask (y, x), in the CRS of the grid."""
    shapes = rasterio.features.shapes(
        mask.view(np.uint8), mask=mask, connectivity=8, transform=geobox.affine
    )
    geometries = np.array([_polygon(geometry["coordinates"]) for geometry, _ in shapes], object)
    # A ring that touches itself at a corner is drawn as one ring, which no standard allows.
    broken = ~shapely.is_valid(geometries)
    geometries[broken] = shapely.make_valid(geometries[broken])
    return geometries


def geodesic_areas(
    geometries: npt.NDArray[np.object_], geobox: GeoBox
) -> npt.NDArray[np.float64] | None:
    """Return areas on the ellipsoid of the grid's CRS, m²; None where it has no CRS."""
    if geobox.crs is None:
        return None
    crs = pyproj.CRS.from_user_input(geobox.crs.to_wkt())
    if (
        crs.geodetic_crs is None or crs.ellipsoid is None
    ):  # an engineering CRS, "somewhere on this plane"
        return None
    to_lonlat = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    (y, x), affine = (n / 2 for n in geobox.shape), geobox.affine
    centre = to_lonlat.transform(
        affine.a * x + affine.b * y + affine.c, affine.d * x + affine.e * y + affine.f
    )
    # Equal-area on the same ellipsoid, around the map: areas are those of the ellipsoid, and
    # measuring in the plane is 20 times quicker than along geodesics.
    plane = pyproj.Proj(
        proj="laea", lon_0=centre[0], lat_0=centre[1],
        a=crs.ellipsoid.semi_major_metre, b=crs.ellipsoid.semi_minor_metre,
    )  # fmt: skip
    longest = _SEGMENT * max(abs(v) for v in (affine.a, affine.b, affine.d, affine.e))
    flat = shapely.transform(
        shapely.segmentize(geometries, longest),
        lambda x, y: plane(*to_lonlat.transform(x, y)),
        interleaved=False,
    )
    return np.asarray(shapely.area(flat), "float64")


def _polygon(rings: list[list[tuple[float, float]]]) -> Any:
    return shapely.Polygon(rings[0], rings[1:])


def _write(
    path: Path,
    layer: str,
    geobox: GeoBox,
    geometries: npt.NDArray[np.object_],
    areas: npt.NDArray[np.float64] | None,
) -> None:
    import geopandas
    import pandas as pd

    table = geopandas.GeoDataFrame(
        {
            "id": np.arange(1, len(geometries) + 1, dtype="int64"),
            "area_m2": pd.array(
                np.full(len(geometries), np.nan) if areas is None else areas, "float64"
            ),
        },
        geometry=list(geometries),
        crs=None if geobox.crs is None else geobox.crs.to_wkt(),
    )
    with atomic_path(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*crs.*was not provided")
        try:
            table.to_file(
                temporary, layer=layer, driver="GPKG", engine="pyogrio",
                geometry_type="MultiPolygon", promote_to_multi=True, index=False,
            )  # fmt: skip
        except (DataSourceError, DataLayerError, RuntimeError) as error:
            raise output_error(path, error) from error
