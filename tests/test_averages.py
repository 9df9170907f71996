"""Pictures made small of what is read for the map: the same as if they were read for themselves."""

import numpy as np
import pytest
import rasterio
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

from obriy.blocks.decimate import block_means, means_beside, steps_for
from obriy.blocks.raster import RasterBand, lazy_variable, read_numbers
from obriy.blocks.windows import windows

SHAPE, SIZE = (403, 297), 60
GRID = GeoBox(SHAPE, Affine(10, 0, 5e5, 0, -10, 5.2e6), "EPSG:32636")


@pytest.fixture
def values():
    values = np.random.default_rng(5).integers(1, 3000, SHAPE).astype("uint16")
    values[::5, ::3] = 0
    values[70:140] = 0  # all of some blocks
    return values


def written(path, values, overviews=()):
    with rasterio.open(
        path, "w", driver="GTiff", dtype="uint16", count=1, height=SHAPE[0], width=SHAPE[1],
        crs="EPSG:32636", transform=GRID.affine, tiled=True, blockxsize=64, blockysize=64, nodata=0,
    ) as file:  # fmt: skip
        file.write(values, 1)
        file.build_overviews(overviews)
    return lazy_variable(RasterBand(str(path), 1, 1e-4, -0.1, missing=(0,)), GRID)


def spoiled(path):
    """Whoever reads the file from now on reads something else."""
    with rasterio.open(path, "r+") as file:
        file.write(np.full(SHAPE, 9999, "uint16"), 1)


def expected(values):
    known = np.where(values == 0, np.nan, values * 1e-4 - 0.1).astype("float32")
    return block_means(xr.Variable(("y", "x"), known), steps_for(SHAPE, SIZE))


@pytest.mark.parametrize("side", [64, 50, 403])
def test_windows_of_any_size_add_up_and_the_file_is_not_read_again(values, side, tmp_path):
    band = written(tmp_path / "band.tif", values)
    means_beside(band, SIZE)
    for window in [*windows(SHAPE, side), *windows(SHAPE, side)]:  # a second pass counts no pixel
        read_numbers(band, *window)
    spoiled(tmp_path / "band.tif")
    found = block_means(band, steps_for(SHAPE, SIZE))
    np.testing.assert_allclose(found, expected(values), atol=1e-7)


def test_of_a_part_of_a_scene_too(values, tmp_path):
    whole = written(tmp_path / "band.tif", values)
    part = whole[100:380, 33:250]
    means_beside(part, SIZE)
    for window in windows(SHAPE, 64):
        read_numbers(whole, *window)
    spoiled(tmp_path / "band.tif")
    known = np.where(values == 0, np.nan, values * 1e-4 - 0.1).astype("float32")[100:380, 33:250]
    steps = steps_for(part.shape, SIZE)
    wanted = block_means(xr.Variable(("y", "x"), known), steps)
    np.testing.assert_allclose(block_means(part, steps), wanted, atol=1e-7)


def test_windows_that_overlap_or_are_not_all_leave_it_to_the_file(values, tmp_path):
    for number, read in enumerate([[(0, 230), (200, 403)], [(0, 400)]]):
        path = tmp_path / f"band{number}.tif"
        band = written(path, values)
        means_beside(band, SIZE)
        for top, bottom in read:
            read_numbers(band, slice(top, bottom), slice(0, SHAPE[1]))
        found = block_means(band, steps_for(SHAPE, SIZE))
        np.testing.assert_allclose(found, expected(values), atol=0.6e-4)


def test_a_file_with_overviews_is_read_through_them(values, tmp_path):
    band = written(tmp_path / "band.tif", values, [2, 4])
    means_beside(band, SIZE)
    for window in windows(SHAPE, 64):
        read_numbers(band, *window)
    spoiled(tmp_path / "band.tif")
    found = block_means(band, steps_for(SHAPE, SIZE))
    assert not np.allclose(found, expected(values), atol=0.01, equal_nan=True)


def test_numbers_with_fractions_do_not_tell_in_which_order_they_came(tmp_path):
    numbers = np.random.default_rng(7).normal(0.2, 0.1, SHAPE).astype("float32")
    parts, found = list(windows(SHAPE, 50)), []
    for number, order in enumerate([parts, parts[::-1]]):
        path = tmp_path / f"band{number}.tif"
        with rasterio.open(
            path, "w", driver="GTiff", dtype="float32", count=1, height=SHAPE[0], width=SHAPE[1],
            crs="EPSG:32636", transform=GRID.affine,
        ) as file:  # fmt: skip
            file.write(numbers, 1)
        band = lazy_variable(RasterBand(str(path), 1), GRID)
        means_beside(band, SIZE)
        for window in order:
            read_numbers(band, *window)
        found.append(block_means(band, steps_for(SHAPE, SIZE)))
    np.testing.assert_array_equal(*found)
