"""The small networks for ice in numpy: layer by layer against scipy, and by hand."""

import math

import numpy as np
import pytest
from scipy import signal, special

from obriy.errors import InputError
from obriy.nets.plain import PlainSSegm, _convolved, _gelu, _pooled, _transposed
from obriy.nets.ssegm import M201_WIDTHS, M211_WIDTHS, layers


@pytest.mark.parametrize(("widths", "count"), [(M211_WIDTHS, 301_132), (M201_WIDTHS, 115_980)])
def test_the_table_of_layers_has_the_parameters_of_the_study(widths, count):
    # Weights, biases, and two numbers of normalisation a channel but for the last layer.
    total = sum(
        one.before * one.after * math.prod(one.side) + one.after * (1 if one.plain else 3)
        for one in layers(widths).values()
    )
    assert total == count


def test_a_convolution_is_that_of_scipy():
    random = np.random.default_rng(0)
    x, weight = random.normal(size=(3, 40, 9)), random.normal(size=(2, 3, 3, 3))
    found = _convolved(x.astype("float32"), weight.astype("float32"))
    wanted = [
        sum(signal.correlate(plane, kernel, "valid") for plane, kernel in zip(x, one, strict=True))
        for one in weight
    ]
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_a_transposed_convolution_is_that_of_zeros_between():
    random = np.random.default_rng(1)
    x, weight = random.normal(size=(3, 5, 4)), random.normal(size=(3, 2, 5, 6))
    spread = np.zeros((3, 9, 7))
    spread[:, ::2, ::2] = x
    found = _transposed(x.astype("float32"), weight.astype("float32"), 2)
    wanted = [
        sum(signal.convolve(p, k, "full") for p, k in zip(spread, weight[:, after], strict=True))
        for after in range(2)
    ]
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_pool_and_gelu_by_hand():
    x = np.array([[[1, 2, 9], [4, 3, 9], [9, 9, 9]]], "float32")
    assert _pooled(x).tolist() == [[[4]]]  # the odd row and column are left out
    # x times the normal distribution: at 1 it is 0.841345, at -2 0.022750.
    np.testing.assert_allclose(
        _gelu(np.array([1, -2, 0], "float32")), [0.841345, -0.0455, 0], atol=1e-5
    )


def weights_of(widths):
    """All weights 0, and offsets of a half, normalised by a mean of 0.3 and a variance of 4."""
    weights = {}
    for name, one in layers(widths).items():
        place = name if one.plain else f"{name}.0"
        pair = (one.before, one.after) if one.up else (one.after, one.before)
        weights[f"{place}.weight"] = np.zeros((*pair, *one.side), "float32")
        weights[f"{place}.bias"] = np.full(one.after, 0.5, "float32")
        if not one.plain:
            for part, value in (("weight", 3), ("bias", 1), ("running_mean", 0.3)):
                weights[f"{name}.1.{part}"] = np.full(one.after, value, "float32")
            weights[f"{name}.1.running_var"] = np.full(one.after, 4 - 1e-5, "float32")
    return weights


def test_the_normalisation_is_part_of_the_weights():
    said = PlainSSegm(M201_WIDTHS, weights_of(M201_WIDTHS))(np.zeros((7, 285, 430), "float32"))
    # The last layer twice, and the side of the first: gelu(3 (0.5 - 0.3) / 2 + 1) = gelu(1.3).
    side = 1.3 * 0.5 * (1 + math.erf(1.3 / math.sqrt(2)))
    np.testing.assert_allclose(said, special.expit(0.5 + 0.5 + side), atol=1e-6)


def test_weights_and_windows_of_something_else():
    weights = weights_of(M201_WIDTHS)
    with pytest.raises(ValueError, match="l1 has weights"):
        PlainSSegm(M211_WIDTHS, weights)
    with pytest.raises(KeyError):
        PlainSSegm(M201_WIDTHS, {n: v for n, v in weights.items() if n != "l7.1.running_var"})
    with pytest.raises(InputError, match=r"7 bands of 285 x 430"):
        PlainSSegm(M201_WIDTHS, weights)(np.zeros((7, 288, 430), "float32"))
