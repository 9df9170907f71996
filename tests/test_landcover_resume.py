"""What a run of land cover takes up again, and what it must do anew; what its record says."""

import json
import os
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely

from obriy.errors import UsageError
from obriy.labelling.budget import Budget, parse_budget
from obriy.workflows.config.base import make_config
from obriy.workflows.config.ice import IceConfig
from obriy.workflows.config.landcover import LandcoverCompareConfig, LandcoverConfig
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.jobs import read_config, run_job
from obriy.workflows.learn.landcover_lessons import open_run
from test_landcover_command import run, truth, write_codes, write_scene

OWN = "code,name,colour\n1,water,{water}\n2,tree_cover,#006400\n3,bare,#b4b4b4\n"
CODES = {80: 2, 10: 1, 60: 1}  # of a mask of water (GSW: 1 is not water, 2 is) by WorldCover's


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    return write_scene(tmp_path_factory.mktemp("resume") / "scene.tif", truth())


def ledger(folder):
    lines = (folder / "ledger.jsonl").read_text().splitlines()
    return [json.loads(line)["step"] for line in lines]


def test_another_legend_file_of_the_same_name_makes_the_map_anew(image, tmp_path):
    legend = tmp_path / "mine.csv"
    common = {"source": str(image), "clusters": 4, "rounds": 0, "outputs": ["landcover"]}
    for water in ("#0000ff", "#00ffff"):
        legend.write_text(OWN.format(water=water))
        run(tmp_path, **common, legend=str(legend))
    assert ledger(tmp_path / "run") == ["clusters 0", "landcover", "landcover"]
    with rasterio.open(tmp_path / "run" / "landcover.tif") as file:
        assert file.colormap(1)[1][:3] == (0, 255, 255)


def test_a_comparison_scores_anew_where_the_reference_changed(image, tmp_path):
    reference = write_codes(tmp_path / "worldcover.tif", truth())
    config = make_config(
        LandcoverCompareConfig,
        {"source": str(image), "methods": "kmeans", "clusters": "3", "reference": str(reference),
         "out": tmp_path / "compare"},
    )  # fmt: skip
    first = run_job(config).result.to_dict()
    again = run_job(config).result.to_dict()
    assert again["rows"] == first["rows"]  # the seconds too: nothing was done twice
    write_codes(reference, np.where(truth() == 10, 60, 10).astype("uint8"))
    os.utime(reference, ns=(0, 0))  # however coarse the clock of the file system is
    changed = run_job(config).result.to_dict()
    assert changed["rows"][0]["overall_accuracy"] < first["rows"][0]["overall_accuracy"]
    assert changed["provenance"]["inputs"][0]["href"] == str(image)


def test_the_maps_of_a_comparison_share_its_budget(image, tmp_path):
    reference = write_codes(tmp_path / "worldcover.tif", truth())
    values = {
        "source": str(image), "methods": "kmeans", "clusters": "2,3,4", "rounds": 0,
        "reference": str(reference), "budget": "calls=10,usd=1.5", "out": tmp_path / "compare",
    }  # fmt: skip
    run_job(make_config(LandcoverCompareConfig, values))
    for clusters in (2, 3, 4):
        config = read_config(tmp_path / "compare" / f"kmeans-{clusters}" / "config.yaml")
        assert isinstance(config, LandcoverConfig)
        assert parse_budget(config.budget) == Budget(calls=3, usd=0.5)


def test_a_weighted_panel_is_repeated_with_its_weights(image, tmp_path):
    weighted = {
        "source": str(image), "clusters": 4, "vote": "weighted", "reliability": "spectral=0.8",
    }  # fmt: skip
    first = run(tmp_path, **weighted).result.to_dict()
    panel = str(tmp_path / "run" / "panel.json")
    again = run(tmp_path / "replay", **weighted, replay=panel).result.to_dict()
    assert again["clusters"] == first["clusters"]
    step = next(s for s in first["provenance"]["steps"] if s["name"] == "naming")
    assert step["rule"] == "weighted"
    assert step["legend"] == "worldcover"
    # ln(0.8 x 10 / 0.2), the odds against a guess among eleven classes
    assert step["weights"]["spectral"] == pytest.approx(3.689, abs=1e-3)
    with pytest.raises(UsageError, match="spektral"):
        run(tmp_path / "x", **{**weighted, "reliability": "spektral=0.8"}, replay=panel)


def test_a_run_is_a_lesson_with_the_codes_of_its_reference(image, tmp_path):
    mask = np.vectorize(CODES.get)(truth()).astype("uint8")
    reference = write_codes(tmp_path / "mask.tif", mask)
    run(
        tmp_path, source=str(image), clusters=4, legend="water", reference=str(reference),
        reference_legend="gsw", outputs=["landcover"],
    )  # fmt: skip
    lesson = open_run(tmp_path / "run")
    assert lesson.reference is not None
    assert (lesson.reference.labels.to_numpy() == mask).all()
    assert any("As the user said" in note for note in lesson.reference.notes)


def test_what_was_unseen_is_told_of_the_districts(tmp_path):
    missing = np.zeros(truth().shape, bool)
    missing[:, :64] = True  # the western half of 1280 m
    image = write_scene(tmp_path / "half.tif", truth(), missing=missing)
    boxes = {
        name: shapely.box(5e5 + a, 5.2e6 - 960, 5e5 + b, 5.2e6)
        for name, a, b in (("hidden", 0, 500), ("clear", 740, 1240))
    }
    frame = gpd.GeoDataFrame({"name": list(boxes)}, geometry=list(boxes.values()), crs="EPSG:32636")
    frame.to_file(tmp_path / "districts.gpkg")
    done = run(
        tmp_path, source=str(image), clusters=3, aoi=str(tmp_path / "districts.gpkg"),
        outputs=["landcover"],
    )  # fmt: skip
    assert {row["district"] for row in done.result.to_dict()["classes"]} == {"clear"}
    told = {row["district"]: row for row in done.result.to_dict()["districts"]}
    assert told["hidden"]["status"] == "skipped"
    assert told["hidden"]["reason"]
    assert told["clear"]["unseen_share"] == 0
    assert done.result.unseen_share == pytest.approx(0.5, abs=1e-3)
    assert not done.complete
    assert any(w.startswith("hidden: Nothing") for w in done.result.warnings)


def test_paths_are_anchored_and_names_are_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "worldcover").mkdir()  # where somebody keeps reference maps
    for name in ("student.pt", "panel.json", "mine.csv"):
        Path(name).write_text("")
    config = LandcoverConfig(
        method="student:student.pt", labellers=["replay:panel.json", "spectral"]
    ).anchored()
    assert config.legend == "worldcover"
    assert config.method == f"student:{tmp_path / 'student.pt'}"
    assert config.labellers == [f"replay:{tmp_path / 'panel.json'}", "spectral"]
    for name in ("auto", "none", "clear"):
        Path(name).mkdir()
    ice = IceConfig(land="none").anchored()
    assert (ice.land, ice.clouds) == ("none", "auto")
    assert IceConfig(land="mine.csv").anchored().land == str(tmp_path / "mine.csv")
    assert WaterConfig(weights="clear").anchored().weights == "clear"
    assert LandcoverConfig(legend="mine.csv").anchored().legend == str(tmp_path / "mine.csv")
