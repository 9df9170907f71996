"""What ground that nobody saw may hold: one lake, one cloud."""

import numpy as np
import pytest
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

from obriy.measures.areas import measure_areas
from obriy.measures.tally import BLOCK
from obriy.model.classmap import ClassMap
from obriy.model.grid import coords_of
from obriy.model.legend import load_legend

SIZE = 200
CELL = 1e-4  # km², of pixels of 10 m


def measured(water, unseen):
    """Return the area of a map without a fault of all that is not under a cloud."""
    grid = GeoBox(water.shape, Affine.identity(), None)
    labels = np.where(unseen, 0, np.where(water, 2, 1)).astype("uint8")

    def lay(values):
        return xr.DataArray(values, coords_of(grid), ("y", "x"))

    cloud = lay((2 * unseen).astype("uint8"))
    class_map = ClassMap(lay(labels), load_legend("water"), unseen=cloud)
    (area,) = measure_areas(class_map, "water", pixel_size_m=10).areas
    return area


def lakes(random, count):
    """Return compact lakes: discs, drawn out and turned."""
    y, x = np.mgrid[:SIZE, :SIZE]
    found = np.zeros((SIZE, SIZE), bool)
    for _ in range(count):
        radius = random.uniform(0.08, 0.25) * SIZE / np.sqrt(count)
        row, column = random.uniform(radius, SIZE - radius, 2)
        turn, out = random.uniform(0, np.pi), random.uniform(1, 1.6)
        along = (x - column) * np.cos(turn) + (y - row) * np.sin(turn)
        across = (y - row) * np.cos(turn) - (x - column) * np.sin(turn)
        found |= (along / out) ** 2 + (across * out) ** 2 < radius**2
    return found


def cloud(random):
    """Return a bank with a straight edge, or a round cloud."""
    y, x = np.mgrid[:SIZE, :SIZE]
    if random.random() < 0.5:
        turn = random.uniform(0, 2 * np.pi)
        away = (x - SIZE / 2) * np.cos(turn) + (y - SIZE / 2) * np.sin(turn)
        return away > np.quantile(away, random.uniform(0.4, 0.9))
    row, column = random.uniform(0, SIZE, 2)
    return np.hypot(y - row, x - column) < random.uniform(0.15, 0.5) * SIZE


@pytest.mark.parametrize("count", [1, 3])
def test_the_interval_holds_the_lakes_that_one_cloud_hides(count):
    held, trials = 0, 40
    for seed in range(trials):
        random = np.random.default_rng(seed)
        water, unseen = lakes(random, count), cloud(random)
        low, high = measured(water, unseen).interval_km2
        truth = water.sum() * CELL
        held += low <= truth + 1e-9 <= high + 2e-9
        if not (water & unseen).any():
            assert low <= truth <= high, "a date that saw the whole lake has it in its interval"
    assert held >= 0.85 * trials


def test_where_the_lake_itself_is_taken_for_cloud_only_the_bounds_hold():
    # A lake of 40 x 40 pixels in 100 x 100, its half or all of it taken for cloud.
    water = np.zeros((100, 100), bool)
    water[30:70, 30:70] = True
    half = water & (np.arange(100) < 50)
    found = measured(water, half)
    low, high = found.interval_km2
    assert low == pytest.approx(0.08, rel=0.01)
    assert high > 0.12  # the hole is not taken to be like the rest: that would be 0.09
    # What the map may err along the shore that it saw is in them: a few per cent.
    assert found.bounds_km2 == pytest.approx((0.08, 0.16), rel=0.06)
    assert found.bounds_km2[0] < 0.08
    assert found.bounds_km2[1] > 0.16
    low, high = measured(water, water).interval_km2
    assert low == 0
    assert high > 0.05  # most of it: how much is only in the bounds
    assert measured(water, water).bounds_km2 == pytest.approx((0, 0.16), rel=0.06)


def test_many_small_holes_hide_less_than_one_as_large():
    water = np.zeros((8 * BLOCK, 8 * BLOCK), bool)
    for row in range(8):  # a pond in every block
        for column in range(8):
            water[row * BLOCK + 8 : row * BLOCK + 20, column * BLOCK + 8 : column * BLOCK + 20] = 1
    small = np.zeros_like(water)
    small[::4, ::2] = True  # an eighth, everywhere
    one = np.zeros_like(water)
    one[:BLOCK] = True  # an eighth, in one piece
    ends = [measured(water, unseen).interval_km2 for unseen in (small, one)]
    assert ends[0][1] - ends[0][0] < ends[1][1] - ends[1][0]
    truth = water.sum() * CELL
    assert all(low <= truth <= high for low, high in ends)
