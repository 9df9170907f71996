"""Which band of a file is which: by the user, by names, or by the sensor's customary order."""

import dataclasses
import functools
import itertools
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from obriy.errors import BandError
from obriy.model.bands import DATA_MASK, QUALITY, SKIP, SPECTRAL
from obriy.registry import did_you_mean
from obriy.sources.reading import FileBand
from obriy.tables import load_toml
from obriy.tables.sensor import Sensor, load_sensor, plain_id, sensor_of_file

Sampler = Callable[[FileBand], npt.NDArray[np.float64]]

OPAQUE_SHARE = 0.9
"""At least so much of what is not 0 in an alpha band is full: GDAL calls the fourth of four 8-bit
bands alpha unless it is told otherwise, and that may be near infrared."""
SENTINEL2_TELLS = {"B8A", "B12"}
"""Band names that only Sentinel-2 has (plain, see `plain_id`)."""
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
        warnings: What speaks against the sensor.
        masks: File bands that are 0 where the image says nothing.
    """

    bands: dict[str, FileBand]
    quality: dict[str, FileBand]
    sensor: Sensor | None
    how: str
    unread: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    masks: tuple[FileBand, ...] = ()


def name_bands(
    found: list[FileBand],
    sensor: Sensor | None,
    wanted: tuple[str, ...] | None,
    sampler: Sampler,
) -> Naming:
    """Give common names to the bands of the input.

    Args:
        found: All bands of all files, in file order.
        sensor: The sensor that the user or the metadata named; None: from names.
        wanted: The user's list, in file order; None: found out.
        sampler: Returns valid numbers of a band; used only where two orders are customary.

    Raises:
        BandError: where nothing tells which band is which, or two claim one name.
        UnknownNameError: a name in the list that nobody knows.
    """
    guess = sensor or sensor_of_names(found)
    if wanted is not None:
        names = _from_user(found, wanted, sampler)
        how = "the list of bands given"
    else:
        names, how = _from_files(found, guess, sampler)
    naming = _collect(found, names, guess, how)
    if sensor is None or wanted is not None:
        return naming
    return dataclasses.replace(naming, warnings=_strangers(found, sensor))


def _strangers(found: list[FileBand], sensor: Sensor) -> tuple[str, ...]:
    """Warn of band names that are another sensor's: the others then mean other bands too.

    One strange number alone, like a B10 that a table leaves out, proves nothing; a name that only
    Sentinel-2 has does.
    """
    numbered = sorted(n for n in _all_names(found) if re.fullmatch(r"B\d{1,2}A?", n))
    unknown = [n for n in numbered if sensor.by_id(n, sensor.product_of("", set(numbered))) is None]
    unlike = {plain_id(n) for n in unknown} & SENTINEL2_TELLS
    thermal = (
        sorted(n for n in numbered if (b := sensor.by_id(n)) is not None and not b.reflective)
        if unlike
        else []
    )
    if not unlike and len(unknown) < 2:
        return ()
    return (
        f"The files have bands that {sensor.id} does not have or not as reflectance "
        f"({', '.join(unknown + thermal)}): they may be of another sensor, and B3 or B5 of one is "
        "not B3 or B5 of the other. Leave --sensor away, or check it.",
    )


def _from_user(found: list[FileBand], wanted: tuple[str, ...], sampler: Sampler) -> list[str]:
    if len(wanted) > len(found):
        raise BandError(
            f"{len(wanted)} bands were named, and {_files(found)} has {len(found)}.",
            f"Name at most {len(found)}; the file says: {_described(found)}.",
        )
    names = [_known(name) for name in wanted]
    named = [n for n in names if n]
    repeated = sorted({n for n in named if named.count(n) > 1})
    if repeated:
        raise BandError(
            f"The list of bands names {', '.join(repeated)} twice.",
            f"Write each once, and '{SKIP}' for a band that is not wanted.",
        )
    if not set(named) & set(SPECTRAL):
        raise BandError(
            "The list of bands names no spectral band.", f"Known: {', '.join(SPECTRAL)}."
        )
    names += [""] * (len(found) - len(names))
    return [
        name or (DATA_MASK if _is_data_mask(band, sampler) else "")
        for name, band in zip(names, found, strict=True)
    ]


def _is_data_mask(band: FileBand, sampler: Sampler) -> bool:
    """Say whether a band is 0 where the image says nothing, by its name, else as an alpha band."""
    meant = [aliases().get(_letters(name)) for name in band.names]
    if any(meant) or band.opacity != band.index:
        return DATA_MASK in meant
    values = sampler(band)
    return not len(values) or float((values == values.max()).mean()) >= OPAQUE_SHARE


def _known(name: str) -> str:
    if name in (SKIP, ""):
        return ""
    common = name if name in (*SPECTRAL, *QUALITY) else aliases().get(_letters(name))
    if common is None:
        raise did_you_mean("band", name, [*SPECTRAL, *QUALITY, SKIP])
    return common


@functools.lru_cache(maxsize=1)
def aliases() -> dict[str, str]:
    """Return common names by alias (lower case, letters and digits only)."""
    table = load_toml("aliases")
    return {alias: common for common, names in table.items() for alias in names}


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _from_files(
    found: list[FileBand], sensor: Sensor | None, sampler: Sampler
) -> tuple[list[str], str]:
    """Name bands by what the files say; a file that says nothing follows the sensor's order."""
    product = sensor.product_of(found[0].file, _all_names(found)) if sensor else ""
    names: list[str] = []
    sources: set[str] = set()
    for path in dict.fromkeys(b.path for b in found):
        part = [b for b in found if b.path == path]
        masks = [b for b in part if _is_data_mask(b, sampler)]
        rest = [b for b in part if b not in masks]
        here = [_name_of(b, sensor, product, alone=len(rest) == 1) for b in rest]
        if any(here):
            sources.add("names in the files")
        elif sensor is not None and len(rest) > 1:
            here = _from_stack(rest, sensor, sampler)
            sources.add(f"the customary order of {sensor.id}")
        said = iter(here)
        names += [DATA_MASK if b in masks else next(said) for b in part]
    if not set(names) & set(SPECTRAL):
        raise _nobody_knows(found, sensor)
    return names, " and ".join(sorted(sources))


