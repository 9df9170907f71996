"""Granules of VIIRS as NASA ships them, written with netCDF4 alone.

After the products' specifications, and never after our reader: LAADS, VNP02MOD V3.0.0 and VNP03MOD
V2.0.9; NASA VIIRS Level-1B Product User Guide 1.0, appendix 1 for the quality flags. Left out is
what nothing reads: telemetry, tables of brightness temperatures but one, unused bands but one.
"""

import netCDF4
import numpy as np

BANDS = ("M05", "M07", "M03", "M04", "M08", "M10", "M11")
"""For bands 1 to 7 of MODIS: 672, 865, 488, 555, 1240, 1610 and 2250 nm."""
SCALE = 2e-5
LARGEST, MISSING, DELETED, FAILED, FILL = 65_527, 65_532, 65_533, 65_534, 65_535
SATURATION, LOW_GAIN, SOME_SATURATION, BOWTIE, MISSING_EV, CAL_FAIL = 4, 16, 128, 256, 512, 1024
"""Bits of the quality flags."""
PLATFORM = {"VNP": "SUOMI-NPP", "VJ1": "JPSS-1", "VJ2": "JPSS-2"}
LINES = ("number_of_lines", "number_of_pixels")


def name_of(product, time="2026-02-18T03:48", collection="002"):
    """A file name as NASA gives it."""
    when = np.datetime64(time, "m").item()
    return f"{product}.A{when:%Y%j}.{when:%H%M}.{collection}.2026050120000.nc"


def deleted(lines, samples):
    """What the instrument deletes of each scan of 16 lines: at 3200 samples, else nothing."""
    line, sample = np.mgrid[:lines, :samples]
    line %= 16
    if samples != 3200:
        return np.zeros((lines, samples), bool)
    edge, outer = (sample < 1008) | (sample >= 2192), (sample < 640) | (sample >= 2560)
    return (np.isin(line, (0, 15)) & edge) | (np.isin(line, (1, 14)) & outer)


def counts_of(reflectance, sun_zenith):
    """Counts and quality flags of reflectance that was divided by the cosine of the sun's angle."""
    light = reflectance * np.cos(np.radians(sun_zenith))
    counts = np.clip(np.rint(light / SCALE), 0, LARGEST)
    known = np.isfinite(light)
    numbers = np.where(known, np.where(known, counts, 0), MISSING).astype("uint16")
    flags = np.where(known, 0, MISSING_EV).astype("uint16")
    gone = deleted(*sun_zenith.shape)
    numbers[:, gone], flags[:, gone] = DELETED, BOWTIE
    return numbers, flags


def write_mod(path, counts, flags=None, *, family="VNP", day="Day", leave_out=(), **attributes):
    """Write the M-bands of a granule from counts (7, lines, samples), and their quality flags."""
    flags = np.zeros_like(counts) if flags is None else flags
    with netCDF4.Dataset(path, "w") as file:
        _about(file, f"{family}02MOD", family, path, day, attributes)
        _dimensions(file, counts.shape[1:])
        group = file.createGroup("observation_data")
        for band, numbers, quality in zip(BANDS, counts, flags, strict=True):
            if band not in leave_out:
                _band(group, band, numbers)
            if f"{band}_flags" not in leave_out:
                _flags(group, band, quality)
        _band(group, "M15", np.full(counts.shape[1:], 9000, "uint16"))
        file.createDimension("number_of_LUT_values", 65_536)
        table = group.createVariable(
            "M15_brightness_temperature_lut", "f4", ("number_of_LUT_values",)
        )
        table[:] = np.linspace(180, 350, 65_536)
    return path


def write_geo(path, lon, lat, *, sun=60.0, view=20.0, mask=7, family="VNP", day="Day",
              product="03MOD", leave_out=()):  # fmt: skip
    """Write the geolocation of a granule; angles and the land/water mask may be arrays."""
    with netCDF4.Dataset(path, "w") as file:
        _about(file, f"{family}{product}", family, path, day, {})
        _dimensions(file, lon.shape)
        group = file.createGroup("geolocation_data")
        for name, degrees, limit in (("latitude", lat, 90), ("longitude", lon, 180)):
            field = _field(group, name, "f4", -999.9)
            field.setncatts({"valid_min": np.float32(-limit), "valid_max": np.float32(limit)})
            field[:] = np.where(np.isfinite(degrees), degrees, -999.9)
        for name, degrees in (("solar_zenith", sun), ("sensor_zenith", view)):
            if name in leave_out:
                continue
            field = _field(group, name, "i2", -32_768)
            field.setncatts({"scale_factor": np.float32(0.01), "add_offset": np.float32(0)})
            field.set_auto_maskandscale(False)
            field[:] = np.rint(np.broadcast_to(degrees, lon.shape) * 100)
        _field(group, "land_water_mask", "u1", 255)[:] = np.broadcast_to(mask, lon.shape)
        _field(group, "quality_flag", "u1", 255)[:] = 0
        _field(group, "height", "i2", -32_768)[:] = 0
    return path


