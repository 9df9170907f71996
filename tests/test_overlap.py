"""Districts that overlap: what lies in two of them counts once, in every job.

The image is 4 x 4 pixels of 1 km on the central meridian; ``left`` holds columns 0 to 2, ``right``
columns 1 to 3, so that eight pixels lie in both.
"""

import geopandas
import numpy as np
import pytest
import shapely
import xarray as xr

from conftest import UTM, utm_grid
from obriy.measures.areas import measure_areas
from obriy.measures.change import measure_change
from obriy.measures.classes import measure_cover
from obriy.measures.concentration import concentration
from obriy.measures.ice import measure_ice
from obriy.measures.register import compare_register
from obriy.measures.totals import total_on, with_union
from obriy.model.areas import District, told_apart
from obriy.model.balance import Register, RegisterEntry, WaterSurface
from obriy.model.classmap import ClassMap
from obriy.model.grid import coords_of
from obriy.model.legend import load_legend
from obriy.sources.districts import read_districts
from obriy.vectors import warp_geometry

GRID = utm_grid((4, 4), 1000.0)
PIXEL = 1 / 0.9996**2
"""km² on the ellipsoid."""
X, Y = 500_000, 5_200_000


def box(name, first, last, rows=4):
    left, right = X + 1000 * first, X + 1000 * last
    return District(name, shapely.box(left, Y - 1000 * rows, right, Y), UTM)


LEFT, RIGHT = box("left", 0, 3), box("right", 1, 4)
# Columns 1 and 3 are the class in question; one pixel of both districts is unseen, one of right.
LABELS = np.array([[1, 2, 1, 2], [1, 2, 1, 2], [1, 2, 0, 2], [1, 2, 1, 0]])


def map_of(labels, legend="water"):
    layer = xr.DataArray(np.asarray(labels, "uint8"), coords_of(GRID), ("y", "x"))
    return ClassMap(layer, load_legend(legend), time="2025-06-01")


def approx(pixels):
    return pytest.approx(pixels * PIXEL, rel=1e-5)


def test_water_of_two_districts_counts_once():
    series = measure_areas(map_of(LABELS), "water", [LEFT, RIGHT])
    assert [a.district for a in series.areas] == ["left", "right"]
    assert [a.area_km2 for a in series.areas] == [approx(4), approx(7)]
    total = total_on(series, "2025-06-01")
    assert (total.district, total.area_km2, total.mask_km2) == ("all", approx(7), approx(7))
    assert (total.district_km2, total.unseen_share) == (approx(16), pytest.approx(2 / 16))
    # 7 of 14 seen: half of the two unseen pixels too.
    assert total.expected_km2 == approx(8)
    assert total.interval_km2[0] < 8 * PIXEL < total.interval_km2[1] <= total.district_km2


def test_classes_of_two_districts_count_once():
    cover = measure_cover(map_of(LABELS, "ice"), [LEFT, RIGHT])
    assert [c.district for c in cover.districts] == ["left", "right"]
    total = {c.name: (c.area_km2, c.share) for c in cover.total.classes}
    assert total == {
        "ice": (approx(7), pytest.approx(0.5)),
        "water": (approx(7), pytest.approx(0.5)),
    }
    assert cover.total.unseen_share == pytest.approx(2 / 16)


def test_classes_of_districts_apart_add_up_by_their_area():
    # A pixel by column: ice in 2 of 4 seen pixels on the left, in 2 of 7 on the right.
    labels = [[2, 1, 1, 1], [2, 1, 1, 1], [1, 0, 2, 1], [1, 0, 2, 0]]
    cover = measure_cover(map_of(labels, "ice"), [box("a", 0, 1), box("b", 1, 4)])
    assert cover.together is None
    total = {c.name: (c.area_km2, c.share) for c in cover.total.classes}
    assert total == {
        "ice": (approx(4), pytest.approx(4 / 13)),
        "water": (approx(9), pytest.approx(9 / 13)),
    }
    assert cover.total.unseen_share == pytest.approx(3 / 16)
    assert (cover.total.status, cover.total.reason) == ("partial", "not complete: b")


