"""Raster files to a Scene: GeoTIFF, COG, VRT, NetCDF, JPEG 2000; one file or one per band."""

import contextlib
import dataclasses
from pathlib import Path

import numpy as np
import rasterio
import xarray as xr

from obriy.blocks.around import part_around
from obriy.blocks.handles import let_go
from obriy.blocks.raster import RasterBand, lazy_variable
from obriy.blocks.validity import Validity
from obriy.blocks.waiting import at_once
from obriy.errors import BandError, SourceError
from obriy.model.bands import QUALITY, SPECTRAL
from obriy.model.grid import describe
from obriy.model.notices import notice
from obriy.model.provenance import Provenance
from obriy.model.scene import make_scene
from obriy.sources.archives import archive_of, is_slow
from obriy.sources.band_names import (
    as_named,
    has_numbered_names,
    reflectance_only,
    sensor_of_names,
)
from obriy.sources.bands import Naming, name_bands
from obriy.sources.base import Request
from obriy.sources.boa_offset import OFFSET, OffsetDecision, decide_offset, doubts_of_product
from obriy.sources.cube_axes import doubts_of_names
from obriy.sources.dates import date_of
from obriy.sources.empty_bands import without_empty
from obriy.sources.grids import SceneGrid, resampling_of, scene_grid
from obriy.sources.landsat import (
    LEVEL2,
    SENSORS,
    Mtl,
    mtl_beside,
    mtl_of,
    toa_factors,
)
from obriy.sources.listing import list_files
from obriy.sources.quality import chosen, flags_variable, warnings_of
from obriy.sources.quality import describe as describe_quality
from obriy.sources.reading import (
    FileBand,
    probe,
    sample,
)
from obriy.sources.sampled import look
from obriy.sources.scaling import Linear, Samples, Scaling, check_plausible, decide_scaling
from obriy.sources.sentinel2 import facts_above, scaling_told, tags_told
from obriy.sources.told import Told, inputs_of
from obriy.sources.validity import (
    Hidden,
    declared,
    find_fills,
    kept,
    masks_of,
    occurs,
    settle,
    valid,
)
from obriy.tables.sensor import Sensor, load_sensor

CACHE_BYTES = 48 * 1024**2
"""GDAL's cache of decoded tiles while an image is looked at: its own default, a share of all
memory, would fill with tiles that are never read again."""
LANDSAT_L1 = frozenset(SENSORS.values())
OFFSET_SENSORS = {None, "sentinel2_l2a", "sentinel2_l1c"}
"""Sensors whose numbers may hold the +0.1; None: not known."""


@dataclasses.dataclass(frozen=True)
class _Decided:
    """All that was decided about an image before a pixel of it becomes reflectance.

    ``empty`` are the bands that hold nothing, and were left out.
    """

    files: list[str]
    naming: Naming
    hidden: Hidden
    scaling: Scaling
    offset: OffsetDecision | None
    grid: SceneGrid
    mtl: Mtl | None
    empty: tuple[str, ...]
    warnings: tuple[str, ...]
    told: Told | None

    @property
    def is_plain(self) -> bool:
        """Whether numbers only agree with what others say, so that more of them change nothing."""
        if self.scaling.by.startswith("numbers") or self.scaling.warnings:
            return False
        offset = self.offset
        return offset is None or (offset.histogram == "absent" and not offset.warnings)


_Named = tuple[list[str], Naming, Mtl | None, tuple[str, ...]]
"""Files, what each of their bands is, the MTL that goes with them, and doubts."""


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
    return _opened(request, None)


def open_told(request: Request, told: Told) -> xr.Dataset:
    """Open the band files of a product as its metadata describe them.

    Args:
        request: What the user asked; bands and files are those told.
        told: The product.

    Returns:
        A Scene, as `open_files` does, with its errors.
    """
    return _opened(request, told)


def _opened(request: Request, told: Told | None) -> xr.Dataset:
    with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES):
        decided = _decide(request, told)
        scene = _scene(decided)
    let_go()
    if not request.districts:
        return scene
    rows, columns = part_around(request.districts, decided.grid.geobox)
    return scene.isel(y=rows, x=columns)


def _decide(request: Request, told: Told | None) -> _Decided:
    named = _named(request) if told is None else _named_as_told(told)
    names = set(named[1].bands)
    mapped = _mapped(request, named[1])
    if mapped != names:
        with contextlib.suppress(SourceError):  # it is said where all bands were looked at
            decided = _decided(request, told, named, mapped)
            if decided.is_plain:
                return decided
    return _decided(request, told, named, names)


