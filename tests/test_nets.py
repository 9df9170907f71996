"""What of the networks works without torch: encoding, and a clear word where torch is missing."""

import sys

import numpy as np
import pytest

from obriy.errors import InputError, MissingExtraError
from obriy.nets.autoencoder import Autoencoder, train_autoencoder
from obriy.nets.torch_library import load_library


@pytest.fixture
def by_hand():
    """Two features to one code: code = 2 tanh(a) - tanh(a + b + 1) + 0.5."""
    return Autoencoder.from_arrays(
        {
            "encoder_0_weights": np.array([[1, 1], [0, 1]], "float32"),
            "encoder_0_offsets": np.array([0, 1], "float32"),
            "encoder_1_weights": np.array([[2], [-1]], "float32"),
            "encoder_1_offsets": np.array([0.5], "float32"),
            "decoder_0_weights": np.array([[1]], "float32"),
            "decoder_0_offsets": np.array([0], "float32"),
            "decoder_1_weights": np.array([[3, 0]], "float32"),
            "decoder_1_offsets": np.array([0, 7], "float32"),
            "history": np.array([[0.5, 0.4], [0.3, 0.2], [0.2, 0.25]], "float32"),
        }
    )


def test_codes_by_hand(by_hand):
    # tanh 0.5 = 0.462117, tanh 1 = 0.761594, tanh 2 = 0.964028
    codes = by_hand.encode([[0.5, 0.5], [0, 0]])
    np.testing.assert_allclose(codes, [[0.924234 - 0.964028 + 0.5], [-0.261594]], atol=1e-5)
    assert codes.dtype == np.float32
    np.testing.assert_allclose(by_hand.decode([[1.0]]), [[3 * 0.761594, 7]], atol=1e-5)
    assert by_hand.dimensions == 1
    assert by_hand.loss == pytest.approx(0.2)


def test_many_pixels_are_encoded_as_few(by_hand):
    x = np.random.default_rng(0).normal(size=(300_000, 2)).astype("float32")
    np.testing.assert_allclose(by_hand.encode(x)[-3:], by_hand.encode(x[-3:]), atol=1e-6)


def test_missing_stays_missing_and_the_input_unchanged(by_hand):
    x = np.array([[np.nan, 0], [0, 0]], "float32")
    codes = by_hand.encode(x)
    assert np.isnan(codes[0])
    assert np.isfinite(codes[1])
    np.testing.assert_array_equal(x, [[np.nan, 0], [0, 0]])


def test_there_and_back_through_a_file(by_hand, tmp_path):
    np.savez(tmp_path / "a.npz", **by_hand.to_arrays())
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        again = Autoencoder.from_arrays(arrays)
    np.testing.assert_array_equal(again.encode([[1, 2]]), by_hand.encode([[1, 2]]))
    np.testing.assert_array_equal(again.history, by_hand.history)


def test_other_features_than_in_training(by_hand):
    with pytest.raises(InputError, match="trained on 2 features"):
        by_hand.encode([[1, 2, 3]])
    arrays = by_hand.to_arrays()
    del arrays["encoder_1_weights"]
    with pytest.raises(InputError, match="encoder_1_weights"):
        Autoencoder.from_arrays(arrays)


def test_without_torch_the_way_out_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"torch is not installed.*pip install .*\[deep\]"):
        train_autoencoder(np.zeros((5, 2)), seed=0)
    with pytest.raises(MissingExtraError):
        load_library("torch")
