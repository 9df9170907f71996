"""Areas, extent, concentration and winters of sea ice: sums that a person can do."""

import numpy as np
import pyproj
import pytest
import shapely
import xarray as xr
from odc.geo.geobox import GeoBox

from conftest import utm_grid
from obriy.errors import GridError, UsageError
from obriy.measures.concentration import concentration
from obriy.measures.ice import measure_ice
from obriy.measures.ice_season import seasons_of
from obriy.measures.pixel_area import pixel_area
from obriy.measures.totals import total_ice
from obriy.model.areas import District
from obriy.model.classmap import ClassMap
from obriy.model.flags import Unseen
from obriy.model.grid import coords_of
from obriy.model.ice import IceArea
from obriy.model.legend import load_legend
from obriy.simulate.ice.scene import simulate_ice
from obriy.vectors import warp_geometry


def map_of(labels, geobox=None, **layers) -> ClassMap:
    labels = np.asarray(labels, "uint8")
    geobox = geobox or utm_grid(labels.shape, 1000.0)

    def lay(values):
        return xr.DataArray(np.asarray(values, "uint8"), coords_of(geobox), ("y", "x"))

    extra = {name: lay(values) for name, values in layers.items()}
    return ClassMap(lay(labels), load_legend("ice"), time="2021-02-03", **extra)


def local(shape) -> GeoBox:
    """A grid without a CRS: its pixels are as large as the caller says."""
    from affine import Affine

    return GeoBox(shape, Affine(1, 0, 0, 0, -1, 0), None)


def measured(class_map, districts=None, *, dense=None, size=1000.0):
    if dense is None:
        dense = concentration(class_map, window_m=1.0, pixel_size_m=size)
    return measure_ice(
        class_map, districts, date="2021-02-03", granules=["a"], concentration=dense,
        pixel_size_m=size,
    )  # fmt: skip


def test_land_is_no_part_of_the_whole_and_cloud_was_not_seen():
    # 12 km²: 4 land; of the 8 of sea 3 ice, 2 water, 2 under cloud, 1 not named.
    class_map = map_of([[4, 4, 4, 4], [2, 2, 2, 1], [3, 3, 1, 255]], local((3, 4)))
    (area,) = measured(class_map)
    assert (area.district, area.date, area.granules) == ("image", "2021-02-03", ("a",))
    assert area.sea_km2 == pytest.approx(8)
    assert (area.ice_km2, area.water_km2) == pytest.approx((3, 2))
    assert (area.ice_share, area.water_share) == pytest.approx((3 / 8, 2 / 8))
    assert area.unseen == pytest.approx({"cloud": 2 / 8, "unnamed": 1 / 8})
    assert (area.cloud_share, area.unseen_share) == pytest.approx((2 / 8, 3 / 8))
    assert area.expected_km2 == pytest.approx(8 * 3 / 5)
    low, high = area.interval_km2
    assert 0 <= low < 4.8 < high <= 8
    assert area.status == "partial"


def test_a_reason_beside_the_class_of_a_cloud_counts_once():
    class_map = map_of([[2, 1, 3, 0]], local((1, 4)), unseen=[[0, 0, 2, 1]])
    (area,) = measured(class_map)
    assert area.unseen == pytest.approx({"cloud": 0.25, "no_data": 0.25})


def test_fractions_count_where_there_are_any():
    # 50 %, 10 %, and one that has none and is ice by its class; land keeps its fraction for itself.
    class_map = map_of([[2, 1, 2, 4]], local((1, 4)), fraction=[[100, 20, 255, 200]])
    (area,) = measured(class_map)
    assert area.ice_km2 == pytest.approx(1.6)
    assert area.water_km2 == pytest.approx(1.4)


