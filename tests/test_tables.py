import re

import pytest

from obriy.errors import TableError, UnknownNameError
from obriy.model.bands import DATA_MASK, QUALITY, SKIP, SPECTRAL
from obriy.model.flags import Flag
from obriy.model.legend import load_legend
from obriy.tables import load_toml, table_names
from obriy.tables.sensor import load_sensor, plain_id, sensor_ids, sensor_of_file

IDS = [
    "hls", "landsat4_l1", "landsat5_l1", "landsat7_l1", "landsat8_l1", "landsat_c2l2",
    "landsat_espa", "modis_hkm", "modis_nbar", "modis_surface", "planet_sr",
    "sentinel2_l1c", "sentinel2_l2a", "viirs_mod",
]  # fmt: skip


def test_the_sensors_of_the_contract_are_there():
    assert sensor_ids() == IDS


@pytest.mark.parametrize("sensor", IDS)
def test_sensor_table(sensor):
    table = load_sensor(sensor)
    assert table.id == sensor
    assert table.source
    assert {b.common for b in table.bands} <= set(SPECTRAL)
    assert set(table.quality) <= set(QUALITY)
    for product in {b.product for b in table.bands}:
        bands = [b for b in table.bands if b.product == product]
        assert len({b.common for b in bands}) == len(bands)
        assert len({plain_id(b.id) for b in bands}) == len(bands)
    for band in table.bands:
        assert 0.4 < band.wavelength < 13
        assert (band.wavelength > 8) == (not band.reflective)
        assert 3 <= band.resolution <= 750
    for pattern in (
        *table.file_patterns,
        *table.band_patterns,
        *(p.pattern for p in table.products),
    ):
        re.compile(pattern)
    for stack in table.stacks:
        assert stack.source
        named = [n for n in stack.bands if n not in QUALITY]
        assert set(named) <= {b.common for b in table.bands} | {SKIP}
        assert len(set(stack.bands)) == len(stack.bands)


@pytest.mark.parametrize("sensor", IDS)
def test_common_names_run_with_the_wavelength(sensor):
    order = [n for n in SPECTRAL if n != "pan"]
    for product in {b.product for b in load_sensor(sensor).bands}:
        bands = [b for b in load_sensor(sensor).bands if b.product == product and b.common != "pan"]
        by_name = sorted(bands, key=lambda b: order.index(b.common))
        waves = [b.wavelength for b in by_name]
        assert waves == sorted(waves)


def test_factors_of_the_products():
    assert load_sensor("landsat_c2l2").scale == 0.0000275
    assert load_sensor("landsat_c2l2").offset == -0.2
    assert load_sensor("sentinel2_l2a").scale == load_sensor("hls").scale == 0.0001
    assert load_sensor("landsat5_l1").scale is None
    assert [b.esun for b in load_sensor("landsat5_l1").bands] == [
        1983, 1796, 1536, 1031, 220, None, 83.44,
    ]  # fmt: skip


def test_a_band_is_found_however_it_is_written():
    s2 = load_sensor("sentinel2_l2a")
    assert [s2.by_id(n).common for n in ("B3", "B03", "b03", "B8A", "b8a")] == [
        "green", "green", "green", "nir08", "nir08",
    ]  # fmt: skip
    landsat = load_sensor("landsat_c2l2")
    assert landsat.by_id("SR_B3", landsat.product_of("LC09_L2SP_1_SR_B3.TIF", set())).common == (
        "green"
    )
    assert landsat.by_id("SR_B3", landsat.product_of("LE07_L2SP_1_SR_B3.TIF", set())).common == (
        "red"
    )
    assert landsat.product_of("x.tif", {"SR_B6"}) == "OLI"


@pytest.mark.parametrize(
    ("name", "sensor"),
    [
        ("S2A_MSIL2A_20170617T113321_N0205_R080_T29UPU_20170617T113319.SAFE", "sentinel2_l2a"),
        ("S2B_MSIL1C_20200101T000000.SAFE", "sentinel2_l1c"),
        ("LC08_L1TP_020039_20150804_20170226_01_T1_B3.TIF", "landsat8_l1"),
        ("LC80200392015216LGN00_B3.TIF", "landsat8_l1"),
        ("LE07_L1TP_020039_20010804_20170226_01_T1_B3.TIF", "landsat7_l1"),
        ("LT52240631988227CUB02_B3.TIF", "landsat5_l1"),
        ("LC09_L2SP_020039_20220804_20220806_02_T1_SR_B3.TIF", "landsat_c2l2"),
        ("HLS.S30.T12ABC.2020123T180919.v2.0.B8A.tif", "hls"),
        ("MOD02HKM.A2020123.0205.061.hdf", "modis_hkm"),
        ("lake.tif", None),
        ("BL8_lake.tif", None),
    ],
)
def test_a_file_name_speaks_for_its_sensor(name, sensor):
    found = sensor_of_file(name)
    assert (found.id if found else None) == sensor


def test_an_unknown_sensor_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="sentinel2_l2a"):
        load_sensor("sentinel2_l2")


def test_aliases_name_bands_and_no_alias_means_two():
    table = load_toml("aliases")
    assert set(table) <= {*SPECTRAL, *QUALITY, DATA_MASK}
    every = [alias for names in table.values() for alias in names]
    assert len(set(every)) == len(every)
    assert all(re.fullmatch(r"[a-z0-9]+", alias) for alias in every)
    assert not any(re.fullmatch(r"(sr)?b\d+a?", alias) for alias in every)


@pytest.mark.parametrize("name", table_names("legends"))
def test_legend_table(name):
    legend = load_legend(name)
    assert legend.source
    for entry in legend:
        assert re.fullmatch(r"#[0-9a-f]{6}", entry.colour)
        assert set(entry.title) == {"en", "uk"}


def test_the_codes_of_the_legends():
    assert {c.name: c.code for c in load_legend("water")} == {"not_water": 1, "water": 2}
    codes = [10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 100]
    assert load_legend("worldcover").codes == codes


def test_quality_table():
    table = load_toml("quality")
    assert set(QUALITY) <= set(table)
    for entry in table.values():
        assert entry["source"]
        for rule in entry["rules"]:
            assert rule["flag"] in Flag.__members__
            assert 0 <= rule["first"] <= rule["last"] <= 15
            assert max(rule["values"]) < 2 ** (rule["last"] - rule["first"] + 1)
            assert rule["meaning"]


def test_a_table_that_is_missing():
    with pytest.raises(TableError, match="no table 'legends/mars'"):
        load_toml("legends/mars")
