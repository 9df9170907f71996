"""Images as a configuration says that they are to be read."""

import xarray as xr

from obriy.sources.scene import Paths, open_scene
from obriy.workflows.config import ImageConfig, ReadingConfig


def scene_of(config: ImageConfig) -> xr.Dataset:
    """Open the image of a configuration as a Scene, lazily; errors are those of `open_scene`."""
    return open_as_told(config.source, config)


def open_as_told(paths: Paths, config: ReadingConfig) -> xr.Dataset:
    """Open an image with the bands, numbers and pixels that a configuration tells of."""
    return open_scene(
        paths,
        sensor=config.sensor,
        bands=config.bands,
        scale=config.scale,
        offset=config.offset,
        nodata=config.nodata,
        resolution=config.resolution,
    )
