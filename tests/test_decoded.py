"""What was decoded to look at an image is not decoded again to map it."""

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.windows import Window

from obriy.blocks import decoded
from obriy.blocks.gdal import dataset
from obriy.blocks.memory import allowing


@pytest.fixture(autouse=True)
def _empty():
    decoded.forget()
    yield
    decoded.forget()


def written(path, numbers, tile=512):
    with rasterio.open(
        path, "w", driver="GTiff", dtype=numbers.dtype, count=1, height=numbers.shape[0],
        width=numbers.shape[1], transform=Affine(10, 0, 0, 0, -10, 0), tiled=True,
        blockxsize=tile, blockysize=tile, compress="deflate",
    ) as file:  # fmt: skip
        file.write(numbers, 1)
    return path


def test_a_window_over_four_tiles_is_read_and_each_tile_is_given_once(tmp_path):
    numbers = np.random.default_rng(1).integers(0, 9999, (1200, 1200)).astype("uint16")
    file = dataset(written(tmp_path / "a.tif", numbers))
    np.testing.assert_array_equal(
        decoded.look_at(file, 1, Window(500, 450, 128, 128)), numbers[450:578, 500:628]
    )
    assert decoded.kept_bytes() == 4 * 512 * 512 * 2
    tile = Window(512, 0, 512, 512)
    np.testing.assert_array_equal(decoded.taken(file, 1, tile), numbers[:512, 512:1024])
    assert decoded.taken(file, 1, tile) is None
    assert decoded.taken(file, 1, Window(0, 0, 600, 512)) is None
    assert decoded.kept_bytes() == 3 * 512 * 512 * 2


def test_a_file_that_took_the_place_of_another_is_read_anew(tmp_path):
    path = written(tmp_path / "a.tif", np.zeros((512, 512), "uint8"))
    decoded.look_at(dataset(path), 1, Window(0, 0, 9, 9))
    written(path, np.ones((512, 512), "uint8"))
    assert decoded.taken(dataset(path), 1, Window(0, 0, 512, 512)) is None


def test_small_tiles_and_files_of_one_strip_are_not_kept(tmp_path):
    numbers = np.arange(300 * 300, dtype="uint32").reshape(300, 300)
    file = dataset(written(tmp_path / "a.tif", numbers, tile=256))
    np.testing.assert_array_equal(
        decoded.look_at(file, 1, Window(250, 3, 20, 5)), numbers[3:8, 250:270]
    )
    assert decoded.kept_bytes() == 0


def test_what_is_kept_stays_within_its_share_of_the_memory(tmp_path):
    numbers = np.zeros((2048, 2048), "uint16")
    file = dataset(written(tmp_path / "a.tif", numbers))
    with allowing(0.75):  # 10 MB for the work
        decoded.look_at(file, 1, Window(0, 0, 2048, 2048))
        assert decoded.kept_bytes() <= 10e6 / 16
