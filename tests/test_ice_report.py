"""The report of sea ice, its pictures, tables and the edge of the ice."""

import csv
import dataclasses
import html.parser
import re

import geopandas
import numpy as np
import pyogrio
import pytest
import shapely
import xarray as xr

from conftest import utm_grid
from obriy.measures.ice_season import seasons_of
from obriy.model.areas import District
from obriy.model.classmap import ClassMap
from obriy.model.grid import coords_of
from obriy.model.headline import leading
from obriy.model.ice import IceArea
from obriy.model.legend import load_legend
from obriy.model.notices import joined, notice
from obriy.model.provenance import Provenance
from obriy.model.result.ice import IceDate, IceResult
from obriy.model.scene import make_scene
from obriy.outputs.ice_edge import write_ice_edge
from obriy.outputs.ice_tables import write_ice, write_seasons, write_ten_days
from obriy.outputs.report.ice import page
from obriy.outputs.report.page import Report, render_page, write_page
from obriy.render.figures import to_svg
from obriy.render.ice import concentration_figure, ice_figure, ice_multiples
from obriy.render.ice_anomalies import anomaly_figure
from obriy.render.ice_series import ice_series_figure
from obriy.render.text import text_of

LANGS = ("en", "uk")
VOID = {"meta", "br", "link", "img", "input", "hr"}


class _Page(html.parser.HTMLParser):
    """Checks that tags close, and collects text and addresses."""

    def __init__(self, text):
        super().__init__()
        self.open, self.links, self.words = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.links += [v for k, v in attrs if k in ("src", "href", "xlink:href", "data", "action")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words)).replace("\xa0", " ")


def area(date, ice, *, seen=1.0, district="Bay", status="", reason=""):
    """A date of a place of 1000 km² of sea; ``ice`` is a share of what was seen."""
    kwargs = dict.fromkeys(("ice_km2", "water_km2", "extent_km2", "ice_share", "water_share"))
    if ice is not None:
        kwargs = {
            "ice_km2": 1000 * seen * ice,
            "water_km2": 1000 * seen * (1 - ice),
            "extent_km2": 1050 * seen * ice,
            "ice_share": seen * ice,
            "water_share": seen * (1 - ice),
            "expected_km2": 1000 * ice,
            "interval_km2": (900 * ice, 1100 * ice),
        }
    return IceArea(
        district=district,
        date=date,
        granules=(f"MYD02HKM.A{date[:4]}001.0345.061.hdf",),
        sea_km2=1000.0,
        cloud_share=1 - seen,
        unseen_share=1 - seen,
        unseen={"cloud": 1 - seen} if seen < 1 else {},
        status=status or ("ok" if seen == 1 else "partial"),
        reason=reason,
        **kwargs,
    )


WINTERS = [
    area("2019-12-05", 0.0), area("2020-01-15", 0.3), area("2020-02-12", 0.5),
    area("2020-12-03", 0.001), area("2020-12-20", 0.2, seen=0.8), area("2021-01-15", 0.6),
    area("2021-02-11", 0.9, seen=0.3), area("2021-03-02", 0.7, seen=0.9), area("2021-03-28", 0.1),
]  # fmt: skip


def row_of(one, **changes):
    """A date of result.json."""
    own = one.to_dict()
    kept = (
        "date", "ice_km2", "expected_km2", "interval_km2", "bounds_km2", "extent_km2", "water_km2",
        "sea_km2", "ice_share", "water_share", "cloud_share", "unseen_share", "status", "reason",
    )  # fmt: skip
    return {k: own[k] for k in kept} | {"granule": one.granules[0]} | changes


def lay(values, dtype="uint8", resolution=1000.0):
    values = np.asarray(values, dtype)
    return xr.DataArray(values, coords_of(utm_grid(values.shape, resolution)), ("y", "x"))


def map_of(labels, date="2021-03-02"):
    return ClassMap(lay(labels), load_legend("ice"), time=date)


def bay(seed=0):
    """Land above, ice below it, water, a cloud, and a strip without data."""
    labels = np.ones((40, 60), "uint8")
    labels[:10], labels[10:20], labels[25:35, 10:30], labels[:, 55:] = 4, 2, 3, 0
    return map_of(labels)


def dense_of(class_map):
    labels = class_map.labels.to_numpy()
    return lay(np.select([labels == 1, labels == 2], [0, 200], 255))


def scene_of(class_map):
    labels = class_map.labels.to_numpy()
    bright = np.array([np.nan, 0.05, 0.7, 0.6, 0.2])[labels]
    bands = {n: xr.Variable(("y", "x"), bright.astype("f4")) for n in ("red", "green", "blue")}
    return make_scene(bands, class_map.geobox, sensor="unknown", provenance=Provenance())


