"""``process:``, images that a Process API makes.

``process:cdse``, ``process:sentinel-hub``, ``process:planet``, or ``process:PROFILE`` of the SDK.
Options follow a question mark: ``collection=sentinel-2-l1c``, ``limit=1000`` (pixels along a side
of a request), ``resampling=bilinear``. An item is the same address with ``crs``, ``bounds`` and
``time``.
"""

import importlib.util
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import xarray as xr

from obriy.errors import BandError, MissingExtraError, UsageError
from obriy.model.areas import District
from obriy.model.grid import describe
from obriy.model.item import Item
from obriy.model.notices import notice
from obriy.model.provenance import Provenance
from obriy.model.scene import make_scene
from obriy.sources.base import Cost, Query, Request, Source
from obriy.sources.process.address import Address
from obriy.sources.process.grid import processing_units
from obriy.sources.quality import warnings_of
from obriy.sources.scaling import Linear, Scaling
from obriy.tables import load_toml
from obriy.tables.sensor import Sensor, load_sensor

if TYPE_CHECKING:
    from obriy.sources.process.tiles import Mosaic

_FULL: Final = 10_000.0
"""Harmonised DN of a reflectance of 1."""


def find(texts: Sequence[str], query: Query) -> list[Item]:
    """Find the days of an area; see `obriy.sources.process.finding.find`."""
    _require_sdk()
    from obriy.sources.process.finding import find as search  # the SDK loads where it is asked

    return search(texts, query)


def open_day(request: Request) -> xr.Dataset:
    """Open one day of an area as a Scene; pixels are fetched when they are read.

    Args:
        request: The address of an item; bands, and the pixel size wanted.

    Raises:
        UsageError: numbers that the service has settled, or an address that is no item.
        BandError: bands that the sensor does not have.
    """
    text = request.paths[0]
    address = Address.of(text)
    if any(v is not None for v in (request.scale, request.offset, request.nodata)):
        raise UsageError(
            "A Process API says what its numbers mean: 10000 is a reflectance of 1.",
            "Leave --scale, --offset and --nodata away.",
        )
    missing = [name for name in ("crs", "bounds", "time") if name not in address.options]
    if missing:
        raise UsageError(
            f"'{text}' is no image yet: it lacks {', '.join(missing)}.",
            "Give --aoi and --datetime: they find the days.",
        )
    sensor = _sensor(address, request)
    bands = _bands(address, sensor, request.bands)
    mosaic = mosaic_of(address, sensor, bands, request.resolution)
    scale = 1 / _FULL
    variables = {name: mosaic.band(number, scale) for number, name in enumerate(bands)}
    return make_scene(
        variables,
        mosaic.grid,
        sensor=sensor.id,
        provenance=_record(request, address, mosaic, sensor, bands),
        flags=mosaic.flags() if mosaic.wanted.quality else None,
        time=request.item.date if request.item else None,
    )


def mosaic_of(
    address: Address, sensor: Sensor, bands: Mapping[str, str], resolution: float | None
) -> "Mosaic":
    """Return the tiles of an item.

    Args:
        address: Of the item.
        sensor: Whose bands they are.
        bands: The provider's names by common name.
        resolution: As for `Address.laid_out`.
    """
    _require_sdk()
    from obriy.sources.process.service import Service
    from obriy.sources.process.tiles import Mosaic
    from obriy.sources.process.wanted import Wanted

    start, end = address.options["time"].split("/")
    wanted = Wanted(
        address.collection, start, end, tuple(bands.values()),
        address.facts.get("quality", ""), address.resampling,
    )  # fmt: skip
    coarsest = max(band.resolution for band in sensor.bands if band.common in bands)
    return Mosaic(Service(address.name), wanted, *address.laid_out(resolution, coarsest))


def _require_sdk() -> None:
    """Raise where the provider's SDK is not installed."""
    if importlib.util.find_spec("sentinelhub") is None:
        raise MissingExtraError("A Process API needs sentinelhub.", "pip install 'obriy[access]'")


def _sensor(address: Address, request: Request) -> Sensor:
    sensor = load_sensor(address.facts["sensor"])
    if request.sensor not in (None, sensor.id):
        raise UsageError(
            f"{address.collection} is {sensor.id}, and --sensor says {request.sensor}.",
            "Leave --sensor away.",
        )
    return sensor


