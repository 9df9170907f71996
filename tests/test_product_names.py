"""Folders of band files as products and exports name them: sensor, each band, and the date.

Every name stands with what it is by the product's own documents; a band that the product does not
have as reflectance is no band, whatever words are in its name.
"""

import pytest

from conftest import utm_grid
from obriy.sources.band_names import names_of, sensor_of_names
from obriy.sources.dates import date_of
from obriy.sources.reading import FileBand

OLI = {1: "coastal", 2: "blue", 3: "green", 4: "red", 5: "nir08", 6: "swir16", 7: "swir22"}
TM = {1: "blue", 2: "green", 3: "red", 4: "nir08", 5: "swir16", 7: "swir22"}
MSI = {
    "B01": "coastal", "B02": "blue", "B03": "green", "B04": "red", "B05": "rededge071",
    "B06": "rededge075", "B07": "rededge078", "B08": "nir", "B8A": "nir08", "B09": "nir09",
    "B11": "swir16", "B12": "swir22",
}  # fmt: skip
L1C = MSI | {"B10": "cirrus", "TCI": ""}
L2A = MSI | {"SCL": "scl", "AOT": "", "WVP": "", "TCI": ""}
ANGLES = dict.fromkeys(("SAA", "SZA", "VAA", "VZA"), "")
THERMAL = {f"ST_{n}": "" for n in ("ATRAN", "CDIST", "DRAD", "EMIS", "EMSD", "QA", "TRAD", "URAD")}


def numbered(form, bands, **others):
    return {form.format(number): name for number, name in bands.items()} | others


C2_OLI = numbered(
    "SR_B{}", OLI, QA_PIXEL="qa_pixel", QA_RADSAT="", SR_QA_AEROSOL="", ST_B10="", **THERMAL
)
C2_TM = numbered(
    "SR_B{}", TM, QA_PIXEL="qa_pixel", QA_RADSAT="", SR_ATMOS_OPACITY="", SR_CLOUD_QA="",
    ST_B6="", **THERMAL,
)  # fmt: skip
L1_OLI = numbered("B{}", OLI | {8: "pan", 9: "cirrus", 10: "", 11: ""}, **ANGLES)
L1_ETM = numbered("B{}", TM | {8: "pan"}, B6_VCID_1="", B6_VCID_2="")
GAPS = {f"GM_B{n}": "" for n in (1, 2, 3, 4, 5, "6_VCID_1", "6_VCID_2", 7, 8)}
ESPA = {"pixel_qa": "qa_pixel", "radsat_qa": ""}
HLS_L = {
    "B01": "coastal", "B02": "blue", "B03": "green", "B04": "red", "B05": "nir08", "B06": "swir16",
    "B07": "swir22", "B09": "cirrus", "B10": "", "B11": "", "Fmask": "fmask", **ANGLES,
}  # fmt: skip
HLS_S = MSI | {"B10": "cirrus", "Fmask": "fmask", **ANGLES}
MOD09 = {
    "sur_refl_b01": "red", "sur_refl_b02": "nir", "sur_refl_b03": "blue", "sur_refl_b04": "green",
    "sur_refl_b05": "swir12", "sur_refl_b06": "swir16", "sur_refl_b07": "swir22",
    "sur_refl_qc_500m": "", "sur_refl_state_500m": "",
}  # fmt: skip

