"""Water bodies: which pixels make one, what it is called, how it fares; by hand and over seams."""

import csv

import geopandas
import numpy as np
import pytest
import shapely
import xarray as xr
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from scipy import ndimage

import obriy
from conftest import utm_grid
from obriy.errors import GridError, InputError
from obriy.measures.bodies import measure_bodies
from obriy.measures.body_finding import find_bodies
from obriy.measures.geohash import geohash
from obriy.model.areas import District
from obriy.model.bodies import BodyRule, default_rule
from obriy.model.classmap import ClassMap
from obriy.model.grid import coords_of
from obriy.model.legend import load_legend
from obriy.outputs.bodies import body_polygons, write_bodies, write_body_series
from obriy.outputs.polygons import geodesic_areas

LOCAL = Affine(10, 0, 0, 0, -10, 0)
ANY = BodyRule(10, 5, 1, 80, 50)
"""The rule of the table, without a smallest size."""


def map_of(labels, time="2020-01-01", geobox=None, fraction=None) -> ClassMap:
    labels = np.atleast_2d(np.asarray(labels, "uint8"))
    geobox = geobox or utm_grid(labels.shape)

    def lay(values):
        values = np.atleast_2d(np.asarray(values, "uint8"))
        return xr.DataArray(values, coords_of(geobox), ("y", "x"))

    share = None if fraction is None else lay(fraction)
    return ClassMap(lay(labels), load_legend("water"), fraction=share, time=time)


def series_of(wet_dates, geobox=None):
    """Twenty dates; a pixel is wet on as many of the first ones as the array says."""
    wet_dates = np.asarray(wet_dates)
    return [map_of(np.where(wet_dates > i, 2, 1), f"2020-02-{i + 1:02}", geobox) for i in range(20)]


def numbers_of(labels):
    whole = np.zeros(labels.geobox.shape, int)
    for rows, columns, numbers in labels:
        whole[rows, columns] = numbers
    return whole


# Of twenty dates, one is 5 % and two are 10 %.
WET = [
    [9, 9, 9, 0, 1, 1, 1, 0, 9],
    [9, 2, 1, 0, 1, 1, 0, 0, 9],
    [0, 0, 0, 1, 0, 0, 0, 0, 9],
    [0, 0, 0, 0, 0, 2, 1, 0, 9],
    [2, 1, 1, 0, 0, 1, 1, 1, 0],
]
BODIES = [
    [1, 1, 1, 0, 1, 1, 1, 0, 2],
    [1, 1, 1, 0, 1, 1, 0, 0, 2],
    [0, 0, 0, 1, 0, 0, 0, 0, 2],
    [0, 0, 0, 0, 0, 2, 2, 0, 2],
    [0, 0, 0, 0, 0, 2, 2, 2, 0],
]


def test_the_rule_is_that_of_the_literature():
    rule = default_rule()
    assert (rule.detection_percent, rule.extent_percent, rule.min_pixels) == (10, 5, 5)
    assert (rule.seen_percent, rule.half_percent) == (80, 50)


def test_bodies_by_hand():
    # The pixel in row 3 ties two parts by their corners; a part of 3 pixels is too small.
    labels = find_bodies(series_of(WET))
    np.testing.assert_array_equal(numbers_of(labels), BODIES)
    assert labels.sizes.tolist() == [12, 9]


def test_what_was_wet_only_once_in_twenty_is_no_body():
    assert find_bodies(series_of(np.ones((4, 4)))).count == 0
    seen_less = [map_of(np.zeros((4, 4)), m.time) if i > 9 else m
                 for i, m in enumerate(series_of(np.ones((4, 4))))]  # fmt: skip
    assert find_bodies(seen_less).count == 1, "one of ten that were seen is 10 %"


