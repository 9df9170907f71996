"""Which band of a file is which: by the user, by names, or by the sensor's customary order."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from obriy.errors import BandError
from obriy.model.bands import DATA_MASK, QUALITY, SKIP, SPECTRAL
from obriy.model.notices import joined, notice
from obriy.sources.band_list import (
    contradiction,
    described,
    file_names,
    names_in_list,
)
from obriy.sources.band_names import (
    SENTINEL2_TELLS,
    all_names,
    contradiction_of_names,
    every_reading,
    gap_masks,
    has_numbered_names,
    is_picture,
    look_up,
    names_of,
    sensor_of_ids,
    sensor_of_names,
)
from obriy.sources.legends import legend_from_tag
from obriy.sources.reading import FileBand
from obriy.tables.sensor import Sensor, load_sensor, plain_id

Sampler = Callable[[FileBand], npt.NDArray[np.float64]]

OPAQUE_SHARE = 0.9
"""At least so much of what is not 0 in an alpha band is full: GDAL calls the fourth of four 8-bit
bands alpha unless it is told otherwise, and that may be near infrared."""
CIRRUS_DARKER = 3.0
"""The cirrus band's median lies at least this factor below every other band's: it shows which of
two customary orders a file has."""


@dataclasses.dataclass(frozen=True)
class Naming:
    """What each band of the input is.

    Attributes:
        bands: File bands by common name.
        quality: File bands by quality name.
        sensor: The sensor, where it is known.
        how: Where the names came from, for the record.
        unread: What the files call the bands that are left unread.
        warnings: What speaks against the sensor, or against the user's list.
        masks: File bands that are 0 where the image says nothing.
        gaps: File bands that are 0 in the gaps of one band, by its common name.
    """

    bands: dict[str, FileBand]
    quality: dict[str, FileBand]
    sensor: Sensor | None
    how: str
    unread: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    masks: tuple[FileBand, ...] = ()
    gaps: Mapping[str, FileBand] = dataclasses.field(default_factory=dict)


def name_bands(
    found: list[FileBand],
    sensor: Sensor | None,
    wanted: tuple[str, ...] | None,
    sampler: Sampler,
    *,
    force: bool = False,
) -> Naming:
    """Give common names to the bands of the input.

    Args:
        found: All bands of all files, in file order.
        sensor: The sensor that the user or the metadata named; None: from names.
        wanted: The user's list, in file order; None: found out.
        sampler: Returns valid numbers of a band; used only where two orders are customary, and of
            alpha bands.
        force: Believe the list where the names in the files contradict it.

    Raises:
        BandError: where nothing tells which band is which, two claim one name, the list
            contradicts the files, or they are several images.
        UnknownNameError: a name in the list that nobody knows.
    """
    guess = sensor or sensor_of_names(found)
    masks = [band for band in found if _is_data_mask(band, sampler)]
    if wanted is not None:
        return _with_gaps(found, _from_user(found, masks, wanted, guess, force=force))
    names, how = _from_files(found, masks, guess, sampler)
    naming = _collect(found, names, guess, how)
    said = contradiction_of_names(found) if sensor is None else ""
    warnings = ((said,) if said else ()) if sensor is None else _strangers(found, sensor)
    return _with_gaps(found, dataclasses.replace(naming, warnings=warnings))


def _with_gaps(found: list[FileBand], naming: Naming) -> Naming:
    """Add the masks of the gaps that the broken mirror of Landsat 7 leaves, one for each band."""
    gaps = {name: band for name, band in gap_masks(found, naming.sensor) if name in naming.bands}
    titles = {_title(band) for band in gaps.values()}
    unread = tuple(title for title in naming.unread if title not in titles)
    return dataclasses.replace(naming, gaps=gaps, unread=unread)


def _is_data_mask(band: FileBand, sampler: Sampler) -> bool:
    """Say whether a band is 0 where the image says nothing, by its name, else as an alpha band."""
    meant = [look_up(name, None, "") for name in band.names]
    if any(meant) or band.opacity != band.index:
        return DATA_MASK in meant
    values = sampler(band)
    return not len(values) or float((values == values.max()).mean()) >= OPAQUE_SHARE


def _from_user(
    found: list[FileBand],
    masks: list[FileBand],
    wanted: tuple[str, ...],
    sensor: Sensor | None,
    *,
    force: bool,
) -> Naming:
    """Name bands by the user's list, unless the files contradict it."""
    sensor = sensor or sensor_of_ids(name.upper() for name in wanted)
    _refuse_several(found, masks, named=len(wanted))
    names = names_in_list(found, wanted, sensor)
    readings = [contradiction(found, names, said) for said in every_reading(found, sensor, masks)]
    unlike = None if None in readings else readings[0]
    if unlike and not force:
        raise unlike
    names = [
        name or (DATA_MASK if band in masks else "")
        for name, band in zip(names, found, strict=True)
    ]
    naming = _collect(found, names, sensor, "the list of bands given")
    said = (joined((unlike.message, notice("list_believed"))),) if unlike else ()
    return dataclasses.replace(naming, warnings=said)


