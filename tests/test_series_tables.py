"""Series and periods as CSV: every column by hand, empty where unknown."""

import csv

import pytest

from obriy.model.areas import Area, AreaSeries, PeriodArea
from obriy.outputs.series_tables import PERIODS, SERIES, write_periods, write_series

POND = "Ставок, верхній"
SPRING = Area(
    district=POND,
    date="2023-04-01",
    mask_km2=0.5,
    fraction_km2=0.4,
    district_km2=2.0,
    outside_share=0.0,
    unseen_share=0.25,
    unseen={"cloud": 0.2, "shadow": 0.05},
    status="partial",
    reason="25.0% of the district was not seen: cloud 20.0%, shadow 5.0%.",
    filled_km2=0.45,
    filled_share=0.2,
    expected_km2=0.46,
    interval_km2=(0.35, 0.55),
)
BLIND = Area(
    district=POND,
    date="2023-05-01",
    mask_km2=None,
    fraction_km2=None,
    district_km2=2.0,
    outside_share=0.0,
    unseen_share=1.0,
    unseen={"cloud": 1.0},
    status="skipped",
    reason="Nothing of the district was seen: cloud 100.0%.",
)
PERIOD = PeriodArea(
    district=POND,
    start="2023-04-01",
    end="2023-05-01",
    weights={"2023-04-01": 0.75, "2023-06-01": 0.25},
    area_km2=0.425,
    expected_km2=0.426,
    interval_km2=(0.4, 0.45),
    change_sd_km2=0.04,
    leave_one_out_km2={"2023-04-01": 0.5, "2023-06-01": 0.4},
    effective_dates=1.6,
    unseen_share=0.1,
)
SERIES_OF_POND = AreaSeries("water", (SPRING, BLIND), (PERIOD,))


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_by_hand(tmp_path):
    thresholds = {"2023-04-01": 0.05, "2023-05-01": None}
    row, _ = rows_of(write_series(SERIES_OF_POND, tmp_path / "s.csv", thresholds=thresholds))
    assert list(row) == list(SERIES)
    assert next(iter(row)) == "date"
    assert (row["date"], row["district"]) == ("2023-04-01", POND)
    expected = {
        "area_wet_m2": 400_000, "pc_wet": 20, "pc_invalid": 25, "area_invalid_m2": 500_000,
        "area_km2": 0.4, "mask_km2": 0.5, "fraction_km2": 0.4, "filled_km2": 0.45,
        "filled_share": 0.2, "expected_km2": 0.46, "low_km2": 0.35, "high_km2": 0.55,
        "unseen_cloud": 0.2, "unseen_shadow": 0.05, "unseen_frozen": 0, "unseen_outside": 0,
        "weight": 0.75, "threshold": 0.05,
    }  # fmt: skip
    for name, value in expected.items():
        assert float(row[name]) == pytest.approx(value), name
    assert (row["status"], row["reason"]) == ("partial", SPRING.reason)


def test_what_is_not_known_is_empty(tmp_path):
    thresholds = {"2023-04-01": 0.05, "2023-05-01": None}
    _, row = rows_of(write_series(SERIES_OF_POND, tmp_path / "s.csv", thresholds=thresholds))
    for name in ("area_wet_m2", "pc_wet", "area_km2", "mask_km2", "fraction_km2", "filled_km2",
                 "expected_km2", "low_km2", "high_km2", "weight", "threshold"):  # fmt: skip
        assert row[name] == "", name
    assert float(row["pc_invalid"]) == 100
    assert float(row["area_invalid_m2"]) == 2_000_000


def test_a_single_image_without_date_or_period(tmp_path):
    alone = AreaSeries("water", (Area("image", None, 0.0, None, 1.0, 0.0, 0.0, {}),))
    (row,) = rows_of(write_series(alone, tmp_path / "s.csv"))
    assert (row["date"], row["weight"], row["threshold"]) == ("", "", "")
    assert float(row["area_wet_m2"]) == float(row["pc_wet"]) == 0, "no water is a number"
    assert rows_of(write_periods(alone, tmp_path / "p.csv")) == []


def test_a_period_by_hand(tmp_path):
    (row,) = rows_of(write_periods(SERIES_OF_POND, tmp_path / "p.csv"))
    assert list(row) == list(PERIODS)
    assert (row["district"], row["start"], row["end"]) == (POND, "2023-04-01", "2023-05-01")
    expected = {
        "dates": 2, "effective_dates": 1.6, "area_km2": 0.425, "expected_km2": 0.426,
        "low_km2": 0.4, "high_km2": 0.45, "change_sd_km2": 0.04, "without_one_low_km2": 0.4,
        "without_one_high_km2": 0.5, "unseen_share": 0.1,
    }  # fmt: skip
    for name, value in expected.items():
        assert float(row[name]) == pytest.approx(value), name
    assert (row["filled_km2"], row["status"], row["reason"]) == ("", "ok", "")


def test_every_column_is_explained():
    import obriy.outputs.series_tables as module

    assert module.__doc__ is not None
    words = module.__doc__.replace("..high..", "without_one_high_km2")
    unseen = [name for name in SERIES if name.startswith("unseen_")]
    for name in (set(SERIES) | set(PERIODS)) - set(unseen):
        assert name in words, name
