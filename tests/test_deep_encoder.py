"""Features of an encoder: of a student, of weights of photographs, and their errors."""

import dataclasses
import pickle
from pathlib import Path

import numpy as np
import pytest

from obriy.errors import BandError, InputError
from obriy.model.card import Card
from obriy.model.legend import load_legend
from obriy.nets.encoder import CHANNELS, FeatureExtractor, Photograph, load_encoder
from obriy.nets.model_file import model_bytes, open_model
from obriy.nets.networks import TrainedNetwork
from obriy.nets.unet import UNET

torch = pytest.importorskip("torch", reason="needs the extra deep")
torchvision = pytest.importorskip("torchvision", reason="needs the extra deep")

BANDS = ("blue", "green", "red", "nir")


@pytest.fixture(scope="module")
def bands():
    random = np.random.default_rng(1)
    return {name: random.uniform(0, 0.4, (75, 90)).astype("float32") for name in BANDS}


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """Weights in the very file that torchvision publishes, arbitrary ones."""
    path = tmp_path_factory.mktemp("encoder") / "resnet18.pth"
    torch.manual_seed(0)
    torch.save(torchvision.models.resnet18(weights=None).state_dict(), path)
    return path


@pytest.fixture(scope="module")
def student(tmp_path_factory):
    legend, names = load_legend("worldcover"), BANDS[1:]
    outputs = tuple(one.name for one in legend)
    card = Card("student", names, legend, outputs, (*names, "NDVI", "NDWI"), (0.1,) * 5, (0.2,) * 5)
    path = tmp_path_factory.mktemp("encoder") / "model.obriy"
    network = UNET.fresh(5, len(outputs), seed=1)
    path.write_bytes(TrainedNetwork(UNET, network, card, "cpu").to_bytes())
    return path


@pytest.mark.parametrize("kind", ["photographs", "student"])
def test_a_window_with_its_halo_gives_what_the_whole_gives(kind, bands, request):
    extractor = load_encoder(request.getfixturevalue(kind), BANDS)
    assert isinstance(extractor, FeatureExtractor)
    whole = extractor.features(bands)
    assert whole.shape == (CHANNELS, 75, 90)
    assert whole.dtype == np.float32
    halo = extractor.halo
    part = {name: plane[20 - halo : 40 + halo, 30 - halo :] for name, plane in bands.items()}
    found = extractor.features(part)[:, halo:-halo, halo:]
    np.testing.assert_allclose(found, whole[:, 20:40, 30:], atol=1e-5)
    assert np.ptp(whole.reshape(CHANNELS, -1), axis=1).min() > 0


@pytest.mark.parametrize("kind", ["photographs", "student"])
def test_missing_is_missing_in_every_plane(kind, bands, request):
    holed = {name: plane.copy() for name, plane in bands.items()}
    holed["nir"][30, 40] = np.nan
    found = load_encoder(request.getfixturevalue(kind), BANDS).features(holed)
    assert np.isnan(found[:, 30, 40]).all()
    assert np.isnan(found).sum() == CHANNELS


def test_true_colour_passes_as_torchvision_would(photographs, bands):
    model = torchvision.models.resnet18(weights=None).eval()
    model.load_state_dict(torch.load(photographs, weights_only=True))
    picture = np.stack([np.clip(bands[name] / 0.3, 0, 1) for name in ("red", "green", "blue")])
    normalise = torchvision.transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    with torch.inference_mode():
        stem = model.relu(model.bn1(model.conv1(normalise(torch.from_numpy(picture))[None])))
        large = torch.nn.functional.interpolate(stem, size=(76, 90), mode="bilinear")
    found = load_encoder(photographs, ("blue", "green", "red")).features(bands)
    # An orthonormal mixture of 64 planes: what lies in it is no longer than the planes.
    length = np.linalg.norm(large[0, :, :75].numpy(), axis=0)
    assert (np.linalg.norm(found, axis=0) <= length + 1e-4).all()
    # And it is linear in them: least squares of every mixed plane over the 64 leave nothing.
    inner = (slice(None), slice(4, 70), slice(4, 86))
    planes = large[0].numpy()[inner].reshape(64, -1).T
    mixed = found[inner].reshape(CHANNELS, -1).T
    coefficients = np.linalg.lstsq(planes, mixed, rcond=None)[0]
    np.testing.assert_allclose(planes @ coefficients, mixed, atol=1e-3 * np.abs(mixed).max())


def test_grey_bands_look_alike():
    shown = Photograph(("nir", "swir16")).inputs(
        {"nir": np.array([[0.15, np.nan]]), "swir16": np.array([[0.6, -0.1]])}
    )
    # Mean 0.449, spread 0.226: half white is +0.2257, white is +2.438, black is -1.9867.
    np.testing.assert_allclose(shown, [[[0.2257, 0]], [[2.4381, -1.9867]]], atol=1e-4)


def test_several_threads(student, bands):
    from concurrent.futures import ThreadPoolExecutor

    extractor = load_encoder(student, BANDS)
    alone = extractor.features(bands)
    with ThreadPoolExecutor(3) as executor:
        for found in executor.map(extractor.features, [bands] * 6):
            np.testing.assert_array_equal(found, alone)


def test_weights_that_will_not_do(tmp_path, student):
    with pytest.raises(InputError, match="is not there"):
        load_encoder(tmp_path / "none.pth", BANDS)
    with pytest.raises(InputError, match="no weights of an encoder"):
        load_encoder(tmp_path / "none.safetensors", BANDS)
    torch.save({"fc.weight": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match=r"no weights for this network.*torchvision"):
        load_encoder(tmp_path / "other.pth", BANDS)
    with pytest.raises(BandError, match="looks at nir"):
        load_encoder(student, ("blue", "green", "red"))
    for name in ("text.pt", "text.safetensors"):
        (tmp_path / name).write_text("root:x:0:0:root:/root:/bin/bash\n")
        with pytest.raises(InputError, match="is broken, or no file of"):
            load_encoder(tmp_path / name, BANDS)
    (tmp_path / "pickle.pt").write_bytes(pickle.dumps({"a": Path("/")}))
    with pytest.raises(InputError, match="is broken, or no file of"):
        load_encoder(tmp_path / "pickle.pt", BANDS)
    card, weights = open_model(student)
    ice = dataclasses.replace(card, method="m201")
    for damaged, learnt, said in (
        (card, {}, "damaged"), (card, {**weights, "more": np.zeros(1)}, "damaged"),
        (ice, weights, "no student"),
    ):  # fmt: skip
        (tmp_path / "damaged").write_bytes(model_bytes(damaged, learnt))
        with pytest.raises(InputError, match=said):
            load_encoder(tmp_path / "damaged", BANDS)
    for text in ("{}", "not JSON"):
        torch.save({"format": "obriy student 1", "card": text, "weights": {}}, tmp_path / "old.pt")
        with pytest.raises(InputError, match="is damaged"):
            load_encoder(tmp_path / "old.pt", BANDS)
