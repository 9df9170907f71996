"""Bands that lie in the same tiles of a file: each tile is decoded once, in little memory."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
import xarray as xr
from rasterio.transform import from_origin

from obriy.blocks.decimate import block_means, means_of_bands
from obriy.blocks.raster import RasterBand, fetch_ahead, file_geobox, lazy_variable, read_numbers

SIZE, TILE, BANDS = 1000, 512, 6
_IO = Path("/proc/self/io")


@pytest.fixture(scope="module")
def interleaved(tmp_path_factory):
    """A file that holds six bands pixel by pixel, and its numbers; 0 is missing in a corner."""
    file = tmp_path_factory.mktemp("together") / "six.tif"
    numbers = np.random.default_rng(3).integers(1, 9000, (BANDS, SIZE, SIZE)).astype("uint16")
    numbers[2, :100, :100] = 0
    profile = {
        "driver": "GTiff", "width": SIZE, "height": SIZE, "count": BANDS, "dtype": "uint16",
        "crs": "EPSG:32635", "transform": from_origin(5e5, 5.4e6, 10, 10), "nodata": 0,
        "interleave": "pixel", "compress": "deflate", "zlevel": 1,
        "tiled": True, "blockxsize": TILE, "blockysize": TILE,
    }  # fmt: skip
    with rasterio.open(file, "w", **profile) as opened:
        opened.write(numbers)
    return file, numbers


def bands_of(file) -> list[xr.Variable]:
    with rasterio.open(file) as opened:
        grid = file_geobox(opened)
    found = (RasterBand(str(file), i + 1, scale=1e-4, missing=(0.0,)) for i in range(BANDS))
    return [lazy_variable(band, grid) for band in found]


def read_bytes() -> int:
    return int(next(line.split()[1] for line in _IO.open() if line.startswith("rchar")))


@pytest.fixture
def no_cache():
    """As little room for decoded tiles as --max-ram can leave: less than one tile."""
    if not _IO.exists():
        pytest.skip("this system does not count what is read")
    with rasterio.Env(GDAL_CACHEMAX=1_000_000):
        yield


def test_means_are_those_of_the_pixels_that_are_there(interleaved):
    file, numbers = interleaved
    means = means_of_bands(bands_of(file), (3, 3))
    for found, band in zip(means, numbers, strict=True):
        values = np.where(band == 0, np.nan, band * np.float32(1e-4))
        wanted = block_means(xr.Variable(("y", "x"), values.astype("float32")), (3, 3))
        np.testing.assert_allclose(found, wanted, rtol=1e-6)
    assert np.isnan(means[2, :33, :33]).all()
    assert np.isfinite(means[2, 34:, 34:]).all()


def test_means_of_all_bands_read_the_file_once(interleaved, no_cache):
    file, _ = interleaved
    bands = bands_of(file)
    before = read_bytes()
    means_of_bands(bands, (3, 3))
    assert read_bytes() - before < 1.5 * file.stat().st_size


def test_a_window_over_four_tiles_reads_each_once(interleaved, no_cache):
    file, numbers = interleaved
    bands = bands_of(file)
    window = slice(400, 600), slice(450, 700)
    before = read_bytes()
    fetch_ahead(bands, *window)
    found = [read_numbers(band, *window) for band in bands]
    assert read_bytes() - before < 1.5 * file.stat().st_size
    for (read, holes), band in zip(found, numbers, strict=True):
        assert not holes
        np.testing.assert_array_equal(read.raw, band[window])
