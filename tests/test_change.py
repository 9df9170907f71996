"""Change of water between dates and periods: areas and intervals worked out by hand."""

import math

import numpy as np
import pytest
import rasterio
import shapely
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

import obriy
from conftest import utm_grid
from obriy.blocks.engine import ArraySink
from obriy.errors import GeometryError, GridError, InputError
from obriy.measures.areas import measure_areas
from obriy.measures.change import measure_change
from obriy.model.areas import District
from obriy.model.classmap import ClassMap
from obriy.model.grid import coords_of
from obriy.model.interval import QUANTILE
from obriy.model.layers import LAYERS
from obriy.model.legend import load_legend
from obriy.outputs.cog import MapWriter
from obriy.tables import load_toml

HECTARE = 0.01
STEP = 0.29
"""Standard deviation of a step of one pixel, evenly spread: 1/√12 of it."""
"""Of a pixel of 100 m, km²."""


def map_of(labels, time="2020-01-01", geobox=None, **layers) -> ClassMap:
    labels = np.atleast_2d(np.asarray(labels, "uint8"))
    geobox = geobox or GeoBox(labels.shape, Affine(10, 0, 0, 0, -10, 0), None)

    def lay(values):
        values = np.atleast_2d(np.asarray(values, "uint8"))
        return xr.DataArray(values, coords_of(geobox), ("y", "x"))

    extra = {name: lay(values) for name, values in layers.items()}
    return ClassMap(lay(labels), load_legend("water"), time=time, **extra)


def change_of(before, after, districts=(), **options):
    return measure_change(before, after, "water", districts, pixel_size_m=100, **options)


def test_two_dates_by_hand():
    before = map_of([[1, 1, 2, 2, 2, 0, 1, 255]], "2020-05-01")
    after = map_of([[1, 2, 1, 2, 2, 2, 0, 0]], "2021-05-01")
    sink = ArraySink((1, 8))
    change = change_of([before], [after], sink=sink)
    np.testing.assert_array_equal(sink.array, [[1, 2, 3, 4, 4, 0, 0, 0]])
    (area,) = change.areas
    assert area == change.total
    assert area.district == "image"
    assert area.gained_km2 == pytest.approx(HECTARE)
    assert area.lost_km2 == pytest.approx(HECTARE)
    assert area.stable_km2 == pytest.approx(2 * HECTARE)
    assert area.net_km2 == pytest.approx(0)
    assert area.unseen_before_km2 == pytest.approx(HECTARE)
    assert area.unseen_after_km2 == pytest.approx(HECTARE)
    assert area.unseen_both_km2 == pytest.approx(HECTARE)
    assert area.unseen_km2 == pytest.approx(3 * HECTARE)
    assert area.district_km2 == pytest.approx(8 * HECTARE)
    assert area.gained_interval_km2 is None, "no map says what it doubts"
    assert area.status == "partial"
    assert area.reason == (
        "37.5% of the district was not seen on both sides: "
        "before 12.5%, after 12.5%, before and after 12.5%."
    )
    assert (change.before, change.after) == (("2020-05-01",) * 2, ("2021-05-01",) * 2)


def test_a_period_is_wet_where_half_of_its_observations_were():
    before = [map_of([[2, 2, 2, 1, 0]], "2020-01-01"), map_of([[2, 1, 0, 1, 0]], "2020-03-01"),
              map_of([[2, 1, 1, 1, 0]], "2020-02-01")]  # fmt: skip
    after = [map_of([[1, 2, 1, 2, 2]], "2021-01-01")]
    sink = ArraySink((1, 5))
    change = change_of(before, after, sink=sink)
    # Before: always; one of three; one of two; never; not seen.
    np.testing.assert_array_equal(sink.array, [[3, 2, 3, 2, 0]])
    assert change.before == ("2020-01-01", "2020-03-01")


def test_noise_in_the_fractions_of_a_shore_is_neither_gain_nor_loss():
    before = map_of([[2, 2, 1, 1]], fraction=[[120, 140, 60, 80]])
    after = map_of([[2, 2, 1, 1]], fraction=[[140, 120, 80, 60]])
    (area,) = change_of([before], [after]).areas
    assert (area.gained_km2, area.lost_km2) == (0, 0)
    assert area.net_km2 == pytest.approx(0, abs=1e-9)