def test_the_extent_counts_whole_pixels_from_fifteen_per_cent_on():
    class_map = map_of([[1, 1, 2, 3, 4]], local((1, 5)))
    dense = map_of([[0, 0, 0, 0, 0]], local((1, 5)), fraction=[[29, 30, 255, 200, 200]]).fraction
    (area,) = measured(class_map, dense=dense)
    # 14.5 % does not count, 15 % does; one without a concentration counts by its class.
    assert area.extent_km2 == pytest.approx(2)
    assert area.ice_km2 == pytest.approx(1)


def test_geodesic_areas_in_degrees():
    grid = GeoBox.from_bbox(
        (130.6, 42.25, 133.25, 43.35), crs="EPSG:4326", shape=(285, 430), tight=True
    )
    labels = np.ones((285, 430))
    labels[:, 215:] = 2
    class_map = map_of(labels, grid)
    (area,) = measure_ice(
        class_map, None, date="2021-02-03", granules=[], concentration=concentration(class_map)
    )
    # The box on WGS84 along geodesics (Karney 2013), its parallels cut fine.
    box = shapely.segmentize(shapely.box(130.6, 42.25, 133.25, 43.35), 0.001)
    assert area.sea_km2 == pytest.approx(
        abs(pyproj.Geod(ellps="WGS84").geometry_area_perimeter(box)[0]) / 1e6, rel=1e-7
    )
    assert area.ice_km2 == pytest.approx(area.sea_km2 / 2, rel=1e-6)
    assert area.extent_km2 > area.ice_km2


def test_a_district_across_land_and_the_edge_of_the_image():
    class_map = map_of([[4, 2, 1, 1]] * 4, utm_grid((4, 4), 1000.0))
    west, _, _, north = class_map.geobox.extent.boundingbox.bbox
    # Two columns of the image, land and ice, and as much again above it.
    box = shapely.box(west, north - 4000, west + 2000, north + 4000)
    (area,) = measured(class_map, [District("Bay", box, "EPSG:32636")])
    assert area.sea_km2 == pytest.approx(4 + 8, rel=2e-3)
    assert area.ice_km2 == pytest.approx(4, rel=2e-3)
    assert area.unseen == pytest.approx({"outside": 8 / 12}, rel=1e-3)


@pytest.mark.parametrize(
    ("labels", "status", "word", "sea"),
    [([[4, 4]], "skipped", "all land", 0), ([[3, 3]], "skipped", "cloud 100.0%", 2),
     ([[0, 4]], "skipped", "no data 100.0%", 1), ([[1, 1]], "ok", "", 2)],
)  # fmt: skip
def test_places_where_nothing_is_to_be_told(labels, status, word, sea):
    (area,) = measured(map_of(labels, local((1, 2))))
    assert (area.status, area.sea_km2) == (status, pytest.approx(sea))
    assert word in area.reason
    none = status == "skipped"
    assert (area.ice_km2 is None, area.extent_km2 is None, area.ice_share is None) == (none,) * 3
    if not none:
        assert area.ice_km2 == 0


def test_a_district_on_land_alone_has_no_sliver_of_sea():
    class_map = map_of([[4, 4, 2]] * 3, utm_grid((3, 3), 1000.0))
    west, south, _, north = class_map.geobox.extent.boundingbox.bbox
    # Drawn in degrees, its area is measured in another way than that of the pixels.
    box = shapely.box(west + 100, south + 100, west + 1900, north - 100)
    inland = District("Inland", warp_geometry(box, "EPSG:32636", "EPSG:4326"), "EPSG:4326")
    (area,) = measured(class_map, [inland])
    assert area.sea_km2 == 0
    assert (area.status, area.unseen) == ("skipped", {})


def test_concentration_is_the_share_of_the_seen_sea_around():
    # A square of 3 x 3 pixels; the middle one has 2 of ice and 3 of water seen, 3 of cloud, 1 land.
    class_map = map_of([[2, 2, 4], [1, 1, 1], [3, 3, 3]], local((3, 3)))
    dense = concentration(class_map, window_m=3000, pixel_size_m=1000).to_numpy()
    assert dense[1, 1] == round(200 * 2 / 5)
    assert dense[0, 2] == 255  # land
    assert dense[0, 0] == round(200 * 2 / 4)  # cut at the edge of the map
    assert dense[2, 1] == 0  # cloud, with water seen around it


