"""Methods for ice: one contract for all, and what each must get right by pen and paper."""

import dataclasses
import gzip
import io
import json
from pathlib import Path

import numpy as np
import pytest

from ice_scenes import run_in_blocks, small_sea
from obriy.errors import BandError, InputError, UnknownNameError, UsageError
from obriy.methods.ice.learned import Classifier, feature_names, features_of
from obriy.methods.ice.spec import ICE_METHODS, ice_methods, parse_ice_method
from obriy.model.card import Card
from obriy.model.ice import BANDS, CLOUD, ICE, LAND, WATER
from obriy.model.legend import load_legend
from obriy.nets.model_file import model_bytes, open_model

PLAIN = [m.name for m in ice_methods() if m.model is None] + ["nir:otsu", "NDWI:0.2"]
CLASSIFIERS = {m.name: m.model for m in ice_methods() if isinstance(m.model, Classifier)}
MODELS = Path(__file__).parent / "models"
"""Small models in the formats of before there was one, made by the code of then."""
SAID = {
    "linear": [
        0.9954408407211304,
        0.9940590858459473,
        0.9950916767120361,
        0.9916449189186096,
        0.9962157607078552,
    ],
    "forest": [1.0, 1.0, 1.0, 0.9833333492279053, 1.0],
}
NETWORKS = ("m201", "m211", "unet", "deeplab", "segformer")
ALL = [*PLAIN, *CLASSIFIERS]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file of each kind of classifier, fitted to a small sea."""
    folder = tmp_path_factory.mktemp("weights")
    truth, bands, _ = small_sea(seed=2)
    sea = truth != LAND
    features = features_of(bands)[:, sea].T
    for name, kind in CLASSIFIERS.items():
        found = kind.fit(features, truth[sea], card_of(name))
        (folder / name).write_bytes(found.to_bytes())
    return folder


def card_of(name):
    """The card of a classifier that has not learnt yet."""
    return Card(name, BANDS, load_legend("ice"), (), feature_names(BANDS), sources=("a",), seed=3)


def made(name, weights, seed=0):
    return parse_ice_method(
        name, weights=weights / name if name in CLASSIFIERS else None, seed=seed
    )


def test_every_method_of_the_registry_is_tested_here_or_with_torch():
    assert {m.name for m in ice_methods()} == {*ICE_METHODS} == {*ALL, *NETWORKS} - {
        "nir:otsu", "NDWI:0.2",
    }  # fmt: skip


@pytest.mark.parametrize("name", ALL)
def test_the_small_sea_is_named(name, weights):
    truth, bands, flags = small_sea()
    layers, rule = run_in_blocks(made(name, weights), bands, flags, 200)
    labels = layers["labels"]
    assert set(np.unique(labels)) <= {0, WATER, ICE, CLOUD, 255}
    named = (truth != LAND) & (labels != 255)
    assert named[truth != LAND].mean() > 0.9
    for code in (WATER, ICE):
        mine = named & (truth == code)
        assert (labels[mine] == code).mean() > 0.95, code
    if name in CLASSIFIERS or (name in ICE_METHODS and ICE_METHODS.get(name).gives_cloud):
        assert (labels[named & (truth == CLOUD)] == CLOUD).mean() > 0.95
    assert isinstance(rule.describe(), dict)


@pytest.mark.parametrize("name", ALL)
def test_any_cut_into_blocks_gives_the_same_map(name, weights):
    _, bands, flags = small_sea()
    bands["green"][7, 40] = bands["nir"][20, 3] = np.nan
    whole, _ = run_in_blocks(made(name, weights), bands, flags, 200)
    for side in (37, 64):
        cut, _ = run_in_blocks(made(name, weights), bands, flags, side)
        assert set(cut) == set(whole)
        for layer in whole:
            assert np.array_equal(cut[layer], whole[layer]), (layer, side)


@pytest.mark.parametrize("name", ALL)
def test_a_missing_band_is_no_data(name, weights):
    _, bands, flags = small_sea()
    method = made(name, weights)
    needed = sorted(method.bands(set(bands)))
    bands = {n: bands[n] for n in needed}
    for k, plane in enumerate(bands.values()):
        plane[k, 30:33] = np.nan
    layers, _ = run_in_blocks(method, bands, flags, 200)
    for k in range(len(needed)):
        assert (layers["labels"][k, 30:33] == 0).all()
        if "fraction" in layers:
            assert (layers["fraction"][k, 30:33] == 255).all()
    assert (layers["labels"][len(needed), 30:33] != 0).all()


@pytest.mark.parametrize("name", ALL)
def test_a_seed_repeats(name, weights):
    _, bands, flags = small_sea()
    first, _ = run_in_blocks(made(name, weights, seed=5), bands, flags, 200)
    again, _ = run_in_blocks(made(name, weights, seed=5), bands, flags, 200)
    assert np.array_equal(first["labels"], again["labels"])


@pytest.mark.parametrize("name", ALL)
def test_what_is_missing_is_named(name, weights):
    method = made(name, weights)
    with pytest.raises(BandError) as caught:
        method.bands({"coastal"})
    assert caught.value.hint


@pytest.mark.parametrize("name", [n for n in PLAIN if n not in {"NDWI:0.2", "nir:otsu"}])
def test_land_teaches_nothing(name):
    """What lies under the land mask may change as it likes: the sea keeps its map."""
    truth, bands, flags = small_sea()
    before, _ = run_in_blocks(made(name, None), bands, flags, 200)
    for plane in bands.values():
        plane[truth == LAND] = 0.2
    after, _ = run_in_blocks(made(name, None), bands, flags, 200)
    sea = truth != LAND
    # The edges of a watershed may move by the pixel beside the land.
    assert (before["labels"][sea] == after["labels"][sea]).mean() > 0.99


def test_otsu_looks_at_the_sea_alone():
    """A snowy coast is brighter than grey ice by more than that is than water."""
    truth, bands, flags = small_sea()
    bands["nir"][truth == LAND] = 1.4
    bands["nir"][truth == ICE] *= 0.3
    cloud = truth == CLOUD
    bands["nir"][cloud] = bands["nir"][truth == WATER][: cloud.sum()]
    _, with_mask = run_in_blocks(made("nir:otsu", None), bands, flags, 200)
    _, without = run_in_blocks(made("nir:otsu", None), bands, None, 200)
    assert 0.03 < with_mask.tests[0].value < 0.2 < without.tests[0].value


def pixel(**bands):
    return {name: np.array([[value]], np.float32) for name, value in bands.items()}


@pytest.mark.parametrize(
    ("name", "bands", "code"),
    [
        # NDSI of these is (0.5 - 0.2) / 0.7 = 0.43 and (0.5 - 0.25) / 0.75 = 0.33
        ("ndsi", {"green": 0.5, "nir": 0.4, "swir16": 0.2}, ICE),
        ("ndsi", {"green": 0.5, "nir": 0.4, "swir16": 0.25}, WATER),
        ("ndsi", {"green": 0.5, "nir": 0.10, "swir16": 0.02}, WATER),
        ("ndsi", {"green": 0.09, "nir": 0.12, "swir16": 0.01}, WATER),
        ("mod29", {"green": 0.5, "red": 0.5, "swir16": 0.2}, ICE),
        ("mod29", {"green": 0.5, "red": 0.09, "swir16": 0.02}, WATER),
        # MOD10 takes NDSI from 0.1 on, and leaves what is bright at 1.6 um
        ("mod10", {"green": 0.5, "nir": 0.4, "swir16": 0.4}, ICE),
        ("mod10", {"green": 0.7, "nir": 0.7, "swir16": 0.5}, WATER),
        # NDSII-2 is (0.30 - 0.15) / 0.45 = 0.33 for grey ice, and 0.68 for a bright plume
        ("ndsii2", {"green": 0.30, "nir": 0.15}, ICE),
        ("ndsii2", {"green": 0.63, "nir": 0.12}, WATER),
        ("ndsii2", {"green": 0.06, "nir": 0.05}, WATER),
        ("green:0.2", {"green": 0.21}, ICE),
        ("green:0.2", {"green": 0.19}, WATER),
        # water scores above ice in NDWI, so ice lies below the cut
        ("NDWI:0.3", {"green": 0.8, "nir": 0.7}, ICE),
        ("NDWI:0.3", {"green": 0.08, "nir": 0.02}, WATER),
        ("NDSI:0.4", {"green": 0.5, "swir16": 0.0}, ICE),
    ],
)
def test_tests_by_pen_and_paper(name, bands, code):
    layers, _ = run_in_blocks(parse_ice_method(name), pixel(**bands), None, 4)
    assert layers["labels"][0, 0] == code


def test_an_undefined_index_is_unnamed_unless_another_test_says_water():
    dark = pixel(green=-0.01, nir=0.3, swir16=-0.02)
    layers, _ = run_in_blocks(parse_ice_method("NDSI:0.4"), dark, None, 4)
    assert layers["labels"][0, 0] == 255
    layers, _ = run_in_blocks(parse_ice_method("ndsi"), dark, None, 4)
    assert layers["labels"][0, 0] == WATER


def test_doubt_lies_within_a_fortieth_of_the_range():
    """The range of a band is 1.6: a cut of 0.2 could as well be at 0.16 or 0.24."""
    found = []
    for value in (0.15, 0.17, 0.23, 0.25):
        layers, _ = run_in_blocks(parse_ice_method("green:0.2"), pixel(green=value), None, 4)
        found.append(int(layers["doubt"][0, 0]))
    assert found == [0, 2, 1, 0]


def test_one_population_falls_back_to_the_table():
    truth, bands, flags = small_sea()
    rng = np.random.default_rng(0)
    bands["nir"][:] = rng.normal(0.03, 0.002, truth.shape)
    _, rule = run_in_blocks(parse_ice_method("nir:otsu"), bands, flags, 200)
    assert rule.tests[0].value == 0.2
    assert "one population" in rule.describe()["reason"]


def test_names():
    with pytest.raises(UnknownNameError, match="kmeens"):
        parse_ice_method("kmeens")
    with pytest.raises(UnknownNameError, match="band or index"):
        parse_ice_method("groen:0.2")
    with pytest.raises(UsageError, match="lies between"):
        parse_ice_method("green:40")
    with pytest.raises(UsageError, match="no model was given") as caught:
        parse_ice_method("forest")
    assert "obriy train ice" in caught.value.hint


def test_weights_that_belong_elsewhere(weights, tmp_path):
    with pytest.raises(UsageError, match="learns from no training"):
        parse_ice_method("mod29", weights=weights / "knn")
    with pytest.raises(InputError, match="holds 'knn'"):
        parse_ice_method("forest", weights=weights / "knn")
    with pytest.raises(InputError, match="not there"):
        parse_ice_method("forest", weights=tmp_path / "none")


def test_a_file_says_by_itself_what_it_holds(weights):
    assert parse_ice_method("auto", weights=weights / "knn").name == "knn"


def test_files_that_are_no_model(weights, tmp_path):
    import pickle

    import skops.io

    broken = tmp_path / "broken"
    for content in (
        b"<html>login</html>",
        (weights / "knn").read_bytes()[:500],
        pickle.dumps(print),
        skops.io.dumps({"format": "other"}),
        skops.io.dumps([1, 2]),
        skops.io.dumps({"format": "obriy ice classifier 1", "card": "{}", "model": 3}),
        model_bytes(card_of("knn"), {"arrays": np.zeros(2)})[:-60],
    ):
        broken.write_bytes(content)
        with pytest.raises(InputError) as caught:
            open_model(broken)
        assert "obriy train ice" in caught.value.hint


def test_a_model_of_another_kind_than_its_card_says(tmp_path):
    for name, learnt in (("knn", 3), ("forest", {"arrays": np.zeros(2)})):
        path = tmp_path / name
        path.write_bytes(model_bytes(card_of(name), learnt))
        with pytest.raises(InputError, match="damaged"):
            parse_ice_method(name, weights=path)
    path.write_bytes(model_bytes(card_of("student"), 3))
    with pytest.raises(InputError, match="holds 'student', which maps no ice"):
        parse_ice_method("auto", weights=path)


def test_a_file_that_would_run_code_is_refused(tmp_path):
    import os
    import zipfile

    import skops.io

    path = tmp_path / "evil"
    content = {"format": "obriy ice classifier 1", "card": "{}", "model": os.system}
    path.write_bytes(skops.io.dumps(content))
    with pytest.raises(InputError, match="not read"):
        open_model(path)
    path.write_bytes(model_bytes(card_of("knn"), os.system))
    with pytest.raises(InputError, match="not read"):
        open_model(path)
    pickled = io.BytesIO()
    np.savez(pickled, weights=np.array([print], object))
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("card.json", card_of("m201").to_json())
        file.writestr("weights.npz", pickled.getvalue())
    with pytest.raises(InputError, match="damaged"):
        open_model(path)


def test_a_tree_that_points_beyond_its_nodes_is_refused(weights, tmp_path):
    card, model = open_model(weights / "forest")
    tree = model[-1].estimators_[0].tree_
    state = tree.__getstate__()
    state["nodes"] = state["nodes"].copy()
    state["nodes"]["left_child"][0] = 10_000
    tree.__setstate__(state)
    (tmp_path / "bad").write_bytes(model_bytes(card, model))
    with pytest.raises(InputError, match="lead nowhere"):
        parse_ice_method("forest", weights=tmp_path / "bad")


def test_a_classifier_comes_back_from_its_file(weights):
    truth, bands, _ = small_sea(seed=7)
    features = features_of(bands)[:, truth != LAND].T
    for name, kind in CLASSIFIERS.items():
        found = kind.restored(*open_model(weights / name))
        assert found.card.method == name
        assert found.card.outputs == ("water", "ice", "cloud")
        assert found.card.samples == min(kind.most, (truth != LAND).sum())
        codes, shares = found.predict(features)
        assert (codes == truth[truth != LAND]).mean() > 0.97
        assert np.isnan(shares).all() if name == "svm" else (shares >= 0.33).all()


@pytest.mark.parametrize("name", ["linear", "forest"])
def test_classifiers_of_before_there_was_one_format(name, tmp_path):
    path = tmp_path / "weights.skops"
    path.write_bytes(gzip.decompress((MODELS / f"{name}.skops.gz").read_bytes()))
    method = parse_ice_method(name, weights=path)
    assert method.card.sources == ("a",)
    assert (method.card.seed, method.card.samples) == (3, 120)
    assert method.card.outputs == ("water", "ice", "cloud")
    truth, bands, _ = small_sea(seed=2)
    codes, shares = method.model.predict(features_of(bands)[:, truth != LAND].T[:5])
    assert codes.tolist() == [ICE] * 5
    # What they said when their files were written.
    np.testing.assert_allclose(shares, SAID[name], atol=1e-6)


def test_a_card_comes_back_whole():
    card = card_of("knn")
    assert Card.from_json(card.to_json()) == card
    later = json.loads(card.to_json()) | {"of a later version": 1, "size": [3, 4]}
    assert Card.from_json(json.dumps(later)) == dataclasses.replace(card, size=(3, 4))


def test_near_infrared_by_another_name(weights):
    _, bands, flags = small_sea()
    narrow = {("nir08" if name == "nir" else name): plane for name, plane in bands.items()}
    method = made("forest", weights)
    assert method.bands(set(narrow)) == set(narrow)
    whole, _ = run_in_blocks(method, bands, flags, 200)
    found, _ = run_in_blocks(method, narrow, flags, 200)
    assert np.array_equal(found["labels"], whole["labels"])


def test_features_are_bands_and_normalised_differences():
    bands = pixel(red=0.3, nir=0.3, blue=0.1, green=0.6, swir12=0.1, swir16=0.2, swir22=0.1)
    found = dict(
        zip(feature_names(BANDS), features_of({n: bands[n] for n in BANDS})[:, 0, 0], strict=True)
    )
    assert found["green-swir16"] == pytest.approx(0.5)
    assert found["nir-swir12"] == pytest.approx(0.5)
    assert found["red-blue"] == pytest.approx(0.5)
    assert len(found) == 12
    assert feature_names(("red", "blue")) == ("red", "blue", "red-blue")


def test_nothing_to_learn_from():
    with pytest.raises(InputError, match="one class"):
        CLASSIFIERS["knn"].fit(np.ones((5, 12), np.float32), np.full(5, ICE), card_of("knn"))
