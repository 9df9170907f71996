"""Scenes of one lattice onto one grid: no pixel is resampled, what is not shown is missing."""

import numpy as np
import pytest
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

from obriy.errors import GridError
from obriy.model.flags import Flag
from obriy.model.grid import geobox_of
from obriy.model.provenance import Provenance
from obriy.model.scene import make_scene
from obriy.prepare.lattice import common_grid, lay_on, mosaic

CRS = "EPSG:32636"


def _grid(top, left, rows, columns, size=30.0):
    affine = Affine(size, 0, 300_000 + left * size, 0, -size, 5_000_000 - top * size)
    return GeoBox((rows, columns), affine, CRS)


def _scene(grid, values, flags=None, href="a.tif"):
    bands = {"green": xr.Variable(("y", "x"), np.asarray(values, "float32"))}
    marks = None if flags is None else xr.Variable(("y", "x"), np.asarray(flags, "uint16"))
    record = Provenance(({"href": href},))
    return make_scene(
        bands, grid, sensor="unknown", provenance=record, flags=marks, time="2024-05-01"
    )


def test_the_common_grid_holds_all_and_stays_on_the_lattice():
    grid = common_grid([_grid(0, 0, 4, 5), _grid(2, 3, 4, 5), _grid(-1, 1, 2, 2)])
    assert tuple(grid.shape) == (7, 8)  # rows -1 to 6, columns 0 to 8
    assert (grid.affine.c, grid.affine.f) == (300_000, 5_000_030)


def test_grids_that_are_alike_stay_as_they_are():
    first = _grid(0, 0, 4, 5)
    assert common_grid([first, _grid(0, 0, 4, 5)]) is first


@pytest.mark.parametrize(
    "other",
    [
        _grid(0.5, 0, 4, 5),
        _grid(0, 0, 4, 5, size=20.0),
        GeoBox((4, 5), _grid(0, 0, 4, 5).affine, "EPSG:32637"),
    ],
    ids=["half a pixel off", "another size", "another CRS"],
)
def test_another_lattice_is_refused(other):
    with pytest.raises(GridError, match="one lattice"):
        common_grid([_grid(0, 0, 4, 5), other])


def test_a_scene_laid_on_a_larger_grid_is_missing_outside():
    values = np.arange(6, dtype="float32").reshape(2, 3)
    scene = _scene(_grid(1, 2, 2, 3), values, flags=np.full((2, 3), Flag.CLOUD))
    laid = lay_on(scene, _grid(0, 0, 4, 6))
    expected = np.full((4, 6), np.nan)
    expected[1:3, 2:5] = values
    np.testing.assert_array_equal(laid["green"].values, expected)
    assert laid["flags"].values[1, 2] == Flag.CLOUD
    assert laid["flags"].values[0, 0] == Flag.NO_DATA
    assert tuple(geobox_of(laid).shape) == (4, 6)
    np.testing.assert_array_equal(laid["green"][2:4, 1:4].values, expected[2:4, 1:4])


def test_a_scene_laid_on_a_smaller_grid_is_cut():
    values = np.arange(20, dtype="float32").reshape(4, 5)
    laid = lay_on(_scene(_grid(0, 0, 4, 5), values), _grid(1, 2, 2, 2))
    np.testing.assert_array_equal(laid["green"].values, values[1:3, 2:4])


def test_a_mosaic_takes_each_pixel_of_the_first_that_shows_it():
    grid = _grid(0, 0, 1, 4)
    first = _scene(grid, [[1, np.nan, 3, np.nan]], [[0, Flag.NO_DATA, Flag.CLOUD, Flag.NO_DATA]])
    second = _scene(grid, [[9, 2, 9, np.nan]], [[0, Flag.SNOW, 0, Flag.NO_DATA]], href="b.tif")
    one = mosaic([first, second])
    np.testing.assert_array_equal(one["green"].values, [[1, 2, 3, np.nan]])
    assert one["flags"].values.tolist() == [[0, Flag.SNOW, Flag.CLOUD, Flag.NO_DATA]]
    assert [entry["href"] for entry in one.attrs["provenance"].inputs] == ["a.tif", "b.tif"]
    assert one.attrs["time"] == "2024-05-01"


def test_a_mosaic_takes_the_room_of_all_its_files():
    grid = _grid(0, 0, 1, 4)
    scenes = [_scene(grid, [[1, 2, 3, 4]]) for _ in range(2)]
    for size, scene in zip((100, 23), scenes, strict=True):
        scene["green"].variable.encoding["decoding"] = (f"{size}.tif", size)
    assert mosaic(scenes)["green"].variable.encoding["decoding"][1] == 123
    assert lay_on(scenes[1], _grid(-1, 0, 2, 4))["green"].variable.encoding["decoding"][1] == 23


def test_a_hole_in_a_file_is_told_where_it_lies_on_the_new_grid(tmp_path):
    """The hole of a damaged tile moves with the scene."""
    import rasterio

    from obriy.blocks.damage import read_around
    from obriy.sources.scene import open_scene

    path = tmp_path / "2024-05-01_green.tif"
    grid = _grid(0, 0, 64, 64)
    profile = {
        "driver": "GTiff", "width": 64, "height": 64, "count": 1, "dtype": "uint16", "crs": CRS,
        "transform": grid.affine, "tiled": True, "blockxsize": 16, "blockysize": 16,
        "compress": "deflate",
    }  # fmt: skip
    noise = np.random.default_rng(0).integers(300, 3000, (64, 64)).astype("uint16")
    with rasterio.open(path, "w", **profile) as file:
        file.write(noise, 1)
    with rasterio.open(path) as file:
        offset = int(file.get_tag_item("BLOCK_OFFSET_1_1", "TIFF", bidx=1))
    content = bytearray(path.read_bytes())
    content[offset : offset + 40] = b"\xff" * 40
    path.write_bytes(bytes(content))
    scene = open_scene(path, bands=["green"], scale=1e-4, offset=0.0)
    laid = lay_on(scene, _grid(-8, -4, 80, 80))
    values, holes = read_around(laid["green"].variable, slice(10, 60), slice(0, 60))
    assert len(holes) == 1
    assert (holes[0].rows, holes[0].columns) == (slice(24, 40), slice(20, 36))
    assert np.isnan(values[14:30, 20:36]).all()
    assert np.isfinite(values[0:14, 20:36]).all()
