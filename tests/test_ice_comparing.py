"""`obriy compare ice`: the same test scenes for every method, scores, weights, going on."""

import csv
import json
import sys

import numpy as np
import pytest
import rasterio

from obriy.errors import UsageError
from obriy.model.ice import CLOUD, ICE, LAND, WATER
from obriy.model.layers import LAYERS
from obriy.model.notices import in_language
from obriy.outputs.cog import write_layer
from obriy.render.ice_comparison import ice_agreement_figure
from obriy.workflows.compare.ice import run_ice_comparison
from obriy.workflows.config.base import make_config
from obriy.workflows.config.ice import IceCompareConfig, IceTrainConfig
from obriy.workflows.learn.ice import run_ice_training
from test_ice_training import TIMES, example, write


@pytest.fixture
def bay(tmp_path):
    return write(tmp_path / "bay", [example(time) for time in TIMES])


def compare(data, out, methods, **values):
    asked = {"data": data, "out": out, "methods": methods, **values}
    return run_ice_comparison(make_config(IceCompareConfig, asked))


def row_of(run, method):
    return next(row for row in run.result.to_dict()["rows"] if row["method"] == method)


def test_a_threshold_is_scored_by_what_it_takes_for_ice(bay, tmp_path):
    # In these seas ice and cloud are bright in green, water and land are not.
    run = compare(bay, tmp_path / "run", ["green:0.3", "auto"])
    bright, tests = row_of(run, "green:0.3"), run.result.to_dict()["split"]["test"]["names"]
    pixels = dict.fromkeys((WATER, ICE, CLOUD, LAND), 0)
    for name in tests:
        with rasterio.open(bay / "labels" / f"{name}.tif") as labels:
            codes = labels.read(1)
        for code in pixels:
            pixels[code] += int((codes == code).sum())
    assert bright["iou"] == pytest.approx(pixels[ICE] / (pixels[ICE] + pixels[CLOUD]))
    assert (bright["recall"], bright["cloud_as_ice"]) == (1.0, 1.0)
    assert set(bright["scenes"]) == set(tests)
    assert row_of(run, "auto")["iou"] > 0.95
    best = run.result.best_two
    assert (best.first, run.complete) == ("auto", True)
    assert best.sentence.startswith("auto leads green:0.3 by 0.")
    assert in_language(best.sentence, "uk").startswith("auto випереджає green:0.3 за IoU на 0,")
    rows = list(csv.DictReader((tmp_path / "run" / "comparison.csv").open()))
    assert [row["method"] for row in rows] == ["green:0.3", "auto"]
    with rasterio.open(tmp_path / "run" / "agreement" / f"{tests[0]}.tif") as agreement:
        share = agreement.read(1)
    with rasterio.open(bay / "labels" / f"{tests[0]}.tif") as labels:
        codes = labels.read(1)
    # Of two methods both say ice, one, or none, in half per cents; none speaks of land.
    assert np.median(share[codes == ICE]) == 200
    assert np.median(share[codes == CLOUD]) == 100
    assert np.median(share[codes == WATER]) == 0
    assert (share[codes == LAND] == 255).all()


def test_scenes_of_some_dates_are_compared_on(bay, tmp_path):
    run = compare(bay, tmp_path / "run", ["auto"], datetime="2018/..")
    parts = run.result.to_dict()["split"]
    names = [n for part in ("train", "validation", "test") for n in parts[part]["names"]]
    assert sorted({name[:4] for name in names}) == ["2018", "2019", "2020"]
    with pytest.raises(UsageError, match=r"No scene lies in 2023: .*2016-01-20 to 2020-03-10"):
        compare(bay, tmp_path / "none", ["auto"], datetime="2023")


