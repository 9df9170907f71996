"""Which band is which by --bands: what its names mean, and what speaks against it."""

import numpy as np
import pytest
from affine import Affine
from tests.test_open_scene import numbers, warnings_of, write

from obriy.errors import BandError, UnknownNameError
from obriy.model.scene import band_names
from obriy.sources import open_scene
from obriy.workflows.config.base import make_config
from obriy.workflows.config.ice import IceConfig
from obriy.workflows.config.landcover import LandcoverConfig
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.inputs import one_image

SENTINEL2 = ("B02", "B03", "B04", "B08", "B11", "B12")
COMMON = ("blue", "green", "red", "nir", "swir16", "swir22")


def steps(count):
    """Bands each of which is brighter than the one before."""
    noise = np.random.default_rng(3).integers(0, 90, (count, 7, 11))
    return (8000 + 400 * np.arange(count)[:, None, None] + noise).astype("uint16")


def level(scene, name):
    """Which band of `steps` it is."""
    return scene[name].values.mean()


@pytest.mark.parametrize("names", [SENTINEL2, COMMON, ("Blue", "Green", "Red", "NIR", "SWIR1", "")])
def test_a_list_in_another_order_than_the_file_is_refused(tmp_path, names):
    file = write(tmp_path / "a.tif", numbers(6), names)
    wrong = "nir,green,red,blue,swir16,swir22"
    with pytest.raises(
        BandError, match=r"band 1 of a\.tif 'nir', and the file calls it blue"
    ) as it:
        open_scene(file, bands=wrong)
    assert "and 1 more differ" in it.value.message
    assert "blue,green,red,nir,swir16" in it.value.hint
    assert "--force-bands" in it.value.hint
    forced = open_scene(file, bands=wrong, force_bands=True)
    right = open_scene(file, bands=",".join(COMMON))
    np.testing.assert_array_equal(forced.nir.values, right.blue.values)
    assert any("The list was believed" in said for said in warnings_of(forced))
    assert not any("believed" in said for said in warnings_of(right))


def test_a_list_that_the_file_says_nothing_against_is_believed(tmp_path):
    dn = steps(6)
    for names in ((), ("1", "2", "3", "4", "5", "6"), ("B1", "B2", "B3", "B4", "B5", "B6")):
        scene = open_scene(write(tmp_path / "a.tif", dn, names), bands="nir,green,red,blue")
        assert level(scene, "nir") < level(scene, "green") < level(scene, "blue")
    # What is left out contradicts nothing, and B8A is the near infrared to most people.
    s2 = write(tmp_path / "b.tif", dn, ("B02", "B03", "B04", "B8A", "B11", "B12"))
    assert band_names(open_scene(s2, bands="-,green,-,nir")) == ["green", "nir"]


@pytest.mark.parametrize(
    ("names", "sensor", "bands"),
    [  # names inside the file are read by the sensor that is named
        (("B2", "B3", "B4", "B5"), "landsat8_l1", "green,blue,red,nir08"),
        (("B1", "B2", "B3", "B4"), "landsat5_l1", "coastal,green,red,nir"),
        (("sur_refl_b01", "sur_refl_b02", "sur_refl_b03", "sur_refl_b04"), "modis_surface",
         "blue,green,red,nir"),
        (("SR_B2", "SR_B3", "SR_B4", "SR_B5"), None, "green,blue,red,nir08"),
        (("B02", "B03", "B04", "SCL"), None, "blue,green,red,nir"),
    ],
)  # fmt: skip
def test_the_names_of_every_sensor_count(tmp_path, names, sensor, bands):
    file = write(tmp_path / "a.tif", numbers(4), names)
    with pytest.raises(BandError, match="and the file calls it"):
        open_scene(file, bands=bands, sensor=sensor)


def test_a_band_that_is_no_reflectance_is_not_made_one(tmp_path):
    file = write(tmp_path / "a.tif", numbers(3), ("B3", "B5", "B10"))
    with pytest.raises(BandError, match=r"'swir16', and the file calls it a band without reflect"):
        open_scene(file, bands="green,nir,swir16", sensor="landsat8_l1")


def test_names_of_files_count_too(tmp_path):
    for name in ("B02", "B03", "B08", "B11", "B8A"):  # B8A stands last in a folder
        write(tmp_path / f"T36_20250608_{name}_10m.tif", numbers(1))
    with pytest.raises(BandError, match=r"B11_10m\.tif 'nir08', and the file calls it swir16"):
        open_scene(tmp_path, bands="blue,green,nir,nir08,swir16")
    assert "swir16" in band_names(open_scene(tmp_path, bands="blue,green,nir,swir16,nir08"))


