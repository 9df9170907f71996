"""The report of a series: both languages, whole, loads nothing, says what it must."""

import dataclasses
import json

import numpy as np
import pytest
import rasterio
from affine import Affine
from tests.test_report import _Page

from obriy.cli.show import Screen
from obriy.errors import SourceError
from obriy.model.areas import Area, AreaSeries, PeriodArea
from obriy.model.notices import notice, reason_of
from obriy.model.provenance import Provenance
from obriy.model.result.water import WaterSeriesResult
from obriy.outputs.report import series as view
from obriy.outputs.report.page import Report, render_page
from obriy.render.text import text_of
from obriy.sources.integrity import check_bytes
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.water.job import run_water

DATES = ("2025-06-05", "2025-06-08", "2025-07-03", "2025-07-08")
SVG = '<svg viewBox="0 0 1 1"><path d="M0 0"/></svg>'


def plain(page):
    return _Page(page).text.replace("\u202f", " ")


def area(date, km2, **changes):
    fields = {
        "district": "M5.4",
        "date": date,
        "mask_km2": km2,
        "fraction_km2": None,
        "district_km2": 100.0,
        "outside_share": 0.0,
        "unseen_share": 0.125,
        "unseen": {"cloud": 0.1, "shadow": 0.025},
        "status": "partial",
        "filled_km2": None if km2 is None else km2 + 2,
        "expected_km2": None if km2 is None else km2 + 2.25,
        "interval_km2": None if km2 is None else (km2 + 1, km2 + 3),
    }
    return Area(**(fields | changes))


CLOUD = notice("cause", what="cloud", share=1.0)

# Document D's summer: S = 41.425 km², without 3 July 36.71 (docs/balance.md).
SUMMER = AreaSeries(
    "water",
    (
        area(DATES[0], 25.134),
        area(DATES[1], 36.794),
        area(DATES[2], 47.93),
        area(DATES[3], 47.938),
        area("2025-08-01", None, status="failed", reason="cut.tif is broken.", unseen_share=1.0),
        area("2025-08-09", None, status="skipped", unseen={"cloud": 1.0}, unseen_share=1.0,
             reason=notice("district_unseen", causes=[CLOUD])),
    ),
    (
        PeriodArea(
            district="M5.4",
            start=DATES[0],
            end="2025-08-09",
            weights=dict(zip(DATES, (0.09, 0.4, 0.42, 0.09), strict=True)),
            area_km2=41.425,
            filled_km2=43.425,
            expected_km2=43.675,
            interval_km2=(42.1, 44.75),
            bounds_km2=(41.425, 53.925),
            uncertainty={"classification": 0.5, "shore": 0.25, "unseen": 0.5, "registration": 0.1},
            change_sd_km2=7.35,
            leave_one_out_km2=dict(zip(DATES, (43.036, 44.513, 36.714, 40.781), strict=True)),
            effective_dates=2.8,
            unseen_share=0.125,
            status="partial",
        ),
    ),
)  # fmt: skip
COMPARISON = {
    "source": "34.005",
    "rows": [
        {
            "place": "M5.4",
            "register_km2": 34.005,
            "measured_km2": 41.425,
            "interval_km2": [40.1, 42.75],
            "channel_km2": 2.5,
            "difference_km2": 7.42,
            "difference_percent": 21.8203,
            "inside_interval": False,
        }
    ],
    "by_kind": {"": 34.005},
    "notes": [],
}
EVAPORATION = [
    {
        "district": "M5.4",
        "source": "w.csv",
        "months": [
            {
                "month": "2025-06",
                "additional_mm": 190.0,
                "land_mm": 510.0,
                "area_km2": 41.425,
                "area_of": "month",
                "volume_1e6m3": 7.8708,
                "interval_1e6m3": [7.6191, 8.1224],
            },
            {
                "month": "2025-07",
                "additional_mm": -10.0,
                "land_mm": 110.0,
                "area_km2": 41.425,
                "area_of": "period",
                "volume_1e6m3": -0.41427,
                "interval_1e6m3": [-0.4275, -0.401],
            },
        ],
        "additional_mm": 180.0,
        "volume_1e6m3": 7.4566,
        "interval_1e6m3": [7.1914, 7.7216],
        "notes": [notice("area_of_period_taken", months=["2025-07"])],
    }
]
CHANGED = {
    "district": "M5.4",
    "gained_km2": 1.5,
    "lost_km2": 0.25,
    "stable_km2": 40.0,
    "net_km2": -0.0125,
    "gained_interval_km2": [1.25, 1.75],
    "lost_interval_km2": [0.0, 0.5],
    "net_interval_km2": [-0.5, 0.475],
    "district_km2": 100.0,
    "unseen_before_km2": 0.0,
    "unseen_after_km2": 2.5,
    "unseen_both_km2": 10.0,
    "outside_km2": 0.0,
}
CHANGE = {
    "class_name": "water",
    "before": ["2025-06-05", "2025-06-08"],
    "after": ["2025-07-08", "2025-07-08"],
    "areas": [CHANGED],
    "total": CHANGED,
}
BODIES = {
    "count": 1234,
    "rule": {"detection_percent": 10, "extent_percent": 5, "seen_percent": 80},
    "largest": [
        {
            "id": "u8vxn5q2d1",
            "area_km2": 0.5,
            "area_max_km2": 0.4321,
            "dates_seen": 4,
            "half_wet": 0.75,
            "first_water": "2025-06-05",
            "last_water": "2025-07-08",
            "districts": ["M5.4"],
        }
    ],
}


