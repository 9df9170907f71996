"""MODIS granules as NASA ships them, filled with light that is known: MOD02HKM, MOD03, MOD35.

Written after the products' specifications, and never after our readers: MCST, "MODIS Level 1B
Product User's Guide" and "L1B EV 500m File Specification" V6.1.9; GSFC, "MODIS Geolocation Product
Format" V6.0.3; "MODIS HDF File Specification MOD35_L2". Left out is what nothing reads: the
per-scan Vdata, the change flags of the DC restore, and the archive metadata.
"""

import dataclasses
import datetime as dt
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from obriy.errors import InputError
from obriy.simulate.files.granule_parts import (
    DEAD,
    FILL,
    LINES,
    TOPS,
    Float,
    attributes_of,
    bands_of,
    counts_of,
    dead_list,
    hundredths,
    night_scans,
    positions_of,
    sun_distance,
)
from obriy.simulate.files.hdf_eos import Attribute, Field, Swath, core_metadata, write_hdf_eos
from obriy.simulate.orbit import SCAN_S, Angles, Satellite

Product = Literal["02HKM", "03", "35_L2"]

DEAD_LINES: Final[Mapping[Satellite, Mapping[int, tuple[int, ...]]]] = {
    "terra": {},
    "aqua": {6: (1, 4, 5, 9, 11, 12, 13, 14, 15, 17, 18, 19)},
}
"""500 m lines of a scan, from 0, whose detectors are dead, by band: 12 of 20 of Aqua's band 6
(Gladkova et al. 2012, doi:10.1109/TGRS.2011.2173499)."""
COLLECTION: Final = 61
PRODUCED_AFTER: Final = dt.timedelta(hours=10, minutes=50)
"""Names carry the time of production; ours must not depend on the clock."""
NOT_DETERMINED: Final = 255
_LAND, _COAST = 1, 2


@dataclasses.dataclass(frozen=True)
class Fault:
    """A stretch that the instrument or the processing lost.

    Attributes:
        band: 1 to 7.
        lines: 500 m lines of the granule.
        samples: 500 m samples.
        count: The number written there, e.g. 65534.
    """

    band: int
    lines: slice
    samples: slice
    count: int


def granule_name(product: Product, time: str, satellite: Satellite) -> str:
    """Return a file name as NASA gives it, e.g. ``MOD02HKM.A2021049.0225.061.….hdf``.

    Args:
        product: The product without its satellite: ``"02HKM"``, ``"03"`` or ``"35_L2"``.
        time: Start of the granule, ISO 8601, UTC.
        satellite: ``"terra"`` (MOD) or ``"aqua"`` (MYD).
    """
    start = dt.datetime.fromisoformat(time)
    made = start + PRODUCED_AFTER
    return (
        f"{_short_name(product, satellite)}.A{start:%Y%j}.{start:%H%M}"
        f".{COLLECTION:03d}.{made:%Y%j%H%M%S}.hdf"
    )


def write_granule(
    path: Path,
    *,
    satellite: Satellite,
    time: str,
    reflectance: Float,
    sun_zenith: Float,
    lon: Float,
    lat: Float,
    saturation: Sequence[float] | None = None,
    dead: Mapping[int, Sequence[int]] | None = None,
    faults: Sequence[Fault] = (),
) -> Path:
    """Write a granule of MOD02HKM or MYD02HKM.

    Scans whose middle has the sun below the horizon are of night mode and hold no reflectance.

    Args:
        path: The file wanted; `granule_name` gives the name that it should have.
        satellite: ``"terra"`` or ``"aqua"``.
        time: Start of the granule, ISO 8601, UTC.
        reflectance: (7, lines, samples) of bands 1 to 7 at 500 m, already divided by the cosine of
            the sun's zenith angle; NaN becomes the fill value.
        sun_zenith: (lines, samples) degrees.
        lon: (lines / 2, samples / 2) degrees, of the 1 km pixels; NaN is missing.
        lat: Likewise.
        saturation: Reflectance times that cosine, by band, from which a detector saturates; None:
            never before the end of the scale. In bands 1 and 2 the aggregation fails there.
        dead: Dead detectors (500 m lines of a scan, from 0) by band; None: the satellite's own.
        faults: What else was lost.

    Returns:
        The path.

    Raises:
        InputError: shapes that do not fit.
        OutputError: where the file cannot be written.
    """
    _check_shapes(reflectance, sun_zenith, lon, lat)
    cosine = np.cos(np.radians(np.asarray(sun_zenith, "float32"))).clip(0)
    night = night_scans(sun_zenith)
    dead = DEAD_LINES[satellite] if dead is None else dead
    limits = [math.inf] * len(TOPS) if saturation is None else saturation
    counts = np.stack([counts_of(reflectance[i] * cosine, i, limits[i]) for i in range(len(TOPS))])
    for band, lines in dead.items():
        for line in lines:
            stripe = counts[band - 1, line :: LINES[500]]
            stripe[stripe != FILL] = DEAD
    for fault in faults:
        counts[fault.band - 1, fault.lines, fault.samples] = fault.count
    counts[:, np.repeat(night, LINES[500])] = FILL
    fields = [
        *positions_of(lon, lat, ("10*nscans", "Max_EV_frames"), "L1B"),
        *bands_of(counts[2:], "EV_500_RefSB", "500M", (3, 4, 5, 6, 7), time),
        *bands_of(counts[:2], "EV_250_Aggr500_RefSB", "250M", (1, 2), time),
    ]
    swath = Swath(
        "MODIS_SWATH_Type_L1B",
        (("10*nscans", "20*nscans", 0, 2), ("Max_EV_frames", "2*Max_EV_frames", 0, 2)),
    )
    frames = lon.shape[1]
    attributes: dict[str, Attribute] = {
        "CoreMetadata.0": _core("02HKM", time, satellite, night),
        "Number of Scans": np.int32(night.size),
        "Number of Day mode scans": np.int32((~night).sum()),
        "Number of Night mode scans": np.int32(night.sum()),
        "Incomplete Scans": np.int32(_empty(counts).sum() - night.sum()),
        "Max Earth View Frames": np.int32(frames),
        "Dead Detector List": dead_list(dead),
        "Earth-Sun Distance": np.float32(sun_distance(time)),
        "HDFEOS_FractionalOffset_20*nscans_MODIS_SWATH_Type_L1B": np.float32(0.5),
        "HDFEOS_FractionalOffset_2*Max_EV_frames_MODIS_SWATH_Type_L1B": np.float32(0.0),
    }
    return write_hdf_eos(path, swath, fields, attributes)


