"""SSegm layer by layer: parameters and sizes as the figure of document B prints them."""

import dataclasses
from itertools import product

import numpy as np
import pytest

from obriy.errors import InputError
from obriy.nets.ssegm import M201, M211

torch = pytest.importorskip("torch", reason="needs the extra deep")


def parameters(network):
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


@pytest.mark.parametrize(("build", "count"), [(M211, 301_132), (M201, 115_980)])
def test_parameters_are_those_of_the_study(build, count):
    assert parameters(build()) == count


def count(first, side, second, third, third_side, deep, eighth, ninth, tenth, eleventh):
    """Weights, biases and two numbers of normalisation a channel, by hand."""

    def layer(before, after, places):
        return before * after * places + after + 2 * after

    return (
        layer(7, first + side, 9)
        + layer(first, second, 9)
        + layer(second, third + third_side, 9)
        + layer(third, deep, 9)
        + 2 * layer(deep, deep, 9)
        + layer(deep, deep, 25)
        + layer(deep, eighth, 25)
        + layer(eighth, ninth, 9)
        + layer(ninth, tenth, 9)
        + layer(tenth, eleventh, 25)
        + layer(side, 1, 9)
        + layer(third_side, eleventh, 25)
        + eleventh * 30
        + 1
    )


def test_one_narrower_member_of_the_family_meets_the_count():
    most = (48, 16, 48, 32, 16, 64, 32, 16)
    assert count(*most, 8, 4) == 301_132
    found = [
        (*widths, 8, 4)
        for widths in product(*(range(8, width + 1, 8) for width in most))
        if count(*widths, 8, 4) == 115_980
    ]
    assert found == [dataclasses.astuple(M201().widths)]


# (channels, rows, columns) that come out of each layer, from the figure.
FIGURE = {
    "l1": (64, 283, 428),
    "l2": (48, 140, 213),
    "l3": (48, 69, 105),
    "l4": (64, 33, 51),
    "l5": (64, 15, 24),
    "l6": (64, 13, 22),
    "l7": (64, 29, 47),
    "l8": (32, 33, 51),
    "l9": (16, 67, 103),
    "l10": (8, 69, 105),
    "l11": (4, 141, 213),
    "l11y": (4, 141, 213),
    "l2y": (1, 285, 430),
    "l12": (1, 285, 430),
}


def test_every_size_of_the_figure():
    network, seen, taken = M211().eval(), {}, {}
    for name in FIGURE:

        def note(module, inputs, output, name=name):
            seen.setdefault(name, []).append(tuple(output.shape[1:]))
            taken.setdefault(name, []).append(inputs[0].shape[1])

        getattr(network, name).register_forward_hook(note)
    with torch.inference_mode():
        out = network(torch.zeros(2, 7, 285, 430))
    assert out.shape == (2, 1, 285, 430)
    assert {name: sizes[0] for name, sizes in seen.items()} == FIGURE
    assert len(seen["l12"]) == 2  # the main path and the side of layer 3 end alike
    # 48 of 64 go on and 16 to the side; 32 of 48 go on and 16 to the side.
    assert {name: taken[name][0] for name in ("l2", "l2y", "l4", "l11y")} == {
        "l2": 48, "l2y": 16, "l4": 32, "l11y": 16,
    }  # fmt: skip


def test_which_channels_go_on_and_which_to_the_side():
    network, first, second, passed = M211().eval(), [], [], {}
    network.l1.register_forward_hook(lambda m, i, o: first.append(o))
    network.l3.register_forward_hook(lambda m, i, o: second.append(o))
    for name in ("l2", "l2y", "l4", "l11y"):
        getattr(network, name).register_forward_hook(
            lambda m, i, o, name=name: passed.update({name: i[0]})
        )
    with torch.inference_mode():
        network(torch.randn(1, 7, 285, 430, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(passed["l2"], first[0][:, :48])
    assert torch.equal(passed["l2y"], first[0][:, 48:])
    assert torch.equal(passed["l4"], second[0][:, :32])
    assert torch.equal(passed["l11y"], second[0][:, 32:])


def test_order_of_a_layer_and_the_sum_before_one_sigmoid():
    network = M211().eval()
    kinds = [type(part).__name__ for part in network.l2]
    assert kinds == ["Conv2d", "BatchNorm2d", "MaxPool2d", "GELU"]
    assert [type(part).__name__ for part in network.l9] == [
        "ConvTranspose2d",
        "BatchNorm2d",
        "GELU",
    ]
    assert network.l12.bias is not None
    parts = []
    for name in ("l12", "l2y"):
        getattr(network, name).register_forward_hook(lambda m, i, o: parts.append(o))
    with torch.inference_mode():
        x = torch.randn(1, 7, 285, 430, generator=torch.Generator().manual_seed(1))
        found = network(x).numpy()
    total = sum(part.double().numpy() for part in parts)
    assert len(parts) == 3
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-total)), atol=1e-6)


def test_another_size_is_refused():
    with pytest.raises(InputError, match=r"7 bands of 285 x 430"):
        M201()(torch.zeros(1, 7, 288, 430))
    with pytest.raises(InputError, match="7 bands"):
        M211()(torch.zeros(1, 6, 285, 430))
