"""SSegm layer by layer as the figure of document B prints it; the other networks; their file."""

import dataclasses
import gzip
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from obriy.errors import BandError, InputError, UnknownNameError
from obriy.methods.ice.spec import parse_ice_method, trainable
from obriy.model.card import Card
from obriy.model.ice import BANDS
from obriy.model.legend import load_legend
from obriy.nets.architectures import take_over
from obriy.nets.networks import TrainedNetwork
from obriy.nets.ssegm import M201, M211

torch = pytest.importorskip("torch", reason="needs the extra deep")

MODELS = Path(__file__).parent / "models"


def build(name, seed=0):
    """A network for ice with its first weights."""
    kind = trainable(name).model
    return kind.fresh(7, len(kind.outputs), seed)


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


@pytest.mark.parametrize(("build", "name"), [(M211, "m211"), (M201, "m201")])
def test_numpy_says_what_torch_says(build, name):
    network = build()
    draws = torch.Generator().manual_seed(7)
    for part in network.modules():
        if isinstance(part, torch.nn.BatchNorm2d):  # as if it had learnt
            for values, low, high in (
                (part.running_mean, -0.3, 0.3), (part.running_var, 0.3, 2), (part.bias, -0.5, 0.5),
            ):  # fmt: skip
                values.data = torch.rand(values.shape, generator=draws) * (high - low) + low
    x = torch.randn(7, 285, 430, generator=draws)
    with torch.inference_mode():
        wanted = network.eval()(x[None])[0].numpy()
    weights = {key: value.numpy() for key, value in network.state_dict().items()}
    found = trainable(name).model.plain(weights)(x.numpy())
    assert wanted.std() > 0.01
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_another_size_is_refused():
    with pytest.raises(InputError, match=r"7 bands of 285 x 430"):
        M201()(torch.zeros(1, 7, 288, 430))
    with pytest.raises(InputError, match="7 bands"):
        M211()(torch.zeros(1, 6, 285, 430))


# The others, and what keeps a trained one ------------------------------------------------------


def test_deeplab_is_that_of_torchvision():
    vision = pytest.importorskip("torchvision").models.segmentation
    built = vision.deeplabv3_resnet50(weights=None, weights_backbone=None, aux_loss=True)
    assert parameters(built) == 42_004_074
    ours = build("deeplab")
    # 7 bands for 3 in the first layer (64 kernels of 7 x 7), 3 classes for 21 in both heads.
    assert parameters(ours) == 42_004_074 + 4 * 64 * 49 - 18 * (256 + 1) - 18 * (256 + 1)


@pytest.mark.parametrize(
    ("name", "outputs", "heads"),
    [("m201", 1, 1), ("segformer", 3, 1), ("unet", 3, 1), ("deeplab", 3, 2)],
)
def test_every_network_gives_pixels_their_logits(name, outputs, heads):
    network = build(name, seed=1).eval()
    assert len(trainable(name).model.outputs) == outputs
    with torch.inference_mode():
        x = torch.randn(1, 7, 285, 430, generator=torch.Generator().manual_seed(0))
        found = network.heads(x)
        assert [tuple(head.shape) for head in found] == [(1, outputs, 285, 430)] * heads
        np.testing.assert_allclose(network(x), 1 / (1 + np.exp(-found[0].numpy())), atol=1e-6)


def test_first_weights_are_those_of_the_seed():
    before = torch.random.get_rng_state()
    one, same, other = (build("m201", seed=s).l1[0].weight for s in (3, 3, 4))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(before, torch.random.get_rng_state())
    with pytest.raises(UnknownNameError, match=r"'m22'.*m211"):
        trainable("m22")
    with pytest.raises(UnknownNameError, match=r"'kmeans'.*forest"):
        trainable("kmeans")


def pretrained(name, file):
    module = build(name)
    take_over(module, trainable(name).model, str(file), BANDS)
    return module


def test_weights_of_photographs_with_an_adapted_first_layer(tmp_path):
    vision = pytest.importorskip("torchvision").models
    photographs = vision.resnet18(weights=None).state_dict()
    torch.save(photographs, tmp_path / "resnet18.pth")
    encoder = pretrained("unet", tmp_path / "resnet18.pth").encoder()
    kernels = photographs["conv1.weight"]
    first = encoder.conv1.weight.detach()
    torch.testing.assert_close(first[:, 0], kernels[:, 0] * 3 / 7)  # red
    torch.testing.assert_close(first[:, 3], kernels[:, 1] * 3 / 7)  # green
    torch.testing.assert_close(first[:, 5], kernels.sum(1) / 7)  # swir16: none of the three
    torch.testing.assert_close(encoder.layer4[1].conv2.weight, photographs["layer4.1.conv2.weight"])
    with pytest.raises(InputError, match="no weights for this network"):
        pretrained("deeplab", tmp_path / "resnet18.pth")
    with pytest.raises(InputError, match="starts from random weights"):
        pretrained("m211", tmp_path / "resnet18.pth")
    with pytest.raises(InputError, match="is not there"):
        pretrained("unet", tmp_path / "none.pth")


