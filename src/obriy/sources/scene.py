"""The one door to images: `open_scene`."""

import dataclasses
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from obriy.errors import UsageError
from obriy.model.item import Item
from obriy.sources.base import FILES, SOURCES, Request, source_of
from obriy.sources.presence import check_address

if TYPE_CHECKING:
    import xarray as xr
    from odc.geo.geobox import GeoBox

    from obriy.model.areas import District

SWATHS = ("granules", "pictures", "earthdata:")
"""Sources that know where a swath lies, and what hides it."""
Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


def open_scene(  # noqa: PLR0917 - the order of the first six is a public contract
    path: Paths,
    sensor: str | None = None,
    bands: str | Sequence[str] | None = None,
    scale: float | None = None,
    offset: float | None = None,
    nodata: float | None = None,
    resolution: float | None = None,
    *,
    area: "str | os.PathLike[str] | GeoBox | None" = None,
    geolocation: str | os.PathLike[str] | None = None,
    land: str | os.PathLike[str] | None = None,
    clouds_file: str | os.PathLike[str] | None = None,
    resampling: Literal["nearest", "average"] = "nearest",
    force_bands: bool = False,
) -> "xr.Dataset":
    """Open an image as a Scene, without reading its pixels yet.

    Args:
        path: A product of Sentinel-2 as it is shipped (``.SAFE``, its ``.zip``, any folder or
            metadata file in it, a tile of AWS or Earth Search); a raster of many bands; a folder, a
            glob, an archive (``.tar``, ``.zip``) or a list of files of one band each (a Landsat MTL
            among them is used); a product of MODIS or VIIRS (MOD02HKM, MOD09GA, VNP02MOD and their
            like) or a true-colour picture of MODIS, by its name (``*terra*truecolor.tif``; its
            false colour, land mask and clouds lie beside it or are named, too); ``sample:``; or
            ``simulated:?seed=7&size=512``.
        sensor: Sensor id, e.g. ``"sentinel2_l2a"``; None: from names and metadata.
        bands: STAC common names, or the sensor's own (``B03``, ``SR_B3``), in file order (list, or
            text with commas); ``"-"`` skips a band, ``scl``, ``fmask``, ``bqa``, ``qa_pixel`` name
            quality bands; a shorter list leaves the rest unread; None: from descriptions, names or
            the sensor's customary order. Of a product they choose among its bands, in any order.
        scale: reflectance = DN * scale + offset. None: from tags, sensor and the numbers.
        offset: See ``scale``; a number, 0 too, is final. None: whether +0.1 of Sentinel-2
            baseline 04.00 is in the numbers is decided from metadata and the histogram floor.
        nodata: DN that means missing, in place of those of the file and the sensor; NaN, or a
            number that does not occur: everything was measured. None: theirs. NaN is always
            missing; so is what a mask of the file hides, and 0 in every band at once, unless the
            numbers run down to it (``docs/design/0018-validity.md``).
        resolution: Pixel size in metres of the grid wanted; for an image without a CRS, the pixel
            size that it has. None: the image's own grid, the finest where bands differ.
        area: Of MODIS: a named area, ``W,S,E,N``, a vector file, or the grid wanted; None: all.
        geolocation: Of a granule: its MOD03, VNP03MOD, ...; None: the one beside it, else the
            granule's own positions.
        land: Of MODIS and VIIRS: ``auto`` (MOD03's, or the mask beside a picture), ``none``, or a
            land mask (polygons, or 0 at sea).
        clouds_file: Of a granule: its MOD35 or CLDMSK_L2; or the mask of clouds of a picture.
        resampling: Of MODIS: how a granule gets onto the grid.
        force_bands: Believe ``bands`` where the names in the files contradict it; False: that is
            an error.

    Returns:
        A Scene: (y, x), float32 reflectance by common name, unitless, NaN missing, ``flags`` where
        there is a quality band; read lazily, in any CRS; decisions in ``attrs["provenance"]``.

    Raises:
        UsageError: a name or number that cannot be meant.
        SourceError: files that are missing, broken, or no images.
        BandError: bands that nobody can tell, or too few.
        GridError: grids that do not meet.
        EmptyResultError: an image with no valid pixel.
    """
    return _opened(
        asked(
            path,
            sensor=sensor,
            bands=bands,
            scale=scale,
            offset=offset,
            nodata=nodata,
            resolution=resolution,
            area=area,
            geolocation=geolocation,
            land=land,
            clouds_file=clouds_file,
            resampling=resampling,
            force_bands=force_bands,
        )
    )


