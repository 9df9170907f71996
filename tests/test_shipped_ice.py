"""The small networks for ice that come trained, and how they are computed without torch."""

import dataclasses

import numpy as np
import pytest

from ice_scenes import run_in_blocks
from obriy.errors import BandError, InputError, UsageError
from obriy.methods.ice.network import NetworkIce
from obriy.methods.ice.spec import ICE_METHODS, parse_ice_method
from obriy.model.card import Card
from obriy.model.ice import BANDS, CLOUD, ICE, LAND, WATER
from obriy.model.legend import load_legend
from obriy.nets.ice_teaching import best_limit
from obriy.nets.learning import Examples
from obriy.nets.model_file import model_bytes, model_path, open_model, shipped_model
from obriy.nets.networks import PlainNetwork
from obriy.simulate.ice.scene import simulate_ice
from obriy.validation.ice_scores import count_ice
from obriy.workflows.ice.mapping import ice_method, map_ice

SHIPPED = {"m201": (115_980, 28), "m211": (301_132, 120)}
"""Their parameters, and scenes of the winter that judged them."""


@pytest.fixture(scope="module", params=list(SHIPPED))
def shipped(request):
    """A network as it is computed where torch is not installed."""
    return in_numpy(request.param)


def in_numpy(name):
    card, weights = open_model(shipped_model(name))
    kind = ICE_METHODS.get(name).model
    return PlainNetwork(kind, kind.plain(weights), card)


@pytest.fixture(scope="module")
def bay():
    """A bay that no network learnt from."""
    return simulate_ice(4100, "2012-02-08T04:05", satellite="aqua")


def test_its_card_says_what_taught_it(shipped):
    card = shipped.card
    parameters, judges = SHIPPED[card.method]
    assert (card.parameters, card.bands) == (parameters, BANDS)
    assert card.made_up
    assert len(card.sources) > 100
    years = {part: set(card.split[part]["blocks"]) for part in ("train", "validation", "test")}
    assert not years["train"] & years["test"]
    assert not years["validation"] & (years["train"] | years["test"])
    assert card.scores["test"]["iou"] > 0.7
    assert 0 < card.limit < 1
    judged_by = set(card.split["test"]["names"])
    assert len(judged_by) == judges
    assert not judged_by & set(card.sources)


def test_what_went_on_learning_knows_where_it_came_from():
    card, _ = open_model(shipped_model("m201"))
    assert card.before["before"]["schedule"]["epochs"] == 8  # it went on twice


@pytest.mark.parametrize("name", SHIPPED)
def test_it_maps_a_bay_that_it_never_saw_and_says_what_it_is(name, bay):
    found = map_ice(bay.scene, model=name)
    counts = count_ice(bay.truth.values, found.labels.values)
    assert counts.tp / (counts.tp + counts.fp + counts.fn) > 0.45
    assert set(np.unique(found.labels)) <= {0, WATER, ICE, CLOUD, LAND}
    decision = found.provenance.step("ice")["decision"]
    assert (decision["network"], decision["learnt_from_made_up"]) == (name, True)
    assert any("simulated scenes alone" in str(one) for one in found.provenance.warnings)
    assert any("knows no clouds" in str(one) for one in found.provenance.warnings)
    assert found.provenance.step("clouds")["by"] == "auto"
    by_name = map_ice(bay.scene, name)
    np.testing.assert_array_equal(found.labels, by_name.labels)


def test_a_file_of_that_name_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert model_path("m201") == shipped_model("m201")
    (tmp_path / "m201").write_bytes(b"mine")
    assert model_path("m201").read_bytes() == b"mine"
    assert shipped_model("deeplab") is None
    with pytest.raises(UsageError, match="must have been trained"):
        parse_ice_method("deeplab")
    with pytest.raises(InputError, match="nowhere of a model is not there"):
        ice_method("auto", "nowhere")


# Pixels by probability: a network that says the reflectance of its one band.
SAID = {0.9375: ICE, 0.625: ICE, 0.375: ICE, 0.3125: LAND, 0.25: WATER, 0.125: CLOUD, np.nan: ICE}


@pytest.fixture
def echo():
    card = Card("m201", ("red",), load_legend("ice"), ("ice",), ("red",), (0.0,), (1.0,))
    return PlainNetwork(ICE_METHODS.get("m201").model, lambda x: x, card)


def test_the_limit_by_hand(echo):
    # From above 0.25 to 0.375 all ice and nothing else is said (land and what is missing do not
    # count): IoU 1; the highest takes least of what is no ice.
    inputs = np.array(list(SAID), "float16")[None, None, None]
    labels = np.array(list(SAID.values()), "uint8")[None, None]
    assert best_limit(echo, Examples(inputs, labels)) == pytest.approx(0.375)
    # Cloud brighter than the faintest ice: 2 of 3 is better than 3 of 3 with two of cloud.
    labels[0, 0, 3:5] = CLOUD
    inputs[0, 0, 0, 3:5] = 0.5
    assert best_limit(echo, Examples(inputs, labels)) == pytest.approx(0.625)


def test_ice_is_what_reaches_the_limit_of_the_card(echo):
    echo.card = dataclasses.replace(echo.card, limit=0.25)
    bands, flags = {"red": np.array([list(SAID)], "float32")}, np.zeros((1, len(SAID)), "uint16")
    found, _ = run_in_blocks(NetworkIce(echo, "m201"), bands, flags, 9)
    assert found["labels"].tolist() == [[ICE, ICE, ICE, ICE, ICE, WATER, 0]]


def test_fewer_bands_are_refused(shipped):
    with pytest.raises(BandError, match="swir12"):
        ice_method(shipped.card.method).bands(set(BANDS) - {"swir12"})
    with pytest.raises(BandError, match="swir16"):
        shipped.probabilities({n: np.zeros((9, 9), "float32") for n in BANDS if n != "swir16"})


def test_weights_of_another_network_are_refused(tmp_path):
    card, weights = open_model(shipped_model("m201"))
    file = tmp_path / "model.obriy"
    file.write_bytes(model_bytes(dataclasses.replace(card, method="m211"), weights))
    with pytest.raises(InputError, match="damaged"):
        parse_ice_method("m211", weights=file, device="cpu")


@pytest.mark.parametrize("name", SHIPPED)
def test_any_cut_gives_the_same_map(name, bay):
    bands = {name: bay.scene[name].values[:150, :140] for name in BANDS}
    flags = bay.scene["flags"].values[:150, :140]
    method = ice_method(name)
    whole, _ = run_in_blocks(method, bands, flags, 500)
    cut, _ = run_in_blocks(method, bands, flags, 80)
    np.testing.assert_array_equal(cut["labels"], whole["labels"])
    assert CLOUD not in whole["labels"]
