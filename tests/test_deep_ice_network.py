"""Trained segmenters as methods for ice: windows, codes, what is missing (extra ``deep``)."""

import numpy as np
import pytest

pytest.importorskip("torch")

from ice_scenes import run_in_blocks, small_sea
from obriy.errors import BandError, InputError
from obriy.methods.ice.spec import ICE_METHODS, parse_ice_method
from obriy.model.card import Card
from obriy.model.ice import BANDS, CLOUD, ICE, WATER
from obriy.model.legend import load_legend
from obriy.nets.networks import TrainedNetwork

SIZE = {"m201": (285, 430), "unet": (64, 96), "segformer": (64, 96)}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Untrained networks in files: their opinion is worth nothing, but it is always the same."""
    folder = tmp_path_factory.mktemp("networks")
    for name, size in SIZE.items():
        kind = ICE_METHODS.get(name).model
        card = Card(
            name, BANDS, load_legend("ice"), kind.outputs, BANDS, (0.3,) * 7, (0.3,) * 7, size,
            spare=kind.spare,
        )  # fmt: skip
        network = kind.fresh(7, len(kind.outputs), seed=4)
        (folder / name).write_bytes(TrainedNetwork(kind, network, card, "cpu").to_bytes())
    return folder


@pytest.mark.parametrize(("name", "sides"), [("unet", (50, 71)), ("m201", (200,))])
def test_any_cut_gives_the_same_map(weights, name, sides):
    _, bands, flags = small_sea(rows=130, columns=170)
    bands["red"][5, 5] = np.nan
    method = parse_ice_method(name, weights=weights / name, device="cpu")
    whole, rule = run_in_blocks(method, bands, flags, 500)
    for side in sides:
        cut, _ = run_in_blocks(method, bands, flags, side)
        for layer in ("labels", "confidence"):
            assert np.array_equal(cut[layer], whole[layer])
    assert whole["labels"][5, 5] == 0
    assert whole["confidence"][5, 5] == 255
    codes = {WATER, ICE} if name == "m201" else {WATER, ICE, CLOUD}
    assert set(np.unique(whole["labels"])) - {0} <= codes
    assert rule.describe()["network"] == name


def test_a_scene_of_one_window_gets_what_the_network_says(weights):
    _, bands, flags = small_sea(rows=285, columns=430)
    method = parse_ice_method("m201", weights=weights / "m201", device="cpu")
    layers, _ = run_in_blocks(method, bands, flags, 500)
    said = method.model.probabilities(bands)[0]
    assert np.array_equal(layers["labels"] == ICE, said >= 0.5)
    sure = np.maximum(said, 1 - said)
    assert np.abs(layers["confidence"] / 200 - sure).max() <= 0.0026


def test_bands_and_names(weights):
    method = parse_ice_method("unet", weights=weights / "unet", device="cpu")
    assert method.bands(set(BANDS)) == set(BANDS)
    with pytest.raises(BandError, match="swir12"):
        method.bands(set(BANDS) - {"swir12"})
    with pytest.raises(InputError, match="holds 'unet'"):
        parse_ice_method("m211", weights=weights / "unet", device="cpu")


def test_a_network_that_can_spare_bands_maps_without_them(weights):
    """As MODIS without bands 5 and 6: what is not there is as the middle of what it learnt."""
    method = parse_ice_method("segformer", weights=weights / "segformer", device="cpu")
    fewer = set(BANDS) - {"swir12", "swir16"}
    assert method.bands(fewer) == fewer
    assert method.bands(set(BANDS)) == set(BANDS)
    with pytest.raises(BandError, match="swir22"):
        method.bands(fewer - {"swir22"})
    _, bands, flags = small_sea(rows=64, columns=96)
    middle = {n: np.full((64, 96), 0.3, "float32") for n in ("swir12", "swir16")}
    lacking, _ = run_in_blocks(method, {n: bands[n] for n in BANDS if n in fewer}, flags, 500)
    whole, _ = run_in_blocks(method, bands | middle, flags, 500)
    for layer in ("labels", "confidence"):
        assert np.array_equal(lacking[layer], whole[layer])
    bands["swir16"][5, 5] = np.nan
    bands["nir"][6, 6] = np.nan
    holed, _ = run_in_blocks(method, bands, flags, 500)
    assert holed["labels"][5, 5] != 0
    assert holed["labels"][6, 6] == 0
