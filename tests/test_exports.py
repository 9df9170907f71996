"""Exports and products of others, from the file to reflectance: made to their documents by hand.

Earth Engine: the catalogue's band names and factors; AppEEARS and HLS: their user guides; Planet:
PlanetScope Product Specifications; Sentinel Hub: names of the Browser's downloads, ``dataMask``.
"""

import numpy as np
import pytest
import rasterio
from affine import Affine

from landsat_bundles import GROUND, OLI, SIZE, TM, WATER, truth
from obriy.errors import BandError, SourceError
from obriy.model.flags import Flag
from obriy.model.scene import band_names
from obriy.sources import open_scene
from obriy.sources.finding import find_items

MORE = GROUND | {"yellow": (0.09, 0.05), "rededge071": (0.13, 0.03), "nir": (0.3, 0.02),
                 "swir12": (0.28, 0.01)}  # fmt: skip
PLANET = {"coastal_blue": "coastal", "blue": "blue", "green_i": "green", "green": "green",
          "yellow": "yellow", "red": "red", "rededge": "rededge071", "nir": "nir"}  # fmt: skip
MODIS = {1: "red", 2: "nir", 3: "blue", 4: "green", 5: "swir12", 6: "swir16", 7: "swir22"}
S2 = {"B2": "blue", "B3": "green", "B4": "red", "B8": "nir", "B11": "swir16"}
BROWSER = "2023-06-07-00_00_2023-06-07-23_59_{}_{{}}_(Raw).tiff"
C2, UNIT, E4 = (2.75e-5, -0.2), (1.0, 0.0), (1e-4, 0.0)


def ground(name):
    land, water = MORE[name]
    found = np.full((SIZE, SIZE), land)
    found[:, :WATER] = water
    return found


def numbers(name, factors, dtype):
    found = (ground(name) - factors[1]) / factors[0]
    return found.astype(dtype) if dtype.startswith("f") else np.round(found).astype(dtype)


def write(file, layers, names=(), nodata=None):
    file.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        file, "w", driver="GTiff", count=len(layers), height=SIZE, width=SIZE, nodata=nodata,
        dtype=layers[0].dtype, crs="EPSG:32636", transform=Affine(30, 0, 5e5, 0, -30, 5.2e6),
    ) as dataset:  # fmt: skip
        for index, layer in enumerate(layers, 1):
            dataset.write(layer, index)
        for index, name in enumerate(names, 1):
            dataset.set_band_description(index, name)
    return file


def close(scene, within=6e-5):
    return all(np.abs(scene[n].values - ground(n)).max() <= within for n in band_names(scene))


@pytest.mark.parametrize(
    ("file", "bands", "factors", "dtype", "sensor", "date"),
    [
        ("LC08_178027_20230607.tif", {f"SR_B{n}": c for n, c in OLI.items()}, C2, "uint16",
         "landsat_c2l2", "2023-06-07"),
        ("1_LT05_178027_20030607.tif", {f"SR_B{n}": c for n, c in TM.items()}, C2, "uint16",
         "landsat_c2l2", "2003-06-07"),
        # scaled in Earth Engine before the export
        ("LC09_178027_20230615.tif", {f"SR_B{n}": c for n, c in OLI.items()}, UNIT, "float32",
         "landsat_c2l2", "2023-06-15"),
        ("LC08_178027_20230623.tif", {f"B{n}": c for n, c in OLI.items()}, UNIT, "float32",
         "landsat8_l1", "2023-06-23"),
        ("LT05_178027_19990607.tif", {f"B{n}": c for n, c in TM.items()}, UNIT, "float64",
         "landsat5_l1", "1999-06-07"),
        ("20230607T083609_20230607T084307_T36TWT.tif", S2, E4, "uint16",
         "sentinel2_l2a", "2023-06-07"),
        ("2_20230607T083609_20230607T084307_T36TWT.tif",
         {"B3": "green", "B8": "nir"}, E4, "uint16", "sentinel2_l2a", "2023-06-07"),
        ("COPERNICUS_S2_SR_20230607.tif", S2, UNIT, "float32", "sentinel2_l2a", "2023-06-07"),
        ("20230607_083609_12_2426_3B_AnalyticMS_SR.tif",
         {n: n for n in ("blue", "green", "red", "nir")}, E4, "uint16", "planet_sr", "2023-06-07"),
        ("20230607_083609_12_2426_3B_AnalyticMS_SR_8b_harmonized_clip.tif", PLANET, E4, "uint16",
         "planet_sr", "2023-06-07"),
        ("response.tiff", {"B03": "green", "B04": "red", "B08": "nir", "B11": "swir16"}, UNIT,
         "float32", "sentinel2_l2a", None),
        ("response.tiff", {"B03": "green", "B04": "red", "B08": "nir", "B11": "swir16"}, E4,
         "uint16", "sentinel2_l2a", None),
    ],
)  # fmt: skip
def test_a_stack_whose_bands_have_names(tmp_path, file, bands, factors, dtype, sensor, date):
    layers = [numbers(common, factors, dtype) for common in bands.values()]
    scene = open_scene(write(tmp_path / file, layers, bands))
    assert (scene.sensor, scene.time) == (sensor, date)
    assert set(band_names(scene)) == set(bands.values())
    assert close(scene)


