"""A finished map, ours or anybody's, to a ClassMap."""

import json
from pathlib import Path
from typing import Final

import xarray as xr
from rasterio.errors import RasterioError

from obriy.blocks.gdal import open_raster
from obriy.blocks.raster import RasterBand, file_geobox, lazy_variable
from obriy.errors import SourceError, UsageError
from obriy.model.classmap import ClassMap
from obriy.model.flags import OPENED_STEP
from obriy.model.grid import coords_of, geobox_of, same_grid
from obriy.model.provenance import SOURCES_TAG, Provenance
from obriy.sources.class_codes import only_band
from obriy.sources.crosswalk import SAYS, classes_said
from obriy.sources.dates import date_of
from obriy.sources.legends import legend_from_tag, own_legend
from obriy.sources.reference import is_vector, open_band

UNSEEN: Final = "unseen.tif"
"""File beside a map of ours that says why a pixel has no class."""
CONFIDENCE: Final = "confidence.tif"
AGREEMENT: Final = "agreement.tif"
"""Files beside a land-cover map of ours: how sure a name is, and how many agreed."""


def open_class_map(
    path: Path | str, legend: str | None = None, step: int | None = None
) -> ClassMap:
    """Open a raster of class codes as a map in its own legend, lazily.

    The legend is the one that a map of ours carries, else it is told by the values: codes of
    WorldCover are a land-cover map, masks of water are brought to the legend ``water``. Its date is
    that of its name.

    Args:
        path: A raster with one band.
        legend: What the codes are, as in `open_reference`: a name, or ``1=water,0=land``; None: by
            the legend or values in the file.
        step: Which step along the axis of time of a cube, from 0.

    Raises:
        SourceError: no such file, or polygons: a map to be scored is a raster.
        InputError: what the codes mean is not clear.
        UnknownNameError: no codes of the name ``legend``.
        UsageError: codes that are said, and not understood, or of one class.
    """
    if is_vector(Path(path)):
        raise SourceError(f"{path} holds polygons, and a map is a raster.", "Rasterise it first.")
    band = only_band(Path(path), step)
    own = own_legend(band, legend)
    if legend is not None and SAYS in legend and len(set(classes_said(legend, own))) < 2:
        raise UsageError(
            f"'{legend}' says one class, and a map of one class is right or wrong nowhere.",
            "Say the rest as well: 1=water,0=land, or 1=water,nodata=land.",
        )
    ours = legend_from_tag(band.tags.get("legend")) is not None
    opened = open_band(band, str(path), band.grid, legend, own, keep_unnamed=ours)
    inputs = tuple({"href": href} for href in (sources_of(path) or [str(path)]))
    provenance = Provenance(inputs=inputs).with_step(OPENED_STEP, notes=list(opened.notes))
    return ClassMap(
        labels=opened.labels,
        legend=opened.legend,
        provenance=provenance,
        unseen=_beside(Path(path), UNSEEN, opened.labels),
        time=date_of([str(path)], {}),
        confidence=_beside(Path(path), CONFIDENCE, opened.labels),
        agreement=_beside(Path(path), AGREEMENT, opened.labels),
    )


def _beside(path: Path, name: str, labels: xr.DataArray) -> xr.DataArray | None:
    """Return a layer of ours that lies beside a map, if it lies on its grid."""
    file = path.with_name(name)
    if not file.exists() or file == path:
        return None
    geobox = geobox_of(labels)
    with open_raster(file) as dataset:
        if not same_grid(file_geobox(dataset), geobox):
            return None
    band = RasterBand(str(file), resampling="nearest", dtype="uint8")
    return xr.DataArray(lazy_variable(band, geobox), coords=coords_of(geobox))


def sources_of(path: Path | str) -> list[str]:
    """Return the images that a map of ours was made from; empty for any other file."""
    try:
        with open_raster(path) as dataset:
            written = dataset.tags().get(SOURCES_TAG)
    except RasterioError:  # polygons, for one
        return []
    try:
        hrefs = json.loads(written or "")
    except ValueError:  # none, or text of somebody else
        return []
    return [str(href) for href in hrefs] if isinstance(hrefs, list) else []
