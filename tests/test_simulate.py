import numpy as np
import pytest

from obriy.errors import GridError
from obriy.model.flags import Flag
from obriy.model.grid import geobox_of, same_grid
from obriy.model.scene import band_names
from obriy.simulate.fields import Lake, Ponds, River, share
from obriy.simulate.water import simulate_water_scene
from obriy.sources import open_scene
from obriy.sources.simulated import open_simulated, simulated_reference


def test_half_a_pixel_of_lake():
    # The field crosses zero in the middle of the second column.
    corners = np.tile([-1.5, -0.5, 0.5, 1.5], (3, 1))
    assert share([Lake(corners)]).tolist() == [[1, 0.5, 0], [1, 0.5, 0]]


def test_the_area_of_a_disc():
    pond = Ponds(np.array([[10.3, 12.7]]), np.array([4.2]), (20, 25))
    assert share([pond]).sum() == pytest.approx(np.pi * 4.2**2, rel=0.01)


def test_a_pond_smaller_than_a_pixel_and_one_over_the_edge():
    pond = Ponds(np.array([[3.5, 3.5], [0.0, 5.0]]), np.array([0.3, 1.0]), (6, 8))
    shares = share([pond])
    assert shares[3, 3] == pytest.approx(np.pi * 0.3**2, abs=0.05)
    assert shares[0].sum() == pytest.approx(np.pi / 2, abs=0.1)


def test_the_area_of_a_straight_river():
    line = np.column_stack([np.full(400, 5.2), np.linspace(-1, 21, 400)])
    shares = share([River(line, np.full(400, 0.9), (10, 20))])
    assert shares.sum() == pytest.approx(20 * 1.8, rel=0.05)
    assert shares[8:].sum() == 0


def test_shapes_that_overlap_are_not_counted_twice():
    pond = Ponds(np.array([[5.0, 5.0]]), np.array([3.0]), (10, 10))
    assert np.array_equal(share([pond, pond]), share([pond]))


@pytest.fixture(scope="module")
def made():
    return simulate_water_scene((150, 211), seed=11)


def test_the_scene_keeps_the_contract(made):
    names = ["blue", "green", "red", "nir", "swir16", "swir22"]
    assert band_names(made.scene) == names
    assert dict(made.scene.sizes) == {"y": 150, "x": 211}
    assert made.truth_fraction.dtype == "float32"
    assert made.truth.dtype == "uint8"
    assert same_grid(geobox_of(made.scene), geobox_of(made.truth))
    assert geobox_of(made.scene).crs.epsg == 32636
    for name in names:
        values = made.scene[name].values
        assert np.isfinite(values).all()
        assert values.min() > -0.02
        assert 0.0 < np.median(values) < 0.6
        assert values.max() < 1


def test_the_truth_holds_shores_and_pure_pixels(made):
    fraction = made.truth_fraction.values
    assert 0.03 < fraction.mean() < 0.4
    assert ((fraction > 0) & (fraction < 1)).any()
    assert set(np.unique(made.truth)) == {1, 2}
    assert np.array_equal(made.truth == 2, fraction >= 0.5)


def test_clear_water_is_told_from_land_by_mndwi(made):
    green, swir = made.scene.green.values, made.scene.swir16.values
    index = (green - swir) / (green + swir)
    clear = made.scene.flags.values == 0
    pure = made.truth_fraction.values
    assert (index[clear & (pure == 1)] > 0).mean() > 0.98
    assert (index[clear & (pure == 0)] < 0).mean() > 0.95


def test_most_cloud_is_flagged_and_not_all():
    made = simulate_water_scene((300, 300), seed=7)
    flags = made.scene.flags.values
    bright = made.scene.blue.values > 0.35
    found = (flags[bright] & Flag.CLOUD) > 0
    assert 0.8 < found.mean() < 1
    assert ((flags & Flag.CLOUD_SHADOW) > 0).any()


def test_the_seed_is_all(made):
    again = simulate_water_scene((150, 211), seed=11)
    other = simulate_water_scene((150, 211), seed=12)
    assert made.scene.equals(again.scene)
    assert not made.truth.equals(other.truth)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("size", [(16, 16), (37, 53), (16, 90)])
def test_every_seed_and_size_makes_a_scene(seed, size):
    made = simulate_water_scene(size, seed)
    assert made.truth_fraction.shape == size
    assert float(made.truth_fraction.min()) >= 0
    assert float(made.truth_fraction.max()) <= 1
    assert np.isfinite(made.scene.nir.values).all()


def test_the_address():
    scene = open_scene("simulated:?seed=3&size=40x60")
    assert dict(scene.sizes) == {"y": 40, "x": 60}
    twin, reference = open_simulated("simulated:?seed=3&size=40x60")
    assert twin.equals(scene)
    assert reference.independent
    assert reference.labels.shape == (40, 60)
    assert scene.attrs["provenance"].step("simulation")["seed"] == 3
    coarse = open_scene("simulated:?size=40", resolution=20)
    assert geobox_of(coarse).affine.a == 20


def test_the_truth_of_a_part():
    address = "simulated:?seed=3&size=40x60"
    scene, whole = open_simulated(address)
    part = scene.isel(y=slice(5, 25), x=slice(7, 50))
    reference = simulated_reference(address, geobox_of(part))
    np.testing.assert_array_equal(reference.labels, whole.labels[5:25, 7:50])
    assert simulated_reference("lake.tif", geobox_of(part)) is None
    moved = geobox_of(part).pad(30)
    with pytest.raises(GridError, match="no part"):
        simulated_reference(address, moved)
