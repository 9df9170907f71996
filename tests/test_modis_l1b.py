"""Counts of MOD02HKM against pen and paper, and files that are not what they should be."""

import numpy as np
import pytest
from pyhdf.SD import SD, SDC
from tests.modis_files import OFFSET, SCALE, write_hdf, write_hkm

from obriy.errors import BandError, SourceError
from obriy.sources.modis.hdf4 import open_hdf4
from obriy.sources.modis.l1b import calibrate, fill_band6, open_level1b

LINES, SAMPLES = 40, 8
COS = 0.5
NO_MEANING = [65535, 65534, 65532, 65531, 65527, 65526, 65525, 65524, 65510, 65500, 65499, 32768]
B1, B2, B3, B4, B5, B6, B7 = range(7)


def counts_of(value=10_000):
    return np.full((7, LINES, SAMPLES), value, "uint16")


@pytest.fixture
def calibrated(tmp_path):
    """Write counts, and read them back as reflectance."""

    def run(counts, *, aqua=False, cosine=COS):
        level1b = open_level1b(open_hdf4(write_hkm(tmp_path / "g.hdf", counts)), aqua=aqua)
        assert level1b.shape == (LINES, SAMPLES)
        read = level1b.read(slice(0, LINES), slice(0, SAMPLES))
        np.testing.assert_array_equal(read, counts)
        return calibrate(level1b, read, np.full((LINES, SAMPLES), cosine))

    return run


def light(count):
    """Reflectance of a count by hand, under a sun of 60 degrees."""
    return (count - 300.0) * 5e-5 / 0.5


def test_reflectance_is_scale_times_count_less_offset_by_the_cosine(calibrated):
    found = calibrated(counts_of())
    assert (SCALE, OFFSET) == (5e-5, 300.0)
    np.testing.assert_allclose(found.reflectance, 0.97, rtol=1e-6)  # 9700 * 5e-5 / 0.5
    assert not found.saturated.any()
    assert found.special == {}


def test_each_band_has_its_own_calibration_by_its_place_in_its_field(tmp_path):
    of = {
        "EV_500_RefSB": {
            "band_names": "3,4,5,6,7",
            "reflectance_scales": [1e-5, 2e-5, 3e-5, 4e-5, 5e-5],
            "reflectance_offsets": [0.0, 100.0, 200.0, 300.0, 400.0],
        }
    }
    file = open_hdf4(write_hkm(tmp_path / "g.hdf", counts_of(10_400), of=of))
    level1b = open_level1b(file, aqua=False)
    read = level1b.read(slice(0, 20), slice(2, 5))
    assert read.shape == (7, 20, 3)
    found = calibrate(level1b, read, np.ones((20, 3))).reflectance[:, 0, 0]
    np.testing.assert_allclose(found, [0.505, 0.505, 0.104, 0.206, 0.306, 0.404, 0.5], rtol=1e-6)


@pytest.mark.parametrize("value", [65533, 65529])
@pytest.mark.parametrize("band", [B1, B4, B7])
def test_above_the_scale_is_bright_and_flagged(calibrated, value, band):
    counts = counts_of()
    counts[band, 3, 2] = value
    found = calibrated(counts)
    assert found.reflectance[band, 3, 2] == pytest.approx(light(32767), rel=1e-6)
    assert found.saturated.sum() == 1
    assert found.saturated[3, 2]


def test_below_the_scale_is_dark(calibrated):
    counts = counts_of()
    counts[B5, 3, 2] = 65530
    found = calibrated(counts)
    assert found.reflectance[B5, 3, 2] == pytest.approx(light(0), rel=1e-5)  # -0.03
    assert not found.saturated.any()
    assert found.special == {"swir12: below_scale": 1}


@pytest.mark.parametrize("count", [0, 299])
def test_no_light_in_any_band_is_nothing_and_in_some_it_is_dark(calibrated, count):
    counts = counts_of()
    counts[:, 3, 2] = count  # the offset is 300
    counts[B5:, 4, 2] = count
    found = calibrated(counts)
    assert np.isnan(found.reflectance[:, 3, 2]).all()
    assert found.reflectance[B7, 4, 2] == pytest.approx(light(count), rel=1e-5)
    assert found.special == {"no light in any band": 1}


@pytest.mark.parametrize("scale", [0.0, -5e-5, float("nan"), float("inf")])
def test_a_calibration_that_makes_no_reflectance_is_refused(tmp_path, scale):
    of = {
        "EV_250_Aggr500_RefSB": {
            "band_names": "1,2",
            "reflectance_scales": [5e-5, scale],
            "reflectance_offsets": [0.0, 0.0],
        }
    }
    with pytest.raises(SourceError, match="reflectance_scales of band 2 is"):
        open_level1b(open_hdf4(write_hkm(tmp_path / "g.hdf", counts_of(), of=of)), aqua=False)