def row(a, weights):
    return {
        "date": a.date,
        "area_km2": a.area_km2,
        "filled_km2": a.filled_km2,
        "expected_km2": a.expected_km2,
        "interval_km2": a.interval_km2,
        "bounds_km2": a.bounds_km2,
        "clear_share": 1 - a.unseen_share,
        "unseen_share": a.unseen_share,
        "cloud_percent": 11.0,
        "weight": weights.get(a.date),
        "threshold": 0.0873,
        "status": a.status,
        "reason": a.reason,
    }


def data(lang="en", *, series=SUMMER, several=None, **result):
    provenance = (
        Provenance()
        .with_step("water_by_date", **{d: {"threshold": 0.0873} for d in DATES})
        .with_warning("2025-08-01 failed: <cut> & gone.")
    )
    period = series.periods[0]
    own = ("area_km2", "filled_km2", "expected_km2", "interval_km2", "bounds_km2", "unseen_share",
           "effective_dates", "change_sd_km2", "leave_one_out_km2")  # fmt: skip
    values = {name: getattr(period, name) for name in own} | {
        "areas": list(series.areas),
        "method": "ndwi:0.05",
        "weights": "/home/me/weights.csv",
        "dates": [row(a, series.periods[0].weights) for a in series.areas],
        "comparison": None,
        "evaporation": None,
        "change": None,
        "bodies": None,
        "outputs": {"series": "run/series.csv", "change": "run/change.tif"},
        "command": "obriy water images",
        "provenance": provenance.to_dict(),
    }
    names = ["series", "occurrence", "multiples", "causes"] + ["change"] * ("change" in result)
    answer = WaterSeriesResult.model_validate(values | result)
    report = Report("Summer <2025>", lang, answer, provenance, dict.fromkeys(names, SVG))
    return view.page(report, series=several or series, total=series, drawn=4, mapped=4)


FULL = {
    "comparison": COMPARISON, "evaporation": EVAPORATION, "change": CHANGE, "bodies": BODIES,
}  # fmt: skip


@pytest.mark.parametrize("lang", ["en", "uk"])
@pytest.mark.parametrize("result", [{}, FULL])
def test_the_page_is_whole_and_loads_nothing(lang, result):
    text = render_page(data(lang, **result))
    page = _Page(text)
    assert page.open == []
    assert all(link.startswith("#") for link in page.links)
    assert not {"script", "link", "iframe", "img"} & set(page.tags)
    assert f'<html lang="{lang}">' in text
    assert "None" not in page.text
    assert "nan" not in page.text.lower().split()


def test_the_first_screen_answers():
    text = plain(render_page(data()))
    assert (
        "Average area of water, 2025-06-05 to 2025-08-09 "
        "43.67 km² best estimate for the whole district 42.10–44.75 km² its 90% interval "
        "41.42 km² of that seen 43.42 km² seen, and filled from other dates "
        "By the best estimate the area of water in the district was 43.67 km² (4,368 ha) on "
        "average from 2025-06-05 to 2025-08-09. In nine cases of ten the true area lies between "
        "42.10 and 44.75 km². Images used: 4 of 6. "
        "Whatever the part that was not seen holds, "
        "from none of it to all of it, the area lies at 41.42–53.92 km²"
    ) in text
    assert "Dates used 4 of 6 Failed 1 Nothing seen 1 Weights" in text
    assert "given (weights.csv)" in text
    assert "varies by 7.350 km² (standard deviation)" in text
    assert "36.71–44.51 km²; 2025-07-03 moves it most (−4.711 km²)" in text


