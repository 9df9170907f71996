"""What other dates tell of a date: curves by hand, on a few kinds of pixels."""

import dataclasses

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from conftest import utm_grid
from obriy.blocks.engine import ArraySink
from obriy.measures.areas import measure_areas
from obriy.measures.filling import BINS, PRIOR, learn_filling
from obriy.measures.occurrence import measure_occurrence
from obriy.model.classmap import ClassMap
from obriy.model.flags import BY_NOTHING, CLOUDS_STEP
from obriy.model.grid import coords_of
from obriy.model.legend import load_legend
from obriy.model.provenance import Provenance

ALL = slice(None)


def map_of(labels, day=1, fraction=None) -> ClassMap:
    labels = np.atleast_2d(np.asarray(labels, "uint8"))
    geobox = utm_grid(labels.shape)

    def lay(values):
        values = np.atleast_2d(np.asarray(values, "uint8"))
        return xr.DataArray(values, coords_of(geobox), ("y", "x"))

    share = None if fraction is None else lay(fraction)
    return ClassMap(lay(labels), load_legend("water"), fraction=share, time=f"2024-06-{day:02d}")


def filling_of(maps, which=0, *, heard=False):
    """What to expect of one date of a series; heard: the nearest dates one by one."""
    shape = maps[0].labels.shape
    sinks = ArraySink(shape), ArraySink(shape)
    measure_occurrence(maps, *sinks)
    coords = coords_of(maps[0].geobox)
    occurrence, counts = (xr.DataArray(s.array, coords, ("y", "x")) for s in sinks)
    return learn_filling(maps[which], occurrence, counts, maps=maps if heard else ())


def expected_of(filling, class_map):
    rows, columns = (slice(0, n) for n in class_map.labels.shape)
    return filling.expected(rows, columns, class_map.labels.to_numpy())


def low_level(seen, blind):
    """Three dates of a lake, rows: never wet, wet on one of the others, wet on both.

    On the first date only the last row is wet, in the columns that it saw.
    """
    width = seen + blind
    today = np.repeat([[1], [1], [2]], width, axis=1)
    today[:, seen:] = 0
    rising = np.repeat([[1], [2], [2]], width, axis=1)
    falling = np.repeat([[1], [1], [2]], width, axis=1)
    return [map_of(today, 1), map_of(rising, 2), map_of(falling, 3)]


def test_the_constants_that_the_sums_below_are_made_with():
    assert (BINS, PRIOR) == (20, 200)


def test_the_curve_of_a_low_level_by_hand():
    maps = low_level(seen=200, blind=50)
    filling = filling_of(maps)
    # Never wet: (0 + 200 x 0) / 400; always: (200 + 200 x 1) / 400.
    # Half: (0 + 200 x 0.5) / 400 = 0.25; the 0.30 to 0.45 of the bins before it, which nobody saw,
    # give way to it.
    assert filling.curve[[0, 5, 6, 7, 8, 9, 10, 11, 20]] == pytest.approx(
        [0, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0.55, 1], abs=1e-5
    )
    told = expected_of(filling, maps[0])
    assert told[:, 200:] == pytest.approx(np.repeat([[0], [0.25], [1]], 50, axis=1), abs=1e-5)
    # 50 pixels x (0.25 + 1), and the 200 that were seen.
    area = measure_areas(maps[0], "water", others=filling).areas[0]
    assert area.filled_km2 == pytest.approx((200 + 62.5) * 100e-6 / 0.9996**2, rel=1e-5)
    assert area.filled_share == pytest.approx(0.2)
    assert area.area_km2 == pytest.approx(200 * 100e-6 / 0.9996**2, rel=1e-6)


def test_where_much_was_seen_what_is_wet_half_of_the_time_is_dry_on_a_dry_day():
    maps = low_level(seen=19_800, blind=10)  # and windows are 2048 columns wide
    filling = filling_of(maps)
    # 200 x 0.5 of the prior among 20 000 pixels; bins 1 to 9, which nobody saw, give way.
    assert filling.curve[1:11] == pytest.approx(0.005, abs=1e-6)
    told = expected_of(filling, maps[0])[:, 19_800:]
    assert told[0].max() == 0
    assert told[1].max() < 0.03
    assert told[2].min() == 1


