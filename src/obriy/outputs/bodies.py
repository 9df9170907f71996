"""Water bodies and their series as files: outlines in a GeoPackage, every date in a CSV."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyproj
import rasterio.features
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox

from obriy.model.bodies import BodyLabels, BodySeries, WaterBody, numbers_of
from obriy.model.legend import Legend, load_legend
from obriy.outputs.geopackage import VectorLayer, write_layers
from obriy.outputs.styles import class_look
from obriy.outputs.tables import write_rows
from obriy.vectors import equal_area_plane

SERIES: Final = (
    "date", "uid", "area_wet_m2", "pc_wet", "px_wet", "pc_invalid", "px_invalid",
    "area_invalid_m2", "px_total",
)  # fmt: skip
_SEGMENT: Final = 64
"""Longest edge in pixels before a length is measured."""


def write_bodies(
    series: BodySeries,
    labels: BodyLabels,
    path: Path | str,
    *,
    legend: Legend | None = None,
    lang: str = "en",
) -> Path:
    """Write the bodies as a GeoPackage, the largest first; return its path.

    The layer is called ``water_bodies``, or ``CLASS_bodies`` of another class.

    Fields: ``uid``, ``number`` (1 for the largest outline), ``area_m2`` of the outline,
    ``perim_m`` (length of the outline along the edges
    of pixels, islands included; NULL without a CRS), ``px_total``, ``area_max_m2`` and
    ``area_mean_m2`` of the wet areas, ``dates_seen``, ``half_wet`` (share of those dates on which
    at least half was wet, 0 to 1), ``first_water``, ``last_water`` (text, ISO 8601),
    ``districts`` (names, ``; `` between), ``lon`` and ``lat`` of the centre, WGS 84. NULL where
    not known; `obriy.model.bodies.WaterBody` says more.

    Args:
        series: The bodies.
        labels: Their pixels.
        path: The file wanted, ``*.gpkg``.
        legend: That of the maps; None: ``water``.
        lang: Language of the layer's style.
    """
    import geopandas

    geometries = body_polygons(labels)
    columns = _columns(series.bodies)
    columns["perim_m"] = _perimeters(geometries, labels.geobox)
    order = np.argsort([-body.area_m2 for body in series.bodies], kind="stable")
    crs = None if labels.geobox.crs is None else labels.geobox.crs.to_wkt()
    table = geopandas.GeoDataFrame(columns, geometry=list(geometries), crs=crs).iloc[order]
    look = class_look(legend or load_legend("water"), series.class_name, lang)
    layer = VectorLayer(f"{series.class_name}_bodies", table, look)
    return write_layers([layer], Path(path))


def write_body_series(series: BodySeries, path: Path | str) -> Path:
    """Write the series of all bodies as CSV: a row per body and date; return its path.

    Columns are named as in the series of Digital Earth Africa Waterbodies: ``date``; ``uid`` of the
    body; ``area_wet_m2``, geodesic, from fractions where the maps have them; ``px_wet`` and
    ``pc_wet``, pixels of the class, also in per cent of all pixels of the body, unseen ones
    included; ``pc_invalid``, ``px_invalid``, ``area_invalid_m2``, what was not seen; ``px_total``.
    What is wet is empty where nothing of the body was seen.
    """
    return write_rows(path, SERIES, _series_rows(series))


def body_polygons(labels: BodyLabels) -> npt.NDArray[np.object_]:
    """Return the outline of every body, by number, in the CRS of the grid.

    Traced window by window; what a seam cut is joined. Bodies may be multipolygons: parts that
    touch at a corner only.

    Returns:
        (bodies,) valid polygons and multipolygons.
    """
    pieces: dict[int, list[Any]] = defaultdict(list)
    for rows, columns, numbers in labels:
        # In whole pixels, where both sides of a seam have the very same coordinates.
        corner = Affine.translation(columns.start, rows.start)
        # Parts that touch at a corner are apart: as one ring, that touches itself, they are
        # allowed by no standard.
        shapes = rasterio.features.shapes(
            numbers, mask=numbers > 0, connectivity=4, transform=corner
        )
        parts: dict[int, list[Any]] = defaultdict(list)
        for geometry, number in shapes:
            shell, *holes = geometry["coordinates"]
            parts[int(number)].append(shapely.Polygon(shell, holes))
        for number, ones in parts.items():
            pieces[number].append(ones[0] if len(ones) == 1 else shapely.MultiPolygon(ones))
    outlines = [_joined(pieces[number]) for number in range(1, labels.count + 1)]
    a = labels.geobox.affine
    linear, shift = np.array([[a.a, a.d], [a.b, a.e]]), (a.c, a.f)
    return np.array(
        [shapely.transform(g, lambda xy: xy @ linear + shift) for g in outlines], object
    )


def _joined(pieces: list[Any]) -> Any:
    if len(pieces) == 1:
        return pieces[0]
    return shapely.simplify(shapely.union_all(pieces), 0)  # drops the corners left by the seam


def _perimeters(geometries: npt.NDArray[np.object_], geobox: GeoBox) -> Any:
    """Return lengths of outlines, metres; NaN where the grid is not tied to the Earth.

    Measured in an equal-area plane around the map, where 100 km from its centre a length is
    wrong by 3e-5.
    """
    crs = None if geobox.crs is None else pyproj.CRS(geobox.crs.to_wkt())
    if crs is None or crs.geodetic_crs is None:
        return np.full(len(geometries), np.nan)
    a = geobox.affine
    centre = a @ (geobox.shape.x / 2, geobox.shape.y / 2)
    dense = shapely.segmentize(geometries, _SEGMENT * max(abs(v) for v in (a.a, a.b, a.d, a.e)))
    return shapely.length(shapely.transform(dense, equal_area_plane(crs, centre)))


def _columns(bodies: tuple[WaterBody, ...]) -> dict[str, Any]:
    import pandas as pd

    def numbers(name: str) -> Any:
        return np.array([getattr(body, name) for body in bodies], "float64")

    def words(values: list[str | None]) -> Any:
        return pd.array(values, "string")

    number = numbers_of(bodies)
    places = [body.lonlat or (np.nan, np.nan) for body in bodies]
    return {
        "uid": words([body.id for body in bodies]),
        "number": np.array([number[body.id] for body in bodies], "int64"),
        "area_m2": numbers("area_m2"),
        "perim_m": np.full(len(bodies), np.nan),
        "px_total": np.array([body.pixels for body in bodies], "int64"),
        "area_max_m2": numbers("area_max_m2"),
        "area_mean_m2": numbers("area_mean_m2"),
        "dates_seen": np.array([body.dates_seen for body in bodies], "int64"),
        "half_wet": numbers("half_wet_share"),
        "first_water": words([body.first_water for body in bodies]),
        "last_water": words([body.last_water for body in bodies]),
        "districts": words(["; ".join(body.districts) or None for body in bodies]),
        "lon": np.array([lon for lon, _ in places], "float64"),
        "lat": np.array([lat for _, lat in places], "float64"),
    }


def _series_rows(series: BodySeries) -> Iterator[list[Any]]:
    for i, body in enumerate(series.bodies):
        for d, date in enumerate(series.dates):
            blind = int(series.px_invalid[d, i])
            wet = int(series.px_wet[d, i])
            nothing = blind == body.pixels
            yield [
                date, body.id,
                None if nothing else float(series.area_wet_m2[d, i]),
                None if nothing else 100 * wet / body.pixels,
                None if nothing else wet,
                100 * blind / body.pixels, blind, float(series.area_invalid_m2[d, i]),
                body.pixels,
            ]  # fmt: skip