@pytest.mark.parametrize(
    ("form", "bands", "factors", "dtype", "nodata", "sensor", "date"),
    [
        ("LC08_178027_20230607.{}.tif", {f"SR_B{n}": c for n, c in OLI.items()}, C2, "uint16", 0,
         "landsat_c2l2", "2023-06-07"),
        ("download.{}.tif", {f"SR_B{n}": c for n, c in TM.items()}, C2, "uint16", 0,
         "landsat_c2l2", None),
        ("HLS.S30.T36TWT.2023158.v1.4.{}.tif",
         {"B03": "green", "B04": "red", "B8A": "nir08", "B11": "swir16"}, E4, "int16", -1000,
         "hls", "2023-06-07"),
        ("HLS.L30.T36TWT.2023166T083609.v2.0.{}.tif",
         {"B03": "green", "B04": "red", "B05": "nir08", "B06": "swir16"}, E4, "int16", -9999,
         "hls", "2023-06-15"),
        ("HLSS30.020_{}_doy2023158083601_aid0001_36N.tif",
         {"B03": "green", "B04": "red", "B8A": "nir08", "B11": "swir16"}, E4, "int16", -9999,
         "hls", "2023-06-07"),
        ("HLSL30.020_{}_doy2025002_aid0001_36N.tif",
         {"B03": "green", "B04": "red", "B05": "nir08", "B06": "swir16"}, E4, "int16", -9999,
         "hls", "2025-01-02"),
        ("MCD43A4.061_{}_doy2023153_aid0001.tif",
         {f"Nadir_Reflectance_Band{n}": c for n, c in MODIS.items()}, E4, "int16", 32767,
         "modis_nbar", "2023-06-02"),
        ("MOD09GA.061_{}_1_doy2023153_aid0001.tif",
         {f"sur_refl_b0{n}": c for n, c in MODIS.items()}, E4, "int16", -28672,
         "modis_surface", "2023-06-02"),
        (BROWSER.format("Sentinel-2_L2A"), {"B03": "green", "B08": "nir", "B11": "swir16"}, UNIT,
         "float32", None, "sentinel2_l2a", "2023-06-07"),
        (BROWSER.format("Sentinel-2_L1C"), {"B03": "green", "B08": "nir", "B11": "swir16"},
         (1 / 65535, 0), "uint16", None, "sentinel2_l1c", "2023-06-07"),
        (BROWSER.format("Landsat_8-9_L2"), {"B03": "green", "B05": "nir08", "B06": "swir16"},
         UNIT, "float32", None, "landsat_c2l2", "2023-06-07"),
        (BROWSER.format("Landsat_8-9_L2"), {"B03": "green", "B05": "nir08", "B06": "swir16"},
         (1 / 65535, 0), "uint16", None, "landsat_c2l2", "2023-06-07"),
    ],
)  # fmt: skip
def test_a_folder_of_bands(tmp_path, form, bands, factors, dtype, nodata, sensor, date):
    for name, common in bands.items():
        layer = numbers(common, factors, dtype)
        if nodata is not None:
            layer[0] = nodata
        write(tmp_path / form.format(name), [layer], nodata=nodata)
    scene = open_scene(tmp_path)
    assert (scene.sensor, scene.time) == (sensor, date)
    assert set(band_names(scene)) == set(bands.values())
    seen = scene.isel(y=slice(1, None))
    assert all(np.abs(seen[n].values - ground(n)[1:]).max() < 6e-5 for n in band_names(scene))
    assert np.isnan(scene.green.values[0]).all() == (nodata is not None)


def test_the_bands_of_planet_without_names_follow_its_order(tmp_path):
    file = tmp_path / "20230607_083609_12_2426_3B_AnalyticMS_SR_8b.tif"
    layers = [numbers(common, E4, "uint16") for common in PLANET.values()]
    assert close(open_scene(write(file, layers)))


@pytest.mark.parametrize("named", [True, False])
def test_the_usable_data_mask_of_planet_is_the_quality_band(tmp_path, named):
    scene = "20230607_083609_12_2426_3B"
    layers = [numbers(common, E4, "uint16") for common in PLANET.values()]
    write(tmp_path / f"{scene}_AnalyticMS_SR_8b_clip.tif", layers, PLANET if named else ())
    order = ("clear", "snow", "shadow", "haze_light", "haze_heavy", "cloud", "confidence", "udm1")
    mask = np.zeros((8, SIZE, SIZE), "uint8")
    for row, band in enumerate((1, 2, 4, 5)):  # a row each of snow, shadow, heavy haze, cloud
        mask[band, row] = 1
    mask[7, 4] = 1  # blackfill
    write(tmp_path / f"{scene}_udm2_clip.tif", list(mask), order if named else ())
    found = open_scene(tmp_path)
    assert close(found)
    said = [Flag.SNOW, Flag.CLOUD_SHADOW, Flag.CIRRUS, Flag.CLOUD, Flag.NO_DATA, 0]
    assert [int(found.flags.values[row, 9]) for row in range(6)] == [int(flag) for flag in said]