def test_concentration_counts_the_part_of_a_pixel_that_the_square_cuts():
    # 2 km around the middle of three pixels of 1 km: half of each neighbour.
    class_map = map_of([[2, 1, 1]], local((1, 3)))
    dense = concentration(class_map, window_m=2000, pixel_size_m=1000).to_numpy()
    assert dense[0, 1] == round(200 * 0.5 / 2)
    assert dense[0, 0] == round(200 * 1 / 1.5)


def test_concentration_needs_a_quarter_of_the_sea_to_be_seen():
    row = [[3, 3, 3, 3, 2, 3, 3, 3, 3]]
    dense = concentration(map_of(row, local((1, 9))), window_m=5000, pixel_size_m=1000)
    assert (dense.to_numpy() == 255).all()  # one of five
    dense = concentration(map_of(row, local((1, 9))), window_m=4000, pixel_size_m=1000)
    assert dense.to_numpy()[0, 4] == 200  # one of four


def test_concentration_takes_fractions():
    class_map = map_of([[2, 2, 1]], local((1, 3)), fraction=[[100, 200, 20]])
    dense = concentration(class_map, window_m=3000, pixel_size_m=1000).to_numpy()
    assert dense[0, 1] == round(200 * 1.6 / 3)


def test_the_square_of_concentration_is_a_square_on_the_ground():
    # At 60 degrees a degree of longitude is half as long: the square holds twice as many columns.
    grid = GeoBox.from_bbox((10, 59.8, 10.4, 60.2), crs="EPSG:4326", shape=(41, 41), tight=True)
    labels = np.ones((41, 41))
    labels[20, 20] = 2
    dense = concentration(map_of(labels, grid), window_m=5000).to_numpy() > 0
    rows, columns = dense.any(axis=1).sum(), dense.any(axis=0).sum()
    # A pixel is 1.11 km high and 0.56 km wide; pixels whose square reaches the one of ice.
    assert (rows, columns) == (5, 9)


def overlap(cells, middle, half):
    """Part of each pixel of a row that lies within half a side of a point."""
    return np.clip(np.minimum(cells + 1, middle + half) - np.maximum(cells, middle - half), 0, 1)


def test_concentration_does_not_depend_on_the_cut_into_windows():
    rng = np.random.default_rng(3)
    labels = rng.choice([1, 2, 3, 4], (1100, 1090), p=[0.4, 0.3, 0.2, 0.1])
    dense = concentration(map_of(labels, local((1100, 1090))), window_m=7300, pixel_size_m=1000)
    cells = [np.arange(n) for n in labels.shape]
    for row, column in [(1023, 1023), (1024, 1024), (1024, 5), (1020, 1026), (0, 0), (1099, 1089)]:
        part = overlap(cells[0], row + 0.5, 3.65)[:, None] * overlap(cells[1], column + 0.5, 3.65)
        seen = (part * np.isin(labels, (1, 2))).sum()
        share = (part * (labels == 2)).sum() / seen
        expected = 255 if labels[row, column] == 4 else round(200 * share)
        assert dense[row, column] == expected, (row, column)


def test_a_concentration_of_another_grid_is_refused():
    class_map = map_of([[1, 2]], local((1, 2)))
    with pytest.raises(GridError, match="another grid"):
        measured(class_map, dense=map_of([[1], [2]], local((2, 1))).labels)


def area(date, ice, *, water=None, seen=1.0, expected=None, district="Bay"):
    """A date of a place of 100 km² of sea."""
    water = 100 * seen - ice if water is None else water
    return IceArea(
        district, date, (), 100.0, ice, water, ice, ice / 100, water / 100, 1 - seen, 1 - seen, {},
        expected_km2=ice if expected is None else expected, interval_km2=(ice - 0.5, ice + 9.0),
    )  # fmt: skip