SCORES = {
    "overall_accuracy": 0.957, "iou": 0.881, "precision": 0.93, "recall": 0.944, "f1": 0.937,
    "kappa": 0.9, "cloud_as_ice": 0.013, "ice_as_cloud": None,
    "intervals": {"iou": [0.85, 0.91], "f1": None}, "scenes": 12, "pixels": 1_234_567,
    "undefined": "", "reference": "labels",
}  # fmt: skip


def data_of(areas, lang="en", *, rows=None, figures=None, **changes):
    provenance = (
        Provenance(({"href": "MYD02HKM.A2021061.0345.061.hdf", "bytes": 12},))
        .with_step("ice", method="auto", decision={"rule": "tests"})
        .with_warning("The scene is simulated; its place is made up.")
    )
    result = {
        "areas": list(areas),
        "seasons": seasons_of(areas),
        "method": "auto",
        "dates": [row_of(a) for a in areas] if rows is None else rows,
        "evaluation": None,
        "outputs": {"map": "a/map.tif", "polygons": "a/ice.gpkg", "report": "report.html"},
        "command": "obriy ice 'a b' --aoi peter-the-great-bay",
        "provenance": provenance.to_dict(),
    } | changes
    svg = {"map": "<svg></svg>"} if figures is None else figures
    report = Report("Granules <1>", lang, IceResult(**result), provenance, svg)
    return page(report, areas=areas, seasons=seasons_of(areas))


def text_in(data):
    return _Page(render_page(data)).text.replace("\u202f", " ")


@pytest.mark.parametrize("lang", LANGS)
def test_the_page_is_whole_with_all_its_pictures_and_loads_nothing(lang, tmp_path):
    class_map = bay()
    drawn = {
        "map": ice_figure(scene_of(class_map), class_map, lang=lang),
        "concentration": concentration_figure(dense_of(class_map), class_map, lang=lang),
        "series": ice_series_figure(WINTERS, seasons_of(WINTERS), lang=lang),
        "anomaly": anomaly_figure(seasons_of(WINTERS), lang=lang),
        "multiples": ice_multiples({"2021-03-02": class_map}, WINTERS, lang=lang),
    }
    figures = {name: to_svg(figure, name) for name, figure in drawn.items()}
    data = data_of(WINTERS, lang, figures=figures, evaluation=SCORES)
    text = write_page(data, tmp_path / "report.html").read_text("utf-8")
    page = _Page(text)
    assert page.open == []
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in page.links)
    assert re.findall(r"url\((?!#)", text) == []
    assert f'<html lang="{lang}">' in text
    assert "Granules &lt;1&gt;" in text
    assert text.count("<figure") == 5
    words = text_of(lang)
    assert all(words(f"ice.{key}") in page.text for key in ("winters", "series", "anomalies"))


def test_the_first_screen_answers_for_a_series():
    text = text_in(data_of(WINTERS))
    # The 90 % of ice on 11 February was seen through a hole: it does not lead, but whether the
    # date that does is the maximum nobody knows.
    assert "Ice on 2021-03-02 700.0 km²" in text
    assert (
        "Whether this is the maximum is not known: the estimate of 2021-02-11 is larger, "
        "900.0 km², but less than half of the sea was seen then."
    ) in text
    assert "8 of 9 dates count: those on which half of the sea or more was seen." in text
    assert (
        "700.0 km² best estimate for the whole sea of the place 630.0–770.0 km² its 90% interval "
        "630.0 km² of that seen By the best estimate the area of ice in the sea of the place was "
        "700.0 km² on 2021-03-02. In nine cases of ten the true area lies between 630.0 and "
        "770.0 km². Images used: 9 of 9. Whatever the part that was not seen holds, "
        "from none of it to all of it, the area lies at 630.0–770.0 km²"
    ) in text
    assert "Latest date of which at least half was seen, 2021-03-28: 100.0 km²" in text
    assert "Winter 2020/21: Ice came between 2020-12-03 and 2020-12-20." in text
    assert "Ice was still there on the last date that counts, 2021-03-28." in text
    assert "10.0% of the sea could not be seen (cloud 10.0%)" in text
    assert "not compared with labels" in text
    assert "Dates with a view of the sea 9 of 9" in text


def test_the_maximum_is_called_so_where_no_date_shows_more():
    counted = [area("2021-02-11", 0.3), area("2021-03-02", 0.7)]
    text = text_in(data_of(counted))
    assert "Ice at its maximum, 2021-03-02" in text
    assert "dates count:" not in text
    text = text_in(data_of([*counted, area("2021-03-12", 0.9, seen=0.4)], "uk"))
    assert "Найбільша площа льоду, 2021" not in text
    assert "Лід 2021-03-02" in text
    assert "невідомо: оцінка на 2021-03-12 більша, 900,0 км²" in text
    assert "Враховано дат: 2 з 3" in text


