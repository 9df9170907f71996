"""Drawn polygons with a class column as a reference."""

from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from odc.geo.geobox import GeoBox

from obriy.blocks.computed import computed_labels
from obriy.errors import GeometryError
from obriy.model.legend import NO_DATA, Legend
from obriy.model.reference import Reference
from obriy.sources.class_codes import MISSING
from obriy.sources.crosswalk import crosswalk, detect, from_words
from obriy.sources.districts import read_polygons, repaired
from obriy.vectors import place, rasterize

VECTOR_SUFFIXES: Final = (".geojson", ".json", ".gpkg", ".shp", ".fgb", ".kml", ".gml", ".zip")
CLASS_COLUMNS: Final = (
    "class", "classname", "class_name", "label", "category", "landcover", "land_cover", "type",
    "code", "name", "клас", "класс", "тип",
)  # fmt: skip
"""Columns that may hold the class of a polygon, best first, in any case."""


def open_polygons(file: Path, grid: GeoBox, legend: str | None, target: Legend) -> Reference:
    """Open polygons with a class column on the grid of a map.

    A pixel gets the class of the polygon that holds its centre; where two classes overlap, the
    later class of the legend wins.

    Args:
        file: Any vector file.
        grid: Grid of the map.
        legend: What the numbers of the column are, where they are numbers; None: by their values.
        target: Legend wanted.

    Raises:
        GeometryError: no column that says the class.
        InputError: what the classes mean is not clear.
    """
    frame = read_polygons(file)
    column = _class_column(file, frame)
    codes, note = _codes_of(frame[column], legend, target, f"{file.name}, column '{column}'")
    notes = [note, "A pixel has the class of the polygon that holds its centre."]
    shapes = []
    crs = frame.crs.to_wkt()
    for code in sorted(set(codes) - {NO_DATA}):
        parts = []
        for number, (geometry, own) in enumerate(zip(frame.geometry, codes, strict=True), 1):
            if own == code:
                mended, repair = repaired(geometry, f"{file.name}: feature {number}")
                notes += [repair] if repair else []
                parts.append(mended)
        shapes.append((place(shapely.union_all(parts), crs, grid), code))

    def read(rows: slice, columns: slice) -> npt.NDArray[np.uint8]:
        return rasterize(shapes, rows, columns)

    return Reference(computed_labels(read, grid), target, str(file), notes=tuple(notes))


def _class_column(file: Path, frame: gpd.GeoDataFrame) -> str:
    by_lower = {str(column).lower(): str(column) for column in frame.columns}
    found = next((by_lower[name] for name in CLASS_COLUMNS if name in by_lower), None)
    if found is None:
        have = ", ".join(str(c) for c in frame.columns if c != frame.geometry.name) or "none"
        raise GeometryError(
            f"{file} has no column that says the class of a polygon (columns: {have}).",
            "Add a column 'class' with words such as water and not_water.",
        )
    return found


def _codes_of(values: Any, legend: str | None, target: Legend, where: str) -> tuple[list[int], str]:
    """Return a code of the target legend for each polygon, and how it was decided."""
    if values.dtype.kind in "iuf":
        known = values.dropna()
        walk = crosswalk(legend, target) if legend else detect(known.unique(), target, where)
        codes = values.fillna(MISSING).to_numpy().astype("int64")
        return [int(c) for c in walk.translate(codes, MISSING)], walk.note
    words = [None if pd.isna(value) else str(value) for value in values]
    table = from_words({w for w in words if w is not None}, target, where)
    meaning = {c.code: c.name for c in target} | {NO_DATA: "no reference"}
    spelled = ", ".join(f"{word} = {meaning[code]}" for word, code in sorted(table.items()))
    return [NO_DATA if w is None else table[w] for w in words], f"Classes of {where}: {spelled}."
