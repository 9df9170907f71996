"""Weights of dates; the hand weights are those printed in Naiuk et al. 2026, tables 2 and 3."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obriy.errors import InputError, UsageError
from obriy.measures.weights import clear_weights, cloud_weights, given_weights
from obriy.sources.weights import read_weights
from obriy.tables import load_toml

DAYS = st.integers(1, 28).map(lambda day: f"2025-06-{day:02d}")


def test_clear_shares_become_weights():
    found = clear_weights({"2025-06-05": 0.5, "2025-06-08": 1.0, "2025-06-10": 0.0})
    assert found == {"2025-06-05": pytest.approx(1 / 3), "2025-06-08": pytest.approx(2 / 3)}
    assert clear_weights({"2025-06-05": 0.0}) == {}
    with pytest.raises(UsageError, match=r"2025-06-05 is 1\.5"):
        clear_weights({"2025-06-05": 1.5})
    with pytest.raises(UsageError, match="nan"):
        clear_weights({"2025-06-05": math.nan})


@given(st.dictionaries(DAYS, st.floats(0, 100), min_size=1))
def test_weights_sum_to_one_and_clouds_never_help(clouds):
    found = cloud_weights(clouds)
    assert math.fsum(found.values()) == pytest.approx(1)
    by_cloud = [found[d] for d in sorted(clouds, key=clouds.__getitem__)]
    assert by_cloud == sorted(by_cloud, reverse=True)


# By hand: 1/(1 + (c/8)^3) is 64/65 at 2 %, 8/9 at 4, 512/1843 at 11, 512/2709 at 13,
# 512/513 at 1, 64/407 at 14, 1 at 0.
BY_HAND = {
    "summer": (512 / 1843, 8 / 9, 64 / 65, 512 / 2709),
    "autumn": (512 / 513, 64 / 407, 512 / 513, 1.0),
}


@pytest.mark.parametrize("period", ["summer", "autumn"])
def test_cloud_weights_follow_those_given_by_hand(period):
    printed = load_toml("weights")["naiuk2026"][period]
    found = cloud_weights({str(n): cloud for n, cloud in enumerate(printed["cloud"])})
    whole = sum(BY_HAND[period])
    assert list(found.values()) == pytest.approx([w / whole for w in BY_HAND[period]])
    assert max(abs(a - b) for a, b in zip(found.values(), printed["weight"], strict=True)) < 0.034


def test_the_comparison_in_the_docstring_is_true():
    for period, s in (("summer", 40.995), ("autumn", 29.921)):
        printed = load_toml("weights")["naiuk2026"][period]
        shares = [w / sum(BY_HAND[period]) for w in BY_HAND[period]]
        assert sum(a * w for a, w in zip(printed["area"], shares, strict=True)) == pytest.approx(
            s, abs=5e-4
        )
        assert f"{s:.3f}" in str(cloud_weights.__doc__)


@pytest.mark.parametrize("cloud", [-1, 101, math.nan])
def test_a_cloudiness_that_is_none(cloud):
    with pytest.raises(InputError, match="cloudiness of 2025-06-05"):
        cloud_weights({"2025-06-05": cloud})


def test_given_weights_go_by_day_and_zero_leaves_out():
    given = {"2025-06-05": 0.25, "2025-06-08": 0.75, "2025-06-10": 0.0}
    dates = ["2025-06-05T09:00:31Z", "2025-06-08", "2025-06-10"]
    assert given_weights(given, dates) == {dates[0]: 0.25, dates[1]: 0.75, dates[2]: 0.0}


def test_thirds_with_three_decimals_are_brought_to_one():
    found = given_weights({"a": 0.333, "b": 0.333, "c": 0.333}, ["a", "b", "c"])
    assert found == dict.fromkeys("abc", pytest.approx(1 / 3))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"a": 0.5, "b": 0.4}, "sum to 0.9, not to 1. Divide each by 0.9"),
        ({"a": 40, "b": 60}, "look like per cents"),
        ({"a": 0, "b": 0}, "above 0"),
        ({"a": 1.0}, "No weight is given for b"),
        ({"a": 0.5, "b": 0.4, "z": 0.1}, "no image of z.*The series has: a, b"),
        ({"a": 1.5, "b": -0.5}, "weight of b is -0.5"),
        ({"a": math.nan, "b": 1.0}, "weight of a is nan"),
    ],
)
def test_given_weights_that_cannot_serve(weights, message):
    with pytest.raises(InputError, match=message):
        given_weights(weights, ["a", "b"])


def test_a_failed_date_may_have_a_weight_and_needs_none():
    assert given_weights({"a": 1.0}, ["a"], failed=["f"]) == {"a": 1.0}
    assert given_weights({"a": 0.5, "f": 0.5}, ["a"], failed=["f"]) == {"a": 0.5, "f": 0.5}


def test_two_images_of_a_day():
    with pytest.raises(UsageError, match="two images of 2025-06-05"):
        given_weights({"2025-06-05": 1.0}, ["2025-06-05T09:00", "2025-06-05T09:30"])


def test_weights_from_a_table_as_the_paper_prints_it(tmp_path):
    path = tmp_path / "weights.csv"
    path.write_text("Дата;Хмарність, %;Вага цієї дати\n05.06.2025;11;0,09\n2025-06-08;4;0,4\n")
    assert read_weights(path) == {"2025-06-05": 0.09, "2025-06-08": 0.4}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("05/06/2025,1", "'05/06/2025' is no date. Write 2025-06-05"),
        ("2025-02-30,1", "is no date"),
        ("2025-06-05,0.5\n05.06.2025,0.5", "line 3: 2025-06-05 has a weight already"),
        ("2025-06-05,-0.5", "below 0"),
    ],
)
def test_tables_of_weights_that_cannot_serve(tmp_path, rows, message):
    path = tmp_path / "weights.csv"
    path.write_text(f"date,weight\n{rows}\n")
    with pytest.raises(InputError, match=message):
        read_weights(path)