def test_the_first_screen_answers_in_ukrainian():
    text = plain(render_page(data("uk")))
    assert (
        "Середня площа води, 2025-06-05 — 2025-08-09 "
        "43,67 км² найкраща оцінка для всієї ділянки 42,10–44,75 км² її 90 % інтервал "
        "41,42 км² із цього видно"
    ) in text
    assert "Використано дат 4 з 6 З помилкою 1 Нічого не видно 1" in text


def test_without_an_estimate_what_was_seen_leads_and_is_called_so():
    seen = dataclasses.replace(
        SUMMER.periods[0], expected_km2=None, interval_km2=None, filled_km2=None
    )
    text = plain(render_page(data(series=dataclasses.replace(SUMMER, periods=(seen,)))))
    assert "2025-08-09 41.42 km² seen What could be seen of water in the district" in text
    assert "The figure is of what was seen: too little" in text
    assert "best estimate for" not in text


def test_a_period_of_which_nothing_was_seen():
    blind = dataclasses.replace(
        SUMMER.periods[0], area_km2=None, filled_km2=None, expected_km2=None, interval_km2=None,
        bounds_km2=None, weights={},
        leave_one_out_km2={}, uncertainty={}, change_sd_km2=0.0,
    )  # fmt: skip
    areas = tuple(dataclasses.replace(a, mask_km2=None, interval_km2=None) for a in SUMMER.areas)
    text = plain(render_page(data(series=AreaSeries("water", areas, (blind,)))))
    assert "Nothing was seen" in text
    assert "Dates used 0 of 6" in text


def test_each_date_has_a_row_and_a_failed_one_says_why():
    text = plain(render_page(data()))
    assert (
        "2025-06-05 27.38 26.13–28.13 25.13 27.13 25.13–37.63 87.5% 0.090 0.0873 11 cloud 10.0%"
        in text
    )
    assert "2025-08-01 – – – – – 0.0% – 0.0873 11 failed: cut.tif is broken." in text
    assert "not seen: Nothing of the district was seen: cloud 100.0%." in text
    uk = plain(render_page(data("uk")))
    assert "не видно: На ділянці нічого не видно: хмари 100,0 %." in uk


def test_the_note_on_clouds_stands_where_their_column_does():
    bare = [row(a, {}) | {"cloud_percent": None} for a in SUMMER.areas]
    assert "Clouds: of the whole scene" in plain(render_page(data()))
    assert "Clouds:" not in plain(render_page(data(dates=bare)))


def test_the_register_is_said_in_a_sentence():
    text = plain(render_page(data(comparison=COMPARISON)))
    assert (
        "The measured area is 7.420 km² (21.8%) larger than that of the register (34.01 km²)."
        in text
    )
    assert "The register lies outside the 90% interval of the measured area." in text
    assert "The river channel is set apart: 2.500 km² of water in it is not compared." in text
    smaller = COMPARISON["rows"][0] | {
        "difference_km2": -3.957, "difference_percent": -11.636, "inside_interval": True,
    }  # fmt: skip
    uk = plain(render_page(data("uk", comparison=COMPARISON | {"rows": [smaller]})))
    assert "на 3,957 км² (11,6 %) менша за довідкову (34,01 км²)" in uk
    assert "−3,957 −11,6 так" in uk


def test_evaporation_shows_months_negative_ones_too_and_which_area():
    text = plain(render_page(data(evaporation=EVAPORATION)))
    assert "7.457 · 10⁶ m³ over 2 months from 2025-06 to 2025-07" in text
    assert "90% interval 7.191–7.722" in text
    assert "2025-06 510.0 190.0 41.42 the month 7.871 7.619–8.122" in text
    assert "2025-07 110.0 −10.0 41.42 the period −0.4143 −0.4275 to −0.4010" in text
    assert "Negative months: 1;" in text
    assert "E_add = W_eva0 − (X − Y)" in text
    uk = plain(render_page(data("uk", evaporation=EVAPORATION)))
    assert "Немає площі: 2025-07; взято площу за весь період." in uk


