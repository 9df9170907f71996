"""Sentinel-2 products as they are shipped: their metadata and files, opened as one Scene.

What a product says of itself decides: level, sensing time, quantification and offsets of its XML,
of the granule's, of the JSON beside it, and of its name, in this order (`sentinel2_metadata`).
Where it lies, and what lies in it, is told by names (`sentinel2_layout`).
"""

import contextlib
import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from obriy.errors import BandError, SourceError, UsageError
from obriy.model.bands import QUALITY, SKIP
from obriy.model.item import Item, item_id
from obriy.model.notices import notice
from obriy.sources.archives import is_archive, members, stem_of
from obriy.sources.band_names import look_up, own_name
from obriy.sources.base import Query, Request, Source
from obriy.sources.dates import time_in
from obriy.sources.geotiff import open_told
from obriy.sources.sentinel2 import (
    IMAGE,
    counts,
    facts_of_product,
    facts_within,
    scaling_told,
    tags_told,
)
from obriy.sources.sentinel2_layout import Layout, is_cut_off, names_product, product_of
from obriy.sources.sentinel2_metadata import Facts
from obriy.sources.told import Told
from obriy.tables.sensor import Sensor, load_sensor

if TYPE_CHECKING:
    import xarray as xr

_SIZE: Final = re.compile(r"(?:^|[_/])R?(?P<metres>[126]0)m(?=[/.])", re.IGNORECASE)
_BEFORE: Final = re.compile(r"S2[A-D]_USER_(?P<band>(?!MSI)[A-Z]{3})_L2A_TL_", re.IGNORECASE)
"""Files of sen2cor before 2017, which have the band in the middle where it is no band of MSI."""
_CLASSES: Final = re.compile(r"MSK_CLASSI_B00\.jp2", re.IGNORECASE)
_OUTLINES: Final = re.compile(r"(?:.*/)?\w*MSK_CLOUDS_\w*B00\w*\.gml", re.IGNORECASE)
"""Clouds of Level 1C: a raster since baseline 04.00, outlines before."""
_RECORDED: Final = (
    "level", "platform", "baseline", "time", "quantification", "cloud_cover", "saturated",
)  # fmt: skip


def claims(text: str) -> bool:
    """Claim products, and what lies in one; a broken one by its name, an archive of several."""
    try:
        return product_of(text) is not None or is_cut_off(text)
    except SourceError:  # said when it is opened
        return names_product(Path(text).name) or _can_be_listed(text)


def _can_be_listed(archive: str) -> bool:
    try:
        return bool(members(archive))
    except SourceError:
        return False


def find(texts: Sequence[str], query: Query) -> list[Item]:
    """Return the product of each text, with the time of its sensing and its cloudiness.

    Args:
        texts: Products, or parts of them; an archive beside its own folder is the same again.
        query: Not asked: all are returned.
    """
    folders = {str(Path(text)) for text in texts}
    twice = [t for t in texts if is_archive(t) and {stem_of(t), f"{stem_of(t)}.SAFE"} & folders]
    return [_item(text) for text in texts if text not in twice]


def _item(text: str) -> Item:
    facts, name = facts_of_product(text), Path(text).name
    with contextlib.suppress(SourceError):  # said when it is opened
        layout = product_of(text)
        name = name if layout is None else layout.names[0]
    cloud_cover = facts.get("cloud_cover")
    return Item(
        item_id(stem_of(name).removesuffix(".SAFE")),
        "sentinel2",
        (text,),
        facts.get("time", "")[:16] or time_in(name) or "",
        cloud_cover=None if cloud_cover is None else float(cloud_cover),
    )


def open_product(request: Request) -> "xr.Dataset":
    """Open a product as one Scene: its bands of 10, 20 and 60 m and its classification.

    Args:
        request: What the user asked; its one path leads to a product. ``bands`` chooses among
            those that there are.

    Returns:
        A Scene on the grid of its finest bands, or that of the resolution asked, read lazily.

    Raises:
        InputError: of the kind that fits, before any work starts.
    """
    if is_cut_off(request.paths[0]):
        raise SourceError(f"{request.paths[0]} holds no image.", "Download it again.")
    layout = product_of(request.paths[0])
    if layout is None:
        raise SourceError(f"{request.paths[0]} is no product of Sentinel-2.", "Name its folder.")
    return open_told(dataclasses.replace(request, bands=None), _described(layout, request))


