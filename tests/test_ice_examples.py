"""Labelled scenes in a folder: what the codes mean, which scenes have labels, what is refused."""

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
import xarray as xr

from conftest import utm_grid
from obriy.errors import BandError, GridError, InputError, SourceError
from obriy.model.grid import coords_of
from obriy.model.ice import BANDS, CLOUD, ICE, LAND, WATER
from obriy.model.layers import LAYERS
from obriy.model.provenance import Provenance
from obriy.model.scene import band_names, make_scene
from obriy.outputs.cog import write_layer
from obriy.simulate.files.scene import write_scene
from obriy.sources.ice_examples import read_examples, unlabelled

SHAPE = (40, 60)
GRID = utm_grid(SHAPE, resolution=500.0)


def write_image(folder, name, bands=BANDS, grid=GRID):
    random = np.random.default_rng(0)
    planes = {b: xr.Variable(("y", "x"), random.uniform(0.05, 0.6, grid.shape)) for b in bands}
    planes = {b: plane.astype("float32") for b, plane in planes.items()}
    scene = make_scene(planes, grid, sensor="modis_hkm", provenance=Provenance())
    folder.mkdir(exist_ok=True)
    return write_scene(scene, folder / f"{name}.tif")


def write_mask(folder, name, codes, grid=GRID, **profile):
    """A raster of codes that says nothing of what they mean."""
    (folder / "labels").mkdir(exist_ok=True)
    file = folder / "labels" / f"{name}.tif"
    options = {"crs": grid.crs.to_wkt(), "transform": grid.affine, "dtype": "uint8", "count": 1}
    options |= {"height": codes.shape[0], "width": codes.shape[1], **profile}
    with rasterio.open(file, "w", "GTiff", **options) as dataset:
        dataset.write(codes.astype("uint8"), 1)
    return file


def write_map(folder, name, codes):
    """Labels as our own maps: they say what their codes are."""
    layer = xr.DataArray(codes.astype("uint8"), coords_of(GRID), ("y", "x"))
    return write_layer(layer, folder / "labels" / f"{name}.tif", LAYERS["map"])


@pytest.fixture
def codes():
    values = np.full(SHAPE, WATER)
    values[5:20, 5:30], values[25:, 40:], values[:3] = ICE, CLOUD, LAND
    values[39] = 0
    return values


def test_maps_say_themselves_what_their_codes_are(tmp_path, codes):
    for name in ("2021-02-18T0405_aqua", "2020-12-01T0215_terra"):
        write_image(tmp_path, name)
    write_map(tmp_path, "2021-02-18T0405_aqua", codes)
    write_map(tmp_path, "2020-12-01T0215_terra", np.ones(SHAPE))  # no ice, and no other code
    write_image(tmp_path, "land")  # a mask beside the scenes is no scene
    first, second = read_examples(tmp_path)
    assert (first.name, first.time) == ("2020-12-01T0215_terra", "2020-12-01T02:15")
    assert (second.time, second.scene.attrs["time"]) == ("2021-02-18T04:05",) * 2
    np.testing.assert_array_equal(first.labels, np.full(SHAPE, WATER))
    np.testing.assert_array_equal(second.labels, codes)
    assert set(band_names(second.scene)) == set(BANDS)


def test_the_whole_folder_tells_codes_from_masks(tmp_path, codes):
    names = ("MOD02HKM.A2021049.0225.061", "MYD02HKM.A2005347.0505.061")
    ice_free = np.where(codes == LAND, 0, 1)
    for name in names:
        write_image(tmp_path, name)
    write_mask(tmp_path, names[0], codes)
    write_mask(tmp_path, names[1], ice_free)
    one, other = read_examples(tmp_path)
    assert [one.time, other.time] == ["2021-02-18T02:25", "2005-12-13T05:05"]
    np.testing.assert_array_equal(one.labels, codes)
    np.testing.assert_array_equal(other.labels, ice_free)  # 1 is water
    write_mask(tmp_path, names[0], (codes == ICE).astype(int))
    one, other = read_examples(tmp_path)
    np.testing.assert_array_equal(one.labels, np.where(codes == ICE, ICE, WATER))
    np.testing.assert_array_equal(other.labels, np.where(ice_free == 1, ICE, WATER))


