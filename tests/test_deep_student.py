"""The student: its network, its file, its loop, and maps made by it."""

import dataclasses
import gzip
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
import xarray as xr
from affine import Affine

from obriy.cli.show_landcover import landcover_lines
from obriy.errors import BandError, InputError
from obriy.methods.student import TILE, student_method
from obriy.model.card import Card
from obriy.model.classmap import FRACTION_MISSING
from obriy.model.legend import load_legend
from obriy.nets.cover_teaching import IGNORED, CoverTeaching, class_weights, mean_iou
from obriy.nets.learning import Examples, Schedule, train_network
from obriy.nets.model_file import model_bytes
from obriy.nets.networks import TrainedNetwork
from obriy.nets.unet import UNET
from obriy.workflows.config.base import make_config
from obriy.workflows.config.landcover import LandcoverConfig
from obriy.workflows.jobs import run_job
from obriy.workflows.landcover.job import map_landcover, plan_landcover

torch = pytest.importorskip("torch", reason="needs the extra deep")

WORLDCOVER = load_legend("worldcover")
BANDS = ("blue", "green", "red", "nir")
MODELS = Path(__file__).parent / "models"
FEATURES = 6  # the four bands, NDVI and NDWI


@pytest.fixture(scope="module")
def card():
    return Card(
        method="student",
        bands=BANDS,
        legend=WORLDCOVER,
        outputs=tuple(one.name for one in WORLDCOVER),
        features=(*BANDS, "NDVI", "NDWI"),
        middle=(0.05, 0.08, 0.07, 0.25, 0.5, -0.4),
        spread=(0.02, 0.03, 0.04, 0.1, 0.3, 0.3),
        pixel_m=10.0,
        sources=("a.tif",),
        scores={"validation": 0.5},
        versions={"obriy": "0"},
    )


@pytest.fixture(scope="module")
def student_file(card, tmp_path_factory):
    """A student that has learnt nothing: its names are arbitrary, and always the same."""
    path = tmp_path_factory.mktemp("student") / "model.obriy"
    network = UNET.fresh(FEATURES, len(WORLDCOVER.codes), seed=3)
    path.write_bytes(TrainedNetwork(UNET, network, card, "cpu").to_bytes())
    return path


def loaded(path):
    return student_method(f"student:{path}", "cpu").model


@pytest.fixture
def scene(scene_of):
    random = np.random.default_rng(0)
    base = random.uniform(0.02, 0.3, (4, 20, 25)).repeat(16, 1).repeat(12, 2)  # 320 x 300 pixels
    noise = random.normal(0, 0.01, base.shape)
    bands = dict(zip(BANDS, base + noise, strict=True))
    bands["red"][40:60, 200:240] = np.nan
    return scene_of(**bands)


def test_the_card_says_everything_after_reading(student_file, card):
    assert loaded(student_file).card == card


def test_any_cut_into_blocks_gives_the_same_map(scene, student_file, monkeypatch):
    whole = map_landcover(scene, f"student:{student_file}")
    monkeypatch.setattr("obriy.blocks.plan.TARGET_PIXELS", (150 + 2 * 160) ** 2)
    cut = map_landcover(scene, f"student:{student_file}")
    np.testing.assert_array_equal(cut.labels.values, whole.labels.values)
    np.testing.assert_array_equal(cut.confidence.values, whole.confidence.values)
    assert len(np.unique(whole.labels)) > 3


def test_missing_stays_missing_and_codes_are_the_legend_s(scene, student_file):
    before = scene.copy(deep=True)
    found = map_landcover(scene, f"student:{student_file}", clouds="none")  # noise has no sky
    missing = np.isnan(scene.red.values)
    np.testing.assert_array_equal(found.labels.values == 0, missing)
    np.testing.assert_array_equal(found.confidence.values == FRACTION_MISSING, missing)
    assert set(np.unique(found.labels.values[~missing])) <= set(WORLDCOVER.codes)
    assert found.legend == WORLDCOVER
    # Of eleven classes the likeliest has at least one eleventh: 18 half per cents.
    assert found.confidence.values[~missing].min() >= 18
    assert found.confidence.values[~missing].max() <= 200
    xr.testing.assert_identical(scene, before)


@pytest.mark.parametrize("shape", [(1, 1), (1, 130), (7, 5), (TILE, TILE), (TILE + 1, 3)])
def test_any_size(scene_of, student_file, shape):
    scene = scene_of(**{name: np.full(shape, 0.1) for name in BANDS})
    assert (map_landcover(scene, f"student:{student_file}").labels.values > 0).all()


def test_a_narrow_infrared_serves(scene_of, student_file):
    plain = {name: np.full((9, 9), 0.1) for name in BANDS}
    narrow = {("nir08" if name == "nir" else name): plain[name] for name in plain}
    np.testing.assert_array_equal(
        map_landcover(scene_of(**narrow), f"student:{student_file}").labels,
        map_landcover(scene_of(**plain), f"student:{student_file}").labels,
    )


