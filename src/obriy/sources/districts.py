"""Districts from a file, a box or a name."""

from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from obriy.errors import GeometryError, GridError
from obriy.model.areas import District, told_apart
from obriy.registry import did_you_mean
from obriy.sources.vector_files import FORMATS, read_vector, vector_layers
from obriy.tables import load_toml
from obriy.vectors import LONLAT, polygons_of

NAME_COLUMNS: Final = ("name", "title", "label", "district", "назва", "название", "id", "code")
"""Columns that may name a feature, best first, in any case."""
FARTHEST: Final = 1e9
"""No coordinate is larger, whatever the CRS and its unit."""
REPAIR_LIMIT: Final = 0.01
"""A self-crossing polygon is repaired where its area changes by less than this share."""


def read_districts(spec: str) -> list[District]:
    """Read what the user said about where.

    Args:
        spec: A vector file (each feature a district), a box ``W,S,E,N`` in degrees of longitude
            and latitude (W > E crosses the antimeridian), or a name of ``tables/areas.toml``.

    Returns:
        Districts in the order of the file, in its CRS; no two have one name.

    Raises:
        GeometryError: a box, a feature or a layer that cannot serve.
        GridError: a file with no CRS.
        SourceError: no such file, or not a vector file.
        UnknownNameError: neither a file, nor a box, nor a known name.
    """
    numbers = _numbers(spec)
    if numbers is not None:
        return [District(spec.strip(), _box(spec, numbers), LONLAT)]
    path = Path(spec).expanduser()
    if path.exists() or path.suffix or len(path.parts) > 1:
        return _from_file(path)
    return [_named(spec)]


def read_polygons(path: Path) -> gpd.GeoDataFrame:
    """Read the one layer of polygons of a vector file.

    Returns:
        Its features, two-dimensional, with a CRS; at least one.

    Raises:
        SourceError: no such file, or not a vector file.
        GeometryError: no polygons, an empty one, or more than one layer of them.
        GridError: no CRS.
    """
    frame = read_vector(path, _polygon_layer(path))
    if not isinstance(frame, gpd.GeoDataFrame) or frame.empty:
        raise GeometryError(f"{path} has no features.", FORMATS)
    for number, geometry in enumerate(frame.geometry, start=1):
        _check_polygon(path, number, geometry)
    if frame.crs is None:
        raise GridError(
            f"{path} does not say its CRS.",
            "Add the .prj file, or set it (ogr2ogr -a_srs EPSG:CODE out.gpkg in.shp).",
        )
    if frame.crs.is_geographic:
        _check_latitudes(path, frame)
    return frame


def repaired(geometry: shapely.Geometry, what: str) -> tuple[shapely.Geometry, str]:
    """Return a valid polygon and, where it was not valid before, a sentence that says so.

    Args:
        geometry: Polygon or multipolygon.
        what: What it is, for messages, e.g. ``"The district 'A'"``.

    Raises:
        GeometryError: naming the place, where a repair would change the area noticeably.
    """
    if shapely.is_valid(geometry):
        return geometry, ""
    reason = shapely.is_valid_reason(geometry)
    mended = polygons_of(shapely.make_valid(geometry))
    change = abs(mended.area - geometry.area) / mended.area if mended.area else 1.0
    if change >= REPAIR_LIMIT:
        raise GeometryError(
            f"{what} {_fault(reason)}: {_place(reason)}.", "Redraw its edge there, or split it."
        )
    return mended, f"{what} {_fault(reason)} ({_place(reason)}): repaired, area {change:+.2%}."


def _numbers(spec: str) -> list[float] | None:
    """Return the numbers of a comma-separated list, or None where it is something else."""
    try:
        numbers = [float(part) for part in spec.split(",")]
    except ValueError:
        return None
    return numbers if len(numbers) > 1 else None


def _box(spec: str, numbers: list[float]) -> shapely.Geometry:
    """Return the polygon of W, S, E, N; two of them across the antimeridian."""
    order = "A box is west,south,east,north in degrees, e.g. 33.4,46.7,35.2,47.9."
    if len(numbers) != 4:
        raise GeometryError(f"The box '{spec}' has {len(numbers)} numbers, not 4.", order)
    west, south, east, north = numbers
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
        raise GeometryError(f"The box '{spec}' does not lie on the Earth.", order)
    if south == north or west == east:
        raise GeometryError(f"The box '{spec}' has no area.", order)
    if west < east:
        return shapely.box(west, south, east, north)
    if west - east < 180:
        raise GeometryError(f"The box '{spec}' would go the long way round the Earth.", order)
    sides = [shapely.box(west, south, 180, north), shapely.box(-180, south, east, north)]
    return shapely.MultiPolygon([side for side in sides if side.area > 0])


