"""The image that a configuration names."""

import xarray as xr

from obriy.sources.scene import open_scene
from obriy.workflows.config import ImageConfig


def scene_of(config: ImageConfig) -> xr.Dataset:
    """Open the image of a configuration as a Scene, lazily; errors are those of `open_scene`."""
    return open_scene(
        config.source,
        sensor=config.sensor,
        bands=config.bands,
        scale=config.scale,
        offset=config.offset,
        nodata=config.nodata,
        resolution=config.resolution,
    )