@given(seed=st.integers(0, 10_000), block=st.sampled_from([1, 2, 3, 7]), share=st.floats(0.2, 0.7))
def test_the_cut_does_not_matter(seed, block, share):
    rng = np.random.default_rng(seed)
    wet = rng.random((17, 15)) < share
    whole, cut = (find_bodies([map_of(wet + 1)], rule=ANY, block=b) for b in (2048, block))
    numbers = numbers_of(whole)
    np.testing.assert_array_equal(numbers, numbers_of(cut))
    np.testing.assert_array_equal(whole.sizes, cut.sizes)
    expected, count = ndimage.label(wet, np.ones((3, 3)))
    assert count == whole.count
    pairs = set(zip(expected.ravel(), numbers.ravel(), strict=True))
    assert len(pairs) == count + (not wet.all()), "the same parts, one to one"
    first = [np.flatnonzero(numbers.ravel() == i + 1)[0] for i in range(count)]
    assert first == sorted(first)


def test_series_and_outlines_do_not_depend_on_the_cut():
    rng = np.random.default_rng(3)
    fields = [ndimage.gaussian_filter(rng.normal(size=(30, 26)), 2) for _ in range(4)]
    maps = [map_of(np.where(f > 0, 2, 1) * (rng.random(f.shape) > 0.1), f"2020-01-0{i + 1}")
            for i, f in enumerate(fields)]  # fmt: skip
    whole, cut = (find_bodies(maps, block=b) for b in (2048, 7))
    one, other = (measure_bodies(maps, labels) for labels in (whole, cut))
    assert one.bodies
    for a, b in zip(one.bodies, other.bodies, strict=True):
        assert (a.id, a.pixels, a.dates_seen, a.first_water) == (
            b.id, b.pixels, b.dates_seen, b.first_water)  # fmt: skip
        assert a.area_m2 == pytest.approx(b.area_m2, rel=1e-9)
    np.testing.assert_array_equal(one.px_wet, other.px_wet)
    np.testing.assert_allclose(one.area_wet_m2, other.area_wet_m2, rtol=1e-9)
    outlines, cut_outlines = body_polygons(whole), body_polygons(cut)
    assert shapely.is_valid(cut_outlines).all()
    assert shapely.equals(outlines, cut_outlines).all()
    np.testing.assert_allclose(
        geodesic_areas(cut_outlines, cut.geobox), [b.area_m2 for b in one.bodies], rtol=1e-6
    )


def test_a_series_by_hand():
    # A pond of 5 pixels of 1 ha, on dates given out of order.
    dates = {
        "2021-03-01": ([[2, 2, 2, 2, 2, 1]], [[200, 200, 200, 200, 100, 0]]),
        "2021-01-01": ([[2, 2, 2, 1, 1, 1]], [[200, 200, 200, 40, 0, 0]]),
        "2021-02-01": ([[2, 0, 1, 1, 1, 1]], [[200, 200, 0, 0, 0, 0]]),  # 80 % seen: it counts
        "2021-04-01": ([[2, 2, 255, 0, 1, 1]], [[200, 200, 9, 9, 0, 0]]),  # 60 %: it does not
        "2021-05-01": ([[0, 0, 0, 0, 0, 1]], [[255, 255, 255, 255, 255, 0]]),
    }
    grid = GeoBox((1, 6), LOCAL, None)
    maps = [map_of(labels, t, grid, fraction=f) for t, (labels, f) in dates.items()]
    labels = find_bodies(maps)
    series = measure_bodies(maps, labels, pixel_size_m=100)
    assert series.dates == tuple(f"2021-0{m}-01" for m in range(1, 6))
    assert series.px_wet[:, 0].tolist() == [3, 1, 5, 2, 0]
    assert series.px_invalid[:, 0].tolist() == [0, 1, 0, 2, 5]
    np.testing.assert_allclose(series.area_wet_m2[:, 0], [32e3, 10e3, 45e3, 20e3, np.nan])
    np.testing.assert_allclose(series.area_invalid_m2[:, 0], [0, 10e3, 0, 20e3, 50e3])
    (pond,) = series.bodies
    assert (pond.pixels, pond.area_m2, pond.dates_seen) == (5, pytest.approx(50e3), 3)
    assert pond.area_max_m2 == pytest.approx(45e3)
    assert pond.area_mean_m2 == pytest.approx((32 + 10 + 45) / 3 * 1e3)
    assert pond.dates_half_wet == 2, "3 of 5, 1 of the 4 that were seen, 5 of 5"
    assert pond.half_wet_share == pytest.approx(2 / 3)
    assert (pond.first_water, pond.last_water) == ("2021-01-01", "2021-03-01")
    assert (pond.id, pond.lonlat, pond.centre) == ("r0c2", None, (25.0, -5.0))


