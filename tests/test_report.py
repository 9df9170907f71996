"""The report: both languages, parses, loads nothing, says what it must."""

import dataclasses
import html.parser
import re
import tomllib
from importlib import resources

import numpy as np
import pytest
import xarray as xr
from tests.conftest import utm_grid

from obriy.blocks.base import Histogram
from obriy.methods import thresholds
from obriy.model.areas import WHOLE_IMAGE, Area, AreaSeries
from obriy.model.classmap import ClassMap
from obriy.model.grid import coords_of
from obriy.model.legend import load_legend
from obriy.model.notices import notice
from obriy.model.provenance import Provenance
from obriy.model.result.water import WaterDate, WaterImageResult
from obriy.model.scene import make_scene
from obriy.model.scores import ClassScore, Scores
from obriy.outputs.report import water
from obriy.outputs.report.page import Report, render_page, write_page
from obriy.outputs.report.record import source_title
from obriy.render.figures import to_svg
from obriy.render.maps import map_figure
from obriy.render.plots import histogram_figure
from obriy.render.text import text_of
from obriy.tables import load_toml

LANGS = ("en", "uk")
VOID = {"meta", "br", "link", "img", "input", "hr"}


class _Page(html.parser.HTMLParser):
    """Checks that tags close, and collects text and addresses."""

    def __init__(self, text):
        super().__init__()
        self.open, self.links, self.words, self.tags = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [v for k, v in attrs if k in ("src", "href", "xlink:href", "data", "action")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.links += [v for k, v in attrs if k in ("src", "href", "xlink:href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words)).replace("\xa0", " ")


def _keys(table, prefix=""):
    """Yield keys and holes; `tests/test_notices.py` looks at notices, English needs no words."""
    for key, value in table.items():
        if not prefix and key in ("words", "notices"):
            continue
        if isinstance(value, dict):
            yield from _keys(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", sorted(re.findall(r"{(\w+)}", value))


def _table(lang):
    return tomllib.loads((resources.files("obriy.tables") / f"text_{lang}.toml").read_text("utf-8"))


def test_both_languages_have_the_same_keys_and_holes():
    assert dict(_keys(_table("en"))) == dict(_keys(_table("uk")))


@pytest.mark.parametrize("name", ["text", "web"])
@pytest.mark.parametrize("lang", ["en", "uk"])
def test_every_text_writes_per_cent_as_numbers_are_written(name, lang):
    sign = text_of(lang).percent(0.5).removeprefix(text_of(lang).number(50, 1))
    for key, words in _texts(load_toml(f"{name}_{lang}")):
        for before in re.findall(r"[\d}](\s*%)", re.sub(r"\{[^}]*\}", "{}", words)):
            assert before == sign, (key, words)


def _texts(table, path=""):
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _texts(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", str(value)


def _picture(lang):
    shape = (20, 30)
    bands = {
        name: xr.Variable(("y", "x"), np.random.default_rng(0).random(shape).astype("float32"))
        for name in ("blue", "green", "red")
    }
    scene = make_scene(bands, utm_grid(shape), sensor="unknown", provenance=Provenance())
    labels = xr.DataArray(
        np.full(shape, 2, "uint8"), dims=("y", "x"), coords=coords_of(utm_grid(shape))
    )
    return to_svg(map_figure(scene, ClassMap(labels, load_legend("water")), lang=lang), "map")


SCORES = Scores(
    overall_accuracy=0.9761,
    kappa=0.885,
    mean_iou=0.9,
    pixels=251_000,
    independent=True,
    classes=(
        ClassScore("not_water", 1, 0.99, 0.98, 0.985, 0.97),
        ClassScore("water", 2, 0.835, 0.973, 0.8987, 0.816),
    ),
    confusion=((210_000, 4_200), (800, 35_988)),
    unnamed=(12, 0),
    intervals={"water.f1": [0.87, 0.92]},
    unseen_share=0.03,
    reference="gsw.tif",
)


def _data(lang="en", *, title="scene.tif", **changes):
    provenance = (
        Provenance(inputs=({"href": "scene.tif", "size": 12},))
        .with_step("brand_new_step", deep=[{"first": 1.5}, {"second": {"third": True}}], empty=None)
        .with_step("water", method="mndwi:otsu", decision={"threshold": 0.0873, "rule": "otsu"})
        .with_warning("Part of the image is <broken> & lost.")
    )
    area = Area(
        "Lake <1>", "2019-04-16", 1234.5678, 1250.0, 4820.0, 0.0, 0.082, {"cloud": 0.082}, "partial"
    )
    result = {
        "method": "mndwi:otsu",
        "area_km2": 1234.5678,
        "expected_km2": 1250.5,
        "interval_km2": [1200.0, 1300.0],
        "bounds_km2": [1234.5678, 1629.8078],
        "unseen_share": 0.082,
        "decision": {},
        "outputs": {"mask": "/somewhere/run/mask.tif"},
        "command": "obriy water 'scene.tif' --method mndwi:otsu",
        "provenance": provenance.to_dict(),
    }
    scores = changes.pop("scores", SCORES)
    result["evaluation"] = scores and scores.to_dict()
    result |= changes.pop("result", {})
    own = {key: result[key] for key in ("area_km2", "expected_km2", "interval_km2")}
    date = WaterDate(date="2019-04-16", unseen_share=0.082, clear_share=0.918, **own)
    drawn = histogram_figure(Histogram("MNDWI", (1, 9, 2, 4), -1, 1, 0.1), lang=lang)
    report = Report(
        title,
        lang,
        WaterImageResult(dates=[date], **result),
        changes.pop("provenance", provenance),
        {"map": _picture(lang), "histogram0": to_svg(drawn, "h0")},
    )
    return water.page(report, **({"areas": AreaSeries("water", (area,))} | changes))


@pytest.mark.parametrize("lang", LANGS)
def test_the_page_is_whole_and_loads_nothing(lang, tmp_path):
    path = write_page(_data(lang), tmp_path / "report.html")
    text = path.read_text("utf-8")
    page = _Page(text)
    assert page.open == []
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in page.links)
    assert not {"script", "link", "iframe", "img"} & set(page.tags)
    assert "@import" not in text
    assert re.findall(r"url\((?!#)", text) == []
    assert f'<html lang="{lang}">' in text


def test_the_first_screen_answers():
    text = _Page(render_page(_data())).text
    assert (
        "Water 1,250 km² best estimate for the whole district 1,200–1,300 km² its 90% interval "
        "1,235 km² of that seen By the best estimate the area of water in the district was "
        "1,250 km² on 2019-04-16. In nine cases of ten the true area lies between 1,200 and "
        "1,300 km². The image: scene.tif."
    ) in text
    assert "from none of it to all of it, the area lies at 1,235–1,630 km²; that includes" in text
    assert "8.2% could not be seen (cloud 8.2%)" in text
    assert (
        "Compared with an independent reference, the map found 97.3% of the water there is; of "
        "the water on the map, 83.5% is water in the reference too." in text
    )
    first = text[: text.index("Warnings to read")]
    assert not re.search(r"F1|kappa|pixel|picture element|IoU", first)
    assert "F1 0.899 0.870–0.920" in text  # the experts' table has it
    assert "Warnings to read: 1." in text


def test_the_first_screen_answers_in_ukrainian():
    text = _Page(render_page(_data("uk"))).text
    assert "Вода 1 250 км² найкраща оцінка для всієї ділянки" in text.replace("\u202f", " ")
    assert "Не видно 8,2 % території (хмари 8,2 %)" in text
    assert "карта знайшла 97,3 % води, яка там є; 83,5 % води на карті є водою" in text
    assert "площа води у межах ділянки станом на 2019-04-16 становила" in text


def test_what_is_not_independent_is_called_agreement():

    text = _Page(render_page(_data(scores=dataclasses.replace(SCORES, independent=False)))).text
    assert "Agreement" in text
    assert "not an accuracy" in text
    assert "Accuracy " not in text


def test_without_an_estimate_what_was_seen_leads_and_nothing_counts_to_it():
    none = {"expected_km2": None, "interval_km2": None}
    text = _Page(render_page(_data(result=none))).text
    assert "Water 1,235 km² seen What could be seen of water in the district was" in text
    assert "The figure is of what was seen: too little" in text
    assert "the area lies at 1,235–1,630 km²" in text
    assert "part of the best estimate" in _Page(render_page(_data())).text
    assert "best estimate and of its interval" not in text
    assert "The interval supposes" not in text


def test_without_area_scores_or_warnings():
    none = dict.fromkeys(("area_km2", "expected_km2", "interval_km2", "bounds_km2"))
    result = none | {"unseen_share": 0.0, "provenance": Provenance().to_dict()}
    data = _data(
        "en", result=result, areas=None, scores=None, provenance=Provenance(), share_of_seen=0.1234
    )
    page = _Page(render_page(data))
    assert "Area unknown" in page.text
    assert "12.3% of what was seen is water" in page.text
    assert "nothing here says how accurate it is" in page.text
    assert "Warnings" not in page.text
    assert page.open == []


def test_a_whole_image_has_no_table_of_districts():
    area = Area("Lake", "2019-04-16", 1.0, 1.0, 5.0, 0.0, 0.1, {"cloud": 0.1}, "partial")
    assert "Water by district" in _Page(render_page(_data(areas=AreaSeries("water", (area,))))).text
    whole = AreaSeries("water", (dataclasses.replace(area, district=WHOLE_IMAGE),))
    assert "Water by district" not in _Page(render_page(_data(areas=whole))).text


def test_steps_that_nobody_foresaw_are_shown():
    text = _Page(render_page(_data())).text
    for word in ("brand new step", "first", "1.5", "third", "yes", "How water was told from land"):
        assert word in text
    assert "empty" not in text


def test_what_users_write_is_not_markup():
    text = render_page(_data(title="<script>alert(1)</script>"))
    assert "<script>" not in text
    assert "&lt;broken&gt; &amp; lost" in text
    assert "Lake &lt;1&gt;" in text


@pytest.mark.parametrize(
    ("value", "english", "ukrainian"),
    [
        (0.0, "0.00", "0,00"),
        (0.00126, "0.0013", "0,0013"),
        (0.5, "0.5000", "0,5000"),
        (12.3412, "12.34", "12,34"),
        (999.96, "1,000", "1\u202f000"),
        (31860.4, "31,860", "31\u202f860"),
    ],
)
def test_areas_are_written_with_four_figures(value, english, ukrainian):
    assert text_of("en").area(value) == f"{english}\u00a0km²"
    assert text_of("uk").area(value) == f"{ukrainian}\u00a0км²"


def test_small_shares_are_not_nothing_and_minus_is_minus():
    assert text_of("en").percent(0.0001) == "<\u00a00.1%"
    assert text_of("uk").percent(0) == "0,0\u00a0%"
    assert text_of("uk").number(-0.5, 1) == "−0,5"
    assert text_of("en").number(-0.001, 1) == "0.0"
    assert text_of("en").significant(0.0873) == "0.0873"
    assert text_of("en").significant(120000.0) == "120,000"


ROWS = "the brightest band has the median 0.123 and the 99th percentile 4567"


def _source_text():
    """All words of the package, with the pieces of broken lines put together."""
    files = resources.files("obriy").rglob("*.py")
    tables = resources.files("obriy.tables").rglob("*.toml")
    said = [file for file in tables if not file.name.startswith("text_")]
    joined = " ".join(file.read_text("utf-8") for file in (*files, *said))
    return re.sub(r'"\s+f?"', "", joined)


SPELLED = {
    "outside",
    "cloud_shadow",
    "shadow",
    "frozen",
    "snow",
    "cirrus",
    "dark",
    "no data",
    "no_data",
    # Kinds of geometry, and the kinds that serve.
    *("Point", "LineString", "MultiPoint", "MultiLineString", "GeometryCollection"),
    *("a point", "a polygon", "a polygon or a point"),
}
"""Names of flags in words, written from their names; words that are put together."""


def test_every_fixed_sentence_is_still_in_the_code():
    code = _source_text()
    fixed = _table("uk")["words"]
    assert [s for s in fixed if s.rstrip(".") not in code and s not in SPELLED] == []


@pytest.mark.parametrize(
    "counts", [[5, 0, 0, 0], [5, 50, 60, 40], [0, 999_999, 0, 1], [9, 1, 0, 9]]
)
@pytest.mark.parametrize("name", ["otsu", "valley"])
def test_reasons_of_thresholds_are_known(counts, name):
    spread = np.repeat(np.array(counts), 1024 // len(counts) * 4)[:4096]
    cut = getattr(thresholds, name.title())().decide(thresholds.Counts(spread, -1.0, 1.0), 0.0)
    assert cut.reason
    assert text_of("uk").sentence(cut.reason) != cut.reason


def test_an_unknown_sentence_stays():
    assert text_of("uk").sentence("Nobody foresaw 1.5 of this.") == "Nobody foresaw 1.5 of this."


def test_reasons_and_warnings_of_a_ukrainian_report_are_ukrainian():
    provenance = (
        Provenance()
        .with_step("water", decision={"reason": "two populations"})
        .with_warning(notice("place_made_up"))
    )
    areas = AreaSeries("water", (Area(
        "Bay", None, None, None, 5.0, 0.0, 1.0, {"cloud": 1.0}, "skipped",
        notice("district_unseen", causes=[notice("cause", what="cloud", share=1.0)]),
    ),))  # fmt: skip
    result = {"provenance": provenance.to_dict()}
    page = _Page(render_page(_data("uk", provenance=provenance, areas=areas, result=result))).text
    assert "дві сукупності" in page
    assert "Знімок змодельовано" in page
    assert "не видно: На ділянці нічого не видно: хмари 100,0 %." in page


@pytest.mark.parametrize("lang", LANGS)
def test_what_was_read_is_one_table(lang):
    files = tuple({"href": f"/data/scene/B{i}.tif", "bytes": 1234 * 10**i} for i in range(4))
    provenance = Provenance(inputs=files).with_step(
        "bands", read={"blue": "B0.tif band 1", "green": "B1.tif band 1", "red": "B1.tif band 2"}
    )
    page = render_page(_data(lang, provenance=provenance))
    text = _Page(page).text
    assert page.count(text_of(lang)("report.inputs")) == 1
    assert "green, red" in text
    assert ("1.23 MB" if lang == "en" else "1,23 МБ") in text
    assert ("1.23 KB" if lang == "en" else "1,23 КБ") in text
    assert text.count("/data/scene") == 1


@pytest.mark.parametrize(
    ("source", "english", "ukrainian"),
    [
        ("simulated:", "Simulated scene", "Змодельована сцена"),
        ("simulated:?seed=3", "Simulated scene", "Змодельована сцена"),
        ("sample:", "Sample chip", "Зразок знімка"),
        ("/data/lake.tif", "lake.tif", "lake.tif"),
        ("/data/scene/", "scene", "scene"),
        ("simulated", "simulated", "simulated"),
    ],
)
def test_titles_are_for_people(source, english, ukrainian):
    assert source_title(text_of("en"), source) == english
    assert source_title(text_of("uk"), source) == ukrainian
