"""Additional evaporation. Golden: W_eva0 700, X 600, Y 90 mm, worked by hand for three areas."""

import dataclasses
import re
from pathlib import Path

import pytest

from obriy.errors import InputError, UnknownNameError
from obriy.measures.evaporation import additional_evaporation, runoff_mm
from obriy.model.areas import Area, PeriodArea
from obriy.model.balance import MonthWeather, Weather
from obriy.sources.weather import read_weather
from obriy.sources.weights import read_weights

ONE_ROW = Weather("w.csv", (MonthWeather("2025-06", 700.0, 600.0, 90.0),))


def period(km2, start="2025-06-05", end="2025-06-28", interval=None):
    return PeriodArea("a", start, end, {}, km2, interval_km2=interval)


@pytest.fixture
def read(tmp_path):
    def build(text):
        path = tmp_path / "weather.csv"
        path.write_text(text, "utf-8")
        return read_weather(path)

    return build


# 700 - (600 - 90) = 190 mm; 0.19 m over 34.005 km² is 6.46095 million m³.
@pytest.mark.parametrize(("s", "volume"), [(34.005, "6.461"), (41.425, "7.871"), (30.048, "5.709")])
def test_the_worked_example(s, volume):
    found = additional_evaporation(ONE_ROW, period(s), {"2025-06": period(s)})
    assert found.additional_mm == 190.0
    assert f"{found.volume_1e6m3:.3f}" == volume
    (month,) = found.months
    assert (month.month, month.land_mm, month.area_km2, month.area_of) == (
        "2025-06", 510.0, s, "month",
    )  # fmt: skip
    assert "only over many years" in found.notes[0]


def test_runoff_as_volume_over_basin():
    # 450 million m³ over 5000 km² is a layer of 0.09 m.
    assert runoff_mm(450.0, 5000.0) == pytest.approx(90.0)
    row = MonthWeather("2025-06", 700.0, 600.0, w_1e6m3=450.0, f_km2=5000.0)
    found = additional_evaporation(Weather("w", (row,)), period(10.0), {})
    assert found.additional_mm == pytest.approx(190.0)


def test_land_evaporation_replaces_rain_less_runoff():
    row = MonthWeather("2025-06", 700.0, land_evaporation_mm=450.0)
    found = additional_evaporation(Weather("w", (row,)), period(10.0), {"2025-06": period(8.0)})
    assert (found.additional_mm, found.volume_1e6m3) == (250.0, pytest.approx(2.0))
    assert found.notes == ()


def test_months_without_an_image_take_the_period_and_negative_ones_stay():
    weather = Weather("w", (
        MonthWeather("2025-06", 100.0, land_evaporation_mm=60.0),
        MonthWeather("2025-07", 50.0, land_evaporation_mm=80.0),
    ))  # fmt: skip
    own = dataclasses.replace(period(18.0, interval=(10.0, 30.0)), expected_km2=20.0)
    whole = dataclasses.replace(period(25.0, interval=(20.0, 50.0)), expected_km2=30.0)
    found = additional_evaporation(weather, whole, {"2025-06": own})
    june, july = found.months
    assert (june.volume_1e6m3, june.interval_1e6m3) == (pytest.approx(0.8), (0.4, 1.2))
    assert (july.area_of, july.area_km2, july.volume_1e6m3) == ("period", 30.0, pytest.approx(-0.9))
    assert july.interval_1e6m3 == (pytest.approx(-1.5), pytest.approx(-0.6))
    assert (found.additional_mm, found.volume_1e6m3) == (10.0, pytest.approx(-0.1))
    assert found.interval_1e6m3 == (pytest.approx(-1.1), pytest.approx(0.6))
    assert found.notes == ("No area in 2025-07: that of the period was taken.",)


def test_normals_stand_for_the_months_of_the_period():
    rows = tuple(MonthWeather(f"{m:02d}", 10.0 * m, land_evaporation_mm=0.0) for m in range(1, 13))
    weather = Weather("w", rows)
    span = period(1.0, "2024-11-20", "2025-02-03")
    found = additional_evaporation(weather, span, {"2025-01": period(2.0)})
    assert [(m.month, m.additional_mm, m.area_km2) for m in found.months] == [
        ("2024-11", 110.0, 1.0), ("2024-12", 120.0, 1.0), ("2025-01", 10.0, 2.0),
        ("2025-02", 20.0, 1.0),
    ]  # fmt: skip


def test_a_month_without_weather():
    with pytest.raises(InputError, match=r"w\.csv has no weather of the month 2025-07"):
        additional_evaporation(ONE_ROW, period(1.0), {"2025-07": period(1.0)})
    normals = Weather("n.csv", (MonthWeather("06", 1.0, 1.0, 1.0),))
    with pytest.raises(InputError, match="of the month 07, 08"):
        additional_evaporation(normals, period(1.0, end="2025-08-01"), {})


def test_an_area_that_is_not_known_is_no_zero():
    found = additional_evaporation(ONE_ROW, period(None), {})
    assert (found.months[0].volume_1e6m3, found.volume_1e6m3, found.interval_1e6m3) == (None,) * 3
    assert found.additional_mm == 190.0