def test_a_body_that_is_never_seen_well_enough_has_no_areas():
    maps = [map_of([[2, 2, 2, 0, 0]], "2021-01-01"), map_of([[0, 0, 0, 2, 2]], "2021-01-02")]
    (body,) = measure_bodies(maps, find_bodies(maps)).bodies
    assert (body.dates_seen, body.area_max_m2, body.half_wet_share) == (0, None, None)
    assert (body.first_water, body.last_water) == (None, None)


@pytest.mark.parametrize(
    ("lon", "lat", "word"),
    # The examples of Wikipedia's article on geohashes, and corners of the globe.
    [(-5.603, 42.605, "ezs42"), (10.40744, 57.64911, "u4pruydqqvj"), (-180, -90, "00000"),
     (370.40744, 57.64911, "u4pruydqqvj"), (179.99999, 90, "zzzzz")],
)  # fmt: skip
def test_geohash(lon, lat, word):
    assert geohash(lon, lat, len(word)) == word


def test_the_id_is_the_place_of_a_pixel_of_the_body():
    # A ring: its mean position is the land in the middle.
    ring = np.ones((7, 7), int)
    ring[1:6, 1:6] = 2
    ring[2:5, 2:5] = 1
    maps = [map_of(ring)]
    (body,) = measure_bodies(maps, find_bodies(maps)).bodies
    assert body.centre == (500_035.0, 5_200_000.0 - 15), "row 1, column 3: first of four as near"
    lon, lat = body.lonlat
    assert body.id == geohash(lon, lat, 10)
    # In a series with other dates and less of the shore the place has the same name.
    ring[1, 1] = ring[5, 5] = 1
    again = [map_of(ring, "2022-01-01")] * 2
    assert measure_bodies(again, find_bodies(again)).bodies[0].id == body.id


def test_ids_are_unique_where_pixels_are_tiny():
    grid = utm_grid((2, 30), resolution=0.05)
    maps = [map_of([[2, 1] * 15, [1, 1] * 15], geobox=grid)]
    bodies = measure_bodies(maps, find_bodies(maps, rule=ANY)).bodies
    assert len({body.id for body in bodies}) == 15
    assert {len(body.id) for body in bodies} == {10, 12}, "two letters more where one is shared"


def test_districts_hold_bodies():
    maps = series_of(WET)
    west = District("west", shapely.box(500_000, 5_199_900, 500_050, 5_200_000), "EPSG:32636")
    wide = District("wide", shapely.box(499_000, 5_199_000, 501_000, 5_201_000), "EPSG:32636")
    far = District("far", shapely.box(600_000, 5_199_000, 601_000, 5_201_000), "EPSG:32636")
    for block in (3, 2048):
        labels = find_bodies(maps, block=block)
        bodies = measure_bodies(maps, labels, districts=[west, wide, far]).bodies
        assert [body.districts for body in bodies] == [("west", "wide"), ("wide",)]