def test_an_order_of_planet_of_several_dates_is_a_series(tmp_path):
    for day in ("20230607", "20230615"):
        name = f"{day}_083609_12_2426_3B"
        bands = [numbers(common, E4, "uint16") for common in PLANET.values()]
        write(tmp_path / f"{name}_AnalyticMS_SR_8b_clip.tif", bands, PLANET)
        cloud = np.zeros((8, SIZE, SIZE), "uint8")
        cloud[5, : int(day[-1])] = 1
        write(tmp_path / f"{name}_udm2_clip.tif", list(cloud))
    found = find_items([str(tmp_path)])
    assert [item.date for item in found] == ["2023-06-07", "2023-06-15"]
    flags = [open_scene(item.paths).flags.values for item in found]
    assert [int((f == Flag.CLOUD).sum()) for f in flags] == [7 * SIZE, 5 * SIZE]


def test_a_data_mask_hides_whatever_stands_beneath(tmp_path):
    seen = np.ones((SIZE, SIZE), "float32")
    seen[:5] = 0
    bands = {"B03": "green", "B08": "nir"}
    layers = [numbers(common, UNIT, "float32") for common in bands.values()]
    scene = open_scene(write(tmp_path / "response.tiff", [*layers, seen], (*bands, "dataMask")))
    assert np.isnan(scene.green.values[:5]).all()
    assert not np.isnan(scene.green.values[5:]).any()


def test_what_a_download_does_not_tell_is_asked(tmp_path):
    # SR_B2 to SR_B5 are blue to near infrared on Landsat 8, green to short wave on Landsat 5
    for number in (2, 3, 4, 5):
        write(tmp_path / f"download.SR_B{number}.tif", [numbers(OLI[number], C2, "uint16")])
    with pytest.raises(BandError, match="Nothing tells which band") as caught:
        open_scene(tmp_path)
    assert "--bands" in caught.value.hint
    scene = open_scene(tmp_path, bands="blue,green,red,nir08")
    assert scene.sensor == "landsat_c2l2"
    assert close(scene)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("20230607_083609_12_2426_3B_AnalyticMS.tif", "radiance"),
        ("20230607_083609_1054_3B_Visual.tif", "picture for the eye"),
        ("2023-06-07-00_00_2023-06-07-23_59_Sentinel-2_L2A_True_color.tiff", "colours, not bands"),
        ("LM05_L1TP_178027_19860531_20200917_02_T2_B1.TIF", "scanner MSS"),
    ],
)
def test_what_is_no_reflectance_is_refused_by_name(tmp_path, file, said):
    write(tmp_path / file, [numbers("green", (1 / 255, 0), "uint8")] * 3)
    with pytest.raises(SourceError, match=said):
        open_scene(tmp_path / file)


def test_a_picture_beside_the_raw_bands_is_left_out_and_said(tmp_path):
    form = BROWSER.format("Sentinel-2_L2A")
    for name, common in {"B03": "green", "B08": "nir", "B11": "swir16"}.items():
        write(tmp_path / form.format(name), [numbers(common, UNIT, "float32")])
    picture = form.split("{")[0] + "True_color.tiff"
    write(tmp_path / picture, [numbers("green", (1 / 255, 0), "uint8")] * 3)
    scene = open_scene(tmp_path)
    assert set(band_names(scene)) == {"green", "nir", "swir16"}
    assert close(scene)
    assert [w for w in scene.attrs["provenance"].warnings if picture in w]


def test_hls_in_hdf4_is_refused_with_the_way_out(tmp_path):
    sd = pytest.importorskip("pyhdf.SD")
    file = tmp_path / "HLS.S30.T36TWT.2023158.v1.4.hdf"
    whole = sd.SD(str(file), sd.SDC.WRITE | sd.SDC.CREATE)
    band = whole.create("B03", sd.SDC.INT16, (SIZE, SIZE))
    band[:] = numbers("green", E4, "int16")
    band.endaccess()
    whole.SENSING_TIME = "2023-06-07T08:36:09.024Z"
    whole.end()
    with pytest.raises(SourceError, match=r"HLS v1\.4 in HDF4") as caught:
        open_scene(file)
    assert "HLSS30.020" in caught.value.hint


def test_truth_is_one():
    assert all((ground(name) == truth(name)).all() for name in GROUND)
