"""A granule of MOD02HKM or MYD02HKM to a Scene on a grid, in one call."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import xarray as xr
from odc.geo.geobox import GeoBox

from obriy.blocks.computed import computed_variable
from obriy.errors import EmptyResultError, SourceError, UsageError
from obriy.model.flags import FLAG_ATTRS
from obriy.model.grid import describe
from obriy.model.ice import BANDS
from obriy.model.notices import notice
from obriy.model.provenance import Provenance
from obriy.model.scene import make_scene
from obriy.registry import Registry
from obriy.sources.area_grid import PIXEL_M, area_grid, swath_grid
from obriy.sources.base import Request
from obriy.sources.land_mask import UNMASKED, with_land
from obriy.sources.modis.cloud_mask import read_cloud_mask
from obriy.sources.modis.geolocation import Geolocation, open_geolocation
from obriy.sources.modis.hdf4 import open_hdf4
from obriy.sources.modis.l1b import Level1b, open_level1b
from obriy.sources.modis.layers import ANGLES, FLAGS, GranuleLayers, Survey
from obriy.sources.modis.product import (
    GranuleFacts,
    check_collection,
    check_image,
    check_name,
    facts_of,
)
from obriy.sources.modis.scanner import REACH
from obriy.sources.modis.swath import Resampling, SwathGrid, lay
from obriy.tables import load_toml

SENSOR: Final = "modis_hkm"
_BAND6: Final = (
    "dead detectors filled within their scan by the ratio to band 7 of the nearest good detectors "
    "above and below"
)

READERS: Registry[Any] = Registry("reader of MODIS products")
READERS.register("granule", "obriy.sources.modis.granule:open_swath")
READERS.register("gridded", "obriy.sources.modis.gridded:open_gridded")


def open_modis(request: Request) -> xr.Dataset:
    """Open a MODIS product in HDF4 as a Scene; which one it is, the file says.

    Args:
        request: What the user asked; see `obriy.sources.scene.open_scene`.

    Raises:
        ObriyError: of the kind that fits, before any work starts.
    """
    numbers = (request.sensor, request.bands, request.scale, request.offset, request.nodata)
    if any(value is not None for value in numbers):
        raise UsageError(
            "MODIS products in HDF4 say their bands and their calibration themselves.",
            "Leave --sensor, --bands, --scale, --offset and --nodata away.",
        )
    file = open_hdf4(Path(request.paths[0]))
    facts = facts_of(file)
    reader = READERS.get(check_image(file.path, facts))
    check_name(file.path, facts)
    scene: xr.Dataset = reader(request)
    return scene


def open_swath(request: Request) -> xr.Dataset:
    """Open a granule of Level 1B as a user asked for it; see `open_granule`."""
    return opened_as_asked(request, open_granule)


def opened_as_asked(request: Request, open_one: Callable[..., xr.Dataset]) -> xr.Dataset:
    """Open a granule as a user asked for it.

    Args:
        request: What was asked; its area may be a name, a box, a file, or the grid itself.
        open_one: `open_granule`, or what opens granules of another instrument by its arguments.
    """
    area = request.area
    return open_one(
        Path(request.paths[0]),
        geobox=area_grid(area, resolution=request.resolution) if isinstance(area, str) else area,
        geolocation=Path(request.geolocation).expanduser() if request.geolocation else None,
        land=request.land or "auto",
        clouds=Path(request.clouds_file).expanduser() if request.clouds_file else None,
        resampling=request.resampling,
        resolution=request.resolution,
    )


def open_granule(
    path: Path,
    *,
    geobox: GeoBox | None = None,
    geolocation: Path | None = None,
    land: str = "auto",
    clouds: Path | None = None,
    resampling: Resampling = "nearest",
    resolution: float | None = None,
) -> xr.Dataset:
    """Open a granule of MOD02HKM or MYD02HKM on a grid, lazily.

    Args:
        path: The granule, HDF4, collection 6.1 (6 with a warning).
        geobox: The grid; None: that of the whole granule, azimuthal equal-area.
        geolocation: MOD03 or MYD03 of the same granule; None: the one beside it, else the
            granule's own positions, computed angles and no land mask.
        land: ``auto`` (that of MOD03 where there is one), ``mod03``, ``none``, or a file: polygons
            of land, or a raster that is 0 at sea.
        clouds: MOD35_L2 or MYD35_L2 of the same granule, for the flag CLOUD.
        resampling: ``nearest`` sample, or ``average`` of the samples whose middle lies in a pixel;
            flags and angles are those of the nearest.
        resolution: Pixel size of the grid of a whole granule, metres.

    Returns:
        A Scene: the seven bands, float32 top-of-atmosphere reflectance divided by the cosine of
        the sun's zenith angle, NaN missing; ``flags`` (LAND, CLOUD, SATURATED; NO_DATA where no
        sample is near); ``view_zenith`` and ``sun_zenith``, float32 degrees.

    Raises:
        MissingExtraError: where pyhdf or pyresample is not installed.
        SourceError: files that are not what they should be, or do not belong together.
        BandError: a field or a band that is missing.
        GeometryError: a granule that does not touch the grid.
        EmptyResultError: a granule of the night, or one with no number in the area.
    """
    file = open_hdf4(path)
    facts = facts_of(file)
    if check_image(file.path, facts) != "granule":
        raise SourceError(f"{path} is {facts.product}, no granule.", "Use obriy.open_scene.")
    old = check_collection(file.path, facts)
    refuse_night(path, facts)
    level1b = open_level1b(file, aqua=facts.satellite == "Aqua")
    where = open_geolocation(file, facts, level1b.shape, geolocation)
    grid = geobox or swath_grid(where.lon, where.lat, resolution or PIXEL_M)
    masked = _takes_mod03(land, where)
    swath = lay(where, grid, resampling)
    mask = None if clouds is None else read_cloud_mask(clouds, facts, level1b.shape)
    layers = GranuleLayers(level1b, swath, land=masked, clouds=mask)
    survey = layers.survey()
    refuse_empty(path, survey)
    record = _record(inputs_of(facts, path, where.file.path, clouds), level1b, where, swath, survey)
    record = record.with_warning(old) if old else record
    if not where.has_angles:
        record = record.with_warning(notice("positions_of_granule", product=facts.geolocation))
    return finished(layers, grid, record, facts, SENSOR, land=land, clouds=clouds)


def positions(path: Path, geolocation: Path | None) -> tuple[Any, Any] | None:
    """Return longitude and latitude of a granule, degrees, NaN missing; None: it lies on a grid.

    Errors are those of `open_granule`.
    """
    file = open_hdf4(path)
    facts = facts_of(file)
    if check_image(path, facts) != "granule":
        return None
    refuse_night(path, facts)
    shape = open_level1b(file, aqua=facts.satellite == "Aqua").shape
    where = open_geolocation(file, facts, shape, geolocation)
    return where.lon, where.lat


def finished(
    layers: GranuleLayers,
    grid: GeoBox,
    record: Provenance,
    facts: GranuleFacts,
    sensor: str,
    *,
    land: str,
    clouds: Path | None,
) -> xr.Dataset:
    """Return the Scene of layers, with land and clouds in its record; ``land`` may be a file."""
    where = layers.geolocation
    if layers.has_land:
        mask = load_toml(where.instrument)["geolocation"]["mask"]
        record = record.with_step("land", mask=mask, file=str(where.file.path))
    if clouds is not None:
        record = record.with_step("clouds", mask="Cloud_Mask", file=str(clouds))
    if not layers.has_land and land in ("auto", "none"):
        record = record.with_warning(UNMASKED)
    scene = _scene(layers, grid, record, facts, sensor)
    return scene if land in ("auto", "mod03", "none") else with_land(scene, Path(land))


def _scene(
    layers: GranuleLayers, grid: GeoBox, record: Provenance, facts: GranuleFacts, sensor: str
) -> xr.Dataset:
    def variable(name: str) -> xr.Variable:
        dtype = "uint16" if name == FLAGS else "float32"
        return computed_variable(functools.partial(layers.layer, name), grid, dtype)

    flags = variable(FLAGS)
    flags.attrs = dict(FLAG_ATTRS)
    scene = make_scene(
        {name: variable(name) for name in BANDS},
        grid,
        sensor=sensor,
        provenance=record,
        flags=flags,
        time=facts.time,
    )
    for name in ANGLES:
        scene[name] = variable(name)
        scene[name].attrs = {"units": "degree", "standard_name": _STANDARD_NAMES[name]}
    return scene


_STANDARD_NAMES: Final = {
    "view_zenith": "sensor_zenith_angle",
    "sun_zenith": "solar_zenith_angle",
}
"""Of the CF conventions."""


def refuse_night(path: Path, facts: GranuleFacts) -> None:
    """Refuse a granule of the night.

    Raises:
        EmptyResultError: naming it.
    """
    if not facts.day:
        raise EmptyResultError(notice("taken_at_night", name=str(path)), notice("granule_of_day"))


def refuse_empty(path: Path, survey: Survey) -> None:
    """Refuse a granule without a number near the grid.

    Raises:
        EmptyResultError: saying why.
    """
    if survey.seen:
        return
    limit = load_toml("modis")["l1b"]["max_sun_zenith"]
    if survey.sun_zenith >= limit:
        height, least = 90 - survey.sun_zenith, 90 - limit
        raise EmptyResultError(
            notice("sun_too_low", name=str(path), height=height, least=least),
            notice("granule_of_other_time"),
        )
    raise EmptyResultError(
        notice("granule_without_number", name=str(path)), notice("other_time_or_again")
    )


def _takes_mod03(land: str, where: Geolocation) -> bool:
    if land == "mod03" and not where.has_angles:
        raise SourceError(
            f"There is no MOD03 with {where.file.path.name}, and so no land mask of it.",
            "Name it with --geolocation, or a land mask with --land.",
        )
    return land in ("auto", "mod03") and where.has_angles


def inputs_of(facts: GranuleFacts, granule: Path, *beside: Path | None) -> Provenance:
    """Return what is read: a map is made again when one of these files changes."""
    files = dict.fromkeys(file for file in (granule, *beside) if file is not None)
    inputs: list[dict[str, Any]] = [{"href": str(f), "bytes": f.stat().st_size} for f in files]
    inputs[0] |= {
        "product": facts.product,
        "satellite": facts.satellite,
        "time": facts.time,
        "collection": facts.collection,
    }
    return Provenance(tuple(inputs))


def _record(
    inputs: Provenance, level1b: Level1b, where: Geolocation, swath: SwathGrid, survey: Survey
) -> Provenance:
    """Return what was read and decided, in order."""
    table = load_toml("modis")
    return (
        inputs.with_step(
            "calibration",
            scales=dict(zip(BANDS, level1b.scales, strict=True)),
            offsets=dict(zip(BANDS, level1b.offsets, strict=True)),
            special_values=dict(sorted(survey.special.items())),
            band6=_BAND6 if level1b.aqua else "as it is",
            counted_in={"scans": _range(swath.scans), "frames": _range(swath.frames)},
            max_sun_zenith=table["l1b"]["max_sun_zenith"],
            source=table["source"],
        )
        .with_step(
            "scaling",
            by="reflectance_scales and reflectance_offsets of the granule",
            reflectance=True,
            divided_by="cosine of the sun's zenith angle",
        )
        .with_step("geolocation", **_positioned(where))
        .with_step("grid", **laid(swath))
    )


def _positioned(where: Geolocation) -> dict[str, str]:
    by_mod03 = where.has_angles
    return {
        "by": "MOD03" if by_mod03 else "the granule's own fields",
        "file": str(where.file.path),
        "sun_zenith": "MOD03" if by_mod03 else "almanac (Michalsky 1988), 0.01 degrees",
        "view_zenith": "MOD03" if by_mod03 else "by frame, 0.5 degrees",
    }


def laid(swath: SwathGrid) -> dict[str, Any]:
    """Return what is recorded of a granule laid on a grid."""
    return {
        "resampling": swath.resampling,
        "reach": notice("reach_of_diagonal", share=REACH),
        "scene": describe(swath.geobox),
    }


def _range(part: slice) -> list[int]:
    return [part.start, part.stop]