def test_other_labels_make_other_scores_and_the_same_ones_nothing(bay, tmp_path):
    out = tmp_path / "run"
    first = compare(bay, out, ["green:0.3"])
    before = (out / "ledger.jsonl").read_text()
    (bay / "another-run").mkdir()  # no scene, and no reason to do anything again
    assert (
        compare(bay, out, ["green:0.3"]).result.to_dict()["rows"] == first.result.to_dict()["rows"]
    )
    assert (out / "ledger.jsonl").read_text() == before
    for one in (example(time) for time in TIMES):
        now = one.labels.where(one.labels != CLOUD, ICE).astype("uint8")
        file = bay / "labels" / f"{one.name}.tif"
        file.unlink()
        write_layer(now, file, LAYERS["map"])
    row = row_of(compare(bay, out, ["green:0.3"]), "green:0.3")
    assert (row["iou"], row["cloud_as_ice"]) == (1.0, None)  # all that is bright is ice now


def test_a_method_is_taught_on_other_winters_than_it_is_judged_on(bay, tmp_path):
    run = compare(bay, tmp_path / "run", ["linear"])
    row = row_of(run, "linear")
    assert (row["kind"], row["status"]) == ("classifier", "ok")
    assert row["iou"] > 0.95
    told = json.loads((tmp_path / "run" / "train-linear" / "result.json").read_text())
    assert told["split"] == run.result.to_dict()["split"]


def test_weights_that_know_the_test_are_refused_and_the_others_go_on(bay, tmp_path):
    taught = run_ice_training(
        make_config(
            IceTrainConfig, {"data": bay, "out": tmp_path / "taught", "method": "linear", "seed": 5}
        )
    )
    weights = taught.result.outputs["weights"]
    run = compare(bay, tmp_path / "run", ["linear", "ndsi"], model=[f"linear={weights}"])
    row = row_of(run, "linear")
    assert row["status"] == "failed"
    assert "learnt from" in row["reason"]
    assert "--model" in row["reason"]
    assert row_of(run, "ndsi")["status"] == "ok"
    assert not run.complete


def test_a_network_that_cannot_be_trained_is_compared_as_it_comes(bay, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    run = compare(bay, tmp_path / "run", ["ndsi", "m201"])
    assert "torch" in row_of(run, "m201")["reason"]
    assert "--model m201=m201" in row_of(run, "m201")["reason"]
    monkeypatch.undo()
    shipped = compare(bay, tmp_path / "shipped", ["ndsi", "m201"], model=["m201=m201"])
    assert row_of(shipped, "m201")["parameters"] == 115_980


def test_weights_of_a_method_that_is_not_compared(bay, tmp_path):
    with pytest.raises(UsageError, match="METHOD=FILE"):
        compare(bay, tmp_path / "run", ["ndsi"], model=["linear=some.skops"])


def test_the_clouds_of_auto_have_a_row_of_their_own(bay, tmp_path):
    run = compare(bay, tmp_path / "run", ["green:0.3", "green:0.3+auto"])
    bare, beside = row_of(run, "green:0.3"), row_of(run, "green:0.3+auto")
    assert (bare["cloud_as_ice"], bare["kind"]) == (1.0, "untrained")
    assert beside["cloud_as_ice"] < 0.05
    assert beside["iou"] > 0.95 > bare["iou"]
    with pytest.raises(UsageError, match="tells clouds itself"):
        compare(bay, tmp_path / "other", ["green:0.3", "auto+auto"])


def test_the_keys_of_one_scene_stand_beside_each_other():
    """A single small picture was narrower than its own legend, which lay over the bar."""
    labels = np.tile(np.arange(1, 5, dtype="uint8"), (20, 8))
    for lang in ("en", "uk"):
        figure = ice_agreement_figure([("scene", labels, labels / 4)], lang, 3)
        figure.canvas.draw()
        (key,) = (legend.get_window_extent() for legend in figure.legends)
        bar = figure.axes[-1].get_tightbbox()
        assert 0 <= key.x0 < key.x1 < bar.x0 < bar.x1 <= figure.bbox.x1
