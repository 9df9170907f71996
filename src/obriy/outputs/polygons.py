"""Water bodies as polygons, each with its area."""

import dataclasses
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
import rasterio.features
import shapely
from odc.geo.geobox import GeoBox
from pyogrio.errors import DataLayerError, DataSourceError

from obriy.model.areas import District
from obriy.model.classmap import ClassMap
from obriy.outputs.files import atomic_path, output_error
from obriy.vectors import equal_area_plane, place, polygons_of

_SEGMENT = 64
"""Longest edge in pixels before an area is measured: a grid line is no geodesic."""


@dataclasses.dataclass(frozen=True)
class _Bodies:
    """What is written.

    Attributes:
        geometries: (n,) polygons in the CRS of the grid.
        areas: (n,) m²; None where the grid is not tied to the Earth.
        districts: (n,) names; None where none were given.
    """

    geometries: npt.NDArray[np.object_]
    areas: npt.NDArray[np.float64] | None
    districts: npt.NDArray[np.object_] | None

    def largest_first(self) -> "_Bodies":
        """Return them by size."""
        sizes = shapely.area(self.geometries) if self.areas is None else self.areas
        order = np.argsort(-sizes, kind="stable")
        return _Bodies(
            self.geometries[order],
            None if self.areas is None else self.areas[order],
            None if self.districts is None else self.districts[order],
        )


def write_polygons(
    class_map: ClassMap,
    path: Path | str,
    *,
    class_name: str = "water",
    districts: Sequence[District] = (),
) -> Path:
    """Write the bodies of one class as a GeoPackage, the largest first.

    The layer has the name of the class. Pixels that touch at a corner belong to one body (a
    river one pixel wide is one river). Fields: ``id`` from 1; ``class``, its machine name;
    ``district``, where districts were given; ``area_m2``, geodesic, NULL where the map has no
    CRS. The labels are read whole: one byte per pixel.

    Args:
        class_map: The map.
        path: The file wanted, ``*.gpkg``.
        class_name: Machine name of the class.
        districts: Where: bodies are cut at the edge of each, and stand once for each district
            that they meet, so that their areas add up to the mask area of the district. None:
            the whole map.
    """
    path = Path(path)
    geobox = class_map.geobox
    code = class_map.legend.by_name(class_name).code
    geometries = polygonize(class_map.labels.to_numpy() == code, geobox)
    names = None
    if districts:
        geometries, names = _cut(geometries, districts, geobox)
    bodies = _Bodies(geometries, geodesic_areas(geometries, geobox), names)
    _write(path, class_name, geobox, bodies.largest_first())
    return path


def _cut(
    geometries: npt.NDArray[np.object_], districts: Sequence[District], geobox: GeoBox
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.object_]]:
    """Return the parts within each district and its name for each part.

    The edges are those of `obriy.measures.areas`: straight where they are in the plane of the grid.
    """
    parts: list[Any] = []
    names: list[str] = []
    tree = shapely.STRtree(geometries)
    for district in districts:
        outline = _in_grid_crs(district, geobox)
        shapely.prepare(outline)
        near = geometries[np.sort(tree.query(outline, predicate="intersects"))]
        across = ~shapely.contains_properly(outline, near)
        near[across] = [polygons_of(g) for g in shapely.intersection(near[across], outline)]
        kept = near[shapely.area(near) > 0]
        parts.extend(kept)
        names.extend([district.name] * len(kept))
    return np.array(parts, object), np.array(names, object)


def _in_grid_crs(district: District, geobox: GeoBox) -> shapely.Geometry:
    a = geobox.affine
    linear, shift = np.array([[a.a, a.d], [a.b, a.e]]), (a.c, a.f)
    placed = place(district.geometry, district.crs, geobox)
    return shapely.transform(placed, lambda xy: xy @ linear + shift)


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


def _write(path: Path, layer: str, geobox: GeoBox, bodies: _Bodies) -> None:
    import geopandas
    import pandas as pd

    count = len(bodies.geometries)
    columns: dict[str, Any] = {
        "id": np.arange(1, count + 1, dtype="int64"),
        "class": pd.array([layer] * count, "string"),
    }
    if bodies.districts is not None:
        columns["district"] = pd.array(bodies.districts, "string")
    columns["area_m2"] = np.full(count, np.nan) if bodies.areas is None else bodies.areas
    crs = None if geobox.crs is None else geobox.crs.to_wkt()
    table = geopandas.GeoDataFrame(columns, geometry=list(bodies.geometries), crs=crs)
    write_layer(table, path, layer)


def write_layer(table: Any, path: Path, layer: str) -> None:
    """Write a table of polygons as the layer of a GeoPackage."""
    with atomic_path(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*crs.*was not provided")
        try:
            table.to_file(
                temporary, layer=layer, driver="GPKG", engine="pyogrio",
                geometry_type="MultiPolygon", promote_to_multi=True, index=False,
            )  # fmt: skip
        except (DataSourceError, DataLayerError, RuntimeError) as error:
            raise output_error(path, error) from error
