"""Plots and maps of a series: every date is drawn, ticks can be read, nothing is cut."""

import io
import itertools

import numpy as np
import pytest
import xarray as xr
from PIL import Image
from tests.conftest import utm_grid

from obriy.model.areas import Area, AreaSeries, District, PeriodArea
from obriy.model.classmap import ClassMap
from obriy.model.flags import Unseen
from obriy.model.grid import coords_of
from obriy.model.legend import load_legend
from obriy.render.figures import to_png
from obriy.render.multiples import (
    change_figure,
    chosen_dates,
    multiples_figure,
    occurrence_figure,
)
from obriy.render.series import causes_figure, district_title, series_figure
from obriy.render.text import text_of

LANGS = ("en", "uk")


def area(date, km2, *, district="image", filled=None, interval=None, **changes):
    """An area as a series has it; a quarter is under cloud."""
    fields = {
        "district": district,
        "date": date,
        "mask_km2": km2,
        "fraction_km2": None,
        "district_km2": 10.0,
        "outside_share": 0.0,
        "unseen_share": 0.25,
        "unseen": {"cloud": 0.25},
        "filled_km2": filled,
        "expected_km2": filled,
        "interval_km2": interval,
    }
    return Area(**(fields | changes))


def period(areas, *, district="image", **changes):
    """The period of areas that weigh the same."""
    seen = [a for a in areas if a.area_km2 is not None]
    fields = {
        "district": district,
        "start": areas[0].date,
        "end": areas[-1].date,
        "weights": {a.date: 1 / len(seen) for a in seen},
        "area_km2": sum(a.area_km2 for a in seen) / len(seen),
        "effective_dates": float(len(seen)),
    }
    return PeriodArea(**(fields | changes))


def series_of(dates, **changes):
    areas = [area(d, 1 + 0.1 * (i % 5), **changes) for i, d in enumerate(dates)]
    return AreaSeries("water", tuple(areas), (period(areas),))


def days(count, step):
    first = np.datetime64("2019-01-05")
    return [str(first + i * step) for i in range(count)]


def renderer_of(figure):
    figure.canvas.draw()
    return figure.canvas.get_renderer()


def boxes_of(figure, axes):
    """Return the boxes of tick labels that hold words, left to right, in pixels."""
    renderer = renderer_of(figure)
    labels = [t for t in axes.get_xticklabels() if t.get_text()]
    return sorted((t.get_window_extent(renderer) for t in labels), key=lambda b: b.x0)


@pytest.mark.parametrize(
    ("count", "step"), [(1, 1), (3, 1), (3, 16), (3, 700), (21, 5), (100, 5), (100, 90)]
)
def test_tick_labels_never_touch_and_lie_inside(count, step):
    figure = series_figure(series_of(days(count, step)))
    boxes = boxes_of(figure, figure.axes[1])
    assert boxes
    assert all(a.x1 + 3 < b.x0 for a, b in itertools.pairwise(boxes))
    assert boxes[0].x0 >= 0
    assert boxes[-1].x1 <= figure.bbox.width


def test_three_dates_far_apart_are_the_ticks_themselves():
    figure = series_figure(series_of(["2019-01-05", "2019-03-01", "2019-06-30"]))
    shown = [t.get_text() for t in figure.axes[1].get_xticklabels()]
    assert shown == ["2019-01-05", "2019-03-01", "2019-06-30"]


def test_time_is_true_to_scale():
    figure = series_figure(series_of(["2019-01-01", "2019-01-11", "2019-01-31"]))
    seen = next(c for c in figure.axes[0].collections if len(c.get_offsets()) == 3)
    x = np.sort(np.asarray(seen.get_offsets())[:, 0])
    assert (x[2] - x[1]) / (x[1] - x[0]) == pytest.approx(2.0)


def test_size_shows_the_weight_and_a_lost_date_is_marked():
    areas = [
        area("2019-01-01", 1.0),
        area("2019-02-01", 1.1),
        area("2019-03-01", None, status="failed", unseen={"failed": 1.0}, unseen_share=1.0),
        area("2019-04-01", None, status="skipped", unseen={"cloud": 1.0}, unseen_share=1.0),
    ]
    weighed = period(areas, weights={"2019-01-01": 0.9, "2019-02-01": 0.1})
    figure = series_figure(AreaSeries("water", tuple(areas), (weighed,)))
    seen = next(c for c in figure.axes[0].collections if len(c.get_offsets()) == 2)
    heavy, light = seen.get_sizes()
    assert heavy > 3 * light
    said = [t.get_text() for t in figure.legends[0].get_texts()]
    assert "Image failed" in said
    assert "Nothing seen" in said
    assert "Unseen: cloud" in said


