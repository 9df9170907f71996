"""Names of bands in the names of files: whole, as products give them, never by a word of them."""

import re

import numpy as np
import pytest
import rasterio

from conftest import utm_grid
from obriy.model.flags import Flag
from obriy.sources.band_names import is_picture, own_name
from obriy.sources.quality import lookup_table
from obriy.sources.scene import open_scene
from obriy.tables import load_toml

C2 = "LC08_L2SP_178027_20230607_20230614_02_T1"
C1 = "LC08_L1TP_178027_20140522_20170307_01_T1"
OWN = {
    f"{C2}_SR_B1.TIF": "SR_B1",
    f"{C2}_SR_QA_AEROSOL.TIF": "SR_QA_AEROSOL",
    f"{C2}_QA_PIXEL.TIF": "QA_PIXEL",
    f"{C2}_ST_B10.TIF": "ST_B10",
    "LE07_L1TP_107068_20220310_20220405_02_T1_GM_B1.TIF": "GM_B1",
    "LE07_L1TP_107068_20220310_20220405_02_T1_B6_VCID_1.TIF": "B6_VCID_1",
    f"{C1}_sr_band3.tif": "sr_band3",
    f"{C1}_pixel_qa.tif": "pixel_qa",
    "LC08_CU_003010_20210503_20210509_02_SR_B3.TIF": "SR_B3",
    "LC81780272014295LGN00_B3.TIF": "B3",
    "LC82320832016040LGN00_sr_band2.tif": "sr_band2",
    "LT51780271986151XXX03_BQA.TIF": "BQA",
    "HLS.S30.T36TWT.2023158T083609.v2.0.B8A.tif": "B8A",
    "HLS.L30.T36TWT.2023166T083609.v2.0.Fmask.tif": "Fmask",
    "T36TWT_20230607T083609_B03_20m.jp2": "B03",
    "T36TWT_20230607T083609_SCL_20m.jp2": "SCL",
    "T36TWT_20230607T083609_B03.jp2": "B03",
    "L2A_T36TWT_20180607T083609_AOT_10m.jp2": "AOT",
    "S2A_OPER_MSI_L1C_TL_EPA__20161213T093155_A001517_T55JGF_B02.jp2": "B02",
    "MOD09A1.A2023153.h20v04.061.2023164035212.sur_refl_b02.tif": "sur_refl_b02",
    "MYD09GA.A2023158.h20v04.061.2023160033215_sur_refl_b02_1.tif": "sur_refl_b02",
    "MOD09GA.061_sur_refl_b04_1_doy2023158_aid0001.tif": "sur_refl_b04",
    "HLSS30.020_B03_doy2023158083609_aid0001_36N.tif": "B03",
    "2023-06-07-00_00_2023-06-07-23_59_Sentinel-2_L2A_B08_(Raw).tiff": "B08",
    "2023-02-10-00:00_2023-02-10-23:59_Landsat_8-9_L2_B05_(Raw).tiff": "B05",
    "MCD43A4.A2023153.h20v04.061.2023162034021.Nadir_Reflectance_Band1.tif": (
        "Nadir_Reflectance_Band1"
    ),
    "HLS.L30.T21LYH.2016238.v1.4.hdf_QA.tif": "Fmask",
    "HLS.S30.T11SPC.2016100.v1.4.B8A.tif": "B8A",
    "LC08_178027_20230607.SR_B4.tif": "SR_B4",
    "lake_SR_B4.tif": "SR_B4",
    "download.QA_PIXEL.tif": "QA_PIXEL",
    # of no product that is known, but what lies beside bands is none
    "lake_SR_QA_AEROSOL.tif": "SR_QA_AEROSOL",
    "ST_B10.tif": "ST_B10",
    "2023-06-07_sr_aerosol.tif": "sr_aerosol",
    "scene-QA_RADSAT.tif": "QA_RADSAT",
    "lake_B03.tif": None,
    "green.tif": None,
    "class_10m.tif": None,
}


@pytest.mark.parametrize("name", OWN)
def test_the_band_in_the_name_of_a_file_of_a_product(name):
    assert own_name(name) == OWN[name]


def test_every_pattern_is_tried():
    patterns = [row["pattern"] for row in load_toml("product_names")["bands"]]
    stems = [name.rsplit(".", 1)[0] for name in OWN]
    unused = [p for p in patterns if not any(re.fullmatch(p, s, re.IGNORECASE) for s in stems)]
    assert unused == []


