"""What people who used `obriy landcover` ran into."""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from typer.testing import CliRunner

from obriy.cli.commands import app
from obriy.cli.show import Screen
from obriy.cli.show_landcover import landcover_lines
from obriy.errors import MissingExtraError, UsageError
from obriy.methods.clustering.parse import parse_clusterer
from obriy.model.legend import load_legend
from obriy.model.provenance import Provenance
from obriy.model.result.landcover import ClassRow, CoverTotal, LandcoverResult
from obriy.model.result.tables import CoverComparison, CoverRow
from test_landcover_command import run, truth, write_scene


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    return write_scene(tmp_path_factory.mktemp("user") / "scene.tif", truth())


def test_the_number_of_clusters_may_be_left_to_the_criterion(image, tmp_path):
    given = ["landcover", str(image), "--dry-run", "--out", str(tmp_path / "run")]
    auto = CliRunner().invoke(app, [*given, "--clusters", "auto"])
    assert auto.exit_code == 0, auto.output
    assert '"clusters": "auto"' in auto.output
    eight = CliRunner().invoke(app, [*given, "--clusters", "8"])
    assert '"clusters": 8' in eight.output


@pytest.mark.parametrize("method", ["autoencoder+kmeans", "unet+kmeans"])
def test_a_missing_torch_is_said_before_any_work(method, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"pip install .*\[deep\]"):
        parse_clusterer(method)