def test_what_is_missing_is_said():
    undated = [map_of(np.full((3, 3), 2), time=None)]
    with pytest.raises(InputError, match="no date"):
        measure_bodies(undated, find_bodies(undated))
    flat = [map_of(np.full((3, 3), 2), geobox=GeoBox((3, 3), LOCAL, None))]
    with pytest.raises(GridError, match="no CRS"):
        measure_bodies(flat, find_bodies(flat))


def test_files_by_hand(tmp_path):
    maps = series_of(WET)
    labels = find_bodies(maps)
    series = measure_bodies(maps, labels)
    table = geopandas.read_file(
        write_bodies(series, labels, tmp_path / "b.gpkg"), layer="water_bodies"
    )
    assert list(table["uid"]) == [body.id for body in series.bodies]
    assert list(table["px_total"]) == [12, 9]
    # On the central meridian a UTM metre is 1/0.9996 m.
    np.testing.assert_allclose(table["area_m2"], np.array([1200, 900]) / 0.9996**2, rtol=1e-5)
    np.testing.assert_allclose(table.area, [1200, 900])
    # Block of 2 x 3, block of 5, one pixel; column of 4, and 2 over 3 at one end.
    np.testing.assert_allclose(table["perim_m"], np.array([240, 200]) / 0.9996, rtol=1e-5)
    assert table.is_valid.all()
    assert table.crs.to_epsg() == 32636
    assert table["first_water"][0] == "2020-02-01"
    assert table["last_water"][0] == "2020-02-09"
    assert table["districts"].isna().all()
    with write_body_series(series, tmp_path / "b.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 40
    assert next(iter(rows[0])) == "date"
    first = rows[0]
    assert (first["date"], first["uid"]) == ("2020-02-01", series.bodies[0].id)
    assert (first["px_wet"], first["px_invalid"], first["px_total"]) == ("12", "0", "12")
    assert float(first["pc_wet"]) == 100
    second = rows[1]  # without the pixels that were wet once: 4 + 1 are left
    assert second["px_wet"] == "5"
    assert float(second["pc_wet"]) == pytest.approx(500 / 12)
    assert float(second["area_wet_m2"]) == pytest.approx(500 / 0.9996**2, rel=1e-5)


def test_an_unseen_date_is_empty_in_the_file(tmp_path):
    maps = [map_of(np.full((3, 3), 2), "2021-01-01"), map_of(np.zeros((3, 3)), "2021-01-02")]
    series = measure_bodies(maps, find_bodies(maps))
    with write_body_series(series, tmp_path / "b.csv").open(encoding="utf-8") as file:
        _, blind = csv.DictReader(file)
    assert (blind["area_wet_m2"], blind["pc_wet"], blind["px_wet"]) == ("", "", "")
    assert (blind["pc_invalid"], blind["px_invalid"]) == ("100.0", "9")


def test_no_body_makes_empty_files(tmp_path):
    maps = [map_of(np.ones((3, 3)))]
    labels = find_bodies(maps)
    series = measure_bodies(maps, labels)
    assert (labels.count, series.bodies) == (0, ())
    assert len(geopandas.read_file(write_bodies(series, labels, tmp_path / "b.gpkg"))) == 0
    text = write_body_series(series, tmp_path / "b.csv").read_text("utf-8")
    assert text.count("\n") == 1


@pytest.mark.realdata
def test_the_rufiji_is_one_body(realdata):
    paths = sorted((realdata / "s2_rufiji_ts").glob("SEN2_201[89]*.tif"))
    maps = [obriy.map_water(obriy.open_scene(path), "ndwi:0.05") for path in paths]
    whole, cut = (find_bodies(maps, block=b) for b in (2048, 7))
    np.testing.assert_array_equal(numbers_of(whole), numbers_of(cut))
    river = max(measure_bodies(maps, whole).bodies, key=lambda body: body.area_m2)
    assert 0.6e6 < river.area_m2 < 0.8e6
    numbers = numbers_of(whole)
    assert numbers[0].max() == numbers[-1].max() == river.number, "from the north to the south edge"