def test_on_a_day_of_high_water_the_same_pixels_are_wet():
    maps = low_level(seen=1800, blind=10)
    high = maps[0].labels.to_numpy().copy()
    high[1, :1800] = 2
    maps[0] = map_of(high, 1)
    # (1800 + 200 x 0.5) / 2000 = 0.95; the 0.55 to 0.90 of the bins that nobody saw give way.
    found = expected_of(filling_of(maps), maps[0])[1, 1800:]
    assert found == pytest.approx(np.full(10, 0.95), abs=1e-5)


def test_a_date_is_no_witness_for_itself():
    # Wet today and dry on the other date: its occurrence in the series is a half, without today 0.
    today, other = map_of([[2, 0, 1, 0, 0]], 1), map_of([[1, 1, 2, 2, 0]], 2)
    filling = filling_of([today, other])
    told = expected_of(filling, today)[0]
    assert told[0] == told[1] == filling.curve[0]
    assert told[2] == told[3] == filling.curve[20]
    # One pixel each: (1 + 200 x 0) / 201, and (0 + 200 x 1) / 201.
    assert told[:4] == pytest.approx([1 / 201, 1 / 201, 200 / 201, 200 / 201])
    assert np.isnan(told[4])


def test_a_pixel_that_no_other_date_saw_stays_unknown():
    today = map_of([[2, 1, 0, 255, 0]], 1)
    others = [map_of([[0, 255, 0, 255, 2]], 2), map_of([[255, 0, 0, 0, 0]], 3)]
    told = expected_of(filling_of([today, *others]), today)[0]
    assert list(np.isnan(told)) == [True, True, True, True, False]
    area = measure_areas(today, "water", others=filling_of([today, *others])).areas[0]
    assert area.filled_share == pytest.approx(0.2)


def test_what_was_seen_but_not_named_is_told_by_others():
    today, other = map_of([[255, 0]], 1), map_of([[2, 1]], 2)
    assert list(expected_of(filling_of([today, other]), today)[0]) == [1, 0]


def test_a_date_that_saw_nothing_learns_nothing():
    dates = [[[0] * 4], [[2, 2, 2, 1]], [[2, 2, 1, 1]], [[2, 1, 1, 1]], [[2, 1, 1, 1]]]
    maps = [map_of(labels, day) for day, labels in enumerate(dates, 1)]
    filling = filling_of(maps)
    assert filling.curve == pytest.approx(np.linspace(0, 1, 21))
    # Wet on 4, 2, 1 and 0 of four dates.
    assert expected_of(filling, maps[0])[0] == pytest.approx([1, 0.5, 0.25, 0])


def test_the_curve_learns_from_fractions():
    # 100 pixels that the other date saw wet, and today has them half full.
    today = map_of([[2] * 100], 1, fraction=[[100] * 100])
    other = map_of([[2] * 100], 2)
    # (100 x 0.5 + 200 x 1) / 300 = 0.8333; 0.95, 0.90 and 0.85 before it give way, 0.80 need not.
    assert filling_of([today, other]).curve[[16, 17, 18, 19, 20]] == pytest.approx(
        [0.8, 250 / 300, 250 / 300, 250 / 300, 250 / 300], abs=1e-5
    )


def falling_lake(seen, blind):
    """Three dates, rows: a lake's core, its rim that fell dry after the first date, land.

    The last date saw the first columns; of the others only the first date tells.
    """
    width = seen + blind
    first, second, today = (
        np.repeat(np.array(column, "uint8")[:, None], width, axis=1)
        for column in ([2, 2, 1], [2, 1, 1], [2, 1, 1])
    )
    second[:, seen:] = today[:, seen:] = 0
    return [map_of(first, 1), map_of(second, 2), map_of(today, 3)]


