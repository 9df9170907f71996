"""Water bodies and parcels of land cover as polygons, each with its area."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyproj
import rasterio.features
import shapely
from odc.geo.geobox import GeoBox
from skimage import measure

from obriy.model.areas import District
from obriy.model.classmap import FRACTION_MISSING, FRACTION_SCALE, ClassMap
from obriy.model.legend import NO_DATA, UNNAMED, Legend
from obriy.outputs.geopackage import VectorLayer, write_layers
from obriy.outputs.styles import class_look, legend_look
from obriy.vectors import equal_area_plane, place, polygons_of

_HECTARE: Final = 10_000.0
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
    lang: str = "en",
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
        lang: Language of the layer's style.
    """
    layer = polygon_layer(class_map, class_name=class_name, districts=districts, lang=lang)
    return write_layers([layer], Path(path))


def polygon_layer(
    class_map: ClassMap, *, class_name: str, districts: Sequence[District] = (), lang: str = "en"
) -> VectorLayer:
    """Return the bodies of one class as a layer: what `write_polygons` writes."""
    geobox = class_map.geobox
    code = class_map.legend.by_name(class_name).code
    geometries = polygonize(class_map.labels.to_numpy() == code, geobox)
    names = None
    if districts:
        geometries, names, _ = _cut(geometries, districts, geobox)
    bodies = _Bodies(geometries, geodesic_areas(geometries, geobox), names)
    table = _table(class_name, geobox, bodies.largest_first())
    return VectorLayer(class_name, table, class_look(class_map.legend, class_name, lang))


def write_parcels(
    class_map: ClassMap,
    path: Path | str,
    *,
    clusters: ClassMap | None = None,
    districts: Sequence[District] = (),
    lang: str = "en",
) -> Path:
    """Write all classes of a map as parcels in a GeoPackage, the largest first.

    The layer has the name of the legend. A parcel is a patch of one class (and of one cluster,
    where they are given); pixels that touch at a corner alone are not one patch, so parcels never
    cross. Fields: ``id`` from 1; ``code`` and ``class``, ``"unknown"`` where the map would not
    name it; ``cluster``; ``district``, where districts were given; ``area_ha``, geodesic, NULL
    where the map has no CRS; ``confidence`` 0 to 1, the mean over the parcel's pixels, where the
    map has it. Pixels that were not seen are in no parcel. The map is read whole: some 15 bytes
    per pixel, and 2 kilobytes per parcel.

    Args:
        class_map: The map, of any legend.
        path: The file wanted, ``*.gpkg``.
        clusters: The clusters that were named, on the same grid.
        districts: Where: parcels are cut at the edge of each, and stand once for each district
            that they meet. None: the whole map.
        lang: Language of the layer's style.
    """
    table = parcels(class_map, clusters=clusters, districts=districts)
    look = legend_look(class_map.legend, lang, field="code")
    return write_layers([VectorLayer(class_map.legend.name, table, look)], Path(path))


def parcels(
    class_map: ClassMap,
    *,
    clusters: ClassMap | None = None,
    districts: Sequence[District] = (),
) -> Any:
    """Return the parcels of a map as a GeoDataFrame: what `write_parcels` writes."""
    geobox = class_map.geobox
    labels = class_map.labels.to_numpy()
    numbers = None if clusters is None else clusters.labels.to_numpy()
    found = _patches(labels, numbers, geobox)
    codes = found.of_each(labels)
    columns: dict[str, Any] = {"code": codes, "class": _names_of(class_map.legend, codes)}
    if numbers is not None:
        columns["cluster"] = found.of_each(numbers)
    if class_map.confidence is not None:
        columns["confidence"] = found.mean_of_each(class_map.confidence.to_numpy())
    geometries = found.geometries
    if districts:
        geometries, names, kept = _cut(geometries, districts, geobox)
        columns = {name: values[kept] for name, values in columns.items()} | {"district": names}
    areas = geodesic_areas(geometries, geobox)
    hectares = np.full(len(geometries), np.nan) if areas is None else areas / _HECTARE
    order = np.argsort(-shapely.area(geometries) if areas is None else -areas, kind="stable")
    columns["area_ha"] = hectares
    table = {name: _column(values[order]) for name, values in columns.items()}
    table = {"id": np.arange(1, len(order) + 1, dtype="int64")} | table
    return _frame(table, geometries[order], geobox)


