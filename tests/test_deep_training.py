"""`train_landcover`: a named map teaches a student, which is judged on blocks apart."""

import csv
import json

import numpy as np
import pytest
import rasterio
import xarray as xr

from conftest import utm_grid
from obriy.blocks.engine import EngineOptions
from obriy.errors import GridError, InputError, UsageError
from obriy.methods.student import student_method
from obriy.model.classmap import ClassMap
from obriy.model.grid import coords_of, geobox_of
from obriy.model.layers import LAYERS, classes
from obriy.model.legend import load_legend
from obriy.model.provenance import Provenance
from obriy.model.reference import Reference
from obriy.model.scene import make_scene
from obriy.nets.cover_teaching import IGNORED
from obriy.nets.learning import Epoch
from obriy.outputs.cog import MapWriter
from obriy.prepare.visibility import edge_pixels
from obriy.render.figures import to_png
from obriy.render.learning import learning_figure
from obriy.render.text import text_of
from obriy.runs.folder import RunFolder
from obriy.validation.scores import metrics
from obriy.workflows.config.landcover import LandcoverConfig
from obriy.workflows.learn.landcover import LandcoverTrainConfig, train_landcover
from obriy.workflows.learn.landcover_judging import BETTER, NOT_BETTER, UNKNOWN, accuracy_interval
from obriy.workflows.learn.landcover_lessons import (
    Cell,
    Lesson,
    lay_cells,
    one_legend,
    open_run,
    part_of,
    read_block,
    read_targets,
    shared_bands,
    split_cells,
)

WORLDCOVER = load_legend("worldcover")
TREE, CROP, WATER = 10, 40, 80
SPECTRA = {
    TREE: {"blue": 0.03, "green": 0.05, "red": 0.03, "nir": 0.35},
    CROP: {"blue": 0.06, "green": 0.10, "red": 0.12, "nir": 0.28},
    WATER: {"blue": 0.05, "green": 0.06, "red": 0.04, "nir": 0.02},
}


def layer(values, grid):
    return xr.DataArray(np.asarray(values, "uint8"), dims=("y", "x"), coords=coords_of(grid))


