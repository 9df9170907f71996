"""Reference maps: rasters and polygons of any grid, brought to the grid of a map."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
import xarray as xr
from odc.geo.geobox import GeoBox
from xarray.backends import BackendArray
from xarray.core import indexing

from obriy.blocks.raster import RasterBand, lazy_variable
from obriy.errors import GeometryError, GridError, InputError, SourceError
from obriy.model.classmap import ClassMap
from obriy.model.grid import coords_of, same_grid
from obriy.model.legend import NO_DATA, UNNAMED, Legend, load_legend
from obriy.model.reference import Reference
from obriy.sources.crosswalk import Crosswalk, crosswalk, detect, from_tag, from_words
from obriy.sources.districts import read_polygons, repaired
from obriy.sources.reading import FileBand, probe, sample
from obriy.vectors import place, rasterize

VECTOR_SUFFIXES: Final = (".geojson", ".json", ".gpkg", ".shp", ".fgb", ".kml", ".gml", ".zip")
CLASS_COLUMNS: Final = (
    "class", "classname", "class_name", "label", "category", "landcover", "land_cover", "type",
    "code", "name", "клас", "класс", "тип",
)  # fmt: skip
"""Columns that may hold the class of a polygon, best first, in any case."""
_FINER: Final = 1.5
"""Reference pixels along a side of a map pixel above which the record says so."""
_MISSING: Final = -1
"""Stands for "nothing there" in class codes on the way to a legend."""
_STRANGE: Final = -2
"""Stands for any other number below 0."""
_FREQUENT: Final = 50.0
_NEVER_SEEN: Final = 255

ByteArray = npt.NDArray[np.uint8]


def open_reference(
    path: Path | str, grid: GeoBox, *, legend: str | None = None, target: Legend | None = None
) -> Reference:
    """Open a reference map on the grid of the map that is to be compared.

    A raster in another grid or CRS gives its nearest pixel; one without georeference that has the
    shape of the map is taken to lie on it. Of polygons, a pixel gets the class of the one that
    holds its centre; where two classes overlap, the later class of the legend (water) wins. Where
    the reference says nothing, its label is 0. Pixels are read window by window.

    Args:
        path: Raster with one band of class codes, or polygons with a class column.
        grid: Grid of the map, in any CRS or none.
        legend: What the codes of the file are (a name of ``tables/crosswalks.toml``, e.g.
            ``"gsw"``, ``"binary"``, ``"worldcover"``), which then overrules its no-data value;
            None: by class names or values in the file.
        target: Legend of the map; None: ``water``.

    Raises:
        SourceError: no such file, or no raster or vector file.
        GridError: no CRS where one is needed.
        InputError: what the codes mean is not clear.
        UnknownNameError: no codes of the name ``legend``.
    """
    file, target = Path(path).expanduser(), target or load_legend("water")
    if file.suffix.lower() in VECTOR_SUFFIXES:
        return _open_polygons(file, grid, legend, target)
    if not file.exists():
        raise SourceError(f"There is no file {file}.", "Check the path.")
    band = _only_band(file)
    walk = _crosswalk_of(band, legend, target)
    own, notes = _grid_of(band, grid)
    values = _lazy_codes(band, own, grid, declared_missing=legend is None)

    def read(rows: slice, columns: slice) -> ByteArray:
        return walk.translate(values[rows, columns].to_numpy(), _MISSING)

    labels = _lazy(read, grid)
    return Reference(labels, target, str(file), notes=(walk.note, *notes))


def occurrence_reference(
    path: Path | str, scene_water: ClassMap, grid: GeoBox, *, p: float = _FREQUENT
) -> Reference:
    """Make a reference from long-term water occurrence and the water of the scene.

    Water is where water stood in at least ``p`` per cent of the observations *and* the scene shows
    water; elsewhere is not water: the intersection that Kavats et al. (2025) compare
    with over its whole window. Leaving out the pixels where both disagree would make any map that
    ``scene_water`` was made from right by construction. Where occurrence is unknown, or the scene
    unseen, there is no reference.

    Occurrence of JRC Global Surface Water v1.4 (Pekel et al. 2016) ends in 2021, so newer water
    counts as not water here. Being made from the mapped scene, such a reference is not
    independent: a score against it is an agreement.

    Args:
        path: Raster of occurrence, 0 to 100 %; 255 is no data; above 100 counts as 100 (some
            copies were resampled).
        scene_water: Water in the scene, on ``grid``, by another method than the one to be scored.
        grid: Grid of the map.
        p: Least occurrence of water, per cent, above 0 and at most 100.

    Raises:
        InputError: ``p`` out of range, or not a raster of one band.
        GridError: the scene's water lies on another grid, or the occurrence cannot be laid on it.
    """
    if not 0 < p <= 100:
        raise InputError(f"An occurrence of {p} % is no threshold.", "Give one from 1 to 100.")
    if not same_grid(scene_water.geobox, grid):
        raise GridError(
            "The water of the scene lies on another grid than the map.",
            "Map both from the same scene.",
        )
    legend = scene_water.legend
    water, land = legend.by_name("water").code, legend.by_name("not_water").code
    band = _only_band(Path(path).expanduser())
    own, notes = _grid_of(band, grid)
    occurrence = _lazy_codes(band, own, grid, declared_missing=True)

    def read(rows: slice, columns: slice) -> ByteArray:
        often = occurrence[rows, columns].to_numpy()
        seen = scene_water.labels.isel(y=rows, x=columns).to_numpy()
        labels = np.full(often.shape, land, "uint8")
        labels[(often >= p) & (seen == water)] = water
        unknown = (often == _MISSING) | (often == _NEVER_SEEN)
        labels[unknown | (seen == NO_DATA) | (seen == UNNAMED)] = NO_DATA
        return labels

    rule = (
        f"Water: occurrence of at least {p:g} % (to 2021) and water in the scene; elsewhere not "
        "water, newer water too. Made from the mapped scene: an agreement, not an accuracy."
    )
    return Reference(_lazy(read, grid), legend, str(path), independent=False, notes=(rule, *notes))


def _only_band(file: Path) -> FileBand:
    bands = probe(str(file))
    if len(bands) != 1:
        raise InputError(
            f"{file} has {len(bands)} bands; a reference has one, of class codes.",
            "Save the band with the classes in a file of its own.",
        )
    return bands[0]


def _crosswalk_of(band: FileBand, name: str | None, target: Legend) -> Crosswalk:
    """Return what the codes mean: as the user says, by names in the file, or by its values."""
    if name is not None:
        walk = crosswalk(name, target)
        return dataclasses.replace(walk, note=f"{walk.note} As the user said.")
    written = from_tag(band.tags.get("legend"), target)
    if written is not None:
        return written
    missing = () if band.nodata is None else (band.nodata,)
    return detect(np.unique(sample(band, missing)), target, band.file)


def _grid_of(band: FileBand, grid: GeoBox) -> tuple[GeoBox, tuple[str, ...]]:
    """Return the grid that the file is taken to lie on, and notes about it."""
    own = band.grid
    if own.crs is None or grid.crs is None:
        if own.crs is None and grid.crs is None and same_grid(own, grid):
            return own, ()
        if own.shape == grid.shape:
            return grid, (f"{band.file} was laid on the map pixel by pixel: one has no CRS.",)
        raise GridError(
            f"{band.file} ({own.shape.y} x {own.shape.x} pixels) cannot be laid on the map "
            f"({grid.shape.y} x {grid.shape.x}): one of them has no CRS.",
            "Set it in the file (gdal_edit -a_srs EPSG:CODE FILE), or cut both to one shape.",
        )
    if same_grid(own, grid):
        return own, ()
    side = _reference_pixels(own, grid)
    note = "The nearest pixel of the reference is taken"
    if side > _FINER:
        note += f"; it is finer, {side:.1f} pixels along a side of a map pixel"
    return own, (f"{note}.",)


def _reference_pixels(own: GeoBox, grid: GeoBox) -> float:
    """Return how many reference pixels lie along a side of the map pixel in the middle."""
    row, column = int(grid.shape.y) // 2, int(grid.shape.x) // 2
    pixel = grid[row : row + 1, column : column + 1].extent.geom
    return float(np.sqrt(place(pixel, str(grid.crs), own).area))


def _lazy_codes(
    band: FileBand, own: GeoBox, grid: GeoBox, *, declared_missing: bool
) -> xr.Variable:
    """Return the file's numbers on a grid, int16, -1 where there is nothing."""
    nodata = band.nodata if declared_missing else None
    unused = 127 if band.dtype == "int8" else 254
    # A warp needs a number of the file's own type for "outside": one that no crosswalk knows.
    source = RasterBand(
        path=band.path,
        index=band.index,
        nodata=nodata,
        also_missing=unused,
        resampling="nearest",
        dtype="int32",
        fill=unused,
        grid=own,
    )
    values = lazy_variable(source, grid)

    def read(rows: slice, columns: slice) -> npt.NDArray[np.int16]:
        numbers = values[rows, columns].to_numpy()
        codes: npt.NDArray[np.int16] = np.clip(numbers, _STRANGE, 1000).astype("int16")
        codes[numbers == unused] = _MISSING
        return codes

    return _variable(read, grid, "int16")