@pytest.fixture(scope="module")
def card():
    legend, middle, spread = load_legend("ice"), (0.1,) * 7, (0.2,) * 7
    return Card(
        "m201", BANDS, legend, ("ice",), BANDS, middle, spread, (285, 430), pixel_m=500.0, seed=5
    )


@pytest.fixture(scope="module")
def segmenter(card):
    return TrainedNetwork(trainable("m201").model, build("m201", seed=5), card, "cpu")


@pytest.fixture(scope="module")
def window():
    random = np.random.default_rng(2)
    return {name: random.uniform(0, 1, (285, 430)).astype("float32") for name in BANDS}


def test_one_window(segmenter, window):
    found = segmenter.probabilities(window)
    assert found.shape == (1, 285, 430)
    assert found.dtype == np.float32
    network = build("m201", seed=5).eval()
    x = np.stack([(window[name] - 0.1) / 0.2 for name in BANDS])
    with torch.inference_mode():
        np.testing.assert_allclose(found, network(torch.from_numpy(x)[None])[0], atol=1e-5)


def test_a_smaller_window_is_padded_with_missing_pixels(segmenter, window):
    part = {name: plane[:200, :300] for name, plane in window.items()}
    whole = {name: np.full((285, 430), np.nan, "float32") for name in BANDS}
    for name, plane in whole.items():
        plane[:200, :300] = part[name]
    found = segmenter.probabilities(part)
    assert found.shape == (1, 200, 300)
    np.testing.assert_array_equal(found, segmenter.probabilities(whole)[:, :200, :300])
    with pytest.raises(InputError, match=r"286 x 430 pixels is larger than the 285 x 430"):
        segmenter.probabilities({n: np.zeros((286, 430), "float32") for n in BANDS})
    with pytest.raises(BandError, match="swir22"):
        segmenter.probabilities({n: plane for n, plane in window.items() if n != "swir22"})


def test_threads_give_the_same_bits(segmenter, window):
    from concurrent.futures import ThreadPoolExecutor

    alone = segmenter.probabilities(window)
    with ThreadPoolExecutor(3) as executor:
        for found in executor.map(segmenter.probabilities, [window] * 4):
            np.testing.assert_array_equal(found, alone)


def test_there_and_back_through_a_file(segmenter, window, tmp_path):
    file = tmp_path / "model.obriy"
    file.write_bytes(segmenter.to_bytes())
    again = parse_ice_method("m201", weights=file, device="cpu").model
    assert again.card == segmenter.card
    np.testing.assert_array_equal(again.probabilities(window), segmenter.probabilities(window))


def test_files_that_will_not_do(segmenter, tmp_path):
    file = tmp_path / "model.obriy"
    with pytest.raises(InputError, match="is not there"):
        parse_ice_method("m201", weights=file)
    file.write_bytes(segmenter.to_bytes()[:-5000])
    with pytest.raises(InputError, match="no model that Obriy trained"):
        parse_ice_method("m201", weights=file)
    for foreign in ({"weights": {}}, {"format": "obriy segmenter 1", "code": tmp_path}):
        torch.save(foreign, file)
        with pytest.raises(InputError):
            parse_ice_method("m201", weights=file)
    for name, more in (("m211", {}), ("m201", {"middle": (0.1,)})):
        other = dataclasses.replace(segmenter.card, method=name, **more)
        file.write_bytes(TrainedNetwork(segmenter.kind, build("m201"), other, "cpu").to_bytes())
        with pytest.raises(InputError, match="damaged"):
            parse_ice_method(name, weights=file)


def test_a_network_of_before_there_was_one_format(tmp_path):
    file = tmp_path / "weights.pt"
    file.write_bytes(gzip.decompress((MODELS / "m201.pt.gz").read_bytes()))
    model = parse_ice_method("m201", weights=file, device="cpu").model
    assert (model.card.outputs, model.card.size, model.card.pixel_m) == (("ice",), (285, 430), 500)
    assert (model.card.sources, model.card.parameters) == (("x_aqua",), 115_980)
    assert model.card.scores["test"]["iou"] == 0.9
    random = np.random.default_rng(0)
    for _ in range(4):  # of the draws before: the student's bands
        random.uniform(0, 0.4, (16, 24))
    bands = {name: random.uniform(0, 0.8, (20, 30)).astype("float32") for name in BANDS}
    # What it said when the file was written.
    assert model.probabilities(bands)[0, 5, 7] == pytest.approx(0.462081, abs=1e-5)
