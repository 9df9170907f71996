"""A STAC Item that describes the result, so that catalogues and GIS programs find their way."""

import datetime as dt
import enum
import functools
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import shapely
from odc.geo.geobox import GeoBox
from shapely import affinity

from obriy.model.classmap import ClassMap
from obriy.model.layers import Layer, layer_of
from obriy.model.legend import NO_DATA, UNNAMED, Legend
from obriy.model.provenance import derived_from, versions
from obriy.outputs.files import write_text
from obriy.render.palette import UNNAMED_COLOUR
from obriy.vectors import lonlat_bounds, polygons_of, warp_geometry

LONLAT: Final = "EPSG:4326"
UNDATED: Final = (
    "The date of the image is unknown, and STAC asks for one: datetime is that of the making of "
    "this item, as in created."
)

_VERSION: Final = "1.1.0"
_SCHEMAS: Final = "https://stac-extensions.github.io"
_EXTENSIONS: Final = [
    f"{_SCHEMAS}/classification/v2.0.0/schema.json",
    f"{_SCHEMAS}/processing/v1.2.0/schema.json",
    f"{_SCHEMAS}/projection/v2.0.0/schema.json",
]
_RASTER: Final = f"{_SCHEMAS}/raster/v2.0.0/schema.json"
"""For the scale of quantities."""
_COG: Final = "image/tiff; application=geotiff; profile=cloud-optimized"
_FILES: Final[dict[str, tuple[str, list[str]]]] = {
    "polygons": ("application/geopackage+sqlite3", ["data", "labels"]),
    "areas": ("text/csv", ["data"]),
    "scores": ("text/csv", ["metadata"]),
    "report": ("text/html", ["overview"]),
    "picture": ("image/png", ["overview"]),
    "sheet": ("image/png", ["overview"]),
    "years": ("image/png", ["overview"]),
    "panel": ("application/json", ["metadata"]),
    "result": ("application/json", ["metadata"]),
}
"""Media type and roles of the files of a run that are no layers, by output name."""