def test_polygons_by_words_and_codes(tmp_path):
    write_image(tmp_path, "2021-02-18")
    write_image(tmp_path, "2021-02-19")
    (tmp_path / "labels").mkdir()
    x, y = GRID.affine.c, GRID.affine.f
    left = shapely.box(x, y - 20_000, x + 10_000, y)  # 20 columns of 500 m
    right = shapely.box(x + 15_000, y - 20_000, x + 30_000, y)
    words = gpd.GeoDataFrame(
        {"class": ["fast ice", "Open water"]}, geometry=[left, right], crs=32636
    )
    words.to_file(tmp_path / "labels" / "2021-02-18.gpkg")
    numbers = gpd.GeoDataFrame({"code": [CLOUD, ICE]}, geometry=[left, right], crs=32636)
    numbers.to_crs(4326).to_file(tmp_path / "labels" / "2021-02-19.geojson")
    one, other = read_examples(tmp_path)
    expected = np.zeros(SHAPE)
    expected[:, :20], expected[:, 30:] = ICE, WATER
    np.testing.assert_array_equal(one.labels, expected)
    np.testing.assert_array_equal(
        other.labels, np.select([expected == ICE, expected == WATER], [CLOUD, ICE])
    )


def test_scenes_without_labels_are_left_out_and_named(tmp_path, codes):
    for name in ("2021-02-18", "2021-02-19", "2021-02-20"):
        write_image(tmp_path, name)
    write_map(tmp_path, "2021-02-19", codes)
    assert [e.name for e in read_examples(tmp_path)] == ["2021-02-19"]
    assert unlabelled(tmp_path) == ["2021-02-18", "2021-02-20"]


def test_folders_that_will_not_do(tmp_path, codes):
    with pytest.raises(SourceError, match="There is no folder"):
        read_examples(tmp_path / "none")
    with pytest.raises(SourceError, match=r"no scene \(\.tif\)"):
        read_examples(tmp_path)
    write_image(tmp_path, "2021-02-18")
    with pytest.raises(InputError, match=r"No scene in .* has labels"):
        read_examples(tmp_path)
    write_mask(tmp_path, "2021-02-18", np.full(SHAPE, 7))
    with pytest.raises(InputError, match="value 7, which is no label"):
        read_examples(tmp_path)
    (tmp_path / "labels" / "2021-02-18.tif").write_text("<html>log in</html>")
    with pytest.raises(SourceError):
        read_examples(tmp_path)


def test_labels_of_another_grid(tmp_path, codes):
    write_image(tmp_path, "2021-02-18")
    write_mask(tmp_path, "2021-02-18", codes[:-1])
    with pytest.raises(GridError, match="another grid than their scene"):
        read_examples(tmp_path)
    moved = utm_grid(SHAPE, resolution=500.0, origin=(500_250.0, 5_200_000.0))
    write_mask(tmp_path, "2021-02-18", codes, grid=moved)
    with pytest.raises(GridError, match="another grid"):
        read_examples(tmp_path)


def test_bands_that_differ(tmp_path, codes):
    write_image(tmp_path, "2021-02-18")
    write_image(tmp_path, "2021-02-19", bands=BANDS[:6])
    for name in ("2021-02-18", "2021-02-19"):
        write_map(tmp_path, name, codes)
    with pytest.raises(BandError, match="2021-02-19 has the bands"):
        read_examples(tmp_path)


def test_a_scene_without_a_time(tmp_path, codes):
    write_image(tmp_path, "winter")
    write_map(tmp_path, "winter", codes)
    with pytest.raises(InputError, match="Nothing tells the time of winter"):
        read_examples(tmp_path)
