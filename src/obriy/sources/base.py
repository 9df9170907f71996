"""What a source is: it claims what it can read, finds the images in it, and opens one of them."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal

from obriy.model.item import Item
from obriy.registry import Registry

if TYPE_CHECKING:
    import xarray as xr
    from odc.geo.geobox import GeoBox

    from obriy.model.areas import District
    from obriy.model.reference import Reference


Needs = Callable[[set[str]], set[str]]
"""Returns the bands that something reads, of those there are; raises BandError where one lacks."""


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
        step: Which step along the axis of time of a cube, from 0; None: it has one, or none.
        item: What was found, of a source whose paths do not tell all; None: they do.
        districts: Where it is read at all, of a source in the network: what lies elsewhere is not
            looked at, and not in the Scene; empty: everywhere.
        needs: Returns the bands that will be mapped: the others are looked at in few places, unless
            something is in doubt; None: all.
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
    step: int | None = None
    item: Item | None = None
    districts: "tuple[District, ...]" = ()
    needs: Needs | None = None

    def of_swath(self) -> list[str]:
        """Return the options given that only products in a swath know."""
        names = ("area", "geolocation", "land", "clouds_file")
        return [name for name in names if getattr(self, name) is not None]


@dataclasses.dataclass(frozen=True)
class Query:
    """What images are wanted of a source.

    Attributes:
        datetime: ``A/B``, both included, as for `obriy.sources.dates.parse_range`; None: all.
        each: Whether every file is an image by itself, as maps of classes are; else files of one
            band and one time are put together.
        geolocation: MOD03 files, or folders of them, that belong to granules.
        clouds: ``auto``, ``none``, or a MOD35 file or a folder of them to look in, too.
        districts: Where; asked of catalogues, which list the world.
        max_cloud: Cloudiness of a scene above which it is not read, per cent; None: any.
        max_dates: How many dates to read at most, spread over the period; None: all.
        best: How many dates to read, those that show most of the districts; None: all.
        tiles: Rows and columns of requests that an image is cut into, ``5x5``; None: as few as do.
        resolution: Size of a pixel wanted of a service that makes images, m; None: the sensor's.
    """

    datetime: str | None = None
    each: bool = False
    geolocation: tuple[str, ...] = ()
    clouds: str = "auto"
    districts: "tuple[District, ...]" = ()
    max_cloud: float | None = None
    max_dates: int | None = None
    best: int | None = None
    tiles: str | None = None
    resolution: float | None = None


def everything(text: str) -> bool:
    """Claim whatever there is: for a source that has an address, or takes what is left."""
    return True


Cost = Mapping[str, float]
"""What reading takes, by what is counted."""


@dataclasses.dataclass(frozen=True)
class Source:
    """A kind of place that images come from.

    Attributes:
        find: The images in what it claimed (the order does not matter); opens no pixel.
        open: One of them as a Scene, lazily; ``paths`` of the request are those of the item.
        claims: Whether a path is of this kind, by its name and what lies in it; the first source
            in the order of `SOURCES` that says so has it. One with an address need not say.
        truth: Of what was made up: its address and the grid of a map of it, or of a part, to its
            truth.
        far: Whether it lies in the network: it is asked for a place and a period, and looked at
            there alone.
        placed: Whether it lies here and is asked for a place, too: images elsewhere are left out.
        cost: What reading an item of the network is expected to take, of districts and of bands
            (None: all): ``bytes``, ``requests``, and what else its provider counts.
    """

    find: Callable[[Sequence[str], Query], list[Item]]
    open: Callable[[Request], "xr.Dataset"]
    claims: Callable[[str], bool] = everything
    truth: Callable[[str, "GeoBox"], "Reference"] | None = None
    far: bool = False
    placed: bool = False
    cost: Callable[[Item, "tuple[District, ...]", Sequence[str] | None], Cost] | None = None


FILES: Final = "files"
"""The source that takes what no other claims."""
SOURCES: Registry[Source] = Registry("source")
"""By name; one that ends in a colon is what its addresses begin with."""
SOURCES.register("sample:", "obriy.sources.sample:SAMPLE")
SOURCES.register("simulated:", "obriy.simulate.opening:SIMULATED")
SOURCES.register("stac:", "obriy.sources.stac.source:STAC")
SOURCES.register("process:", "obriy.sources.process.source:PROCESS")
SOURCES.register("earthdata:", "obriy.sources.earthdata.source:EARTHDATA")
SOURCES.register("sentinel2", "obriy.sources.sentinel2_product:SENTINEL2")
SOURCES.register("granules", "obriy.sources.granules:GRANULES")
SOURCES.register("indexed", "obriy.sources.indexed:INDEXED")
SOURCES.register("cubes", "obriy.sources.cubes:CUBES")
SOURCES.register("pictures", "obriy.sources.picture_files:PICTURES")
SOURCES.register(FILES, "obriy.sources.dated_files:DATED_FILES")


def addresses() -> list[str]:
    """Return what the addresses of sources begin with, which are no paths: ``simulated:``."""
    return [name for name in SOURCES.names if name.endswith(":")]


def source_of(text: str) -> str:
    """Return the name of the source that reads a path or an address."""
    address = next((name for name in addresses() if text.startswith(name)), None)
    if address is not None:
        return address
    kinds = (name for name in SOURCES.names if not name.endswith(":") and name != FILES)
    return next((name for name in kinds if SOURCES.get(name).claims(text)), FILES)


def is_made_up(text: str) -> bool:
    """Say whether a path or an address is that of a scene with known truth."""
    return SOURCES.get(source_of(text)).truth is not None


def truth_of(source: str, grid: "GeoBox") -> "Reference | None":
    """Return the truth of a made-up scene on the grid of a map of it, or of a part of it.

    Args:
        source: What was mapped; None is returned where nobody made it up.
        grid: The grid of the map: the scene's, or whole pixels cut out of it.

    Raises:
        GridError: a grid that is no part of the scene's.
    """
    truth = SOURCES.get(source_of(source)).truth
    return None if truth is None else truth(source, grid)
