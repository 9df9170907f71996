"""The report of land cover, and the comparison of clusterers: both languages, every case."""

import copy
import io
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import xarray as xr
from PIL import Image
from tests.browsing import browsing, needs_browser, new_page
from tests.conftest import utm_grid
from tests.test_report import _Page

from obriy.model.classmap import ClassMap
from obriy.model.crosswalk import main_classes
from obriy.model.grid import coords_of
from obriy.model.layers import LAYERS
from obriy.model.legend import UNNAMED, load_legend
from obriy.model.provenance import Provenance
from obriy.model.result.landcover import LandcoverResult
from obriy.model.scene import make_scene
from obriy.model.scores import Scores
from obriy.outputs.report import landcover
from obriy.outputs.report.page import Report, render_page, write_page
from obriy.outputs.styles import write_style
from obriy.render.comparison import ceiling_of, comparison_figure
from obriy.render.figures import to_png, to_svg
from obriy.render.maps import map_figure
from obriy.render.text import text_of
from obriy.validation.scores import score

LEGEND = load_legend("worldcover")
LANGS = ("en", "uk")


def _vote(labeller, code, confidence=0.7, **changes):
    names = {c.code: c.name for c in LEGEND} | {UNNAMED: "unknown"}
    vote = {
        "labeller": labeller, "answer": names[code], "normalised": names[code], "code": code,
        "confidence": confidence, "second": None, "mixed": False, "evidence": "", "how": "exact",
        "problem": "",
    }  # fmt: skip
    return vote | changes


def _cluster(number, share, code, *votes, confidence=0.7, agreement=1.0):
    names = {c.code: c.name for c in LEGEND} | {UNNAMED: "unknown"}
    return {
        "id": number, "pixels": int(10_000 * share), "share": share, "name": names[code],
        "code": code, "confidence": confidence, "agreement": agreement, "rule": "majority",
        "votes": list(votes), "spectrum": {}, "indices": {},
    }  # fmt: skip


def _scores(legend, counts, **changes):
    """Scores of counts {(code of the reference, code of the map): pixels}."""
    codes = [*legend.codes, UNNAMED]
    matrix = np.zeros((len(codes) - 1, len(codes)), "int64")
    for (truth, said), pixels in counts.items():
        matrix[codes.index(truth), codes.index(said)] = pixels
    scores: Scores = score(matrix, legend, independent=True, reference="worldcover.tif")
    return scores.to_dict() | changes


def _evaluation():
    """6,800 of 10,000 pixels right as named; 8,000 with the best names; 8,300 in main classes."""
    return _scores(
        LEGEND,
        {(10, 10): 3000, (40, 40): 3000, (80, 80): 800, (40, 30): 1500, (10, 40): 1200,
         (50, 40): 400, (50, UNNAMED): 100},
        intervals={"overall_accuracy": [0.61, 0.74]},
        merged=_scores(main_classes(), {(1, 1): 3000, (2, 2): 4500, (5, 5): 800, (1, 2): 1200,
                                        (3, 2): 400, (3, UNNAMED): 100}),
        ceiling={"overall_accuracy": 0.8, "mean_iou": 0.57,
                 "hungarian": {"overall_accuracy": 0.44, "mean_iou": 0.4},
                 "merged": {"overall_accuracy": 0.88, "mean_iou": 0.63}},
        reference_accuracy={"product": "ESA WorldCover", "versions": [
            {"version": "2021 v200", "overall_accuracy": 0.767, "source": "Validation Report"},
        ]},
    )  # fmt: skip


