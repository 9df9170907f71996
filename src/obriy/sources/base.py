"""What every kind of source gets to see, and the registry of the kinds."""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from obriy.registry import Registry

if TYPE_CHECKING:
    import xarray as xr


@dataclasses.dataclass(frozen=True)
class Request:
    """What the user asked to open.

    Attributes:
        paths: Files, folders, globs or GDAL paths; or one ``sample:`` or ``simulated:`` address.
        sensor: Sensor id, or None: found out.
        bands: Common names in file order, ``-`` skips; None: found out.
        scale: reflectance = DN * scale + offset; None: found out.
        offset: See ``scale``.
        nodata: DN that means missing; None: found out.
        resolution: Pixel size wanted, metres; None: the file's own.
    """

    paths: tuple[str, ...]
    sensor: str | None = None
    bands: tuple[str, ...] | None = None
    scale: float | None = None
    offset: float | None = None
    nodata: float | None = None
    resolution: float | None = None


SOURCES: Registry[Callable[[Request], "xr.Dataset"]] = Registry("source")
SOURCES.register("files", "obriy.sources.geotiff:open_files")
SOURCES.register("sample", "obriy.sources.sample:open_sample")
SOURCES.register("simulated", "obriy.sources.simulated:open_simulated_scene")
