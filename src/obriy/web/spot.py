"""What is known of one spot beyond its maps: its image, its dates, what was said of its cluster."""

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pyproj
import xarray as xr

from obriy.model.result.landcover import ClusterRow, LandcoverResult
from obriy.web import rasters
from obriy.web.shelf import ShelfRun
from obriy.workflows.config.reading import ReadingConfig
from obriy.workflows.jobs import read_config
from obriy.workflows.picture import scene_of_date, sources_of
from obriy.workflows.pixel import Spectrum, spectrum_at

_LONLAT: Final = "EPSG:4326"
_PLANE: Final = "EPSG:3857"
"""Where a plane without a place is shown; see `obriy.web.rasters`."""
_CURVES: Final = ("fraction", "values")
"""Parts of a map that are told as a curve."""


@dataclasses.dataclass(frozen=True)
class Curve:
    """A quantity of one spot, date by date.

    Attributes:
        title: What it is called.
        unit: Of its values.
        points: Date and value; None: not known there and then.
    """

    title: str
    unit: str
    points: Sequence[tuple[str, float | None]]


@dataclasses.dataclass(frozen=True)
class Through:
    """One spot through time.

    Attributes:
        curves: Its quantities.
        classes: Date, class in words, and its colour (``#rrggbb``; empty: none).
    """

    curves: Sequence[Curve]
    classes: Sequence[tuple[str, str, str]]


def dates_of(run: ShelfRun) -> set[str]:
    """Return the dates of the maps of a run; of a season, those it was made of too."""
    season = getattr(run.result(), "season", None)
    made_of = {str(row["date"]) for row in season.dates} if season is not None else set()
    return ({one.date for one in rasters.rasters(run)} | made_of) - {""}


def spectrum_of(run: ShelfRun, date: str, lon: float, lat: float) -> Spectrum | None:
    """Return what the image of a run measured at a place; None: nothing, or it is far.

    Args:
        run: The run; its images are read again.
        date: Of the image; empty: it has none.
        lon: Of the place, degrees.
        lat: Likewise.

    Raises:
        ObriyError: the image cannot be read any more.
    """
    config, maps = rasters.images_of(run), rasters.rasters(run)
    if config is None or not maps or not sources_of(config):
        return None
    placed = rasters.has_place(maps[0].file)
    to_plane = pyproj.Transformer.from_crs(_LONLAT, _PLANE, always_xy=True)
    place = (lon, lat) if placed else to_plane.transform(lon, lat)
    return spectrum_at(
        _scene(run.folder, run.changed(), date), place, _LONLAT if placed else _PLANE
    )


@functools.lru_cache(maxsize=4)
def _scene(folder: Path, changed: float, date: str) -> xr.Dataset:
    """Open an image once for many clicks: one that is made up takes a while."""
    config = read_config(folder)
    assert isinstance(config, ReadingConfig)  # `images_of` has looked
    return scene_of_date(config, date, folder)


def through_time(run: ShelfRun, lon: float, lat: float, lang: str) -> Through:
    """Return what the dated maps of a run say of a place, in the order of time."""
    curves: dict[str, list[tuple[str, float | None]]] = {}
    units: dict[str, str] = {}
    classes: list[tuple[str, str, str]] = []
    dated = [one for one in rasters.rasters(run) if one.date]
    for raster in sorted(dated, key=lambda one: one.date):
        layer = raster.layer
        if layer.part != "labels" and not (layer.is_quantity and layer.part in _CURVES):
            continue
        for said in rasters.at([raster], lon, lat, lang):
            if layer.is_quantity:
                value = None if said.number is None else said.number * layer.scale
                curves.setdefault(said.title, []).append((raster.date, value))
                units[said.title] = layer.unit
            else:
                classes.append((raster.date, said.value, said.colour))
    return Through([Curve(t, units[t], points) for t, points in curves.items()], classes)


def cluster_at(run: ShelfRun, lon: float, lat: float) -> ClusterRow | None:
    """Return the cluster of a place in a run of land cover; None where there is none."""
    result = run.result()
    if not isinstance(result, LandcoverResult):
        return None
    maps = [one for one in rasters.rasters(run) if one.layer.name == "clusters"]
    said = rasters.at(maps[:1], lon, lat, "en")
    numbers = [one.number for one in said]
    return next((row for row in result.clusters if row.id in numbers), None)
