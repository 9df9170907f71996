"""`run_ice_training` without torch: what is read, how classifiers are taught and judged."""

import json
import sys

import numpy as np
import pytest
import xarray as xr

from conftest import utm_grid
from obriy.blocks.engine import EngineOptions
from obriy.errors import BandError, InputError, MissingExtraError, UsageError
from obriy.methods.ice.learned import Classifier
from obriy.methods.ice.spec import ICE_METHODS, parse_ice_method, trained_method
from obriy.model.grid import coords_of
from obriy.model.ice import BANDS, CLOUD, ICE, LAND, WATER, IceExample
from obriy.model.layers import LAYERS
from obriy.model.provenance import Provenance
from obriy.model.scene import make_scene
from obriy.nets.learning import Epoch
from obriy.nets.ssegm import SIZE
from obriy.outputs.cog import write_layer
from obriy.render.figures import to_png
from obriy.render.learning import learning_figure
from obriy.simulate.files.scene import write_scene
from obriy.workflows.config.base import make_config
from obriy.workflows.config.ice import IceCompareConfig, IceTrainConfig
from obriy.workflows.config.landcover import LandcoverTrainConfig
from obriy.workflows.learn.ice import run_ice_training
from obriy.workflows.learn.ice_lessons import (
    PIXELS,
    judged,
    learnt_bands,
    read_pixels,
    read_windows,
    scaling,
)
from test_water_command import error_line
from test_water_command import obriy as command

SPECTRA = {
    WATER: (0.03, 0.02, 0.06, 0.05, 0.015, 0.01, 0.01),
    ICE: (0.70, 0.62, 0.72, 0.71, 0.30, 0.10, 0.08),
    CLOUD: (0.55, 0.54, 0.56, 0.55, 0.50, 0.42, 0.33),
    LAND: (0.10, 0.25, 0.06, 0.09, 0.30, 0.22, 0.12),
}
"""By code, in the order of BANDS."""
TIMES = [f"{year}-{day}T04:05" for year in range(2016, 2021) for day in ("01-20", "02-20", "03-10")]
"""Of five winters, three dates each."""


def example(time, shape=(60, 90), ice=True):
    random = np.random.default_rng(int(time[:4] + time[5:7] + time[8:10]))
    codes = np.full(shape, WATER, "uint8")
    row, column = random.integers(5, 25), random.integers(5, 40)
    codes[row : row + 20, column : column + 30] = ICE if ice else WATER
    codes[45:55, :40], codes[:, 80:] = CLOUD, LAND
    grid = utm_grid(shape, resolution=500.0)
    planes = np.zeros((7, *shape))
    for code, spectrum in SPECTRA.items():
        planes += np.where(codes == code, np.array(spectrum)[:, None, None], 0)
    planes += random.normal(0, 0.01, planes.shape)
    bands = {
        n: xr.Variable(("y", "x"), p.astype("float32")) for n, p in zip(BANDS, planes, strict=True)
    }
    scene = make_scene(bands, grid, sensor="modis_hkm", provenance=Provenance(), time=time)
    labels = xr.DataArray(codes, coords_of(grid), ("y", "x"))
    return IceExample(time.replace(":", "") + "_aqua", time, scene, labels)


def write(folder, examples):
    for one in examples:
        write_scene(one.scene, folder / f"{one.name}.tif")
        write_layer(one.labels, folder / "labels" / f"{one.name}.tif", LAYERS["map"])
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bay")
    return write(folder, [example(time, ice="03-10" not in time) for time in TIMES])


def train(data, out, **values):
    return run_ice_training(make_config(IceTrainConfig, {"data": data, "out": out, **values}))


# What is read ------------------------------------------------------------------------------------


def test_windows_of_larger_and_smaller_scenes():
    rows, columns = SIZE
    large, small = example(TIMES[0], (rows + 40, columns)), example(TIMES[1], (50, 70))
    large.scene["swir22"][3, 4] = np.nan
    windows = read_windows([large, small], BANDS, seed=0)
    assert windows.inputs.shape == (3, 7, *SIZE)
    np.testing.assert_array_equal(windows.targets[0], large.labels[:rows])
    np.testing.assert_array_equal(windows.targets[1], large.labels[40:])  # moved back, not padded
    np.testing.assert_array_equal(windows.targets[2, :50, :70], small.labels)
    assert not windows.targets[2, 50:].any()
    assert np.isnan(windows.inputs[2, :, 50:]).all()
    assert np.isnan(windows.inputs[0, :, 3, 4]).all()  # one band missing, all missing
    np.testing.assert_allclose(
        windows.inputs[2, 4, :50, :70], small.scene["swir12"], rtol=1e-3, atol=1e-4
    )


