"""Small HDF4 files of MODIS, written with pyhdf alone, for what a whole granule is too large."""

import numpy as np
from pyhdf.SD import SD, SDC

FIELDS = {"EV_250_Aggr500_RefSB": "1,2", "EV_500_RefSB": "3,4,5,6,7"}
SCALE, OFFSET = 5e-5, 300.0
"""Calibration of all bands in the files of `write_hkm`."""
_TYPES = {"uint16": SDC.UINT16, "float32": SDC.FLOAT32, "int16": SDC.INT16, "uint8": SDC.UINT8}


def core(product="MOD02HKM", time="2021-02-18T02:25", collection="61", day="Day"):
    """CoreMetadata.0 as the toolkit writes it, as far as anybody reads it."""
    entries = {
        "SHORTNAME": f'"{product}"',
        "VERSIONID": collection,
        "DAYNIGHTFLAG": f'"{day}"',
        "RANGEBEGINNINGDATE": f'"{time[:10]}"',
        "RANGEBEGINNINGTIME": f'"{time[11:]}:00.000000"',
    }
    return "GROUP = INVENTORYMETADATA\n" + "".join(
        f"  OBJECT = {name}\n    NUM_VAL = 1\n    VALUE = {value}\n  END_OBJECT = {name}\n"
        for name, value in entries.items()
    )


def write_hdf(path, arrays, attributes=None, of=None):
    """Write arrays by name, with global attributes, and attributes of single arrays."""
    file = SD(str(path), SDC.WRITE | SDC.CREATE | SDC.TRUNC)
    for name, value in (attributes or {}).items():
        setattr(file, name, value)
    for name, array in arrays.items():
        sds = file.create(name, _TYPES[str(array.dtype)], array.shape)
        for key, value in (of or {}).get(name, {}).items():
            setattr(sds, key, value)
        sds[:] = array
        sds.endaccess()
    file.end()
    return path


def write_hkm(path, counts, *, product="MOD02HKM", leave_out=(), of=None, attributes=None, **facts):
    """Write a granule from counts, (7, lines, samples) uint16, lying around 132 E, 43 N."""
    _, lines, samples = counts.shape
    arrays = dict(zip(FIELDS, (counts[:2], counts[2:]), strict=True))
    arrays["Longitude"], arrays["Latitude"] = positions(lines // 2, samples // 2)
    calibration = {
        name: {
            "band_names": bands,
            "reflectance_scales": [SCALE] * len(bands.split(",")),
            "reflectance_offsets": [OFFSET] * len(bands.split(",")),
        }
        for name, bands in FIELDS.items()
    }
    for name in leave_out:
        arrays.pop(name)
    metadata = {"CoreMetadata.0": core(product, **facts), **(attributes or {})}
    return write_hdf(path, arrays, metadata, calibration | (of or {}))


def positions(lines, frames):
    """Longitude and latitude of 1 km pixels in straight rows, 0.009 degrees from each other."""
    lat = 43 - 0.009 * np.arange(lines)[:, None] + np.zeros((1, frames))
    lon = 132 + 0.012 * np.arange(frames)[None, :] + np.zeros((lines, 1))
    return lon.astype("float32"), lat.astype("float32")


def write_mod03(path, lines, frames, *, product="MOD03", sun=60.0, land=None, **facts):
    """Write the geolocation of such a granule, under one sun."""
    lon, lat = positions(lines, frames)
    arrays = {
        "Longitude": lon,
        "Latitude": lat,
        "SolarZenith": np.full(lon.shape, round(sun * 100), "int16"),
        "SensorZenith": np.full(lon.shape, 2000, "int16"),
        "Land/SeaMask": np.full(lon.shape, 7, "uint8") if land is None else land,
    }
    return write_hdf(path, arrays, {"CoreMetadata.0": core(product, **facts)})
