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

from obriy.errors import SourceError
from obriy.sources.scaling import Linear
from obriy.tables.sensor import Sensor, SensorBand, load_sensor

SENSORS = {
    "LANDSAT_5": "landsat5_l1",
    "LANDSAT_7": "landsat7_l1",
    "LANDSAT_8": "landsat8_l1",
    "LANDSAT_9": "landsat8_l1",
}


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
    elevation = float(_need(values, path, "SUN_ELEVATION"))
    if elevation <= 0:
        raise SourceError(f"{path}: the sun stands at {elevation:g} degrees: a night image.", "")
    return Mtl(path, values, load_sensor(SENSORS[craft]), date.fromisoformat(day), elevation)


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
        raise SourceError(f"{path} does not say {keys[0]}.", "Download the MTL file again.")
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
    pair = _pair(mtl.values, f"REFLECTANCE_MULT_BAND_{number}", f"REFLECTANCE_ADD_BAND_{number}")
    if pair is not None:
        return Linear(pair.scale / sine, pair.offset / sine)
    radiance = _radiance(mtl.values, number)
    if radiance is None or band.esun is None:
        return None
    factor = math.pi * earth_sun_distance(mtl) ** 2 / (band.esun * sine)
    return Linear(radiance.scale * factor, radiance.offset * factor)


def _radiance(values: Mapping[str, str], number: str) -> Linear | None:
    """Return factors to radiance, W/(m² sr µm); from minima and maxima where there are no others.

    The minima and maxima come first where both are there: Landsat 5 files print the factors with
    three decimals only.
    """
    ends = [
        next((float(values[k]) for k in keys if k in values), None)
        for keys in (
            (f"RADIANCE_MAXIMUM_BAND_{number}", f"LMAX_BAND{number}"),
            (f"RADIANCE_MINIMUM_BAND_{number}", f"LMIN_BAND{number}"),
            (f"QUANTIZE_CAL_MAX_BAND_{number}", f"QCALMAX_BAND{number}"),
            (f"QUANTIZE_CAL_MIN_BAND_{number}", f"QCALMIN_BAND{number}"),
        )
    ]
    if all(e is not None for e in ends):
        high, low, dn_high, dn_low = (float(e) for e in ends if e is not None)
        scale = (high - low) / (dn_high - dn_low)
        return Linear(scale, low - scale * dn_low)
    return _pair(values, f"RADIANCE_MULT_BAND_{number}", f"RADIANCE_ADD_BAND_{number}")


def _pair(values: Mapping[str, str], mult: str, add: str) -> Linear | None:
    if mult not in values or add not in values:
        return None
    return Linear(float(values[mult]), float(values[add]))


def earth_sun_distance(mtl: Mtl) -> float:
    """Return the distance of the Earth from the sun, astronomical units.

    From the MTL, else ``1 - 0.01672 cos(0.9856° (day of year - 4))`` (accurate to 0.0003; the
    table of Chander et al. 2009 to 0.00001).
    """
    written = mtl.values.get("EARTH_SUN_DISTANCE")
    if written is not None:
        return float(written)
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
