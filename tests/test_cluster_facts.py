"""Facts of clusters, by pen and paper, and whatever the windows."""

import numpy as np
import pytest
import xarray as xr
from odc.geo.geobox import GeoBox
from scipy.ndimage import gaussian_filter
from tests.conftest import utm_grid

from obriy.blocks.places import place_keys
from obriy.blocks.planes import Numbers
from obriy.blocks.raster import RasterBand, lazy_variable
from obriy.errors import BandError, GridError
from obriy.labelling import facts as facts_module
from obriy.labelling import tally as tally_module
from obriy.labelling.counting import patches
from obriy.labelling.facts import measure_clusters
from obriy.model.classmap import ClassMap
from obriy.model.clusters import NOISE, cluster_legend
from obriy.model.grid import coords_of, geobox_of
from obriy.model.provenance import Provenance
from obriy.model.scene import make_scene

NAN = np.nan


def clusters_on(scene, labels) -> ClassMap:
    values = np.asarray(labels, "uint8")
    array = xr.DataArray(values, dims=("y", "x"), coords=coords_of(geobox_of(scene)))
    return ClassMap(array, cluster_legend([i for i in np.unique(values) if i not in (0, 255)]))


def by_id(found):
    return {facts.id: facts for facts in found}


def test_medians_shares_and_indices_by_hand(scene_of):
    scene = scene_of(
        red=[[0.1, 0.1, 0.2], [0.1, 0.3, 0.2]],
        nir=[[0.3, 0.4, 0.2], [0.5, 0.1, 0.2]],
    )
    found = by_id(measure_clusters(scene, clusters_on(scene, [[1, 1, 7], [1, 7, 7]])))
    assert list(found) == [1, 7]
    one = found[1]
    assert (one.pixels, one.share) == (3, 0.5)
    assert one.spectrum["nir"].median == pytest.approx(0.4)
    assert one.spectrum["nir"].low == pytest.approx(0.32)  # a tenth of the way: 0.3 + 0.2 x 0.1
    assert one.spectrum["nir"].high == pytest.approx(0.48)
    # NDVI of the three pixels: 0.2/0.4, 0.3/0.5, 0.4/0.6
    assert one.indices["NDVI"].median == pytest.approx(0.6)
    assert found[7].indices["NDVI"].median == pytest.approx(0.0)
    assert list(one.spectrum) == ["red", "nir"]
    assert list(one.indices) == ["NDVI"]
    assert one.pixel_m == pytest.approx(10.0)


def test_ranks_are_shares_of_the_scene_below(scene_of):
    scene = scene_of(nir=[[0.1, 0.2, 0.3, 0.4, 0.5]])
    found = by_id(measure_clusters(scene, clusters_on(scene, [[1, 1, 2, 2, 2]])))
    assert found[1].ranks["nir"] == pytest.approx(1 / 5)  # 0.1 lies below 0.15
    assert found[2].ranks["nir"] == pytest.approx(3 / 5)  # 0.1, 0.2, 0.3 lie below 0.4


def test_interior_and_neighbours_by_hand(scene_of):
    scene = scene_of(nir=np.full((3, 4), 0.3), geobox=utm_grid((3, 4), 30.0))
    labels = [[1, 1, 1, 2], [1, 1, 1, 2], [3, 3, 0, 2]]
    found = by_id(measure_clusters(scene, clusters_on(scene, labels)))
    # Of cluster 1, the first two pixels of the first row touch nothing else.
    assert found[1].interior == pytest.approx(2 / 6)
    # Two edges with 2, two with 3; the edge with the unseen pixel is none.
    assert found[1].neighbours == {2: 0.5, 3: 0.5}
    assert found[2].neighbours == {1: 1.0}
    assert found[2].interior == pytest.approx(1 / 3)  # the last, beside the unseen pixel
    assert found[3].neighbours == {1: 1.0}
    assert sum(f.share for f in found.values()) == pytest.approx(1)


def test_what_is_missing_never_counts(scene_of):
    nir = [[0.2, NAN, 0.4], [9.0, 0.2, 8.0]]
    red = [[0.1, 0.1, 0.1], [0.1, NAN, 0.1]]
    scene = scene_of(nir=nir, red=red, geobox=utm_grid((2, 3), 30.0))
    labels = [[5, 5, 5], [0, 5, 255]]
    (five,) = measure_clusters(scene, clusters_on(scene, labels))
    assert (five.pixels, five.share) == (2, 1.0)
    assert five.spectrum["nir"].median == pytest.approx(0.3)
    # The bright pixels that are in no cluster are neither texture nor surroundings.
    assert five.surroundings["nir"] == pytest.approx(0.3)
    assert five.texture["nir"] == pytest.approx(0.1)