def _described(layout: Layout, request: Request) -> Told:
    """Read the metadata of a product, and choose its files."""
    names = layout.files()
    facts, disagree = facts_within(layout, names)
    sensor = _sensor(facts, names, request, layout)
    found = _bands(names, sensor)
    chosen = _chosen(found, request.resolution, _wanted(request.bands, found, sensor, layout))
    images = [name for name in names if IMAGE.fullmatch(name) and counts(name)]
    record: dict[str, Any] = {
        "product": layout.names[0],
        **{key: facts[key] for key in _RECORDED if key in facts},
        **_directions(facts),
        "told_by": facts["by"],
    }
    return Told(
        sensor=dataclasses.replace(sensor, nodata=facts.get("nodata", sensor.nodata)),
        bands={layout.path_of(name): band for band, name in chosen.items()},
        by=facts["by"].get("level", "the option --sensor"),
        unread=tuple(PurePosixPath(n).stem for n in images if n not in chosen.values()),
        scaling=scaling_told(facts, sensor, chosen.values()),
        missing=(facts["saturated"],) if "saturated" in facts else (),
        tags=facts.get("properties", {}) | tags_told(facts),
        time=facts["time"][:10] if "time" in facts else None,
        record=record,
        warnings=(*disagree, *_unread_clouds(names, sensor)),
    )


def _unread_clouds(names: list[str], sensor: Sensor) -> tuple[str, ...]:
    """Say that a product of Level 1C has clouds as outlines."""
    outlines = [name for name in names if _OUTLINES.fullmatch(name)]
    if "msk_classi" not in sensor.quality or not outlines:
        return ()
    return (notice("cloud_outlines_unread", name=PurePosixPath(outlines[0]).name),)


def _sensor(facts: Facts, names: list[str], request: Request, layout: Layout) -> Sensor:
    told = facts.get("level")
    if told is None and request.sensor is None:
        told = (
            "L2A"
            if any(re.search(r"(^|/)R10m/|SCL", name, re.IGNORECASE) for name in names)
            else "L1C"
        )
        facts["by"]["level"] = "the names of its files"
    found = f"sentinel2_{told.lower()}" if told else str(request.sensor)
    if request.sensor not in (None, found):
        raise UsageError(
            f"{layout.names[0]} is {found} ({facts['by'].get('level')}), and --sensor says "
            f"{request.sensor}.",
            "Leave --sensor away.",
        )
    return load_sensor(found)


def _bands(names: list[str], sensor: Sensor) -> dict[str, dict[float, str]]:
    """Return the files of a product by band and pixel size, m."""
    native = {band.common: band.resolution for band in sensor.bands}
    found: dict[str, dict[float, str]] = {}
    for name in names:
        band = _band_of(name, sensor)
        if band in native or band in sensor.quality:
            size = _SIZE.search(name)
            metres = float(size["metres"]) if size else native.get(str(band), 20.0)
            found.setdefault(str(band), {})[metres] = name
    return found


def _band_of(name: str, sensor: Sensor) -> str | None:
    """Return the band of a file, or the quality that it tells; else nothing that is known."""
    match = IMAGE.fullmatch(PurePosixPath(name).name)
    if match is None:
        return None
    if _CLASSES.fullmatch(match[0]):
        return "msk_classi"
    if not counts(name):
        return None
    before = _BEFORE.match(match["stem"])
    own = before["band"] if before else own_name(match[0]) or match["stem"]
    return look_up(own, sensor, "")


def _wanted(
    bands: tuple[str, ...] | None,
    found: dict[str, dict[float, str]],
    sensor: Sensor,
    layout: Layout,
) -> set[str]:
    """Return the bands that the user chose, of those there are; all where nothing was chosen."""
    if not set(found) - set(QUALITY):
        raise BandError(
            f"{layout.names[0]} holds no band of {sensor.title} that is known.",
            "Download it again, or name the band files themselves.",
        )
    if bands is None:
        return set(found)
    names = {band: look_up(band, sensor, "") for band in bands if band != SKIP}
    strange = [band for band, name in names.items() if name not in found]
    if strange:
        raise BandError(
            f"{layout.names[0]} has no band '{strange[0]}'; it has {', '.join(found)}.",
            "Correct --bands: of a product they choose, in any order.",
        )
    return {str(name) for name in names.values()} | (set(found) & set(QUALITY))


def _chosen(
    found: dict[str, dict[float, str]], resolution: float | None, wanted: set[str]
) -> dict[str, str]:
    """Return one file a band: the coarsest that is as fine as asked, else the finest there is."""
    chosen = {}
    for band, files in found.items():
        enough = [metres for metres in files if metres <= (resolution or 0)]
        if band in wanted:
            chosen[band] = files[max(enough) if enough else min(files)]
    return chosen


def _directions(facts: Facts) -> dict[str, float]:
    """Return where the sun stood and the satellite, degrees; azimuths from north, clockwise."""
    names = {"sun": ("sun_elevation", "sun_azimuth"), "view": ("view_zenith", "view_azimuth")}
    return {
        name: value
        for key, pair in names.items()
        if key in facts
        for name, value in zip(pair, facts[key], strict=True)
    }


SENTINEL2: Final = Source(find, open_product, claims)
