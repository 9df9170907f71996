import numpy as np
import pytest
import rasterio
from affine import Affine

from obriy.model.flags import Flag
from obriy.sources import open_scene
from obriy.sources.quality import lookup_table

F = Flag


@pytest.mark.parametrize(
    ("kind", "number", "flags"),
    [
        ("scl", 0, F.NO_DATA),
        ("scl", 1, F.SATURATED),
        ("scl", 2, F.DARK),
        ("scl", 3, F.CLOUD_SHADOW),
        ("scl", 4, 0),
        ("scl", 6, F.WATER),
        ("scl", 7, 0),
        ("scl", 8, F.CLOUD),
        ("scl", 9, F.CLOUD),
        ("scl", 10, F.CIRRUS),
        ("scl", 11, F.SNOW),
        ("fmask", 0b0000_0010, F.CLOUD),
        ("fmask", 0b0000_0100, 0),  # beside a cloud: a caution, not a cloud
        ("fmask", 0b0010_1000, F.CLOUD_SHADOW | F.WATER),
        ("fmask", 0b1101_0001, F.CIRRUS | F.SNOW),  # aerosol bits say nothing
        ("fmask", 255, F.NO_DATA),
        # Before the collections, the clear pixel of the Pensacola scene: 01 in bits 12 and 14.
        ("bqa", 20480, 0),
        ("bqa", 0b1101_0000_0000_0000, F.CLOUD),
        ("bqa", 0b0111_0000_0000_0000, F.CIRRUS),
        ("bqa", 0b0101_1100_0000_0000, F.SNOW),
        ("bqa", 0b0101_0000_0011_0000, F.WATER),
        ("bqa", 0b1001_0000_0000_0000, F.CLOUD),  # medium confidence
        ("bqa", 1, F.NO_DATA),
        ("bqa_c1", 2720, 0),
        ("bqa_c1", 2800, F.CLOUD),  # USGS: cloud, high confidence
        ("bqa_c1", 2976, F.CLOUD_SHADOW),  # USGS: shadow, high confidence
        ("bqa_c1", 3744, F.SNOW),  # USGS: snow, high confidence
        ("qa_pixel", 21824, 0),  # USGS: clear, lows set
        ("qa_pixel", 21952, F.WATER),  # USGS: clear water
        ("qa_pixel", 22280, F.CLOUD),  # USGS: high confidence cloud
        ("qa_pixel", 23888, F.CLOUD_SHADOW),  # USGS: high confidence shadow
        ("qa_pixel", 30048, F.SNOW),  # USGS: high confidence snow
        ("qa_pixel", 54596, F.CIRRUS),  # USGS: cirrus
        ("qa_pixel", 1, F.NO_DATA),
        ("qa_radsat", 0, 0),
        ("qa_radsat", 0b1, F.SATURATED),  # band 1
        ("qa_radsat", 0b11_0000, F.SATURATED),  # bands 5 and 6
        ("qa_radsat", 0b100_0000, F.SATURATED),  # band 7
        ("qa_radsat", 0b1_0000_0000, 0),  # band 9, which is no surface
        ("qa_radsat", 0b10_0000_0000, F.NO_DATA),  # a pixel that the sensor dropped
        ("qa_radsat", 0b1000_0000_0000, F.DARK),  # behind terrain
        ("radsat_qa", 0b1, 0),  # fill, which pixel_qa says too
        ("radsat_qa", 0b10, F.SATURATED),  # band 1
        ("radsat_qa", 0b1100_0000, F.SATURATED),  # bands 6 and 7
        ("radsat_qa", 0b1000_0000_0000, 0),  # band 11
    ],
)
def test_one_number(kind, number, flags):
    assert lookup_table(kind)[number] == int(flags)


def write(path, array, resolution=10.0, origin=(500_000, 5_000_000), descriptions=(), **options):
    array = np.atleast_3d(array) if array.ndim == 2 else array
    data = array[None, ..., 0] if array.shape[-1] == 1 else array
    profile = {
        "driver": "GTiff", "count": data.shape[0], "height": data.shape[1],
        "width": data.shape[2], "dtype": data.dtype, "crs": "EPSG:32636",
        "transform": Affine(resolution, 0, origin[0], 0, -resolution, origin[1]),
    }  # fmt: skip
    with rasterio.open(path, "w", **{**profile, **options}) as dataset:
        dataset.write(data)
        for i, name in enumerate(descriptions, 1):
            dataset.set_band_description(i, name)
    return path