def write_geolocation(
    path: Path,
    *,
    satellite: Satellite,
    time: str,
    lon: Float,
    lat: Float,
    angles: Angles,
    land_sea: npt.NDArray[np.uint8],
    height: npt.NDArray[np.int16] | None = None,
) -> Path:
    """Write the MOD03 or MYD03 of a granule.

    Args:
        path: The file wanted.
        satellite: ``"terra"`` or ``"aqua"``.
        time: Start of the granule, ISO 8601, UTC.
        lon: (lines, frames) of the 1 km pixels, degrees; NaN is missing.
        lat: Likewise.
        angles: Directions to the satellite and the sun, on the same pixels; NaN is missing.
        land_sea: Codes of the product: 0 shallow ocean, 1 land, 2 coast, 3 shallow inland water,
            4 ephemeral water, 5 deep inland water, 6 moderate ocean, 7 deep ocean, 221 missing.
        height: Above the geoid, m; None: 0 everywhere.
    """
    dims = ("nscans*10", "mframes")
    directions = {
        "SensorZenith": (angles.view_zenith, 0),
        "SensorAzimuth": (angles.view_azimuth, -18_000),
        "SolarZenith": (angles.sun_zenith, 0),
        "SolarAzimuth": (angles.sun_azimuth, -18_000),
    }
    above = np.zeros(lon.shape, "int16") if height is None else height
    fields = [
        *positions_of(lon, lat, dims, "GEO"),
        Field(
            "Height", above, dims, attributes_of("int16", (-400, 10_000), -32_767, units="meters")
        ),
    ]
    for name, (degrees, low) in directions.items():
        about = attributes_of("int16", (low, 18_000), -32_767, units="degrees")
        about["scale_factor"] = np.float64(0.01)
        fields.append(Field(name, hundredths(degrees), dims, about))
    fields.append(
        Field("Land/SeaMask", land_sea.astype("uint8"), dims, attributes_of("uint8", (0, 7), 221))
    )
    night = night_scans(angles.sun_zenith, LINES[1000])
    attributes: dict[str, Attribute] = {
        "CoreMetadata.0": _core("03", time, satellite, night),
        "Number of Scans": np.int32(night.size),
        "Number of Day mode scans": np.int32((~night).sum()),
        "Number of Night mode scans": np.int32(night.sum()),
        "Max Earth Frames": np.int32(lon.shape[1]),
    }
    return write_hdf_eos(path, Swath("MODIS_Swath_Type_GEO"), fields, attributes)


