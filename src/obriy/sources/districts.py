"""Districts from a file, a box or a name."""

import re
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import pandas as pd
import shapely

from obriy.errors import GeometryError, UsageError
from obriy.model.areas import District, told_apart
from obriy.model.notices import notice
from obriy.registry import did_you_mean
from obriy.sources.features import read_features
from obriy.tables import area_named, load_toml
from obriy.vectors import LONLAT, polygons_of

NAME_COLUMNS: Final = (
    "name", "назва", "название", "title", "label", "district", "найменування", "наименование",
    "імя", "ім_я", "имя", "район", "громада", "водойма", "водосховище", "озеро", "nazva",
    "id", "code", "код",
)  # fmt: skip
"""Columns that may name a feature, best first, in any case; blanks and marks are ``_``."""
REPAIR_LIMIT: Final = 0.01
"""A self-crossing polygon is repaired where its area changes by less than this share."""


def read_districts(spec: str, layer: str | None = None) -> list[District]:
    """Read what the user said about where.

    Args:
        spec: A vector file (each feature a district), a box ``W,S,E,N`` in degrees of longitude
            and latitude (W > E crosses the antimeridian), or a name of ``tables/areas.toml``.
        layer: Which layer of the file; None: the only one with polygons, all folders of a KML.

    Returns:
        Districts in the order of the file, in its CRS; no two have one name. Features that cannot
        serve are left out, and the notes of the first district list them.

    Raises:
        GeometryError: a box, a feature or a layer that cannot serve.
        GridError: a file with no CRS.
        SourceError: no such file, or not a vector file.
        UsageError: a layer of something that is no file.
        UnknownNameError: neither a file, nor a box, nor a known name; no layer of that name.
    """
    numbers, path = _numbers(spec), Path(spec).expanduser()
    if layer is not None and not path.exists():
        raise UsageError(
            f"--layer '{layer}' is of a file, and '{spec}' is none.", "Leave it away, or name one."
        )
    if numbers is not None:
        return [District(spec.strip(), _box(spec, numbers), LONLAT)]
    known = area_named(spec) if layer is None else None
    if known is not None:  # a folder of images or of a run is often called like the place
        notes = (notice("path_of_that_name", name=spec),) if path.exists() else ()
        return [District(known, shapely.box(*load_toml("areas")[known]["bbox"]), LONLAT, notes)]
    if path.exists() or path.suffix or len(path.parts) > 1:
        return _from_file(path, layer)
    error = did_you_mean("district", spec, sorted(load_toml("areas")))
    error.hint += " Or give a vector file, or a box west,south,east,north."
    raise error


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
            f"{what} {'crosses itself' if _crosses(reason) else 'is not a valid polygon'}: "
            f"{_place(reason)}.",
            "Redraw its edge there, or split it.",
        )
    return mended, notice(
        "crosses_itself" if _crosses(reason) else "polygon_not_valid",
        what=what, where=_place(reason), change=float(change),
    )  # fmt: skip


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


def _from_file(path: Path, layer: str | None) -> list[District]:
    features = read_features(path, layer=layer)
    frame = features.frame
    crs = _crs_text(frame)
    names, unnamed = _names(path, frame)
    notes = (*features.left_out, *unnamed)  # said once, by the first
    districts = []
    for name, geometry in zip(names, frame.geometry, strict=True):
        mended, note = repaired(geometry, notice("district_in_file", file=path.name, name=name))
        districts.append(District(name, mended, crs, (*notes, *((note,) if note else ()))))
        notes = ()
    return told_apart(districts)


def _names(path: Path, frame: gpd.GeoDataFrame) -> tuple[list[str], tuple[str, ...]]:
    """Return a name for each feature: of the best column, else its number, which is noted."""
    columns = [str(c) for c in frame.columns if c != frame.geometry.name]
    column = _name_column(columns)
    if column is not None:
        values = zip(frame.index, frame[column], strict=True)
        return [_name(value, int(number)) for number, value in values], ()
    texts = [c for c in columns if _is_of_words(frame[c])]
    note = notice("districts_numbered", file=path.name, columns=texts)
    return [str(number) for number in frame.index], (note,) if texts else ()


def _name_column(columns: list[str]) -> str | None:
    """Return the column that names features: by a whole name, else by how its name begins."""
    plain = {column: re.sub(r"[^\w]+", "_", column.casefold()).strip("_") for column in columns}
    for wanted in NAME_COLUMNS:
        found = next((c for c in columns if plain[c] == wanted), None)
        if found is not None:
            return found
    beginnings = ("name_uk", "name_ua", "назва", "name", "найменуван", "наимен", "nazva")
    return next((c for b in beginnings for c in columns if plain[c].startswith(b)), None)


def _is_of_words(values: Any) -> bool:
    return any(isinstance(value, str) and value.strip() for value in values)


def _name(value: Any, number: int) -> str:
    if value is None or pd.isna(value) or not str(value).strip():
        return str(number)
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if whole else str(value).strip()


def _crs_text(frame: gpd.GeoDataFrame) -> str:
    code = frame.crs.to_epsg()
    return f"EPSG:{code}" if code else str(frame.crs.to_wkt())


def _crosses(reason: str) -> bool:
    return "self-intersection" in reason.lower()


def _place(reason: str) -> str:
    """Turn "Self-intersection[3 4]" into "Self-intersection at 3 4"."""
    return reason.replace("[", " at ").replace("]", "").lower()
