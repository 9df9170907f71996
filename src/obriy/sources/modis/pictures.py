"""Pictures of MODIS (true and false colour, brightened for the eye) as Scenes."""

from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import xarray as xr
from odc.geo.geobox import GeoBox
from rasterio.errors import RasterioError

from obriy.blocks.computed import WindowMaker, computed_variable
from obriy.blocks.gdal import open_raster
from obriy.blocks.raster import RasterBand, file_geobox, lazy_variable
from obriy.errors import BandError, GridError, SourceError, UsageError
from obriy.model.flags import FLAG_ATTRS, Flag
from obriy.model.notices import notice
from obriy.model.provenance import Provenance
from obriy.model.scene import make_scene
from obriy.sources.base import Request
from obriy.sources.beside import beside_picture, is_image
from obriy.sources.dates import time_in
from obriy.sources.land_mask import UNMASKED, with_land
from obriy.sources.presence import require_there
from obriy.sources.reading import masks_in_file, probe
from obriy.tables import load_toml

Kind = Literal["truecolor", "falsecolor"]
CHANNELS: Final = 3
BYTE: Final = 255
WARNING: Final = notice("image_is_brightened")


def open_named_picture(request: Request) -> xr.Dataset:
    """Open a true-colour picture with what belongs to it, as `obriy.open_scene` is asked.

    Args:
        request: The picture, and perhaps its partners, by their names.

    Raises:
        UsageError: several pictures, or an option that only granules have.
        ObriyError: as `open_picture`.
    """
    own = [path for path in request.paths if is_image(Path(path).name)] or list(request.paths)
    if len(own) > 1:
        raise UsageError(f"{own[0]} is an image of its own.", "Open one picture at a time.")
    no_use = [name for name in ("area", "geolocation", "resolution") if getattr(request, name)]
    if no_use:
        raise UsageError(
            f"A picture keeps its grid: '{no_use[0]}' is not for it.", "Leave it away."
        )
    picture = Path(own[0])
    require_there(str(picture))
    beside = beside_picture(picture, request.paths)
    land = beside.get("land") if request.land in (None, "auto") else Path(str(request.land))
    clouds = request.clouds_file or beside.get("clouds")
    return open_picture(
        picture,
        beside.get("false_colour"),
        None if request.land == "none" else land,
        None if clouds is None else Path(clouds),
    )


def open_picture(
    truecolor: Path,
    falsecolor: Path | None = None,
    landmask: Path | None = None,
    cloud: Path | None = None,
) -> xr.Dataset:
    """Open a picture with bands 1, 4, 3, and its partner with bands 7, 2, 1, lazily.

    Args:
        truecolor: Red, green, blue as uint8; black in all three is missing.
        falsecolor: The same place and time with bands 7, 2, 1; None: no nir and no swir22.
        landmask: A raster that is 0 at sea, or polygons of land.
        cloud: A mask of one band, not 0 for cloud, or the layer of cloud fractions as it is drawn.

    Returns:
        A Scene on the picture's own grid: approximate reflectance, float32, NaN missing; red is
        that of the false colour where there is one; ``flags`` where a mask was given.

    Raises:
        SourceError: files that are missing, or no pictures.
        BandError: fewer than three channels.
        GridError: a partner that lies elsewhere.
    """
    grid = _grid(truecolor)
    layers = {"truecolor": truecolor} | ({"falsecolor": falsecolor} if falsecolor else {})
    read: dict[str, str] = {}
    bands: dict[str, xr.Variable] = {}
    seen = _any_light(truecolor, grid)
    for kind, path in layers.items():
        if path is not truecolor:
            _check_partner(path, grid)
        table = load_toml("modis_pictures")[kind]
        for channel, band in enumerate(table["bands"], 1):
            make = _reflectance(_channel(path, channel, grid), kind, seen)
            bands[band] = computed_variable(make, grid, "float32")
            read[band] = f"{path.name} band {channel}"
    files = [p for p in (truecolor, falsecolor, landmask, cloud) if p is not None]
    tables = load_toml("modis_pictures")
    record = (
        Provenance(tuple({"href": str(p), "bytes": p.stat().st_size} for p in files if p.exists()))
        .with_step("bands", by="the kind of picture", sensor="unknown", read=read)
        .with_step(
            "scaling",
            by="enhancement undone",
            range=tables["range"],
            points={k: {n: tables[k][n] for n in ("input", "output", "source")} for k in layers},
            source=tables["source"],
        )
        .with_warning(WARNING)
    )
    if cloud is not None:
        record = record.with_step("quality", mask="clouds of the picture", file=str(cloud))
    if landmask is None:
        record = record.with_warning(UNMASKED)
    scene = make_scene(
        bands,
        grid,
        sensor="unknown",
        provenance=record,
        flags=None if cloud is None else _cloud_flags(cloud, grid),
        time=time_in(truecolor.name) or time_in(truecolor.parent.name),
    )
    return scene if landmask is None else with_land(scene, landmask)