def _strangers(found: list[FileBand], sensor: Sensor) -> tuple[str, ...]:
    """Warn of band names that are another sensor's: the others then mean other bands too.

    One strange number alone, like a B10 that a table leaves out, proves nothing; a name that only
    Sentinel-2 has does.
    """
    numbered = sorted(n for n in all_names(found) if re.fullmatch(r"B\d{1,2}A?", n))
    unknown = [n for n in numbered if sensor.by_id(n, sensor.product_of("", set(numbered))) is None]
    unlike = {plain_id(n) for n in unknown} & SENTINEL2_TELLS
    thermal = (
        sorted(n for n in numbered if (b := sensor.by_id(n)) is not None and not b.reflective)
        if unlike
        else []
    )
    if not unlike and len(unknown) < 2:
        return ()
    return (notice("bands_of_another_sensor", sensor=sensor.id, bands=unknown + thermal),)


def _from_files(
    found: list[FileBand], masks: list[FileBand], sensor: Sensor | None, sampler: Sampler
) -> tuple[list[str], str]:
    """Name bands by what the files say; a file that says nothing follows the sensor's order."""
    said = [
        DATA_MASK if band in masks else name or ""
        for band, name in zip(found, names_of(found, sensor, masks), strict=True)
    ]
    sources: set[str] = set()
    several = len({band.path for band in found}) > 1
    for path in dict.fromkeys(b.path for b in found):
        places = [i for i, b in enumerate(found) if b.path == path and b not in masks]
        if any(said[i] for i in places):
            sources.add(notice("names_in_files"))
        elif several and is_picture(Path(path).name):
            continue
        elif sensor is not None and len(places) > 1:
            order = _from_stack([found[i] for i in places], sensor, sampler)
            for i, name in zip(places, order, strict=True):
                said[i] = name
            sources.add(notice("customary_order", sensor=sensor.id))
    if not set(said) & set(SPECTRAL):
        _refuse_several(found, masks)
        raise _nobody_knows(found, sensor)
    one, *other = sorted(sources)
    return said, notice("both_of", one=one, other=other[0]) if other else one


def _from_stack(part: list[FileBand], sensor: Sensor, sampler: Sampler) -> list[str]:
    """Return the sensor's customary order for a file of that many bands.

    Where two orders have the same length, the dark cirrus band tells them apart; where it does
    not, the first in the table holds.
    """
    fitting = [list(s.bands) for s in sensor.stacks if len(s.bands) == len(part)]
    if not fitting:
        raise BandError(
            f"{part[0].file} has {len(part)} bands without names, and no customary order of "
            f"{sensor.id} has as many.",
            f"Say what they are: {_example(len(part))}",
        )
    if len(fitting) > 1 and any("cirrus" in names for names in fitting):
        medians = [float(np.median(v)) if len(v) else np.inf for v in map(sampler, part)]
        darkest = int(np.argmin(medians))
        others = min(m for i, m in enumerate(medians) if i != darkest)
        is_cirrus = medians[darkest] * CIRRUS_DARKER < others
        fitting = [f for f in fitting if (f[darkest] == "cirrus") == is_cirrus] or fitting
    reflective = {b.common for b in sensor.bands if b.reflective}
    return [n if n in reflective or n in QUALITY else "" for n in fitting[0]]


