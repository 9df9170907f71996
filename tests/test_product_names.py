"""Folders of band files as products and exports name them: sensor, each band, and the date.

Every name stands with what it is by the product's own documents; a band that the product does not
have as reflectance is no band, whatever words are in its name.
"""

import dataclasses

import pytest

from conftest import utm_grid
from obriy.errors import SourceError
from obriy.sources.band_names import (
    as_named,
    contradiction_of_names,
    names_of,
    reflectance_only,
    sensor_of_names,
)
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
    "SR_B{}",
    OLI,
    QA_PIXEL="qa_pixel",
    QA_RADSAT="qa_radsat",
    SR_QA_AEROSOL="",
    ST_B10="",
    **THERMAL,
)
C2_TM = numbered(
    "SR_B{}", TM, QA_PIXEL="qa_pixel", QA_RADSAT="qa_radsat", SR_ATMOS_OPACITY="", SR_CLOUD_QA="",
    ST_B6="", **THERMAL,
)  # fmt: skip
L1_OLI = numbered("B{}", OLI | {8: "pan", 9: "cirrus", 10: "", 11: ""}, **ANGLES)
L1_ETM = numbered("B{}", TM | {8: "pan"}, B6_VCID_1="", B6_VCID_2="")
GAPS = {f"GM_B{n}": "" for n in (1, 2, 3, 4, 5, "6_VCID_1", "6_VCID_2", 7, 8)}
ESPA = {"pixel_qa": "qa_pixel", "radsat_qa": "radsat_qa"}
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
        numbered("SR_B{}", OLI, QA_PIXEL="qa_pixel", QA_RADSAT="qa_radsat", SR_QA_AEROSOL=""),
    ),
    "Landsat 7 C2 L2": (
        "LE07_L2SP_090084_20210331_20210426_02_T1_{}.TIF", "landsat_c2l2", "2021-03-31", C2_TM,
    ),
    "Landsat 5 C2 L2": (
        "LT05_L2SP_090084_19980308_20200909_02_T1_{}.TIF", "landsat_c2l2", "1998-03-08", C2_TM,
    ),
    "Landsat 8 C2 L1": (
        "LC08_L1GT_089074_20220506_20220512_02_T2_{}.TIF", "landsat8_l1", "2022-05-06",
        L1_OLI | {"QA_PIXEL": "qa_pixel", "QA_RADSAT": "qa_radsat"},
    ),
    "Landsat 8 C1 L1": (
        "LC08_L1TP_090084_20160121_20170405_01_T1_{}.TIF", "landsat8_l1", "2016-01-21",
        L1_OLI | {"BQA": "bqa"},
    ),
    "Landsat 7 C2 L1 with gap masks": (
        "LE07_L1TP_107068_20220310_20220405_02_T1_{}.TIF", "landsat7_l1", "2022-03-10",
        L1_ETM | GAPS | ANGLES | {"QA_PIXEL": "qa_pixel", "QA_RADSAT": "qa_radsat"},
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


EO = "2023-06-07-00:00_2023-06-07-23:59_{}_{{}}_(Raw).tiff"
RGBN = {"B01": "coastal", "B02": "blue", "B03": "green", "B04": "red", "B05": "nir08"}
NBAR = {
    f"Nadir_Reflectance_Band{number}": MOD09[f"sur_refl_b0{number}"] for number in range(1, 8)
} | {"BRDF_Albedo_Band_Mandatory_Quality_Band1": ""}
PRODUCTS |= {
    "Landsat 4 C2 L2": (
        "LT04_L2SP_178027_19890607_20200916_02_T1_{}.TIF", "landsat_c2l2", "1989-06-07", C2_TM,
    ),
    "Landsat 4 C2 L1": (
        "LT04_L1TP_178027_19890607_20200916_02_T1_{}.TIF", "landsat4_l1", "1989-06-07",
        numbered("B{}", TM, B6="", QA_PIXEL="qa_pixel"),
    ),
    "Landsat 8 without TIRS, C2 L1": (
        "LO08_L1TP_178027_20230607_20230614_02_T1_{}.TIF", "landsat8_l1", "2023-06-07",
        numbered("B{}", OLI),
    ),
    "Landsat 8 C2 ARD": (
        "LC08_CU_028003_20190801_20210504_02_{}.TIF", "landsat_c2l2", "2019-08-01",
        numbered("SR_B{}", OLI, QA_PIXEL="qa_pixel", SR_QA_AEROSOL=""),
    ),
    "ESPA with indices": (
        "LC08_L1TP_178027_20140522_20170307_01_T1_{}.tif", "landsat_espa", "2014-05-22",
        numbered("sr_band{}", OLI, sr_ndvi="", sr_ndmi="", sr_evi="", pixel_qa="qa_pixel"),
    ),
    "HLS S30 v1.4 as GeoTIFF": (
        "HLS.S30.T36TWT.2023158.v1.4.{}.tif", "hls", "2023-06-07", MSI | {"QA": "fmask"},
    ),
    "HLS L30 v1.4 of gdal_translate": (
        "HLS.L30.T21LYH.2016238.v1.4.hdf_{}.tif", "hls", "2016-08-25",
        {name: HLS_L[name] for name in ("B02", "B03", "B04", "B05", "B06")} | {"QA": "fmask"},
    ),
    "AppEEARS, HLS S30 without the time": (
        "HLSS30.020_{}_doy2025002_aid0001_30N.tif", "hls", "2025-01-02",
        MSI | {"Fmask": "fmask"},
    ),
    "AppEEARS, MOD09GA": (
        "MOD09GA.061_{}_1_doy2019001_aid0001.tif", "modis_surface", "2019-01-01",
        {name: common for name, common in MOD09.items() if common},
    ),
    "AppEEARS, MCD43A4": (
        "MCD43A4.061_{}_doy2023153_aid0001.tif", "modis_nbar", "2023-06-02", NBAR,
    ),
    "LP DAAC, MCD43A4": (
        "MCD43A4.A2023153.h20v04.061.2023162034021.{}.tif", "modis_nbar", "2023-06-02", NBAR,
    ),
    "EO Browser, Landsat 8-9 L2": (
        EO.format("Landsat_8-9_L2"), "landsat_c2l2", "2023-06-07", RGBN,
    ),
    "EO Browser, Landsat 8-9 L1": (
        EO.format("Landsat_8-9_L1"), "landsat8_l1", "2023-06-07", RGBN,
    ),
    "EO Browser, Landsat 4-5 L2": (
        EO.format("Landsat_4-5_TM_L2"), "landsat_c2l2", "2023-06-07",
        {"B01": "blue", "B02": "green", "B03": "red", "B04": "nir08", "B05": "swir16"},
    ),
    "Copernicus Browser, with hyphens": (
        "2024-01-29-00-00_2024-01-29-23-59_Sentinel-2_L2A_{}_(Raw).tiff", "sentinel2_l2a",
        "2024-01-29", {name: MSI[name] for name in ("B03", "B04", "B08", "B11")},
    ),
    "Earth Engine, Landsat 8 L2, a file a band": (
        "LC08_178027_20230607.{}.tif", "landsat_c2l2", "2023-06-07",
        numbered("SR_B{}", OLI, QA_PIXEL="qa_pixel", ST_B10=""),
    ),
    "Earth Engine, Landsat 5 L2, a file a band": (
        "LT05_178027_20030607.{}.tif", "landsat_c2l2", "2003-06-07",
        {"SR_B2": "green", "SR_B4": "nir08", "SR_B5": "swir16"},
    ),
    "Earth Engine, Landsat 9 TOA, a file a band": (
        "LC09_178027_20230615.{}.tif", "landsat8_l1", "2023-06-15", numbered("B{}", OLI),
    ),
    "Earth Engine, Sentinel-2, a file a band": (
        "20230607T083609_20230607T084307_T36TWT.{}.tif", "sentinel2_l2a", "2023-06-07",
        {"B2": "blue", "B3": "green", "B4": "red", "B8": "nir", "SCL": "scl"},
    ),
    "AppEEARS, Landsat 8 ARD": (
        "CU_LC08.002_{}_doy2023158_aid0001.tif", "landsat_c2l2", "2023-06-07",
        numbered("SR_B{}", OLI, QA_PIXEL="qa_pixel", SR_QA_AEROSOL=""),
    ),
    "Earth Engine, all bands of Landsat 8 under a name of one's own": (
        "download.{}.tif", "landsat_c2l2", None, numbered("SR_B{}", OLI, QA_PIXEL="qa_pixel"),
    ),
    "Earth Engine, all bands of Landsat 5 under a name of one's own": (
        "download.{}.tif", "landsat_c2l2", None, numbered("SR_B{}", TM, NDVI=""),
    ),
}  # fmt: skip

STACKS = {
    "LC08_178027_20230607.tif": ("landsat_c2l2", "2023-06-07", numbered("SR_B{}", OLI)),
    "1_2_LC09_178027_20230615.tif": ("landsat_c2l2", "2023-06-15", numbered("SR_B{}", OLI)),
    "LE07_178027_20130607.tif": ("landsat_c2l2", "2013-06-07", numbered("SR_B{}", TM)),
    "2_LT05_178027_20030607.tif": ("landsat5_l1", "2003-06-07", numbered("B{}", TM)),
    "LC08_178027_20230623.tif": ("landsat8_l1", "2023-06-23", numbered("B{}", OLI)),
    "20230607T083609_20230607T084307_T36TWT.tif": (
        "sentinel2_l2a", "2023-06-07",
        {"B2": "blue", "B3": "green", "B4": "red", "B8": "nir", "B11": "swir16", "QA60": None},
    ),
    "COPERNICUS_S2_SR_HARMONIZED_2023-06-07.tif": (
        "sentinel2_l2a", "2023-06-07", {"B3": "green", "B8": "nir"},
    ),
    "20230607_083609_12_2426_3B_AnalyticMS_SR.tif": (
        "planet_sr", "2023-06-07", {n: n for n in ("blue", "green", "red", "nir")},
    ),
    "20230607_083609_12_2426_3B_AnalyticMS_SR_8b_harmonized_clip.tif": (
        "planet_sr", "2023-06-07",
        {"coastal_blue": "coastal", "blue": "blue", "green_i": None, "green": "green",
         "yellow": "yellow", "red": "red", "rededge": "rededge071", "nir": "nir"},
    ),
}  # fmt: skip

REFUSED = (
    "LM05_L1TP_178027_19860531_20200917_02_T2_B1.TIF",
    "LM51780271986151AAA03_B2.TIF",
    "LM10280301972287AAA05_B4.TIF",
    "HLS.S30.T36TWT.2023158.v1.4.hdf",
    "20230607_083609_12_2426_3B_AnalyticMS.tif",
    "20230607_083609_12_2426_3B_AnalyticMS_8b_clip.tif",
    "20230607_083609_1054_1B_basic_Analytic.tif",
    "20230607_083609_1054_3B_Visual.tif",
    "2023-06-07-00_00_2023-06-07-23_59_Sentinel-2_L2A_True_color.tiff",
    "2023-06-07-00:00_2023-06-07-23:59_Sentinel-2_L2A_NDWI.tiff",
    "2022-08-19-00 00_2022-08-19-23 59_Landsat_8-9_L2_True_color.png",
    "VNP09GA.001_SurfReflect_M5_1_doy2023158_aid0001.tif",
)


def band_of(path, name=None, index=1):
    file = path.rsplit("/", 1)[-1]
    names = () if name is None else (name,)
    return FileBand(path, file, index, names, "uint16", utm_grid((2, 2)), None, 1.0, 0.0, {})


@pytest.mark.parametrize("file", STACKS)
def test_sensor_bands_and_date_of_a_file_that_names_its_bands(file):
    sensor, date, bands = STACKS[file]
    found = [band_of(file, name, i) for i, name in enumerate(bands, 1)]
    known = sensor_of_names(found)
    assert known is not None
    assert known.id == sensor
    assert dict(zip(bands, names_of(found, known), strict=True)) == bands
    assert date_of([file], {}) == date
    assert not contradiction_of_names(found)


@pytest.mark.parametrize(
    "file",
    ["LC08_178027_20230607.tif", "20230607T083609_20230607T084307_T36TWT.tif", "L8_2023.tif"],
)
def test_a_name_that_tells_the_satellite_alone_gives_no_order_of_bands(file):
    found = [band_of(file, None, index) for index in range(1, 8)]
    assert sensor_of_names(found) is None


@pytest.mark.parametrize("file", REFUSED)
def test_what_is_no_reflectance_is_refused(file):
    with pytest.raises(SourceError) as caught:
        reflectance_only([file])
    assert caught.value.hint


def test_what_opens_is_not_refused():
    files = [form.format(name) for form, *_, bands in PRODUCTS.values() for name in bands]
    assert reflectance_only([*files, *STACKS]) == ([*files, *STACKS], ())


@pytest.mark.parametrize(
    ("form", "bands"),
    [
        ("download.{}.tif", ("SR_B2", "SR_B3", "SR_B4", "SR_B5")),  # blue to nir, or green to swir
        ("2023-03-11.{}.tif", ("SR_B4", "SR_B5")),
        ("lake_{}.tif", ("B2", "B3", "B4", "B5")),  # of Landsat 8, of Landsat 5, of Sentinel-2
        ("L8_{}.tif", ("SR_B4", "SR_B5")),  # a lone word decides nothing
    ],
)
def test_names_that_mean_several_bands_are_left_open(form, bands):
    found = [band_of(form.format(name)) for name in bands]
    assert not any(names_of(found, sensor_of_names(found)))


def test_the_names_of_bands_outrank_that_of_the_file_and_it_is_said():
    found = [band_of("L8_2023-06-05.tif", name) for name in ("B02", "B03", "B08", "B8A")]
    assert sensor_of_names(found).id == "sentinel2_l2a"
    found = [band_of("HLS.L30.T36TWT.tif", name) for name in ("sur_refl_b01", "sur_refl_b02")]
    assert sensor_of_names(found).id == "modis_surface"
    assert "speaks for hls" in contradiction_of_names(found)


@pytest.mark.parametrize(
    ("file", "dtype", "scale"),
    [
        ("2023-06-07-00_00_2023-06-07-23_59_Landsat_8-9_L2_B03_(Raw).tiff", "uint16", 1 / 65535),
        ("2023-06-07-00_00_2023-06-07-23_59_Landsat_8-9_L2_B03_(Raw).tiff", "float32", 1.0),
        ("LC08_178027_20230607.SR_B3.tif", "uint16", 1.0),
    ],
)
def test_the_factor_that_a_name_tells(file, dtype, scale):
    band = dataclasses.replace(band_of(file), dtype=dtype)
    assert as_named(band).scale == scale


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