def test_the_net_change_comes_from_the_fractions():
    before = map_of([[2, 1, 1, 0]], fraction=[[200, 0, 20, 255]])
    after = map_of([[2, 2, 1, 2]], fraction=[[180, 150, 60, 200]])
    (area,) = change_of([before], [after]).areas
    assert area.gained_km2 == pytest.approx(HECTARE)
    assert area.net_km2 == pytest.approx((-0.1 + 0.75 + 0.2) * HECTARE, rel=1e-6)
    whole = map_of([[2, 2, 1, 2]])
    (mixed,) = change_of([before], [whole]).areas
    assert mixed.net_km2 == pytest.approx(HECTARE), "one side has none: from whole pixels"


def test_intervals_by_hand():
    # gained for sure; gained but for a stricter threshold after, a laxer one before; land, gained
    # with a laxer threshold after; stable, gained with a stricter one before; lost for sure
    before = map_of([[1, 1, 1, 1, 2, 2]], doubt=[[0, 0, 2, 0, 1, 0]])
    after = map_of([[2, 2, 2, 1, 2, 1]], doubt=[[0, 1, 0, 2, 0, 0]])
    (area,) = change_of([before], [after]).areas
    know = load_toml("uncertainty")
    k, r = know["change"]["doubtful"], know["dates"]["classification"]
    # Strict less lax: gained moves by +2 ha before and by -2 ha after.
    half = QUANTILE * math.hypot(k * math.sqrt(4 + 4 - 2 * r * 4), STEP) * HECTARE
    assert area.gained_km2 == pytest.approx(3 * HECTARE)
    low, high = area.gained_interval_km2
    assert (low, high) == pytest.approx((max(0.0, 3 * HECTARE - half), 3 * HECTARE + half))
    step = QUANTILE * STEP * HECTARE  # nothing there is in doubt
    assert area.lost_interval_km2 == pytest.approx((HECTARE - step, HECTARE + step))
    assert area.net_interval_km2 == pytest.approx((2 * HECTARE - half, 2 * HECTARE + half))


def test_a_doubt_on_one_side_counts_in_full():
    before = map_of([[1, 1]], doubt=[[0, 0]])
    after = map_of([[2, 1]], doubt=[[1, 0]])
    (area,) = change_of([before], [after]).areas
    know = load_toml("uncertainty")
    half = QUANTILE * math.hypot(know["change"]["doubtful"], STEP) * HECTARE
    assert half > HECTARE, "less than nothing cannot be gained"
    assert area.gained_interval_km2 == pytest.approx((0, HECTARE + half))
    assert area.lost_interval_km2 == pytest.approx((0, QUANTILE * STEP * HECTARE))


def test_districts_and_their_total():
    grid = utm_grid((4, 6))
    before = [map_of(np.full((4, 6), 1), geobox=grid)]
    after = [map_of(np.full((4, 6), 2), geobox=grid)]
    top = 5_200_000
    half = District("half", shapely.box(500_005, top - 15, 500_040, top), grid.crs.to_wkt())
    out = District("out", shapely.box(500_040, top - 40, 500_080, top), grid.crs.to_wkt())
    away = District("away", shapely.box(510_000, top - 40, 510_010, top), grid.crs.to_wkt())
    change = measure_change(before, after, districts=[half, out, away])
    scale = 1e-6 / 0.9996**2  # on the central meridian
    one, two, three = change.areas
    assert one.gained_km2 == pytest.approx(35 * 15 * scale, rel=1e-5)
    assert (one.outside_km2, one.status) == (0, "ok")
    assert two.gained_km2 == pytest.approx(20 * 40 * scale, rel=1e-5)
    assert two.outside_km2 == pytest.approx(20 * 40 * scale, rel=1e-5)
    assert two.status == "partial"
    assert (three.gained_km2, three.net_km2, three.status) == (None, None, "skipped")
    assert change.total.district == "all"
    assert change.total.gained_km2 == pytest.approx(one.gained_km2 + two.gained_km2)
    assert change.total.district_km2 == pytest.approx(sum(a.district_km2 for a in change.areas))
    assert change.total.unseen_km2 == pytest.approx(sum(a.unseen_km2 for a in change.areas))


