import os

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine

from obriy import map_water, write_class_map
from obriy.errors import (
    BandError,
    EmptyResultError,
    GridError,
    InputError,
    SourceError,
    UnknownNameError,
    UsageError,
)
from obriy.sources import open_scene

HERE = Affine(10, 0, 500_000, 0, -10, 5_000_000)


def image(path, array=None, names=("green", "nir", "swir16"), **options):
    if array is None:
        shape = (len(names), 300, 410)
        array = np.random.default_rng(0).integers(300, 4000, shape).astype("uint16")
    profile = {
        "driver": "GTiff", "count": len(array), "height": array.shape[1],
        "width": array.shape[2], "dtype": array.dtype, "crs": "EPSG:32636", "transform": HERE,
    }  # fmt: skip
    with rasterio.open(path, "w", **{**profile, **options}) as dataset:
        dataset.write(array)
        for i, name in enumerate(names, 1):
            dataset.set_band_description(i, name)
    return path


def refused(path, kind=SourceError, **options):
    with pytest.raises(kind) as caught:
        open_scene(path, **options)
    assert caught.value.message
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_that_is_not_there_has_a_sibling_that_is(tmp_path):
    image(tmp_path / "lake_2021.tif")
    text = refused(tmp_path / "lake_2012.tif")
    assert "does not exist" in text
    assert f"Did you mean {tmp_path / 'lake_2021.tif'}?" in text


def test_a_folder_that_is_not_there(tmp_path):
    assert "does not exist either" in refused(tmp_path / "nowhere" / "a.tif")


def test_a_pattern_that_matches_nothing(tmp_path):
    assert "No file matches" in refused(str(tmp_path / "*.tif"))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty (0 bytes)"),
        (b"<!DOCTYPE html>\n<html><body>Please log in</body></html>", "web page"),
        (b"\n  <html lang='en'>", "web page"),
        (b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>", "XML message"),
        (b'{"error": "quota exceeded"}', "is JSON"),
        (b"just some words", "is not an image"),
        (b"II*\x00\x08\x00\x00\x00", "is not an image"),
    ],
)
def test_bytes_that_are_no_image(tmp_path, content, says):
    file = tmp_path / "a.tif"
    file.write_bytes(content)
    text = refused(file)
    assert says in text
    assert "a.tif" in text


@pytest.mark.parametrize("keep", [0.3, 0.7, 0.99])
@pytest.mark.parametrize("layout", [{}, {"tiled": True, "blockxsize": 64, "blockysize": 64}])
@pytest.mark.parametrize("compress", ["none", "deflate"])
def test_a_geotiff_that_was_cut_short(tmp_path, keep, layout, compress):
    file = image(tmp_path / "a.tif", compress=compress, **layout)
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * keep)])
    refused(file)


@pytest.mark.parametrize("keep", [0.3, 0.7, 0.99])
def test_a_cog_that_was_cut_short(tmp_path, keep):
    image(tmp_path / "a.tif")
    rasterio.shutil.copy(tmp_path / "a.tif", tmp_path / "c.tif", driver="COG", blocksize=128)
    data = (tmp_path / "c.tif").read_bytes()
    (tmp_path / "c.tif").write_bytes(data[: int(len(data) * keep)])
    assert "cut short" in refused(tmp_path / "c.tif")


@pytest.mark.parametrize("keep", [0.3, 0.7, 0.99])
def test_a_jpeg_2000_that_was_cut_short(tmp_path, keep):
    image(tmp_path / "a.tif")
    rasterio.shutil.copy(tmp_path / "a.tif", tmp_path / "j.jp2", driver="JP2OpenJPEG")
    data = (tmp_path / "j.jp2").read_bytes()
    (tmp_path / "j.jp2").write_bytes(data[: int(len(data) * keep)])
    assert "cut short" in refused(tmp_path / "j.jp2", bands="green,nir,swir16")


def test_a_geotiff_whose_middle_is_damaged(tmp_path):
    file = image(tmp_path / "a.tif", compress="deflate", blockysize=16)
    data = bytearray(file.read_bytes())
    data[len(data) // 6 : len(data) * 5 // 6] = bytes(len(data) * 5 // 6 - len(data) // 6)
    file.write_bytes(bytes(data))
    assert set(open_scene(file)) == {"green", "nir", "swir16"}  # the rest is mapped: test_damage


def test_more_pixels_than_anybody_waits_for(tmp_path):
    """Refused by their number, before anything of that size is made."""
    file = image(tmp_path / "a.tif")
    text = refused(file, GridError, resolution=1e-5)
    assert "1.2e+17 pixels" in text  # 300 x 410 of 10 m: (3000 x 4100) / 1e-10
    least = float(text.split("Give --resolution ")[1].split()[0])
    assert 3000 * 4100 / least**2 == pytest.approx(2e10, rel=0.01)
    bands = "".join(
        f'<VRTRasterBand dataType="UInt16" band="{n}"><Description>{name}</Description>'
        '<SimpleSource><SourceFilename relativeToVRT="1">a.tif</SourceFilename>'
        f"<SourceBand>{n}</SourceBand></SimpleSource></VRTRasterBand>"
        for n, name in enumerate(("green", "nir"), 1)
    )
    (tmp_path / "a.vrt").write_text(
        '<VRTDataset rasterXSize="1000000" rasterYSize="1000000"><SRS>EPSG:32636</SRS>'
        f"<GeoTransform>500000,10,0,5000000,0,-10</GeoTransform>{bands}</VRTDataset>"
    )
    text = refused(tmp_path / "a.vrt", GridError, nodata=0)
    assert "1000000 x 1000000 pixels" in text
    assert "gdal_translate -projwin" in text


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes are files of Unix")
def test_a_pipe_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "a.tif")
    assert "pipe" in refused(tmp_path / "a.tif")


