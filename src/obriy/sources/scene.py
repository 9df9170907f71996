"""The one door to images: `open_scene`."""

import difflib
import math
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from obriy.errors import SourceError, UsageError
from obriy.sources.base import MADE_UP, SOURCES, Request
from obriy.sources.integrity import HDF4_SUFFIXES
from obriy.sources.sentinel2_layout import product_of

if TYPE_CHECKING:
    import xarray as xr
    from odc.geo.geobox import GeoBox

NETWORK = re.compile(
    r"(?:\w+:)?\"?/vsi(?:curl|s3|gs|az|adls|oss|swift|hdfs|webhdfs)\w*[/?]"
    r"|(?:https?|ftp|s3|gs|az|abfss?)://"
)
"""Addresses that GDAL would fetch; all matched in lower case."""
PICTURE = re.compile(r"(?<![a-z])(terra|aqua|modis)(?![a-z]).*true_?colou?r[^/]*$")
"""Pictures of MODIS by the names of file and folder, in lower case."""
OWN_SCHEMES = ("sample", "simulated")
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
            among them is used); a MODIS product in HDF4 (MOD02HKM, MOD09GA and their like) or a
            true-colour picture of it, by its name (``*terra*truecolor.tif``; its false colour, land
            mask and clouds lie beside it or are named, too); ``sample:``; or
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
        geolocation: Of MODIS: the MOD03 or MYD03 of a granule; None: the one beside it, else the
            granule's own positions.
        land: Of MODIS: ``auto`` (MOD03's, or the mask beside a picture), ``none``, or a land mask
            (polygons, or 0 at sea).
        clouds_file: Of MODIS: the MOD35 of a granule, or the mask of clouds of a picture.
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
    request = Request(
        paths=_paths(path),
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
    kind = _kind(request)
    if kind not in ("modis", "picture") and request.of_swath():
        raise UsageError(f"'{request.of_swath()[0]}' is for products of MODIS.", "Leave it away.")
    return SOURCES.get(kind)(request)


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
    paths = request.paths
    for path in paths:
        _check_scheme(path)
    kinds = {"sample" if p.startswith("sample:") else "" for p in paths}
    kinds |= {"simulated" if p.startswith(MADE_UP) else "" for p in paths}
    special = kinds - {""}
    if special and len(paths) > 1:
        raise UsageError(f"'{special.pop()}:' stands alone.", "Open it by itself.")
    hdf = [path for path in paths if path.lower().endswith(HDF4_SUFFIXES)]
    if hdf and len(paths) > 1:
        raise UsageError(f"{hdf[0]} is an image of its own.", "Open one granule at a time.")
    kind = special.pop() if special else "modis" if hdf else "files"
    if kind == "files" and len(paths) == 1 and product_of(paths[0]):
        return "sentinel2"
    return "picture" if kind == "files" and _is_picture(request) else kind


def _is_picture(request: Request) -> bool:
    """Say whether it is a true-colour picture of MODIS, and nobody says how else to read it."""
    told = (request.bands, request.sensor, request.scale, request.offset, request.nodata)
    names = ("/".join(Path(path).parts[-2:]).lower() for path in request.paths)
    return told == (None,) * len(told) and any(PICTURE.search(name) for name in names)


def _check_scheme(path: str) -> None:
    """Raise where a path is an address that nobody here reads, or a misspelt one that we do."""
    low = path.lower()
    if NETWORK.match(low):
        raise SourceError(
            f"{path} lies in the network, and sources there are not read yet.",
            "Download the file, and name it.",
        )
    scheme, colon, rest = low.partition(":")
    if colon and scheme not in OWN_SCHEMES and (not rest or rest.startswith("?")):
        close = difflib.get_close_matches(scheme, OWN_SCHEMES, n=1)
        if close and not Path(path).exists():
            raise UsageError(f"There is no '{scheme}:'.", f"Did you mean '{close[0]}:'?")