def test_scl_of_20_m_lies_on_10_m_pixels_and_is_read_in_windows(tmp_path):
    bands = np.full((4, 6, 10), 1500, "uint16")
    write(tmp_path / "S2_L2A_x.tif", bands, descriptions=("B02", "B03", "B04", "B08"))
    scl = np.array([[3, 6, 9, 11, 4], [0, 6, 10, 8, 2], [7, 5, 1, 4, 4]], "uint8")
    write(tmp_path / "S2_L2A_x_SCL.tif", scl, 20.0)
    scene = open_scene([tmp_path / "S2_L2A_x.tif", tmp_path / "S2_L2A_x_SCL.tif"])
    expected = np.kron(lookup_table("scl")[scl], np.ones((2, 2), "uint16"))
    np.testing.assert_array_equal(scene.flags.values, expected)
    np.testing.assert_array_equal(scene.flags[1:5, 3].values, expected[1:5, 3])
    assert scene.flags.dtype == "uint16"
    assert scene.flags.attrs["flag_meanings"].split()[1] == "cloud"
    step = scene.attrs["provenance"].step("resampling")
    assert step["bands"] == {"scl": "nearest"}


def test_where_the_quality_band_does_not_reach_nothing_was_seen(tmp_path):
    bands = np.full((2, 4, 6), 1500, "uint16")
    write(tmp_path / "a.tif", bands, descriptions=("green", "nir"))
    write(tmp_path / "Fmask.tif", np.full((4, 3), 64, "uint8"))
    scene = open_scene([tmp_path / "a.tif", tmp_path / "Fmask.tif"])
    assert scene.flags.values[0].tolist() == [0, 0, 0, 1, 1, 1]
    assert scene.sensor == "hls"


@pytest.mark.parametrize(
    ("clear", "cloud", "table"), [(20480, 53248, "bqa"), (2720, 2800, "bqa_c1")]
)
def test_bqa_tells_its_collection_by_its_numbers(tmp_path, clear, cloud, table):
    for name, number in (("B3", 9000), ("B5", 12000), ("BQA", clear)):
        band = np.full((3, 5), number, "uint16")
        if name == "BQA":
            band[1, 2] = cloud
        write(tmp_path / f"LC08_L1TP_x_{name}.TIF", band, 30.0)
    scene = open_scene(tmp_path)
    assert scene.attrs["provenance"].step("quality")["table"] == table
    assert np.argwhere(scene.flags.values == F.CLOUD).tolist() == [[1, 2]]


def test_a_quality_band_in_the_list_of_bands(tmp_path):
    bands = np.full((3, 4, 5), 1500, "int16")
    bands[2] = 21824
    bands[2, 0, 0] = 22280
    write(tmp_path / "stack.tif", bands)
    scene = open_scene(tmp_path / "stack.tif", bands=["green", "swir16", "qa_pixel"])
    assert scene.flags.values[0, 0] == F.CLOUD
    assert (scene.flags.values > 0).sum() == 1


@pytest.mark.parametrize(("number", "cloud"), [(16384, False), (32768, True), (49152, True)])
def test_medium_confidence_is_cloud_in_the_old_bqa(number, cloud):
    assert bool(lookup_table("bqa")[number] & F.CLOUD) == cloud


@pytest.mark.parametrize(("clear", "warned"), [(20480, True), (2720, False)])
def test_a_quality_band_without_shadows_is_warned_of(tmp_path, clear, warned):
    for name, number in (("B3", 9000), ("B5", 12000), ("BQA", clear)):
        band = np.full((3, 5), number, "uint16")
        write(tmp_path / f"LC08_L1TP_x_{name}.TIF", band, 30.0)
    warnings = open_scene(tmp_path).attrs["provenance"].warnings
    assert any("no shadow information" in w for w in warnings) == warned