def _result(**changes):
    clusters = [
        _cluster(
            1, 0.55, 40,
            _vote("spectral", 40, second="grassland", evidence="NDVI 0.41 <low> & falling."),
            _vote("openai:x", 40, 0.9, answer="пашня", how="table"),
        ),
        _cluster(
            2, 0.30, 10, _vote("spectral", 10), _vote("openai:x", 90, mixed=True), agreement=0.5,
        ),
        _cluster(3, 0.10, 80, _vote("spectral", 80), _vote("openai:x", UNNAMED, 0, problem="429")),
        _cluster(4, 0.05, UNNAMED, _vote("spectral", UNNAMED, 0.2), confidence=0, agreement=0),
    ]  # fmt: skip
    classes = [
        {"name": c["name"], "code": c["code"], "area_km2": 100 * c["share"], "share": c["share"],
         "confidence": c["confidence"] or None, "district": "image"}
        for c in clusters
    ]  # fmt: skip
    spent = {"calls": 4, "cached": 1, "input_tokens": 5200, "output_tokens": 310, "usd": 0.0124}
    classes = changes.get("classes", classes)
    return {
        "job": "landcover", "method": "kmeans", "clusters": clusters, "classes": classes,
        "total": {"district": "image", "classes": classes}, "legend": "worldcover",
        "evaluation": _evaluation(),
        "cost": spent | {"by_labeller": {"openai:x": dict(spent)}, "stopped_by": "calls"},
        "rounds": [
            {"round": 1, "action": "split", "cluster": 5, "into": [2, 3],
             "why": "called mixed by spectral, openai:x"},
            {"action": "merge", "cluster": 6, "into": [1], "why": "both are named cropland"},
        ],
        "problems": ["openai:x: 429 for cluster 3"], "unseen_share": 0.082,
        "outputs": {"landcover": "run/landcover.tif", "polygons": "run/landcover.gpkg"},
        "command": "obriy landcover scene.tif --clusters 4",
        "decision": {"number": {"criterion": "given", "clusters": 4}},
    } | changes  # fmt: skip


def _scene(shape=(20, 30)):
    rng = np.random.default_rng(0)
    bands = {
        name: xr.Variable(("y", "x"), rng.random(shape).astype("float32"))
        for name in ("blue", "green", "red")
    }
    return make_scene(bands, utm_grid(shape), sensor="unknown", provenance=Provenance())


@pytest.fixture(scope="module")
def maps():
    """The map in both languages, with every class of the legend."""
    scene = _scene()
    labels = np.resize(np.array(LEGEND.codes, "uint8"), (20, 30))
    array = xr.DataArray(labels, dims=("y", "x"), coords=coords_of(utm_grid((20, 30))))
    return {
        lang: to_svg(map_figure(scene, ClassMap(array, LEGEND), lang=lang), "map") for lang in LANGS
    }


def _png():
    buffer = io.BytesIO()
    Image.fromarray(np.full((30, 40, 3), 128, "uint8")).save(buffer, "PNG")
    return buffer.getvalue()


def _report(maps, lang="en", result=None, **changes):
    provenance = (
        Provenance(inputs=({"href": "scene.tif"},))
        .with_step("clusters", method="kmeans")
        .with_step("naming", labellers=["spectral", "openai:x"])
    )
    answer = LandcoverResult(**(result or _result()), provenance=provenance)
    report = Report("scene <1>.tif", lang, answer, provenance, {"map": maps[lang]})
    return landcover.page(report, **({"legend": LEGEND, "sheet": _png()} | changes))


def _page(maps, lang="en", **changes):
    page = _Page(render_page(_report(maps, lang, **changes)))
    assert page.open == []
    return page


@pytest.mark.parametrize("lang", LANGS)
def test_the_page_parses_and_needs_nothing_beside_it(maps, lang):
    page = _page(maps, lang)
    assert [link for link in page.links if not link.startswith(("#", "data:image/"))] == []
    assert "scene <1>.tif" in page.text


def test_the_first_screen_says_the_answer(maps):
    text = _page(maps).text
    head = text[: text.index("Accuracy")]
    assert "Cropland 55%" in head
    assert "Tree cover 27.5% 30.0% 30.00 km² 70%" in head  # of the whole 0.918 x 30 %
    assert "Cropland 55% of the 91.8% that was seen" in head
    assert "Not seen 8.2%" in head
    assert "8.2% could not be seen" in head
    assert "5.0% of what was seen has no name" in head
    assert (
        "Compared with an independent reference, 68% of the pixels have the right class, "
        "90% interval 61–74%; with the five main classes, 83%." in head
    )
    assert (
        "With the best name for each of these clusters it would be 0.80: names lose 0.12, and "
        "clusters that hold several classes lose 0.20." in text
    )
    assert "The reference itself (ESA WorldCover) is right in 76.7% of places" in text
    assert "Of what could be seen, Cropland covers most, 55%. The classes were named by:" in head


def test_without_a_reference_nothing_is_claimed(maps):
    text = _page(maps, result=_result(evaluation=None)).text
    assert "nothing here says how accurate it is" in text
    assert "independent reference" not in text
    assert "Best names" not in text


def test_an_agreement_is_no_accuracy(maps):
    evaluation = _evaluation() | {"independent": False, "merged": None, "intervals": None,
                                  "reference_accuracy": None}  # fmt: skip
    text = _page(maps, result=_result(evaluation=evaluation)).text
    assert "That is an agreement, not an accuracy." in text
    assert "independent reference" not in text
    assert "The five main classes" not in text
    assert "90% interval" not in text


