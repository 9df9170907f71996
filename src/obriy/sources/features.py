"""Features of a vector file: the layers that serve, the features that serve, and what is left out.

Files come as people keep them: an outline and a pin in one folder of Google Earth, a row without
geometry beside good ones. What serves is taken, and what does not is listed.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from obriy.errors import GeometryError, GridError
from obriy.model.notices import notice
from obriy.registry import did_you_mean
from obriy.sources.point_table import PLACED, read_point_table
from obriy.sources.vector_files import FORMATS, read_vector, vector_layers
from obriy.vectors import polygons_of

FARTHEST: Final = 1e9
"""No coordinate is larger, whatever the CRS and its unit."""
POLYGONS: Final = ("Polygon", "MultiPolygon")
POINTS: Final = ("Point", "MultiPoint")
_FOLDERS: Final = (".kml", ".kmz")
"""Endings of files whose layers are the folders of one drawing."""
_SHOWN: Final = 5
"""Features that a sentence names, at most."""
_ANY: Final = ("Unknown", "GeometryCollection")
"""Kinds of layers that may hold features of any kind."""


@dataclasses.dataclass(frozen=True)
class Features:
    """What was taken of a vector file.

    Attributes:
        frame: Features, two-dimensional, with a CRS; at least one. Its index is the number of
            each in the file, from 1.
        left_out: Sentences that say what was not taken, and why.
    """

    frame: gpd.GeoDataFrame
    left_out: tuple[str, ...] = ()


def read_features(
    path: Path, *, kinds: Sequence[str] = POLYGONS, layer: str | None = None
) -> Features:
    """Read the features of a vector file that are of some kinds of geometry.

    All folders of a KML are read, of any other file the only layer that may hold such features; a
    CSV has points where columns of it say so.

    Args:
        path: The file.
        kinds: Types of geometry that serve. Of a collection, its polygons do.
        layer: Name of the layer to read; None: found out.

    Raises:
        SourceError: no such file, or not a vector file.
        GeometryError: no feature serves, or more than one layer may.
        GridError: no CRS, or coordinates that are not of it.
        UnknownNameError: no layer of that name.
    """
    is_csv = path.suffix.lower() == ".csv" and path.is_file()
    table = read_point_table(path) if is_csv else None
    if table is None:
        frames = [read_vector(path, name) for name in _layers(path, kinds, layer)]
    else:
        frames = [table]
    full = [f for f in frames if isinstance(f, gpd.GeoDataFrame) and not f.empty]
    if not full:
        raise GeometryError(f"{path} has no features.", PLACED if is_csv else FORMATS)
    frame = full[0] if len(full) == 1 else _together(full)
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    features = _serving(path, frame, kinds)
    if frame.crs is None:
        raise GridError(
            f"{path} does not say its CRS.",
            "Add the .prj file, or set it (ogr2ogr -a_srs EPSG:CODE out.gpkg in.shp).",
        )
    if frame.crs.is_geographic:
        _check_latitudes(path, features.frame)
    return features


def read_polygons(path: Path) -> gpd.GeoDataFrame:
    """Read the polygons of a vector file, all of whose features are to be polygons.

    Raises:
        GeometryError: a feature that is none.
        ObriyError: else as `read_features`.
    """
    features = read_features(path)
    if features.left_out:
        raise GeometryError(features.left_out[0], "Remove what does not serve.")
    return features.frame


def _together(frames: list[gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    """Return the features of several layers in the CRS of the first."""
    crs = frames[0].crs
    alike = [f if f.crs == crs or None in (f.crs, crs) else f.to_crs(crs) for f in frames]
    # Empty columns are left away: what type they are of, pandas would have to guess.
    filled = [f[[c for c in f if c == f.geometry.name or f[c].notna().any()]] for f in alike]
    return gpd.GeoDataFrame(pd.concat(filled, ignore_index=True), geometry="geometry", crs=crs)


def _layers(path: Path, kinds: Sequence[str], wanted: str | None) -> list[str]:
    """Return the layers to read: that wanted, the only one that may serve, or all folders."""
    layers = vector_layers(path)
    if not layers:
        raise GeometryError(f"{path} has no features.", FORMATS)
    names = [name for name, _ in layers]
    if wanted is not None:
        found = next((name for name in names if name.casefold() == wanted.casefold()), None)
        if found is None:
            raise did_you_mean(f"layer in {path.name}", wanted, names)
        return [found]
    if len(layers) == 1 or path.suffix.lower() in _FOLDERS:
        return names
    serving = [name for name, kind in layers if kind.split(" ")[0] in (*kinds, *_ANY)]
    if len(serving) != 1:
        listed = ", ".join(f"{name} ({kind})" for name, kind in layers)
        raise GeometryError(
            f"{path} has {len(serving)} layers that may hold {_words(kinds)}: {listed}.",
            "Name the one you mean: --layer NAME.",
        )
    return serving


def _serving(path: Path, frame: gpd.GeoDataFrame, kinds: Sequence[str]) -> Features:
    """Return the features that serve; those that do not are listed by what is wrong with them."""
    faults: dict[str, list[int]] = {}
    kept = []
    for number, geometry in frame.geometry.items():
        taken = _of_kinds(geometry, kinds)
        fault = _fault(taken, kinds)
        if fault:
            faults.setdefault(fault, []).append(int(number))
        kept.append(None if fault else taken)
    if all(geometry is None for geometry in kept):
        number, fault = min((numbers[0], fault) for fault, numbers in faults.items())
        raise GeometryError(f"{path}: feature {number} {fault}.", _WAYS.get(fault, FORMATS))
    frame = frame.set_geometry(gpd.GeoSeries(kept, index=frame.index, crs=frame.crs))
    titles = _titles(frame)
    said = tuple(
        notice(
            "features_left_out",
            file=path.name,
            fault=fault,
            names=_listed([titles[n] for n in found]),
        )
        for fault, found in faults.items()
    )
    return Features(frame[frame.geometry.notna()], said)


_EMPTY: Final = notice("has_no_geometry")
_NOWHERE: Final = notice("has_no_place")
_WAYS: Final[dict[str, str]] = {
    _EMPTY: "Remove it, or draw it.",
    _NOWHERE: "Draw it again, or remove it.",
}


def _fault(geometry: Any, kinds: Sequence[str]) -> str:
    """Say why a geometry cannot serve; empty where it can."""
    if geometry is None or shapely.is_empty(geometry):
        return _EMPTY
    if not (np.abs(shapely.get_coordinates(geometry)) <= FARTHEST).all():  # NaN is not either
        return _NOWHERE
    if geometry.geom_type not in kinds:
        return notice("is_of_kind", kind=geometry.geom_type, wanted=_words(kinds, one=True))
    return ""


def _of_kinds(geometry: Any, kinds: Sequence[str]) -> Any:
    """Return the polygons of a collection, where polygons serve; anything else as it is."""
    if geometry is None or geometry.geom_type != "GeometryCollection" or POLYGONS[0] not in kinds:
        return geometry
    polygons = polygons_of(geometry)
    return geometry if polygons.is_empty else polygons


def _words(kinds: Sequence[str], *, one: bool = False) -> str:
    words = [
        word for word, known in (("polygon", POLYGONS), ("point", POINTS)) if known[0] in kinds
    ]
    return " or ".join(f"a {word}" if one else f"{word}s" for word in words)


def _titles(frame: gpd.GeoDataFrame) -> dict[int, str]:
    """Return what to call each feature: its number, with its name where it has one."""
    names = next((frame[c] for c in frame.columns if str(c).lower() == "name"), None)
    if names is None:
        return {n: f"№{n}" for n in frame.index}
    known = {n: name for n, name in names.items() if isinstance(name, str) and name.strip()}
    return {n: f"№{n} '{known[n]}'" if n in known else f"№{n}" for n in frame.index}


def _listed(titles: list[str]) -> str:
    return ", ".join([*titles[:_SHOWN], *(["…"] if len(titles) > _SHOWN else [])])


def _check_latitudes(path: Path, frame: gpd.GeoDataFrame) -> None:
    turns = np.rad2deg(frame.crs.axis_info[0].unit_conversion_factor) / 90
    bounds = frame.bounds.to_numpy()
    for number, (_, south, _, north) in zip(frame.index, bounds, strict=True):
        if max(-south, north) * turns > 1 + 1e-9:
            raise GeometryError(
                f"{path}: feature {number} reaches latitude {north if north > 90 else south:.6g}.",
                "Its longitudes and latitudes are swapped, or its CRS is another: set it "
                "(ogr2ogr -a_srs EPSG:CODE OUT IN).",
            )
