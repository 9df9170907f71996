"""Granules as they are written, read back with pyhdf alone and compared with the specification."""

import numpy as np
import pytest

from obriy.errors import InputError
from obriy.simulate.files.granule import (
    Fault,
    granule_name,
    write_cloud_mask,
    write_geolocation,
    write_granule,
)
from obriy.simulate.orbit import Pass

SD = pytest.importorskip("pyhdf.SD").SD
TIME = "2021-02-18T02:25"
SCANS = 2
LINES, FRAMES = 10 * SCANS, 1354


@pytest.fixture(scope="module")
def flight():
    return Pass("aqua", TIME, (131.9, 42.8), scans=SCANS)


def written(path, flight, reflectance, **more):
    lon, lat = flight.positions(1000)
    more.setdefault("sun_zenith", np.full((2 * LINES, 2 * FRAMES), 60.0, "float32"))
    more.setdefault("lon", lon)
    return write_granule(
        path, satellite="aqua", time=TIME, reflectance=reflectance, lat=lat, **more
    )


def flat(value=0.5):
    return np.full((7, 2 * LINES, 2 * FRAMES), value, "float32")


def read(path, name):
    file = SD(str(path))
    field = file.select(name)
    return field.get(), field.attributes(), field.dimensions()


def test_the_name():
    assert granule_name("02HKM", TIME, "terra") == "MOD02HKM.A2021049.0225.061.2021049131500.hdf"
    assert granule_name("35_L2", "2020-12-31T23:55", "aqua").startswith(
        "MYD35_L2.A2020366.2355.061.2021001"
    )


def test_the_fields_are_those_of_the_specification(tmp_path, flight):
    path = written(tmp_path / "a.hdf", flight, flat())
    fields = SD(str(path)).datasets()
    swath = ":MODIS_SWATH_Type_L1B"
    half = (f"20*nscans{swath}", f"2*Max_EV_frames{swath}")
    whole = (f"10*nscans{swath}", f"Max_EV_frames{swath}")
    kinds = {"uint16": 23, "uint8": 21, "int8": 20, "float32": 5}  # numbers of HDF4's types
    wanted = {
        "Latitude": (whole, "float32"),
        "Longitude": (whole, "float32"),
        "EV_500_RefSB": ((f"Band_500M{swath}", *half), "uint16"),
        "EV_500_RefSB_Uncert_Indexes": ((f"Band_500M{swath}", *half), "uint8"),
        "EV_250_Aggr500_RefSB": ((f"Band_250M{swath}", *half), "uint16"),
        "EV_250_Aggr500_RefSB_Uncert_Indexes": ((f"Band_250M{swath}", *half), "uint8"),
        "EV_250_Aggr500_RefSB_Samples_Used": ((f"Band_250M{swath}", *half), "int8"),
        "Band_250M": (("Band_250M",), "float32"),
        "Band_500M": (("Band_500M",), "float32"),
    }
    assert {n: (f[0], f[2]) for n, f in fields.items()} == {
        n: (dims, kinds[kind]) for n, (dims, kind) in wanted.items()
    }
    assert fields["EV_500_RefSB"][1] == (5, 40, 2708)
    _, about, _ = read(path, "EV_500_RefSB")
    assert about["band_names"] == "3,4,5,6,7"
    assert about["valid_range"] == [0, 32767]
    assert about["_FillValue"] == 65535
    assert about["long_name"] == "Earth View 500M Reflective Solar Bands Scaled Integers"
    assert {f"{q}_{w}" for q in ("radiance", "reflectance", "corrected_counts")
            for w in ("scales", "offsets", "units")} < set(about)  # fmt: skip


