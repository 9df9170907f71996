"""What the MTL file of a Landsat scene says, and digital numbers to reflectance by it.

An MTL is text (ODL), XML or JSON with the same keys. Of Level 2 it tells the sensor, the date and
the factors of surface reflectance. Of Level 1, top-of-atmosphere reflectance. Landsat 8 and 9, and
every product whose MTL has reflectance factors:
``reflectance = (REFLECTANCE_MULT · DN + REFLECTANCE_ADD) / sin(SUN_ELEVATION)`` (USGS, Landsat 8
Data Users Handbook LSDS-1574, equation 5-3). Older MTLs: radiance from RADIANCE_MULT and
RADIANCE_ADD, or from the minima and maxima, then ``reflectance = π · L · d² / (ESUN ·
sin(SUN_ELEVATION))`` (Chander, Markham, Helder 2009, doi:10.1016/j.rse.2009.01.007, equations 1
and 2, ESUN from tables 3 and 4).
"""

import dataclasses
import json
import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

from obriy.errors import SourceError
from obriy.model.notices import notice, reason_of
from obriy.sources.archives import archive_of, members, read_bytes
from obriy.sources.dates import date_in
from obriy.sources.scaling import Linear
from obriy.tables.sensor import Sensor, SensorBand, load_sensor

SENSORS = {
    "LANDSAT_4": "landsat4_l1",
    "LANDSAT_5": "landsat5_l1",
    "LANDSAT_7": "landsat7_l1",
    "LANDSAT_8": "landsat8_l1",
    "LANDSAT_9": "landsat8_l1",
}

LEVEL2: Final = "landsat_c2l2"
"""Sensor of an MTL of Level 2, whatever the satellite."""
_AGAIN: Final = "Download the MTL file again."
_FORMS: Final = ("mtl.txt", "mtl.xml", "mtl.json")
"""The same facts; the first is the oldest and the best known."""
_SURFACE: Final = "LEVEL2_SURFACE_REFLECTANCE_PARAMETERS"
_NAMED: Final = re.compile(r"L[COTEM]0?(?P<craft>\d)(?:_[A-Z0-9]{4}_)?\d{6}", re.IGNORECASE)
"""How the names of Landsat's files begin, those of before the collections too."""


@dataclasses.dataclass(frozen=True)
class Mtl:
    """What an MTL file says of a scene.

    Attributes:
        path: The file, as GDAL names it.
        values: Values by key, both as text; of Level-2 files only what concerns Level 1.
        sensor: The sensor table that fits; of Level 2 with the factors of the MTL.
        date: Date of acquisition.
        sun_elevation: Degrees above the horizon.
    """

    path: str
    values: Mapping[str, str]
    sensor: Sensor
    date: date
    sun_elevation: float


def read_mtl(path: str | Path) -> Mtl:
    """Read an MTL file, with the key names of before and after 2012.

    Raises:
        SourceError: where it is no MTL, or of a sensor that no table describes.
    """
    name = str(path)
    pairs = list(_pairs(name))
    values = _first(pairs, "LEVEL2")
    sensor = _sensor_of(name, values)
    if values.get("PROCESSING_LEVEL", "").startswith("L2"):
        sensor = _surface(sensor, _of_group(pairs, _SURFACE), name)
    day = _need(values, name, "DATE_ACQUIRED", "ACQUISITION_DATE")
    _need(values, name, "SUN_ELEVATION")
    elevation = _number(values, "SUN_ELEVATION", name)
    if elevation <= 0:
        raise SourceError(
            f"{name}: the sun stands at {elevation:g} degrees: a night image.", "Take a day image."
        )
    if elevation > 90:
        raise SourceError(f"{name}: SUN_ELEVATION is {elevation:g}, above 90.", _AGAIN)
    try:
        acquired = date.fromisoformat(day)
    except ValueError as error:
        raise SourceError(f"{name}: '{day}' is no date of acquisition.", _AGAIN) from error
    return Mtl(name, values, sensor, acquired, elevation)


def _sensor_of(path: str, values: Mapping[str, str]) -> Sensor:
    craft = re.sub(r"LANDSAT_?", "LANDSAT_", values.get("SPACECRAFT_ID", "").upper())
    if values.get("SENSOR_ID", "").upper().startswith("MSS"):
        raise SourceError(
            f"{path} is of the scanner MSS of {craft}, whose four bands have neither blue nor "
            "short-wave infrared: it is not mapped.",
            "Take a scene of TM, ETM+ or OLI (LT04, LT05, LE07, LC08, LC09).",
        )
    if craft not in SENSORS:
        raise SourceError(
            f"{path} is not the MTL of a satellite that is known here ({craft or 'none named'}).",
            f"Known: {', '.join(SENSORS)}; give --scale and --offset for another.",
        )
    return load_sensor(SENSORS[craft])


