"""Clusterers with a network before them keep the contract of all clusterers."""

import io

import numpy as np
import pytest

from obriy.blocks.engine import ArraySink, EngineOptions, run_methods
from obriy.methods.clustering.networks import SamSegments, picture
from obriy.methods.clustering.parse import parse_clusterer
from obriy.methods.clustering.rule import FixedClusters, rule_from_arrays

torch = pytest.importorskip("torch", reason="needs the extra deep")

NAMES = ("blue", "green", "red", "nir", "swir16", "swir22")
MATERIALS = np.array([
    (0.030, 0.040, 0.030, 0.020, 0.010, 0.010),
    (0.030, 0.060, 0.040, 0.400, 0.200, 0.100),
    (0.100, 0.140, 0.190, 0.270, 0.360, 0.320),
    (0.350, 0.380, 0.400, 0.420, 0.420, 0.380),
])  # fmt: skip
FIELD = 32


@pytest.fixture(scope="module")
def resnet(tmp_path_factory):
    """Weights in the very file that torchvision publishes, arbitrary ones."""
    torchvision = pytest.importorskip("torchvision")
    path = tmp_path_factory.mktemp("encoder") / "resnet18.pth"
    torch.manual_seed(0)
    torch.save(torchvision.models.resnet18(weights=None).state_dict(), path)
    return str(path)


@pytest.fixture
def fields(scene_of):
    """Fields of four materials, a little noisy, with a hole: the scene, and what is where."""
    random = np.random.default_rng(2)
    kinds = np.kron(random.integers(0, 4, (9, 10)), np.ones((FIELD, FIELD), int))
    planes = MATERIALS[kinds] + random.normal(0, 0.003, (*kinds.shape, len(NAMES)))
    planes[40:60, 200:290] = np.nan
    return scene_of(**{name: planes[..., i] for i, name in enumerate(NAMES)}), kinds


def run(scene, method, workers=1):
    sink = ArraySink((scene.sizes["y"], scene.sizes["x"]))
    (result,) = run_methods(
        scene, [(method, {"labels": sink})], prepare=lambda block: block,
        settle=lambda block, said: said, options=EngineOptions(workers=workers),
    )  # fmt: skip
    return sink.array, result.rule


@pytest.mark.parametrize("spec", ["autoencoder+kmeans", "slic+autoencoder+kmeans", "unet+kmeans"])
def test_the_contract(fields, resnet, spec, monkeypatch):
    monkeypatch.setattr("obriy.methods.clustering.look.MOST_PIXELS", 3_000)  # to train quickly
    scene, kinds = fields
    weights = resnet if "unet" in spec else None
    method = parse_clusterer(spec, 4, weights=weights)
    whole, rule = run(scene, method)
    seen = np.isfinite(scene["nir"].values)
    np.testing.assert_array_equal(whole > 0, seen)
    assert rule.ids == [1, 2, 3, 4]
    file = io.BytesIO()
    np.savez(file, **rule.to_arrays())
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays:
        again = rule_from_arrays(dict(arrays))
    monkeypatch.setattr("obriy.blocks.plan.TARGET_PIXELS", 350_000)
    for name in NAMES:
        scene[name].encoding["preferred_chunks"] = {"y": 64, "x": 80}
    for other in (method, FixedClusters(again)):
        cut, _ = run(scene, other, workers=2)
        np.testing.assert_array_equal(cut, whole)
    if spec == "autoencoder+kmeans":
        table = np.zeros((5, 4), int)
        np.add.at(table, (whole[seen], kinds[seen]), 1)
        assert (np.count_nonzero(table[1:], axis=1) == 1).all()


def test_a_picture_is_the_same_in_every_tile():
    seen = np.array([[True, True], [True, False]])
    bands = {
        "blue": np.array([[0, 0.3], [0.15, np.nan]], np.float32),
        "green": np.array([[0, 0.6], [0.06, 0.1]], np.float32),
        "red": np.array([[-0.1, 0.3], [0.03, 0.1]], np.float32),
    }
    expected = [[[0, 0, 0], [255, 255, 255]], [[26, 51, 128], [0, 0, 0]]]
    found = picture(bands, seen)
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - expected).max() <= 1  # 25.5 and 127.5: either way
    np.testing.assert_array_equal(picture({"nir": bands["red"]}, seen)[..., 0], found[..., 0])


def test_super_pixels_fill_what_masks_leave(monkeypatch):
    """A model that finds one mask, in the place of Segment Anything."""

    def one_mask(image):
        found = np.zeros(image.shape[:2], np.int32)
        found[8:24, 8:24] = 1
        return found

    monkeypatch.setattr("obriy.nets.sam.load_sam", lambda weights: one_mask)
    random = np.random.default_rng(0)
    bands = {name: random.uniform(0, 0.3, (32, 48)).astype("float32") for name in NAMES}
    seen = np.ones((32, 48), bool)
    seen[:2] = False
    segments = SamSegments(None)(bands, seen)
    np.testing.assert_array_equal(segments > 0, seen)
    assert len(np.unique(segments[8:24, 8:24])) == 1
    assert segments.max() == len(np.unique(segments)) - 1 > 20