def test_a_picture_of_8_bits_is_not_named_by_reflectance(image, tmp_path):
    with rasterio.open(image) as file:
        numbers, profile, names = file.read(), file.profile, file.descriptions
    picture = tmp_path / "picture.tif"
    with rasterio.open(picture, "w", **profile | {"dtype": "uint8", "nodata": None}) as file:
        file.write(np.clip(numbers // 20, 1, 255).astype("uint8"))
        file.descriptions = names
    done = run(tmp_path, source=str(picture), clusters=4, outputs=["landcover"])
    assert {c["name"] for c in done.result.to_dict()["clusters"]} == {"unknown"}
    assert done.result.to_dict()["problems"][0].startswith("None of the 4 clusters got a name")
    assert "no reflectance" in done.result.to_dict()["problems"][1]
    assert not done.complete
    said = run(
        tmp_path / "scaled", source=str(picture), clusters=4, outputs=["landcover"], scale=0.002
    ).result.to_dict()  # fmt: skip
    assert "unknown" not in {c["name"] for c in said["clusters"]}


def test_a_person_is_told_which_table_to_fill_in(image, tmp_path):
    done = run(tmp_path, source=str(image), clusters=4, outputs=["landcover"], labellers="human")
    assert done.result.problems == [
        "None of the 4 clusters got a name: the whole map is unknown.",
        "human: waiting for a person to fill in names.csv (4 of 4 clusters)",
    ]
    assert not done.complete
    assert (tmp_path / "run" / "names.csv").samefile(done.result.outputs["names"])
    assert "Clusters: 4, named: 0" in "\n".join(landcover_lines(done.result))


def test_a_name_that_is_corrected_changes_no_other(image, tmp_path):
    """Though the labeller would answer otherwise by now: its votes are those of the record."""
    options = {"source": str(image), "clusters": 4, "outputs": ["landcover"], "rounds": 1}
    panel = {**options, "labellers": "spectral,human", "lang": "uk"}
    first = run(tmp_path, **panel)
    assert first.result.problems == [
        "human: waiting for a person to fill in names.csv"
        f" ({len(first.result.clusters)} of {len(first.result.clusters)} clusters)"
    ]
    sheet, record = tmp_path / "run" / "names.csv", tmp_path / "run" / "panel.json"
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    parts = {part for entry in first.result.rounds if entry["action"] == "split"
             for part in [entry["cluster"]]}  # fmt: skip
    assert not parts & {int(row["cluster"]) for row in rows}, "what was split is not asked about"
    names = {c.code: c.called("uk") for c in load_legend("worldcover")}
    assert {row["name_now"] for row in rows} <= set(names.values())

    answers = json.loads(record.read_text())
    for one in answers["answers"]:
        if one["labeller"] == "spectral":  # as an older version might have said
            one.update(said="moss_and_lichen", normalised="exact", code=100, second=None)
    record.write_text(json.dumps(answers))
    rows[0]["class"] = "snow_and_ice"
    with sheet.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)
    again = run(tmp_path, **panel)
    assert again.complete
    named = {row.id: row for row in again.result.clusters}
    changed = named.pop(int(rows[0]["cluster"]))
    assert (changed.name, changed.agreement) == ("snow_and_ice", 0.5), "spectral does not agree"
    assert {row.name for row in named.values()} == {"moss_and_lichen"}


def test_a_panel_that_named_nothing_is_no_complete_run(image, tmp_path):
    options = {"source": str(image), "clusters": 3, "rounds": 0}
    first = run(tmp_path, **options, outputs=["landcover"])
    assert first.complete
    assert first.result.problems == []
    record = json.loads((tmp_path / "run" / "panel.json").read_text())
    nothing = {"said": "unknown", "code": 255, "confidence": 0.0, "second": None}
    for answer in record["answers"]:
        answer.update(nothing, probabilities={}, labeller="<script>alert(1)</script>")
    abstained = tmp_path / "abstained.json"
    abstained.write_text(json.dumps(record))
    done = run(tmp_path / "again", **options, replay=str(abstained), lang="uk")
    assert {c["name"] for c in done.result.to_dict()["clusters"]} == {"unknown"}
    assert done.result.problems == ["None of the 3 clusters got a name: the whole map is unknown."]
    assert done.result.warnings[0] == done.result.to_dict()["problems"][0]
    assert not done.complete
    assert landcover_lines(done.result)[0] == "No cluster got a name."
    page = Path(done.result.outputs["report"]).read_text()
    assert '<p class="value unknown">Жоден кластер не дістав назви</p>' in page
    assert "<script>alert" not in page  # who was asked is told, and nothing of it runs
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_what_is_said_of_rounds_counts_each_cluster_once(image, tmp_path):
    done = run(tmp_path, source=str(image), clusters=3, outputs=["landcover"])
    record = json.loads((tmp_path / "run" / "panel.json").read_text())
    lost = done.result.to_dict()["clusters"][0]["id"]
    record["answers"] = [a for a in record["answers"] if a["cluster"] != lost]
    partly = tmp_path / "partly.json"
    partly.write_text(json.dumps(record))
    options = {"source": str(image), "clusters": 3, "outputs": ["landcover"]}
    again = run(tmp_path / "again", **options, replay=str(partly))
    total = len(again.result.to_dict()["clusters"])
    assert again.result.problems == [f"spectral: the record has no answer (1 of {total} clusters)"]
    assert not again.complete


def test_clouds_that_nothing_knows_of_are_said(image, tmp_path):
    options = {"clusters": 4, "rounds": 0, "outputs": ["landcover"], "clouds": "flags"}
    done = run(tmp_path, source=str(image), **options)
    assert any("clouds" in warning for warning in done.result.warnings)


def test_the_table_of_a_comparison_says_what_splits_and_merges_made(capsys):
    row = {"method": "kmeans", "status": "ok", "reason": "", "seconds": 1.0}
    scores = ("overall_accuracy", "ceiling_overall_accuracy", "mean_iou", "ceiling_mean_iou",
              "merged_overall_accuracy")  # fmt: skip
    row |= dict.fromkeys(scores)
    rows = [row | {"clusters": asked, "found": found} for asked, found in ((8, 9), (12, 3), (4, 4))]
    rows[2]["reason"] = "human: waiting (4 of 4 clusters)"
    found = CoverComparison(
        reference="", rows=[CoverRow(**row) for row in rows], provenance=Provenance()
    )
    Screen(quiet=False).summary(found)
    said = capsys.readouterr().out
    assert "8 → 9" in said
    assert "12 → 3" in said
    assert "9 of 8" not in said
    assert "kmeans 4: human: waiting (4 of 4 clusters)" in said


def test_the_terminal_says_which_district_a_class_is_of():
    north, south = (
        ClassRow(share=0.5, area_km2=2.0, code=80, name="water", district=name)
        for name in ("North", "South")
    )
    result = LandcoverResult(
        method="kmeans", legend="", unseen_share=0.0, clusters=[], classes=[north, south],
        total=CoverTotal(district="all", classes=[north]), decision={}, provenance=Provenance(),
    )  # fmt: skip
    first, second, *_ = landcover_lines(result)
    assert first.startswith("North: water: 50.0%")
    assert second.startswith("South: water: 50.0%")


def test_folders_called_like_a_method_and_a_labeller_are_in_nobodys_way(
    image, tmp_path, monkeypatch
):
    for name in ("kmeans", "spectral", "worldcover"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    done = run(tmp_path, source=str(image), clusters=4, rounds=0, outputs=["landcover"])
    assert done.result.method == "kmeans"
    assert done.result.to_dict()["clusters"][0]["votes"][0]["labeller"] == "spectral"


@pytest.mark.parametrize("number", ["0", "1", "200"])
def test_numbers_of_clusters_that_cannot_be_are_refused(image, number):
    given = ["landcover", str(image), "--clusters", number]
    done = CliRunner().invoke(app, given)
    assert isinstance(done.exception, UsageError)
    assert "--clusters" in str(done.exception)


def test_names_from_one_band_are_called_guesses(image, tmp_path):
    with rasterio.open(image) as file:
        green, profile = file.read(2), file.profile
    alone = tmp_path / "green.tif"
    with rasterio.open(alone, "w", **profile | {"count": 1}) as file:
        file.write(green, 1)
    done = run(
        tmp_path, source=str(alone), bands="green", scale=1e-4, clusters=4, outputs=["landcover"]
    )
    assert any("guesses" in warning for warning in done.result.warnings)


def test_what_the_expert_was_not_fitted_on_is_said(image, tmp_path):
    """A scene of the same ground at 60 m, and the sky of the top of the atmosphere over it."""
    with rasterio.open(image) as file:
        planes, profile = file.read(), file.profile
    coarse = Affine(60, 0, 5e5, 0, -60, 5.2e6)
    air = np.array([600, 350, 180, 70, 0, 0], "uint16")[:, None, None]
    with rasterio.open(tmp_path / "far.tif", "w", **profile | {"transform": coarse}) as file:
        file.write(np.where(planes > 0, planes + air, 0).astype("uint16"))
    given = {"bands": "blue,green,red,nir,swir16,swir22", "scale": 1e-4, "clusters": 4}
    done = run(tmp_path, source=str(tmp_path / "far.tif"), outputs=["landcover"], **given)
    assert any("these are 60 m" in warning for warning in done.result.warnings)
    assert any("atmosphere" in warning for warning in done.result.warnings)


def test_noise_is_a_map_without_names(image, tmp_path):
    with rasterio.open(image) as file:
        profile = file.profile
    noise = np.random.default_rng(0).integers(500, 5000, (6, 96, 128)).astype("uint16")
    with rasterio.open(tmp_path / "noise.tif", "w", **profile) as file:
        file.write(noise)
    given = {"bands": "blue,green,red,nir,swir16,swir22", "scale": 1e-4, "clusters": 4}
    done = run(tmp_path, source=str(tmp_path / "noise.tif"), outputs=["landcover"], **given)
    assert {cluster.code for cluster in done.result.clusters} == {255}
    assert any("noise" in problem for problem in done.result.problems)