def test_pictures_beside_the_bands():
    pictures = ["TCI.jp2", "T36TWT_20230607T083609_TCI_10m.jp2", "preview.jpg", "scene_browse.tif"]
    assert all(is_picture(name) for name in pictures)
    assert not any(is_picture(name) for name in ["B03.jp2", "scene.tif", "browser.tif"])


def write(path, number, count=1, dtype="uint16"):
    grid = utm_grid((16, 16), 30)
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.full((count, 16, 16), number, dtype)
    values[:, 0, :8] += np.arange(8, dtype=dtype)
    with rasterio.open(
        path, "w", driver="GTiff", count=count, dtype=dtype, height=16, width=16,
        transform=grid.affine, crs=str(grid.crs),
    ) as file:  # fmt: skip
        file.write(values)


OLI = {"coastal": 1, "blue": 2, "green": 3, "red": 4, "nir08": 5, "swir16": 6, "swir22": 7}
BESIDE = ("QA_RADSAT", "SR_QA_AEROSOL", "ST_ATRAN", "ST_B10", "ST_CDIST", "ST_DRAD", "ST_EMIS",
          "ST_EMSD", "ST_QA", "ST_TRAD", "ST_URAD")  # fmt: skip


@pytest.mark.parametrize("stem", [C2, "lake"])
def test_a_complete_folder_of_landsat_level_2(tmp_path, stem):
    for band in range(1, 8):
        write(tmp_path / f"{stem}_SR_B{band}.TIF", 9000 + 1000 * band)
    for name in BESIDE:
        write(tmp_path / f"{stem}_{name}.TIF", 96, dtype="uint8" if "AEROSOL" in name else "uint16")
    write(tmp_path / f"{stem}_QA_PIXEL.TIF", 21824)
    scene = open_scene(tmp_path)
    assert scene.attrs["sensor"] == "landsat_c2l2"
    assert scene.attrs["time"] == ("2023-06-07" if stem == C2 else None)
    for name, band in OLI.items():
        expected = (9000 + 1000 * band) * 2.75e-5 - 0.2
        assert float(scene[name][8, 8]) == pytest.approx(expected, abs=1e-6)


def test_a_folder_of_espa(tmp_path):
    stem = "LC82320832016040LGN00"
    for band in range(2, 8):
        write(tmp_path / f"{stem}_sr_band{band}.tif", 500 * band, dtype="int16")
    for name in ("toa_band3", "bt_band10", "sr_aerosol", "radsat_qa"):
        write(tmp_path / f"{stem}_{name}.tif", 66, dtype="int16")
    write(tmp_path / f"{stem}_pixel_qa.tif", 322)
    scene = open_scene(tmp_path)
    assert scene.attrs["sensor"] == "landsat_espa"
    assert scene.attrs["time"] == "2016-02-09"
    assert float(scene["green"][8, 8]) == pytest.approx(0.15)
    assert float(scene["swir16"][8, 8]) == pytest.approx(0.3)
    assert scene["flags"][8, 8] == Flag.SATURATED  # 322 is clear, 66 is bands 1 and 6


def test_pixel_qa_of_collection_1_has_its_own_bits():
    # USGS LSDS-1368 v3.0, table 7-2: clear, water, shadow, snow, cloud, of Landsat 8
    table = lookup_table("pixel_qa")
    expected = {322: 0, 324: Flag.WATER, 328: Flag.CLOUD_SHADOW, 336: Flag.SNOW, 352: Flag.CLOUD,
                834: Flag.CIRRUS, 1346: Flag.DARK, 1: Flag.NO_DATA}  # fmt: skip
    assert {number: table[number] for number in expected} == expected


def test_bands_of_appeears_and_a_picture_beside_others(tmp_path):
    for band in ("B02", "B03", "B8A", "B11"):
        write(
            tmp_path / "a" / f"HLSS30.020_{band}_doy2023158083609_aid0001_36N.tif",
            1500,
            dtype="int16",
        )
    scene = open_scene(tmp_path / "a")
    assert scene.attrs["sensor"] == "hls"
    assert set(scene.data_vars) == {"blue", "green", "nir08", "swir16"}
    for band in ("B02", "B03", "B08", "B8A", "B11", "B12"):
        write(tmp_path / "b" / f"{band}.jp2.tif", 1500)
    write(tmp_path / "b" / "TCI.tif", 60, count=3, dtype="uint8")
    assert "nir" in open_scene(tmp_path / "b")