def test_scaling_is_mean_and_standard_deviation():
    windows = read_windows([example(TIMES[0], SIZE), example(TIMES[1], (50, 70))], BANDS, seed=0)
    middle, spread = scaling(windows)
    pixels = windows.inputs[:, :, ::4, ::4].astype("float64").swapaxes(0, 1).reshape(7, -1)
    np.testing.assert_allclose(middle, np.nanmean(pixels, 1), rtol=1e-6)
    np.testing.assert_allclose(spread, np.nanstd(pixels, 1), rtol=1e-6)


def test_pixels_of_every_class_and_none_of_land():
    features, classes = read_pixels([example(TIMES[0]), example(TIMES[1])], BANDS, seed=0)
    counts = {code: int((classes == code).sum()) for code in (WATER, ICE, CLOUD, LAND)}
    assert counts == {WATER: 2 * PIXELS, ICE: 2 * 600, CLOUD: 2 * 400, LAND: 0}
    water = features[classes == WATER].mean(0)
    np.testing.assert_allclose(water[:7], SPECTRA[WATER], atol=0.002)
    empty = example(TIMES[0])
    empty.labels[:] = 0
    with pytest.raises(InputError, match="None of 1 scenes"):
        read_pixels([empty], BANDS, seed=0)


def test_bands_to_learn_from():
    one = example(TIMES[0])
    assert learnt_bands([one], BANDS, "m211") == BANDS
    few = IceExample(one.name, one.time, one.scene.drop_vars("swir16"), one.labels)
    assert learnt_bands([few], (), "unet") == tuple(b for b in BANDS if b != "swir16")
    with pytest.raises(BandError, match=r"lack swir16.*forest"):
        learnt_bands([few], BANDS, "m211")


def test_methods_are_told_the_land_and_judged_on_the_sea():
    one = example(TIMES[0])
    (found, said, counts, seconds) = next(
        iter(judged(parse_ice_method("green:0.3"), [one], EngineOptions()))
    )
    assert found is one
    assert seconds > 0
    assert (said[one.labels.values == LAND] == LAND).all()
    # A threshold of green takes all ice, and all cloud for ice.
    assert (counts.tp, counts.fp, counts.fn, counts.cloud_as_ice) == (600, 400, 0, 400)
    assert counts.tp + counts.fp + counts.fn + counts.tn == 60 * 80


# Training ----------------------------------------------------------------------------------------


def test_a_classifier_is_taught_judged_and_used(data, tmp_path):
    out = tmp_path / "run"
    run = train(data, out, method="linear", seed=1)
    result = json.loads((out / "result.json").read_text())
    assert result == json.loads(json.dumps(run.result.to_dict()))
    assert result["job"] == "train-ice"
    assert result["test"]["iou"] > 0.95
    assert result["test"]["cloud_as_ice"] < 0.05
    split = result["split"]
    assert not set(split["train"]["blocks"]) & set(split["test"]["blocks"])
    assert not set(split["validation"]["blocks"]) & set(split["test"]["blocks"])
    assert sum(split[part]["scenes"] for part in ("train", "validation", "test")) == len(TIMES)
    method = parse_ice_method("linear", weights=out / "model.obriy")
    card = method.card
    assert set(card.sources) == {*split["train"]["names"], *split["validation"]["names"]}
    assert card.scores["test"]["iou"] == result["test"]["iou"]
    assert result["command"].startswith("obriy train ice ")
    before = (out / "model.obriy").stat().st_mtime_ns
    assert train(data, out, method="linear", seed=1).result.to_dict()["test"] == result["test"]
    assert (out / "model.obriy").stat().st_mtime_ns == before


def test_what_a_reader_should_know_is_said(data, tmp_path):
    folder = tmp_path / "bay"
    folder.mkdir()
    write(folder, [example(time) for time in TIMES[:7]])
    (folder / "labels" / "2016-01-20T0405_aqua.tif").unlink()
    result = train(folder, tmp_path / "run", method="linear", split="random").result.to_dict()
    warnings = result["provenance"]["warnings"]
    assert "1 scenes without labels were left out: 2016-01-20T0405_aqua." in warnings
    assert any("optimistic" in sentence for sentence in warnings)
    assert "optimistic" in result["split"]["rule"]


def test_no_ice_on_the_test_is_not_called_0_or_1(data, tmp_path):
    folder = tmp_path / "bay"
    folder.mkdir()
    # Three ten-day periods, each its own part; which has no ice is tried for all.
    for number, icy in enumerate(([0, 1, 1], [1, 0, 1], [1, 1, 0])):
        place = folder / str(number)
        place.mkdir()
        days = ("2021-02-05T04:05", "2021-02-15T04:05", "2021-02-25T04:05")
        write(place, [example(d, ice=bool(i)) for d, i in zip(days, icy, strict=True)])
    told = []
    for number in range(3):
        test = train(
            folder / str(number), tmp_path / f"run{number}", method="linear"
        ).result.to_dict()["test"]
        told.append((test["iou"], test["undefined"]))
    assert sum("not defined" in undefined for _, undefined in told) == 1
    assert [iou is None for iou, _ in told] == ["not defined" in undefined for _, undefined in told]


