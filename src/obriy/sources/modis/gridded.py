"""MOD09GA and MOD09A1 (surface reflectance on the sinusoidal grid) as Scenes."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xarray as xr
from odc.geo.geobox import GeoBox

from obriy.blocks.computed import WindowMaker, computed_variable
from obriy.errors import SourceError, UsageError
from obriy.model.flags import FLAG_ATTRS, Flag
from obriy.model.grid import describe, same_grid
from obriy.model.notices import notice
from obriy.model.provenance import Provenance
from obriy.model.scene import make_scene
from obriy.sources.base import Request
from obriy.sources.land_mask import with_land
from obriy.sources.modis.eos_grid import Nearest, field_grid, grid_asked_for, repeated
from obriy.sources.modis.hdf4 import Hdf4File, open_hdf4
from obriy.sources.modis.product import GranuleFacts, facts_of
from obriy.sources.quality import lookup_table
from obriy.tables import load_toml
from obriy.tables.sensor import load_sensor

SENSOR: Final = "modis_surface"
STATE: Final = "mod09"
ANGLES: Final = ("view_zenith", "sun_zenith")
FIELDS: Final = {
    "09GA": {
        "flags": "state_1km_1",
        "view_zenith": "SensorZenith_1",
        "sun_zenith": "SolarZenith_1",
    },
    "09A1": {
        "flags": "sur_refl_state_500m",
        "view_zenith": "sur_refl_vzen",
        "sun_zenith": "sur_refl_szen",
    },
}
"""Fields beside the bands, by product; those of MOD09GA are of 1 km (file specifications 6.1)."""
_SUFFIX: Final = {"09GA": "_1", "09A1": ""}
"""What follows the name of a band: MOD09GA has layers, the first of which is the best."""


def open_gridded(request: Request) -> xr.Dataset:
    """Open MOD09GA or MOD09A1 (MYD too) as a Scene, lazily.

    Args:
        request: One path; ``area`` (a grid or the name of an area) takes the nearest pixels to
            that grid, else the scene keeps the tile's own; ``land`` is ``auto`` for the product's
            own land and water, ``none``, or a mask.

    Returns:
        A Scene: the seven bands, float32 surface reflectance, NaN missing; ``flags`` (CLOUD,
        CIRRUS, CLOUD_SHADOW, SNOW, LAND, NO_DATA); ``view_zenith`` and ``sun_zenith``.

    Raises:
        UsageError: a geolocation or a cloud mask, which these products bring.
        SourceError: files that are not what they should be.
        BandError: a field that is missing.
        GeometryError: a tile that does not reach the area.
    """
    if request.geolocation is not None or request.clouds_file is not None:
        raise UsageError(
            "MOD09GA and MOD09A1 lie on a grid and bring their own clouds.",
            "Leave --geolocation and the cloud mask away.",
        )
    file = open_hdf4(Path(request.paths[0]))
    facts = facts_of(file)
    if facts.kind not in FIELDS:
        raise SourceError(f"{file.path} is {facts.product}.", "Name MOD09GA or MOD09A1.")
    names = {b.common: b.id + _SUFFIX[facts.kind] for b in load_sensor(SENSOR).bands}
    beside = FIELDS[facts.kind]
    file.require(*names.values(), *beside.values())
    own = field_grid(file, names["red"])
    grid = grid_asked_for(own, request.area, request.resolution, file)
    nearest = Nearest(own, grid)

    def variable(name: str) -> xr.Variable:
        return computed_variable(
            nearest.wrap(_decoded(file, name, own), np.float32(np.nan)), grid, "float32"
        )

    scene = make_scene(
        {band: variable(name) for band, name in names.items()},
        grid,
        sensor=SENSOR,
        provenance=_record(file, facts, names, own, grid),
        flags=_flags(file, beside["flags"], own, nearest, grid, land=request.land != "none"),
        time=facts.time[:10],
    )
    for name in ANGLES:
        scene[name] = variable(beside[name])
        scene[name].attrs = {"units": "degree"}
    if request.land in (None, "auto", "none"):
        return scene
    return with_land(scene, Path(request.land))


def _decoded(file: Hdf4File, name: str, grid: GeoBox) -> WindowMaker:
    """Return what makes windows of a field: float32, NaN where there is no valid number."""
    about = file.attributes_of(name)
    factor, (low, high) = _factor(about), about["valid_range"]
    read = _numbers(file, name, grid)

    def make(rows: slice, columns: slice) -> npt.NDArray[np.float32]:
        numbers = read(rows, columns)
        missing = (numbers == about["_FillValue"]) | (numbers < low) | (numbers > high)
        return np.where(missing, np.nan, numbers * factor).astype("float32")

    return make


def _factor(about: dict[str, Any]) -> float:
    """Return what numbers are multiplied by: MOD09GA gives what to divide by, 10000."""
    scale = float(about["scale_factor"])
    if not 0 < scale < np.inf:
        raise SourceError(
            f"A scale_factor of {scale:g} makes no reflectance.", "Download the product again."
        )
    return 1 / scale if scale > 1 else scale


def _numbers(file: Hdf4File, name: str, grid: GeoBox) -> WindowMaker:
    """Return what makes windows of the numbers of a field, as they are stored, on a grid."""

    def read(rows: slice, columns: slice) -> npt.NDArray[Any]:
        start = (int(rows.start), int(columns.start))
        count = (int(rows.stop) - start[0], int(columns.stop) - start[1])
        return file.read(name, start, count)

    return repeated(read, field_grid(file, name), grid)


def _flags(
    file: Hdf4File, name: str, own: GeoBox, nearest: Nearest, grid: GeoBox, *, land: bool
) -> xr.Variable:
    table = lookup_table(STATE)
    if not land:
        table = table & ~np.uint16(Flag.LAND)
    numbers = _numbers(file, name, own)

    def make(rows: slice, columns: slice) -> npt.NDArray[np.uint16]:
        return np.asarray(table.take(numbers(rows, columns)), "uint16")

    flags = computed_variable(nearest.wrap(make, np.uint16(Flag.NO_DATA)), grid, "uint16")
    flags.attrs = dict(FLAG_ATTRS)
    return flags


def _record(
    file: Hdf4File, facts: GranuleFacts, names: dict[str, str], own: GeoBox, grid: GeoBox
) -> Provenance:
    about = file.attributes_of(names["red"])
    path = file.path
    record = (
        Provenance(
            (
                {
                    "href": str(path),
                    "bytes": path.stat().st_size,
                    "product": facts.product,
                    "satellite": facts.satellite,
                    "collection": facts.collection,
                },
            )
        )
        .with_step("bands", by="the product", sensor=SENSOR, read=names)
        .with_step(
            "scaling",
            scale=_factor(about),
            offset=0.0,
            by="file",
            written=float(about["scale_factor"]),
            reflectance=True,
        )
        .with_step("quality", table=STATE, source=load_toml("quality")[STATE]["source"])
    )
    if not same_grid(own, grid):
        record = record.with_step("resampling", way="nearest", grid=describe(grid))
    if facts.kind == "09A1":
        record = record.with_warning(notice("best_of_eight_days", name=path.name))
    return record
