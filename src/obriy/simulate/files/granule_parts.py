"""Pieces of MODIS granules: counts of the L1B scale, and fields with their attributes."""

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obriy.simulate.files.hdf_eos import Attribute, Field

Float = npt.NDArray[np.floating[Any]]
Counts = npt.NDArray[np.uint16]

LARGEST: Final = 32_767
FILL: Final = 65_535
SATURATED: Final = 65_533
DEAD: Final = 65_531
BELOW: Final = 65_530
ABOVE: Final = 65_529
NO_AGGREGATE: Final = 65_528
"""Counts above 32767 say why there is none (L1B EV 500m File Specification, section II)."""
LOWEST_DN, HIGHEST_DN = -40, 4095
"""Digital counts at both ends of the scale (MODIS Level 1B ATBD, scaled integers)."""
OFFSET: Final = -LOWEST_DN * LARGEST / (HIGHEST_DN - LOWEST_DN)
TOPS: Final = (1.45, 0.97, 1.10, 1.00, 0.83, 1.10, 0.92)
"""Reflectance times cosine at the end of the scale, by band: made up, of the usual order."""
SUNLIGHT: Final = (1606.0, 992.0, 2088.0, 1866.0, 474.0, 241.0, 91.0)
"""Irradiance of the sun by band, W/m²/µm, roughly: radiances are written and never read."""
LINES: Final = {250: 40, 500: 20, 1000: 10}
"""Lines of a scan by the size of the pixels, m."""
DETECTORS: Final = 490
"""Of all bands: 40 each of bands 1 and 2, 20 each of 3 to 7, 10 each of the others."""
_AGGREGATED: Final = 2
"""Bands 1 and 2 come to 500 m by aggregation."""
_NO_POSITION: Final = {"L1B": -999.9, "GEO": -999.0, "mod35": -999.99}
_SAMPLES: Final = 6
"""250 m samples that make one of 500 m."""


def scale_of(band: int) -> float:
    """Return reflectance times cosine per count, of a band by its place from 0."""
    return TOPS[band] / (LARGEST - OFFSET)


def counts_of(reflectance: Float, band: int, saturation: float) -> Counts:
    """Return scaled integers.

    Args:
        reflectance: Times the cosine of the sun's zenith angle; NaN is missing.
        band: Its place from 0.
        saturation: Where the detector saturates, on the same scale.
    """
    with np.errstate(invalid="ignore"):
        scaled = np.rint(reflectance / scale_of(band) + OFFSET)
        counts: Counts = scaled.clip(0, LARGEST).astype("uint16")
        counts[scaled < 0] = BELOW
        too_bright = reflectance > saturation
    beyond = scaled > LARGEST
    if band < _AGGREGATED:
        counts[too_bright | beyond] = NO_AGGREGATE
    else:
        counts[beyond] = ABOVE
        counts[too_bright] = SATURATED
    counts[np.isnan(reflectance)] = FILL
    return counts


def bands_of(
    counts: Counts, name: str, size: str, numbers: tuple[int, ...], time: str
) -> list[Field]:
    """Return the fields of a group of bands.

    Args:
        counts: (bands, lines, samples).
        name: Name of the field.
        size: ``"250M"`` or ``"500M"``.
        numbers: Numbers of the bands.
        time: Start of the granule, ISO 8601.
    """
    dims = (f"Band_{size}", "20*nscans", "2*Max_EV_frames")
    aggregated = "Aggregated 500M " if size == "250M" else ""
    title = f"Earth View {size} {aggregated}Reflective Solar Bands"
    scales = np.array([scale_of(n - 1) for n in numbers], "float32")
    suns = np.array([SUNLIGHT[n - 1] for n in numbers], "float32")
    radiance = scales * suns / np.float32(math.pi * sun_distance(time) ** 2)
    offsets = np.full(len(numbers), OFFSET, "float32")
    digital = np.full(len(numbers), (HIGHEST_DN - LOWEST_DN) / LARGEST, "float32")
    about = attributes_of("uint16", (0, LARGEST), FILL, f"{title} Scaled Integers", "none")
    about["band_names"] = ",".join(map(str, numbers))
    for quantity, factors, unit in (
        ("radiance", radiance, "Watts/m^2/micrometer/steradian"),
        ("reflectance", scales, "none"),
        ("corrected_counts", digital, "counts"),
    ):
        about[f"{quantity}_scales"] = factors
        about[f"{quantity}_offsets"] = offsets
        about[f"{quantity}_units"] = unit
    fields = [
        Field(name, counts, dims, about),
        Field(f"{name}_Uncert_Indexes", _uncertainty(counts), dims, _doubts(title, len(numbers))),
        Field(
            f"Band_{size}",
            np.array(numbers, "float32"),
            (f"Band_{size}",),
            {"long_name": f"{size} Band Numbers for Subsetting"},
            in_swath=False,
        ),
    ]
    if aggregated:
        used = np.where(counts <= LARGEST, _SAMPLES, 0).astype("int8")
        used[counts == FILL] = -1
        about = attributes_of(
            "int8", (0, _SAMPLES), -1, f"{title} Number of Samples Used in Aggregation", "none"
        )
        fields.append(Field(f"{name}_Samples_Used", used, dims, about))
    return fields


