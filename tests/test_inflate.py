"""Tiles that are inflated past GDAL hold what GDAL reads of them; others are left to it."""

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.windows import Window

from obriy.blocks.inflate import inflated

SHAPE, TILE = (700, 1100), 256
PLAIN = {"compress": "deflate", "tiled": True, "blockxsize": TILE, "blockysize": TILE}
TILES = [
    Window(left, top, min(TILE, SHAPE[1] - left), min(TILE, SHAPE[0] - top))
    for top in range(0, SHAPE[0], TILE)
    for left in range(0, SHAPE[1], TILE)
]


def written(path, dtype="uint16", bands=1, **profile):
    """Numbers that wrap around where they are told by their differences."""
    rng = np.random.default_rng(2)
    if np.dtype(dtype).kind == "f":
        numbers = rng.normal(size=(bands, *SHAPE)).astype(dtype)
    else:
        most = np.iinfo(dtype)
        numbers = rng.integers(most.min, most.max, (bands, *SHAPE), dtype, endpoint=True)
    whole = {"width": SHAPE[1], "height": SHAPE[0], "transform": Affine(10, 0, 5e5, 0, -10, 5.2e6)}
    with rasterio.open(
        path, "w", driver="GTiff", dtype=dtype, count=bands, **whole, **profile
    ) as file:
        file.write(numbers)
    return path


@pytest.mark.parametrize("predictor", [1, 2])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32"])
def test_whole_numbers_are_those_that_gdal_reads(dtype, predictor, tmp_path):
    path = written(tmp_path / "band.tif", dtype, predictor=predictor, **PLAIN)
    with rasterio.open(path) as file:
        for window in TILES:
            found, expected = inflated(file, 1, window), file.read(1, window=window)
            np.testing.assert_array_equal(found, expected)
            assert (found.dtype, found.flags.c_contiguous) == (expected.dtype, True)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_other_numbers_too(dtype, tmp_path):
    with rasterio.open(written(tmp_path / "band.tif", dtype, **PLAIN)) as file:
        for window in TILES:
            np.testing.assert_array_equal(inflated(file, 1, window), file.read(1, window=window))


def test_each_band_of_a_file_in_which_they_lie_apart(tmp_path):
    path = written(tmp_path / "bands.tif", bands=3, interleave="band", predictor=2, **PLAIN)
    with rasterio.open(path) as file:
        for band in (1, 2, 3):
            expected = file.read(band, window=TILES[7])
            np.testing.assert_array_equal(inflated(file, band, TILES[7]), expected)


@pytest.mark.parametrize(
    "profile",
    [
        {"compress": "lzw"},
        {"compress": "deflate", "dtype": "float32", "predictor": 3},
        {"compress": "deflate", "bands": 3, "interleave": "pixel"},
        {"compress": "deflate", "nbits": 12, "dtype": "uint16"},
        {"compress": "deflate", "ENDIANNESS": "BIG"},
        {"compress": "deflate", "blockxsize": 64, "blockysize": 64},
        {"compress": None},
    ],
)
def test_what_is_told_otherwise_is_left_to_gdal(profile, tmp_path):
    path = written(tmp_path / "band.tif", **{**PLAIN, **profile})
    with rasterio.open(path) as file:
        height, width = file.block_shapes[0]
        assert inflated(file, 1, Window(0, 0, width, height)) is None


def test_windows_that_cut_a_tile_are_left_to_gdal(tmp_path):
    with rasterio.open(written(tmp_path / "band.tif", **PLAIN)) as file:
        for window in (Window(0, 0, 300, 256), Window(1, 0, 256, 256), Window(0, 0, 255, 256)):
            assert inflated(file, 1, window) is None


def test_windows_of_several_tiles(tmp_path):
    path = written(tmp_path / "band.tif", predictor=2, **PLAIN)
    with rasterio.open(path) as file:
        for window in (Window(0, 0, 512, 512), Window(768, 256, 332, 444), Window(0, 0, 1100, 700)):
            expected = file.read(1, window=window)
            np.testing.assert_array_equal(inflated(file, 1, window), expected)


def test_tiles_that_are_broken_or_left_out_are_left_to_gdal(tmp_path):
    path = written(tmp_path / "band.tif", **PLAIN)
    with rasterio.open(path) as file:
        at = int(file.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1))
    content = bytearray(path.read_bytes())
    content[at + 100 : at + 200] = bytes(100)
    path.write_bytes(content)
    with rasterio.open(path) as file:
        assert inflated(file, 1, TILES[0]) is None
        assert inflated(file, 1, TILES[1]) is not None
    cut = tmp_path / "cut.tif"
    cut.write_bytes(content[: len(content) - 5000])
    with rasterio.open(cut) as file:
        assert inflated(file, 1, TILES[-1]) is None
    profile = {"driver": "GTiff", "dtype": "uint16", "count": 1, "width": 256, "height": 256}
    with rasterio.open(tmp_path / "none.tif", "w", **profile, **PLAIN, SPARSE_OK=True):
        pass
    with rasterio.open(tmp_path / "none.tif") as file:
        assert inflated(file, 1, TILES[0]) is None