def _decided(request: Request, told: Told | None, named: _Named, mapped: set[str]) -> _Decided:
    files, naming, mtl, doubts = named
    grid = scene_grid([*naming.bands.values(), *naming.quality.values()], request.resolution)
    masks = masks_of(naming)
    numbers = look(
        naming.bands,
        masks,
        # Of what lies far away each place costs a request, and its item says what it is.
        told=told is not None and (told.scaling is not None or bool(request.districts)),
        districts=request.districts,
        resolved=grid.geobox if request.districts else None,
        mapped=mapped,
    )
    missing = {
        name: (
            *declared(band, naming.sensor, request.nodata, numbers[name]),
            *(told.missing if told else ()),
        )
        for name, band in naming.bands.items()
    }
    first = next(iter(naming.bands.values())).file
    fills = find_fills(numbers, missing, first)
    if request.nodata is not None and not occurs(request.nodata, numbers):
        fills = kept(fills)
    samples = valid(numbers, missing, fills)
    naming, empty = without_empty(naming, samples, missing, everywhere=not request.districts)
    numbers, samples = ({n: d[n] for n in naming.bands} for d in (numbers, samples))
    scaling = decide_scaling(
        naming.bands,
        samples,
        naming.sensor,
        scale=request.scale,
        offset=request.offset,
        mtl=toa_factors(mtl) if mtl and naming.sensor and naming.sensor.id in LANDSAT_L1 else None,
        product=told.scaling if told else _scaling_above(naming),
    )
    scaling, offset = _without_offset(scaling, samples, naming)
    check_plausible(naming.bands, samples, scaling)
    hidden = settle(numbers, missing, fills, scaling.bands, masks)
    slow = next((archive_of(file) for file in files if is_slow(file)), None)
    packed = () if slow is None else (notice("archive_inflated", name=slow.name),)
    warnings = (*doubts, *packed, *empty.values(), *fills.warnings)
    return _Decided(files, naming, hidden, scaling, offset, grid, mtl, tuple(empty), warnings, told)


def _mapped(request: Request, naming: Naming) -> set[str]:
    """Return the bands that will be mapped; all where the job lacks one, which says so itself.

    Of an image in the network there are hardly others.
    """
    names = set(naming.bands)
    if request.needs is not None and not any(band.network for band in naming.bands.values()):
        with contextlib.suppress(BandError):
            return request.needs(names) & names or names
    return names


def _named(request: Request) -> _Named:
    """Find the files, and what they are."""
    files, mtls = list_files(request.paths)
    said: tuple[str, ...] = ()
    if request.sensor is None and request.bands is None:
        files, said = reflectance_only(files)
    found = [as_named(band) for file in files for band in probe(file, request.step)]
    asked = load_sensor(request.sensor) if request.sensor else None
    mtl, doubts = _mtl_of(files, mtls, found, asked)
    naming = name_bands(
        found,
        asked or (mtl.sensor if mtl else None),
        request.bands,
        lambda b: sample(b, (0.0,)),
        force=request.force_bands,
    )
    doubts = (*doubts, *doubts_of_names(files, found[0].tags if request.step is None else {}))
    return files, naming, mtl, (*said, *doubts)


def _named_as_told(told: Told) -> _Named:
    """Return the same of a product: every file of a band has one."""
    paths = list(told.bands)
    far = [path for path in paths if "://" in path]
    heads = at_once(
        lambda path: probe(path, network=told.network if path in far else False),
        paths,
        waits=bool(far),
    )
    bands = {
        told.bands[path]: dataclasses.replace(
            head[0], names=(told.bands[path],), tags={**head[0].tags, **told.tags}
        )
        for path, head in zip(paths, heads, strict=True)
    }
    spectral = {str(name): bands[name] for name in SPECTRAL if name in bands}
    quality = {str(name): bands[name] for name in QUALITY if name in bands}
    naming = Naming(spectral, quality, told.sensor, told.by, told.unread)
    return list(told.bands), naming, None, told.warnings


def _mtl_of(
    files: list[str], given: list[str], found: list[FileBand], sensor: Sensor | None
) -> tuple[Mtl | None, tuple[str, ...]]:
    """Return the MTL that belongs to the files, and what is said where one does not.

    Only Landsat as USGS ships it has one. One that was not named but lies beside an image also
    needs band names like ``B3``.
    """
    guess = sensor or sensor_of_names(found)
    other = guess is not None and guess.id not in LANDSAT_L1 | {LEVEL2}
    if other or not all(np.dtype(b.dtype).kind in "iu" for b in found):
        return None, ()
    path = mtl_beside(files, given)
    if path is None or (guess is None and not given and not has_numbered_names(found)):
        return None, ()
    return mtl_of(path, files, guess)


