"""Names that a person gives clusters on the page: map, areas and scores follow."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio

from obriy.errors import InputError, UsageError
from obriy.labelling.minutes import read_minutes
from obriy.runs.folder import CONFIG, config_text
from obriy.runs.result_file import read_result
from obriy.web.pages.runs import SAMPLES
from obriy.workflows.config.base import make_config
from obriy.workflows.config.landcover import LandcoverConfig
from obriy.workflows.jobs import JOBS, read_config, run_job
from obriy.workflows.landcover.correcting import correct_names, names_by_hand

STEP = '"step": "clusters'


def again(folder, names, records):
    """Make a run again as the page does: its configuration first, then the run."""
    config = correct_names(read_config(folder), folder, names, records)
    (folder / CONFIG).write_text(config_text(config.anchored().identity()), "utf-8")
    return run_job(config.model_copy(update={"out": folder})).result


@pytest.fixture(scope="module")
def cover(tmp_path_factory):
    folder = tmp_path_factory.mktemp("names") / "cover"
    values = {
        "source": "simulated:?size=96", "out": folder, "clusters": "5", "reference": None,
        "outputs": ["landcover", "clusters"],
    }  # fmt: skip
    run_job(make_config(LandcoverConfig, {k: v for k, v in values.items() if v is not None}))
    return folder


def codes(folder, number):
    with rasterio.open(folder / "clusters.tif") as file:
        there = file.read(1) == number
    with rasterio.open(folder / "landcover.tif") as file:
        return np.unique(file.read(1)[there]).tolist(), int(there.sum())


def test_map_areas_and_votes_follow_a_persons_name(cover, tmp_path):
    first = read_result(cover)
    before = {row.id: row.code for row in first.clusters}
    ledger = (cover / "ledger.jsonl").read_text().count(STEP)
    largest = first.clusters[0]
    other = "bare" if largest.name != "bare" else "grassland"
    result = again(cover, {largest.id: other}, tmp_path)

    code = next(row.code for row in result.clusters if row.id == largest.id)
    found, pixels = codes(cover, largest.id)
    assert found == [code]
    assert code == {"bare": 60, "grassland": 30}[other]
    rest = {row.id: row.code for row in result.clusters if row.id != largest.id}
    assert rest == {number: before[number] for number in rest}
    assert {row.id for row in result.clusters} == set(before)  # nothing was split
    assert names_by_hand(result) == {largest.id: other}
    area = next(row.area_km2 for row in result.total.classes if row.code == code)
    assert area >= pixels * 100 / 1e6 * 0.999  # 10 m; geodesic, not planar
    assert result.failed == []
    assert (cover / "ledger.jsonl").read_text().count(STEP) == ledger  # not clustered anew

    assert [row.code for row in again(cover, {}, tmp_path).clusters] == list(before.values())


def test_who_was_paid_is_not_asked_again(cover, tmp_path):
    """A panel with a model that looks is repeated from its record: no key, no call is needed."""
    config = read_config(cover)
    folder = tmp_path / "run"
    folder.mkdir()
    record = json.loads((cover / "panel.json").read_text("utf-8"))
    kept = [a for a in record["answers"] if a["labeller"] == "spectral"]
    record["answers"] = [a | {"labeller": "openai:gpt"} for a in kept]
    record["notices"], record["problems"] = [], []
    (folder / "panel.json").write_text(json.dumps(record), "utf-8")
    (folder / "result.json").write_bytes((cover / "result.json").read_bytes())
    paid = config.model_copy(update={"labellers": ["openai:gpt"]})
    number = read_result(cover).clusters[0].id
    asked = correct_names(paid, folder, {number: "water"}, tmp_path)
    said, person = asked.labellers
    assert person == "human"
    answers = read_minutes(tmp_path / said.rpartition("/")[2]).answers
    assert {a.labeller for a in answers} == {"openai:gpt"}
    assert len(answers) == len(kept)


@pytest.mark.parametrize(
    ("names", "labellers", "words"),
    [
        ({99: "water"}, ["spectral"], "no cluster 99"),
        ({}, ["human:there.csv"], r"stand in there\.csv"),
        ({1: "sea"}, ["spectral"], "no class 'sea'"),
    ],
)
def test_what_cannot_be_named_is_refused(cover, tmp_path, names, labellers, words):
    number = read_result(cover).clusters[0].id
    asked = {number if key == 1 else key: name for key, name in names.items()}
    config = read_config(cover).model_copy(update={"labellers": labellers})
    with pytest.raises((UsageError, InputError), match=words):
        correct_names(config, cover, asked, tmp_path)


def test_the_sample_of_the_page_is_named_as_in_the_demo():
    """Two votes: the expert's, and what stands in the record that is shipped, about 12 clusters."""
    job, options = SAMPLES["try_cover"]
    config = make_config(JOBS[job].config, {**options, "lang": "en"}).anchored()
    expert, record = config.panel()
    assert expert == "spectral"
    minutes = read_minutes(Path(record.removeprefix("replay:")))
    assert len({answer.cluster for answer in minutes.answers}) == config.clusters == 12