def test_the_cut_does_not_matter_and_all_adds_up():
    rng = np.random.default_rng(2)
    grid = utm_grid((25, 18))

    def side(count):
        return [
            map_of(
                rng.choice([0, 1, 2, 255], (25, 18)), geobox=grid,
                fraction=rng.integers(0, 201, (25, 18)), doubt=rng.integers(0, 3, (25, 18)),
            )
            for _ in range(count)
        ]  # fmt: skip

    before, after = side(3), side(1)
    circle = shapely.Point(500_080, 5_199_900).buffer(70)
    districts = [District("circle", circle, grid.crs.to_wkt())]
    sinks = ArraySink((25, 18)), ArraySink((25, 18))
    whole = measure_change(before, after, districts=districts, sink=sinks[0])
    cut = measure_change(before, after, districts=districts, sink=sinks[1], block=7)
    np.testing.assert_array_equal(sinks[0].array, sinks[1].array)
    a, b = whole.total, cut.total
    for name in ("gained_km2", "lost_km2", "stable_km2", "net_km2", "unseen_km2",
                 "gained_interval_km2", "net_interval_km2"):  # fmt: skip
        assert getattr(a, name) == pytest.approx(getattr(b, name), rel=1e-6), name
    # What was seen after, in the district, is what both saw and what only this side saw.
    seen_after = measure_areas(after[0], "water", districts).areas[0]
    blind = a.unseen_after_km2 + a.unseen_both_km2
    assert blind == pytest.approx(seen_after.unseen_share * a.district_km2, rel=1e-6)


def test_nothing_in_common_is_no_change_of_zero():
    (area,) = change_of([map_of([[0, 1]])], [map_of([[2, 0]])]).areas
    assert (area.gained_km2, area.lost_km2, area.net_km2) == (None, None, None)
    assert area.status == "skipped"
    assert area.reason == (
        "Nothing of the district was seen both before and after: before 50.0%, after 50.0%."
    )


def test_what_cannot_be_compared():
    one = map_of([[1, 2]])
    with pytest.raises(InputError, match="no map"):
        change_of([], [one])
    with pytest.raises(GridError, match="different grids"):
        change_of([one], [map_of([[1, 2, 1]])])
    with pytest.raises(GridError, match="no CRS"):
        measure_change([one], [one])
    grid = utm_grid((1, 2))
    away = District("away", shapely.box(510_000, 5_100_000, 510_010, 5_100_010), grid.crs.to_wkt())
    with pytest.raises(GeometryError, match="does not meet"):
        measure_change([map_of([[1, 2]], geobox=grid)] * 1, [map_of([[1, 2]], geobox=grid)],
                       districts=[away])  # fmt: skip


def test_the_file_names_its_classes(tmp_path):
    grid = utm_grid((1, 4))
    before, after = (map_of(v, geobox=grid) for v in ([[1, 1, 2, 2]], [[1, 2, 1, 2]]))
    with MapWriter(tmp_path / "change.tif", grid, LAYERS["change"], lang="uk") as sink:
        measure_change([before], [after], sink=sink)
    with rasterio.open(tmp_path / "change.tif") as file:
        np.testing.assert_array_equal(file.read(1), [[1, 2, 3, 4]])
        assert file.nodata == 0
        assert file.colormap(1)[2] == (0x1B, 0x9E, 0x4B, 255)
    names = (tmp_path / "change.tif.aux.xml").read_text("utf-8")
    assert "Вода зникла" in names


@pytest.mark.realdata
def test_the_rufiji_from_dry_to_wet(realdata):
    folder = realdata / "s2_rufiji_ts"
    maps = [
        obriy.map_water(obriy.open_scene(folder / f"SEN2_{date}.tif"), "ndwi:0.05")
        for date in ("20160710", "20190610")
    ]
    total = measure_change(maps[:1], maps[1:]).total
    areas = [measure_areas(m, "water").areas[0].area_km2 for m in maps]
    assert total.status == "ok", "both days are clear"
    assert total.net_km2 == pytest.approx(areas[1] - areas[0], rel=1e-6)
    assert total.gained_km2 > 5 * total.lost_km2
    low, high = total.gained_interval_km2
    assert low < total.gained_km2 < high