def _open_polygons(file: Path, grid: GeoBox, legend: str | None, target: Legend) -> Reference:
    """Open polygons with a class column."""
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

    def read(rows: slice, columns: slice) -> ByteArray:
        return rasterize(shapes, rows, columns)

    return Reference(_lazy(read, grid), target, str(file), notes=tuple(notes))


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
        codes = values.fillna(_MISSING).to_numpy().astype("int64")
        return [int(c) for c in walk.translate(codes, _MISSING)], walk.note
    words = [None if pd.isna(value) else str(value) for value in values]
    table = from_words({w for w in words if w is not None}, target, where)
    meaning = {c.code: c.name for c in target} | {NO_DATA: "no reference"}
    spelled = ", ".join(f"{word} = {meaning[code]}" for word, code in sorted(table.items()))
    return [NO_DATA if w is None else table[w] for w in words], f"Classes of {where}: {spelled}."


def _lazy(read: Callable[[slice, slice], npt.NDArray[Any]], grid: GeoBox) -> xr.DataArray:
    return xr.DataArray(_variable(read, grid, "uint8"), coords=coords_of(grid))


def _variable(
    read: Callable[[slice, slice], npt.NDArray[Any]], grid: GeoBox, dtype: str
) -> xr.Variable:
    return xr.Variable(("y", "x"), indexing.LazilyIndexedArray(_Computed(read, grid, dtype)))


class _Computed(BackendArray):
    """An array behind xarray's lazy indexing whose windows a function makes when asked."""

    def __init__(
        self, read: Callable[[slice, slice], npt.NDArray[Any]], grid: GeoBox, dtype: str
    ) -> None:
        self.shape = (int(grid.shape.y), int(grid.shape.x))
        self.dtype = np.dtype(dtype)
        self._read_window = read

    def __getitem__(self, key: indexing.ExplicitIndexer) -> npt.NDArray[Any]:
        values: npt.NDArray[Any] = indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.BASIC, self._read
        )
        return values

    def _read(self, key: tuple[int | slice, ...]) -> npt.NDArray[Any]:
        rows, columns = (np.arange(n)[k] for k, n in zip(key, self.shape, strict=True))
        if rows.size == 0 or columns.size == 0:
            return np.zeros((*rows.shape, *columns.shape), self.dtype)
        window = self._read_window(
            slice(int(rows.min()), int(rows.max()) + 1),
            slice(int(columns.min()), int(columns.max()) + 1),
        )
        picked: npt.NDArray[Any] = window[rows - rows.min()][..., columns - columns.min()]
        return picked