def test_ice_of_two_places_counts_once():
    class_map = map_of(LABELS, "ice")
    dense = concentration(class_map, window_m=1.0)
    left, right, both = measure_ice(
        class_map, [LEFT, RIGHT], date="2021-02-03", granules=[], concentration=dense
    )
    assert (left.ice_km2, right.ice_km2, both.ice_km2) == (approx(4), approx(7), approx(7))
    assert (both.district, both.sea_km2) == ("all", approx(16))


def test_change_in_two_districts_counts_once():
    before, after = map_of(np.full((4, 4), 1)), map_of(np.full((4, 4), 2))
    change = measure_change([before], [after], districts=[LEFT, RIGHT])
    assert [a.gained_km2 for a in change.areas] == [approx(12), approx(12)]
    assert (change.total.district, change.total.gained_km2) == ("all", approx(16))
    assert change.total.district_km2 == approx(16)


def test_the_register_is_compared_with_what_counts_once():
    register = Register("table", (RegisterEntry("", 9.0),))
    surfaces = [WaterSurface("left", 5.0), WaterSurface("right", 7.0)]
    both = WaterSurface("all", 8.0, (7.5, 8.5))
    (row,) = compare_register(register, surfaces, both).rows
    assert (row.place, row.measured_km2, row.inside_interval) == ("all", 8.0, False)
    (row,) = compare_register(register, surfaces).rows
    assert row.measured_km2 == 12.0


def names(districts):
    return [d.name for d in districts]


def test_neighbours_add_up_though_a_hand_drew_them():
    assert names(with_union([])) == []
    apart = [box("a", 0, 2), box("b", 2, 4)]
    assert with_union(apart) == apart
    sliver = [box("a", 0, 2.001), box("b", 2, 4)]  # 1 m of 2 km: half of what is allowed
    assert with_union(sliver) == sliver
    assert names(with_union([box("a", 0, 2.01), box("b", 2, 4)])) == ["a", "b", "all"]


def test_one_pair_among_many_is_not_lost_in_their_sum():
    many = [box(str(k), 10 * k, 10 * k + 9) for k in range(3000)]
    assert len(with_union(many)) == 3000
    assert with_union([*many, box("again", 0, 1)])[-1].geometry.area == 3000 * 9 * 4e6


def test_districts_of_two_crs_overlap_all_the_same():
    there = District("right", warp_geometry(RIGHT.geometry, UTM, "EPSG:4326"), "EPSG:4326")
    *_, union = with_union([LEFT, there])
    assert (union.name, union.crs) == ("all", UTM)
    assert union.geometry.area == pytest.approx(16e6, rel=1e-5)


def test_two_features_of_one_name_are_two_districts(tmp_path):
    shapes = [box("", k, k + 1).geometry for k in range(6)]
    named = ["A", "B", "A", "A (1)", "all", "A"]
    frame = geopandas.GeoDataFrame({"name": named}, geometry=shapes, crs=UTM)
    frame.to_file(tmp_path / "d.gpkg")
    found = read_districts(str(tmp_path / "d.gpkg"))
    assert names(found) == ["A (2)", "B", "A (3)", "A (1)", "all (1)", "A (4)"]
    assert [d.notes for d in found if d.notes] == [
        ("Districts with a name that is not theirs alone: 4. Each has a number now, e.g. A (2), "
         "A (3).",)
    ]  # fmt: skip
    assert told_apart(found) == found


def test_a_union_is_not_estimated_where_one_of_its_districts_lies_outside_the_image():
    """What lies outside is no more known for being added up: a sum of districts has none either."""
    outside = box("outside", 40, 41)
    inside = measure_areas(map_of(LABELS), "water", [LEFT, RIGHT])
    assert total_on(inside, "2025-06-01").expected_km2 is not None
    series = measure_areas(map_of(LABELS), "water", [LEFT, RIGHT, outside])
    total = total_on(series, "2025-06-01")
    assert total.never_imaged_share < 0.5  # by itself it would have been estimated
    assert (total.expected_km2, total.interval_km2) == (None, None)
    assert total.area_km2 == approx(7)
    assert total.bounds_km2[0] == approx(7)
