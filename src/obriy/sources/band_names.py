"""What the name of a band means: by common names, their aliases, and the tables of sensors."""

import dataclasses
import functools
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from obriy.errors import SourceError
from obriy.model.notices import notice
from obriy.sources.reading import FileBand
from obriy.tables import load_toml
from obriy.tables.sensor import Sensor, load_sensor, plain_id, sensor_of_file

FULL: Final = 65_535
"""Reflectance 1 in exports that use the full range of 16 bits."""
SENTINEL2_TELLS = {"B8A", "B12"}
"""Band names that only Sentinel-2 has (plain, see `plain_id`)."""


@functools.lru_cache(maxsize=1)
def aliases() -> dict[str, str]:
    """Return common names by alias (lower case, letters and digits only)."""
    table = load_toml("aliases")
    return {alias: common for common, names in table.items() for alias in names}


def look_up(name: str, sensor: Sensor | None, product: str) -> str | None:
    """Return the common name that a name stands for.

    Args:
        name: As it is written: ``"B03"``, ``"SR_B3"``, ``"Green"``.
        sensor: Whose band it is; None: not known.
        product: Which of the sensor's products.

    Returns:
        Empty for a band of the sensor that is no reflectance; None where nobody knows the name.
    """
    band = sensor.by_id(name, product) if sensor else None
    if band is not None:
        return band.common if band.reflective else ""
    return aliases().get(re.sub(r"[^a-z0-9]", "", name.lower()))


def name_of(band: FileBand, sensor: Sensor | None, product: str, *, alone: bool) -> str | None:
    """Return the common name of a band from what the file calls it.

    Args:
        band: The band.
        sensor: Whose it is; None: not known.
        product: Which of the sensor's products.
        alone: Whether it is the only one of its file: then the file name counts too, as a product
            names its bands (`own_name`), else by its words, the last first.

    Returns:
        Empty for a band of the sensor that is no reflectance, or that lies beside the bands of a
        product; None where the file says nothing.
    """
    names = list(band.names)
    own = own_name(band.file) if alone else None
    if own is not None:
        names.append(own)
    elif alone:
        words = _words(band.file)
        for i in range(len(words) - 1, -1, -1):
            names += ["_".join(words[max(i - 1, 0) : i + 1]), words[i]]
    found = (look_up(name, sensor, product) for name in names)
    common = next((common for common in found if common is not None), None)
    return "" if common is None and own is not None else common


def own_name(file: str) -> str | None:
    """Return the name of the band in the name of a file of one, whole, where a product gives it.

    Args:
        file: Name of the file.

    Returns:
        ``"SR_QA_AEROSOL"``, ``"B03"``; None where no product is known to name files so.
    """
    stem, (patterns, beside) = Path(file.removesuffix(".gz")).stem, _files_of_bands()
    for pattern, means in patterns:
        match = pattern.fullmatch(stem)
        if match:
            return means.get(match["band"], match["band"])
    ending = beside.search(stem)
    return ending["ending"] if ending else None


@functools.cache
def _files_of_bands() -> tuple[list[tuple[re.Pattern[str], dict[str, str]]], re.Pattern[str]]:
    """Return how files of bands are named, with bands that mean others; and what is no band."""
    table = load_toml("product_names")
    patterns = [
        (re.compile(row["pattern"], re.IGNORECASE), row.get("means", {})) for row in table["bands"]
    ]
    beside = rf"(?:^|[^A-Z0-9])(?P<ending>{table['not_bands']['pattern']})$"
    return patterns, re.compile(beside, re.IGNORECASE)


def gap_masks(found: list[FileBand], sensor: Sensor | None) -> Iterator[tuple[str, FileBand]]:
    """Yield the masks of Landsat 7's gaps (``GM_B3``, 0 in a gap) by the band that each is of."""
    for band in found:
        named = re.fullmatch(r"GM_(B\d)", own_name(band.file) or "", re.IGNORECASE)
        of = sensor.by_id(named[1]) if sensor and named else None
        if of is not None and of.reflective:
            yield of.common, band


def is_picture(file: str) -> bool:
    """Say whether a file of several bands is a picture that products lay beside their bands."""
    pattern = rf"(?:^|[^A-Z0-9])(?:{load_toml('product_names')['pictures']['pattern']})$"
    return re.search(pattern, Path(file).stem, re.IGNORECASE) is not None


def reflectance_only(files: list[str]) -> tuple[list[str], tuple[str, ...]]:
    """Leave out the files whose names say that they hold no reflectance, or none known here.

    Args:
        files: GDAL paths.

    Returns:
        The others, and what is said of those left out.

    Raises:
        SourceError: where none is left: what the first is by its name, why that does not do, and
            what does.
    """
    refused = {file: next(_rows("refused", Path(file).name), None) for file in files}
    out = {file: row for file, row in refused.items() if row}
    if out and len(out) == len(files):
        file, row = next(iter(out.items()))
        raise SourceError(f"{Path(file).name} is {row['title']}: {row['why']}.", row["way"])
    names = (f"{Path(file).name} ({row['title']})" for file, row in out.items())
    said = (notice("left_out_by_name", names=", ".join(names)),) if out else ()
    return [file for file in files if file not in out], said


def has_own_order(file: str) -> bool:
    """Say whether a file lies beside an image and has bands of its own, as Planet's ``udm2``."""
    return next(_rows("ordered", file), None) is not None