S2_OLD = "S2A_OPER_PRD_MSIL1C_PDMC_20161213T162432_R088_V20151007T012016_20151007T012016.SAFE"
S2_NEW = "S2B_MSIL{}_20230607T083609_N0509_R064_T36TWT_20230607T110000.SAFE"
PRODUCTS = {
    "Landsat 9 C2 L2": (
        "LC09_L2SP_178027_20230615_20230617_02_T1_{}.TIF", "landsat_c2l2", "2023-06-15", C2_OLI,
    ),
    "Landsat 8 C2 L2 without thermal bands": (
        "LC08_L2SR_099120_20191129_20201016_02_T2_{}.TIF", "landsat_c2l2", "2019-11-29",
        numbered("SR_B{}", OLI, QA_PIXEL="qa_pixel", QA_RADSAT="", SR_QA_AEROSOL=""),
    ),
    "Landsat 7 C2 L2": (
        "LE07_L2SP_090084_20210331_20210426_02_T1_{}.TIF", "landsat_c2l2", "2021-03-31", C2_TM,
    ),
    "Landsat 5 C2 L2": (
        "LT05_L2SP_090084_19980308_20200909_02_T1_{}.TIF", "landsat_c2l2", "1998-03-08", C2_TM,
    ),
    "Landsat 8 C2 L1": (
        "LC08_L1GT_089074_20220506_20220512_02_T2_{}.TIF", "landsat8_l1", "2022-05-06",
        L1_OLI | {"QA_PIXEL": "qa_pixel", "QA_RADSAT": ""},
    ),
    "Landsat 8 C1 L1": (
        "LC08_L1TP_090084_20160121_20170405_01_T1_{}.TIF", "landsat8_l1", "2016-01-21",
        L1_OLI | {"BQA": "bqa"},
    ),
    "Landsat 7 C2 L1 with gap masks": (
        "LE07_L1TP_107068_20220310_20220405_02_T1_{}.TIF", "landsat7_l1", "2022-03-10",
        L1_ETM | GAPS | ANGLES | {"QA_PIXEL": "qa_pixel", "QA_RADSAT": ""},
    ),
    "Landsat 8 before the collections": (
        "LC81780272014295LGN00_{}.TIF", "landsat8_l1", "2014-10-22",
        numbered("B{}", OLI, BQA="bqa"),
    ),
    "Landsat 5 before the collections": (
        "LT51780271986151XXX03_{}.TIF", "landsat5_l1", "1986-05-31", numbered("B{}", TM),
    ),
    "ESPA, Landsat 8 C1": (
        "LC08_L1TP_178027_20140522_20170307_01_T1_{}.tif", "landsat_espa", "2014-05-22",
        numbered("sr_band{}", OLI, sr_aerosol="", bt_band10="", **ESPA),
    ),
    "ESPA, Landsat 7 C1": (
        "LE07_L1TP_178027_20030605_20170125_01_T1_{}.tif", "landsat_espa", "2003-06-05",
        numbered("sr_band{}", TM, sr_atmos_opacity="", sr_cloud_qa="", **ESPA),
    ),
    "ESPA before the collections": (
        "LC82320832016040LGN00_{}.tif", "landsat_espa", "2016-02-09",
        numbered("sr_band{}", OLI, toa_band3="", sr_aerosol=""),
    ),
    "HLS L30": ("HLS.L30.T36TWT.2023166T083609.v2.0.{}.tif", "hls", "2023-06-15", HLS_L),
    "HLS S30": ("HLS.S30.T36TWT.2023158T083609.v2.0.{}.tif", "hls", "2023-06-07", HLS_S),
    "AppEEARS, HLS S30": (
        "HLSS30.020_{}_doy2023158083609_aid0001_36N.tif", "hls", "2023-06-07",
        MSI | {"B10": "cirrus", "Fmask": "fmask"},
    ),
    "AppEEARS, HLS L30": (
        "HLSL30.020_{}_doy2023166083609_aid0001_36N.tif", "hls", "2023-06-15",
        {name: HLS_L[name] for name in ("B02", "B03", "B04", "B05", "B06", "B07", "Fmask")},
    ),
    "AppEEARS, MOD09A1": (
        "MOD09A1.061_{}_doy2023153_aid0001.tif", "modis_surface", "2023-06-02", MOD09,
    ),
    "LP DAAC, MOD09A1": (
        "MOD09A1.A2023153.h20v04.061.2023164035212.{}.tif", "modis_surface", "2023-06-02", MOD09,
    ),
    "Sentinel-2 L1C": (
        f"{S2_NEW.format('1C')}/T36TWT_20230607T083609_{{}}.jp2", "sentinel2_l1c", "2023-06-07",
        L1C,
    ),
    "Sentinel-2 L2A": (
        f"{S2_NEW.format('2A')}/T36TWT_20230607T083609_{{}}_20m.jp2", "sentinel2_l2a",
        "2023-06-07", L2A,
    ),
    "Sentinel-2 L2A, the files alone": (
        "T36TWT_20230607T083609_{}_20m.jp2", "sentinel2_l2a", "2023-06-07", L2A,
    ),
    "Sentinel-2 L1C before December 2016": (
        f"{S2_OLD}/S2A_OPER_MSI_L1C_TL_EPA__20161213T093155_A001517_T55JGF_{{}}.jp2",
        "sentinel2_l1c", "2015-10-07", L1C,
    ),
    "Copernicus Browser": (
        "2023-06-07-00_00_2023-06-07-23_59_Sentinel-2_L2A_{}_(Raw).tiff", "sentinel2_l2a",
        "2023-06-07", {name: MSI[name] for name in ("B02", "B03", "B04", "B08", "B11", "B12")},
    ),
}  # fmt: skip


def band_of(path):
    file = path.rsplit("/", 1)[-1]
    return FileBand(path, file, 1, (), "uint16", utm_grid((2, 2)), None, 1.0, 0.0, {})


@pytest.mark.parametrize("product", PRODUCTS)
def test_sensor_bands_and_date_of_a_folder(product):
    form, sensor, date, bands = PRODUCTS[product]
    paths = [form.format(name) for name in bands]
    found = [band_of(path) for path in paths]
    known = sensor_of_names(found)
    assert known is not None
    assert known.id == sensor
    names = dict(zip(bands, names_of(found, known), strict=True))
    assert names == bands
    assert date_of(paths, {}) == date


def test_there_are_enough_of_them():
    assert sum(len(bands) for *_, bands in PRODUCTS.values()) >= 300