@pytest.mark.parametrize("value", NO_MEANING)
@pytest.mark.parametrize("band", [B2, B3, B6])
def test_every_other_number_above_the_scale_is_missing(calibrated, value, band):
    counts = counts_of()
    counts[band, 3, 2] = value
    found = calibrated(counts)
    missing = np.isnan(found.reflectance)
    assert missing.sum() == 1
    assert missing[band, 3, 2]
    assert not found.saturated.any()
    assert sum(found.special.values()) == 1


def test_a_failed_aggregation_is_bright_where_blue_and_green_are(calibrated):
    counts = counts_of(1_000)  # 0.07: dark
    counts[:2, :, :4] = 65528
    counts[[B3, B4], :, :2] = 9_000  # 0.87: bright in both
    counts[B3, :, 2] = 9_000  # in blue alone
    found = calibrated(counts)
    for band in (B1, B2):
        np.testing.assert_allclose(found.reflectance[band][:, :2], light(32767), rtol=1e-6)
        assert np.isnan(found.reflectance[band][:, 2:4]).all()
        np.testing.assert_allclose(found.reflectance[band][:, 4:], light(1_000), rtol=1e-5)
    assert found.saturated[:, :2].all()
    assert not found.saturated[:, 2:].any()
    assert found.special["red: aggregation_failed"] == 4 * LINES
    assert found.special["nir: aggregation_failed, bright"] == 2 * LINES


def test_a_failed_aggregation_is_bright_where_blue_and_green_are_saturated(calibrated):
    counts = counts_of()
    counts[:4, 5, 5] = [65528, 65528, 65533, 65529]
    found = calibrated(counts)
    np.testing.assert_allclose(found.reflectance[:4, 5, 5], light(32767), rtol=1e-6)


def test_a_failed_aggregation_is_missing_where_blue_is(calibrated):
    counts = counts_of()
    counts[:3, 5, 5] = [65528, 65528, 65535]
    assert np.isnan(calibrated(counts).reflectance[:3, 5, 5]).all()


def test_65528_means_nothing_in_bands_that_are_not_aggregated(calibrated):
    counts = counts_of()
    counts[B5, 5, 5] = 65528
    found = calibrated(counts)
    assert np.isnan(found.reflectance[B5, 5, 5])
    assert not found.saturated.any()


def test_where_the_sun_is_too_low_nothing_is_told(calibrated):
    low, high = np.cos(np.radians([85.5, 84.5]))
    assert np.isnan(calibrated(counts_of(), cosine=low).reflectance).all()
    assert np.isfinite(calibrated(counts_of(), cosine=high).reflectance).all()
    assert np.isnan(calibrated(counts_of(), cosine=np.nan).reflectance).all()


def test_dead_lines_of_aquas_band_6_have_the_ratio_of_their_neighbours(calibrated):
    counts = counts_of()
    counts[B6], counts[B7] = 300 + 2_000, 300 + 4_000  # 0.2 and 0.4: ratio 0.5
    counts[B6, 5] = 300 + 1_000  # a good line of ratio 0.25
    counts[B6, 6:9] = 65531
    counts[B7, 7] = 300 + 8_000
    found = calibrated(counts, aqua=True)
    # Between lines 5 (0.1 of 0.4) and 9 (0.2 of 0.4), at a quarter, a half, three quarters.
    np.testing.assert_allclose(found.reflectance[B6, 6], 0.125, rtol=1e-5)
    np.testing.assert_allclose(found.reflectance[B6, 7], 0.15 / 0.4 * 0.8, rtol=1e-5)
    np.testing.assert_allclose(found.reflectance[B6, 8], 0.175, rtol=1e-5)
    assert found.special == {"swir16: dead_detector": 24, "swir16: filled": 24}


def test_terras_band_6_is_not_filled(calibrated):
    counts = counts_of()
    counts[B6, 6:9] = 65531
    assert np.isnan(calibrated(counts).reflectance[B6, 6:9]).all()


def test_other_bands_of_aqua_are_not_filled(calibrated):
    counts = counts_of()
    counts[B5, 6:9] = 65531
    assert np.isnan(calibrated(counts, aqua=True).reflectance[B5, 6:9]).all()


def test_dead_lines_are_never_filled_from_another_scan(calibrated):
    counts = counts_of()
    counts[B6, 20:] = 65531
    found = calibrated(counts, aqua=True)
    assert np.isnan(found.reflectance[B6, 20:]).all()
    assert np.isfinite(found.reflectance[B6, :20]).all()
    assert "swir16: filled" not in found.special


def test_dead_lines_at_the_edge_of_a_scan_are_filled_from_the_one_side(calibrated):
    counts = counts_of()
    counts[B6, :20] = 300 + 2_000
    counts[B6, 20:] = 300 + 9_000
    counts[B6, 18:22] = 65531
    found = calibrated(counts, aqua=True)
    np.testing.assert_allclose(found.reflectance[B6, 18:20], 0.2, rtol=1e-5)
    np.testing.assert_allclose(found.reflectance[B6, 20:22], 0.9, rtol=1e-5)


