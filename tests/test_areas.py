"""Areas of districts: sums that a person can do, and sums that must hold for any map."""

import numpy as np
import pytest
import shapely
import xarray as xr
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from conftest import UTM, utm_grid
from obriy.errors import GeometryError, GridError, TableError
from obriy.measures.areas import measure_areas
from obriy.measures.pixel_area import pixel_area
from obriy.model.areas import District
from obriy.model.classmap import ClassMap
from obriy.model.flags import Unseen
from obriy.model.grid import coords_of
from obriy.model.legend import Legend, LegendClass
from obriy.vectors import warp_geometry

WATER = Legend(
    "water",
    (
        LegendClass(1, "not_water", {"en": "Not water"}, "#e8e0c8"),
        LegendClass(2, "water", {"en": "Water"}, "#1f5fa8"),
    ),
)
LOCAL = Affine(10, 0, 0, 0, -10, 0)


def map_of(labels, geobox=None, **layers) -> ClassMap:
    labels = np.asarray(labels, "uint8")
    geobox = geobox or utm_grid(labels.shape)

    def lay(values):
        return xr.DataArray(np.asarray(values, "uint8"), coords_of(geobox), ("y", "x"))

    extra = {name: lay(values) for name, values in layers.items()}
    return ClassMap(labels=lay(labels), legend=WATER, time="2023-06-20", **extra)


def local(shape) -> GeoBox:
    return GeoBox(shape, LOCAL, None)


def test_whole_image_by_hand():
    # 6 pixels of 1 ha: 2 water, 1 not water, 2 cloud, 1 not named.
    class_map = map_of([[2, 2, 1], [0, 0, 255]], local((2, 3)), unseen=[[0, 0, 0], [2, 2, 0]])
    series = measure_areas(class_map, "water", pixel_size_m=100)
    (area,) = series.areas
    assert (area.district, area.date, series.class_name) == ("image", "2023-06-20", "water")
    assert area.area_km2 == pytest.approx(0.02)
    assert area.area_ha == pytest.approx(2)
    assert area.district_km2 == pytest.approx(0.06)
    assert area.unseen == pytest.approx({"cloud": 1 / 3, "unnamed": 1 / 6})
    assert area.unseen_share == pytest.approx(0.5)
    assert area.outside_share == 0
    assert area.fraction_km2 is None
    assert area.status == "partial"
    assert area.reason == "50.0% of the district was not seen: cloud 33.3%, unnamed 16.7%."


def test_edge_pixels_count_by_their_fraction():
    class_map = map_of([[2, 1], [1, 2]], local((2, 2)))
    half = District("half", shapely.box(2.5, -20, 20, -5), None)
    area = measure_areas(class_map, "water", [half], pixel_size_m=10).areas[0]
    # The first pixel is inside by 0.75 x 0.5, the last one wholly.
    assert area.area_km2 == pytest.approx((0.375 + 1) * 100e-6, rel=1e-6)
    assert area.district_km2 == pytest.approx(1.75 * 1.5 * 100e-6, rel=1e-6)
    assert area.status == "ok"


def test_fractions_replace_labels_where_there_are_some():
    class_map = map_of(
        [[2, 2, 1, 1, 0, 255]],
        local((1, 6)),
        fraction=[[200, 255, 50, 0, 180, 180]],  # 1, then the label, 0.25, 0, unseen, unnamed
    )
    area = measure_areas(class_map, "water", pixel_size_m=1000).areas[0]
    assert area.mask_km2 == pytest.approx(2)
    assert area.area_km2 == area.fraction_km2
    assert area.fraction_km2 == pytest.approx(2.25)


def test_zero_without_a_cause_is_no_data():
    area = measure_areas(map_of([[2, 0, 0]], local((1, 3))), "water", pixel_size_m=1).areas[0]
    assert area.unseen == pytest.approx({"no_data": 2 / 3})
    caused = map_of([[2, 0, 0, 0]], local((1, 4)), unseen=[[0, 4, 0, 3]])
    area = measure_areas(caused, "water", pixel_size_m=1).areas[0]
    assert area.unseen == pytest.approx({"frozen": 0.25, "no_data": 0.25, "shadow": 0.25})


def test_geodesic_and_half_outside():
    labels = np.full((100, 100), 2)
    class_map = map_of(labels)
    box = shapely.box(500_500, 5_198_000, 501_500, 5_199_500)  # half of it east of the image
    in_degrees = warp_geometry(box, UTM, "EPSG:4326")
    for district in (District("a", box, UTM), District("b", in_degrees, "EPSG:4326")):
        area = measure_areas(class_map, "water", [district]).areas[0]
        # 0.5 km x 0.5 km inside, of 1 km x 1.5 km.
        assert area.area_km2 == pytest.approx(0.25 / 0.9996**2, rel=1e-6)
        assert area.outside_share == pytest.approx(1 - 0.25 / 1.5, rel=1e-6)
        assert area.unseen == pytest.approx({"outside": 1 - 0.25 / 1.5}, rel=1e-6)
        assert area.status == "partial"


def test_wholly_inside_is_not_partly_outside():
    class_map = map_of(np.full((300, 300), 2), utm_grid((300, 300), 100.0))
    disk = shapely.Point(515_000, 5_185_000).buffer(9_000)
    in_degrees = warp_geometry(disk, UTM, "EPSG:4326")
    for crs, shape in ((UTM, disk), ("EPSG:4326", in_degrees)):
        area = measure_areas(class_map, "water", [District("lake", shape, crs)]).areas[0]
        assert area.outside_share == 0
        assert area.area_km2 == pytest.approx(disk.area / 1e6 / 0.9996**2, rel=1e-4)