def write_clouds(path, mask, *, family="VNP"):
    """Write a cloud mask: 0 cloudy, 1 probably cloudy, 2 probably clear, 3 clear, -1 unknown."""
    satellite = {"VNP": "SNPP", "VJ1": "NOAA20", "VJ2": "NOAA21"}[family]
    with netCDF4.Dataset(path, "w") as file:
        _about(file, f"CLDMSK_L2_VIIRS_{satellite}", family, path, "Day", {})
        _dimensions(file, mask.shape)
        file.createDimension("byte_segment", 6)
        group = file.createGroup("geophysical_data")
        _field(group, "Integer_Cloud_Mask", "i1", -1)[:] = mask
        bits = group.createVariable("Cloud_Mask", "i1", ("byte_segment", *LINES))
        bits[:] = 0
        _field(group, "Clear_Sky_Confidence", "f4", -999.9)[:] = mask / 3
    return path


def _about(file, product, family, path, day, more):
    """Global attributes; the time is that of the name, else a fixed one."""
    parts = path.name.split(".")
    dated = len(parts) > 3 and parts[1].startswith("A")
    time = f"{parts[1][1:5]}-{parts[1][5:]}T{parts[2]}" if dated else "2026-049T0348"
    when = np.datetime64(f"{time[:4]}-01-01T{time[9:11]}:{time[11:]}") + np.timedelta64(
        int(time[5:8]) - 1, "D"
    )
    told = {
        "ShortName": product,
        "platform": PLATFORM[family].title(),
        "PlatformShortName": PLATFORM[family],
        "instrument": "VIIRS",
        "DayNightFlag": day,
        "time_coverage_start": f"{when}:00.000Z",
        "VersionID": parts[3] if dated else "002",
        "Conventions": "CF-1.6",
        "cdm_data_type": "swath",
    }
    file.setncatts(told | more)


def _dimensions(file, shape):
    for name, size in zip(LINES, shape, strict=True):
        file.createDimension(name, size)
    file.createDimension("number_of_scans", shape[0] // 16)
    times = file.createGroup("scan_line_attributes").createVariable(
        "scan_start_time", "f8", ("number_of_scans",)
    )
    times[:] = 1.05e9 + 1.7864 * np.arange(shape[0] // 16)


def _field(group, name, dtype, fill):
    """A compressed array, cut along scans as the products are."""
    lines, samples = (group.parent.dimensions[d].size for d in LINES)
    return group.createVariable(
        name, dtype, LINES, fill_value=fill, zlib=True, chunksizes=(min(lines, 16), samples)
    )


def _band(group, band, counts):
    field = _field(group, band, "u2", FILL)
    field.setncatts({
        "long_name": f"{band} earth view",
        "valid_min": np.uint16(0),
        "valid_max": np.uint16(LARGEST),
        "scale_factor": np.float32(SCALE),
        "add_offset": np.float32(0),
        "flag_values": np.array([MISSING, DELETED, FAILED], "uint16"),
        "flag_meanings": "Missing_EV Bowtie_Deleted Cal_Fail",
        "radiance_scale_factor": np.float32(0.0098),
        "radiance_add_offset": np.float32(0),
        "radiance_units": "Watts/meter^2/steradian/micrometer",
    })  # fmt: skip
    field.set_auto_maskandscale(False)
    field[:] = counts


def _flags(group, band, flags):
    field = _field(group, f"{band}_quality_flags", "u2", FILL)
    field.setncatts({
        "flag_masks": 2 ** np.arange(12, dtype="uint16"),
        "flag_meanings": "Substitute_Cal Out_of_Range Saturation Temp_not_Nominal Low_Gain "
        "Mixed_Gain DG_Anomaly Some_Saturation Bowtie_Deleted Missing_EV Cal_Fail Dead_Detector",
    })  # fmt: skip
    field.set_auto_maskandscale(False)
    field[:] = flags
