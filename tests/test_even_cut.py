"""Codes of a coarser grid on one that cuts its pixels evenly: that of the pixel each lies in."""

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox

from obriy.blocks.raster import RasterBand, lazy_variable
from obriy.blocks.resample import even_cut

CODES = np.array([[1, 2, 3], [4, 5, 6]], "uint8")
UTM = "EPSG:32636"


def grid(shape, side, x=0.0, y=0.0):
    return GeoBox(shape, Affine(side, 0, 6e5 + x, 0, -side, 5.3e6 - y), UTM)


@pytest.fixture
def band(tmp_path):
    path = tmp_path / "codes.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=3, height=2, count=1, dtype="uint8", crs=UTM, nodata=0,
        transform=grid((2, 3), 20).affine,
    ) as file:  # fmt: skip
        file.write(CODES, 1)
    return RasterBand(str(path), resampling="nearest", dtype="uint8", fill=0)


def test_a_grid_that_begins_amid_a_pixel_takes_its_code(band):
    lazy = lazy_variable(band, grid((3, 4), 10, x=10, y=10))
    assert lazy.values.tolist() == [[1, 2, 2, 3], [4, 5, 5, 6], [4, 5, 5, 6]]
    assert lazy[1:3, 1:2].values.tolist() == [[5], [5]]


def test_beyond_the_file_there_is_nothing(band):
    lazy = lazy_variable(band, grid((1, 4), 10, x=40))
    assert lazy.values.tolist() == [[3, 3, 0, 0]]


def test_grids_that_do_not_meet_evenly_are_not_cut():
    window = slice(0, 2), slice(0, 2)
    coarse = grid((4, 4), 20)
    assert even_cut(window, grid((8, 8), 10, x=20), coarse) == (
        (slice(0, 1), slice(1, 2)), (slice(0, 2), slice(0, 2)), 2,
    )  # fmt: skip
    for other in (grid((8, 8), 10, x=5), grid((8, 8), 15), grid((2, 2), 40)):
        assert even_cut(window, other, coarse) is None