def test_a_scene_in_memory_stays_as_it_is(scene_of):
    # Cloud is 0 in the clusters: were it made NaN in the scene, the next reader had no picture.
    scene = scene_of(red=[[0.1, 0.2, 0.3]], nir=[[0.3, 0.4, 0.5]])
    measure_clusters(scene, clusters_on(scene, [[1, 0, 1]]))
    np.testing.assert_array_equal(scene["red"].values, np.float32([[0.1, 0.2, 0.3]]))
    np.testing.assert_array_equal(scene["nir"].values, np.float32([[0.3, 0.4, 0.5]]))


def test_texture_and_surroundings_by_hand(scene_of):
    nir = np.full((31, 31), 0.3)
    nir[15, 15] = 0.8
    labels = np.ones((31, 31))
    labels[15, 15] = NOISE
    scene = scene_of(nir=nir, geobox=utm_grid((31, 31), 30.0))
    found = by_id(measure_clusters(scene, clusters_on(scene, labels)))
    # One pixel of 25 stands out by 0.5; one of 225.
    assert found[NOISE].texture["nir"] == pytest.approx(0.5 * np.sqrt(24) / 25, rel=1e-5)
    assert found[NOISE].surroundings["nir"] == pytest.approx(0.3 + 0.5 / 225, rel=1e-5)
    assert found[1].texture["nir"] == pytest.approx(0, abs=1e-6)


def test_cells_of_small_pixels_by_hand(scene_of):
    # At 20 m a cell of 30 m is a pixel and a quarter of each beside it: (1, 4, 1) / 6 in a row.
    nir = np.full((31, 31), 0.3)
    nir[15, 15] = 0.9
    scene = scene_of(nir=nir, geobox=utm_grid((31, 31), 20.0))
    labels = np.ones((31, 31))
    labels[15, 15] = 2
    band = Numbers(nir.astype("float32")).parts
    patch = patches(band, np.array([15]), np.array([15]), 1.5)
    middle = patch[6:9, 6:9]  # its own cell, and those 40 m away, where 1.5 pixels are rounded to
    assert patch.shape == (15, 15)
    assert middle[1, 1] == pytest.approx(0.3 + 0.6 / 2.25)  # 1 of 1.5 x 1.5 pixels
    assert middle[0, 1] == pytest.approx(0.3)
    (_, two) = measure_clusters(scene, clusters_on(scene, labels))
    assert two.spectrum["nir"].median == pytest.approx(0.9)  # a pixel is itself


def test_inside_is_a_cell_away(scene_of):
    labels = np.ones((12, 12))
    labels[:, 8:] = 2
    for pixel_m, inside in ((30.0, 7 / 8), (10.0, 5 / 8)):  # columns of 1 with 1 beyond them
        scene = scene_of(nir=np.full((12, 12), 0.3), geobox=utm_grid((12, 12), pixel_m))
        found = by_id(measure_clusters(scene, clusters_on(scene, labels)))
        assert found[1].interior == pytest.approx(inside)
        assert found[1].neighbours == {2: 1.0}