def world(seed=0, shape=(288, 288), wrong=0.0):
    """Fields of three classes, their scene, and a map that mistakes some pixels at random."""
    random = np.random.default_rng(seed)
    truth = random.choice([TREE, CROP, WATER], (shape[0] // 24, shape[1] // 24))
    truth = truth.repeat(24, 0).repeat(24, 1).astype("uint8")
    grid = utm_grid(truth.shape)
    bands = {}
    for name in SPECTRA[TREE]:
        plane = np.select([truth == c for c in SPECTRA], [SPECTRA[c][name] for c in SPECTRA])
        plane = (plane + random.normal(0, 0.01, truth.shape)).astype("float32")
        bands[name] = xr.Variable(("y", "x"), plane)
    scene = make_scene(bands, grid, sensor="unknown", provenance=Provenance())
    mistaken = random.uniform(size=truth.shape) < wrong
    named = np.where(mistaken, random.choice([TREE, CROP, WATER], truth.shape), truth)
    return scene, layer(named, grid), layer(truth, grid)


def lesson_of(scene, named, truth=None, confidence=None, source="world.tif"):
    reference = None if truth is None else Reference(truth, WORLDCOVER, "truth")
    return Lesson(
        scene, ClassMap(named, WORLDCOVER, confidence=confidence), reference, source, "none"
    )


# Blocks ------------------------------------------------------------------------------------------


def test_blocks_lie_apart_and_in_the_middle():
    # 90 = 2 x 32 + 1 gap of 8, 18 left over: 9 at each edge. 50 holds one, with 9 at each edge.
    assert lay_cells([(90, 50)], 32) == [Cell(0, 9, 9), Cell(0, 49, 9)]
    assert lay_cells([(31, 500)], 32) == []
    assert [c.lesson for c in lay_cells([(32, 32), (10, 10), (32, 32)], 32)] == [0, 2]


def test_blocks_are_dealt_out_once():
    cells = lay_cells([(400, 400)], 32)  # 10 x 10
    split = split_cells(cells, 0.15, seed=1)
    assert [len(split.train), len(split.validation), len(split.test)] == [70, 15, 15]
    assert sorted((*split.train, *split.validation, *split.test), key=cells.index) == cells
    assert split == split_cells(cells, 0.15, seed=1)
    assert split != split_cells(cells, 0.15, seed=2)


def test_of_many_images_whole_ones_are_held_out():
    split = split_cells(lay_cells([(100, 100)] * 10, 32), 0.1, seed=0)
    images = [
        {cell.lesson for cell in part} for part in (split.train, split.validation, split.test)
    ]
    assert [len(part) for part in images] == [8, 1, 1]
    assert not images[0] & images[1] | images[0] & images[2] | images[1] & images[2]


def test_too_few_blocks():
    with pytest.raises(UsageError, match=r"2 blocks.*--patch"):
        split_cells(lay_cells([(90, 50)], 32), 0.15, seed=0)


def test_what_teaches_nothing():
    scene, _, _ = world(shape=(24, 24))
    grid = utm_grid((24, 24))
    named = np.full((24, 24), TREE)
    named[0, :3], named[1] = (0, 255, 77), WATER  # unseen, unnamed, no class of the legend
    sure = np.full((24, 24), 200)
    sure[2, :3] = (119, 120, 255)  # 59.5 %, 60 %, nobody said
    lesson = lesson_of(scene, layer(named, grid), confidence=layer(sure, grid))
    found = read_targets(lesson, Cell(0, 0, 0), 24, WORLDCOVER, 0.6)
    np.testing.assert_array_equal(found[0, :4], [IGNORED, IGNORED, IGNORED, 0])
    np.testing.assert_array_equal(found[2, :4], [IGNORED, 0, IGNORED, 0])
    assert (found[1] == WORLDCOVER.codes.index(WATER)).all()


def test_a_map_of_a_part_of_the_image():
    scene, named, _ = world(shape=(96, 96))
    part = named[24:72, 12:60]
    cut = part_of(scene, ClassMap(part, WORLDCOVER), "image.tif")
    xr.testing.assert_identical(cut.red, scene.red[24:72, 12:60])
    moved = layer(part.values, utm_grid(part.shape, origin=(500_003.0, 5_200_000.0)))
    with pytest.raises(GridError, match=r"does not lie on the pixels of image\.tif"):
        part_of(scene, ClassMap(moved, WORLDCOVER), "image.tif")
    with pytest.raises(GridError, match="different grids"):
        lesson_of(scene, part)


def test_bands_and_legends_in_common():
    scene, named, _ = world(shape=(24, 24))
    narrow = lesson_of(scene.rename(nir="nir08").drop_vars("blue"), named)
    assert shared_bands([lesson_of(scene, named), narrow]) == ("green", "red", "nir")
    other = Lesson(scene, ClassMap(named, load_legend("water")), source="b")
    with pytest.raises(UsageError, match="'water'"):
        one_legend([narrow, other], ["a", "b"])
    with pytest.raises(UsageError, match="needs a map"):
        one_legend([], [])


@pytest.fixture
def run_folder(tmp_path):
    """The folder of a run over rows 24 to 96, columns 0 to 48 of an image in a file."""
    scene, named, truth = world(shape=(96, 72))
    image = tmp_path / "image.tif"
    names = list(SPECTRA[TREE])
    grid = geobox_of(scene)
    profile = {"driver": "GTiff", "dtype": "int16", "crs": str(grid.crs), "count": 5}
    with rasterio.open(image, "w", height=96, width=72, transform=grid.affine, **profile) as file:
        for number, name in enumerate(names, 1):
            file.write(np.round(scene[name].values * 10_000).astype("int16"), number)
            file.set_band_description(number, name)
        file.write(truth.values.astype("int16"), 5)
        file.set_band_description(5, "truth")
    folder = tmp_path / "run"
    config = LandcoverConfig(
        source=str(image), bands=names, scale=0.0001, offset=0, reference="band:truth"
    )
    with RunFolder(folder, config.identity()):
        pass
    part = geobox_of(named[24:, :48])
    with (
        MapWriter(folder / "landcover.tif", part, classes(WORLDCOVER)) as labels,
        MapWriter(folder / "confidence.tif", part, LAYERS["confidence"]) as sure,
    ):
        labels.write(slice(0, 72), slice(0, 48), named.values[24:, :48])
        sure.write(slice(0, 72), slice(0, 48), np.full((72, 48), 140, "uint8"))
    return folder, scene, named, truth


def test_a_run_is_opened_with_all_that_it_says(run_folder):
    folder, scene, named, truth = run_folder
    lesson = open_run(folder)
    assert lesson.shape == (72, 48)
    np.testing.assert_allclose(lesson.scene.red, scene.red[24:, :48], atol=1e-4)
    np.testing.assert_array_equal(lesson.named.labels, named[24:, :48])
    assert lesson.named.legend.codes == WORLDCOVER.codes
    np.testing.assert_array_equal(lesson.reference.labels, truth[24:, :48])
    targets = [read_targets(lesson, Cell(0, 8, 8), 32, WORLDCOVER, least) for least in (0.70, 0.71)]
    np.testing.assert_array_equal(np.array(WORLDCOVER.codes)[targets[0]], named.values[32:64, 8:40])
    assert (targets[1] == IGNORED).all()


def test_a_folder_that_is_no_run_of_land_cover(tmp_path, run_folder):
    with pytest.raises(UsageError, match=r"config\.yaml"):
        open_run(tmp_path / "nothing")
    (run_folder[0] / "landcover.tif").unlink()
    with pytest.raises(UsageError, match="holds no map of land cover"):
        open_run(run_folder[0])


def test_what_lies_around_a_block_is_read_too(run_folder):
    lesson = open_run(run_folder[0])
    whole = read_block(lesson, Cell(0, 0, 0), 48, ("red",), halo=100)
    part = read_block(lesson, Cell(0, 16, 16), 16, ("red",), halo=3)
    assert (part.row, part.column) == (16 - 3 - part_edge(lesson), 16 - 3 - part_edge(lesson))
    np.testing.assert_array_equal(part.bands["red"][part.core], whole.bands["red"][16:32, 16:32])


def part_edge(lesson):
    """Pixels beyond the halo that are read because a cloud there would hide pixels in it."""
    return edge_pixels(10.0) + 2


# Who is better -----------------------------------------------------------------------------------


def test_the_interval_of_a_lead_by_hand():
    right, wrong = [[10, 0, 0], [0, 10, 0]], [[0, 10, 0], [0, 10, 0]]
    # In every block of 20 pixels the student has 10 more right: the lead is 1/2, without spread.
    same = accuracy_interval(np.array([wrong] * 4), np.array([right] * 4), seed=0)
    assert same == pytest.approx((0.5, 0.5))
    # In one of two blocks it leads by 1/2, in the other it trails by 1/2.
    low, high = accuracy_interval(np.array([wrong, right]), np.array([right, wrong]), seed=0)
    assert (low, high) == pytest.approx((-0.5, 0.5))


def test_a_reference_in_other_words(tmp_path):
    """A student of WorldCover is scored against a reference of water: cropland is not water."""
    pytest.importorskip("torch", reason="needs the extra deep")
    scene, named, truth = world(shape=(72, 72))
    wet = np.where(truth.values == WATER, 2, 1)  # the codes of a map of water
    reference = Reference(layer(wet, utm_grid((72, 72))), load_legend("water"), "wet")
    lesson = Lesson(scene, ClassMap(named, WORLDCOVER), reference, "a", "none")
    config = LandcoverTrainConfig(out=tmp_path / "run", patch=16, epochs=1, device="cpu")
    run = train_landcover(config, lessons=[lesson])
    assert run.result.to_dict()["teacher"]["overall_accuracy"] == 1
    assert [c["name"] for c in run.result.to_dict()["teacher"]["classes"]] == ["not_water", "water"]


def telling(progress):
    return EngineOptions(progress=progress)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A teacher that mistakes a third of the pixels at random: its student need not."""
    pytest.importorskip("torch", reason="needs the extra deep")
    folder = tmp_path_factory.mktemp("training") / "run"
    config = LandcoverTrainConfig(
        out=folder, patch=32, epochs=6, batch=8, rate=3e-3, seed=2, device="cpu"
    )
    scene, named, truth = world(wrong=0.5)
    seen = []
    lessons = [lesson_of(scene, named, truth)]
    run = train_landcover(config, telling(lambda *step: seen.append(step[0])), lessons=lessons)
    return config, lessons, run, seen


def test_a_student_outgrows_the_noise_of_its_teacher(trained):
    _, _, run, seen = trained
    result = json.loads((run.folder / "result.json").read_text(encoding="utf-8"))
    assert result["verdict"] == BETTER
    assert result["teacher"]["overall_accuracy"] == pytest.approx(2 / 3, abs=0.02)
    assert result["student"]["overall_accuracy"] > 0.85
    assert result["difference"]["overall_accuracy_interval"][0] > 0
    assert result["agreement"] == pytest.approx(2 / 3, abs=0.1)
    assert result["blocks"] == {"side": 32, "train": 35, "validation": 7, "test": 7}
    assert set(seen) == {"read", "train", "judge"}


def test_what_a_training_leaves(trained):
    _, _, run, _ = trained
    assert {path.name for path in run.folder.iterdir()} == {
        "config.yaml", "finished.json", "history.csv", "ledger.jsonl", "learning.png",
        "model.obriy", "result.json",
    }  # fmt: skip
    with (run.folder / "history.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == run.result.to_dict()["epochs"]
    best = max(rows, key=lambda row: float(row["validation_mean_iou"]))
    assert int(best["epoch"]) == run.result.to_dict()["best_epoch"]
    card = student_method(f"student:{run.folder / 'model.obriy'}").card
    assert card.bands == ("blue", "green", "red", "nir")
    assert card.sources == ("world.tif",)
    assert card.pixel_m == 10


@pytest.mark.parametrize(("lang", "word"), [("en", "kept: 2"), ("uk", "взято: 2")])
def test_how_the_student_learnt_is_drawn(lang, word):
    history = [Epoch(n, 2.5 / n, 2.0, 0.25 * n, 0.2 * n, 1e-3, 1.0) for n in (1, 2, 3)]
    figure = learning_figure(history, 2, lang=lang)
    losses, share = figure.axes
    assert [line.get_ydata()[0] for line in losses.lines[:2]] == [2.5, 2.0]
    assert list(share.lines[1].get_ydata()) == pytest.approx([0.2, 0.4, 0.6])
    assert share.texts[0].get_text() == word
    assert to_png(figure)[:4] == b"\x89PNG"
    ticks = [label.get_text() for label in losses.get_yticklabels()]
    assert any("," in tick for tick in ticks) == (lang == "uk")


def test_the_student_maps_another_scene(trained):
    from obriy.workflows.landcover.job import map_landcover

    scene, _, truth = world(seed=9)
    found = map_landcover(scene, f"student:{trained[2].folder / 'model.obriy'}")
    assert (found.labels.values == truth.values).mean() > 0.85
    assert found.provenance.step("student")["learnt_from"] == ["world.tif"]


def test_pixels_of_another_size_are_told(trained, scene_of):
    from obriy.workflows.landcover.job import map_landcover

    plain = {name: np.full((4, 4), 0.1) for name in SPECTRA[TREE]}
    for metres, told in ((10.0, 0), (12.0, 0), (30.0, 1)):
        scene = scene_of(geobox=utm_grid((4, 4), metres), **plain)
        method = f"student:{trained[2].folder / 'model.obriy'}"
        warnings = map_landcover(scene, method).provenance.warnings
        assert len(warnings) == told
    assert "learnt from pixels of 10 m; these are 30 m" in warnings[0]
    assert text_of("uk").sentence(warnings[0]).startswith("Учень учився на пікселях 10 м")


def test_a_training_that_is_done_is_not_done_again(trained):
    config, lessons, run, _ = trained
    before = (run.folder / "model.obriy").stat().st_mtime_ns
    steps = []
    again = train_landcover(config, telling(lambda *step: steps.append(step)), lessons=lessons)
    assert again.result == run.result
    assert not steps
    assert (run.folder / "model.obriy").stat().st_mtime_ns == before


def test_a_changed_reference_is_judged_anew(run_folder, tmp_path):
    pytest.importorskip("torch", reason="needs the extra deep")
    folder, _, named, truth = run_folder
    config = LandcoverTrainConfig(
        runs=[folder], reference=str(tmp_path / "truth.tif"), out=tmp_path / "student", patch=16,
        epochs=1, device="cpu",
    )  # fmt: skip

    def accuracy_of_the_teacher():
        return train_landcover(config).result.to_dict()["teacher"]["overall_accuracy"]

    def write(codes):
        with MapWriter(tmp_path / "truth.tif", geobox_of(named), classes(WORLDCOVER)) as file:
            file.write(slice(0, 96), slice(0, 72), codes.astype("uint8"))

    write(truth.values)
    assert accuracy_of_the_teacher() == accuracy_of_the_teacher() == 1
    write(np.where(truth == WATER, TREE, WATER))
    assert accuracy_of_the_teacher() < 0.7
    ledger = (tmp_path / "student" / "ledger.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in ledger] == ["train", "judge", "judge"]


def test_without_a_reference_nobody_is_called_better(tmp_path):
    pytest.importorskip("torch", reason="needs the extra deep")
    config = LandcoverTrainConfig(out=tmp_path / "run", patch=16, epochs=1, device="cpu")
    scene, named, _ = world(shape=(72, 72))
    run = train_landcover(config, lessons=[lesson_of(scene, named)])
    assert run.result.verdict == UNKNOWN
    assert run.result.to_dict()["student"] is None
    assert 0 <= run.result.to_dict()["agreement"] <= 1


def test_a_teacher_without_fault_is_not_beaten(tmp_path):
    pytest.importorskip("torch", reason="needs the extra deep")
    config = LandcoverTrainConfig(out=tmp_path / "run", patch=16, epochs=1, device="cpu")
    scene, named, truth = world(shape=(72, 72))
    run = train_landcover(config, lessons=[lesson_of(scene, named, truth)])
    assert run.result.to_dict()["teacher"]["overall_accuracy"] == 1
    assert run.result.verdict == NOT_BETTER


def test_no_name_is_sure_enough(tmp_path):
    pytest.importorskip("torch", reason="needs the extra deep")
    config = LandcoverTrainConfig(out=tmp_path / "run", patch=16, epochs=1, least_confidence=0.9)
    scene, named, _ = world(shape=(72, 72))
    unsure = layer(np.full((72, 72), 100), utm_grid((72, 72)))
    with pytest.raises(InputError, match="--least-confidence"):
        train_landcover(config, lessons=[lesson_of(scene, named, confidence=unsure)])


@pytest.mark.parametrize(
    "values", [{"patch": 30}, {"patch": 8}, {"epochs": 0}, {"rate": 0}, {"device": "tpu"}]
)
def test_settings_that_cannot_be(values):
    with pytest.raises(ValueError, match=next(iter(values))):
        LandcoverTrainConfig(**values)


def test_scores_are_of_the_same_pixels(trained):
    result = trained[2].result.to_dict()
    assert result["student"]["merged"]["overall_accuracy"] > 0.85
    for name in ("teacher", "student"):
        confusion = np.array(result[name]["confusion"])
        unnamed = np.array(result[name]["unnamed"])[:, None]
        again = metrics(np.hstack([confusion, unnamed]))
        assert result[name]["overall_accuracy"] == pytest.approx(float(again["overall_accuracy"]))
        assert result[name]["pixels"] == 7 * 32 * 32


def test_a_block_fits_the_network():
    from obriy.nets.unet import STRIDE
    from obriy.workflows.config.landcover import LandcoverTrainConfig

    assert LandcoverTrainConfig(patch=2 * STRIDE).patch == 2 * STRIDE
    with pytest.raises(ValueError, match="multiple"):
        LandcoverTrainConfig(patch=2 * STRIDE + STRIDE // 2)