def _surface(level1: Sensor, values: Mapping[str, str], path: str) -> Sensor:
    """Return the sensor of Level 2: the bands of its satellite, the factors that all share."""
    sensor = load_sensor(LEVEL2)
    name = "OLI" if level1.id == SENSORS["LANDSAT_8"] else "TM"
    products = tuple(p for p in sensor.products if p.name == name)
    sensor = dataclasses.replace(sensor, products=products)
    mult = next((key for key in values if key.startswith("REFLECTANCE_MULT_BAND_")), "")
    add = mult.replace("_MULT_", "_ADD_")
    if not mult or add not in values:
        return sensor
    scale, offset = _number(values, mult, path), _number(values, add, path)
    return dataclasses.replace(sensor, scale=scale, offset=offset)


_Pair = tuple[str, str, str]
"""Group, key and value."""


def _first(pairs: Iterable[_Pair], without: str) -> dict[str, str]:
    """Return keys and values; the first of a repeated key, of no group whose name begins so."""
    values: dict[str, str] = {}
    for group, key, value in pairs:
        if not group.startswith(without):
            values.setdefault(key, value)
    return values


def _of_group(pairs: Iterable[_Pair], wanted: str) -> dict[str, str]:
    return {key: value for group, key, value in pairs if group == wanted}


def _pairs(path: str) -> Iterator[_Pair]:
    """Yield what an MTL holds; nothing where it is none.

    Raises:
        SourceError: where it may not be read.
    """
    text = read_bytes(path).decode("latin-1")
    try:
        if path.lower().endswith("xml"):
            yield from _of_xml(text)
        elif path.lower().endswith("json"):
            yield from _of_json(json.loads(text))
        else:
            yield from _of_odl(text)
    except (ET.ParseError, ValueError, AttributeError) as error:
        raise SourceError(f"{path} is no MTL that can be read ({error}).", _AGAIN) from error


def _of_odl(text: str) -> Iterator[_Pair]:
    group = ""
    for line in text.splitlines():
        key, _, value = (part.strip() for part in line.partition("="))
        if key == "GROUP":
            group = value
        elif key != "END_GROUP" and value:
            yield group, key, value.strip('"')


def _of_xml(text: str) -> Iterator[_Pair]:
    if "<!doctype" in text.lower():
        raise ValueError("it declares entities")
    for group in ET.fromstring(text):  # noqa: S314 - entities would need the DOCTYPE
        for element in group:
            yield group.tag, element.tag, (element.text or "").strip()


def _of_json(root: Any) -> Iterator[_Pair]:
    for whole in root.values():
        for group, content in whole.items():
            for key, value in content.items():
                yield group, key, str(value)


def mtl_values(files: Sequence[str]) -> dict[str, str]:
    """Return keys and values of the MTL among the files of one scene; empty where none is read."""
    try:
        return _first(_pairs(_best(files)[0]), "LEVEL2")
    except (IndexError, SourceError):
        return {}


def _best(files: Sequence[str]) -> list[str]:
    """Return the MTLs of different scenes, each in the form that is known best."""
    found: dict[str, str] = {}
    for form in reversed(_FORMS):
        found |= {f[: -len(form)]: f for f in files if f.lower().endswith(form)}
    return list(found.values())


def mtl_of(
    path: str, files: Sequence[str], guess: Sensor | None
) -> tuple[Mtl | None, tuple[str, ...]]:
    """Read the MTL that lies with files, unless it is of others.

    Args:
        path: The MTL.
        files: Raster files of one scene.
        guess: Whose they are by all else; None: not known.

    Returns:
        The MTL, or None where it is not theirs; and what is said of it.

    Raises:
        SourceError: where it cannot be read. Of Level 2, whose factors are always the same, that is
            said instead.
    """
    try:
        mtl = read_mtl(path)
    except SourceError as error:
        if guess is None or guess.id != LEVEL2:
            raise
        return None, (notice("mtl_unread", why=reason_of(error)),)
    said = _contradiction(mtl, files)
    if said:
        return None, (said,)
    if guess is None or guess.id == mtl.sensor.id:
        return mtl, ()
    # The MTL of Level 2 has the factors of the Level 1 that it was made from, too.
    below = guess.id in SENSORS.values() and mtl.sensor.id == LEVEL2
    return dataclasses.replace(mtl, sensor=guess) if below else None, ()


def _contradiction(mtl: Mtl, files: Sequence[str]) -> str:
    """Say in what an MTL and the names of Landsat's files contradict each other; else nothing."""
    craft = mtl.values.get("SPACECRAFT_ID", "")[-1:]
    for name in (Path(file).name for file in files):
        named = _NAMED.match(name)
        day = date_in(name) if named else None
        if named and (named["craft"] != craft or day not in (None, mtl.date.isoformat())):
            return notice(
                "mtl_of_another", mtl=Path(mtl.path).name, craft=craft, date=str(mtl.date),
                name=name,
            )  # fmt: skip
    return ""


