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
from obriy.vectors import equal_area_plane

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
    """Return areas on the ellipsoid of the grid's CRS, m²; None where it is not tied to the Earth.

    Measured in an equal-area plane around the map: 20 times quicker than along geodesics.
    """
    crs = None if geobox.crs is None else pyproj.CRS(geobox.crs.to_wkt())
    if crs is None or crs.geodetic_crs is None:
        return None
    affine = geobox.affine
    centre = affine @ (geobox.shape.x / 2, geobox.shape.y / 2)
    longest = _SEGMENT * max(abs(v) for v in (affine.a, affine.b, affine.d, affine.e))
    dense = shapely.segmentize(geometries, longest)
    return np.asarray(shapely.area(shapely.transform(dense, equal_area_plane(crs, centre))))


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
