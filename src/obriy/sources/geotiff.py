"""Raster files to a Scene: GeoTIFF, COG, VRT, NetCDF, JPEG 2000; one file or one per band."""

import dataclasses
from pathlib import Path

import numpy as np
import rasterio
import xarray as xr

from obriy.blocks.raster import RasterBand, lazy_variable
from obriy.errors import EmptyResultError, SourceError
from obriy.model.grid import describe
from obriy.model.provenance import Provenance
from obriy.model.scene import make_scene
from obriy.sources.bands import Naming, has_numbered_names, name_bands, sensor_of_names
from obriy.sources.base import Request
from obriy.sources.boa_offset import OFFSET, OffsetDecision, decide_offset
from obriy.sources.dates import date_of
from obriy.sources.grids import SceneGrid, resampling_of, scene_grid
from obriy.sources.landsat import Mtl, mtl_beside, read_mtl, toa_factors
from obriy.sources.quality import describe as describe_quality
from obriy.sources.quality import flags_variable, kind_of, warnings_of
from obriy.sources.reading import FileBand, has_valid_pixel, list_files, probe, sample
from obriy.sources.scaling import Linear, Samples, Scaling, decide_scaling
from obriy.tables.sensor import Sensor, load_sensor

CACHE_BYTES = 48 * 1024**2
"""GDAL's cache of decoded tiles while an image is looked at: its own default, a share of all
memory, would fill with tiles that are never read again."""
LANDSAT_L1 = {"landsat5_l1", "landsat7_l1", "landsat8_l1"}
OFFSET_SENSORS = {None, "sentinel2_l2a", "sentinel2_l1c"}
"""Sensors whose numbers may hold the +0.1; None: not known."""


@dataclasses.dataclass(frozen=True)
class _Decided:
    """All that was decided about an image before a pixel of it becomes reflectance.

    ``missing`` are the numbers that mean missing, by common name.
    """

    files: list[str]
    naming: Naming
    missing: dict[str, tuple[float, ...]]
    scaling: Scaling
    offset: OffsetDecision | None
    grid: SceneGrid
    mtl: Mtl | None


def open_files(request: Request) -> xr.Dataset:
    """Open raster files as one Scene.

    Args:
        request: What the user asked; see `obriy.sources.scene.open_scene`.

    Returns:
        A Scene on the image's own grid, or the finest of its bands', read lazily.

    Raises:
        InputError: of the kind that fits, before any work starts.
        EmptyResultError: an image with no valid pixel.
    """
    with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES):
        return _scene(_decide(request))


def _decide(request: Request) -> _Decided:
    files, mtls = list_files(request.paths)
    found = [band for file in files for band in probe(file)]
    asked = load_sensor(request.sensor) if request.sensor else None
    mtl = _mtl_of(files, mtls, found, asked)
    naming = name_bands(
        found, asked or (mtl.sensor if mtl else None), request.bands, lambda b: sample(b, (0.0,))
    )
    missing = {n: _missing(b, naming.sensor, request.nodata) for n, b in naming.bands.items()}
    samples = {n: sample(b, missing[n]) for n, b in naming.bands.items()}
    _refuse_empty(naming, samples, missing)
    scaling = decide_scaling(
        naming.bands,
        samples,
        naming.sensor,
        scale=request.scale,
        offset=request.offset,
        mtl=toa_factors(mtl) if mtl else None,
    )
    scaling, offset = _without_offset(scaling, samples, naming)
    grid = scene_grid([*naming.bands.values(), *naming.quality.values()], request.resolution)
    return _Decided(files, naming, missing, scaling, offset, grid, mtl)


def _mtl_of(
    files: list[str], given: list[Path], found: list[FileBand], sensor: Sensor | None
) -> Mtl | None:
    """Return the MTL that belongs to the files: digital numbers of Landsat Level 1, nothing else.

    One that was not named but lies beside an image also needs band names like ``B3``.
    """
    guess = sensor or sensor_of_names(found)
    if guess is not None and guess.id not in LANDSAT_L1:
        return None
    if not all(np.dtype(b.dtype).kind in "iu" for b in found):
        return None
    path = mtl_beside(files, given)
    if path is None or (guess is None and not given and not has_numbered_names(found)):
        return None
    mtl = read_mtl(path)
    return mtl if guess is None or guess.id == mtl.sensor.id else None


def _missing(band: FileBand, sensor: Sensor | None, given: float | None) -> tuple[float, ...]:
    """Return the numbers of a band that mean missing: the user's, else the file's and the table's.

    A sensor's own missing value counts in integer files only: in floats 0 is a dark pixel.
    """
    if given is not None:
        return (given,)
    own = () if band.nodata is None or np.isnan(band.nodata) else (float(band.nodata),)
    integers = np.dtype(band.dtype).kind in "iu"
    table = sensor.nodata if sensor is not None and integers else None
    return own if table is None or table in own else (*own, float(table))


