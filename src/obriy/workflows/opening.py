"""Images as a configuration says that they are to be read."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from obriy.blocks.base import Method
from obriy.blocks.engine import EngineOptions
from obriy.errors import SourceError
from obriy.indices.sun import LANDSAT_H, SENTINEL_2_H, sun_at_overpass
from obriy.model.areas import District
from obriy.model.bands import CLASSES, SPECTRAL
from obriy.model.grid import describe, geobox_of
from obriy.model.item import Item
from obriy.model.scene import band_names, provenance_of
from obriy.net.arrival import arrival
from obriy.prepare.terrain import centre, see_terrain, terrain_grid
from obriy.sources.base import SOURCES, Needs
from obriy.sources.heights import heights_on
from obriy.sources.scene import asked, open_item
from obriy.workflows.config.reading import ImageConfig, ReadingConfig
from obriy.workflows.passes import with_clouds
from obriy.workflows.run import run_path


def scene_of(
    config: ImageConfig,
    item: Item,
    options: EngineOptions | None = None,
    districts: Sequence[District] = (),
    needs: Needs | None = None,
) -> xr.Dataset:
    """Open an image as a Scene that knows its date, its clouds and its shade, lazily.

    Errors are those of `open_scene`.

    Args:
        config: How to read it.
        item: The image.
        options: Progress; threads come from the configuration.
        districts: Where an image in the network is read at all.
        needs: Returns the bands that are wanted of it, of those there are; None: all. Of an image
            in the network the others are left out, of one that lies here they are seldom looked at.
    """
    given = told(config)
    given["bands"] = given["bands"] or bands_wanted(config, item, needs)
    options = options or EngineOptions()
    cost = SOURCES.get(item.source).cost
    if cost is not None and item.bands:
        size = int(cost(item, tuple(districts), given["bands"])["bytes"])
        arrival.expect(item.id, size, options.progress)
    request = dataclasses.replace(asked(**given), needs=needs)
    scene = open_item(item, request, districts)
    scene.attrs["time"] = scene.attrs.get("time") or item.date or None
    options = dataclasses.replace(options, workers=config.workers)
    scene = with_clouds(scene, config.clouds, options)
    dem = getattr(config, "dem", None)
    return scene if dem is None else with_terrain(scene, dem, scene.attrs["time"])


def bands_wanted(config: ImageConfig, item: Item, needs: Needs | None) -> list[str] | None:
    """Return the bands that are read of an image in the network; None: all.

    Those of the method and of a picture in colour; all where clouds are to be found in them.

    Raises:
        BandError: where the method lacks one.
    """
    spectral = set(item.bands) & set(SPECTRAL)
    flagged = bool(set(item.bands) & set(CLASSES)) and config.clouds in ("auto", "flags")
    if needs is None or not spectral or not (flagged or config.clouds == "none"):
        return None
    return sorted(needs(spectral) | (spectral & {"red", "green", "blue"}))


LOWEST_SUN = 3.0
"""Degrees; of a lower one everything is shade, and no satellite makes maps of land."""


def with_terrain(scene: xr.Dataset, dem: str, day: str | None) -> xr.Dataset:
    """Return a scene that knows the shade of its mountains.

    Args:
        scene: A Scene.
        dem: A raster of heights, m.
        day: When the image was taken, ISO 8601.

    Raises:
        SourceError: a DEM that does not help; no date, or one of night: then the sun is not known.
        GridError: a scene or a DEM without a CRS.
    """
    if day is None:
        raise SourceError(
            "--dem tells shade by where the sun stands, and the image does not say its date.",
            "Put it into the file's name, e.g. 2025-01-08_scene.tif.",
        )
    on = terrain_grid(geobox_of(scene))
    sun = _sun_told(scene) or _sun_of_day(scene, day, *centre(on.grid))
    if sun[0] < LOWEST_SUN:
        raise SourceError(
            f"On {day} the sun stands at {sun[0]:.0f} degrees there in the morning: --dem has no "
            "shade to tell.",
            "Leave --dem out, or check the date.",
        )
    return see_terrain(scene, heights_on(Path(dem), on.grid), on, sun, dem=dem, day=day)


def _sun_told(scene: xr.Dataset) -> tuple[float, float] | None:
    """Return elevation and azimuth of the sun, degrees, where the product tells them."""
    told = provenance_of(scene).step("product") or {}
    if not {"sun_elevation", "sun_azimuth"} <= set(told):
        return None
    return float(told["sun_elevation"]), float(told["sun_azimuth"])


def _sun_of_day(scene: xr.Dataset, day: str, lon: float, lat: float) -> tuple[float, float]:
    landsat = str(scene.attrs["sensor"]).startswith("landsat")
    return sun_at_overpass(day, lon, lat, LANDSAT_H if landsat else SENTINEL_2_H)


def told(config: ReadingConfig) -> dict[str, Any]:
    """Return what a configuration tells of bands, numbers and pixels, as `open_scene` takes it."""
    own = ("sensor", "bands", "scale", "offset", "nodata", "resolution")
    return {name: getattr(config, name) for name in own} | {"force_bands": bool(config.force_bands)}


def plan_of(
    config: ReadingConfig, method: Method, part: xr.Dataset, districts: Sequence[District]
) -> dict[str, Any]:
    """Return what the plan of every job that maps images says, as plain values.

    Args:
        config: Of the job.
        method: What will look at the image.
        part: Of the image, what will be mapped; the first, where there are several.
        districts: Where areas are asked for.

    Raises:
        BandError: where the method lacks a band.
    """
    bands = band_names(part)
    return {
        "grid": describe(geobox_of(part)),
        "bands": bands,
        "bands_read": sorted(method.bands(set(bands))),
        "flags": "flags" in part,
        "districts": [d.name for d in districts],
        "outputs": config.outputs,  # type: ignore[attr-defined]
        "folder": str(run_path(config)),
    }


def grid_text(scene: xr.Dataset) -> str:
    """Return the grid of a scene in words that can be compared and shown."""
    grid = describe(geobox_of(scene))
    a = grid["affine"]
    rows, columns = grid["shape"]
    corner = f"({a[2]:.10g}, {a[5]:.10g})"
    return f"{rows} x {columns} pixels of {a[0]:.8g} from {corner} in {grid['crs']}"