def test_the_first_screen_answers_for_one_date_in_ukrainian():
    text = text_in(data_of([area("2021-03-02", 0.7)], "uk"))
    assert "Лід 2021-03-02 700,0 км² найкраща оцінка для всього моря ділянки 630" in text
    assert "із цього видно" not in text.split("Видно все море.")[0]
    assert "Зима" not in text
    assert "MYD02HKM.A2021001.0345.061.hdf" in text


def test_dates_without_a_view_are_said_and_lead_to_no_number():
    dark = notice("district_unseen", causes=[notice("cause", what="cloud", share=1.0)])
    broken = joined((notice("file_empty", name="a.hdf"), notice("download_again")))
    lost = [
        area("2021-03-02", None, seen=0.0, status="skipped", reason=dark),
        area("2021-03-03", None, seen=0.0, status="failed", reason=broken),
    ]
    assert leading([IceDate(**row_of(a)) for a in lost]) is None
    text = text_in(data_of(lost, "uk", figures={}))
    assert "На жодну дату нічого не видно" in text
    assert "не видно: На ділянці нічого не видно: хмари 100,0 %." in text
    assert "помилка: a.hdf: файл порожній" in text


def test_the_table_of_dates_names_images_and_what_hid_the_sea():
    causes = {"cloud": 0.3, "outside": 0.2}
    mixed = dataclasses.replace(area("2021-03-02", 0.7, seen=0.5), unseen=causes)
    rows = [row_of(mixed, granule=["a", "b", "c", "d", "e"]), row_of(area("2021-03-05", 0.1))]
    text = text_in(data_of([mixed, area("2021-03-05", 0.1)], rows=rows))
    assert "a, b, c, 2 more" in text
    assert "cloud 30.0%, outside the image 20.0%" in text
    assert "35.0% 15.0%" in text  # ice and water; with the 50 % unseen they add up


def test_places_have_a_table_of_their_own():
    areas = [area("2021-03-02", 0.7, district="West"), area("2021-03-02", 0.2, district="East")]
    row = row_of(areas[0], ice_km2=900.0, expected_km2=900.0)
    text = text_in(data_of(areas, rows=[row]))
    assert "By place" in text
    assert "West 700.0" in text
    assert "East 200.0" in text


def test_scores_against_labels_are_told_with_their_intervals():
    text = text_in(data_of(WINTERS, evaluation=SCORES))
    assert "labels (images: 12), the maps found" in text
    assert "1.3% of the cloudy pixels were taken for ice" in text
    assert "IoU 0.881 0.850–0.910" in text
    assert "Ice taken for cloud, share of the pixels of ice not defined" in text
    assert "Precision (user's accuracy) 0.930" in text
    assert "intervals come from the images drawn anew" in text
    few = text_in(
        data_of(WINTERS, evaluation=SCORES | {"intervals": dict.fromkeys(SCORES["intervals"])})
    )
    assert "drawn anew" not in few
    assert "Intervals are given from ten images on." in few
    nothing = SCORES | {"iou": None, "f1": None}
    assert "how well ice is found cannot be said" in text_in(data_of(WINTERS, evaluation=nothing))


def legend_of(figure):
    return [t.get_text() for legend in figure.legends for t in legend.get_texts()]


def test_one_winter_runs_on_the_calendar_and_shows_when_ice_came():
    one = WINTERS[3:]
    figure = ice_series_figure(one, seasons_of(one))
    assert "Ice came, or went, between these dates" in legend_of(figure)
    assert any("2021-01" in t.get_text() for t in figure.axes[1].get_xticklabels())


def test_winters_lie_over_each_other_from_july_on():
    figure = ice_series_figure(WINTERS, seasons_of(WINTERS))
    upper, lower = figure.axes
    assert [t.get_text() for t in lower.get_xticklabels()] == ["Dec", "Jan", "Feb", "Mar"]
    assert {"2020/21, with 90% interval", "2019/20"} <= set(legend_of(figure))
    older = next(line for line in upper.lines if line.get_linewidth() == 1.2)
    # 5 December is the 157th day after 1 July, in a leap year too.
    assert older.get_xdata()[0] == 157
    assert list(older.get_ydata()) == [0.0, 300.0, 500.0]


def test_dates_that_failed_or_were_dark_are_marked():
    lost = [area("2021-03-02", None, seen=0.0, status="failed"), area("2021-03-09", 0.2),
            area("2021-03-12", None, seen=0.0, status="skipped")]  # fmt: skip
    names = legend_of(ice_series_figure(lost))
    assert {"Image failed", "Nothing seen"} <= set(names)


def test_anomalies_need_two_winters_with_the_same_ten_days():
    assert anomaly_figure(seasons_of(WINTERS[3:])) is None
    figure = anomaly_figure(seasons_of(WINTERS))
    first, second = figure.axes
    bars = (
        [round(p.get_height()) for p in first.patches],
        [round(p.get_height()) for p in second.patches],
    )
    # 1 to 10 December: 0 against 1; 11 to 20 January: 300 against 600; February was seen once only.
    assert bars == ([-1, -300], [1, 300])