def test_the_metadata_say_what_the_granule_is(tmp_path, flight):
    about = SD(str(written(tmp_path / "a.hdf", flight, flat()))).attributes()
    core = "".join(about["CoreMetadata.0"].split())
    for name, value in (
        ("SHORTNAME", '"MYD02HKM"'),
        ("VERSIONID", "61"),
        ("DAYNIGHTFLAG", '"Day"'),
        ("RANGEBEGINNINGDATE", '"2021-02-18"'),
        ("RANGEBEGINNINGTIME", '"02:25:00.000000"'),
        ("LOCALGRANULEID", f'"{granule_name("02HKM", TIME, "aqua")}"'),
    ):
        assert f"OBJECT={name}NUM_VAL=1VALUE={value}END_OBJECT={name}" in core
    assert about["Number of Scans"] == about["Number of Day mode scans"] == SCANS
    assert about["Number of Night mode scans"] == about["Incomplete Scans"] == 0
    assert about["Max Earth View Frames"] == 1354
    assert sum(about["Dead Detector List"]) == 12
    # Bands 1 and 2 have 40 detectors each, 3 to 5 have 20: band 6 begins at 140.
    assert about["Dead Detector List"][141] == 1
    assert about["Dead Detector List"][140] == 0
    # 18 February: 46 days after the perihelion, 0.988 au.
    assert about["Earth-Sun Distance"] == pytest.approx(0.988, abs=0.001)
    assert 'DimensionName="20*nscans"' in about["StructMetadata.0"]


def test_counts_give_reflectance_times_the_cosine(tmp_path, flight):
    """Pen and paper: 0.5 under a sun at 60 degrees is 0.25; scale x (SI - offset)."""
    light = flat() * np.linspace(0.4, 1.4, 7, dtype="float32")[:, None, None]
    path = written(tmp_path / "a.hdf", flight, light)
    for name, bands in (("EV_250_Aggr500_RefSB", slice(0, 2)), ("EV_500_RefSB", slice(2, 7))):
        counts, about, _ = read(path, name)
        scales = np.array(about["reflectance_scales"])[:, None, None]
        offsets = np.array(about["reflectance_offsets"])[:, None, None]
        good = counts <= 32767
        assert good.mean() > 0.8
        found = scales * (counts - offsets) / np.cos(np.radians(60))
        np.testing.assert_allclose(found[good], light[bands][good], atol=1e-4)
        assert offsets.min() > 300  # a reader that forgets the offset must notice


def test_what_cannot_be_told_has_its_number(tmp_path, flight):
    light = flat()
    light[:, :20, 0] = np.nan
    light[:, :, 1] = 3.0  # x cos 60: beyond any scale
    light[:, :, 2] = 1.3  # 0.65, beyond the saturation below
    light[:, :, 3] = -0.2
    saturation = [0.6] * 7
    fault = Fault(band=4, lines=slice(0, 20), samples=slice(10, 12), count=65534)
    path = written(tmp_path / "a.hdf", flight, light, saturation=saturation, faults=[fault])
    fine, _, _ = read(path, "EV_500_RefSB")
    coarse, _, _ = read(path, "EV_250_Aggr500_RefSB")
    dead = [1, 4, 5, 9, 11, 12, 13, 14, 15, 17, 18, 19]
    living = [0, 2, 3, 6, 7, 8, 10, 16]
    assert (fine[3, dead, 5:] == 65531).all()
    assert (fine[3, [20 + d for d in dead], 5:] == 65531).all()
    assert (fine[3, living, 5:] < 32768).all()
    assert (fine[3, dead, 0] == 65535).all()  # a missing scan is missing, dead detector or not
    assert (fine[0, :, 1:3] == 65533).all()
    assert (coarse[:, :, 1:3] == 65528).all()
    assert (fine[0, :, 3] == 65530).all()
    assert (fine[:, :20, 0] == 65535).all()
    assert (fine[1, :20, 10:12] == 65534).all()
    used, _, _ = read(path, "EV_250_Aggr500_RefSB_Samples_Used")
    assert set(used[:, 0, :6].ravel().tolist()) == {-1, 0, 6}
    doubt, _, _ = read(path, "EV_500_RefSB_Uncert_Indexes")
    assert doubt[0, 0, 0] == 255
    assert doubt[0, 0, 1] == 15

    above = written(tmp_path / "b.hdf", flight, light, dead={})
    fine, _, _ = read(above, "EV_500_RefSB")
    assert (fine[0, :, 1] == 65529).all()
    assert (fine[3, :, 5:] < 32768).all()