def test_the_filled_area_evaporates_too():
    filled = dataclasses.replace(period(10.0), filled_km2=20.0)
    assert additional_evaporation(ONE_ROW, filled, {}).volume_1e6m3 == pytest.approx(3.8)


def test_cubic_metres_given_as_millions():
    row = MonthWeather("2025-06", 700.0, 600.0, w_1e6m3=450e6, f_km2=5000.0)
    notes = additional_evaporation(Weather("w", (row,)), period(10.0), {}).notes
    assert any("is W in m³" in note for note in notes)


def test_three_ways_to_write_the_weather(read):
    by_layer = read("місяць;W_eva0, мм;опади, мм;стік, мм\n2025-07;130,5;60;9\n2025-6;120;70;8,5\n")
    assert by_layer.months == (
        MonthWeather("2025-06", 120.0, 70.0, 8.5),
        MonthWeather("2025-07", 130.5, 60.0, 9.0),
    )
    assert not by_layer.normals
    by_volume = read("month,w_eva0_mm,x_mm,w_1e6m3,f_km2\n6,120,70,45,5000\n")
    assert by_volume.months == (MonthWeather("06", 120.0, 70.0, w_1e6m3=45.0, f_km2=5000.0),)
    assert by_volume.normals
    land = read("month,w_eva0_mm,land_evaporation_mm,station\n06,120,-1.5,x\n")
    assert land.months == (MonthWeather("06", 120.0, land_evaporation_mm=-1.5),)
    assert land.notes == ("weather.csv: columns not used: station.",)


HEAD = "month,w_eva0_mm,x_mm,y_mm\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{HEAD}2025-06,700,600,\n", "line 2: 'y_mm' is empty"),
        (f"{HEAD}2025-06,700,-600,90\n", "line 2: 'x_mm' is -600, below 0"),
        (f"{HEAD}2025-06,-7,600,90\n", "line 2: 'w_eva0_mm' is -7, below 0"),
        (f"{HEAD}2025-06,7,6,9\n2025-6,7,6,9\n", "line 3: the month 2025-06 is there twice"),
        (f"{HEAD}2025-06,7,6,9\n7,7,6,9\n", "line 3: long-term normals.*are mixed"),
        (f"{HEAD}2025-13,7,6,9\n", "'2025-13' in 'month' is no month"),
        (f"{HEAD}June,7,6,9\n", "'June' in 'month' is no month"),
        (f"{HEAD}2025-06-05,7,6,9\n", "is no month"),
        ("month,w_eva0_mm,x_mm\n6,7,6\n", "nothing that tells evaporation from land"),
        (
            "month,w_eva0_mm,x_mm,y_mm,land_evaporation_mm\n6,7,6,5,4\n",
            "has y_mm and land_evaporation_mm. Give exactly one",
        ),
        ("month,w_eva0_mm,x_mm,w_1e6m3\n6,7,6,5\n", "has 'w_1e6m3', but no column 'f_km2'"),
        ("month,w_eva0_mm,y_mm\n6,7,6\n", "has 'y_mm', but no column 'x_mm'"),
        ("month,w_eva0_mm,x_mm,w_1e6m3,f_km2\n6,7,6,5,0\n", "'f_km2' is 0"),
        ("month,w_eva0,x_mm,y_mm\n6,7,6,5\n", "'w_eva0' does not say its unit.*w_eva0_mm"),
    ],
)
def test_weather_that_cannot_serve(read, text, message):
    with pytest.raises(InputError, match=message):
        read(text)


def test_a_slip_in_a_column(read):
    with pytest.raises(UnknownNameError, match="Did you mean 'land_evaporation_mm'"):
        read("month,w_eva0_mm,land_evaporaton_mm\n6,7,6\n")


@pytest.mark.parametrize(
    "given",
    [{}, {"x_mm": 6.0}, {"y_mm": 1.0}, {"x_mm": 6.0, "y_mm": 1.0, "land_evaporation_mm": 2.0},
     {"x_mm": 6.0, "w_1e6m3": 1.0}],
)  # fmt: skip
def test_months_that_tell_land_evaporation_in_no_way_or_two(given):
    with pytest.raises(InputError, match="in one way"):
        MonthWeather("06", 7.0, **given)


def test_the_guide_does_what_it_says(tmp_path, capsys):
    guide = (Path(__file__).parents[1] / "docs" / "balance.md").read_text("utf-8")
    tables = re.findall(r"^```csv\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
    weights, register, weather = (tmp_path / f"{n}.csv" for n in range(3))
    for path, text in zip((weights, register, weather), tables, strict=True):
        path.write_text(text, "utf-8")
    days = read_weights(weights)
    areas = [Area("M5.4.0.02", day, 40.0, None, 5000.0, 0.0, 0.0, {}) for day in days]
    (code,) = re.findall(r"^```python\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
    names: dict = {}
    exec(code, names)
    names["balance"](areas, str(register), weather)
    said = capsys.readouterr().out
    (official,) = re.findall(r"register_km2=([\d.]+)", said)
    assert float(official) == pytest.approx(34.005)
    # June: 131.5 - (72 - 6.1) = 65.6 mm over 40 km².
    assert re.search(r"volume_1e6m3=2\.62[34]", said)