def positions_of(lon: Float, lat: Float, dims: tuple[str, str], product: str) -> list[Field]:
    """Return the fields Latitude and Longitude; NaN becomes the product's fill value."""
    fields = []
    for name, degrees, limit in (("Latitude", lat, 90.0), ("Longitude", lon, 180.0)):
        missing = np.float32(_NO_POSITION[product])
        values = np.where(np.isnan(degrees), missing, degrees).astype("float32")
        about = attributes_of("float32", (-limit, limit), float(missing), name, "degrees")
        fields.append(Field(name, values, dims, about))
    return fields


def hundredths(degrees: Float) -> npt.NDArray[np.int16]:
    """Return degrees as whole hundredths; NaN becomes -32767."""
    return np.where(np.isnan(degrees), -32_767, np.rint(degrees * 100)).astype("int16")


def attributes_of(
    dtype: str, valid: tuple[float, float], fill: float, title: str = "", units: str = ""
) -> dict[str, Attribute]:
    """Return the attributes that every field has."""
    texts: dict[str, Attribute] = {"long_name": title, "units": units}
    numbers: dict[str, Attribute] = {
        "valid_range": np.array(valid, dtype),
        "_FillValue": np.array(fill, dtype),
    }
    return {name: text for name, text in texts.items() if text} | numbers


def night_scans(sun_zenith: Float, lines: int = LINES[500]) -> npt.NDArray[np.bool_]:
    """Say of each scan whether the sun stands below the horizon in its middle."""
    return np.asarray(sun_zenith[lines // 2 :: lines, sun_zenith.shape[1] // 2] >= 90)


def dead_list(dead: Mapping[int, Sequence[int]]) -> npt.NDArray[np.int8]:
    """Return 1 for each detector that is dead, of all 490 in the order of bands."""
    flags = np.zeros(DETECTORS, "int8")
    for band, lines in dead.items():
        first = 2 * LINES[250] + (band - 3) * LINES[500]
        flags[[first + line for line in lines]] = 1
    return flags


def sun_distance(time: str) -> float:
    """Return the distance to the sun, astronomical units (Astronomical Almanac, section C)."""
    since = dt.datetime.fromisoformat(time) - dt.datetime(2000, 1, 1, 12)
    days = since.total_seconds() / 86_400
    anomaly = math.radians(357.528 + 0.9856003 * days)
    return 1.00014 - 0.01671 * math.cos(anomaly) - 0.00014 * math.cos(2 * anomaly)


def _uncertainty(counts: Counts) -> npt.NDArray[np.uint8]:
    """Return the index of uncertainty: 4 where there is a number, 15 unusable, 255 fill."""
    index = np.where(counts <= LARGEST, 4, 15).astype("uint8")
    index[counts == FILL] = 255
    return index


def _doubts(title: str, bands: int) -> dict[str, Attribute]:
    about = attributes_of("uint8", (0, 15), 255, f"{title} Uncertainty Indexes", "none")
    about["specified_uncertainty"] = np.full(bands, 1.5, "float32")
    about["scaling_factor"] = np.full(bands, 7.0, "float32")
    about["uncertainty_units"] = "percent"
    return about
