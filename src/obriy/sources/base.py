"""What every kind of source gets to see, and the registry of the kinds."""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal

from obriy.registry import Registry

if TYPE_CHECKING:
    import xarray as xr
    from odc.geo.geobox import GeoBox

    from obriy.model.reference import Reference


@dataclasses.dataclass(frozen=True)
class Request:
    """What the user asked to open.

    Attributes:
        paths: Files, folders, globs or GDAL paths; or one ``sample:`` or ``simulated:`` address.
        sensor: Sensor id, or None: found out.
        bands: Common names in file order, ``-`` skips; None: found out.
        force_bands: Believe ``bands`` where the names in the files contradict it.
        scale: reflectance = DN * scale + offset; None: found out.
        offset: See ``scale``.
        nodata: DN that means missing; None: found out.
        resolution: Pixel size wanted, metres; None: the file's own.
        area: Where a swath is laid on a grid: a name, a box, a vector file, or the grid itself.
        geolocation: File with the positions of a swath.
        land: ``auto``, ``none``, or a land mask.
        clouds_file: File with the cloud mask of a swath.
        resampling: How a swath gets onto a grid.
    """

    paths: tuple[str, ...]
    sensor: str | None = None
    bands: tuple[str, ...] | None = None
    scale: float | None = None
    offset: float | None = None
    nodata: float | None = None
    resolution: float | None = None
    area: "str | GeoBox | None" = None
    geolocation: str | None = None
    land: str | None = None
    clouds_file: str | None = None
    force_bands: bool = False
    resampling: Literal["nearest", "average"] = "nearest"

    def of_swath(self) -> list[str]:
        """Return the options given that only products in a swath know."""
        names = ("area", "geolocation", "land", "clouds_file")
        return [name for name in names if getattr(self, name) is not None]


MADE_UP: Final = "simulated:"
"""What the address of a made-up scene begins with; nothing but its name is known here."""
SOURCES: Registry[Callable[[Request], "xr.Dataset"]] = Registry("source")
SOURCES.register("files", "obriy.sources.geotiff:open_files")
SOURCES.register("sentinel2", "obriy.sources.sentinel2_product:open_product")
SOURCES.register("sample", "obriy.sources.sample:open_sample")
SOURCES.register("simulated", "obriy.simulate.opening:open_simulated_scene")
SOURCES.register("modis", "obriy.sources.modis.granule:open_modis")
SOURCES.register("picture", "obriy.sources.modis.pictures:open_named_picture")

TRUTHS: Registry[Callable[[str, "GeoBox"], "Reference"]] = Registry("source with a truth")
"""Of a scene that was made: its address and the grid of a map of it, or of a part, to its truth."""
TRUTHS.register("simulated", "obriy.simulate.opening:truth_of")

TIMES: Registry[Callable[[str], str]] = Registry("source with a time")
"""Of a scene that was made: its address to its time, ISO 8601, before it is made."""
TIMES.register("simulated", "obriy.simulate.ice.opening:time_of")


def truth_of(source: str, grid: "GeoBox") -> "Reference | None":
    """Return the truth of a made-up scene on the grid of a map of it, or of a part of it.

    Args:
        source: What was mapped; None is returned where nobody made it up.
        grid: The grid of the map: the scene's, or whole pixels cut out of it.

    Raises:
        GridError: a grid that is no part of the scene's.
    """
    return TRUTHS.get("simulated")(source, grid) if source.startswith(MADE_UP) else None