def open_item(item: Item, request: Request, districts: "Sequence[District]" = ()) -> "xr.Dataset":
    """Open an image that a source found; as `open_scene` is asked.

    Args:
        item: The image.
        request: How it is to be read; its paths, and the files that belong to it, are the item's.
        districts: Where an image in the network is read at all; others are opened whole.
    """
    own = dataclasses.replace(
        request,
        paths=item.paths,
        geolocation=item.assets.get("geolocation"),
        clouds_file=item.assets.get("clouds"),
        step=item.step,
        item=item,
        districts=tuple(districts) if SOURCES.get(item.source).far else (),
    )
    return _opened(own, item.source)


def asked(
    path: Paths = (),
    *,
    sensor: str | None = None,
    bands: str | Sequence[str] | None = None,
    scale: float | None = None,
    offset: float | None = None,
    nodata: float | None = None,
    resolution: float | None = None,
    area: "str | os.PathLike[str] | GeoBox | None" = None,
    geolocation: str | os.PathLike[str] | None = None,
    land: str | os.PathLike[str] | None = None,
    clouds_file: str | os.PathLike[str] | None = None,
    resampling: Literal["nearest", "average"] = "nearest",
    force_bands: bool = False,
) -> Request:
    """Return what is asked for, checked; the arguments are those of `open_scene`.

    Raises:
        UsageError: a name or number that cannot be meant.
    """
    request = Request(
        paths=() if path == () else _paths(path),
        sensor=sensor,
        bands=_bands(bands),
        scale=_number("scale", scale),
        offset=_number("offset", offset),
        nodata=_nodata(nodata),
        resolution=_number("resolution", resolution),
        area=_area(area),
        geolocation=None if geolocation is None else os.fspath(geolocation),
        land=None if land is None else os.fspath(land),
        clouds_file=None if clouds_file is None else os.fspath(clouds_file),
        resampling=resampling,
        force_bands=force_bands,
    )
    if request.scale is not None and request.scale <= 0:
        raise UsageError(
            f"A scale of {request.scale:g} makes no reflectance: it is above 0.",
            "Leave --scale away, or say e.g. 0.0001 where 10000 is a reflectance of 1.",
        )
    if request.resolution is not None and request.resolution <= 0:
        raise UsageError(f"A pixel size of {request.resolution:g} m is none.", "Give metres, > 0.")
    return request


def _opened(request: Request, source: str | None = None) -> "xr.Dataset":
    source = source or _kind(request)
    if source not in SWATHS and request.of_swath():
        raise UsageError(
            f"'{request.of_swath()[0]}' is for products of MODIS and VIIRS.", "Leave it away."
        )
    return SOURCES.get(source).open(request)


def _paths(path: Paths) -> tuple[str, ...]:
    given = [path] if isinstance(path, str | os.PathLike) else list(path)
    paths = [os.fspath(p).strip() for p in given]
    if not all(paths) or not paths:
        raise UsageError("No image was named.", "Give a file, a folder, 'sample:' or 'simulated:'.")
    return tuple(_expanded(p) for p in paths)


def _area(area: "str | os.PathLike[str] | GeoBox | None") -> "str | GeoBox | None":
    if isinstance(area, os.PathLike):
        return os.fspath(area)
    if area is None or isinstance(area, str) or hasattr(area, "geographic_extent"):
        return area
    raise UsageError(
        f"{area!r} is no area.", "Write 'W,S,E,N' in degrees, a name, a vector file, or a GeoBox."
    )


def _expanded(path: str) -> str:
    return str(Path(path).expanduser()) if path.startswith("~") else path


def _bands(bands: str | Sequence[str] | None) -> tuple[str, ...] | None:
    if bands is None:
        return None
    names = bands.split(",") if isinstance(bands, str) else list(bands)
    found = tuple(name.strip().lower() for name in names)
    if not any(found):
        raise UsageError("The list of bands is empty.", "Write e.g. --bands blue,green,-,nir.")
    return found


def _number(name: str, value: float | None) -> float | None:
    if value is None:
        return None
    number = float(value)
    if not math.isfinite(number):
        raise UsageError(f"--{name} {value} is not a number to count with.", "Give a finite one.")
    return number


def _nodata(value: float | None) -> float | None:
    """Return the number that means missing; NaN says that none does: NaN itself always is."""
    return math.nan if value is not None and math.isnan(float(value)) else _number("nodata", value)


def _kind(request: Request) -> str:
    """Return the source of what is to be opened.

    Raises:
        UsageError: several paths, where one of them is an image by itself.
    """
    for path in request.paths:
        check_address(path)
    kinds = [source_of(path) for path in request.paths]
    alone = next((k for k in kinds if k.endswith(":")), None)
    if len(kinds) > 1 and alone:
        raise UsageError(f"'{alone}' stands alone.", "Open it by itself.")
    if len(kinds) > 1 and "granules" in kinds:
        whole = request.paths[kinds.index("granules")]
        raise UsageError(f"{whole} is an image of its own.", "Open one granule at a time.")
    return next((kind for kind in kinds if kind != FILES), FILES)