def _refuse_empty(naming: Naming, samples: Samples, missing: dict[str, tuple[float, ...]]) -> None:
    """Raise unless some band has a valid pixel; a large image is then searched as a whole."""
    if any(len(s) for s in samples.values()):
        return
    if any(has_valid_pixel(b, missing[n]) for n, b in naming.bands.items()):
        raise SourceError(
            "All the sampled parts of the image are no data, so that nothing tells how its numbers "
            "become reflectance.",
            "Cut the image to where it has data.",
        )
    first = next(iter(naming.bands.values()))
    raise EmptyResultError(
        f"{first.file} has no valid pixel: every number is no data.",
        "Take another date, or say with --nodata which number means missing.",
    )


def _without_offset(
    scaling: Scaling, samples: Samples, naming: Naming
) -> tuple[Scaling, OffsetDecision | None]:
    """Take the +0.1 of Sentinel-2 away where it is in the numbers."""
    sensor = naming.sensor.id if naming.sensor else None
    if scaling.offset_known or sensor not in OFFSET_SENSORS:
        return scaling, None
    tags: dict[str, str] = {}
    for band in naming.bands.values():
        tags.update(band.tags)
    names = " ".join({f"{Path(b.path).parent.name}/{b.file}" for b in naming.bands.values()})
    scales = {name: b.scale for name, b in scaling.bands.items()}
    decision = decide_offset(samples, scales, tags, names, is_sentinel2=sensor is not None)
    if decision.inside:
        pairs = {n: Linear(b.scale, b.offset - OFFSET) for n, b in scaling.bands.items()}
        scaling = dataclasses.replace(scaling, bands=pairs)
    return scaling, decision


def _scene(decided: _Decided) -> xr.Dataset:
    naming, grid, mtl = decided.naming, decided.grid, decided.mtl
    variables = {name: _variable(name, decided) for name in naming.bands}
    record = _record(decided)
    flags = None
    for name, band in list(naming.quality.items())[:1]:
        own = grid.of_file[band.path, band.index]
        kind = kind_of(band, name)
        flags = flags_variable(dataclasses.replace(band, grid=own), kind, grid.geobox)
        record = record.with_step("quality", **describe_quality(kind, band))
        for warning in warnings_of(kind):
            record = record.with_warning(warning)
    resampled = _resampled(decided)
    if resampled:
        record = record.with_step("resampling", bands=resampled, grid=describe(grid.geobox))
    return make_scene(
        variables,
        grid.geobox,
        sensor=naming.sensor.id if naming.sensor else "unknown",
        provenance=record,
        flags=flags,
        time=mtl.date.isoformat() if mtl else date_of(decided.files, _tags(naming)),
    )


def _variable(name: str, decided: _Decided) -> xr.Variable:
    band = decided.naming.bands[name]
    own = decided.grid.of_file[band.path, band.index]
    missing = decided.missing[name]
    raster = RasterBand(
        path=band.path,
        index=band.index,
        scale=decided.scaling.bands[name].scale,
        offset=decided.scaling.bands[name].offset,
        nodata=missing[0] if missing else None,
        also_missing=missing[1] if len(missing) > 1 else None,
        resampling=resampling_of(own, decided.grid.geobox) or "bilinear",
        grid=own,
    )
    return lazy_variable(raster, decided.grid.geobox)


def _resampled(decided: _Decided) -> dict[str, str]:
    """Return how each band gets to the scene's grid; bands that lie on it are left out."""
    grid, naming = decided.grid, decided.naming
    ways = {
        name: resampling_of(grid.of_file[b.path, b.index], grid.geobox)
        for name, b in {**naming.bands, **naming.quality}.items()
    }
    return {n: "nearest" if n in naming.quality else w for n, w in ways.items() if w}


def _tags(naming: Naming) -> dict[str, str]:
    return next(iter(naming.bands.values())).tags


def _record(decided: _Decided) -> Provenance:
    """Return what was read and decided, in order."""
    naming, offset, mtl = decided.naming, decided.offset, decided.mtl
    files = [*map(Path, decided.files), *([mtl.path] if mtl else [])]
    inputs = [{"href": str(f), "bytes": f.stat().st_size if f.exists() else None} for f in files]
    read = {**naming.bands, **naming.quality}
    record = (
        Provenance(tuple(inputs))
        .with_step(
            "bands",
            by=naming.how,
            sensor=naming.sensor.id if naming.sensor else "unknown",
            read={name: f"{b.file} band {b.index}" for name, b in read.items()},
            unread=list(naming.unread),
        )
        .with_step("nodata", numbers={n: list(v) for n, v in decided.missing.items()})
        .with_step("scaling", **decided.scaling.describe())
    )
    if offset is not None:
        record = record.with_step("boa_offset", **offset.describe())
    if decided.grid.notes:
        record = record.with_step("grid", **decided.grid.notes)
    doubts = offset.warnings if offset else ()
    for warning in (
        *naming.warnings,
        *decided.scaling.warnings,
        *doubts,
        *decided.grid.warnings,
    ):
        record = record.with_warning(warning)
    return record