def _need(values: Mapping[str, str], path: str, *keys: str) -> str:
    found = next((values[k] for k in keys if k in values), None)
    if found is None:
        raise SourceError(f"{path} does not say {keys[0]}.", _AGAIN)
    return found


def _number(values: Mapping[str, str], key: str, path: str) -> float:
    try:
        found = float(values[key])
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise SourceError(f"{path}: {key} is '{values[key]}', which is no number.", _AGAIN)
    return found


def toa_factors(mtl: Mtl) -> dict[str, Linear]:
    """Return factor and offset from DN to top-of-atmosphere reflectance, by common name.

    Raises:
        SourceError: where the MTL lacks the factors of a band.
    """
    reflective = [b for b in mtl.sensor.bands if b.reflective]
    found = {b.common: _band_factors(mtl, b) for b in reflective}
    return {name: linear for name, linear in found.items() if linear is not None}


def _band_factors(mtl: Mtl, band: SensorBand) -> Linear | None:
    number = band.id.removeprefix("B")
    sine = math.sin(math.radians(mtl.sun_elevation))
    pair = _pair(mtl, f"REFLECTANCE_MULT_BAND_{number}", f"REFLECTANCE_ADD_BAND_{number}")
    if pair is not None:
        return Linear(pair.scale / sine, pair.offset / sine)
    radiance = _radiance(mtl, number)
    if radiance is None or band.esun is None:
        return None
    factor = math.pi * earth_sun_distance(mtl) ** 2 / (band.esun * sine)
    return Linear(radiance.scale * factor, radiance.offset * factor)


def _radiance(mtl: Mtl, number: str) -> Linear | None:
    """Return factors to radiance, W/(m² sr µm); from minima and maxima where there are no others.

    The minima and maxima come first where both are there: Landsat 5 files print the factors with
    three decimals only.
    """
    ends = [
        next((_number(mtl.values, k, mtl.path) for k in keys if k in mtl.values), None)
        for keys in (
            (f"RADIANCE_MAXIMUM_BAND_{number}", f"LMAX_BAND{number}"),
            (f"RADIANCE_MINIMUM_BAND_{number}", f"LMIN_BAND{number}"),
            (f"QUANTIZE_CAL_MAX_BAND_{number}", f"QCALMAX_BAND{number}"),
            (f"QUANTIZE_CAL_MIN_BAND_{number}", f"QCALMIN_BAND{number}"),
        )
    ]
    if all(e is not None for e in ends):
        high, low, dn_high, dn_low = (float(e) for e in ends if e is not None)
        if dn_high == dn_low:
            raise SourceError(f"{mtl.path}: band {number} has counts of one number only.", _AGAIN)
        scale = (high - low) / (dn_high - dn_low)
        return Linear(scale, low - scale * dn_low)
    return _pair(mtl, f"RADIANCE_MULT_BAND_{number}", f"RADIANCE_ADD_BAND_{number}")


def _pair(mtl: Mtl, mult: str, add: str) -> Linear | None:
    if mult not in mtl.values or add not in mtl.values:
        return None
    return Linear(_number(mtl.values, mult, mtl.path), _number(mtl.values, add, mtl.path))


def earth_sun_distance(mtl: Mtl) -> float:
    """Return the distance of the Earth from the sun, astronomical units.

    From the MTL, else ``1 - 0.01672 cos(0.9856° (day of year - 4))`` (accurate to 0.0003; the
    table of Chander et al. 2009 to 0.00001).
    """
    if "EARTH_SUN_DISTANCE" in mtl.values:
        return _number(mtl.values, "EARTH_SUN_DISTANCE", mtl.path)
    day = mtl.date.timetuple().tm_yday
    return 1 - 0.01672 * math.cos(math.radians(0.9856 * (day - 4)))


def mtl_beside(files: list[str], given: list[str]) -> str | None:
    """Return the MTL that was given, else the only one beside the files, else None.

    Args:
        files: Raster files of one scene.
        given: MTL files that the user named; the same in several forms counts as one.

    Raises:
        SourceError: where several were given.
    """
    best = _best(given)
    if len(best) > 1:
        names = ", ".join(Path(p).name for p in best)
        raise SourceError(f"Several MTL files were given: {names}.", "Open one scene at a time.")
    if best:
        return best[0]
    archive, folder = archive_of(files[0]), Path(files[0]).parent
    if archive is None and not folder.is_dir():
        return None
    beside = [str(f) for f in folder.iterdir()] if archive is None else members(archive)
    found = _best(beside)
    return found[0] if len(found) == 1 else None