def _named(name: str) -> District:
    areas = load_toml("areas")
    key = name.strip().lower().replace(" ", "-").replace("_", "-")
    key = next((known for known, area in areas.items() if key in area.get("also", ())), key)
    if key not in areas:
        error = did_you_mean("district", name, sorted(areas))
        error.hint += " Or give a vector file, or a box west,south,east,north."
        raise error
    return District(key, shapely.box(*areas[key]["bbox"]), LONLAT)


def _from_file(path: Path) -> list[District]:
    frame = read_polygons(path)
    crs = _crs_text(frame)
    districts = []
    for name, geometry in zip(_names(frame), frame.geometry, strict=True):
        mended, note = repaired(geometry, f"{path.name}: the district '{name}'")
        districts.append(District(name, mended, crs, (note,) if note else ()))
    return told_apart(districts)


def _names(frame: gpd.GeoDataFrame) -> list[str]:
    """Return a name for each feature: of the best column, else its number."""
    by_lower = {str(column).lower(): column for column in reversed(list(frame.columns))}
    column = next((by_lower[name] for name in NAME_COLUMNS if name in by_lower), None)
    values = [None] * len(frame) if column is None else list(frame[column])
    return [_name(value, number) for number, value in enumerate(values, start=1)]


def _name(value: Any, number: int) -> str:
    if value is None or pd.isna(value) or not str(value).strip():
        return str(number)
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if whole else str(value).strip()


def _crs_text(frame: gpd.GeoDataFrame) -> str:
    code = frame.crs.to_epsg()
    return f"EPSG:{code}" if code else str(frame.crs.to_wkt())


def _polygon_layer(path: Path) -> str:
    """Return the layer to read: the only one, or the only one with polygons."""
    layers = vector_layers(path)
    if not layers:
        raise GeometryError(f"{path} has no features.", FORMATS)
    if len(layers) == 1:
        return layers[0][0]
    polygons = [name for name, kind in layers if "Polygon" in kind or kind == "Unknown"]
    if len(polygons) != 1:
        names = ", ".join(f"{name} ({kind})" for name, kind in layers)
        raise GeometryError(
            f"{path} has {len(polygons)} layers that may hold polygons: {names}.",
            "Save the layer you mean in a file of its own.",
        )
    return polygons[0]


def _check_latitudes(path: Path, frame: gpd.GeoDataFrame) -> None:
    turns = np.rad2deg(frame.crs.axis_info[0].unit_conversion_factor) / 90
    for number, (_, south, _, north) in enumerate(frame.bounds.to_numpy(), start=1):
        if max(-south, north) * turns > 1 + 1e-9:
            raise GeometryError(
                f"{path}: feature {number} reaches latitude {north if north > 90 else south:.6g}.",
                "Its longitudes and latitudes are swapped, or its CRS is another: set it "
                "(ogr2ogr -a_srs EPSG:CODE OUT IN).",
            )


def _check_polygon(path: Path, number: int, geometry: Any) -> None:
    if geometry is None or shapely.is_empty(geometry):
        raise GeometryError(f"{path}: feature {number} has no geometry.", "Remove it, or draw it.")
    if not (np.abs(shapely.get_coordinates(geometry)) <= FARTHEST).all():  # NaN is not either
        raise GeometryError(
            f"{path}: feature {number} has coordinates that are no numbers of a place (NaN, "
            "infinite, or beyond all measure).",
            "Draw it again, or remove it.",
        )
    if geometry.geom_type not in ("Polygon", "MultiPolygon"):
        raise GeometryError(
            f"{path}: feature {number} is a {geometry.geom_type}, not a polygon.", FORMATS
        )


def _fault(reason: str) -> str:
    return "crosses itself" if "self-intersection" in reason.lower() else "is not a valid polygon"


def _place(reason: str) -> str:
    """Turn "Self-intersection[3 4]" into "Self-intersection at 3 4"."""
    return reason.replace("[", " at ").replace("]", "").lower()
