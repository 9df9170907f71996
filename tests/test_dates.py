"""Dates and times in file names."""

import re

import pytest

from obriy.sources.dates import (
    date_in,
    date_of,
    day_comes_first,
    end_of_date,
    name_of_image,
    time_in,
)
from obriy.tables import load_toml


@pytest.mark.parametrize(
    ("name", "time"),
    [
        ("MOD02HKM.A2021049.0225.061.2021049131500.hdf", "2021-02-18T02:25"),
        ("MYD02HKM.A2005347.0505.061.npy", "2005-12-13T05:05"),
        ("MOD09GA.A2008296.h14v17.006.2015181011753.hdf", "2008-10-22"),
        ("MOD02HKM.A2020366.2355.061.hdf", "2020-12-31T23:55"),
        ("2021-02-18T0405_aqua.tif", "2021-02-18T04:05"),
        ("20210314.250m.aqua.truecolor.tiff", "2021-03-14"),
        ("20210218_040500.tif", "2021-02-18T04:05"),
        ("ice.tif", None),
    ],
)
def test_the_time_of_a_file_name(name: str, time: str | None) -> None:
    assert time_in(name) == time


PRODUCTS = {
    # Sentinel-2 since December 2016: sensed first, then made
    "S2B_MSIL2A_20230607T083609_N0509_R064_T36TWT_20230607T110000.SAFE": "2023-06-07T08:36",
    "S2A_MSIL1C_20170105T013442_N0204_R031_T53NMJ_20230115T013443.zip": "2017-01-05T01:34",
    "S2C_MSIL2A_20250214T084611_N0511_R107_T36UXU_20250214T110000.SAFE": "2025-02-14T08:46",
    "T36TWT_20230607T083609_B03_20m.jp2": "2023-06-07T08:36",
    "L2A_T36TWT_A032662_20230607T084307": "2023-06-07T08:43",
    "20230607T083609_20230607T084307_T36TWT": "2023-06-07T08:36",
    "S2B_36TWT_20230607_0_L2A": "2023-06-07",
    "SENTINEL2B_20230607-084307-461_L2A_T36TWT_C_V3-1_FRE_B3.tif": "2023-06-07",
    # and before: made first, sensed after the V
    "S2A_OPER_PRD_MSIL1C_PDMC_20161213T162432_R088_V20151007T012016_20151007T012016.SAFE": (
        "2015-10-07T01:20"
    ),
    "S2A_OPER_PRD_MSIL1C_PDMC_20160605T232315_R051_V20160605T103558_20160605T103558": (
        "2016-06-05T10:35"
    ),
    "S2A_OPER_MTD_SAFL1C_PDMC_20161213T162432_R088_V20151007T012016_20151007T012016.xml": (
        "2015-10-07T01:20"
    ),
    "S2A_USER_PRD_MSIL2A_PDMC_20160908T120000_R136_V20160907T085602_20160907T085602.SAFE": (
        "2016-09-07T08:56"
    ),
    # of a granule of these only the time of its making
    "S2A_OPER_MSI_L1C_TL_EPA__20161213T093155_A001517_T55JGF_B02.jp2": None,
    "S2A_OPER_MSI_L1C_TL_SGS__20160605T155310_A004979_T32TLS_N02.02": None,
    "S2A_USER_SCL_L2A_TL_SGS__20160908T033255_A006329_T36TWT_20m.jp2": None,
    # HLS
    "HLS.S30.T36TWT.2023158T083609.v2.0": "2023-06-07T08:36",
    "HLS.L30.T36TWT.2023166T083609.v2.0.B02.tif": "2023-06-15T08:36",
    "HLS.L30.T13TGF.2020274T174116.v1.5.Fmask.tif": "2020-09-30T17:41",
    "HLS.S30.T17SPV.2019031.v1.4.hdf": "2019-01-31",
    "HLS.L30.T12STJ.2018366.v1.4.hdf": None,  # 2018 had 365 days
    # Landsat: acquired first, then processed
    "LC08_L2SP_178027_20230607_20230614_02_T1_SR_B3.TIF": "2023-06-07",
    "LC09_L1TP_178027_20230615_20230615_02_T1_MTL.txt": "2023-06-15",
    "LE07_L1TP_107068_20220310_20220405_02_T1_B6_VCID_1.TIF": "2022-03-10",
    "LT05_L2SP_090084_19980308_20200909_02_T1": "1998-03-08",
    "LM01_L1TP_192027_19730715_20200909_02_T2_B4.TIF": "1973-07-15",
    "LC08_CU_003010_20210503_20210509_02_SR_B3.TIF": "2021-05-03",
    "LC08_178027_20230607": "2023-06-07",
    "LC81780272014295LGN00": "2014-10-22",
    "LC81780272014311LGN00_B3.TIF": "2014-11-07",
    "LC82320832016040LGN00_sr_band2.tif": "2016-02-09",
    "LE71780272003156ASN00_B1.TIF": "2003-06-05",
    "LT51780271986151XXX03_MTL.txt": "1986-05-31",
    "LC081780272014102201T1-SC20180508144530.tar.gz": "2014-10-22",
    "LC81780272014295-SC20160508144530": "2014-10-22",
    "L71178027_02720030605_B10.TIF": "2003-06-05",
    "L5178027_02719860531_MTL.txt": "1986-05-31",
    "ga_ls8c_ard_3-2-1_090084_2016-01-21_final_band03.tif": "2016-01-21",
    # MODIS, VIIRS, AppEEARS
    "MOD09A1.A2023153.h20v04.061.2023164035212.hdf": "2023-06-02",
    "MYD09GA.A2023158.h20v04.061.2023160033215.sur_refl_b02_1.tif": "2023-06-07",
    "VNP09GA.A2023158.h20v04.002.2023159081211.h5": "2023-06-07",
    "VJ102IMG.A2023158.1036.021.2023158181712.nc": "2023-06-07T10:36",
    "MOD09A1.061_sur_refl_b02_doy2023153_aid0001.tif": "2023-06-02",
    "HLSS30.020_B03_doy2023158083609_aid0001_36N.tif": "2023-06-07T08:36",
    "lake_doy2023153.tif": "2023-06-02",
    # Others
    "AST_L1T_00306072003083015_20150430103205_4242.tif": "2003-06-07T08:30",
    "20230607_083015_12_24a5_3B_AnalyticMS_SR_8b_clip.tif": "2023-06-07T08:30",
    "20230607_083015_ssc4_u0001_analytic.tif": "2023-06-07T08:30",
    "2023-06-07-00:00_2023-06-07-23:59_Sentinel-2_L2A_B03_(Raw).tiff": "2023-06-07",
    "S1A_IW_GRDH_1SDV_20230607T040000_20230607T040025_048870_05E0A1_1234.tif": "2023-06-07T04:00",
    "S3A_OL_1_EFR____20230607T080000_20230607T080300_20230608T090000_0179_099.SEN3": (
        "2023-06-07T08:00"
    ),
    # What people write, and what is no date
    "lake_2023_06_07.tif": "2023-06-07",
    "07.06.2023.tif": "2023-06-07",
    "озеро 2023.06.07.tif": "2023-06-07",
    "MYD02HKM.A2021366.0225.061.hdf": None,  # 2021 had 365 days
    "scene_2023158.tif": None,  # who says that it is a day of the year?
    "LC08_L2SP_178027.tif": None,
    "T36TWT_B03.jp2": None,
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_the_time_of_an_image_in_the_name_of_its_product(name: str) -> None:
    time = PRODUCTS[name]
    assert date_in(name) == (time and time[:10])
    assert (time_in(name) or "")[:10] == (time or "")[:10]
    if time and "T" in time:
        assert time_in(name) == time


def test_files_of_one_image_have_one_name_up_to_their_date() -> None:
    bands = ["HLSS30.020_B03_doy2023158083609_aid0001_36N.tif",
             "HLSS30.020_B8A_doy2023158083609_aid0001_36N.tif",
             "HLSS30.020_Fmask_doy2023158083609_aid0001_36N.tif"]  # fmt: skip
    assert len({name_of_image(name) for name in bands}) == 1
    days = ["T36TWT_20230607T083609_B03.jp2", "T36TWS_20230607T083609_B03.jp2", bands[0]]
    assert len({name_of_image(name) for name in days}) == 3
    assert name_of_image("B03.tif") == ""


def test_every_name_of_a_product_is_tried() -> None:
    patterns = [row["pattern"] for row in load_toml("product_names")["names"]]
    unused = [p for p in patterns if not any(re.match(p, name, re.IGNORECASE) for name in PRODUCTS)]
    assert unused == []


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2025-06-08", "2025-06-08"),
        ("scene_2025_06_08.tif", "2025-06-08"),
        ("2025.06.08.tif", "2025-06-08"),
        ("LC08_L2SP_178026_20230615_20230620_02_T1_SR_B3.TIF", "2023-06-15"),
        ("25062025.tif", "2025-06-25"),  # no month 25: the day stands first
        ("S2_25-06-2025_B03.tif", "2025-06-25"),
        ("06_25_2025.tif", "2025-06-25"),  # no month 25: the month stands first
        ("08.06.2025", "2025-06-08"),  # with dots only the day stands first
        ("8.6.2025 0:00", "2025-06-08"),
        ("12122012", "2012-12-12"),  # one day either way
        ("20102011", "2011-10-20"),  # no month 20 of 2010
        ("08062025", None),  # 8 June or 6 August
        ("08/06/2025", None),
        ("31.02.2025", None),
        ("32132025", None),
        ("12345678901", None),
        ("occurrence_30E_50Nv1_4_2021.tif", None),
    ],
)
def test_the_day_in_a_text(text: str, day: str | None) -> None:
    assert date_in(text) == day
    assert date_of([text], {}) == day


def test_names_of_one_hand_tell_each_other_their_order() -> None:
    assert day_comes_first(["08062025", "25062025"]) is True
    assert day_comes_first(["06082025", "06252025"]) is False
    assert day_comes_first(["08062025", "25062025", "06252025"]) is None
    assert day_comes_first(["08062025", "2025-06-25"]) is None
    assert date_in("08062025", day_first=True) == "2025-06-08"
    assert date_in("08062025", day_first=False) == "2025-08-06"
    assert date_in("25062025", day_first=False) == "2025-06-25"


def test_what_stands_before_the_end_of_a_date() -> None:
    for name in ("T36_20250608_B03.tif", "T36_08062025_B03.tif", "T36_08.06.2025_B03.tif"):
        assert name[end_of_date(name) :] == "_B03.tif"
    assert end_of_date("B03.tif") == 0