def test_a_band_is_missing(scene_of, student_file):
    with pytest.raises(BandError, match=r"student:.*needs the band\(s\) nir"):
        map_landcover(scene_of(blue=[[0.1]], green=[[0.1]], red=[[0.1]]), f"student:{student_file}")


def test_several_threads_get_what_one_gets(scene, student_file):
    from concurrent.futures import ThreadPoolExecutor

    student, threads = loaded(student_file), torch.get_num_threads()
    windows = [
        {name: scene[name].values[row : row + 64, :64] for name in BANDS}
        for row in range(0, 256, 8)
    ]
    alone = [student.probabilities(window) for window in windows]
    with ThreadPoolExecutor(4) as executor:
        together = list(executor.map(student.probabilities, windows))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(alone[0].sum(0), 1, atol=1e-5)
    assert torch.get_num_threads() == threads


def write_image(path, scene):
    """The bands of a scene as a file of four bands with their names."""
    profile = {"driver": "GTiff", "dtype": "float32", "count": 4, "nodata": float("nan")}
    shape = scene.sizes["y"], scene.sizes["x"]
    grid = {"crs": "EPSG:32636", "transform": Affine(20, 0, 5e5, 0, -20, 5.2e6)}
    with rasterio.open(path, "w", **profile, height=shape[0], width=shape[1], **grid) as file:
        for number, name in enumerate(BANDS, 1):
            file.write(scene[name].to_numpy(), number)
            file.set_band_description(number, name)
    return path


def test_a_run_by_a_student(scene, student_file, tmp_path):
    image = write_image(tmp_path / "image.tif", scene)
    values = {"source": str(image), "method": f"student:{student_file}", "scale": 1, "offset": 0}
    values["clouds"] = "none"  # noise has no sky
    plan = plan_landcover(make_config(LandcoverConfig, values))
    assert plan["bands_read"] == sorted(BANDS)
    assert plan["clusters"] is None
    assert plan["labellers"] == []
    whole = make_config(LandcoverConfig, {**values, "out": tmp_path / "whole", "outputs": []})
    run_job(whole)
    codes = rasterio.open(tmp_path / "whole" / "landcover.tif")
    reference = values | {"reference": str(tmp_path / "whole" / "landcover.tif")}
    # A district whose part of the image begins off the tiles of the student.
    west, south = 5e5 + 20 * 70, 5.2e6 - 20 * 200
    box = shapely.box(west, south, west + 20 * 100, south + 20 * 60)
    gpd.GeoDataFrame({"name": ["d"]}, geometry=[box], crs="EPSG:32636").to_file(
        tmp_path / "district.gpkg"
    )
    done = run_job(
        make_config(
            LandcoverConfig,
            reference | {"aoi": str(tmp_path / "district.gpkg"), "out": tmp_path / "part"},
        )
    )
    with rasterio.open(tmp_path / "part" / "landcover.tif") as part, codes:
        window = rasterio.windows.from_bounds(*part.bounds, transform=codes.transform)
        assert (codes.read(1, window=window) == part.read(1)).all()
    assert done.result.evaluation.overall_accuracy == 1
    assert any("learnt from pixels of 10 m" in w for w in done.result.warnings)
    said = "\n".join(landcover_lines(done.result))
    assert "overall 1.000, mean IoU 1.000" in said
    assert "Clusters" not in said


