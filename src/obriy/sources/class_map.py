"""A finished map, ours or anybody's, to a ClassMap."""

import json
from pathlib import Path
from typing import Final

import rasterio
import xarray as xr
from rasterio.errors import RasterioError

from obriy.blocks.raster import RasterBand, file_geobox, lazy_variable
from obriy.errors import SourceError
from obriy.model.classmap import ClassMap
from obriy.model.grid import coords_of, geobox_of, same_grid
from obriy.model.provenance import SOURCES_TAG, Provenance
from obriy.sources.reading import probe
from obriy.sources.reference import open_reference

UNSEEN: Final = "unseen.tif"
"""File beside a map of ours that says why a pixel has no class."""


def open_class_map(path: Path | str) -> ClassMap:
    """Open a raster of class codes as a map of water, lazily.

    Args:
        path: A raster with one band; codes are understood as `open_reference` does.

    Raises:
        SourceError: no such file, or polygons: a map to be scored is a raster.
        InputError: what the codes mean is not clear.
    """
    bands = probe(str(path))
    if not bands:
        raise SourceError(f"{path} has no band.", "Give a raster of class codes.")
    opened = open_reference(path, bands[0].grid)
    inputs = tuple({"href": href} for href in (sources_of(path) or [str(path)]))
    provenance = Provenance(inputs=inputs).with_step("classes", notes=list(opened.notes))
    return ClassMap(
        labels=opened.labels,
        legend=opened.legend,
        provenance=provenance,
        unseen=_unseen_beside(Path(path), opened.labels),
    )


def _unseen_beside(path: Path, labels: xr.DataArray) -> xr.DataArray | None:
    file = path.with_name(UNSEEN)
    if not file.exists() or file == path:
        return None
    geobox = geobox_of(labels)
    with rasterio.open(file) as dataset:
        if not same_grid(file_geobox(dataset), geobox):
            return None
    band = RasterBand(str(file), resampling="nearest", dtype="uint8")
    return xr.DataArray(lazy_variable(band, geobox), coords=coords_of(geobox))


def sources_of(path: Path | str) -> list[str]:
    """Return the images that a map of ours was made from; empty for any other file."""
    try:
        with rasterio.open(path) as dataset:
            written = dataset.tags().get(SOURCES_TAG)
    except RasterioError:  # polygons, for one
        return []
    return [] if written is None else [str(href) for href in json.loads(written)]