def test_a_folder_without_images(tmp_path):
    (tmp_path / "readme.txt").write_text("hello")
    text = refused(tmp_path)
    assert "holds no image" in text
    assert "readme.txt" in text


def test_an_image_of_no_data_only(tmp_path):
    file = image(tmp_path / "a.tif", np.zeros((2, 5, 7), "uint16"), ("green", "nir"), nodata=0)
    assert "no valid pixel" in refused(file, EmptyResultError)
    nan = np.full((2, 5, 7), np.nan, "float32")
    refused(image(tmp_path / "b.tif", nan, ("green", "nir")), EmptyResultError)


def test_a_large_image_with_data_only_where_nobody_looked(tmp_path):
    array = np.zeros((2, 1500, 1500), "uint16")
    file = image(tmp_path / "a.tif", array, ("green", "nir"), nodata=0, compress="deflate")
    refused(file, EmptyResultError)
    array[:, 400:410, 400:410] = 1000
    file = image(tmp_path / "b.tif", array, ("green", "nir"), nodata=0, compress="deflate")
    assert "Cut the image" in refused(file)


def test_complex_numbers(tmp_path):
    array = np.ones((2, 5, 7), "complex64")
    assert "complex" in refused(image(tmp_path / "a.tif", array, ("green", "nir")))


def test_a_single_pixel_opens(tmp_path):
    array = np.full((2, 1, 1), 1234, "uint16")
    scene = open_scene(image(tmp_path / "a.tif", array, ("green", "nir")), offset=0)
    assert dict(scene.sizes) == {"y": 1, "x": 1}
    assert scene.green.values[0, 0] == pytest.approx(0.1234)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read(tmp_path):
    file = image(tmp_path / "a.tif")
    file.chmod(0)
    assert "may not be read" in refused(file)


def test_a_file_that_the_system_will_not_open(tmp_path, monkeypatch):
    # As root no permission is ever refused: the system's own answer stands in for it.
    from pathlib import Path

    file = image(tmp_path / "a.tif")

    def refuse(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert "may not be read (Permission denied)" in refused(file)


@pytest.mark.parametrize(
    ("path", "options", "kind"),
    [
        ("", {}, UsageError),
        ([], {}, UsageError),
        ("a.tif", {"sensor": "sentinel3"}, UnknownNameError),
        ("a.tif", {"bands": []}, UsageError),
        ("a.tif", {"bands": "-,-"}, InputError),
        ("a.tif", {"resolution": -10}, UsageError),
        ("simulated:?sead=3", {}, UnknownNameError),
        ("simulated:?size=big", {}, UsageError),
        ("simulated:?size=4", {}, UsageError),
        ("simulated:", {"bands": "green"}, UsageError),
        (["sample:", "a.tif"], {}, UsageError),
        ("sample:2", {}, UsageError),
    ],
)
def test_calls_that_cannot_be_meant(tmp_path, monkeypatch, path, options, kind):
    monkeypatch.chdir(tmp_path)
    image(tmp_path / "a.tif", np.full((2, 5, 7), 900, "uint16"), ("green", "nir"))
    refused(path, kind, **options)


@pytest.mark.parametrize(
    "address",
    ["https://example.org/a.tif", "s3://bucket/a.tif", "/vsicurl/https://example.org/a.tif"],
)
def test_addresses_in_the_network_are_no_files(address):
    text = refused(address)
    assert "lies in the network, and is no catalogue" in text
    assert "Download" in text


@pytest.mark.parametrize(
    ("address", "meant"),
    [("sampel:", "sample:"), ("simulatd:", "simulated:"), ("Simulatd:?seed=3", "simulated:")],
)
def test_a_misspelt_address_has_a_suggestion(address, meant):
    assert f"Did you mean '{meant}'?" in refused(address, UsageError)


def test_an_unknown_option_of_a_simulated_scene():
    assert "Known: seed, size" in refused("simulated:foo", UnknownNameError)


@pytest.mark.parametrize("bigtiff", ["NO", "YES"])
def test_a_tiff_whose_directory_at_the_end_was_lost(tmp_path, bigtiff):
    file = image(tmp_path / "a.tif", compress="deflate", BIGTIFF=bigtiff)
    with rasterio.open(file, "r+") as dataset:  # larger metadata: GDAL moves them to the end
        dataset.update_tags(note="x" * 5000)
    data = file.read_bytes()
    start = data[4:8] if bigtiff == "NO" else data[8:16]
    assert int.from_bytes(start, "little") > len(data) / 2
    file.write_bytes(data[: len(data) // 2])
    text = refused(file)
    assert "is cut short" in text
    assert "Download it again" in text


def test_a_map_is_no_image(scene_of, tmp_path):
    scene = scene_of(green=np.full((6, 8), 0.1), nir=np.full((6, 8), 0.02))
    water = map_water(scene, "ndwi:0", clouds="none")
    mask = write_class_map(water, tmp_path)["mask"]
    said = refused(mask, BandError)
    assert "is a map of classes" in said
    assert "obriy measure" in said