def test_scores_stand_beside_their_ceilings(maps):
    """As named, interval, best names, what names lose, one to one: read off the example."""
    text = _page(maps).text
    assert "Overall accuracy 0.680 0.610–0.740 0.800 0.120 0.440" in text
    assert "Overall accuracy 0.830 0.880 0.050" in text  # main classes
    # By class: 4,500 of 10,000 are cropland; 3,000 of 4,600 mapped so are right.
    assert "Cropland 45.0% 0.652 0.667" in text
    assert "Shrubland" not in text[text.index("By class") : text.index("The five main")]
    assert "Reference ↓ Map → Tree cover Grassland Cropland Built-up" in text


def test_votes_disputes_splits_and_cost_are_told(maps):
    text = _page(maps).text
    assert "Cropland 90% wrote “пашня”" in text
    assert "or Grassland" in text
    assert "no answer 429" in text
    assert (
        "Cluster 2 (30.0%): Tree cover: spectral; Herbaceous wetland: openai:x. "
        "It is called Tree cover." in text
    )
    assert "Cluster 5 was split into 2, 3: called mixed by spectral, openai:x." in text
    assert "Cluster 6 went into 1: both are called Cropland." in text
    assert "openai:x: 429 for cluster 3" in text
    assert "openai:x 4 1 5,200 310 0.012" in text
    assert "stopped by the cap: calls" in text
    assert "NDVI 0.41 <low> & falling." in text
    assert "Parcels of land cover (GeoPackage)" in text


def test_the_choice_of_the_number_of_clusters_is_drawn(maps):
    candidates = [{"clusters": k, "score": 1 / k} for k in (4, 5, 6)]
    why = "the fewest after which one more explains less than 2% of what is left"
    number = {"criterion": why, "candidates": candidates, "clusters": 5}
    page = _page(maps, result=_result(decision={"number": number}))
    assert f"Taken: {why}." in page.text
    assert "How many clusters" not in _page(maps).text


def test_one_labeller_has_nobody_to_disagree_with(maps):
    result = _result(cost=None, problems=[], rounds=[])
    for cluster in result["clusters"]:
        del cluster["votes"][1:]
    text = _page(maps, result=result).text
    for words in ("What the panel disagreed about", "What naming cost", "What was split",
                  "What went wrong", "against the name"):  # fmt: skip
        assert words not in text


def test_naming_without_a_service_costs_nothing(maps):
    spent = {"calls": 0, "cached": 0, "input_tokens": 0, "output_tokens": 0, "usd": 0.0,
             "by_labeller": {}, "stopped_by": ""}  # fmt: skip
    assert "Nothing: no labeller asked a service." in _page(maps, result=_result(cost=spent)).text


def test_an_image_without_crs_has_shares_and_no_area(maps):
    result = _result()
    for row in result["classes"]:
        row["area_km2"] = None
    text = _page(maps, result=result).text
    assert "Cropland 50.5% 55.0% 70%" in text
    assert "km²" not in text[: text.index("Method")]


def bars(page):
    return [float(width) for width in re.findall(r'<div style="width:([0-9.]+)%', page)]


def test_a_class_of_all_that_was_seen_does_not_look_like_one_of_the_whole(maps):
    only = [{"name": "cropland", "code": 40, "area_km2": 22.0, "share": 1.0, "district": "image"}]
    result = _result(classes=only, unseen_share=0.78)
    page = render_page(_report(maps, result=result))
    assert "Cropland 100% of the 22.0% that was seen" in _Page(page).text
    assert bars(page) == [28.2, 100.0]  # 22 of 78, and the part that was not seen
    whole = render_page(_report(maps, result=result | {"unseen_share": 0.0}))
    assert bars(whole) == [100.0]
    assert "Not seen" not in _Page(whole).text[: _Page(whole).text.index("Accuracy")]


@needs_browser
@pytest.mark.parametrize("unseen", [0.0, 0.27])
def test_a_phone_shows_every_column_of_the_classes(maps, tmp_path, unseen):
    classes = [
        {"name": "tree_cover", "code": 10, "area_km2": 7.965, "share": 0.841, "district": "image"},
        {"name": "water", "code": 80, "area_km2": 12712.6, "share": 0.159, "district": "image"},
    ]
    classes = [{**row, "confidence": 0.98} for row in classes]
    report = tmp_path / "report.html"
    report.write_text(
        render_page(_report(maps, result=_result(classes=classes, unseen_share=unseen)))
    )
    with browsing() as browser:
        page = new_page(browser, viewport={"width": 375, "height": 800})
        page.goto(f"file://{report}")
        table = page.locator(".scroll:has(.bars)")
        assert table.evaluate("box => box.scrollWidth - box.clientWidth") <= 0