def _scaling_above(naming: Naming) -> Scaling | None:
    """Return what the product tells in which band files lie that were named one by one."""
    if naming.sensor is None or naming.sensor.id not in OFFSET_SENSORS:
        return None
    files = [band.path for band in naming.bands.values()]
    told = scaling_told(facts_above(files), naming.sensor, files)
    return told if told is not None and set(naming.bands) <= set(told.bands) else None


def _without_offset(
    scaling: Scaling, samples: Samples, naming: Naming
) -> tuple[Scaling, OffsetDecision | None]:
    """Take the +0.1 of Sentinel-2 away where it is in the numbers."""
    sensor = naming.sensor.id if naming.sensor else None
    if scaling.by == "product":
        doubts = doubts_of_product(samples, scaling.bands)
        return dataclasses.replace(scaling, warnings=(*scaling.warnings, *doubts)), None
    if scaling.offset_known or sensor not in OFFSET_SENSORS:
        return scaling, None
    tags: dict[str, str] = {}
    for band in naming.bands.values():
        tags.update(band.tags)
    files = sorted({band.path for band in naming.bands.values()})
    tags.update(tags_told(facts_above(files)))  # the product knows better than a file of it
    own = {f"{Path(b.path).parent.name}/{b.file}" for b in naming.bands.values()}
    names = " ".join(sorted(own))
    scales = {name: b.scale for name, b in scaling.bands.items()}
    decision = decide_offset(samples, scales, tags, names, is_sentinel2=sensor is not None)
    if decision.inside:
        pairs = {n: Linear(b.scale, b.offset - OFFSET) for n, b in scaling.bands.items()}
        scaling = dataclasses.replace(scaling, bands=pairs)
    return scaling, decision


def _scene(decided: _Decided) -> xr.Dataset:
    naming, grid = decided.naming, decided.grid
    validity = decided.hidden.of_scene(naming.bands)
    variables = {name: _variable(name, decided, validity) for name in naming.bands}
    record = _record(decided)
    flags = None
    quality = {
        kind: dataclasses.replace(band, grid=grid.of_file[band.path, band.index])
        for kind, band in chosen(naming.quality).items()
    }
    if quality:
        flags = flags_variable(quality, grid.geobox)
        record = record.with_step("quality", **describe_quality(quality))
        for warning in warnings_of(quality):
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
        time=_time(decided),
    )


def _time(decided: _Decided) -> str | None:
    """Return the date of the image: that of its metadata, else of tags and names."""
    if decided.mtl is not None:
        return decided.mtl.date.isoformat()
    told = decided.told.time if decided.told else None
    return told or date_of(decided.files, _tags(decided.naming))


def _variable(name: str, decided: _Decided, validity: Validity) -> xr.Variable:
    band = decided.naming.bands[name]
    own = decided.grid.of_file[band.path, band.index]
    raster = RasterBand(
        path=band.path,
        index=band.index,
        scale=decided.scaling.bands[name].scale,
        offset=decided.scaling.bands[name].offset,
        missing=decided.hidden.alone[name],
        masks=decided.hidden.masks[name],
        validity=validity,
        resampling=resampling_of(own, decided.grid.geobox) or "bilinear",
        grid=own,
        network=band.network,
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
    files = [*decided.files, *([mtl.path] if mtl else [])]
    inputs = inputs_of([archive_of(file) or file for file in files], decided.told)
    read = {**naming.bands, **naming.quality}
    record = Provenance(tuple(inputs))
    if decided.told is not None:
        record = record.with_step("product", **decided.told.record)
    record = (
        record.with_step(
            "bands",
            by=naming.how,
            sensor=naming.sensor.id if naming.sensor else "unknown",
            **({"sensor_by": Path(mtl.path).name} if mtl else {}),
            read={name: notice("band_of", file=b.file, number=b.index) for name, b in read.items()},
            unread=list(naming.unread),
            empty=list(decided.empty),
        )
        .with_step("nodata", **decided.hidden.describe(naming.bands))
        .with_step("scaling", **decided.scaling.describe())
    )
    if offset is not None:
        record = record.with_step("boa_offset", **offset.describe())
    if decided.grid.notes:
        record = record.with_step("grid", **decided.grid.notes)
    doubts = offset.warnings if offset else ()
    for warning in (
        *naming.warnings,
        *decided.warnings,
        *decided.scaling.warnings,
        *doubts,
        *decided.grid.warnings,
    ):
        record = record.with_warning(warning)
    return record
