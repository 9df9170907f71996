"""Tiles that are inflated past GDAL hold what GDAL reads of them; others are left to it."""

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.windows import Window

from obriy.blocks.damage import read_around
from obriy.blocks.inflate import inflated
from obriy.blocks.raster import RasterBand, lazy_variable

SHAPE, TILE = (700, 1100), 256
GRID = Affine(10, 0, 5e5, 0, -10, 5.2e6)
PLAIN = {"compress": "deflate", "tiled": True, "blockxsize": TILE, "blockysize": TILE}
TILES = [
    Window(left, top, min(TILE, SHAPE[1] - left), min(TILE, SHAPE[0] - top))
    for top in range(0, SHAPE[0], TILE)
    for left in range(0, SHAPE[1], TILE)
]


def written(path, dtype="uint16", bands=1, most=None, **profile):
    """Numbers that wrap around where they are told by their differences; or from 0 to the most."""
    rng = np.random.default_rng(2)
    if np.dtype(dtype).kind == "f":
        numbers = rng.normal(size=(bands, *SHAPE)).astype(dtype)
    else:
        ends = (np.iinfo(dtype).min, np.iinfo(dtype).max) if most is None else (0, most)
        numbers = rng.integers(*ends, (bands, *SHAPE), dtype, endpoint=True)
    whole = {"width": SHAPE[1], "height": SHAPE[0], "transform": GRID}
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


def broken(path, at, changed):
    """Change bytes of the second tile of a file, from its first on, or from its end."""
    with rasterio.open(path) as file:
        first, size = (
            int(file.get_tag_item(f"BLOCK_{item}_1_0", "TIFF", bidx=1))
            for item in ("OFFSET", "SIZE")
        )
    content = bytearray(path.read_bytes())
    place = first + at % size
    content[place : place + len(changed)] = changed
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("predictor", [1, 2])
@pytest.mark.parametrize("at", [100, 30_000, 70_000, -4])
def test_a_tile_of_wrong_bytes_is_broken_also_where_gdal_fills_it_with_numbers(
    at, predictor, tmp_path
):
    path = written(tmp_path / "band.tif", most=300, predictor=predictor, **PLAIN)
    broken(path, at, b"\xff\x01\xfe\x02")
    variable = lazy_variable(RasterBand(str(path)), GeoBox(SHAPE, GRID, None))
    values, holes = read_around(variable, slice(0, 256), slice(0, 768))
    assert [(hole.rows, hole.columns) for hole in holes] == [(slice(0, 256), slice(256, 512))]
    assert np.isnan(values[:, 256:512]).all()
    with rasterio.open(path) as file:
        for left in (0, 512):
            expected = file.read(1, window=Window(left, 0, 256, 256))
            np.testing.assert_array_equal(values[:, left : left + 256], expected)


def test_tiles_that_are_cut_or_left_out_are_left_to_gdal(tmp_path):
    path = broken(written(tmp_path / "band.tif", **PLAIN), 0, bytes(1))
    with rasterio.open(path) as file:
        assert inflated(file, 1, TILES[1]) is None
        assert inflated(file, 1, TILES[0]) is not None
    cut = tmp_path / "cut.tif"
    cut.write_bytes(path.read_bytes()[:-5000])
    with rasterio.open(cut) as file:
        assert inflated(file, 1, TILES[-1]) is None
    profile = {"driver": "GTiff", "dtype": "uint16", "count": 1, "width": 256, "height": 256}
    with rasterio.open(tmp_path / "none.tif", "w", **profile, **PLAIN, SPARSE_OK=True):
        pass
    with rasterio.open(tmp_path / "none.tif") as file:
        assert inflated(file, 1, TILES[0]) is None
