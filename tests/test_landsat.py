import math

import numpy as np
import pytest
import rasterio
from affine import Affine

from obriy.errors import BandError, SourceError
from obriy.model.scene import band_names
from obriy.sources import open_scene
from obriy.sources.landsat import earth_sun_distance, read_mtl, toa_factors

OLI = """GROUP = L1_METADATA_FILE
  GROUP = PRODUCT_METADATA
    SPACECRAFT_ID = "LANDSAT_8"
    DATE_ACQUIRED = 2015-08-04
  END_GROUP = PRODUCT_METADATA
  GROUP = IMAGE_ATTRIBUTES
    SUN_ELEVATION = 30.0
    EARTH_SUN_DISTANCE = 1.0145544
  END_GROUP = IMAGE_ATTRIBUTES
  GROUP = RADIOMETRIC_RESCALING
    REFLECTANCE_MULT_BAND_3 = 2.0000E-05
    REFLECTANCE_MULT_BAND_5 = 2.0000E-05
    REFLECTANCE_ADD_BAND_3 = -0.100000
    REFLECTANCE_ADD_BAND_5 = -0.100000
  END_GROUP = RADIOMETRIC_RESCALING
END_GROUP = L1_METADATA_FILE
END
"""
TM = """GROUP = L1_METADATA_FILE
  SPACECRAFT_ID = "LANDSAT_5"
  DATE_ACQUIRED = 1988-08-14
  SUN_ELEVATION = 49.75588889
  RADIANCE_MAXIMUM_BAND_2 = 333.000
  RADIANCE_MINIMUM_BAND_2 = -2.840
  RADIANCE_MAXIMUM_BAND_4 = 221.000
  RADIANCE_MINIMUM_BAND_4 = -1.510
  QUANTIZE_CAL_MAX_BAND_2 = 255
  QUANTIZE_CAL_MIN_BAND_2 = 1
  QUANTIZE_CAL_MAX_BAND_4 = 255
  QUANTIZE_CAL_MIN_BAND_4 = 1
  RADIANCE_MULT_BAND_2 = 1.322
  RADIANCE_ADD_BAND_2 = -4.16220
END_GROUP = L1_METADATA_FILE
"""
TM_BEFORE_2012 = """GROUP = L1_METADATA_FILE
  SPACECRAFT_ID = "Landsat5"
  ACQUISITION_DATE = 1988-08-14
  SUN_ELEVATION = 49.75588889
  LMAX_BAND2 = 333.000
  LMIN_BAND2 = -2.840
  QCALMAX_BAND2 = 255.0
  QCALMIN_BAND2 = 1.0
END_GROUP = L1_METADATA_FILE
"""


def mtl(tmp_path, text, name="x_MTL.txt"):
    file = tmp_path / name
    file.write_text(text)
    return file


def bands(folder, prefix="x", dtype="uint16", **numbers):
    for name, number in numbers.items():
        data = np.full((3, 5), number, dtype)
        data[0, 0] = 0
        with rasterio.open(
            folder / f"{prefix}_{name}.TIF", "w", driver="GTiff", count=1, height=3, width=5,
            dtype=dtype, crs="EPSG:32636", transform=Affine(30, 0, 5e5, 0, -30, 5e6),
        ) as dataset:  # fmt: skip
            dataset.write(data, 1)


def test_landsat_8_by_hand(tmp_path):
    # (2e-5 * 12000 - 0.1) / sin(30°) = 0.14 / 0.5
    mtl(tmp_path, OLI)
    bands(tmp_path, B3=12_000, B5=8_000)
    scene = open_scene(tmp_path)
    assert (scene.sensor, scene.time) == ("landsat8_l1", "2015-08-04")
    assert scene.green.values[1, 1] == pytest.approx(0.28, abs=1e-6)
    assert scene.nir08.values[1, 1] == pytest.approx(0.12, abs=1e-6)
    assert np.isnan(scene.green.values[0, 0])
    assert scene.attrs["provenance"].step("scaling")["by"] == "MTL"


def test_landsat_5_by_hand(tmp_path):
    # L = (333 + 2.84) / 254 * (20 - 1) - 2.84 = 22.282 W/(m² sr µm); day 227, d = 1.0128;
    # reflectance = π · 22.282 · 1.0257 / (1796 · 0.76327) = 0.0524
    mtl(tmp_path, TM)
    bands(tmp_path, dtype="uint8", B2=20, B4=70)
    scene = open_scene(tmp_path)
    assert scene.sensor == "landsat5_l1"
    radiance = (333 + 2.84) / 254 * 19 - 2.84
    assert radiance == pytest.approx(22.2816, abs=1e-3)
    assert scene.green.values[1, 1] == pytest.approx(0.0524, abs=1e-4)
    assert scene.nir08.values[1, 1] == pytest.approx(
        math.pi * (222.51 / 254 * 69 - 1.51) * 1.012762**2
        / (1031 * math.sin(math.radians(49.75588889))), rel=5e-4,
    )  # fmt: skip


def test_the_names_of_before_2012_mean_the_same(tmp_path):
    new = toa_factors(read_mtl(mtl(tmp_path, TM)))["green"]
    old = toa_factors(read_mtl(mtl(tmp_path, TM_BEFORE_2012, "old_MTL.txt")))["green"]
    assert (old.scale, old.offset) == (pytest.approx(new.scale), pytest.approx(new.offset))


