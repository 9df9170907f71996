"""Landsat Level-1 digital numbers to top-of-atmosphere reflectance, by the scene's MTL file.

Landsat 8 and 9, and every product whose MTL has reflectance factors:
``reflectance = (REFLECTANCE_MULT · DN + REFLECTANCE_ADD) / sin(SUN_ELEVATION)`` (USGS, Landsat 8
Data Users Handbook LSDS-1574, equation 5-3). Older MTLs: radiance from RADIANCE_MULT and
RADIANCE_ADD, or from the minima and maxima, then ``reflectance = π · L · d² / (ESUN ·
sin(SUN_ELEVATION))`` (Chander, Markham, Helder 2009, doi:10.1016/j.rse.2009.01.007, equations 1
and 2, ESUN from tables 3 and 4).
"""

import dataclasses
import math
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final

from obriy.errors import SourceError
from obriy.sources.scaling import Linear
from obriy.tables.sensor import Sensor, SensorBand, load_sensor

SENSORS = {
    "LANDSAT_5": "landsat5_l1",
    "LANDSAT_7": "landsat7_l1",
    "LANDSAT_8": "landsat8_l1",
    "LANDSAT_9": "landsat8_l1",
}

_AGAIN: Final = "Download the MTL file again."


@dataclasses.dataclass(frozen=True)
class Mtl:
    """What an MTL file says of a scene.

    Attributes:
        path: The file.
        values: Values by key, both as text; of Level-2 files only what concerns Level 1.
        sensor: The sensor table that fits.
        date: Date of acquisition.
        sun_elevation: Degrees above the horizon.
    """

    path: Path
    values: Mapping[str, str]
    sensor: Sensor
    date: date
    sun_elevation: float


def read_mtl(path: Path) -> Mtl:
    """Read an MTL file, with the key names of before and after 2012.

    Raises:
        SourceError: where it is no MTL, or of a satellite that no table describes.
    """
    try:
        text = path.read_bytes().decode("latin-1")
    except OSError as error:
        raise SourceError(f"{path} may not be read ({error.strerror}).", "") from error
    values = _parse(text)
    craft = re.sub(r"LANDSAT_?", "LANDSAT_", values.get("SPACECRAFT_ID", "").upper())
    if craft not in SENSORS:
        raise SourceError(
            f"{path} is not the MTL of a satellite that is known here ({craft or 'none named'}).",
            f"Known: {', '.join(SENSORS)}; give --scale and --offset for another.",
        )
    day = _need(values, path, "DATE_ACQUIRED", "ACQUISITION_DATE")
    _need(values, path, "SUN_ELEVATION")
    elevation = _number(values, "SUN_ELEVATION", path)
    if elevation <= 0:
        raise SourceError(
            f"{path}: the sun stands at {elevation:g} degrees: a night image.", "Take a day image."
        )
    if elevation > 90:
        raise SourceError(f"{path}: SUN_ELEVATION is {elevation:g}, above 90.", _AGAIN)
    try:
        acquired = date.fromisoformat(day)
    except ValueError as error:
        raise SourceError(f"{path}: '{day}' is no date of acquisition.", _AGAIN) from error
    return Mtl(path, values, load_sensor(SENSORS[craft]), acquired, elevation)


def _parse(text: str) -> dict[str, str]:
    """Return keys and values; the first of a repeated key, but Level-1 factors before Level-2."""
    values: dict[str, str] = {}
    group = ""
    for line in text.splitlines():
        key, _, value = (part.strip() for part in line.partition("="))
        if key == "GROUP":
            group = value
        elif key == "END_GROUP" or not value:
            continue
        elif not group.startswith("LEVEL2"):
            values.setdefault(key, value.strip('"'))
    return values


def _need(values: Mapping[str, str], path: Path, *keys: str) -> str:
    found = next((values[k] for k in keys if k in values), None)
    if found is None:
        raise SourceError(f"{path} does not say {keys[0]}.", _AGAIN)
    return found


def _number(values: Mapping[str, str], key: str, path: Path) -> float:
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


def mtl_beside(files: list[str], given: list[Path]) -> Path | None:
    """Return the MTL that was given, else the only one in the folder of the files, else None.

    Args:
        files: Raster files of one scene.
        given: MTL files that the user named.

    Raises:
        SourceError: where several were given.
    """
    if len(given) > 1:
        names = ", ".join(p.name for p in given)
        raise SourceError(f"Several MTL files were given: {names}.", "Open one scene at a time.")
    if given:
        return given[0]
    folder = Path(files[0]).parent
    if not folder.is_dir():
        return None
    beside = [f for f in folder.iterdir() if f.name.lower().endswith("mtl.txt")]
    return beside[0] if len(beside) == 1 else None