def _bands(address: Address, sensor: Sensor, asked: Sequence[str] | None) -> dict[str, str]:
    """Return the provider's names of the bands to read, by common name.

    Raises:
        BandError: a band that the sensor does not have.
    """
    own = {band.common: band.id for band in sensor.bands}
    names = {band.id.lower(): band.common for band in sensor.bands} | {name: name for name in own}
    chosen = list(address.facts["bands"]) if asked is None else [b for b in asked if b != "-"]
    strange = [band for band in chosen if band.lower() not in names]
    if strange or not chosen:
        raise BandError(
            f"{address.collection} has no band '{strange[0] if strange else ''}'; it has "
            f"{', '.join(own)}.",
            "Correct --bands: they choose, in any order.",
        )
    return {names[band.lower()]: own[names[band.lower()]] for band in chosen}


def _record(
    request: Request, address: Address, mosaic: "Mosaic", sensor: Sensor, bands: Mapping[str, str]
) -> Provenance:
    """Return what is asked for and how the numbers become reflectance."""
    wanted = mosaic.wanted
    scaling = Scaling(
        dict.fromkeys(bands, Linear(1 / _FULL)), "product",
        "DN of the service: 10000 is a reflectance of 1, negative ones are 0 (harmonizeValues)",
        offset_known=True,
    )  # fmt: skip
    scenes = [] if request.item is None else list(request.item.document.get("scenes", []))
    made_of = [mosaic.service.item_href(address.collection, scene) for scene in scenes]
    record = (
        Provenance(({"href": request.paths[0], "item_hrefs": made_of},))
        .with_step(
            "product",
            service=mosaic.service.title,
            endpoint=mosaic.service.host,
            collection=address.collection,
            time=address.options["time"],
            scenes=scenes,
            told_by={"bands": "the evalscript"},
        )
        .with_step("requests", **plan_of(mosaic), evalscript=wanted.evalscript())
        .with_step(
            "bands", by="the evalscript", sensor=sensor.id,
            read=dict(bands), unread=[], empty=[],
        )
        .with_step("scaling", **scaling.describe())
        .with_step("grid", scene=describe(mosaic.grid))
    )  # fmt: skip
    if wanted.quality:
        kind = wanted.quality.lower()
        record = record.with_step("quality", band=wanted.quality, table=kind)
        for warning in warnings_of([kind]):
            record = record.with_warning(warning)
    for note in () if request.item is None else request.item.notes:
        record = record.with_warning(note)
    size = float(mosaic.grid.affine.a)
    if size < sensor.resolution:
        record = record.with_warning(
            notice("finer_than_sensor", size=size, own=sensor.resolution, sensor=sensor.title)
        )
    return record


def plan_of(mosaic: "Mosaic") -> dict[str, Any]:
    """Return what will be asked for, as plain values."""
    places = mosaic.tiles
    rows, columns = {t.rows.start for t in places}, {t.columns.start for t in places}
    return {
        "tiles": [len(rows), len(columns)],
        "requests": len(places),
        "processing_units": round(processing_units(places, mosaic.wanted.charged), 3),
        "pixel_m": float(mosaic.grid.affine.a),
        "resampling": mosaic.wanted.resampling,
    }


def cost(item: Item, districts: tuple[District, ...], bands: Sequence[str] | None) -> Cost:
    """Estimate what fetching an item takes, of which some may be here already.

    Args:
        item: Of `find`.
        districts: Not asked: its address says where.
        bands: Which of its bands; None: those that are read where nobody names any.
    """
    address = Address.of(item.paths[0])
    sensor = load_sensor(address.facts["sensor"])
    mosaic = mosaic_of(address, sensor, _bands(address, sensor, bands), None)
    lacking = mosaic.missing()
    pixels = sum(tile.pixels for tile in lacking) * mosaic.wanted.charged
    return {
        "bytes": round(pixels * load_toml("catalogues")["bytes_per_pixel"]),
        "requests": len(lacking),
        "processing_units": round(processing_units(lacking, mosaic.wanted.charged), 3),
    }


PROCESS: Final = Source(find, open_day, far=True, cost=cost)