def test_scenes_that_cannot_be_set_apart(data, tmp_path):
    folder = tmp_path / "bay"
    folder.mkdir()
    write(folder, [example("2021-02-05T04:05"), example("2021-02-06T04:05")])
    with pytest.raises(UsageError, match="three are needed"):
        train(folder, tmp_path / "run", method="forest")
    assert not (tmp_path / "run").exists()


def test_without_torch_the_way_out_is_said_at_once(data, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"pip install .*\[deep\]"):
        train(data, tmp_path / "run", method="m211")
    assert not (tmp_path / "run").exists()


# Figure ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lang", "test"), [("en", "test scenes: 0.700"), ("uk", "0,700")])
def test_the_figure_tells_what_chose_from_what_is_reported(lang, test):
    history = [
        Epoch(n, 1 / n, 1.2 / n, None if n == 1 else 0.2 * n, 0.25 * n, 1e-3, 9.0)
        for n in (1, 2, 3)
    ]
    figure = learning_figure(history, 3, 0.7, of="ice", lang=lang)
    share = figure.axes[1]
    labels = [text.get_text() for text in share.get_legend().get_texts()]
    assert len(labels) == 2
    assert test in labels[1]
    points = [line.get_xydata().tolist() for line in share.lines if line.get_marker() in ("o", "D")]
    assert points == [[[3, 0.75]], [[3, 0.7]]]
    assert len(learning_figure(history, 3, of="ice").axes[1].get_legend().get_texts()) == 1
    assert to_png(figure)[:4] == b"\x89PNG"


# The command ------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [("{data}",), ("--data", "{data}")])
def test_the_folder_stands_alone_or_behind_its_option(data, tmp_path, words):
    out = tmp_path / "run"
    given = [word.format(data=data) for word in words]
    done = command("train", "ice", *given, "--method", "linear", "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert json.loads((out / "result.json").read_text())["data"] == str(data)


@pytest.mark.parametrize("job", ["train", "compare"])
def test_two_folders_are_one_too_many(tmp_path, job):
    done = command(job, "ice", str(tmp_path), "--data", str(tmp_path))
    assert "--data is said twice" in error_line(done, 2)


def test_a_method_that_is_one_entry_is_trained_and_maps(data, tmp_path, monkeypatch):
    from sklearn.naive_bayes import GaussianNB

    monkeypatch.setattr(ICE_METHODS, "_entries", dict(ICE_METHODS._entries))
    entry = trained_method(
        "bayes", "naive Bayes of pixels", Classifier(lambda seed: GaussianNB(), 900)
    )
    ICE_METHODS.register("bayes", entry)
    assert "naive Bayes of pixels; trained (--model)" in command("methods").stdout
    done = command("train", "ice", data, "--method", "bayes", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "run" / "result.json").read_text())
    assert (told["method"], told["pixels"]) == ("bayes", 900)
    assert told["test"]["iou"] > 0.9
    model = told["outputs"]["model"]
    assert told["outputs"]["weights"] == model
    # The file says by itself what it is.
    image = next(data.glob("2016-02-20*.tif"))
    mapped = command("ice", image, "--model", model, "--out", tmp_path / "map", "--outputs", "map")
    assert mapped.returncode == 0, mapped.stderr
    assert json.loads((tmp_path / "map" / "result.json").read_text())["method"] == "bayes"
    compared = command(
        "compare", "ice", data, "--methods", "green:0.3,bayes", "--out", tmp_path / "compare"
    )
    assert compared.returncode == 0, compared.stderr
    rows = (tmp_path / "compare" / "comparison.csv").read_text().splitlines()
    assert any(row.startswith("bayes,classifier,") for row in rows)


def test_what_cannot_be_trained_is_said_with_what_can(data):
    done = command("train", "ice", data, "--method", "kmeens")
    assert "forest" in error_line(done, 2)
    assert "forest" in error_line(command("train", "ice", data, "--method", "kmeans"), 2)


def test_files_of_a_training_mean_the_same_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "imagenet").mkdir()  # where somebody keeps pictures
    for name in ("resnet18.pth", "mine.obriy", "truth.tif"):
        (tmp_path / name).write_text("")

    def pretrained(name):
        return IceTrainConfig(data="bay", pretrained=name).anchored()

    assert pretrained("resnet18.pth").pretrained == str(tmp_path / "resnet18.pth")
    assert pretrained("resnet18.pth").data == tmp_path / "bay"
    assert pretrained("imagenet").pretrained == "imagenet"
    compared = IceCompareConfig(data="bay", model=["knn=mine.obriy", "svm"]).anchored()
    assert compared.model == [f"knn={tmp_path / 'mine.obriy'}", "svm"]
    taught = LandcoverTrainConfig(runs=["run"], reference="truth.tif").anchored()
    assert (taught.runs, taught.reference) == ([tmp_path / "run"], str(tmp_path / "truth.tif"))
