"""S over a period. Golden figures: Naiuk et al. 2026, tables 2 and 3."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obriy.errors import UsageError
from obriy.measures.period import period_area, period_by_month
from obriy.model.areas import Area

SUMMER = {"2025-06-05": 25.134, "2025-06-08": 36.794, "2025-07-03": 47.93, "2025-07-08": 47.938}
SUMMER_WEIGHTS = dict(zip(SUMMER, (0.09, 0.4, 0.42, 0.09), strict=True))
AUTUMN = {"2025-09-03": 26.722, "2025-09-06": 26.861, "2025-09-23": 30.867, "2025-09-26": 32.652}
AUTUMN_WEIGHTS = dict(zip(AUTUMN, (0.3, 0.05, 0.3, 0.35), strict=True))


def area(date, km2, **changes):
    status = "ok" if km2 is not None else "skipped"
    found = Area("M5.4.0.02", date, km2, None, 5000.0, 0.0, 0.0, {}, status)
    return dataclasses.replace(found, **changes)


def series(areas):
    return [area(date, km2) for date, km2 in areas.items()]


@pytest.mark.parametrize(
    ("areas", "weights", "printed"),
    [(SUMMER, SUMMER_WEIGHTS, "41.425"), (AUTUMN, AUTUMN_WEIGHTS, "30.048")],
)
def test_the_printed_tables_to_the_last_digit(areas, weights, printed):
    found = period_area(series(areas), weights)
    assert f"{found.area_km2:.3f}" == printed
    assert (found.start, found.end) == (min(areas), max(areas))
    assert (found.status, found.reason, found.unseen_share) == ("ok", "", 0.0)
    assert found.weights == pytest.approx(weights)


def test_how_the_summer_leans_on_its_dates():
    found = period_area(series(SUMMER), SUMMER_WEIGHTS)
    assert found.change_sd_km2 == pytest.approx(7.35, abs=0.005)
    # 1 / (.0081 + .16 + .1764 + .0081) = 1 / .3526
    assert found.effective_dates == pytest.approx(2.836, abs=5e-4)
    # Without 3 July: (2.26206 + 14.7176 + 4.31442) / .58
    assert found.leave_one_out_km2["2025-07-03"] == pytest.approx(36.7139, abs=1e-4)
    assert set(found.leave_one_out_km2) == set(SUMMER)


def test_one_date():
    found = period_area([area("2025-06-05", 3.0)], {"2025-06-05": 1.0})
    assert (found.area_km2, found.change_sd_km2, found.effective_dates) == (3.0, 0.0, 1.0)
    assert found.leave_one_out_km2 == {}


def test_a_date_without_an_area_gives_its_weight_to_the_others():
    areas = [area("a", 2.0), area("b", 6.0), area("c", None, status="failed")]
    found = period_area(areas, {"a": 0.2, "b": 0.6, "c": 0.2})
    assert found.area_km2 == pytest.approx(5.0)
    assert found.weights == {"a": pytest.approx(0.25), "b": pytest.approx(0.75)}
    assert found.status == "partial"
    assert found.reason == "No area on c: the other weights make up 1."


def test_a_date_hidden_by_clouds_needs_no_word_and_a_failed_one_does():
    weights = {"a": 1.0}
    assert period_area([area("a", 2.0), area("b", None)], weights).status == "ok"
    failed = period_area([area("a", 2.0), area("b", None, status="failed")], weights)
    assert (failed.status, "No area on b" in failed.reason) == ("partial", True)


def test_what_was_unseen_is_weighed_too():
    areas = [area("a", 2.0, unseen_share=0.2, status="partial"), area("b", 4.0)]
    found = period_area(areas, {"a": 0.25, "b": 0.75})
    assert found.unseen_share == pytest.approx(0.05)
    assert found.status == "partial"
    assert found.reason == "Seen in part on a: 5.0% unseen by weight."


def test_nothing_at_all_is_no_zero():
    found = period_area([area("a", None), area("b", None, status="failed")], {})
    assert (found.area_km2, found.filled_km2, found.status) == (None, None, "skipped")
    assert (found.unseen_share, found.effective_dates) == (1.0, 0.0)
    assert period_area([area("a", None, status="failed")], {}).status == "failed"
    none = period_area([area("a", 1.0), area("b", None, status="failed")], {"a": 0.0, "b": 1.0})
    assert (none.area_km2, none.reason) == (None, "No date with a weight has an area: a, b.")


def test_filled_areas_only_where_every_date_that_counts_has_one():
    both = [area("a", 2.0, filled_km2=3.0), area("b", 4.0, filled_km2=5.0)]
    assert period_area(both, {"a": 0.5, "b": 0.5}).filled_km2 == pytest.approx(4.0)
    one = [both[0], area("b", 4.0)]
    assert period_area(one, {"a": 0.5, "b": 0.5}).filled_km2 is None
    assert period_area(one, {"a": 1.0, "b": 0.0}).filled_km2 == pytest.approx(3.0)


def test_intervals_are_passed_on():
    found = period_area(
        [area("a", 2.0)], {"a": 1.0}, interval_km2=(1.0, 3.0), uncertainty={"shore": 0.5}
    )
    assert (found.interval_km2, found.uncertainty) == ((1.0, 3.0), {"shore": 0.5})


def test_by_month():
    areas = [
        area("2025-06-05", 2.0, interval_km2=(1.0, 3.0)),
        area("2025-06-25", 4.0, interval_km2=(3.0, 7.0)),
        area("2025-07-05", 5.0),
        area("2025-08-05", None),
    ]
    weights = {"2025-06-05": 0.1, "2025-06-25": 0.3, "2025-07-05": 0.6}
    found = period_by_month(areas, weights)
    assert list(found) == ["2025-06", "2025-07"]
    assert found["2025-06"].area_km2 == pytest.approx(3.5)
    assert found["2025-06"].interval_km2 == (pytest.approx(2.5), pytest.approx(6.0))
    assert (found["2025-07"].area_km2, found["2025-07"].interval_km2) == (5.0, None)


@pytest.mark.parametrize(
    ("areas", "message"),
    [
        ([], "one district at a time"),
        ([area("a", 1.0), area("b", 1.0, district="other")], "one district at a time"),
        ([area(None, 1.0)], "has no date"),
        ([area("a", 1.0), area("a", 1.0)], "two areas on a"),
        ([area("b", 1.0)], "No weight is known for b"),
    ],
)
def test_what_is_no_series(areas, message):
    with pytest.raises(UsageError, match=message):
        period_area(areas, {"a": 1.0})


@given(
    st.lists(st.tuples(st.floats(0, 1e5), st.floats(0.001, 1)), min_size=1, max_size=20),
)
def test_s_lies_between_the_areas_and_leans_on_one_to_all_dates(pairs):
    dates = [f"2025-06-{n + 1:02d}" for n in range(len(pairs))]
    areas = dict(zip(dates, (p[0] for p in pairs), strict=True))
    found = period_area(series(areas), dict(zip(dates, (p[1] for p in pairs), strict=True)))
    low, high = min(areas.values()), max(areas.values())
    assert low - 1e-6 <= found.area_km2 <= high + 1e-6
    assert math.fsum(found.weights.values()) == pytest.approx(1)
    assert 1 - 1e-9 <= found.effective_dates <= len(pairs) + 1e-9
    assert found.change_sd_km2 <= (high - low) / 2 + 1e-6  # Popoviciu's inequality