def write_stac_item(
    class_map: ClassMap,
    files: Mapping[str, Path | str],
    path: Path | str,
    *,
    item_id: str,
    title: str = "",
    clusters: Legend | None = None,
) -> Path:
    """Write a STAC 1.1 Item with the classification, processing and projection extensions.

    A map without CRS has no geometry and no bbox. A date without a time is the whole day. Where
    the date of the image is unknown, ``datetime`` is that of the making of the item, for STAC asks
    for one; then ``obriy:date`` is ``"unknown"``, and ``obriy:date_note`` says so.

    Args:
        class_map: The map.
        files: Paths by output name; names without a media type of their own are left out.
        path: The item, ``*.json``; assets are named relative to its folder.
        item_id: Identifier of the item.
        title: What was mapped, for people.
        clusters: Numbers of the clusters behind a map of land cover, of
            `obriy.model.clusters.cluster_legend`.
    """
    path = Path(path)
    item = _item(class_map, item_id, title)
    layers = {name: _layer(name, class_map, clusters) for name in files}
    if any(layer is not None and layer.is_quantity for layer in layers.values()):
        item["stac_extensions"].append(_RASTER)
    for name, file in files.items():
        layer = layers[name]
        if layer is not None:
            own = (_COG, layer.roles, _fields(name, layer))
            item["assets"][name] = _asset(Path(file), path.parent, *own)
        elif name in _FILES:
            item["assets"][name] = _asset(Path(file), path.parent, *_FILES[name])
    return write_text(path, json.dumps(item, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def _item(class_map: ClassMap, item_id: str, title: str) -> dict[str, Any]:
    """Return an item without assets: as pystac writes it, which loads what asks servers."""
    geometry, bbox = footprint(class_map.geobox)
    created = dt.datetime.now(dt.UTC).replace(microsecond=0)
    single, start, end = _times(class_map.time) if class_map.time else (created, None, None)
    properties = _properties(class_map, title, created)
    if start and end:
        properties |= {"start_datetime": _written(start), "end_datetime": _written(end)}
    return {
        "type": "Feature",
        "stac_version": _VERSION,
        "stac_extensions": list(_EXTENSIONS),
        "id": item_id,
        "geometry": geometry,
        **({} if bbox is None else {"bbox": bbox}),
        "properties": properties | {"datetime": single and _written(single)},
        "links": [
            {"rel": "derived_from", "href": href} for href in derived_from(class_map.provenance)
        ],
        "assets": {},
    }


def _written(moment: dt.datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _properties(class_map: ClassMap, title: str, created: dt.datetime) -> dict[str, Any]:
    steps = ", ".join(str(step["name"]) for step in class_map.provenance.steps)
    return {
        **({"title": title} if title else {}),
        "created": _written(created),
        **({} if class_map.time else {"obriy:date": "unknown", "obriy:date_note": UNDATED}),
        **projection(class_map.geobox),
        "processing:software": versions(),
        **({"processing:lineage": f"Obriy: {steps}"} if steps else {}),
    }


def projection(geobox: GeoBox) -> dict[str, Any]:
    """Return the properties of STAC's projection extension of a grid."""
    code = f"EPSG:{geobox.crs.epsg}" if geobox.crs and geobox.crs.epsg else None
    return {
        "proj:code": code,
        **({"proj:wkt2": geobox.crs.to_wkt()} if geobox.crs and code is None else {}),
        "proj:shape": [int(geobox.shape.y), int(geobox.shape.x)],
        "proj:transform": [float(v) for v in geobox.affine[:6]],
    }


def footprint(geobox: GeoBox) -> tuple[dict[str, Any] | None, list[float] | None]:
    """Return outline and bounds in longitude and latitude as STAC has them; None without a CRS."""
    if geobox.crs is None:
        return None, None
    geometry, bounds = _footprint(geobox, geobox.crs.to_wkt())
    return json.loads(geometry), list(bounds)


@functools.lru_cache(maxsize=64)
def _footprint(geobox: GeoBox, wkt: str) -> tuple[str, tuple[float, ...]]:
    """Find them once for all dates of a place."""
    affine, (rows, columns) = geobox.affine, geobox.shape
    corners = [(0, 0), (columns, 0), (columns, rows), (0, rows)]
    outline = shapely.Polygon(
        (affine.a * x + affine.b * y + affine.c, affine.d * x + affine.e * y + affine.f)
        for x, y in corners
    )
    geometry = geojson_of(warp_geometry(outline, wkt, LONLAT))
    west, south, east, north = lonlat_bounds(geobox)
    # RFC 7946: across the antimeridian the western edge has the greater number.
    bounds = [west, south, east - 360 if east > 180 else east, north]
    return json.dumps(geometry), tuple(round(v, 7) for v in bounds)


def geojson_of(lonlat: shapely.Geometry) -> dict[str, Any]:
    """Return an outline in longitude and latitude, which may go on past 180, as GeoJSON has it."""
    geometry = shapely.orient_polygons(shapely.simplify(_within_180(lonlat), 1e-6))
    plain: dict[str, Any] = json.loads(shapely.to_geojson(geometry))
    return plain


def _within_180(lonlat: shapely.Geometry) -> shapely.Geometry:
    """Cut an outline that goes on past 180 degrees in two, as RFC 7946 asks."""
    if lonlat.bounds[0] >= -180 and lonlat.bounds[2] <= 180:
        return lonlat
    world = shapely.box(-180, -90, 180, 90)
    turned = [affinity.translate(lonlat, turn) for turn in (-360, 0, 360)]
    return polygons_of(shapely.union_all([shapely.intersection(part, world) for part in turned]))


def _times(time: str) -> tuple[dt.datetime | None, dt.datetime | None, dt.datetime | None]:
    """Return datetime, or start and end: a date is a whole day, a season from its first on."""
    first, _, last = time.partition("/")
    if last:
        return None, _times(first)[1], _times(last)[2]
    moment = dt.datetime.fromisoformat(time)
    moment = moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    if len(time) > len("2019-04-16"):
        return moment, None, None
    return None, moment, moment + dt.timedelta(days=1, seconds=-1)


def _layer(output: str, class_map: ClassMap, clusters: Legend | None) -> Layer | None:
    """Return the layer that an output is, with the classes of this map."""
    layer = layer_of(output, class_map.legend.name)
    if layer is None or layer.part != "labels":
        return layer
    legend = clusters if layer.name == "clusters" else class_map.legend
    return layer if legend is None else layer.of(legend)


def _asset(
    file: Path,
    folder: Path,
    media_type: str,
    roles: Sequence[str],
    fields: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    href = Path(os.path.relpath(file, folder)).as_posix()
    return {"href": f"./{href}", "type": media_type, **(fields or {}), "roles": list(roles)}


def _fields(name: str, layer: Layer) -> dict[str, Any]:
    """Return what the numbers of a raster mean."""
    missing = "nan" if layer.missing is not None and math.isnan(layer.missing) else layer.missing
    common = {"data_type": layer.dtype, **({} if missing is None else {"nodata": missing})}
    if layer.is_quantity:
        scaled = {"unit": layer.unit, "raster:scale": layer.scale} if layer.stored else {}
        return {**common, "bands": [{"name": name, **scaled}]}
    if layer.legend is not None:
        found = _classes(layer.legend, unnamed=layer.unnamed)
    else:
        found = [_code(member, layer.codes.get(member)) for member in layer.members]
    return {**common, **({"classification:classes": found} if found else {})}


def _classes(legend: Legend, *, unnamed: bool) -> list[dict[str, Any]]:
    nothing = {"value": NO_DATA, "name": "no_data", "description": "No data", "nodata": True}
    named = [_class(c.code, c.name, c.title["en"], c.colour) for c in legend]
    rest = [_class(UNNAMED, "unnamed", "Seen, not named", UNNAMED_COLOUR)] if unnamed else []
    return [nothing, *named, *rest]


def _code(member: enum.IntEnum, colour: str | None) -> dict[str, Any]:
    word = member.name.lower()
    return _class(int(member), word, word.replace("_", " "), colour)


def _class(value: int, name: str, description: str, colour: str | None) -> dict[str, Any]:
    hint = {"color_hint": colour.lstrip("#").upper()} if colour else {}
    return {"value": value, "name": name, "description": description, **hint}
