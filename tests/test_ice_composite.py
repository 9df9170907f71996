"""Several maps of a day made one: who is believed, and what stays unseen."""

import numpy as np
import pytest
import xarray as xr

from conftest import utm_grid
from obriy.blocks.engine import ArraySink
from obriy.errors import GridError, InputError, UsageError
from obriy.measures.composite import compose, composite
from obriy.model.classmap import ClassMap
from obriy.model.grid import coords_of
from obriy.model.legend import load_legend
from obriy.model.provenance import Provenance

WATER, ICE, CLOUD, LAND = 1, 2, 3, 4


def lay(values, dtype="uint8"):
    values = np.atleast_2d(np.asarray(values, dtype))
    return xr.DataArray(values, coords_of(utm_grid(values.shape, 500.0)), ("y", "x"))


def map_of(labels, *, time="2021-02-03T02:10", provenance=None, **layers) -> ClassMap:
    extra = {name: lay(values) for name, values in layers.items()}
    return ClassMap(lay(labels), load_legend("ice"), provenance or Provenance(), time=time, **extra)


def degrees(*values):
    return lay(values, "float32")


def labels_of(*args, **kwargs):
    return composite(*args, **kwargs).labels.to_numpy()[0].tolist()


def test_of_those_that_saw_a_pixel_the_steepest_view_counts():
    maps = [map_of([ICE, ICE, CLOUD, ICE]), map_of([WATER, WATER, WATER, CLOUD])]
    angles = [degrees(10, 50, 5, 60), degrees(20, 40, 60, 5)]
    # The third: only the second map saw it, however flat; the fourth likewise.
    assert labels_of(maps, view_zenith=angles) == [ICE, WATER, WATER, ICE]


def test_the_majority_counts_and_ties_go_to_the_best_view():
    maps = [map_of(row) for row in ([ICE, ICE, CLOUD], [ICE, WATER, ICE], [WATER, CLOUD, WATER])]
    angles = [degrees(50, 50, 1), degrees(60, 20, 30), degrees(10, 1, 40)]
    assert labels_of(maps, by="majority", view_zenith=angles) == [ICE, WATER, ICE]
    assert labels_of(maps, by="best", view_zenith=angles) == [WATER, WATER, ICE]


def test_a_cloud_is_one_only_where_all_that_looked_saw_it():
    maps = [
        map_of([CLOUD, CLOUD, CLOUD, 0, 0], unseen=[2, 2, 2, 1, 1]),
        map_of([CLOUD, 255, 0, 0, 0], unseen=[2, 0, 1, 3, 1]),
    ]
    made = composite(maps)
    assert made.labels.to_numpy()[0].tolist() == [CLOUD, 255, CLOUD, 0, 0]
    assert made.unseen.to_numpy()[0].tolist() == [2, 0, 2, 3, 1]


def test_land_stays_under_a_cloud_of_another_granule():
    maps = [map_of([LAND, CLOUD]), map_of([CLOUD, LAND])]
    for rule in ("best", "majority"):
        assert labels_of(maps, by=rule) == [LAND, LAND]


def test_angles_that_are_missing_rank_behind_and_equals_as_they_stand():
    maps = [map_of([ICE, ICE, ICE]), map_of([WATER, WATER, WATER])]
    angles = [degrees(np.nan, np.nan, 30), degrees(65, np.nan, 30)]
    assert labels_of(maps, view_zenith=angles) == [WATER, ICE, ICE]
    assert labels_of(maps) == [ICE, ICE, ICE]
    assert labels_of(maps, view_zenith=[None, degrees(60, 60, np.nan)]) == [WATER, WATER, ICE]


def test_the_layers_come_with_the_pixel():
    maps = [
        map_of([ICE, ICE], fraction=[180, 150], confidence=[200, 199]),
        map_of([WATER, ICE], fraction=[20, 110]),
    ]
    made = composite(maps, view_zenith=[degrees(50, 1), degrees(1, 50)])
    assert made.fraction.to_numpy()[0].tolist() == [20, 150]
    # Only one of the maps says how sure it is.
    assert made.confidence is None


def test_the_record_says_which_granules_gave_how_much():
    records = [
        Provenance(({"href": f"{name}.hdf"},)).with_step("grid", crs="x").with_warning("Careful.")
        for name in "ab"
    ]
    maps = [
        map_of([ICE, ICE, ICE, CLOUD], provenance=records[0], time="2021-02-03T04:10"),
        map_of([WATER, CLOUD, CLOUD, CLOUD], provenance=records[1], time="2021-02-03T02:10"),
    ]
    made = composite(maps, view_zenith=[degrees(9, 9, 9, 9), degrees(1, 1, 1, 1)])
    assert [one["href"] for one in made.provenance.inputs] == ["a.hdf", "b.hdf"]
    assert made.provenance.warnings == ("Careful.",)
    assert [step["name"] for step in made.provenance.steps] == ["grid", "composite"]
    taken = made.provenance.step("composite")
    assert taken["rule"] == "best"
    assert [one["time"] for one in taken["maps"]] == ["2021-02-03T04:10", "2021-02-03T02:10"]
    assert [one["share"] for one in taken["maps"]] == pytest.approx([2 / 3, 1 / 3], abs=1e-4)
    assert made.time == "2021-02-03T02:10"


def test_one_map_comes_back_as_it_is():
    alone = map_of([ICE, CLOUD])
    assert composite([alone]) is alone


def test_windows_make_one_map():
    rng = np.random.default_rng(2)
    shape = (1100, 1060)
    stack = rng.choice([0, 1, 2, 3, 255], (3, *shape), p=[0.2, 0.3, 0.3, 0.15, 0.05])
    angles = rng.uniform(0, 65, (3, *shape))
    made = composite(
        [map_of(s) for s in stack], view_zenith=[lay(a, "float32") for a in angles]
    ).labels.to_numpy()
    seen = np.isin(stack, (1, 2))
    best = np.where(seen, angles, 99).argmin(axis=0)
    expected = np.take_along_axis(stack, best[None], 0)[0]
    some = seen.any(axis=0)
    assert (made[some] == expected[some]).all()
    assert set(np.unique(made[~some])) == {0, 3, 255}


def test_layers_go_where_they_are_wanted():
    maps = [map_of([ICE, CLOUD]), map_of([CLOUD, WATER])]
    sink = ArraySink((1, 2))
    assert compose(maps, {"labels": sink}) == [0.5, 0.5]
    assert sink.array[0].tolist() == [ICE, WATER]


def test_what_does_not_fit_is_refused():
    maps = [map_of([ICE, CLOUD]), map_of([CLOUD, WATER])]
    with pytest.raises(InputError, match="no map"):
        composite([])
    with pytest.raises(GridError, match="different grids"):
        composite([maps[0], map_of([ICE, ICE, ICE])])
    with pytest.raises(GridError, match="angles of 2021-02-03"):
        composite(maps, view_zenith=[None, degrees(1, 2, 3)])
    with pytest.raises(UsageError, match="2 maps and 1 view"):
        composite(maps, view_zenith=[None])
    with pytest.raises(UsageError, match="no rule 'median'"):
        composite(maps, by="median")