def test_a_winter_by_hand():
    dates = [
        area("2020-11-20", 0.5), area("2020-12-01", 0.0), area("2020-12-15", 10.0),
        area("2021-02-04", 60.0), area("2021-02-08", 40.0), area("2021-02-11", 80.0),
        area("2021-04-02", 5.0), area("2021-04-20", 0.9),
    ]  # fmt: skip
    (winter,) = seasons_of(dates[::-1])
    assert (winter.district, winter.season, winter.dates) == ("Bay", "2020/21", 8)
    # Half a per cent is no ice; ice came after 1 December, and was there on the 15th.
    assert (winter.first_ice_after, winter.first_ice) == ("2020-12-01", "2020-12-15")
    assert (winter.last_ice, winter.last_ice_before) == ("2021-04-02", "2021-04-20")
    assert (winter.maximum_km2, winter.maximum_date) == (80.0, "2021-02-11")
    assert winter.maximum_interval_km2 == (79.5, 89.0)
    tens = {row["start"]: row for row in winter.ten_days}
    assert (tens["2021-02-01"]["dates"], tens["2021-02-01"]["mean_km2"]) == (2, 50.0)
    assert tens["2021-02-11"]["mean_km2"] == 80.0
    assert list(tens) == sorted(tens)
    assert {row["anomaly_km2"] for row in winter.ten_days} == {None}


def test_dates_of_which_too_little_was_seen_do_not_count():
    dates = [area("2020-12-01", 0.0), area("2020-12-05", 0.4, seen=0.45), area("2020-12-09", 6.0)]
    (winter,) = seasons_of(dates)
    assert (winter.dates, winter.first_ice_after) == (2, "2020-12-01")
    assert seasons_of(dates, least_seen=0.4)[0].first_ice_after == "2020-12-05"
    # With 0.4 of 45 km² seen, 0.9 %, that date has no ice; from half a per cent on it has.
    assert seasons_of(dates, least_seen=0.4)[0].first_ice == "2020-12-09"
    assert seasons_of(dates, least_seen=0.4, ice_from_share=0.005)[0].first_ice == "2020-12-05"
    nothing = IceArea("Bay", "2020-12-02", (), 100.0, None, None, None, None, None, 1.0, 1.0, {})
    assert seasons_of([nothing]) == ()


def test_ice_from_the_first_date_to_the_last_has_no_dates_beyond():
    (winter,) = seasons_of([area("2021-01-05", 20.0), area("2021-01-08", 30.0)])
    assert (winter.first_ice, winter.first_ice_after) == ("2021-01-05", None)
    assert (winter.last_ice, winter.last_ice_before) == ("2021-01-08", None)


def test_a_winter_without_ice_has_no_days_of_ice():
    (winter,) = seasons_of([area("2021-01-05", 0.0)])
    assert (winter.first_ice, winter.first_ice_after, winter.last_ice) == (None, None, None)
    assert winter.maximum_km2 == 0.0


def test_the_anomaly_is_against_the_same_ten_days_of_the_other_winters():
    dates = [
        area("2019-01-03", 10.0), area("2020-01-05", 20.0), area("2020-01-06", 40.0),
        area("2021-01-10", 70.0), area("2021-01-11", 90.0),
    ]  # fmt: skip
    winters = {w.season: w.ten_days for w in seasons_of(dates)}
    assert [rows[0]["anomaly_km2"] for rows in winters.values()] == [
        10 - (30 + 70) / 2,
        30 - (10 + 70) / 2,
        70 - (10 + 30) / 2,
    ]
    assert winters["2020/21"][1]["anomaly_km2"] is None  # nobody saw those days in another winter


def test_winters_of_both_hemispheres_and_places_in_their_order():
    dates = [
        area("2020-06-30", 5.0),
        area("2020-07-01", 6.0),
        area("2020-07-02", 1.0, district="A"),
    ]
    assert [(w.district, w.season) for w in seasons_of(dates)] == [
        ("Bay", "2019/20"), ("Bay", "2020/21"), ("A", "2020/21"),
    ]  # fmt: skip
    assert [w.season for w in seasons_of(dates[:2], southern=True)] == ["2020"]
    assert seasons_of([area("1999-12-30", 5.0)])[0].season == "1999/00"