def test_what_only_an_early_date_saw_is_as_that_dates_water_is_today():
    maps = falling_lake(seen=1000, blind=10)
    # By occurrence alone all that the first date alone saw as water is water still.
    told = expected_of(filling_of(maps, 2), maps[2])[:, 1000:]
    assert told == pytest.approx(np.repeat([[1], [1], [0]], 10, axis=1), abs=1e-5)
    # Of the first date's water, 2000 pixels that today saw, half is left: (1000 + 200 x 1) / 2200.
    told = expected_of(filling_of(maps, 2, heard=True), maps[2])
    half = 1200 / 2200
    blind = np.repeat([[half], [half], [0]], 10, axis=1)
    assert told[:, 1000:] == pytest.approx(blind, abs=1e-5)
    # Where both dates saw, both are heard: the core is water, the rim is not. The rim's occurrence
    # is a half: its curve is (0 + 200 x 0.5) / 1200, and 200 pixels of that weigh against 1000.
    rim = 200 * (100 / 1200) / 1200
    assert told[:, 0] == pytest.approx([1, rim, 0], abs=1e-5)


def test_a_date_without_known_clouds_does_not_speak_for_itself():
    maps = falling_lake(seen=1000, blind=10)
    unknown = Provenance().with_step(CLOUDS_STEP, by=BY_NOTHING)
    maps[0] = dataclasses.replace(maps[0], provenance=unknown)
    told = expected_of(filling_of(maps, 2, heard=True), maps[2])[0, 1000:]
    assert told == pytest.approx(np.ones(10), abs=1e-5)


def test_dates_beyond_the_nearest_speak_with_one_voice():
    # Seven dates before today, all alike but the first, the only one that saw the blind column.
    column = np.array([[2] * 400 + [1] * 400], "uint8").T
    early = np.concatenate([column, column], axis=1)
    later = np.concatenate([column, np.zeros_like(column)], axis=1)
    maps = [map_of(early, 1), *(map_of(later, day) for day in range(2, 9))]
    assert filling_of(maps, 0, heard=True).witnesses.maps == ()  # it saw all
    filling = filling_of(maps, 7, heard=True)
    assert [m.time for m in filling.witnesses.maps] == [f"2024-06-{d:02d}" for d in range(7, 1, -1)]
    # None of the six saw them: the curve, (400 + 200) / 600 and (0 + 0) / 600.
    told = expected_of(filling, maps[7])[:, 1]
    assert told == pytest.approx([1] * 400 + [0] * 400, abs=1e-5)


LABELS = st.lists(st.sampled_from([0, 1, 2, 255]), min_size=12, max_size=12)


@given(dates=st.lists(LABELS, min_size=2, max_size=5))
def test_a_curve_rises_from_0_to_1_and_the_order_of_dates_does_not_matter(dates):
    maps = [map_of([labels], day) for day, labels in enumerate(dates, 1)]
    filling = filling_of(maps)
    assert (np.diff(filling.curve) >= 0).all()
    assert filling.curve.min() >= 0
    assert filling.curve.max() <= 1
    heard = filling_of(maps, heard=True)
    seen = np.isin(dates[1:], [1, 2]).any(axis=0)
    for told in (expected_of(filling, maps[0])[0], expected_of(heard, maps[0])[0]):
        assert list(np.isfinite(told)) == list(seen)
        assert (told[seen] >= 0).all()
        assert (told[seen] <= 1).all()
    again = filling_of(maps[::-1], which=len(maps) - 1, heard=True)
    assert list(again.curve) == list(filling.curve)
    assert list(again.witnesses.wet.ravel()) == list(heard.witnesses.wet.ravel())
    area = measure_areas(maps[0], "water", others=filling).areas[0]
    if area.area_km2 is not None:
        alone = dataclasses.replace(filling, curve=np.zeros(21))
        assert measure_areas(maps[0], "water", others=alone).areas[0].filled_km2 == pytest.approx(
            area.area_km2
        )
