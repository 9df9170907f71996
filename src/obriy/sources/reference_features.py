"""Drawn polygons, or labelled points, as a reference: by a class column, or outlines of water."""

from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
import xarray as xr
from odc.geo.geobox import GeoBox

from obriy.blocks.computed import computed_labels
from obriy.coverage import rasterize
from obriy.errors import GeometryError, UsageError
from obriy.model.grid import require_crs
from obriy.model.legend import NO_DATA, Legend
from obriy.model.notices import notice
from obriy.model.reference import Reference
from obriy.sources.class_codes import MISSING
from obriy.sources.crosswalk import crosswalk, detect, from_words, knows
from obriy.sources.districts import repaired
from obriy.sources.features import POINTS, POLYGONS, Features, read_features
from obriy.vectors import place, place_points

VECTOR_SUFFIXES: Final = (
    ".geojson", ".json", ".gpkg", ".shp", ".fgb", ".kml", ".kmz", ".gml", ".zip", ".csv",
)  # fmt: skip
CLASS_COLUMNS: Final = (
    "class", "classname", "class_name", "label", "category", "landcover", "land_cover", "lulc",
    "mc_info", "mc_name", "macroclass", "macroclass_name", "type", "code", "class_id", "classid",
    "mc_id", "macroclass_id", "c_info", "name", "клас", "класс", "тип", "вид",
)  # fmt: skip
"""Columns that may hold the class of a feature, best first, in any case: those of people, of
Google Earth Engine (``class``, ``landcover``) and of the Semi-Automatic Classification Plugin
(``MC_info``, ``MC_ID``)."""
_NAMES: Final = "name"
"""The one of them that more often has names of places: one word that is no class makes it such."""


def open_features(
    file: Path,
    grid: GeoBox,
    legend: str | None,
    target: Legend,
    *,
    layer: str | None = None,
    outside: int = NO_DATA,
) -> Reference:
    """Open polygons or points on the grid of a map: with a class column, or outlines.

    Where no column says the class and it is said that land lies outside, water lies inside (and
    land where water lies outside). A column ``name`` counts as one of classes where every word of
    it is a class; ``Озеро Світязь`` is a name.

    A pixel gets the class of the polygon that holds its centre; where two classes overlap, the
    later class of the legend wins. Of points, the pixel that holds one gets its class; where
    several lie in one pixel, each counts.

    Args:
        file: Any vector file.
        grid: Grid of the map.
        legend: What the numbers of the column are, where they are numbers; None: by their values.
        target: Legend wanted.
        layer: Which layer of the file; None: found out.
        outside: Code of what lies outside polygons; 0: not known.

    Raises:
        UsageError: an outside of points.
        GeometryError: no column that says the class, nor what lies outside.
        InputError: what the classes mean is not clear.
    """
    features = _features(file, layer)
    frame = features.frame
    as_points = frame.geometry.iloc[0].geom_type in POINTS
    if as_points and outside != NO_DATA:
        raise UsageError(
            f"{file} has points, which say nothing of what lies around them.",
            "Leave --outside away: points of land are needed.",
        )
    column = _class_column(frame, legend, target)
    if column is None:
        codes, note = _inside(file, frame, target, outside)
    else:
        codes, note = _codes_of(frame[column], legend, target, f"{file.name}, column '{column}'")
    layers, notes = (_of_points if as_points else _of_polygons)(file, frame, codes, grid)
    notes = [note, *notes, *features.left_out]
    return Reference(layers[0], target, str(file), notes=tuple(notes), repeats=tuple(layers[1:]))


def _features(file: Path, layer: str | None) -> Features:
    """Return the polygons of a file; its points, where it has no polygon."""
    found = read_features(file, kinds=(*POLYGONS, *POINTS), layer=layer)
    kinds = set(found.frame.geometry.geom_type)
    if kinds & set(POLYGONS) and kinds & set(POINTS):
        return read_features(file, layer=layer)
    return found


def _of_polygons(
    file: Path, frame: gpd.GeoDataFrame, codes: list[int], grid: GeoBox
) -> tuple[list[xr.DataArray], list[str]]:
    """Return the labels of polygons, and what is to be said of them."""
    notes: list[str] = [notice("centre_in_polygon")]
    shapes = []
    crs = frame.crs.to_wkt()
    for code in sorted(set(codes) - {NO_DATA}):
        parts = []
        for (number, geometry), own in zip(frame.geometry.items(), codes, strict=True):
            if own == code:
                mended, repair = repaired(
                    geometry, notice("feature_in_file", file=file.name, number=int(number))
                )
                notes += [repair] if repair else []
                parts.append(mended)
        shapes.append((place(shapely.union_all(parts), crs, grid), code))

    def read(rows: slice, columns: slice) -> npt.NDArray[np.uint8]:
        return rasterize(shapes, rows, columns)

    return [computed_labels(read, grid)], notes


