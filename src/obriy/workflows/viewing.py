"""What a report shows in a map that can be moved: the image, the map, what is doubtful, bodies."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely
import xarray as xr

from obriy.blocks.raster import RasterBand, lazy_variable
from obriy.model.areas import MOST_OUTLINES
from obriy.model.classmap import ClassMap
from obriy.model.grid import coords_of, geobox_of
from obriy.model.layers import Layer, layer_of
from obriy.outputs.styles import raster_entries
from obriy.render.pictures import Small
from obriy.render.sheets import (
    MapView,
    Sheet,
    class_codes,
    class_sheet,
    image_sheet,
    layer_sheet,
)
from obriy.render.text import text_of
from obriy.sources.vector_files import read_vector
from obriy.vectors import place
from obriy.workflows.passes import open_layer

if TYPE_CHECKING:
    from obriy.workflows.products import RunFiles

MOST_BODIES: Final = 250
"""Water bodies, the largest, that can be asked for their figures: all are in the files."""


def view_of(
    run: "RunFiles",
    small: Small,
    class_map: ClassMap,
    files: Mapping[str, Path],
    *,
    date: str = "",
    job: str = "",
    measured: str = "",
    bodies: tuple[Path, str] | None = None,
    layers: Mapping[str, Layer] | None = None,
    leads: str = "",
) -> MapView:
    """Make pictures of an image, of its map, and of every other raster of a run.

    Args:
        run: Districts, language, size of a pixel.
        small: The image, where there is one to show, and its map.
        class_map: The map.
        files: Rasters by output name; those that are classes, codes or quantities are shown.
        date: Of the image, where there are others.
        job: Of the run: some outputs are other layers there.
        measured: Name of the class that is measured; empty: every class is.
        bodies: A GeoPackage of water bodies or the like, largest first, and which of its layers.
        layers: By output name, where the run brings classes that the table of layers lacks.
        leads: Output that is seen from the start in place of the map, where it is there.
    """
    text, geobox = text_of(run.lang), class_map.geobox
    image = [] if small.image is None else [image_sheet(small.image, text, date)]
    sheets = [*image, class_sheet(small.map, text, date, opacity=0.7 if image else 1.0)]
    for output, path in files.items():
        layer = (layers or {}).get(output) or layer_of(output, job)
        if layer is not None and not layer.several and layer.part != "labels":
            sheets.append(_sheet_of(run, layer, path, class_map, output))
            if output == leads:
                sheets[-1] = dataclasses.replace(sheets[-1], shown=True)
                own = len(image)
                sheets[own] = dataclasses.replace(sheets[own], shown=False)
    codes, classes = class_codes(small.map, text)
    outlined = run.districts if len(run.districts) <= MOST_OUTLINES else []
    return MapView(
        geobox,
        sheets,
        codes,
        classes,
        {d.name: place(d.geometry, d.crs, geobox) for d in outlined},
        _bodies(class_map, bodies) if bodies else (),
        run.size_of(class_map),
        class_map.legend.by_name(measured).code if measured else 0,
    )


def _sheet_of(run: "RunFiles", layer: Layer, path: Path, like: ClassMap, output: str) -> Sheet:
    text = text_of(run.lang, run.of)
    title = text.of_class(f"outputs.{output}") or layer.called(run.lang)
    if layer.is_quantity:
        band = RasterBand(str(path), missing=(float(layer.missing),) if layer.missing else ())
        grid = geobox_of(like.labels)
        values = xr.DataArray(lazy_variable(band, grid), coords=coords_of(grid))
        legend = [
            (text.percent(value / 100, 0) if layer.unit else text.significant(value), colour)
            for value, colour in layer.ramp
        ]
    else:
        values = open_layer(path, like.labels, layer)
        legend = [(said, colour) for _, said, colour in raster_entries(layer, run.lang)]
    return layer_sheet(layer, values, title, legend)


def _bodies(class_map: ClassMap, where: tuple[Path, str]) -> list[tuple[Any, Mapping[str, Any]]]:
    """Read the largest bodies, brought to pixels of the map."""
    path, layer = where
    if not path.exists():
        return []
    frame = read_vector(path, layer, most=MOST_BODIES)
    a = ~class_map.geobox.affine
    linear, shift = np.array([[a.a, a.d], [a.b, a.e]]), (a.c, a.f)
    placed = shapely.transform(frame.geometry.to_numpy(), lambda xy: xy @ linear + shift)
    rows = frame.drop(columns="geometry").astype(object).where(frame.notna(), None)
    return list(zip(placed, rows.to_dict("records"), strict=True))