def test_one_blind_date_does_not_flatten_the_others():
    areas = [area(d, 1.0, filled=1.0, interval=(0.9, 1.1)) for d in days(5, 30)]
    areas.append(area("2020-01-01", 0.1, filled=1.0, interval=(0.0, 50.0)))
    figure = series_figure(AreaSeries("water", tuple(areas), (period(areas),)))
    assert figure.axes[0].get_ylim()[1] < 2
    assert "Interval goes on above" in [t.get_text() for t in figure.legends[0].get_texts()]


def test_every_interval_that_fits_is_inside():
    areas = [area(d, 1.0, filled=1.2, interval=(0.9, 1.5)) for d in days(5, 30)]
    figure = series_figure(AreaSeries("water", tuple(areas), (period(areas),)))
    low, high = figure.axes[0].get_ylim()
    assert low <= 0.9 < 1.5 <= high
    said = [t.get_text() for t in figure.legends[0].get_texts()]
    assert "Interval goes on above" not in said
    assert "Seen, and filled from others" in said


def test_what_lies_far_from_0_is_not_drawn_from_0():
    areas = [area(d, 100 + i) for i, d in enumerate(days(5, 30))]
    figure = series_figure(AreaSeries("water", tuple(areas), (period(areas),)))
    low, high = figure.axes[0].get_ylim()
    assert 98 < low < 100
    assert 104 < high < 106


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("panels", [1, 2, 6])
def test_legend_and_titles_lie_inside_the_figure_and_on_nothing(lang, panels):
    names = [f"M5.4.{i}" for i in range(panels)]
    areas, periods = [], []
    for name in names:
        own = [area(d, 1.0, district=name, filled=1.2, interval=(0.9, 9.5)) for d in days(30, 12)]
        lost = area("2021-01-01", None, district=name, status="failed", unseen={"failed": 1.0})
        areas += [*own, lost]
        periods.append(period([*own, lost], district=name, filled_km2=1.2, interval_km2=(1.1, 1.3)))
    figure = series_figure(AreaSeries("water", tuple(areas), tuple(periods)), lang=lang)
    assert len(figure.axes) == 2 * panels
    renderer = renderer_of(figure)
    legend = figure.legends[0].get_window_extent(renderer)
    lowest = min(b.y0 for b in boxes_of(figure, figure.axes[-1]))
    assert legend.y0 >= 0
    assert legend.y1 < lowest
    assert legend.x1 <= figure.bbox.width
    assert figure.axes[0].title.get_window_extent(renderer).y1 <= figure.bbox.height


@pytest.mark.parametrize("lang", LANGS)
def test_causes_are_named_with_their_size_and_nothing_is_cut(lang):
    causes = {"classification": 0.0147, "shore": 0.3, "unseen": 0.0, "registration": 12.5}
    figure = causes_figure(causes, lang=lang)
    axes, text = figure.axes[0], text_of(lang)
    widths = {round(float(p.get_width()), 6) for p in axes.patches}
    assert widths == set(causes.values())
    assert text("causes.shore") in [t.get_text() for t in axes.texts]
    renderer = renderer_of(figure)
    for label in axes.texts:
        box = label.get_window_extent(renderer)
        assert 0 <= box.x0 < box.x1 <= figure.bbox.width


def test_what_only_reaches_upwards_is_drawn_apart():
    figure = causes_figure({"shore": 0.3, "omission": 0.1})
    shore, omission = figure.axes[0].patches
    assert (shore.get_hatch(), omission.get_hatch()) == (None, "////")
    assert "+0.1000\u00a0km²" in [t.get_text() for t in figure.axes[0].texts]
    assert len(causes_figure({"shore": 0.3, "omission": 0.0}).axes[0].patches) == 1


def test_causes_have_the_decimals_of_the_largest_and_a_trace_is_told_as_one():
    causes = {"shore": 0.00462, "classification": 0.000058, "unseen": 0.0, "commission": 4.5e-6}
    said = [t.get_text() for t in causes_figure(causes).axes[0].texts]
    assert [s for s in said if s.endswith("\u00a0km²")] == [
        "<\u00a00.0001\u00a0km²",
        "0.0046\u00a0km²",
        "0\u00a0km²",
        "<\u00a00.0001\u00a0km²",
    ]


def test_names_that_the_software_gave_have_words():
    assert district_title(text_of("en"), "image") == "Whole image"
    assert district_title(text_of("uk"), "all") == "Усі ділянки разом"
    assert district_title(text_of("uk"), "Дельта") == "Дельта"


def pixels_of(figure):
    return np.asarray(Image.open(io.BytesIO(to_png(figure))).convert("RGB")).astype(int)


