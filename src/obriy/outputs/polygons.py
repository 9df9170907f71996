"""Water bodies and parcels of land cover as polygons, each with its area."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyproj
import shapely
import xarray as xr
from odc.geo.geobox import GeoBox

from obriy.model.areas import District
from obriy.model.classmap import FRACTION_MISSING, FRACTION_SCALE, ClassMap
from obriy.model.legend import NO_DATA, UNNAMED, Legend
from obriy.outputs.geopackage import VectorLayer, write_layers
from obriy.outputs.styles import class_look, legend_look
from obriy.outputs.tracing import Patches
from obriy.vectors import equal_area_plane, place, polygons_of

_HECTARE: Final = 10_000.0
_ROWS: Final = 1024
"""Rows of a map that are read at once."""
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
    CRS. What is held is the runs of the class along the rows: some 100 bytes each.

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
    strips = ((strip == code).view(np.uint8) for strip in _strips(class_map.labels))
    geometries = polygonize(strips, geobox)
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
    map has it. Pixels that were not seen are in no parcel. What is held is runs of pixels that are
    alike: some 100 bytes each, and 2 kilobytes per parcel.

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
    patches = Patches.of(_numbered(class_map.labels, None if clusters is None else clusters.labels))
    codes = (patches.values >> 8).astype("int32")
    columns: dict[str, Any] = {"code": codes, "class": _names_of(class_map.legend, codes)}
    if clusters is not None:
        columns["cluster"] = (patches.values & 255).astype("int32")
    if class_map.confidence is not None:
        means = patches.means_of(_strips(class_map.confidence), FRACTION_MISSING)
        columns["confidence"] = means / FRACTION_SCALE
    geometries = patches.polygons(geobox.affine)
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


def _strips(array: xr.DataArray) -> Iterator[npt.NDArray[np.uint8]]:
    """Read a raster of bytes from the top to the bottom."""
    for top in range(0, array.shape[0], _ROWS):
        yield array[top : top + _ROWS].to_numpy()


def _numbered(labels: xr.DataArray, clusters: xr.DataArray | None) -> Iterator[npt.NDArray[Any]]:
    """Read classes and clusters as one number, the class first; 0 where there is no class."""
    if clusters is None:
        yield from (strip.astype("uint16") << 8 for strip in _strips(labels))
        return
    for codes, numbers in zip(_strips(labels), _strips(clusters), strict=True):
        yield np.where(codes == NO_DATA, 0, codes.astype("uint16") << 8 | numbers)


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


def polygonize(strips: Iterable[npt.NDArray[np.uint8]], geobox: GeoBox) -> npt.NDArray[np.object_]:
    """Return one valid geometry per 8-connected part of what is not 0, in the CRS of the grid.

    Args:
        strips: Rows of the map, from the top.
        geobox: Grid of the map.
    """
    patches = Patches.of(strips)
    polygons, of = patches.polygons(geobox.affine), patches.touching()
    order = np.argsort(of, kind="stable")
    parts: npt.NDArray[np.object_] = shapely.multipolygons(polygons[order], indices=of[order])
    single = shapely.get_num_geometries(parts) == 1
    parts[single] = shapely.get_geometry(parts[single], 0)
    return parts


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