def _of_points(
    file: Path, frame: gpd.GeoDataFrame, codes: list[int], grid: GeoBox
) -> tuple[list[xr.DataArray], list[str]]:
    """Return labels of the pixels that hold points, and what is to be said of them.

    Of points in one pixel the first is in the first labels, the second in the second.
    """
    require_crs(grid, f"the points of {file.name}")
    parts = frame.geometry.explode(index_parts=False)
    known = pd.Series(codes, index=frame.index).loc[parts.index].to_numpy()
    pixels = place_points(shapely.get_coordinates(parts.to_numpy()), frame.crs.to_wkt(), grid)
    with np.errstate(invalid="ignore"):  # what lies nowhere is outside
        column, row = np.floor(pixels).T
        inside = (row >= 0) & (row < grid.shape.y) & (column >= 0) & (column < grid.shape.x)
    inside &= known != NO_DATA
    table = pd.DataFrame({"row": row[inside], "column": column[inside]}).astype("int64")
    table["code"] = known[inside].astype("uint8")
    turn = table.groupby(["row", "column"]).cumcount()
    layers = [
        _burnt(table[turn == n], grid) for n in range(int(turn.max() + 1) if len(turn) else 1)
    ]
    notes: list[str] = [notice("points_on_map", points=len(parts), inside=int(inside.sum()))]
    shared = int((turn > 0).sum())
    if shared:
        notes.append(notice("points_shared", count=int(shared)))
    return layers, notes


def _burnt(table: pd.DataFrame, grid: GeoBox) -> xr.DataArray:
    """Return labels of single pixels: columns ``row``, ``column`` and ``code``."""
    row, column, code = (table[name].to_numpy() for name in ("row", "column", "code"))

    def read(rows: slice, columns: slice) -> npt.NDArray[np.uint8]:
        window = np.zeros((rows.stop - rows.start, columns.stop - columns.start), "uint8")
        here = (row >= rows.start) & (row < rows.stop)
        here &= (column >= columns.start) & (column < columns.stop)
        window[row[here] - rows.start, column[here] - columns.start] = code[here]
        return window

    return computed_labels(read, grid)


def _class_column(frame: gpd.GeoDataFrame, legend: str | None, target: Legend) -> str | None:
    """Return the column that says the class of a feature; None where there is none."""
    by_lower = {str(column).lower(): str(column) for column in frame.columns}
    have = [name for name in CLASS_COLUMNS if name in by_lower]
    if have[:1] == [_NAMES] and not _has_classes(frame[by_lower[_NAMES]], legend, target):
        del have[0]
    # One of words that are no classes at all, as the sub-classes of SCP, gives way to one of some.
    spoken = [n for n in have if n != _NAMES and _as_numbers(frame[by_lower[n]]) is None]
    if have and spoken[:1] == have[:1] and not _has_a_class(frame[by_lower[have[0]]], target):
        known = [n for n in spoken[1:] if _has_classes(frame[by_lower[n]], legend, target)]
        have = [*known, *have]
    return by_lower[have[0]] if have else None


def _has_classes(values: Any, legend: str | None, target: Legend) -> bool:
    """Say whether a column of names is one of classes: numbers only where they are explained."""
    if _as_numbers(values) is not None:
        return legend is not None
    words = _words_of(values)
    return any(words) and knows({word for word in words if word}, target)


def _has_a_class(values: Any, target: Legend) -> bool:
    """Say whether any word of a column is a class."""
    return any(knows({word}, target) for word in set(_words_of(values)) if word)


def _inside(
    file: Path, frame: gpd.GeoDataFrame, target: Legend, outside: int
) -> tuple[list[int], str]:
    """Return the codes of outlines that no column gives a class: the one that is not outside.

    Raises:
        GeometryError: what lies outside is not said, or does not tell what lies inside.
    """
    inside = [c for c in target if c.code != outside]
    if outside == NO_DATA or len(inside) != 1:
        have = ", ".join(str(c) for c in frame.columns if c != frame.geometry.name) or "none"
        way = "; of outlines of water, say --outside land" if target.name == "water" else ""
        raise GeometryError(
            f"{file} has no column that says the class of a feature (columns: {have}; names of "
            "places are no classes).",
            f"Add a column 'class' with words such as water and not_water{way}.",
        )
    note = notice("inside_outlines", file=file.name, name=inside[0].name)
    return [inside[0].code] * len(frame), note


def _codes_of(values: Any, legend: str | None, target: Legend, where: str) -> tuple[list[int], str]:
    """Return a code of the target legend for each feature, and how it was decided."""
    numbers = _as_numbers(values)
    if numbers is not None:
        known = numbers.dropna()
        walk = crosswalk(legend, target) if legend else detect(known.unique(), target, where)
        codes = numbers.fillna(MISSING).to_numpy().astype("int64")
        return [int(c) for c in walk.translate(codes, MISSING, where)], walk.note
    words = _words_of(values)
    table = from_words({w for w in words if w is not None}, target, where)
    meaning = {c.code: c.name for c in target} | {NO_DATA: "no reference"}
    spelled = ", ".join(f"{word} = {meaning[code]}" for word, code in sorted(table.items()))
    return [NO_DATA if w is None else table[w] for w in words], notice(
        "classes_of_file", file=where, classes=spelled
    )


def _words_of(values: Any) -> list[str | None]:
    """Return a column as words; None where it has nothing."""
    return [None if pd.isna(v) or not str(v).strip() else str(v) for v in values]


def _as_numbers(values: Any) -> Any:
    """Return a column as numbers, also those that are written as text; None where it has words."""
    if values.dtype.kind in "iuf":
        return values
    numbers = pd.to_numeric(values, errors="coerce")
    return numbers if numbers.notna().any() and (numbers.notna() | values.isna()).all() else None
