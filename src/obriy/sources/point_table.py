"""Points in a CSV: what a receiver, a form or Google Earth Engine writes."""

import json
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from obriy.errors import GeometryError
from obriy.sources.csv_tables import rows_of
from obriy.vectors import LONLAT

EAST: Final = ("lon", "longitude", "long", "lng", "x", "довгота", "долгота", "point_x", "pl_lon")
NORTH: Final = ("lat", "latitude", "y", "широта", "point_y", "pl_lat")
"""Columns of longitude and latitude, best first, in any case."""
PLACED: Final = (
    "A table of points has columns lon and lat, in degrees (WGS 84); save those in metres with "
    "their CRS (GeoPackage)."
)
"""The way out where no columns say where the rows of a CSV lie."""
_GEO: Final = ".geo"
"""Column in which Earth Engine writes a geometry as GeoJSON."""


def read_point_table(path: Path) -> gpd.GeoDataFrame | None:
    """Read a CSV of points in degrees, WGS 84.

    Args:
        path: UTF-8 or Windows-1251; commas, semicolons or tabs.

    Returns:
        All columns, as text; None where no columns say where its rows lie.

    Raises:
        SourceError: no text.
        GeometryError: coordinates that are no degrees.
    """
    header, rows = rows_of(path)
    frame = pd.DataFrame(rows, columns=header, dtype=object)
    by_lower = {name.casefold().strip(): name for name in reversed(header)}
    if _GEO in by_lower:
        shapes: list[Any] = [_shape(text) for text in frame[by_lower[_GEO]]]
    else:
        east, north = (next((by_lower[n] for n in c if n in by_lower), "") for c in (EAST, NORTH))
        if not east or not north:
            return None
        xy = np.column_stack([_degrees(frame[east]), _degrees(frame[north])])
        _check(path, east, north, xy)
        shapes = [shapely.Point(p) if np.isfinite(p).all() else None for p in xy]
    words = frame.replace("", None)
    return gpd.GeoDataFrame(words, geometry=shapes, crs=LONLAT)


def _shape(text: str) -> Any:
    try:
        return shapely.from_geojson(json.dumps(json.loads(text)))
    except (ValueError, shapely.errors.GEOSException):
        return None


def _degrees(values: Any) -> Any:
    """Return numbers, with a decimal comma too; NaN where there is none."""
    return pd.to_numeric(values.str.replace(",", ".", regex=False), errors="coerce").to_numpy()


def _check(path: Path, east: str, north: str, xy: Any) -> None:
    beyond = np.flatnonzero((np.abs(xy) > (180, 90)).any(axis=1))
    if len(beyond):
        x, y = xy[beyond[0]]
        raise GeometryError(
            f"{path}: row {beyond[0] + 1} has {east} {x:.9g} and {north} {y:.9g}: no degrees.",
            "Write longitude and latitude (WGS 84), or save the points with their CRS "
            "(GeoPackage).",
        )