def test_files_that_are_no_students(card, tmp_path):
    with pytest.raises(InputError, match="of a model is not there"):
        student_method(f"student:{tmp_path / 'none.pt'}")
    (tmp_path / "text.pt").write_text("no tensors")
    torch.save({"weights": torch.zeros(3)}, tmp_path / "other.pt")
    torch.save({"format": "obriy student 1", "code": tmp_path}, tmp_path / "code.pt")
    ice = dataclasses.replace(card, method="m201")
    (tmp_path / "ice.pt").write_bytes(model_bytes(ice, {}))
    (tmp_path / "empty.pt").write_bytes(model_bytes(card, {}))
    for name, said in (
        ("text", "no model that"), ("other", "no model that"), ("code", "broken"),
        ("ice", "holds 'm201', and no student"), ("empty", "damaged"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=said):
            student_method(f"student:{tmp_path / name}.pt")


def test_a_student_of_before_there_was_one_format(tmp_path):
    file = tmp_path / "student.pt"
    file.write_bytes(gzip.decompress((MODELS / "student.pt.gz").read_bytes()))
    method = student_method(f"student:{file}", "cpu")
    assert method.legend == WORLDCOVER
    assert (method.card.sources, method.card.pixel_m) == (("a.tif",), 10)
    assert method.card.features == (*BANDS, "NDVI", "NDWI")
    random = np.random.default_rng(0)
    bands = {name: random.uniform(0, 0.4, (16, 24)).astype("float32") for name in BANDS}
    said = method.model.probabilities(bands)[:, 5, 7]
    # What it said when the file was written.
    np.testing.assert_allclose(said[[0, 5, 9]], [0.086661, 0.098586, 0.103525], atol=1e-5)


def test_the_seed_of_the_network():
    first, again, other = (UNET.fresh(3, 2, seed=s).state_dict() for s in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["pixel.0.weight"], other["pixel.0.weight"])


def test_class_weights_by_hand():
    # 8 pixels of class 0, 2 of class 1, none of class 2: the mean is 5.
    targets = np.array([0] * 8 + [1] * 2 + [IGNORED] * 6, "int16")
    np.testing.assert_allclose(class_weights(targets, 3), [0.790569, 1.581139, 1.0], rtol=1e-5)


def test_mean_iou_by_hand():
    # Class 0: 6 / (6 + 2 + 1); class 1: 3 / (3 + 1 + 2 + 0); class 2 is not in the rows.
    counts = np.array([[6, 2, 0], [1, 3, 0], [0, 0, 0]])
    assert mean_iou(counts) == pytest.approx((6 / 9 + 3 / 6) / 2)


@pytest.fixture(scope="module")
def textures():
    """Bright and dark pixels in equal numbers: in stripes, or as a checkerboard."""
    row, column = np.mgrid[:32, :32]
    stripes, board = row % 2, (row + column) % 2
    random = np.random.default_rng(0)
    inputs = np.empty((48, 1, 32, 32), "float32")
    targets = np.empty((48, 32, 32), "int16")
    for number in range(48):
        left = bool(number % 2)
        kind = np.where((column < 16) == left, 0, 1)
        inputs[number, 0] = np.where(kind == 0, stripes, board) + random.normal(0, 0.1, (32, 32))
        targets[number] = kind
    targets[:, :2] = IGNORED
    return Examples(inputs, targets)


def taught_by(train, held, schedule, **values):
    """A small student after its training."""
    teaching = CoverTeaching(train.targets, 2)
    module = UNET.fresh(train.inputs.shape[1], 2, schedule.seed)
    return train_network(module, teaching, train, held, schedule, threads=1, **values)


def test_a_student_sees_what_surrounds_a_pixel(textures):
    train = Examples(textures.inputs[:32], textures.targets[:32])
    held = Examples(textures.inputs[32:], textures.targets[32:])
    seen = []
    schedule = Schedule(epochs=12, batch=8, rate=3e-3, seed=0, device="cpu")
    taught = taught_by(train, held, schedule, progress=lambda *step: seen.append(step))
    network, history = taught.module, taught.history
    # No rule for single pixels does better than an IoU of 1/3.
    assert max(epoch.validation_iou for epoch in history) > 0.8
    assert seen[0] == ("train", 1, 12)
    assert len(seen) == len(history)
    assert history[-1].loss < history[0].loss
    # The best epoch's weights were kept.
    with torch.inference_mode():
        said = network(torch.from_numpy(held.inputs)).argmax(1).numpy()
    known = held.targets != IGNORED
    counts = np.bincount(held.targets[known] * 2 + said[known], minlength=4).reshape(2, 2)
    best = max(epoch.validation_iou for epoch in history)
    assert mean_iou(counts) == pytest.approx(best, abs=0.01)


def test_training_repeats_with_any_number_of_threads(textures):
    few = Examples(textures.inputs[:8], textures.targets[:8])
    schedule = Schedule(epochs=2, batch=4, rate=1e-3, seed=5, device="cpu")
    threads = torch.get_num_threads()
    first = taught_by(few, few, schedule)
    torch.set_num_threads(threads + 1)
    again = taught_by(few, few, schedule)
    assert torch.get_num_threads() == threads + 1
    torch.set_num_threads(threads)
    assert curve(first) == curve(again)
    assert same_weights(first, again)


def curve(taught):
    return [dataclasses.replace(epoch, seconds=0) for epoch in taught.history]


def same_weights(one, other):
    pairs = zip(one.module.state_dict().values(), other.module.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_a_student_goes_on_to_the_bit_after_a_kill(textures):
    few = Examples(textures.inputs[:8], textures.targets[:8])
    schedule = Schedule(epochs=3, batch=4, rate=1e-3, seed=5, device="cpu")
    states = []

    def keep(state):
        states.append(state)
        if len(states) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        taught_by(few, few, schedule, keep=keep)
    seen = []
    resumed = taught_by(
        few, few, schedule, state=states[-1], progress=lambda *said: seen.append(said)
    )
    assert seen == [("train", 3, 3)]
    whole = taught_by(few, few, schedule)
    assert curve(resumed) == curve(whole)
    assert same_weights(resumed, whole)


def test_nothing_to_learn(textures):
    blank = Examples(textures.inputs[:2], np.full((2, 32, 32), IGNORED, "int16"))
    schedule = Schedule(epochs=1, batch=2, rate=1e-3, seed=0, device="cpu")
    for train, held, name in ((blank, textures, "training"), (textures, blank, "validation")):
        with pytest.raises(InputError, match=f"{name} blocks"):
            taught_by(train, held, schedule)