def _same_ground(scene_of, pixel_m):
    """Rough woods beside smooth fields, on 2.4 km, by the size of pixels."""
    fine = gaussian_filter(np.random.default_rng(8).standard_normal((480, 480)), 6)  # of 5 m
    fine /= fine.std()
    woods = np.arange(480)[None, :] < 240
    nir = np.where(woods, 0.3 * (1 + 0.12 * fine), 0.45 * (1 + 0.01 * fine))
    red = np.where(woods, 0.02, 0.03)
    times = round(pixel_m / 5)
    side = 480 // times
    planes = {
        name: np.broadcast_to(plane, (480, 480)).reshape(side, times, side, times).mean(axis=(1, 3))
        for name, plane in (("red", red), ("nir", nir))
    }
    scene = scene_of(**planes, geobox=utm_grid((side, side), pixel_m))
    labels = np.where(np.arange(side)[None, :] < side // 2, 1, 2).repeat(side, 0)
    return by_id(measure_clusters(scene, clusters_on(scene, labels.reshape(side, side))))


def test_the_same_ground_at_any_size_of_pixels(scene_of):
    fine, middle, coarse = (_same_ground(scene_of, m) for m in (10.0, 15.0, 30.0))
    for other in (fine, middle):
        for code in (1, 2):
            one, same = coarse[code], other[code]
            assert same.spectrum["nir"].median == pytest.approx(
                one.spectrum["nir"].median, rel=0.03
            )
            assert same.surroundings["nir"] == pytest.approx(one.surroundings["nir"], rel=0.03)
            assert same.interior == pytest.approx(one.interior, abs=0.02)
        assert other[1].texture["nir"] == pytest.approx(coarse[1].texture["nir"], rel=0.2)
        assert other[1].texture["nir"] > 3 * other[2].texture["nir"]


def test_bands_of_the_atmosphere_and_of_heat_are_left_out(scene_of):
    scene = scene_of(coastal=[[0.1]], nir=[[0.3]], lwir11=[[290.0]])
    (one,) = measure_clusters(scene, clusters_on(scene, [[1]]))
    assert list(one.spectrum) == ["nir"]


def _random_scene(scene_of, size=70):
    rng = np.random.default_rng(3)
    bands = {name: rng.uniform(0.01, 0.5, (size, size)) for name in ("green", "red", "nir")}
    bands["red"][rng.uniform(size=(size, size)) < 0.02] = NAN
    scene = scene_of(**bands)
    return scene, clusters_on(scene, rng.integers(0, 5, (size, size)))


def test_windows_do_not_matter(scene_of, monkeypatch):
    monkeypatch.setattr(tally_module, "SAMPLE", 100)
    scene, clusters = _random_scene(scene_of)
    whole = measure_clusters(scene, clusters, seed=4)
    monkeypatch.setattr(facts_module, "WINDOW", 17)
    cut = measure_clusters(scene, clusters, seed=4)
    assert cut == whole
    assert measure_clusters(scene, clusters, seed=5) != whole


def test_a_sample_is_near_the_whole(scene_of, monkeypatch):
    scene, clusters = _random_scene(scene_of)
    whole = by_id(measure_clusters(scene, clusters))
    monkeypatch.setattr(tally_module, "SAMPLE", 300)
    for facts in measure_clusters(scene, clusters):
        assert facts.pixels == whole[facts.id].pixels
        median = whole[facts.id].spectrum["nir"].median
        assert facts.spectrum["nir"].median == pytest.approx(median, abs=0.05)


def test_hashes_are_all_different_and_spread():
    rows, columns = np.divmod(np.arange(250_000), 500)
    hashes = place_keys(0, rows, columns)
    assert np.unique(hashes).size == hashes.size
    assert np.mean(hashes / 2.0**64) == pytest.approx(0.5, abs=0.005)
    assert (place_keys(1, rows, columns) != hashes).all()


def _damaged_tiff(path):
    """A band of 64 x 64 in tiles of 16; the second row of tiles is garbage."""
    rasterio = pytest.importorskip("rasterio")
    values = np.full((64, 64), 3000, "uint16")
    with rasterio.open(
        path, "w", driver="GTiff", width=64, height=64, count=1, dtype="uint16", tiled=True,
        blockxsize=16, blockysize=16, compress="deflate", crs="EPSG:32636",
        transform=utm_grid((64, 64)).affine,
    ) as file:  # fmt: skip
        file.write(values, 1)
    data = bytearray(path.read_bytes())
    with rasterio.open(path) as file:
        for column in range(4):
            start = int(file.get_tag_item(f"BLOCK_OFFSET_{column}_1", "TIFF", bidx=1))
            size = int(file.get_tag_item(f"BLOCK_SIZE_{column}_1", "TIFF", bidx=1))
            data[start : start + size] = b"\xff" * size
    path.write_bytes(data)
    return path


def test_broken_bytes_cost_their_tiles_only(tmp_path):
    path = str(_damaged_tiff(tmp_path / "damaged.tif"))
    grid = utm_grid((64, 64))
    band = lazy_variable(RasterBand(path, scale=1e-4), grid)
    scene = make_scene({"nir": band}, grid, sensor="unknown", provenance=Provenance())
    (one,) = measure_clusters(scene, clusters_on(scene, np.ones((64, 64))))
    assert one.spectrum["nir"].median == pytest.approx(0.3)
    assert one.pixels == 64 * 48


def test_another_grid_is_refused(scene_of):
    scene = scene_of(nir=[[0.3, 0.3]])
    other = scene_of(nir=[[0.3, 0.3]], geobox=GeoBox((1, 2), geobox_of(scene).affine, None))
    with pytest.raises(GridError, match="another grid"):
        measure_clusters(scene, clusters_on(other, [[1, 1]]))


def test_a_scene_without_ground_bands_is_refused(scene_of):
    scene = scene_of(lwir11=[[290.0]])
    with pytest.raises(BandError):
        measure_clusters(scene, clusters_on(scene, [[1]]))