def _name_of(band: FileBand, sensor: Sensor | None, product: str, *, alone: bool) -> str:
    """Return the common name of a band from what the file calls it; empty where it says nothing."""
    for name in band.names:
        common = _look_up(name, sensor, product)
        if common is not None:
            return common
    if not alone:
        return ""
    words = [w for w in re.split(r"[^A-Za-z0-9]+", Path(band.file).stem) if w]
    for i in range(len(words) - 1, -1, -1):
        for text in ("_".join(words[max(i - 1, 0) : i + 1]), words[i]):
            common = _look_up(text, sensor, product)
            if common is not None:
                return common
    return ""


def _look_up(name: str, sensor: Sensor | None, product: str) -> str | None:
    band = sensor.by_id(name, product) if sensor else None
    if band is not None:
        return band.common if band.reflective else ""
    return aliases().get(_letters(name))


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
        elif other.grid.crs != band.grid.crs or _pixel(other) == _pixel(band):
            raise BandError(
                f"Both {_title(other)} and {_title(band)} are '{name}'.",
                "Give the files of one date and one scene.",
            )
        else:  # the same band at 10, 20 and 60 m, as in a SAFE folder
            chosen[name], coarse = sorted((other, band), key=_pixel)
            unread.append(_title(coarse))
    spectral = {str(n): chosen[n] for n in SPECTRAL if n in chosen}
    if sensor is None and "fmask" in chosen:
        sensor = load_sensor("hls")
    quality = {str(n): chosen[n] for n in QUALITY if n in chosen}
    return Naming(spectral, quality, sensor, how, tuple(unread), masks=tuple(masks))


def _pixel(band: FileBand) -> float:
    return float(abs(band.grid.affine.determinant))


def _title(band: FileBand) -> str:
    return band.names[0] if band.names else f"{band.file} band {band.index}"


def sensor_of_names(found: list[FileBand]) -> Sensor | None:
    """Return the sensor that file names, else band names, speak for; None where they do not."""
    for band in found:
        path = Path(band.path)
        named = sensor_of_file(band.file) or sensor_of_file(path.parent.name)
        if named is not None:
            return named
    names = _all_names(found)
    plain = {plain_id(n) for n in names}
    if any(n.startswith("SR_B") for n in names):
        return load_sensor("landsat_c2l2")
    if plain & SENTINEL2_TELLS or any(re.fullmatch(r"B0\d", n) for n in names):
        return load_sensor("sentinel2_l1c" if "B10" in names else "sentinel2_l2a")
    return None


def _all_names(found: list[FileBand]) -> set[str]:
    """Return upper-case names: of bands, and of one-band files the words of the file name."""
    names = {n.upper() for b in found for n in b.names}
    paths = [b.path for b in found]
    for band in found:
        if paths.count(band.path) == 1:
            words = re.split(r"[^A-Z0-9]+", Path(band.file).stem.upper())
            names |= set(words) | {f"{a}_{b}" for a, b in itertools.pairwise(words)}
    return names


def has_numbered_names(found: list[FileBand]) -> bool:
    """Say whether some band is called like ``B3``, which means another band on another sensor."""
    return any(re.fullmatch(r"B\d{1,2}", n) for n in _all_names(found))


def _nobody_knows(found: list[FileBand], sensor: Sensor | None) -> BandError:
    which = f" (sensor {sensor.id})" if sensor else ""
    numbered = has_numbered_names(found)
    more = ", or the sensor: B3 is green on one and red on another" if numbered else ""
    return BandError(
        f"Nothing tells which band of {_files(found)} is which{which}; it says: "
        f"{_described(found)}.",
        f"Say what they are{more}: {_example(len(found))} or --sensor, e.g. sentinel2_l2a",
    )


def _files(found: list[FileBand]) -> str:
    files = list(dict.fromkeys(b.file for b in found))
    return files[0] if len(files) == 1 else f"{files[0]} and {len(files) - 1} more"


def _described(found: list[FileBand]) -> str:
    shown = [b.names[0] if b.names else "(no name)" for b in found[:16]]
    return ", ".join(f"{i} {name}" for i, name in enumerate(shown, 1))


def _example(count: int) -> str:
    usual = ["blue", "green", "red", "nir", "swir16", "swir22"]
    names = usual[:count] + [SKIP] * (count - len(usual))
    return f"--bands {','.join(names)} (in file order, '{SKIP}' skips)"