def test_night_scans_hold_nothing(tmp_path, flight):
    sun = np.full((2 * LINES, 2 * FRAMES), 60.0)
    sun[20:] = 93
    path = written(tmp_path / "a.hdf", flight, flat(), sun_zenith=sun)
    fine, _, _ = read(path, "EV_500_RefSB")
    assert (fine[:, 20:] == 65535).all()
    assert (fine[0, :20] < 32768).all()
    about = SD(str(path)).attributes()
    assert about["Number of Night mode scans"] == 1
    assert '"Both"' in about["CoreMetadata.0"]


def test_positions_and_angles(tmp_path, flight):
    lon, lat = flight.positions(1000)
    lon[:10, 3] = np.nan
    angles = flight.angles(1000)
    sea = np.full(lon.shape, 7, "uint8")
    path = write_geolocation(
        tmp_path / "g.hdf",
        satellite="aqua", time=TIME, lon=lon, lat=lat, angles=angles, land_sea=sea,
    )  # fmt: skip
    found, about, _ = read(path, "Longitude")
    assert (found[:10, 3] == np.float32(-999)).all()
    assert about["_FillValue"] == -999
    np.testing.assert_allclose(found[10:], lon[10:], rtol=1e-6)
    zenith, about, _ = read(path, "SensorZenith")
    assert zenith.dtype == np.int16
    assert about["scale_factor"] == 0.01
    assert about["_FillValue"] == -32767
    np.testing.assert_allclose(zenith * 0.01, angles.view_zenith, atol=0.006)
    mask, about, _ = read(path, "Land/SeaMask")
    assert (mask == 7).all()
    assert about["_FillValue"] == 221
    assert '"MYD03"' in SD(str(path)).attributes()["CoreMetadata.0"]


def test_bits_of_the_cloud_mask(tmp_path, flight):
    lon, lat = flight.positions(1000)
    clear = np.zeros(lon.shape, "uint8")
    clear[:, 1], clear[:, 2], clear[:, 3], clear[:, 4] = 1, 2, 3, 255
    land_sea = np.full(lon.shape, 7, "uint8")
    land_sea[:, 5], land_sea[:, 6] = 1, 2
    snow = np.zeros(lon.shape, bool)
    snow[:, 0] = True
    path = write_cloud_mask(
        tmp_path / "c.hdf",
        satellite="terra", time=TIME, lon=lon, lat=lat, clear=clear, land_sea=land_sea, snow=snow,
    )  # fmt: skip
    mask, _, dims = read(path, "Cloud_Mask")
    assert mask.shape == (6, LINES, FRAMES)
    assert "Byte_Segment:mod35" in dims
    # Bits from 7 down to 0: ground 2, snow 1 (1: none), glint 1 (1: none), day 1, clear 2, known 1.
    seen = [f"{int(v) & 255:08b}" for v in mask[0, 0, :7]]
    assert seen == [
        "00011001", "00111011", "00111101", "00111111", "00000000", "11111001", "01111001",
    ]  # fmt: skip
    coarse, _, _ = read(path, "Latitude")
    assert coarse.shape == (LINES // 5, 270)
    assert coarse[1, 2] == pytest.approx(lat[7, 12])


def test_shapes_that_do_not_fit(tmp_path, flight):
    with pytest.raises(InputError, match="do not go with"):
        written(tmp_path / "a.hdf", flight, flat()[:, :-1])
    assert list(tmp_path.iterdir()) == []