def test_the_crs_does_not_change_the_area():
    # The same box of 0.2 x 0.1 degrees, all water, on four grids.
    box = shapely.box(33.4, 46.75, 33.6, 46.85)
    district = [District("box", box, "EPSG:4326")]
    grids = [
        utm_grid((200, 300), 100.0, (525_000, 5_195_000)),
        GeoBox((400, 500), Affine(0.001, 0, 33.2, 0, -0.001, 47.0), "EPSG:4326"),
        GeoBox((300, 300), Affine(150, 0, 3_710_000, 0, -150, 5_935_000), "EPSG:3857"),
        GeoBox((300, 400), Affine(80, 60, 515_000, 60, -80, 5_180_000), UTM),
    ]
    found = [
        measure_areas(map_of(np.full(g.shape, 2), g), "water", district).areas[0] for g in grids
    ]
    assert [a.outside_share for a in found] == [0, 0, 0, 0]
    for area in found:
        assert area.area_km2 == pytest.approx(found[1].area_km2, rel=2e-6)


def test_blocks_do_not_show():
    rng = np.random.default_rng(3)
    labels = rng.choice(np.array([0, 1, 2, 255], "uint8"), (2100, 2070))
    class_map = map_of(labels)
    area = measure_areas(class_map, "water").areas[0]
    expected = pixel_area(class_map.geobox)[labels == 2].sum() / 1e6
    assert area.area_km2 == pytest.approx(expected, rel=1e-9)


def test_many_districts_and_one_far_away():
    class_map = map_of(np.full((20, 20), 2))
    near = District("near", shapely.box(500_000, 5_199_900, 500_100, 5_200_000), UTM)
    far = District("far", shapely.box(-100, 10, -99, 11), "EPSG:4326")
    first, second = measure_areas(class_map, "water", [far, near]).areas
    assert (first.district, first.status, first.area_km2) == ("far", "skipped", None)
    assert first.reason == "The district does not meet the image."
    assert (first.outside_share, first.unseen_share) == (1, 1)
    assert second.status == "ok"
    assert second.area_km2 == pytest.approx(0.01 / 0.9996**2, rel=1e-6)


def test_nothing_seen_is_not_an_area_of_zero():
    class_map = map_of([[0, 0]], local((1, 2)), unseen=[[2, 2]])
    area = measure_areas(class_map, "water", pixel_size_m=10).areas[0]
    assert (area.area_km2, area.area_ha, area.status) == (None, None, "skipped")
    assert area.unseen == {"cloud": 1.0}
    assert area.to_dict()["area_km2"] is None


def test_errors_say_what_where_and_the_way_out():
    class_map = map_of(np.full((20, 20), 2))
    far = District("far", shapely.box(-100, 10, -99, 11), "EPSG:4326")
    with pytest.raises(GeometryError) as caught:
        measure_areas(class_map, "water", [far])
    text = str(caught.value)
    assert "'far' (-100.0000, 10.0000, -99.0000, 11.0000)" in text
    assert "33.0000, 46.9" in text
    assert "west,south,east,north" in text
    with pytest.raises(TableError, match="no class 'ice'"):
        measure_areas(class_map, "ice")
    bare = map_of([[2]], local((1, 1)))
    with pytest.raises(GridError, match="no CRS"):
        measure_areas(bare, "water")
    with pytest.raises(GridError, match="no CRS"):
        measure_areas(bare, "water", [far], pixel_size_m=10)
    with pytest.raises(GeometryError, match="not a polygon"):
        District("line", shapely.LineString([(0, 0), (1, 1)]), None)
    with pytest.raises(GeometryError, match="is empty"):
        District("nothing", shapely.Polygon(), None)


@given(
    codes=st.lists(st.sampled_from([0, 1, 2, 255]), min_size=30, max_size=30),
    causes=st.lists(st.sampled_from([int(u) for u in Unseen]), min_size=30, max_size=30),
    box=st.tuples(st.floats(-15, 35), st.floats(-15, 35), st.floats(3, 60), st.floats(3, 60)),
)
def test_classes_and_unseen_add_up_to_the_district(codes, causes, box):
    labels, unseen = np.reshape(codes, (5, 6)), np.reshape(causes, (5, 6))
    class_map = map_of(labels, utm_grid((5, 6)), unseen=unseen)
    x, y, width, height = box
    shape = shapely.box(500_000 + x, 5_200_000 - y - height, 500_000 + x + width, 5_200_000 - y)
    try:
        series = {n: measure_areas(class_map, n, [District("d", shape, UTM)]).areas[0]
                  for n in ("water", "not_water")}  # fmt: skip
    except GeometryError:
        assert x >= 60 or y >= 50 or x + width <= 0 or y + height <= 0
        return
    water, land = series["water"], series["not_water"]
    total = water.district_km2
    assert total == pytest.approx(width * height / 1e6 / 0.9996**2, rel=1e-5)
    named = (water.mask_km2 or 0) + (land.mask_km2 or 0)
    assert named + water.unseen_share * total == pytest.approx(total, rel=1e-9)
    assert sum(water.unseen.values()) == pytest.approx(water.unseen_share)
    assert water.unseen.get("outside", 0) == pytest.approx(water.outside_share)
