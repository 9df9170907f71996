"""`run_ice_training` with a network: files, scores, going on after a stop, use of the weights."""

import csv
import json
import threading

import numpy as np
import pytest

from obriy.blocks.engine import EngineOptions
from obriy.errors import BandError, CancelledError, InputError
from obriy.methods.ice.spec import ICE_METHODS, trained_method
from obriy.model.ice import BANDS, LAND
from obriy.nets.model_file import open_model
from obriy.nets.networks import Network
from obriy.validation.ice_scores import SCORES
from obriy.workflows.config.base import make_config
from obriy.workflows.config.ice import IceTrainConfig
from obriy.workflows.ice.mapping import map_ice
from obriy.workflows.learn.ice import run_ice_training
from obriy.workflows.learn.training import HISTORY, STATE
from terminal import obriy
from test_ice_training import TIMES, example, write

torch = pytest.importorskip("torch", reason="needs the extra deep")

DAYS = [time for time in TIMES if "02-20" in time]
"""Of five winters, one date each."""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write(tmp_path_factory.mktemp("bay"), [example(day) for day in DAYS])


def train(data, out, options=None, **values):
    given = {"data": data, "out": out, "method": "m201", "epochs": 3, "batch": 2, "device": "cpu"}
    return run_ice_training(make_config(IceTrainConfig, given | values), options)


@pytest.fixture(scope="module")
def uninterrupted(data, tmp_path_factory):
    return train(data, tmp_path_factory.mktemp("runs") / "run")


def curve(folder):
    with (folder / HISTORY).open() as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def test_what_a_training_leaves(uninterrupted):
    result, folder = uninterrupted.result.to_dict(), uninterrupted.folder
    assert sorted(p.name for p in folder.iterdir() if not p.name.startswith(".")) == [
        "config.yaml", "finished.json", "history.csv", "learning.png", "ledger.jsonl",
        "model.obriy", "result.json",
    ]  # fmt: skip
    rows = curve(folder)
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    best = max(rows, key=lambda row: float(row["validation_iou"]))
    assert result["best_epoch"] == int(best["epoch"])
    assert result["parameters"] == 115_980
    assert result["reference_b"]["validation_iou"] == 0.88527
    assert "its own data" in result["reference_b"]["title"]
    # Scores of the map of a user: the limit that was chosen is no worse than the curve's half.
    assert result["validation"]["iou"] > float(best["validation_iou"]) - 0.01
    assert set(SCORES) <= set(result["test"])


def test_the_weights_map_a_scene(uninterrupted):
    file = uninterrupted.folder / "model.obriy"
    card = open_model(file)[0]
    assert set(card.sources) == _learnt(uninterrupted)
    assert 0 < card.limit <= 1
    assert card.scores["test"]["iou"] == uninterrupted.result.to_dict()["test"]["iou"]
    assert (card.bands, card.size, card.outputs) == (BANDS, (285, 430), ("ice",))
    scene = example(DAYS[0]).scene
    made = map_ice(scene, "m201", model=file, device="cpu", clouds="none")
    assert made.labels.shape == (60, 90)
    assert set(np.unique(made.labels)) <= {1, 2, LAND}


def test_what_was_stopped_goes_on_to_the_bit(uninterrupted, data, tmp_path):
    stop = threading.Event()

    def tell(stage, done, of):
        if stage == "train" and done == 1:
            stop.set()

    out = tmp_path / "run"
    with pytest.raises(CancelledError, match="goes on from here"):
        train(data, out, EngineOptions(progress=tell, cancel=stop))
    assert (out / STATE).is_file()
    seen = []
    resumed = train(data, out, EngineOptions(progress=lambda *said: seen.append(said)))
    assert [said for said in seen if said[0] == "train"] == [("train", 2, 3), ("train", 3, 3)]
    assert curve(out) == curve(uninterrupted.folder)
    one, other = (open_model(run.folder / "model.obriy")[1] for run in (resumed, uninterrupted))
    assert all(np.array_equal(one[name], other[name]) for name in other)


def test_a_training_goes_on_from_a_model(uninterrupted, data, tmp_path):
    former = uninterrupted.folder / "model.obriy"
    before, weights = open_model(former)
    further = train(data, tmp_path / "run", pretrained=str(former), epochs=1, rate=1e-9)
    after, moved = open_model(further.folder / "model.obriy")
    assert (after.middle, after.spread, after.made_up) == (before.middle, before.spread, False)
    assert (after.before["schedule"], before.before) == (before.schedule, {})
    for name in ("l4.0.weight", "l12.weight"):  # hardly moved from there at such a rate
        np.testing.assert_allclose(moved[name], weights[name], atol=1e-6)
    more = write(tmp_path / "more", [example(day.replace("02-20", "01-20")) for day in DAYS])
    elsewhere = train(more, tmp_path / "other", pretrained=str(former), epochs=1)
    known = set(open_model(elsewhere.folder / "model.obriy")[0].sources)
    assert known == {*before.sources, *_learnt(elsewhere)}


def _learnt(run):
    split = run.result.to_dict()["split"]
    return {*split["train"]["names"], *split["validation"]["names"]}


def test_a_model_that_knows_its_judges_or_is_another_is_refused(uninterrupted, data, tmp_path):
    former = str(uninterrupted.folder / "model.obriy")
    with pytest.raises(InputError, match="learnt from 1 of the test scenes"):
        train(data, tmp_path / "run", pretrained=former, seed=1)
    with pytest.raises(InputError, match="holds 'm201', not 'm211'"):
        train(data, tmp_path / "other", pretrained=former, method="m211")


def test_scenes_that_a_network_cannot_learn_from(tmp_path):
    few = [example(day) for day in DAYS]
    for one in few:
        del one.scene["swir22"]
    with pytest.raises(BandError, match=r"lack swir22"):
        train(write(tmp_path, few), tmp_path / "run")
    folder = tmp_path / "free"
    folder.mkdir()
    with pytest.raises(InputError, match="no ice in the labels of the training"):
        train(write(folder, [example(day, ice=False) for day in DAYS]), tmp_path / "other")


def test_a_network_that_is_one_entry_is_trained_and_maps(data, tmp_path, monkeypatch):
    class Dot(torch.nn.Module):
        """Each pixel by itself."""

        def __init__(self, planes, outputs):
            super().__init__()
            self.mix = torch.nn.Conv2d(planes, outputs, 1)

        def heads(self, x):
            return (self.mix(x),)

        def forward(self, x):
            return self.mix(x).sigmoid()

    monkeypatch.setattr(ICE_METHODS, "_entries", dict(ICE_METHODS._entries))
    ICE_METHODS.register(
        "dot", trained_method("dot", "pixels alone", Network(Dot, ("water", "ice", "cloud")))
    )
    words = ["--method", "dot", "--epochs", "2", "--rate", "0.1", "--device", "cpu"]
    done = obriy("train", "ice", data, *words, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "run" / "result.json").read_text())
    assert (told["method"], told["parameters"]) == ("dot", 3 * 8)
    image = next(data.glob("*.tif"))
    model = told["outputs"]["model"]
    mapped = obriy("ice", image, "--model", model, "--out", tmp_path / "map", "--outputs", "map")
    assert mapped.returncode == 0, mapped.stderr
    assert json.loads((tmp_path / "map" / "result.json").read_text())["method"] == "dot"
