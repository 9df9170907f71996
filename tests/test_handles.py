"""Open files: few at a time, one for all bands of a file, and never those of another day."""

import threading
from pathlib import Path

import numpy as np
import rasterio
from tests.conftest import utm_grid

from obriy.blocks import handles
from obriy.blocks.handles import held, state_of
from obriy.blocks.raster import RasterBand, lazy_variable

GRID = utm_grid((8, 8))


def write(path, value, bands=1):
    with rasterio.open(
        path, "w", driver="GTiff", width=8, height=8, count=bands, dtype="uint8",
        crs="EPSG:32636", transform=GRID.affine,
    ) as file:  # fmt: skip
        for band in range(1, bands + 1):
            file.write(np.full((8, 8), value + band, "uint8"), band)
    return path


def open_files():
    """Names of the rasters that this process holds open."""
    links = Path("/proc/self/fd").iterdir()
    return [link.readlink().name for link in links if link.exists() and link.is_symlink()]


def read(path, band=1):
    return lazy_variable(RasterBand(str(path), band), GRID).to_numpy()


def test_a_thread_holds_few_files_open(tmp_path, monkeypatch):
    monkeypatch.setattr(handles, "MOST", 5)
    values = [read(write(tmp_path / f"{day}.tif", day)) for day in range(20)]
    assert [int(v[0, 0]) for v in values] == list(range(1, 21))
    there = [name for name in open_files() if (tmp_path / name).exists()]
    assert len(there) <= 5


def test_bands_of_a_file_share_what_is_open(tmp_path):
    path = write(tmp_path / "three_bands.tif", 0, bands=3)
    assert [int(read(path, band)[0, 0]) for band in (1, 2, 3)] == [1, 2, 3]
    assert open_files().count("three_bands.tif") == 1


def test_a_file_that_takes_the_place_of_another_is_opened(tmp_path):
    path = write(tmp_path / "a.tif", 0)
    assert (read(path) == 1).all()
    write(tmp_path / "b.tif", 10).replace(path)
    assert (read(path) == 11).all()


def test_each_thread_has_its_own():
    made = []

    def make():
        made.append(object())
        return made[-1]

    first = held("key of this test", make)
    assert held("key of this test", make) is first
    other = threading.Thread(target=held, args=("key of this test", make))
    other.start()
    other.join()
    assert len(made) == 2


def test_what_has_no_state_is_told_by_its_name():
    assert state_of("NETCDF:nowhere.nc:blue") == ("NETCDF:nowhere.nc:blue",)
