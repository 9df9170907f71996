"""Every raster of the real data opens, with reflectance that can be, and the right offset."""

import numpy as np
import pytest

from obriy.errors import BandError, GridError
from obriy.model.scene import band_names
from obriy.sources import open_scene

pytestmark = pytest.mark.realdata

AMAZON = "s2_amazon_offset/sen2_amazon_12band_f32.tif"
SINGLE = [
    (AMAZON, {}, "sentinel2_l2a", 12),
    ("s2_sundarbans/S2_L2A_20200127_sundarbans_12band_u16.tif", {}, "sentinel2_l2a", 12),
    ("s2_aquileia/S2_L2A_20190416_aquileia_6band_u16.tif", {}, "sentinel2_l2a", 6),
    ("s2_barbellino_small/S2A1C_20170703_022_Barbellino_TOA_10.tif", {}, "sentinel2_l1c", 12),
    ("s2_barbellino_small/S2A1C_20190723_022_Barbellino_TOA_10.tif", {}, "sentinel2_l1c", 12),
    ("s2_barbellino_small/S2A2A_20170703_022_Barbellino_BOA_10.tif", {}, "sentinel2_l2a", 11),
    ("s2_barbellino_small/S2A2A_20190723_022_Barbellino_BOA_10.tif", {}, "sentinel2_l2a", 11),
    ("s2_small_labelled/BigEarthNet/S2A_MSIL2A_20170617T113321_36_85", {}, "sentinel2_l2a", 12),
    ("s2_mixedres_patagonia", {}, "unknown", 6),
    ("l8_pensacola_full", {}, "landsat8_l1", 6),
    ("s2_amazon_offset/landsat5_19880814_7band_dn.tif", {}, "landsat5_l1", 6),
    ("l7_olinda/L7_ETMs.tif", {"sensor": "landsat7_l1"}, "landsat7_l1", 6),
    ("l8_elkton_labels", {}, "landsat8_l1", 8),
    *[
        (f"s2_small_labelled/EuroSAT/{name}_{i}.tif", {"sensor": "sentinel2_l1c"},
         "sentinel2_l1c", 13)
        for name in ("AnnualCrop", "Forest") for i in (1, 2, 3)
    ],
]  # fmt: skip


def medians(scene):
    return {n: float(np.nanmedian(scene[n].values)) for n in band_names(scene)}


def check(scene):
    for name, median in medians(scene).items():
        assert 0 < median < 0.6, (name, median)


def offset_of(scene):
    step = scene.attrs["provenance"].step("boa_offset")
    return None if step is None else step["inside"]


@pytest.mark.parametrize(("path", "options", "sensor", "count"), SINGLE, ids=lambda v: str(v)[:50])
def test_a_scene_opens(realdata, path, options, sensor, count):
    scene = open_scene(realdata / path, **options)
    assert scene.sensor == sensor
    assert len(band_names(scene)) == count
    check(scene)
    assert bool(offset_of(scene)) == (path == AMAZON)


def test_the_offset_of_the_amazon_scene(realdata):
    scene = open_scene(realdata / AMAZON)
    found = scene.attrs["provenance"].step("boa_offset")
    assert (found["metadata"], found["histogram"]) == ("unknown", "inside")
    assert 0 < float(np.nanpercentile(scene.swir22.values, 1)) < 0.01
    left = open_scene(realdata / AMAZON, offset=0)
    assert float(left.nir.min() - scene.nir.min()) == pytest.approx(0.1, abs=1e-5)


def test_the_dates_of_the_rufiji(realdata):
    files = sorted((realdata / "s2_rufiji_ts").glob("*.tif"))
    assert len(files) == 21
    for file in files:
        scene = open_scene(file)
        assert scene.attrs["provenance"].step("scaling")["scale"] == 0.001, file.name
        assert offset_of(scene) is False
        assert scene.time.replace("-", "") in file.name
        check(scene)
        assert 0.2 < medians(scene)["nir"] < 0.45
    with pytest.raises(BandError, match="several images"):
        open_scene(realdata / "s2_rufiji_ts")


@pytest.mark.parametrize("named", [False, True])
def test_the_hls_chips(realdata, named):
    """By their own names, and with the sensor hidden from the reader."""
    bands = "coastal,blue,green,red,nir,swir16,swir22" if named else None
    for file in sorted((realdata / "hls_chips" / "images").glob("*.tif")):
        scene = open_scene(file, bands=bands)
        assert scene.attrs["provenance"].step("scaling")["scale"] == 0.0001, file.name
        assert not offset_of(scene), file.name
        assert ("flags" in scene) is not named
        assert 0 < medians(scene)["green"] < 0.4, file.name


def test_stretched_counts(realdata):
    for path, _, _, _ in SINGLE[1:3]:
        scene = open_scene(realdata / path)
        step = scene.attrs["provenance"].step("scaling")
        assert step["scale"] == pytest.approx(1 / 65535)
        assert np.isnan(scene.green.values).mean() == pytest.approx(0.05, abs=0.03)


def test_patagonia_meets_on_ten_metres(realdata):
    scene = open_scene(realdata / "s2_mixedres_patagonia")
    assert dict(scene.sizes) == {"y": 200, "x": 300}
    assert scene.odc.geobox.crs.epsg == 32719
    ways = scene.attrs["provenance"].step("resampling")["bands"]
    assert ways == {"swir16": "bilinear", "swir22": "bilinear"}


def test_pensacola_flags(realdata):
    scene = open_scene(realdata / "l8_pensacola_full")
    assert scene.time == "2015-08-04"
    cloud = (scene.flags.values & 2) > 0
    high, medium = 2591 + 41 + 20140 + 4, 6297 + 25 + 27078 + 6  # pixels by the band's own values
    assert cloud.sum() == high + medium
    # What the band calls cloud is brighter and colder-looking than the rest.
    blue = scene.blue.values
    assert np.median(blue[cloud]) > np.median(blue[~cloud]) + 0.03


def test_barbellino_with_its_scene_classification(realdata):
    folder = realdata / "s2_barbellino_small"
    stem = "S2A2A_20190723_022_Barbellino_"
    scene = open_scene([folder / f"{stem}BOA_10.tif", folder / f"{stem}SCL_10.tif"])
    water = (scene.flags.values & 64) > 0
    assert int(water.sum()) == 65 * 4
    ndwi = (scene.green - scene.nir) / (scene.green + scene.nir)
    assert (ndwi.values[water] > 0).mean() > 0.9


def test_two_scenes_in_one_folder(realdata):
    with pytest.raises((GridError, BandError)):
        open_scene(realdata / "s2_amazon_offset")


def test_pictures_are_read_by_their_names_or_as_told(realdata):
    folder = realdata / "modis_ice" / "ne-greenland.20220914.terra.250m"
    with pytest.raises(BandError, match="--bands"):
        open_scene(folder / "falsecolor.tif")
    assert {"green", "nir", "swir22", "flags"} <= set(open_scene(folder / "truecolor.tif"))
    scene = open_scene(folder / "truecolor.tif", bands="red,green,blue")
    assert any("not reflectance" in w for w in scene.attrs["provenance"].warnings)