def _collect(found: list[FileBand], names: list[str], sensor: Sensor | None, how: str) -> Naming:
    chosen: dict[str, FileBand] = {}
    unread, masks = [], []
    for band, name in zip(found, names, strict=True):
        other = chosen.get(name)
        if not name:
            unread.append(_title(band))
        elif name == DATA_MASK:
            masks.append(band)
        elif other is None:
            chosen[name] = band
        elif _pixel(other) == _pixel(band) or not _one_place(other, band):
            raise _twice(found, other, band, name)
        else:  # the same band at 10, 20 and 60 m, as in a SAFE folder
            chosen[name], coarse = sorted((other, band), key=_pixel)
            unread.append(_title(coarse))
    spectral = {str(n): chosen[n] for n in SPECTRAL if n in chosen}
    if sensor is None and "fmask" in chosen:
        sensor = load_sensor("hls")
    quality = {str(n): chosen[n] for n in QUALITY if n in chosen}
    return Naming(spectral, quality, sensor, how, tuple(unread), masks=tuple(masks))


def _one_place(one: FileBand, other: FileBand) -> bool:
    """Say whether two bands lie on the same ground, to within a pixel of the coarser."""
    if one.grid.crs != other.grid.crs:
        return False
    coarse = max(_pixel(one), _pixel(other)) ** 0.5
    boxes = (one.grid.boundingbox.bbox, other.grid.boundingbox.bbox)
    return all(abs(a - b) < coarse for a, b in zip(*boxes, strict=True))


def _twice(found: list[FileBand], one: FileBand, other: FileBand, name: str) -> BandError:
    if one.path != other.path:
        return _several(found, f"{one.file} and {other.file} both have the band '{name}'")
    return BandError(
        f"{one.file} has the band '{name}' twice: bands {one.index} and {other.index}.",
        f"Say which is which: {_example(len(found))}",
    )


def _several(found: list[FileBand], why: str) -> BandError:
    """Return the error for images that are not the bands of one."""
    files = list(dict.fromkeys(band.path for band in found))
    shown = ", ".join(Path(file).name for file in files[:3]) + (", …" if len(files) > 3 else "")
    return BandError(
        f"{len(files)} files ({shown}) are several images, not the bands of one: {why}.",
        "Open one of them. 'obriy water' makes a series of them: of their folder, with the date of "
        "each in its name (2025-06-08) or in dates.csv (columns file,date) beside them.",
    )


def _refuse_several(found: list[FileBand], masks: list[FileBand], named: int = 0) -> None:
    """Raise where there are files of several bands, and one that none of the first names is of."""
    paths = [band.path for band in found if band not in masks]
    whole = {band.file for band in found if paths.count(band.path) > 1}
    left = sorted(whole - {band.file for band in found[:named]})
    if len(whole) > 1 and left:
        raise _several(found, f"nothing says what the bands of {left[0]} are")


def _pixel(band: FileBand) -> float:
    return float(abs(band.grid.affine.determinant))


def _title(band: FileBand) -> str:
    return band.names[0] if band.names else f"{band.file} band {band.index}"


def _nobody_knows(found: list[FileBand], sensor: Sensor | None) -> BandError:
    which = f" (sensor {sensor.id})" if sensor else ""
    numbered = has_numbered_names(found)
    more = ", or the sensor: B3 is green on one and red on another" if numbered else ""
    if any(legend_from_tag(band.tags.get("legend")) is not None for band in found):
        return BandError(
            f"{file_names(found)} is a map of classes, and no image.",
            "'obriy measure' and 'obriy evaluate' take it.",
        )
    return BandError(
        f"Nothing tells which band of {file_names(found)} is which{which}; it says: "
        f"{described(found)}.",
        f"Say what they are{more}: {_example(len(found))} or --sensor, e.g. sentinel2_l2a",
    )


def _example(count: int) -> str:
    usual = ["blue", "green", "red", "nir", "swir16", "swir22"]
    names = usual[:count] + [SKIP] * (count - len(usual))
    return f"--bands {','.join(names)} (in file order, '{SKIP}' skips)"