@pytest.mark.parametrize(
    ("bands", "sensor", "expected", "known"),
    [
        ("B02,B03,B04,B08,B11,B12", None, COMMON, "sentinel2_l2a"),
        ("b2,b3,b4,b8a,b11,b12", None, (*COMMON[:3], "nir08", *COMMON[4:]), "sentinel2_l2a"),
        ("SR_B2,SR_B3,SR_B4,SR_B5,SR_B6,SR_B7", None, (*COMMON[:3], "nir08", *COMMON[4:]),
         "landsat_c2l2"),
        ("B2,B3,B4,B5,B6,B7", "landsat8_l1", (*COMMON[:3], "nir08", *COMMON[4:]), "landsat8_l1"),
        ("B1,B2,B3,B4,B5,B7", "landsat5_l1", (*COMMON[:3], "nir08", *COMMON[4:]), "landsat5_l1"),
        ("B02,B03,B04,B05,B06,B07", "hls", (*COMMON[:3], "nir08", *COMMON[4:]), "hls"),
        ("B02,B03,B04,B8A,B11,B12", "hls", (*COMMON[:3], "nir08", *COMMON[4:]), "hls"),
        ("sur_refl_b03,sur_refl_b04,sur_refl_b01,sur_refl_b02,sur_refl_b06,sur_refl_b07", None,
         COMMON, "modis_surface"),
        ("Blue,GREEN,Red,-,SWIR1,swir-2", None, ("blue", "green", "red", "swir16", "swir22"), ""),
    ],
)  # fmt: skip
def test_names_of_sensors_are_understood(tmp_path, bands, sensor, expected, known):
    scene = open_scene(write(tmp_path / "a.tif", steps(6)), bands=bands, sensor=sensor)
    assert set(band_names(scene)) == set(expected)
    assert scene.attrs["sensor"] == (known or scene.attrs["sensor"])
    levels = [level(scene, name) for name in expected]
    assert levels == sorted(levels)


def test_a_name_that_is_another_band_on_another_sensor_needs_one(tmp_path):
    file = write(tmp_path / "a.tif", numbers(3))
    with pytest.raises(BandError, match="'b3', which is another band on another sensor") as it:
        open_scene(file, bands="B3,B4,B5")
    assert "--sensor" in it.value.hint
    with pytest.raises(UnknownNameError, match=r"no band named 'b14'.*B8A"):
        open_scene(file, bands="B02,B03,B14")


@pytest.mark.parametrize("name", ["scene", "L8_2023-06-05", "L7_2003-06-05", "l8_sr"])
def test_bands_of_one_sensor_only_outrank_the_name_of_the_file(tmp_path, name):
    names = ("SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B6", "SR_B7")
    scene = open_scene(write(tmp_path / f"{name}.tif", steps(6), names))
    assert scene.attrs["sensor"] == "landsat_c2l2"
    assert band_names(scene) == ["blue", "green", "red", "nir08", "swir16", "swir22"]


@pytest.mark.parametrize(
    ("name", "sensor"),
    [("HLS.S30.T36TXT.2021185T083601.v2.0", "hls"), ("S2A_MSIL1C_20210704T083601", "sentinel2_l1c"),
     ("LC08_L1TP_178026_20210704", "landsat8_l1")],
)  # fmt: skip
def test_the_name_of_the_file_holds_where_the_bands_may_be_its_own(tmp_path, name, sensor):
    names = ("B02", "B03", "B04", "B05")
    file = write(tmp_path / f"{name}.tif", steps(4), names)
    assert open_scene(file, scale=1e-4, offset=0).attrs["sensor"] == sensor


# --- several images -----------------------------------------------------------------------------


@pytest.mark.parametrize("bands", [None, ",".join(COMMON)])
@pytest.mark.parametrize("names", [(), SENTINEL2])
def test_a_folder_of_images_is_not_one(tmp_path, names, bands):
    for letter in "abcdef":
        write(tmp_path / f"{letter}.tif", numbers(6), names)
    with pytest.raises(BandError, match=r"6 files \(a.tif, b.tif, c.tif, …\) are several") as it:
        open_scene(tmp_path, bands=bands)
    assert "Open one of them" in it.value.hint
    assert "dates.csv" in it.value.hint
    assert "--bands" not in it.value.hint


def test_files_of_one_scene_with_several_bands_each_are_one(tmp_path):
    fine, coarse = numbers(3, (8, 12)), numbers(3, (4, 6))
    double = Affine(20, 0, 500_000, 0, -20, 5_000_000)
    write(tmp_path / "a10.tif", fine, ("B02", "B03", "B08"))
    write(tmp_path / "b20.tif", coarse, ("B02", "B11", "B12"), transform=double)
    expected = ["blue", "green", "nir", "swir16", "swir22"]
    scene = open_scene(tmp_path)
    assert band_names(scene) == expected
    assert scene.blue.shape == (8, 12)  # the finer of the two
    listed = open_scene(tmp_path, bands="blue,green,nir,-,swir16,swir22")
    assert band_names(listed) == expected
    # The same bands of another place are another image.
    write(tmp_path / "b20.tif", coarse, ("B02", "B11", "B12"),
          transform=Affine(20, 0, 500_060, 0, -20, 5_000_000))  # fmt: skip
    with pytest.raises(BandError, match=r"several images.*both have the band 'blue'"):
        open_scene(tmp_path)


def test_one_name_twice_in_a_file_is_another_fault(tmp_path):
    file = write(tmp_path / "a.tif", numbers(3), ("B03", "B03", "B08"))
    with pytest.raises(BandError, match="has the band 'green' twice: bands 1 and 2"):
        open_scene(file)


# --- the configuration --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [WaterConfig, LandcoverConfig])
def test_the_list_is_believed_by_the_configuration_too(tmp_path, kind):
    file = write(tmp_path / "a.tif", numbers(6), SENTINEL2)
    given = {"source": str(file), "bands": "nir,green,red,blue"}
    with pytest.raises(BandError, match="--force-bands"):
        one_image(make_config(kind, given))
    forced = make_config(kind, given | {"force_bands": True})
    assert band_names(one_image(forced).scene) == ["blue", "green", "red", "nir"]
    assert forced.identity()["force_bands"] is True
    # A run that was made before there was the option is still that run.
    assert "force_bands" not in make_config(kind, given).identity()
    assert "force_bands" in IceConfig.model_fields