def test_change_is_a_table_with_intervals_and_a_sentence():
    text = plain(render_page(data(change=CHANGE)))
    assert (
        "Between 2025-06-05 – 2025-06-08 and 2025-07-08 the area of water changed by −0.0125 km²"
        in text
    )
    assert "(90% interval −0.5000 to +0.4750 km²)" in text
    assert "Zero, no change, lies inside the interval" in text
    assert "of the other 12.5% nothing can be said" in text
    assert "M5.4 1.500 (1.250–1.750) 0.2500 (0.00–0.5000) −0.0125" in text


def test_a_change_that_was_asked_for_leads():
    page = data(change=CHANGE)
    text = plain(render_page(page))
    assert (
        "Change in the area of water, 2025-06-05 – 2025-06-08 → 2025-07-08 "
        "−0.0125 km² net change of the 87.5% that was seen before and after "
        "−0.5000 to +0.4750 km² its 90% interval "
        "1.500 km² gained 0.2500 km² lost 40.00 km² stayed water "
        "43.67 km² average of all dates, best estimate for the whole district" in text
    )
    assert page.first.plain[0].startswith("Between 2025-06-05 – 2025-06-08 and 2025-07-08")
    assert text.index("Gained, km²") < text.index("Water through time")  # and is shown first


def test_a_change_that_nobody_can_tell_is_said_and_the_average_leads():
    none = dict.fromkeys((key for key in CHANGED if key.endswith("_km2")), None)
    sizes = {key: CHANGED[key] for key in CHANGED if key.startswith(("unseen", "district", "out"))}
    lost = none | sizes | {"district": "M5.4", "status": "skipped", "reason": "Nobody saw it."}
    page = data(change=CHANGE | {"areas": [lost], "total": lost})
    assert page.first.label.startswith("Average area of water")
    assert page.first.plain[0] == "Nobody saw it."


def test_water_bodies_say_how_many_there_are_in_all():
    text = plain(render_page(data(bodies=BODIES)))
    assert "Bodies found: 1,234." in text
    assert "The 1 largest:" in text
    assert "u8vxn5q2d1 43.21 50.00 2025-06-05 2025-07-08 75%" in text


def test_several_districts_have_a_table():
    other = dataclasses.replace(SUMMER.periods[0], district="M5.5")
    series = dataclasses.replace(SUMMER, periods=(*SUMMER.periods, other))
    text = plain(render_page(data(several=series)))
    assert "M5.5 43.67 42.10–44.75 41.42 43.42 41.42–53.92 12.5% 2.8 7.350 partly unseen" in text
    assert "added over the districts" in text
    assert "added over the districts" not in plain(render_page(data()))


def test_what_reaches_upwards_only_is_explained_where_it_occurs():
    text = plain(render_page(data()))
    assert "1.645 times the root" in text
    assert "reaches further up" not in text
    more = dataclasses.replace(SUMMER.periods[0], uncertainty={"shore": 0.25, "omission": 0.5})
    series = dataclasses.replace(SUMMER, periods=(more,))
    assert "reaches further up" in plain(render_page(data(series=series)))


def test_what_users_write_is_not_markup():
    text = render_page(data())
    assert "Summer &lt;2025&gt;" in text
    assert "&lt;cut&gt; &amp; gone" in text