def test_factors_of_level_2_are_not_taken_for_those_of_level_1(tmp_path):
    text = OLI.replace(
        "  GROUP = RADIOMETRIC_RESCALING",
        "  GROUP = LEVEL2_SURFACE_REFLECTANCE_PARAMETERS\n"
        "    REFLECTANCE_MULT_BAND_3 = 2.75e-05\n    REFLECTANCE_ADD_BAND_3 = -0.2\n"
        "  END_GROUP = LEVEL2_SURFACE_REFLECTANCE_PARAMETERS\n"
        "  GROUP = LEVEL1_RADIOMETRIC_RESCALING",
    )
    assert toa_factors(read_mtl(mtl(tmp_path, text)))["green"].scale == pytest.approx(4e-5)


@pytest.mark.parametrize(
    ("day", "distance"), [("2009-01-03", 0.98331), ("2009-04-04", 1.0), ("2009-07-04", 1.01669)]
)
def test_distance_of_the_sun(tmp_path, day, distance):
    # Chander et al. 2009, table 6: days 3, 94 and 185; the formula is good to 0.0005.
    text = TM.replace("1988-08-14", day)
    assert earth_sun_distance(read_mtl(mtl(tmp_path, text))) == pytest.approx(distance, abs=5e-4)


def test_the_mtl_alone_opens_its_scene(tmp_path):
    file = mtl(tmp_path, OLI)
    bands(tmp_path, B3=12_000, B5=8_000)
    assert band_names(open_scene(file)) == ["green", "nir08"]


def test_nir_named_by_the_user_is_the_nir_of_the_mtl(tmp_path):
    mtl(tmp_path, OLI)
    bands(tmp_path, prefix="LC08_L1TP_x", B3=12_000, B5=8_000)
    scene = open_scene(tmp_path, bands=["green", "nir"])
    assert scene.nir.values[1, 1] == pytest.approx(0.12, abs=1e-6)
    with pytest.raises(BandError, match="no reflectance for the band 'blue'"):
        open_scene(tmp_path, bands=["green", "blue"], force_bands=True)


def test_an_mtl_beside_leaves_other_images_alone(tmp_path):
    mtl(tmp_path, OLI)
    bands(tmp_path, prefix="S2_L2A_x", B03=1200, B08=3100)
    files = sorted(tmp_path.glob("*.TIF"))
    scene = open_scene(files)
    assert scene.sensor == "sentinel2_l2a"
    assert scene.green.values[1, 1] == pytest.approx(0.12)


def test_landsat_without_its_mtl(tmp_path):
    bands(tmp_path, prefix="LC08_L1TP_x", B3=12_000, B5=8_000)
    scene = open_scene(tmp_path)
    assert scene.green.values[1, 1] == pytest.approx(0.14, abs=1e-6)
    assert any("No MTL was found" in w for w in scene.attrs["provenance"].warnings)


def test_level_2_has_its_own_factors_whatever_lies_beside(tmp_path):
    mtl(tmp_path, OLI)
    bands(tmp_path, prefix="LC08_L2SP_x", SR_B3=9_500, SR_B5=15_000, QA_PIXEL=21_952)
    scene = open_scene(tmp_path)
    assert scene.sensor == "landsat_c2l2"
    assert scene.green.values[1, 1] == pytest.approx(9_500 * 0.0000275 - 0.2, abs=1e-6)
    assert scene.flags.values[1, 1] == 64


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello", "is not the MTL of a satellite"),
        (OLI.replace("LANDSAT_8", "SENTINEL"), "is not the MTL of a satellite"),
        (OLI.replace("DATE_ACQUIRED", "DAY"), "does not say DATE_ACQUIRED"),
        (OLI.replace("= 30.0", "= -3.0"), "night"),
        (OLI.replace("= 30.0", "= high"), "SUN_ELEVATION is 'high', which is no number"),
        (OLI.replace("= 30.0", "= nan"), "SUN_ELEVATION is 'nan', which is no number"),
        (OLI.replace("= 30.0", "= 300"), "above 90"),
        (OLI.replace("2015-08-04", "2015-13-04"), "'2015-13-04' is no date"),
        (OLI.replace("-0.100000", "-0.1OOOOO"), "ADD_BAND_3 is '-0.1OOOOO', which is no number"),
        (OLI.replace("2.0000E-05", "inf"), "MULT_BAND_3 is 'inf', which is no number"),
        (TM.replace("333.000", "much"), "MAXIMUM_BAND_2 is 'much', which is no number"),
        (TM.replace("= 255", "= 1"), "counts of one number only"),
        (TM + "EARTH_SUN_DISTANCE = far", "EARTH_SUN_DISTANCE is 'far', which is no number"),
    ],
)
def test_an_mtl_that_cannot_serve(tmp_path, text, message):
    with pytest.raises(SourceError, match=message) as caught:
        toa_factors(read_mtl(mtl(tmp_path, text)))
    assert caught.value.hint


@pytest.mark.realdata
def test_the_real_mtls(realdata):
    pensacola = read_mtl(realdata / "l8_pensacola_full" / "l8_MTL.txt")
    green = toa_factors(pensacola)["green"]
    sine = math.sin(math.radians(64.74360932))
    assert green.scale == pytest.approx(2e-5 / sine)
    assert green.offset == pytest.approx(-0.1 / sine)
    amazon = read_mtl(realdata / "s2_amazon_offset" / "LT52240631988227CUB02_MTL.txt")
    assert amazon.sensor.id == "landsat5_l1"
    assert set(toa_factors(amazon)) == {"blue", "green", "red", "nir08", "swir16", "swir22"}