def near(pixels, colour):
    """Count pixels of about a colour."""
    return int((np.abs(pixels - colour).max(axis=2) <= 4).sum())


def test_occurrence_runs_from_white_to_dark_blue_and_never_seen_is_grey():
    percent = np.zeros((40, 60), "float32")
    percent[:, 20:40] = 100
    percent[:, 40:] = np.nan
    geobox = utm_grid((40, 60))
    array = xr.DataArray(percent, dims=("y", "x"), coords=coords_of(geobox))
    pixels = pixels_of(occurrence_figure(array))
    dark, grey = near(pixels, (0x0B, 0x2F, 0x63)), near(pixels, (0xB9, 0xB6, 0xB0))
    assert dark == pytest.approx(grey, rel=0.05)
    assert dark > 0.2 * pixels.shape[0] * pixels.shape[1]
    # Without a pixel that was never seen, its colour is not explained.
    assert not occurrence_figure(array[:, :40]).legends
    assert occurrence_figure(array).legends


def test_occurrence_gets_darker_all_the_way():
    ramp = np.repeat(np.linspace(0, 100, 101, dtype="float32")[None], 40, axis=0)
    array = xr.DataArray(ramp, dims=("y", "x"), coords=coords_of(utm_grid(ramp.shape)))
    picture = occurrence_figure(array).axes[0].images[0].get_array()
    luminance = picture[0, :, :3] @ np.array([0.2126, 0.7152, 0.0722])
    assert np.all(np.diff(luminance) < 0)


def class_map(labels, legend="water", unseen=None):
    geobox = utm_grid(labels.shape)

    def layer(values):
        return xr.DataArray(values.astype("uint8"), dims=("y", "x"), coords=coords_of(geobox))

    return ClassMap(
        layer(labels), load_legend(legend), unseen=None if unseen is None else layer(unseen)
    )


def test_change_says_what_was_not_seen_on_one_side():
    labels = np.repeat(np.arange(5), 12)[None].repeat(40, axis=0)
    figure = change_figure(class_map(labels, "water_change"), lang="en")
    said = [t.get_text() for t in figure.legends[0].get_texts()]
    assert sorted(said) == sorted(
        ["Stayed land", "Water gained", "Water lost", "Stayed water", "Not seen before or after"]
    )
    renderer = renderer_of(figure)
    legend = figure.legends[0].get_window_extent(renderer)
    assert legend.x1 <= figure.bbox.width
    assert legend.y0 >= 0


def test_a_little_map_for_each_date_with_area_and_share_seen():
    labels = np.ones((30, 40))
    labels[:, :10] = 2
    unseen = np.zeros((30, 40))
    labels[:10], unseen[:10] = 0, Unseen.CLOUD
    maps = {d: class_map(labels, unseen=unseen) for d in days(7, 30)}
    areas = [area(d, 1.25) for d in maps]
    figure = multiples_figure(maps, areas, lang="uk")
    assert [a.get_title() for a in figure.axes] == list(maps)
    assert figure.axes[0].get_xlabel().replace("\xa0", " ") == "1,250 км²\nвидно 75 %"
    said = {t.get_text() for t in figure.legends[0].get_texts()}
    assert said == {"Не вода", "Вода", "Хмари"}


def test_many_dates_are_thinned_out_evenly():
    dates = days(60, 5)
    chosen = chosen_dates(dates, 24)
    assert len(set(chosen)) == 24
    assert (chosen[0], chosen[-1]) == (dates[0], dates[-1])
    gaps = np.diff([dates.index(d) for d in chosen])
    assert set(gaps.tolist()) <= {2, 3}
    assert chosen_dates(dates[:24], 24) == dates[:24]


@pytest.mark.parametrize("shape", [(40, 60), (10, 400), (400, 10)])
@pytest.mark.parametrize("count", [1, 2, 3, 24])
def test_little_maps_stay_inside_for_every_shape(shape, count):
    import shapely

    box = shapely.box(500_020, 5_199_950, 500_080, 5_199_990)
    maps = dict.fromkeys(days(count, 10), class_map(np.ones(shape)))
    figure = multiples_figure(
        maps, [area(d, 1.0) for d in maps], districts=[District("A", box, "EPSG:32636")]
    )
    renderer = renderer_of(figure)
    lowest = min(a.xaxis.label.get_window_extent(renderer).y0 for a in figure.axes)
    legend = figure.legends[0].get_window_extent(renderer)
    assert legend.y0 >= 0
    assert legend.y1 <= lowest
    for axes in figure.axes:
        box = axes.title.get_window_extent(renderer)
        assert 0 <= box.x0 < box.x1 <= figure.bbox.width
        assert box.y1 <= figure.bbox.height