def test_what_has_no_data_is_hatched_beside_ice():
    figure = ice_figure(scene_of(bay()), bay())
    assert [axes.patch.get_hatch() for axes in figure.axes] == ["////"] * 2
    hatched = {t.get_text() for legend in figure.legends
               for t, p in zip(legend.get_texts(), legend.get_patches(), strict=True)
               if p.get_hatch()}  # fmt: skip
    assert hatched == {"No data"}


def test_the_legend_of_concentration_says_what_is_unknown():
    names = legend_of(concentration_figure(dense_of(bay()), bay()))
    assert names == ["Edge of the ice (15%)", "Too little seen", "Land"]
    clear = map_of(np.ones((20, 20)))
    assert legend_of(concentration_figure(dense_of(clear), clear)) == ["Edge of the ice (15%)"]


def test_the_edge_lies_where_the_concentration_is_fifteen_per_cent(tmp_path):
    # From 0 to 100 % over ten pixels of 1 km, the same in each row; land along the top.
    shares = np.tile(np.linspace(0, 200, 11), (6, 1)).round()
    shares[0] = 255
    labels = np.where(shares > 100, 2, 1)
    labels[0] = 4
    path = write_ice_edge(lay(shares), map_of(labels), tmp_path / "ice.gpkg")
    assert [n for n, kind in pyogrio.list_layers(path) if kind] == ["ice", "ice_edge"]
    edge = geopandas.read_file(path, layer="ice_edge")
    assert (list(edge["date"]), list(edge["level"]), list(edge["id"])) == (
        ["2021-03-02"],
        [0.15],
        [1],
    )
    assert edge.crs.to_epsg() == 32636
    west, south, east, north = edge.total_bounds
    # 30 half per cents lie 1.5 steps from the middle of the first pixel; no line along the coast.
    assert (west - 500_000, east - 500_000) == pytest.approx((2000, 2000))
    assert (5_200_000 - north, 5_200_000 - south) == pytest.approx((1500, 5500))
    ice = geopandas.read_file(path, layer="ice")
    assert list(ice["class"]) == ["ice"]
    assert ice["area_m2"].sum() == pytest.approx(25e6, rel=2e-3)


def test_a_sea_without_an_edge_has_empty_layers_and_districts_cut_the_ice(tmp_path):
    labels = np.full((4, 4), 2)
    west, south, _, north = map_of(labels).geobox.extent.boundingbox.bbox
    half = District("Half", shapely.box(west, south, west + 2000, north), "EPSG:32636")
    path = write_ice_edge(
        lay(np.full((4, 4), 200)), map_of(labels), tmp_path / "ice.gpkg", districts=[half]
    )
    assert len(geopandas.read_file(path, layer="ice_edge")) == 0
    ice = geopandas.read_file(path, layer="ice")
    assert list(ice["district"]) == ["Half"]
    assert ice["area_m2"].sum() == pytest.approx(8e6, rel=2e-3)


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_tables_have_a_row_for_each_date_and_winter(tmp_path):
    dates = read(write_ice(WINTERS, tmp_path / "ice.csv"))
    assert [row["date"] for row in dates] == [a.date for a in WINTERS]
    first = dates[4]
    assert (first["granules"], first["status"]) == ("MYD02HKM.A2020001.0345.061.hdf", "partial")
    total = sum(float(first[name]) for name in ("ice_share", "water_share", "unseen_share"))
    assert total == pytest.approx(1)
    assert float(first["unseen_cloud"]) == pytest.approx(0.2)
    blind = read(write_ice([area("2021-01-01", None, seen=0.0)], tmp_path / "b.csv"))[0]
    assert (blind["ice_km2"], blind["low_km2"], blind["unseen_share"]) == ("", "", "1.0")
    winters = read(write_seasons(seasons_of(WINTERS), tmp_path / "seasons.csv"))
    assert [(w["season"], w["first_ice_after"], w["first_ice"]) for w in winters] == [
        ("2019/20", "2019-12-05", "2020-01-15"), ("2020/21", "2020-12-03", "2020-12-20"),
    ]  # fmt: skip
    assert [w["maximum_km2"] for w in winters] == ["500.0", "700.0"]
    assert [float(w["maximum_low_km2"]) for w in winters] == [450, 630]
    assert [float(w["maximum_high_km2"]) for w in winters] == [550, 770]
    tens = read(write_ten_days(seasons_of(WINTERS), tmp_path / "ten_days.csv"))
    january = next(row for row in tens if row["start"] == "2021-01-11")
    assert (float(january["mean_km2"]), float(january["anomaly_km2"])) == (600.0, 300.0)