def test_where_band_7_is_too_dark_for_a_ratio_band_6_is_interpolated():
    six, seven = (np.full((20, 1), v, "float32") for v in (0.02, 0.001))
    seven[10] = 0.3  # one bright pixel: the ratio of its dark neighbours would give 6
    dead = np.zeros((20, 1), bool)
    dead[10] = True
    six[10] = np.nan
    np.testing.assert_allclose(fill_band6(six, seven, dead), 0.02, rtol=1e-5)


def test_a_dead_pixel_without_band_7_stays_missing(calibrated):
    counts = counts_of()
    counts[B6, 6], counts[B7, 6] = 65531, 65535
    assert np.isnan(calibrated(counts, aqua=True).reflectance[B6, 6]).all()


def test_a_missing_field_is_named_with_what_there_is(tmp_path):
    path = write_hkm(tmp_path / "g.hdf", counts_of(), leave_out=["EV_500_RefSB"])
    with pytest.raises(BandError, match=r"no field 'EV_500_RefSB', only: EV_250_Aggr500_RefSB"):
        open_level1b(open_hdf4(path), aqua=False)


def test_a_missing_band_is_named(tmp_path):
    of = {
        "EV_250_Aggr500_RefSB": {
            "band_names": "1,8", "reflectance_scales": [1.0, 1.0],
            "reflectance_offsets": [0.0, 0.0],
        }
    }  # fmt: skip
    path = write_hkm(tmp_path / "g.hdf", counts_of(), of=of)
    with pytest.raises(BandError, match="has no band 2, only 1, 3, 4, 5, 6, 7, 8"):
        open_level1b(open_hdf4(path), aqua=False)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"band_names": "1,2"}, "no attribute 'reflectance_scales'"),
        (
            {"band_names": "1,2", "reflectance_scales": 1.0, "reflectance_offsets": [0.0, 0.0]},
            "2 bands, and 'reflectance_scales' 1 entries",
        ),
    ],
)
def test_a_field_without_calibration_is_refused(tmp_path, attributes, message):
    path = write_hkm(tmp_path / "g.hdf", counts_of(), of={"EV_250_Aggr500_RefSB": attributes})
    with pytest.raises(SourceError, match=message):
        open_level1b(open_hdf4(path), aqua=False)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_a_file_that_is_cut_short_is_told_before_it_is_read(tmp_path, share):
    path = write_hkm(tmp_path / "g.hdf", counts_of())
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(SourceError, match=r"is cut short.*Download it again"):
        open_hdf4(path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"<!DOCTYPE html><html><title>Earthdata Login</title>", "is a web page.*Log in"),
        (b"\x89HDF\r\n\x1a\n" + b"\0" * 100, "HDF5"),
        (b"CDF\x01" + b"\0" * 100, "is NetCDF-3, not HDF4"),
        (b"", "is empty"),
        (b"II*\0" + b"\0" * 100, "is not an HDF4 file"),
    ],
)
def test_what_is_not_hdf4_is_named(tmp_path, data, message):
    path = tmp_path / "MOD02HKM.A2021049.0225.061.hdf"
    path.write_bytes(data)
    with pytest.raises(SourceError, match=message):
        open_hdf4(path)


def test_damaged_bytes_are_told_when_they_are_read(tmp_path):
    path = tmp_path / "g.hdf"
    numbers = np.random.default_rng(0).integers(0, 200, (5, 200, 200)).astype("uint16")
    file = SD(str(path), SDC.WRITE | SDC.CREATE)
    sds = file.create("EV_500_RefSB", SDC.UINT16, numbers.shape)
    sds.setcompress(SDC.COMP_DEFLATE, 6)
    sds[:] = numbers
    sds.endaccess()
    file.end()
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 4000] = bytes(4000)
    path.write_bytes(data)
    with pytest.raises(SourceError, match="'EV_500_RefSB' cannot be read"):
        open_hdf4(path).read("EV_500_RefSB")


def test_a_window_of_a_field_is_that_part_of_the_whole(tmp_path):
    numbers = np.arange(3 * 7 * 5, dtype="uint16").reshape(3, 7, 5)
    file = open_hdf4(write_hdf(tmp_path / "g.hdf", {"field": numbers}))
    np.testing.assert_array_equal(file.read("field"), numbers)
    np.testing.assert_array_equal(file.read("field", (1, 2, 3), (2, 1, 2)), numbers[1:, 2:3, 3:])


def test_there_is_no_such_file(tmp_path):
    with pytest.raises(SourceError, match=r"There is no file .*none\.hdf"):
        open_hdf4(tmp_path / "none.hdf")


def test_real_files_are_whole(realdata):
    for path in sorted((realdata / "modis_hdf4").glob("*.hdf")):
        file = open_hdf4(path)
        name = next(iter(file.shapes))
        assert file.read(name).shape == file.shapes[name]