def test_districts_have_a_table_and_the_total_leads(maps):
    classes = [
        {"name": "cropland", "code": 40, "area_km2": 30.0, "share": 0.75, "district": "North"},
        {"name": "tree_cover", "code": 10, "area_km2": 10.0, "share": 0.25, "district": "North"},
        {"name": "cropland", "code": 40, "area_km2": 10.0, "share": 1 / 6, "district": "South"},
        {"name": "tree_cover", "code": 10, "area_km2": 50.0, "share": 5 / 6, "district": "South"},
    ]
    total = [classes[0] | {"share": 0.4}, classes[1] | {"share": 0.6}]
    text = _page(
        maps, result=_result(classes=classes, total={"district": "all", "classes": total})
    ).text
    assert "Tree cover 60%" in text
    assert "North 10.00 (25.0%) 30.00 (75.0%)" in text


def test_the_day_of_the_image_stands_among_the_facts(maps):
    dated = _result(dates=[{"date": "2023-06-18"}])
    assert "Date of the image 2023-06-18" in _page(maps, result=dated).text
    assert "Date of the image" not in _page(maps).text


def test_the_sheet_lies_in_the_page(maps):
    page = render_page(_report(maps))
    assert page.count("data:image/webp;base64,") == 1
    assert "<img" not in render_page(_report(maps, sheet=b""))


def test_nothing_that_could_be_seen(maps):
    text = _page(maps, result=_result(classes=[], clusters=[], unseen_share=1.0)).text
    assert text_of("en")("report.area_unseen") in text


def test_the_example_is_not_changed(maps):
    result = _result()
    before = copy.deepcopy(result)
    render_page(_report(maps, result=result))
    assert result == before


def test_the_file_is_written(maps, tmp_path):
    path = write_page(_report(maps, "uk"), tmp_path / "report.html")
    assert "Рілля 55" in path.read_text("utf-8").replace("\xa0", " ")


# The comparison of clusterers


def _rows():
    row = {
        "method": "kmeans", "clusters": 12, "found": 12, "overall_accuracy": 0.68,
        "ceiling_overall_accuracy": 0.80, "mean_iou": 0.30, "ceiling_mean_iou": 0.52,
        "merged_overall_accuracy": 0.83, "merged_ceiling_overall_accuracy": 0.88,
        "merged_mean_iou": 0.65, "merged_ceiling_mean_iou": 0.63,
    }  # fmt: skip
    failed = dict.fromkeys(row) | {"method": "dbscan", "clusters": "auto"}
    return [row, row | {"clusters": "auto", "found": 17}, row | {"method": "dbscan"}, failed]


def _words(figure):
    return {
        t.get_text()
        for axes in figure.axes
        for t in axes.findobj(match=lambda a: hasattr(a, "get_text"))
    }


@pytest.mark.parametrize("lang", LANGS)
def test_the_comparison_shows_score_and_ceiling(lang):
    figure = comparison_figure(_rows(), lang)
    assert len(figure.axes) == 4
    to_png(figure, dpi=50)
    text = text_of(lang)
    words = _words(figure)
    assert {text.number(0.68, 2), text.number(0.80, 2), "kmeans", "dbscan"} <= words
    assert text("compare.failed") in words
    assert f"{text('compare.auto')}: 17" in words


def test_measures_that_nobody_has_are_left_out():
    rows = [{k: v for k, v in row.items() if "merged" not in k} for row in _rows()]
    assert len(comparison_figure(rows).axes) == 2
    assert len(comparison_figure(rows[3:]).axes) == 1


def test_each_measure_has_its_own_ceiling():
    row = _rows()[0]
    assert [ceiling_of(row, m) for m in ("overall_accuracy", "merged_mean_iou")] == [0.80, 0.63]


# What GIS programs show


def test_the_style_of_shares_counts_in_per_cents_as_qgis_does_once_it_scaled(tmp_path):
    path = write_style(tmp_path / "confidence.qml", LAYERS["confidence"], "uk")
    items = ET.fromstring(path.read_text("utf-8")).findall(".//colorrampshader/item")
    assert [(i.get("value"), i.get("label").replace("\xa0", " ")) for i in items][:3] == [
        ("0", "0 %"), ("25", "25 %"), ("50", "50 %"),
    ]  # fmt: skip
    assert items[-1].get("value") == "100"