def write_image(path, water_columns, crs="EPSG:32636"):
    """A little Sentinel-2-like image: land, and water in its first columns."""
    values = np.empty((4, 24, 30), "uint16")
    land, water = (500, 700, 900, 3000), (600, 800, 500, 200)
    for band in range(4):
        values[band] = land[band] + np.arange(30) % 7 * 10
        values[band, :, :water_columns] = water[band] + np.arange(water_columns) % 5 * 8
    with rasterio.open(
        path, "w", driver="GTiff", width=30, height=24, count=4, dtype="uint16",
        crs=crs, transform=Affine(10, 0, 500_000, 0, -10, 5_200_000),
    ) as file:  # fmt: skip
        file.write(values)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run over three images and one that is broken."""
    folder = tmp_path_factory.mktemp("images")
    for date, columns in (("20250605", 8), ("20250703", 10), ("20250708", 12)):
        write_image(folder / f"S2_{date}.tif", columns)
    (folder / "S2_20250801.tif").write_bytes(b"broken")
    config = WaterConfig(
        source=str(folder),
        out=tmp_path_factory.mktemp("run") / "out",
        method="ndwi:0.05",
        bands="blue,green,red,nir",
        scale=0.0001,
        change=("2025-06", "2025-07"),
        fill=True,
        register=str(0.02),
    )
    return run_water(config)


def test_a_run_writes_report_and_pictures(run):
    outputs = run.result.outputs
    for name in ("report", "picture", "occurrence_picture"):
        assert (run.folder / outputs[name].rpartition("/")[2]).stat().st_size > 1000
    assert not run.complete
    text = plain((run.folder / "report.html").read_text("utf-8"))
    # 24 rows of 10 m: columns 8, 10 and 12 wide are 0.0192, 0.0240 and 0.0288 km², mean 0.0240.
    assert "0.0240 km² average of all dates, best estimate for the whole image" in text
    assert "Dates used 3 of 4 Failed 1" in text
    assert text.count("2025-08-01") >= 2


def test_the_largest_bodies_are_in_the_result(run):
    (body,) = run.result.to_dict()["bodies"]["largest"]
    assert body["area_max_km2"] == pytest.approx(0.0288, rel=1e-3)
    assert body["first_water"] == "2025-06-05"
    assert json.loads((run.folder / "result.json").read_text("utf-8"))["bodies"]["count"] == 1


def test_the_screen_says_in_ukrainian_what_to_know_of_a_run(run, capsys):
    assert run.result.warnings
    Screen(quiet=False).summary(run.result, "uk")
    said = capsys.readouterr().out
    assert "Note:" not in said
    notes = [line for line in said.splitlines() if line.startswith("Зауваження: ")]
    assert len(notes) == len(run.result.warnings)
    assert any("2025-08-01" in note and "помилка" in note for note in notes)


def test_the_screen_says_what_a_series_found(run, capsys):
    Screen(quiet=False).summary(run.result)
    said = capsys.readouterr().out
    assert "Water, weighted, 2025-06-05 to 2025-08-01: 0.0240 km² (90% interval 0.0240 to " in said
    assert "Dates: 3 of 4, weights: clear, effective: 3.0" in said
    assert "Failed: 2025-08-01" in said
    assert "Register: 0.0200 km², measured 0.0240, difference +0.0040 km² (+" in said


def test_images_without_crs_need_only_the_size_of_their_pixels(tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    for date, columns in (("20250605", 8), ("20250703", 10)):
        write_image(images / f"S2_{date}.tif", columns, crs=None)
    done = run_water(
        WaterConfig(
            source=str(images),
            out=tmp_path / "out",
            method="ndwi:0.05",
            bands="blue,green,red,nir",
            scale=0.0001,
            resolution=10.0,
            change=("2025-06", "2025-07"),
            lang="uk",
        )
    )
    # 24 rows of 10 m, 2 columns wider.
    assert done.result.change.total.gained_km2 == pytest.approx(0.0048)
    (body,) = done.result.to_dict()["bodies"]["largest"]
    assert body["area_max_km2"] == pytest.approx(0.024)
    text = plain((done.folder / "report.html").read_text("utf-8"))
    assert "0,0216 км² середня за всі дати" in text


def test_a_single_date_is_no_span():
    period = dataclasses.replace(SUMMER.periods[0], end=SUMMER.periods[0].start)
    one = data(series=dataclasses.replace(SUMMER, periods=(period,)))
    assert "Average area of water, 2025-06-05 43.67 km²" in plain(render_page(one))


def test_why_a_date_failed_is_said_in_ukrainian(tmp_path):
    for data, why in (
        (b"", "порожній (0 байтів)"),
        (b"<html>", "вебсторінка, яку надіслав сервер"),
    ):
        (tmp_path / "a.tif").write_bytes(data)
        with pytest.raises(SourceError) as raised:
            check_bytes(tmp_path / "a.tif")
        told = notice("failed", name="2025-06-05", why=reason_of(raised.value))
        said = text_of("uk").sentence(told)
        assert said.startswith(f"2025-06-05 — помилка: {tmp_path / 'a.tif'}: ")
        assert why in said
        assert said.endswith("завантажте його ще раз.") or said.endswith("Завантажте його ще раз.")