def write_cloud_mask(
    path: Path,
    *,
    satellite: Satellite,
    time: str,
    lon: Float,
    lat: Float,
    clear: npt.NDArray[np.uint8],
    land_sea: npt.NDArray[np.uint8],
    snow: npt.NDArray[np.bool_] | None = None,
) -> Path:
    """Write the MOD35_L2 or MYD35_L2 of a granule, by day.

    Args:
        path: The file wanted.
        satellite: ``"terra"`` or ``"aqua"``.
        time: Start of the granule, ISO 8601, UTC.
        lon: (lines, frames) of the 1 km pixels, degrees.
        lat: Likewise.
        clear: Confidence of a clear view: 0 cloudy, 1 uncertain, 2 probably clear, 3 confident
            clear, 255 not determined.
        land_sea: Codes of MOD03, as in `write_geolocation`.
        snow: Where the background counts as snow or ice; None: nowhere.
    """
    pixel, five_km = ("Cell_Along_Swath_1km", "Cell_Across_Swath_1km"), slice(2, None, 5)
    frames = slice(2, lon.shape[1] // 5 * 5, 5)
    determined = clear != NOT_DETERMINED
    background = np.zeros(clear.shape, bool) if snow is None else snow
    ground = np.select([land_sea == _LAND, land_sea == _COAST], [3, 1], 0)
    # Bits: 0 determined, 1-2 confidence, 3 day, 4 no glint, 5 no snow, 6-7 kind of ground.
    first = 1 | np.where(determined, clear, 0) << 1 | 1 << 3 | 1 << 4 | ~background << 5
    mask = np.zeros((6, *clear.shape), "uint8")
    mask[0] = np.where(determined, first | ground << 6, 0)
    fields = [
        *positions_of(
            lon[five_km, frames],
            lat[five_km, frames],
            ("Cell_Along_Swath_5km", "Cell_Across_Swath_5km"),
            "mod35",
        ),
        Field(
            "Cloud_Mask",
            mask.view("int8"),
            ("Byte_Segment", *pixel),
            {
                "valid_range": np.array([0, -1], "int8"),
                "_FillValue": np.int8(0),
                "long_name": "MODIS Cloud Mask and Spectral Test Results",
                "units": "none",
                "scale_factor": np.float64(1),
                "add_offset": np.float64(0),
                "Geolocation_Pointer": "External MODIS geolocation product",
            },
        ),
        Field(
            "Quality_Assurance",
            np.zeros((*clear.shape, 10), "int8"),
            (*pixel, "QA_Dimension"),
            attributes_of("int8", (0, -1), 0, "Quality Assurance for Cloud Mask"),
        ),
    ]
    night = np.zeros(clear.shape[0] // LINES[1000], bool)
    attributes: dict[str, Attribute] = {
        "CoreMetadata.0": _core("35_L2", time, satellite, night),
        "Number_of_Instrument_Scans": np.int32(night.size),
        "Maximum_Number_of_1km_Frames": np.int32(clear.shape[1]),
        "title": "MODIS Level 2 Cloud Mask",
    }
    return write_hdf_eos(path, Swath("mod35"), fields, attributes)


def _short_name(product: Product, satellite: Satellite) -> str:
    return ("MOD" if satellite == "terra" else "MYD") + product


def _core(product: Product, time: str, satellite: Satellite, night: npt.NDArray[np.bool_]) -> str:
    """Return ``CoreMetadata.0`` of a granule."""
    start = dt.datetime.fromisoformat(time)
    end = start + dt.timedelta(seconds=night.size * SCAN_S)
    when = "Both" if night.any() and not night.all() else "Night" if night.any() else "Day"
    clock = "%H:%M:%S.%f"
    return core_metadata(
        {
            "ECSDATAGRANULE": {
                "LOCALGRANULEID": granule_name(product, time, satellite),
                "PRODUCTIONDATETIME": f"{start + PRODUCED_AFTER:%Y-%m-%dT%H:%M:%S.000Z}",
                "DAYNIGHTFLAG": when,
                "REPROCESSINGACTUAL": "processed once",
            },
            "COLLECTIONDESCRIPTIONCLASS": {
                "VERSIONID": COLLECTION,
                "SHORTNAME": _short_name(product, satellite),
            },
            "RANGEDATETIME": {
                "RANGEENDINGDATE": f"{end:%Y-%m-%d}",
                "RANGEENDINGTIME": end.strftime(clock),
                "RANGEBEGINNINGDATE": f"{start:%Y-%m-%d}",
                "RANGEBEGINNINGTIME": start.strftime(clock),
            },
            "ASSOCIATEDPLATFORMINSTRUMENTSENSOR": {
                "ASSOCIATEDPLATFORMSHORTNAME": satellite.capitalize(),
                "ASSOCIATEDINSTRUMENTSHORTNAME": "MODIS",
                "ASSOCIATEDSENSORSHORTNAME": "MODIS",
            },
        }
    )


def _check_shapes(reflectance: Float, sun_zenith: Float, lon: Float, lat: Float) -> None:
    lines, frames = lon.shape
    wanted = (len(TOPS), 2 * lines, 2 * frames)
    fits = reflectance.shape == wanted and sun_zenith.shape == wanted[1:] and lat.shape == lon.shape
    if not fits or lines % LINES[1000]:
        raise InputError(
            f"Reflectance of {reflectance.shape} and sun of {sun_zenith.shape} do not go with "
            f"positions of {lon.shape} and {lat.shape}.",
            "Give 10 lines of positions per scan, and twice as many lines and samples of 7 bands.",
        )


def _empty(counts: npt.NDArray[np.uint16]) -> npt.NDArray[np.bool_]:
    """Say of each scan whether there is nothing in it."""
    scans = (counts == FILL).reshape(len(TOPS), -1, LINES[500], counts.shape[2])
    return np.asarray(scans.all(axis=(0, 2, 3)))