def test_of_two_areas_of_a_day_the_one_that_saw_more_counts():
    dates = [area("2021-01-05", 1.0, seen=0.6), area("2021-01-05", 2.0, seen=0.9)]
    for order in (dates, dates[::-1]):
        (winter,) = seasons_of(order)
        assert (winter.dates, winter.maximum_km2) == (1, 2.0)


def test_thresholds_out_of_range_are_refused():
    with pytest.raises(UsageError, match="least_seen is 0"):
        seasons_of([], least_seen=0)
    with pytest.raises(UsageError, match=r"ice_from_share is 1\.5"):
        seasons_of([], ice_from_share=1.5)


def test_what_a_map_saw_does_not_depend_on_what_lies_on_land():
    rng = np.random.default_rng(1)
    labels = rng.choice([1, 2, 3], (64, 64))
    labels[:, :20] = 4
    plain = map_of(labels, local((64, 64)))
    beside = map_of(
        labels,
        local((64, 64)),
        fraction=np.where(labels == 4, 200, 255),
        doubt=np.where(labels == 4, 1, 0),
        unseen=np.where(labels == 3, Unseen.CLOUD, 0),
    )
    assert measured(plain)[0] == measured(beside)[0]


def test_the_interval_holds_the_ice_that_clouds_hide():
    held = []
    for seed in (600, 601, 602):
        for time in ("2020-01-15T03:00", "2020-03-05T03:00"):
            made = simulate_ice(seed, time)
            bay = ClassMap(made.truth, load_legend("ice"))
            (found,) = measure_ice(
                bay, None, date=time[:10], granules=[], concentration=concentration(bay)
            )
            sea = made.truth.to_numpy() != 4
            size = pixel_area(bay.geobox) / 1e6
            true = float((made.concentration.to_numpy() * size)[sea].sum())
            low, high = found.interval_km2
            held.append(low <= true <= high)
            assert found.sea_km2 == pytest.approx(float(size[sea].sum()))
            assert high - low < 0.8 * found.sea_km2
    assert sum(held) >= 5


def place(name, sea, *, ice=None, water=None, cloud=0.0, status="ok", unseen=None):
    """The area of a place, of which a share of the sea is under cloud."""
    return IceArea(
        district=name, date="2021-02-03", granules=("a",), sea_km2=sea, ice_km2=ice,
        water_km2=water, extent_km2=ice, ice_share=None if ice is None else ice / sea,
        water_share=None if water is None else water / sea, cloud_share=cloud,
        unseen_share=sum((unseen or {"cloud": cloud}).values()),
        unseen=unseen or {"cloud": cloud}, status=status,
    )  # fmt: skip


def test_places_together_weigh_by_their_sea():
    # 100 km² with 40 of ice and 60 of water; 300 km² with 30 and 120, the half under cloud.
    clouded = place("b", 300, ice=30, water=120, cloud=0.5, status="partial")
    total = total_ice([place("a", 100, ice=40, water=60), clouded])
    assert (total.sea_km2, total.ice_km2, total.water_km2) == pytest.approx((400, 70, 180))
    assert (total.ice_share, total.water_share) == pytest.approx((0.175, 0.45))
    assert (total.cloud_share, total.unseen_share) == pytest.approx((0.375, 0.375))
    assert (total.status, total.reason) == ("partial", "not complete: b")


def test_places_of_a_day_that_failed_are_not_under_cloud():
    lost = {"failed": 1.0}
    total = total_ice([place(n, 0.0, status="failed", unseen=lost) for n in ("a", "b")])
    assert total.status == "failed"
    assert (total.ice_km2, total.cloud_share, total.unseen_share) == (None, 0.0, 1.0)
    assert total.unseen == lost
