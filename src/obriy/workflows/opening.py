"""Images as a configuration says that they are to be read."""

import dataclasses

import xarray as xr

from obriy.blocks.engine import EngineOptions
from obriy.sources.scene import Paths, open_scene
from obriy.workflows.config import ImageConfig, ReadingConfig
from obriy.workflows.passes import with_clouds


def scene_of(
    config: ImageConfig, options: EngineOptions | None = None, paths: Paths | None = None
) -> xr.Dataset:
    """Open the image of a configuration as a Scene that knows its clouds, lazily.

    Errors are those of `open_scene`.

    Args:
        config: What to open, and how.
        options: Progress; threads come from the configuration.
        paths: Files in place of the source: those of one date.
    """
    scene = open_as_told(config.source if paths is None else paths, config)
    options = dataclasses.replace(options or EngineOptions(), workers=config.workers)
    return with_clouds(scene, config.clouds, options)


def open_as_told(paths: Paths, config: ReadingConfig) -> xr.Dataset:
    """Open an image with the bands, numbers and pixels that a configuration tells of."""
    return open_scene(
        paths,
        sensor=config.sensor,
        bands=config.bands,
        force_bands=bool(config.force_bands),
        scale=config.scale,
        offset=config.offset,
        nodata=config.nodata,
        resolution=config.resolution,
    )