@dataclasses.dataclass(frozen=True)
class _Patches:
    """Patches of a map.

    Attributes:
        owner: (y, x) int32, number of the patch of each pixel from 1; 0 where none.
        geometries: (n,) polygons in the CRS of the grid.
        numbers: (n,) number of the patch of each polygon.
    """

    owner: npt.NDArray[np.int32]
    geometries: npt.NDArray[np.object_]
    numbers: npt.NDArray[np.int64]

    def of_each(self, values: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
        """Return the value (y, x) of each patch, the same in all of its pixels."""
        found = np.zeros(self.owner.max(initial=0) + 1, "int32")
        found[self.owner.ravel()] = values.ravel()
        return found[self.numbers]

    def mean_of_each(self, confidence: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        """Return the mean confidence, 0 to 1, of each patch; NaN where no pixel has one."""
        known = confidence != FRACTION_MISSING
        size = self.owner.max(initial=0) + 1
        count = np.bincount(self.owner[known], minlength=size)[self.numbers]
        total = np.bincount(self.owner[known], confidence[known], minlength=size)[self.numbers]
        means = np.full(count.shape, np.nan)
        np.divide(total / FRACTION_SCALE, count, out=means, where=count > 0)
        return means


def _patches(
    labels: npt.NDArray[np.uint8], clusters: npt.NDArray[np.uint8] | None, geobox: GeoBox
) -> _Patches:
    """Return one polygon per 4-connected patch of one class and one cluster."""
    pairs = labels.astype("int32") * 256
    if clusters is not None:
        pairs += clusters
    seen = labels != NO_DATA
    pairs[~seen] = 0
    owner = measure.label(pairs, background=0, connectivity=1).astype("int32")
    shapes = rasterio.features.shapes(owner, mask=seen, connectivity=4, transform=geobox.affine)
    found = [(_polygon(geometry["coordinates"]), int(number)) for geometry, number in shapes]
    geometries = np.empty(len(found), object)
    geometries[:] = [geometry for geometry, _ in found]
    return _Patches(owner, geometries, np.array([number for _, number in found], "int64"))


def _names_of(legend: Legend, codes: npt.NDArray[np.int32]) -> npt.NDArray[np.object_]:
    names = {c.code: c.name for c in legend} | {UNNAMED: "unknown"}
    return np.array([names[int(code)] for code in codes], object)


def _column(values: npt.NDArray[Any]) -> Any:
    import pandas as pd

    return pd.array(values, "string") if values.dtype == object else values


def _frame(columns: dict[str, Any], geometries: npt.NDArray[np.object_], geobox: GeoBox) -> Any:
    import geopandas

    crs = None if geobox.crs is None else geobox.crs.to_wkt()
    return geopandas.GeoDataFrame(columns, geometry=list(geometries), crs=crs)


def _cut(
    geometries: npt.NDArray[np.object_], districts: Sequence[District], geobox: GeoBox
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.object_], npt.NDArray[np.int_]]:
    """Return the parts within each district, its name for each part, and of which they are parts.

    The edges are those of `obriy.measures.areas`: straight where they are in the plane of the grid.
    """
    parts: list[Any] = []
    names: list[str] = []
    of: list[int] = []
    tree = shapely.STRtree(geometries)
    for district in districts:
        outline = _in_grid_crs(district, geobox)
        shapely.prepare(outline)
        found = np.sort(tree.query(outline, predicate="intersects"))
        near = geometries[found]
        across = ~shapely.contains_properly(outline, near)
        near[across] = [polygons_of(g) for g in shapely.intersection(near[across], outline)]
        kept = shapely.area(near) > 0
        parts.extend(near[kept])
        of.extend(found[kept])
        names.extend([district.name] * int(kept.sum()))
    return np.array(parts, object), np.array(names, object), np.array(of, "int64")


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
    shell, *holes = (shapely.linearrings(np.array(ring)) for ring in rings)
    return shapely.polygons(shell, holes or None)


def _table(class_name: str, geobox: GeoBox, bodies: _Bodies) -> Any:
    import pandas as pd

    count = len(bodies.geometries)
    columns: dict[str, Any] = {
        "id": np.arange(1, count + 1, dtype="int64"),
        "class": pd.array([class_name] * count, "string"),
    }
    if bodies.districts is not None:
        columns["district"] = pd.array(bodies.districts, "string")
    columns["area_m2"] = np.full(count, np.nan) if bodies.areas is None else bodies.areas
    return _frame(columns, bodies.geometries, geobox)