def undo_enhancement(numbers: npt.NDArray[np.uint8], kind: str) -> npt.NDArray[np.float32]:
    """Return the reflectance that a picture was made of, approximately.

    Args:
        numbers: What the picture holds, 0 to 255.
        kind: ``truecolor`` or ``falsecolor``.

    Returns:
        float32 of the same shape, -0.01 to 1.10.
    """
    table = load_toml("modis_pictures")
    low, high = table["range"]
    scaled = np.interp(np.arange(BYTE + 1), table[kind]["output"], table[kind]["input"])
    lookup = (low + (high - low) * scaled / BYTE).astype("float32")
    return np.asarray(lookup[numbers])


def _reflectance(read: WindowMaker, kind: str, seen: WindowMaker) -> WindowMaker:
    def make(rows: slice, columns: slice) -> npt.NDArray[np.float32]:
        values = undo_enhancement(read(rows, columns), kind)
        return np.where(seen(rows, columns), values, np.float32(np.nan))

    return make


def _channel(path: Path, channel: int, grid: GeoBox) -> WindowMaker:
    """Return what makes windows of a channel, uint8, 0 beyond the picture and beneath its mask."""
    masks = masks_in_file(probe(str(path))[channel - 1])
    band = RasterBand(str(path), channel, resampling="nearest", dtype="uint8", masks=masks)
    lazy = lazy_variable(band, grid)

    def make(rows: slice, columns: slice) -> npt.NDArray[Any]:
        return lazy[rows, columns].to_numpy()

    return make


def _any_light(path: Path, grid: GeoBox) -> WindowMaker:
    """Return what says where a picture is not black."""
    channels = [_channel(path, channel, grid) for channel in range(1, CHANNELS + 1)]

    def make(rows: slice, columns: slice) -> npt.NDArray[np.bool_]:
        return np.asarray(np.any([read(rows, columns) > 0 for read in channels], axis=0))

    return make


def _cloud_flags(path: Path, grid: GeoBox) -> xr.Variable:
    channels = [_channel(path, i, grid) for i in range(1, _layers(path) + 1)]
    table = load_toml("modis_pictures")["cloud"]

    def make(rows: slice, columns: slice) -> npt.NDArray[np.uint16]:
        parts = [read(rows, columns) for read in channels[:CHANNELS]]
        if len(parts) < CHANNELS:
            cloudy = parts[0] > 0
        else:
            red, green, blue = parts
            cloudy = (red >= table["red"]) & (np.maximum(green, blue) <= table["others"])
        return np.where(cloudy, np.uint16(Flag.CLOUD), np.uint16(0))

    flags = computed_variable(make, grid, "uint16")
    flags.attrs = dict(FLAG_ATTRS)
    return flags


def _grid(path: Path) -> GeoBox:
    """Return the grid of a picture.

    Raises:
        SourceError: where it is none.
        BandError: fewer than three channels.
    """
    if not path.exists():
        raise SourceError(f"There is no file {path}.", "Check the path.")
    try:
        with open_raster(path) as dataset:
            kinds, count, grid = set(dataset.dtypes), dataset.count, file_geobox(dataset)
    except RasterioError as error:
        raise SourceError(
            f"{path} cannot be opened as a picture ({error}).", "Give a GeoTIFF of three bands."
        ) from error
    if count < CHANNELS:
        raise BandError(
            f"{path} has {count} band(s), and a picture has red, green and blue.",
            "Name the picture in colours.",
        )
    if kinds != {"uint8"}:
        raise SourceError(
            f"{path} holds {', '.join(sorted(kinds))}, and a picture holds numbers from 0 to 255.",
            "An image with reflectance is opened by obriy.open_scene.",
        )
    return grid


def _check_partner(path: Path, grid: GeoBox) -> None:
    other = _grid(path)
    if (other.crs, other.extent.boundingbox) != (grid.crs, grid.extent.boundingbox):
        raise GridError(
            f"{path} does not cover the same ground as its true-colour partner.",
            "Name the false-colour picture of the same place and time.",
        )


def _layers(path: Path) -> int:
    try:
        with open_raster(path) as dataset:
            return int(dataset.count)
    except RasterioError as error:
        raise SourceError(
            f"The cloud mask {path} cannot be opened ({error}).", "Give a raster."
        ) from error