def as_named(band: FileBand) -> FileBand:
    """Return a band with what the name of its file tells of it: which it is, its factor.

    A factor in the tags of the file is left as it is.
    """
    order = next((row["bands"] for row in _rows("ordered", band.file)), ())
    if band.index <= len(order):
        band = dataclasses.replace(band, names=(order[band.index - 1],))
    plain = band.dtype == "uint16" and (band.scale, band.offset) == (1, 0)
    stretched = plain and any(_rows("stretched", band.file))
    return dataclasses.replace(band, scale=1 / FULL) if stretched else band


def _rows(part: str, file: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a part of the table whose pattern the name of a file begins with."""
    for row in load_toml("product_names")[part]:
        if re.match(row["pattern"], file, re.IGNORECASE):
            yield row


def _words(file: str) -> list[str]:
    return [word for word in re.split(r"[^A-Za-z0-9]+", Path(file).stem) if word]


def names_of(
    found: list[FileBand], sensor: Sensor | None, masks: Sequence[FileBand] = ()
) -> list[str | None]:
    """Return what the files call each band, see `name_of`; ``masks`` are no company."""
    product = sensor.product_of(found[0].file, all_names(found)) if sensor else ""
    return _names_by(product, found, sensor, masks)


def every_reading(
    found: list[FileBand], sensor: Sensor | None, masks: Sequence[FileBand] = ()
) -> list[list[str | None]]:
    """Return what the files call each band by every product that may be meant, see `names_of`."""
    product = sensor.product_of(found[0].file, all_names(found)) if sensor else ""
    several = [p.name for p in sensor.products] if sensor and not product else []
    return [_names_by(name, found, sensor, masks) for name in several or [product]]


def _names_by(
    product: str, found: list[FileBand], sensor: Sensor | None, masks: Sequence[FileBand]
) -> list[str | None]:
    paths = [band.path for band in found if band not in masks]
    return [name_of(b, sensor, product, alone=paths.count(b.path) == 1) for b in found]


def sensor_of_names(found: list[FileBand]) -> Sensor | None:
    """Return the sensor that file names, else band names, speak for; None where they do not.

    A file is called ``L8_...`` whatever was made of the image: where its bands have more names of
    another sensor, the bands are right.
    """
    by_file, by_bands = _sensors_of_names(found)
    if by_file is None or by_bands is None:
        return by_file or by_bands
    own = _share(by_file, found)
    return by_file if own and own >= _share(by_bands, found) else by_bands


def contradiction_of_names(found: list[FileBand]) -> str:
    """Say in what the names of files and of bands contradict each other; else nothing."""
    by_file, by_bands = _sensors_of_names(found)
    if by_file is None or by_bands is None or _share(by_file, found):
        return ""
    if by_file.id[:6] == by_bands.id[:6]:  # the level alone: bands tell it
        return ""
    return notice("names_of_two_sensors", name=found[0].file, file=by_file.id, bands=by_bands.id)


def _sensors_of_names(found: list[FileBand]) -> tuple[Sensor | None, Sensor | None]:
    """Return the sensor of the file names, and that of the band names."""
    names = all_names(found)
    named = any(map(is_numbered, names)) or sensor_of_ids(names) is not None
    titles = (title for band in found for title in (band.file, Path(band.path).parent.name))
    by_file = (sensor_of_file(title, named=named) for title in titles)
    return next((sensor for sensor in by_file if sensor), None), sensor_of_ids(names)


def _share(sensor: Sensor, found: list[FileBand]) -> int:
    """Return how many of the names in files are bands of a sensor."""
    names = all_names(found)
    product = sensor.product_of(found[0].file, names)
    return sum(sensor.by_id(name, product) is not None for name in names)


def sensor_of_ids(names: Iterable[str]) -> Sensor | None:
    """Return the only sensor that names its bands so (in upper case); None where several may."""
    names = set(names)
    plain = {plain_id(name) for name in names}
    if any(re.fullmatch(r"SR_BAND\d", name) for name in names):
        return load_sensor("landsat_espa")
    if any(name.startswith("SR_B") for name in names):
        return load_sensor("landsat_c2l2")
    if any(name.startswith("SUR_REFL_B") for name in names):
        return load_sensor("modis_surface")
    if plain & SENTINEL2_TELLS or any(re.fullmatch(r"B0\d", name) for name in names):
        return load_sensor("sentinel2_l1c" if "B10" in names else "sentinel2_l2a")
    return None


def all_names(found: list[FileBand]) -> set[str]:
    """Return upper-case names: of bands, and of one-band files what the file name calls it.

    That is the name that a product gives, else each word.
    """
    names = {n.upper() for b in found for n in b.names}
    paths = [b.path for b in found]
    for band in found:
        if paths.count(band.path) == 1:
            own = own_name(band.file)
            words = _words(band.file.upper()) if own is None else [own.upper()]
            names |= set(words) | {f"{a}_{b}" for a, b in itertools.pairwise(words)}
    return names


def is_numbered(name: str) -> bool:
    """Say whether a band is called like ``B3``, which means another band on another sensor."""
    return re.fullmatch(r"(?:SR_)?B(?:AND)?\d{1,2}", name.upper()) is not None


def has_numbered_names(found: list[FileBand]) -> bool:
    """Say whether some band is called like ``B3``."""
    return any(map(is_numbered, all_names(found)))
