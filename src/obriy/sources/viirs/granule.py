"""A granule of VNP02MOD, VJ102MOD or VJ202MOD to a Scene on a grid, in one call.

It is read as one of MODIS is: the same swath, layers and flags, with the M-bands that stand for
bands 1 to 7 (``tables/sensors/viirs_mod.toml``).
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xarray as xr
from odc.geo.geobox import GeoBox

from obriy.errors import SourceError, UsageError
from obriy.model.ice import BANDS
from obriy.model.provenance import Provenance
from obriy.sources.area_grid import swath_grid
from obriy.sources.base import Request
from obriy.sources.integrity import NETCDF4_SUFFIXES
from obriy.sources.modis.cloud_mask import check_mask
from obriy.sources.modis.geolocation import (
    Geolocation,
    beside,
    check_same,
    check_shape,
    geolocation_of,
)
from obriy.sources.modis.granule import (
    finished,
    inputs_of,
    laid,
    opened_as_asked,
    refuse_empty,
    refuse_night,
)
from obriy.sources.modis.layers import GranuleLayers, Survey
from obriy.sources.modis.product import (
    GranuleFacts,
    check_collection,
    check_image,
    check_name,
    facts_from,
)
from obriy.sources.modis.swath import Resampling, SwathGrid, lay
from obriy.sources.viirs.bands import MBands, open_mbands
from obriy.sources.viirs.netcdf import NetcdfFile, open_netcdf
from obriy.tables import load_toml
from obriy.tables.sensor import load_sensor

INSTRUMENT: Final = "viirs"


def open_viirs(request: Request) -> xr.Dataset:
    """Open a granule as a user asked for it; see `open_mod`.

    Raises:
        ObriyError: of the kind that fits, before any work starts.
    """
    numbers = (request.sensor, request.bands, request.scale, request.offset, request.nodata)
    if any(value is not None for value in numbers):
        raise UsageError(
            "Granules of VIIRS say their bands and their calibration themselves.",
            "Leave --sensor, --bands, --scale, --offset and --nodata away.",
        )
    return opened_as_asked(request, open_mod)


def open_mod(
    path: Path,
    *,
    geobox: GeoBox | None = None,
    geolocation: Path | None = None,
    land: str = "auto",
    clouds: Path | None = None,
    resampling: Resampling = "nearest",
    resolution: float | None = None,
) -> xr.Dataset:
    """Open a granule of M-bands on a grid, lazily.

    Args:
        path: The granule, netCDF-4, collection 2 or 2.1 (1 with a warning).
        geobox: The grid; None: that of the whole granule, azimuthal equal-area.
        geolocation: VNP03MOD, VJ103MOD or VJ203MOD of the same granule; None: the one beside it.
            A granule has no positions of its own.
        land: ``auto`` (that of the geolocation), ``none``, or a file: polygons of land, or a raster
            that is 0 at sea.
        clouds: CLDMSK_L2 of the same granule, for the flag CLOUD.
        resampling: As of `obriy.sources.modis.granule.open_granule`. Samples that the instrument
            deleted, because the next scan sees their ground, serve no pixel.
        resolution: Pixel size of the grid of a whole granule, metres; None: 750.

    Returns:
        A Scene: as of `obriy.sources.modis.granule.open_granule`.

    Raises:
        SourceError: files that are not what they should be, or do not belong together, or a
            geolocation that is not there.
        BandError: a field or a band that is missing.
        GeometryError: a granule that does not touch the grid.
        EmptyResultError: a granule of the night, or one with no number in the area.
    """
    file = open_netcdf(path)
    facts = facts_of(file)
    check_image(path, facts)
    check_name(path, facts)
    old = check_collection(path, facts)
    refuse_night(path, facts)
    bands = open_mbands(file)
    where = _open_geolocation(path, facts, bands.shape, geolocation)
    sensor = load_sensor(load_toml(INSTRUMENT)["l1b"]["sensor"])
    grid = geobox or swath_grid(where.lon, where.lat, resolution or sensor.resolution)
    swath = lay(where, grid, resampling)
    mask = None if clouds is None else _cloudy(clouds, facts, bands.shape)
    layers = GranuleLayers(bands, swath, land=land in ("auto", "mod03"), clouds=mask)
    survey = layers.survey()
    refuse_empty(path, survey)
    record = _record(inputs_of(facts, path, where.file.path, clouds), bands, where, swath, survey)
    record = record.with_warning(old) if old else record
    return finished(layers, grid, record, facts, sensor.id, land=land, clouds=clouds)


def positions(path: Path, geolocation: Path | None) -> tuple[Any, Any] | None:
    """Return longitude and latitude of a granule, degrees, NaN missing.

    Errors are those of `open_mod`.
    """
    file = open_netcdf(path)
    facts = facts_of(file)
    check_image(path, facts)
    refuse_night(path, facts)
    where = _open_geolocation(path, facts, open_mbands(file).shape, geolocation)
    return where.lon, where.lat


def facts_of(file: NetcdfFile) -> GranuleFacts:
    """Return what an open file says of itself: its metadata, else its name.

    Raises:
        SourceError: where nothing tells which product of which time it is.
    """
    said = file.attributes
    return facts_from(
        file.path,
        product=said.get("ShortName"),
        time=said.get("time_coverage_start", "")[:16] or None,
        version=said.get("VersionID"),
        day=said.get("DayNightFlag") != "Night",
    )


def _open_geolocation(
    granule: Path, facts: GranuleFacts, shape: tuple[int, int], path: Path | None
) -> Geolocation:
    """Read where a granule lies.

    Raises:
        SourceError: where there is no geolocation, or it is of another granule, or damaged.
        BandError: where a field is missing.
    """
    path = path or beside(granule, facts, NETCDF4_SUFFIXES)
    if path is None:
        raise SourceError(
            f"There is no {facts.geolocation} with {granule.name}, which has no positions of its "
            "own.",
            f"Download {facts.geolocation} of the same time beside it, or name it with "
            "--geolocation.",
        )
    file = open_netcdf(path)
    check_same(path, facts_of(file), facts)
    names = load_toml(INSTRUMENT)["geolocation"]
    file.require(*(names[n] for n in ("longitude", "latitude", "sun", "view", "mask")))
    check_shape(path, file.shape(names["longitude"]), shape, INSTRUMENT)
    return geolocation_of(file, facts, INSTRUMENT, has_angles=True)


def _cloudy(path: Path, granule: GranuleFacts, shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Read where a cloud mask is certain of cloud; see `obriy.sources.modis.cloud_mask`.

    Raises:
        SourceError: another product, another granule, or of another size.
        BandError: where the field is missing.
    """
    table, file = load_toml(INSTRUMENT)["clouds"], open_netcdf(path)
    check_mask(path, facts_of(file), granule)
    file.require(table["field"])
    if file.shape(table["field"]) != shape:
        raise SourceError(
            f"{path} has {file.shape(table['field'])} lines and samples, and the granule {shape}.",
            "Download both again.",
        )
    return np.asarray(file.read(table["field"]) == table["cloudy"])


def _record(
    inputs: Provenance, bands: MBands, where: Geolocation, swath: SwathGrid, survey: Survey
) -> Provenance:
    """Return what was read and decided, in order."""
    geolocation: dict[str, Any] = {"by": "file of positions", "file": str(where.file.path)}
    return (
        inputs.with_step(
            "calibration",
            fields=dict(zip(BANDS, bands.names, strict=True)),
            scales=dict(zip(BANDS, bands.scales, strict=True)),
            offsets=dict(zip(BANDS, bands.offsets, strict=True)),
            special_values=dict(sorted(survey.special.items())),
            max_sun_zenith=load_toml("modis")["l1b"]["max_sun_zenith"],
            source=load_toml(INSTRUMENT)["source"],
        )
        .with_step(
            "scaling",
            by="scale_factor and add_offset of the granule",
            reflectance=True,
            divided_by="cosine of the sun's zenith angle",
        )
        .with_step("geolocation", **geolocation)
        .with_step("grid", **laid(swath))
    )
